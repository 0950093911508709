"""Kapso's client for Python (kapso-whatsapp-cloud-api), unchanged: only its `base_url` differs.

It sends again by itself after an HTTP 500, 502, 503, 504 or 429, a timeout or a refused connection, POST or not. So
these tests look at the simulator's ledger: what went out, and that it did so once.
"""

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self, TypeVar

import httpx
import kapso_whatsapp  # type: ignore[import-untyped]
import pytest
from kapso_whatsapp import WhatsAppClient
from kapso_whatsapp.exceptions import NotFoundError  # type: ignore[import-untyped]

from local.stack import LocalStack
from local.stack.seed import API_KEY, PHONE_NUMBER_ID, WABA_ID
from local.stack.story import Scene
from tests.e2e.conftest import until_shown
from tests.e2e.test_clients import went_out, wrote_yesterday

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture
def run() -> Iterator[Run[Any]]:
    """Runs what the client gives: it is asynchronous, and the tests are not."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def kapso(stack: LocalStack, run: Run[Any]) -> Iterator[WhatsAppClient]:
    client = WhatsAppClient(access_token=API_KEY, base_url=stack.api_url)
    yield client
    run(client.close())


def to(customer: str) -> dict[str, Any]:
    return {"phone_number_id": PHONE_NUMBER_ID, "to": customer}


def fail_at_meta(stack: LocalStack, how: Any) -> None:
    """Let Meta's next answer to a send fail."""
    fault = {"how": how, "match": "/messages$"}
    assert httpx.post(f"{stack.simulator_url}/_control/fail", json=fault, timeout=10).status_code == 200


# --- What it sends ---------------------------------------------------------------------------------------


def test_kapso_sends_inside_of_the_window(
    kapso: WhatsAppClient, run: Run[Any], stack: LocalStack, customer: str, writing: str
) -> None:
    ana, messages = to(customer), kapso.messages
    rows = [{"id": "mon", "title": "Monday", "description": "before noon"}, {"id": "tue", "title": "Tuesday"}]
    yes_or_no = [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}]

    answers = [
        run(messages.send_text(**ana, body="It left an hour ago.", context={"message_id": writing})),
        run(messages.send_image(**ana, image={"link": "https://example.com/parcel.png", "caption": "Your parcel"})),
        run(messages.send_interactive_buttons(**ana, body_text="Anything else?", buttons=yes_or_no)),
        run(messages.send_interactive_list(**ana, body_text="When?", button_text="Days", sections=[{"rows": rows}])),
        run(messages.send_reaction(**ana, reaction={"message_id": writing, "emoji": "\N{THUMBS UP SIGN}"})),
        run(messages.send_location(**ana, location={"latitude": -33.8, "longitude": 151.2, "name": "Opera"})),
    ]

    sent = went_out(stack, customer)
    assert [one["type"] for one in sent] == ["text", "image", "interactive", "interactive", "reaction", "location"]
    assert [one["wamid"] for one in sent] == [answer.message_id for answer in answers]
    assert {answer.contacts[0].wa_id for answer in answers} == {customer}
    assert sent[0]["body"]["context"] == {"message_id": writing}
    assert sent[1]["body"]["image"] == {"link": "https://example.com/parcel.png", "caption": "Your parcel"}
    assert sent[3]["body"]["interactive"]["action"]["sections"][0]["rows"] == rows
    assert sent[4]["body"]["reaction"] == {"message_id": writing, "emoji": "\N{THUMBS UP SIGN}"}


def test_kapso_marks_as_read_and_types(
    kapso: WhatsAppClient, run: Run[Any], stack: LocalStack, customer: str, writing: str
) -> None:
    receipt = {"phone_number_id": PHONE_NUMBER_ID, "message_id": writing}

    assert run(kapso.messages.mark_read(**receipt)) == {"success": True}
    # Its annotation says bool, which Meta refuses; an object goes through as it is.
    assert run(kapso.messages.mark_read(**receipt, typing_indicator={"type": "text"})) == {"success": True}

    told = httpx.get(f"{stack.simulator_url}/_control/marked_read", timeout=10).json()["data"]
    assert ["typing_indicator" in one for one in told if one["message_id"] == writing] == [False, True]
    assert went_out(stack, customer) == []


def test_kapso_sends_templates_to_somebody_who_never_wrote(
    kapso: WhatsAppClient, run: Run[Any], scene: Scene, stack: LocalStack, customer: str
) -> None:
    ana = [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}]
    plain = {"name": "hello_world", "language": "en_US"}
    spanish = {"name": "we_are_here", "language": {"code": "es"}, "components": ana}

    answers = [run(kapso.messages.send_template(**to(customer), template=template)) for template in (plain, spanish)]

    sent = went_out(stack, customer)
    assert [one["wamid"] for one in sent] == [answer.message_id for answer in answers]
    assert [one["body"]["template"]["name"] for one in sent] == ["hello_world", "we_are_here"]
    assert sent[1]["body"]["template"]["components"] == ana
    until_shown(scene, customer, answers[1].message_id)


def test_kapsos_callback_data_is_kept_and_shown(
    kapso: WhatsAppClient, run: Run[Any], scene: Scene, customer: str, writing: str
) -> None:
    assert writing
    sent = run(kapso.messages.send_text(**to(customer), body="Hello", biz_opaque_callback_data="order-42"))

    until_shown(scene, customer, sent.message_id)
    listed = scene.get(f"/{PHONE_NUMBER_ID}/messages", conversation_id=customer)["data"]
    assert [one.get("biz_opaque_callback_data") for one in listed if one["id"] == sent.message_id] == ["order-42"]


def test_kapso_lists_the_stored_templates(kapso: WhatsAppClient, run: Run[Any], scene: Scene) -> None:
    assert scene
    listed = run(kapso.templates.list(business_account_id=WABA_ID, status="APPROVED", limit=100))

    assert {template["name"] for template in listed["data"]} >= {"hello_world", "we_are_here"}


# --- What it makes of a refusal --------------------------------------------------------------------------


def test_kapso_raises_and_does_not_repeat_when_the_window_is_closed(
    kapso: WhatsAppClient, run: Run[Any], scene: Scene, stack: LocalStack, customer: str
) -> None:
    wrote_yesterday(scene, customer)

    # Its MessageWindowError is not for Meta's 131047: it wants HTTP 422 and "24-hour" in the message.
    with pytest.raises(kapso_whatsapp.ValidationError) as caught:
        run(kapso.messages.send_text(**to(customer), body="too late"))

    assert (caught.value.status_code, caught.value.error_code) == (400, 131047)
    assert not caught.value.is_retryable
    ours = caught.value.response["error"]["error_data"]["casement"]
    assert ours["window"]["state"] == "closed"
    assert "hello_world" in {remedy["name"] for remedy in ours["remedies"]}
    assert went_out(stack, customer) == []


def test_kapso_knows_our_other_refusals(kapso: WhatsAppClient, run: Run[Any], stack: LocalStack, customer: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        run(kapso.messages.send_template(**to(customer), template={"name": "no_such_thing", "language": "en_US"}))
    assert caught.value.error_code == 132001

    stranger = WhatsAppClient(access_token="wrong", base_url=stack.api_url)  # noqa: S106 - that is the point
    with pytest.raises(kapso_whatsapp.AuthenticationError):
        run(stranger.messages.send_text(**to(customer), body="Hi"))
    run(stranger.close())
    assert went_out(stack, customer) == []


# --- When Meta gives no answer ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["drop_after", "5xx_after"])
def test_kapso_does_not_repeat_what_meta_may_have_sent(
    kapso: WhatsAppClient, run: Run[Any], stack: LocalStack, customer: str, writing: str, how: str
) -> None:
    assert writing
    fail_at_meta(stack, how)

    sent = run(kapso.messages.send_text(**to(customer), body="Did this go out?"))

    assert sent.message_id.startswith("csm1.")
    assert sent.messages[0].message_status == "unknown"
    assert sent.contacts[0].wa_id == customer
    assert len(went_out(stack, customer)) == 1


@pytest.mark.parametrize(
    "how", [{"code": 133004, "http_status": 503}, "rate_limit"], ids=["maintenance", "too many requests"]
)
def test_kapso_repeats_by_itself_what_did_not_go_out(
    run: Run[Any], stack: LocalStack, customer: str, writing: str, how: Any
) -> None:
    assert writing
    fail_at_meta(stack, how)
    kapso = WhatsAppClient(access_token=API_KEY, base_url=stack.api_url, retry_backoff=0.1)

    sent = run(kapso.messages.send_text(**to(customer), body="Hello"))

    run(kapso.close())
    assert [one["wamid"] for one in went_out(stack, customer)] == [sent.message_id]


# --- When Casement gives no answer -----------------------------------------------------------------------


class Attempt(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int
    body: bytes


class Gateway(ThreadingHTTPServer):
    """What stands between a client and Casement. It passes requests on, and loses answers when it is told to.

    - "503 before": it is never passed on, and answered 503
    - "503 after": it is passed on; the answer is 503, as API Gateway's when a function takes too long
    - "silence after": it is passed on; there is no answer until the client has gone
    - "drop after": it is passed on; the connection is closed without an answer
    """

    daemon_threads = False

    def __init__(self, casement: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.attempts: list[Attempt] = []
        self.faults: list[str] = []  # what becomes of the next requests
        self.done = threading.Event()
        self._casement = httpx.Client(base_url=casement, timeout=20, trust_env=False)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def answer(self, path: str, attempt: Attempt) -> Answer | None:
        """The answer to a request; None: there is none."""
        self.attempts.append(attempt)
        fault = self.faults.pop(0) if self.faults else ""
        if not fault:
            return self._pass_on(path, attempt)
        if fault.endswith("after"):
            self._pass_on(path, attempt)
        if fault.startswith("silence"):
            self.done.wait(20)
        return Answer(503, b'{"message":"Service Unavailable"}') if fault.startswith("503") else None

    def _pass_on(self, path: str, attempt: Attempt) -> Answer:
        headers = {name: attempt.headers[name] for name in attempt.headers.keys() - {"host", "connection"}}
        answer = self._casement.post(path, content=attempt.body, headers=headers)
        return Answer(answer.status_code, answer.content)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        self._casement.close()


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    server: Gateway

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        answer = self.server.answer(self.path, Attempt(headers, body))
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """What came is in `attempts`."""


@pytest.fixture
def gateway(stack: LocalStack) -> Iterator[Gateway]:
    with Gateway(stack.api_url) as gateway:
        yield gateway


@pytest.fixture
def hasty(gateway: Gateway, run: Run[Any]) -> Iterator[WhatsAppClient]:
    """The client behind a gateway, with its own number of retries, but less patience."""
    client = WhatsAppClient(access_token=API_KEY, base_url=gateway.url, timeout=2.0, retry_backoff=0.1)
    yield client
    run(client.close())


@pytest.mark.parametrize("fault", ["503 after", "silence after"])
def test_kapso_repeats_a_send_by_itself_when_casements_answer_is_lost(
    hasty: WhatsAppClient, run: Run[Any], gateway: Gateway, stack: LocalStack, customer: str, writing: str, fault: str
) -> None:
    assert writing
    gateway.faults = [fault]

    sent = run(hasty.messages.send_text(**to(customer), body="Hello", biz_opaque_callback_data="order-42/1"))

    first, second = gateway.attempts
    assert first == second  # nothing tells a repeat from a message that is to go out twice, unless the caller says so
    out = went_out(stack, customer)
    assert len(out) == 2
    assert sent.message_id == out[1]["wamid"]


def test_kapso_gives_up_after_three_repeats(
    hasty: WhatsAppClient, run: Run[Any], gateway: Gateway, stack: LocalStack, customer: str, writing: str
) -> None:
    assert writing
    gateway.faults = ["503 before"] * 5

    with pytest.raises(kapso_whatsapp.WhatsAppAPIError) as caught:
        run(hasty.messages.send_text(**to(customer), body="Hello"))

    assert caught.value.status_code == 503
    assert len(gateway.attempts) == 4
    assert went_out(stack, customer) == []


def test_kapso_does_not_repeat_when_the_connection_is_closed(
    hasty: WhatsAppClient, run: Run[Any], gateway: Gateway, stack: LocalStack, customer: str, writing: str
) -> None:
    assert writing
    gateway.faults = ["drop after"]

    with pytest.raises(httpx.RemoteProtocolError):  # none of its own errors
        run(hasty.messages.send_text(**to(customer), body="Hello"))

    assert len(went_out(stack, customer)) == 1


def test_what_a_caller_adds_to_a_request_is_in_every_repeat_of_it(
    hasty: WhatsAppClient, run: Run[Any], gateway: Gateway, stack: LocalStack, customer: str, writing: str
) -> None:
    assert writing
    gateway.faults = ["503 before"]
    body = {"messaging_product": "whatsapp", "to": customer, "type": "text", "text": {"body": "Hello"}}
    wish = {"casement": {"when_closed": "reject"}}  # its own methods have no place for either; `request` is public

    answer = run(_post(hasty, {**body, **wish}, {"Casement-When-Closed": "reject"}))

    assert [attempt.headers.get("casement-when-closed") for attempt in gateway.attempts] == ["reject"] * 2
    assert [json.loads(attempt.body)["casement"] for attempt in gateway.attempts] == [wish["casement"]] * 2
    assert [one["wamid"] for one in went_out(stack, customer)] == [answer["messages"][0]["id"]]


def _post(client: WhatsAppClient, body: dict[str, Any], headers: dict[str, str]) -> Coroutine[Any, Any, Any]:
    """A send by the way the client has for what it has no method for."""
    posted: Coroutine[Any, Any, Any] = client.request("POST", f"{PHONE_NUMBER_ID}/messages", json=body, headers=headers)
    return posted


# --- Media by id -----------------------------------------------------------------------------------------

PIXEL = b"\x89PNG\r\n\x1a\n and bytes that are no text: \x00\xff\r\n"


def test_kapso_uploads_sends_by_id_downloads_and_deletes(
    kapso: WhatsAppClient, run: Run[Any], stack: LocalStack, customer: str, writing: str
) -> None:
    assert writing
    file = {"file": PIXEL, "type": "image/png", "filename": "pixel.png"}
    media_id = run(kapso.media.upload(phone_number_id=PHONE_NUMBER_ID, **file)).id
    medium = {"media_id": media_id, "phone_number_id": PHONE_NUMBER_ID}

    sent = run(kapso.messages.send_image(**to(customer), image={"id": media_id, "caption": "A pixel"}))
    described = run(kapso.media.get(**medium))
    downloaded = run(kapso.media.download(**medium))
    deleted = run(kapso.media.delete(**medium))

    (out,) = went_out(stack, customer)
    assert out["wamid"] == sent.message_id
    assert out["body"]["image"] == {"id": media_id, "caption": "A pixel"}
    assert (described.mime_type, described.file_size) == ("image/png", len(PIXEL))
    assert described.sha256 == hashlib.sha256(PIXEL).hexdigest()
    assert downloaded == PIXEL
    assert deleted == {"success": True}
    with pytest.raises(kapso_whatsapp.WhatsAppAPIError):
        run(kapso.media.get(**medium))
