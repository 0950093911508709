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
not is a fault, since Meta says so too and it is misspelt, mostly; a key that we don't know is none. A key that is null
counts as absent.

Nothing here repeats what a caller wrote, but for the names of variables: what is said goes to answers and logs.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from typing import Any, TypeAlias, TypeGuard

_MOST_NAMES = 5
_MOST_FAULTS = 100  # nobody reads more, and a body of megabytes could have millions

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Za-z0-9]{2,4})?")
_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_VARIABLE_AT_END = re.compile(_VARIABLE.pattern + r"\Z")
_ADJACENT = re.compile(_VARIABLE.pattern + r"[ \t]*" + _VARIABLE.pattern)
_VARIABLE_NAME = re.compile(r"[a-z0-9_]*[a-z_][a-z0-9_]*")
_PRESENTABLE = re.compile(r"[A-Za-z0-9_]{1,40}")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # JSON can spell one, UTF-8 can't
_BREAK = re.compile(r"[\n\r]")
_EMOJI = re.compile("[\u2705\u274c\ufe0f\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_PACKAGE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)
_SIGNATURE = re.compile(r"[A-Za-z0-9+/=]{11}")

_CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
_PARAMETER_FORMATS = ("POSITIONAL", "NAMED")
_TTL_SECONDS = {"AUTHENTICATION": (30, 900), "UTILITY": (30, 43_200), "MARKETING": (43_200, 2_592_000)}
_TTL_DEFAULT = -1  # asks for Meta's own

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

_LABELLED = frozenset({"QUICK_REPLY", "URL", "PHONE_NUMBER", "FLOW", "CATALOG", "MPM", "SPM", "VOICE_CALL"})
_UNJUDGED_BUTTONS = (
    *("APP", "REQUEST_CONTACT_INFO", "CALL_PERMISSION_REQUEST"),
    *("ORDER_DETAILS", "REMINDER", "BOOKING_CONFIRMATION"),
)
_BUTTONS = (*sorted(_LABELLED), "COPY_CODE", "OTP", *_UNJUDGED_BUTTONS)
_AT_MOST = {"PHONE_NUMBER": 1, "URL": 2, "COPY_CODE": 1, "OTP": 1, "FLOW": 1, "CATALOG": 1, "MPM": 1}
_OTP_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP", "NO_BUTTONS")
_FLOW_KEYS = ("flow_id", "flow_name", "flow_json")

_LIBRARY_CATEGORIES = ("UTILITY", "AUTHENTICATION")
_LIBRARY_SWITCHES = (
    *("add_contact_number", "add_learn_more_link"),
    *("add_security_recommendation", "add_track_package_link"),
)
_FIXED = ("name", "language", "id", "status")  # keys that an edit can't change; more than these Meta may learn to

_WORDS = ("category", "parameter_format", "type", "format", "otp_type")
_LISTS = ("components", "cards", "buttons")
_DEPTH = 4  # a template's components, a carousel's cards, their components, these' buttons

_HEADER_LENGTH, _BODY_LENGTH, _FOOTER_LENGTH, _LABEL_LENGTH = 60, 1024, 60, 25
_OFFER_BODY_LENGTH, _CARD_BODY_LENGTH, _OFFER_LENGTH = 600, 160, 16
_URL_LENGTH, _PHONE_LENGTH, _PACKAGE_LENGTH = 2000, 20, 224
_COUPON_LENGTH = 20  # 15 on some of Meta's pages
_MOST_BUTTONS, _MOST_CARD_BUTTONS = 10, 2
_FEWEST_CARDS, _MOST_CARDS = 2, 10
_MOST_APPS = 5
_MOST_MINUTES = 90


@dataclass(frozen=True, slots=True)
class Fault:
    """Something for which Meta would refuse a template."""

    path: str  # where, as in `components[2].buttons[0].url`; "" for the whole
    why: str  # a sentence


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
        return (Fault("", "Nothing is to change: an edit needs `components`, `category` or another key."),)
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
    types = map(_type_of, components if isinstance(components, list) else ())
    return _Whole(_category_of(template), _word(template.get("parameter_format")) == "NAMED", frozenset(types))


def _category_of(template: Mapping[str, Any]) -> str:
    category = _word(template.get("category"))
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
            values.extend(((place, f".{_shown(key)}"), each) for key, each in value.items())


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
    if _word(template.get("category")) not in categories:
        yield Fault("category", f"The `category` must be one of {_listed(categories)}.")


def _parameter_format_faults(parameter_format: object) -> Iterator[Fault]:
    if parameter_format is not None and _word(parameter_format) not in _PARAMETER_FORMATS:
        yield Fault("parameter_format", f"The `parameter_format` must be one of {_listed(_PARAMETER_FORMATS)}.")


def _ttl_faults(ttl: object, category: str) -> Iterator[Fault]:
    lowest, highest = _TTL_SECONDS.get(category, (30, 2_592_000))
    if ttl is None or (_is_number(ttl) and (ttl == _TTL_DEFAULT or lowest <= ttl <= highest)):
        return
    of = f" of a template of category {category}" if category else ""
    why = f"The `message_send_ttl_seconds`{of} must be a whole number from {lowest} to {highest}, or {_TTL_DEFAULT}."
    yield Fault("message_send_ttl_seconds", why)


def _fixed_faults(changed: Mapping[str, Any], current: Mapping[str, Any]) -> Iterator[Fault]:
    for key in ("name", "language"):
        if key in changed and not (isinstance(changed[key], str) and changed[key] == current.get(key)):
            yield Fault(key, f"The `{key}` of a template can't be changed; create another template.")


def _new_category_faults(category: object, current: Mapping[str, Any]) -> Iterator[Fault]:
    if category is None:
        return
    if _word(category) not in _CATEGORIES:
        yield Fault("category", f"The `category` must be one of {_listed(_CATEGORIES)}.")
    elif _word(current.get("status")) == "APPROVED" and _word(category) != _word(current.get("category")):
        yield Fault("category", "The `category` of an approved template can't be changed.")


# --- components ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A component, and how to speak of it."""

    path: str
    of: str  # "" or " of card 0"
    content: Mapping[str, Any]


def _components_faults(components: object, whole: _Whole) -> Iterator[Fault]:
    if not isinstance(components, list) or not components:
        yield Fault("components", "A template needs `components`: a list of objects, one of them of type BODY.")
        return
    if "BODY" not in whole.types:
        yield Fault("components", "A template needs a component of type BODY.")
    if whole.category == "AUTHENTICATION" and "BUTTONS" not in whole.types:
        why = "A template of category AUTHENTICATION needs a component of type BUTTONS with a button of type OTP."
        yield Fault("components", why)
    yield from _type_faults("components", components, (*_JUDGES, *_UNJUDGED_COMPONENTS))
    yield from _repeat_faults("components", components)
    for index, component in enumerate(components):
        kind = _type_of(component)
        if kind in _JUDGES:
            yield from _component_faults(kind, _Part(f"components[{index}]", "", component), whole)


def _component_faults(kind: str, part: _Part, whole: _Whole) -> Iterator[Fault]:
    categories = _FOR.get(kind, _CATEGORIES)
    if whole.category and whole.category not in categories:
        why = f"Components of type {kind} are for templates of category {_listed(categories)}, not {whole.category}."
        yield Fault(part.path, why)
    else:
        yield from _JUDGES[kind](part, whole)


def _type_faults(path: str, elements: Sequence[object], known: Sequence[str]) -> Iterator[Fault]:
    for index, element in enumerate(elements):
        if not isinstance(element, dict):
            yield Fault(f"{path}[{index}]", "This must be an object with a `type`.")
        elif _type_of(element) not in known:
            yield Fault(f"{path}[{index}].type", f"The `type` must be one of {_listed(known)}.")


def _repeat_faults(path: str, components: Sequence[object]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, kind in enumerate(map(_type_of, components)):
        if kind in _JUDGES and kind in seen:
            yield Fault(f"{path}[{index}]", f"There may be one component of type {kind}; this is another.")
        seen.add(kind)


def _header(part: _Part, whole: _Whole) -> Iterator[Fault]:
    format_ = _word(part.content.get("format"))
    if format_ not in _FORMATS:
        yield Fault(f"{part.path}.format", f"The header{part.of} needs a `format`, one of {_listed(_FORMATS)}.")
    elif "LIMITED_TIME_OFFER" in whole.types and format_ not in _OFFER_FORMATS:
        why = f"The header of a limited-time offer must be of format {_listed(_OFFER_FORMATS)}."
        yield Fault(f"{part.path}.format", why)
    elif format_ == "TEXT":
        yield from _text_header(part, whole)
    elif format_ in _MEDIA:
        yield from _sample_faults(part, format_)


def _text_header(part: _Part, whole: _Whole) -> Iterator[Fault]:
    path, what, text = f"{part.path}.text", f"The header{part.of}", part.content.get("text")
    yield from _length_faults(path, what, text, _HEADER_LENGTH)
    if not isinstance(text, str):
        return
    if _BREAK.search(text) or _EMOJI.search(text) or "*" in text:
        yield Fault(path, f"{what} may have no line breaks, emoji or asterisks.")
    names = _variables(text)
    if len(names) > 1:
        yield Fault(path, f"{what} may have one variable; this one has {len(names)}.")
    yield from _variable_faults(path, what, text, whole.named)
    yield from _example_faults("header", part, names, whole.named)


def _sample_faults(part: _Part, format_: str) -> Iterator[Fault]:
    """The example of a media header."""
    if not _is_text(_one(_example(part).get("header_handle"))):
        why = f"The header{part.of} is of format {format_} and needs `example.header_handle`, the handle of a sample."
        yield Fault(f"{part.path}.example", why)


def _body(part: _Part, whole: _Whole) -> Iterator[Fault]:
    if whole.category == "AUTHENTICATION":  # Meta writes its text
        yield from _switch_faults(part.path, part.content, "add_security_recommendation")
        return
    longest = _OFFER_BODY_LENGTH if "LIMITED_TIME_OFFER" in whole.types else _BODY_LENGTH
    yield from _body_text_faults(part, whole, longest)
    text = part.content.get("text")
    if isinstance(text, str):
        yield from _placement_faults(f"{part.path}.text", "The body", text)


def _body_text_faults(part: _Part, whole: _Whole, longest: int) -> Iterator[Fault]:
    path, what, text = f"{part.path}.text", f"The body{part.of}", part.content.get("text")
    yield from _length_faults(path, what, text, longest)
    if isinstance(text, str):
        yield from _variable_faults(path, what, text, whole.named)
        yield from _example_faults("body", part, _variables(text), whole.named)


def _footer(part: _Part, whole: _Whole) -> Iterator[Fault]:
    if "LIMITED_TIME_OFFER" in whole.types:
        yield Fault(part.path, "A template with a limited-time offer has no footer.")
    if whole.category == "AUTHENTICATION":  # Meta writes its text
        yield from _minutes_faults(part.path, part.content)
        return
    path, text = f"{part.path}.text", part.content.get("text")
    yield from _length_faults(path, "The footer", text, _FOOTER_LENGTH)
    if isinstance(text, str) and _VARIABLE.search(text):
        yield Fault(path, "The footer may have no variables.")
    if isinstance(text, str) and (_BREAK.search(text) or _EMOJI.search(text)):
        yield Fault(path, "The footer may have no line breaks or emoji.")


def _limited_time_offer(part: _Part, _whole: _Whole) -> Iterator[Fault]:
    offer, path = part.content.get("limited_time_offer"), f"{part.path}.limited_time_offer"
    if not isinstance(offer, dict):
        yield Fault(path, "A limited-time offer needs `limited_time_offer`, an object with a `text`.")
        return
    yield from _length_faults(f"{path}.text", "The limited-time offer", offer.get("text"), _OFFER_LENGTH)
    yield from _switch_faults(path, offer, "has_expiration")


def _call_permission_request(part: _Part, whole: _Whole) -> Iterator[Fault]:
    if whole.types & {"BUTTONS", "CAROUSEL"}:
        yield Fault(part.path, "A template that asks for the permission to call has neither buttons nor a carousel.")


# --- texts and their variables -------------------------------------------------------------------------------------


def _length_faults(path: str, what: str, text: object, longest: int) -> Iterator[Fault]:
    if not _is_text(text):
        yield Fault(path, f"{what} needs a text of 1 to {longest} characters.")
    elif len(text) > longest:
        yield Fault(path, f"{what} may have up to {longest} characters; this one has {len(text)}.")


def _variable_faults(path: str, what: str, text: str, named: bool) -> Iterator[Fault]:
    """How variables are written and called."""
    if _has_loose_braces(text):
        yield Fault(path, f"{what} has double braces that don't pair up; a variable is written {_braced('1')}.")
    names = _variables(text)
    odd = [name for name in names if not (_VARIABLE_NAME.fullmatch(name) if named else _is_digits(name))]
    if odd and named:
        why = "must be lower-case letters, digits and underscores, and more than a number"
        yield Fault(path, f"{what} has {_called(odd)}; with `parameter_format` NAMED the name of a variable {why}.")
    elif odd:
        why = f"variables are numbered from {_braced('1')} on, unless the template has `parameter_format` NAMED"
        yield Fault(path, f"{what} has {_called(odd)}; {why}.")
    elif not named and (missing := [number for number in _numbers(names) if number not in names]):
        yield Fault(path, f"{what} must number its variables from {_braced('1')} on; {_braced(missing[0])} is missing.")


def _placement_faults(path: str, what: str, text: str) -> Iterator[Fault]:
    """Where variables stand, and how many for how many words."""
    names, stripped = _variables(text), text.strip()
    if _VARIABLE.match(stripped):
        yield Fault(path, f"{what} may not start with a variable; put words before it.")
    if _VARIABLE_AT_END.search(stripped):
        yield Fault(path, f"{what} may not end with a variable; put words or a full stop after it.")
    if found := _ADJACENT.search(stripped):
        yield Fault(path, f"{what} has {_called(_variables(found[0]))} next to each other; put words between them.")
    words, needed = _words(text), 2 * len(names) + 1
    if names and words < needed:  # the ratio is integrators' finding: Meta says only that there is one
        has = f"{_count(len(names), 'variable')} among {_count(words, 'word')}"
        yield Fault(path, f"{what} has {has}; it needs {needed} words or more for them.")


def _example_faults(of: str, part: _Part, names: Sequence[str], named: bool) -> Iterator[Fault]:
    """The examples of the variables of a header or a body."""
    if not names:
        return
    if named:
        yield from _named_example_faults(of, part, names)
        return
    row = _row(_example(part).get(f"{of}_text"))
    if len(row) != len(names) or not all(map(_is_sample, row)):
        why = f"has {_count(len(names), 'variable')} and needs as many examples in `example.{of}_text`, none empty"
        yield Fault(f"{part.path}.example", f"The {of}{part.of} {why}.")


def _named_example_faults(of: str, part: _Part, names: Sequence[str]) -> Iterator[Fault]:
    key = f"{of}_text_named_params"
    given = _example(part).get(key)
    samples = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    have = {
        name for each in samples if isinstance(name := each.get("param_name"), str) and _is_sample(each.get("example"))
    }
    if missing := [name for name in names if name not in have]:
        why = f"needs `param_name` and `example` for each of its variables in `example.{key}`"
        yield Fault(f"{part.path}.example", f"The {of}{part.of} {why}; missing: {_called(missing)}.")


def _variables(text: str) -> list[str]:
    """The names or numbers of a text's variables, each once, as they appear."""
    return list(dict.fromkeys(name.strip() for name in _VARIABLE.findall(text)))


def _has_loose_braces(text: str) -> bool:
    return any("{{" in between or "}}" in between for between in _VARIABLE.split(text)[::2])


def _words(text: str) -> int:
    """How many words stand around a text's variables. Where scripts have no spaces, each character counts as one."""
    around = _VARIABLE.sub(" ", text)
    return len(around.split()) + len(_UNSPACED.findall(around))


def _numbers(names: Sequence[str]) -> Iterator[str]:
    return (str(number) for number in range(1, len(names) + 1))


def _row(examples: object) -> Sequence[object]:
    """Positional examples. Meta takes a list in a list, a list, and for a single variable the bare text."""
    if isinstance(examples, str):
        return [examples]
    if not isinstance(examples, list) or not examples:
        return []
    return examples[0] if isinstance(examples[0], list) else examples


# --- buttons -------------------------------------------------------------------------------------------------------


def _buttons(part: _Part, whole: _Whole) -> Iterator[Fault]:
    buttons = part.content.get("buttons")
    yield from _row_faults(part, buttons, whole, _MOST_BUTTONS)
    if isinstance(buttons, list) and whole.category == "AUTHENTICATION" and "OTP" not in map(_type_of, buttons):
        yield Fault(f"{part.path}.buttons", "A template of category AUTHENTICATION needs a button of type OTP.")


def _row_faults(part: _Part, buttons: object, whole: _Whole, most: int) -> Iterator[Fault]:
    path = f"{part.path}.buttons"
    if not isinstance(buttons, list) or not buttons:
        yield Fault(path, f"A component of type BUTTONS needs `buttons`, a list of 1 to {most} objects.")
        return
    if len(buttons) > most:
        yield Fault(path, f"There may be up to {most} buttons{part.of}; there are {len(buttons)}.")
    kinds = [_type_of(button) for button in buttons]
    yield from _type_faults(path, buttons, _BUTTONS)
    yield from _number_faults(path, kinds)
    for index, (kind, button) in enumerate(zip(kinds, buttons, strict=True)):
        if kind in _BUTTONS:
            yield from _button_faults(f"{path}[{index}]", f"button {index}{part.of}", kind, button)
            yield from _button_category_faults(f"{path}[{index}]", kind, whole.category)


def _number_faults(path: str, kinds: Sequence[str]) -> Iterator[Fault]:
    for kind, most in _AT_MOST.items():
        if kinds.count(kind) > most:
            yield Fault(
                path, f"There may be up to {_count(most, 'button')} of type {kind}; there are {kinds.count(kind)}."
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
    if not _is_text(label):
        yield Fault(path, f"{what} must be there and have 1 to {_LABEL_LENGTH} characters.")
        return
    if len(label) > _LABEL_LENGTH:
        yield Fault(path, f"{what} may have up to {_LABEL_LENGTH} characters; this one has {len(label)}.")
    if _VARIABLE.search(label) or _BREAK.search(label) or _EMOJI.search(label):
        yield Fault(path, f"{what} may have no variables, line breaks or emoji.")


def _url_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _url_faults(f"{path}.url", what, button.get("url"))
    if _has_variable(button.get("url")) and not _is_text(_one(button.get("example"))):
        yield Fault(
            f"{path}.example", f"The URL of {what} has a variable and needs an `example`, a list with one text."
        )


def _url_faults(path: str, what: str, url: object) -> Iterator[Fault]:
    yield from _length_faults(path, f"The URL of {what}", url, _URL_LENGTH)
    if not _is_text(url):
        return
    if not _SCHEME.match(url):
        yield Fault(path, f"The URL of {what} must start with its scheme, such as https://.")
    names = _VARIABLE.findall(url)
    if _has_loose_braces(url) or (names and ([name.strip() for name in names] != ["1"] or not url.endswith("}}"))):
        yield Fault(path, f"The URL of {what} may have one variable, {_braced('1')}, at its very end.")


def _phone_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    number = button.get("phone_number")
    yield from _length_faults(f"{path}.phone_number", f"The phone number of {what}", number, _PHONE_LENGTH)


def _coupon_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    code = _one(button.get("example"))
    yield from _length_faults(f"{path}.example", f"The example of the code of {what}", code, _COUPON_LENGTH)


def _flow_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    given = [key for key in _FLOW_KEYS if _is_given(button.get(key))]
    if len(given) != 1:
        why = f"must name its flow by one of {_listed([f'`{key}`' for key in _FLOW_KEYS])}; {len(given)} given"
        yield Fault(path, f"{_capital(what)} {why}.")


def _otp_button(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    for key in ("text", "autofill_text"):
        if button.get(key) not in (None, ""):  # Meta writes what is not there
            yield from _label_faults(f"{path}.{key}", f"The `{key}` of {what}", button.get(key))
    kind = _word(button.get("otp_type"))
    if kind not in _OTP_TYPES:
        yield Fault(f"{path}.otp_type", f"{_capital(what)} needs an `otp_type`, one of {_listed(_OTP_TYPES)}.")
    elif kind in ("ONE_TAP", "ZERO_TAP"):
        yield from _apps_faults(path, what, button)
    if kind == "ZERO_TAP" and button.get("zero_tap_terms_accepted") is not True:
        why = "is of type ZERO_TAP, for which `zero_tap_terms_accepted` must be true"
        yield Fault(f"{path}.zero_tap_terms_accepted", f"{_capital(what)} {why}.")


def _apps_faults(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    apps = button.get("supported_apps")
    if apps is None and _is_app(button):  # as Graph took it up to v20.0
        return
    if not isinstance(apps, list) or not 1 <= len(apps) <= _MOST_APPS:
        why = f"needs `supported_apps`, a list of 1 to {_MOST_APPS} objects"
        yield Fault(f"{path}.supported_apps", f"{_capital(what)} {why} with `package_name` and `signature_hash`.")
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


_BUTTON_JUDGES: Mapping[str, Callable[[str, str, Mapping[str, Any]], Iterator[Fault]]] = {
    "URL": _url_button,
    "PHONE_NUMBER": _phone_button,
    "COPY_CODE": _coupon_button,
    "FLOW": _flow_button,
    "OTP": _otp_button,
}


# --- cards ---------------------------------------------------------------------------------------------------------


def _carousel(part: _Part, whole: _Whole) -> Iterator[Fault]:
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
    if "HEADER" not in map(_type_of, components):
        yield Fault(path, f"Card {index} needs a component of type HEADER.")
    yield from _type_faults(path, components, tuple(_CARD_JUDGES))
    yield from _repeat_faults(path, components)
    for place, component in enumerate(components):
        kind = _type_of(component)
        if kind in _CARD_JUDGES:
            yield from _CARD_JUDGES[kind](_Part(f"{path}[{place}]", f" of card {index}", component), whole)


def _card_header(part: _Part, _whole: _Whole) -> Iterator[Fault]:
    format_ = _word(part.content.get("format"))
    if format_ not in _CARD_FORMATS:
        yield Fault(f"{part.path}.format", f"The header{part.of} must be of format {_listed(_CARD_FORMATS)}.")
    elif format_ in _MEDIA:
        yield from _sample_faults(part, format_)


def _card_body(part: _Part, whole: _Whole) -> Iterator[Fault]:
    yield from _body_text_faults(part, whole, _CARD_BODY_LENGTH)


def _card_buttons(part: _Part, whole: _Whole) -> Iterator[Fault]:
    yield from _row_faults(part, part.content.get("buttons"), whole, _MOST_CARD_BUTTONS)


def _components_of(card: object) -> list[Any]:
    components = card.get("components") if isinstance(card, dict) else None
    return components if isinstance(components, list) else []


def _make_up(card: object) -> Mapping[str, Any]:
    """What all cards have in common."""
    parts = {_type_of(component): component for component in _components_of(card)}
    buttons = parts.get("BUTTONS", {}).get("buttons")
    return {
        "components": set(parts),
        "format": _word(parts.get("HEADER", {}).get("format")),
        "buttons": [_type_of(button) for button in buttons] if isinstance(buttons, list) else None,
    }


_JUDGES: Mapping[str, Callable[[_Part, _Whole], Iterator[Fault]]] = {
    "HEADER": _header,
    "BODY": _body,
    "FOOTER": _footer,
    "BUTTONS": _buttons,
    "CAROUSEL": _carousel,
    "LIMITED_TIME_OFFER": _limited_time_offer,
    "CALL_PERMISSION_REQUEST": _call_permission_request,
}
_CARD_JUDGES: Mapping[str, Callable[[_Part, _Whole], Iterator[Fault]]] = {
    "HEADER": _card_header,
    "BODY": _card_body,
    "BUTTONS": _card_buttons,
}


# --- the template library ------------------------------------------------------------------------------------------


def _library_name_faults(template: Mapping[str, Any]) -> Iterator[Fault]:
    if not _is_text(template.get("library_template_name")):
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
    yield from _type_faults(path, inputs, _BUTTONS)
    for index, button in enumerate(inputs):
        kind = _type_of(button)
        if kind in _INPUT_JUDGES:
            yield from _INPUT_JUDGES[kind](f"{path}[{index}]", f"button {index}", button)


def _url_input(path: str, what: str, button: Mapping[str, Any]) -> Iterator[Fault]:
    url = button.get("url")
    if not isinstance(url, dict):
        yield Fault(f"{path}.url", f"The `url` of {what} must be an object with `base_url`.")
        return
    yield from _url_faults(f"{path}.url.base_url", what, url.get("base_url"))
    if _has_variable(url.get("base_url")) and not _is_text(url.get("url_suffix_example")):
        why = f"The URL of {what} has a variable and needs `url_suffix_example`, the whole URL of an example."
        yield Fault(f"{path}.url.url_suffix_example", why)


_INPUT_JUDGES: Mapping[str, Callable[[str, str, Mapping[str, Any]], Iterator[Fault]]] = {
    "URL": _url_input,
    "PHONE_NUMBER": _phone_button,
    "OTP": _otp_button,
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
            yield from _switch_faults(place, each, key)
        yield from _minutes_faults(place, each)


# --- single values -------------------------------------------------------------------------------------------------


def _switch_faults(path: str, content: Mapping[str, Any], key: str) -> Iterator[Fault]:
    if not isinstance(content.get(key), bool | None):
        yield Fault(f"{path}.{key}", f"The `{key}` must be true or false.")


def _minutes_faults(path: str, content: Mapping[str, Any]) -> Iterator[Fault]:
    minutes = content.get("code_expiration_minutes")
    if minutes is not None and not (_is_number(minutes) and 1 <= minutes <= _MOST_MINUTES):
        why = f"The `code_expiration_minutes` must be a whole number from 1 to {_MOST_MINUTES}."
        yield Fault(f"{path}.code_expiration_minutes", why)


def _example(part: _Part) -> Mapping[str, Any]:
    example = part.content.get("example")
    return example if isinstance(example, dict) else {}


def _one(given: object) -> object:
    """The first of a list, or what is no list."""
    return (given[0] if given else None) if isinstance(given, list) else given


def _has_variable(text: object) -> bool:
    return isinstance(text, str) and bool(_VARIABLE.search(text))


def _word(value: object) -> str:
    """One of Meta's own words in upper case; "" if it is none."""
    return value.upper() if isinstance(value, str) else ""


def _type_of(element: object) -> str:
    return _word(element.get("type")) if isinstance(element, dict) else ""


def _listed(words: Sequence[str]) -> str:
    """As in "A, B or C"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _braced(name: str) -> str:
    return f"{{{{{name}}}}}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(word: str) -> str:
    """A variable's name or a key, if it is fit to be shown."""
    return word if _PRESENTABLE.fullmatch(word) else "…"


def _called(names: Sequence[str]) -> str:
    """Variables by their names, a few of them."""
    shown = [_braced(_shown(name)) for name in names[:_MOST_NAMES]]
    return ", ".join([*shown, "…"] if len(names) > _MOST_NAMES else shown)


def _capital(what: str) -> str:
    return what[0].upper() + what[1:]


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_sample(value: object) -> bool:
    """Whether it can be the example of a variable: a text, or a number that stands for one."""
    return _is_text(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_given(value: object) -> bool:
    """Whether it can say which flow is meant: a name or an id, or a flow as an object."""
    return _is_text(value) or _is_number(value) or (isinstance(value, dict) and bool(value))


def _is_digits(name: str) -> bool:
    return name.isascii() and name.isdigit()
