"""What became of a template's messages, day by day: as we counted it, and as Meta did."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from casement.domain.errors import GraphError, InvalidRequest
from casement.domain.template_counts import (
    ASKED,
    DELIVERED,
    FAILED,
    PRICED,
    READ,
    REPLIED,
    SENT,
    TAPPED,
    MetaDay,
    Tally,
    bounded,
    by_stretch,
    counted,
)
from casement.domain.templates import Template
from casement.usecases.fold_counts import Counts as Folding
from casement.usecases.fold_counts import unfolded_since

MOST_DAYS = 90  # as many as Meta's own analytics go back
_DEFAULT_DAYS = 30
_NO_ANALYTICS = range(200005, 200008)
_NOT_SWITCHED_ON = (
    "Meta counts nothing for this WhatsApp Business Account yet. Switch it on at Meta, once and for ever: POST "
    "/{waba_id} with is_enabled_for_insights=true."
)


class Counts(Folding, Protocol):
    """What was counted. Times are epoch milliseconds."""

    def folded(
        self, number_id: str, template_id: str, first_day: str, last_day: str
    ) -> Iterable[tuple[int, Tally, int]]: ...


@dataclass(frozen=True, slots=True)
class Days:
    """UTC days, both included."""

    first: date
    last: date

    @property
    def texts(self) -> tuple[str, str]:
        """The first and the last as 2026-11-24."""
        return self.first.isoformat(), self.last.isoformat()

    def seconds(self, now: int) -> tuple[int, int]:
        """When they begin and when they have ended, or now (epoch seconds; `now` is epoch milliseconds)."""
        begin, end = (datetime.combine(day, time(), UTC).timestamp() for day in (self.first, self.last))
        return int(begin), min(int(end) + 86_399, now // 1000)


AskMeta = Callable[[Sequence[str], Days], Iterable[MetaDay]]


def days_from(first: str | None, last: str | None, now: int) -> Days:
    """The days that a query names, the last thirty if it names none. Raises `InvalidRequest`."""
    today = datetime.fromtimestamp(now / 1000, UTC).date()
    until = _day(last, "end") or today
    since = _day(first, "start") or until - min(timedelta(days=_DEFAULT_DAYS - 1), until - date.min)
    if since > until:
        raise InvalidRequest("start must not be after end.", parameter="start")
    if (until - since).days >= MOST_DAYS:
        raise InvalidRequest(f"start and end may be {MOST_DAYS} days apart at most.", parameter="start")
    return Days(since, until)


def _day(text: str | None, parameter: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidRequest(f"{parameter} must be a day such as 2026-11-24.", parameter=parameter) from error


def template_analytics(
    name: str,
    translations: Sequence[Template],
    days: Days,
    numbers: Iterable[str],
    *,
    counts: Counts,
    ask_meta: AskMeta | None,
    now: int,
) -> dict[str, Any]:
    """The answer of `GET /casement/v1/templates/{name}/analytics`. A message belongs to the day it was asked for on,
    whenever it was delivered or read, so that the parts of a day can be compared. Raises `StoreUnavailable`."""
    ours = _counted({each.id for each in translations}, days, numbers, counts, now)
    theirs, meta = _asked_of_meta(translations, days, ask_meta)
    return {
        "name": name,
        "start": days.texts[0],
        "end": days.texts[1],
        "data": [
            {"day": day, "language": each.language, "template_id": each.id, **_view(ours[each.id, day])}
            | ({"meta": _meta_view(theirs[each.id, day])} if (each.id, day) in theirs else {})
            for day in sorted({day for _, day in (*ours, *theirs)})
            for each in sorted(translations, key=lambda each: each.language)
            if (each.id, day) in ours or (each.id, day) in theirs
        ],
        "total": _view(sum(ours.values(), Counter())),
        "meta": meta,
    }


def _counted(
    template_ids: set[str], days: Days, numbers: Iterable[str], counts: Counts, now: int
) -> defaultdict[tuple[str, str], Counter[str]]:
    first, last = days.texts
    found: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for number in numbers:
        for tally, count in _of_number(number, template_ids, days, counts, now):
            if tally.template_id in template_ids and first <= tally.day <= last:
                found[tally.template_id, tally.day][tally.what] += count
    return found


def _of_number(
    number: str, template_ids: Iterable[str], days: Days, counts: Counts, now: int
) -> Iterator[tuple[Tally, int]]:
    """What is folded, and what is not yet. What is folded while we read is taken from where it was."""
    since = unfolded_since(number, counts, now)
    for template_id in template_ids:
        for start, tally, count in counts.folded(number, template_id, *days.texts):
            if start < since:
                yield tally, count
    for _, messages in by_stretch(counts.cells(number, since, now + 1)):
        yield from counted(messages).items()


def _view(numbers: Mapping[str, int]) -> dict[str, Any]:
    """What was counted of some messages; `replied` are those whose customer wrote within a day, which opened the
    window."""
    numbers = bounded(numbers)
    by_code = _with_details(numbers, FAILED)
    prices: dict[str, dict[str, int]] = {}
    for details, count in _with_details(numbers, PRICED).items():
        category, _, kind = details.partition(" ")
        prices.setdefault(category, {})[kind] = count
    return {
        **{name: numbers.get(name, 0) for name in (ASKED, SENT, DELIVERED, READ)},
        "failed": sum(by_code.values()),
        "failed_by_code": by_code,
        REPLIED: numbers.get(REPLIED, 0),
        "taps": _with_details(numbers, TAPPED),
        "price": prices,
    }


def _with_details(numbers: Mapping[str, int], what: str) -> dict[str, int]:
    return {
        name.removeprefix(f"{what} "): count for name, count in sorted(numbers.items()) if name.startswith(f"{what} ")
    }


def _asked_of_meta(
    translations: Sequence[Template], days: Days, ask_meta: AskMeta | None
) -> tuple[dict[tuple[str, str], MetaDay], dict[str, Any]]:
    """What Meta counted, and what to say of that: it is not there for every WABA, and ours does not depend on it."""
    if ask_meta is None:
        return {}, {"asked": False}
    try:
        told = ask_meta([each.id for each in translations], days)
        first, last = days.texts
        found = {(each.template_id, each.day): each for each in told if first <= each.day <= last}
    except GraphError as error:
        why = _NOT_SWITCHED_ON if error.code in _NO_ANALYTICS else str(error)
        return {}, {"asked": True, "available": False, "why": why, "code": error.code}
    return found, {"asked": True, "available": True}


def _meta_view(day: MetaDay) -> dict[str, Any]:
    return {
        SENT: day.sent,
        DELIVERED: day.delivered,
        READ: day.read,
        "clicked": list(day.clicked),
        "cost": list(day.cost),
    }
