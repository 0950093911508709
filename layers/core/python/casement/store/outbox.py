"""The outbox: an SQS FIFO queue with a group for each conversation, so that one conversation's work is done in order
and no conversation waits for another.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from casement.domain.jobs import Job
from casement.store.fifo_queue import FifoQueue, Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Outbox:
    """Puts jobs on the queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._queue = FifoQueue(client, url, "jobs")

    def put(self, jobs: Iterable[Job]) -> None:
        """Put jobs there. The same job twice within five minutes is one. Raises `StoreUnavailable`."""
        self._queue.put(Message(job.dumps(), job.group, job.id) for job in jobs)

    def put_off(self, receipt_handle: str, seconds: float) -> None:
        """Hide a job that is being worked on for so long, a second at least; its group waits for it. Raises
        `StoreUnavailable`."""
        self._queue.put_off(receipt_handle, max(1.0, seconds))
