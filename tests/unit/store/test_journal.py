"""The journal gives every event one number, whoever writes, and however often."""

import base64
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.events import Event, Numbered, event_id
from casement.store.journal import UNSURE_MS, Journal
from casement.store.table import Table
from tests.support.effort import examples
from tests.support.memory import memory
from tests.support.tables import create_table, snapshot

NOON, MINUTE, DAY = 1_795_000_000_000, 60_000, 86_400_000
SCOPE, OTHER = "1#US.1", "1#16505550101"


def event(name: str, at: int = NOON, **data: Any) -> Event:
    return Event(event_id("message.received", at, name), "message.received", at, {"name": name, **data}, "1", "US.1")


class Desk:
    """Journals of several processes on one table, and the calls that they make."""

    def __init__(self) -> None:
        self.client = memory()
        self.table = Table(self.client, create_table(self.client))
        self.calls: list[str] = []
        self.client.meta.events.register("before-call.dynamodb", lambda model, **_: self.calls.append(model.name))

    def journal(self) -> Journal:
        """That of another process."""
        return Journal(self.table)

    @contextmanager
    def before_a_put(self, do: Any) -> Iterator[None]:
        """Inside, do something before the first put."""

        def step_in(**_: Any) -> None:
            self.client.meta.events.unregister("before-call.dynamodb.PutItem", step_in)
            do()

        self.client.meta.events.register("before-call.dynamodb.PutItem", step_in)
        yield


@pytest.fixture
def desk() -> Desk:
    return Desk()


def write(journal: Journal, *events: Event, now: int = NOON, since: int = NOON, **more: Any) -> list[Numbered]:
    return journal.append(more.pop("scope", SCOPE), events, since=since, now=now, **more)


def told(journal: Journal, *events: Event, now: int = NOON, **more: Any) -> list[Numbered]:
    """Write, and put on the queue."""
    found = write(journal, *events, now=now, **more)
    if found:
        journal.is_told(more.get("scope", SCOPE), [one.sequence for one in found])
    return found


def names(numbered: Iterable[Numbered]) -> str:
    return "".join(one.event.data["name"] for one in numbered)


def test_numbers_rise_by_one(desk):
    journal = desk.journal()

    found = [*told(journal, event("a"), event("b")), *told(journal, event("c"))]

    first = found[0].sequence
    assert first > NOON
    assert first % 100_000 == 0
    assert [(one.sequence - first, one.event.data["name"]) for one in found] == [(0, "a"), (1, "b"), (2, "c")]


def test_what_is_written_again_has_the_number_that_it_had(desk):
    first = write(desk.journal(), event("a"), event("b"))

    again = write(desk.journal(), event("b"), event("a"), event("c"), now=NOON + MINUTE)

    assert again[:2] == first
    assert names(again) == "abc"


def test_what_is_surely_on_the_queue_is_not_told_again(desk):
    journal = desk.journal()
    told(journal, event("a"))

    assert names(write(journal, event("a"), event("b"))) == "b"


def test_what_somebody_may_have_died_over_is_told_before_what_comes_next(desk):
    write(desk.journal(), event("a"))  # and nobody knows whether it got any further
    survivor = desk.journal()

    assert names(told(survivor, event("b"), now=NOON + UNSURE_MS)) == "ab"
    assert names(told(survivor, event("c"), now=NOON + UNSURE_MS)) == "c"


def test_what_is_long_gone_is_not(desk):
    write(desk.journal(), event("a"))

    assert names(write(desk.journal(), event("b"), now=NOON + UNSURE_MS + 1, since=NOON + UNSURE_MS)) == "b"


def test_what_is_long_gone_is_told_again_by_whoever_has_to_do_it_again(desk):
    write(desk.journal(), event("a"))
    for number in range(9):
        told(desk.journal(), event(str(number)), now=NOON + (number + 1) * UNSURE_MS)

    late = NOON + 10 * UNSURE_MS + MINUTE

    assert names(write(desk.journal(), event("a"), event("b"), now=late)) == "ab"


def test_what_the_queue_did_not_take_for_minutes_is_told_by_one_who_has_told_what_came_after_it(desk):
    write(desk.journal(), event("a"), event("b"))  # and the queue does not answer
    survivor, late = desk.journal(), NOON + UNSURE_MS + MINUTE

    assert names(told(survivor, event("c"), now=late, since=late)) == "c"
    assert names(told(survivor, event("a"), event("b"), now=late)) == "ab"  # the stream gives it once more
    assert names(told(survivor, event("a"), event("d"), now=late)) == "d"


def test_a_number_is_taken_once(desk):
    mine, theirs = desk.journal(), desk.journal()
    told(mine, event("a"))

    with desk.before_a_put(lambda: write(theirs, event("b"), event("c"))):
        found = write(mine, event("d"))

    assert names(found) == "bcd"
    assert [one.sequence - found[0].sequence for one in found] == [0, 1, 2]
    assert names(reversed(list(mine.events(SCOPE)))) == "abcd"


def test_two_who_begin_at_one_time_do_not_meet(desk):
    mine, theirs = desk.journal(), desk.journal()
    eve = NOON // 100_000 * 100_000 + 99_999

    with desk.before_a_put(lambda: write(theirs, event("a"), event("b"), now=eve + 1)):
        write(mine, event("c"), now=eve)

    kept = list(mine.events(SCOPE))
    assert len({one.sequence for one in kept}) == 3
    assert names(told(desk.journal(), event("d"), now=eve + 2))[-1] == "d"


def test_a_conversation_that_is_known_by_another_name_goes_on_above(desk):
    journal = desk.journal()
    old = told(journal, *[event(str(number)) for number in range(9)], scope=OTHER)

    (new,) = write(journal, event("a"), others=[OTHER, SCOPE])

    assert new.sequence > old[-1].sequence


def test_one_that_was_silent_until_all_was_forgotten_begins_above_what_it_had(desk):
    (old,) = told(desk.journal(), event("a"))
    (new,) = told(Desk().journal(), event("b"), now=NOON + 31 * DAY)

    assert new.sequence > old.sequence + 1_000


def test_what_is_too_large_for_one_item_is_several(desk):
    noise = Random(3)  # noqa: S311 - so that nothing can be made of it
    large = [event(name, noise=noise.randbytes(150_000).hex()) for name in "abcd"]

    found = write(desk.journal(), *large)

    assert names(found) == "abcd"
    assert desk.calls.count("PutItem") > 1
    assert names(desk.journal().events(SCOPE)) == "dcba"
    assert names(write(desk.journal(), *large)) == "abcd"


def test_the_largest_of_what_meta_can_have_said_fits_into_one_item(desk):
    """What an item can't take would hold up all that comes behind it in the stream."""
    large = base64.b64encode(Random(1).randbytes(250_000)).decode()  # noqa: S311 - no secret
    element = {"id": "wamid.1", "status": "failed", "errors": [{"code": 1, "message": large}]}
    status = replace(
        event("status"),
        data={"name": "s", "errors": element["errors"], "meta": element},
        meta={"field": "messages", "element": element, "key": "statuses"},
    )
    answers = {"photo": large, "n": 1.0, "b": True}
    text = json.dumps({"flow_token": "t", **answers})
    form = replace(event("form"), type="flow.submitted", data={"name": "f", "answers": answers, "response_json": text})

    assert names(told(desk.journal(), status, form)) == "sf"

    assert [one.event for one in reversed(list(desk.journal().events(SCOPE)))] == [status, form]
    sizes = [len(page["events"]["B"]) for page in snapshot(desk.client, desk.table.name).values()]
    assert max(sizes) < 350_000


def test_events_are_read_back_newest_first_between_two_numbers(desk):
    journal = desk.journal()
    for batch in ("ab", "c", "defg", "h"):
        told(journal, *[event(name) for name in batch])
    first = list(journal.events(SCOPE))[-1].sequence

    assert names(journal.events(SCOPE)) == "hgfedcba"
    assert names(journal.events(SCOPE, before=first + 5)) == "edcba"
    assert names(journal.events(SCOPE, before=first + 5, after=first + 1)) == "edc"
    assert journal.event(SCOPE, first + 4) == event("e")
    assert journal.event(SCOPE, first + 99) is None
    assert journal.event(SCOPE, first - 1) is None


def test_who_wrote_last_reads_nothing(desk):
    journal = desk.journal()
    told(journal, event("a"))
    desk.calls.clear()

    told(journal, event("b"), now=NOON + 5, since=NOON + 4)

    assert desk.calls == ["PutItem"]


@settings(max_examples=examples(40))
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),  # who
            st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=4),
            st.sampled_from(["", "dies before", "dies after", "forgets"]),
        ),
        max_size=12,
    )
)
def test_whoever_writes_and_dies_every_event_has_one_number_and_the_queue_gets_them_in_order(steps):
    desk, now = Desk(), NOON
    journals = [desk.journal() for _ in range(3)]
    queue: list[Numbered] = []
    for who, wanted, trouble in steps:
        now += 1_000
        if trouble == "forgets":
            journals[who] = desk.journal()
        found = write(journals[who], *[event(name) for name in wanted], now=now)
        if trouble == "dies before":
            journals[who] = desk.journal()
            continue
        queue += [one for one in found if one not in queue]  # SQS knows what it has got
        if trouble == "dies after":
            journals[who] = desk.journal()
        elif found:
            journals[who].is_told(SCOPE, [one.sequence for one in found])

    kept = list(reversed(list(desk.journal().events(SCOPE))))
    assert len({one.event.id for one in kept}) == len(kept)
    assert [one.sequence - kept[0].sequence for one in kept] == list(range(len(kept)))
    assert queue == kept[: len(queue)]
