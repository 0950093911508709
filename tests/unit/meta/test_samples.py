"""The samples in `events/` are what they claim to be, and there is one of every kind."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from casement.domain.deliveries import delivery_from
from casement.domain.facts import Fact, Kind, Quarantined
from casement.domain.jobs import job_from
from casement.domain.subscription import DEFAULT_LANES
from casement.domain.templates import Notice
from casement.domain.window import OPENING_TYPES
from casement.meta.signature import verify
from casement.meta.webhook import split
from casement.runtime.http import request_from
from casement.store.log import entry_of
from functions.react.app import changes_in
from functions.sync_templates.app import Noticed, noticed_in
from local.stack.template import load
from tests.support.deliveries import APP_SECRET, VERIFY_TOKEN
from tests.support.samples import EVENTS, SIGNED, STREAMED, WEBHOOKS, event, signed, streamed
from tests.support.tables import ROOT

NUMBER, WABA = "100000000000001", "200000000000001"

MESSAGE_TYPES = OPENING_TYPES | {"reaction", "system", "request_welcome", "edit", "revoke", "unsupported", "unknown"}
INTERACTIVE_TYPES = {"button_reply", "list_reply", "nfm_reply", "call_permission_reply"}
SYSTEM_TYPES = {
    *("user_changed_number", "user_changed_user_id", "customer_changed_number", "customer_identity_changed"),
}
STATUSES = {"sent", "delivered", "read", "played", "failed", "deleted", "warning", "RINGING", "ACCEPTED", "REJECTED"}
FAILURES = {131047, 470, 131026, 131048, 131049, 131050, 131053}
TEMPLATE_EVENTS = {
    *("APPROVED", "REJECTED", "PENDING", "PAUSED", "DISABLED", "FLAGGED", "REINSTATED", "IN_APPEAL", "LOCKED"),
    *("PENDING_DELETION", "DELETED", "LIMIT_EXCEEDED", "ARCHIVED", "UNARCHIVED", "UNLOCKED"),
}
FIELDS = {
    *("messages", "calls", "smb_message_echoes", "smb_app_state_sync", "history", "user_preferences", "standby"),
    *("group_lifecycle_update", "group_participants_update", "group_settings_update", "group_status_update"),
    *("messaging_handovers", "automatic_events", "user_id_update"),
    *("message_template_status_update", "message_template_quality_update", "message_template_components_update"),
    *("template_category_update", "template_correct_category_detection"),
    *("account_update", "account_alerts", "account_review_update", "account_settings_update", "security", "flows"),
    *("business_capability_update", "phone_number_quality_update", "phone_number_name_update"),
    *("business_username_updates", "partner_solutions", "payment_configuration_update"),
}


def facts() -> Iterator[Fact]:
    return (piece for path in WEBHOOKS for piece in split(path.read_bytes()) if isinstance(piece, Fact))


def elements(*kinds: Kind) -> list[Any]:
    return [json.loads(fact.raw)["element"] for fact in facts() if fact.kind in kinds]


@pytest.mark.parametrize("path", WEBHOOKS, ids=lambda path: path.stem)
def test_a_webhook_becomes_facts_and_nothing_is_quarantined(path: Path) -> None:
    pieces = list(split(path.read_bytes()))

    assert any(isinstance(piece, Fact) for piece in pieces)
    assert not [piece for piece in pieces if isinstance(piece, Quarantined)]


@pytest.mark.parametrize("path", WEBHOOKS, ids=lambda path: path.stem)
def test_a_webhook_is_told_apart_from_every_other(path: Path) -> None:
    """A copy of a file under another name would be a kind that is missing."""
    assert [other for other in WEBHOOKS if other.read_bytes() == path.read_bytes()] == [path]


def test_every_message_type_is_there():
    assert {message["type"] for message in elements(Kind.MESSAGE)} >= MESSAGE_TYPES


def test_every_kind_of_answer_to_an_interactive_message_is_there():
    interactive = [message["interactive"] for message in elements(Kind.MESSAGE) if message["type"] == "interactive"]
    assert {answer["type"] for answer in interactive} == INTERACTIVE_TYPES
    assert {answer["nfm_reply"]["name"] for answer in interactive if "nfm_reply" in answer} == {
        "flow",
        "address_message",
    }


def test_every_kind_of_system_message_is_there():
    assert {message["system"]["type"] for message in elements(Kind.MESSAGE) if "system" in message} == SYSTEM_TYPES


def test_every_status_is_there():
    found = {status.get("status") for status in elements(Kind.STATUS, Kind.CALL)}
    assert found >= STATUSES


def test_every_failure_that_somebody_acts_on_is_there():
    failures = [status["errors"][0]["code"] for status in elements(Kind.STATUS) if status["status"] == "failed"]
    assert set(failures) == FAILURES


def test_every_event_of_a_template_is_there():
    assert {event.get("event") for event in elements(Kind.TEMPLATE_EVENT)} >= TEMPLATE_EVENTS


def test_every_field_is_there():
    assert {json.loads(fact.raw)["field"] for fact in facts()} >= FIELDS


def test_every_kind_of_fact_is_there():
    assert {fact.kind for fact in facts()} == set(Kind)


def test_every_mix_of_a_persons_names_is_there():
    who = [
        {name for name in ("from", "from_user_id", "from_parent_user_id") if name in one}
        for one in elements(Kind.MESSAGE)
    ]
    assert {"from"} in who
    assert {"from_user_id"} in who
    assert {"from", "from_user_id"} in who
    assert {"from", "from_user_id", "from_parent_user_id"} in who


@pytest.mark.parametrize("name", SIGNED)
def test_a_delivery_is_signed_over_its_exact_body(name: str) -> None:
    request = request_from(event(name))

    assert verify([APP_SECRET], request.body, request.headers["x-hub-signature-256"])
    assert signed(name) == event(name)
    assert b"\\/" in request.body or b"/" not in request.body  # as Meta writes it


@pytest.mark.parametrize(("name", "source"), STREAMED.items())
def test_a_stream_record_is_what_the_webhook_becomes(name: str, source: str) -> None:
    assert event(name) == streamed(source)


def test_the_handshake_knows_the_verify_token():
    assert event("receive_webhook_handshake")["queryStringParameters"] == {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": VERIFY_TOKEN,
    }


def test_the_stream_record_is_one_that_something_follows_from():
    (change,) = changes_in(event("react_stream_record")["Records"])
    assert entry_of(change.new)


def test_the_template_event_names_its_template():
    records = event("sync_templates_stream_record")["Records"]
    at = 1_795_000_000_000
    notice = Notice(at, {"event": "APPROVED", "at": at, "reason": "NONE"})
    assert noticed_in(records) == {WABA: Noticed("111", {"900000000000001": notice})}


@pytest.mark.parametrize("name", ["sync_templates_schedule", "sweep_sends_schedule", "sweep_windows_schedule"])
def test_a_schedule_is_no_stream(name):
    assert "Records" not in event(name)


@pytest.mark.parametrize("name", ["send_outbox_job", "send_outbox_automation"])
def test_a_job_of_the_outbox_is_one_in_the_group_of_its_conversation(name):
    (record,) = event(name)["Records"]
    job = job_from(record["body"])

    assert (job.number, job.dumps()) == (NUMBER, record["body"])
    assert record["attributes"]["MessageGroupId"] == job.group


def test_the_delivery_is_one_in_its_lane_and_says_what_it_is():
    (record,) = event("deliver_event_delivery")["Records"]
    delivery = delivery_from(record["body"])
    told = json.loads(delivery.body or "")

    assert record["attributes"]["MessageGroupId"] == f"{delivery.subscription}.{delivery.lane(DEFAULT_LANES)}"
    assert record["attributes"]["MessageDeduplicationId"] == f"{delivery.subscription}.{delivery.event}"
    assert (told["id"], told["type"], told["sequence"]) == (delivery.event, delivery.type, delivery.sequence)
    assert delivery.scope == f"{told['phone_number_id']}#{told['conversation_id']}"


@pytest.mark.parametrize(
    "name", [path.stem for path in sorted(EVENTS.glob("*.json")) if "routeKey" in event(path.stem)]
)
def test_an_http_event_is_one_of_a_route_that_exists(name: str) -> None:
    routed = event(name)
    functions = load(ROOT / "template.yaml", region="eu-west-1", aws_url="http://127.0.0.1").functions
    routes = {route.key: function.handler for function in functions for route in function.routes}

    handler = routes[routed["routeKey"]]
    assert name.startswith(handler.split(".")[1])
    for parameter, value in routed.get("pathParameters", {}).items():
        assert f"{{{parameter}}}" in routed["routeKey"]
        assert value in routed["rawPath"]


def test_every_function_has_a_sample():
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert {
        name for name in functions if not any(path.stem.startswith(name) for path in EVENTS.glob("*.json"))
    } == set()
