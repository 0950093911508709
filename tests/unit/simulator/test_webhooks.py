"""The webhook queue by itself: what shuffling, repeating and batching may not change."""

import json
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.simulator.webhooks import RETRY_DELAYS, Update, Webhooks, encode, envelope, merge

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)
steps = st.lists(st.sampled_from(["shuffle", "batch", "merge", "deliver"]), max_size=6)


@given(values)
def test_what_is_encoded_is_ascii_without_a_bare_slash_and_means_the_same(value: Any) -> None:
    body = encode(value)

    assert body.isascii()
    assert b"/" not in body.replace(b"\\/", b"")
    assert json.loads(body) == value


def test_lone_surrogates_and_nulls_are_written_as_meta_writes_them() -> None:
    assert encode("\ud83d \x00 é") == rb'"\ud83d \u0000 \u00e9"'


@given(
    count=st.integers(1, 12),
    order=st.randoms(use_true_random=False),
    doing=steps,
    answers=st.lists(st.sampled_from([200, 500]), max_size=len(RETRY_DELAYS)),  # one more, and a webhook is given up
)
def test_no_disorder_loses_an_update(count: int, order: Random, doing: list[str], answers: list[int]) -> None:
    delivered: list[int] = []

    def deliver(body: bytes, _headers: Any) -> int:
        status = answers.pop() if answers else 200
        if status == 200:
            changes = [change for entry in json.loads(body)["entry"] for change in entry["changes"]]
            delivered.extend(message["id"] for change in changes for message in change["value"]["messages"])
        return status

    queue = Webhooks("secret", deliver, lambda: 0.0, order)
    for number in range(count):
        value = {"metadata": {"phone_number_id": str(number % 2)}, "messages": [{"id": number}]}
        queue.add(Update("1", "messages", value, None))
    for step in doing:
        if step == "shuffle":
            queue.shuffle()
        elif step == "deliver":
            queue.deliver_pending()
        else:
            queue.batch(3, one_value=step == "merge")
    while queue.pending:
        queue.deliver_pending()

    assert sorted(delivered) == list(range(count))


def test_updates_of_different_times_have_entries_of_their_own() -> None:
    updates = [Update("1", "flows", {}, 5), Update("1", "flows", {}, 5), Update("1", "flows", {}, 6)]

    assert [(entry["time"], len(entry["changes"])) for entry in envelope(updates)["entry"]] == [(5, 2), (6, 1)]


def test_merging_leaves_the_originals_alone() -> None:
    first, second = (Update("1", "messages", {"metadata": {}, "messages": [number]}, None) for number in (1, 2))

    assert [update.value["messages"] for update in merge([first, second])] == [[1, 2]]
    assert first.value["messages"] == [1]
