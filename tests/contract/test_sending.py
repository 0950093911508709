"""The simulator's own judgement of sends: windows, recipients, templates, statuses."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import LOCAL_NUMBER, Number, Options, Simulator
from tests.contract.conftest import ALICE, NOON, Clock, Endpoint, Receiver, code_of

DAY = 86400
BOB = "US.13491208655302741918"


def statuses(receiver: Receiver) -> list[dict[str, Any]]:
    """Every status delivered so far, in order."""
    changes = [change for body in receiver.bodies for entry in json.loads(body)["entry"] for change in entry["changes"]]
    return [status for change in changes for status in change["value"].get("statuses", [])]


# --- windows -------------------------------------------------------------------------------------------------------


def test_free_form_inside_the_window_is_sent_and_delivered(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    simulator.inbound("Hi", sender=ALICE)

    wamid = graph.send_text("Hello", biz_opaque_callback_data="order-42").json()["messages"][0]["id"]
    simulator.deliver_pending()

    assert [(each["id"], each["status"]) for each in statuses(receiver)] == [
        (wamid, "sent"),
        (wamid, "delivered"),
    ]
    assert {each["biz_opaque_callback_data"] for each in statuses(receiver)} == {"order-42"}
    assert {each["recipient_id"] for each in statuses(receiver)} == {ALICE}
    assert [sent.text for sent in simulator.sent] == ["Hello"]


@pytest.mark.parametrize(("elapsed", "is_open"), [(DAY - 1, True), (DAY, False)])
def test_the_window_is_half_open(
    graph: Endpoint, simulator: Simulator, clock: Clock, elapsed: int, is_open: bool
) -> None:
    simulator.inbound("Hi", sender=ALICE)
    clock.now = NOON + elapsed

    graph.send_text()

    assert simulator.sent[0].window_open is is_open
    assert simulator.sent[0].failed == (None if is_open else 131047)


def test_free_form_outside_the_window_is_accepted_and_fails_late(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    simulator.inbound("Hi", sender=ALICE, ago=25 * 3600)

    answer = graph.send_text()
    simulator.deliver_pending()

    assert answer.status_code == 200
    (failed,) = statuses(receiver)
    assert failed["status"] == "failed"
    assert failed["errors"][0]["code"] == 131047
    assert failed["recipient_id"] == ALICE
    assert "recipient_user_id" not in failed
    assert "contacts" not in json.loads(receiver.bodies[-1])["entry"][0]["changes"][0]["value"]


def test_free_form_outside_the_window_can_be_refused_at_once(graph: Endpoint, simulator: Simulator) -> None:
    simulator.set_options(window_refusal="sync")

    refused = graph.send_text()

    assert (refused.status_code, code_of(refused)) == (400, 131047)
    assert simulator.sent == []


def test_a_template_needs_no_window(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    assert graph.send_template("we_are_here", "Ana").status_code == 200
    simulator.deliver_pending()

    (sent,) = simulator.sent
    assert (sent.kind, sent.window_open, sent.failed) == ("template", False, None)
    assert statuses(receiver)[0]["pricing"] == {
        "billable": True,
        "pricing_model": "PMP",
        "type": "regular",
        "category": "utility",
    }


@pytest.mark.parametrize(
    ("message", "opens"),
    [
        ({"type": "image", "image": {}}, True),
        ({"type": "button", "button": {"text": "Show me", "payload": "p"}}, True),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "x"}},
            },
            True,
        ),
        ({"type": "interactive", "interactive": {"type": "call_permission_reply"}}, False),
        ({"type": "reaction", "reaction": {"message_id": "wamid.x", "emoji": "👍"}}, False),
        ({"type": "revoke", "revoke": {"original_message_id": "wamid.x"}}, False),
        ({"type": "something_new"}, False),
    ],
)
def test_what_opens_a_window(simulator: Simulator, message: dict[str, Any], opens: bool) -> None:
    simulator.inbound(message=message, sender=ALICE)

    assert simulator.window(ALICE)["open"] is opens


def test_an_older_message_does_not_shorten_a_window(simulator: Simulator) -> None:
    simulator.inbound("new", sender=ALICE)
    simulator.inbound("old, redelivered late", sender=ALICE, ago=DAY)

    assert simulator.window(ALICE)["expires_at"] == NOON + DAY


def test_sends_echoes_and_statuses_open_nothing(graph: Endpoint, simulator: Simulator) -> None:
    graph.send_template("hello_world")
    simulator.echo(ALICE, "typed on the phone")
    simulator.read()

    assert simulator.window(ALICE)["open"] is False


def test_a_call_opens_the_window(simulator: Simulator) -> None:
    simulator.call(sender=ALICE)

    assert simulator.window(ALICE)["open"] is True


def test_windows_are_kept_per_number() -> None:
    other = Number("100000000000002", LOCAL_NUMBER.waba_id, "+1 555-000-2000", LOCAL_NUMBER.token)
    simulator = Simulator(numbers=[LOCAL_NUMBER, other])

    simulator.inbound("Hi", sender=ALICE, phone_number_id=other.phone_number_id)

    assert simulator.window(ALICE, phone_number_id=other.phone_number_id)["open"] is True
    assert simulator.window(ALICE)["open"] is False


# --- who is who ----------------------------------------------------------------------------------------------------


def test_all_aliases_of_a_contact_share_one_window(graph: Endpoint, simulator: Simulator) -> None:
    simulator.inbound("with both", sender=ALICE, user_id=BOB)

    graph.send_text(to=None, recipient=BOB)
    graph.send_text(to="+1 (650) 555-0101")

    assert [sent.failed for sent in simulator.sent] == [None, None]
    assert simulator.sent[0].contact == simulator.sent[1].contact


def test_two_who_turn_out_to_be_one_share_what_they_had(graph: Endpoint, simulator: Simulator) -> None:
    graph.send_template("hello_world")  # Alice is known by phone
    simulator.inbound("no phone shown", user_id=BOB, ago=60)
    simulator.inbound(message={"type": "reaction", "reaction": {}}, sender=ALICE, user_id=BOB)

    assert simulator.window(ALICE)["opened_at"] == NOON - 60


def test_a_username_user_shows_no_phone_until_one_is_used(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    simulator.inbound("Hi", sender=None, user_id=BOB, name="Bob", username="bob.k")
    answer = graph.send_text(to=None, recipient=BOB).json()
    simulator.deliver_pending()

    message = json.loads(receiver.bodies[0])["entry"][0]["changes"][0]["value"]
    assert message["contacts"] == [{"profile": {"name": "Bob", "username": "bob.k"}, "user_id": BOB}]
    assert "from" not in message["messages"][0]
    assert answer["contacts"] == [{"input": BOB, "user_id": BOB}]
    assert all("recipient_id" not in each and each["recipient_user_id"] == BOB for each in statuses(receiver))


def test_where_both_are_given_the_phone_wins(graph: Endpoint) -> None:
    answer = graph.send_template("hello_world", recipient=BOB).json()

    assert answer["contacts"] == [{"input": ALICE, "wa_id": ALICE}]


def test_a_bsuid_of_another_portfolio_is_undeliverable(graph: Endpoint, simulator: Simulator) -> None:
    assert graph.send_template("hello_world", to=None, recipient="US.999").status_code == 200

    assert simulator.sent[0].failed == 131026


@pytest.mark.parametrize(
    ("to", "wa_id"),
    [
        ("+55 11 98765-4321", "5511987654321"),
        ("55 11 8765-4321", "5511987654321"),
        ("+55 31 98765-4321", "553187654321"),
        ("+52 55 1234 5678", "5215512345678"),
        ("+54 11 1234-5678", "5491112345678"),
        ("0016505550101", "0016505550101"),
    ],
)
def test_some_numbers_are_rewritten(graph: Endpoint, to: str, wa_id: str) -> None:
    assert graph.send_template("hello_world", to=to).json()["contacts"] == [{"input": to, "wa_id": wa_id}]


def test_a_rewritten_number_finds_the_window_of_the_other_spelling(graph: Endpoint, simulator: Simulator) -> None:
    simulator.inbound("Oi", sender="551187654321")  # this account never got its ninth digit

    answer = graph.send_text(to="+55 11 98765-4321").json()

    assert answer["contacts"][0]["wa_id"] == "551187654321"
    assert simulator.sent[0].failed is None


def test_a_changed_number_is_the_same_person(simulator: Simulator, receiver: Receiver) -> None:
    simulator.inbound("Hi", sender=ALICE, user_id=BOB)
    simulator.change_number(ALICE, "16505550999")
    simulator.deliver_pending()

    value = json.loads(receiver.bodies[-1])["entry"][0]["changes"][0]["value"]
    assert value["messages"][0]["system"]["previous_user_id"] == BOB
    assert value["messages"][0]["system"]["wa_id"] == "16505550999"
    assert "contacts" not in value
    assert simulator.window("16505550999") == simulator.window(ALICE) == simulator.window(BOB)


def test_a_group_has_a_window_of_its_own_and_a_status_per_member(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    for member in (ALICE, "16505550102"):
        simulator.inbound("Hi all", sender=member, group_id="group-1")

    answer = graph.send_text(recipient_type="group", to="group-1").json()
    simulator.deliver_pending()

    assert answer["messages"][0]["group_id"] == "group-1"
    delivered = [each for each in statuses(receiver) if each["status"] == "delivered"]
    assert [each["recipient_participant_id"] for each in delivered] == [ALICE, "16505550102"]
    assert simulator.window(ALICE)["open"] is False


def test_a_wamid_embeds_the_recipient(graph: Endpoint) -> None:
    wamid = graph.send_template("hello_world").json()["messages"][0]["id"]

    assert ALICE.encode() in base64.b64decode(wamid.removeprefix("wamid."))


def test_one_cannot_write_to_oneself_or_off_the_list(graph: Endpoint, simulator: Simulator) -> None:
    assert code_of(graph.send_template("hello_world", to=LOCAL_NUMBER.digits)) == 131021
    simulator.set_options(allowed_recipients=frozenset({"+1 650 555 0199"}))
    assert code_of(graph.send_template("hello_world")) == 131030
    assert graph.send_template("hello_world", to="16505550199").status_code == 200


# --- templates sent ------------------------------------------------------------------------------------------------


def _named(**values: str) -> list[dict[str, Any]]:
    parameters = [{"type": "text", "parameter_name": name, "text": text} for name, text in values.items()]
    return [{"type": "body", "parameters": parameters}]


def _order(graph: Endpoint, components: list[dict[str, Any]]) -> Any:
    template = {"name": "order_on_its_way", "language": {"code": "en_US"}, "components": components}
    return graph.send(type="template", template=template)


def test_named_parameters_must_be_the_ones_of_the_template(graph: Endpoint) -> None:
    assert _order(graph, _named(customer="Ana", order_number="1")).status_code == 200
    assert code_of(_order(graph, _named(customer="Ana"))) == 132000
    assert code_of(_order(graph, _named(customer="Ana", order="1"))) == 132012
    unnamed = [{"type": "body", "parameters": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]
    assert code_of(_order(graph, unnamed)) == 132012


@pytest.mark.parametrize(
    ("text", "code"),
    [("", 131008), ("two\nlines", 132018), ("a\tb", 132018), ("a     b", 132018), ("x" * 1100, 132005)],
)
def test_a_parameter_that_whatsapp_would_not_show(graph: Endpoint, text: str, code: int) -> None:
    assert code_of(graph.send_template("we_are_here", text)) == code


@pytest.mark.parametrize(
    ("decision", "code"),
    [("pause", 132015), ("disable", 132016), ("reject", 132001), ("delete", 132001), ("appeal", 132001)],
)
def test_only_an_approved_template_is_sent(graph: Endpoint, simulator: Simulator, decision: str, code: int) -> None:
    simulator.review("we_are_here", decision, language="en_US")

    assert code_of(graph.send_template("we_are_here", "Ana")) == code
    assert graph.send_template("we_are_here", "Ana", language="es").status_code == 200


def test_buttons_headers_and_codes_are_checked(graph: Endpoint, simulator: Simulator) -> None:
    simulator.add_template(
        {
            "name": "tracking",
            "language": "en_US",
            "category": "UTILITY",
            "components": [
                {"type": "HEADER", "format": "IMAGE"},
                {"type": "BODY", "text": "It is coming."},
                {
                    "type": "BUTTONS",
                    "buttons": [{"type": "URL", "text": "Track", "url": "https://x.test/{{1}}"}],
                },
            ],
        }
    )
    image = {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://x.test/a.png"}}]}
    suffix = {
        "type": "button",
        "sub_type": "url",
        "index": "0",
        "parameters": [{"type": "text", "text": "abc"}],
    }

    def answer(*components: dict[str, Any]) -> Any:
        template = {"name": "tracking", "language": {"code": "en_US"}, "components": list(components)}
        return graph.send(type="template", template=template)

    assert answer(image, suffix).status_code == 200
    assert answer(image, {**suffix, "index": 0}).status_code == 200
    assert code_of(answer(suffix)) == 132012
    assert code_of(answer(image)) == 131008
    assert code_of(answer(image, {**suffix, "index": "7"})) == 132012


def test_an_authentication_code_needs_a_phone_number(graph: Endpoint, simulator: Simulator) -> None:
    simulator.add_template(
        {
            "name": "code",
            "language": "en_US",
            "category": "AUTHENTICATION",
            "components": [
                {"type": "BODY"},
                {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
            ],
        }
    )
    simulator.inbound("Hi", sender=ALICE, user_id=BOB)
    components = [
        {"type": "body", "parameters": [{"type": "text", "text": "123456"}]},
        {"type": "button", "sub_type": "url", "index": 0, "parameters": [{"type": "text", "text": "123456"}]},
    ]
    template = {"name": "code", "language": {"code": "en_US"}, "components": components}

    assert graph.send(type="template", template=template).status_code == 200
    assert code_of(graph.send(type="template", template=template, to=None, recipient=BOB)) == 131062


def test_a_template_without_components_can_be_sent(graph: Endpoint, simulator: Simulator) -> None:
    simulator.add_template({"name": "bare", "language": "en_US", "components": None})

    assert graph.send_template("bare").status_code == 200


def test_who_stopped_marketing_gets_none(graph: Endpoint, simulator: Simulator) -> None:
    simulator.prefer(ALICE, stop=True)
    graph.send_template("seasonal_offer", "Ana")
    graph.send_template("we_are_here", "Ana")
    simulator.prefer(ALICE, stop=False)
    graph.send_template("seasonal_offer", "Ana")

    assert [sent.failed for sent in simulator.sent] == [131050, None, None]


def test_the_marketing_endpoint_takes_marketing_templates_only(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    components = [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}]
    offer = {"name": "seasonal_offer", "language": {"code": "en_US"}, "components": components}
    body = {"messaging_product": "whatsapp", "to": ALICE, "type": "template", "template": offer}

    assert graph.post(f"{graph.number}/marketing_messages", body).status_code == 200
    hello = {"name": "hello_world", "language": {"code": "en_US"}}
    assert code_of(graph.post(f"{graph.number}/marketing_messages", {**body, "template": hello})) == 134100
    simulator.deliver_pending()
    assert statuses(receiver)[0]["pricing"]["category"] == "marketing_lite"


# --- types ---------------------------------------------------------------------------------------------------------

REPLY = {"type": "reply", "reply": {"id": "1", "title": "Yes"}}
ROW = {"id": "r1", "title": "Row"}
FLOW = {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Open"}


def interactive(kind: str, action: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "interactive",
        "interactive": {"type": kind, "body": {"text": "Choose"}, "action": action, **more},
    }


GOOD: list[dict[str, Any]] = [
    {"text": {"body": "no type means text"}},
    {"type": "image", "image": {"link": "https://x.test/a.png", "caption": "c"}},
    {"type": "audio", "audio": {"link": "https://x.test/a.ogg", "voice": True}},
    {"type": "location", "location": {"latitude": 1.5, "longitude": "-2", "name": "n"}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "A B", "first_name": "A"}}]},
    interactive("button", {"buttons": [REPLY]}, header={"type": "text", "text": "h"}, footer={"text": "f"}),
    interactive("list", {"button": "Open", "sections": [{"rows": [ROW]}]}),
    interactive("cta_url", {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://x.test"}}),
    interactive("flow", {"name": "flow", "parameters": FLOW}),
    interactive("location_request_message", {"name": "send_location"}),
    interactive("request_contact_info", {"name": "request_contact_info"}),
]
BAD: list[tuple[dict[str, Any], int]] = [
    ({"type": "poll", "poll": {}}, 131051),
    ({"type": ["text"], "text": {"body": "x"}}, 131051),
    ({"type": "image"}, 100),
    ({"type": "image", "image": {"id": "1"}}, 100),
    ({"type": "audio", "audio": {"link": "https://x.test/a", "caption": "c"}}, 100),
    ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, 100),
    ({"type": "contacts", "contacts": [{"name": {"formatted_name": "A"}}]}, 131009),
    ({"type": "text", "text": {"body": "x"}, "context": {"message_id": "7"}}, 131009),
    ({"type": "text", "text": {"body": "x"}, "biz_opaque_callback_data": "é" * 257}, 100),
    ({"type": "text", "text": {"body": "x"}, "recipient_type": "business_scoped_user_id"}, 100),
    ({"type": "text", "text": {"body": "x"}, "to": "12"}, 131009),
    (interactive("button", {"buttons": [REPLY] * 4}), 131009),
    (interactive("button", {"buttons": [REPLY, REPLY]}), 131009),
    (
        interactive("button", {"buttons": [{"type": "reply", "reply": {"id": "1", "title": "x" * 21}}]}),
        131009,
    ),
    (interactive("list", {"sections": [{"rows": [ROW]}]}), 131008),
    (interactive("hologram", {}), 131009),
    (interactive("flow", {"name": "flow", "parameters": {**FLOW, "flow_name": "also"}}), 131009),
]


@pytest.mark.parametrize("message", GOOD)
def test_every_type_is_taken(graph: Endpoint, simulator: Simulator, message: dict[str, Any]) -> None:
    simulator.inbound("Hi", sender=ALICE)

    assert graph.send(**message).status_code == 200
    assert simulator.sent[0].failed is None


@pytest.mark.parametrize(("message", "code"), BAD)
def test_what_is_wrong_is_refused_with_metas_code(
    graph: Endpoint, simulator: Simulator, message: dict[str, Any], code: int
) -> None:
    assert code_of(graph.send(**message)) == code
    assert simulator.sent == []


def test_a_reaction_gets_one_status_and_needs_a_message_to_react_to(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    wamid = simulator.inbound("Hi", sender=ALICE)

    graph.send(type="reaction", reaction={"message_id": wamid, "emoji": "👍"})
    graph.send(type="reaction", reaction={"message_id": "wamid.unknown", "emoji": "👍"})
    simulator.deliver_pending()

    assert [each["status"] for each in statuses(receiver)] == ["sent", "failed"]
    assert simulator.sent[1].failed == 131009


def test_mark_as_read_and_typing(graph: Endpoint, simulator: Simulator) -> None:
    wamid = simulator.inbound("Hi", sender=ALICE)
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    path = f"{graph.number}/messages"

    assert graph.post(path, read).json() == {"success": True}
    assert graph.post(path, {**read, "typing_indicator": {"type": "text"}}).json() == {"success": True}
    assert code_of(graph.post(path, {**read, "message_id": "wamid.unknown"})) == 131009
    assert len(simulator.marked_read) == 2
    assert simulator.sent == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
known_types = st.sampled_from(
    "text image location contacts reaction interactive template".split()  # noqa: SIM905
)


@given(kind=known_types, payload=json_values, inner=json_values, action=json_values, template=st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_body_makes_it_stumble(kind: str, payload: Any, inner: Any, action: Any, template: bool) -> None:
    simulator = Simulator()
    shaped = {
        "interactive": {"type": inner if template else "list", "body": {"text": "x"}, "action": action},
        "template": {"name": "we_are_here", "language": {"code": "en_US"}, "components": inner},
        "contacts": [payload, inner],
    }.get(kind, payload)
    body = {"messaging_product": "whatsapp", "to": ALICE, "type": kind, kind: shaped if template else payload}

    answer = _post(simulator, json.dumps(body).encode())

    assert answer in {200, 400, 404}


@given(st.binary(max_size=40))
@settings(max_examples=50, deadline=None)
def test_no_bytes_make_it_stumble(body: bytes) -> None:
    assert _post(Simulator(), body) == 400


def _post(simulator: Simulator, body: bytes) -> int:
    import httpx

    headers = {"Authorization": f"Bearer {LOCAL_NUMBER.token}"}
    with httpx.Client(transport=httpx.WSGITransport(app=simulator), base_url="http://graph.example") as client:
        return client.post(f"/v25.0/{LOCAL_NUMBER.phone_number_id}/messages", content=body, headers=headers).status_code


def test_read_can_follow_by_itself(clock: Clock, receiver: Receiver) -> None:
    options = Options(statuses=("sent", "delivered", "read"))
    simulator = Simulator(clock=clock, deliver=receiver, options=options)
    simulator.inbound("Hi", sender=ALICE)
    _post(simulator, json.dumps({"messaging_product": "whatsapp", "to": ALICE, "text": {"body": "x"}}).encode())
    simulator.deliver_pending()

    assert [(each["status"], "pricing" in each) for each in statuses(receiver)] == [
        ("sent", True),
        ("delivered", True),
        ("read", False),
    ]


def test_an_answered_advert_makes_seventy_two_hours_free_but_opens_nothing_more(
    graph: Endpoint, simulator: Simulator, clock: Clock
) -> None:
    simulator.inbound(message={"type": "text", "text": {"body": "Hi"}, "referral": {"source_type": "ad"}}, sender=ALICE)
    graph.send_text()
    clock.now += 30 * 3600
    graph.send_template("seasonal_offer", "Ana")
    graph.send_text()

    assert [sent.pricing["type"] for sent in simulator.sent] == ["free_entry_point"] * 3
    assert [sent.failed for sent in simulator.sent] == [None, None, 131047]
