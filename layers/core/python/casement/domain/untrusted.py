"""What callers wrote, read strictly: nothing gets in here that could not be kept, or written to Meta, afterwards."""

import json
from math import isfinite
from typing import Any, NoReturn

LARGEST_DEPTH = 64  # of nesting; what parses at the edge of the interpreter's stack can't be written again


def loads(text: str | bytes) -> Any:
    """What a JSON text says. Raises ValueError, which says what is wrong so that it can end a sentence.

    Python reads `NaN` and `Infinity`, and `1e999` as the latter; JSON has no such thing, and nobody would read it.
    """
    try:
        document = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not valid JSON") from error
    opening = ("{", "[") if isinstance(text, str) else (b"{", b"[")
    if sum(map(text.count, opening)) > LARGEST_DEPTH and _depth(document) > LARGEST_DEPTH:  # type: ignore[arg-type]
        raise ValueError(f"nests more than {LARGEST_DEPTH} levels deep")
    return document


def is_text(given: object, longest: int) -> bool:
    """Whether it is a text of 1 to `longest` characters that a table can keep: half a character is none."""
    if not isinstance(given, str) or not 0 < len(given) <= longest:
        return False
    try:
        given.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise ValueError(text)
    return value


def _depth(document: Any) -> int:
    """How many levels deep a parsed document nests."""
    depth, level = 0, [document]
    while level:
        depth += 1
        nested = (each for each in level if isinstance(each, dict | list))
        level = [inner for each in nested for inner in (each.values() if isinstance(each, dict) else each)]
    return depth
