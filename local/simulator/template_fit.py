"""Whether the parameters of a template send fit the template as it was approved.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview
"""

import re
from collections.abc import Mapping
from typing import Any

from local.simulator.config import Json
from local.simulator.errors import GraphError, invalid
from local.simulator.payloads import need
from local.simulator.template_rules import MEDIA_FORMATS, VARIABLE, variables

SENT_COMPONENTS = ("header", "body", "button", "carousel", "limited_time_offer", "footer", "order_status")
TEXTUAL = ("text", "currency", "date_time")
BROKEN_TEXT = re.compile(r"[\n\t]| {5,}")
CODE_BUTTONS = ("ONE_TAP", "ZERO_TAP", "COPY_CODE")


def check_fit(template: Json, components: Any) -> None:
    """`template` is the stored one, `components` what the send gives. Raises what Meta would answer."""
    if not isinstance(components, list):
        raise invalid("Param template['components'] must be a JSON array.")
    for index, component in enumerate(components):
        kind = component.get("type") if isinstance(component, dict) else None
        if not isinstance(kind, str) or kind.lower() not in SENT_COMPONENTS:
            raise invalid(
                f"Param template['components'][{index}]['type'] must be one of {{{', '.join(SENT_COMPONENTS)}}}."
            )
    _check_parts(
        _by_type(template["components"]),
        components,
        template.get("parameter_format") == "NAMED",
        _otp(template),
    )


def needs_phone(template: Json) -> bool:
    """Authentication templates with a code button can't be sent to a BSUID (131062)."""
    buttons = _by_type(template["components"]).get("BUTTONS", {}).get("buttons", [])
    return template["category"] == "AUTHENTICATION" and any(
        button.get("type") == "OTP" and button.get("otp_type", "COPY_CODE") in CODE_BUTTONS for button in buttons
    )


def _otp(template: Json) -> bool:
    return bool(template["category"] == "AUTHENTICATION")


def _by_type(components: list[Json]) -> dict[str, Json]:
    return {str(component["type"]).upper(): component for component in components}


def _given(components: list[Any], kind: str) -> list[Any]:
    """The parameters sent for one kind of component, all of them together."""
    found: list[Any] = []
    for component in components:
        if str(component.get("type")).lower() == kind:
            parameters = component.get("parameters", [])
            if not isinstance(parameters, list) or not all(isinstance(each, dict) for each in parameters):
                raise invalid(f"Param parameters of component {kind} must be an array of objects.")
            found += parameters
    return found


def _check_parts(stored: Mapping[str, Json], components: list[Any], named: bool, otp: bool) -> None:
    _check_header(stored.get("HEADER", {}), _given(components, "header"), named)
    _check_body(stored.get("BODY", {}), _given(components, "body"), named, otp)
    _check_buttons(stored.get("BUTTONS", {}).get("buttons", []), components)
    if "LIMITED_TIME_OFFER" in stored:
        _check_offer(stored["LIMITED_TIME_OFFER"], _given(components, "limited_time_offer"))
    if "CAROUSEL" in stored:
        _check_carousel(stored["CAROUSEL"], components, named)


def _check_header(header: Json, given: list[Json], named: bool) -> None:
    kind = header.get("format", "TEXT")
    if kind not in (*MEDIA_FORMATS, "LOCATION"):
        return _check_text("header", header.get("text", ""), given, named)
    received = str(given[0].get("type")).upper() if given else "UNKNOWN"
    if received != kind or len(given) != 1:
        raise GraphError(132012, details=f"header: Format mismatch, expected {kind}, received {received}")
    content = need(given[0], kind.lower(), "header")
    if kind in MEDIA_FORMATS and not (isinstance(content, dict) and (content.get("id") or content.get("link"))):
        raise GraphError(131008, details=f"header: {kind.lower()} needs an id or a link")
    return None


def _check_body(body: Json, given: list[Json], named: bool, otp: bool) -> None:
    if otp and "text" not in body:  # Meta's own text has one variable, the code
        return _check_text("body", "{{1}}", given, named=False)
    _check_text("body", body.get("text", ""), given, named)
    values = _values(given, named)
    hydrated = VARIABLE.sub(lambda match: values.get(match[1], ""), body.get("text", ""))
    if len(hydrated) > 1024:
        raise GraphError(132005, details=f"body: hydrated text is {len(hydrated)} characters long, at most 1024")
    return None


def _values(given: list[Json], named: bool) -> dict[str, str]:
    keys = [str(each.get("parameter_name")) for each in given] if named else [str(n + 1) for n in range(len(given))]
    return {key: _shown(each) for key, each in zip(keys, given, strict=True)}


def _shown(parameter: Json) -> str:
    if parameter.get("type") == "text":
        return str(parameter["text"])
    content = parameter.get(parameter.get("type", ""))
    return str(content.get("fallback_value", "")) if isinstance(content, dict) else ""


def _check_text(part: str, text: str, given: list[Json], named: bool) -> None:
    wanted = variables(text)
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
    if not named and name is not None:
        raise GraphError(132012, details=f"{part}: this template has numbered parameters, not named ones")
    kind = parameter.get("type")
    if kind not in TEXTUAL:
        raise GraphError(132012, details=f"{part}: Format mismatch, expected TEXT, received {str(kind).upper()[:32]}")
    if kind == "text":
        check_parameter_text(parameter.get("text"))
    elif not isinstance(parameter.get(kind), dict) or not parameter[kind].get("fallback_value"):
        raise GraphError(131008, details=f"Parameter of type {kind} is missing fallback_value")


def check_parameter_text(text: Any) -> None:
    if not isinstance(text, str) or not text.strip():
        raise GraphError(131008, details="Parameter of type text is missing text value")
    if BROKEN_TEXT.search(text):
        raise GraphError(
            132018, details="Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )


def _check_buttons(buttons: list[Json], components: list[Any]) -> None:
    sent: dict[int, Json] = {}
    for component in components:
        if str(component.get("type")).lower() == "button":
            sent[_index(component, len(buttons))] = component
    for index, button in enumerate(buttons):
        _check_button(index, button, sent.get(index))


def _index(component: Json, buttons: int) -> int:
    """`index` is the button's place from zero, as a string or as a number."""
    index = str(component.get("index", ""))
    if not index.isascii() or not index.isdigit() or int(index) >= buttons:
        raise GraphError(132012, details=f"buttons: there is no button at index {index[:8]!r}")
    return int(index)


def _check_button(index: int, button: Json, sent: Json | None) -> None:
    kind = str(button["type"]).upper()
    parameters = _given([{**sent, "type": "button"}], "button") if sent else []
    if kind == "OTP" or (kind == "URL" and variables(button.get("url", ""))):
        _need_parameter(index, "Url", "text", parameters)
        check_parameter_text(parameters[0].get("text"))
    elif kind == "COPY_CODE":
        _need_parameter(index, "CopyCode", "coupon_code", parameters)
        need(parameters[0], "coupon_code", "button", 20)
    elif kind in ("URL", "PHONE_NUMBER") and parameters:
        raise GraphError(132018, details=f"buttons: Button at index {index} of type {kind.title()} takes no parameter")


def _need_parameter(index: int, kind: str, wanted: str, parameters: list[Json]) -> None:
    if not parameters:
        raise GraphError(131008, details=f"buttons: Button at index {index} of type {kind} requires a parameter")
    if len(parameters) > 1:
        raise GraphError(132000, details=f"buttons: Button at index {index} of type {kind} takes one parameter")
    if parameters[0].get("type") != wanted:
        raise GraphError(132012, details=f"buttons: Button at index {index} expects a parameter of type {wanted}")


def _check_offer(component: Json, given: list[Json]) -> None:
    if not component.get("limited_time_offer", {}).get("has_expiration"):
        return
    offer = given[0].get("limited_time_offer") if given else None
    if not isinstance(offer, dict) or not isinstance(offer.get("expiration_time_ms"), int):
        raise GraphError(131008, details="limited_time_offer: expiration_time_ms is required")


def _check_carousel(component: Json, components: list[Any], named: bool) -> None:
    sent = [each for each in components if str(each.get("type")).lower() == "carousel"]
    cards = sent[0].get("cards") if sent else None
    if not isinstance(cards, list) or len(cards) != len(component["cards"]):
        raise GraphError(132012, details=f"carousel: the template has {len(component['cards'])} cards")
    for stored, card in zip(component["cards"], cards, strict=True):
        parts = card.get("components") if isinstance(card, dict) else None
        if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
            raise GraphError(131008, details="carousel: every card needs components")
        _check_parts(_by_type(stored["components"]), parts, named, otp=False)
