"""Facts: what Meta told us, written once."""

from collections.abc import Iterable
from typing import NamedTuple

from casement.domain.facts import Fact, Link, Quarantined
from casement.store import keys
from casement.store.table import Item, Table, expiry, item

CHUNK = 350_000  # bytes; DynamoDB takes items of 400 KB, names and keys included
TOO_LARGE = "too large for one item"
_REMEMBERED_LINKS = 20_000


class Stored(NamedTuple):
    """What one POST became."""

    facts: int
    quarantined: int


class Facts:
    """Writes facts. A repeat puts the very same bytes: no condition is needed, and the stream stays silent."""

    def __init__(self, table: Table, *, retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days
        self._known_links: set[Link] = set()  # only spares writes: a fresh environment writes them once more

    def add(self, pieces: Iterable[Fact | Link | Quarantined]) -> Stored:
        """A1, A2, A3. Store every piece. Raises `StoreUnavailable` unless all of them are durable."""
        items: dict[keys.Key, Item] = {}  # by key: a batch must not name one twice
        links: set[Link] = set()
        facts = quarantined = 0
        for piece in pieces:
            if isinstance(piece, Fact) and _fits(piece.raw):
                key = keys.fact(piece)
                items[key] = self._fact_item(key, piece)
                facts += 1
            elif isinstance(piece, Link):
                links.add(piece)
            else:
                bad = Quarantined(TOO_LARGE, piece.raw.encode()) if isinstance(piece, Fact) else piece
                items |= _quarantine_items(bad)
                quarantined += 1
        links -= self._known_links
        for link in links:
            items |= _link_items(link)
        self._table.put_all(list(items.values()))
        self._remember(links)
        return Stored(facts, quarantined)

    def _fact_item(self, key: keys.Key, fact: Fact) -> Item:
        made: Item = {"PK": {"S": key.pk}, "SK": {"S": key.sk}, "raw": {"S": fact.raw}}
        if ttl := expiry(fact.at, self._retention_days):
            made["ttl"] = {"N": str(ttl)}
        if fact.referral:
            made["referral"] = {"N": "1"}
        return made

    def _remember(self, links: set[Link]) -> None:
        if len(self._known_links) > _REMEMBERED_LINKS:
            self._known_links.clear()
        self._known_links |= links


def _fits(raw: str) -> bool:
    """Whether the JSON of a fact is small enough for an item; a character takes at most four bytes."""
    return len(raw) * 4 <= CHUNK or len(raw.encode()) <= CHUNK


def _link_items(link: Link) -> dict[keys.Key, Item]:
    there, back = keys.link(link)
    return {there: item(there, {"leads_to": keys.part(link.b)}), back: item(back, {"leads_to": keys.part(link.a)})}


def _quarantine_items(bad: Quarantined) -> dict[keys.Key, Item]:
    """The first item says why and how many there are; each holds the next part of the bytes."""
    first = keys.quarantined(bad)
    parts = [bad.body[start : start + CHUNK] for start in range(0, len(bad.body), CHUNK)] or [b""]
    items = {first: item(first, {"reason": bad.reason, "parts": len(parts), "body": parts[0]})}
    for number, part in enumerate(parts[1:], start=1):
        key = keys.quarantine_part(first, number)
        items[key] = item(key, {"body": part})
    return items
