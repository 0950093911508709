"""A bot that somebody wrote with pywa for Meta's own webhooks, unchanged, as a subscriber in Meta's shape."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pywa.client import WhatsApp
from pywa.handlers import (
    CallbackButtonHandler,
    FlowCompletionHandler,
    Handler,
    MessageHandler,
    MessageStatusHandler,
)
from pywa.types.callback import Button, CallbackButton
from pywa.types.flows import FlowCompletion
from pywa.types.message import Message
from pywa.types.message_status import MessageStatus, MessageStatusType
from pywa.utils import HUB_SIG

from local.simulator import LOCAL_NUMBER, Simulator
from local.simulator.server import HttpReceiver, serving
from local.sink import Behaviour, Got, Sink
from local.stack import LocalStack
from local.stack.seed import API_KEY, PHONE_NUMBER_ID
from local.stack.story import Scene
from tests.contract.test_flows import flow
from tests.e2e.test_clients import PointedAt, went_out

APP_SECRET, VERIFY_TOKEN = "the-apps-own-secret", "the-apps-own-token"


@dataclass
class Heard:
    """What the bot's handlers were given."""

    texts: list[str] = field(default_factory=list)
    statuses: list[tuple[str, MessageStatusType]] = field(default_factory=list)
    taps: list[str] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    trackers: set[str | None] = field(default_factory=set)


def handlers(heard: Heard) -> Iterator[Handler[Any]]:
    """The bot, as its owner wrote it: nothing here knows of Casement."""

    def answer(_: WhatsApp, message: Message) -> None:
        heard.texts.append(message.text or "")
        message.reply(f"You said: {message.text}", tracker="the-bots-own")

    def tapped(_: WhatsApp, tap: CallbackButton[str]) -> None:
        heard.taps.append(tap.data)

    def follow(_: WhatsApp, status: MessageStatus[str]) -> None:
        heard.statuses.append((status.id, status.status))
        heard.trackers.add(status.tracker)

    def take(_: WhatsApp, form: FlowCompletion) -> None:
        heard.forms.append({"token": form.token, **form.response})

    yield MessageHandler(answer)
    yield CallbackButtonHandler(tapped)
    yield MessageStatusHandler(follow)
    yield FlowCompletionHandler(take)


@contextmanager
def running_bot(graph_url: str, heard: Heard, token: str) -> Iterator[Sink]:
    """The bot behind its server. Its owner sets where Graph is, a token, the secret, the verify token."""
    with httpx.Client(transport=PointedAt(graph_url), timeout=20) as session:
        bot = WhatsApp(
            phone_id=PHONE_NUMBER_ID, token=token, session=session, verify_token=VERIFY_TOKEN, app_secret=APP_SECRET
        )
        bot.add_handlers(*handlers(heard))
        alone = threading.Lock()

        def serve(got: Got) -> Behaviour:
            with alone:
                refused = bot.webhook_update_validator(got.body, got.headers.get(HUB_SIG))
                body, status = refused or bot.webhook_update_handler(got.body)
            return Behaviour(status, {}, body.encode())

        with Sink(answer=serve, verify_token=VERIFY_TOKEN) as server:
            yield server


def test_the_bot_as_it_runs_at_meta_itself() -> None:
    """What the tests below prove is worth no more than this: the same bot, with no Casement in between."""
    heard = Heard()
    bots: list[HttpReceiver] = []
    simulator = Simulator(app_secret=APP_SECRET, deliver=lambda body, headers: bots[0].deliver(body, headers))
    with serving(simulator) as graph_url, running_bot(graph_url, heard, LOCAL_NUMBER.token) as server:
        bots.append(HttpReceiver(server.url))
        simulator.inbound("Is it there?")
        assert simulator.deliver_pending() == [200]
        simulator.deliver_pending()
        bots[0].close()

    assert heard.texts == ["Is it there?"]
    assert [sent.text for sent in simulator.sent] == ["You said: Is it there?"]
    assert [status for _, status in heard.statuses] == [MessageStatusType.SENT, MessageStatusType.DELIVERED]
    assert heard.trackers == {"the-bots-own"}


@pytest.fixture(scope="module")
def heard() -> Heard:
    return Heard()


@pytest.fixture(scope="module")
def bot(stack: LocalStack, scene: Scene, heard: Heard) -> Iterator[Sink]:
    """The bot, subscribed and known to be."""
    with running_bot(stack.api_url, heard, API_KEY) as server:
        wanted = {"url": server.url, "mode": "meta", "secret": APP_SECRET, "verify_token": VERIFY_TOKEN}
        made = scene.ours("POST", "/subscriptions", wanted)
        _until_it_hears(scene, heard)
        yield server
        scene.ours("DELETE", f"/subscriptions/{made['id']}")


def _until_it_hears(scene: Scene, heard: Heard) -> None:
    def look() -> bool | None:
        scene.customer(**{"from": "16507700001"}, text="Is anybody there?")
        threading.Event().wait(0.5)
        return bool(heard.texts) or None

    scene.until("message that the bot heard", look)


def test_the_bot_answers_what_customers_write_and_follows_its_answer(
    bot: Sink, heard: Heard, scene: Scene, stack: LocalStack, customer: str
) -> None:
    scene.customer(**{"from": customer}, name="Ana", text="Is it there?")

    (out,) = scene.until("answer of the bot", lambda: went_out(stack, customer) or None)
    assert out["body"]["text"]["body"] == "You said: Is it there?"
    scene.meta("/read", {"id": out["wamid"]})

    steps = {MessageStatusType.SENT, MessageStatusType.DELIVERED, MessageStatusType.READ}

    def told() -> bool | None:
        return {status for wamid, status in heard.statuses if wamid == out["wamid"]} >= steps or None

    assert bot.until("each status of the answer", told)
    assert heard.trackers == {"the-bots-own"}


def test_the_bot_hears_buttons_and_forms(
    bot: Sink, heard: Heard, scene: Scene, stack: LocalStack, customer: str, writing: str
) -> None:
    assert writing
    with httpx.Client(transport=PointedAt(stack.api_url), timeout=20) as session:
        WhatsApp(phone_id=PHONE_NUMBER_ID, token=API_KEY, session=session).send_message(
            customer, "Is it right?", buttons=[Button("Yes", "yes"), Button("No", "no")]
        )
    tapped = {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}}
    scene.customer(**{"from": customer}, message={"type": "interactive", "interactive": tapped})
    sent = scene.send(customer, flow(flow_token=None)).json()["messages"][0]["id"]
    scene.meta("/flow", {"id": sent, "answers": {"day": "Monday"}})

    bot.until("tap", lambda: "yes" in heard.taps or None)
    form = bot.until("form", lambda: next((each for each in heard.forms if each.get("day") == "Monday"), None))
    assert form["token"] not in (None, "", "unused")


def test_everything_that_came_was_signed_and_held_one_thing(bot: Sink) -> None:
    for got in bot.got:
        (entry,) = got.event["entry"]
        (change,) = entry["changes"]
        assert got.event["object"] == "whatsapp_business_account"
        assert sum(len(change["value"].get(name, ())) for name in ("messages", "statuses")) == 1
        assert change["value"]["contacts"][0]["user_id"]
