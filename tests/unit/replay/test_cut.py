import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.replay.cut import cut, join, regroup

METADATA = {"display_phone_number": "15550001111", "phone_number_id": "1"}
CONTACTS = [{"wa_id": "16505550101", "profile": {"name": "Ana"}}]


def body(*changes: dict[str, Any], **entry: Any) -> bytes:
    return json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "2", **entry, "changes": changes}]}
    ).encode()


def messages(**value: Any) -> dict[str, Any]:
    return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": METADATA, **value}}


def values(updates: Any) -> list[Any]:
    return [update.change["value"] for update in updates]


def test_each_element_keeps_what_stood_around_it():
    updates = cut(
        body(messages(contacts=CONTACTS, messages=[{"id": "m1"}, {"id": "m2"}], statuses=[{"id": "s1"}]), time=7)
    )

    around = {"messaging_product": "whatsapp", "metadata": METADATA, "contacts": CONTACTS}
    assert values(updates) == [
        {**around, "messages": [{"id": "m1"}]},
        {**around, "messages": [{"id": "m2"}]},
        {**around, "statuses": [{"id": "s1"}]},
    ]
    assert all(update.entry == {"id": "2", "time": 7} for update in updates or ())
    assert all(update.change["field"] == "messages" for update in updates or ())


def test_what_is_in_no_list_of_elements_stays_together():
    updates = cut(body(messages(messages=[{"id": "m1"}], future=[{"a": 1}, {"b": 2}], more=3)))

    around = {"messaging_product": "whatsapp", "metadata": METADATA}
    assert values(updates) == [
        {**around, "future": [{"a": 1}, {"b": 2}], "more": 3},
        {**around, "messages": [{"id": "m1"}]},
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"field": "account_update", "value": {"event": "DISABLED_UPDATE", "errors": [{"code": 1}, {"code": 2}]}},
        {"field": "messages", "value": None},
        {"field": "messages", "value": {"metadata": METADATA, "contacts": CONTACTS}},
        {"field": "messages", "value": {"metadata": METADATA, "messages": []}},
    ],
)
def test_a_change_without_elements_is_one_update(change):
    updates = cut(body(change))

    assert [update.change for update in updates or ()] == [change]


@pytest.mark.parametrize(
    "odd",
    [b"", b"\xff", b"[]", b"3", b'{"entry": 1}', b'{"entry": [1]}', b'{"entry": [{"changes": [{}]}]}', b"[" * 100_000],
)
def test_what_has_not_a_webhooks_shape_cannot_be_cut(odd):
    assert cut(odd) is None


def test_neighbours_of_one_entry_share_it():
    one = cut(body(messages(messages=[{"id": "m1"}, {"id": "m2"}])))
    other = cut(body(messages(messages=[{"id": "m3"}]), id="3"))
    assert one and other

    joined = json.loads(join([*one, *other]))

    assert [(entry["id"], len(entry["changes"])) for entry in joined["entry"]] == [("2", 2), ("3", 1)]


@given(
    st.lists(st.lists(st.sampled_from(["messages", "statuses", "calls"]), max_size=6), max_size=8),
    st.integers(0, 1000),
    st.integers(1, 7),
)
def test_nothing_is_lost_or_added_however_it_is_cut_and_put_together(files, seed, largest):
    count = 0
    updates = []
    for kinds in files:
        elements: dict[str, Any] = {}
        for kind in kinds:
            elements.setdefault(kind, []).append({"id": f"{kind}-{count}"})
            count += 1
        updates += cut(body(messages(**elements), time=len(kinds))) or []

    bodies = list(regroup(updates, Random(seed), largest))  # noqa: S311 - an order, not a secret

    again = [update for each in bodies for update in cut(each) or []]
    assert sorted(map(repr, again)) == sorted(map(repr, updates))
    assert all(1 <= len(cut(each) or ()) <= largest for each in bodies)
    assert bodies == list(regroup(updates, Random(seed), largest))  # noqa: S311 - an order, not a secret
