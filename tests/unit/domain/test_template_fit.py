"""Parameters of a template send: judged as Meta would, and built from names."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.template_filling import Filled, filled, needed
from casement.domain.template_fit import fit
from local.simulator.template_fit import check_fit
from tests.support.webhooks import any_json

Json = dict[str, Any]

PLACE = {"latitude": 52.37, "longitude": "4.9", "name": "Shop", "address": "Street 1"}
PICTURE = {"link": "https://x.test/a.png"}
SECRET = "what-a-caller-wrote"  # noqa: S105 - a value to look for in what is said


def template(*components: Any, **fields: Any) -> Json:
    return {"name": "t", "category": "UTILITY", "parameter_format": "POSITIONAL", "components": [*components], **fields}


def body(text: str) -> Json:
    return {"type": "BODY", "text": text}


def header(format_: str, **fields: Any) -> Json:
    return {"type": "HEADER", "format": format_, **fields}


def buttons(*wanted: Json) -> Json:
    return {"type": "BUTTONS", "buttons": [*wanted]}


def named(*components: Json) -> Json:
    return template(*components, parameter_format="NAMED")


def text(value: Any = "Ana", name: Any = None) -> Json:
    return {"type": "text", "text": value} | ({} if name is None else {"parameter_name": name})


def sent(kind: str, *parameters: Any, **fields: Any) -> Json:
    return {"type": kind, **fields, "parameters": [*parameters]}


def button(index: Any, *parameters: Any) -> Json:
    return sent("button", *parameters, sub_type="url", index=index)


HELLO = body("Hello, it is open again.")
TWO = template(body("Hello {{1}}, your order {{2}} left."))
CUSTOMER = named(body("Hello {{customer}}, your order {{order_number}} left."))
TITLED = template(header("TEXT", text="News for {{1}} now"), HELLO)
IMAGE = template(header("IMAGE"), HELLO)
TRACK = template(
    HELLO,
    buttons({"type": "QUICK_REPLY", "text": "Thanks"}, {"type": "URL", "text": "Track", "url": "https://x.test/{{1}}"}),
)
COUPON = template(HELLO, buttons({"type": "COPY_CODE", "example": "SAVE"}))
OTP_BUTTON = {"type": "OTP", "otp_type": "COPY_CODE"}
OTP = template({"type": "BODY"}, buttons(OTP_BUTTON), category="AUTHENTICATION")
OFFER = template(
    {"type": "limited_time_offer", "limited_time_offer": {"text": "Ends soon", "has_expiration": True}}, HELLO
)
CAROUSEL = template(HELLO, {"type": "CAROUSEL", "cards": [{"components": [header("IMAGE"), body("Card {{1}} here")]}]})


# --- what a caller built -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "components", "expected"),
    [
        (TWO, [sent("body", text())], [(132000, "body", "{{2}}")]),
        (TWO, [sent("BODY", text(), text(), text())], [(132000, "body", "3")]),
        (TWO, None, [(132000, "body", "{{1}}, {{2}}")]),
        (TWO, [], [(132000, "body", "{{1}}, {{2}}")]),
        (TWO, [{"type": "body"}], [(132000, "body", "{{1}}, {{2}}")]),
        (template(HELLO), [sent("body", text())], [(132000, "body", "no variables")]),
        (named(HELLO), [sent("body", text())], [(132000, "body", "no variables")]),
        (TWO, [sent("body", text(), text(""))], [(132012, "body", "{{2}}")]),
        (TWO, [sent("body", text(None), text())], [(132012, "body", "{{1}}")]),
        (TWO, [sent("body", text(), text(7))], [(132012, "body", "{{2}}")]),
        (TWO, [sent("body", text(), {"type": "image", "image": PICTURE})], [(132012, "body", "{{2}}")]),
        (TWO, [{"type": "body", "parameters": "Ana"}], [(132012, "body", "list")]),
        (TWO, [sent("body", "Ana", "A-1")], [(132012, "body", "list")]),
        (CUSTOMER, [sent("body", text(name="customer"))], [(132000, "body", "value: {{order_number}}.")]),
        (
            CUSTOMER,
            [sent("body", text(name="customer"), text(name="order"))],
            [(132000, "body", "{{order_number}}"), (132000, "body", "another name")],
        ),
        (
            CUSTOMER,
            [sent("body", text(name="customer"), text(name="order_number"), text(name="customer"))],
            [(132000, "body", "more than once: {{customer}}.")],
        ),
        (CUSTOMER, [sent("body", text(), text())], [(132012, "body", "parameter_name")]),
        (CUSTOMER, [sent("body", text(name=["customer"]), text())], [(132012, "body", "parameter_name")]),
        (
            CUSTOMER,
            [sent("body", text("", name="order_number"), text(name="customer"))],
            [(132012, "body", "{{order_number}}")],
        ),
        (TITLED, [], [(132000, "header", "{{1}}")]),
        (TITLED, [sent("header", {"type": "image", "image": PICTURE})], [(132012, "header", "{{1}}")]),
        (template(header("TEXT", text="News"), HELLO), [sent("header", text())], [(132000, "header", "no variables")]),
        (IMAGE, [], [(132012, "header", "IMAGE")]),
        (IMAGE, [sent("header")], [(132012, "header", "IMAGE")]),
        (IMAGE, [sent("header", text())], [(132012, "header", "IMAGE")]),
        (IMAGE, [sent("header", {"type": "video", "video": PICTURE})], [(132012, "header", "IMAGE")]),
        (IMAGE, [sent("header", {"type": "image"})], [(132012, "header", "`image` is missing")]),
        (IMAGE, [{"type": "header", "parameters": 3}], [(132012, "header", "list")]),
        (template(header("LOCATION"), HELLO), None, [(132012, "header", "LOCATION")]),
        (TRACK, [], [(132000, "button 1", "URL")]),
        (TRACK, [button("0", {"type": "payload", "payload": "x"})], [(132000, "button 1", "URL")]),
        (TRACK, [button(1)], [(132000, "button 1", "URL")]),
        (TRACK, [button(1, text(""))], [(132012, "button 1", "empty")]),
        (TRACK, [{"type": "button", "index": 1, "parameters": {"0": text()}}], [(132012, "button 1", "list")]),
        (COUPON, None, [(132000, "button 0", "coupon code")]),
        (TWO, "components", [(132012, "components", "list")]),
        (TWO, {"body": []}, [(132012, "components", "list")]),
        (TWO, [sent("body", text(), text()), "footer"], [(132012, "components", "list")]),
        (template(header("VIDEO"), *TWO["components"]), [], [(132012, "header", "VIDEO"), (132000, "body", "{{1}}")]),
    ],
)
def test_what_meta_surely_refuses(definition, components, expected):
    found = fit(definition, components)

    assert [(misfit.code, misfit.where) for misfit in found] == [(code, where) for code, where, _ in expected]
    for misfit, (_, _, word) in zip(found, expected, strict=True):
        assert word in misfit.why


@pytest.mark.parametrize(
    ("definition", "components"),
    [
        (TWO, [sent("body", text(), text())]),
        (TWO, [sent("Body", text(), {"type": "CURRENCY", "currency": {"fallback_value": "3 €"}})]),
        (TWO, [sent("body", text("two\nlines"), text("a     b"))]),  # Meta's rule for these is not confirmed
        (TWO, [sent("body", text(), {"type": "tomorrows_type"})]),
        (TWO, [sent("body", text(), text()), sent("tomorrows_component", 3)]),
        (TWO, [sent("body", text(), text()), sent("body", text(), text())]),  # which one counts is not known
        (template(HELLO), None),
        (template(HELLO), [{"type": "body", "parameters": None}]),
        (template(HELLO), [sent("header", text())]),
        (template(body("{{1}} and {{1}} again, {{2}}")), [sent("body", text(), text())]),
        (template(body("Odd {{3}} and {{customer}} here")), [sent("body", text())]),
        (named(body("Odd {{first name}} here")), []),
        (template(body("Hi {{customer}}!"), parameter_format=None), [sent("body", text(name="customer"))]),
        (CUSTOMER, [sent("body", text(name="order_number"), text(name="customer"))]),
        (TITLED, [sent("header", text())]),
        (IMAGE, [sent("header", {"type": "IMAGE", "image": PICTURE})]),
        (IMAGE, [sent("header", {"type": "tomorrows_type"})]),
        (template(header("GIF"), HELLO), [sent("header", {"type": "video", "video": PICTURE})]),
        (template(header("PRODUCT"), HELLO), []),
        (template(header("LOCATION"), HELLO), [sent("header", {"type": "location", "location": PLACE})]),
        (TRACK, [button("1", text("a"))]),
        (TRACK, [button(1, text("a"))]),
        (TRACK, [button(None, text("a"))]),  # it may be meant for any button
        (TRACK, [button("9" * 5000, text("a"))]),
        (COUPON, [sent("button", {"type": "coupon_code", "coupon_code": "SAVE"}, sub_type="copy_code", index="0")]),
        (OTP, [sent("body", text("123456"))]),
        (OFFER, []),
        (CAROUSEL, []),
        (template(HELLO, buttons({"type": "FLOW"}, {"type": "CATALOG"}, {"type": "MPM"}, {"type": "NEW"})), None),
        ({}, [sent("body", text())]),
        ({"components": "lost"}, "anything"),
        (template(), [sent("body", text())]),
    ],
)
def test_what_meta_may_take_is_let_through(definition, components):
    assert fit(definition, components) == ()


@pytest.mark.parametrize(
    ("definition", "components"),
    [
        (TWO, [sent("body", text(SECRET))]),
        (TWO, [sent("body", text(SECRET), {"type": SECRET, "text": 3}, text())]),
        (CUSTOMER, [sent("body", text("", name="customer"), text(SECRET, name=SECRET))]),
        (CUSTOMER, [sent("body", text(SECRET), text(SECRET))]),
        (IMAGE, [sent("header", text(SECRET))]),
        (TRACK, [button(0, text(SECRET)), button(1, text(""), text(SECRET))]),
        (TWO, SECRET),
    ],
)
def test_a_misfit_never_repeats_what_the_caller_gave(definition, components):
    found = fit(definition, components)

    assert found
    assert SECRET not in "".join(misfit.where + misfit.why for misfit in found)


@given(any_json | st.lists(st.fixed_dictionaries({"type": st.sampled_from(["body", "header", "button"])}) | any_json))
def test_no_components_make_it_stumble(components):
    for definition in (TWO, CUSTOMER, TITLED, IMAGE, TRACK, COUPON, OTP):
        assert all(misfit.code in (132000, 132012) for misfit in fit(definition, components))


SECTIONS = st.sampled_from(["HEADER", "BODY", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"])
ODD_COMPONENTS = st.fixed_dictionaries(
    {"type": SECTIONS, "text": any_json, "format": any_json, "buttons": any_json, "limited_time_offer": any_json}
)


@given(any_json | st.lists(ODD_COMPONENTS, max_size=3), any_json, st.dictionaries(st.text(max_size=8), any_json))
def test_no_definition_makes_it_stumble(components, format_, parameters):
    definition = {"components": components, "parameter_format": format_}

    fit(definition, [sent("body", text())])
    assert set(filled(definition, parameters).missing) <= set(needed(definition))


# --- what a caller named -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("definition", "keys", "parameters", "components"),
    [
        (template(HELLO), (), {"customer": "Ana"}, []),
        (template(), (), {}, []),
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
        (TRACK, ("button.1",), {"button.1": 7, "button.0": "x"}, [button("1", text("7"))]),
        (
            COUPON,
            ("button.0",),
            {"button.0": "SAVE10"},
            [sent("button", {"type": "coupon_code", "coupon_code": "SAVE10"}, sub_type="copy_code", index="0")],
        ),
        (
            OTP,
            ("1", "button.0"),
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
    ("definition", "key"), [(TWO, "2"), (CUSTOMER, "customer"), (TITLED, "header.1"), (TRACK, "button.1")]
)
def test_a_text_that_whatsapp_would_not_show_is_a_misfit(definition, key, value):
    result = filled(definition, dict.fromkeys(needed(definition), "Ana") | {key: value})

    assert not result.complete
    assert (result.components, result.missing) == ((), ())
    assert [key in sentence for sentence in result.misfit] == [True]


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


def test_a_coupon_code_has_20_characters_at_most():
    assert filled(COUPON, {"button.0": "x" * 20}).complete
    assert not filled(COUPON, {"button.0": "x" * 21}).complete


@pytest.mark.parametrize(
    ("definition", "word"),
    [
        (CAROUSEL, "carousel"),
        (OFFER, "limited-time offer"),
        (template(header("PRODUCT"), HELLO), "PRODUCT"),
        (template(HELLO, buttons({"type": "MPM"})), "MPM"),
        ({"name": "t"}, "without its components"),
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


# --- both, for every template --------------------------------------------------------------------------------------

NAMES = ("customer", "order_number", "shop", "day")
VALUES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12) | st.integers() | st.floats(-1e9, 1e9)
MEDIA = st.fixed_dictionaries({"link": st.just("https://x.test/a")}) | st.fixed_dictionaries({"id": st.just("1")})
URL = {"type": "URL", "text": "Go", "url": "https://x.test/{{1}}"}
BUTTONS = st.sampled_from(
    [
        (URL, VALUES),
        ({"type": "COPY_CODE"}, st.text("ABC12", min_size=1, max_size=15)),
        ({"type": "QUICK_REPLY", "text": "Yes"}, None),
        ({"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+1"}, None),
        ({**URL, "url": "https://x.test"}, None),
        ({"type": "FLOW", "text": "Fill in"}, None),
    ]
)


@st.composite
def complete(draw: st.DrawFn) -> tuple[Json, Json]:
    """A template, and parameters with exactly what it needs."""
    is_named, count = draw(st.booleans()), draw(st.integers(0, 3))
    names = NAMES[:count] if is_named else [str(number + 1) for number in range(count)]
    parts = [body("Hello" + "".join(f" and {{{{{name}}}}}" for name in names) + " there")]
    values: Json = {name: draw(VALUES) for name in names}
    format_ = draw(st.sampled_from([None, "TEXT", "IMAGE", "VIDEO", "GIF", "DOCUMENT", "LOCATION"]))
    if format_ == "TEXT":
        name = draw(st.sampled_from([None, "title" if is_named else "1"]))
        parts.append(header("TEXT", text=f"News for {{{{{name}}}}} now" if name else "News"))
        values |= {f"header.{name}": draw(VALUES)} if name else {}
    elif format_:
        parts.append(header(format_))
        values["header"] = PLACE if format_ == "LOCATION" else draw(MEDIA)
    if chosen := draw(st.lists(BUTTONS, max_size=4)):
        parts.append(buttons(*(made for made, _ in chosen)))
        values |= {f"button.{n}": draw(value) for n, (_, value) in enumerate(chosen) if value is not None}
    return template(*draw(st.permutations(parts)), parameter_format="NAMED" if is_named else "POSITIONAL"), values


@given(complete())
def test_what_is_filled_fits_here_and_at_meta(made):
    definition, parameters = made

    result = filled(definition, parameters)

    assert result.complete
    assert fit(definition, list(result.components)) == ()
    check_fit(definition, list(result.components))


@given(complete(), st.data())
def test_every_needed_key_is_missed(made, data):
    definition, parameters = made
    assert sorted(needed(definition)) == sorted(parameters)
    if not parameters:
        return
    dropped = data.draw(st.sampled_from(sorted(parameters)))

    result = filled(definition, {key: value for key, value in parameters.items() if key != dropped})

    assert result == Filled(missing=(dropped,))


@given(complete(), st.data())
def test_a_component_left_out_is_a_misfit(made, data):
    definition, parameters = made
    components = [each for each in filled(definition, parameters).components if "parameters" in each]
    judged = [each for each in components if each["parameters"][0]["type"] != "gif"]
    if not judged:
        return
    dropped = data.draw(st.sampled_from(judged))

    found = fit(definition, [each for each in components if each is not dropped])

    assert [misfit.where for misfit in found] == [" ".join((dropped["type"], dropped.get("index", ""))).strip()]
