"""A batch whose body we write ourselves is the batch that botocore would have sent."""

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse

from casement.store import batch_body

ITEMS: dict[str, Any] = {
    "casement": [
        {"PutRequest": {"Item": {"PK": {"S": "a"}, "SK": {"S": 'quoted "é" \\ \U0001f600 \x00'}, "ttl": {"N": "7"}}}},
        {"PutRequest": {"Item": {"PK": {"S": "b"}, "SK": {"S": "bytes"}, "body": {"B": b"\x00\xff raw"}}}},
    ]
}


class Answer:
    """Takes what would be sent, and answers as DynamoDB does."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.sent: list[Any] = []

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append((dict(request.headers), request.body))
        return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, self)  # type: ignore[arg-type]

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def client(answer: Answer) -> Any:
    made: Any = botocore.session.Session().create_client(
        "dynamodb",
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",  # noqa: S106 - nobody checks it
    )
    made.meta.events.register("before-send.dynamodb", answer)
    return made


@pytest.fixture
def both() -> tuple[Any, Any]:
    """The body and headers that botocore sends, and those that ours sends."""

    def sent(made: Any, answer: Answer) -> Any:
        made.meta.events.register("provide-client-params.dynamodb", lambda params, **_: {**params, **ASKED})
        made.batch_write_item(RequestItems=ITEMS)
        return answer.sent[0]

    plain, ours = Answer(b"{}"), Answer(b"{}")
    with_ours = client(ours)
    batch_body.install(with_ours)
    return sent(client(plain), plain), sent(with_ours, ours)


ASKED = {"ReturnConsumedCapacity": "TOTAL"}


def test_the_body_says_the_same(both):
    (_, plain), (_, ours) = both

    assert json.loads(ours) == json.loads(plain)
    assert json.loads(ours)["ReturnConsumedCapacity"] == "TOTAL"  # what other handlers add stays in


def test_the_request_is_signed_for_the_body_that_is_sent(both):
    (plain, _), (ours, body) = both

    assert int(ours["Content-Length"]) == len(body)
    assert ours["X-Amz-Target"] == plain["X-Amz-Target"]
    assert ours["Authorization"] != plain["Authorization"]  # signed after the body was written, for that body


def test_what_dynamodb_leaves_unprocessed_comes_back():
    answer = Answer(
        json.dumps({"UnprocessedItems": {"casement": [{"PutRequest": {"Item": {"PK": {"S": "a"}}}}]}}).encode()
    )
    made = client(answer)
    batch_body.install(made)

    left = made.batch_write_item(RequestItems=ITEMS)["UnprocessedItems"]

    assert left == {"casement": [{"PutRequest": {"Item": {"PK": {"S": "a"}}}}]}
