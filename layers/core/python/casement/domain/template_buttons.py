"""What Meta takes as the buttons of a template: their types, how many of each, and what each must say.

Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components, and the pages
of authentication templates and flows.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from casement.domain.template_fault import (
    Fault,
    braced,
    capital,
    counted,
    first_of,
    is_number,
    is_text,
    listed,
    type_faults,
    type_of,
    word,
)
from casement.domain.template_texts import (
    Part,
    ends_in_its_one_variable,
    has_break_or_emoji,
    has_loose_braces,
    has_variable,
    length_faults,
)

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PACKAGE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)
_SIGNATURE = re.compile(r"[A-Za-z0-9+/=]{11}")

_LABELLED = frozenset({"QUICK_REPLY", "URL", "PHONE_NUMBER", "FLOW", "CATALOG", "MPM", "SPM", "VOICE_CALL"})
_UNJUDGED_BUTTONS = (
    *("APP", "REQUEST_CONTACT_INFO", "CALL_PERMISSION_REQUEST"),
    *("ORDER_DETAILS", "REMINDER", "BOOKING_CONFIRMATION"),
)
BUTTONS = (*sorted(_LABELLED), "COPY_CODE", "OTP", *_UNJUDGED_BUTTONS)
_AT_MOST = {"PHONE_NUMBER": 1, "URL": 2, "COPY_CODE": 1, "OTP": 1, "FLOW": 1, "CATALOG": 1, "MPM": 1}
_OTP_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP", "NO_BUTTONS")
_FLOW_KEYS = ("flow_id", "flow_name", "flow_json")

_LABEL_LENGTH, _URL_LENGTH, _PHONE_LENGTH, _PACKAGE_LENGTH = 25, 2000, 20, 224
_COUPON_LENGTH = 20  # 15 on some of Meta's pages
_MOST_APPS = 5


def row_faults(part: Part, category: str, most: int) -> Iterator[Fault]:
    """Of the BUTTONS component of a template of this category ("" if that is none of Meta's), or of a card in one."""
    path, buttons = f"{part.path}.buttons", part.content.get("buttons")
    if not isinstance(buttons, list) or not buttons:
        yield Fault(path, f"A component of type BUTTONS needs `buttons`, a list of 1 to {most} objects.")
        return
    if len(buttons) > most:
        yield Fault(path, f"There may be up to {most} buttons{part.of}; there are {len(buttons)}.")
    kinds = [type_of(button) for button in buttons]
    yield from type_faults(path, buttons, BUTTONS)
    yield from _number_faults(path, kinds)
    for index, (kind, button) in enumerate(zip(kinds, buttons, strict=True)):
        if kind in BUTTONS:
            yield from _button_faults(f"{path}[{index}]", f"button {index}{part.of}", kind, button)
            yield from _button_category_faults(f"{path}[{index}]", kind, category)


def _number_faults(path: str, kinds: Sequence[str]) -> Iterator[Fault]:
    for kind, most in _AT_MOST.items():
        if kinds.count(kind) > most:
            yield Fault(
                path, f"There may be up to {counted(most, 'button')} of type {kind}; there are {kinds.count(kind)}."
            )
    groups = [kind == "QUICK_REPLY" for kind in kinds]
    if sum(one != other for one, other in pairwise(groups)) > 1:
        yield Fault(path, "Buttons of type QUICK_REPLY must stand together, before or after all others.")


def _button_category_faults(path: str, kind: str, category: str) -> Iterator[Fault]:
    if category and (kind == "OTP") != (category == "AUTHENTICATION"):
        why = "Buttons of type OTP are for templates of category AUTHENTICATION, and these have no others."
        yield Fault(f"{path}.type", why)


def _button_faults(path: str, what: str, kind: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    if kind in _LABELLED:
        yield from _label_faults(f"{path}.text", f"The text of {what}", button.get("text"))
    if kind in _BUTTON_JUDGES:
        yield from _BUTTON_JUDGES[kind](path, what, button)


def _label_faults(path: str, what: str, label: object) -> Iterator[Fault]:
    if not is_text(label):
        yield Fault(path, f"{what} must be there and have 1 to {_LABEL_LENGTH} characters.")
        return
    if len(label) > _LABEL_LENGTH:
        yield Fault(path, f"{what} may have up to {_LABEL_LENGTH} characters; this one has {len(label)}.")
    if has_variable(label) or has_break_or_emoji(label):
        yield Fault(path, f"{what} may have no variables, line breaks or emoji.")


def _url_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    yield from url_faults(f"{path}.url", what, button.get("url"))
    if has_variable(button.get("url")) and not is_text(first_of(button.get("example"))):
        yield Fault(
            f"{path}.example", f"The URL of {what} has a variable and needs an `example`, a list with one text."
        )


def url_faults(path: str, what: str, url: object) -> Iterator[Fault]:
    yield from length_faults(path, f"The URL of {what}", url, _URL_LENGTH)
    if not is_text(url):
        return
    if not _SCHEME.match(url):
        yield Fault(path, f"The URL of {what} must start with its scheme, such as https://.")
    if has_loose_braces(url) or (has_variable(url) and not ends_in_its_one_variable(url)):
        yield Fault(path, f"The URL of {what} may have one variable, {braced('1')}, at its very end.")


def phone_faults(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    number = button.get("phone_number")
    yield from length_faults(f"{path}.phone_number", f"The phone number of {what}", number, _PHONE_LENGTH)


def _coupon_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    code = first_of(button.get("example"))
    yield from length_faults(f"{path}.example", f"The example of the code of {what}", code, _COUPON_LENGTH)


def _flow_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    given = [key for key in _FLOW_KEYS if _is_given(button.get(key))]
    if len(given) != 1:
        why = f"must name its flow by one of {listed([f'`{key}`' for key in _FLOW_KEYS])}; {len(given)} given"
        yield Fault(path, f"{capital(what)} {why}.")


def otp_faults(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    for key in ("text", "autofill_text"):
        if button.get(key) not in (None, ""):  # Meta writes what is not there
            yield from _label_faults(f"{path}.{key}", f"The `{key}` of {what}", button.get(key))
    kind = word(button.get("otp_type"))
    if kind not in _OTP_TYPES:
        yield Fault(f"{path}.otp_type", f"{capital(what)} needs an `otp_type`, one of {listed(_OTP_TYPES)}.")
    elif kind in ("ONE_TAP", "ZERO_TAP"):
        yield from _apps_faults(path, what, button)
    if kind == "ZERO_TAP" and button.get("zero_tap_terms_accepted") is not True:
        why = "is of type ZERO_TAP, for which `zero_tap_terms_accepted` must be true"
        yield Fault(f"{path}.zero_tap_terms_accepted", f"{capital(what)} {why}.")


def _apps_faults(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    apps = button.get("supported_apps")
    if apps is None and _is_app(button):  # as Graph took it up to v20.0
        return
    if not isinstance(apps, list) or not 1 <= len(apps) <= _MOST_APPS:
        why = f"needs `supported_apps`, a list of 1 to {_MOST_APPS} objects"
        yield Fault(f"{path}.supported_apps", f"{capital(what)} {why} with `package_name` and `signature_hash`.")
        return
    for index, app in enumerate(apps):
        if not _is_app(app):
            why = "needs a `package_name` such as com.example.shop and a `signature_hash` of 11 characters"
            yield Fault(f"{path}.supported_apps[{index}]", f"App {index} of {what} {why}.")


def _is_app(app: object) -> bool:
    if not isinstance(app, dict):
        return False
    name, signature = app.get("package_name"), app.get("signature_hash")
    named = isinstance(name, str) and len(name) <= _PACKAGE_LENGTH and _PACKAGE.fullmatch(name)
    return bool(named and isinstance(signature, str) and _SIGNATURE.fullmatch(signature))


def _is_given(value: object) -> bool:
    """Whether it can say which flow is meant: a name or an id, or a flow as an object."""
    return is_text(value) or is_number(value) or (isinstance(value, dict) and bool(value))


_BUTTON_JUDGES: Mapping[str, Callable[[str, str, Mapping[str, Any]], Iterator[Fault]]] = {
    "URL": _url_button,
    "PHONE_NUMBER": phone_faults,
    "COPY_CODE": _coupon_button,
    "FLOW": _flow_button,
    "OTP": otp_faults,
}
