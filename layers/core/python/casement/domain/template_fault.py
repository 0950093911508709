"""A fault of a template, and the words in which it is told.

Nothing here repeats what a caller wrote, but for names of variables and keys: what is said goes to answers and logs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

_MOST_NAMES = 5
_PRESENTABLE = re.compile(r"[A-Za-z0-9_]{1,40}")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something for which Meta would refuse a template, or Casement an owner's rules."""

    path: str  # where, as in `components[2].buttons[0].url`; "" for the whole
    why: str  # a sentence


def type_faults(path: str, elements: Sequence[object], known: Sequence[str]) -> Iterator[Fault]:
    for index, element in enumerate(elements):
        if not isinstance(element, dict):
            yield Fault(f"{path}[{index}]", "This must be an object with a `type`.")
        elif type_of(element) not in known:
            yield Fault(f"{path}[{index}].type", f"The `type` must be one of {listed(known)}.")


def switch_faults(path: str, content: Mapping[str, Any], key: str) -> Iterator[Fault]:
    if not isinstance(content.get(key), bool | None):
        yield Fault(f"{path}.{key}", f"The `{key}` must be true or false.")


def word(value: object) -> str:
    """One of Meta's own words in upper case; "" if it is none."""
    return value.upper() if isinstance(value, str) else ""


def type_of(element: object) -> str:
    return word(element.get("type")) if isinstance(element, dict) else ""


def first_of(given: object) -> object:
    """The first of a list, or what is no list."""
    return (given[0] if given else None) if isinstance(given, list) else given


def listed(words: Sequence[str]) -> str:
    """As in "A, B or C"."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def capital(what: str) -> str:
    return what[0].upper() + what[1:]


def braced(name: str) -> str:
    return f"{{{{{name}}}}}"


def called(names: Sequence[str]) -> str:
    """Variables by their names, a few of them."""
    few = [braced(shown(name)) for name in names[:_MOST_NAMES]]
    return ", ".join([*few, "…"] if len(names) > _MOST_NAMES else few)


def shown(word: str) -> str:
    """A variable's name or a key, if it is fit to be shown."""
    return word if _PRESENTABLE.fullmatch(word) else "…"


def is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value.strip())


def is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
