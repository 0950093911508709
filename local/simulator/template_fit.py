"""Whether the parameters of a template send fit the template as it was approved.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview, and the pages of the kinds
of template. Where Meta has not said what it does, nothing is refused: a component or a button that is given twice, a
type of component or parameter that is on no page, a GIF header that is filled with a video.
"""

import re
from collections.abc import Mapping
from typing import Any

from local.simulator.config import Json
from local.simulator.errors import GraphError, invalid
from local.simulator.payloads import need

HEADER_PARAMETERS = {
    "IMAGE": ("IMAGE",),
    "VIDEO": ("VIDEO",),
    "GIF": ("GIF", "VIDEO"),
    "DOCUMENT": ("DOCUMENT",),
    "LOCATION": ("LOCATION",),
    "PRODUCT": ("PRODUCT",),
}
TEXTUAL = ("TEXT", "CURRENCY", "DATE_TIME")
PARAMETERS = (
    *(*TEXTUAL, "IMAGE", "VIDEO", "GIF", "DOCUMENT", "LOCATION", "PRODUCT"),
    *("PAYLOAD", "COUPON_CODE", "LIMITED_TIME_OFFER", "ACTION", "TAP_TARGET_CONFIGURATION"),
)
SUB_TYPES = {  # by the type of the button as it was created
    "URL": "URL",
    "OTP": "URL",
    "COPY_CODE": "COPY_CODE",
    "QUICK_REPLY": "QUICK_REPLY",
    "FLOW": "FLOW",
    "CATALOG": "CATALOG",
    "MPM": "MPM",
    "VOICE_CALL": "VOICE_CALL",
    "ORDER_DETAILS": "ORDER_DETAILS",
}
VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
BROKEN_TEXT = re.compile(r"[\n\t]| {5,}")
CODE_BUTTONS = ("ONE_TAP", "ZERO_TAP", "COPY_CODE")


def check_fit(template: Json, components: Any) -> None:
    """`template` is the stored one, `components` what the send gives. Raises what Meta would answer."""
    if not isinstance(components, list):
        raise invalid("Param template['components'] must be a JSON array.")
    for index, component in enumerate(components):
        if not isinstance(component, dict) or not _kind(component):
            raise invalid(f"Param template['components'][{index}]['type'] is required.")
    named = str(template.get("parameter_format", "")).upper() == "NAMED"
    stored = _by_type(template["components"])
    _check_parts(stored, components, named, otp=_carries_code(template))
    if "LIMITED_TIME_OFFER" in stored:
        _check_offer(stored["LIMITED_TIME_OFFER"], components)
    if "CAROUSEL" in stored:
        _check_carousel(stored["CAROUSEL"]["cards"], components, named)


def needs_phone(template: Json) -> bool:
    """Authentication templates with a code button can't be sent to a BSUID (131062)."""
    buttons = _by_type(template["components"]).get("BUTTONS", {}).get("buttons", [])
    return _carries_code(template) and any(
        _kind(button) == "OTP" and str(button.get("otp_type", "COPY_CODE")).upper() in CODE_BUTTONS
        for button in buttons
    )


def _carries_code(template: Json) -> bool:
    return str(template["category"]).upper() == "AUTHENTICATION"


def _by_type(components: list[Json]) -> dict[str, Json]:
    return {_kind(component): component for component in reversed(components)}


def _kind(thing: Json) -> str:
    kind = thing.get("type")
    return kind.upper() if isinstance(kind, str) else ""


def _check_parts(
    stored: Mapping[str, Json], components: list[Any], named: bool, *, otp: bool, limit: int = 1024
) -> None:
    _check_header(stored.get("HEADER", {"text": ""}), _sent(components, "HEADER"), named)
    _check_body(stored.get("BODY", {"text": ""}), _sent(components, "BODY"), named, otp, limit)
    _check_buttons(stored.get("BUTTONS", {}).get("buttons", []), _sent(components, "BUTTON"))


def _sent(components: list[Any], kind: str) -> list[Json]:
    return [component for component in components if _kind(component) == kind]


def _parameters(component: Json, what: str) -> list[Json]:
    parameters = component.get("parameters") or []
    if not isinstance(parameters, list) or not all(isinstance(each, dict) for each in parameters):
        raise GraphError(132012, details=f"{what}: parameters must be an array of objects")
    return parameters


def _format_is(parameter: Json, *expected: str) -> bool:
    """Whether the parameter is of the expected format; raises if it is of another one, False if nobody knows it."""
    kind = _kind(parameter)
    if kind in expected:
        return True
    if kind and kind not in PARAMETERS:
        return False
    raise GraphError(132012, details=f"Format mismatch, expected {expected[0]}, received {kind or 'UNKNOWN'}")


# --- header and body ------------------------------------------------------------------------------


def _check_header(header: Json, sent: list[Json], named: bool) -> None:
    if len(sent) > 1:
        return
    given = _parameters(sent[0], "header") if sent else []
    kind = str(header.get("format", "TEXT")).upper()
    if kind == "TEXT":
        _check_text("header", header.get("text", ""), given, named)
    elif kind in HEADER_PARAMETERS:
        _check_content(kind, given)


def _check_content(kind: str, given: list[Json]) -> None:
    if not given:
        raise GraphError(132012, details=f"header: Format mismatch, expected {kind}, received UNKNOWN")
    if len(given) > 1:
        raise GraphError(132000, details=f"header: one parameter of format {kind} is expected, not {len(given)}")
    if not _format_is(given[0], *HEADER_PARAMETERS[kind]):
        return
    received = _kind(given[0]).lower()
    content = need(given[0], received, "header")
    needed = {"location": ("latitude", "longitude"), "product": ("product_retailer_id",)}.get(received, ())
    for name in needed:
        need(content, name, "header")
    if not needed and not (isinstance(content, dict) and (content.get("id") or content.get("link"))):
        raise GraphError(131008, details=f"header: {received} needs an id or a link")


def _check_body(body: Json, sent: list[Json], named: bool, otp: bool, limit: int) -> None:
    if len(sent) > 1:
        return
    given = _parameters(sent[0], "body") if sent else []
    untold = otp and body.get("text") is None  # Meta's own text has one variable, the code
    text, named = ("{{1}}", False) if untold else (body.get("text", ""), named)
    _check_text("body", text, given, named)
    values = _values(given, named)
    length = len(VARIABLE.sub(lambda match: values.get(match[1], ""), text))
    if length > limit and not untold:
        raise GraphError(132005, details=f"body: hydrated text is {length} characters long, at most {limit}")


def _values(given: list[Json], named: bool) -> dict[str, str]:
    keys = [str(each.get("parameter_name")) for each in given] if named else [str(n + 1) for n in range(len(given))]
    return {key: _shown(each) for key, each in zip(keys, given, strict=True)}


def _shown(parameter: Json) -> str:
    content = parameter.get(_kind(parameter).lower())
    if isinstance(content, dict):
        content = content.get("fallback_value")
    return content if isinstance(content, str) else ""


def _check_text(part: str, text: str, given: list[Json], named: bool) -> None:
    wanted = list(dict.fromkeys(VARIABLE.findall(text)))
    if len(given) != len(wanted):
        raise GraphError(
            132000,
            details=f"{part}: number of localizable_params ({len(given)}) does not match the expected number "
            f"of params ({len(wanted)})",
        )
    for parameter in given:
        _check_parameter(part, parameter, named)
    if named and sorted(each["parameter_name"] for each in given) != sorted(wanted):
        raise GraphError(132012, details=f"{part}: parameter names must be {', '.join(wanted)}")


def _check_parameter(part: str, parameter: Json, named: bool) -> None:
    name = parameter.get("parameter_name")
    if named and not (isinstance(name, str) and name):
        raise GraphError(132012, details=f"{part}: Parameter name is missing or empty")
    if not named and name:
        raise GraphError(132012, details=f"{part}: this template has numbered parameters, not named ones")
    if not _format_is(parameter, *TEXTUAL):
        return
    kind = _kind(parameter)
    if kind == "TEXT":
        check_parameter_text(parameter.get("text"))
        return
    content = parameter.get(kind.lower())
    shown = content.get("fallback_value") if isinstance(content, dict) else None
    if not isinstance(shown, str) or not shown:
        raise GraphError(131008, details=f"Parameter of type {kind.lower()} is missing fallback_value")


def check_parameter_text(text: Any) -> None:
    if not isinstance(text, str) or not text.strip(" "):
        raise GraphError(131008, details="Parameter of type text is missing text value")
    if BROKEN_TEXT.search(text):
        raise GraphError(
            132018, details="Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )


# --- buttons --------------------------------------------------------------------------------------


def _check_buttons(buttons: list[Json], sent: list[Json]) -> None:
    for component in sent:
        _index(component, "index", len(buttons))
    for index, button in enumerate(buttons):
        here = [component for component in sent if _index(component, "index", len(buttons)) == index]
        if len(here) < 2:
            _check_button(index, button, here)


def _index(component: Json, name: str, end: int) -> int:
    """A place from zero, as a string or as a number."""
    index = component.get(name)
    if index is None or index == "":
        raise GraphError(131008, details=f"{name} is required")
    text = str(index) if not isinstance(index, bool | float) else ""
    if not text.isascii() or not text.isdigit() or len(text) > 3 or int(text) >= end:
        raise GraphError(132012, details=f"{name}: there is nothing at {text[:8]!r}")
    return int(text)


def _check_button(index: int, button: Json, sent: list[Json]) -> None:
    kind = _kind(button)
    what = f"buttons: Button at index {index} of type {kind.title().replace('_', '')}"
    given = _parameters(sent[0], "buttons") if sent else []
    if sent and kind in SUB_TYPES:
        sub_type = str(sent[0].get("sub_type", "")).upper()
        if sub_type != SUB_TYPES[kind] and sub_type in SUB_TYPES.values():
            raise GraphError(
                132018, details=f"buttons: Button at index {index} must be of type {SUB_TYPES[kind].title()}"
            )
    dynamic = kind == "URL" and bool(VARIABLE.search(button.get("url", "")))
    if (kind == "URL" and not dynamic) or kind == "PHONE_NUMBER":
        if given:
            raise GraphError(132018, details=f"{what} does not support parameters")
    elif dynamic or kind == "OTP":
        _check_suffix(what, button.get("url", ""), given)
    elif kind == "COPY_CODE":
        _need_parameter(what, given)
        if _one(what, given, "COUPON_CODE"):
            need(given[0], "coupon_code", "button", 20)
    elif kind == "QUICK_REPLY" and given and _one(what, given, "PAYLOAD"):
        if not isinstance(need(given[0], "payload", "button"), str):
            raise GraphError(131008, details=f"{what}: payload must be a string")
    elif kind in ("FLOW", "CATALOG", "MPM"):
        _check_action(what, kind, sent, given)


def _check_suffix(what: str, url: str, given: list[Json]) -> None:
    _need_parameter(what, given)
    if not _one(what, given, "TEXT"):
        return
    text = given[0].get("text")
    check_parameter_text(text)
    if len(VARIABLE.sub(lambda _: str(text), url)) > 2000:
        raise GraphError(132005, details=f"{what}: the URL is longer than 2000 characters")


def _check_action(what: str, kind: str, sent: list[Json], given: list[Json]) -> None:
    if kind == "FLOW" and not sent:
        raise GraphError(131009, details=f"{what} must be named")
    if kind == "MPM":
        _need_parameter(what, given)
    if not given or not _one(what, given, "ACTION"):
        return
    action = need(given[0], "action", "button")
    if not isinstance(action, dict):
        raise GraphError(131008, details=f"{what} needs an action")
    for name, form in (("flow_token", str), ("flow_action_data", dict), ("thumbnail_product_retailer_id", str)):
        if action.get(name) is not None and not isinstance(action[name], form):
            raise GraphError(132012, details=f"{what}: {name} is malformed")
    if kind == "MPM":
        _check_sections(action)


def _check_sections(action: Json) -> None:
    sections = need(action, "sections", "action")
    products = 0
    if not isinstance(sections, list) or not sections:
        raise GraphError(131008, details="action['sections'] is required.")
    for section in sections:
        items = need(section, "product_items", "action['sections'][]")
        if not isinstance(items, list) or not items:
            raise GraphError(131008, details="action['sections'][]['product_items'] is required.")
        for item in items:
            if not isinstance(need(item, "product_retailer_id", "product_items[]"), str):
                raise GraphError(131008, details="product_retailer_id must be a string")
        title = section.get("title") or ""
        if not isinstance(title, str) or len(title) > 24:
            raise GraphError(131009, details="A section's title may have 24 characters.")
        products += len(items)
    if len(sections) > 10 or products > 30:
        raise GraphError(131009, details="At most 10 sections and 30 products.")


def _need_parameter(what: str, given: list[Json]) -> None:
    if not given:
        raise GraphError(131008, details=f"{what} requires a parameter")


def _one(what: str, given: list[Json], kind: str) -> bool:
    """Whether the one parameter is of that kind. Raises for more than one, and for another kind."""
    if len(given) > 1:
        raise GraphError(132000, details=f"{what} takes one parameter")
    return _format_is(given[0], kind)


# --- limited-time offers and carousels ------------------------------------------------------------


def _check_offer(component: Json, components: list[Any]) -> None:
    sent = _sent(components, "LIMITED_TIME_OFFER")
    if not component.get("limited_time_offer", {}).get("has_expiration") or len(sent) > 1:
        return
    given = _parameters(sent[0], "limited_time_offer") if sent else []
    _need_parameter("limited_time_offer", given)
    if not _one("limited_time_offer", given, "LIMITED_TIME_OFFER"):
        return
    end = need(given[0].get("limited_time_offer"), "expiration_time_ms", "limited_time_offer")
    if isinstance(end, bool) or not re.fullmatch(r"-?[0-9]+", str(end)):
        raise GraphError(132012, details="limited_time_offer: expiration_time_ms must be a number")


def _check_carousel(stored: list[Json], components: list[Any], named: bool) -> None:
    sent = _sent(components, "CAROUSEL")
    if len(sent) > 1:
        return
    cards = sent[0].get("cards") if sent else None
    if cards is None:
        raise GraphError(131008, details="carousel: cards are required")
    if not isinstance(cards, list) or not all(isinstance(card, dict) for card in cards):
        raise GraphError(132012, details="carousel: cards must be an array of objects")
    products = all(_shows_product(card) for card in stored)
    if not (1 <= len(cards) <= 10 if products else len(cards) == len(stored)):
        raise GraphError(132012, details=f"carousel: the template has {len(stored)} cards")
    places = [_index(card, "card_index", len(cards)) for card in cards]
    if len(set(places)) < len(places):
        raise GraphError(132012, details="carousel: two cards have one card_index")
    for place, card in zip(places, cards, strict=True):
        parts = card.get("components") or []
        if not isinstance(parts, list) or not all(isinstance(part, dict) and _kind(part) for part in parts):
            raise GraphError(132012, details="carousel: components must be an array of objects, each with a type")
        like = stored[min(place, len(stored) - 1)]
        _check_parts(_by_type(like["components"]), parts, named, otp=False, limit=160)


def _shows_product(card: Json) -> bool:
    return str(_by_type(card["components"]).get("HEADER", {}).get("format")).upper() == "PRODUCT"
