"""What Meta accepts when a template is created or edited.

Rules: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components and the pages of
the kinds of template beside it. The subcodes are those that Meta lists under "template authoring", and one (`BUTTON`)
that its API was seen to answer; they come as `error_subcode` under code 100. Meta's words may come in any case.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from local.simulator.config import Json
from local.simulator.errors import GraphError, invalid, required

LENGTH, HEADER, BUTTON, BODY, FOOTER = 2388040, 2388047, 2388060, 2388072, 2388073
TOO_MANY, EDGE = 2388293, 2388299

CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
LIBRARY_CATEGORIES = ("UTILITY", "AUTHENTICATION")
MEDIA_FORMATS = ("IMAGE", "VIDEO", "GIF", "DOCUMENT")
OTHER_FORMATS = ("TEXT", "LOCATION", "PRODUCT")
TTL_SECONDS = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}
BUTTON_LIMITS = {"PHONE_NUMBER": 1, "URL": 2, "COPY_CODE": 1, "OTP": 1, "FLOW": 1, "CATALOG": 1, "MPM": 1}
WITH_TEXT = ("QUICK_REPLY", "URL", "PHONE_NUMBER", "FLOW", "CATALOG", "MPM", "SPM", "VOICE_CALL")
FREE_BUTTONS = (  # whatever is in them
    *("APP", "REQUEST_CONTACT_INFO", "CALL_PERMISSION_REQUEST"),
    *("ORDER_DETAILS", "REMINDER", "BOOKING_CONFIRMATION"),
)
BUTTONS = (*WITH_TEXT, "COPY_CODE", "OTP", *FREE_BUTTONS)
FREE_COMPONENTS = ("GREETING", "ALBUM", "ATTACHMENT", "TAP_TARGET_CONFIGURATION", "ORDER_STATUS")
OTP_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP", "NO_BUTTONS")

VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
NAME = re.compile(r"[a-z0-9_]+")
EMOJI = re.compile("[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2705\u274c\ufe0f]")
# Thai and Lao, Burmese, Khmer, kana, Chinese characters: written without spaces, so that characters are counted.
SPACELESS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True)
class Frame:
    """What the parts of a template are judged by."""

    category: str
    named: bool
    kinds: Sequence[str]  # of its components
    in_card: bool = False

    @property
    def is_otp(self) -> bool:
        return self.category == "AUTHENTICATION"


def variables(text: str) -> list[str]:
    """The names or numbers of a text's variables, each once, in order of appearance."""
    return list(dict.fromkeys(name.strip() for name in VARIABLE.findall(text)))


def refused(subcode: int, title: str, message: str) -> GraphError:
    return GraphError(100, "Invalid parameter", subcode=subcode, user=(title, message))


# --- what is asked for -----------------------------------------------------------------------------------------------


def check_new(template: Any) -> None:
    """Everything that can be said about a new template without knowing the others."""
    _check_readable(template)
    _check_identity(template, CATEGORIES)
    _check_settings(template, _upper(template.get("category")))
    _check_components(template)


def check_edit(change: Any, current: Json) -> None:
    """What `change` says of the template that is `current`. How often and when is somebody else's."""
    _check_readable(change)
    wanted = {key: value for key, value in change.items() if value is not None}
    if all(key in ("id", "language", "name", "status") for key in wanted):
        raise required("components")
    for key in ("name", "language"):
        if key in wanted and (not isinstance(wanted[key], str) or wanted[key] != current.get(key)):
            raise invalid(f"Param {key} can't be changed.")
    category = _upper(wanted.get("category", current.get("category")))
    if "category" in wanted and category not in CATEGORIES:
        raise invalid(f"Param category must be one of {{{', '.join(CATEGORIES)}}}.")
    approved = _upper(current.get("status")) == "APPROVED"
    if "category" in wanted and approved and category != _upper(current.get("category")):
        raise invalid("The category of an approved template can't be changed.")
    _check_settings(wanted, category)
    if "components" in wanted:
        _check_components({**current, **wanted})


def check_library(template: Any) -> None:
    """A template that is made from one of Meta's library; whether there is such a one, the library knows."""
    _check_readable(template)
    _check_identity(template, LIBRARY_CATEGORIES)
    _check_settings({**template, "parameter_format": None}, _upper(template.get("category")))
    name = template.get("library_template_name")
    if not isinstance(name, str) or not name.strip():
        raise required("library_template_name")
    if template.get("components"):
        raise invalid("Param components can't be given with library_template_name.")
    _check_button_inputs(template.get("library_template_button_inputs"))
    _check_body_inputs(template.get("library_template_body_inputs"))


def as_stored(template: Json, depth: int = 4) -> Json:
    """The same in Meta's spelling, as a listing has it: its own words in upper case."""
    stored = dict(template)
    for key, value in template.items():
        if key in ("category", "parameter_format", "type", "format", "otp_type"):
            stored[key] = value.upper() if isinstance(value, str) else value
        elif key in ("components", "cards", "buttons") and isinstance(value, list) and depth:
            stored[key] = [as_stored(each, depth - 1) if isinstance(each, dict) else each for each in value]
    return stored


def _check_readable(body: Any) -> None:
    """Meta reads JSON objects; a lone surrogate, which JSON can spell, is nothing it can read."""
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object.")
    values: list[Any] = [body]
    for value in values:  # which grows as it goes
        if isinstance(value, dict):
            values += [*value, *value.values()]
        elif isinstance(value, list):
            values += value
        elif isinstance(value, str) and re.search("[\ud800-\udfff]", value):
            raise invalid("The body is not valid UTF-8.")


# --- the frame -------------------------------------------------------------------------------------------------------


def _check_identity(template: Json, categories: Sequence[str]) -> None:
    name, language = template.get("name"), template.get("language")
    if not name:
        raise required("name")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9_]{1,512}", name):
        raise refused(LENGTH, "Invalid template name", "Only lower-case letters, digits and underscores; up to 512.")
    if not language:
        raise required("language")
    if not isinstance(language, str) or not re.fullmatch(r"[a-z]{2,3}(_[A-Za-z0-9]{2,4})?", language):
        raise invalid("Param language is not a supported language code.")
    if _upper(template.get("category")) not in categories:
        raise invalid(f"Param category must be one of {{{', '.join(categories)}}}.")


def _check_settings(settings: Json, category: str) -> None:
    """Parameter format and time to live."""
    parameter_format, ttl = settings.get("parameter_format"), settings.get("message_send_ttl_seconds")
    if parameter_format is not None and _upper(parameter_format) not in ("POSITIONAL", "NAMED"):
        raise invalid("Param parameter_format must be one of {POSITIONAL, NAMED}.")
    low, high = TTL_SECONDS.get(category, (30, 2_592_000))
    if ttl is not None and not (_is_int(ttl) and (ttl == -1 or low <= ttl <= high)):
        raise invalid(f"Param message_send_ttl_seconds must be between {low} and {high}, or -1.")


def _check_components(template: Json) -> None:
    components = template.get("components")
    if not isinstance(components, list) or not components:
        raise required("components")
    category, named = _upper(template.get("category")), _upper(template.get("parameter_format")) == "NAMED"
    kinds = [_kind(component) for component in components]
    _check_kinds(kinds, (*COMPONENTS, *FREE_COMPONENTS))
    frame = Frame(category if category in CATEGORIES else "", named, kinds)
    for kind, component in zip(kinds, components, strict=True):
        if kind in COMPONENTS:
            COMPONENTS[kind](component, frame)
    if "BODY" not in kinds:
        raise refused(BODY, "Body is missing", "A template needs a component of type BODY.")
    if frame.is_otp and "BUTTONS" not in kinds:
        raise refused(BUTTON, "Button is missing", "An authentication template needs an OTP button.")


def _check_kinds(kinds: Sequence[str], allowed: Sequence[str]) -> None:
    if any(kind not in allowed for kind in kinds):
        raise invalid(f"Param components[]['type'] must be one of {{{', '.join(allowed)}}}.")
    if any(kinds.count(kind) > 1 for kind in kinds if kind not in FREE_COMPONENTS):
        raise refused(LENGTH, "Component given twice", "Each type of component may appear once.")


# --- texts -----------------------------------------------------------------------------------------------------------


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
    if any("{{" in piece or "}}" in piece for piece in _around(text)):
        raise refused(subcode, "Invalid variable", f"{what} has unbalanced braces.")
    if named and not all(NAME.fullmatch(name) and not name.isdigit() for name in found):
        raise refused(subcode, "Invalid variable", f"{what}: names are lower-case letters, digits and underscores.")
    if not named and sorted(found) != sorted(str(number) for number in range(1, len(found) + 1)):
        raise refused(
            subcode, "Invalid variable", f"{what}: variables are numbered {{{{1}}}}, {{{{2}}}} … without gaps."
        )
    return found


def _check_placement(text: str, found: list[str]) -> None:
    first, *between, last = _around(text) if found else ["-", "-"]
    if not first.strip() or not last.strip():
        raise refused(EDGE, "Variable at the edge", "Variables can't be at the start or end of the template.")
    if any(not piece.strip(" \t") for piece in between):
        raise refused(BODY, "Adjacent variables", "Two variables need text between them.")
    rest = " ".join(_around(text))
    # Meta does not publish its ratio; this is the one integrators go by.
    if found and len(rest.split()) + len(SPACELESS.findall(rest)) < 2 * len(found) + 1:
        raise refused(TOO_MANY, "Too many variables", "This template has too many variables for its length.")


def _check_examples(component: Json, found: list[str], named: bool, part: str, subcode: int) -> None:
    """`part` is "body" or "header". Positional examples are a list, or a list in a list, or just a text for one."""
    if not found:
        return
    example = component.get("example")
    examples = example if isinstance(example, dict) else {}
    if named:
        given = examples.get(f"{part}_text_named_params")
        pairs = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
        complete = all(
            any(pair.get("param_name") == name and _is_example(pair.get("example")) for pair in pairs) for name in found
        )
    else:
        given = examples.get(f"{part}_text")
        row = [given] if isinstance(given, str) else given
        row = row[0] if isinstance(row, list) and row and isinstance(row[0], list) else row
        complete = isinstance(row, list) and len(row) == len(found) and all(map(_is_example, row))
    if not complete:
        raise refused(subcode, "Example is missing", f"Every variable of the {part} needs an example.")


def _around(text: str) -> list[str]:
    """What stands before, between and after a text's variables."""
    return VARIABLE.split(text)[::2]


# --- components ------------------------------------------------------------------------------------------------------


def _header(header: Json, frame: Frame) -> None:
    if frame.is_otp:
        raise refused(HEADER, "Header not supported", "An authentication template has no header.")
    kind = _upper(header.get("format"))
    if kind not in (*MEDIA_FORMATS, *OTHER_FORMATS):
        raise invalid(f"Param format must be one of {{{', '.join((*OTHER_FORMATS, *MEDIA_FORMATS))}}}.")
    if "LIMITED_TIME_OFFER" in frame.kinds and kind not in ("IMAGE", "VIDEO"):
        raise refused(HEADER, "Invalid header", "A limited-time offer has an image or a video as its header.")
    if frame.in_card and kind not in ("IMAGE", "VIDEO", "PRODUCT"):
        raise refused(HEADER, "Invalid header", "A card has an image, a video or a product as its header.")
    if kind == "TEXT":
        _header_text(header, frame.named)
    if kind in MEDIA_FORMATS:
        example = header.get("example")
        handle = example.get("header_handle") if isinstance(example, dict) else None
        if not _is_text(_first(handle)):
            raise refused(HEADER, "Example is missing", "A media header needs example.header_handle.")


def _header_text(header: Json, named: bool) -> None:
    text = _check_text(header.get("text"), 60, HEADER, "Header")
    if re.search(r"[\r\n*]", text) or EMOJI.search(text):
        message = "The message header can't have any new lines, formatting characters, emojis or asterisks."
        raise refused(BODY, "Message Header Format Is Incorrect", message)
    found = _check_variables(text, named, HEADER, "Header")
    if len(found) > 1:
        raise refused(HEADER, "Too many variables", "A header may have one variable.")
    _check_examples(header, found, named, "header", HEADER)


def _body(body: Json, frame: Frame) -> None:
    if frame.is_otp:  # Meta writes the text of authentication templates
        _check_flag(body, "add_security_recommendation")
        return
    limit = 160 if frame.in_card else 600 if "LIMITED_TIME_OFFER" in frame.kinds else 1024
    text = _check_text(body.get("text"), limit, BODY, "Body")
    found = _check_variables(text, frame.named, BODY, "Body")
    if not frame.in_card:
        _check_placement(text, found)
    _check_examples(body, found, frame.named, "body", BODY)


def _footer(footer: Json, frame: Frame) -> None:
    if frame.is_otp:
        _check_minutes(footer)
        return
    if "LIMITED_TIME_OFFER" in frame.kinds:
        raise refused(FOOTER, "Footer not supported", "A limited-time offer has no footer.")
    text = _check_text(footer.get("text"), 60, FOOTER, "Footer")
    if VARIABLE.search(text):
        raise refused(FOOTER, "Variable in the footer", "A footer has no variables.")
    if re.search(r"[\r\n]", text) or EMOJI.search(text):
        raise refused(FOOTER, "Footer Format Is Incorrect", "The message footer can't have any newlines or emojis.")


def _carousel(component: Json, frame: Frame) -> None:
    if frame.category not in ("MARKETING", ""):
        raise refused(LENGTH, "Invalid carousel", "Carousels are for marketing templates.")
    cards = component.get("cards")
    if not isinstance(cards, list) or not 2 <= len(cards) <= 10:
        raise refused(LENGTH, "Invalid carousel", "Two to ten cards.")
    make_ups = [_check_card(card, frame) for card in cards]
    if any(make_up != make_ups[0] for make_up in make_ups):
        raise refused(LENGTH, "Invalid carousel", "All cards must have the same components.")


def _check_card(card: Any, frame: Frame) -> tuple[Any, ...]:
    """Returns what all cards of a carousel have in common."""
    components = card.get("components") if isinstance(card, dict) else None
    if not isinstance(components, list) or not components:
        raise refused(LENGTH, "Invalid carousel", "Every card needs components.")
    kinds = [_kind(component) for component in components]
    _check_kinds(kinds, ("HEADER", "BODY", "BUTTONS"))
    if "HEADER" not in kinds:
        raise refused(HEADER, "Header is missing", "Every card needs a header.")
    for kind, component in zip(kinds, components, strict=True):
        COMPONENTS[kind](component, Frame(frame.category, frame.named, kinds, in_card=True))
    parts = dict(zip(kinds, components, strict=True))
    buttons = [_kind(button) for button in parts["BUTTONS"]["buttons"]] if "BUTTONS" in parts else []
    return sorted(kinds), _upper(parts["HEADER"].get("format")), buttons


def _limited_time_offer(component: Json, frame: Frame) -> None:
    if frame.category not in ("MARKETING", ""):
        raise refused(LENGTH, "Invalid limited-time offer", "Limited-time offers are for marketing templates.")
    offer = component.get("limited_time_offer")
    if not isinstance(offer, dict):
        raise required("limited_time_offer")
    _check_text(offer.get("text"), 16, LENGTH, "Limited-time offer")
    _check_flag(offer, "has_expiration")


def _call_permission_request(_component: Json, frame: Frame) -> None:
    if frame.is_otp or "BUTTONS" in frame.kinds or "CAROUSEL" in frame.kinds:
        raise refused(
            LENGTH, "Invalid call permission request", "It can't be combined with other interactive components."
        )


# --- buttons ---------------------------------------------------------------------------------------------------------


def _buttons(component: Json, frame: Frame) -> None:
    buttons, limit = component.get("buttons"), 2 if frame.in_card else 10
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= limit:
        raise refused(LENGTH, "Invalid buttons", f"One to {limit} buttons.")
    kinds = [_kind(button) for button in buttons]
    for kind, button in zip(kinds, buttons, strict=True):
        if kind not in BUTTONS:
            raise invalid(f"Param buttons[]['type'] must be one of {{{', '.join(BUTTONS)}}}.")
        if frame.category and frame.is_otp is not (kind == "OTP"):
            raise refused(BUTTON, "Invalid button", "OTP buttons are for authentication templates, others are not.")
        _check_button(kind, button)
    for kind, limit in BUTTON_LIMITS.items():
        if kinds.count(kind) > limit:
            raise refused(LENGTH, "Too many buttons", f"At most {limit} button(s) of type {kind}.")
    groups = [kind == "QUICK_REPLY" for kind in kinds]
    if sum(one != other for one, other in pairwise(groups)) > 1:
        raise refused(LENGTH, "Buttons out of order", "Quick replies stand together, before or after the others.")


def _check_button(kind: str, button: Json) -> None:
    if kind in WITH_TEXT:
        _check_label(button.get("text"))
    if kind == "URL":
        _check_url(button.get("url"), button.get("example"))
    if kind == "PHONE_NUMBER":
        _check_text(button.get("phone_number"), 20, LENGTH, "Phone number")
    if kind == "COPY_CODE":
        _check_text(_first(button.get("example")), 20, LENGTH, "Coupon code")  # 15 on some pages
    if kind == "FLOW":
        _check_flow(button)
    if kind == "OTP":
        _check_otp(button)


def _check_label(text: Any) -> None:
    label = _check_text(text, 25, LENGTH, "Button")
    if VARIABLE.search(label) or re.search(r"[\r\n]", label) or EMOJI.search(label):
        message = "Buttons can't have any variables, newlines, emojis or formatting characters."
        raise refused(BUTTON, "Button format is incorrect", message)


def _check_url(url: Any, example: Any) -> None:
    url = _check_text(url, 2000, LENGTH, "URL")
    if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", url):
        raise invalid("Param buttons[]['url'] is not a valid URI.")
    before, *rest = VARIABLE.split(url)
    fits = not rest or (len(rest) == 2 and rest[0].strip() == "1" and not rest[1])
    if not fits or "{{" in before or "}}" in before:
        raise refused(LENGTH, "Invalid URL", "A URL may have one variable, {{1}}, at its end.")
    if rest and not _is_text(_first(example)):
        raise refused(LENGTH, "Example is missing", "A URL with a variable needs an example.")


def _check_flow(button: Json) -> None:
    given = [
        value
        for value in (button.get("flow_id"), button.get("flow_name"), button.get("flow_json"))
        if _is_text(value) or _is_int(value) or (isinstance(value, dict) and value)
    ]
    if len(given) != 1:
        raise refused(BUTTON, "Invalid flow", "A flow button needs one of flow_id, flow_name and flow_json.")


def _check_otp(button: Json) -> None:
    for key in ("text", "autofill_text"):
        if button.get(key) is not None and button[key] != "":
            _check_label(button[key])
    kind = _upper(button.get("otp_type"))
    if kind not in OTP_TYPES:
        raise invalid(f"Param otp_type must be one of {{{', '.join(OTP_TYPES)}}}.")
    if kind == "ZERO_TAP" and button.get("zero_tap_terms_accepted") is not True:
        raise refused(BUTTON, "Terms not accepted", "Zero-tap needs zero_tap_terms_accepted.")
    if kind in ("ONE_TAP", "ZERO_TAP"):
        apps = button.get("supported_apps")
        apps = [button] if apps is None else apps  # up to v20.0 the app could be said in the button itself
        if not isinstance(apps, list) or not 1 <= len(apps) <= 5:
            raise refused(BUTTON, "Invalid apps", "One to five supported_apps.")
        for app in apps:
            _check_app(app)


def _check_app(app: Any) -> None:
    name, signature = (app.get("package_name"), app.get("signature_hash")) if isinstance(app, dict) else ("", "")
    if not isinstance(name, str) or not isinstance(signature, str):
        raise refused(BUTTON, "Invalid app", "An app has a package_name and a signature_hash.")
    segments = name.split(".")
    if (
        len(name) > 224
        or len(segments) < 2
        or not all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", each) for each in segments)
    ):
        raise refused(BUTTON, "Invalid app", "A package_name has two or more segments, each beginning with a letter.")
    if not re.fullmatch(r"[A-Za-z0-9+/=]{11}", signature):
        raise refused(BUTTON, "Invalid app", "A signature_hash has 11 characters.")


# --- the library -----------------------------------------------------------------------------------------------------


def _check_button_inputs(inputs: Any) -> None:
    if inputs is None or isinstance(inputs, str):
        return
    if not isinstance(inputs, list):
        raise invalid("Param library_template_button_inputs must be an array.")
    for button in inputs:
        kind = _kind(button)
        if kind not in BUTTONS:
            raise invalid(f"Param library_template_button_inputs[]['type'] must be one of {{{', '.join(BUTTONS)}}}.")
        if kind == "URL":
            url = button.get("url")
            if not isinstance(url, dict):
                raise required("library_template_button_inputs[]['url']")
            _check_url(url.get("base_url"), [url.get("url_suffix_example")])
        elif kind in ("PHONE_NUMBER", "OTP"):
            _check_button(kind, button if kind == "OTP" else {**button, "text": "Call"})


def _check_body_inputs(inputs: Any) -> None:
    if inputs is None or isinstance(inputs, str):
        return
    for given in inputs if isinstance(inputs, list) else [inputs]:
        if not isinstance(given, dict):
            raise invalid("Param library_template_body_inputs must be an object.")
        for key in ("contact_number", "learn_more_link", "security_recommendation", "track_package_link"):
            _check_flag(given, f"add_{key}")
        _check_minutes(given)


# --- single values ---------------------------------------------------------------------------------------------------


def _check_flag(content: Json, key: str) -> None:
    if content.get(key) is not None and not isinstance(content[key], bool):
        raise invalid(f"Param {key} must be a boolean.")


def _check_minutes(content: Json) -> None:
    minutes = content.get("code_expiration_minutes")
    if minutes is not None and (not _is_int(minutes) or not 1 <= minutes <= 90):
        raise invalid("Param code_expiration_minutes must be between 1 and 90.")


def _first(value: Any) -> Any:
    if isinstance(value, list):
        return value[0] if value else None
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _is_example(value: Any) -> bool:
    return _is_text(value) or _is_int(value) or isinstance(value, float)


def _upper(value: Any) -> str:
    return value.upper() if isinstance(value, str) else ""


def _kind(element: Any) -> str:
    return _upper(element.get("type")) if isinstance(element, dict) else ""


COMPONENTS: Mapping[str, Callable[[Json, Frame], None]] = {
    "HEADER": _header,
    "BODY": _body,
    "FOOTER": _footer,
    "BUTTONS": _buttons,
    "CAROUSEL": _carousel,
    "LIMITED_TIME_OFFER": _limited_time_offer,
    "CALL_PERMISSION_REQUEST": _call_permission_request,
}
