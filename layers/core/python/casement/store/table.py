"""The few calls to DynamoDB that everything else is made of, and the few attribute types we use.

Items hold strings, numbers and bytes only; what has a shape of its own is JSON in a string. So the low-level client is
enough, and the request path pays for no conversion layer.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.errors import StoreUnavailable
from casement.store.keys import Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Attributes = Mapping[str, str | int | bytes | None]
Item = dict[str, Any]  # attribute values in DynamoDB's own form, {"S": …}

DAY_S = 86_400
BATCH_WRITE, BATCH_GET = 25, 100
_ATTEMPTS = 6
_FIRST_WAIT_S = 0.05


class Table:
    """One DynamoDB table. Every method raises `StoreUnavailable` when DynamoDB does not do as asked, after retries."""

    def __init__(self, client: "DynamoDBClient", name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self.name = name
        self._sleep = sleep

    def put(self, item: Item) -> None:
        """Write one item, whatever was there."""
        try:
            self._client.put_item(TableName=self.name, Item=item)
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("PutItem", error) from error

    def put_unless_newer(self, item: Item, stamp: str) -> None:
        """Write one item, unless what is there has a larger number in `stamp`."""
        try:
            self._client.put_item(
                TableName=self.name,
                Item=item,
                ConditionExpression=f"attribute_not_exists({stamp}) OR {stamp} <= :mine",
                ExpressionAttributeValues={":mine": item[stamp]},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("PutItem", error) from error

    def put_new(self, item: Item, *, expired_before: int | None = None) -> Item | None:
        """Write one item where there is none; what is there otherwise, and nothing is written.

        With `expired_before`, an item whose `at` is smaller counts as gone: TTL deletes when it likes.
        """
        condition, values = "attribute_not_exists(PK)", {}
        if expired_before is not None:
            condition += " OR #at < :before"
            values = {"ExpressionAttributeNames": {"#at": "at"}} | {
                "ExpressionAttributeValues": {":before": {"N": str(expired_before)}}
            }
        return self._put_if(item, condition, values)

    def replace(self, item: Item, name: str, was: int | str | None) -> bool:
        """Write one item over one whose attribute `name` is `was`; False if there is no such item (any more).

        With None, over one without that attribute, or where there is no item.
        """
        if was is None:
            names = {"ExpressionAttributeNames": {"#was": name}}
            return self._put_if(item, "attribute_not_exists(#was)", names) is None
        value = {"N": str(was)} if isinstance(was, int) else {"S": was}
        about = {"ExpressionAttributeNames": {"#was": name}, "ExpressionAttributeValues": {":was": value}}
        return self._put_if(item, "#was = :was", about) is None

    def _put_if(self, item: Item, condition: str, about: Mapping[str, Any]) -> Item | None:
        """Write on a condition; the item that stood against it, None once it is written.

        What stood against it can be what was written: then its answer was lost, and botocore asked again.
        """
        try:
            self._client.put_item(
                TableName=self.name,
                Item=item,
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **about,
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            there: Item = error.response.get("Item") or {}  # type: ignore[assignment]
            return None if there == item else there
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("PutItem", error) from error
        return None

    def update(self, key: Key, change: str, condition: str, values: Mapping[str, int]) -> bool:
        """Change numbers of one item, there or not, if a condition holds; whether it did. Both are DynamoDB's own
        expressions, in which `#ttl` is `ttl`."""
        names: dict[str, Any] = {"ExpressionAttributeNames": {"#ttl": "ttl"}} if "#ttl" in change else {}
        try:
            self._client.update_item(
                TableName=self.name,
                Key={"PK": {"S": key.pk}, "SK": {"S": key.sk}},
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: {"N": str(value)} for name, value in values.items()},
                **names,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("UpdateItem", error) from error
        return True

    def delete(self, key: Key) -> None:
        """Delete one item, if it is there."""
        try:
            self._client.delete_item(TableName=self.name, Key={"PK": {"S": key.pk}, "SK": {"S": key.sk}})
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("DeleteItem", error) from error

    def put_all(self, items: Sequence[Item]) -> None:
        """Write all items, or raise: then some may be written. No two may have the same key."""
        if len(items) == 1:
            self.put(items[0])
            return
        for start in range(0, len(items), BATCH_WRITE):
            self._put_batch(items[start : start + BATCH_WRITE])

    def _put_batch(self, items: Sequence[Item]) -> None:
        left: Any = {self.name: [{"PutRequest": {"Item": item}} for item in items]}
        wait = _FIRST_WAIT_S
        for _ in range(_ATTEMPTS):
            try:
                left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
            except (BotoCoreError, ClientError) as error:
                raise _unavailable("BatchWriteItem", error) from error
            if not left:
                return
            self._sleep(wait)
            wait *= 2
        raise StoreUnavailable(f"DynamoDB left {len(left[self.name])} of {len(items)} items unwritten")

    def get(self, key: Key, *, consistent: bool = False) -> Item | None:
        """One item, or None."""
        try:
            answer = self._client.get_item(
                TableName=self.name, Key={"PK": {"S": key.pk}, "SK": {"S": key.sk}}, ConsistentRead=consistent
            )
        except (BotoCoreError, ClientError) as error:
            raise _unavailable("GetItem", error) from error
        return answer.get("Item")

    def query(
        self,
        pk: str,
        first: str,
        last: str,
        *,
        newest_first: bool = False,
        consistent: bool = False,
        limit: int | None = None,
        only: str | None = None,
        columns: str | None = None,
    ) -> Iterator[Item]:
        """Items of a partition with `first <= SK <= last`, lazily. A page has at most `limit` items, the next one more:
        who reads on wants many.

        `only` is a filter expression on attributes that exist; `columns` a projection of plain names.
        """
        if first > last:  # DynamoDB calls it an error
            return
        values = {":pk": {"S": pk}, ":first": {"S": first}, ":last": {"S": last}}
        asked: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :pk AND SK BETWEEN :first AND :last",
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        if limit:
            asked["Limit"] = limit
        if only:
            asked["FilterExpression"] = only
        if columns:
            asked["ProjectionExpression"] = columns
        while True:
            try:
                page = self._client.query(**asked)
            except (BotoCoreError, ClientError) as error:
                raise _unavailable("Query", error) from error
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]
            if limit:
                asked["Limit"] *= 4

    def get_all(self, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        """The items that exist among `keys`."""
        wanted = [{"PK": {"S": key.pk}, "SK": {"S": key.sk}} for key in dict.fromkeys(keys)]
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), BATCH_GET):
            left: Any = {self.name: {"Keys": wanted[start : start + BATCH_GET], "ConsistentRead": consistent}}
            for item in self._batch_get(left):
                found[Key(text(item, "PK"), text(item, "SK"))] = item
        return found

    def _batch_get(self, left: Any) -> Iterator[Item]:
        wait = _FIRST_WAIT_S
        for _ in range(_ATTEMPTS):
            try:
                answer = self._client.batch_get_item(RequestItems=left)
            except (BotoCoreError, ClientError) as error:
                raise _unavailable("BatchGetItem", error) from error
            yield from answer["Responses"].get(self.name, ())
            left = answer.get("UnprocessedKeys")
            if not left:
                return
            self._sleep(wait)
            wait *= 2
        raise StoreUnavailable("DynamoDB left items unread")


def _unavailable(call: str, error: Exception) -> StoreUnavailable:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return StoreUnavailable(f"DynamoDB did not answer {call}: {code}")


def expiry(at: int, retention_days: int) -> int:
    """The `ttl` of what happened at `at` (epoch milliseconds): epoch seconds, 0 for never.

    It follows from that time, never from the time of writing: what is written again must be the same bytes.
    """
    return at // 1000 + retention_days * DAY_S if at and retention_days else 0


def item(key: Key, attributes: Attributes, ttl: int = 0) -> Item:
    """An item in DynamoDB's form. What is None is left out; `ttl` is epoch seconds, 0 for never."""
    made: Item = {"PK": {"S": key.pk}, "SK": {"S": key.sk}}
    for name, value in attributes.items():
        if isinstance(value, str):
            made[name] = {"S": value}
        elif isinstance(value, bytes):
            made[name] = {"B": value}
        elif value is not None:
            made[name] = {"N": str(value)}
    if ttl:
        made["ttl"] = {"N": str(ttl)}
    return made


def text(item: Mapping[str, Any], name: str) -> str:
    """A string attribute, empty where there is none."""
    value: str = item.get(name, {}).get("S", "")
    return value


def number(item: Mapping[str, Any], name: str) -> int | None:
    """A number attribute, None where there is none."""
    value = item.get(name, {}).get("N")
    return int(value) if value is not None else None
