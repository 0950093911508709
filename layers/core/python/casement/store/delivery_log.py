"""The delivery log: what became of each event for each subscriber, by the event's id, which sorts by time.

It is also how what a subscriber missed is found again: a line says where in the journal its event is.
"""

import heapq
import zlib
from collections.abc import Iterable, Iterator

from casement.domain.deliveries import SHARDS, Became, Told
from casement.domain.message_key import MessageKey
from casement.store import keys
from casement.store.table import DAY_S, Attributes, Item, Table, item, number, text

KEPT_DAYS = 30
_PAGE = 8
_PREFIX, _AFTER = "evt_", "evt`"  # what ids of events begin with, and the text that comes after all of them


class DeliveryLog:
    """Writes it, and reads it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, lines: Iterable[Told]) -> None:
        """A83. Keep what became of deliveries. Of one event for one subscriber, the last word is kept."""
        self._table.put_all(list({_key(each.subscription, each.event): _item(each) for each in lines}.values()))

    def find(self, subscription: str, event: str) -> Told | None:
        """A84. What became of one."""
        found = self._table.get(_key(subscription, event))
        return _told(found) if found else None

    def newest(self, subscription: str, *, before: str = "") -> Iterator[Told]:
        """A85. A subscriber's, newest first; of those before an event, if one is given."""
        return self._merged(subscription, _PREFIX, before or _AFTER, newest_first=True, without=before)

    def oldest(self, subscription: str, since: int, until: int, *, after: str = "") -> Iterator[Told]:
        """A85. The same, oldest first, of those with an id from `since` until before `until` (epoch milliseconds)."""
        first, last = _first_id(since), _first_id(until)
        return self._merged(subscription, max(first, after), last, newest_first=False, without=after)

    def _merged(self, subscription: str, first: str, last: str, *, newest_first: bool, without: str) -> Iterator[Told]:
        found = (
            self._table.query(
                keys.delivery_log(subscription, shard), first, last, newest_first=newest_first, limit=_PAGE
            )
            for shard in range(SHARDS)
        )
        for each in heapq.merge(*found, key=lambda one: text(one, "SK"), reverse=newest_first):
            if text(each, "SK") != without:
                yield _told(each)


def _first_id(at: int) -> str:
    """The first id that an event of that time can have."""
    return f"{_PREFIX}{MessageKey.new('', at, 0).ulid}"


def _key(subscription: str, event: str) -> keys.Key:
    return keys.Key(keys.delivery_log(subscription, zlib.crc32(event.encode()) % SHARDS), keys.part(event))


def _item(line: Told) -> Item:
    kept: Attributes = {
        "type": line.type,
        "scope": line.scope,
        "sequence": line.sequence,
        "at": line.at,
        "became": line.became.value,
        "tried_at": line.tried_at,
        "attempts": line.attempts,
        "status": line.status,
        "ms": line.ms,
        "why": line.why,
    }
    return item(_key(line.subscription, line.event), kept, line.tried_at // 1000 + KEPT_DAYS * DAY_S)


def _told(found: Item) -> Told:
    return Told(
        text(found, "PK").split("#")[1],
        text(found, "SK"),
        text(found, "type"),
        text(found, "scope"),
        number(found, "sequence") or 0,
        number(found, "at") or 0,
        Became(text(found, "became")),
        number(found, "tried_at") or 0,
        number(found, "attempts") or 0,
        number(found, "status"),
        number(found, "ms"),
        text(found, "why") or None,
    )
