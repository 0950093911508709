"""Cold start and warm cost of the two functions in the request path (design section 8)."""

import contextlib
import hmac
import io
import json
import os
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.awsrequest import AWSResponse

from casement.runtime import wiring
from casement.runtime.secret import SecretSource
from casement.store.facts import Facts
from casement.store.table import Table
from functions.receive_webhook.app import respond
from local.bench import Figure, cpu, webhooks

AWS = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "measured",
    "AWS_SECRET_ACCESS_KEY": "measured",
    "TABLE_NAME": "casement",
    "SECRET_ID": "casement",
}
IN_LAMBDA = {**AWS, "AWS_LAMBDA_FUNCTION_NAME": "measured"}
# httpx imports its own command line where it finds what that needs; the layer has neither, this environment both.
AS_SHIPPED = 'import sys; sys.modules["click"] = sys.modules["rich"] = None; '
BARE = 'import boto3; boto3.client("dynamodb")'


def cold() -> list[Figure]:
    """Init of `receive_webhook` and `send_message` against a bare DynamoDB client."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(_import_path()), **IN_LAMBDA}
    bare, webhook, send = cpu.of_processes(
        [BARE, f"{AS_SHIPPED}import functions.receive_webhook.app", f"{AS_SHIPPED}import functions.send_message.app"],
        env=environment,
    )
    yardstick = 'CPU of init / of a bare boto3.client("dynamodb")'
    return [
        Figure("webhook_init_ratio", webhook / bare, f"receive_webhook: {yardstick}", 1.15),
        Figure("send_init_ratio", send / bare, f"send_message: {yardstick}", 1.65),
    ]


def _import_path() -> list[str]:
    import casement

    package = os.path.dirname(os.path.dirname(casement.__file__ or ""))  # noqa: PTH120
    return [os.getcwd(), package]  # noqa: PTH109


class _Raw(io.BytesIO):
    """The body of a canned answer, as botocore reads it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


def _canned(request: Any, **_: Any) -> AWSResponse:
    """DynamoDB's answer to a write, without a network: what is measured is our CPU."""
    headers = {"content-type": "application/x-amz-json-1.0"}
    return AWSResponse(request.url, 200, headers, _Raw(b"{}"))  # type: ignore[arg-type]


def warm() -> list[Figure]:
    """A warm webhook of one and of a hundred elements, with DynamoDB answering at once."""
    os.environ.update(AWS)
    client = wiring.dynamodb()
    client.meta.events.register("before-send.dynamodb", _canned)  # its type knows no handler that answers
    facts = Facts(Table(client, "casement"), retention_days=365)
    secret = SecretSource(_secret, max_age=10**9)
    plain = botocore.session.Session().create_client("dynamodb")
    plain.meta.events.register("before-send.dynamodb", _canned)  # type: ignore[arg-type]
    one, hundred = webhooks.messages(1), webhooks.messages(100)
    event_of_one, event_of_hundred = webhooks.event(one), webhooks.event(hundred)

    def handle(event: Mapping[str, Any]) -> None:
        answer = respond(wiring_request(event), secret=secret, facts=facts, count=lambda *_: None).to_event()
        if answer["statusCode"] != 200:
            raise RuntimeError("a measured webhook was refused")

    with contextlib.redirect_stdout(io.StringIO()):
        handle(event_of_hundred)  # the first one writes the links; a warm environment remembers them
        yardstick, of_one, of_hundred = cpu.of_calls(
            [
                (lambda: _hmac_json_put(plain, one, event_of_one["headers"]["x-hub-signature-256"]), 20),
                (lambda: handle(event_of_one), 20),
                (lambda: handle(event_of_hundred), 3),
            ]
        )
    return [
        Figure(
            "webhook_warm_ratio",
            of_one / yardstick,
            "CPU of a warm one-element webhook / of HMAC + json.loads + one put_item",
            1.15,
        ),
        Figure("webhook_batch100_ratio", of_hundred / of_one, "CPU of a 100-element POST / of a 1-element POST", 10),
    ]


def wiring_request(event: Mapping[str, Any]) -> Any:
    """The request in an event, as the handler reads it."""
    from casement.runtime.http import request_from

    return request_from(event)


def _secret() -> str:
    return json.dumps({"app_secrets": [webhooks.APP_SECRET], "verify_token": "measured", "numbers": {}})


def _hmac_json_put(client: Any, body: bytes, signature: str) -> None:
    """What any webhook receiver has to do: the yardstick."""
    expected = "sha256=" + hmac.digest(webhooks.APP_SECRET.encode(), body, "sha256").hex()
    if not hmac.compare_digest(expected, signature):
        raise RuntimeError("the yardstick's signature is wrong")
    message = json.loads(body)["entry"][0]["changes"][0]["value"]["messages"][0]
    item = {"PK": {"S": message["from_user_id"]}, "SK": {"S": message["id"]}, "raw": {"S": json.dumps(message)}}
    client.put_item(TableName="casement", Item=item)
