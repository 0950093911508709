"""What a customer will see of a template message."""

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.template_filling import filled
from casement.domain.template_rendering import (
    Rendered,
    RenderedButton,
    RenderedHeader,
    RenderedOffer,
    render,
    rendered_with,
)
from tests.support.template_parts import (
    CAROUSEL,
    COUPON,
    CUSTOMER,
    HELLO,
    IMAGE,
    OFFER,
    OTP,
    OTP_BUTTON,
    OTP_LISTED,
    PICTURE,
    PRODUCT,
    PRODUCTS,
    SECTIONS,
    TITLED,
    TRACK,
    TWO,
    body,
    button,
    buttons,
    carousel,
    header,
    holding,
    named,
    offer,
    sent,
    template,
    text,
    with_button,
)
from tests.support.template_sends import sends, spoiled
from tests.support.templates import valid_templates
from tests.support.webhooks import any_json

GREETING = "Hello, it is open again."


def seen(definition: dict[str, Any], **parameters: Any) -> Rendered:
    return rendered_with(definition, {key.replace("__", "."): value for key, value in parameters.items()})


def test_values_stand_where_the_variables_were():
    definition = named(
        header("TEXT", text="News for {{ customer }} now"),
        *CUSTOMER["components"],
        {"type": "FOOTER", "text": "Reply STOP for no more"},
    )

    rendered = rendered_with(definition, {"customer": "Ana", "order_number": 7})

    assert rendered == Rendered(
        RenderedHeader("TEXT", "News for Ana now"), "Hello Ana, your order 7 left.", "Reply STOP for no more", ()
    )


def test_what_has_no_value_stays_as_the_template_has_it():
    assert seen(TWO).body == "Hello {{1}}, your order {{2}} left."
    assert rendered_with(TWO, {"2": "A-1"}).body == "Hello {{1}}, your order A-1 left."
    assert rendered_with(TWO, {"1": ["Ana"], "2": None}).body == "Hello {{1}}, your order {{2}} left."
    assert seen(TITLED).header == RenderedHeader("TEXT", "News for {{1}} now")
    assert seen(IMAGE).header == RenderedHeader("IMAGE")
    assert seen(TRACK).buttons[1].carries == {"url": "https://x.test/{{1}}"}
    assert seen(COUPON).buttons[0].carries == {"code": None}
    assert seen(OFFER).offer == RenderedOffer("Ends soon", None)


def test_a_value_may_look_like_a_variable():
    assert rendered_with(TWO, {"1": "{{2}}", "2": "x"}).body == "Hello {{2}}, your order x left."


def test_media_places_and_products_stand_in_the_header():
    assert rendered_with(IMAGE, {"header": PICTURE}).header == RenderedHeader("IMAGE", content=PICTURE)
    assert rendered_with(template(header("PRODUCT"), HELLO), {"header": PRODUCT}).header == RenderedHeader(
        "PRODUCT", content=PRODUCT
    )


@pytest.mark.parametrize(
    ("kind", "fields", "value", "carries"),
    [
        ("URL", {"url": "https://x.test/{{1}}"}, "a", {"url": "https://x.test/a"}),
        ("URL", {"url": "https://x.test"}, None, {"url": "https://x.test"}),
        ("URL", {"url": 7}, None, {}),
        ("PHONE_NUMBER", {"phone_number": "+1555"}, None, {"phone_number": "+1555"}),
        ("COPY_CODE", {}, "SAVE", {"code": "SAVE"}),
        ("QUICK_REPLY", {}, "yes", {"payload": "yes"}),
        ("QUICK_REPLY", {}, None, {}),
        ("FLOW", {}, {"flow_token": "t"}, {"action": {"flow_token": "t"}}),
        ("FLOW", {}, None, {}),
        ("MPM", {}, {"sections": SECTIONS}, {"action": {"sections": SECTIONS}}),
        ("TOMORROWS_BUTTON", {}, None, {}),
    ],
)
def test_a_button_says_what_it_carries(kind, fields, value, carries):
    values = {} if value is None else {"button.0": value}

    assert rendered_with(with_button(kind, **fields), values).buttons == (RenderedButton(kind, "Go", carries),)


def test_cards_are_messages_of_their_own():
    rendered = rendered_with(CAROUSEL, {"card.0.header": PICTURE, "card.0.1": "Ana", "card.1.button.0": "b"})

    assert rendered.body == GREETING
    assert rendered.cards == (
        Rendered(
            RenderedHeader("IMAGE", content=PICTURE),
            "A card for Ana here",
            None,
            (RenderedButton("URL", "Track", {"url": "https://x.test/{{1}}"}),),
        ),
        Rendered(
            RenderedHeader("IMAGE"),
            "A card for {{1}} here",
            None,
            (RenderedButton("URL", "Track", {"url": "https://x.test/b"}),),
        ),
    )


def test_there_are_as_many_product_cards_as_are_sent():
    assert len(seen(PRODUCTS).cards) == 2
    assert len(rendered_with(PRODUCTS, {"card.4.header": PRODUCT}).cards) == 5


def test_an_offer_ends_when_it_is_said_to():
    assert rendered_with(OFFER, {"offer.expires_at": 1_795_000_000}).offer == RenderedOffer("Ends soon", 1_795_000_000)
    assert rendered_with(OFFER, {"offer.expires_at": "1795000000"}).offer == RenderedOffer("Ends soon", 1_795_000_000)
    assert seen(offer(has_expiration=False)).offer == RenderedOffer("Ends soon", None)
    assert seen(TWO).offer is None


@pytest.mark.parametrize(
    ("components", "shown", "by_meta"),
    [
        ([{"type": "BODY"}], ("123 is your verification code.", None), ("body",)),
        (
            [{"type": "BODY", "add_security_recommendation": True}, {"type": "FOOTER", "code_expiration_minutes": 5}],
            (
                "123 is your verification code. For your security, do not share this code.",
                "This code expires in 5 minutes.",
            ),
            ("body", "footer"),
        ),
        (
            [
                body("*{{1}}* es tu código."),
                {"type": "FOOTER", "text": "Caduca en 5 minutos.", "code_expiration_minutes": 5},
            ],
            ("*123* es tu código.", "Caduca en 5 minutos."),
            (),
        ),
    ],
)
def test_the_words_around_a_code_are_metas_own(components, shown, by_meta):
    definition = template(*components, buttons(OTP_BUTTON), category="AUTHENTICATION")

    rendered = seen(definition, code="123")

    assert (rendered.body, rendered.footer) == shown
    assert rendered.by_meta == by_meta
    assert rendered.buttons == (RenderedButton("OTP", None, {"code": "123"}),)


def test_a_listed_code_button_shows_its_code_and_no_link():
    assert seen(OTP_LISTED, code="123").buttons == (RenderedButton("URL", "Copy code", {"code": "123"}),)
    assert seen(OTP).body == "{{1}} is your verification code."


@pytest.mark.parametrize(
    ("language", "words", "direction"),
    [
        ("ar", GREETING, "rtl"),
        ("ar_EG", GREETING, "rtl"),
        ("he", GREETING, "rtl"),
        ("fa-IR", GREETING, "rtl"),
        ("ur", GREETING, "rtl"),
        ("prs_AF", GREETING, "rtl"),
        ("en_US", "שלום", "ltr"),
        ("arn", GREETING, "ltr"),
        (None, "1. مرحبا!", "rtl"),
        (None, "1. שלום", "rtl"),
        (None, "1. Hello שלום", "ltr"),
        (None, "123!", "ltr"),
        (7, "مرحبا", "rtl"),
        ("", "مرحبا", "rtl"),
    ],
)
def test_a_message_runs_as_its_language_is_written(language, words, direction):
    assert render(template(body(words), language=language), []).direction == direction


def test_what_is_sent_is_what_is_seen():
    components = [
        sent("header", holding("image", PICTURE)),
        sent("body", text("Ana"), holding("date_time", {"fallback_value": "noon"})),
        button("0", text("a")),
    ]
    definition = template(
        header("IMAGE"), body("Dear {{1}}, see you at {{2}}!"), buttons({"type": "URL", "url": "https://x.test/{{1}}"})
    )

    assert render(definition, components) == Rendered(
        RenderedHeader("IMAGE", content=PICTURE),
        "Dear Ana, see you at noon!",
        None,
        (RenderedButton("URL", None, {"url": "https://x.test/a"}),),
    )


@given(sends(valid_templates()))
@settings(deadline=None)
def test_every_value_is_seen_and_no_variable(made):
    definition, values = made

    everything = json.dumps(asdict(render(definition, list(filled(definition, values).components))))

    assert "{{" not in everything
    for value in values.values():
        assert json.dumps(value).strip('"') in everything


@given(sends(valid_templates()), st.data())
@settings(deadline=None)
def test_whatever_is_sent_can_be_shown(made, data):
    definition, values = made

    rendered = render(definition, data.draw(spoiled(list(filled(definition, values).components))))

    json.dumps(asdict(rendered))


@given(any_json, any_json, any_json, st.dictionaries(st.text(max_size=8), any_json))
def test_nothing_makes_it_stumble(components, language, category, parameters):
    definition = {"components": components, "language": language, "category": category}

    render(definition, components)
    rendered_with(definition, parameters)


def test_a_template_without_components_shows_nothing():
    assert render({}, []) == Rendered(None, None, None, ())
    assert render(carousel(), []).cards == ()
