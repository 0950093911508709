"""Clients that other people wrote for Meta's own API, unchanged, on the local stack: only the address differs."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pywa import errors
from pywa.client import WhatsApp
from pywa.types.callback import Button
from pywa.types.templates import BodyText, Template, TemplateCategory, TemplateLanguage, TemplateStatus

from local.stack import LocalStack
from local.stack.seed import API_KEY, PHONE_NUMBER_ID, WABA_ID
from local.stack.story import Scene
from tests.e2e.conftest import until_shown

DAY = 86_400


def went_out(stack: LocalStack, customer: str) -> list[Any]:
    """What Meta accepted for a customer, in order."""
    answer = httpx.get(f"{stack.simulator_url}/_control/sent", params={"contact": customer}, timeout=10)
    return list(answer.json()["data"])


def wrote_yesterday(scene: Scene, customer: str) -> None:
    until_shown(scene, customer, scene.customer(**{"from": customer}, text="Hello?", ago=DAY + 3_600))


# --- pywa ----------------------------------------------------------------------------------------------


class PointedAt(httpx.HTTPTransport):
    """A way out that leads to another server, whatever the request says: pywa sets Meta's address on any session."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = httpx.URL(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme=self._url.scheme, host=self._url.host, port=self._url.port)
        request.headers["host"] = self._url.netloc.decode()
        return super().handle_request(request)


@pytest.fixture
def pywa(stack: LocalStack) -> Iterator[WhatsApp]:
    with httpx.Client(transport=PointedAt(stack.api_url), timeout=20) as session:
        yield WhatsApp(phone_id=PHONE_NUMBER_ID, waba_id=WABA_ID, token=API_KEY, session=session)


def test_pywa_sends_inside_of_the_window(pywa: WhatsApp, stack: LocalStack, customer: str, writing: str) -> None:
    text = pywa.send_message(customer, "It left an hour ago.", reply_to_message_id=writing, tracker="order-42")
    buttons = pywa.send_message(customer, "Anything else?", buttons=[Button("Yes", "yes"), Button("No", "no")])
    image = pywa.send_image(customer, "https://example.com/parcel.png", caption="Your parcel")
    read = pywa.mark_message_as_read(writing)
    pywa.indicate_typing(writing)

    sent = went_out(stack, customer)
    assert [one["type"] for one in sent] == ["text", "interactive", "image"]
    assert [one["wamid"] for one in sent] == [text.id, buttons.id, image.id]
    assert sent[0]["body"]["context"] == {"message_id": writing}
    assert read


def test_pywa_sends_a_template_to_somebody_who_never_wrote(
    pywa: WhatsApp, scene: Scene, stack: LocalStack, customer: str
) -> None:
    ana = {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}

    sent = pywa.send_template(customer, name="we_are_here", language=TemplateLanguage.SPANISH, params=[ana])

    assert went_out(stack, customer)[0]["wamid"] == sent.id
    assert sent.status is not None
    until_shown(scene, customer, sent.id)


def test_pywa_raises_its_own_error_when_the_window_is_closed(
    pywa: WhatsApp, scene: Scene, stack: LocalStack, customer: str
) -> None:
    wrote_yesterday(scene, customer)

    with pytest.raises(errors.ReEngagementMessage) as caught:
        pywa.send_message(customer, "too late")

    assert went_out(stack, customer) == []
    remedies = caught.value.raw["error_data"]["casement"]["remedies"]
    assert "hello_world" in {remedy["name"] for remedy in remedies}


def test_pywa_knows_our_other_refusals(pywa: WhatsApp, customer: str) -> None:
    with pytest.raises(errors.TemplateNotExists):
        pywa.send_template(customer, name="no_such_thing", language=TemplateLanguage.ENGLISH_US, params=[])
    pywa.token = "wrong"  # noqa: S105 - that is the point
    with pytest.raises(errors.ExpiredAccessToken):
        pywa.send_message(customer, "Hi")


def test_pywa_gets_an_answer_it_understands_when_metas_is_lost(
    pywa: WhatsApp, stack: LocalStack, customer: str, writing: str
) -> None:
    assert writing
    fault = {"how": "drop_after", "match": "/messages$"}
    assert httpx.post(f"{stack.simulator_url}/_control/fail", json=fault, timeout=10).status_code == 200

    sent = pywa.send_message(customer, "Did this go out?")

    assert sent.id.startswith("csm1.")
    assert sent.chat.id == customer
    assert len(went_out(stack, customer)) == 1


def test_pywa_lists_the_stored_templates(pywa: WhatsApp, scene: Scene) -> None:
    assert scene
    assert {template.name for template in pywa.get_templates()} >= {"hello_world", "we_are_here"}


def test_pywa_makes_changes_and_deletes_a_template(pywa: WhatsApp, scene: Scene, stack: LocalStack) -> None:
    body = BodyText("Hello {{1}}, your parcel {{2}} is here.", "Ana", "A-1042")

    made = pywa.create_template(notice("parcel_here", body))

    assert (made.status, made.category) == (TemplateStatus.PENDING, TemplateCategory.UTILITY)
    (listed,) = pywa.get_templates(name="parcel_here")
    assert pywa.get_template(listed.id).name == "parcel_here"
    assert (listed.id, listed.status) == (made.id, TemplateStatus.PENDING)

    review = f"{stack.simulator_url}/_control/templates/{made.id}/review"
    assert httpx.post(review, json={"decision": "approve"}, timeout=10).status_code == 200
    scene.until("approved template", lambda: status_of(pywa, "parcel_here") is TemplateStatus.APPROVED or None)

    changed = pywa.update_template(made.id, new_components=[BodyText("Your parcel is here.")])

    assert (changed.success, changed.id, changed.name) == (True, made.id, "parcel_here")
    (listed,) = pywa.get_templates(name_or_content="Your parcel is here")
    assert (listed.id, listed.status) == (made.id, TemplateStatus.PENDING)

    assert pywa.delete_template("parcel_here", template_id=made.id)
    assert status_of(pywa, "parcel_here") in (TemplateStatus.PENDING_DELETION, TemplateStatus.DELETED)


def notice(name: str, body: BodyText) -> Template:
    """A template of a body alone."""
    utility, english = TemplateCategory.UTILITY, TemplateLanguage.ENGLISH_US
    return Template(name=name, category=utility, language=english, components=[body])


def status_of(pywa: WhatsApp, name: str) -> TemplateStatus:
    """The status of the one translation of a template, as pywa sees it."""
    (listed,) = pywa.get_templates(name=name)
    return listed.status


def test_pywa_knows_why_a_template_is_refused(pywa: WhatsApp) -> None:
    body = BodyText("{{1}} is here", "A-1042")

    with pytest.raises(errors.WhatsAppError) as caught:
        pywa.create_template(notice("Parcel", body))

    assert caught.value.code == 100
    faults = caught.value.raw["error_data"]["casement"]["faults"]
    assert {fault["path"] for fault in faults} == {"name", "components[0].text"}
    assert caught.value.details == caught.value.user_msg


# --- heyoo -----------------------------------------------------------------------------------------------


@pytest.fixture
def old_client(stack: LocalStack, caplog: pytest.LogCaptureFixture) -> Any:
    """heyoo keeps Meta's addresses in attributes of the client."""
    if sys.version_info >= (3, 13):
        pytest.skip("heyoo 0.1.2 can't be imported by Python 3.13: a docstring of its own holds lone surrogates")
    import heyoo  # type: ignore[import-untyped]

    caplog.set_level(logging.CRITICAL)
    client = heyoo.WhatsApp(API_KEY, phone_number_id=PHONE_NUMBER_ID)
    client.base_url, client.v15_base_url = f"{stack.api_url}/v14.0", f"{stack.api_url}/v15.0"
    client.url = f"{client.base_url}/{PHONE_NUMBER_ID}/messages"
    return client


def test_heyoo_sends(old_client: Any, stack: LocalStack, customer: str, writing: str) -> None:
    buttons = {"type": "button", "body": {"text": "?"}, "action": {"buttons": [_button("yes"), _button("no")]}}

    answers = [
        old_client.send_message("Hello", customer),
        old_client.reply_to_message(writing, customer, "Hello again"),
        old_client.send_reply_button(buttons, customer),
        old_client.send_template("hello_world", customer, []),
        old_client.send_location("-33.8", "151.2", "Opera", "Sydney", customer),
        old_client.send_image("https://example.com/parcel.png", customer),
    ]

    sent = went_out(stack, customer)
    assert [one["type"] for one in sent] == ["text", "text", "interactive", "template", "location", "image"]
    assert [answer["messages"][0]["id"] for answer in answers] == [one["wamid"] for one in sent]
    assert old_client.mark_as_read(writing) == {"success": True}


def _button(name: str) -> dict[str, Any]:
    return {"type": "reply", "reply": {"id": name, "title": name}}


def test_heyoo_is_told_that_the_window_is_closed(
    old_client: Any, scene: Scene, stack: LocalStack, customer: str
) -> None:
    wrote_yesterday(scene, customer)

    answer = old_client.send_message("too late", customer)

    assert answer["error"]["code"] == 131047
    assert went_out(stack, customer) == []


def test_heyoo_gets_an_answer_it_understands_when_metas_is_lost(
    old_client: Any, stack: LocalStack, customer: str, writing: str
) -> None:
    assert writing
    fault = {"how": "drop_after", "match": "/messages$"}
    assert httpx.post(f"{stack.simulator_url}/_control/fail", json=fault, timeout=10).status_code == 200

    answer = old_client.send_message("Did this go out?", customer)

    assert answer["messages"][0]["message_status"] == "unknown"
    assert len(went_out(stack, customer)) == 1


# --- curl ------------------------------------------------------------------------------------------------


def curl(stack: LocalStack, body: dict[str, Any], *headers: str) -> tuple[int, Any]:
    """HTTP status and answer of a send by curl."""
    url = f"{stack.api_url}/v25.0/{PHONE_NUMBER_ID}/messages"
    given = [part for header in headers or (f"Authorization: Bearer {API_KEY}",) for part in ("-H", header)]
    command = ["curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", url, *given]
    command += ["-H", "Content-Type: application/json", "-d", json.dumps({"messaging_product": "whatsapp", **body})]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - our own command
    answer, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(answer)


def test_curl_sends(stack: LocalStack, customer: str, writing: str) -> None:
    text = {"to": f"+{customer}", "type": "text", "text": {"body": "caf\u00e9"}}
    template = {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}}
    interactive = {"type": "button", "body": {"text": "?"}, "action": {"buttons": [_button("yes")]}}

    assert curl(stack, text)[0] == 200
    assert curl(stack, {**text, **template})[0] == 200
    assert (
        curl(stack, {"to": customer, "type": "interactive", "interactive": interactive}, f"X-API-Key: {API_KEY}")[0]
        == 200
    )
    assert curl(stack, {"status": "read", "message_id": writing}) == (200, {"success": True})

    assert [one["type"] for one in went_out(stack, customer)] == ["text", "template", "interactive"]
    assert went_out(stack, customer)[0]["body"]["text"] == {"body": "caf\u00e9"}


def test_curl_is_refused(stack: LocalStack, scene: Scene, customer: str) -> None:
    wrote_yesterday(scene, customer)

    status, answer = curl(stack, {"to": customer, "text": {"body": "too late"}})

    assert (status, answer["error"]["code"]) == (400, 131047)
    assert answer["error"]["error_data"]["casement"]["window"]["state"] == "closed"
    assert curl(stack, {}, "Authorization: Bearer wrong")[0] == 401
    assert curl(stack, {"to": customer})[0] == 400
    assert went_out(stack, customer) == []
