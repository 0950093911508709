"""The third chapter: what follows from a message by itself, and what a business's own back end hears of it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from local.stack.seed import PHONE_NUMBER_ID
from local.stack.story import Scene, Step, expect

DANA, EMIL, FAY = "16505550104", "16505550105", "16505550106"
ALMOST_A_DAY, MORE_THAN_A_DAY = int(22.5 * 3600), 25 * 3600
RULES = """\
business_hours: {time_zone: UTC, hours: {DAY: 09:00-18:00}}
answer: Thank you! We are looking into it.
away: Thank you! We are closed, and back {{hours.next_open}}."""
FORM = {"full_name": "Dana Reyes", "email": "dana@example.com", "guests": 2}
FLOW = {
    "type": "interactive",
    "interactive": {
        "type": "flow",
        "body": {"text": "When shall we expect you?"},
        "action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Book"}},
    },
}


def _subscribe(scene: Scene) -> str:
    made = scene.ours("POST", "/subscriptions", {"url": scene.sink.url, "description": "make demo"})
    scene.subscription, scene.secret = made["id"], made["secret"]
    scene.ours("POST", f"/subscriptions/{scene.subscription}/test")
    _event(scene, "casement.test")
    return "A test event arrived, and the standardwebhooks library finds that its signature fits."


def _emil_waits(scene: Scene) -> str:
    wrote = scene.customer(**{"from": EMIL}, name="Emil", text="Do you deliver on Sundays?", ago=ALMOST_A_DAY)
    closing = _event(scene, "window.closing", wrote)
    left = closing["data"]["window"]["expires_at"] - time.time()
    return (
        f"The subscriber hears {_story_of(scene, closing)}: {left / 3600:.1f} hours are left, and nobody has answered."
    )


def _fay_is_late(scene: Scene) -> str:
    wrote = scene.customer(**{"from": FAY}, name="Fay", text="Is anybody there?", ago=MORE_THAN_A_DAY)
    closed = _event(scene, "window.closed", wrote)
    return f"The subscriber hears {_story_of(scene, closed)}."


def _three_lines(scene: Scene) -> str:
    other_day = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    rules = RULES.replace("DAY", other_day)
    scene.ours("PUT", "/automations", yaml.safe_load(rules))
    return "\n   ".join(
        ("They are kept for the number. `casement automations apply` does the same:", *rules.splitlines())
    )


def _dana_is_answered(scene: Scene) -> str:
    began = time.time()
    wrote = scene.customer(**{"from": DANA}, name="Dana", text="Hello?")
    answer = scene.until("answer to Dana", lambda: next(iter(scene.ledger(DANA)), None))
    text, took = answer["body"]["text"]["body"], round((answer["at"] - began) * 1000)
    received = _event(scene, "message.received", wrote)
    expect(" at " in text, f"it does not say when we are back: {text}")
    return f"Answered after {took} ms: {text!r}\n   The subscriber hears {_story_of(scene, received)}."


def _dana_goes_on(scene: Scene) -> str:
    wrote = scene.customer(**{"from": DANA}, text="Still there?")
    _event(scene, "message.received", wrote)
    scene.wait_idle()
    sent = scene.ledger(DANA)
    expect(len(sent) == 1, f"she was answered {len(sent)} times")
    return "She is not told again: it was said once, and two bots could not answer each other for ever."


def _form_goes_to_dana(scene: Scene) -> str:
    answer = scene.send(DANA, FLOW)
    expect(answer.status_code == 200, f"it was answered {answer.status_code}: {answer.text}")
    token = scene.ledger(DANA)[-1]["body"]["interactive"]["action"]["parameters"].get("flow_token")
    expect(bool(token), "the message has no flow token")
    return "Its sender gave no flow token, so Casement made one: signed, for this send, to be used once."


def _form_comes_back(scene: Scene) -> str:
    wrote = scene.meta("/flow", {"answers": FORM})["id"]
    data = _event(scene, "flow.submitted", wrote)["data"]
    expect(data["verified"] is True, f"it is not verified: {data['why']}")
    expect({name: data["answers"].get(name) for name in FORM} == FORM, f"the answers are {data['answers']}")

    def look() -> str | None:
        fields = scene.get(f"/{PHONE_NUMBER_ID}/contacts/{DANA}").get("fields", {})
        return str(fields["email"]["value"]) if "email" in fields else None

    email = scene.until("e-mail address of Dana", look)
    return f"flow.submitted, with a signature that fits: {data['answers']}\n   GET contacts knows {email}."


def _take_it_back(scene: Scene) -> str:
    scene.ours("PUT", "/automations", {})
    scene.ours("DELETE", f"/subscriptions/{scene.subscription}")
    return "No rules, no subscriptions."


def _event(scene: Scene, kind: str, about: str = "") -> dict[str, Any]:
    """The first event of a type that names this message, its signature checked."""

    def look() -> dict[str, Any] | None:
        for got in scene.sink.got:
            if got.event["type"] == kind and about in got.body.decode():
                return _verified(scene, got.body, dict(got.headers))
        return None

    return scene.until(f"event {kind} at the subscriber", look)


def _verified(scene: Scene, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    try:
        return dict(Webhook(scene.secret).verify(body, headers))
    except WebhookVerificationError as error:
        expect(False, f"the signature of an event does not fit: {error}")
        raise


def _story_of(scene: Scene, event: dict[str, Any]) -> str:
    """What the subscriber has heard of a conversation, in order."""
    scene.wait_idle()
    heard = {got.event["id"]: got.event for got in scene.sink.got}.values()
    told = [each for each in heard if each.get("conversation_id") == event["conversation_id"]]
    numbers = [each["sequence"] for each in told]
    expect(numbers == sorted(numbers), f"the events came in the order {numbers}")
    return ", ".join(each["type"] for each in told)


WHAT_FOLLOWS = (
    Step("The business's own back end subscribes to what happens, and is sent a test.", _subscribe),
    Step("Emil wrote 22 and a half hours ago.", _emil_waits),
    Step("A message of Fay's comes a day late.", _fay_is_late),
    Step("Three lines of YAML: answer at once, and say when we are back.", _three_lines),
    Step("Dana writes. It is outside of business hours.", _dana_is_answered),
    Step("Dana writes again.", _dana_goes_on),
    Step("A form, as a WhatsApp Flow, goes to Dana.", _form_goes_to_dana),
    Step("Dana fills it in.", _form_comes_back),
    Step("The rules and the subscription are taken back.", _take_it_back),
)
