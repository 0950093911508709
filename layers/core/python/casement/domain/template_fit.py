"""Whether the parameters of a template send fit the template: judged before Meta sees them.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview, and the pages of
the single components. It speaks only of what Meta surely refuses, since a send that we refuse wrongly is worse than one
that Meta refuses.

Nothing here repeats a value that a caller gave: what is said about it goes to answers and logs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casement.domain.template_shape import (
    all_stored,
    buttons_of,
    header_format,
    is_named,
    is_plain,
    of_type,
    stored,
    type_of,
    variables,
)

WRONG_NUMBER = 132000
WRONG_FORMAT = 132012

_INDEX = re.compile(r"[0-9]{1,3}")

_TEXTUAL = frozenset({"text", "currency", "date_time"})
_OTHER_TYPES = frozenset(
    (
        *("image", "video", "gif", "document", "location", "product"),
        *("payload", "coupon_code", "limited_time_offer", "action", "tap_target_configuration"),
    )
)
_JUDGED_FORMATS = frozenset({"IMAGE", "VIDEO", "DOCUMENT", "LOCATION"})  # a GIF may pass as a video: not confirmed


@dataclass(frozen=True, slots=True)
class Misfit:
    """A reason for which Meta would refuse the parameters, with the code it would use."""

    code: int
    where: str  # "header", "body", "button 0", or "components" for the whole
    why: str


def fit(definition: Mapping[str, Any], components: Any) -> tuple[Misfit, ...]:
    """Why Meta would refuse `components` (any JSON, from `template.components` of a send) for this template."""
    if not all_stored(definition):  # we don't know what it wants
        return ()
    sent = components or []
    if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
        return (Misfit(WRONG_FORMAT, "components", "The components must be a list of objects."),)
    return (
        *_header_misfits(definition, of_type(sent, "HEADER")),
        *_body_misfits(definition, of_type(sent, "BODY")),
        *_button_misfits(definition, of_type(sent, "BUTTON")),
    )


def _header_misfits(definition: Mapping[str, Any], sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    header = stored(definition, "HEADER")
    if header is None or len(sent) > 1:  # what Meta makes of these is not known
        return
    format_ = header_format(header)
    if format_ == "TEXT":
        yield from _text_misfits("header", header.get("text"), is_named(definition), sent)
    elif format_ in _JUDGED_FORMATS:
        yield from _media_misfits(format_, sent)


def _body_misfits(definition: Mapping[str, Any], sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    body = stored(definition, "BODY")
    if body is None or len(sent) > 1:
        return
    yield from _text_misfits("body", body.get("text"), is_named(definition), sent)


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
    elif any(type_of(each) == due.upper() and not each.get(due) for each in parameters):
        yield Misfit(WRONG_FORMAT, "header", f"{needs}; its `{due}` is missing.")


def _text_misfits(where: str, text: Any, named: bool, sent: Sequence[Mapping[str, Any]]) -> Iterator[Misfit]:
    if not isinstance(text, str):  # Meta's own text, as in authentication templates
        return
    names = variables(text)
    if not is_plain(names, named):
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
    for index, button in buttons_of(definition):
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
    kind = type_of(button)
    if kind == "URL" and variables(button.get("url")):
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
    type_ = type_of(parameter).lower()
    return type_ not in due and (not type_ or type_ in _TEXTUAL or type_ in _OTHER_TYPES)


def _lacks_text(parameter: Mapping[str, Any]) -> bool:
    text = parameter.get("text")
    return type_of(parameter) == "TEXT" and not (isinstance(text, str) and text)


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
