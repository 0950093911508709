"""What Meta accepts when a template is created or edited.

Rules: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components
The subcodes are those that Meta lists under "template authoring"; they come as `error_subcode` under code
100.
"""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from local.simulator.config import Json
from local.simulator.errors import GraphError, invalid, required

LENGTH, HEADER, BODY, FOOTER, TOO_MANY, EDGE = 2388040, 2388047, 2388072, 2388073, 2388293, 2388299

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
MEDIA_FORMATS = ("IMAGE", "VIDEO", "GIF", "DOCUMENT")
TTL_SECONDS = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}
BUTTON_LIMITS = {"PHONE_NUMBER": 1, "URL": 2, "COPY_CODE": 1, "OTP": 1, "FLOW": 1, "CATALOG": 1, "MPM": 1}
BUTTONS = (*BUTTON_LIMITS, "QUICK_REPLY", "VOICE_CALL", "REQUEST_CONTACT_INFO", "SPM", "APP")

VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def variables(text: str) -> list[str]:
    """The names or numbers of a text's variables, each once, in order of appearance."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def refused(subcode: int, title: str, message: str) -> GraphError:
    return GraphError(100, "Invalid parameter", subcode=subcode, user=(title, message))


def check_new(template: Json) -> None:
    """Everything that can be said about a new template without knowing the others."""
    name, language = template.get("name"), template.get("language")
    if not name:
        raise required("name")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]{1,512}", name):
        raise refused(LENGTH, "Invalid template name", "Only lower-case letters, digits and underscores; up to 512.")
    if not language:
        raise required("language")
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}(_[A-Za-z]{2,4})?", language):
        raise invalid("Param language is not a supported language code.")
    if template.get("category") not in CATEGORIES:
        raise invalid(f"Param category must be one of {{{', '.join(CATEGORIES)}}}.")
    check_content(template)


def check_content(template: Json) -> None:
    """Components, parameter format and time to live: what an edit may change too."""
    if template.get("parameter_format", "POSITIONAL") not in ("POSITIONAL", "NAMED"):
        raise invalid("Param parameter_format must be one of {POSITIONAL, NAMED}.")
    _check_ttl(template)
    components = template.get("components")
    if not isinstance(components, list) or not components:
        raise required("components")
    named = template.get("parameter_format") == "NAMED"
    kinds = [_check_component(component, template, named) for component in components]
    if len(set(kinds)) < len(kinds):
        raise refused(LENGTH, "Component given twice", "Each type of component may appear once.")
    if "BODY" not in kinds:
        raise refused(BODY, "Body is missing", "A template needs a component of type BODY.")


def _check_ttl(template: Json) -> None:
    ttl = template.get("message_send_ttl_seconds")
    if ttl is None or ttl == -1:
        return
    low, high = TTL_SECONDS[template["category"]]
    if not isinstance(ttl, int) or not low <= ttl <= high:
        raise invalid(f"Param message_send_ttl_seconds must be between {low} and {high}, or -1.")


def _check_component(component: Any, template: Json, named: bool) -> str:
    kind = str(component.get("type", "")).upper() if isinstance(component, dict) else ""
    if kind not in COMPONENTS:
        raise invalid(f"Param components[]['type'] must be one of {{{', '.join(COMPONENTS)}}}.")
    if kind == "BODY" and template["category"] == "AUTHENTICATION" and "text" not in component:
        return kind  # Meta writes the text of authentication templates
    COMPONENTS[kind](component, named)
    return kind


def _check_text(text: Any, limit: int, subcode: int, what: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise refused(subcode, f"{what} is missing", f"{what} needs a text.")
    if len(text) > limit:
        raise refused(
            subcode, f"{what} is too long", f"{what} may have up to {limit} characters, this has {len(text)}."
        )
    return text


def _check_variables(text: str, named: bool, subcode: int, what: str) -> list[str]:
    found = variables(text)
    if "{{" in VARIABLE.sub("", text) or "}}" in VARIABLE.sub("", text):
        raise refused(subcode, "Invalid variable", f"{what} has unbalanced braces.")
    if named and not all(re.fullmatch(r"[a-z_][a-z0-9_]*", name) for name in found):
        raise refused(subcode, "Invalid variable", f"{what}: names are lower-case letters, digits and underscores.")
    if not named and found != [str(number) for number in range(1, len(found) + 1)]:
        raise refused(subcode, "Invalid variable", f"{what}: variables are numbered {{{{1}}}}, {{{{2}}}} … in order.")
    return found


def _check_placement(text: str, found: list[str]) -> None:
    stripped = text.strip()
    if re.match(VARIABLE, stripped) or re.search(VARIABLE.pattern + r"\Z", stripped):
        raise refused(EDGE, "Variable at the edge", "Variables can't be at the start or end of the template.")
    if re.search(VARIABLE.pattern + r"\s*" + VARIABLE.pattern, stripped):
        raise refused(BODY, "Adjacent variables", "Two variables need text between them.")
    words = len(VARIABLE.sub(" ", text).split())
    if words < 2 * len(found) + 1:  # Meta does not publish its ratio; this is the one integrators go by
        raise refused(TOO_MANY, "Too many variables", "This template has too many variables for its length.")


def _check_examples(component: Json, found: list[str], named: bool, part: str, subcode: int) -> None:
    """`part` is "body" or "header". A header's positional examples are a list, a body's a list of lists."""
    if not found:
        return
    example = component.get("example") or {}
    if named:
        given = example.get(f"{part}_text_named_params") if isinstance(example, dict) else None
        names = [each.get("param_name") for each in given or [] if isinstance(each, dict) and each.get("example")]
        complete = sorted(map(str, names)) == sorted(found)
    else:
        given = example.get(f"{part}_text") if isinstance(example, dict) else None
        row = given[0] if isinstance(given, list) and given and isinstance(given[0], list) else given
        complete = isinstance(row, list) and len(row) == len(found) and all(row)
    if not complete:
        raise refused(subcode, "Example is missing", f"Every variable of the {part} needs an example.")


def _header(header: Json, named: bool) -> None:
    kind = header.get("format")
    if kind == "TEXT":
        text = _check_text(header.get("text"), 60, HEADER, "Header")
        found = _check_variables(text, named, HEADER, "Header")
        if len(found) > 1:
            raise refused(HEADER, "Too many variables", "A header may have one variable.")
        _check_examples(header, found, named, "header", HEADER)
    elif kind in MEDIA_FORMATS:
        example = header.get("example")
        if not isinstance(example, dict) or not example.get("header_handle"):
            raise refused(HEADER, "Example is missing", "A media header needs example.header_handle.")
    elif kind != "LOCATION":
        raise invalid(f"Param format must be one of {{TEXT, LOCATION, {', '.join(MEDIA_FORMATS)}}}.")


def _body(body: Json, named: bool) -> None:
    text = _check_text(body.get("text"), 1024, BODY, "Body")
    found = _check_variables(text, named, BODY, "Body")
    if found:
        _check_placement(text, found)
    _check_examples(body, found, named, "body", BODY)


def _footer(footer: Json, _named: bool) -> None:
    if "code_expiration_minutes" in footer:
        return  # authentication templates: Meta writes the text
    if VARIABLE.search(_check_text(footer.get("text"), 60, FOOTER, "Footer")):
        raise refused(FOOTER, "Variable in the footer", "A footer has no variables.")


def _buttons(component: Json, _named: bool) -> None:
    buttons = component.get("buttons")
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= 10:
        raise refused(LENGTH, "Invalid buttons", "One to ten buttons.")
    kinds = [str(button.get("type", "")).upper() if isinstance(button, dict) else "" for button in buttons]
    for kind, button in zip(kinds, buttons, strict=True):
        if kind not in BUTTONS:
            raise invalid(f"Param buttons[]['type'] must be one of {{{', '.join(BUTTONS)}}}.")
        _check_button(kind, button)
    for kind, limit in BUTTON_LIMITS.items():
        if kinds.count(kind) > limit:
            raise refused(LENGTH, "Too many buttons", f"At most {limit} button(s) of type {kind}.")
    groups = [kind == "QUICK_REPLY" for kind in kinds]
    if sum(one != other for one, other in pairwise(groups)) > 1:
        raise refused(LENGTH, "Buttons out of order", "Quick replies stand together, before or after the others.")


def _check_button(kind: str, button: Json) -> None:
    if kind not in ("OTP", "COPY_CODE", "REQUEST_CONTACT_INFO"):
        text = _check_text(button.get("text"), 25, LENGTH, "Button")
        if VARIABLE.search(text):
            raise refused(LENGTH, "Variable in a button", "A button's text has no variables.")
    if kind == "URL":
        _check_url_button(button)
    if kind == "PHONE_NUMBER":
        _check_text(button.get("phone_number"), 20, LENGTH, "Phone number")
    if kind == "COPY_CODE":
        example = button.get("example")
        _check_text(example[0] if isinstance(example, list) and example else example, 15, LENGTH, "Coupon code")


def _check_url_button(button: Json) -> None:
    url = _check_text(button.get("url"), 2000, LENGTH, "URL")
    found = variables(url)
    if found and (found != ["1"] or not re.search(VARIABLE.pattern + r"\Z", url)):
        raise refused(LENGTH, "Invalid URL", "A URL may have one variable, {{1}}, at its end.")
    if found and not button.get("example"):
        raise refused(LENGTH, "Example is missing", "A URL with a variable needs an example.")


def _carousel(component: Json, named: bool) -> None:
    cards = component.get("cards")
    if not isinstance(cards, list) or not 2 <= len(cards) <= 10:
        raise refused(LENGTH, "Invalid carousel", "Two to ten cards.")
    for card in cards:
        parts = card.get("components") if isinstance(card, dict) else None
        if not isinstance(parts, list) or not parts:
            raise refused(LENGTH, "Invalid carousel", "Every card needs components.")
        for part in parts:
            _check_component(part, {"category": "MARKETING"}, named)


def _limited_time_offer(component: Json, _named: bool) -> None:
    offer = component.get("limited_time_offer")
    _check_text(offer.get("text") if isinstance(offer, dict) else None, 16, LENGTH, "Limited-time offer")


COMPONENTS: Mapping[str, Callable[[Json, bool], None]] = {
    "HEADER": _header,
    "BODY": _body,
    "FOOTER": _footer,
    "BUTTONS": _buttons,
    "CAROUSEL": _carousel,
    "LIMITED_TIME_OFFER": _limited_time_offer,
}
