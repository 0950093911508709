"""What waits for a subscriber: by conversation, in order. Of each conversation only the first is ever tried."""

import zlib
from collections.abc import Iterable, Iterator

from casement.domain.deliveries import Waiting, delivery_from, shard_of
from casement.store import keys
from casement.store.table import DAY_S, Attributes, Item, Table, item, number, text

_KEPT_S = 35 * DAY_S  # a paused subscription's for as long as it can be resumed without loss, and then some
_FIRST, _LAST = "0", "g"  # sort keys begin with a digest in hex


class Backlog:
    """Finds and keeps it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, waiting: Iterable[Waiting]) -> None:
        """A79. Keep what waits, or how its waiting goes on."""
        self._table.put_all(list({_key(each): _item(each) for each in waiting}.values()))

    def first(self, subscription: str, scope: str) -> Waiting | None:
        """A80. What is next of a conversation, read consistently."""
        begin = keys.waiting_scope(scope)
        found = self._table.query(
            keys.backlog(subscription, shard_of(scope)), f"{begin}#", f"{begin}$", consistent=True, limit=1
        )
        return next(map(_waiting, found), None)

    def heads(self, subscription: str, shard: int, after: str = "") -> Iterator[tuple[str, Waiting]]:
        """A81. What is next of each conversation of a shard, with its place: who begins after that place goes on with
        the next conversation. Read consistently, one at a time."""
        first = f"{after}$" if after else _FIRST
        while True:
            query = self._table.query(keys.backlog(subscription, shard), first, _LAST, consistent=True, limit=1)
            found = next(query, None)
            if found is None:
                return
            place = text(found, "SK").partition("#")[0]
            yield place, _waiting(found)
            first = f"{place}$"

    def remove(self, waiting: Waiting) -> None:
        """A82. It waits no longer."""
        self._table.delete(_key(waiting))


def _key(waiting: Waiting) -> keys.Key:
    delivery = waiting.delivery
    begin = keys.waiting_scope(delivery.scope)
    return keys.Key(
        keys.backlog(delivery.subscription, delivery.shard),
        f"{begin}#{keys.moment(delivery.sequence)}#{delivery.event}",
    )


def _item(waiting: Waiting) -> Item:
    kept: Attributes = {
        "delivery": zlib.compress(waiting.delivery.dumps().encode()),
        "since": waiting.since,
        "due": waiting.due,
        "attempts": waiting.attempts,
        "tried_at": waiting.tried_at,
    }
    return item(_key(waiting), kept, waiting.since // 1000 + _KEPT_S)


def _waiting(found: Item) -> Waiting:
    return Waiting(
        delivery_from(zlib.decompress(bytes(found["delivery"]["B"])).decode()),
        number(found, "since") or 0,
        number(found, "due") or 0,
        number(found, "attempts") or 0,
        number(found, "tried_at") or 0,
    )
