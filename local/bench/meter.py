"""What DynamoDB says that calls cost, counted call by call."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

READ_UNIT, WRITE_UNIT = 4096, 1024


@dataclass
class Bill:
    """Capacity units and calls between two moments."""

    read_units: float = 0.0
    write_units: float = 0.0
    calls: list[str] = field(default_factory=list)


class Meter:
    """Asks for the consumed capacity of every call of `client`, and adds it up.

    `plain` is a second client. The engine counts every query as one read, however large, so a query is made again
    without its projection and its bytes are counted by DynamoDB's own rule; the larger of the two counts.
    """

    def __init__(self, client: Any, plain: Any) -> None:
        self._plain = plain
        self._bill = Bill()
        self._query: Mapping[str, Any] | None = None
        client.meta.events.register("provide-client-params.dynamodb", self._ask)
        client.meta.events.register("after-call.dynamodb", self._add)

    @contextmanager
    def running(self) -> Iterator[Bill]:
        """The bill of what happens inside."""
        bill = self._bill = Bill()
        yield bill
        self._bill = Bill()  # what comes between two bills is on neither

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> dict[str, Any]:
        self._query = params if model.name == "Query" else None
        return {**params, "ReturnConsumedCapacity": "TOTAL"}

    def _add(self, parsed: Mapping[str, Any], model: Any, **_: Any) -> None:
        self._bill.calls.append(model.name)
        consumed = parsed.get("ConsumedCapacity") or ()
        units = sum(one["CapacityUnits"] for one in ([consumed] if isinstance(consumed, dict) else consumed))
        if self._query is not None:
            units = max(units, self._units_of_query(self._query))
        if model.name in ("PutItem", "BatchWriteItem", "UpdateItem", "DeleteItem"):
            self._bill.write_units += units
        else:
            self._bill.read_units += units

    def _units_of_query(self, asked: Mapping[str, Any]) -> float:
        whole = {
            name: value for name, value in asked.items() if name not in ("ProjectionExpression", "FilterExpression")
        }
        read = sum(map(size, self._plain.query(**whole)["Items"]))
        per_unit = 1 if asked.get("ConsistentRead") else 0.5
        return max(1, ceil(read / READ_UNIT)) * per_unit


def size(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The bytes of an item by DynamoDB's rule, for the attribute types that Casement uses."""
    return sum(len(name.encode()) + _size_of_value(value) for name, value in item.items())


def _size_of_value(value: Mapping[str, Any]) -> int:
    if "S" in value:
        return len(value["S"].encode())
    if "B" in value:
        return len(value["B"])
    return len(value["N"].lstrip("-").replace(".", "")) // 2 + 2
