"""The first conversation, as steps: each does something, waits for what follows, and says what came out.

A later chapter is another tuple of steps. A step asserts with `expect` and waits with `Scene.until`.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TextIO, TypeVar

import httpx

from local.sink import Sink
from local.stack.seed import API_KEY, PHONE_NUMBER_ID, WABA_ID

T = TypeVar("T")

VERSION = "v25.0"
ANA = "16505550101"
BEN = "16505550102"
TWENTY_FIVE_HOURS = 25 * 3600
PATIENCE_SECONDS = 15.0


class UnexpectedError(Exception):
    """Something did not come out as it should."""


@dataclass
class Scene:
    """Who plays: an API client that knows Casement's address and a key, a subscriber, and the customers behind Meta."""

    api_url: str
    simulator_url: str
    patience: float = PATIENCE_SECONDS
    held: str = ""  # the id of a message that waits
    template_sent: str = ""  # the id of the template that went to Carla
    subscription: str = ""  # the id of what the subscriber subscribed to
    secret: str = field(default="", repr=False)  # with which what it is sent is signed

    def __post_init__(self) -> None:
        key = {"Authorization": f"Bearer {API_KEY}"}
        self._api = httpx.Client(base_url=f"{self.api_url}/{VERSION}", headers=key, timeout=10, trust_env=False)
        self._meta = httpx.Client(base_url=f"{self.simulator_url}/_control", timeout=20, trust_env=False)
        self._open = ExitStack()
        self._open.callback(self._api.close)
        self._open.callback(self._meta.close)

    @cached_property
    def sink(self) -> Sink:
        """The subscriber's server, which is up from now on."""
        return self._open.enter_context(Sink())

    def close(self) -> None:
        """Hang up, and take the subscriber's server down."""
        self._open.close()

    def send(self, to: str, message: dict[str, Any], **ours: Any) -> httpx.Response:
        """Send as any Cloud API client would; `ours` is what only Casement understands."""
        body = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, **message}
        body |= {"casement": ours} if ours else {}
        return self._api.post(f"/{PHONE_NUMBER_ID}/messages", json=body)

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """POST to a path of the API."""
        return self._api.post(path, json=body)

    def ours(self, method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """What is answered under one of the paths that Graph has no word for, below `/casement/v1`."""
        answer = self._api.request(method, f"{self.api_url}/casement/v1{path}", json=body, params=query)
        expect(answer.is_success, f"{method} {path} was answered {answer.status_code}: {answer.text}")
        return dict(answer.json()) if answer.content else {}

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """What Casement shows under a path."""
        answer = self._api.get(path, params=query)
        expect(answer.status_code == 200, f"GET {path} was answered {answer.status_code}: {answer.text}")
        return dict(answer.json())

    def customer(self, **message: Any) -> str:
        """A customer writes; returns Meta's id of the message. `ago` (seconds) dates it back."""
        return str(self.meta("/inbound", message)["id"])

    def meta_fails(self, how: str, **about: Any) -> None:
        """The next call to Meta, or the next message it accepts, fails in this way."""
        self.meta("/fail", {"how": how, **about})

    def meta(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Have the simulator do something; what it answers."""
        answer = self._meta.post(path, json=body)
        expect(answer.status_code == 200, f"the simulator did not take {path}: {answer.text}")
        return dict(answer.json())

    def ledger(self, contact: str) -> list[dict[str, Any]]:
        """What Meta has accepted for a contact, in order."""
        answer = self._meta.get("/sent", params={"contact": contact})
        expect(answer.status_code == 200, f"the simulator did not show what was sent: {answer.text}")
        return list(answer.json()["data"])

    def wait_idle(self) -> None:
        """Wait until all that has happened was reacted to, and what followed from that too."""
        answer = self._api.get(f"{self.api_url}/_local/idle", params={"timeout": str(self.patience)}, timeout=30)
        expect(answer.status_code == 200, f"the stack is still busy: {answer.text}")

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something to see; `what` says for what we wait."""
        deadline = time.monotonic() + self.patience
        while True:
            if (seen := look()) is not None:
                return seen
            expect(time.monotonic() < deadline, f"in {self.patience:g} s there was still no {what}")
            time.sleep(0.05)


@dataclass(frozen=True)
class Step:
    """One thing that happens."""

    title: str  # said before
    play: Callable[[Scene], str]  # does it; returns what came out, in words, or raises UnexpectedError


def tell(steps: Sequence[Step], scene: Scene, out: TextIO) -> bool:
    """Play the steps in order, saying what happens. False as soon as one does not come out as it should."""
    for number, step in enumerate(steps, 1):
        print(f"{number}. {step.title}", file=out, flush=True)
        try:
            print(f"   {step.play(scene)}\n", file=out, flush=True)
        except (UnexpectedError, httpx.HTTPError, LookupError, TypeError) as error:
            why = error if isinstance(error, UnexpectedError) else f"{type(error).__name__}: {error}"
            print(f"   That did not come out as it should: {why}\n", file=out, flush=True)
            return False
    return True


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UnexpectedError(otherwise)


def _templates_arrive(scene: Scene) -> str:
    def look() -> list[str] | None:
        listed = scene.get(f"/{WABA_ID}/message_templates", limit="100")["data"]
        approved = [item["name"] for item in listed if item["status"] == "APPROVED"]
        return approved if "hello_world" in approved else None

    names = scene.until("approved hello_world among the stored templates", look)
    return f"{len(names)} are approved, hello_world among them. Casement looks again every 15 minutes."


def _template_to_ana(scene: Scene) -> str:
    return f"Meta took it, and its signed webhooks say: {_sent(scene, ANA, HELLO_WORLD)}."


def _ana_writes(scene: Scene) -> str:
    wamid = scene.customer(**{"from": ANA}, name="Ana", text="Hi! Is my order on its way?")
    window = _window_opened_by(scene, wamid, ANA)
    return f"The webhook was signed, checked and stored. Her window is {window['state']}."


def _answer_ana(scene: Scene) -> str:
    said = _sent(scene, ANA, {"type": "text", "text": {"body": "It is! It left our warehouse an hour ago."}})
    return f"The window is open, so it went out as it is. GET messages shows: {said}."


def _anas_window(scene: Scene) -> str:
    window = _conversation(scene, ANA)["casement"]["window"]
    left = window["expires_at"] - window["server_now"]
    expect(window["state"] == "open", f"her window is {window['state']}")
    expect(24 * 3600 - 120 < left <= 24 * 3600, f"her window has {left} s left, not nearly 24 hours")
    until = datetime.fromtimestamp(window["expires_at"], UTC)
    return f"Open until {until:%d %B, %H:%M:%S} UTC; Casement stops free text a minute before (send_cutoff)."


def _ben_wrote_yesterday(scene: Scene) -> str:
    wamid = scene.customer(**{"from": BEN}, name="Ben", text="Do you have it in blue?", ago=TWENTY_FIVE_HOURS)
    window = _window_opened_by(scene, wamid, BEN)
    expect(window["state"] == "closed", f"his window is {window['state']}, not closed")
    return "His window closed an hour ago."


def _free_text_to_ben(scene: Scene) -> str:
    answer = scene.send(BEN, BLUE)
    expect(answer.status_code == 400, f"it was answered {answer.status_code}: {answer.text}")
    error = answer.json()["error"]
    expect(error["code"] == 131047, f"the error is {error['code']}, not 131047")
    remedies = error["error_data"]["casement"]["remedies"]
    expect(bool(remedies), "the error offers no remedy")
    offered = ", ".join(f"{remedy['type']} {remedy['name']} ({remedy['language']})" for remedy in remedies)
    return f"Refused with Meta's own 131047: {error['error_data']['details']}\n   What would go out: {offered}."


def _template_to_ben(scene: Scene) -> str:
    return f"Templates may go out at any time. Meta's signed webhooks say: {_sent(scene, BEN, HELLO_WORLD)}."


def _what_if(scene: Scene) -> str:
    told = []
    for policy in ("reject", "hold", {"template": HELLO_WORLD["template"]}):
        answer = scene.send(BEN, BLUE, when_closed=policy, dry_run=True)
        expect(answer.status_code == 200, f"it was answered {answer.status_code}: {answer.text}")
        decision = answer.json()["casement"]["decision"]
        word = policy if isinstance(policy, str) else "template"
        told.append(f"{word}: {decision['action']} ({decision['price_class']})")
    return f"Nothing was sent or written. The reason: {decision['why']}\n   By policy: {'; '.join(told)}."


def _hold_for_ben(scene: Scene) -> str:
    answer = scene.send(BEN, BLUE, when_closed="hold")
    expect(answer.status_code == 200, f"it was answered {answer.status_code}: {answer.text}")
    message = answer.json()["messages"][0]
    expect(message["message_status"] == "held_for_customer", f"its status is {message['message_status']}")
    scene.held = message["id"]
    return f"HTTP 200, message_status held_for_customer, id {message['id']}."


def _ben_writes(scene: Scene) -> str:
    scene.customer(**{"from": BEN}, name="Ben", text="Hello? Are you there?")

    def look() -> dict[str, Any] | None:
        shown = scene.get(f"/{PHONE_NUMBER_ID}/messages/{scene.held}")["casement"]
        gone = shown["status"] == "released" and shown["attempts"][0]["casement"]["status"] in ("delivered", "read")
        return shown if gone else None

    attempt = scene.until("held message that was released and delivered", look)["attempts"][0]
    steps = ", ".join(step for step in ("accepted", "sent", "delivered") if step in attempt["casement"]["steps"])
    return f"His message opened the window, and what was held for him went out by itself: {steps}."


def _late_verdict(scene: Scene) -> str:
    scene.meta_fails("late", code=131047, match="/messages$")
    answer = scene.send(ANA, {"type": "text", "text": {"body": "One more thing."}}, when_closed=INSTEAD)
    expect(answer.status_code == 200, f"it was answered {answer.status_code}: {answer.text}")
    asked = answer.json()["casement"]["id"]

    def look() -> dict[str, Any] | None:
        shown = scene.get(f"/{PHONE_NUMBER_ID}/messages/{asked}")["casement"]
        attempts = shown.get("attempts", ())
        return shown if attempts and attempts[-1]["casement"]["status"] in ("delivered", "read") else None

    shown = scene.until("template in place of the refused message", look)
    expect(shown["error"]["code"] == 131047, f"the message failed with {shown['error']}")
    state = _conversation(scene, ANA)["casement"]["window"]["state"]
    return (
        "Meta took it (HTTP 200), and refused it afterwards with 131047. The send's policy ran, once: template "
        f"{shown['waiting']['sends']['name']} was delivered. Ana's window is {state} now, whatever we had thought."
    )


BLUE = {"type": "text", "text": {"body": "Yes, in three shades of blue."}}
HELLO_WORLD = {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}}
INSTEAD = {"template": HELLO_WORLD["template"]}

FIRST_CONVERSATION = (
    Step("Casement reads the message templates from Meta.", _templates_arrive),
    Step("A template goes to Ana, who has not written yet.", _template_to_ana),
    Step("Ana writes. That opens her 24-hour window.", _ana_writes),
    Step("An answer in free text goes to Ana.", _answer_ana),
    Step("How long may we go on? GET conversations knows.", _anas_window),
    Step("Ben's last message is 25 hours old.", _ben_wrote_yesterday),
    Step("An answer in free text to Ben.", _free_text_to_ben),
    Step("A template to Ben instead.", _template_to_ben),
    Step("What would become of the text to Ben? dry_run tells.", _what_if),
    Step("The text to Ben again, to be held until he writes.", _hold_for_ben),
    Step("Ben writes.", _ben_writes),
    Step("Meta accepts a text to Ana, and changes its mind.", _late_verdict),
)


def what_next(api_url: str, simulator_url: str) -> str:
    """Things to try, to copy into a terminal."""
    messages = f"{api_url}/{VERSION}/{PHONE_NUMBER_ID}"
    return f"""What to try next:

  # Ana writes again
  curl {simulator_url}/_control/inbound -H 'Content-Type: application/json' \\
    -d '{{"from": "{ANA}", "text": "Thank you!"}}'

  # answer her; for Ben ({BEN}) the same is refused
  curl {messages}/messages -H 'Authorization: Bearer {API_KEY}' -H 'Content-Type: application/json' \\
    -d '{{"messaging_product": "whatsapp", "to": "{ANA}", "text": {{"body": "You are welcome."}}}}'

  # somebody who never wrote (16505550199): held until they do
  curl {messages}/messages -H 'Authorization: Bearer {API_KEY}' -H 'Content-Type: application/json' \\
    -H 'Casement-When-Closed: hold' \\
    -d '{{"messaging_product": "whatsapp", "to": "16505550199", "text": {{"body": "Whenever you have a minute."}}}}'

  # every window, and what was said
  curl -H 'Authorization: Bearer {API_KEY}' {messages}/conversations
  curl -H 'Authorization: Bearer {API_KEY}' {messages}/messages

  # answer whoever writes from now on, at once
  curl -X PUT {api_url}/casement/v1/automations -H 'Authorization: Bearer {API_KEY}' \\
    -H 'Content-Type: application/json' -d '{{"answer": "Thank you! We are looking into it."}}'

  # hear of everything that happens: in another terminal, .venv/bin/python -m local.sink
  curl {api_url}/casement/v1/subscriptions -H 'Authorization: Bearer {API_KEY}' \\
    -H 'Content-Type: application/json' -d '{{"url": "http://127.0.0.1:9000/events"}}'

  # how the stack is doing; its logs are in .local/
  curl {api_url}/_local/state
"""


def _sent(scene: Scene, to: str, message: dict[str, Any]) -> str:
    """Send, and wait until webhooks say that it was delivered; returns the steps on the way, in words."""
    answer = scene.send(to, message)
    expect(answer.status_code == 200, f"it was answered {answer.status_code}: {answer.text}")
    wamid = answer.json()["messages"][0]["id"]

    def look() -> dict[str, Any] | None:
        listed = scene.get(f"/{PHONE_NUMBER_ID}/messages", conversation_id=to)["data"]
        shown = next((item["casement"] for item in listed if item["id"] == wamid), None)
        return shown if shown and shown["status"] in ("delivered", "read") else None

    steps = scene.until("message with the status 'delivered'", look)["steps"]
    return ", ".join(step for step in ("accepted", "sent", "delivered") if step in steps)


def _conversation(scene: Scene, contact: str) -> dict[str, Any]:
    """A contact's conversation, as GET conversations shows it."""

    def look() -> dict[str, Any] | None:
        listed = scene.get(f"/{PHONE_NUMBER_ID}/conversations", limit="100")["data"]
        return next((item for item in listed if item["casement"]["contact"]["wa_id"] == contact), None)

    return scene.until(f"conversation with {contact}", look)


def _window_opened_by(scene: Scene, wamid: str, contact: str) -> dict[str, Any]:
    """A contact's window, once the message with this id is what opened it."""

    def look() -> dict[str, Any] | None:
        window = _conversation(scene, contact)["casement"]["window"]
        return window if wamid in json.dumps(window["opened_by"]) else None

    return scene.until("window that the message opened", look)
