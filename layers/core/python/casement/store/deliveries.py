"""The queue of deliveries: SQS FIFO, with a group for each lane of a subscriber, so that one conversation's events
arrive in order, and a subscriber gets no more at a time than it can take.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.deliveries import Delivery, Redelivery, Tick
from casement.domain.errors import StoreUnavailable
from casement.store.queue_batches import LARGEST_BATCH, batches

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

LONGEST_WAIT_S = 43_200  # SQS hides a message no longer than 12 hours


class Deliveries:
    """Puts deliveries on the queue. `lanes` tells how many lanes the subscription of an id has."""

    def __init__(self, client: "SQSClient", url: str, lanes: Callable[[str], int]) -> None:
        self._client = client
        self._url = url
        self._lanes = lanes

    def put(self, deliveries: Iterable[Delivery], *, again: str = "") -> None:
        """Put deliveries there, in this order. The same twice within five minutes is one, unless `again` tells them
        apart. A body that is too large stays behind, in the journal. Raises `StoreUnavailable`."""
        entries = (self._entry(delivery, again) for delivery in deliveries)
        for batch in batches({entry["MessageDeduplicationId"]: entry for entry in entries}.values()):
            self._put(batch)

    def _entry(self, delivery: Delivery, again: str) -> "SendMessageBatchRequestEntryTypeDef":
        body = delivery.dumps()
        if len(body.encode()) > LARGEST_BATCH:
            body = replace(delivery, body=None).dumps()
        lane = delivery.lane(self._lanes(delivery.subscription))
        return {
            "Id": "",  # given with its batch
            "MessageBody": body,
            "MessageGroupId": f"{delivery.subscription}.{lane}",
            "MessageDeduplicationId": f"{delivery.subscription}.{delivery.event}{again and '.'}{again}",
        }

    def tick(self, ticks: Iterable[Tick]) -> None:
        """Have shards of what waits looked at: now in one of their subscriber's lanes, so that no more than those are
        at work; later in a group of their own, in which nobody waits. Raises `StoreUnavailable`."""
        entries = map(self._tick_entry, ticks)
        for batch in batches({entry["MessageDeduplicationId"]: entry for entry in entries}.values()):
            self._put(batch)

    def _tick_entry(self, tick: Tick) -> "SendMessageBatchRequestEntryTypeDef":
        if tick.at:
            name = f"{tick.subscription}.t{tick.shard}.{tick.at}"
            return {"Id": "", "MessageBody": tick.dumps(), "MessageGroupId": name, "MessageDeduplicationId": name}
        return {
            "Id": "",
            "MessageBody": tick.dumps(),
            "MessageGroupId": f"{tick.subscription}.{tick.shard % self._lanes(tick.subscription)}",
            "MessageDeduplicationId": f"{tick.subscription}.k{tick.shard}.{tick.made_at}.{tick.after}",
        }

    def redeliver(self, wanted: Redelivery) -> None:
        """Have what happened in a stretch of time delivered again. Raises `StoreUnavailable`."""
        group = f"{wanted.subscription}.again"
        id_ = f"{group}.{wanted.asked_at}.{wanted.after}"
        entry = {"MessageBody": wanted.dumps(), "MessageGroupId": group, "MessageDeduplicationId": id_}
        self._put([{"Id": "", **entry}])  # type: ignore[typeddict-item]

    def _put(self, entries: "list[SendMessageBatchRequestEntryTypeDef]") -> None:
        numbered = [{**entry, "Id": str(index)} for index, entry in enumerate(entries)]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=numbered)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not take deliveries: {type(error).__name__}") from error
        if answer.get("Failed"):
            raise StoreUnavailable(f"SQS left out {len(answer['Failed'])} of {len(entries)} deliveries")

    def done(self, receipt_handles: Sequence[str]) -> None:
        """Take messages away before the whole batch is done with, so that their group goes on: ten at most. Raises
        `StoreUnavailable`; then they are taken away with the batch."""
        entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(receipt_handles)]
        try:
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not take messages away: {type(error).__name__}") from error

    def put_off(self, receipt_handle: str, seconds: float) -> None:
        """Hide a message that is being worked on for so long; its group waits for it. Raises `StoreUnavailable`."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=max(0, min(round(seconds), LONGEST_WAIT_S)),
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not put off a delivery: {type(error).__name__}") from error
