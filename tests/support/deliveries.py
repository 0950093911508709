"""Meta's side of a delivery: sign a body, post it, and post the same bytes again until they are taken."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from casement.domain.number import Health, NumberSettings, NumberState
from casement.meta.signature import sign
from casement.runtime.http import Response, request_from
from casement.runtime.secret import SecretSource
from casement.store.contacts import Contacts
from casement.store.facts import Facts
from casement.store.flow_submissions import submission_of
from casement.store.happenings import happening_in
from casement.store.log import Log, entry_of
from casement.store.profiles import Profiles
from casement.store.table import Table
from casement.usecases.react import Projections, project
from functions.receive_webhook.app import respond
from tests.support.tables import snapshot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

APP_SECRET = "local-app-secret"  # noqa: S105 - the local stack's public default
VERIFY_TOKEN = "local-verify-token"  # noqa: S105 - as above
SECRET = {"app_secrets": [APP_SECRET], "verify_token": VERIFY_TOKEN, "numbers": {}}
RETENTION_DAYS = 365
MOST_TRIES = 200


def secret_source(**changes: Any) -> SecretSource:
    """The local stack's secret, with `changes`."""
    return SecretSource(lambda: json.dumps({**SECRET, **changes}), max_age=300)


def facts_on(client: "DynamoDBClient", table: str, retention_days: int = RETENTION_DAYS) -> Facts:
    """A fresh environment's store: it remembers nothing, and does not wait between tries."""
    return Facts(Table(client, table, sleep=lambda _: None), retention_days=retention_days)


def post_event(body: bytes, headers: Mapping[str, str], *, in_base64: bool | None = None) -> dict[str, Any]:
    """The event of `POST /webhook`. Bytes that are no UTF-8 come in base64, others as `in_base64` says."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        in_base64 = True
    return {
        "version": "2.0",
        "routeKey": "POST /webhook",
        "rawPath": "/webhook",
        "headers": {"content-type": "application/json", **headers},
        "body": base64.b64encode(body).decode() if in_base64 else text,
        "isBase64Encoded": bool(in_base64),
    }


def signed_event(body: bytes, *, in_base64: bool | None = None) -> dict[str, Any]:
    """A delivery as Meta makes it."""
    return post_event(body, {"x-hub-signature-256": sign(APP_SECRET, body)}, in_base64=in_base64)


def answer(event: Mapping[str, Any], facts: Facts, secret: SecretSource | None = None) -> Response:
    """What `receive_webhook` answers to an event."""
    source = secret or secret_source()
    return respond(request_from(event), secret=source, facts=facts, count=lambda *_: None, now=lambda: 0.0)


def deliver(body: bytes, facts: Facts) -> Response:
    """One delivery of `body`, signed."""
    return answer(signed_event(body), facts)


def deliver_until_taken(body: bytes, make_facts: Callable[[], Facts]) -> int:
    """Deliver the same bytes until the answer is 200, as Meta does; the number of tries. Anything but a 500 in
    between is a failure of its own. `make_facts` gives the environment that a try happens to meet."""
    for tries in range(1, MOST_TRIES + 1):
        status = deliver(body, make_facts()).status
        if status == 200:
            return tries
        assert status == 500
    raise AssertionError(f"not taken after {MOST_TRIES} deliveries")


def projections_on(client: "DynamoDBClient", table: str) -> Projections:
    """Where `react` writes what follows from facts, for numbers whose owners set nothing."""
    kept = Table(client, table, sleep=lambda _: None)
    usual = NumberState(NumberSettings(), Health())
    return Projections(
        entry_of, happening_in, Log(kept), Contacts(kept), lambda _: usual, submission_of, Profiles(kept)
    )


def react_to_everything(client: "DynamoDBClient", table: str) -> int:
    """Write what follows from all facts of a table, which is the replay; the number of log entries it wrote."""
    return project(list(snapshot(client, table).values()), projections_on(client, table))
