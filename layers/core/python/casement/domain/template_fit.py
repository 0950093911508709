"""Whether the parameters of a template send fit the template: judged before Meta sees them.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview, and the pages of
the single components. What is refused here, Meta refuses; what it does with the rest is not always known (a component
given twice, a type of parameter that it adds tomorrow), and that is let through, since a send that we refuse wrongly is
worse than one that Meta refuses.

A misfit names its place: the component, the card, the button, the variable. Nothing here repeats a value that a caller
gave: what is said about it goes to answers and logs.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

from casement.domain.template_shape import (
    MOST_CARDS,
    Component,
    Shape,
    hydrated,
    is_plain,
    of_type,
    place_of,
    shape_of,
    type_of,
    variables,
)

MISSING = 131008
WRONG_VALUE = 131009
WRONG_NUMBER = 132000
TOO_LONG = 132005
WRONG_FORMAT = 132012
BROKEN_TEXT = 132018  # and a parameter that its button does not take

LONGEST_BODY, LONGEST_CARD_BODY = 1024, 160  # characters, with the values in them
LONGEST_URL = 2000
LONGEST_COUPON_CODE = 20  # Meta's pages say 15 in one place and 20 in another
LONGEST_SECTION_TITLE = 24
MOST_SECTIONS, MOST_PRODUCTS = 10, 30

BREAKS = re.compile(r"[\n\r\t]| {5,}")
_DIGITS = re.compile(r"[0-9]{1,20}")
BROKEN = "must not hold line breaks, tabs or more than four spaces in a row"
NO_TEXT = "must be a text that is not empty"

_TEXTUAL = frozenset({"text", "currency", "date_time"})
_KNOWN_TYPES = _TEXTUAL | frozenset(
    (
        *("image", "video", "gif", "document", "location", "product"),
        *("payload", "coupon_code", "limited_time_offer", "action", "tap_target_configuration"),
    )
)
_HEADER_TYPES: Mapping[str, tuple[str, ...]] = {
    "IMAGE": ("image",),
    "VIDEO": ("video",),
    "GIF": ("gif", "video"),  # Meta's pages do not say which of them a GIF is sent as
    "DOCUMENT": ("document",),
    "LOCATION": ("location",),
    "PRODUCT": ("product",),
}
_NEEDED_OF: Mapping[str, tuple[str, ...]] = {"location": ("latitude", "longitude"), "product": ("product_retailer_id",)}
_SUB_TYPES: Mapping[str, str] = {"URL": "url", "OTP": "url"} | {  # as which a button is sent
    name: name.lower() for name in ("COPY_CODE", "QUICK_REPLY", "FLOW", "CATALOG", "MPM", "VOICE_CALL", "ORDER_DETAILS")
}
_WITHOUT_PARAMETERS = frozenset({"URL", "PHONE_NUMBER"})  # a URL with a variable is another matter


@dataclass(frozen=True, slots=True)
class Misfit:
    """A reason for which Meta would refuse the parameters, with the code it would use."""

    code: int
    where: str  # "header", "body", "button 0", "card 1 body", "card 1 button 0", "carousel", "components" for the whole
    why: str  # a sentence that names the place and the variable


class _Place(NamedTuple):
    """A component of a message, or of one of its cards."""

    name: str
    card: int | None = None

    @property
    def where(self) -> str:
        return self.name if self.card is None else f"card {self.card} {self.name}"

    def __str__(self) -> str:
        return self.name if self.card is None else f"{self.name} of card {self.card}"

    @property
    def the(self) -> str:
        """At the start of a sentence."""
        return str(self).capitalize() if self.name.startswith("button") else f"The {self}"


class _Wanted(NamedTuple):
    """What a button takes: at most one parameter, of this type. `needs` says why it can't do without."""

    type: str
    needs: str | None = None


_BUTTONS: Mapping[str, _Wanted] = {
    "OTP": _Wanted("text", "needs the code that it copies"),
    "COPY_CODE": _Wanted("coupon_code", "needs the coupon code that it copies"),
    "QUICK_REPLY": _Wanted("payload"),
    "FLOW": _Wanted("action"),
    "CATALOG": _Wanted("action"),
    "MPM": _Wanted("action", "needs the products that it shows"),
}
_DYNAMIC_URL = _Wanted("text", "needs a value for the variable of its URL")


def fit(definition: Mapping[str, Any], components: Any) -> tuple[Misfit, ...]:
    """Why Meta would refuse `components` (any JSON, from `template.components` of a send) for this template."""
    shape = shape_of(definition)
    if shape is None:  # we don't know what it wants
        return ()
    sent = components or []
    if not _are_objects(sent):
        return (Misfit(WRONG_FORMAT, "components", "The components must be a list of objects."),)
    return (*_part_misfits(shape, sent), *_offer_misfits(shape, sent), *_carousel_misfits(shape, sent))


def _part_misfits(shape: Shape, sent: Sequence[Component], card: int | None = None) -> Iterator[Misfit]:
    if not all(map(type_of, sent)):
        where = _Place("components", card)
        yield Misfit(WRONG_FORMAT, where.where, f"Each of the {where} must have a `type`.")
    yield from _header_misfits(_Place("header", card), shape, of_type(sent, "HEADER"))
    yield from _body_misfits(_Place("body", card), shape, of_type(sent, "BODY"))
    yield from _button_misfits(shape, of_type(sent, "BUTTON"), card)


# --- texts ---------------------------------------------------------------------------------------------------------


def _body_misfits(place: _Place, shape: Shape, sent: Sequence[Component]) -> Iterator[Misfit]:
    if shape.has_untold_body:
        yield from _text_misfits(place, "{{1}}", sent, named=False)
    elif shape.body_text is not None:
        limit = LONGEST_BODY if place.card is None else LONGEST_CARD_BODY
        yield from _text_misfits(place, shape.body_text, sent, named=shape.named, limit=limit)


def _text_misfits(
    place: _Place, text: str, sent: Sequence[Component], *, named: bool, limit: int | None = None
) -> Iterator[Misfit]:
    names = variables(text)
    if len(sent) > 1 or not is_plain(names, named=named):
        return
    parameters = _parameters(sent)
    if parameters is None:
        yield _no_list(place)
        return
    judged = _named_misfits if named and names else _positional_misfits
    misfits = tuple(judged(place, names, parameters))
    yield from misfits
    if limit is not None and not misfits and (length := _length(text, names, parameters, named=named)) > limit:
        why = f"{place.the} would be {length:,} characters long with these values, and may be {limit:,} at most."
        yield Misfit(TOO_LONG, place.where, why)


def _positional_misfits(
    place: _Place, names: Sequence[str], parameters: Sequence[Mapping[str, Any]]
) -> Iterator[Misfit]:
    if len(parameters) != len(names):
        yield Misfit(WRONG_NUMBER, place.where, _why_another_number(place, names, len(parameters)))
        return
    for name, parameter in zip(names, parameters, strict=True):
        yield from _value_misfits(place, name, parameter)
        if parameter.get("parameter_name"):
            why = f"{place.the} has numbered variables, and {_listed([name])} is given with a `parameter_name`."
            yield Misfit(WRONG_FORMAT, place.where, why)


def _why_another_number(place: _Place, names: Sequence[str], given: int) -> str:
    missing = names[given:]
    ending = f" Without a value: {_listed(missing)}." if missing else ""
    return f"{_variables_of(place, names)}, and the number of parameters given is {given}.{ending}"


def _named_misfits(place: _Place, names: Sequence[str], parameters: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    given = [name for each in parameters if isinstance(name := each.get("parameter_name"), str) and name]
    if len(given) < len(parameters):
        why = f"{_variables_of(place, names)}, and a parameter is given without `parameter_name`."
        yield Misfit(WRONG_FORMAT, place.where, why)
        return
    code = WRONG_FORMAT if len(given) == len(names) else WRONG_NUMBER
    if missing := [name for name in names if name not in given]:
        yield Misfit(code, place.where, f"{_variables_of(place, names)}. Without a value: {_listed(missing)}.")
    if repeated := [name for name in names if given.count(name) > 1]:
        yield Misfit(code, place.where, f"{_variables_of(place, names)}. Given more than once: {_listed(repeated)}.")
    if not set(given) <= set(names):
        yield Misfit(code, place.where, f"{_variables_of(place, names)}, and a parameter of another name is given.")
    for name, parameter in zip(given, parameters, strict=True):
        if name in names:
            yield from _value_misfits(place, name, parameter)


def _value_misfits(place: _Place, name: str, parameter: Mapping[str, Any]) -> Iterator[Misfit]:
    called, kind = f"{_listed([name])} of the {place}", type_of(parameter).lower()
    if _is_of_another_type(parameter, _TEXTUAL):
        why = f"{called} takes text, and a parameter of another type is given."
        yield Misfit(WRONG_FORMAT, place.where, why)
    elif kind == "text":
        yield from _written_misfits(place, f"The value of {called}", parameter.get("text"))
    elif kind in _TEXTUAL and not shown_value(parameter):
        yield Misfit(MISSING, place.where, f"The value of {called} needs a `fallback_value`, which is what is shown.")


def _written_misfits(place: _Place, called: str, text: Any) -> Iterator[Misfit]:
    """What is wrong with a text that is to be shown, or to end a URL."""
    if not isinstance(text, str) or not text.strip(" "):
        yield Misfit(MISSING, place.where, f"{called} {NO_TEXT}.")
    elif BREAKS.search(text):
        yield Misfit(BROKEN_TEXT, place.where, f"{called} {BROKEN}.")


def shown_value(parameter: Mapping[str, Any]) -> str | None:
    """What the customer sees of a parameter that stands for a variable, None for one that shows nothing."""
    kind = type_of(parameter).lower()
    shown = parameter.get(kind) if kind in _TEXTUAL else None
    if kind != "text":
        shown = shown.get("fallback_value") if isinstance(shown, dict) else None
    return shown if isinstance(shown, str) and shown else None


def _length(text: str, names: Sequence[str], parameters: Sequence[Mapping[str, Any]], *, named: bool) -> int:
    keys = [each.get("parameter_name") for each in parameters] if named else names
    values = {key: shown_value(each) or "" for key, each in zip(keys, parameters, strict=True)}
    return len(hydrated(text, lambda name: values.get(name, "")))


# --- headers -------------------------------------------------------------------------------------------------------


def _header_misfits(place: _Place, shape: Shape, sent: Sequence[Component]) -> Iterator[Misfit]:
    if shape.header is None:
        yield from _text_misfits(place, "", sent, named=False)
    elif shape.header_text is not None:
        yield from _text_misfits(place, shape.header_text, sent, named=shape.named)
    elif len(sent) < 2:
        yield from _content_misfits(place, shape.header_format or "", sent)


def _content_misfits(place: _Place, format_: str, sent: Sequence[Component]) -> Iterator[Misfit]:
    types, parameters = _HEADER_TYPES.get(format_), _parameters(sent)
    if parameters is None:
        yield _no_list(place)
        return
    if types is None:  # a format that we do not know
        return
    needs = f"{place.the} is of format {format_} and needs a parameter of type {' or '.join(types)}"
    if not parameters:
        yield Misfit(WRONG_FORMAT, place.where, f"{needs}.")
    elif len(parameters) > 1:
        yield Misfit(WRONG_NUMBER, place.where, f"{needs}; the number of parameters given is {len(parameters)}.")
    elif _is_of_another_type(parameters[0], types):
        yield Misfit(WRONG_FORMAT, place.where, f"{needs}; one of another type is given.")
    elif (kind := type_of(parameters[0]).lower()) in types and (lack := _why_incomplete(kind, parameters[0].get(kind))):
        yield Misfit(MISSING, place.where, f"{needs}; {lack}.")


def _why_incomplete(kind: str, content: Any) -> str | None:
    """In words, what a medium, a place or a product lacks."""
    if not isinstance(content, dict) or not content:
        return f"its `{kind}` is missing"
    needed = _NEEDED_OF.get(kind)
    if needed is None:
        return None if content.get("id") or content.get("link") else f"its `{kind}` has neither `id` nor `link`"
    missing = next((name for name in needed if content.get(name) in (None, "")), None)
    return missing and f"its `{kind}` has no `{missing}`"


# --- buttons -------------------------------------------------------------------------------------------------------


def _button_misfits(shape: Shape, sent: Sequence[Component], card: int | None) -> Iterator[Misfit]:
    places = [place_of(component, "index") for component in sent]
    count = len(shape.buttons)
    for component, index in zip(sent, places, strict=True):
        yield from _index_misfits(_Place("button", card), component.get("index"), index, count)
    for index, button in enumerate(shape.buttons):
        there = [component for place, component in zip(places, sent, strict=True) if place == index]
        if len(there) < 2:
            yield from _one_button_misfits(_Place(f"button {index}", card), button, there)


def _index_misfits(place: _Place, given: Any, index: int | None, count: int) -> Iterator[Misfit]:
    component = "A button component" if place.card is None else f"A button component of card {place.card}"
    if given is None or given == "":
        yield Misfit(MISSING, place.where, f"{component} has no `index`, which says what button it is for.")
    elif index is None or not 0 <= index < count:
        here = "the template" if place.card is None else "the card"
        has = f"{here} has {count} buttons, counted from 0" if count else f"{here} has no buttons"
        yield Misfit(WRONG_FORMAT, place.where, f"{component} has an `index` at which there is no button: {has}.")


def _one_button_misfits(place: _Place, button: Component, sent: Sequence[Component]) -> Iterator[Misfit]:
    kind, parameters = type_of(button), _parameters(sent)
    wanted = _DYNAMIC_URL if kind == "URL" and variables(button.get("url")) else _BUTTONS.get(kind)
    if parameters is None:
        yield _no_list(place)
    elif sent and _is_for_another(sent[0], kind):
        why = f"{place.the} is of type {kind} and must be sent with the `sub_type` {_SUB_TYPES[kind]}."
        yield Misfit(BROKEN_TEXT, place.where, why)
    elif wanted is None:
        if kind in _WITHOUT_PARAMETERS and parameters:
            why = f"{place.the} is of type {kind} without a variable and takes no parameter."
            yield Misfit(BROKEN_TEXT, place.where, why)
    elif kind == "FLOW" and not sent:
        # Its parameters may be left out, itself may not: Bindambc/whatsapp-business-java-api#221, chatwoot#14714
        why = f"{place.the} opens a Flow and must be sent as a component, be it without parameters."
        yield Misfit(WRONG_VALUE, place.where, why)
    elif not parameters:
        if wanted.needs:
            yield Misfit(MISSING, place.where, f"{place.the} {wanted.needs}, and no parameter is given for it.")
    elif len(parameters) > 1:
        why = f"{place.the} takes one parameter, and the number of parameters given is {len(parameters)}."
        yield Misfit(WRONG_NUMBER, place.where, why)
    elif _is_of_another_type(parameters[0], (wanted.type,)):
        why = f"{place.the} takes a parameter of type {wanted.type}, and one of another type is given."
        yield Misfit(WRONG_FORMAT, place.where, why)
    elif type_of(parameters[0]).lower() == wanted.type:
        yield from _given_misfits(place, kind, button, parameters[0].get(wanted.type))


def _is_for_another(component: Component, kind: str) -> bool:
    """Whether it is sent as a button of another type that Meta knows. A type that we do not know is Meta's to judge."""
    due, sub_type = _SUB_TYPES.get(kind), component.get("sub_type")
    given = sub_type.lower() if isinstance(sub_type, str) else ""
    return due is not None and given != due and given in _SUB_TYPES.values()


def _given_misfits(place: _Place, kind: str, button: Component, content: Any) -> Iterator[Misfit]:
    match kind:
        case "URL" | "OTP":
            yield from _suffix_misfits(place, button, content)
        case "COPY_CODE":
            yield from _coupon_misfits(place, content)
        case "QUICK_REPLY":
            if not isinstance(content, str) or not content:
                yield Misfit(MISSING, place.where, f"The payload of {place} {NO_TEXT}.")
        case _:
            yield from _action_misfits(place, kind, content)


def _suffix_misfits(place: _Place, button: Component, content: Any) -> Iterator[Misfit]:
    names = variables(button.get("url"))
    called = f"The value of {_listed(names)} of the URL of {place}" if names else f"The code for {place}"
    misfits = tuple(_written_misfits(place, called, content))
    yield from misfits
    if names and not misfits and len(hydrated(button["url"], lambda _: content)) > LONGEST_URL:
        why = f"The URL of {place} would be longer than {LONGEST_URL:,} characters with this value."
        yield Misfit(TOO_LONG, place.where, why)


def _coupon_misfits(place: _Place, content: Any) -> Iterator[Misfit]:
    if not isinstance(content, str) or not content:
        yield Misfit(MISSING, place.where, f"The coupon code for {place} {NO_TEXT}.")
    elif len(content) > LONGEST_COUPON_CODE:
        why = f"The coupon code for {place} must have {LONGEST_COUPON_CODE} characters at most."
        yield Misfit(WRONG_VALUE, place.where, why)


def _action_misfits(place: _Place, kind: str, action: Any) -> Iterator[Misfit]:
    if not isinstance(action, dict):
        yield Misfit(MISSING, place.where, f"The parameter for {place} must have the object `action`.")
        return
    forms: Mapping[str, Callable[[Any], bool]] = {
        "flow_token": lambda token: isinstance(token, str),
        "flow_action_data": lambda data: isinstance(data, dict),
        "thumbnail_product_retailer_id": lambda product: isinstance(product, str),
    }
    for name, is_right in forms.items():
        if action.get(name) is not None and not is_right(action[name]):
            should_be = "an object" if name == "flow_action_data" else "a text"
            yield Misfit(WRONG_FORMAT, place.where, f"The `{name}` for {place} must be {should_be}.")
    if kind == "MPM":
        yield from _section_misfits(place, action.get("sections"))


def _section_misfits(place: _Place, sections: Any) -> Iterator[Misfit]:
    if not sections or not _are_objects(sections) or not all(_are_products(each) for each in sections):
        why = f"{place.the} needs `sections`, each with `product_items` that have a `product_retailer_id`."
        yield Misfit(MISSING, place.where, why)
        return
    if len(sections) > MOST_SECTIONS or sum(len(each["product_items"]) for each in sections) > MOST_PRODUCTS:
        why = f"{place.the} shows {MOST_SECTIONS} sections and {MOST_PRODUCTS} products at most."
        yield Misfit(WRONG_VALUE, place.where, why)
    titles = [each.get("title") or "" for each in sections]
    if not all(isinstance(title, str) and len(title) <= LONGEST_SECTION_TITLE for title in titles):
        why = f"The titles of the sections of {place} must be texts of {LONGEST_SECTION_TITLE} characters at most."
        yield Misfit(WRONG_VALUE, place.where, why)


def _are_products(section: Mapping[str, Any]) -> bool:
    items = section.get("product_items")
    return bool(items) and _are_objects(items) and all(_is_written(item.get("product_retailer_id")) for item in items)


# --- limited-time offers and carousels -----------------------------------------------------------------------------


def _offer_misfits(shape: Shape, sent: Sequence[Component]) -> Iterator[Misfit]:
    place, there = _Place("limited_time_offer"), of_type(sent, "LIMITED_TIME_OFFER")
    if not shape.offer_ends or len(there) > 1:
        return
    needs = "The limited-time offer needs the time at which it ends"
    parameters = _parameters(there)
    if parameters is None:
        yield _no_list(place)
    elif not parameters:
        yield Misfit(MISSING, place.where, f"{needs}, and no parameter is given for it.")
    elif len(parameters) > 1:
        why = f"{needs}, and nothing else; the number of parameters given is {len(parameters)}."
        yield Misfit(WRONG_NUMBER, place.where, why)
    elif _is_of_another_type(parameters[0], ("limited_time_offer",)):
        yield Misfit(WRONG_FORMAT, place.where, f"{needs}; a parameter of another type is given.")
    elif type_of(parameters[0]) == "LIMITED_TIME_OFFER":
        yield from _end_misfits(place, needs, parameters[0].get("limited_time_offer"))


def _end_misfits(place: _Place, needs: str, content: Any) -> Iterator[Misfit]:
    end = content.get("expiration_time_ms") if isinstance(content, dict) else None
    if end is None:
        yield Misfit(MISSING, place.where, f"{needs}; its `expiration_time_ms` is missing.")
    elif isinstance(end, bool) or not (isinstance(end, int) or (isinstance(end, str) and _DIGITS.fullmatch(end))):
        yield Misfit(WRONG_FORMAT, place.where, f"{needs}: `expiration_time_ms` must be a number of milliseconds.")


def _carousel_misfits(shape: Shape, sent: Sequence[Component]) -> Iterator[Misfit]:
    there = of_type(sent, "CAROUSEL")
    if not shape.cards or len(there) > 1:
        return
    cards = there[0].get("cards") if there else None
    if not _are_objects(cards):
        count = f"The template is a carousel of {len(shape.cards)} cards"
        why = f"{count}, and none are given." if cards is None else f"{count}: `cards` must be a list of objects."
        yield Misfit(MISSING if cards is None else WRONG_FORMAT, "carousel", why)
        return
    places = [place_of(card, "card_index") for card in cards]
    misfits = tuple(_card_index_misfits(shape, cards, places))
    yield from misfits
    if not misfits:
        for index, card in zip(places, cards, strict=True):
            yield from _card_misfits(shape, index or 0, card)


def _card_index_misfits(shape: Shape, cards: Sequence[Component], places: Sequence[int | None]) -> Iterator[Misfit]:
    if any(card.get("card_index") in (None, "") for card in cards):
        yield Misfit(MISSING, "carousel", "Each card of the carousel needs a `card_index`, counted from 0.")
        return
    stored = len(shape.cards or ())
    if shape.shows_products:
        if not 1 <= len(cards) <= MOST_CARDS:
            yield Misfit(WRONG_FORMAT, "carousel", f"The carousel takes 1 to {MOST_CARDS} cards with products.")
            return
    elif len(cards) != stored:
        why = f"The template is a carousel of {stored} cards, and the number of cards given is {len(cards)}."
        yield Misfit(WRONG_FORMAT, "carousel", why)
        return
    if sorted(place for place in places if place is not None) != list(range(len(cards))):
        why = f"The `card_index` of the cards must be the numbers from 0 to {len(cards) - 1}, each once."
        yield Misfit(WRONG_FORMAT, "carousel", why)


def _card_misfits(shape: Shape, index: int, card: Component) -> Iterator[Misfit]:
    components = card.get("components") or []
    if not _are_objects(components):
        yield Misfit(WRONG_FORMAT, f"card {index}", f"The components of card {index} must be a list of objects.")
        return
    yield from _part_misfits(shape.card(index), components, index)


# --- what all have in common ---------------------------------------------------------------------------------------


def _parameters(sent: Sequence[Component]) -> list[Mapping[str, Any]] | None:
    """The parameters of the component sent for one place, None if they can't be read."""
    given = (sent[0].get("parameters") or []) if sent else []
    return given if _are_objects(given) else None


def _are_objects(given: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(given, list) and all(isinstance(each, dict) for each in given)


def _is_of_another_type(parameter: Mapping[str, Any], due: frozenset[str] | tuple[str, ...]) -> bool:
    """Whether Meta knows the parameter's type as none of those due. A type that we do not know is Meta's to judge."""
    type_ = type_of(parameter).lower()
    return type_ not in due and (not type_ or type_ in _KNOWN_TYPES)


def _is_written(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _no_list(place: _Place) -> Misfit:
    return Misfit(WRONG_FORMAT, place.where, f"The parameters of the {place} must be a list of objects.")


def _variables_of(place: _Place, names: Sequence[str]) -> str:
    return f"{place.the} has the variables {_listed(names)}" if names else f"{place.the} has no variables"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"{{{{{name}}}}}" for name in names)
