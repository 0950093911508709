"""What Graph clients write to `/messages`: read as far as we must, and passed on as it came."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from casement.domain.contact import is_bsuid
from casement.domain.errors import InvalidRequest
from casement.domain.policy import policy_from
from casement.domain.sending import Message, Receipt
from casement.meta.send_request import LARGEST_BODY, parse
from tests.support.webhooks import any_json, scalars

MEDIA = {"id": "1013859600285441", "caption": "Caf\u00e9 \U0001f600"}
BUTTONS = [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]
ROWS = [{"id": "1", "title": "One", "description": "the first"}]
CARD = {"card_index": 0, "type": "cta_url", "header": {"type": "image", "image": {"link": "https://x.test/a.png"}}}
BODIES: dict[str, dict[str, Any]] = {
    "text": {"type": "text", "text": {"body": "Hi", "preview_url": True}},
    "text without a type": {"text": {"body": "Hi"}},
    "image": {"type": "image", "image": MEDIA},
    "video": {"type": "video", "video": {"link": "https://x.test/v.mp4"}},
    "audio": {"type": "audio", "audio": {"id": "1", "voice": True}},
    "document": {"type": "document", "document": {**MEDIA, "filename": "na\u00efve.pdf"}},
    "sticker": {"type": "sticker", "sticker": {"id": "1"}},
    "location": {"type": "location", "location": {"latitude": -33.856784, "longitude": 151.215297, "name": "Opera"}},
    "contacts": {
        "type": "contacts",
        "contacts": [{"name": {"formatted_name": "A B", "first_name": "A"}, "phones": []}],
    },
    "reaction": {"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "\U0001f600"}},
    "reaction removed": {"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": ""}},
    "buttons": {
        "type": "interactive",
        "interactive": {"type": "button", "body": {"text": "?"}, "action": {"buttons": BUTTONS}},
    },
    "list": {
        "type": "interactive",
        "interactive": {
            "type": "list",
            "body": {"text": "?"},
            "action": {"button": "Choose", "sections": [{"title": "S", "rows": ROWS}]},
        },
    },
    "cta_url": {
        "type": "interactive",
        "interactive": {
            "type": "cta_url",
            "body": {"text": "?"},
            "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://x.test/?a=1&b=%20"}},
        },
    },
    "flow": {
        "type": "interactive",
        "interactive": {
            "type": "flow",
            "body": {"text": "?"},
            "action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Go"}},
        },
    },
    "location request": {
        "type": "interactive",
        "interactive": {
            "type": "location_request_message",
            "body": {"text": "?"},
            "action": {"name": "send_location"},
        },
    },
    "address": {
        "type": "interactive",
        "interactive": {
            "type": "address_message",
            "body": {"text": "?"},
            "action": {"name": "address_message", "parameters": {"country": "IN"}},
        },
    },
    "product": {
        "type": "interactive",
        "interactive": {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "2"}},
    },
    "catalog": {
        "type": "interactive",
        "interactive": {"type": "catalog_message", "body": {"text": "?"}, "action": {"name": "catalog_message"}},
    },
    "carousel": {
        "type": "interactive",
        "interactive": {"type": "carousel", "body": {"text": "?"}, "action": {"cards": [CARD, CARD]}},
    },
    "call permission": {
        "type": "interactive",
        "interactive": {
            "type": "call_permission_request",
            "body": {"text": "?"},
            "action": {"name": "call_permission_request"},
        },
    },
    "contact info": {
        "type": "interactive",
        "interactive": {
            "type": "request_contact_info",
            "body": {"text": "?"},
            "action": {"name": "request_contact_info"},
        },
    },
    "template": {
        "type": "template",
        "template": {
            "name": "order",
            "language": {"code": "en_US", "policy": "deterministic"},
            "components": [{"type": "button", "sub_type": "url", "index": 0, "parameters": []}],
        },
    },
    "quoting": {"type": "text", "text": {"body": "Hi"}, "context": {"message_id": "wamid.1"}},
    "with an identity": {"type": "text", "text": {"body": "Hi"}, "recipient_identity_key_hash": "DF2lS5v2W6x="},
    "a type that comes next year": {"type": "hologram", "hologram": {"deep": [1, 2.5, None, {"\u20ac": False}]}},
}


def parsed(when_closed: str | None = None, **body: Any) -> Message:
    read = parse(json.dumps({"messaging_product": "whatsapp", **body}).encode(), when_closed)
    assert isinstance(read, Message)
    return read


def refusal(body: bytes | str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        parse(body if isinstance(body, bytes) else body.encode())
    return caught.value


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_type_is_passed_on_as_it_came(name, ascii_only):
    body = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": "+1 650-555-0101", **BODIES[name]}

    read = parse(json.dumps({**body, "biz_opaque_callback_data": "x"}, ensure_ascii=ascii_only).encode())

    assert isinstance(read, Message)
    assert read.body == body
    assert list(read.body) == list(body)
    assert read.type == BODIES[name].get("type", "text")
    assert read.callback_data == "x"
    assert (read.template is not None) is (name == "template")


def test_a_template_is_known_by_name_and_language():
    assert parsed(to="1", **BODIES["template"]).template == ("order", "en_US")


@pytest.mark.parametrize(
    ("addressed", "contact"),
    [
        ({"to": "16505550101"}, "16505550101"),
        ({"to": "+16505550101"}, "16505550101"),
        ({"to": "+1 (650) 555-0101"}, "16505550101"),
        ({"to": 16505550101}, "16505550101"),
        ({"to": "551187654321"}, "5511987654321"),
        ({"to": "+52 1 55 1234 5678"}, "525512345678"),
        ({"to": "5491123456789"}, "541123456789"),
        ({"recipient": "US.13491208655302741918"}, "US.13491208655302741918"),
        ({"recipient": "US.ENT.11815799212886844830"}, "US.ENT.11815799212886844830"),
        ({"to": "16505550101", "recipient": "US.13491208655302741918"}, "16505550101"),
        ({"to": None, "recipient": "US.13491208655302741918"}, "US.13491208655302741918"),
        ({"to": "16505550101", "recipient": None}, "16505550101"),
        ({"to": "US.13491208655302741918"}, "US.13491208655302741918"),  # pywa writes both into `to`
        ({"to": "Z3JvdXA6MQ", "recipient_type": "group"}, "group:Z3JvdXA6MQ"),
    ],
)
def test_who_it_goes_to(addressed, contact):
    assert parsed(**addressed, text={"body": "Hi"}).contact == contact


@pytest.mark.parametrize(
    "addressed",
    [
        {},
        {"to": None},
        {"to": ""},
        {"to": "nobody"},
        {"to": "call 16505550101"},
        {"to": "us.13491208655302741918"},  # no BSUID, and nothing of which to make a phone number
        {"to": "+"},
        {"to": "9" * 41},
        {"to": 10**300},
        {"to": True},
        {"to": 1.5},
        {"to": ["16505550101"]},
        {"to": {"phone": "16505550101"}},
        {"recipient": ""},
        {"recipient": 5},
        {"recipient": True},
        {"recipient": ["US.1"]},
        {"recipient": "a person"},
        {"recipient": "16505550101"},
        {"recipient": "\ud83d"},
        {"recipient": "US." + "x" * 5_000},
        {"to": "\ud83d", "recipient_type": "group"},
        {"to": "g" * 5_000, "recipient_type": "group"},
    ],
)
def test_nobody_it_could_go_to(addressed):
    error = refusal(json.dumps({"messaging_product": "whatsapp", "text": {"body": "Hi"}, **addressed}))

    assert error.parameter in ("to", "recipient")


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"messaging_product": None}, "messaging_product"),
        ({"messaging_product": "telegram"}, "messaging_product"),
        ({"messaging_product": ["whatsapp"]}, "messaging_product"),
        ({"type": 5}, "type"),
        ({"type": ""}, "type"),
        ({"type": ["text"]}, "type"),
        ({"type": "image"}, "image"),
        ({"type": "to"}, "to"),
        ({"text": "Hi"}, "text"),
        ({"text": None}, "text"),
        ({"biz_opaque_callback_data": 5}, "biz_opaque_callback_data"),
        ({"biz_opaque_callback_data": {}}, "biz_opaque_callback_data"),
        ({"casement": "reject"}, "casement"),
        ({"casement": {"when_closed": "shout"}}, "casement.when_closed"),
        ({"casement": {"when_closed": 5}}, "casement.when_closed"),
        ({"casement": {"when_closed": ["reject"]}}, "casement.when_closed"),
        ({"casement": {"when_closed": {"hold": {"expires_in": 0}}}}, "casement.when_closed.hold.expires_in"),
        ({"casement": {"unheard_of": 1}}, "casement.unheard_of"),
        ({"casement": {"dry_run": "yes"}}, "casement.dry_run"),
        ({"casement": {"dry_run": None}}, "casement.dry_run"),
        ({"type": "template", "template": []}, "template.name"),
        ({"type": "template", "template": {"language": {"code": "en"}}}, "template.name"),
        ({"type": "template", "template": {"name": "", "language": {"code": "en"}}}, "template.name"),
        ({"type": "template", "template": {"name": ["a"], "language": {"code": "en"}}}, "template.name"),
        ({"type": "template", "template": {"name": "a"}}, "template.language.code"),
        ({"type": "template", "template": {"name": "a", "language": "en"}}, "template.language.code"),
        ({"type": "template", "template": {"name": "a", "language": {"code": None}}}, "template.language.code"),
    ],
)
def test_what_is_wrong_is_named(changes, parameter):
    body = {"messaging_product": "whatsapp", "to": "16505550101", "text": {"body": "Hi"}, **changes}

    assert refusal(json.dumps(body)).parameter == parameter


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Hi",
        b"{",
        b'{"messaging_product":"whatsapp","to":"1","text":{"body":"Hi"}',
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"text"',
        b"17",
        b"1" * 5_000,
        b'{"messaging_product":"whatsapp","to":"1","location":{"latitude":NaN},"type":"location"}',
        b'{"messaging_product":"whatsapp","to":"1","location":{"latitude":-Infinity},"type":"location"}',
        b'{"messaging_product":"whatsapp","to":"1","text":{"body":"' + b"x" * LARGEST_BODY + b'"}}',
    ],
)
def test_what_is_no_request(body):
    refusal(body)


@pytest.mark.parametrize("depth", [150, 300, 900, 970, 980, 985, 990, 995, 1_000, 3_000, 20_000, 60_000])
def test_what_nests_too_deeply_is_refused_before_anything_happens(depth):
    nested = b"[" * depth + b"]" * depth

    refusal(b'{"messaging_product":"whatsapp","to":"1","type":"text","text":{"body":' + nested + b"}}")


def test_brackets_inside_of_text_are_text():
    text = '[[{"' * 1_000

    assert parsed(to="1", text={"body": text}).body["text"]["body"] == text


def test_wide_is_not_deep():
    rows = [{"id": str(number), "nested": [{}]} for number in range(500)]

    assert parsed(to="1", type="interactive", interactive={"rows": rows}).body["interactive"]["rows"] == rows


@pytest.mark.parametrize(
    "body",
    [
        {"status": "read", "message_id": "wamid.1"},
        {"status": "read", "message_id": "wamid.1", "typing_indicator": {"type": "text"}},
        {"status": "read"},
    ],
)
def test_receipts_are_no_messages(body):
    read = parse(json.dumps({"messaging_product": "whatsapp", **body, "casement": {}}).encode())

    assert read == Receipt({"messaging_product": "whatsapp", **body})


HOLD = {"hold": {"expires_in": 60}}


@pytest.mark.parametrize(
    ("ours", "header", "policy"),
    [
        (None, None, None),
        ({}, None, None),
        ({"when_closed": None}, None, None),
        ({"when_closed": "reject"}, None, "reject"),
        ({"when_closed": HOLD}, None, HOLD),
        (None, "reject", "reject"),
        (None, " handoff ", "handoff"),
        (None, json.dumps(HOLD), HOLD),
        ({"when_closed": None}, "hold", "hold"),
        ({"when_closed": "reject"}, "hold", "reject"),  # the body comes before the header
        ({"when_closed": "reject"}, "shout", "reject"),
    ],
)
def test_what_to_do_while_the_window_is_closed(ours, header, policy):
    read = parsed(header, to="1", text={"body": "Hi"}, casement=ours)

    assert read.when_closed == policy
    assert "casement" not in read.body


@pytest.mark.parametrize("header", ["shout", "", '{"hold": ', '{"hold": 1}', "[" * 5_000, '{"a":' * 5_000])
def test_an_unknown_policy_in_the_header_is_refused(header):
    with pytest.raises(InvalidRequest, match="Casement-When-Closed"):
        parsed(header, to="1", text={"body": "Hi"})


@pytest.mark.parametrize(("ours", "dry_run"), [(None, False), ({"dry_run": False}, False), ({"dry_run": True}, True)])
def test_whether_it_is_to_be_sent_at_all(ours, dry_run):
    assert parsed(to="1", text={"body": "Hi"}, casement=ours).dry_run is dry_run


def test_a_receipt_has_no_dry_run():
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1", "casement": {"dry_run": True}}

    assert refusal(json.dumps(body)).parameter == "casement.dry_run"


choices = st.fixed_dictionaries({}, optional={"template": any_json, "purpose": scalars, "parameters": any_json})
policies = st.one_of(
    st.sampled_from(["reject", "template", "hold", "handoff"]),
    choices,
    st.fixed_dictionaries(
        {},
        optional={
            "hold": st.fixed_dictionaries(
                {}, optional={"expires_in": scalars | st.integers(1, 60), "supersede": scalars, "nudge": choices}
            ),
            "handoff": st.fixed_dictionaries({}, optional={"note": scalars}),
        },
    ),
)
requests = st.fixed_dictionaries(
    {"messaging_product": st.just("whatsapp")},
    optional={
        "to": scalars | st.just("16505550101"),
        "recipient": scalars | st.just("US.1349"),
        "recipient_type": st.sampled_from(["individual", "group", None, 7]),
        "type": st.sampled_from(["text", "template", "contacts", "", "to", None]) | scalars,
        "text": any_json | st.fixed_dictionaries({"body": scalars}),
        "template": any_json
        | st.fixed_dictionaries({"name": scalars, "language": any_json | st.fixed_dictionaries({"code": scalars})}),
        "contacts": any_json,
        "status": scalars,
        "biz_opaque_callback_data": scalars,
        "casement": any_json
        | st.fixed_dictionaries({}, optional={"when_closed": any_json | policies, "dry_run": scalars | st.booleans()}),
    },
)


def check(body: bytes, header: str | None = None) -> None:
    """Whatever comes: understood, or refused as a bad request. What is understood can be sent and filed."""
    try:
        read = parse(body, header)
    except InvalidRequest as error:
        assert str(error)
        return
    assert json.loads(json.dumps(read.body)) == read.body
    if isinstance(read, Message):
        assert isinstance(read.body[read.type] if "type" in read.body else read.body["text"], dict | list)
        assert read.contact.isprintable()
        assert read.contact.isascii()
        assert len(read.contact) <= 255
        assert read.contact.isdigit() or read.contact.startswith("group:") or is_bsuid(read.contact)
        assert read.when_closed is None or policy_from(json.loads(json.dumps(read.when_closed)))


@given(st.binary(max_size=300))
def test_any_bytes(body):
    check(body)


@given(any_json)
def test_any_json(document):
    check(json.dumps(document).encode())


@given(requests, st.none() | st.text(max_size=8) | policies.map(json.dumps))
@example({"messaging_product": "whatsapp", "to": "1", "text": {}, "recipient_type": "group"}, None)
def test_almost_a_request(request, header):
    check(json.dumps(request).encode(), header)
