"""DynamoDB in a dictionary: twenty times as fast as moto, for tests that run a process again for each of its effects.

It knows the calls and the expressions that Casement's store makes, and refuses all others. A test compares it with
moto.
"""

import operator
import re
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]
Json = dict[str, Any]

_SIGNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
}


@dataclass
class _Partition:
    items: dict[str, Item] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)  # sort keys, sorted

    def put(self, sk: str, item: Item) -> None:
        if sk not in self.items:
            insort(self.order, sk)
        self.items[sk] = dict(item)

    def delete(self, sk: str) -> None:
        if self.items.pop(sk, None) is not None:
            del self.order[bisect_left(self.order, sk)]


@dataclass
class Memory:
    """Tables by name. One call at a time, so what it does is what one DynamoDB would do in that order."""

    tables: dict[str, dict[str, _Partition]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._known: Mapping[str, Callable[[Json], tuple[int, Json]]] = {
            "CreateTable": self._create,
            "PutItem": self._put,
            "UpdateItem": self._update,
            "DeleteItem": self._delete,
            "GetItem": self._get,
            "Query": self._query,
            "Scan": self._scan,
            "BatchWriteItem": self._batch_write,
            "BatchGetItem": self._batch_get,
        }

    def knows(self, operation: str) -> bool:
        """Whether there is such a call here."""
        return operation in self._known

    def answer(self, operation: str, asked: Json) -> tuple[int, Json]:
        """HTTP status and parsed answer of a call."""
        with self._lock:
            return self._known[operation](asked)

    def _partition(self, table: str, key: Item) -> _Partition:
        return self.tables[table].setdefault(key["PK"]["S"], _Partition())

    def _create(self, asked: Json) -> tuple[int, Json]:
        self.tables[asked["TableName"]] = {}
        return 200, {}

    def _put(self, asked: Json) -> tuple[int, Json]:
        item = asked["Item"]
        partition = self._partition(asked["TableName"], item)
        there = partition.items.get(item["SK"]["S"])
        if "ConditionExpression" in asked and not _holds(asked, there):
            error = {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
            old = {"Item": dict(there)} if there and asked.get("ReturnValuesOnConditionCheckFailure") else {}
            return 400, {"Error": error, **old}
        partition.put(item["SK"]["S"], item)
        return 200, {}

    def _update(self, asked: Json) -> tuple[int, Json]:
        partition = self._partition(asked["TableName"], asked["Key"])
        there = partition.items.get(asked["Key"]["SK"]["S"])
        if not _holds(asked, there):
            error = {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
            return 400, {"Error": error}
        partition.put(asked["Key"]["SK"]["S"], _updated(asked, there or asked["Key"]))
        return 200, {}

    def _delete(self, asked: Json) -> tuple[int, Json]:
        self._partition(asked["TableName"], asked["Key"]).delete(asked["Key"]["SK"]["S"])
        return 200, {}

    def _get(self, asked: Json) -> tuple[int, Json]:
        found = self._partition(asked["TableName"], asked["Key"]).items.get(asked["Key"]["SK"]["S"])
        return 200, {"Item": dict(found)} if found else {}

    def _query(self, asked: Json) -> tuple[int, Json]:
        assert asked["KeyConditionExpression"] == "PK = :pk AND SK BETWEEN :first AND :last"
        needed = _needed_by(asked.get("FilterExpression"))
        values = asked["ExpressionAttributeValues"]
        partition = self._partition(asked["TableName"], {"PK": values[":pk"]})
        order = partition.order
        found = order[bisect_left(order, values[":first"]["S"]) : bisect_right(order, values[":last"]["S"])]
        found = found if asked["ScanIndexForward"] else found[::-1]
        if "ExclusiveStartKey" in asked:
            left_at = asked["ExclusiveStartKey"]["SK"]["S"]
            found = [sk for sk in found if (sk > left_at if asked["ScanIndexForward"] else sk < left_at)]
        limit = asked.get("Limit") or len(found) + 1
        page = [partition.items[sk] for sk in found[:limit]]
        more = {"LastEvaluatedKey": {name: page[-1][name] for name in ("PK", "SK")}} if len(found) >= limit else {}
        columns = asked.get("ProjectionExpression")
        names = columns.split(", ") if columns else None
        wanted = [item for item in page if needed <= item.keys()]
        return 200, {"Items": [_only(item, names) for item in wanted], "Count": len(wanted), **more}

    def _scan(self, asked: Json) -> tuple[int, Json]:
        partitions = self.tables[asked["TableName"]].values()
        return 200, {"Items": [dict(item) for each in partitions for item in each.items.values()]}

    def _batch_write(self, asked: Json) -> tuple[int, Json]:
        for table, writes in asked["RequestItems"].items():
            for write in writes:
                self._put({"TableName": table, "Item": write["PutRequest"]["Item"]})
        return 200, {"UnprocessedItems": {}}

    def _batch_get(self, asked: Json) -> tuple[int, Json]:
        answers = {
            table: [
                dict(found)
                for key in wanted["Keys"]
                if (found := self._partition(table, key).items.get(key["SK"]["S"]))
            ]
            for table, wanted in asked["RequestItems"].items()
        }
        return 200, {"Responses": answers, "UnprocessedKeys": {}}


def _only(item: Item, names: list[str] | None) -> Json:
    return {name: value for name, value in item.items() if names is None or name in names}


def _needed_by(filter_: str | None) -> set[str]:
    """The attributes that a filter wants to exist."""
    terms = filter_.split(" AND ") if filter_ else []
    found = [re.fullmatch(r"attribute_exists\((\w+)\)", term) for term in terms]
    assert all(found), filter_
    return {each[1] for each in found if each}


def _updated(asked: Json, there: Item) -> Json:
    """An item after an update: numbers that are set, or added to."""
    values, names = asked["ExpressionAttributeValues"], asked.get("ExpressionAttributeNames", {})
    item = dict(there)
    for what, name, value in re.findall(r"(SET|ADD) (#?\w+) (?:= )?(:\w+)", asked["UpdateExpression"]):
        name = names.get(name, name)
        before = int(item.get(name, {"N": "0"})["N"]) if what == "ADD" else 0
        item[name] = {"N": str(before + int(values[value]["N"]))}
    return item


def _holds(asked: Json, there: Item | None) -> bool:
    """Whether the condition of a put holds, given what is there."""
    condition = asked["ConditionExpression"]
    values = asked.get("ExpressionAttributeValues", {})
    names = asked.get("ExpressionAttributeNames", {})
    for part in condition.split(" OR "):
        match part.replace("(", " ").replace(")", "").split():
            case ["attribute_not_exists", name]:
                holds = there is None or name not in there
            case [name, sign, value]:
                has = (there or {}).get(names.get(name, name))
                holds = has is not None and _compare(has, sign, values[value])
            case _:
                raise NotImplementedError(condition)
        if holds:
            return True
    return False


def _compare(one: Mapping[str, str], sign: str, other: Mapping[str, str]) -> bool:
    ((kind, mine),) = one.items()
    ((other_kind, its),) = other.items()
    if kind != other_kind:
        return False
    holds = _SIGNS[sign]
    return bool(holds(int(mine), int(its)) if kind == "N" else holds(mine, its))


class ConditionalCheckFailed(ClientError):
    """What botocore raises for it."""


class Client:
    """As much of botocore's client as Casement's store and the hooks of its tests use."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailed)

    def __init__(self) -> None:
        self.meta = SimpleNamespace(events=HierarchicalEmitter())
        self._memory = Memory()

    def __getattr__(self, method: str) -> Callable[..., Json]:
        operation = "".join(map(str.capitalize, method.split("_")))
        if not self._memory.knows(operation):
            raise AttributeError(method)
        return partial(self._call, operation)

    def get_paginator(self, _operation: str) -> SimpleNamespace:
        """A scan is one page here."""
        return SimpleNamespace(paginate=lambda **asked: [self._call("Scan", **asked)])

    def _call(self, operation: str, **asked: Any) -> Json:
        about, model = f"dynamodb.{operation}", SimpleNamespace(name=operation)
        emit = self.meta.events.emit
        context: Json = {}
        for _, changed in emit(f"provide-client-params.{about}", params=asked, model=model, context=context):
            asked = changed or asked
        emit(f"before-call.{about}", params=asked, model=model, context=context)
        status, parsed = self._memory.answer(operation, asked)
        http = SimpleNamespace(status_code=status)
        emit(f"after-call.{about}", http_response=http, parsed=parsed, model=model, context=context)
        if status != 200:
            raise ConditionalCheckFailed(cast("Any", parsed), operation)
        return parsed


def memory() -> "DynamoDBClient":
    """A client of a DynamoDB that is a dictionary in this process."""
    return cast("DynamoDBClient", Client())
