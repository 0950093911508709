"""The body of a BatchWriteItem, written by json.

Items are in DynamoDB's own form already. botocore's serializer walks through every attribute of every item to arrive at
the same form, which is a fifth of the CPU of a webhook with a hundred updates. So the items step aside while botocore
serializes, and are put into the body afterwards. Both events are part of botocore's event system; signing, retries and
answers are botocore's as ever.
"""

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ASIDE = "casement_request_items"


def install(client: "DynamoDBClient") -> None:
    """Make every BatchWriteItem of `client` take this way. Other handlers see the items as they would without it.

    Only where the client speaks JSON: which of DynamoDB's protocols it speaks is botocore's to choose.
    """
    model = client.meta.service_model
    if getattr(model, "resolved_protocol", model.metadata.get("protocol")) != "json":
        return
    events = client.meta.events
    events.register_last("before-parameter-build.dynamodb.BatchWriteItem", _set_aside)
    events.register("before-call.dynamodb.BatchWriteItem", _put_in)


def _set_aside(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_ASIDE] = params["RequestItems"]
    params["RequestItems"] = {}


def _put_in(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    body = json.loads(params["body"])
    body["RequestItems"] = context.pop(_ASIDE)
    params["body"] = _ENCODER.encode(body).encode()


def _base64(value: bytes) -> str:
    """Bytes as DynamoDB's JSON has them. Items hold nothing else that JSON does not know."""
    return base64.b64encode(value).decode()


_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False, default=_base64)
