"""Deliver what the queue holds for one subscriber, in order; keep in the table what could not be delivered.

A message is done with once all that follows from it is written. So a worker that dies leaves its messages to the next
one, which does the same again: a subscriber may get an event twice, always with the same id, and never none.

The events of a conversation come one after the other. One that is not taken goes to the backlog, and those behind it
follow it there. Whether there is anything in the backlog is known from one small read for each run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from casement.domain.deliveries import Answer, Became, Delivery, Tick, Told, Waiting, told
from casement.domain.endpoint_health import FEWEST_ATTEMPTS, GIVEN_UP_AFTER_MS, Endpoint, Health, Shard, wait_s
from casement.domain.subscription import Subscription

WORK_MS = 50_000  # of one run; what is left then comes again
LEASE_MS = 120_000  # for so long nobody else looks at a shard that is worked off in several runs
BEHIND_MS = 300_000  # what was on the queue for so long waits in the table: the queue is for all subscribers
SOON_MS = 90_000  # what is due sooner is not left to the minutely look
_PROBES_FROM = 20  # conversations of each shard, of which the event that was tried least tries whether it is back
_MOST_ATTEMPTS = 20  # at a change that others make too
_WAS_PAUSED, _WAS_REMOVED = "The subscription was paused.", "The subscription was removed."
_NOT_KEPT = "The event is no longer kept."


class Subscriptions(Protocol):
    """Who is told what."""

    def known(self, id_: str, now: int) -> Subscription | None: ...
    def find(self, id_: str) -> Subscription | None: ...
    def replace(self, old: Subscription, new: Subscription) -> bool: ...


class Endpoints(Protocol):
    """How endpoints do, and where something waits for them."""

    def find(self, subscription: str) -> Endpoint: ...
    def keep(self, subscription: str, old: Health, new: Health) -> bool: ...
    def mark(self, subscription: str, shard: int, state: Shard) -> None: ...
    def settle(self, subscription: str, shard: int, was: Shard, state: Shard) -> bool: ...


class Backlog(Protocol):
    """What waits."""

    def put(self, waiting: Iterable[Waiting]) -> None: ...
    def first(self, subscription: str, scope: str) -> Waiting | None: ...
    def heads(self, subscription: str, shard: int, after: str = "") -> Iterator[tuple[str, Waiting]]: ...
    def remove(self, waiting: Waiting) -> None: ...


class DeliveryLog(Protocol):
    """What became of deliveries."""

    def add(self, lines: Iterable[Told]) -> None: ...


@dataclass(frozen=True, slots=True)
class DeliveryDesk:
    """What delivering takes. `body_of` finds a body that was too large for the queue, `post` makes one attempt, `tick`
    puts ticks on the queue, `count` counts a metric; `clock` tells epoch milliseconds. An endpoint that takes nothing
    for `pause_after_ms` is paused."""

    subscriptions: Subscriptions
    endpoints: Endpoints
    backlog: Backlog
    log: DeliveryLog
    body_of: Callable[[Subscription, Delivery], str | None]
    post: Callable[[Subscription, Delivery], Answer]
    tick: Callable[[Iterable[Tick]], None]
    count: Callable[[str], None]
    clock: Callable[[], int]
    pause_after_ms: int


def deliver(
    work: Sequence[Delivery | Tick], desk: DeliveryDesk, *, came_before: bool, sent_at: int | None = None
) -> int:
    """Do what messages of one lane ask for, in order; how many are done with. The others must come again.

    All are for one subscription. With `came_before`, somebody began with some of them and may have died. `sent_at` is
    when the first of them was put on the queue (epoch milliseconds), if that is known. Raises `StoreUnavailable`: then
    none is done with.
    """
    id_ = work[0].subscription
    subscription = desk.subscriptions.known(id_, desk.clock())
    if subscription is not None and subscription.is_paused:
        subscription = desk.subscriptions.find(id_)  # one that goes on misses nothing from that moment on
    if subscription is None:
        return len(work)  # it was removed
    is_behind = sent_at is not None and desk.clock() - sent_at > BEHIND_MS
    run = _Run(subscription, desk, came_before=came_before, is_behind=is_behind)
    for done, one in enumerate(work):
        if done and run.is_late:
            run.write()
            return done
        if isinstance(one, Tick):
            run.look(one)
        else:
            run.take(one)
    run.write()
    return len(work)


class _Run:
    """One run over a lane. What it learns is written at its end, before its messages are done with."""

    def __init__(self, subscription: Subscription, desk: DeliveryDesk, *, came_before: bool, is_behind: bool) -> None:
        self._subscription, self._desk = subscription, desk
        self._came_before, self._is_behind = came_before, is_behind
        self._began = desk.clock()
        self._endpoint = desk.endpoints.find(subscription.id)
        self._health = self._endpoint.health
        self._behind: dict[str, bool] = {}  # by scope: whether something of it waits
        self._waiting: list[Waiting] = []
        self._due: dict[int, int] = {}  # by shard: when to look at what this run adds
        self._follow: dict[str, int] = {}  # scopes, with their shards, to which it adds behind what waits already
        self._log: list[Told] = []
        self._ticks: list[Tick] = []

    @property
    def is_late(self) -> bool:
        """Whether this run has done enough."""
        return self._desk.clock() - self._began > WORK_MS

    # -- What comes in

    def take(self, delivery: Delivery) -> None:
        """Deliver something new, or let it wait."""
        now = self._desk.clock()
        self._catch_up(now)
        if self._subscription.is_paused:
            self._log.append(told(delivery, Became.MISSED, now, 0, why=_WAS_PAUSED))
        elif self._must_wait(delivery):
            known = self._endpoint.due_in(delivery.shard)
            self._follow[delivery.scope] = delivery.shard
            self._wait(Waiting(delivery, now, now), due=now if known is None else known)
        elif self._health.is_open or self._is_behind:
            self._wait(Waiting(delivery, now, now), due=now)
        elif (left := self._attempt(Waiting(delivery, now, now))) is not None:
            self._wait(left, due=left.due)

    def _catch_up(self, now: int) -> None:
        """Have regard to what its owner changed while this run goes on: a run may take a minute, and whoever pauses a
        subscription, or gives it another URL, may have good reason."""
        known = self._desk.subscriptions.known(self._subscription.id, now)
        if known is not None and known.version > self._subscription.version:
            known = self._desk.subscriptions.find(self._subscription.id)
            self._subscription = known or self._subscription
        if known is None and not self._subscription.is_paused:
            self._subscription = self._subscription.paused(_WAS_REMOVED, now)

    def _must_wait(self, delivery: Delivery) -> bool:
        """Whether something of the same conversation waits before it."""
        if delivery.scope not in self._behind:
            may_be = self._came_before or self._endpoint.due_in(delivery.shard) is not None
            first = self._desk.backlog.first(self._subscription.id, delivery.scope) if may_be else None
            self._behind[delivery.scope] = first is not None
        return self._behind[delivery.scope]

    def _wait(self, waiting: Waiting, *, due: int) -> None:
        delivery = waiting.delivery
        self._behind[delivery.scope] = True
        self._waiting.append(waiting)
        self._due[delivery.shard] = min(due, self._due.get(delivery.shard, due))
        if not waiting.attempts:  # else the attempt is in the log
            self._log.append(told(delivery, Became.WAITING, waiting.since, 0))

    def write(self) -> None:
        """Write down what this run learned. Only then are its messages done with.

        What waits is in the log before it is there: whoever delivers it then has the last word. And it is there before
        its shard is marked: whoever looks at a marked shard finds it.
        """
        now = self._desk.clock()
        self._write_log()
        if self._waiting:
            self._desk.backlog.put(self._waiting)
        for scope, shard in self._follow.items():  # what it waits for may be gone by now
            first = self._desk.backlog.first(self._subscription.id, scope)
            self._due[shard] = min(first.due, self._due[shard]) if first else self._due[shard]
        for shard, due in self._due.items():
            known = self._endpoint.due_in(shard)
            earliest = due if known is None else min(due, known)
            self._mark(shard, earliest, self._waiting[-1].delivery.event, now)
            if known is None or due < known or self._came_before:  # else who marked it has seen to that
                self._wake(shard, earliest)
        if self._ticks:
            self._desk.tick(self._ticks)
        self._waiting, self._due, self._follow, self._ticks = [], {}, {}, []

    def _mark(self, shard: int, due: int, event: str, now: int) -> None:
        known = self._endpoint.shards.get(shard)
        state = Shard(f"{now}.{event}", now, due, known.looked_at if known else 0)
        self._desk.endpoints.mark(self._subscription.id, shard, state)

    def _write_log(self) -> None:
        if self._log:
            self._desk.log.add(self._log)
        self._log = []

    def _wake(self, shard: int, due: int) -> None:
        """Have somebody look at a shard when something there is due, if that is soon."""
        now = self._desk.clock()
        at = max(due, self._health.probe_at)
        if at <= now:
            self._ticks.append(Tick(self._subscription.id, shard, now))
        elif at <= now + SOON_MS:  # few messages, since SQS hides only so many at a time
            step = 1_000 if at <= now + 10_000 else 10_000
            self._ticks.append(Tick(self._subscription.id, shard, now, at=-(-at // step) * step))

    # -- One attempt

    def _attempt(self, waiting: Waiting) -> Waiting | None:
        """Deliver an event; how it waits on, None if that is over."""
        delivery, attempts = waiting.delivery, waiting.attempts + 1
        body = delivery.body if delivery.body is not None else self._desk.body_of(self._subscription, delivery)
        if body is None:
            self._log.append(told(delivery, Became.FAILED, self._desk.clock(), waiting.attempts, why=_NOT_KEPT))
            return None
        answer = self._desk.post(self._subscription, replace(delivery, body=body))
        now = self._desk.clock()
        if answer.ok:
            self._succeeded(now)
            self._log.append(told(delivery, Became.DELIVERED, now, attempts, answer))
            return None
        self._failed(delivery, answer, now)
        gives_up_at = max(waiting.since, self._subscription.since) + GIVEN_UP_AFTER_MS
        tries_on = attempts < FEWEST_ATTEMPTS
        if answer.final or (now >= gives_up_at and not tries_on):
            self._log.append(told(delivery, Became.FAILED, now, attempts, answer))
            self._desk.count("EventGivenUp")
            return None
        self._log.append(told(delivery, Became.WAITING, now, attempts, answer))
        due = now + 1000 * wait_s(attempts, answer.retry_after)
        return replace(waiting, due=due if tries_on else min(due, gives_up_at), attempts=attempts, tried_at=now)

    def _succeeded(self, now: int) -> None:
        if self._health.failed or self._health.is_open:  # the other shards go on within a minute
            self._change_health(lambda health: health.after_success(now))

    def _failed(self, delivery: Delivery, answer: Answer, now: int) -> None:
        slow_down_s = (answer.retry_after or 0) if answer.asks_to_slow_down else None
        self._change_health(lambda health: health.after_failure(delivery.event, now, slow_down_s=slow_down_s))
        if answer.is_gone:
            self._pause("It answered 410: it is gone for good.", now)
        elif self._health.is_dead(now, self._desk.pause_after_ms):
            hours = (now - self._health.failing_since) // 3_600_000
            self._pause(f"For {hours} hours it took nothing. The last time: {answer.why}", now)

    def _change_health(self, change: Callable[[Health], Health]) -> None:
        """Change how the endpoint is, whoever else does."""
        for _ in range(_MOST_ATTEMPTS):
            old = self._health
            new = replace(change(old), version=old.version + 1)
            if replace(new, version=old.version) == old:
                return
            if self._desk.endpoints.keep(self._subscription.id, old, new):
                self._health = new
                return
            self._health = self._desk.endpoints.find(self._subscription.id).health

    def _pause(self, why: str, now: int) -> None:
        for _ in range(_MOST_ATTEMPTS):
            known = self._desk.subscriptions.find(self._subscription.id)
            if known is None or known.is_paused:
                self._subscription = known or self._subscription.paused(why, now)
                return
            self._subscription = known.paused(why, now)
            if self._desk.subscriptions.replace(known, self._subscription):
                self._desk.count("SubscriptionPaused")
                return

    # -- What waits

    def look(self, tick: Tick) -> None:
        """Deliver what is due in a shard of what waits."""
        self.write()
        self._behind.clear()
        self._endpoint = self._desk.endpoints.find(self._subscription.id)
        self._health = self._endpoint.health
        shard = self._endpoint.shards.get(tick.shard)
        if self._subscription.is_paused or shard is None or shard.due is None:
            return
        if self._health.is_open:
            if not self._probe(tick, shard):
                return
        elif tick.made_at < shard.looked_at and not self._came_before:
            return  # where ticks wait for long there are more, and each would take as long as the one before
        self._work_off(tick, shard)

    def _probe(self, tick: Tick, shard: Shard) -> bool:
        """Try with one event whether the endpoint is back, if it is time for that and nobody else does."""
        now, id_ = self._desk.clock(), self._subscription.id
        if now < self._health.probe_at:
            return False
        probe = self._least_tried(tick.shard)
        if probe is None:
            self._settle(tick, shard, None)
            return False
        claimed = replace(self._health.probing(now), version=self._health.version + 1)
        if not self._desk.endpoints.keep(id_, self._health, claimed):
            return False
        self._health = claimed
        left = self._try(probe)
        if left is not None and probe.delivery.shard != tick.shard:  # who may have found that shard empty meanwhile
            known = self._endpoint.due_in(probe.delivery.shard) or left.due
            self._mark(probe.delivery.shard, min(known, left.due), probe.delivery.event, now)
        if self._health.is_open:
            self._wake(tick.shard, now)
        return not self._health.is_open

    def _least_tried(self, shard: int) -> Waiting | None:
        """What tries whether the endpoint is back: of what is next, in whatever shard, what was tried least; None if
        nothing waits in `shard`. One that was never tried will do."""
        best: Waiting | None = None
        others = (each for each in self._endpoint.shards if each != shard and self._endpoint.due_in(each) is not None)
        for number in (shard, *others):
            heads = islice(self._desk.backlog.heads(self._subscription.id, number), _PROBES_FROM)
            for _, head in heads:
                if best is None or (head.attempts, head.tried_at) < (best.attempts, best.tried_at):
                    best = head
                if not best.attempts:
                    return best
            if best is None:
                return None
        return best

    def _work_off(self, tick: Tick, shard: Shard) -> None:
        """Go through the conversations of a shard, from where the tick says, and deliver what is due."""
        due, before = tick.due or None, tick.after
        for place, head in self._desk.backlog.heads(self._subscription.id, tick.shard, tick.after):
            left: Waiting | None = head
            if self.is_late:
                return self._go_on_later(tick, shard, before, due)
            while left is not None and self._is_due(left):
                if self.is_late:
                    return self._go_on_later(tick, shard, before, due)
                scope = left.delivery.scope
                self._catch_up(self._desk.clock())
                if not self._subscription.is_paused:
                    left = self._try(left)
                if self._health.is_open or self._subscription.is_paused:
                    self._settle(tick, shard, self._desk.clock())
                    return self._wake(tick.shard, self._desk.clock())
                if left is None:
                    left = self._desk.backlog.first(self._subscription.id, scope)
            if left is not None:
                due = min(due or left.due, left.due)
            before = place
        self._settle(tick, shard, due)
        if due is not None:
            self._wake(tick.shard, due)
        return None

    def _go_on_later(self, tick: Tick, shard: Shard, after: str, due: int | None) -> None:
        """Leave the rest of a shard to another run, and keep others away from it until then."""
        self._settle(tick, shard, self._desk.clock() + LEASE_MS)
        self._ticks.append(replace(tick, made_at=self._desk.clock(), after=after, due=due or 0))

    def _is_due(self, waiting: Waiting) -> bool:
        anew = max(self._health.recovered_at, self._subscription.since)
        return waiting.due <= self._desk.clock() or waiting.tried_at < anew

    def _try(self, waiting: Waiting) -> Waiting | None:
        """Try one that waits; how it waits on, None if that is over. It is in the log before it is gone from here."""
        if waiting.since < self._subscription.skips_until:
            now = self._desk.clock()
            self._log.append(told(waiting.delivery, Became.MISSED, now, waiting.attempts, why=_WAS_PAUSED))
            left = None
        elif waiting.tried_at < self._subscription.since:  # before it was paused, or changed
            left = self._attempt(replace(waiting, attempts=0))
        else:
            left = self._attempt(waiting)
        self._write_log()
        if left is None:
            self._desk.backlog.remove(waiting)
        else:
            self._desk.backlog.put([left])
        return left

    def _settle(self, tick: Tick, shard: Shard, due: int | None) -> None:
        """Keep when a shard is to be looked at next. If something was added meanwhile, look again at once: who added it
        may have marked the shard for when it was due before."""
        now = self._desk.clock()
        state = Shard(f"{now}.{tick.made_at}.{tick.after}", now, due, now)
        if not self._desk.endpoints.settle(self._subscription.id, tick.shard, shard, state):
            self._ticks.append(Tick(self._subscription.id, tick.shard, now))
