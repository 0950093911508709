"""Which templates fail too often, by what is told of the last two hours, and what about a template is an alarm."""

import pytest

from casement.domain.template_counts import Tally
from casement.domain.template_health import (
    FEWEST_ASKED,
    LASTS_MS,
    Ill,
    Lately,
    alarm_for,
    fallen_ill,
    lately,
    why_unhealthy,
)
from casement.domain.template_history import Transition
from casement.domain.templates import Template

NOON = 1_795_000_000_000
TODAY, YESTERDAY = "2026-11-18", "2026-11-17"


def told(what: str, *messages: int, template: str = "9", day: str = TODAY) -> dict[Tally, set[str]]:
    return {Tally(template, day, what): {f"{message:012}" for message in messages}}


def test_what_failed_of_what_was_asked_for():
    found = lately([told("failed 131026", 1, 2), told("asked", 3, 4) | told("failed 1", 3), told("asked", 1, 2)])

    assert found == Lately({"9": 4}, {"9": 3})


def test_what_was_asked_for_before_all_this_is_no_failure_of_it():
    assert lately([told("failed 131026", 1, 2, 3), told("asked", 4)]) == Lately({"9": 1}, {"9": 0})


def test_what_is_told_to_have_failed_in_two_ways_failed_once():
    stretches = [told("failed 131026", 1), told("failed 131049", 1) | told("asked", 1)]

    assert lately(stretches) == Lately({"9": 1}, {"9": 1})


def test_messages_are_told_apart_by_template_and_day():
    stretches = [
        told("failed 131026", 1, template="8") | told("failed 131026", 2, day=YESTERDAY),
        told("asked", 1, 2),
    ]

    assert lately(stretches) == Lately({"9": 2}, {"9": 0})


@pytest.mark.parametrize("code", [190, 131042, 131031, 131048, 130429, 131056])
def test_what_fails_for_its_number_or_account_is_no_fault_of_the_template(code):
    assert lately([told(f"failed {code}", 1) | told("asked", 1)]) == Lately({"9": 1}, {"9": 0})


@pytest.mark.parametrize("what", ["failed 131026", "failed 131049", "failed 132015", "failed unknown", "failed -1"])
def test_every_other_failure_is(what):
    assert lately([told(what, 1) | told("asked", 1)]) == Lately({"9": 1}, {"9": 1})


@pytest.mark.parametrize("what", ["sent", "delivered", "tapped failed", "priced failed 131026"])
def test_nothing_else_is(what):
    assert lately([told(what, 1) | told("asked", 1)]) == Lately({"9": 1}, {"9": 0})


@pytest.mark.parametrize(
    ("asked", "failed", "is_ill"),
    [
        (FEWEST_ASKED, 7, True),
        (FEWEST_ASKED, 6, False),
        (19, 19, False),
        (30, 10, True),
        (300, 100, True),
        (21, 0, False),
    ],
)
def test_a_third_of_no_few(asked, failed, is_ill):
    marks = fallen_ill(Lately({"9": asked}, {"9": failed} if failed else {}), {}, NOON)

    assert marks == ([Ill("9", asked, failed, NOON, NOON + LASTS_MS)] if is_ill else [])


@pytest.mark.parametrize(("left", "is_made"), [(LASTS_MS // 2 + 1, False), (LASTS_MS // 2, True), (1, True)])
def test_a_mark_is_made_anew_when_half_of_its_time_is_over(left, is_made):
    known = {"9": Ill("9", 20, 20, NOON - 5, NOON + left)}

    marks = fallen_ill(Lately({"9": 40}, {"9": 40}), known, NOON)

    assert marks == ([Ill("9", 40, 40, NOON - 5, NOON + LASTS_MS)] if is_made else [])


def test_a_mark_lasts_until_its_end_exclusive():
    mark = Ill("9", 20, 20, NOON, NOON + LASTS_MS)

    assert mark.lasts(NOON + LASTS_MS - 1)
    assert not mark.lasts(NOON + LASTS_MS)


@pytest.mark.parametrize(
    ("what", "was", "now", "source", "alarm"),
    [
        ("status", "APPROVED", "PAUSED", "webhook", "TemplateStopped"),
        ("status", "APPROVED", "PAUSED", "request", "TemplateStopped"),
        ("status", "APPROVED", "REJECTED", "request", "TemplateStopped"),
        ("status", "APPROVED", "DELETED", "sync", "TemplateStopped"),
        ("status", "APPROVED", "PENDING", "sync", "TemplateStopped"),
        ("status", "APPROVED", "PENDING", "request", None),
        ("status", "APPROVED", "PENDING_DELETION", "request", None),
        ("status", "APPROVED", "DELETED", "request", None),
        ("status", "PAUSED", "DISABLED", "webhook", "TemplateStopped"),
        ("status", "PENDING", "REJECTED", "webhook", None),
        ("status", "PAUSED", "APPROVED", "webhook", None),
        ("status", "", "PAUSED", "sync", None),
        ("category", "UTILITY", "MARKETING", "request", "TemplateCategoryMoved"),
        ("category", "", "MARKETING", "sync", None),
        ("announced_category", "", "MARKETING", "sync", "TemplateCategoryMoved"),
        ("announced_category", "MARKETING", "", "sync", None),
        ("quality", "GREEN", "YELLOW", "sync", "TemplateQualityFell"),
        ("quality", "", "RED", "sync", "TemplateQualityFell"),
        ("quality", "YELLOW", "RED", "sync", "TemplateQualityFell"),
        ("quality", "RED", "YELLOW", "sync", None),
        ("quality", "GREEN", "UNKNOWN", "sync", None),
        ("errors", "", "20 of 20 failed", "count", "TemplateFails"),
        ("edit", "APPROVED", "1795000000000", "request", None),
    ],
)
def test_what_somebody_should_know_of(what, was, now, source, alarm):
    assert alarm_for(Transition(NOON, what, was, now, source)) == alarm


@pytest.mark.parametrize(
    ("quality", "ill", "why"),
    [
        ("GREEN", False, None),
        ("YELLOW", False, None),
        ("RED", False, "Meta scores template 'news' (es) RED: it will be paused soon."),
        ("GREEN", True, "Of 20 messages that template 'news' (es) was sent as of late, 7 failed."),
    ],
)
def test_what_should_not_be_chosen(quality, ill, why):
    template = Template(
        "1", "9", "news", "es", "APPROVED", "MARKETING", {"quality_score": {"score": quality}}, "MARKETING"
    )
    other, mark = Ill("8", 20, 20, NOON, NOON + 1), Ill("9", 20, 7, NOON, NOON + 1)

    assert why_unhealthy(template, {"8": other} | ({"9": mark} if ill else {})) == why
