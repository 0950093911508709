"""The parameters of a template send, built from values that a caller named, and read back into them."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.template_filling import Filled, filled, needed, parameters_in
from casement.domain.template_fit import fit
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
    buttons,
    card,
    cards,
    carousel,
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
from tests.support.template_sends import places, sends, spoiled
from tests.support.templates import valid_templates
from tests.support.webhooks import any_json

SECRET = "what-a-caller-wrote"  # noqa: S105 - a value to look for in what is said


@pytest.mark.parametrize(
    ("definition", "keys", "parameters", "components"),
    [
        (template(HELLO), (), {"customer": "Ana"}, []),
        (
            TWO,
            ("1", "2"),
            {"2": 1042, "1": "Ana", "3": False},
            [sent("body", text("Ana"), text("1042"))],
        ),
        (
            template(body("Order {{2}} for {{1}} left, {{2}}!")),
            ("1", "2"),
            {"1": "Ana", "2": 9.5},
            [sent("body", text("Ana"), text("9.5"))],
        ),
        (
            CUSTOMER,
            ("customer", "order_number"),
            {"order_number": "A-1", "customer": "Ana"},
            [sent("body", text("Ana", name="customer"), text("A-1", name="order_number"))],
        ),
        (TITLED, ("header.1",), {"1": "no", "header.1": "yes"}, [sent("header", text("yes"))]),
        (
            named(header("TEXT", text="News for {{shop}} now"), *CUSTOMER["components"]),
            ("header.shop", "customer", "order_number"),
            {"shop": "Us", "customer": "Ana", "order_number": 1},
            [
                sent("header", text("Us", name="shop")),
                sent("body", text("Ana", name="customer"), text("1", name="order_number")),
            ],
        ),
        (
            named(header("TEXT", text="For {{name}} now"), body("Dear {{name}}, hello.")),
            ("header.name", "name"),
            {"name": "Ana", "header.name": "ANA"},
            [sent("header", text("ANA", name="name")), sent("body", text("Ana", name="name"))],
        ),
        (IMAGE, ("header",), {"header": PICTURE}, [sent("header", {"type": "image", "image": PICTURE})]),
        (
            template(header("document"), HELLO),
            ("header",),
            {"header": {"id": "7", "filename": "a.pdf"}},
            [sent("header", {"type": "document", "document": {"id": "7", "filename": "a.pdf"}})],
        ),
        (
            template(header("LOCATION"), HELLO),
            ("header",),
            {"header": PLACE},
            [sent("header", {"type": "location", "location": PLACE})],
        ),
        (TRACK, ("button.1",), {"button.1": 7, "button.0": {"flow_token": "t"}}, [button("1", text("7"))]),
        (
            COUPON,
            ("button.0",),
            {"button.0": "SAVE10"},
            [sent("button", {"type": "coupon_code", "coupon_code": "SAVE10"}, sub_type="copy_code", index="0")],
        ),
        (
            OTP,
            ("code",),
            {"1": "123", "button.0": "123"},
            [sent("body", text("123")), button("0", text("123"))],
        ),
        (
            template(HELLO, buttons({"type": "FLOW"}, {"type": "CATALOG"}, {"type": "URL", "url": "https://x.test"})),
            (),
            {},
            [{"type": "button", "sub_type": "flow", "index": "0"}],
        ),
        (
            template(buttons(TRACK["components"][1]["buttons"][1]), body("Hi {{1}}!"), header("VIDEO")),
            ("header", "1", "button.0"),
            {"button.0": "a", "1": "Ana", "header": PICTURE},
            [
                sent("header", {"type": "video", "video": PICTURE}),
                sent("body", text("Ana")),
                button("0", text("a")),
            ],
        ),
        (OTP, ("code",), {"code": 123, "1": "Ana"}, [sent("body", text("123")), button("0", text("123"))]),
        (OTP, ("code",), {"1": "123", "button.0": "456"}, [sent("body", text("123")), button("0", text("456"))]),
        (OTP_LISTED, ("code",), {"code": "123"}, [sent("body", text("123")), button("0", text("123"))]),
        (
            template(header("PRODUCT"), HELLO),
            ("header",),
            {"header": PRODUCT},
            [sent("header", holding("product", PRODUCT))],
        ),
        (
            TRACK,
            ("button.1",),
            {"button.1": "a", "button.0": "thanks"},
            [button("0", holding("payload", "thanks"), sub_type="quick_reply"), button("1", text("a"))],
        ),
        (
            with_button("FLOW"),
            (),
            {"button.0": {"flow_token": "t", "flow_action_data": {"screen": "A"}}},
            [button("0", holding("action", {"flow_token": "t", "flow_action_data": {"screen": "A"}}), sub_type="flow")],
        ),
        (with_button("FLOW"), (), {}, [{"type": "button", "sub_type": "flow", "index": "0"}]),
        (with_button("FLOW"), (), {"button.0": "a"}, [{"type": "button", "sub_type": "flow", "index": "0"}]),
        (
            with_button("CATALOG"),
            (),
            {"button.0": {"thumbnail_product_retailer_id": "sku-1"}},
            [button("0", holding("action", {"thumbnail_product_retailer_id": "sku-1"}), sub_type="catalog")],
        ),
        (
            with_button("MPM"),
            ("button.0",),
            {"button.0": {"sections": SECTIONS}},
            [button("0", holding("action", {"sections": SECTIONS}), sub_type="mpm")],
        ),
        (OFFER, ("offer.expires_at",), {"offer.expires_at": 1_795_000_000}, [offer_end(1_795_000_000_000)]),
        (OFFER, ("offer.expires_at",), {"offer.expires_at": 1_795_000_000.25}, [offer_end(1_795_000_000_250)]),
        (OFFER, ("offer.expires_at",), {"offer.expires_at": "1795000000"}, [offer_end(1_795_000_000_000)]),
        (offer(has_expiration=False), (), {"offer.expires_at": 1_795_000_000}, []),
        (
            CAROUSEL,
            ("card.0.header", "card.0.1", "card.0.button.0", "card.1.header", "card.1.1", "card.1.button.0"),
            {
                "card.0.header": PICTURE,
                "card.0.1": "Ana",
                "card.0.button.0": "a",
                "card.1.header": PICTURE,
                "card.1.1": "Bob",
                "card.1.button.0": 7,
                "1": "no",
            },
            [cards(card("Ana", "a"), card("Bob", "7"))],
        ),
        (
            named(
                HELLO,
                *carousel(*[[header("TEXT", text="For {{who}} now"), body("Dear {{who}}, hello.")]] * 2)["components"][
                    1:
                ],
            ),
            ("card.0.header.who", "card.0.who", "card.1.header.who", "card.1.who"),
            {"card.0.who": "Ana", "card.1.who": "Bob", "card.1.header.who": "BOB"},
            [
                cards(
                    [sent("header", text("Ana", "who")), sent("body", text("Ana", "who"))],
                    [sent("header", text("BOB", "who")), sent("body", text("Bob", "who"))],
                )
            ],
        ),
        (
            PRODUCTS,
            ("card.0.header", "card.1.header"),
            {f"card.{number}.header": PRODUCT for number in range(3)},
            [cards(*[[sent("header", holding("product", PRODUCT))]] * 3)],
        ),
    ],
)
def test_named_values_become_components(definition, keys, parameters, components):
    assert needed(definition) == keys
    assert filled(definition, parameters) == Filled(tuple(components))
    assert filled(definition, parameters).complete
    assert fit(definition, components) == ()
    assert filled(definition, {}).missing == keys


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "a\rb", "a\tb", "a     b", None, True, [], {}, float("nan")])
@pytest.mark.parametrize(
    ("definition", "key"),
    [
        (TWO, "2"),
        (CUSTOMER, "customer"),
        (TITLED, "header.1"),
        (TRACK, "button.1"),
        (OTP, "code"),
        (CAROUSEL, "card.1.1"),
    ],
)
def test_a_text_that_whatsapp_would_not_show_is_a_misfit(definition, key, value):
    result = filled(definition, _anything_for(definition) | {key: value})

    assert not result.complete
    assert (result.components, result.missing) == ((), ())
    assert [key in sentence for sentence in result.misfit] == [True]


def _anything_for(definition: Json) -> Json:
    return {key: PICTURE if key.endswith("header") else "Ana" for key in needed(definition)}


def test_four_spaces_in_a_row_are_fine():
    assert filled(TWO, {"1": "a    b", "2": "c"}).complete


@pytest.mark.parametrize("value", ["https://x.test/a.png", {}, {"url": "x"}, {"id": 7}, {"link": ""}, [PICTURE], None])
def test_a_media_header_needs_a_link_or_an_id(value):
    assert filled(IMAGE, {"header": value}).misfit == (
        "'header' must be an object with the `link` or the `id` of the image.",
    )


@pytest.mark.parametrize("value", ["here", {"latitude": 1}, {**PLACE, "longitude": True}, {**PLACE, "name": 3}, None])
def test_a_place_needs_its_coordinates(value):
    assert len(filled(template(header("LOCATION"), HELLO), {"header": value}).misfit) == 1


@pytest.mark.parametrize("value", ["sku-1", {"catalog_id": "7"}, {"product_retailer_id": 7}, None])
def test_a_product_needs_its_id(value):
    assert "`product_retailer_id`" in filled(template(header("PRODUCT"), HELLO), {"header": value}).misfit[0]


@pytest.mark.parametrize(
    ("definition", "key", "most"), [(COUPON, "button.0", 20), (OTP, "code", 15), (OTP_LISTED, "code", 15)]
)
def test_codes_have_a_length(definition, key, most):
    assert filled(definition, {key: "x" * most}).complete
    assert filled(definition, {key: "x" * (most + 1)}).misfit == (f"'{key}' must have {most} characters at most.",)


@pytest.mark.parametrize(
    "value", ["2027-01-01", "1795000000001", "٣", "", 1_795_000_000_000, 0, -1, True, None, float("nan"), float("inf")]
)
def test_an_offer_ends_at_a_second(value):
    assert filled(OFFER, {"offer.expires_at": value}).misfit == ("'offer.expires_at' must be a time in epoch seconds.",)


@pytest.mark.parametrize(
    ("definition", "parameters", "words"),
    [
        (TWO, {"1": "x" * 1000, "2": "y"}, "The body would be 1,026 characters"),
        (with_button("MPM"), {"button.0": {}}, "Button 0 needs `sections`"),
        (with_button("MPM"), {"button.0": "sku-1"}, "'button.0' must be an object"),
        (with_button("FLOW"), {"button.0": {"flow_token": 7}}, "The `flow_token` for button 0 must be a text"),
        (
            CAROUSEL,
            _anything_for(CAROUSEL) | {"card.1.1": "x" * 150},
            "The body of card 1 would be 166 characters long",
        ),
    ],
)
def test_what_fits_only_by_itself_is_a_misfit_too(definition, parameters, words):
    result = filled(definition, parameters)

    assert (result.components, result.missing, len(result.misfit)) == ((), (), 1)
    assert words in result.misfit[0]


@pytest.mark.parametrize(
    ("definition", "word"),
    [
        (template(header("HOLOGRAM"), HELLO), "HOLOGRAM"),
        (with_button("ORDER_DETAILS"), "ORDER_DETAILS"),
        (carousel([header("HOLOGRAM")], [header("HOLOGRAM")]), "The header of its cards is of format HOLOGRAM"),
        ({"name": "t"}, "without its components"),
        (template(), "without its components"),
    ],
)
def test_what_flat_values_cannot_say_is_a_misfit(definition, word):
    result = filled(definition, {})

    assert not result.complete
    assert word in result.misfit[0]


def test_missing_and_unfit_are_told_together_and_without_the_values():
    assert filled(CUSTOMER, {"customer": f"{SECRET}\n", SECRET: SECRET}) == Filled(
        missing=("order_number",),
        misfit=("'customer' must not hold line breaks, tabs or more than four spaces in a row.",),
    )


# --- read back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "components", "values"),
    [
        (TWO, [sent("body", text("Ana"))], {"1": "Ana"}),
        (TWO, [sent("body", holding("currency", {"fallback_value": "3 €"}), text())], {"1": "3 €", "2": "Ana"}),
        (TWO, [sent("body", {"type": "tomorrows_type"}, text())], {"2": "Ana"}),
        (TWO, [sent("body", text(), text(), text()), sent("header", text())], {"1": "Ana", "2": "Ana"}),
        (CUSTOMER, [sent("body", text("7", "order_number"), text("x", "y"))], {"order_number": "7"}),
        (template(header("GIF"), HELLO), [sent("header", holding("video", PICTURE))], {"header": PICTURE}),
        (IMAGE, [sent("header", holding("video", PICTURE))], {}),
        (TRACK, [button(1, text("a")), button(None, text("b")), button(7, text("c"))], {"button.1": "a"}),
        (OTP, [sent("body", text("1")), button(0, text("1"))], {"code": "1"}),
        (OTP, [sent("body", text("1")), button(0, text("2"))], {"1": "1", "button.0": "2"}),
        (OTP, [sent("body", text("1"))], {"1": "1"}),
        (OFFER, [offer_end("1795000000250")], {"offer.expires_at": 1_795_000_000.25}),
        (OFFER, [offer_end(True)], {}),
        (
            CAROUSEL,
            [{"type": "carousel", "cards": [{"card_index": "1", "components": card("Bob")[1:2]}]}],
            {"card.1.1": "Bob"},
        ),
        (TWO, "components", {}),
        ({}, [sent("body", text())], {}),
    ],
)
def test_values_are_read_from_what_is_sent(definition, components, values):
    assert parameters_in(definition, components) == values


# --- all of it, for every template ---------------------------------------------------------------------------------


def _as_text(key: str, value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and key != "offer.expires_at" else value


@given(sends(valid_templates()))
@settings(deadline=None)
def test_what_is_filled_fits_passes_at_meta_and_reads_back(made):
    definition, values = made

    result = filled(definition, values)

    assert result.complete
    assert fit(definition, list(result.components)) == ()
    check_fit(definition, list(result.components))
    assert parameters_in(definition, list(result.components)) == {key: _as_text(key, values[key]) for key in values}


@given(sends(valid_templates()), st.data())
@settings(deadline=None)
def test_every_needed_key_is_missed(made, data):
    definition, values = made
    required, _ = places(definition)
    assert sorted(needed(definition)) == sorted(required)
    if not required:
        return
    dropped = data.draw(st.sampled_from(sorted(required)))

    result = filled(definition, {key: value for key, value in values.items() if key != dropped})

    assert result == Filled(missing=(dropped,))


def whichever_cards(keys: Iterable[str]) -> set[str]:
    """Keys without the numbers of cards: a carousel of products has as many as are named, whatever is stored."""
    return {re.sub(r"^card\.[0-9]+", "card", key) for key in keys}


@given(sends(valid_templates()), st.data())
@settings(deadline=None)
def test_whatever_is_sent_reads_back_as_values_of_this_template(made, data):
    definition, values = made
    wanted = data.draw(spoiled(list(filled(definition, values).components)))

    read = parameters_in(definition, wanted)

    result = filled(definition, read)
    assert whichever_cards(result.missing) <= whichever_cards(needed(definition))
    if fit(definition, wanted) == () and result.complete:
        assert parameters_in(definition, list(result.components)) == read


@given(any_json, any_json, any_json, st.dictionaries(st.text(max_size=8), any_json))
def test_nothing_makes_it_stumble(components, format_, category, parameters):
    definition = {"components": components, "parameter_format": format_, "category": category}

    assert whichever_cards(filled(definition, parameters).missing) <= whichever_cards(needed(definition))
    parameters_in(definition, components)
