"""Business hours as owners write them.

    {"time_zone": "Europe/Madrid",
     "hours": {"mon-fri": ["09:00-14:00", "16:00-19:00"], "sat": "10:00-14:00"},
     "holidays": ["01-01", "2026-12-24/2026-12-26", {"date": "12-31", "hours": "09:00-12:00"}]}

A day that is not named is closed. A span that ends at or before its beginning ends on the next day.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from typing import Any

from casement.domain.business_hours import MINUTES, BusinessHours, Holiday, Span, zone

_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*[-\u2013]\s*([0-9]{1,2}):([0-9]{2})", re.ASCII)
_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})", re.ASCII)
_LEAP_YEAR = 2024  # to see whether a day of every year exists
_MOST_SPANS, _MOST_HOLIDAYS = 10, 200
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMES = tuple(day[:3] for day in _WEEK)

Tell = Callable[[str, str], None]  # a fault: where, and why


def hours_from(given: object, path: str, tell: Tell) -> BusinessHours | None:
    """Business hours; what is wrong is told, all of it. None if they cannot be read."""
    if not isinstance(given, dict):
        tell(path, "This must be an object with `time_zone` and `hours`.")
        return None
    for name in given.keys() - {"time_zone", "hours", "holidays"}:
        tell(f"{path}.{name}", "This is not known here.")
    time_zone = given.get("time_zone")
    if not isinstance(time_zone, str) or not _is_zone(time_zone):
        tell(f"{path}.time_zone", "This must be a time zone by its name, such as `Europe/Madrid`.")
        time_zone = None
    week = _week(given.get("hours"), f"{path}.hours", tell)
    holidays = tuple(_holidays(given.get("holidays"), f"{path}.holidays", tell))
    return BusinessHours(time_zone, week, holidays) if time_zone is not None else None


def hours_view(hours: BusinessHours) -> dict[str, Any]:
    """The same as `hours_from` reads it."""
    days = {name: list(map(_span_view, spans)) for name, spans in zip(_NAMES, hours.week, strict=True) if spans}
    holidays = [_holiday_view(holiday) for holiday in hours.holidays]
    return {"time_zone": hours.time_zone, "hours": days, "holidays": holidays}


def _is_zone(name: str) -> bool:
    try:
        zone(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _week(given: object, path: str, tell: Tell) -> tuple[tuple[Span, ...], ...]:
    week: list[tuple[Span, ...]] = [()] * len(_NAMES)
    if not isinstance(given, dict) or not given:
        tell(path, "This must be an object of weekdays, such as `mon-fri`, and hours, such as `09:00-18:00`.")
        return tuple(week)
    named: set[int] = set()
    for name, spans in given.items():
        where = f"{path}.{name}"
        days = _days(name)
        if not days:
            tell(where, "Weekdays are named mon, tue, wed, thu, fri, sat, sun, or in a row as in mon-fri.")
        if named.intersection(days):
            tell(where, "A day is named twice.")
        named.update(days)
        read = _spans(spans, where, tell)
        for day in days:
            week[day] = read
    return tuple(week)


def _days(name: object) -> list[int]:
    """The weekdays that a name stands for; none if it is no such name."""
    found: list[int] = []
    for part in str(name).lower().split(","):
        first, dash, last = part.partition("-")
        begins, ends = _weekday(first), _weekday(last if dash else first)
        if begins is None or ends is None:
            return []
        found += _row(begins, ends)
    return found


def _weekday(name: str) -> int | None:
    return next(
        (index for index, day in enumerate(_WEEK) if len(name.strip()) >= 3 and day.startswith(name.strip())), None
    )


def _row(first: int, last: int) -> Iterator[int]:
    yield from ((first + step) % len(_NAMES) for step in range((last - first) % len(_NAMES) + 1))


def _spans(given: object, path: str, tell: Tell) -> tuple[Span, ...]:
    if given is None or given == "closed":
        return ()
    texts = given.split(",") if isinstance(given, str) else given
    if not isinstance(texts, list) or len(texts) > _MOST_SPANS:
        tell(path, "Hours are a text such as `09:00-18:00`, a list of such, or `closed`.")
        return ()
    spans = sorted(filter(None, (_span(text) for text in texts)))
    if len(spans) < len(texts):
        tell(path, "Hours are a text such as `09:00-18:00`, a list of such, or `closed`.")
    if any(earlier.end > later.start for earlier, later in pairwise(spans)):
        tell(path, "Hours of one day overlap.")
    return tuple(spans)


def _span(text: object) -> Span | None:
    found = _SPAN.fullmatch(text.strip()) if isinstance(text, str) else None
    if not found:
        return None
    from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
    start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if max(from_minute, to_minute) > 59 or start >= MINUTES or end > MINUTES or start == end:
        return None
    return Span(start, end if end > start else end + MINUTES)


def _span_view(span: Span) -> str:
    end = span.end if span.end <= MINUTES else span.end - MINUTES
    return f"{span.start // 60:02}:{span.start % 60:02}-{end // 60:02}:{end % 60:02}"


def _holidays(given: object, path: str, tell: Tell) -> Iterator[Holiday]:
    if given is None:
        return
    if not isinstance(given, list) or len(given) > _MOST_HOLIDAYS:
        tell(path, f"This must be a list of at most {_MOST_HOLIDAYS} days.")
        return
    for index, one in enumerate(given):
        where = f"{path}[{index}]"
        if isinstance(one, dict) and one.keys() == {"date", "hours"}:
            spans = _spans(one["hours"], f"{where}.hours", tell)
            day = one["date"]
        else:
            spans, day = (), one
        holiday = _holiday(day, spans)
        if holiday:
            yield holiday
        else:
            tell(where, "A holiday is a day such as `2026-12-25`, `12-25` for every year, or two parted by `/`.")


def _holiday(given: object, spans: tuple[Span, ...]) -> Holiday | None:
    first, slash, last = given.partition("/") if isinstance(given, str) else ("", "", "")
    begins = _day(first)
    ends = _day(last) if slash else begins
    if begins is None or ends is None or (begins[0] is None) != (ends[0] is None):
        return None
    if begins[0] is not None and ends < begins:
        return None
    return Holiday(begins[1:], ends[1:], begins[0], ends[0], spans)


def _day(text: str) -> tuple[int | None, int, int] | None:
    """Year, if it is not of every one, month and day."""
    found = _DAY.fullmatch(text.strip())
    if not found:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        date(_LEAP_YEAR if year is None else year, month or 0, day or 0)
    except ValueError:
        return None
    return year, month or 0, day or 0


def _holiday_view(holiday: Holiday) -> Any:
    first, last = _day_view(holiday.year, holiday.first), _day_view(holiday.last_year, holiday.last)
    day = first if first == last else f"{first}/{last}"
    return {"date": day, "hours": list(map(_span_view, holiday.spans))} if holiday.spans else day


def _day_view(year: int | None, day: tuple[int, int]) -> str:
    return f"{day[0]:02}-{day[1]:02}" if year is None else f"{year:04}-{day[0]:02}-{day[1]:02}"
