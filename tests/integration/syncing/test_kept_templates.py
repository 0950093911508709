"""What the table keeps of a template: what Meta said, what only we know, what happened to it, whether it fails."""

import json
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.template_health import Ill
from casement.domain.template_history import Transition, transitions
from casement.domain.templates import Held, Source, Template
from casement.store.table import Table
from casement.store.templates import Templates, held_of
from tests.support.deployment import NOON, WABA
from tests.support.faults import watching
from tests.support.memory import memory
from tests.support.tables import create_table, snapshot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOLD = {"event": "REJECTED", "at": NOON, "reason": "SCAM", "rejection_info": {"reason": "¿Qué?", "recommendation": "…"}}


@pytest.fixture
def client() -> "DynamoDBClient":
    return memory()


@pytest.fixture
def table(client: "DynamoDBClient") -> Table:
    return Table(client, create_table(client))


@pytest.fixture
def templates(table: Table) -> Templates:
    return Templates(table)


def held(name: str = "news", at: int = NOON, status: str = "APPROVED", **about: Any) -> Held:
    definition = {"id": f"id-{name}", "name": name, "status": status, "components": [{"type": "BODY", "text": "Hé"}]}
    template = Template(WABA, f"id-{name}", name, "en_US", status, "UTILITY", definition, "UTILITY")
    return Held(template, at, **about)


def test_everything_that_is_known_comes_back(templates):
    known = held(source=Source.WEBHOOK, told_at=NOON, told=TOLD, status="REJECTED")
    gone = held("old").gone(NOON)

    assert templates.keep(known)
    templates.keep(gone)

    assert templates.held(WABA, "news", "en_US") == known
    assert templates.find(WABA, "news", "en_US") == known.template
    assert templates.held_by_id(WABA, "id-old") == gone
    assert list(templates.all(WABA)) == [known, gone]
    assert templates.held(WABA, "news", "de") is None
    assert templates.held_by_id(WABA, "id-other") is None


def test_an_item_from_before_these_were_kept_reads_well(templates, table, client):
    templates.keep(held())
    (item,) = snapshot(client, table.name).values()
    for name in ("declared", "source", "told_at", "told"):
        item.pop(name, None)
    table.put(item)

    assert templates.held(WABA, "news", "en_US") == held()


def test_what_the_stream_shows_is_what_is_held(templates, table, client):
    known = held(source=Source.REQUEST, told=TOLD)
    templates.keep(known)
    templates.mark_ill(WABA, Ill("id-news", 10, 9, NOON, NOON + 1))
    shown = {sk: held_of(item) for (_, sk), item in snapshot(client, table.name).items()}

    assert shown == {"news#en_US": known, "!ill#id-news": None}
    assert held_of({"PK": {"S": "C#1#2"}, "SK": {"S": "news#en_US"}}) is None


@pytest.mark.parametrize(("before", "unseen"), [(False, True), (False, False), (True, False)])
def test_who_writes_at_the_same_moment_loses_nothing(templates, client, before, unseen):
    if before:
        templates.keep(held(at=NOON - 1))
    theirs = held(at=NOON + 1, told=TOLD, status="REJECTED")

    def step_in(**_: Any) -> None:
        client.meta.events.unregister("before-call.dynamodb.PutItem", step_in)
        templates.keep(theirs)

    client.meta.events.register("before-call.dynamodb.PutItem", step_in)
    assert templates.keep(held(at=NOON + 2, status="REJECTED"), unseen=unseen) is False

    assert templates.held(WABA, "news", "en_US") == theirs


def test_what_changes_nothing_is_not_written(templates, client):
    templates.keep(held())

    with watching(client) as calls:
        assert templates.keep(held(at=NOON + 5)) is False
        assert templates.keep(held(at=NOON - 5, status="PAUSED")) is False
    assert calls.operations == {"GetItem": 2}


def test_known_tells_enough_to_compare(templates):
    for each in (held(), held("old").gone(NOON + 3), held("other", at=NOON + 1)):
        templates.keep(each)

    first, second, third = templates.known(WABA)

    assert (first.place, first.id, first.read_at, first.deleted_at) == (("news", "en_US"), "id-news", NOON, None)
    assert (second.read_at, second.deleted_at) == (NOON + 3, NOON + 3)
    assert len({one.digest for one in (first, second, third)}) == 3


def test_a_sync_that_ends_late_does_not_hide_a_later_one(templates):
    later = replace(templates.sync_record(WABA), last_attempt_at=NOON + 1, last_error="Meta answered 401")
    templates.put_sync_record(later)

    templates.put_sync_record(replace(later, last_attempt_at=NOON, last_success_at=NOON, last_error=None))

    assert templates.sync_record(WABA) == later


# --- history --------------------------------------------------------------------------------------------


def test_a_history_is_kept_once_and_in_order(templates, table, client):
    steps = [held(status="PENDING"), held(at=NOON + 5), held(at=NOON + 9, status="PAUSED")]
    first, second, third = (transitions(old, new) for old, new in zip([None, *steps], steps, strict=False))

    for kept in (third, first, second, first, third, ()):
        templates.add_history(WABA, "id-news", kept)

    assert templates.history(WABA, "id-news") == [*sorted(first, key=attrgetter("what")), *second, *third]
    assert len(snapshot(client, table.name)) == 4
    assert templates.history(WABA, "id-other") == []
    assert templates.history("another", "id-news") == []


def test_a_change_that_is_told_twice_in_one_batch_is_kept_once(casement):
    (change, _) = transitions(None, held())

    casement.templates.add_history(WABA, "id-news", [change, change])

    assert casement.templates.history(WABA, "id-news") == [change]


words = st.text(st.characters(codec="utf-8"), max_size=4)
changes = st.builds(
    Transition,
    st.integers(0, 9),
    st.sampled_from(["status", "quality"]),
    words,
    words,
    st.sampled_from(["sync", "webhook"]),
)


@given(st.lists(changes, max_size=6))
def test_no_two_changes_are_one_item(kept):
    client = memory()
    table = Table(client, create_table(client))
    Templates(table).add_history(WABA, "1", kept)

    stored = snapshot(client, table.name)
    assert len(stored) == len(set(kept))
    assert {json.dumps(item["now"]["S"]) for item in stored.values()} == {json.dumps(one.now) for one in kept}


# --- those that fail too often -----------------------------------------------------------------------------


def test_marks_are_found_by_id_until_they_end(templates):
    mild, severe = Ill("1", 100, 31, NOON, NOON + 60_000), Ill("2", 50, 50, NOON, NOON + 10_000)
    for ill in (Ill("1", 9, 9, NOON, NOON + 1), mild, severe):
        templates.mark_ill(WABA, ill)
    templates.keep(held())

    assert templates.ill(WABA, NOON) == {"1": mild, "2": severe}
    templates.mark_ill(WABA, worse := Ill("3", 50, 50, NOON, NOON + 10_000))
    assert templates.ill(WABA, NOON) == {"1": mild, "2": severe, "3": worse}
    assert templates.ill(WABA, NOON + 10_000) == {"1": mild}
    assert templates.ill(WABA, NOON + 60_000) == {}
    assert templates.ill("another", NOON) == {}
    assert [one.template.name for one in templates.all(WABA)] == ["news"]
    assert [one.template.name for one in templates.first(WABA)] == ["news"]
    assert [one.place.name for one in templates.known(WABA)] == ["news"]


def test_marks_are_remembered_for_half_a_minute(templates, table, client):
    assert templates.ill(WABA, NOON) == {}
    mark = Ill("1", 100, 31, NOON, NOON + 600_000)
    Templates(table).mark_ill(WABA, mark)  # in another environment

    with watching(client) as calls:
        assert templates.ill(WABA, NOON + 29_999) == {}
        assert calls.count == 0
        assert templates.ill(WABA, NOON + 30_000) == {"1": mark}
        assert calls.count == 1


def test_a_mark_is_deleted_once_it_says_nothing(templates, table, client):
    templates.mark_ill(WABA, Ill("1", 100, 31, NOON, NOON + 600_000))

    (item,) = snapshot(client, table.name).values()
    assert int(item["ttl"]["N"]) * 1000 >= NOON + 600_000
