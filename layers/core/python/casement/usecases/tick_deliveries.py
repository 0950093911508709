"""Each minute: have somebody look at what waits for subscribers and is due.

What is due within seconds has a message of its own; this makes up for those that were lost, and is all there is for
what waits longer.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from casement.domain.deliveries import Tick
from casement.domain.endpoint_health import MINUTE_MS, Endpoint
from casement.domain.subscription import Subscription


class Subscriptions(Protocol):
    """Who is told what."""

    def all(self, now: int) -> Iterable[Subscription]: ...


class Endpoints(Protocol):
    """How endpoints do, and where something waits for them."""

    def find(self, subscription: str) -> Endpoint: ...


def tick_deliveries(
    subscriptions: Subscriptions, endpoints: Endpoints, put: Callable[[Iterable[Tick]], None], now: int
) -> int:
    """Put a tick on the queue for whatever is due; how many. Raises `StoreUnavailable`.

    Two that look within one minute make the same ticks, which the queue takes for one.
    """
    minute = now // MINUTE_MS * MINUTE_MS
    ticks = [
        Tick(each.id, shard, minute)
        for each in subscriptions.all(now)
        if not each.is_paused
        for shard in endpoints.find(each.id).to_look_at(now, each.since)
    ]
    if ticks:
        put(ticks)
    return len(ticks)
