"""What the parameters of a template send must be: judged when a caller built them, built when a caller named them.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview, and the pages of
the single components. `misfits` speaks only of what Meta surely refuses, since a send that we refuse wrongly is worse
than one that Meta refuses; `filled` builds the message itself and is strict.

Nothing here repeats a value that a caller gave: what is said about it goes to answers and logs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WRONG_NUMBER = 132000
WRONG_FORMAT = 132012

_VARIABLE = re.compile(r"\{\{([^{}]+)\}\}")
_PLAIN_NAME = re.compile(r"\w+")
_INDEX = re.compile(r"[0-9]{1,3}")
_BREAKS = re.compile(r"[\n\r\t]| {5,}")

_TEXTUAL = frozenset({"text", "currency", "date_time"})
_OTHER_TYPES = frozenset(
    (
        *("image", "video", "gif", "document", "location", "product"),
        *("payload", "coupon_code", "limited_time_offer", "action", "tap_target_configuration"),
    )
)
_MEDIA_FORMATS = frozenset({"IMAGE", "VIDEO", "GIF", "DOCUMENT"})
_JUDGED_FORMATS = frozenset({"IMAGE", "VIDEO", "DOCUMENT", "LOCATION"})  # a GIF may pass as a video: not confirmed
_UNFILLABLE_BUTTONS = frozenset({"MPM", "ORDER_DETAILS"})  # products and an order, which are no flat values
_COUPON_CODE_LENGTH = 20  # Meta's pages say 15 in one place and 20 in another
_LARGEST_NUMBER = 1e100  # beyond it nobody means a number to be read


@dataclass(frozen=True, slots=True)
class Misfit:
    """A reason for which Meta would refuse the parameters, with the code it would use."""

    code: int
    where: str  # "header", "body", "button 0", or "components" for the whole
    why: str


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


# --- what a caller built -------------------------------------------------------------------------------------------


def misfits(definition: Mapping[str, Any], components: Any) -> tuple[Misfit, ...]:
    """Why Meta would refuse `components` (any JSON, from `template.components` of a send) for this template."""
    if not _all_stored(definition):  # we don't know what it wants
        return ()
    sent = components or []
    if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
        return (Misfit(WRONG_FORMAT, "components", "The components must be a list of objects."),)
    return (
        *_header_misfits(definition, _of_type(sent, "HEADER")),
        *_body_misfits(definition, _of_type(sent, "BODY")),
        *_button_misfits(definition, _of_type(sent, "BUTTON")),
    )


def _header_misfits(definition: Mapping[str, Any], sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    header = _stored(definition, "HEADER")
    if header is None or len(sent) > 1:  # what Meta makes of these is not known
        return
    format_ = _header_format(header)
    if format_ == "TEXT":
        yield from _text_misfits("header", header.get("text"), _is_named(definition), sent)
    elif format_ in _JUDGED_FORMATS:
        yield from _media_misfits(format_, sent)


def _body_misfits(definition: Mapping[str, Any], sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    body = _stored(definition, "BODY")
    if body is None or len(sent) > 1:
        return
    yield from _text_misfits("body", body.get("text"), _is_named(definition), sent)


def _media_misfits(format_: str, sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    due = format_.lower()
    needs = f"The header is of format {format_} and needs a parameter of type {due}"
    parameters = _parameters(sent)
    if parameters is None:
        yield _no_list("header")
    elif not parameters:
        yield Misfit(WRONG_FORMAT, "header", f"{needs}.")
    elif all(_is_of_another_type(each, {due}) for each in parameters):
        yield Misfit(WRONG_FORMAT, "header", f"{needs}; one of another type is given.")
    elif any(_type_of(each) == due.upper() and not each.get(due) for each in parameters):
        yield Misfit(WRONG_FORMAT, "header", f"{needs}; its `{due}` is missing.")


def _text_misfits(where: str, text: Any, named: bool, sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    if not isinstance(text, str):  # Meta's own text, as in authentication templates
        return
    names = _variables(text)
    if not _is_plain(names, named):
        return
    parameters = _parameters(sent)
    if parameters is None:
        yield _no_list(where)
    elif named and names:
        yield from _named_misfits(where, names, parameters)
    else:
        yield from _positional_misfits(where, names, parameters)


def _positional_misfits(where: str, names: Sequence[str], parameters: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    if len(parameters) != len(names):
        missing = names[len(parameters) :]
        ending = f" Without a value: {_listed(missing)}." if missing else ""
        why = f"{_variables_of(where, names)}, and the number of parameters given is {len(parameters)}.{ending}"
        yield Misfit(WRONG_NUMBER, where, why)
        return
    for name, parameter in zip(names, parameters, strict=True):
        yield from _value_misfits(where, name, parameter)


def _named_misfits(where: str, names: Sequence[str], parameters: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    given = [name for each in parameters if isinstance(name := each.get("parameter_name"), str) and name]
    if len(given) < len(parameters):
        why = f"{_variables_of(where, names)}, and a parameter is given without `parameter_name`."
        yield Misfit(WRONG_FORMAT, where, why)
        return
    if missing := [name for name in names if name not in given]:
        yield Misfit(WRONG_NUMBER, where, f"{_variables_of(where, names)}. Without a value: {_listed(missing)}.")
    if repeated := [name for name in names if given.count(name) > 1]:
        yield Misfit(WRONG_NUMBER, where, f"{_variables_of(where, names)}. Given more than once: {_listed(repeated)}.")
    if not set(given) <= set(names):
        why = f"{_variables_of(where, names)}, and a parameter of another name is given."
        yield Misfit(WRONG_NUMBER, where, why)
    for name, parameter in zip(given, parameters, strict=True):
        if name in names:
            yield from _value_misfits(where, name, parameter)


def _value_misfits(where: str, name: str, parameter: Mapping[str, Any]) -> Iterator[Misfit]:
    if _is_of_another_type(parameter, _TEXTUAL):
        why = f"{_listed([name])} of the {where} takes text, and a parameter of another type is given."
        yield Misfit(WRONG_FORMAT, where, why)
    elif _lacks_text(parameter):
        why = f"The value of {_listed([name])} of the {where} must be a text that is not empty."
        yield Misfit(WRONG_FORMAT, where, why)


def _button_misfits(definition: Mapping[str, Any], sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    places = [_index_of(component) for component in sent]
    if None in places:  # it may be meant for any of them
        return
    for index, button in _buttons(definition):
        need = _need_of(button)
        if need is None:
            continue
        where = f"button {index}"
        there = [component for place, component in zip(places, sent, strict=True) if place == index]
        parameters = _parameters(there)
        if parameters is None:
            yield _no_list(where)
        elif not parameters:
            yield Misfit(WRONG_NUMBER, where, f"Button {index} {need}, and no parameter is given for it.")
        elif any(map(_lacks_text, parameters)):
            yield Misfit(WRONG_FORMAT, where, f"The value for button {index} must be a text that is not empty.")


def _need_of(button: Mapping[str, Any]) -> str | None:
    """In words, why Meta refuses a send without a parameter for this button. None: it does not, or may not."""
    kind = _type_of(button)
    if kind == "URL" and _variables(button.get("url")):
        return "has a variable in its URL"
    if kind == "COPY_CODE":
        return "needs the coupon code that it copies"
    return None


def _parameters(sent: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]] | None:
    """All parameters of the components sent for one place, None if they can't be read."""
    lists = [component.get("parameters") or [] for component in sent]
    if not all(isinstance(each, list) for each in lists):
        return None
    together = [parameter for each in lists for parameter in each]
    return together if all(isinstance(each, dict) for each in together) else None


def _is_of_another_type(parameter: Mapping[str, Any], due: frozenset[str] | set[str]) -> bool:
    """Whether Meta knows the parameter's type as none of those due. A type that we do not know is Meta's to judge."""
    type_ = _type_of(parameter).lower()
    return type_ not in due and (not type_ or type_ in _TEXTUAL or type_ in _OTHER_TYPES)


def _lacks_text(parameter: Mapping[str, Any]) -> bool:
    text = parameter.get("text")
    return _type_of(parameter) == "TEXT" and not (isinstance(text, str) and text)


def _index_of(component: Mapping[str, Any]) -> int | None:
    """Which button a sent component is for: Meta takes a number and a string of digits."""
    index = component.get("index")
    if isinstance(index, str) and _INDEX.fullmatch(index):
        return int(index)
    return index if isinstance(index, int) and not isinstance(index, bool) else None


def _no_list(where: str) -> Misfit:
    return Misfit(WRONG_FORMAT, where, f"The parameters of the {where} component must be a list of objects.")


def _variables_of(where: str, names: Sequence[str]) -> str:
    return f"The {where} has the variables {_listed(names)}" if names else f"The {where} has no variables"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"{{{{{name}}}}}" for name in names)


# --- what a caller named -------------------------------------------------------------------------------------------


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
    for index, button in _buttons(definition):
        yield from _button_section(index, button)


def _header_section(definition: Mapping[str, Any]) -> Iterator[_Section]:
    header = _stored(definition, "HEADER")
    if header is None:
        return
    format_, named = _header_format(header), _is_named(definition)
    if format_ in _MEDIA_FORMATS or format_ == "LOCATION":
        yield _Section({"type": "header"}, (_Slot(("header",), format_.lower()),))
    elif format_ == "TEXT" and (names := _variables(header.get("text"))):
        slots = (
            _Slot((f"header.{name}", name), "text", name) if named else _positional("header.", name) for name in names
        )
        yield _Section({"type": "header"}, tuple(slots))


def _body_section(definition: Mapping[str, Any]) -> Iterator[_Section]:
    named = _is_named(definition)
    if names := _variables_of_body(definition):
        slots = (_Slot((name,), "text", name) if named else _positional("", name) for name in names)
        yield _Section({"type": "body"}, tuple(slots))


def _positional(prefix: str, number: str) -> _Slot:
    return _Slot((prefix + number,), "text")


def _button_section(index: int, button: Mapping[str, Any]) -> Iterator[_Section]:
    kind, head = _type_of(button), {"type": "button", "sub_type": "url", "index": str(index)}
    keys = (f"button.{index}",)
    if kind == "OTP" or (kind == "URL" and _variables(button.get("url"))):  # a one-time password goes as a URL's does
        yield _Section(head, (_Slot(keys, "text"),))
    elif kind == "COPY_CODE":
        yield _Section({**head, "sub_type": "copy_code"}, (_Slot(keys, "coupon_code"),))
    elif kind == "FLOW":  # goes without parameters, not without being named: Bindambc/whatsapp-business-java-api#221
        yield _Section({**head, "sub_type": "flow"}, ())


def _variables_of_body(definition: Mapping[str, Any]) -> tuple[str, ...]:
    body = _stored(definition, "BODY")
    if body is None:
        return ()
    if definition.get("category") == "AUTHENTICATION" and "text" not in body:
        return ("1",)  # Meta's own text, whose one variable is the code
    return _variables(body.get("text"))


def _obstacles(definition: Mapping[str, Any]) -> Iterator[str]:
    """What Meta wants for this template and flat values can't say."""
    if not isinstance(definition.get("components"), list):
        yield "The template is stored without its components."
    header, offer = _stored(definition, "HEADER"), _stored(definition, "LIMITED_TIME_OFFER")
    if header is not None and _header_format(header) not in (*_MEDIA_FORMATS, "LOCATION", "TEXT"):
        yield f"The header is of format {_header_format(header)}, which can't be filled by name."
    if _stored(definition, "CAROUSEL") is not None:
        yield "The template has a carousel, which can't be filled by name."
    if offer is not None and _expires(offer):
        yield "The template has a limited-time offer, whose end can't be given by name."
    for index, button in _buttons(definition):
        if _type_of(button) in _UNFILLABLE_BUTTONS:
            yield f"Button {index} is of type {_type_of(button)}, which can't be filled by name."


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


# --- the stored definition -----------------------------------------------------------------------------------------


def _all_stored(definition: Mapping[str, Any]) -> list[Any]:
    components = definition.get("components")
    return components if isinstance(components, list) else []


def _stored(definition: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The template's component of this type, None if it has none."""
    return next(iter(_of_type(_all_stored(definition), type_)), None)


def _of_type(components: Sequence[Any], type_: str) -> list[Mapping[str, Any]]:
    return [each for each in components if isinstance(each, dict) and _type_of(each) == type_]


def _type_of(element: Mapping[str, Any]) -> str:
    """Its type in upper case, as Meta writes it in templates. In sends it is lower, and callers write either."""
    type_ = element.get("type")
    return type_.upper() if isinstance(type_, str) else ""


def _header_format(header: Mapping[str, Any]) -> str:
    format_ = header.get("format")
    return format_.upper() if isinstance(format_, str) else "TEXT"


def _buttons(definition: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """The template's buttons with their places."""
    buttons = (_stored(definition, "BUTTONS") or {}).get("buttons")
    if not isinstance(buttons, list):
        return []
    return [(index, button) for index, button in enumerate(buttons) if isinstance(button, dict)]


def _variables(text: Any) -> tuple[str, ...]:
    """The names or numbers of a text's variables, each once: numbers in their order, names as they appear."""
    if not isinstance(text, str):
        return ()
    names = list(dict.fromkeys(found.strip() for found in _VARIABLE.findall(text)))
    return tuple(sorted(names, key=lambda name: (len(name), name)) if _are_numbers(names) else names)


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name.isascii() and name.isdigit() for name in names)


def _is_named(definition: Mapping[str, Any]) -> bool:
    """Whether parameters go by name. Where Meta did not say, the variables show it."""
    declared = definition.get("parameter_format")
    if isinstance(declared, str):
        return declared.upper() == "NAMED"
    parts = (_stored(definition, "HEADER") or {}, _stored(definition, "BODY") or {})
    return not all(_are_numbers(_variables(part.get("text"))) for part in parts)


def _is_plain(names: Sequence[str], named: bool) -> bool:
    """Whether the variables are such as Meta approves. Of others we can't say how Meta read them."""
    if named:
        return all(map(_PLAIN_NAME.fullmatch, names))
    return sorted(names) == sorted(str(number) for number in range(1, len(names) + 1))
