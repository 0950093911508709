"""The queue of deliveries: SQS FIFO, with a group for each lane of a subscriber, so that one conversation's events
arrive in order, and a subscriber gets no more at a time than it can take.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from casement.domain.deliveries import Delivery, Redelivery, Tick
from casement.store.fifo_queue import LARGEST_BATCH, FifoQueue, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Deliveries:
    """Puts deliveries on the queue. `lanes` tells how many lanes the subscription of an id has. Every method raises
    `StoreUnavailable`."""

    def __init__(self, client: "SQSClient", url: str, lanes: Callable[[str], int]) -> None:
        self._queue = FifoQueue(client, url, "deliveries")
        self._lanes = lanes

    def put(self, deliveries: Iterable[Delivery], *, again: str = "") -> None:
        """Put deliveries there, in this order. The same twice within five minutes is one, unless `again` tells them
        apart. A body that is too large stays behind, in the journal."""
        self._queue.put(self._message(delivery, again) for delivery in deliveries)

    def _message(self, delivery: Delivery, again: str) -> Message:
        body = delivery.dumps()
        if len(body.encode()) > LARGEST_BATCH:
            body = replace(delivery, body=None).dumps()
        group = f"{delivery.subscription}.{delivery.lane(self._lanes(delivery.subscription))}"
        return Message(body, group, f"{delivery.subscription}.{delivery.event}{again and '.'}{again}")

    def tick(self, ticks: Iterable[Tick]) -> None:
        """Have shards of what waits looked at: now in one of their subscriber's lanes, so that no more than those are
        at work; later in a group of their own, in which nobody waits."""
        self._queue.put(map(self._tick_message, ticks))

    def _tick_message(self, tick: Tick) -> Message:
        if tick.at:
            name = f"{tick.subscription}.t{tick.shard}.{tick.at}"
            return Message(tick.dumps(), name, name)
        group = f"{tick.subscription}.{tick.shard % self._lanes(tick.subscription)}"
        return Message(tick.dumps(), group, f"{tick.subscription}.k{tick.shard}.{tick.made_at}.{tick.after}")

    def redeliver(self, wanted: Redelivery) -> None:
        """Have what happened in a stretch of time delivered again."""
        group = f"{wanted.subscription}.again"
        self._queue.put([Message(wanted.dumps(), group, f"{group}.{wanted.asked_at}.{wanted.after}")])

    def done(self, receipt_handles: Sequence[str]) -> None:
        """Take messages away before the whole batch is done with, so that their lane goes on: ten at most."""
        self._queue.done(receipt_handles)

    def put_off(self, receipt_handle: str, seconds: float) -> None:
        """Hide a message that is being worked on for so long; its group waits for it."""
        self._queue.put_off(receipt_handle, seconds)
