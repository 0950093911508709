"""A template's stored definition, read: its components, its buttons, its variables, by name or by number.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components. A definition is
Meta's object as it came, so that nothing in it is taken for granted.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MEDIA_FORMATS = frozenset({"IMAGE", "VIDEO", "GIF", "DOCUMENT"})

_VARIABLE = re.compile(r"\{\{([^{}]+)\}\}")
_PLAIN_NAME = re.compile(r"\w+")


def all_stored(definition: Mapping[str, Any]) -> list[Any]:
    components = definition.get("components")
    return components if isinstance(components, list) else []


def stored(definition: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """The template's component of this type, None if it has none."""
    return next(iter(of_type(all_stored(definition), type_)), None)


def of_type(components: Sequence[Any], type_: str) -> list[Mapping[str, Any]]:
    return [each for each in components if isinstance(each, dict) and type_of(each) == type_]


def type_of(element: Mapping[str, Any]) -> str:
    """Its type in upper case, as Meta writes it in templates. In sends it is lower, and callers write either."""
    type_ = element.get("type")
    return type_.upper() if isinstance(type_, str) else ""


def header_format(header: Mapping[str, Any]) -> str:
    format_ = header.get("format")
    return format_.upper() if isinstance(format_, str) else "TEXT"


def buttons_of(definition: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """The template's buttons with their places."""
    buttons = (stored(definition, "BUTTONS") or {}).get("buttons")
    if not isinstance(buttons, list):
        return []
    return [(index, button) for index, button in enumerate(buttons) if isinstance(button, dict)]


def variables(text: Any) -> tuple[str, ...]:
    """The names or numbers of a text's variables, each once: numbers in their order, names as they appear."""
    if not isinstance(text, str):
        return ()
    names = list(dict.fromkeys(found.strip() for found in _VARIABLE.findall(text)))
    return tuple(sorted(names, key=lambda name: (len(name), name)) if _are_numbers(names) else names)


def _are_numbers(names: Sequence[str]) -> bool:
    return all(name.isascii() and name.isdigit() for name in names)


def is_named(definition: Mapping[str, Any]) -> bool:
    """Whether parameters go by name. Where Meta did not say, the variables show it."""
    declared = definition.get("parameter_format")
    if isinstance(declared, str):
        return declared.upper() == "NAMED"
    parts = (stored(definition, "HEADER") or {}, stored(definition, "BODY") or {})
    return not all(_are_numbers(variables(part.get("text"))) for part in parts)


def is_plain(names: Sequence[str], named: bool) -> bool:
    """Whether the variables are such as Meta approves. Of others we can't say how Meta read them."""
    if named:
        return all(map(_PLAIN_NAME.fullmatch, names))
    return sorted(names) == sorted(str(number) for number in range(1, len(names) + 1))
