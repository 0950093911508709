"""The parameters of a template send, built from values that a caller named.

Nothing here repeats a value that a caller gave: what is said about it goes to answers and logs.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casement.domain.template_shape import (
    MEDIA_FORMATS,
    buttons_of,
    header_format,
    is_named,
    stored,
    type_of,
    variables,
)

_BREAKS = re.compile(r"[\n\r\t]| {5,}")

_UNFILLABLE_BUTTONS = frozenset({"MPM", "ORDER_DETAILS"})  # products and an order, which are no flat values
_COUPON_CODE_LENGTH = 20  # Meta's pages say 15 in one place and 20 in another
_LARGEST_NUMBER = 1e100  # beyond it nobody means a number to be read


@dataclass(frozen=True, slots=True)
class Filled:
    """A template's components for one send. They are there only if nothing is missing and everything fits."""

    components: tuple[dict[str, Any], ...] = ()
    missing: tuple[str, ...] = ()  # keys
    misfit: tuple[str, ...] = ()  # sentences

    @property
    def complete(self) -> bool:
        """Whether the template can be sent with these components."""
        return not self.missing and not self.misfit


@dataclass(frozen=True, slots=True)
class _Slot:
    """One parameter of a send. `keys` are those under which a caller may give it, the usual one first."""

    keys: tuple[str, ...]
    type: str
    parameter_name: str | None = None


@dataclass(frozen=True, slots=True)
class _Section:
    """One component of a send, without its parameters, and the slots that they fill."""

    head: Mapping[str, str]
    slots: tuple[_Slot, ...]


def filled(definition: Mapping[str, Any], parameters: Mapping[str, Any]) -> Filled:
    """The components of a send of this template, with the values that `parameters` has for it.

    Keys are the variables of the body as the template spells them (`customer`, `1`), `header.1` or `header.customer`
    for a variable of the header, `header` for its image, video, GIF, document or place, and `button.0` for the variable
    of a button's URL or the code that it copies. Keys that this template does not use are of no account: the same
    parameters go to every template that may serve a purpose.
    """
    sections = tuple(_sections(definition))
    slots = [slot for section in sections for slot in section.slots]
    missing = tuple(slot.keys[0] for slot in slots if _key(slot, parameters) is None)
    misfit = (*_obstacles(definition), *(why for slot in slots if (why := _why_unfit(slot, parameters))))
    if missing or misfit:
        return Filled(missing=missing, misfit=misfit)
    return Filled(tuple(_component(section, parameters) for section in sections))


def needed(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys without which `filled` can't fill this template, in the order of the message."""
    return tuple(slot.keys[0] for section in _sections(definition) for slot in section.slots)


def _sections(definition: Mapping[str, Any]) -> Iterator[_Section]:
    yield from _header_section(definition)
    yield from _body_section(definition)
    for index, button in buttons_of(definition):
        yield from _button_section(index, button)


def _header_section(definition: Mapping[str, Any]) -> Iterator[_Section]:
    header = stored(definition, "HEADER")
    if header is None:
        return
    format_, named = header_format(header), is_named(definition)
    if format_ in MEDIA_FORMATS or format_ == "LOCATION":
        yield _Section({"type": "header"}, (_Slot(("header",), format_.lower()),))
    elif format_ == "TEXT" and (names := variables(header.get("text"))):
        slots = (
            _Slot((f"header.{name}", name), "text", name) if named else _positional("header.", name) for name in names
        )
        yield _Section({"type": "header"}, tuple(slots))


def _body_section(definition: Mapping[str, Any]) -> Iterator[_Section]:
    named = is_named(definition)
    if names := _variables_of_body(definition):
        slots = (_Slot((name,), "text", name) if named else _positional("", name) for name in names)
        yield _Section({"type": "body"}, tuple(slots))


def _positional(prefix: str, number: str) -> _Slot:
    return _Slot((prefix + number,), "text")


def _button_section(index: int, button: Mapping[str, Any]) -> Iterator[_Section]:
    kind, head = type_of(button), {"type": "button", "sub_type": "url", "index": str(index)}
    keys = (f"button.{index}",)
    if kind == "OTP" or (kind == "URL" and variables(button.get("url"))):  # a one-time password goes as a URL's does
        yield _Section(head, (_Slot(keys, "text"),))
    elif kind == "COPY_CODE":
        yield _Section({**head, "sub_type": "copy_code"}, (_Slot(keys, "coupon_code"),))
    elif kind == "FLOW":  # goes without parameters, not without being named: Bindambc/whatsapp-business-java-api#221
        yield _Section({**head, "sub_type": "flow"}, ())


def _variables_of_body(definition: Mapping[str, Any]) -> tuple[str, ...]:
    body = stored(definition, "BODY")
    if body is None:
        return ()
    if definition.get("category") == "AUTHENTICATION" and "text" not in body:
        return ("1",)  # Meta's own text, whose one variable is the code
    return variables(body.get("text"))


def _obstacles(definition: Mapping[str, Any]) -> Iterator[str]:
    """What Meta wants for this template and flat values can't say."""
    if not isinstance(definition.get("components"), list):
        yield "The template is stored without its components."
    header, offer = stored(definition, "HEADER"), stored(definition, "LIMITED_TIME_OFFER")
    if header is not None and header_format(header) not in (*MEDIA_FORMATS, "LOCATION", "TEXT"):
        yield f"The header is of format {header_format(header)}, which can't be filled by name."
    if stored(definition, "CAROUSEL") is not None:
        yield "The template has a carousel, which can't be filled by name."
    if offer is not None and _expires(offer):
        yield "The template has a limited-time offer, whose end can't be given by name."
    for index, button in buttons_of(definition):
        if type_of(button) in _UNFILLABLE_BUTTONS:
            yield f"Button {index} is of type {type_of(button)}, which can't be filled by name."


def _expires(offer: Mapping[str, Any]) -> bool:
    terms = offer.get("limited_time_offer")
    return isinstance(terms, dict) and bool(terms.get("has_expiration"))


def _key(slot: _Slot, parameters: Mapping[str, Any]) -> str | None:
    """The key under which the caller gave a value for `slot`, None if there is none."""
    return next((key for key in slot.keys if key in parameters), None)


def _why_unfit(slot: _Slot, parameters: Mapping[str, Any]) -> str | None:
    key = _key(slot, parameters)
    why = None if key is None else _why_unusable(slot.type, parameters[key])
    return why and f"'{key}' {why}."


def _why_unusable(type_: str, value: Any) -> str | None:
    """In words, why `value` can't be a parameter of this type."""
    if type_ in ("text", "coupon_code"):
        return _why_no_text(value, _COUPON_CODE_LENGTH if type_ == "coupon_code" else None)
    if type_ == "location":
        return _why_no_place(value)
    if not isinstance(value, dict) or not any(_is_text(value.get(name)) for name in ("id", "link")):
        return f"must be an object with the `link` or the `id` of the {type_}"
    return None


def _why_no_text(value: Any, limit: int | None = None) -> str | None:
    text = _text_of(value)
    if text is None or not text.strip():
        return "must be a text that is not empty, or a number"
    if _BREAKS.search(text):
        return "must not hold line breaks, tabs or more than four spaces in a row"
    if limit and len(text) > limit:
        return f"must have {limit} characters at most"
    return None


def _why_no_place(value: Any) -> str | None:
    if not isinstance(value, dict) or not all(_is_coordinate(value.get(name)) for name in ("latitude", "longitude")):
        return "must be an object with `latitude` and `longitude`"
    if not all(_is_text(value[name]) for name in ("name", "address") if name in value):
        return "must have texts as `name` and `address`, where they are given"
    return None


def _is_coordinate(value: Any) -> bool:
    text = _text_of(value)
    return text is not None and bool(text.strip())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _text_of(value: Any) -> str | None:
    """A text or number as it would be shown, None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value) if -_LARGEST_NUMBER < value < _LARGEST_NUMBER else None  # nor NaN, nor infinity


def _component(section: _Section, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The component in Graph's words, once every slot has a value that fits."""
    if not section.slots:
        return dict(section.head)
    values = ((slot, parameters[key]) for slot in section.slots if (key := _key(slot, parameters)) is not None)
    return {**section.head, "parameters": [_parameter(slot, value) for slot, value in values]}


def _parameter(slot: _Slot, value: Any) -> dict[str, Any]:
    content = dict(value) if isinstance(value, dict) else _text_of(value)
    named = {} if slot.parameter_name is None else {"parameter_name": slot.parameter_name}
    return {"type": slot.type, **named, slot.type: content}
