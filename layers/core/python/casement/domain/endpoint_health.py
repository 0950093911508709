"""How a subscriber's endpoint does: when a delivery is tried again, when all of them wait, when it is paused.

One event that an endpoint does not take is that event's matter: it is tried again, later and later, while its own
conversation waits behind it and no other does. When nothing at all gets through, trying each is of no use: the circuit
opens, everything waits, and from time to time one event tries whether the endpoint is back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
# As Standard Webhooks advises (https://github.com/standard-webhooks/standard-webhooks), with a step more at the start.
RETRY_S = (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000)
PROBE_S = (5, 60, 300, 900, 1800)  # a server that is back should not wait for hours
GIVEN_UP_AFTER_MS = 72 * HOUR_MS
FEWEST_ATTEMPTS = 4  # at least: what waited so long behind another is not given up for one moment's fault
OPENS_AFTER = 5  # different events that failed in a row
DEAD_WITH = 2  # different events, at least: one alone may be bad itself
LONGEST_ASKED_S = 3600  # an endpoint may ask to wait, for so long at most


def wait_s(attempts: int, asked: int | None = None) -> int:
    """Seconds until a delivery is tried again that failed `attempts` times; `asked` is what the endpoint asks for."""
    return max(RETRY_S[min(attempts, len(RETRY_S)) - 1], min(asked or 0, LONGEST_ASKED_S))


@dataclass(frozen=True, slots=True)
class Health:
    """Times are epoch milliseconds, 0 for never. `failed` are the ids of the different events that failed since the
    last success, `OPENS_AFTER` at most; `probe_at` is when the open circuit is next tried."""

    failed: tuple[str, ...] = ()
    failing_since: int = 0
    probe_at: int = 0
    probes: int = 0
    recovered_at: int = 0
    version: int = 0

    @property
    def is_open(self) -> bool:
        """Whether nothing is sent but a probe."""
        return self.probe_at > 0

    def is_dead(self, now: int, after_ms: int) -> bool:
        """Whether nothing has got through for so long that it should be paused."""
        return len(self.failed) >= DEAD_WITH and now - self.failing_since >= after_ms

    def after_failure(self, event: str, now: int, *, slow_down_s: int | None = None) -> Self:
        """What it is after one more event failed; `slow_down_s` if the endpoint asks for nothing at all for so long."""
        failed = self.failed if event in self.failed else (*self.failed, event)[-OPENS_AFTER:]
        failing_since = self.failing_since or now
        if self.is_open:
            asked = now + 1000 * min(slow_down_s or 0, LONGEST_ASKED_S)
            return replace(self, failed=failed, probe_at=max(self.probe_at, asked))
        opens = len(failed) >= OPENS_AFTER or slow_down_s is not None
        wait = max(PROBE_S[0], min(slow_down_s or 0, LONGEST_ASKED_S))
        probe_at = now + wait * 1000 if opens else 0
        return replace(self, failed=failed, failing_since=failing_since, probe_at=probe_at, probes=0)

    def probing(self, now: int) -> Self:
        """What it is while one tries whether it is back: the next may try after another step."""
        probes = min(self.probes + 1, len(PROBE_S) - 1)
        return replace(self, probes=probes, probe_at=now + PROBE_S[probes] * 1000)

    def after_success(self, now: int) -> Self:
        """What it is after something got through. What failed before failed because of it, and is due at once."""
        recovered_at = now if self.is_open else self.recovered_at
        return replace(self, failed=(), failing_since=0, probe_at=0, probes=0, recovered_at=recovered_at)


@dataclass(frozen=True, slots=True)
class Shard:
    """That something may wait in a shard. `due` is when to look (epoch milliseconds), None if nothing waits; `mark`
    tells one state of it from another, `marked_at` is when it was written; `looked_at` when somebody last looked, as
    far as who wrote it knew: a tick that was made before is of no use any more."""

    mark: str
    marked_at: int
    due: int | None
    looked_at: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it is at this moment. Shards that never held anything are not there."""

    health: Health
    shards: Mapping[int, Shard]

    def due_in(self, shard: int) -> int | None:
        """When to look into a shard (epoch milliseconds), None if nothing waits there."""
        return self.shards[shard].due if shard in self.shards else None

    def to_look_at(self, now: int, active_since: int) -> list[int]:
        """The shards to be looked at now, of a subscription that is delivered to since `active_since`."""
        if self.health.is_open and now < self.health.probe_at:
            return []
        anew = max(self.health.recovered_at, active_since)
        return [
            number
            for number, shard in self.shards.items()
            if shard.due is not None and (self.health.is_open or shard.due <= now or shard.marked_at < anew)
        ]
