"""Say where two JSON values differ. Pure."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

MOST_SHOWN = 10
_MISSING = "(not there)"


def differences(before: Any, after: Any) -> list[str]:
    """The first few places where two values differ, in words; empty if they are the same."""
    return list(islice(_differences(before, after, ""), MOST_SHOWN))


def without(value: Any, *names: str) -> Any:
    """`value` without the keys of these names, at any depth."""
    if isinstance(value, dict):
        return {key: without(item, *names) for key, item in value.items() if key not in names}
    if isinstance(value, list):
        return [without(item, *names) for item in value]
    return value


def _differences(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _differences(before.get(key, _MISSING), after.get(key, _MISSING), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{path}: {len(before)} elements before, {len(after)} after"
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from _differences(one, other, f"{path}/{index}")
    elif before != after or type(before) is not type(after):
        yield f"{path}: {_short(before)} before, {_short(after)} after"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
