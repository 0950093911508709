"""A preview: what the customer would see, what Meta would get, whether it may go now; and nothing happens."""

import json
from typing import Any

import pytest

from casement.domain.errors import InvalidRequest
from casement.usecases.preview_template import preview, preview_from
from tests.support.deployment import ALICE, BOB, DAY, NOON, NUMBER, Deployment, Json
from tests.support.harmless import doing_nothing
from tests.support.template_parts import PICTURE, TRACK_URL, body, buttons, header

ORDER = {"name": "order_on_its_way", "language": "en_US"}
ANA = {"customer": "Ana", "order_number": "A-1042"}
ANA_SENT = [
    {
        "type": "body",
        "parameters": [{"type": "text", "parameter_name": name, "text": text} for name, text in ANA.items()],
    }
]
ORDER_SENT = {"name": "order_on_its_way", "language": {"code": "en_US"}, "components": ANA_SENT}
SHOWN = "Good news, Ana: your order A-1042 has left us and is on its way."
OFFER = {"name": "seasonal_offer", "language": "en_US", "parameters": {"1": "Ana"}}
DRAFT = {
    "name": "parcel",
    "language": "ar",
    "category": "UTILITY",
    "components": [
        header("IMAGE", example={"header_handle": ["4::aW1hZ2U="]}),
        {**body("Hello {{1}}, your parcel is on its way."), "example": {"body_text": [["Ana"]]}},
        buttons({**TRACK_URL, "example": ["https://x.test/a"]}),
    ],
}


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()


def show(casement: Deployment, **asked: Any) -> Json:
    """The preview that a request with this body gets, as JSON has it."""
    engine = casement.engine(casement.secret().number(NUMBER))
    shown: Json = json.loads(json.dumps(preview(preview_from(asked), engine, casement.now)))
    return shown


def serves(casement: Deployment, *names: str, **settings: Any) -> None:
    casement.set_number(purposes={"update": list(names)}, **settings)


# --- a stored template ----------------------------------------------------------------------------------------------


def test_a_template_with_values_is_shown_as_it_will_be(casement):
    assert show(casement, **ORDER, parameters=ANA, contact=ALICE) == {
        "template": {**ORDER, "category": "UTILITY", "status": "APPROVED"},
        "message": {
            "header": None,
            "body": SHOWN,
            "footer": None,
            "buttons": [],
            "offer": None,
            "cards": [],
            "direction": "ltr",
            "by_meta": [],
        },
        "payload": {"messaging_product": "whatsapp", "to": ALICE, "type": "template", "template": ORDER_SENT},
        "price_class": "utility",
        "free_entry_point_until": None,
        "can_send": True,
        "why": "An approved template may go out at any time.",
        "misfits": [],
        "missing": [],
    }


def test_a_template_as_graph_has_it_is_the_same(casement):
    assert show(casement, template=ORDER_SENT, contact=ALICE) == show(casement, **ORDER, parameters=ANA, contact=ALICE)


def test_what_is_shown_can_be_sent_as_it_is(casement):
    payload = show(casement, **ORDER, parameters=ANA, contact=f"+{ALICE[0]} {ALICE[1:]}")["payload"]

    assert casement.post(payload).status == 200
    assert [sent.body["template"] for sent in casement.simulator.sent] == [ORDER_SENT]


@pytest.mark.parametrize(
    ("contact", "addressed"),
    [
        (None, {}),
        ("US.13491208655302741918", {"recipient": "US.13491208655302741918"}),
        ("group:123-456", {"recipient_type": "group", "to": "123-456"}),
        ("+1 (650) 555-0101", {"to": "+1 (650) 555-0101"}),
    ],
)
def test_whom_it_goes_to_stands_in_the_payload(casement, contact, addressed):
    payload = show(casement, **ORDER, parameters=ANA, **({"contact": contact} if contact else {}))["payload"]

    assert {name: payload[name] for name in ("to", "recipient", "recipient_type") if name in payload} == addressed


def test_what_lacks_is_left_visible_and_named(casement):
    shown = show(casement, **ORDER, parameters={"order_number": 7}, contact=ALICE)

    assert shown["message"]["body"] == "Good news, {{customer}}: your order 7 has left us and is on its way."
    assert (shown["missing"], shown["payload"], shown["can_send"]) == (["customer"], None, False)
    assert shown["misfits"] == [{"where": "parameters", "why": "Missing parameters: customer."}]
    assert shown["why"] == "Template 'order_on_its_way' (en_US): Missing parameters: customer."
    assert shown["code"] == 131008


def test_components_that_do_not_fit_are_shown_with_what_is_wrong(casement):
    components = [{"type": "body", "parameters": [{"type": "text", "parameter_name": "customer", "text": "A\nna"}]}]

    shown = show(casement, template={**ORDER_SENT, "components": components}, contact=ALICE)

    assert shown["message"]["body"].startswith("Good news, A\nna: your order {{order_number}} has")
    assert shown["missing"] == ["order_number"]
    assert [misfit["where"] for misfit in shown["misfits"]] == ["body", "body"]
    assert "{{customer}} of the body must not hold line breaks" in shown["misfits"][1]["why"]
    assert shown["payload"]["template"]["components"] == components
    assert (shown["can_send"], shown["code"]) == (False, 132000)


def test_a_template_that_is_not_approved_can_be_seen_and_not_sent(casement):
    casement.simulator.review("order_on_its_way", "pause")
    casement.sync()

    shown = show(casement, **ORDER, parameters=ANA)

    assert shown["message"]["body"] == SHOWN
    assert (shown["can_send"], shown["code"], shown["template"]["status"]) == (False, 132015, "PAUSED")
    assert "is PAUSED at Meta" in shown["why"]


@pytest.mark.parametrize("form", ["named", "template"])
def test_of_a_template_that_there_is_not_nothing_is_seen(casement, form):
    asked = {"template": {**ORDER_SENT, "name": "gone"}} if form == "template" else {**ORDER, "name": "gone"}

    shown = show(casement, **asked)

    assert shown["template"] == {"name": "gone", "language": "en_US", "category": None, "status": None}
    assert (shown["message"], shown["price_class"], shown["can_send"], shown["code"]) == (None, None, False, 132001)
    assert "does not exist in language 'en_US'" in shown["why"]


# --- somebody in particular -----------------------------------------------------------------------------------------


def test_what_a_customer_does_not_want_is_not_sent_to_them(casement):
    casement.wrote(ALICE)
    assert casement.change("PATCH", f"contacts/{ALICE}", {"consent": {"marketing": "stop"}}).status == 200

    shown, to_others = show(casement, **OFFER, contact=ALICE), show(casement, **OFFER, contact=BOB)

    assert (shown["can_send"], shown["code"], shown["price_class"]) == (False, 131050, "marketing")
    assert "has stopped marketing" in shown["why"]
    assert (to_others["can_send"], show(casement, **OFFER)["can_send"]) == (True, True)


@pytest.mark.parametrize("contact", [ALICE, None])
def test_a_number_that_meta_stopped_sends_nothing(casement, contact):
    casement.simulator.fail_next(how="error", code=131031)
    casement.send(message={"type": "template", "template": ORDER_SENT})

    shown = show(casement, **ORDER, parameters=ANA, **({"contact": contact} if contact else {}))

    assert (shown["can_send"], shown["code"]) == (False, 131031)


def test_it_decides_as_a_dry_run_does(casement):
    casement.simulator.review("seasonal_offer", "pause")
    casement.sync()
    for template in (
        ORDER_SENT,
        {**ORDER_SENT, "components": []},
        {"name": "seasonal_offer", "language": {"code": "en_US"}},
    ):
        message = {"type": "template", "template": template}
        decided = casement.send(ALICE, message, casement={"dry_run": True}).ours["decision"]

        shown = show(casement, template=template, contact=ALICE)

        assert (shown["can_send"], shown["why"]) == (decided["action"] == "send", decided["why"])
        assert (shown.get("code"), shown["price_class"]) == (decided.get("code"), decided["price_class"])
        assert shown["misfits"] == decided["misfits"]


def test_until_when_it_costs_nothing_is_told(casement):
    referral = {"source_type": "ad", "source_id": "7", "source_url": "https://fb.test/7"}
    message = {"type": "text", "text": {"body": "Hi"}, "referral": referral}
    casement.simulator.inbound(message=message, sender=ALICE, ago=3600)
    casement.deliver()
    casement.send(ALICE)
    casement.catch_up()

    shown = show(casement, **ORDER, parameters=ANA, contact=ALICE)

    assert shown["free_entry_point_until"] == (NOON + 3 * DAY) // 1000
    assert show(casement, **ORDER, parameters=ANA, contact=BOB)["free_entry_point_until"] is None


# --- a purpose ------------------------------------------------------------------------------------------------------


def test_a_purpose_shows_the_template_that_it_comes_to(casement):
    serves(casement, "gone", "seasonal_offer", "order_on_its_way")
    casement.wrote(ALICE)
    casement.change("PATCH", f"contacts/{ALICE}", {"consent": {"marketing": "stop"}})

    shown = show(casement, purpose="update", parameters={**ANA, "1": "Ana"}, contact=ALICE)

    assert shown["template"]["name"] == "order_on_its_way"
    assert (shown["can_send"], shown["payload"]["template"]) == (True, ORDER_SENT)
    assert [each["name"] for each in shown["candidates"]] == ["gone", "seasonal_offer"]


def test_a_purpose_whose_parameters_lack_shows_the_first_that_could_go(casement):
    casement.simulator.review("seasonal_offer", "pause")
    casement.sync()
    serves(casement, "seasonal_offer", "order_on_its_way", "we_are_here")

    shown = show(casement, purpose="update", parameters={"customer": "Ana"})

    assert shown["template"]["name"] == "order_on_its_way"
    assert shown["message"]["body"].startswith("Good news, Ana: your order {{order_number}} has")
    assert (shown["missing"], shown["can_send"], shown["payload"]) == (["order_number"], False, None)
    assert [each["name"] for each in shown["candidates"]] == ["seasonal_offer", "order_on_its_way", "we_are_here"]


def test_a_purpose_speaks_the_customers_language(casement):
    serves(casement, "we_are_here")
    casement.change("PATCH", f"contacts/{ALICE}", {"language": "es"})

    by_contact = show(casement, purpose="update", parameters={"1": "Ana"}, contact=ALICE)
    by_word = show(casement, purpose="update", parameters={"1": "Ana"}, language="es")

    assert by_contact["template"]["language"] == by_word["template"]["language"] == "es"
    assert show(casement, purpose="update", parameters={"1": "Ana"})["template"]["language"] == "en_US"


@pytest.mark.parametrize("purpose", ["update", "unheard_of"])
def test_a_purpose_that_nothing_serves_shows_nothing(casement, purpose):
    serves(casement, "gone")

    shown = show(casement, purpose=purpose, contact=ALICE)

    assert (shown["template"], shown["message"], shown["payload"], shown["can_send"]) == (None, None, None, False)
    assert shown["why"] == f"No template of the purpose '{purpose}' can go out now."
    assert len(shown["candidates"]) == 1


# --- a draft --------------------------------------------------------------------------------------------------------


def test_a_draft_is_shown_and_nobody_knows_whether_it_may_go(casement):
    shown = show(casement, definition=DRAFT, parameters={"header": PICTURE, "1": "Ana", "button.0": "a"}, contact=ALICE)

    assert shown["message"]["header"] == {"format": "IMAGE", "image": PICTURE}
    assert shown["message"]["body"] == "Hello Ana, your parcel is on its way."
    assert shown["message"]["buttons"] == [{"type": "URL", "text": "Track", "url": "https://x.test/a"}]
    assert shown["message"]["direction"] == "rtl"
    assert shown["template"] == {"name": "parcel", "language": "ar", "category": "UTILITY", "status": None}
    assert (shown["can_send"], shown["price_class"], shown["faults"]) == (None, "utility", [])
    assert "has not been submitted" in shown["why"]
    assert shown["payload"]["template"]["name"] == "parcel"
    assert shown["payload"]["to"] == ALICE
    assert show(casement, definition=DRAFT, components=shown["payload"]["template"]["components"]) == shown | {
        "payload": {name: value for name, value in shown["payload"].items() if name != "to"}
    }


def test_a_draft_says_what_meta_would_refuse_it_for(casement):
    components = [body("{{1}}, your parcel is on its way.")]

    shown = show(casement, definition={"components": components}, parameters={"2": "Ana"})

    assert shown["message"]["body"] == "{{1}}, your parcel is on its way."
    assert shown["template"] == {"name": None, "language": None, "category": None, "status": None}
    assert (shown["missing"], shown["payload"], shown["price_class"]) == (["1"], None, None)
    assert {fault["path"] for fault in shown["faults"]} >= {"name", "language", "components[0].text"}
    assert "Meta would refuse it" in shown["why"]


def test_components_of_a_draft_are_judged(casement):
    shown = show(casement, definition=DRAFT, components=[{"type": "body", "parameters": []}])

    assert [misfit["where"] for misfit in shown["misfits"]] == ["header", "body", "button 0"]
    assert shown["missing"] == ["header", "1", "button.0"]


# --- and nothing happens --------------------------------------------------------------------------------------------


def test_nothing_is_written_and_nobody_is_called(casement):
    serves(casement, "seasonal_offer", "we_are_here")
    casement.wrote(ALICE)
    casement.catch_up()

    with doing_nothing(casement):
        for asked in (
            {**ORDER, "parameters": ANA},
            {"template": ORDER_SENT},
            {"purpose": "update", "parameters": {"1": "Ana"}},
            {"purpose": "update"},
            {"definition": DRAFT},
        ):
            show(casement, **asked)
            show(casement, **asked, contact=ALICE)


# --- requests that make no sense ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ([], None),
        ({}, None),
        ({"contact": ALICE}, None),
        ({"name": "hello_world"}, "language"),
        ({"name": "", "language": "en"}, "name"),
        ({"name": "hello_world", "language": "en", "purpose": "update"}, "name"),
        ({**ORDER, "template": ORDER_SENT}, "name"),
        ({**ORDER, "parameters": []}, "parameters"),
        ({**ORDER, "components": []}, "components"),
        ({**ORDER, "dry_run": True}, "dry_run"),
        ({"template": ORDER_SENT, "parameters": {}}, "parameters"),
        ({"template": {"name": "hello_world"}}, "template.language.code"),
        ({"template": "hello_world"}, "template.name"),
        ({"purpose": 7}, "purpose"),
        ({"purpose": "update", "language": ""}, "language"),
        ({"definition": {}}, "definition"),
        ({"definition": []}, "definition"),
        ({**ORDER, "contact": "Ana"}, "contact"),
        ({**ORDER, "contact": "group:"}, "contact"),
        ({**ORDER, "contact": 7}, "contact"),
        ({**ORDER, "phone_number_id": 7}, "phone_number_id"),
    ],
)
def test_a_request_that_makes_no_sense_says_where(asked, parameter):
    with pytest.raises(InvalidRequest) as raised:
        preview_from(asked)

    assert raised.value.parameter == parameter


def test_two_forms_at_once_and_what_lacks_are_told_in_words():
    with pytest.raises(InvalidRequest, match="purpose and name do not go together"):
        preview_from({**ORDER, "purpose": "update"})
    with pytest.raises(InvalidRequest, match="language is missing"):
        preview_from({"name": "hello_world"})


def test_the_number_is_told_apart_from_what_is_asked():
    asked = preview_from({**ORDER, "phone_number_id": "123"})

    assert (asked.phone_number_id, asked.contact) == ("123", None)
