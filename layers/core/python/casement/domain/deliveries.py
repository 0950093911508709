"""A delivery: one event on its way to one subscriber; what else the queue holds, and what the log says of it."""

import json
import zlib
from dataclasses import asdict, dataclass
from enum import StrEnum

SHARDS = 16  # of what waits for a subscriber, and of its log: so 4,000 events a second are 250 on each


@dataclass(frozen=True, slots=True)
class Delivery:
    """`body` is exactly what is POSTed; None if it is too large for the queue and must be read from the journal.

    `scope` and `sequence` say which event of which conversation it is (see `Event.scope`); `at` is when it happened,
    epoch milliseconds.
    """

    subscription: str
    event: str
    type: str
    at: int
    scope: str
    sequence: int
    body: str | None

    def dumps(self) -> str:
        """As the queue holds it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def lane(self, lanes: int) -> int:
        """Which of a subscriber's lanes it takes. One conversation's events take one, so they arrive in order."""
        return _place_of(self.scope, lanes)

    @property
    def shard(self) -> int:
        """In which shard it waits, if it must."""
        return shard_of(self.scope)


def shard_of(scope: str) -> int:
    """The shard in which what waits of a conversation lies, however many lanes its subscriber has."""
    return _place_of(scope, SHARDS)


def _place_of(text: str, places: int) -> int:
    return zlib.crc32(text.encode(errors="surrogatepass")) % places


def delivery_from(text: str) -> Delivery:
    """A delivery as the queue held it. Raises ValueError or TypeError: we wrote it, so that is a bug."""
    return Delivery(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Tick:
    """A reason to look at one shard of what waits for a subscriber. Times are epoch milliseconds.

    It is not for now if `at` is later. `after` is where the one before it left off, `due` when the earliest of those
    that it passed over is to be tried; empty and 0 for none.
    """

    subscription: str
    shard: int
    made_at: int
    at: int = 0
    after: str = ""
    due: int = 0

    def dumps(self) -> str:
        """As the queue holds it."""
        return json.dumps({"tick": asdict(self)}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Redelivery:
    """What happened from `since` until before `until` is to be delivered to a subscriber again, or what of it became
    one of `only`. Times are epoch milliseconds. It is not for now if `at` is later; `after` is the event that the one
    before it came to."""

    subscription: str
    since: int
    until: int
    only: tuple[str, ...]
    asked_at: int
    at: int = 0
    after: str = ""

    def dumps(self) -> str:
        """As the queue holds it."""
        return json.dumps({"redelivery": asdict(self)}, separators=(",", ":"))


def work_from(text: str) -> Delivery | Tick | Redelivery:
    """What a message of the queue asks for. Raises ValueError or TypeError: we wrote it, so that is a bug."""
    held = json.loads(text)
    if "tick" in held:
        return Tick(**held["tick"])
    if "redelivery" in held:
        wanted = held["redelivery"]
        return Redelivery(**wanted | {"only": tuple(wanted["only"])})
    return Delivery(**held)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that could not be made, or waits behind one of its conversation. Times are epoch milliseconds.

    `since` is when it began to wait, `due` when it is to be tried next, `tried_at` when it last was (0: never).
    """

    delivery: Delivery
    since: int
    due: int
    attempts: int = 0
    tried_at: int = 0


class Became(StrEnum):
    """What became of a delivery, so far."""

    DELIVERED = "delivered"
    WAITING = "waiting"  # it will be tried (again)
    FAILED = "failed"  # given up
    MISSED = "missed"  # its subscription was paused


NOT_ARRIVED = (Became.FAILED, Became.MISSED)  # and nobody tries any more


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the delivery log: the last that became of one event for one subscriber.

    `at` is when it happened, `tried_at` when this was written (epoch milliseconds); `status` is the HTTP status of the
    last attempt, `ms` how long that took, `why` what went wrong.
    """

    subscription: str
    event: str
    type: str
    scope: str
    sequence: int
    at: int
    became: Became
    tried_at: int
    attempts: int = 0
    status: int | None = None
    ms: int | None = None
    why: str | None = None


def told(
    delivery: Delivery, became: Became, now: int, attempts: int, answer: "Answer | None" = None, why: str | None = None
) -> Told:
    """The line of the log for what became of a delivery."""
    return Told(
        delivery.subscription,
        delivery.event,
        delivery.type,
        delivery.scope,
        delivery.sequence,
        delivery.at,
        became,
        now,
        attempts,
        answer.status if answer else None,
        answer.ms if answer else None,
        why or (answer.why if answer else None),
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What a subscriber's server said. `status` is None if nobody answered; `ms` is how long it took; `why` says what
    was wrong; `retry_after` are the seconds that it asks to wait. With `final`, no other attempt could end better."""

    status: int | None
    ms: int
    why: str | None = None
    retry_after: int | None = None
    final: bool = False

    @property
    def ok(self) -> bool:
        """Whether it was taken: 2xx, and nothing else."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether it says that there is no such endpoint any more, and never will be."""
        return self.status == 410

    @property
    def asks_to_slow_down(self) -> bool:
        """Whether it wants less for now, of whatever there is."""
        return self.status == 429 or (self.status == 503 and self.retry_after is not None)
