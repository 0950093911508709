"""How subscribers' endpoints do, and for which of them something waits: one small partition each, one read.

That a shard of what waits may hold something is marked before the message that put it there is done with, under a new
mark each time. Whoever finds a shard empty takes its mark away only if it is still the one they knew.
"""

from casement.domain.endpoint_health import Endpoint, Health, Shard
from casement.store import keys
from casement.store.table import DAY_S, Attributes, Item, Table, item, number, text

_KEPT_S = 60 * DAY_S  # longer than anything that it is needed for
_FIRST, _LAST = keys.HEALTH, "t"  # `health` and `shard#…`


class Endpoints:
    """Finds and keeps them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, subscription: str) -> Endpoint:
        """A75. How one is at this moment, and where something waits for it."""
        health, shards = Health(), {}
        for found in self._table.query(keys.endpoint(subscription), _FIRST, _LAST, consistent=True):
            sk = text(found, "SK")
            if sk == keys.HEALTH:
                health = _health(found)
            else:
                shards[int(sk.removeprefix(keys.SHARD))] = _shard(found)
        return Endpoint(health, shards)

    def keep(self, subscription: str, old: Health, new: Health) -> bool:
        """A76. Keep how one is, unless somebody else did; whether we were first. `new` is one version up."""
        made = _health_item(subscription, new)
        if old.version == 0:
            return self._table.put_new(made) is None
        return self._table.replace(made, "version", old.version)

    def mark(self, subscription: str, shard: int, state: Shard) -> None:
        """A77. Something waits in a shard, to be looked at when it is `due`."""
        self._table.put(_shard_item(subscription, shard, state))

    def settle(self, subscription: str, shard: int, was: Shard, state: Shard) -> bool:
        """A78. What waits in a shard was looked at, unless something was added meanwhile."""
        return self._table.replace(_shard_item(subscription, shard, state), "mark", was.mark)


def _health_item(subscription: str, health: Health) -> Item:
    kept: Attributes = {
        "failed": " ".join(health.failed),
        "failing_since": health.failing_since,
        "probe_at": health.probe_at,
        "probes": health.probes,
        "recovered_at": health.recovered_at,
        "version": health.version,
    }
    newest = max(health.failing_since, health.recovered_at)
    return item(keys.Key(keys.endpoint(subscription), keys.HEALTH), kept, newest // 1000 + _KEPT_S)


def _health(found: Item) -> Health:
    return Health(
        tuple(text(found, "failed").split()),
        number(found, "failing_since") or 0,
        number(found, "probe_at") or 0,
        number(found, "probes") or 0,
        number(found, "recovered_at") or 0,
        number(found, "version") or 0,
    )


def _shard_item(subscription: str, shard: int, state: Shard) -> Item:
    kept: Attributes = {
        "mark": state.mark,
        "marked_at": state.marked_at,
        "due": state.due,
        "looked_at": state.looked_at,
    }
    key = keys.Key(keys.endpoint(subscription), f"{keys.SHARD}{shard}")
    return item(key, kept, state.marked_at // 1000 + _KEPT_S)


def _shard(found: Item) -> Shard:
    looked_at = number(found, "looked_at") or 0
    return Shard(text(found, "mark"), number(found, "marked_at") or 0, number(found, "due"), looked_at)
