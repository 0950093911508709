"""The outbox: an SQS FIFO queue with a group for each conversation, so that one conversation's work is done in order
and no conversation waits for another.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.errors import StoreUnavailable
from casement.domain.jobs import Job
from casement.store.queue_batches import batches

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

LONGEST_WAIT_S = 43_200  # SQS hides a message no longer than 12 hours


class Outbox:
    """Puts jobs on the queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, jobs: Iterable[Job]) -> None:
        """Put jobs there. The same job twice within five minutes is one. Raises `StoreUnavailable`."""
        for batch in batches(map(_entry, {job.id: job for job in jobs}.values())):
            self._put(batch)

    def _put(self, entries: "list[SendMessageBatchRequestEntryTypeDef]") -> None:
        numbered = [{**entry, "Id": str(index)} for index, entry in enumerate(entries)]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=numbered)  # type: ignore[arg-type]
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not take jobs: {type(error).__name__}") from error
        if answer.get("Failed"):
            raise StoreUnavailable(f"SQS left out {len(answer['Failed'])} of {len(entries)} jobs")

    def put_off(self, receipt_handle: str, seconds: float) -> None:
        """Hide a message that is being worked on for so long; its group waits for it."""
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=max(1, min(round(seconds), LONGEST_WAIT_S)),
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not put off a job: {type(error).__name__}") from error


def _entry(job: Job) -> "SendMessageBatchRequestEntryTypeDef":
    return {
        "Id": "",  # given with its batch
        "MessageBody": job.dumps(),
        "MessageGroupId": job.group,
        "MessageDeduplicationId": job.id,
    }
