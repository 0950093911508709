"""Deliver again what was told before: one event, or what happened in a stretch of time.

The delivery log says which events those were, the journal what they said. They go the way of every delivery, with the
ids and numbers that they always had, so whoever knows them already can tell.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from casement.domain.deliveries import Became, Delivery, Redelivery, Told
from casement.domain.errors import NotFound
from casement.domain.events import ID_AHEAD_MS, Event, Numbered
from casement.domain.meta_shape import rendered
from casement.domain.subscription import Subscription

MOST_AT_ONCE = 200  # events in one run: each is a read of the journal
MOST_LOOKED_AT = 5_000  # lines of the log, of which few may be wanted


class DeliveryLog(Protocol):
    """What became of deliveries."""

    def find(self, subscription: str, event: str) -> Told | None: ...
    def oldest(self, subscription: str, since: int, until: int, *, after: str = "") -> Iterator[Told]: ...


class Journal(Protocol):
    """What was told."""

    def event(self, scope: str, sequence: int) -> Event | None: ...


class Queue(Protocol):
    """The queue of deliveries."""

    def put(self, deliveries: Iterable[Delivery], *, again: str = "") -> None: ...
    def redeliver(self, wanted: Redelivery) -> None: ...


@dataclass(frozen=True, slots=True)
class Archive:
    """Where what was told is found again."""

    log: DeliveryLog
    journal: Journal
    queue: Queue

    def body_of(self, subscription: Subscription, delivery: Delivery) -> str | None:
        """What a delivery says, None if it is no longer kept."""
        event = self.journal.event(delivery.scope, delivery.sequence)
        return None if event is None else rendered(Numbered(delivery.sequence, event), subscription.mode)


def redeliver_one(subscription: Subscription, event: str, archive: Archive, now: int) -> None:
    """Put one event on the queue again. Raises `NotFound` for one that was never for this subscription, or is no longer
    kept."""
    line = archive.log.find(subscription.id, event)
    delivery = None if line is None else _delivery(line, subscription, archive)
    if delivery is None:
        raise NotFound("No such event was for this subscription, or it is no longer kept.")
    archive.queue.put([delivery], again=f"r{now}")


def redeliver_range(wanted: Redelivery, subscription: Subscription, archive: Archive) -> int:
    """Put the next events of a stretch of time on the queue again, and what is left for another run; how many."""
    lines: list[Told] = []
    left: Redelivery | None = None
    last = ""
    found = archive.log.oldest(subscription.id, wanted.since, wanted.until + ID_AHEAD_MS, after=wanted.after)
    for looked_at, line in enumerate(found):
        if len(lines) == MOST_AT_ONCE or looked_at == MOST_LOOKED_AT:
            left = replace(wanted, after=last)
            break
        last = line.event
        if not wanted.since <= line.at < wanted.until:
            continue
        if line.became is not Became.WAITING and (not wanted.only or line.became in wanted.only):
            lines.append(line)
    lines.sort(key=lambda line: (line.scope, line.sequence))  # by time they come as Meta told them, late ones early
    again = f"r{wanted.asked_at}"
    archive.queue.put(filter(None, (_delivery(line, subscription, archive) for line in lines)), again=again)
    if left is not None:
        archive.queue.redeliver(left)
    return len(lines)


def _delivery(line: Told, subscription: Subscription, archive: Archive) -> Delivery | None:
    bare = Delivery(line.subscription, line.event, line.type, line.at, line.scope, line.sequence, None)
    body = archive.body_of(subscription, bare)
    return None if body is None else replace(bare, body=body)
