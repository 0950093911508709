from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.stack.errors import TemplateError
from local.stack.functions import LoadedFunction
from local.stack.schedules import Timetable, event_of, next_after
from local.stack.sources import Clock
from local.stack.template import Function, ScheduleRule

START = datetime(2026, 3, 13, 10, 7, 30, tzinfo=UTC)  # a Friday


def rule(expression: str, **changes: Any) -> ScheduleRule:
    return ScheduleRule(**({"name": "r", "expression": expression, "source": "aws.events", "input": None} | changes))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("rate(15 minutes)", "2026-03-13T10:22:30"),
        ("rate(1 hour)", "2026-03-13T11:07:30"),
        ("rate(2 days)", "2026-03-15T10:07:30"),
        ("cron(0 3 * * ? *)", "2026-03-14T03:00:00"),
        ("cron(*/15 * * * ? *)", "2026-03-13T10:15:00"),
        ("cron(7 10 * * ? *)", "2026-03-14T10:07:00"),
        ("cron(0 12 ? * MON-WED *)", "2026-03-16T12:00:00"),
        ("cron(30 8 1 JAN,JUN ? *)", "2026-06-01T08:30:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29T00:00:00"),
        ("cron(10/20 * * * ? *)", "2026-03-13T10:10:00"),
    ],
)
def test_when_a_schedule_is_due_next(expression, following):
    assert next_after(expression)(START) == at(following)


def test_a_schedule_of_the_past_is_never_due():
    assert next_after("cron(0 0 1 1 ? 2020)")(START) is None


@pytest.mark.parametrize(
    "expression",
    ["rate(0 minutes)", "rate(5 weeks)", "at(2026-01-01T00:00:00)", "cron(0 3 * * ?)", "cron(61 * * * ? *)",
     "cron(*/0 * * * ? *)", "cron(0 0 L * ? *)", "cron(0 0 ? * FRI-MON *)", "every day"],
)  # fmt: skip
def test_a_schedule_that_is_not_understood_is_refused(expression):
    with pytest.raises(TemplateError):
        next_after(expression)


def test_a_rate_is_due_at_once_and_a_cron_only_in_its_time():
    often, daily = rule("rate(15 minutes)"), rule("cron(0 11 * * ? *)")
    timetable = Timetable([often, daily], START)

    assert timetable.due(START) == [often]
    assert timetable.due(START + timedelta(minutes=14)) == []
    assert timetable.due(START + timedelta(minutes=15)) == [often]
    assert timetable.next_at() == START + timedelta(minutes=30)
    assert timetable.due(at("2026-03-13T11:00:00")) == [often, daily]


def test_a_computer_that_slept_makes_up_with_one_tick():
    timetable = Timetable([rule("rate(1 minute)")], START)

    assert len(timetable.due(START + timedelta(hours=5))) == 1
    assert timetable.due(START + timedelta(hours=5)) == []


def test_events_look_like_eventbridges():
    event = event_of(rule("rate(1 minute)"), region="us-east-1", now=START)

    assert event.pop("id")
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2026-03-13T10:07:30Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:000000000000:rule/r"],
        "detail": {},
    }
    assert event_of(rule("rate(1 minute)", input='{"all": true}'), region="us-east-1", now=START) == {"all": True}


def test_the_clock_calls_functions_when_they_are_due_and_goes_on_after_a_failure():
    calls = []

    def handler(event: Any, context: Any) -> None:
        calls.append((event["time"], context.function_name))
        raise RuntimeError("a sync that fails")

    function = LoadedFunction(Function("Sync", "a.b", 5, 128, {}), handler, "us-east-1")
    now = START
    with ThreadPoolExecutor(1) as pool:
        clock = Clock([(rule("rate(1 minute)"), function)], pool, region="us-east-1", now=lambda: now)
        clock.tick()
        clock.tick()
        now += timedelta(minutes=1)
        clock.tick()

    assert calls == [
        ("2026-03-13T10:07:30Z", "casement-local-Sync"),
        ("2026-03-13T10:08:30Z", "casement-local-Sync"),
    ]
    assert function.tally.errors == 2
    assert clock.wait_empty(0)
