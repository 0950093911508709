"""Texts with variables, as an owner writes them: `Hello {{contact.name|there}}, we are back {{hours.next_open}}.`

What stands behind `|` is said where the variable has nothing. Where nothing stands there, the space before it goes too.
A value is never read for variables again: a customer can write `{{contact.phone}}`, and that is what they wrote.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from casement.domain.languages import base_of, plain_code

VARIABLE = re.compile(r"(?P<space>[ \t]?)\{\{(?P<name>[^{}|]*)(?:\|(?P<default>[^{}]*))?\}\}")
DEFAULT = "default"  # in place of a language: for everybody else
LONGEST_VALUE = 1_000  # characters: a customer's text may be longer than what a message can hold around it
LONGEST_VALUES = 10_000  # of all variables of one message: it must fit into the queue

ByLanguage = Mapping[str, Any]  # in the order in which they were written
ValueOf = Callable[[str], str]


def variables_in(value: Any) -> Iterator[tuple[str, str | None]]:
    """Name and default of each variable in the texts of a JSON value."""
    for text in _texts(value):
        for found in VARIABLE.finditer(text):
            yield found["name"].strip(), found["default"]


def rendered(value: Any, value_of: ValueOf) -> Any:
    """A JSON value with the variables of its texts filled in, as far as they are not too long together; keys stay as
    they are."""
    return _rendered(value, _sparing(value_of))


def _sparing(value_of: ValueOf) -> ValueOf:
    left = LONGEST_VALUES

    def sparing(name: str) -> str:
        nonlocal left
        value = value_of(name)[: min(LONGEST_VALUE, left)]
        left -= len(value)
        return value

    return sparing


def _rendered(value: Any, value_of: ValueOf) -> Any:
    if isinstance(value, str):
        return _filled(value, value_of)
    if isinstance(value, Mapping):
        return {key: _rendered(inner, value_of) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rendered(inner, value_of) for inner in value]
    return value


def _filled(text: str, value_of: ValueOf) -> str:
    def fill(found: re.Match[str]) -> str:
        value = value_of(found["name"].strip()) or (found["default"] or "").strip()
        return found["space"] + value if value else ""

    return VARIABLE.sub(fill, text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(inner)


def chosen(texts: ByLanguage, wanted: str | None, otherwise: str | None) -> tuple[str, Any]:
    """The language and the text for a reader: in the language wanted, else in `otherwise`, else the one for everybody
    else, else the first."""
    for language in filter(None, (wanted, otherwise)):
        if found := _in_language(texts, language):
            return found
    return (DEFAULT, texts[DEFAULT]) if DEFAULT in texts else next(iter(texts.items()))


def _in_language(texts: ByLanguage, wanted: str) -> tuple[str, Any] | None:
    """A text in exactly that language, else in it without its country, else in it as another country has it."""
    there = {language: plain_code(language) for language in texts if language != DEFAULT}
    code, base = plain_code(wanted), base_of(wanted)
    alike = (
        *(language for language, of in there.items() if of == code),
        *(language for language, of in there.items() if of == base),
        *(language for language in there if base_of(language) == base),
    )
    return (alike[0], texts[alike[0]]) if alike else None
