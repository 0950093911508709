"""What customers do with a template message, and what each status says of its price."""

import json
from itertools import product
from typing import Any

import pytest

from local.simulator import Simulator
from tests.contract.conftest import ALICE, NOON, Clock, Endpoint, Receiver

BOB = "US.13491208655302741918"
BUTTONS = [
    {"type": "URL", "text": "Track", "url": "https://x.test/a"},
    {"type": "QUICK_REPLY", "text": "Yes"},
    {"type": "QUICK_REPLY", "text": "No"},
    {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+15550001"},
]
BODY = {"type": "BODY", "text": "Is this right?"}
CHOICE: dict[str, Any] = {
    "name": "choice",
    "language": "en_US",
    "components": [BODY, {"type": "BUTTONS", "buttons": BUTTONS}],
}


def message(receiver: Receiver, simulator: Simulator) -> dict[str, Any]:
    """The value of the one webhook that is pending."""
    receiver.bodies.clear()
    simulator.deliver_pending()
    (body,) = receiver.bodies
    value: dict[str, Any] = json.loads(body)["entry"][0]["changes"][0]["value"]
    return value


@pytest.fixture
def choice(graph: Endpoint, simulator: Simulator) -> str:
    """The wamid of a template message with buttons, whose second one has a payload."""
    simulator.add_template(CHOICE)
    payload = {"type": "payload", "payload": "order-7/yes"}
    component = {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": [payload]}
    wanted = {"name": "choice", "language": {"code": "en_US"}, "components": [component]}
    answer = graph.send(type="template", template=wanted).json()
    simulator.deliver_pending()
    return str(answer["messages"][0]["id"])


def test_a_tap_on_a_quick_reply_quotes_the_message_and_brings_the_payload_back(
    simulator: Simulator, receiver: Receiver, choice: str
) -> None:
    wamid = simulator.tap(choice, "Yes")

    value = message(receiver, simulator)
    assert value["contacts"][0]["wa_id"] == ALICE
    assert value["messages"] == [
        {
            "from": ALICE,
            "from_user_id": value["contacts"][0]["user_id"],
            "id": wamid,
            "timestamp": str(int(NOON)),
            "context": {"from": "15550001000", "id": choice},
            "type": "button",
            "button": {"payload": "order-7/yes", "text": "Yes"},
        }
    ]
    assert simulator.window(ALICE)["open"] is True


def test_a_button_without_a_payload_brings_back_its_text(simulator: Simulator, receiver: Receiver, choice: str) -> None:
    simulator.tap(choice, "No")

    assert message(receiver, simulator)["messages"][0]["button"] == {"payload": "No", "text": "No"}


def test_a_tap_on_a_link_tells_nobody(simulator: Simulator, choice: str) -> None:
    assert simulator.tap(choice) is None

    assert simulator.pending == []
    assert simulator.window(ALICE)["open"] is False
    assert [(tap.kind, tap.text) for tap in simulator.sent[0].taps] == [("URL", "Track")]


@pytest.mark.parametrize("text", ["Call us", "Maybe"])
def test_other_buttons_cannot_be_tapped(simulator: Simulator, choice: str, text: str) -> None:
    with pytest.raises(ValueError, match="button"):
        simulator.tap(choice, text)


def test_a_tap_goes_by_the_template_as_it_was_sent(simulator: Simulator, receiver: Receiver, choice: str) -> None:
    simulator.review("choice", "delete", notify=False)

    simulator.tap(choice, "Yes")

    assert message(receiver, simulator)["messages"][0]["context"]["id"] == choice


def test_who_hides_the_number_taps_without_it(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.inbound("Hi", sender=None, user_id=BOB)
    graph.send_template("we_are_here", "Bob", to=None, recipient=BOB)
    simulator.deliver_pending()

    simulator.tap()

    value = message(receiver, simulator)
    assert "from" not in value["messages"][0]
    assert value["messages"][0]["from_user_id"] == value["contacts"][0]["user_id"] == BOB


def test_in_a_group_somebody_taps(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.inbound("Hi all", sender=ALICE, group_id="group-1")
    graph.send_template("we_are_here", "you", recipient_type="group", to="group-1")
    simulator.deliver_pending()

    with pytest.raises(ValueError, match="sender"):
        simulator.tap()
    simulator.tap(sender=ALICE)

    assert message(receiver, simulator)["messages"][0]["group_id"] == "group-1"


def test_a_button_on_a_carousel_card(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    card = {"components": [BODY, {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "This one"}]}]}
    other = {"components": [BODY, {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "That one"}]}]}
    simulator.add_template({**CHOICE, "components": [BODY, {"type": "CAROUSEL", "cards": [card, other]}]})
    payload = {"type": "payload", "payload": "second"}
    button = {"type": "button", "sub_type": "quick_reply", "index": 0, "parameters": [payload]}
    cards = [{"card_index": 0, "components": []}, {"card_index": 1, "components": [button]}]
    wanted = {"name": "choice", "language": {"code": "en_US"}, "components": [{"type": "carousel", "cards": cards}]}
    assert graph.send(type="template", template=wanted).status_code == 200
    simulator.deliver_pending()

    simulator.tap(button="That one")

    assert message(receiver, simulator)["messages"][0]["button"] == {"payload": "second", "text": "That one"}


@pytest.mark.parametrize("parameters", ["text", [7], None, [{"type": "payload"}]])
def test_what_a_button_was_given_twice_may_be_anything(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, parameters: Any
) -> None:
    simulator.add_template(CHOICE)
    twice = {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": parameters}
    wanted = {"name": "choice", "language": {"code": "en_US"}, "components": [twice, twice]}
    assert graph.send(type="template", template=wanted).status_code == 200
    simulator.deliver_pending()

    simulator.tap(button="Yes")

    assert message(receiver, simulator)["messages"][0]["button"]["payload"] == "Yes"


def test_what_has_no_buttons_or_failed_cannot_be_tapped(graph: Endpoint, simulator: Simulator) -> None:
    graph.send_text("no template")
    with pytest.raises(ValueError, match="template message"):
        simulator.tap()
    graph.send_template("hello_world")
    with pytest.raises(ValueError, match="no such button"):
        simulator.tap()
    graph.send_template("we_are_here", "Ana")
    simulator.status(None, "failed", code=131026)
    with pytest.raises(ValueError, match="has not failed"):
        simulator.tap()


@pytest.mark.parametrize("order", list(product(("sent", "delivered", "read"), repeat=3)))
def test_pricing_is_on_sent_and_on_the_first_of_delivered_and_read(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, order: tuple[str, ...]
) -> None:
    simulator.set_options(statuses=())
    graph.send_template("we_are_here", "Ana")
    for status in order:
        simulator.status(None, status)
    simulator.deliver_pending()

    values = [json.loads(body)["entry"][0]["changes"][0]["value"] for body in receiver.bodies]
    priced = [at for at, value in enumerate(values) if "pricing" in value["statuses"][0]]

    reached = [at for at, status in enumerate(order) if status != "sent"]
    assert priced == sorted([at for at, status in enumerate(order) if status == "sent"] + reached[:1])


def test_a_status_is_remembered_with_its_time(graph: Endpoint, simulator: Simulator, clock: Clock) -> None:
    graph.send_template("hello_world")
    clock.now += 60
    simulator.read()
    clock.now += 60
    simulator.read()

    assert simulator.sent[0].told_at == {"sent": NOON, "delivered": NOON, "read": NOON + 60}
    assert simulator.sent[0].template_id == simulator.named("hello_world")[0].id
