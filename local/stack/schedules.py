"""When EventBridge would call a function: `rate(…)` and `cron(…)`, in UTC. Pure."""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.stack.errors import TemplateError
from local.stack.template import ACCOUNT_ID, ScheduleRule

_UNITS = {"minute": "minutes", "hour": "hours", "day": "days", "second": "seconds"}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), 1
    )
}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_YEARS_AHEAD = 4  # far enough for any 29 February that a schedule is likely to name

Next = Callable[[datetime], datetime | None]


class Timetable:
    """Says which rules are due. A rate is due at once and then every so often; a cron when its fields say so.

    A computer that slept through several ticks makes up for them with one.
    """

    def __init__(self, rules: Iterable[ScheduleRule], start: datetime) -> None:
        self._entries = [_Entry(rule, next_after(rule.expression), start) for rule in rules]

    def due(self, now: datetime) -> list[ScheduleRule]:
        """The rules to fire now; each is then put off to its next time."""
        fired = []
        for entry in self._entries:
            if entry.at is not None and entry.at <= now:
                fired.append(entry.rule)
                entry.at = entry.next(now)
        return fired

    def next_at(self) -> datetime | None:
        """When the next rule is due; None if there will be none."""
        return min((entry.at for entry in self._entries if entry.at is not None), default=None)


class _Entry:
    def __init__(self, rule: ScheduleRule, following: Next, start: datetime) -> None:
        self.rule = rule
        self.next = following
        self.at = start if rule.expression.startswith("rate(") else following(start)


def next_after(expression: str) -> Next:
    """The function that says when a schedule is due next, after a moment."""
    if found := re.fullmatch(r"rate\((\d+) (second|minute|hour|day)s?\)", expression):
        step = timedelta(**{_UNITS[found[2]]: int(found[1])})
        if step:
            return lambda moment: moment + step
    if found := re.fullmatch(r"cron\((.+)\)", expression):
        return _Cron.parse(found[1]).next_after
    raise TemplateError(f"the local stack does not understand the schedule {expression!r}")


def event_of(rule: ScheduleRule, *, region: str, now: datetime) -> Any:
    """The event that a function gets from its schedule."""
    if rule.input is not None:
        return json.loads(rule.input)
    service, resource = ("events", "rule/") if rule.source == "aws.events" else ("scheduler", "schedule/default/")
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": rule.source,
        "account": ACCOUNT_ID,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:{service}:{region}:{ACCOUNT_ID}:{resource}{rule.name}"],
        "detail": {},
    }


@dataclass(frozen=True)
class _Cron:
    """AWS' six fields, as the set of values each allows. A day must fit the month's and the week's field."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 1 is Sunday
    years: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "_Cron":
        fields = text.split()
        if len(fields) != 6:
            raise TemplateError(f"cron({text}) has {len(fields)} fields; AWS' cron has six, the last for years")
        return cls(
            minutes=_field(fields[0], 0, 59),
            hours=_field(fields[1], 0, 23),
            days=_field(fields[2], 1, 31),
            months=_field(fields[3], 1, 12, _MONTHS),
            weekdays=_field(fields[4], 1, 7, _DAYS),
            years=_field(fields[5], 1970, 2199),
        )

    def next_after(self, moment: datetime) -> datetime | None:
        earliest = moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for offset in range(366 * _YEARS_AHEAD + 1):
            day = (earliest + timedelta(days=offset)).date()
            if not self._allows_day(day.year, day.month, day.day, day.isoweekday() % 7 + 1):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if at >= earliest:
                        return at
        return None

    def _allows_day(self, year: int, month: int, day: int, weekday: int) -> bool:
        return year in self.years and month in self.months and day in self.days and weekday in self.weekdays


def _field(text: str, lowest: int, highest: int, names: Mapping[str, int] | None = None) -> frozenset[int]:
    allowed: set[int] = set()
    for part in text.upper().split(","):
        found = re.fullmatch(r"(?:([*?])|(\w+)(?:-(\w+))?)(?:/([1-9]\d*))?", part)
        if not found:
            raise TemplateError(f"the local stack does not understand {text!r} in a cron expression")
        star, first, last, step = found.groups()
        if star:
            start, end = lowest, highest
        else:
            start = _value(first, text, names or {})
            end = _value(last, text, names or {}) if last else (highest if step else start)
        if not lowest <= start <= end <= highest:
            raise TemplateError(f"{text!r} in a cron expression is not within {lowest} to {highest}")
        allowed.update(range(start, end + 1, int(step or 1)))
    return frozenset(allowed)


def _value(text: str, whole: str, names: Mapping[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdigit():
        raise TemplateError(f"the local stack does not understand {whole!r} in a cron expression")
    return int(text)
