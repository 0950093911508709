"""The parameters of a template send, built from values that a caller named, and read back into them.

A value goes by a key that says its place in the message:

    customer, 1                     a variable of the body, as the template spells it
    header.customer, header.1       a variable of a text header
    header                          the header's medium, place or product, an object
    button.0                        the end of a URL, a coupon code, a payload, a Flow's or a catalog's `action`
    code                            the one-time code, which stands in the body and in the button
    offer.expires_at                when a limited-time offer ends, in epoch seconds
    card.0.header, card.0.1, …      the same of a carousel's first card

Nothing here repeats a value that a caller gave: what is said about it goes to answers and logs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from casement.domain.template_fit import BREAKS, BROKEN, LONGEST_COUPON_CODE, fit, shown_value
from casement.domain.template_shape import (
    MEDIA_FORMATS,
    MOST_CARDS,
    Component,
    Shape,
    of_type,
    place_of,
    shape_of,
    type_of,
    variables,
)

CODE = "code"
OFFER_ENDS = "offer.expires_at"

_CARD_KEY = re.compile(r"card\.([0-9])\..+", re.DOTALL)
_WITHOUT_COMPONENTS = "The template is stored without its components."
_CONTENT_FORMATS = MEDIA_FORMATS | {"LOCATION", "PRODUCT"}
_UNFILLABLE_BUTTONS = frozenset({"ORDER_DETAILS"})  # an order, which is no flat value
_LONGEST_CODE = 15  # of a one-time code
_LARGEST_NUMBER = 1e100  # beyond it nobody means a number to be read
_LATEST_SECOND = 100_000_000_000  # the year 5138; a larger number is one of milliseconds


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


class Slot(NamedTuple):
    """One parameter of a send. `key` is its own; before it counts the one that it shares with others, after it, `also`.

    `limit` is in characters. A send can go without an optional one, so that a value of another kind than it takes is
    not meant for it: it is for another template of the purpose.
    """

    key: str
    type: str
    parameter_name: str | None = None
    shared: str | None = None
    also: str | None = None
    limit: int | None = None
    optional: bool = False

    @property
    def usual_key(self) -> str:
        """The key by which a caller is asked for it."""
        return self.shared or self.key

    def key_in(self, values: Mapping[str, Any]) -> str | None:
        """The key under which there is a value for it, None if there is none."""
        key = next((key for key in (self.shared, self.key, self.also) if key is not None and key in values), None)
        if key is not None and self.optional and isinstance(values[key], dict) != (self.type == "action"):
            return None
        return key


class _Section(NamedTuple):
    """One component of a send, without its parameters, and the slots that they fill. One that stays goes out without
    parameters too. A carousel's are those of its cards."""

    head: Mapping[str, str]
    slots: tuple[Slot, ...] = ()
    stays: bool = False
    cards: "tuple[tuple[_Section, ...], ...]" = ()

    @property
    def all_slots(self) -> Iterator[Slot]:
        yield from self.slots
        for card in self.cards:
            for section in card:
                yield from section.slots


# --- from values to components -------------------------------------------------------------------------------------


def filled(definition: Mapping[str, Any], parameters: Mapping[str, Any]) -> Filled:
    """The components of a send of this template, with the values that `parameters` has for it, by the keys above.

    Keys that this template does not use are of no account: the same parameters go to every template that may serve a
    purpose. A named variable of a header takes the body's value of that name where it has none of its own.
    """
    shape = shape_of(definition)
    if shape is None:
        return Filled(misfit=(_WITHOUT_COMPONENTS,))
    sections = tuple(_sections(shape, parameters))
    slots = tuple(_slots(sections))
    missing = dict.fromkeys(s.usual_key for s in slots if not s.optional and s.key_in(parameters) is None)
    unusable = dict.fromkeys(why for slot in slots if (why := _why_unusable(slot, parameters)))
    misfit = (*_obstacles(shape), *unusable)
    if missing or misfit:
        return Filled(missing=tuple(missing), misfit=misfit)
    components = tuple(made for section in sections if (made := _component(section, parameters)) is not None)
    unfit = fit(definition, list(components))
    return Filled(misfit=tuple(each.why for each in unfit)) if unfit else Filled(components)


def needed(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys without which `filled` can't fill this template, in the order of the message."""
    slots = (slot for slot in slots_of(definition) if not slot.optional)
    return tuple(dict.fromkeys(slot.usual_key for slot in slots))


def slots_of(definition: Mapping[str, Any], values: Iterable[str] = ()) -> tuple[Slot, ...]:
    """Everything that a send of this template has a place for, in the order of the message.

    `values` are keys that a caller gave: a carousel of products has as many cards as they speak of.
    """
    shape = shape_of(definition)
    return () if shape is None else tuple(_slots(_sections(shape, values)))


def _slots(sections: Iterable[_Section]) -> Iterator[Slot]:
    for section in sections:
        yield from section.all_slots


def _sections(shape: Shape, values: Iterable[str], prefix: str = "") -> Iterator[_Section]:
    yield from _header_section(shape, prefix)
    yield from _body_section(shape, prefix)
    if shape.offer_ends and not prefix:
        slot = Slot(OFFER_ENDS, "limited_time_offer")
        yield _Section({"type": "limited_time_offer"}, (slot,))
    for index, button in enumerate(shape.buttons):
        yield from _button_section(shape, index, button, prefix)
    if shape.cards:
        cards = range(card_count(shape, values))
        inner = tuple(tuple(_sections(shape.card(index), (), f"card.{index}.")) for index in cards)
        yield _Section({"type": "carousel"}, cards=inner)


def card_count(shape: Shape, values: Iterable[str]) -> int:
    """How many cards a send has: as many as the template, but of products as many as the values speak of."""
    stored = len(shape.cards or ())
    if not shape.shows_products:
        return stored
    named = [int(found[1]) + 1 for key in values if isinstance(key, str) and (found := _CARD_KEY.fullmatch(key))]
    return min(max([stored, *named]), MOST_CARDS)


def _header_section(shape: Shape, prefix: str) -> Iterator[_Section]:
    format_, key = shape.header_format, f"{prefix}header"
    if format_ in _CONTENT_FORMATS:
        yield _Section({"type": "header"}, (Slot(key, format_.lower()),))
    elif names := variables(shape.header_text):
        slots = (
            Slot(f"{key}.{name}", "text", name, also=prefix + name) if shape.named else Slot(f"{key}.{name}", "text")
            for name in names
        )
        yield _Section({"type": "header"}, tuple(slots))


def _body_section(shape: Shape, prefix: str) -> Iterator[_Section]:
    names = shape.body_variables
    if shape.carries_code and len(names) == 1:
        yield _Section({"type": "body"}, (_code(names[0]),))
    elif names:
        slots = (Slot(prefix + name, "text", name if shape.named else None) for name in names)
        yield _Section({"type": "body"}, tuple(slots))


def _button_section(shape: Shape, index: int, button: Component, prefix: str) -> Iterator[_Section]:
    kind, key = type_of(button), f"{prefix}button.{index}"
    head = {"type": "button", "sub_type": kind.lower(), "index": str(index)}
    if kind == "OTP" or (kind == "URL" and variables(button.get("url"))):  # a one-time code goes as a URL's end does
        slot = _code(key) if shape.carries_code else Slot(key, "text")
        yield _Section({**head, "sub_type": "url"}, (slot,))
    elif kind == "COPY_CODE":
        yield _Section(head, (Slot(key, "coupon_code", limit=LONGEST_COUPON_CODE),))
    elif kind == "QUICK_REPLY":
        yield _Section(head, (Slot(key, "payload", optional=True),))
    elif kind in ("FLOW", "CATALOG", "MPM"):
        yield _Section(head, (Slot(key, "action", optional=kind != "MPM"),), stays=kind == "FLOW")


def _code(key: str) -> Slot:
    return Slot(key, "text", shared=CODE, limit=_LONGEST_CODE)


def _obstacles(shape: Shape) -> Iterator[str]:
    """What Meta wants for this template and flat values can't say."""
    for part, of in ((shape, ""), *((card, " of its cards") for card in shape.cards or ())):
        if part.header_format not in (None, "TEXT", *_CONTENT_FORMATS):
            yield f"The header{of} is of format {part.header_format}, which can't be filled by name."
        for index, button in enumerate(part.buttons):
            if type_of(button) in _UNFILLABLE_BUTTONS:
                yield f"Button {index}{of} is of type {type_of(button)}, which can't be filled by name."


def _component(section: _Section, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
    """The component in Graph's words, once every slot has a value that fits. None for one that has nothing to say."""
    if section.cards:
        return {**section.head, "cards": [_card(*each, parameters) for each in enumerate(section.cards)]}
    values = [(slot, parameters[key]) for slot in section.slots if (key := slot.key_in(parameters)) is not None]
    if not values:
        return dict(section.head) if section.stays else None
    return {**section.head, "parameters": [_parameter(slot, value) for slot, value in values]}


def _card(index: int, sections: Sequence[_Section], parameters: Mapping[str, Any]) -> dict[str, Any]:
    made = (_component(section, parameters) for section in sections)
    return {"card_index": index, "components": [component for component in made if component is not None]}


def _parameter(slot: Slot, value: Any) -> dict[str, Any]:
    named = {} if slot.parameter_name is None else {"parameter_name": slot.parameter_name}
    if slot.type == "limited_time_offer":
        return {"type": slot.type, slot.type: {"expiration_time_ms": round((second_of(value) or 0) * 1000)}}
    content = dict(value) if isinstance(value, dict) else text_of(value)
    return {"type": slot.type, **named, slot.type: content}


# --- whether a value will do ---------------------------------------------------------------------------------------


def _why_unusable(slot: Slot, parameters: Mapping[str, Any]) -> str | None:
    key = slot.key_in(parameters)
    why = None if key is None else _why_not(slot, parameters[key])
    return why and f"'{key}' {why}."


def _why_not(slot: Slot, value: Any) -> str | None:
    """In words, why `value` can't be a parameter of this type."""
    match slot.type:
        case "text" | "coupon_code" | "payload":
            return _why_no_text(value, slot.limit)
        case "location":
            return _why_no_place(value)
        case "product":
            is_product = isinstance(value, dict) and _is_text(value.get("product_retailer_id"))
            return None if is_product else "must be an object with `product_retailer_id`"
        case "action":
            return None if isinstance(value, dict) else "must be an object, which is the `action` of the button"
        case "limited_time_offer":
            return None if second_of(value) else "must be a time in epoch seconds"
        case _:
            is_medium = isinstance(value, dict) and any(_is_text(value.get(name)) for name in ("id", "link"))
            return None if is_medium else f"must be an object with the `link` or the `id` of the {slot.type}"


def _why_no_text(value: Any, limit: int | None = None) -> str | None:
    text = text_of(value)
    if text is None or not text.strip():
        return "must be a text that is not empty, or a number"
    if BREAKS.search(text):
        return BROKEN
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
    text = text_of(value)
    return text is not None and bool(text.strip())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def second_of(value: Any) -> int | float | None:
    """A time in epoch seconds, as a number or in digits, as whoever types it has it. None for anything else."""
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value
    if not isinstance(number, int | float) or isinstance(number, bool):
        return None
    return number if 0 < number < _LATEST_SECOND else None


def text_of(value: Any) -> str | None:
    """A text or number as it would be shown, None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return str(value) if -_LARGEST_NUMBER < value < _LARGEST_NUMBER else None  # nor NaN, nor infinity


# --- from components to values -------------------------------------------------------------------------------------


def parameters_in(definition: Mapping[str, Any], components: Any) -> dict[str, Any]:
    """The values that the components of a send give to this template, by the keys of `filled`: the way back.

    Of what does not fit the template, nothing is read. A currency or a date is read as what is shown of it.
    """
    shape = shape_of(definition)
    if shape is None or not isinstance(components, list):
        return {}
    cards = _sent_cards(components)
    sections = tuple(_sections(shape, [f"card.{index}.header" for index in cards]))
    values: dict[str, Any] = {}
    for section in sections:
        values |= _read(section, components)
        for index, card in enumerate(section.cards):
            for inner in card:
                values |= _read(inner, cards.get(index, []))
    return _with_shared(tuple(_slots(sections)), values)


def _sent_cards(components: Sequence[Any]) -> dict[int, list[Any]]:
    """The components of each card that is sent, by its place."""
    sent = next(iter(of_type(components, "CAROUSEL")), {}).get("cards")
    cards = [card for card in sent if isinstance(card, dict)] if isinstance(sent, list) else []
    placed = ((place_of(card, "card_index"), card.get("components")) for card in cards)
    return {
        place: parts for place, parts in placed if place is not None and place < MOST_CARDS and isinstance(parts, list)
    }


def _read(section: _Section, components: Sequence[Any]) -> dict[str, Any]:
    sent = of_type(components, section.head["type"].upper())
    if "index" in section.head:
        sent = [component for component in sent if str(place_of(component, "index")) == section.head["index"]]
    given = sent[0].get("parameters") if sent else None
    parameters = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    read = ((slot, _content(slot, _parameter_of(slot, place, parameters))) for place, slot in enumerate(section.slots))
    return {slot.key: value for slot, value in read if value is not None}


def _parameter_of(slot: Slot, place: int, parameters: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    if slot.parameter_name is None:
        return parameters[place] if place < len(parameters) else {}
    return next((each for each in parameters if each.get("parameter_name") == slot.parameter_name), {})


def _content(slot: Slot, parameter: Mapping[str, Any]) -> Any:
    """What a parameter holds, as a caller would have named it. None for what is not of the slot's type."""
    if slot.type == "text":
        return shown_value(parameter)
    kind = type_of(parameter).lower()
    content = parameter.get(kind) if kind == slot.type or (slot.type, kind) == ("gif", "video") else None
    if slot.type in ("coupon_code", "payload"):
        return content if isinstance(content, str) and content else None
    if not isinstance(content, dict):
        return None
    return _seconds(content.get("expiration_time_ms")) if slot.type == "limited_time_offer" else content


def _seconds(end: Any) -> int | float | None:
    milliseconds = int(end) if isinstance(end, str) and end.isascii() and end.isdigit() and len(end) < 20 else end
    if not isinstance(milliseconds, int) or isinstance(milliseconds, bool):
        return None
    seconds, rest = divmod(milliseconds, 1000)
    return seconds + rest / 1000 if rest else seconds


def _with_shared(slots: Sequence[Slot], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with one value for those that share it, where it is the same in all of them."""
    sharing = [slot for slot in slots if slot.shared is not None]
    found = [values.get(slot.key) for slot in sharing]
    if not sharing or found[0] is None or any(value != found[0] for value in found):
        return dict(values)
    own = {slot.key for slot in sharing}
    return {CODE: found[0]} | {key: value for key, value in values.items() if key not in own}
