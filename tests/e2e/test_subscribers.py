"""Subscribers on the running stack, those that behave and those that do not: each is told everything, in order."""

import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from local.sink import CLOSES, CUTS, HANGS, Got, Sink, fails, redirects
from local.stack import LocalStack
from local.stack.story import Scene
from tests.support import event_schemas

Json = dict[str, Any]
FINE, BUS_QUEUE = "/fine", "events-of-the-bus"
MISBEHAVING = {
    "/unwell": fails(503),
    "/hanging": HANGS,
    "/closing": CLOSES,
    "/cutting": CUTS,
    "/moved": redirects(FINE),
}
PATIENCE = 45.0  # a first retry comes after seconds, and a POST that hangs is given up after ten


@pytest.fixture(scope="session")
def sink() -> Iterator[Sink]:
    with Sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def secrets(scene: Scene, sink: Sink) -> Iterator[dict[str, str]]:
    """A subscription at each path of the sink, which functions know of by now; its secret by path."""
    made = {
        path: scene.ours("POST", "/subscriptions", {"url": sink.origin + path, "description": path})
        for path in (FINE, *MISBEHAVING)
    }
    until_told(scene, sink, *made)
    yield {path: answer["secret"] for path, answer in made.items()}
    for answer in made.values():
        scene.ours("DELETE", f"/subscriptions/{answer['id']}")


def until_told(scene: Scene, sink: Sink, *paths: str) -> None:
    """Customers write until each path has heard of one: functions look at subscriptions every few seconds."""

    def look() -> bool | None:
        scene.customer(**{"from": "16507700000"}, text="Is anybody there?")
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            if all(map(sink.at, paths)):
                return True
            time.sleep(0.05)
        return None

    assert scene.until(f"event at {', '.join(paths)}", look)


def of(customer: str, got: list[Got]) -> list[Json]:
    """The events of a customer's conversation, each once, in the order in which they first came."""
    about = {one.event.get("conversation_id") for one in got if customer in one.body.decode()}
    return list({one.event["id"]: one.event for one in got if one.event.get("conversation_id") in about}.values())


def texts(events: list[Json]) -> list[str]:
    """What the messages that came in say."""
    received = [each["data"]["message"] for each in events if each["type"] == "message.received"]
    return [message["text"]["body"] for message in received]


def assert_counted(events: list[Json]) -> None:
    """Their numbers rise by one, in the order in which they came."""
    first = events[0]["sequence"]
    assert [each["sequence"] for each in events] == list(range(first, first + len(events)))


def until_all(sink: Sink, customer: str, path: str, count: int) -> list[Json]:
    """The events of a customer at a path, once so many messages are among them."""

    def look() -> list[Json] | None:
        events = of(customer, sink.at(path))
        return events if len(texts(events)) == count else None

    return sink.until(f"{count} messages of a customer at {path}", look, patience=PATIENCE)


def test_a_conversation_arrives_signed_numbered_and_as_the_schemas_say(
    scene: Scene, sink: Sink, stack: LocalStack, secrets: dict[str, str], customer: str
) -> None:
    scene.customer(**{"from": customer}, name="Ana", text="Hello?")
    until_all(sink, customer, FINE, 1)
    answer = scene.send(customer, {"type": "text", "text": {"body": "Hi"}, "biz_opaque_callback_data": "order-42"})
    wamid = answer.json()["messages"][0]["id"]
    scene.meta("/read", {"id": wamid})

    def all_told() -> bool | None:  # Meta's statuses come in any order: `read` may overtake `delivered`
        told = {each["data"].get("status") for each in of(customer, sink.at(FINE))}
        return told >= {"accepted", "sent", "delivered", "read"} or None

    sink.until("status of each kind", all_told)
    stack.wait_idle()
    events = of(customer, sink.at(FINE))
    known = {each["id"] for each in events}
    for one in (one for one in sink.at(FINE) if one.event["id"] in known):
        assert Webhook(secrets[FINE]).verify(one.body, dict(one.headers)) == one.event
        assert one.headers["webhook-id"] == one.event["id"]
        event_schemas.check(one.event)
    assert_counted(events)
    kinds = {each["type"] for each in events}
    assert {"message.received", "window.opened", "message.status"} <= kinds
    statuses = [each["data"] for each in events if each["type"] == "message.status"]
    assert {"accepted", "sent", "delivered", "read"} <= {each["status"] for each in statuses}
    assert {each.get("biz_opaque_callback_data") for each in statuses} == {"order-42"}


def test_whatever_a_subscriber_does_it_is_told_everything_in_order_and_holds_up_no_other(
    scene: Scene, sink: Sink, secrets: dict[str, str], customer: str
) -> None:
    said = [f"message {number}" for number in range(4)]
    for path, how in MISBEHAVING.items():
        sink.behave(how, times=1, path=path)

    for text in said:
        scene.customer(**{"from": customer}, text=text)

    began = time.monotonic()
    fine = until_all(sink, customer, FINE, len(said))
    assert time.monotonic() - began < 8, "it waited for one that hangs"
    for path in MISBEHAVING:
        events = until_all(sink, customer, path, len(said))
        assert texts(events) == texts(fine)
        last = max(each["sequence"] for each in events if each["type"] == "message.received")  # more may be on its way
        assert {each["id"] for each in events} >= {each["id"] for each in fine if each["sequence"] <= last}
        assert all(one["sequence"] < next_one["sequence"] for one, next_one in pairwise(events)), path
        for one in sink.at(path):
            assert Webhook(secrets[path]).verify(one.body, dict(one.headers))


def test_what_meta_repeats_and_shuffles_is_told_once(
    scene: Scene, sink: Sink, stack: LocalStack, secrets: dict[str, str], customer: str
) -> None:
    assert secrets
    said = {f"shuffled {number}" for number in range(5)}
    scene.meta("/webhooks/hold", {"on": True})
    for ago, text in enumerate(sorted(said)):
        scene.customer(**{"from": customer}, text=text, ago=ago)
    scene.meta("/webhooks/duplicate", {"copies": 2})
    scene.meta("/webhooks/shuffle", {})
    scene.meta("/webhooks/hold", {"on": False})

    until_all(sink, customer, FINE, len(said))
    stack.wait_idle()

    events = of(customer, sink.at(FINE))
    assert sorted(texts(events)) == sorted(said)
    assert_counted(events)
    assert sum(each["type"] == "window.opened" for each in events) == 1


def test_who_has_aws_gets_the_same_on_the_event_bus(
    scene: Scene, sink: Sink, stack: LocalStack, secrets: dict[str, str], customer: str, bus: Callable[[], list[Json]]
) -> None:
    assert secrets

    def told() -> list[Json] | None:
        scene.customer(**{"from": customer}, text="On the bus?")
        stack.wait_idle()
        return [each for each in bus() if each["detail"].get("conversation_id")] or None

    (first, *_) = scene.until("event on the bus", told)

    assert (first["source"], first["detail-type"]) == ("casement", first["detail"]["type"])
    same = {one.event["id"]: one.event for one in sink.at(FINE)}
    assert first["detail"] == same[first["detail"]["id"]]


@pytest.fixture
def bus(scene: Scene, stack: LocalStack) -> Iterator[Callable[[], list[Json]]]:
    """A subscription of the event bus, and what has come out of it since it was last asked."""
    (name,) = [each["Name"] for each in stack.events.list_event_buses()["EventBuses"] if each["Name"] != "default"]
    url = stack.sqs.create_queue(QueueName=BUS_QUEUE)["QueueUrl"]
    stack.events.put_rule(Name="all", EventBusName=name, EventPattern='{"source": ["casement"]}')
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:us-east-1:000000000000:{BUS_QUEUE}"}
    stack.events.put_targets(Rule="all", EventBusName=name, Targets=[target])  # type: ignore[list-item]
    made = scene.ours("POST", "/subscriptions", {"event_bus": True, "types": ["message.*"]})

    def come_out() -> list[Json]:
        answer = stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [dict(json.loads(message["Body"])) for message in answer.get("Messages", [])]

    yield come_out
    scene.ours("DELETE", f"/subscriptions/{made['id']}")
