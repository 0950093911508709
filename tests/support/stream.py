"""What a table's stream shows of the calls that were answered."""

from collections.abc import Callable, Mapping
from typing import Any

from casement.usecases.react import Change

Json = dict[str, Any]


class Stream:
    """The changes of one table that nobody has dealt with yet; `clock` tells epoch milliseconds."""

    def __init__(self, table: str, clock: Callable[[], int]) -> None:
        self.changes: list[Change] = []
        self._table, self._clock = table, clock
        self._images: dict[tuple[str, str], Json] = {}  # as they were last stored

    def saw(self, asked: Mapping[str, Any]) -> None:
        """A call to DynamoDB was answered. Of an item that is put again as it was, a stream says nothing."""
        if asked.get("TableName") == self._table and "Item" in asked:
            self._is_stored(asked["Item"])
        for write in asked.get("RequestItems", {}).get(self._table, ()):
            if "PutRequest" in write:
                self._is_stored(write["PutRequest"]["Item"])

    def _is_stored(self, item: Json) -> None:
        key = (item["PK"]["S"], item["SK"]["S"])
        old, self._images[key] = self._images.get(key), item
        if old != item:
            self.changes.append(Change(item, old, self._clock()))
