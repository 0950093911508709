"""SQS queues that feed functions. One FIFO group's batches follow each other; groups go side by side."""

import base64
import json
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.stack import patterns
from local.stack.delivery import Record, failed_items
from local.stack.functions import LoadedFunction, as_json
from local.stack.template import ACCOUNT_ID, QueueMapping

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger("local.stack")

LOOK_SECONDS = 1  # how long one call waits for messages; the engine answers within 0.1 s of one arriving
LARGEST_RECEIVE = 10  # SQS' own limit, and so our largest batch; Lambda gathers more for a standard queue
SOON_SECONDS = 3.0  # what a function put off for longer than this is not waited for


class QueueConsumer:
    """Feeds one function from one queue."""

    def __init__(
        self, client: "SQSClient", url: str, function: LoadedFunction, mapping: QueueMapping, pool: Executor
    ) -> None:
        self.mapping = mapping
        self.transitions = 0
        self._client = client
        self._url = url
        self._function = function
        self._pool = pool
        self._slots = threading.Semaphore(mapping.maximum_concurrency)
        self._in_work = 0
        self._moved_at = 0.0  # time.monotonic() when a batch last came off the queue, or was done with
        self._looked_until = 0.0  # the same when a look last found nothing
        self._delivered = 0
        self._failed = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"queue:{mapping.queue_name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()  # a look in progress ends with the engine; nobody waits for it

    def wait_empty(self, deadline: float) -> bool:
        """True once the queue holds nothing, or only what was put off for long, and what must wait behind that.

        A queue does not say when a message comes back; but what looks of `SOON_SECONDS` did not find is not due soon.
        """
        asked = time.monotonic()
        while depth(self._client, self._url):
            if self._quiet_seconds(asked) >= SOON_SECONDS:
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def _quiet_seconds(self, since: float) -> float:
        """For how long, since then and up to the newest look, there was nothing to do."""
        with self._lock:
            return 0.0 if self._in_work else self._looked_until - max(since, self._moved_at)

    def state(self) -> dict[str, Any]:
        with self._lock:
            return {
                "function": self._function.function.name,
                "queue": self.mapping.queue_name,
                "in_work": self._in_work,
                "delivered": self._delivered,
                "failed": self._failed,
            }

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._slots.acquire(timeout=LOOK_SECONDS):
                continue
            try:
                messages = self._receive()
                if messages:
                    self._moved(+1)
                    self._pool.submit(self._deliver, messages)
                    continue
                self._looked_until = time.monotonic()
            except (BotoCoreError, ClientError, RuntimeError) as error:  # RuntimeError: the pool is shut down
                if not self._stopping.wait(LOOK_SECONDS):
                    log.error("cannot read the queue %s: %s", self.mapping.queue_name, error)
            self._slots.release()

    def _receive(self) -> "Sequence[MessageTypeDef]":
        answer = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(self.mapping.batch_size, LARGEST_RECEIVE),
            WaitTimeSeconds=LOOK_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def _deliver(self, messages: "Sequence[MessageTypeDef]") -> None:
        try:
            self._handle([lambda_record(message, self.mapping.queue_name, self._region) for message in messages])
        except Exception:
            log.exception("the queue %s: a batch could not be handled", self.mapping.queue_name)
        finally:
            self._moved(-1)
            self._slots.release()

    def _moved(self, batches: int) -> None:
        with self._lock:
            self.transitions += 1
            self._in_work += batches
            self._moved_at = time.monotonic()

    @property
    def _region(self) -> str:
        return self._client.meta.region_name

    def _handle(self, records: Sequence[Record]) -> None:
        wanted = [record for record in records if patterns.passes(self.mapping.patterns, _filtered(record))]
        kept = self._failures(wanted) if wanted else frozenset()
        self._delete(record for record in records if record["messageId"] not in kept)
        with self._lock:
            self._delivered += len(wanted) - len(kept)
            self._failed += len(kept)

    def _failures(self, records: Sequence[Record]) -> frozenset[str]:
        """Call the function. The ids of the messages that stay, hidden as long as the function said, or the queue."""
        ids = [record["messageId"] for record in records]
        try:
            result = as_json(self._function.invoke(as_json({"Records": records})))
        except Exception:  # logged where it happened
            return frozenset(ids)
        if not self.mapping.report_item_failures:
            return frozenset()
        failed = failed_items(result, ids)
        if failed is None:
            log.error("%s answered a batch with %.200r: all of it failed", self._function.function.name, result)
            return frozenset(ids)
        return failed

    def _delete(self, records: Iterable[Record]) -> None:
        entries = [{"Id": str(index), "ReceiptHandle": record["receiptHandle"]} for index, record in enumerate(records)]
        if entries:
            self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]


def lambda_record(message: Any, queue_name: str, region: str) -> dict[str, Any]:
    """An SQS message as Lambda writes it in its event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {
            name: _message_attribute(value) for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{region}:{ACCOUNT_ID}:{queue_name}",
        "awsRegion": region,
    }


def depth(client: "SQSClient", url: str) -> int:
    """How many messages a queue holds: ready, in work, or put off."""
    attributes = client.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    return sum(map(int, attributes.values()))


def _message_attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        written["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        written["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return written


def _filtered(record: Record) -> dict[str, Any]:
    """A record as filters see it: a body that is JSON is looked into."""
    try:
        body = json.loads(record["body"])
    except ValueError:
        body = record["body"]
    return {**record, "body": body}
