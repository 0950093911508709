"""DynamoDB Streams: read the changes of a table, and hand them to the functions that react to them."""

import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from local.stack import patterns
from local.stack.attribute_values import as_json_item
from local.stack.delivery import Discarded, Record, Stopped, deliver
from local.stack.functions import LoadedFunction, as_json
from local.stack.template import StreamMapping

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_dynamodbstreams.type_defs import GetRecordsOutputTypeDef

log = logging.getLogger("local.stack")

IDLE_SECONDS = 0.1  # between two looks at a stream on which nothing happens
BUSY_SECONDS = 0.03  # between two looks when something does: batches form, and readers leave room for requests
LONGEST_WINDOW_SECONDS = 0.02  # AWS may wait for seconds to fill a batch; here somebody is watching
LONGEST_PAUSE_SECONDS = 5.0  # between two tries of a batch that fails

SendFailure = Callable[[str, Mapping[str, Any]], None]
"""Takes the ARN of a failure queue and what to put there."""


class StreamConsumer:
    """Feeds one function from one stream, in order, one batch at a time."""

    def __init__(self, function: LoadedFunction, mapping: StreamMapping, send_failure: SendFailure) -> None:
        self.mapping = mapping
        self.transitions = 0  # rises when a delivery begins and when it ends, so that overlap with it can be noticed
        self._function = function
        self._send_failure = send_failure
        self._waiting: deque[Record] = deque()
        self._in_flight = 0
        self._delivered = 0
        self._discarded = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream:{function.function.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()

    def offer(self, records: Sequence[Record]) -> None:
        """Take the records that pass the mapping's filters; the others are gone, as in AWS."""
        wanted = [record for record in records if patterns.passes(self.mapping.patterns, record)]
        if wanted:
            with self._changed:
                self._waiting.extend(wanted)
                self._changed.notify_all()

    def wait_empty(self, deadline: float) -> bool:
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and not self._in_flight, max(0.0, deadline - time.monotonic())
            )

    def state(self) -> dict[str, Any]:
        with self._changed:
            return {
                "function": self._function.function.name,
                "table": self.mapping.table_name,
                "waiting": len(self._waiting),
                "in_flight": self._in_flight,
                "delivered": self._delivered,
                "discarded": self._discarded,
            }

    def _run(self) -> None:
        while batch := self._take():
            discarded = 0
            try:
                for lost in deliver(batch, self.mapping, invoke=self._invoke, pause=self._pause, now=time.time):
                    discarded += len(lost.records)
                    self._give_up(lost)
            except Stopped:
                return
            with self._changed:
                self._in_flight = 0
                self._delivered += len(batch) - discarded
                self._discarded += discarded
                self.transitions += 1
                self._changed.notify_all()

    def _take(self) -> list[Record]:
        """The next batch; empty when the stack stops."""
        window = min(self.mapping.batching_window_seconds, LONGEST_WINDOW_SECONDS)
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping.is_set())
            if window:
                self._changed.wait_for(
                    lambda: len(self._waiting) >= self.mapping.batch_size or self._stopping.is_set(), window
                )
            if self._stopping.is_set():
                return []
            size = min(len(self._waiting), self.mapping.batch_size)
            batch = [self._waiting.popleft() for _ in range(size)]
            self._in_flight = size
            self.transitions += 1
            return batch

    def _invoke(self, records: Sequence[Record]) -> Any:
        return as_json(self._function.invoke(as_json({"Records": records})))

    def _pause(self, failures: int) -> None:
        if self._stopping.wait(min(LONGEST_PAUSE_SECONDS, 0.05 * 2.0**failures)):
            raise Stopped

    def _give_up(self, lost: Discarded) -> None:
        name = self._function.function.name
        log.error(
            "%s: %d record(s) given up after %d attempt(s), from sequence number %s on: %s",
            name,
            len(lost.records),
            lost.attempts,
            lost.records[0]["dynamodb"]["SequenceNumber"],
            lost.reason,
        )
        if self.mapping.failure_queue_arn:
            message = failure_message(lost, function_arn=self._function.arn, now=datetime.now(UTC))
            self._send_failure(self.mapping.failure_queue_arn, message)


class StreamReader:
    """Follows one table's stream from one position, counts its records, and offers them to consumers."""

    def __init__(
        self,
        client: "DynamoDBStreamsClient",
        stream_arn: str,
        starting_position: str,
        consumers: Sequence[StreamConsumer],
    ) -> None:
        self.consumers = consumers
        self._client = client
        self._arn = stream_arn
        self._starting_position = starting_position
        self._records = 0
        self._last_sequence_number: str | None = None
        self._last_error: str | None = None
        self._caught_up_at = 0.0  # time.monotonic() just before the newest look that found nothing
        self._changed = threading.Condition()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="stream-reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def wake(self) -> None:
        """Look again soon: something was probably stored."""
        self._wake.set()

    def wait_caught_up(self, since: float, deadline: float) -> bool:
        """True once a look begun after `since` (time.monotonic()) has found nothing more to read."""
        with self._changed:
            while self._caught_up_at < since:
                self._wake.set()
                if time.monotonic() >= deadline:
                    return False
                self._changed.wait(BUSY_SECONDS)
            return True

    def state(self) -> dict[str, Any]:
        with self._changed:
            return {
                "stream": self._arn,
                "records": self._records,
                "last_sequence_number": self._last_sequence_number,
                "last_error": self._last_error,
            }

    def _run(self) -> None:
        iterator: str | None = None
        while not self._stopping:
            self._wake.clear()
            began = time.monotonic()
            try:
                page = self._client.get_records(ShardIterator=iterator or self._open(), Limit=1000)
            except (BotoCoreError, ClientError) as error:
                iterator = None
                self._report(error)
                continue
            iterator = page.get("NextShardIterator")
            self._hand_on(page, began)
            if page["Records"]:
                time.sleep(BUSY_SECONDS)
            else:
                self._wake.wait(IDLE_SECONDS)
                time.sleep(max(0.0, BUSY_SECONDS - (time.monotonic() - began)))

    def _open(self) -> str:
        """An iterator behind the last record seen, or at the starting position. The engine has one shard."""
        stream = self._client.describe_stream(StreamArn=self._arn)["StreamDescription"]
        shard = stream["Shards"][0]["ShardId"]
        if self._last_sequence_number:
            return self._client.get_shard_iterator(
                StreamArn=self._arn,
                ShardId=shard,
                ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                SequenceNumber=self._last_sequence_number,
            )["ShardIterator"]
        position: Any = self._starting_position
        return self._client.get_shard_iterator(StreamArn=self._arn, ShardId=shard, ShardIteratorType=position)[
            "ShardIterator"
        ]

    def _hand_on(self, page: "GetRecordsOutputTypeDef", began: float) -> None:
        records = [lambda_record(record, self._arn) for record in page["Records"]]
        for consumer in self.consumers:
            consumer.offer(records)
        with self._changed:
            self._last_error = None
            if records:
                self._records += len(records)
                self._last_sequence_number = records[-1]["dynamodb"]["SequenceNumber"]
            else:
                self._caught_up_at = began
            self._changed.notify_all()

    def _report(self, error: Exception) -> None:
        if self._stopping:
            return
        with self._changed:
            if self._last_error is None:
                log.error("cannot read the stream %s: %s", self._arn, error)
            self._last_error = str(error)
        time.sleep(IDLE_SECONDS)


def lambda_record(record: Any, stream_arn: str) -> dict[str, Any]:
    """A stream record as Lambda writes it in its event: numbers for times, base64 for binary."""
    change = record["dynamodb"]
    written: dict[str, Any] = {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": record["awsRegion"],
        "dynamodb": {
            **change,
            "ApproximateCreationDateTime": change["ApproximateCreationDateTime"].timestamp(),
            **{image: as_json_item(change[image]) for image in ("Keys", "NewImage", "OldImage") if image in change},
        },
        "eventSourceARN": stream_arn,
    }
    if identity := record.get("userIdentity"):  # time to live did it
        written["userIdentity"] = {"type": identity["Type"], "principalId": identity["PrincipalId"]}
    return written


def failure_message(lost: Discarded, *, function_arn: str, now: datetime) -> dict[str, Any]:
    """What Lambda puts on a mapping's failure queue: where the records are, not what they hold."""
    first, last = lost.records[0], lost.records[-1]
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": function_arn,
            "condition": lost.condition,
            "approximateInvokeCount": lost.attempts,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": _iso(now.timestamp()),
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _iso(first["dynamodb"]["ApproximateCreationDateTime"]),
            "approximateArrivalOfLastRecord": _iso(last["dynamodb"]["ApproximateCreationDateTime"]),
            "batchSize": len(lost.records),
            "streamArn": first["eventSourceARN"],
        },
    }


def _iso(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
