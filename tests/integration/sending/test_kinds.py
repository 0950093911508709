"""Every kind of message that Meta knows goes to Meta as it came, at once and after waiting; and receipts too."""

from typing import Any

import pytest

from casement.domain.api_key import Scope
from tests.support.deployment import ALICE, API_KEY, DAY, HELLO, HOUR, NUMBER, Deployment, Json
from tests.support.tables import snapshot

BODY, FOOTER = {"text": "What would you like?"}, {"text": "Acme"}
IMAGE = {"type": "image", "image": {"link": "https://example.org/a.jpg"}}


def interactive(kind: str, action: Json, **parts: Any) -> Json:
    """An interactive message; `parts` beside body and action."""
    return {"type": "interactive", "interactive": {"type": kind, "body": BODY, **parts, "action": action}}


def flow(**parameters: Any) -> Json:
    given = {"flow_message_version": "3", "flow_cta": "Book", **parameters}
    return interactive("flow", {"name": "flow", "parameters": given}, header={"type": "text", "text": "Hi"})


def card(index: int) -> Json:
    action = {"name": "cta_url", "parameters": {"display_text": "See", "url": "https://example.org/"}}
    return {
        "card_index": index,
        "type": "cta_url",
        "header": IMAGE,
        "body": {"text": f"Card {index}"},
        "action": action,
    }


PLAIN: dict[str, Json] = {
    "text": {"type": "text", "text": {"body": "Hello \u00e9\U0001f600\n\n*bold*", "preview_url": True}},
    "text without a type": {"text": {"body": "Hello"}},
    "image": {"type": "image", "image": {"link": "https://example.org/a.jpg", "caption": "A"}},
    "video": {"type": "video", "video": {"link": "https://example.org/a.mp4", "caption": "A"}},
    "audio": {"type": "audio", "audio": {"link": "https://example.org/a.mp3"}},
    "voice": {"type": "audio", "audio": {"link": "https://example.org/a.ogg", "voice": True}},
    "document": {
        "type": "document",
        "document": {"link": "https://example.org/a.pdf", "filename": "A.pdf", "caption": "A"},
    },
    "sticker": {"type": "sticker", "sticker": {"link": "https://example.org/a.webp"}},
    "location": {
        "type": "location",
        "location": {"latitude": 37.44216251868683, "longitude": "-122.16", "name": "Here", "address": "1 Street"},
    },
    "contacts": {
        "type": "contacts",
        "contacts": [
            {
                "name": {"formatted_name": "Bob B.", "first_name": "Bob", "last_name": "B."},
                "phones": [{"phone": "+1 650 555 0102", "type": "WORK", "wa_id": "16505550102"}],
                "emails": [{"email": "bob@example.org", "type": "WORK"}],
                "addresses": [{"street": "1 Street", "city": "Town", "country_code": "us"}],
                "org": {"company": "Acme", "title": "CEO"},
                "urls": [{"url": "https://example.org"}],
                "birthday": "2000-01-31",
            },
            {"name": {"formatted_name": "Eve", "first_name": "Eve"}},
        ],
    },
    "what Meta may think of tomorrow": {
        "type": "text",
        "text": {"body": "Hello", "sparkle": [1, 2.5, None, {"deep": True}]},
        "ttl": "1h",
        "recipient_identity_key_hash": "DF2lS5v2W6x=",
        "recipient_type": "individual",
    },
}
INTERACTIVE: dict[str, Json] = {
    "button": interactive(
        "button",
        {
            "buttons": [
                {"type": "reply", "reply": {"id": "yes", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "no", "title": "No"}},
            ]
        },
        header=IMAGE,
        footer=FOOTER,
    ),
    "list": interactive(
        "list",
        {
            "button": "Choose",
            "sections": [
                {"title": "Warm", "rows": [{"id": "tea", "title": "Tea", "description": "Black"}]},
                {"title": "Cold", "rows": [{"id": "ice", "title": "Ice"}]},
            ],
        },
        header={"type": "text", "text": "Drinks"},
    ),
    "cta_url": interactive(
        "cta_url", {"name": "cta_url", "parameters": {"display_text": "See", "url": "https://example.org/?a=1&b=%20"}}
    ),
    "flow by id": flow(
        flow_id="123",
        flow_token="token",  # noqa: S106 - Meta's word for what names one use of a flow
        flow_action="navigate",
        flow_action_payload={"screen": "FIRST", "data": {"name": "Ana", "slots": [1, 2]}},
    ),
    "flow by name, draft": flow(
        flow_name="booking",
        flow_token="token",  # noqa: S106
        flow_action="data_exchange",
        mode="draft",
    ),
    "location request": interactive("location_request_message", {"name": "send_location"}),
    "address": interactive(
        "address_message",
        {"name": "address_message", "parameters": {"country": "IN", "values": {"name": "Ana"}}},
    ),
    "product": {
        "type": "interactive",
        "interactive": {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "2"}},
    },
    "product list": interactive(
        "product_list",
        {
            "catalog_id": "1",
            "sections": [{"title": "New", "product_items": [{"product_retailer_id": "2"}]}],
        },
        header={"type": "text", "text": "Products"},
    ),
    "catalog": interactive(
        "catalog_message", {"name": "catalog_message", "parameters": {"thumbnail_product_retailer_id": "2"}}
    ),
    "carousel": interactive("carousel", {"cards": [card(0), card(1)]}),
    "call permission": interactive("call_permission_request", {"name": "call_permission_request"}),
    "call": interactive(
        "voice_call", {"name": "voice_call", "parameters": {"display_text": "Call us", "ttl_minutes": 100}}
    ),
    "contact info": interactive("request_contact_info", {"name": "request_contact_info"}),
}
KINDS = {**PLAIN, **{f"interactive {name}": message for name, message in INTERACTIVE.items()}}
every_kind = pytest.mark.parametrize("message", KINDS.values(), ids=KINDS.keys())


def asked(message: Json, to: str = ALICE) -> Json:
    return {"messaging_product": "whatsapp", "to": to, **message}


def all_sent(casement: Deployment) -> list[Json]:
    """What Meta got, but for the callback data, which is ours."""
    sent = casement.simulator.sent
    assert {(one.failed, one.phone_number_id) for one in sent} <= {(None, NUMBER)}
    return [{name: it for name, it in one.body.items() if name != "biz_opaque_callback_data"} for one in sent]


def only_sent(casement: Deployment) -> Json:
    """The one message that Meta got."""
    (sent,) = all_sent(casement)
    return sent


@every_kind
def test_it_goes_out_as_it_came_at_once_and_after_it_has_waited(casement, message):
    held = casement.post({**asked(message), "casement": {"when_closed": "hold"}})
    assert held.body["messages"][0]["message_status"] == "held_for_customer"
    assert casement.simulator.sent == []

    casement.wrote()
    casement.catch_up()
    at_once = casement.post(asked(message))

    assert at_once.status == 200, at_once.body
    assert all_sent(casement) == [asked(message), asked(message)]
    for answer in (held, at_once):
        shown = casement.get(f"messages/{answer.ours['id']}").body
        assert {name: shown[name] for name in message} == message


@pytest.mark.parametrize("name", ["text", "image", "interactive button"])
def test_outside_of_the_window_every_kind_but_a_template_is_refused(casement, name):
    casement.wrote(ago=DAY)

    assert casement.post(asked(KINDS[name])).code == 131047
    assert casement.simulator.sent == []


def test_media_by_id(casement):
    casement.simulator.inbound(message={"type": "image"}, sender=ALICE)
    casement.deliver()
    media_id = casement.messages()[0]["image"]["id"]
    message = {"type": "image", "image": {"id": media_id, "caption": "Yours"}}

    assert casement.post(asked(message)).status == 200

    assert only_sent(casement) == asked(message)


def test_a_message_to_a_group_waits_for_any_of_its_members(casement):
    message = {"messaging_product": "whatsapp", "recipient_type": "group", "to": "Y2FwaQ", **HELLO}
    answer = casement.post({**message, "casement": {"when_closed": "hold"}})
    assert answer.body["messages"][0]["message_status"] == "held_for_customer"
    casement.wrote()  # to the business, not to the group
    casement.catch_up()
    assert casement.simulator.sent == []

    casement.wrote(group_id="Y2FwaQ")
    casement.catch_up()

    assert only_sent(casement) == message


# --- about another message --------------------------------------------------------------------------


@pytest.mark.parametrize("emoji", ["\U0001f600", "\u2764\ufe0f", ""])
def test_a_reaction(casement, emoji):
    wamid = casement.wrote()
    message = {"type": "reaction", "reaction": {"message_id": wamid, "emoji": emoji}}

    assert casement.post(asked(message)).status == 200

    assert only_sent(casement) == asked(message)
    casement.deliver()
    assert casement.messages()[0]["casement"]["status"] == "sent"  # Meta tells no more of a reaction


def test_a_reaction_that_waited_to_a_message_of_ours(casement):
    casement.wrote(ago=DAY - HOUR)
    wamid = casement.send().body["messages"][0]["id"]
    casement.now += DAY
    message = {"type": "reaction", "reaction": {"message_id": wamid, "emoji": "\U0001f600"}}
    casement.post({**asked(message), "casement": {"when_closed": "hold"}})

    casement.wrote()
    casement.catch_up()

    assert [sent.type for sent in casement.simulator.sent] == ["text", "reaction"]
    assert casement.simulator.sent[-1].body["reaction"] == message["reaction"]


@pytest.mark.parametrize("name", ["text", "sticker", "contacts", "interactive list", "interactive flow by id"])
def test_a_reply(casement, name):
    wamid = casement.wrote()
    reply = {**asked(KINDS[name]), "context": {"message_id": wamid}}

    assert casement.post(reply).status == 200

    assert only_sent(casement) == reply


# --- templates, as a caller builds them -------------------------------------------------------------


def component(kind: str, *parameters: Json, **about: Any) -> Json:
    return {"type": kind, **about, "parameters": list(parameters)}


TEMPLATES: dict[str, tuple[list[Json], list[Json]]] = {
    "an image, a variable and every button": (
        [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hello {{1}}"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Yes"},
                    {"type": "URL", "text": "Track", "url": "https://example.org/{{1}}"},
                    {"type": "COPY_CODE", "text": "Copy"},
                    {"type": "FLOW", "text": "Book", "flow_id": "1"},
                ],
            },
        ],
        [
            component("header", IMAGE),
            component("body", {"type": "text", "text": "Ana"}),
            component("button", {"type": "payload", "payload": "yes"}, sub_type="quick_reply", index="0"),
            component("button", {"type": "text", "text": "A-1042"}, sub_type="url", index=1),
            component("button", {"type": "coupon_code", "coupon_code": "SAVE20"}, sub_type="copy_code", index="2"),
            component(
                "button",
                {"type": "action", "action": {"flow_token": "t", "flow_action_data": {"a": 1}}},
                sub_type="flow",
                index="3",
            ),
        ],
    ),
    "money and time": (
        [{"type": "BODY", "text": "{{1}} until {{2}}"}],
        [
            component(
                "body",
                {
                    "type": "currency",
                    "currency": {"fallback_value": "$9.99", "code": "USD", "amount_1000": 9990},
                },
                {"type": "date_time", "date_time": {"fallback_value": "Monday"}},
            )
        ],
    ),
    "an offer that ends": (
        [
            {"type": "BODY", "text": "Hello"},
            {"type": "LIMITED_TIME_OFFER", "limited_time_offer": {"text": "Soon", "has_expiration": True}},
        ],
        [
            component(
                "limited_time_offer",
                {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 1_735_689_600_000}},
            )
        ],
    ),
    "a carousel": (
        [
            {"type": "BODY", "text": "Look, {{1}}"},
            {
                "type": "CAROUSEL",
                "cards": [
                    {
                        "components": [
                            {"type": "HEADER", "format": "IMAGE"},
                            {"type": "BODY", "text": "{{1}}"},
                        ]
                    }
                    for _ in range(2)
                ],
            },
        ],
        [
            component("body", {"type": "text", "text": "Ana"}),
            {
                "type": "carousel",
                "cards": [
                    {
                        "card_index": index,
                        "components": [
                            component("header", IMAGE),
                            component("body", {"type": "text", "text": f"Card {index}"}),
                        ],
                    }
                    for index in range(2)
                ],
            },
        ],
    ),
}


@pytest.mark.parametrize(("stored", "components"), TEMPLATES.values(), ids=TEMPLATES.keys())
@pytest.mark.parametrize("way", ["by itself", "in place of another", "as a nudge"])
def test_a_template_goes_out_as_it_was_built(casement, stored, components, way):
    casement.simulator.add_template({"name": "t", "language": "en_US", "category": "UTILITY", "components": stored})
    casement.sync()
    template = {"name": "t", "language": {"code": "en_US"}, "components": components}
    bodies = {
        "by itself": asked({"type": "template", "template": template}),
        "in place of another": {**asked(HELLO), "casement": {"when_closed": {"template": template}}},
        "as a nudge": {**asked(HELLO), "casement": {"when_closed": {"hold": {"nudge": {"template": template}}}}},
    }

    answer = casement.post(bodies[way])

    assert answer.status == 200, answer.body
    assert only_sent(casement) == asked({"type": "template", "template": template})


# --- receipts ---------------------------------------------------------------------------------------

TYPING = {"typing_indicator": {"type": "text"}}


@pytest.mark.parametrize("typing", [{}, TYPING])
@pytest.mark.parametrize("ago", [0, 2 * DAY])
def test_a_receipt_goes_out_as_it_came_whatever_the_window_is_and_nothing_is_kept(casement, typing, ago):
    wamid = casement.wrote(ago=ago)
    casement.catch_up()
    before = snapshot(casement.client, casement.name)
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid, **typing}

    answer = casement.post(receipt)

    assert (answer.status, answer.body) == (200, {"success": True})
    assert casement.simulator.marked_read == [receipt]
    assert snapshot(casement.client, casement.name) == before
    assert casement.simulator.sent == []


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"Casement-When-Closed": "hold"}, {}),
        ({}, {"casement": {"when_closed": "handoff"}}),
        ({"Idempotency-Key": "1"}, {}),
        ({}, {"casement": {"dry_run": False}}),
    ],
)
def test_what_is_said_of_messages_means_nothing_to_a_receipt(casement, headers, ours):
    wamid = casement.wrote()
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}

    answer = casement.post({**receipt, **ours}, headers={"authorization": f"Bearer {API_KEY}", **headers})

    assert answer.status == 200
    assert casement.simulator.marked_read == [receipt]


def test_a_receipt_needs_leave_to_send(casement):
    wamid = casement.wrote()
    casement.add_key("reads", [Scope.READ])
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}

    assert casement.post(receipt, key="reads").status == 403
    assert casement.simulator.marked_read == []


@pytest.mark.parametrize("ours", [{"when_closed": "sometimes"}, {"wen_closed": "hold"}, "hold", 7])
@pytest.mark.parametrize("is_receipt", [True, False])
def test_what_is_said_to_us_and_not_understood_is_refused(casement, ours, is_receipt):
    wamid = casement.wrote()
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}

    answer = casement.post({**(receipt if is_receipt else asked(HELLO)), "casement": ours})

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours["parameter"].startswith("casement")
    assert casement.wire.requests == []


@pytest.mark.parametrize(
    "components",
    ["NaN", "[Infinity]", "[1e999]", "[" * 70 + "]" * 70, *("[" * depth + "]" * depth for depth in (930, 945, 5000))],
)
def test_a_policy_in_the_header_is_read_as_strictly_as_the_body(casement, components):
    """Nothing is kept of what could not be written to Meta afterwards."""
    template = {"name": "t", "language": "en_US", "category": "UTILITY", "components": [{"type": "BODY"}]}
    casement.simulator.add_template(template)
    casement.sync()
    before = snapshot(casement.client, casement.name)
    policy = '{"template": {"name": "t", "language": {"code": "en_US"}, "components": [{"type": "body", "x": %s}]}}'
    headers = {"authorization": f"Bearer {API_KEY}", "Casement-When-Closed": policy % components}

    answer = casement.post(asked(HELLO), headers=headers)

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "Casement-When-Closed"})
    assert snapshot(casement.client, casement.name) == before


@pytest.mark.parametrize("message_id", ["wamid.unheard", "", None, 7])
def test_metas_no_to_a_receipt_is_passed_on(casement, message_id):
    answer = casement.post({"messaging_product": "whatsapp", "status": "read", "message_id": message_id})

    assert answer.status == 400
    assert "casement" not in answer.body["error"].get("error_data", {})
    assert answer.body["error"]["fbtrace_id"].startswith("A")  # the simulator's own, not ours
