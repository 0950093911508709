"""Kapso's client for Node (@kapso/whatsapp-cloud-api), unchanged: only its `baseUrl` differs.

It runs in a process of its own (`node/kapso.mjs`), which makes the calls that it is told. The client never sends again
by itself; its errors say whether the caller might.
"""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack import LocalStack
from local.stack.seed import API_KEY, PHONE_NUMBER_ID, WABA_ID
from local.stack.story import Scene
from tests.e2e.conftest import until_shown
from tests.e2e.test_clients import went_out, wrote_yesterday
from tests.e2e.test_kapso_python import PIXEL, Gateway, fail_at_meta

FOLDER = Path(__file__).parent / "node"
NODE = shutil.which("node")
INSTALLED = (FOLDER / "node_modules" / ".installed").exists()

pytestmark = pytest.mark.skipif(
    NODE is None or not INSTALLED,
    reason="the client for Node is not installed: make test does it, with Node 20 and npm",
)

TOKEN = {"accessToken": API_KEY}  # goes into Authorization, as to Meta
KEY = {"kapsoApiKey": API_KEY}  # goes into X-API-Key, and unlocks the client's methods that read

Call = tuple[Any, ...]  # the name of a method, and what it is given


def outcomes(url: str, *calls: Call, who: dict[str, str] = TOKEN) -> list[dict[str, Any]]:
    """What came of calls, one after the other: `{"value": …}` or `{"error": …}`."""
    told = json.dumps({"config": {"baseUrl": url, **who}, "calls": calls})
    command = [str(NODE), str(FOLDER / "kapso.mjs")]
    done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def values(url: str, *calls: Call, who: dict[str, str] = TOKEN) -> list[Any]:
    """What calls gave, none of which may fail."""
    came = outcomes(url, *calls, who=who)
    assert [one["error"] for one in came if "error" in one] == []
    return [one.get("value") for one in came]


def failure(url: str, call: Call, who: dict[str, str] = TOKEN) -> Any:
    """What a call threw."""
    (came,) = outcomes(url, call, who=who)
    return came["error"]


def text(customer: str, body: str, **more: Any) -> Call:
    return ("messages.sendText", {**to(customer), "body": body, **more})


def to(customer: str) -> dict[str, Any]:
    return {"phoneNumberId": PHONE_NUMBER_ID, "to": customer}


# --- What it sends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [TOKEN, KEY], ids=["Authorization", "X-API-Key"])
def test_kapso_sends_inside_of_the_window(stack: LocalStack, customer: str, writing: str, who: dict[str, str]) -> None:
    ana = to(customer)
    rows = [{"id": "mon", "title": "Monday", "description": "before noon"}, {"id": "tue", "title": "Tuesday"}]
    yes_or_no = [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}]
    image = {"link": "https://example.com/parcel.png", "caption": "Your parcel"}
    reaction = {"messageId": writing, "emoji": "\N{THUMBS UP SIGN}"}
    days = {"bodyText": "When?", "buttonText": "Days", "sections": [{"title": "May", "rows": rows}]}

    answers = values(
        stack.api_url,
        text(customer, "It left an hour ago.", contextMessageId=writing),
        ("messages.sendImage", {**ana, "image": image}),
        ("messages.sendInteractiveButtons", {**ana, "bodyText": "Anything else?", "buttons": yes_or_no}),
        ("messages.sendInteractiveList", {**ana, **days}),
        ("messages.sendReaction", {**ana, "reaction": reaction}),
        ("messages.sendLocation", {**ana, "location": {"latitude": -33.8, "longitude": 151.2, "name": "Opera"}}),
        who=who,
    )

    sent = went_out(stack, customer)
    assert [one["type"] for one in sent] == ["text", "image", "interactive", "interactive", "reaction", "location"]
    assert [one["wamid"] for one in sent] == [answer["messages"][0]["id"] for answer in answers]
    assert {answer["contacts"][0]["waId"] for answer in answers} == {customer}
    assert sent[0]["body"]["context"] == {"message_id": writing}
    assert sent[1]["body"]["image"] == image
    assert sent[3]["body"]["interactive"]["action"]["sections"][0]["rows"] == rows
    assert sent[4]["body"]["reaction"] == {"message_id": writing, "emoji": "\N{THUMBS UP SIGN}"}


def test_kapso_answers_somebody_who_has_no_phone_number(scene: Scene, stack: LocalStack, customer: str) -> None:
    bsuid = f"US.{customer}"
    until_shown(scene, bsuid, scene.customer(**{"from": None, "user_id": bsuid, "username": "ana.b"}, text="Hi"))
    ana = {"phoneNumberId": PHONE_NUMBER_ID, "recipient": bsuid}

    (answer,) = values(stack.api_url, ("messages.sendText", {**ana, "body": "Hello"}))

    assert [one["wamid"] for one in went_out(stack, bsuid)] == [answer["messages"][0]["id"]]


def test_kapso_marks_as_read_and_types(stack: LocalStack, customer: str, writing: str) -> None:
    receipt = {"phoneNumberId": PHONE_NUMBER_ID, "messageId": writing}

    answers = values(
        stack.api_url,
        ("messages.markRead", receipt),
        ("messages.markRead", {**receipt, "typingIndicator": {"type": "text"}}),
    )

    told = httpx.get(f"{stack.simulator_url}/_control/marked_read", timeout=10).json()["data"]
    assert answers == [{"success": True}] * 2
    assert ["typing_indicator" in one for one in told if one["message_id"] == writing] == [False, True]
    assert went_out(stack, customer) == []


def test_kapso_sends_templates_to_somebody_who_never_wrote(scene: Scene, stack: LocalStack, customer: str) -> None:
    ana = [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}]
    plain = {"name": "hello_world", "language": {"code": "en_US"}}
    spanish = {"name": "we_are_here", "language": {"code": "es"}, "components": ana}

    answers = values(
        stack.api_url, *(("messages.sendTemplate", {**to(customer), "template": each}) for each in (plain, spanish))
    )

    sent = went_out(stack, customer)
    assert [one["wamid"] for one in sent] == [answer["messages"][0]["id"] for answer in answers]
    assert [one["body"]["template"]["name"] for one in sent] == ["hello_world", "we_are_here"]
    assert sent[1]["body"]["template"]["components"] == ana
    until_shown(scene, customer, answers[1]["messages"][0]["id"])


# --- What it reads ---------------------------------------------------------------------------------------


def test_kapso_lists_the_stored_templates(scene: Scene, stack: LocalStack) -> None:
    assert scene
    wanted = {"businessAccountId": WABA_ID, "status": "APPROVED", "limit": 100}

    (listed,) = values(stack.api_url, ("templates.list", wanted))

    assert {template["name"] for template in listed["data"]} >= {"hello_world", "we_are_here"}


def test_kapso_reads_conversations_and_messages(scene: Scene, stack: LocalStack, customer: str, writing: str) -> None:
    number = {"phoneNumberId": PHONE_NUMBER_ID}
    (sent,) = values(stack.api_url, text(customer, "Hello", bizOpaqueCallbackData="order-42"))
    until_shown(scene, customer, sent["messages"][0]["id"])

    conversations, messages, message = values(
        stack.api_url,
        ("conversations.list", {**number, "limit": 100}),
        ("messages.query", {**number, "conversationId": customer}),
        ("messages.get", {**number, "messageId": sent["casement"]["id"]}),
        who=KEY,
    )

    (ana,) = [each for each in conversations["data"] if each["phoneNumber"] == customer]
    assert ana["casement"]["window"]["state"] == "open"
    assert [each["id"] for each in messages["data"]] == [sent["messages"][0]["id"], writing]
    assert (message["text"]["body"], message["bizOpaqueCallbackData"]) == ("Hello", "order-42")


# --- What it makes of a refusal --------------------------------------------------------------------------


def test_kapso_says_that_a_repeat_is_no_use_when_the_window_is_closed(
    scene: Scene, stack: LocalStack, customer: str
) -> None:
    wrote_yesterday(scene, customer)

    error = failure(stack.api_url, text(customer, "too late"))

    assert (error["name"], error["httpStatus"], error["code"]) == ("GraphApiError", 400, 131047)
    assert (error["category"], error["retry"]) == ("reengagementWindow", {"action": "do_not_retry"})
    ours = error["errorData"]["casement"]
    assert ours["window"]["state"] == "closed"
    assert "hello_world" in {remedy["name"] for remedy in ours["remedies"]}
    assert went_out(stack, customer) == []


def test_kapso_knows_our_other_refusals(stack: LocalStack, customer: str) -> None:
    missing = {"name": "no_such_thing", "language": {"code": "en_US"}}

    unknown = failure(stack.api_url, ("messages.sendTemplate", {**to(customer), "template": missing}))
    stranger = failure(stack.api_url, text(customer, "Hi"), who={"accessToken": "wrong"})

    assert (unknown["code"], unknown["category"]) == (132001, "template")
    assert (stranger["code"], stranger["category"]) == (190, "authorization")
    assert went_out(stack, customer) == []


# --- When there is no answer -----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["drop_after", "5xx_after"])
def test_kapso_gets_an_answer_when_metas_is_lost(stack: LocalStack, customer: str, writing: str, how: str) -> None:
    assert writing
    fail_at_meta(stack, how)

    (sent,) = values(stack.api_url, text(customer, "Did this go out?"))

    assert sent["messages"] == [{"id": sent["casement"]["id"], "messageStatus": "unknown"}]
    assert sent["contacts"] == [{"input": customer, "waId": customer}]
    assert len(went_out(stack, customer)) == 1


def test_kapso_says_that_what_did_not_go_out_may_be_repeated(stack: LocalStack, customer: str, writing: str) -> None:
    assert writing
    fail_at_meta(stack, {"code": 133004, "http_status": 503})
    fail_at_meta(stack, "rate_limit")

    maintenance, too_many = outcomes(stack.api_url, text(customer, "1"), text(customer, "2"))

    actions = [each["error"]["retry"]["action"] for each in (maintenance, too_many)]
    assert set(actions) <= {"retry", "retry_after"}
    assert went_out(stack, customer) == []


@pytest.mark.parametrize(
    ("fault", "name", "retry"),
    [("503 after", "GraphApiError", {"action": "retry"}), ("drop after", "TypeError", None)],
)
def test_kapso_leaves_it_to_the_caller_to_repeat_when_casements_answer_is_lost(
    stack: LocalStack, customer: str, writing: str, fault: str, name: str, retry: Any
) -> None:
    assert writing
    with Gateway(stack.api_url) as gateway:
        gateway.faults = [fault]
        error = failure(gateway.url, text(customer, "Hello"))

    assert (error["name"], error.get("retry")) == (name, retry)
    assert len(gateway.attempts) == 1
    assert len(went_out(stack, customer)) == 1


def test_a_caller_can_add_what_kapso_has_no_word_for(stack: LocalStack, customer: str, writing: str) -> None:
    assert writing
    body = {"messaging_product": "whatsapp", "to": customer, "type": "text", "text": {"body": "Hello"}}
    wish = {"casement": {"when_closed": "reject"}}
    headers = {"Casement-When-Closed": "reject"}

    with Gateway(stack.api_url) as gateway:
        in_body, in_headers = values(
            gateway.url,
            ("messages.sendRaw", {"phoneNumberId": PHONE_NUMBER_ID, "payload": {**body, **wish}}),
            (
                "request",
                "POST",
                f"{PHONE_NUMBER_ID}/messages",
                {"body": body, "headers": headers, "responseType": "json"},
            ),
        )

    assert json.loads(gateway.attempts[0].body)["casement"] == wish["casement"]
    assert gateway.attempts[1].headers["casement-when-closed"] == "reject"
    answered = [answer["messages"][0]["id"] for answer in (in_body, in_headers)]
    assert [one["wamid"] for one in went_out(stack, customer)] == answered


# --- Media by id -----------------------------------------------------------------------------------------


def test_kapso_uploads_sends_by_id_downloads_and_deletes(stack: LocalStack, customer: str, writing: str) -> None:
    assert writing
    file = {"$base64": base64.b64encode(PIXEL).decode(), "type": "image/png"}
    upload = {"phoneNumberId": PHONE_NUMBER_ID, "file": file, "type": file["type"], "fileName": "pixel.png"}
    (uploaded,) = values(stack.api_url, ("media.upload", upload))
    medium = {"phoneNumberId": PHONE_NUMBER_ID, "mediaId": uploaded["id"]}

    sent, described, downloaded, deleted, gone = outcomes(
        stack.api_url,
        ("messages.sendImage", {**to(customer), "image": {"id": uploaded["id"], "caption": "A pixel"}}),
        ("media.get", medium),
        ("media.download", {**medium, "auth": "always"}),  # else it shows its key to hosts of Kapso's only
        ("media.delete", medium),
        ("media.get", medium),
    )

    (out,) = went_out(stack, customer)
    assert out["wamid"] == sent["value"]["messages"][0]["id"]
    assert out["body"]["image"] == {"id": uploaded["id"], "caption": "A pixel"}
    assert (described["value"]["mimeType"], described["value"]["fileSize"]) == ("image/png", len(PIXEL))
    assert described["value"]["sha256"] == hashlib.sha256(PIXEL).hexdigest()
    assert base64.b64decode(downloaded["value"]["$base64"]) == PIXEL
    assert deleted["value"] == {"success": True}
    assert gone["error"]["name"] == "GraphApiError"
