"""When a business is open: hours by weekday in a time zone of its own, and holidays.

Hours are what the clock on the wall shows. So on the day that clocks go forward or back a business opens when its wall
clock says so, and is open an hour less or more. A span that ends after midnight belongs to the day on which it begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTES = 24 * 60  # of a day, by the wall clock
_LOOK_AHEAD_DAYS = 400  # a year and a long holiday: who opens no more within that has no hours to tell
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From one minute of a day up to, and without, another; more than 1,440 is a minute of the next day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Holiday:
    """Days with hours of their own, mostly none. Both ends count. With no `year` it is every year's."""

    first: tuple[int, int]  # month and day
    last: tuple[int, int]
    year: int | None = None  # of the first day
    last_year: int | None = None
    spans: tuple[Span, ...] = ()

    def covers(self, day: date) -> bool:
        """Whether a day is one of these."""
        if self.year is not None:
            return date(self.year, *self.first) <= day <= date(self.last_year or self.year, *self.last)
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last  # over the turn of the year


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """`week` has the spans of each day from Monday on. `time_zone` is a name of the IANA database."""

    time_zone: str
    week: tuple[tuple[Span, ...], ...] = ((),) * 7
    holidays: tuple[Holiday, ...] = field(default=())

    def spans_of(self, day: date) -> tuple[Span, ...]:
        """When it is open on a day; the first holiday that covers it counts before the weekday."""
        for holiday in self.holidays:
            if holiday.covers(day):
                return holiday.spans
        return self.week[day.weekday()]

    def local(self, at: int) -> datetime:
        """What calendar and clock on the wall show at `at`, epoch milliseconds."""
        return datetime.fromtimestamp(at / 1000, zone(self.time_zone))

    def is_open(self, at: int) -> bool:
        """Whether it is open at `at`, epoch milliseconds."""
        wall = self.local(at)
        minute = wall.hour * 60 + wall.minute
        today = any(span.start <= minute < span.end for span in self.spans_of(wall.date()))
        yesterday = self.spans_of(wall.date() - timedelta(days=1))
        return today or any(minute + MINUTES < span.end for span in yesterday)

    def next_open(self, after: int) -> int | None:
        """When it opens next, epoch milliseconds: the first moment after `after` at which it is open and was not just
        before. None if that never comes, or for more than a year."""
        day = self.local(after).date()
        for _ in range(_LOOK_AHEAD_DAYS):
            opens = (at for at in self._may_open(day) if at > after and self.is_open(at) and not self.is_open(at - 1))
            if first := min(opens, default=None):
                return first
            day += timedelta(days=1)
        return None

    def _may_open(self, day: date) -> Iterator[int]:
        """The moments of a day at which it might open: where a span begins, or any minute where clocks are changed."""
        begins, ends = self._instant(day, 0), self._instant(day + timedelta(days=1), 0)
        if ends - begins != MINUTES * _MINUTE_MS:
            yield from range(begins, ends, _MINUTE_MS)
        else:
            yield from (self._instant(day, span.start) for span in self.spans_of(day))

    def _instant(self, day: date, minute: int) -> int:
        wall = datetime.combine(day, time(minute // 60, minute % 60), zone(self.time_zone))
        return int(wall.astimezone(UTC).timestamp()) * 1000


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """A time zone. Raises ValueError, KeyError or OSError for what is none."""
    return ZoneInfo(name)
