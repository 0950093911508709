"""What happens to templates is kept with its time and its source, and what somebody should know of raises an alarm."""

from typing import Any

import pytest

from casement.domain.template_health import FAILS, FELL, LASTS_MS, LOOKED_AT_MS, MOVED, STOPPED
from casement.domain.template_history import Transition
from tests.support.deployment import DAY, HOUR, NOON, WABA, Deployment, Json
from tests.support.template_desk import delete, edit

NAME = "hello_world"
HELLO_WORLD: Json = {"type": "template", "template": {"name": NAME, "language": {"code": "en_US"}}}


@pytest.fixture(autouse=True)
def known(casement: Deployment) -> None:
    """Its templates are known already, and their histories have begun."""
    casement.sync()
    casement.react()
    casement.alarmed.clear()
    casement.now += HOUR


def history(casement: Deployment) -> list[Transition]:
    """What happened to the template since its beginning."""
    casement.react()
    stored = casement.templates.find(WABA, NAME, "en_US")
    assert stored
    return [each for each in casement.templates.history(WABA, stored.id) if each.was or each.at > NOON]


def alarms(casement: Deployment) -> list[str]:
    """What was raised for one of the two WABAs, which have the same templates."""
    casement.react()
    assert casement.alarmed[::2] == casement.alarmed[1::2] or len(casement.alarmed) == 1
    return casement.alarmed[::2]


def decides(casement: Deployment, decision: str, **how: Any) -> None:
    """Meta decides, its webhook is delivered, and the template is read again."""
    casement.simulator.review(NAME, decision, **how)
    casement.deliver()
    casement.now += 60_000
    casement.sync()


def test_a_history_begins_with_what_was_seen_first_and_that_is_no_alarm(casement):
    stored = casement.templates.find(WABA, NAME, "en_US")

    begun = casement.templates.history(WABA, stored.id)

    assert {(each.what, each.was, each.now, each.source) for each in begun} == {
        ("status", "", "APPROVED", "sync"),
        ("category", "", "UTILITY", "sync"),
        ("quality", "", "UNKNOWN", "sync"),
    }
    assert {each.at for each in begun} == {NOON}
    assert casement.alarmed == []


def test_a_pause_and_its_end_are_kept_and_the_pause_is_an_alarm(casement):
    decides(casement, "pause")
    decides(casement, "unpause")

    assert [(each.what, each.was, each.now) for each in history(casement)] == [
        ("status", "APPROVED", "PAUSED"),
        ("status", "PAUSED", "APPROVED"),
    ]
    assert alarms(casement) == [STOPPED]


@pytest.mark.parametrize("decision", ["pause", "disable", "reject", "archive", "delete", "appeal"])
def test_whatever_stops_one_that_went_out_is_an_alarm(casement, decision):
    decides(casement, decision)

    assert history(casement)[-1].was == "APPROVED"
    assert alarms(casement) == [STOPPED]


@pytest.mark.parametrize("decision", ["pause", "disable", "reject", "archive"])
def test_what_stopped_it_is_an_alarm_though_a_request_brought_it_to_light(casement, decision):
    casement.simulator.review(NAME, decision, notify=False)

    listed = casement.get(f"/v25.0/{WABA}/message_templates", casement_refresh="true")

    assert listed.ours == {"refreshed": True, "changed": 1, "why": None}
    assert history(casement)[-1].source == "request"
    assert casement.alarmed == [STOPPED]


def test_what_its_owner_does_is_none(casement):
    stored = casement.templates.find(WABA, NAME, "en_US")
    assert stored
    casement.now += 31 * DAY
    body = [{"type": "BODY", "text": "Your order is on its way to you."}]
    assert edit(casement, stored.id, {"components": body}).status == 200
    casement.simulator.review(stored.id, "approve")
    casement.deliver()
    casement.sync()
    assert delete(casement, name=NAME).status == 200

    assert [(each.was, each.now) for each in history(casement) if each.what == "status"] == [
        ("APPROVED", "PENDING"),
        ("PENDING", "APPROVED"),
        ("APPROVED", "PENDING_DELETION"),
    ]
    assert casement.alarmed == []


def test_a_category_that_is_announced_and_then_done_are_two_changes_and_two_alarms(casement):
    casement.simulator.recategorise(NAME, "MARKETING", announce=True)
    casement.deliver()
    casement.sync()
    casement.now += DAY
    casement.simulator.recategorise(NAME, "MARKETING")
    casement.deliver()
    casement.sync()

    assert [(each.what, each.was, each.now) for each in history(casement)] == [
        ("announced_category", "", "MARKETING"),
        ("announced_category", "MARKETING", ""),
        ("category", "UTILITY", "MARKETING"),
    ]
    assert alarms(casement) == [MOVED, MOVED]


def test_a_quality_that_falls_is_an_alarm_and_one_that_rises_is_not(casement):
    for score in ("GREEN", "YELLOW", "RED", "YELLOW", "GREEN"):
        casement.simulator.score(NAME, score)
        casement.now += 60_000
        casement.sync()

    assert [each.now for each in history(casement)] == ["GREEN", "YELLOW", "RED", "YELLOW", "GREEN"]
    assert alarms(casement) == [FELL, FELL]


def test_a_stream_that_repeats_itself_keeps_one_history(casement):
    decides(casement, "pause")
    told = list(casement.stream.changes)
    once = history(casement)

    for again in (told, told[::-1], told):
        casement.stream.changes = list(again)
        assert history(casement) == once


# --- what fails too often ---------------------------------------------------------------------------------------------


def goes_out(casement: Deployment, times: int, *, failing: int) -> None:
    """The template goes to so many people, and fails for some of them."""
    for index in range(times):
        if index < failing:
            casement.simulator.fail_next("late", code=131049)
        assert casement.send(f"1650555{1000 + index}", HELLO_WORLD).status == 200
    casement.deliver()
    casement.react()


def ill(casement: Deployment) -> bool:
    stored = casement.templates.find(WABA, NAME, "en_US")
    assert stored
    return stored.id in casement.templates.ill(WABA, casement.now)


@pytest.mark.parametrize(
    ("times", "failing", "is_ill"), [(20, 7, True), (20, 6, False), (19, 19, False), (30, 10, True), (20, 0, False)]
)
def test_a_third_of_no_few_messages_must_fail(casement, times, failing, is_ill):
    goes_out(casement, times, failing=failing)
    casement.sweep()
    casement.react()

    assert ill(casement) is is_ill
    assert casement.alarmed == ([FAILS] if is_ill else [])


def test_what_fails_later_than_anybody_looks_is_no_fault_of_what_went_out_since(casement):
    wamids = [casement.send(f"1650556{1000 + index}", HELLO_WORLD).body["messages"][0]["id"] for index in range(7)]
    casement.deliver()
    casement.now += LOOKED_AT_MS + HOUR
    goes_out(casement, 20, failing=0)
    for wamid in wamids:
        casement.simulator.status(wamid, "failed", code=131026)
    casement.deliver()
    casement.react()

    casement.sweep()

    assert not ill(casement)


def test_a_number_that_may_not_send_makes_no_template_ill(casement):
    for index in range(20):
        casement.simulator.fail_next("error", code=131042)
        assert casement.send(f"1650556{1000 + index}", HELLO_WORLD).code == 131042
    casement.react()

    casement.sweep()

    assert not ill(casement)


def test_it_is_told_once_and_ends_by_itself(casement):
    goes_out(casement, 20, failing=20)
    for _ in range(30):
        casement.sweep()
        casement.react()
        casement.now += 300_000
    assert ill(casement)
    assert casement.alarmed == [FAILS]
    assert [(each.what, each.now) for each in history(casement)] == [("errors", "20 of 20 failed")]

    casement.now += LASTS_MS
    casement.sweep()
    assert not ill(casement)
    casement.now += LOOKED_AT_MS
    goes_out(casement, 20, failing=20)
    casement.sweep()
    assert ill(casement)
    casement.react()
    assert casement.alarmed == [FAILS, FAILS]
