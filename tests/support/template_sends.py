"""Sends of templates for property tests: values for everything that a template has a place for, and components with
something changed.

Which values a template takes is worked out here once more, from Meta's pages and not from the code under test.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from tests.support.webhooks import any_json

Json = dict[str, Any]

PICTURE = {"link": "https://x.test/a.png"}
PLACE = {"latitude": 52.37, "longitude": "4.9", "name": "Shop", "address": "Street 1"}
PRODUCT = {"product_retailer_id": "sku-1", "catalog_id": "7"}
SECTIONS = [{"title": "New", "product_items": [{"product_retailer_id": "sku-1"}, {"product_retailer_id": "sku-2"}]}]

_words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=5)
_texts = _words | st.integers(-9999, 9999) | st.sampled_from([9.5, "two words", "a    b", "{", "100%"])
_codes = st.text("0123456789ABC", min_size=1, max_size=15) | st.integers(0, 999_999)
_media = st.sampled_from([PICTURE, {"id": "7"}, {"id": "7", "filename": "a.pdf"}])
_headers: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("IMAGE", "VIDEO", "GIF", "DOCUMENT"), _media),
    "LOCATION": st.sampled_from([PLACE, {"latitude": 0, "longitude": 0}]),
    "PRODUCT": st.sampled_from([PRODUCT, {"product_retailer_id": "sku-2"}]),
}
_needed_buttons: dict[str, st.SearchStrategy[Any]] = {
    "OTP": _codes,
    "COPY_CODE": st.text("ABC12", min_size=1, max_size=20),
    "MPM": st.just({"thumbnail_product_retailer_id": "sku-1", "sections": SECTIONS}),
}
_optional_buttons: dict[str, st.SearchStrategy[Any]] = {
    "QUICK_REPLY": _words,
    "FLOW": st.sampled_from([{}, {"flow_token": "t-1"}, {"flow_token": "t-1", "flow_action_data": {"screen": "A"}}]),
    "CATALOG": st.just({"thumbnail_product_retailer_id": "sku-1"}),
}

Places = dict[str, st.SearchStrategy[Any]]


def places(definition: Json) -> tuple[Places, Places]:
    """By their keys, the values without which a template can't be sent, and those that may be left out."""
    needed, optional = _places_of(definition["components"], "")
    if definition["category"] == "AUTHENTICATION":
        needed = {"code": _codes}
    for component in definition["components"]:
        if component["type"] == "LIMITED_TIME_OFFER" and component["limited_time_offer"].get("has_expiration"):
            needed["offer.expires_at"] = st.integers(1, 2**33) | st.sampled_from([1_795_000_000.25, 1.001])
        for index, card in enumerate(component.get("cards", ())):
            more, may = _places_of(card["components"], f"card.{index}.")
            needed, optional = needed | more, optional | may
    return needed, optional


def _places_of(components: list[Json], prefix: str) -> tuple[Places, Places]:
    needed: Places = {}
    optional: Places = {}
    for component in components:
        text = component.get("text", "")
        variables = re.findall(r"\{\{ *(\w+) *\}\}", text)
        match component["type"]:
            case "HEADER" if component["format"] == "TEXT":
                needed |= {f"{prefix}header.{name}": _texts for name in variables}
            case "HEADER":
                needed[f"{prefix}header"] = _headers[component["format"]]
            case "BODY":
                needed |= {f"{prefix}{name}": _texts for name in variables}
            case "BUTTONS":
                for index, button in enumerate(component["buttons"]):
                    key, kind = f"{prefix}button.{index}", button["type"]
                    if kind == "URL" and "{{" in button["url"]:
                        needed[key] = _texts
                    needed |= {key: _needed_buttons[kind]} if kind in _needed_buttons else {}
                    optional |= {key: _optional_buttons[kind]} if kind in _optional_buttons else {}
    return needed, optional


def values_of(definition: Json) -> st.SearchStrategy[Json]:
    """Everything that a template must be given, and some of what it may be given."""
    needed, optional = places(definition)
    return st.fixed_dictionaries(needed, optional=optional)


@st.composite
def sends(draw: st.DrawFn, definitions: st.SearchStrategy[Json]) -> tuple[Json, Json]:
    """A template, and values with which it can be sent."""
    definition = draw(definitions)
    return definition, draw(values_of(definition))


# --- something wrong -----------------------------------------------------------------------------------------------

_TYPES = (
    *("text", "currency", "date_time", "image", "video", "gif", "document", "location", "product"),
    *("payload", "coupon_code", "limited_time_offer", "action", "tap_target_configuration", "hologram", "TEXT"),
)
_COMPONENT_TYPES = (
    *("header", "body", "button", "footer", "carousel", "limited_time_offer"),
    *("order_status", "hologram", "BODY", "Header"),
)
_SUB_TYPES = ("url", "URL", "quick_reply", "copy_code", "flow", "catalog", "mpm", "voice_call", "phone_number", "spm")
_TEXTS = ("", " ", "two\nlines", "a\tb", "a     b", "x" * 20, "x" * 21, "x" * 160, "x" * 1024, "x" * 2000, "{{1}}")
_NUMBERS = (0, 1, -1, 2, 9, 10, 10**30, "0", "1", "01", "-1", "²", "9" * 5000, 1.5, True)
_VALUES: tuple[Any, ...] = (None, [], {}, *_TEXTS, *_NUMBERS, PICTURE, PLACE, PRODUCT, {"fallback_value": "3 €"})
_PARAMETERS: tuple[Json, ...] = (
    {"type": "text", "text": "Ana"},
    {"type": "text", "parameter_name": "abc", "text": "Ana"},
    {"type": "currency", "currency": {"fallback_value": "3 €", "code": "EUR", "amount_1000": 3000}},
    {"type": "date_time", "date_time": {"fallback_value": "noon"}},
    {"type": "date_time", "date_time": {}},
    {"type": "image", "image": PICTURE},
    {"type": "video", "video": {"id": "7"}},
    {"type": "payload", "payload": "yes"},
    {"type": "coupon_code", "coupon_code": "SAVE"},
    {"type": "action", "action": {"flow_token": "t", "sections": SECTIONS}},
    {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": "1795000000000"}},
    {"type": "hologram", "hologram": 3},
)


@st.composite
def components(draw: st.DrawFn) -> Json:
    """A component that somebody may send, whatever the template."""
    component: Json = {"type": draw(st.sampled_from(_COMPONENT_TYPES))}
    component["parameters"] = draw(st.lists(st.sampled_from(_PARAMETERS).map(deepcopy), max_size=2))
    if component["type"] == "button":
        component |= {"sub_type": draw(st.sampled_from(_SUB_TYPES)), "index": draw(st.sampled_from(_NUMBERS))}
    return component


@st.composite
def spoiled(draw: st.DrawFn, sent: list[Json], most: int = 3) -> Any:
    """What is sent, with up to `most` things changed, which may leave it right."""
    document = {"": deepcopy(sent)}
    for _ in range(draw(st.integers(0, most))):
        where = draw(st.sampled_from([*_walk(document)]))
        draw(_changes(document, where))
    return document[""]


Place = tuple[str | int, ...]


def _walk(value: Any, place: Place = ()) -> Iterator[Place]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*place, key)
        yield from _walk(each, (*place, key))


@st.composite
def _changes(draw: st.DrawFn, document: Json, place: Place) -> None:
    holder: Any = document
    for key in place[:-1]:
        holder = holder[key]
    last = place[-1]
    value = holder[last]
    ways = ["replace", "replace"] + (["drop", "drop"] if last != "" else [])
    ways += ["repeat", "swap"] if isinstance(holder, list) else []
    ways += ["add"] if isinstance(value, list) else []
    ways += ["upper"] if isinstance(value, str) else []
    match draw(st.sampled_from(ways)):
        case "drop":
            del holder[last]
        case "replace":
            holder[last] = draw(_instead_of(last))
        case "repeat":
            holder.append(deepcopy(value))
        case "swap":
            holder.insert(draw(st.integers(0, len(holder) - 1)), holder.pop(last))
        case "add":
            value.append(draw(st.sampled_from(_PARAMETERS).map(deepcopy) if last == "parameters" else components()))
        case "upper":
            holder[last] = value.upper()


def _instead_of(key: str | int) -> st.SearchStrategy[Any]:
    fitting: dict[str | int, st.SearchStrategy[Any]] = {
        "type": st.sampled_from((*_TYPES, *_COMPONENT_TYPES)),
        "sub_type": st.sampled_from(_SUB_TYPES),
        "index": st.sampled_from(_NUMBERS),
        "card_index": st.sampled_from(_NUMBERS),
        "parameters": st.lists(st.sampled_from(_PARAMETERS).map(deepcopy), max_size=3),
    }
    anything = st.sampled_from(_VALUES).map(deepcopy) | any_json
    return fitting.get(key, anything) | anything
