"""An SQS FIFO queue: what it takes at a time, and what it says when it does not."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10  # SQS' own limit
LARGEST_BATCH = 240_000  # bytes of all its messages together: SQS took 262,144 for years, and ministack still does
LONGEST_WAIT_S = 43_200  # SQS hides a message no longer than 12 hours


class Message(NamedTuple):
    """What is put there. Those of a group are given out in order; of two with one id within five minutes, one."""

    body: str
    group: str
    id: str


class FifoQueue:
    """Every method raises `StoreUnavailable` when SQS does not do as asked; `what` says there what its messages are."""

    def __init__(self, client: "SQSClient", url: str, what: str) -> None:
        self._client = client
        self._url = url
        self._what = what

    def put(self, messages: Iterable[Message]) -> None:
        """Put messages there, in this order, as many at a time as SQS takes. Those with one id are one."""
        for batch in _batches({message.id: message for message in messages}.values()):
            self._put(batch)

    def _put(self, messages: Sequence[Message]) -> None:
        try:
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(index),
                        "MessageBody": message.body,
                        "MessageGroupId": message.group,
                        "MessageDeduplicationId": message.id,
                    }
                    for index, message in enumerate(messages)
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not take {self._what}: {type(error).__name__}") from error
        if answer.get("Failed"):
            raise StoreUnavailable(f"SQS left out {len(answer['Failed'])} of {len(messages)} {self._what}")

    def put_off(self, receipt_handle: str, seconds: float) -> None:
        """Hide a message that is being worked on for so long; its group waits for it."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=max(0, min(round(seconds), LONGEST_WAIT_S)),
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not put off {self._what}: {type(error).__name__}") from error

    def done(self, receipt_handles: Sequence[str]) -> None:
        """Take messages away before the whole batch is done with, so that their group goes on: ten at most. Those that
        can't be are taken away with the batch."""
        entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate(receipt_handles)]
        try:
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not take away {self._what}: {type(error).__name__}") from error


def _batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    batch, size = list[Message](), 0
    for message in messages:
        bytes_ = len(message.body.encode())
        if batch and (len(batch) == _BATCH or size + bytes_ > LARGEST_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += bytes_
    if batch:
        yield batch
