"""A DynamoDB that fails: what no local engine ever does, brought in through botocore's own event hooks.

Throttling, 5xx answers, broken connections, items that a batch leaves unprocessed, and answers that are lost after the
write was done.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REFUSALS = (
    (400, "ProvisionedThroughputExceededException"),
    (400, "ThrottlingException"),
    (400, "RequestLimitExceeded"),
    (500, "InternalServerError"),
    (503, "ServiceUnavailable"),
)


class _Body:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content


@dataclass
class Faults:
    """Fails the calls of `client` at random, and counts what it did. Rates are probabilities.

    `refused`: the call is answered with an error, or not at all, and nothing is written. `lost`: it is done, but its
    answer never comes. `unprocessed`: of a batch, each item is left out with this probability.
    """

    client: "DynamoDBClient"
    random: Random
    refused: float = 0.0
    lost: float = 0.0
    unprocessed: float = 0.0
    done: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def at_work(self) -> Iterator["Faults"]:
        """Fail calls until the block ends."""
        hooks: tuple[tuple[str, Any], ...] = (
            ("before-send.dynamodb", self._refuse),
            ("provide-client-params.dynamodb.BatchWriteItem", self._hold_back),
            ("after-call.dynamodb", self._lose),
            ("after-call.dynamodb.BatchWriteItem", self._give_back),
        )
        events = self.client.meta.events
        for name, hook in hooks:
            events.register_first(name, hook)
        try:
            yield self
        finally:
            for name, hook in hooks:
                events.unregister(name, hook)

    def _refuse(self, request: Any, **_: Any) -> AWSResponse | None:
        if self.random.random() >= self.refused:
            return None
        if self.random.random() < 0.25:
            self.done["connection broken"] += 1
            raise ConnectionClosedError(endpoint_url=request.url)
        status, code = self.random.choice(_REFUSALS)
        self.done[code] += 1
        content = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "a test's doing"})
        return AWSResponse(request.url, status, HTTPHeaders(), _Body(content.encode()))

    def _lose(self, **_: Any) -> None:
        if self.random.random() < self.lost:
            self.done["answer lost"] += 1
            raise ReadTimeoutError(endpoint_url="dynamodb")

    def _hold_back(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> dict[str, Any] | None:
        ((table, writes),) = params["RequestItems"].items()
        held = [write for write in writes if self.random.random() < self.unprocessed][: len(writes) - 1]
        context["held_back"] = {table: held} if held else {}
        if not held:
            return None
        self.done["items left unprocessed"] += len(held)
        return {**params, "RequestItems": {table: [write for write in writes if write not in held]}}

    def _give_back(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        if context.get("held_back"):
            parsed["UnprocessedItems"] = context["held_back"]


@dataclass
class Calls:
    """What was asked of DynamoDB: operations, and the keys that each batch wrote."""

    operations: Counter[str] = field(default_factory=Counter)
    batches: list[list[tuple[str, str]]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return self.operations.total()


@contextmanager
def watching(client: "DynamoDBClient") -> Iterator[Calls]:
    """Write down the calls of `client` until the block ends."""
    calls = Calls()

    def see(params: dict[str, Any], model: Any, **_: Any) -> None:
        calls.operations[model.name] += 1
        for writes in params["RequestItems"].values() if model.name == "BatchWriteItem" else ():
            items = [write["PutRequest"]["Item"] for write in writes]
            calls.batches.append([(item["PK"]["S"], item["SK"]["S"]) for item in items])

    name = "provide-client-params.dynamodb"
    client.meta.events.register(name, see)
    try:
        yield calls
    finally:
        client.meta.events.unregister(name, see)
