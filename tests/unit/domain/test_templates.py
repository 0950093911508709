"""What is held of a template once it was read again: what Meta says, and beside it what only we know."""

from dataclasses import replace
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.templates import Held, Source, Template, explains, succession

REJECTED = {
    "event": "REJECTED",
    "at": 5,
    "reason": "INVALID_FORMAT",
    "rejection_info": {"reason": "It begins with a variable.", "recommendation": "Put a word before it."},
}
FIRST_PAUSE = {"event": "PAUSED", "at": 7, "reason": "NONE", "other_info": {"title": "FIRST_PAUSE"}}


def template(status: str = "APPROVED", category: str = "UTILITY", id_: str = "1", **more: Any) -> Template:
    definition = {"id": id_, "name": "news", "language": "en", "status": status, "category": category}
    return Template("2", id_, "news", "en", status, category, definition, **more)


def read(status: str = "APPROVED", at: int = 10, told: Any = None, **about: Any) -> Held:
    source = Source.WEBHOOK if told else Source.SYNC
    return Held(template(status, **about), at, None, source, told["at"] if told else None, told)


def after(*readings: Held) -> Held:
    """What is held after these were read, one after the other."""
    held: Held | None = None
    for each in readings:
        held = succession(held, each) or held
    assert held is not None
    return held


def test_the_category_first_seen_is_the_declared_one_until_its_owner_asks_for_another():
    moved = after(read(), read(category="MARKETING", at=11))
    assert (moved.template.category, moved.template.declared) == ("MARKETING", "UTILITY")

    edited = after(moved, replace(read(category="MARKETING", at=12, declared="MARKETING"), source=Source.REQUEST))
    assert edited.template.declared == "MARKETING"
    assert after(edited, read(category="UTILITY", at=13)).template.declared == "MARKETING"


def test_what_was_asked_for_is_declared_though_meta_made_something_else_of_it():
    created = Held(template("PENDING", "MARKETING", declared="UTILITY"), 10, source=Source.REQUEST)

    assert after(created, read(category="MARKETING", at=11)).template.declared == "UTILITY"


def test_a_category_that_meta_does_not_mention_is_what_it_was():
    silent = after(read(category="MARKETING"), read(category="", at=11))

    assert (silent.template.category, silent.template.declared) == ("MARKETING", "MARKETING")
    named = after(read(category=""), read(category="UTILITY", at=11))
    assert (named.template.category, named.template.declared) == ("UTILITY", "UTILITY")


def test_a_template_that_was_made_again_begins_anew():
    before = after(read("REJECTED", told=REJECTED))

    again = after(before, read("APPROVED", category="MARKETING", id_="another", at=11))

    assert (again.template.declared, again.told) == ("MARKETING", None)


def test_reading_the_same_again_changes_nothing():
    assert succession(after(read("REJECTED", told=REJECTED)), read("REJECTED", at=50)) is None


@pytest.mark.parametrize("change", [{"status": "PAUSED"}, {"category": "MARKETING"}, {"id_": "another"}])
def test_an_earlier_reading_changes_nothing(change):
    assert succession(after(read(at=20)), read(**{"at": 19, **change})) is None


def test_two_readings_of_one_moment_are_one_after_the_other():
    assert after(read(at=20), read("PAUSED", at=20)).template.status == "PAUSED"


def test_a_definition_counts_as_meta_wrote_it():
    held = after(read())
    same = replace(held.template, definition=dict(reversed(list(held.template.definition.items()))))
    other = replace(held.template, definition={**held.template.definition, "message_send_ttl_seconds": True})
    another = replace(other, definition={**other.definition, "message_send_ttl_seconds": 1})

    assert succession(held, Held(same, 11)) is None
    assert succession(Held(other, 11), Held(another, 12)) is not None


# --- what a webhook told ----------------------------------------------------------------------------------


def test_why_it_was_rejected_outlasts_every_later_reading_of_that_status():
    held = after(
        read("REJECTED", told=REJECTED), read("REJECTED", at=90), read("REJECTED", category="MARKETING", at=91)
    )

    assert held.why == REJECTED
    assert (held.source, held.told_at) == (Source.SYNC, None)


@pytest.mark.parametrize("status", ["APPROVED", "PENDING", "DISABLED"])
def test_it_ends_with_the_status(status):
    assert after(read("REJECTED", told=REJECTED), read(status, at=90)).told is None


def test_a_deleted_template_keeps_what_was_told_of_it():
    rejected = after(read("REJECTED", told=REJECTED))
    doomed = {"event": "PENDING_DELETION", "at": 80}

    assert after(rejected, rejected.gone(90)).told == after(rejected, read("DELETED", at=90)).told == REJECTED
    gone = after(rejected, read("PENDING_DELETION", at=80, told=doomed), rejected.gone(90))
    assert (gone.template.status, gone.deleted_at, gone.why) == ("DELETED", 90, doomed)


def test_it_was_gone_when_it_was_first_found_gone():
    gone = after(read(), read().gone(20))

    assert succession(gone, gone.gone(30)) is None
    assert gone.gone(30).deleted_at == 20


def test_an_event_that_overtook_another_is_not_overtaken_by_it():
    later = {**REJECTED, "at": 9, "reason": "SCAM"}

    assert after(read("REJECTED", told=later), read("REJECTED", at=11, told=REJECTED)).told == later


def test_of_one_second_the_event_that_explains_what_was_seen_counts():
    over = {"event": "APPROVED", "at": 7, "other_info": {"title": "UNPAUSE"}}

    assert after(read(told=over), read(at=11, told=FIRST_PAUSE)).told == over
    assert after(read(told=FIRST_PAUSE), read(at=11, told=over)).told == over
    assert after(read("PAUSED", told=over), read("PAUSED", at=11, told=FIRST_PAUSE)).told == FIRST_PAUSE
    second = {**FIRST_PAUSE, "other_info": {"title": "SECOND_PAUSE"}}
    assert after(read("PAUSED", told=FIRST_PAUSE), read("PAUSED", at=11, told=second)).told == second


def test_a_reading_that_took_long_still_brings_what_its_webhook_told():
    late = after(read("REJECTED", at=20), read("PENDING", at=19, told=REJECTED))

    assert (late.template.status, late.read_at, late.why) == ("REJECTED", 20, REJECTED)
    assert after(read("PENDING", at=20), read("REJECTED", at=19, told=REJECTED)).told is None


def test_a_reading_that_is_behind_the_webhook_explains_nothing_yet():
    behind = after(read("PENDING", told=REJECTED))
    assert (behind.told, behind.why) == (REJECTED, None)

    assert after(behind, read("REJECTED", at=11)).why == REJECTED
    assert after(behind, read("APPROVED", at=11)).told is None


@pytest.mark.parametrize(
    ("event", "status", "does"),
    [
        ("rejected", "REJECTED", True),
        ("REJECTED", "PENDING", False),
        ("REINSTATED", "APPROVED", True),
        ("REINSTATED", "REJECTED", False),
        ("FLAGGED", "APPROVED", True),
        ("LOCKED", "PAUSED", True),
        ("PENDING_DELETION", "DELETED", True),
        ("SOMETHING_NEW", "SOMETHING_NEW", True),
        (None, "APPROVED", False),
        (["REJECTED"], "REJECTED", False),
    ],
)
def test_which_status_an_event_explains(event, status, does):
    assert explains({"event": event}, status) is does


# --- whatever the order ---------------------------------------------------------------------------------

events = st.none() | st.builds(
    lambda event, at: {"event": event, "at": at},
    st.sampled_from(["APPROVED", "PAUSED", "REJECTED", "FLAGGED"]),
    st.integers(0, 30),
)


@st.composite
def readings(draw: st.DrawFn) -> Held:
    """What was read at some time. No two are alike: what changes nothing is not kept, and overtakes nothing."""
    at = draw(st.integers(0, 30))
    status = draw(st.sampled_from(["APPROVED", "PAUSED", "REJECTED", "PENDING"]))
    held = read(status, at, draw(events), category=draw(st.sampled_from(["UTILITY", "MARKETING"])))
    unlike = replace(held.template, definition={**held.template.definition, "message_send_ttl_seconds": at})
    held = replace(held, template=unlike)
    return held.gone(at) if draw(st.booleans()) else held


@given(st.lists(readings(), min_size=1, max_size=6, unique_by=lambda one: one.read_at).flatmap(st.permutations))
def test_the_latest_reading_counts_in_whatever_order_they_come(order):
    held = after(*order)

    latest = max(order, key=lambda one: one.read_at)
    assert held.template.definition == latest.template.definition
    assert (held.template.status, held.template.category) == (latest.template.status, latest.template.category)
    assert (held.deleted_at is None) == (latest.deleted_at is None)
    assert held.template.declared == order[0].template.category
    assert held.why is None or explains(held.why, held.template.status)


@given(st.lists(readings(), min_size=1, max_size=6))
def test_repeating_what_was_read_changes_nothing(order):
    held = after(*order)

    assert reduce(lambda kept, each: succession(kept, each) or kept, [held, held], held) == held
    assert succession(held, held) is None
