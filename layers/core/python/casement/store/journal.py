"""The journal: what was told of a conversation, a number or a WABA, each event with its sequence number.

What is told is written down here first. That fixes its number: whoever tells the same again, after a crash or because
the stream repeats itself, finds it here. An item holds what one batch told of one scope, and its sort key is the number
of its first event. It is put on condition that nobody else has taken that number; whoever loses looks again.

Numbers rise by one. A scope begins high: at the next multiple of 100,000 after the present in milliseconds. So it
begins above whatever it came to if it had a journal before that has expired, or another name, and two that begin it at
one time begin at one number, so that one of them loses, or so far apart that they never meet.

What is told goes to the queue after it was written down, and whoever wrote it may die in between. So whoever comes next
tells it again, before their own, as long as it may be on its way (`UNSURE_MS`): the queue knows what it has already
got. That is how the queue gets the events of a scope in the order of their numbers.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.errors import StoreUnavailable
from casement.domain.events import Event, EventType, Numbered
from casement.store import keys
from casement.store.keys import Key
from casement.store.table import Attributes, Item, Table, expiry, item, number, text

KEPT_DAYS = 30
UNSURE_MS = 240_000  # a run that writes takes a minute at most; and it is less than the five in which SQS knows repeats
_SKEW_MS = 60_000  # how far clocks may be apart
_STEP = 100_000
_LARGEST = 350_000  # bytes of what is kept in one item; DynamoDB takes 400 KB
_MOST_IDS = 1_000  # of one item: 31 KB
_PAGE = 4
_FIRST, _LAST = keys.moment(0), "9" * 13
_MOST_ATTEMPTS = 50
_REMEMBERED = 2_000  # scopes
_FROM_META = ("element", "contact", "metadata")


@dataclass(frozen=True, slots=True)
class _Page:
    """One item: the number of its first event, their ids, when it was written (epoch ms), and the events."""

    first: int
    ids: tuple[str, ...]
    at: int
    kept: bytes

    @property
    def after(self) -> int:
        """The number after its last."""
        return self.first + len(self.ids)

    def events(self) -> list[Numbered]:
        """Its events, with their numbers."""
        listed = json.loads(zlib.decompress(self.kept))
        return [Numbered(self.first + place, _event(one)) for place, one in enumerate(listed)]


@dataclass(frozen=True, slots=True)
class _Tail:
    """The newest pages of a scope, oldest first: all that were written since `since` (epoch ms), and one at least, if
    there is one."""

    pages: tuple[_Page, ...]
    since: int


class Journal:
    """Writes events down, and finds them again.

    It remembers the newest pages of the scopes that it has seen. That spares reading them; correctness never rests on
    it: if somebody else has written since, the number that seemed free is taken.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._tails: dict[str, _Tail] = {}
        self._told: dict[str, tuple[int, int]] = {}  # of a scope: from which number to which all is on the queue

    def append(
        self, scope: str, events: Iterable[Event], *, since: int, now: int, others: Iterable[str] = ()
    ) -> list[Numbered]:
        """A63, A64. Write down what is not yet written, and tell what must be put on the queue now, in order.

        None of `events` can have been written down before `since` (epoch milliseconds), since what they tell of had not
        happened. `others` are the scopes of the same conversation's other names, looked at if this one is new. Raises
        `StoreUnavailable`.
        """
        wanted = {event.id: event for event in events}
        back_to = min(since, now - UNSURE_MS) - _SKEW_MS
        for _ in range(_MOST_ATTEMPTS):
            tail = self._tails.get(scope)
            if tail is None or tail.since > back_to:
                tail = self._read(scope, back_to)
            there = {id_ for page in tail.pages for id_ in page.ids}
            fresh = [event for id_, event in wanted.items() if id_ not in there]
            written = self._write(scope, tail, fresh, now, others)
            if written is not None:
                self._remember(scope, written, back_to)
                return self._to_tell(scope, written, wanted, now)
        raise StoreUnavailable("The journal of a conversation is written to by too many at one time")

    def is_told(self, scope: str, sequences: Sequence[int]) -> None:
        """Events with these numbers, rising, are on the queue: `append` need not give them again.

        Those without a gap up to the last are remembered. What lies below a gap may be somebody's who died over it, and
        who comes for it late.
        """
        first = last = sequences[-1]
        for sequence in reversed(sequences[:-1]):
            if sequence != first - 1:
                break
            first = sequence
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        from_, to = self._told.get(scope, (first, last))
        if first <= to + 1 and last >= from_ - 1:
            self._told[scope] = min(first, from_), max(last, to)
        elif last > to:
            self._told[scope] = first, last

    def events(self, scope: str, *, before: int | None = None, after: int = 0) -> Iterator[Numbered]:
        """A65. A scope's events, newest first, with numbers below `before` and above `after`."""
        last = keys.moment(before - 1) if before is not None else _LAST
        for found in self._table.query(keys.journal(scope), _FIRST, last, newest_first=True, limit=_PAGE):
            for told in reversed(_page(found).events()):
                if told.sequence <= after:
                    return
                if before is None or told.sequence < before:
                    yield told

    def event(self, scope: str, sequence: int) -> Event | None:
        """A66. The event with that number, None if it is not kept any more."""
        last = keys.moment(sequence)
        for found in self._table.query(keys.journal(scope), _FIRST, last, newest_first=True, limit=1):
            return next((told.event for told in _page(found).events() if told.sequence == sequence), None)
        return None

    def _read(self, scope: str, back_to: int) -> _Tail:
        pages: list[_Page] = []
        found = self._table.query(keys.journal(scope), _FIRST, _LAST, newest_first=True, consistent=True, limit=_PAGE)
        for one in found:
            pages.append(_page(one))
            if pages[-1].at < back_to:
                break
        return _Tail(tuple(reversed(pages)), back_to)

    def _write(
        self, scope: str, tail: _Tail, fresh: Sequence[Event], now: int, others: Iterable[str]
    ) -> tuple[_Page, ...] | None:
        """Write `fresh` behind `tail`; the pages that there are then, None if somebody else has been there."""
        pages = list(tail.pages)
        if fresh:
            self._tails.pop(scope, None)  # whatever comes of it
        for ids, kept in _pieces(fresh):
            first = pages[-1].after if pages else self._beginning(scope, now, others)
            page = _Page(first, ids, now, kept)
            if self._table.put_new(_page_item(scope, page)) is not None:
                return None
            pages.append(page)
        return tuple(pages)

    def _beginning(self, scope: str, now: int, others: Iterable[str]) -> int:
        """The first number of a scope: above the present, and above what its conversation came to by other names."""
        last = now
        for other in others:
            if other != scope:
                tail = self._read(other, now)
                last = max([last, *(page.after for page in tail.pages)])
        return (last // _STEP + 1) * _STEP

    def _to_tell(self, scope: str, pages: Iterable[_Page], wanted: Mapping[str, Event], now: int) -> list[Numbered]:
        """What may not be on the queue: what was asked for, and what others may have died over."""
        (from_, to), unsure_since = self._told.get(scope, (0, -1)), now - UNSURE_MS
        return [
            one
            for page in pages
            if not from_ <= page.first <= page.after - 1 <= to
            and (page.at >= unsure_since or not wanted.keys().isdisjoint(page.ids))
            for one in page.events()
            if not from_ <= one.sequence <= to and (page.at >= unsure_since or one.event.id in wanted)
        ]

    def _remember(self, scope: str, pages: Sequence[_Page], back_to: int) -> None:
        if len(self._tails) >= _REMEMBERED:
            self._tails.clear()
        old = [place for place, page in enumerate(pages) if page.at < back_to]
        self._tails[scope] = _Tail(tuple(pages[old[-1] if old else 0 :]), back_to)


def _pieces(events: Sequence[Event]) -> Iterator[tuple[tuple[str, ...], bytes]]:
    """`events` as ids and bytes, in as few items as take them."""
    if not events:
        return
    kept = zlib.compress(dumps([_kept(event) for event in events]).encode())
    if len(events) == 1 or (len(kept) <= _LARGEST and len(events) <= _MOST_IDS):
        yield tuple(event.id for event in events), kept
        return
    middle = len(events) // 2
    yield from _pieces(events[:middle])
    yield from _pieces(events[middle:])


def _page_item(scope: str, page: _Page) -> Item:
    key = Key(keys.journal(scope), keys.moment(page.first))
    kept: Attributes = {"ids": " ".join(page.ids), "at": page.at, "events": page.kept}
    return item(key, kept, expiry(page.at, KEPT_DAYS))


def _page(found: Item) -> _Page:
    kept = found["events"]["B"]
    return _Page(int(text(found, "SK")), tuple(text(found, "ids").split(" ")), number(found, "at") or 0, bytes(kept))


def _kept(event: Event) -> dict[str, Any]:
    """An event as JSON. What its data repeats of what Meta said is named, not written again: that may be nearly as
    large as an item can be, and one event has one item."""
    kept: dict[str, Any] = {"id": event.id, "type": event.type, "at": event.at, "data": event.data}
    about = {"number": event.number, "contact": event.contact, "waba_id": event.waba_id}
    kept |= {name: value for name, value in about.items() if value}
    if event.meta is not None:
        same = {
            name: part
            for name, value in event.data.items()
            for part in _FROM_META
            if value is not None and value == event.meta.get(part)
        }
        element = event.meta["element"]
        inside = [
            name
            for name, value in event.data.items()
            if name not in same and isinstance(value, dict | list) and value == element.get(name)
        ]
        left = {name: value for name, value in event.data.items() if name not in same and name not in inside}
        kept |= {"data": left, "meta": event.meta, "same": same, "inside": inside, "order": list(event.data)}
    elif event.type == EventType.FLOW_SUBMITTED and event.data["answers"]:  # they were read from its text
        kept |= {"data": {**event.data, "answers": None}, "read": list(event.data["answers"])}
    return kept


def _event(kept: Mapping[str, Any]) -> Event:
    data, meta = kept["data"], kept.get("meta")
    if meta is not None:
        whole = data | {name: meta[part] for name, part in kept["same"].items()}
        whole |= {name: meta["element"][name] for name in kept.get("inside", ())}
        data = {name: whole[name] for name in kept["order"]}
    elif "read" in kept:
        said = json.loads(data["response_json"])
        data = data | {"answers": {name: said[name] for name in kept["read"]}}
    return Event(
        kept["id"],
        kept["type"],
        kept["at"],
        data,
        kept.get("number", ""),
        kept.get("contact", ""),
        kept.get("waba_id", ""),
        meta,
    )
