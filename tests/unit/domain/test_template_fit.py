"""The parameters of a template send, judged before Meta sees them, and by the simulator in Meta's place."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.template_filling import filled
from casement.domain.template_fit import fit
from local.simulator.errors import GraphError
from local.simulator.template_fit import check_fit
from tests.support.template_parts import (
    CAROUSEL,
    COUPON,
    CUSTOMER,
    HELLO,
    IMAGE,
    OFFER,
    OTP,
    OTP_LISTED,
    PICTURE,
    PLACE,
    PRODUCT,
    PRODUCTS,
    SECTIONS,
    TITLED,
    TRACK,
    TWO,
    Json,
    body,
    button,
    card,
    cards,
    header,
    holding,
    named,
    offer,
    offer_end,
    sent,
    template,
    text,
    with_button,
)
from tests.support.template_sends import sends, spoiled
from tests.support.templates import respelled, valid_templates
from tests.support.webhooks import any_json

SECRET = "what-a-caller-wrote"  # noqa: S105 - a value to look for in what is said

FLOW, CATALOG, MPM = with_button("FLOW"), with_button("CATALOG"), with_button("MPM")
REPLY, CALL, SHOP = with_button("QUICK_REPLY"), with_button("PHONE_NUMBER"), with_button("URL", url="https://x.test")
PLACED = template(header("LOCATION"), HELLO)
SOLD = template(header("PRODUCT"), HELLO)
GIF = template(header("GIF"), HELLO)
LONG_URL = with_button("URL", url=f"https://x.test/{'x' * 1900}{{{{1}}}}")
UNENDING = offer(has_expiration=False)


def action(kind: str, **content: Any) -> Json:
    return button(0, holding("action", content), sub_type=kind)


def products(count: int, title: Any = "New") -> Json:
    items = [{"product_retailer_id": str(number)} for number in range(count)]
    return {"title": title, "product_items": items}


def meta_says(definition: Json, components: Any) -> int | None:
    """The code with which the simulator refuses, None if it does not."""
    try:
        check_fit(definition, components or [])
    except GraphError as error:
        return error.code
    return None


REFUSED: list[tuple[Json, Any, list[tuple[int, str, str]]]] = [
    # The number of values
    (TWO, [sent("body", text())], [(132000, "body", "{{2}}")]),
    (TWO, [sent("BODY", text(), text(), text())], [(132000, "body", "3")]),
    (TWO, None, [(132000, "body", "{{1}}, {{2}}")]),
    (TWO, [], [(132000, "body", "{{1}}, {{2}}")]),
    (TWO, [{"type": "body"}], [(132000, "body", "{{1}}, {{2}}")]),
    (template(HELLO), [sent("body", text())], [(132000, "body", "no variables")]),
    (named(HELLO), [sent("body", text())], [(132000, "body", "no variables")]),
    (template(HELLO), [sent("header", text())], [(132000, "header", "no variables")]),
    (TITLED, [], [(132000, "header", "{{1}}")]),
    (template(header("TEXT", text="News"), HELLO), [sent("header", text())], [(132000, "header", "no variables")]),
    (OTP, [button(0, text())], [(132000, "body", "{{1}}")]),
    # Names
    (CUSTOMER, [sent("body", text(name="customer"))], [(132000, "body", "value: {{order_number}}.")]),
    (
        CUSTOMER,
        [sent("body", text(name="customer"), text(name="order"))],
        [(132012, "body", "{{order_number}}"), (132012, "body", "another name")],
    ),
    (
        CUSTOMER,
        [sent("body", text(name="customer"), text(name="order_number"), text(name="customer"))],
        [(132000, "body", "more than once: {{customer}}.")],
    ),
    (CUSTOMER, [sent("body", text(), text())], [(132012, "body", "parameter_name")]),
    (CUSTOMER, [sent("body", text(name=["customer"]), text())], [(132012, "body", "parameter_name")]),
    (TWO, [sent("body", text(), text(name="2"))], [(132012, "body", "{{2}} is given with a `parameter_name`")]),
    # Values
    (TWO, [sent("body", text(), text(""))], [(131008, "body", "{{2}} of the body must be a text that is not empty")]),
    (TWO, [sent("body", text("  "), text())], [(131008, "body", "{{1}}")]),
    (TWO, [sent("body", text(None), text())], [(131008, "body", "{{1}}")]),
    (TWO, [sent("body", text(), text(7))], [(131008, "body", "{{2}}")]),
    (
        TWO,
        [sent("body", text(), text("two\nlines"))],
        [(132018, "body", "{{2}} of the body must not hold line breaks")],
    ),
    (TWO, [sent("body", text("a\tb"), text("a     b"))], [(132018, "body", "{{1}}"), (132018, "body", "{{2}}")]),
    (CUSTOMER, [sent("body", text("", "order_number"), text(name="customer"))], [(131008, "body", "{{order_number}}")]),
    (TITLED, [sent("header", text("a\nb"))], [(132018, "header", "{{1}} of the header")]),
    (TWO, [sent("body", text(), holding("image", PICTURE))], [(132012, "body", "{{2}} of the body takes text")]),
    (TWO, [sent("body", text(), {"text": "Ana"})], [(132012, "body", "{{2}}")]),
    (TWO, [sent("body", text(), holding("currency", {"code": "EUR"}))], [(131008, "body", "{{2}}")]),
    (TWO, [sent("body", text(), holding("date_time", "noon"))], [(131008, "body", "`fallback_value`")]),
    (TWO, [sent("body", text("x" * 1000), text())], [(132005, "body", "1,024")]),
    # Forms
    (TWO, "components", [(132012, "components", "list")]),
    (TWO, {"body": []}, [(132012, "components", "list")]),
    (TWO, [sent("body", text(), text()), "footer"], [(132012, "components", "list")]),
    (TWO, [sent("body", text(), text()), {"parameters": []}], [(132012, "components", "`type`")]),
    (TWO, [{"type": "body", "parameters": "Ana"}], [(132012, "body", "list")]),
    (TWO, [sent("body", "Ana", "A-1")], [(132012, "body", "list")]),
    # Headers
    (TITLED, [sent("header", holding("image", PICTURE))], [(132012, "header", "{{1}}")]),
    (IMAGE, [], [(132012, "header", "IMAGE")]),
    (IMAGE, [sent("header")], [(132012, "header", "IMAGE")]),
    (IMAGE, [sent("header", text())], [(132012, "header", "another type")]),
    (IMAGE, [sent("header", holding("video", PICTURE))], [(132012, "header", "another type")]),
    (IMAGE, [sent("header", holding("image", PICTURE), holding("image", PICTURE))], [(132000, "header", "given is 2")]),
    (IMAGE, [sent("header", {"type": "image"})], [(131008, "header", "`image` is missing")]),
    (IMAGE, [sent("header", holding("image", {"filename": "a"}))], [(131008, "header", "neither `id` nor `link`")]),
    (IMAGE, [{"type": "header", "parameters": 3}], [(132012, "header", "list")]),
    (GIF, [sent("header", holding("image", PICTURE))], [(132012, "header", "gif or video")]),
    (PLACED, None, [(132012, "header", "LOCATION")]),
    (PLACED, [sent("header", holding("location", {"latitude": 1}))], [(131008, "header", "`longitude`")]),
    (SOLD, [sent("header", holding("product", {"catalog_id": "7"}))], [(131008, "header", "`product_retailer_id`")]),
    (
        template(header("VIDEO"), *TWO["components"]),
        [],
        [(132012, "header", "VIDEO"), (132000, "body", "{{1}}")],
    ),
    # Buttons
    (TRACK, [], [(131008, "button 1", "Button 1 needs a value for the variable of its URL")]),
    (TRACK, [button(0, holding("payload", "x"), sub_type="quick_reply")], [(131008, "button 1", "URL")]),
    (TRACK, [button(1)], [(131008, "button 1", "URL")]),
    (TRACK, [button(1, text(""))], [(131008, "button 1", "{{1}} of the URL of button 1")]),
    (TRACK, [button(1, text("a\nb"))], [(132018, "button 1", "{{1}} of the URL of button 1")]),
    (TRACK, [button(1, text(), text())], [(132000, "button 1", "one parameter")]),
    (TRACK, [button(1, holding("payload", "x"))], [(132012, "button 1", "type text")]),
    (TRACK, [{"type": "button", "index": 1, "parameters": {"0": text()}}], [(132012, "button 1", "list")]),
    (TRACK, [button(1, text()), button(2, text())], [(132012, "button", "2 buttons, counted from 0")]),
    (TRACK, [button(1, text()), button(-1, text())], [(132012, "button", "no button")]),
    (TRACK, [button(1, text()), button("9" * 5000)], [(132012, "button", "no button")]),
    (TRACK, [button(None, text())], [(131008, "button", "no `index`"), (131008, "button 1", "URL")]),
    (template(HELLO), [button(0)], [(132012, "button", "the template has no buttons")]),
    (LONG_URL, [button(0, text("x" * 100))], [(132005, "button 0", "2,000")]),
    (SHOP, [button(0, text())], [(132018, "button 0", "takes no parameter")]),
    (CALL, [button(0, text())], [(132018, "button 0", "takes no parameter")]),
    (COUPON, None, [(131008, "button 0", "coupon code")]),
    (COUPON, [button(0, holding("coupon_code", ""), sub_type="copy_code")], [(131008, "button 0", "coupon code")]),
    (COUPON, [button(0, holding("coupon_code", "x" * 21), sub_type="copy_code")], [(131009, "button 0", "20")]),
    (COUPON, [button(0, holding("coupon_code", "A"))], [(132018, "button 0", "`sub_type` copy_code")]),
    (REPLY, [button(0, holding("payload", ""), sub_type="quick_reply")], [(131008, "button 0", "payload")]),
    (REPLY, [button(0, text(), sub_type="quick_reply")], [(132012, "button 0", "type payload")]),
    (OTP, [sent("body", text("123456"))], [(131008, "button 0", "code")]),
    (OTP, [sent("body", text()), button(0, text(""))], [(131008, "button 0", "The code for button 0")]),
    (
        OTP_LISTED,
        [sent("body", text()), button(0, holding("coupon_code", "1"), sub_type="copy_code")],
        [(132018, "button 0", "`sub_type` url")],
    ),
    (FLOW, None, [(131009, "button 0", "must be sent as a component")]),
    (FLOW, [action("flow", flow_token=7)], [(132012, "button 0", "`flow_token`")]),
    (FLOW, [action("flow", flow_action_data="x")], [(132012, "button 0", "`flow_action_data`")]),
    (FLOW, [button(0, {"type": "action"}, sub_type="flow")], [(131008, "button 0", "`action`")]),
    (CATALOG, [action("catalog", thumbnail_product_retailer_id=7)], [(132012, "button 0", "thumbnail")]),
    (MPM, None, [(131008, "button 0", "products")]),
    (MPM, [action("mpm", thumbnail_product_retailer_id="7")], [(131008, "button 0", "`sections`")]),
    (MPM, [action("mpm", sections=[{"title": "New", "product_items": []}])], [(131008, "button 0", "`sections`")]),
    (MPM, [action("mpm", sections=[{"product_items": [{}]}])], [(131008, "button 0", "`product_retailer_id`")]),
    (MPM, [action("mpm", sections=[products(16), products(15)])], [(131009, "button 0", "30 products")]),
    (MPM, [action("mpm", sections=[products(1)] * 11)], [(131009, "button 0", "10 sections")]),
    (MPM, [action("mpm", sections=[products(1, "x" * 25)])], [(131009, "button 0", "24 characters")]),
    # Limited-time offers
    (OFFER, [], [(131008, "limited_time_offer", "time at which it ends")]),
    (OFFER, [{"type": "limited_time_offer", "parameters": 3}], [(132012, "limited_time_offer", "list")]),
    (OFFER, [sent("limited_time_offer", text())], [(132012, "limited_time_offer", "another type")]),
    (OFFER, [offer_end(None)], [(131008, "limited_time_offer", "`expiration_time_ms` is missing")]),
    (OFFER, [offer_end(True)], [(132012, "limited_time_offer", "milliseconds")]),
    (OFFER, [offer_end("tomorrow")], [(132012, "limited_time_offer", "milliseconds")]),
    (OFFER, [offer_end(1.5)], [(132012, "limited_time_offer", "milliseconds")]),
    (
        OFFER,
        [sent("limited_time_offer", *offer_end(1)["parameters"], *offer_end(1)["parameters"])],
        [(132000, "limited_time_offer", "given is 2")],
    ),
    # Carousels
    (CAROUSEL, [], [(131008, "carousel", "2 cards")]),
    (CAROUSEL, [{"type": "carousel", "cards": {}}], [(132012, "carousel", "list")]),
    (CAROUSEL, [cards(card())], [(132012, "carousel", "the number of cards given is 1")]),
    (CAROUSEL, [cards(card(), card(), card())], [(132012, "carousel", "the number of cards given is 3")]),
    (
        CAROUSEL,
        [{"type": "carousel", "cards": [{"components": card()}, {"components": card()}]}],
        [(131008, "carousel", "`card_index`")],
    ),
    (
        CAROUSEL,
        [{"type": "carousel", "cards": [{"card_index": 1, "components": card()}] * 2}],
        [(132012, "carousel", "from 0 to 1, each once")],
    ),
    (
        CAROUSEL,
        [cards(card(), [])],
        [
            (132012, "card 1 header", "The header of card 1 is of format IMAGE"),
            (132000, "card 1 body", "The body of card 1 has the variables {{1}}"),
            (131008, "card 1 button 0", "Button 0 of card 1 needs a value"),
        ],
    ),
    (CAROUSEL, [cards(card("a\nb"), card())], [(132018, "card 0 body", "{{1}} of the body of card 0")]),
    (CAROUSEL, [cards(card(suffix=""), card())], [(131008, "card 0 button 0", "the URL of button 0 of card 0")]),
    (CAROUSEL, [cards(card("x" * 150), card())], [(132005, "card 0 body", "160")]),
    (CAROUSEL, [cards(card(), [*card(), button(3)])], [(132012, "card 1 button", "card 1")]),
    (
        CAROUSEL,
        [{"type": "carousel", "cards": [{"card_index": 0, "components": 3}, {"card_index": 1, "components": card()}]}],
        [(132012, "card 0", "list")],
    ),
    (PRODUCTS, [cards(*[[sent("header", holding("product", PRODUCT))]] * 11)], [(132012, "carousel", "1 to 10")]),
]


@pytest.mark.parametrize(("definition", "components", "expected"), REFUSED)
def test_what_meta_refuses_is_refused_before_and_says_where(definition, components, expected):
    found = fit(definition, components)

    assert [(misfit.code, misfit.where) for misfit in found] == [(code, where) for code, where, _ in expected]
    for misfit, (_, _, word) in zip(found, expected, strict=True):
        assert word in misfit.why
        assert misfit.why.endswith(".")


@pytest.mark.parametrize(
    ("definition", "components", "code"),
    [(definition, components, expected[0][0]) for definition, components, expected in REFUSED],
)
def test_the_code_is_the_one_that_meta_would_use(definition, components, code):
    assert meta_says(definition, components) in {code, 100}  # 100: what is no template object at all


@pytest.mark.parametrize(
    ("definition", "components"),
    [
        (TWO, [sent("body", text(), text())]),
        (TWO, [sent("Body", text(), {"type": "CURRENCY", "currency": {"fallback_value": "3 €"}})]),
        (TWO, [sent("body", text("a    b"), text("\u00a0"))]),
        (TWO, [sent("body", text(), {"type": "tomorrows_type"})]),
        (TWO, [sent("body", text(), text()), sent("tomorrows_component", 3)]),
        (TWO, [sent("body", text(), text()), sent("body", text(), text())]),  # which one counts is not known
        (TWO, [sent("body", text(), text(), parameter_name=None)]),
        (template(HELLO), None),
        (template(HELLO), [{"type": "body", "parameters": None}]),
        (template(body("{{1}} and {{1}} again, {{2}}")), [sent("body", text(), text())]),
        (template(body("{{ 1 }} and {{ 2 }} there")), [sent("body", text(), text())]),
        (template(body("x" * 1015 + " {{1}}.")), [sent("body", text("x" * 7))]),
        (CUSTOMER, [sent("body", text(name="order_number"), text(name="customer"))]),
        (TITLED, [sent("header", text())]),
        (IMAGE, [sent("header", {"type": "IMAGE", "image": PICTURE})]),
        (IMAGE, [sent("header", {"type": "tomorrows_type"})]),
        (IMAGE, [sent("header"), sent("header")]),
        (GIF, [sent("header", holding("gif", PICTURE))]),
        (GIF, [sent("header", holding("video", PICTURE))]),
        (template(header("HOLOGRAM"), HELLO), []),
        (PLACED, [sent("header", holding("location", PLACE))]),
        (PLACED, [sent("header", holding("location", {"latitude": 0, "longitude": 0}))]),
        (SOLD, [sent("header", holding("product", PRODUCT))]),
        (TRACK, [button("1", text("a"))]),
        (TRACK, [button(1, text("a"))]),
        (TRACK, [button("01", text("a"))]),
        (TRACK, [button(1, text("a"), sub_type="URL")]),
        (TRACK, [button(1, text("a"), sub_type="tomorrows_sub_type")]),
        (TRACK, [{"type": "button", "index": 1, "parameters": [text("a")]}]),
        (TRACK, [button(1, text("a")), button(1)]),  # which one counts is not known
        (TRACK, [button(1, {"type": "tomorrows_type"})]),
        (TRACK, [button(1, text("a")), button(0, sub_type="quick_reply")]),
        (LONG_URL, [button(0, text("x" * 80))]),
        (SHOP, [button(0)]),
        (COUPON, [button("0", holding("coupon_code", "x" * 20), sub_type="copy_code")]),
        (REPLY, None),
        (REPLY, [button(0, holding("payload", "two\nlines"), sub_type="quick_reply")]),
        (OTP, [sent("body", text("123456")), button(0, text("123456"))]),
        (OTP_LISTED, [sent("body", text("123456")), button(0, text("123456"))]),
        (template({"type": "BODY"}, category="authentication"), [sent("body", text("123456"))]),
        (FLOW, [{"type": "button", "sub_type": "flow", "index": "0"}]),
        (FLOW, [action("flow")]),
        (FLOW, [action("flow", flow_token="unused", flow_action_data={"screen": "A"})]),  # noqa: S106
        (CATALOG, None),
        (CATALOG, [action("CATALOG", thumbnail_product_retailer_id="sku-1")]),
        (MPM, [action("mpm", thumbnail_product_retailer_id="sku-1", sections=SECTIONS)]),
        (MPM, [action("mpm", sections=[products(30, None)])]),
        (with_button("VOICE_CALL"), [button(0, text(), sub_type="voice_call")]),
        (with_button("ORDER_DETAILS"), [action("order_details", order_details={})]),
        (with_button("TOMORROWS_BUTTON"), None),
        (OFFER, [offer_end(1_795_000_000_000)]),
        (OFFER, [offer_end("1795000000000")]),
        (OFFER, [offer_end(1), offer_end(1)]),
        (UNENDING, []),
        (UNENDING, [offer_end(1_795_000_000_000)]),
        (CAROUSEL, [cards(card(), card())]),
        (
            CAROUSEL,
            [
                {
                    "type": "carousel",
                    "cards": [{"card_index": "1", "components": card()}, {"card_index": 0, "components": card()}],
                }
            ],
        ),
        (CAROUSEL, [cards(), cards()]),
        (PRODUCTS, [cards([sent("header", holding("product", PRODUCT))])]),
        (PRODUCTS, [cards(*[[sent("header", holding("product", PRODUCT))]] * 10)]),
    ],
)
def test_what_meta_takes_or_may_take_is_let_through(definition, components):
    assert fit(definition, components) == ()
    assert meta_says(definition, components) is None


@pytest.mark.parametrize(
    ("definition", "components"),
    [
        (template(body("Odd {{3}} and {{customer}} here")), [sent("body", text())]),
        (named(body("Odd {{first name}} here")), []),
        (template(body("Hi {{customer}}!"), parameter_format=None), [sent("body", text(name="customer"))]),
        ({}, [sent("body", text())]),
        ({"components": "lost"}, "anything"),
        (template(), [sent("body", text())]),
        (template(HELLO, {"type": "CAROUSEL", "cards": []}), []),
    ],
)
def test_of_a_template_that_we_cannot_read_nothing_is_refused(definition, components):
    assert fit(definition, components) == ()


@pytest.mark.parametrize(
    ("definition", "components"),
    [
        (TWO, [sent("body", text(SECRET))]),
        (TWO, [sent("body", text(SECRET), {"type": SECRET, "text": 3}, text())]),
        (TWO, [sent("body", text(f"{SECRET}\n"), text(SECRET * 99))]),
        (TWO, [sent("body", text(SECRET), text(name=SECRET))]),
        (CUSTOMER, [sent("body", text("", name="customer"), text(SECRET, name=SECRET))]),
        (CUSTOMER, [sent("body", text(SECRET), text(SECRET))]),
        (IMAGE, [sent("header", text(SECRET))]),
        (TRACK, [button(0, text(SECRET)), button(1, text(""), text(SECRET)), button(SECRET, text(SECRET))]),
        (COUPON, [button(0, holding("coupon_code", SECRET * 2), sub_type="copy_code")]),
        (FLOW, [action("flow", flow_action_data=SECRET)]),
        (OFFER, [offer_end(SECRET)]),
        (CAROUSEL, [cards(card(f"{SECRET}\n"), card(SECRET, f"{SECRET}\n"))]),
        (CAROUSEL, [{"type": "carousel", "cards": [{"card_index": SECRET}, {"card_index": 0}]}]),
        (TWO, SECRET),
    ],
)
def test_a_misfit_never_repeats_what_the_caller_gave(definition, components):
    found = fit(definition, components)

    assert found
    assert SECRET not in "".join(misfit.where + misfit.why for misfit in found)


@given(sends(valid_templates()), st.booleans(), st.data())
@settings(max_examples=150, deadline=None)
def test_what_fits_here_passes_at_meta_and_what_does_not_fails_there(made, lower_case, data):
    definition, values = made
    stored = respelled(definition) if lower_case else definition
    wanted = data.draw(spoiled(list(filled(definition, values).components)))

    found, code = fit(stored, wanted), meta_says(stored, wanted)

    assert (found == ()) == (code is None), (found, code)


@given(any_json | st.lists(st.fixed_dictionaries({"type": st.sampled_from(["body", "header", "button"])}) | any_json))
def test_no_components_make_it_stumble(components):
    for definition in (TWO, CUSTOMER, TITLED, IMAGE, TRACK, COUPON, OTP, OFFER, CAROUSEL, FLOW, MPM):
        assert all(misfit.code in range(131000, 132100) for misfit in fit(definition, components))


SECTIONS_OF_TEMPLATES = st.sampled_from(["HEADER", "BODY", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"])
ODD_COMPONENTS = st.fixed_dictionaries(
    {
        "type": SECTIONS_OF_TEMPLATES,
        "text": any_json,
        "format": any_json,
        "buttons": any_json,
        "limited_time_offer": any_json,
        "cards": any_json | st.lists(st.fixed_dictionaries({"components": any_json}), max_size=2),
    }
)


@given(any_json | st.lists(ODD_COMPONENTS, max_size=3), any_json, any_json)
def test_no_definition_makes_it_stumble(components, format_, category):
    fit(
        {"components": components, "parameter_format": format_, "category": category},
        [sent("body", text()), cards(card(), card()), button(0, text()), offer_end(1)],
    )
