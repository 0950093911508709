"""Tables to test on: created from `template.yaml`, looked at whole, and their streams read."""

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.stack.streams import lambda_record
from local.stack.template import load

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
PATIENCE_S = 20.0

Items = dict[tuple[str, str], dict[str, Any]]
"""The items of a table, in DynamoDB's own form, by partition and sort key."""

_numbers = itertools.count(1)


def create_table(client: "DynamoDBClient") -> str:
    """A new, empty table as `template.yaml` describes it; its name."""
    name = f"test-{time.time_ns()}-{next(_numbers)}"
    client.create_table(**{**_table_of_template(), "TableName": name})
    return name


@cache  # reading the template takes longer than making a table
def _table_of_template() -> Mapping[str, Any]:
    (table,) = load(ROOT / "template.yaml", region=REGION, aws_url="http://127.0.0.1").tables
    return table.create


def snapshot(client: "DynamoDBClient", table: str) -> Items:
    """Every item of a table."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {(item["PK"]["S"], item["SK"]["S"]): item for page in pages for item in page["Items"]}


def difference(expected: Items, found: Items) -> dict[str, list[Any]]:
    """What is missing, what is too much, what differs; short enough to read when a test fails."""
    differs = [key for key in expected.keys() & found.keys() if expected[key] != found[key]]
    apart = {
        "missing": sorted(expected.keys() - found.keys()),
        "too much": sorted(found.keys() - expected.keys()),
        "differs": sorted(differs),
    }
    return {name: keys for name, keys in apart.items() if keys}


def raw_of(item: Mapping[str, Any]) -> Any:
    """What a fact keeps: field, WABA, metadata, contact, element."""
    return json.loads(item["raw"]["S"])


def facts_of(items: Items, prefix: str = "") -> list[Any]:
    """What the facts keep whose partition key starts with `prefix`."""
    return [raw_of(item) for (pk, _), item in sorted(items.items()) if pk.startswith(prefix) and "raw" in item]


def quarantined_bodies(items: Items) -> list[bytes]:
    """Everything in quarantine, its parts put together again."""
    bodies = []
    for (pk, sk), item in sorted(items.items()):
        if pk == "Q":
            parts = int(item["parts"]["N"])
            rest = [items[(f"Q#{sk}#{number}", "part")]["body"]["B"] for number in range(1, parts)]
            bodies.append(b"".join([item["body"]["B"], *rest]))
    return bodies


class StreamTail:
    """Reads a table's stream from its beginning, each record once, as Lambda would write it in an event."""

    def __init__(self, dynamodb: "DynamoDBClient", streams: "DynamoDBStreamsClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._streams = streams
        self._table = table
        self._arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        shard = streams.describe_stream(StreamArn=self._arn)["StreamDescription"]["Shards"][0]["ShardId"]
        self._iterator = streams.get_shard_iterator(
            StreamArn=self._arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def since_last_look(self) -> list[dict[str, Any]]:
        """The records of everything written before this call and not yet seen.

        A marker is written behind them and waited for, so that nothing still under way is taken for silence.
        """
        marker = {"PK": {"S": "MARKER"}, "SK": {"S": str(time.time_ns())}}
        self._dynamodb.put_item(TableName=self._table, Item=marker)
        found = []
        for record in self._records(time.monotonic() + PATIENCE_S):
            if record["dynamodb"]["Keys"]["PK"]["S"] != "MARKER":
                found.append(record)
            elif record["dynamodb"]["Keys"]["SK"] == marker["SK"]:
                self._dynamodb.delete_item(TableName=self._table, Key=marker)
                return found
        raise AssertionError("the stream never showed a record that was surely written")

    def _records(self, deadline: float) -> Iterator[dict[str, Any]]:
        while time.monotonic() < deadline:
            page = self._streams.get_records(ShardIterator=self._iterator)
            self._iterator = page["NextShardIterator"]
            for record in page["Records"]:
                yield lambda_record(record, self._arn)
