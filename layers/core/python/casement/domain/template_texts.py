"""What Meta takes as the texts of a template: their lengths, their variables, the examples of these.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/components. That numbers
may come in any order, that nothing but spaces makes two variables adjacent, and how many words a variable needs, are
integrators' findings: Meta says only that there are such rules.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casement.domain.template_fault import Fault, braced, called, counted, is_text

_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_VARIABLE_AT_END = re.compile(_VARIABLE.pattern + r"\Z")
_ADJACENT = re.compile(_VARIABLE.pattern + r"[ \t]*" + _VARIABLE.pattern)
_NAME = re.compile(r"[a-z0-9_]*[a-z_][a-z0-9_]*")
_BREAK_OR_EMOJI = re.compile("[\n\r\u2705\u274c\ufe0f\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]")
# Thai and Lao, Burmese, Khmer, kana, Chinese characters: written without spaces between words
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]")


@dataclass(frozen=True, slots=True)
class Part:
    """A component, and how to speak of it."""

    path: str
    of: str  # "" or " of card 0"
    content: Mapping[str, Any]


def length_faults(path: str, what: str, text: object, longest: int) -> Iterator[Fault]:
    if not is_text(text):
        yield Fault(path, f"{what} needs a text of 1 to {longest} characters.")
    elif len(text) > longest:
        yield Fault(path, f"{what} may have up to {longest} characters; this one has {len(text)}.")


def variable_faults(path: str, what: str, text: str, named: bool) -> Iterator[Fault]:
    """How variables are written and called."""
    if has_loose_braces(text):
        yield Fault(path, f"{what} has double braces that don't pair up; a variable is written {braced('1')}.")
    names = variables(text)
    odd = [name for name in names if not (_NAME.fullmatch(name) if named else _is_digits(name))]
    if odd and named:
        why = "must be lower-case letters, digits and underscores, and more than a number"
        yield Fault(path, f"{what} has {called(odd)}; with `parameter_format` NAMED the name of a variable {why}.")
    elif odd:
        why = f"variables are numbered from {braced('1')} on, unless the template has `parameter_format` NAMED"
        yield Fault(path, f"{what} has {called(odd)}; {why}.")
    elif not named and (gap := _first_gap(names)):
        yield Fault(path, f"{what} must number its variables from {braced('1')} on; {braced(gap)} is missing.")


def placement_faults(path: str, what: str, text: str) -> Iterator[Fault]:
    """Where variables stand, and how many for how many words."""
    names, stripped = variables(text), text.strip()
    if _VARIABLE.match(stripped):
        yield Fault(path, f"{what} may not start with a variable; put words before it.")
    if _VARIABLE_AT_END.search(stripped):
        yield Fault(path, f"{what} may not end with a variable; put words or a full stop after it.")
    if found := _ADJACENT.search(stripped):
        yield Fault(path, f"{what} has {called(variables(found[0]))} next to each other; put words between them.")
    words, needed = _words(text), 2 * len(names) + 1
    if names and words < needed:
        has = f"{counted(len(names), 'variable')} among {counted(words, 'word')}"
        yield Fault(path, f"{what} has {has}; it needs {needed} words or more for them.")


def example_faults(of: str, part: Part, names: Sequence[str], named: bool) -> Iterator[Fault]:
    """The examples of the variables of a header or a body."""
    if not names:
        return
    if named:
        yield from _named_example_faults(of, part, names)
        return
    row = _row(example_of(part).get(f"{of}_text"))
    if len(row) != len(names) or not all(map(_is_sample, row)):
        why = f"has {counted(len(names), 'variable')} and needs as many examples in `example.{of}_text`, none empty"
        yield Fault(f"{part.path}.example", f"The {of}{part.of} {why}.")


def _named_example_faults(of: str, part: Part, names: Sequence[str]) -> Iterator[Fault]:
    key = f"{of}_text_named_params"
    given = example_of(part).get(key)
    samples = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    have = {
        name for each in samples if isinstance(name := each.get("param_name"), str) and _is_sample(each.get("example"))
    }
    if missing := [name for name in names if name not in have]:
        why = f"needs `param_name` and `example` for each of its variables in `example.{key}`"
        yield Fault(f"{part.path}.example", f"The {of}{part.of} {why}; missing: {called(missing)}.")


def variables(text: str) -> list[str]:
    """The names or numbers of a text's variables, each once, as they appear."""
    return list(dict.fromkeys(name.strip() for name in _VARIABLE.findall(text)))


def has_variable(text: object) -> bool:
    return isinstance(text, str) and bool(_VARIABLE.search(text))


def ends_in_its_one_variable(url: str) -> bool:
    """Whether it has just {{1}}, at its end, as the URL of a button may."""
    _, *rest = _VARIABLE.split(url)
    return len(rest) == 2 and rest[0].strip() == "1" and not rest[1]


def has_loose_braces(text: str) -> bool:
    return any("{{" in between or "}}" in between for between in _VARIABLE.split(text)[::2])


def has_break_or_emoji(text: object) -> bool:
    """What Meta's API refuses in headers, footers and the texts of buttons."""
    return isinstance(text, str) and bool(_BREAK_OR_EMOJI.search(text))


def example_of(part: Part) -> Mapping[str, Any]:
    example = part.content.get("example")
    return example if isinstance(example, dict) else {}


def _row(examples: object) -> Sequence[object]:
    """Positional examples. Meta takes a list in a list, a list, and for a single variable the bare text."""
    if isinstance(examples, str):
        return [examples]
    if not isinstance(examples, list) or not examples:
        return []
    return examples[0] if isinstance(examples[0], list) else examples


def _words(text: str) -> int:
    """How many words stand around a text's variables. Where scripts have no spaces, each character counts as one."""
    around = _VARIABLE.sub(" ", text)
    return len(around.split()) + len(_UNSPACED.findall(around))


def _is_sample(value: object) -> bool:
    """Whether it can be the example of a variable: a text, or a number that stands for one."""
    return is_text(value) or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_digits(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _first_gap(names: Sequence[str]) -> str | None:
    """The first number that is missing, where variables are to be numbered from 1 on."""
    have = set(names)
    return next((number for number in map(str, range(1, len(names) + 1)) if number not in have), None)
