"""The outbox: an SQS FIFO queue with a group for each conversation, so that one conversation's work is done in order
and no conversation waits for another.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.errors import StoreUnavailable
from casement.domain.jobs import Job

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH = 10  # SQS' own limit
LONGEST_WAIT_S = 43_200  # SQS hides a message no longer than 12 hours


class Outbox:
    """Puts jobs on the queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def put(self, jobs: Iterable[Job]) -> None:
        """Put jobs there. The same job twice within five minutes is one. Raises `StoreUnavailable`."""
        wanted = list({job.id: job for job in jobs}.values())
        for start in range(0, len(wanted), _BATCH):
            self._put(wanted[start : start + _BATCH])

    def _put(self, jobs: list[Job]) -> None:
        try:
            answer = self._client.send_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {
                        "Id": str(index),
                        "MessageBody": job.dumps(),
                        "MessageGroupId": job.group,
                        "MessageDeduplicationId": job.id,
                    }
                    for index, job in enumerate(jobs)
                ],
            )
        except (BotoCoreError, ClientError) as error:
            raise StoreUnavailable(f"SQS did not take jobs: {type(error).__name__}") from error
        if answer.get("Failed"):
            raise StoreUnavailable(f"SQS left out {len(answer['Failed'])} of {len(jobs)} jobs")

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
