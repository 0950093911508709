"""A number's log: what came in and what was asked to go out, by time, over a few shards so that no key is hot.

Entries of what came in are a projection: `react` writes them from the stream, each from its fact alone, so that they
can be written again in any order. Entries of what was asked are the sends' own records (see `casement.store.sends`).

An inbox lists conversations by their newest entry. Older entries of a conversation stay, and readers pass over them:
one write an inbound message, and nothing to move or delete.
"""

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from casement.domain.message_key import MessageKey
from casement.domain.messages import Entry, Note, Position
from casement.store import keys
from casement.store.table import Item, Table, item, text

_PAGE = 50
_EVER = 10**13 - 1  # the largest moment a key can hold


class Log:
    """Reads and writes numbers' logs."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, items: Iterable[Item]) -> None:
        """A15. Write entries of what came in, as `entry_of` made them."""
        by_key = {(text(new, "PK"), text(new, "SK")): new for new in items}
        self._table.put_all(list(by_key.values()))

    def newest(self, number_id: str, *, before: Position | None = None, since: int = 0) -> Iterator[Entry]:
        """A16. Everything in and out, newest first, from `before` (exclusive) down to `since` (epoch milliseconds)."""
        ranges = [
            self._range(number_id, shard, prefix, since, before.at if before else _EVER, newest_first=True)
            for shard in range(keys.LOG_SHARDS)
            for prefix in (keys.IN, keys.OUT)
        ]
        merged = heapq.merge(*ranges, key=lambda entry: entry.position, reverse=True)
        return (entry for entry in merged if before is None or entry.position < before)

    def oldest_inbound(
        self, number_id: str, *, since: int, until: int = _EVER, after: Position | None = None
    ) -> Iterator[Entry]:
        """A17. What came in from `since` up to `until` (epoch milliseconds), oldest first, after `after`."""
        start = max(since, after.at) if after else since
        ranges = [
            self._range(number_id, shard, keys.IN, start, until, newest_first=False) for shard in range(keys.LOG_SHARDS)
        ]
        merged = heapq.merge(*ranges, key=lambda entry: entry.position)
        return (entry for entry in merged if after is None or entry.position > after)

    def asked(self, number_id: str, key: MessageKey) -> Entry | None:
        """A23. What was asked of us under a key, whether or not it ended. Read consistently: whether a try has begun
        decides what may follow."""
        found = self._table.get(keys.intent(number_id, key.contact, key.ulid, key.at), consistent=True)
        return entry_from(found) if found else None

    def requests(self, number_id: str, sends: Iterable[MessageKey]) -> dict[MessageKey, Mapping[str, Any]]:
        """A67. The requests behind sends, of those that are kept. Read consistently: a status can come at once."""
        places = {keys.intent(number_id, key.contact, key.ulid, key.at): key for key in sends}
        found = self._table.get_all(places, consistent=True)
        return {places[place]: json.loads(text(one, "request")) for place, one in found.items()}

    def oldest_asked(self, number_id: str, *, since: int, until: int) -> Iterator[Entry]:
        """A45. What was asked to go out from `since` up to `until` (epoch milliseconds), oldest first."""
        ranges = [
            self._range(number_id, shard, keys.OUT, since, until, newest_first=False)
            for shard in range(keys.LOG_SHARDS)
        ]
        return heapq.merge(*ranges, key=lambda entry: entry.position)

    def notes(self, number_id: str, *, since: int) -> Iterator[Note]:
        """A44. What the number's health tells of, oldest first by shard, from `since` (epoch milliseconds) on."""
        for shard in range(keys.LOG_SHARDS):
            first = keys.NOTABLE + keys.moment(since)
            for found in self._table.query(keys.log(number_id, shard), first, f"{keys.NOTABLE[0]}$"):
                _, at, kind, _ = text(found, "SK").split("#")
                yield Note(int(at), kind, text(found, "send"))

    def _range(
        self, number_id: str, shard: int, prefix: str, since: int, until: int, *, newest_first: bool
    ) -> Iterator[Entry]:
        found = self._table.query(
            keys.log(number_id, shard),
            prefix + keys.moment(since),
            f"{prefix}{keys.moment(until)}$",
            newest_first=newest_first,
            limit=_PAGE,
        )
        return map(entry_from, found)


def entry_of(image: Mapping[str, Any]) -> Item | None:
    """The log entry of a stored fact: of a message, of what opened a window, of Meta's verdict on a send of ours. None
    for everything else.

    `image` is the fact's item in DynamoDB's form; the entry follows from it alone.
    """
    pk, sk = text(image, "PK"), text(image, "SK")
    if not pk.startswith("C#"):
        return None
    _, number_id, contact = pk.split("#")
    prefix, at, *kind = sk.split("#")
    match prefix, kind:
        case ("W", ["0", *_]) | ("M", ["message" | "echo" | "history", *_]):
            entry = item(keys.log_entry(number_id, contact, int(at), sk), {"contact": contact, "fact": sk})
        case "W", ["1", "send", ulid, *_]:
            key = keys.notable(number_id, contact, int(at), keys.VERDICT, ulid)
            entry = item(key, {"contact": contact, "send": str(MessageKey(contact, ulid))})
        case _:
            return None
    if "ttl" in image:
        entry["ttl"] = image["ttl"]
    return entry


def entry_from(found: Item) -> Entry:
    """The entry that an item is."""
    prefix, at, rest = text(found, "SK").split("#", 2)
    position = Position(int(at), rest)
    contact = text(found, "contact")
    if prefix == "I":
        return Entry(position, contact, fact=text(found, "fact"))
    asked = json.loads(text(found, "request"))
    decided = text(found, "decided")
    return Entry(
        position,
        contact,
        ulid=rest,
        asked=asked,
        asked_by=text(found, "asked_by"),
        decided=json.loads(decided) if decided else None,
    )
