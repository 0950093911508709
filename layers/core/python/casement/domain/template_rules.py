"""What Meta takes when a template is created or edited: every fault at once, each with its place and a sentence.

Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components and the pages
of the single kinds beside it (authentication, limited-time offers, media and product card carousels, call permission
requests, time-to-live, the template library); for line breaks, emoji and asterisks what Meta's API answers.

A template that we refuse wrongly is worse than one that Meta refuses, so these functions speak only of what Meta surely
refuses. Where its pages differ, the wider limit counts. Left to Meta are wording and policy; whether a category suits
the text; whether a name is free, and a template's content unlike any other; whether handles, flows, catalogs and links
exist; formatting marks other than asterisks; the text of authentication templates, which Meta writes; and all that is
inside the types listed as unjudged.

Meta's own words (`category`, `type`, `format` …) may be in upper or lower case, as on its pages. A type that Meta has
not is a fault, since Meta says so too and it is misspelt, mostly: where Meta has a new one, it goes into the lists here
and in the simulator. A key that we don't know is no fault. A key that is null counts as absent.

Nothing here repeats what a caller wrote, but for the names of variables: what is said goes to answers and logs.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeAlias

from casement.domain.template_buttons import BUTTONS, otp_faults, phone_faults, row_faults, url_faults
from casement.domain.template_fault import (
    Fault,
    first_of,
    is_number,
    is_text,
    listed,
    shown,
    switch_faults,
    type_faults,
    type_of,
    word,
)
from casement.domain.template_texts import (
    Part,
    example_faults,
    example_of,
    has_break_or_emoji,
    has_variable,
    length_faults,
    placement_faults,
    variable_faults,
    variables,
)

__all__ = ["Fault", "as_stored", "edit_faults", "faults", "library_faults"]

_MOST_FAULTS = 100  # nobody reads more, and a body of megabytes could have millions

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Za-z0-9]{2,4})?")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # JSON can spell one, UTF-8 can't
_CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_PARAMETER_FORMATS = ("POSITIONAL", "NAMED")
_TTL_SECONDS = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}
_LONGEST_TTL = -1  # Meta's word for 30 days

_MEDIA = ("IMAGE", "VIDEO", "GIF", "DOCUMENT")
_FORMATS = ("TEXT", *_MEDIA, "LOCATION", "PRODUCT")
_OFFER_FORMATS = ("IMAGE", "VIDEO")
_CARD_FORMATS = ("IMAGE", "VIDEO", "PRODUCT")

# The categories that a type of component is for. The others are for all.
_FOR: Mapping[str, Sequence[str]] = {
    "HEADER": ("MARKETING", "UTILITY"),
    "CAROUSEL": ("MARKETING",),
    "LIMITED_TIME_OFFER": ("MARKETING",),
    "CALL_PERMISSION_REQUEST": ("MARKETING", "UTILITY"),
}
_UNJUDGED_COMPONENTS = ("GREETING", "ALBUM", "ATTACHMENT", "TAP_TARGET_CONFIGURATION", "ORDER_STATUS")

_LIBRARY_CATEGORIES = ("UTILITY", "AUTHENTICATION")
_LIBRARY_SWITCHES = (
    *("add_contact_number", "add_learn_more_link"),
    *("add_security_recommendation", "add_track_package_link"),
)
_FIXED = ("name", "language", "id", "status")  # keys that an edit can't change; more than these Meta may learn to

_WORDS = ("category", "parameter_format", "type", "format", "otp_type")
_LISTS = ("components", "cards", "buttons")
_DEPTH = 4  # a template's components, a carousel's cards, their components, these' buttons

_HEADER_LENGTH, _BODY_LENGTH, _FOOTER_LENGTH = 60, 1024, 60
_OFFER_BODY_LENGTH, _CARD_BODY_LENGTH, _OFFER_LENGTH = 600, 160, 16
_MOST_BUTTONS, _MOST_CARD_BUTTONS = 10, 2
_FEWEST_CARDS, _MOST_CARDS = 2, 10
_MOST_MINUTES = 90


def faults(template: object) -> tuple[Fault, ...]:
    """Why Meta would refuse to create `template`, the body of a POST to `/{waba_id}/message_templates`: any JSON."""
    if not isinstance(template, dict):
        return (Fault("", "A template must be an object with `name`, `language`, `category` and `components`."),)
    whole = _whole(template)
    return _first(
        _unreadable_faults(template),
        _frame_faults(template, _CATEGORIES),
        _parameter_format_faults(template.get("parameter_format")),
        _ttl_faults(template.get("message_send_ttl_seconds"), whole.category),
        _components_faults(template.get("components"), whole),
    )


def edit_faults(change: object, current: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Why Meta would refuse `change`, the body of a POST to `/{template_id}`: any JSON.

    `current` is the template's definition as Meta gives it. `components` replace the old ones whole and are judged as a
    new template's; what is not in `change` is not judged, since Meta has taken it. When a template may be edited at all
    (its status, once a day) is not said here.
    """
    if not isinstance(change, dict):
        return (Fault("", "An edit must be an object with what is to change."),)
    changed = {key: value for key, value in change.items() if value is not None}
    if not set(changed) - set(_FIXED):
        fixed = tuple(_fixed_faults(changed, current))
        return fixed or (Fault("", "Nothing is to change: an edit needs `components`, `category` or another key."),)
    whole = _whole({**current, **changed})
    return _first(
        _unreadable_faults(change),
        _fixed_faults(changed, current),
        _new_category_faults(changed.get("category"), current),
        _parameter_format_faults(changed.get("parameter_format")),
        _ttl_faults(changed.get("message_send_ttl_seconds"), whole.category),
        _components_faults(changed["components"], whole) if "components" in changed else (),
    )


def library_faults(template: object) -> tuple[Fault, ...]:
    """Why Meta would refuse to create `template` (any JSON) from its template library.

    Such a template has `library_template_name` instead of components, and perhaps `library_template_button_inputs` and
    `library_template_body_inputs`. Whether the library has it, and what inputs it wants, is left to Meta.
    """
    if not isinstance(template, dict):
        return (
            Fault("", "A template must be an object with `name`, `language`, `category` and what it is made from."),
        )
    return _first(
        _unreadable_faults(template),
        _frame_faults(template, _LIBRARY_CATEGORIES),
        _library_name_faults(template),
        _ttl_faults(template.get("message_send_ttl_seconds"), _category_of(template)),
        _button_input_faults(template.get("library_template_button_inputs")),
        _body_input_faults(template.get("library_template_body_inputs")),
    )


def as_stored(template: Mapping[str, Any]) -> dict[str, Any]:
    """A template, or an edit, with Meta's own words in upper case, as Meta gives it back whatever it was given."""
    return _spelled(template, _DEPTH)


def _spelled(element: Mapping[str, Any], depth: int) -> dict[str, Any]:
    spelled = {key: element[key].upper() for key in _WORDS if isinstance(element.get(key), str)}
    lists = {key: element[key] for key in _LISTS if depth and isinstance(element.get(key), list)}
    inner = {
        key: [_spelled(each, depth - 1) if isinstance(each, dict) else each for each in elements]
        for key, elements in lists.items()
    }
    return {**element, **spelled, **inner}


def _first(*found: Iterable[Fault]) -> tuple[Fault, ...]:
    return tuple(islice(chain.from_iterable(found), _MOST_FAULTS))


# --- the whole -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Whole:
    """What decides how a template's parts are judged."""

    category: str  # "" if it is none of Meta's
    named: bool
    types: frozenset[str]  # of its components


def _whole(template: Mapping[str, Any]) -> _Whole:
    components = template.get("components")
    types = map(type_of, components if isinstance(components, list) else ())
    return _Whole(_category_of(template), word(template.get("parameter_format")) == "NAMED", frozenset(types))


def _category_of(template: Mapping[str, Any]) -> str:
    category = word(template.get("category"))
    return category if category in _CATEGORIES else ""


_Place: TypeAlias = "tuple[_Place, str] | None"  # where a value is: what it is in, and where in that


def _unreadable_faults(template: object) -> Iterator[Fault]:
    """Meta can't read a body that holds half a character, wherever it is."""
    values: list[tuple[_Place, object]] = [(None, template)]
    for place, value in values:  # which grows as it goes, however deep the values are
        if isinstance(value, str) and _HALF_CHARACTER.search(value):
            yield Fault(_path(place), "This text holds half a character (a lone surrogate), which can't be sent.")
        elif isinstance(value, list):
            values.extend(((place, f"[{index}]"), each) for index, each in enumerate(value))
        elif isinstance(value, dict):
            if any(map(_HALF_CHARACTER.search, value)):
                yield Fault(_path(place), "A key of this object holds half a character, which can't be sent.")
            values.extend(((place, f".{shown(key)}"), each) for key, each in value.items())


def _path(place: _Place) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(step)
    return "".join(reversed(steps)).removeprefix(".")


def _frame_faults(template: Mapping[str, Any], categories: Sequence[str]) -> Iterator[Fault]:
    name, language = template.get("name"), template.get("language")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        yield Fault("name", "The `name` must have 1 to 512 characters: lower-case letters, digits and underscores.")
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        yield Fault("language", "The `language` must be a code such as en, en_US or fil, with an underscore.")
    if word(template.get("category")) not in categories:
        yield Fault("category", f"The `category` must be one of {listed(categories)}.")


def _parameter_format_faults(parameter_format: object) -> Iterator[Fault]:
    if parameter_format is not None and word(parameter_format) not in _PARAMETER_FORMATS:
        yield Fault("parameter_format", f"The `parameter_format` must be one of {listed(_PARAMETER_FORMATS)}.")


def _ttl_faults(ttl: object, category: str) -> Iterator[Fault]:
    lowest, highest = _TTL_SECONDS.get(category, (30, 2_592_000))
    if ttl is None or (is_number(ttl) and (ttl == _LONGEST_TTL or lowest <= ttl <= highest)):
        return
    of = f" of a template of category {category}" if category else ""
    why = f"The `message_send_ttl_seconds`{of} must be a whole number from {lowest} to {highest}, or {_LONGEST_TTL}."
    yield Fault("message_send_ttl_seconds", why)


def _fixed_faults(changed: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Fault]:
    for key in ("name", "language"):
        if key in changed and not (isinstance(changed[key], str) and changed[key] == current.get(key)):
            yield Fault(key, f"The `{key}` of a template can't be changed; create another template.")


def _new_category_faults(category: object, current: Mapping[str, Any]) -> Iterator[Fault]:
    if category is None:
        return
    if word(category) not in _CATEGORIES:
        yield Fault("category", f"The `category` must be one of {listed(_CATEGORIES)}.")
    elif word(current.get("status")) == "APPROVED" and word(category) != word(current.get("category")):
        yield Fault("category", "The `category` of an approved template can't be changed.")


# --- components ----------------------------------------------------------------------------------------------------


def _components_faults(components: object, whole: _Whole) -> Iterator[Fault]:
    if not isinstance(components, list) or not components:
        yield Fault("components", "A template needs `components`: a list of objects, one of them of type BODY.")
        return
    if "BODY" not in whole.types:
        yield Fault("components", "A template needs a component of type BODY.")
    if whole.category == "AUTHENTICATION" and "BUTTONS" not in whole.types:
        why = "A template of category AUTHENTICATION needs a component of type BUTTONS with a button of type OTP."
        yield Fault("components", why)
    yield from type_faults("components", components, (*_JUDGES, *_UNJUDGED_COMPONENTS))
    yield from _repeat_faults("components", components)
    for index, component in enumerate(components):
        kind = type_of(component)
        if kind in _JUDGES:
            yield from _component_faults(kind, Part(f"components[{index}]", "", component), whole)


def _component_faults(kind: str, part: Part, whole: _Whole) -> Iterator[Fault]:
    categories = _FOR.get(kind, _CATEGORIES)
    if whole.category and whole.category not in categories:
        why = f"Components of type {kind} are for templates of category {listed(categories)}, not {whole.category}."
        yield Fault(part.path, why)
    else:
        yield from _JUDGES[kind](part, whole)


def _repeat_faults(path: str, components: Sequence[object]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, kind in enumerate(map(type_of, components)):
        if kind in _JUDGES and kind in seen:
            yield Fault(f"{path}[{index}]", f"There may be one component of type {kind}; this is another.")
        seen.add(kind)


def _header(part: Part, whole: _Whole) -> Iterator[Fault]:
    format_ = word(part.content.get("format"))
    if format_ not in _FORMATS:
        yield Fault(f"{part.path}.format", f"The header{part.of} needs a `format`, one of {listed(_FORMATS)}.")
    elif "LIMITED_TIME_OFFER" in whole.types and format_ not in _OFFER_FORMATS:
        why = f"The header of a limited-time offer must be of format {listed(_OFFER_FORMATS)}."
        yield Fault(f"{part.path}.format", why)
    elif format_ == "TEXT":
        yield from _text_header(part, whole)
    elif format_ in _MEDIA:
        yield from _sample_faults(part, format_)


def _text_header(part: Part, whole: _Whole) -> Iterator[Fault]:
    path, what, text = f"{part.path}.text", f"The header{part.of}", part.content.get("text")
    yield from length_faults(path, what, text, _HEADER_LENGTH)
    if not isinstance(text, str):
        return
    if has_break_or_emoji(text) or "*" in text:
        yield Fault(path, f"{what} may have no line breaks, emoji or asterisks.")
    names = variables(text)
    if len(names) > 1:
        yield Fault(path, f"{what} may have one variable; this one has {len(names)}.")
    yield from variable_faults(path, what, text, whole.named)
    yield from example_faults("header", part, names, whole.named)


def _sample_faults(part: Part, format_: str) -> Iterator[Fault]:
    """The example of a media header."""
    if not is_text(first_of(example_of(part).get("header_handle"))):
        why = f"The header{part.of} is of format {format_} and needs `example.header_handle`, the handle of a sample."
        yield Fault(f"{part.path}.example", why)


def _body(part: Part, whole: _Whole) -> Iterator[Fault]:
    if whole.category == "AUTHENTICATION":  # Meta writes its text
        yield from switch_faults(part.path, part.content, "add_security_recommendation")
        return
    longest = _OFFER_BODY_LENGTH if "LIMITED_TIME_OFFER" in whole.types else _BODY_LENGTH
    yield from _body_text_faults(part, whole, longest)
    text = part.content.get("text")
    if isinstance(text, str):
        yield from placement_faults(f"{part.path}.text", "The body", text)


def _body_text_faults(part: Part, whole: _Whole, longest: int) -> Iterator[Fault]:
    path, what, text = f"{part.path}.text", f"The body{part.of}", part.content.get("text")
    yield from length_faults(path, what, text, longest)
    if isinstance(text, str):
        yield from variable_faults(path, what, text, whole.named)
        yield from example_faults("body", part, variables(text), whole.named)


def _footer(part: Part, whole: _Whole) -> Iterator[Fault]:
    if "LIMITED_TIME_OFFER" in whole.types:
        yield Fault(part.path, "A template with a limited-time offer has no footer.")
    if whole.category == "AUTHENTICATION":  # Meta writes its text
        yield from _minutes_faults(part.path, part.content)
        return
    path, text = f"{part.path}.text", part.content.get("text")
    yield from length_faults(path, "The footer", text, _FOOTER_LENGTH)
    if has_variable(text):
        yield Fault(path, "The footer may have no variables.")
    if has_break_or_emoji(text):
        yield Fault(path, "The footer may have no line breaks or emoji.")


def _limited_time_offer(part: Part, _whole: _Whole) -> Iterator[Fault]:
    offer, path = part.content.get("limited_time_offer"), f"{part.path}.limited_time_offer"
    if not isinstance(offer, dict):
        yield Fault(path, "A limited-time offer needs `limited_time_offer`, an object with a `text`.")
        return
    yield from length_faults(f"{path}.text", "The limited-time offer", offer.get("text"), _OFFER_LENGTH)
    yield from switch_faults(path, offer, "has_expiration")


def _call_permission_request(part: Part, whole: _Whole) -> Iterator[Fault]:
    if whole.types & {"BUTTONS", "CAROUSEL"}:
        yield Fault(part.path, "A template that asks for the permission to call has neither buttons nor a carousel.")


def _buttons(part: Part, whole: _Whole) -> Iterator[Fault]:
    buttons = part.content.get("buttons")
    yield from row_faults(part, whole.category, _MOST_BUTTONS)
    if isinstance(buttons, list) and whole.category == "AUTHENTICATION" and "OTP" not in map(type_of, buttons):
        yield Fault(f"{part.path}.buttons", "A template of category AUTHENTICATION needs a button of type OTP.")


# --- cards ---------------------------------------------------------------------------------------------------------


def _carousel(part: Part, whole: _Whole) -> Iterator[Fault]:
    given, path = part.content.get("cards"), f"{part.path}.cards"
    cards = given if isinstance(given, list) else []
    if not _FEWEST_CARDS <= len(cards) <= _MOST_CARDS:
        yield Fault(path, f"A carousel needs `cards`, {_FEWEST_CARDS} to {_MOST_CARDS}; there are {len(cards)}.")
    for index, card in enumerate(cards):
        yield from _card_faults(f"{path}[{index}]", index, card, whole)
    yield from _make_up_faults(path, cards)


def _make_up_faults(path: str, cards: Sequence[object]) -> Iterator[Fault]:
    make_ups = {index: _make_up(card) for index, card in enumerate(cards) if _components_of(card)}
    first = next(iter(make_ups), 0)
    for index, make_up in make_ups.items():
        if make_up != make_ups[first]:
            why = "all cards must have the same components, with headers of one format and the same types of button"
            yield Fault(f"{path}[{index}]", f"Card {index} is made otherwise than card {first}; {why}.")


def _card_faults(path: str, index: int, card: object, whole: _Whole) -> Iterator[Fault]:
    components, path = _components_of(card), f"{path}.components"
    if not components:
        yield Fault(path, f"Card {index} needs `components`, a HEADER among them.")
        return
    if "HEADER" not in map(type_of, components):
        yield Fault(path, f"Card {index} needs a component of type HEADER.")
    yield from type_faults(path, components, tuple(_CARD_JUDGES))
    yield from _repeat_faults(path, components)
    for place, component in enumerate(components):
        kind = type_of(component)
        if kind in _CARD_JUDGES:
            yield from _CARD_JUDGES[kind](Part(f"{path}[{place}]", f" of card {index}", component), whole)


def _card_header(part: Part, _whole: _Whole) -> Iterator[Fault]:
    format_ = word(part.content.get("format"))
    if format_ not in _CARD_FORMATS:
        yield Fault(f"{part.path}.format", f"The header{part.of} must be of format {listed(_CARD_FORMATS)}.")
    elif format_ in _MEDIA:
        yield from _sample_faults(part, format_)


def _card_body(part: Part, whole: _Whole) -> Iterator[Fault]:
    yield from _body_text_faults(part, whole, _CARD_BODY_LENGTH)


def _card_buttons(part: Part, whole: _Whole) -> Iterator[Fault]:
    yield from row_faults(part, whole.category, _MOST_CARD_BUTTONS)


def _components_of(card: object) -> list[Any]:
    components = card.get("components") if isinstance(card, dict) else None
    return components if isinstance(components, list) else []


def _make_up(card: object) -> Mapping[str, Any]:
    """What all cards have in common."""
    parts = {type_of(component): component for component in _components_of(card)}
    buttons = parts.get("BUTTONS", {}).get("buttons")
    return {
        "components": set(parts),
        "format": word(parts.get("HEADER", {}).get("format")),
        "buttons": [type_of(button) for button in buttons] if isinstance(buttons, list) else None,
    }


_JUDGES: Mapping[str, Callable[[Part, _Whole], Iterator[Fault]]] = {
    "HEADER": _header,
    "BODY": _body,
    "FOOTER": _footer,
    "BUTTONS": _buttons,
    "CAROUSEL": _carousel,
    "LIMITED_TIME_OFFER": _limited_time_offer,
    "CALL_PERMISSION_REQUEST": _call_permission_request,
}
_CARD_JUDGES: Mapping[str, Callable[[Part, _Whole], Iterator[Fault]]] = {
    "HEADER": _card_header,
    "BODY": _card_body,
    "BUTTONS": _card_buttons,
}


# --- the template library ------------------------------------------------------------------------------------------


def _library_name_faults(template: Mapping[str, Any]) -> Iterator[Fault]:
    if not is_text(template.get("library_template_name")):
        yield Fault(
            "library_template_name", "The `library_template_name` must be the name of a template in the library."
        )
    if template.get("components"):
        yield Fault("components", "A template from the library has the library's components and none of its own.")


def _button_input_faults(inputs: object) -> Iterator[Fault]:
    path = "library_template_button_inputs"
    if inputs is None or isinstance(inputs, str):  # Meta's page has a string, which is not even JSON
        return
    if not isinstance(inputs, list):
        yield Fault(path, f"The `{path}` must be a list of objects.")
        return
    yield from type_faults(path, inputs, BUTTONS)
    for index, button in enumerate(inputs):
        kind = type_of(button)
        if kind in _INPUT_JUDGES:
            yield from _INPUT_JUDGES[kind](f"{path}[{index}]", f"button {index}", button)


def _url_input(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    url = button.get("url")
    if not isinstance(url, dict):
        yield Fault(f"{path}.url", f"The `url` of {what} must be an object with `base_url`.")
        return
    yield from url_faults(f"{path}.url.base_url", what, url.get("base_url"))
    if has_variable(url.get("base_url")) and not is_text(url.get("url_suffix_example")):
        why = f"The URL of {what} has a variable and needs `url_suffix_example`, the whole URL of an example."
        yield Fault(f"{path}.url.url_suffix_example", why)


_INPUT_JUDGES: Mapping[str, Callable[[str, str, Mapping[str, Any]], Iterator[Fault]]] = {
    "URL": _url_input,
    "PHONE_NUMBER": phone_faults,
    "OTP": otp_faults,
}


def _body_input_faults(inputs: object) -> Iterator[Fault]:
    path = "library_template_body_inputs"
    if inputs is None or isinstance(inputs, str):
        return
    given = inputs if isinstance(inputs, list) else [inputs]  # clients send either
    if not all(isinstance(each, dict) for each in given):
        yield Fault(path, f"The `{path}` must be an object.")
        return
    for index, each in enumerate(given):
        place = f"{path}[{index}]" if isinstance(inputs, list) else path
        for key in _LIBRARY_SWITCHES:
            yield from switch_faults(place, each, key)
        yield from _minutes_faults(place, each)


# --- single values -------------------------------------------------------------------------------------------------


def _minutes_faults(path: str, content: Mapping[str, Any]) -> Iterator[Fault]:
    minutes = content.get("code_expiration_minutes")
    if minutes is not None and not (is_number(minutes) and 1 <= minutes <= _MOST_MINUTES):
        why = f"The `code_expiration_minutes` must be a whole number from 1 to {_MOST_MINUTES}."
        yield Fault(f"{path}.code_expiration_minutes", why)
