"""Flows: how they are sent, how customers hand them in, and how their endpoint is asked, encrypted and signed."""

import json
from typing import Any

import pytest

from local.simulator import LOCAL_NUMBER, Simulator
from tests.contract.conftest import ALICE, NOON, Endpoint, Receiver, code_of
from tests.contract.test_taps import message
from tests.support.flow_endpoint import FlowEndpoint, key_pair

BOB = "US.13491208655302741918"
URL = "https://casement.example/flows/1"
KEY = f"{LOCAL_NUMBER.phone_number_id}/whatsapp_business_encryption"
BOOKING: dict[str, Any] = {
    "name": "booking",
    "language": "en_US",
    "components": [
        {"type": "BODY", "text": "A table?"},
        {"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "Book", "flow_id": "1"}]},
    ],
}


def flow(**parameters: Any) -> dict[str, Any]:
    """A message that opens a Flow; a parameter that is None is left out."""
    usual = {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Book", "flow_token": "booking-42"}
    wanted = {name: value for name, value in (usual | parameters).items() if value is not None}
    action = {"name": "flow", "parameters": wanted}
    return {"type": "interactive", "interactive": {"type": "flow", "body": {"text": "A table?"}, "action": action}}


def answered(receiver: Receiver, simulator: Simulator) -> dict[str, Any]:
    """The one message that is pending."""
    (element,) = message(receiver, simulator)["messages"]
    return dict(element)


@pytest.fixture
def sent(graph: Endpoint, simulator: Simulator) -> str:
    """The wamid of a message with a Flow that Alice was sent."""
    simulator.inbound("Hi", sender=ALICE)
    wamid: str = graph.send(**flow()).json()["messages"][0]["id"]
    simulator.deliver_pending()
    return wamid


@pytest.fixture
def keyed(graph: Endpoint) -> str:
    """The public key that the number has been given."""
    public = key_pair()[1]
    assert graph.post(KEY, {"business_public_key": public}).json() == {"success": True}
    return public


# --- sending ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"flow_message_version": "2"}, 131009),
        ({"flow_message_version": None}, 131008),
        ({"flow_cta": None}, 131008),
        ({"flow_cta": "x" * 31}, 131009),
        ({"flow_id": None}, 131009),
        ({"flow_name": "booking"}, 131009),
        ({"flow_action": "submit"}, 131009),
        ({"mode": "sketch"}, 131009),
        ({"flow_token": 42}, 131009),
        ({"flow_action_payload": "FIRST"}, 131009),
        ({"flow_action_payload": {"screen": 1}}, 131009),
        ({"flow_action_payload": {"screen": "FIRST", "data": {}}}, 131009),
    ],
)
def test_what_is_wrong_with_a_flow_message_is_refused(
    graph: Endpoint, simulator: Simulator, wrong: dict[str, Any], code: int
) -> None:
    simulator.inbound("Hi", sender=ALICE)

    assert code_of(graph.send(**flow(**wrong))) == code


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"flow_token": None},
        {"flow_id": None, "flow_name": "booking", "mode": "draft"},
        {"flow_action": "data_exchange"},
        {"flow_action": "navigate", "flow_action_payload": {"screen": "FIRST", "data": {"day": "Monday"}}},
    ],
)
def test_what_is_right_goes_out(graph: Endpoint, simulator: Simulator, right: dict[str, Any]) -> None:
    simulator.inbound("Hi", sender=ALICE)

    assert graph.send(**flow(**right)).status_code == 200


# --- handing in ---------------------------------------------------------------------------------------------------


def test_a_completed_flow_is_a_message_that_quotes_and_brings_the_token_back(
    simulator: Simulator, receiver: Receiver, sent: str
) -> None:
    wamid = simulator.complete_flow({"day": "2026-11-24", "guests": 2, "note": "Fenêtre"})

    told = answered(receiver, simulator)
    answers = told["interactive"]["nfm_reply"].pop("response_json")
    assert json.loads(answers) == {"flow_token": "booking-42", "day": "2026-11-24", "guests": 2, "note": "Fenêtre"}
    assert told == {
        "from": ALICE,
        "from_user_id": told["from_user_id"],
        "id": wamid,
        "timestamp": str(int(NOON)),
        "context": {"from": "15550001000", "id": sent},
        "type": "interactive",
        "interactive": {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent"}},
    }


@pytest.mark.parametrize(
    ("handed_in", "response_json"),
    [
        ({"answers": {"a": 1}, "flow_token": "forged"}, '{"flow_token": "forged", "a": 1}'),
        ({"answers": {"a": 1}, "flow_token": None}, '{"a": 1}'),
        ({"answers": {"flow_token": "own"}}, '{"flow_token": "own"}'),
        ({"response_json": '{ "a" : 1.0 , "a":2}'}, '{ "a" : 1.0 , "a":2}'),
        ({"response_json": "no JSON"}, "no JSON"),
    ],
)
def test_a_form_may_bring_back_anything(
    simulator: Simulator, receiver: Receiver, sent: str, handed_in: dict[str, Any], response_json: str
) -> None:
    simulator.complete_flow(wamid=sent, **handed_in)

    assert answered(receiver, simulator)["interactive"]["nfm_reply"]["response_json"] == response_json


def test_a_form_may_come_back_without_answers(simulator: Simulator, receiver: Receiver, sent: str) -> None:
    simulator.complete_flow(wamid=sent, response_json=None)

    assert answered(receiver, simulator)["interactive"]["nfm_reply"] == {"name": "flow", "body": "Sent"}


def test_a_flow_that_was_sent_without_a_token_says_unused(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    simulator.inbound("Hi", sender=ALICE)
    graph.send(**flow(flow_token=None))
    graph.send_text("Newer, and no Flow")
    simulator.deliver_pending()

    simulator.complete_flow({})

    assert answered(receiver, simulator)["interactive"]["nfm_reply"]["response_json"] == '{"flow_token": "unused"}'


@pytest.mark.parametrize("token", ["from-a-template", None])
def test_the_flow_of_a_templates_button(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, token: str | None
) -> None:
    simulator.add_template(BOOKING)
    action = {"type": "action", "action": {"flow_token": token} if token else {}}
    button = {"type": "button", "sub_type": "FLOW", "index": "0", "parameters": [action]}
    wanted = {"name": "booking", "language": {"code": "en_US"}, "components": [button]}
    assert graph.send(type="template", template=wanted).status_code == 200
    simulator.deliver_pending()

    simulator.complete_flow({"day": "Monday"})

    answers = json.loads(answered(receiver, simulator)["interactive"]["nfm_reply"]["response_json"])
    assert answers == {"flow_token": token or "unused", "day": "Monday"}


def test_who_hides_the_number_hands_in_without_it(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.inbound("Hi", sender=None, user_id=BOB)
    graph.send(**flow(), to=None, recipient=BOB)
    simulator.deliver_pending()

    simulator.complete_flow({})

    told = answered(receiver, simulator)
    assert "from" not in told
    assert told["from_user_id"] == BOB


def test_somebody_else_may_hand_it_in(simulator: Simulator, receiver: Receiver, sent: str) -> None:
    simulator.complete_flow({}, wamid=sent, sender="16505550102")

    assert answered(receiver, simulator)["from"] == "16505550102"


def test_in_a_group_somebody_hands_it_in(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.inbound("Hi all", sender=ALICE, group_id="group-1")
    graph.send(**flow(), recipient_type="group", to="group-1")
    simulator.deliver_pending()

    with pytest.raises(ValueError, match="somebody"):
        simulator.complete_flow({})
    simulator.complete_flow({}, sender=ALICE)

    assert answered(receiver, simulator)["group_id"] == "group-1"


def test_what_has_no_flow_or_failed_cannot_be_handed_in(graph: Endpoint, simulator: Simulator) -> None:
    graph.send_template("hello_world")
    with pytest.raises(ValueError, match="with a Flow"):
        simulator.complete_flow({})
    graph.send(**flow())  # the window is closed: it fails late
    with pytest.raises(ValueError, match="failed"):
        simulator.complete_flow({})


# --- the endpoint -------------------------------------------------------------------------------------------------


def test_a_business_uploads_its_public_key(graph: Endpoint, keyed: str) -> None:
    (told,) = graph.get(KEY).json()["data"]

    assert told == {"business_public_key": keyed, "business_public_key_signature_status": "VALID"}


@pytest.mark.parametrize("key", [None, "", "no key", 7])
def test_what_is_no_public_key_is_refused(graph: Endpoint, key: Any) -> None:
    assert code_of(graph.post(KEY, {"business_public_key": key})) == 100
    assert graph.get(KEY).json() == {"data": []}


def test_the_client_asks_for_screens_until_the_endpoint_ends_the_flow(
    simulator: Simulator, endpoint: FlowEndpoint, receiver: Receiver, keyed: str, sent: str
) -> None:
    assert keyed
    first = simulator.exchange_flow_data(URL, "INIT")
    last = simulator.exchange_flow_data(URL, screen=first["answer"]["screen"], data={"day": "Monday", "note": "é"})

    assert (first["status"], first["fault"], first["id"]) == (200, None, None)
    assert first["answer"] == {"screen": "LAST", "data": {"asked": "INIT"}}
    assert endpoint.requests == [
        {"version": "3.0", "action": "INIT", "flow_token": "booking-42"},
        {
            "version": "3.0",
            "action": "data_exchange",
            "flow_token": "booking-42",
            "screen": "LAST",
            "data": {"day": "Monday", "note": "é"},
        },
    ]
    told = answered(receiver, simulator)
    assert told["id"] == last["id"]
    assert told["context"]["id"] == sent
    answers = json.loads(told["interactive"]["nfm_reply"]["response_json"])
    assert answers == {"flow_token": "booking-42", "day": "Monday", "note": "é"}


def test_health_checks_and_error_notices(simulator: Simulator, endpoint: FlowEndpoint, keyed: str) -> None:
    assert keyed
    notice = {"error": "invalid-screen-transition", "error_message": "From FIRST to NOWHERE"}

    healthy = simulator.exchange_flow_data(URL, "ping")
    told = simulator.exchange_flow_data(URL, screen="FIRST", data=notice, flow_token="booking-42")  # noqa: S106

    assert (healthy["fault"], healthy["answer"]) == (None, {"data": {"status": "active"}})
    assert (told["fault"], told["answer"]) == (None, {"data": {"acknowledged": True}})
    assert endpoint.requests[0] == {"version": "3.0", "action": "ping"}


@pytest.mark.parametrize(("spoil", "status", "attempts"), [("signature", 432, 1), ("key", 421, 2), ("data", 421, 2)])
def test_a_spoiled_request_is_refused(
    simulator: Simulator, endpoint: FlowEndpoint, keyed: str, spoil: str, status: int, attempts: int
) -> None:
    assert keyed
    asked = simulator.exchange_flow_data(URL, "ping", spoil=spoil)

    assert (asked["status"], asked["answer"], asked["attempts"]) == (status, None, attempts)
    assert str(status) in asked["fault"]
    assert endpoint.urls == [URL] * attempts


def test_an_endpoint_that_cannot_decrypt_is_asked_again_with_the_key_as_it_is_then(
    simulator: Simulator, endpoint: FlowEndpoint, graph: Endpoint
) -> None:
    graph.post(KEY, {"business_public_key": key_pair(1)[1]})
    endpoint.before = lambda: graph.post(KEY, {"business_public_key": key_pair()[1]}).close()

    asked = simulator.exchange_flow_data(URL, "ping")

    assert (asked["status"], asked["fault"], asked["attempts"]) == (200, None, 2)


@pytest.mark.parametrize("error", [b'{"error_msg": "This booking is over."}', b"{}", b"over"])
def test_a_token_that_is_no_longer_valid(
    simulator: Simulator, endpoint: FlowEndpoint, keyed: str, sent: str, error: bytes
) -> None:
    assert keyed
    endpoint.answer = lambda _: (427, error)

    asked = simulator.exchange_flow_data(URL, "INIT", wamid=sent)

    assert (asked["status"], asked["fault"]) == (427, "the token is no longer valid")
    assert asked["error_msg"] == ("This booking is over." if b"booking" in error else None)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ((200, b"in plain text"), "not encrypted"),
        ((200, b""), "not encrypted"),
        ((500, b""), "answered 500"),
        ((0, b""), "no answer"),
        ({"data": {}}, "no screen"),
        ({"screen": "LAST"}, "no data"),
        ({"screen": "SUCCESS", "data": {}}, "extension_message_response"),
        ({"screen": "SUCCESS", "data": {"extension_message_response": {"params": {}}}}, "flow_token"),
    ],
)
def test_an_answer_that_the_client_does_not_understand(
    simulator: Simulator, endpoint: FlowEndpoint, keyed: str, sent: str, answer: Any, fault: str
) -> None:
    assert keyed
    assert sent
    endpoint.answer = lambda _: answer

    asked = simulator.exchange_flow_data(URL, "INIT")

    assert fault in asked["fault"]
    assert asked["id"] is None


def test_nobody_is_asked_without_a_key_or_a_way(simulator: Simulator, sent: str) -> None:
    assert sent
    with pytest.raises(ValueError, match="public key"):
        simulator.exchange_flow_data(URL, "INIT")
    with pytest.raises(ValueError, match="how to reach"):
        Simulator().exchange_flow_data(URL, "ping")
