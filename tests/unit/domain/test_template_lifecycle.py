"""What may be done to a template now: to the millisecond, and never refused for longer than it must be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.template_history import Transition
from casement.domain.template_lifecycle import (
    BEING_DELETED,
    DAY,
    EXISTS,
    an_edit,
    being_deleted,
    created,
    edited,
    edits_of_approved,
    is_gone,
    reads_like,
    saying_the_same,
    why_name_is_taken,
    why_not_deletable,
    why_not_editable,
)
from casement.domain.templates import Held, Template
from tests.support.webhooks import any_json

NOON = 1_795_000_000_000
STATUSES = (
    *("APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION", "DELETED"),
    *("LIMIT_EXCEEDED", "ARCHIVED", "FLAGGED", "REINSTATED", "LOCKED", "SOMETHING_NEW"),
)


def template(status: str = "APPROVED", name: str = "news", language: str = "en_US", **definition: Any) -> Template:
    return Template("7", "1", name, language, status, "UTILITY", {"category": "UTILITY", **definition}, "UTILITY")


def said(text: Any, footer: Any = None) -> dict[str, Any]:
    footers = [{"type": "FOOTER", "text": footer}] if footer is not None else []
    return {"components": [{"type": "BODY", "text": text}, *footers]}


# --- edits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
def test_only_approved_rejected_and_paused_ones_can_be_edited(status):
    refusal = why_not_editable(template(status), [], NOON)

    assert (refusal is None) == (status in ("APPROVED", "REJECTED", "PAUSED"))
    assert refusal is None or status in str(refusal)


@pytest.mark.parametrize("status", ["REJECTED", "PAUSED"])
def test_rejected_and_paused_ones_as_often_as_one_likes(status):
    assert why_not_editable(template(status), [NOON] * 20, NOON) is None


@given(st.lists(st.integers(0, 40 * DAY).map(lambda ago: NOON - ago), max_size=15))
def test_an_approved_one_once_in_24_hours_and_ten_times_in_30_days(edits):
    def may(now: int) -> bool:
        return not any(now - at < DAY for at in edits) and sum(now - at < 30 * DAY for at in edits) < 10

    refusal = why_not_editable(template(), edits, NOON)

    assert (refusal is None) == may(NOON)
    if refusal is not None:
        assert refusal.retry_after is not None
        later = NOON + refusal.retry_after * 1000
        assert may(later)
        assert not may(later - 1000)  # it is no longer than it must be


def test_edits_are_counted_from_a_templates_history():
    history = [
        Transition(NOON, "status", "PENDING", "APPROVED", "sync"),
        an_edit(template("APPROVED"), NOON + 1),
        an_edit(template("PAUSED"), NOON + 2),
        an_edit(template("APPROVED"), NOON + 3),
    ]

    assert edits_of_approved(history) == [NOON + 1, NOON + 3]
    assert len({one.now for one in history}) == len(history)  # or a history would take two for a repeat


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("was_approved", [False, True])
def test_a_name_is_taken_by_what_lives_and_blocked_by_what_was_approved(status, was_approved):
    held = Held(template(status), NOON, deleted_at=NOON if status == "DELETED" else None)

    refusal = why_name_is_taken(held, NOON, was_approved=was_approved)

    if status not in ("DELETED", "PENDING_DELETION"):
        assert refusal is not None
        assert refusal.subcode == EXISTS
    else:
        assert (refusal is not None) == was_approved
        assert refusal is None or (refusal.subcode, refusal.retry_after) == (BEING_DELETED, 30 * 24 * 3600)


def test_a_name_is_blocked_for_30_days():
    held = Held(template("DELETED"), NOON - DAY, deleted_at=NOON)

    last = why_name_is_taken(held, NOON + 30 * DAY - 1, was_approved=True)

    assert last is not None
    assert last.retry_after == 1
    assert why_name_is_taken(held, NOON + 30 * DAY, was_approved=True) is None
    assert why_name_is_taken(None, NOON, was_approved=False) is None


# --- the same words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "other", "same"),
    [
        (said("Hello"), said("Hello"), True),
        (said(" Hello\n"), said("Hello"), True),
        (said("Hello"), said("hello"), False),
        (said("Hello", "Bye"), said("Hello"), False),
        (said("Hello", "Bye"), said("Hello", "Bye"), True),
        (said("Hello", ""), said("Hello"), True),
        (said(None), said(None), False),
        (said("Hello") | {"category": "authentication"}, said("Hello"), False),
        ({"components": "x"}, said("Hello"), False),
        ({"components": [None, {"type": 1}]}, said("Hello"), False),
    ],
)
def test_what_says_the_same(wanted, other, same):
    others = [template(name="other", **other)]

    found = list(saying_the_same({"name": "mine", "language": "en_US", **wanted}, others))

    assert found == (others if same else [])


@pytest.mark.parametrize("status", STATUSES)
def test_what_meta_shows_nobody_is_not_compared(status):
    other = template(status, name="other", **said("Hello"))

    found = list(saying_the_same({"name": "mine", "language": "en_US", **said("Hello")}, [other]))

    assert bool(found) == (status not in ("DELETED", "PENDING_DELETION", "REJECTED", "DISABLED"))


@given(any_json, any_json)
def test_whatever_is_compared_nothing_raises(one, other):
    wanted = one if isinstance(one, dict) else {"components": one}
    definition = other if isinstance(other, dict) else {"components": other}

    list(saying_the_same(wanted, [Template("7", "1", "n", "en", "APPROVED", "", definition)]))
    reads_like(definition, wanted)


# --- what became of it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "wanted", "alike"),
    [
        (said("Hello"), said("Hello"), True),
        (said("Hello") | {"parameter_format": "POSITIONAL"}, said("Hello"), True),
        (said("Hello", "Bye"), said("Hello"), True),
        (said("Hello"), said("Hello", "Bye"), False),
        (said("Hello"), said("Hi"), False),
        (said("<code> is yours"), {"components": [{"type": "BODY"}]}, True),
        (said("Hello") | {"category": "UTILITY"}, {"category": "utility"}, True),
        (said("Hello") | {"category": "UTILITY"}, {"category": "MARKETING"}, False),
        (said("Hello"), {"components": [{"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go"}]}]}, False),
        (
            {"components": [{"type": "buttons", "buttons": [{"type": "url", "text": "Go", "url": "https://x.test"}]}]},
            {"components": [{"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go"}]}]},
            True,
        ),
    ],
)
def test_a_template_reads_like_what_was_asked_for(definition, wanted, alike):
    assert reads_like(definition, wanted) == alike


def test_what_meta_made_of_it():
    wanted = {"name": "news", "language": "en", "category": "utility", **said("Hello")}

    made = created("7", wanted, {"id": 12, "status": "approved", "category": "MARKETING"})

    assert (made.id, made.name, made.language, made.status) == ("12", "news", "en", "APPROVED")
    assert (made.category, made.declared) == ("MARKETING", "UTILITY")
    assert made.definition == wanted | {
        "id": "12",
        "status": "APPROVED",
        "category": "MARKETING",
        "parameter_format": "POSITIONAL",
    }
    assert created("7", wanted, {"id": "12"}).status == "PENDING"


def test_an_edited_one_is_not_taken_for_approved_until_it_is_read():
    after = edited(template(**said("Hello")), said("Hi"))

    assert (after.status, after.definition["status"], after.sendable) == ("PENDING", "PENDING", False)
    assert after.definition["components"] == said("Hi")["components"]
    assert (after.category, after.declared) == ("UTILITY", "UTILITY")
    assert edited(template("REJECTED"), {"category": "marketing"}).declared == "MARKETING"


def test_one_that_is_being_deleted_keeps_all_but_its_status():
    held = Held(template(**said("Hello")), NOON, told={"event": "APPROVED", "at": NOON})

    after = being_deleted(held, NOON + 1)

    assert (after.template.status, after.template.sendable, is_gone(after.template)) == (
        "PENDING_DELETION",
        False,
        True,
    )
    assert after.template.definition["components"] == said("Hello")["components"]
    assert (after.read_at, after.deleted_at, after.told) == (NOON + 1, None, held.told)


@pytest.mark.parametrize("status", STATUSES)
def test_only_a_disabled_one_can_not_be_deleted(status):
    refusal = why_not_deletable([template(), template(status, name="other")])

    assert (refusal is not None) == (status == "DISABLED")
    assert refusal is None or "'other' (en_US)" in str(refusal)
