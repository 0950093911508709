"""A listing of all templates is kept whole or not at all, in whatever pieces Meta gives it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.errors import GraphError, GraphUnavailable
from casement.domain.templates import Held, Notice, Source, SyncRecord, Template
from casement.usecases.sync_templates import NEW_MS, PAGE_SIZES, Bounds, read_all, read_named, read_noticed
from tests.integration.syncing.listings import LATER, Kept, Meta, listed, row
from tests.support.deployment import NOON, WABA
from tests.support.faults import watching

TOO_MUCH = {"error": {"code": 1, "message": "Please reduce the amount of data you're asking for."}}
FAILURES: dict[str, Callable[[], Any]] = {
    "no connection": lambda: httpx.ConnectError("refused"),
    "no answer": lambda: httpx.ReadTimeout("timed out"),
    "a proxy": lambda: httpx.Response(502, content=b"<html>Bad Gateway</html>"),
    "overloaded": lambda: httpx.Response(503, json={"error": {"code": 2}}),
    "too much": lambda: httpx.Response(500, json=TOO_MUCH),
    "limited": lambda: httpx.Response(400, json={"error": {"code": 80007}}),
    "token": lambda: httpx.Response(401, json={"error": {"code": 190}}),
    "no listing": lambda: httpx.Response(200, json={"data": None}),
    "no JSON": lambda: httpx.Response(200, content=b"["),
    "no cursor": lambda: httpx.Response(200, json={"data": [row("x")], "paging": {"next": "https://x.test/"}}),
    "a cursor for ever": lambda: listed([row("y")], 7),
}
names = st.sampled_from("abcdefgh")
rows = st.lists(
    st.builds(
        lambda name, status, again: row(name, status, id_=f"id-{name}-{again}"),
        names,
        st.sampled_from(["APPROVED", "PAUSED"]),
        st.integers(1, 2),
    ),
    max_size=8,
    unique_by=lambda one: one["name"],
)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@given(rows, rows, st.integers(1, 3), st.data())
def test_a_page_that_fails_leaves_the_set_as_it_was(before, after, page, data):
    kept = Kept()
    kept.sync(Meta(before), NOON)
    healthy, was = Meta(after, page), kept.items()
    other = Kept()
    other.sync(Meta(before), NOON)
    other.sync(healthy, LATER)
    calls = len(healthy.asked)  # of which any may be the first that fails, the last and those of a second look too
    fails, failure = data.draw(st.integers(0, calls - 1)), data.draw(st.sampled_from(sorted(FAILURES)))
    broken = Meta(after, page, lambda call, _: FAILURES[failure]() if call >= fails else None)

    synced = kept.sync(broken, LATER)

    assert synced.error
    assert kept.items() == was
    record = kept.templates.sync_record(WABA)
    assert record == SyncRecord(WABA, LATER, NOON, synced.error, len(before))

    assert kept.sync(healthy, LATER + 1).error is None
    assert kept.statuses() == other.statuses()


@given(st.lists(rows, min_size=1, max_size=4), st.integers(1, 9))
def test_what_is_held_is_what_meta_has_and_only_changes_are_written(states, page):
    kept = Kept()
    seen: dict[str, dict[str, Any]] = {}
    for at, state in zip(count(NOON, 1_000_000), states, strict=False):
        there = {one["name"]: one for one in state}
        gone = seen.keys() - there.keys()
        expected = {name for name, one in there.items() if seen.get(name) != one}
        expected |= {name for name in gone if seen[name]["status"] != "DELETED"}

        with watching(kept.client) as calls:
            synced = kept.sync(Meta(state, page), at)

        assert (synced.listed, synced.changed) == (len(there), len(expected))
        assert calls.operations["PutItem"] == len(expected) + 1  # the record
        seen |= there | {name: {"status": "DELETED"} for name in gone}
        assert kept.statuses() == {name: one["status"] for name, one in seen.items()}
        assert {one.template.name for one in kept.templates.all(WABA) if one.deleted_at is None} == there.keys()


# --- pages are no snapshot --------------------------------------------------------------------------------


def test_a_row_that_comes_twice_is_one_template_and_its_later_state_counts(kept):
    kept.sync(Meta([row("b")]), NOON)
    twice = Meta([row("a"), row("b", "PAUSED"), row("a"), row("a", "PAUSED"), row("b")], page=1)

    with watching(kept.client) as calls:
        synced = kept.sync(twice, LATER)

    assert (synced.listed, synced.changed) == (2, 1)
    assert kept.statuses() == {"a": "PAUSED", "b": "APPROVED"}
    assert calls.operations["PutItem"] == 2


def test_a_row_that_slipped_past_us_is_not_gone(kept):
    everything = [row(name) for name in "abcd"]
    kept.sync(Meta(everything), NOON)
    # After the first page somebody deletes `a`, and a row of the second page becomes one of the first.
    slipped = Meta(everything[1:], page=2, instead=lambda call, _: listed(everything[:2], 2) if call == 0 else None)

    assert kept.sync(slipped, LATER).changed == 0
    assert kept.sync(Meta(everything[1:], page=2), LATER + 1).changed == 1
    assert kept.statuses() == {"a": "DELETED", "b": "APPROVED", "c": "APPROVED", "d": "APPROVED"}


def test_a_listing_of_one_page_is_read_once(kept):
    kept.sync(Meta([row("a"), row("b")]), NOON)
    meta = Meta([row("a")])

    assert kept.sync(meta, LATER).changed == 1
    assert len(meta.asked) == 1


@pytest.mark.parametrize("odd", [None, "x", {}, {"id": None}, {"id": True, "name": "b"}])
@pytest.mark.parametrize("page", [1, 5])
def test_what_is_missing_may_be_the_row_that_does_not_say_who_it_is(kept, odd, page):
    kept.sync(Meta([row("a"), row("b")]), NOON)

    assert kept.sync(Meta([row("a", "PAUSED"), odd, row("c")], page), LATER).changed == 2
    assert kept.statuses() == {"a": "PAUSED", "b": "APPROVED", "c": "APPROVED"}


def test_an_odd_row_of_a_second_look_may_be_what_is_missing(kept):
    kept.sync(Meta([row("a"), row("b"), row("c")]), NOON)
    meta = Meta([row("a"), row("c")], page=1, instead=lambda call, _: listed([None], None) if call == 2 else None)

    assert kept.sync(meta, LATER).changed == 0


# --- pages that are too much --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [httpx.Response(500, json=TOO_MUCH), httpx.ReadTimeout("timed out")])
def test_a_page_that_is_too_much_is_asked_for_in_smaller_pieces_and_so_are_the_others(kept, answer):
    def too_much(_: int, request: httpx.Request) -> Any:
        begins, limit = int(request.url.params.get("after", 0)), int(request.url.params["limit"])
        return answer if begins >= 200 and limit > 50 else None

    meta = Meta([row(f"n{number:03}") for number in range(310)], instead=too_much)

    assert kept.sync(meta, NOON).listed == 310
    assert [int(request.url.params["limit"]) for request in meta.asked] == [200, 200, 50, 50, 50]


def test_a_page_that_is_too_much_in_any_size_is_a_failure(kept):
    meta = Meta(instead=lambda *_: httpx.Response(500, json=TOO_MUCH))

    assert kept.sync(meta, NOON).error == "Meta answered 500 with code 1"
    assert [int(request.url.params["limit"]) for request in meta.asked] == list(PAGE_SIZES)


# --- who waits for the end ---------------------------------------------------------------------------------


def for_calls(number: int) -> Bounds:
    """Enough time for so many calls to Meta."""
    left: Iterator[bool] = iter([True] * number)
    return Bounds(lambda: next(left, False))


@pytest.mark.parametrize("calls", range(5))  # the last ends in time, and leaves none to write
def test_a_reading_that_takes_too_long_changes_nothing(kept, calls):
    kept.sync(Meta([row("a"), row("b"), row("c")]), NOON)
    was, record = kept.items(), kept.templates.sync_record(WABA)
    meta = Meta([row("a", "PAUSED"), row("c")], page=1)  # two calls, and two to look again for what is missing

    with pytest.raises(GraphUnavailable, match="Nothing was changed"):
        read_all(kept.reading(meta, LATER, bounds=for_calls(calls)))

    assert len(meta.asked) == min(calls, 4)
    assert kept.items() == was
    assert kept.templates.sync_record(WABA) == record  # whose request it was is told, and no sync failed
    assert read_all(kept.reading(meta, LATER, bounds=for_calls(5))).changed == 2


def test_a_schedule_that_takes_too_long_is_recorded(kept):
    synced = kept.sync(Meta([row("a"), row("b")], page=1), NOON, for_calls(1))

    assert "in the time" in (synced.error or "")
    assert kept.templates.sync_record(WABA).last_error == synced.error
    assert kept.items() == {}


def test_more_changes_than_there_is_time_for_are_none(kept):
    meta = Meta([row("a"), row("b")])

    with pytest.raises(GraphUnavailable, match="2 templates"):
        read_all(kept.reading(meta, NOON, bounds=Bounds(most_changes=1)))
    assert kept.items() == {}
    assert read_all(kept.reading(meta, NOON, bounds=Bounds(most_changes=2))).changed == 2


# --- who else writes ---------------------------------------------------------------------------------------


def test_a_listing_that_a_later_one_overtook_changes_nothing(kept):
    kept.sync(Meta([row("a")]), NOON)

    def overtaken(_call: int, _request: httpx.Request) -> None:
        assert kept.sync(Meta([row("a"), row("b")]), LATER + 1).changed == 1

    slow = kept.sync(Meta([row("a", "PAUSED")], instead=overtaken), LATER)

    assert "later reading" in (slow.error or "")
    assert kept.statuses() == {"a": "APPROVED", "b": "APPROVED"}
    assert kept.templates.sync_record(WABA) == SyncRecord(WABA, LATER + 1, LATER + 1, None, 2)


def created(at: int) -> Held:
    definition = row("new", "PENDING")
    template = Template(WABA, definition["id"], "new", "en_US", "PENDING", "UTILITY", definition, "MARKETING")
    return Held(template, at, source=Source.REQUEST)


def test_what_was_created_while_a_listing_ran_is_not_gone(kept):
    def create(*_: Any) -> None:
        kept.templates.keep(created(LATER + 1))

    meta = Meta([row("a"), row("b")], page=1, instead=create)

    assert kept.sync(meta, LATER).changed == 2
    assert kept.held("new") == created(LATER + 1)
    assert len(meta.asked) == 2  # there is nothing to look for again


def test_what_was_created_just_now_need_not_be_listed_yet(kept):
    kept.templates.keep(created(LATER))

    assert kept.sync(Meta(), LATER + NEW_MS - 1).changed == 0
    assert kept.sync(Meta(), LATER + NEW_MS).changed == 1
    assert kept.statuses() == {"new": "DELETED"}


def test_what_somebody_else_created_was_listed_already_and_is_gone(kept):
    kept.sync(Meta([row("a"), row("b")]), LATER)

    assert kept.sync(Meta([row("a")]), LATER + 1).changed == 1
    assert kept.statuses() == {"a": "APPROVED", "b": "DELETED"}


def test_what_was_created_just_now_is_gone_if_a_webhook_says_so(kept):
    kept.templates.keep(created(LATER))
    notices = {created(LATER).template.id: Notice(LATER, {"event": "DELETED", "at": LATER})}

    assert read_noticed(kept.reading(Meta(), LATER + 1, Source.WEBHOOK, notices)) == 1
    assert kept.held("new").deleted_at == LATER + 1


def test_a_webhook_about_something_else_does_not_hide_what_one_told_before(kept):
    rejected = {"event": "REJECTED", "at": NOON, "reason": "SCAM"}
    kept.templates.keep(replace(created(NOON), source=Source.WEBHOOK, told_at=NOON, told=rejected))

    assert read_noticed(kept.reading(Meta(), LATER, Source.WEBHOOK, {created(NOON).template.id: Notice(LATER)})) == 1
    assert (kept.held("new").template.status, kept.held("new").told) == ("DELETED", rejected)


def test_what_takes_the_place_of_a_missing_one_is_not_gone(kept):
    kept.sync(Meta([row("a"), row("new")]), NOON)

    def create(params: Any, **_: Any) -> None:
        if params["Key"]["SK"]["S"] == "new#en_US":
            kept.client.meta.events.unregister("provide-client-params.dynamodb.GetItem", create)
            kept.templates.keep(again)

    again = Held(replace(created(LATER).template, id="another"), LATER)
    kept.client.meta.events.register("provide-client-params.dynamodb.GetItem", create)

    assert kept.sync(Meta([row("a")]), LATER).changed == 0
    assert kept.held("new") == again


def test_what_its_owner_asked_for_outlasts_what_meta_made_of_it(kept):
    kept.templates.keep(created(NOON))

    kept.sync(Meta([row("new", category="UTILITY")]), LATER)

    assert (kept.held("new").template.category, kept.held("new").template.declared) == ("UTILITY", "MARKETING")


def test_what_changes_while_it_is_written_is_not_overwritten(kept):
    kept.sync(Meta([row("a"), row("b")]), NOON)
    paused = Held(replace(kept.held("b").template, status="PAUSED"), LATER + 1)

    def write(params: Any, **_: Any) -> None:
        if params["Item"]["SK"]["S"] == "a#en_US":
            kept.client.meta.events.unregister("provide-client-params.dynamodb.PutItem", write)
            kept.templates.keep(paused)

    kept.client.meta.events.register("provide-client-params.dynamodb.PutItem", write)
    kept.sync(Meta([row("a", "REJECTED"), row("b", "REJECTED")]), LATER)

    assert kept.statuses() == {"a": "REJECTED", "b": "PAUSED"}


# --- one name ----------------------------------------------------------------------------------------------


def test_a_name_is_read_in_every_language_and_no_other(kept):
    kept.sync(Meta([row("news"), row("news", language="de"), row("newsletter")]), NOON)
    meta = Meta(
        [row("news", "PAUSED"), row("news", language="de"), row("news", language="fr"), row("newsletter", "PAUSED")]
    )

    assert read_named("news", kept.reading(meta, LATER)) == 2

    assert (kept.held("news").template.status, kept.held("news").source) == ("PAUSED", Source.REQUEST)
    assert kept.held("news", "fr").read_at == LATER
    assert kept.statuses()["newsletter"] == "APPROVED"
    assert kept.templates.sync_record(WABA).last_success_at == NOON


def test_a_translation_that_the_name_does_not_find_is_read_by_its_id(kept):
    kept.sync(Meta([row("news"), row("news", language="de"), row("other"), row("news", language="fr")]), NOON)
    kept.templates.keep(kept.held("news", "fr").gone(NOON))
    meta = Meta([row("news", "PAUSED")], instead=lambda call, _: listed([], None) if call == 0 else None)

    assert read_named("news", kept.reading(meta, LATER)) == 1

    assert kept.held("news").template.status == "PAUSED"
    assert kept.held("news", "de").template.status == "APPROVED"  # only a complete listing tells that one is gone
    assert len(meta.asked) == 3  # by name, and for each that is not known to be gone


@pytest.mark.parametrize("calls", range(3))
def test_a_name_whose_reading_takes_too_long_changes_nothing(kept, calls):
    kept.sync(Meta([row("news"), row("news", language="de")]), NOON)
    was = kept.items()
    meta = Meta([row("news", "PAUSED"), row("news", language="fr")], page=1)

    with pytest.raises(GraphError, match="Nothing was changed"):
        read_named("news", kept.reading(meta, LATER, bounds=for_calls(calls)))
    assert kept.items() == was


# --- where it is put aside ---------------------------------------------------------------------------------


def test_a_listing_too_large_for_memory_is_found_again_on_disk(kept):
    large = [row(f"n{number}", components=[{"type": "BODY", "text": "é\n" * 9_000}]) for number in range(40)]

    assert kept.sync(Meta([*large, large[7]], page=15), NOON).changed == 40
    assert [one.template.definition for one in kept.templates.named(WABA, "n7")] == [large[7]]
    assert [one.template.definition for one in kept.templates.named(WABA, "n39")] == [large[39]]
