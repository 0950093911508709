"""EventBridge patterns, as Lambda's event filters use them: which records reach a function. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.stack.errors import TemplateError

_ABSENT = object()


@dataclass(frozen=True)
class Pattern:
    """One filter. Its keys must all match; a leaf is a list of which one must match."""

    content: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Read a pattern, and refuse here, at start, what `matches` would not understand."""
        try:
            content = json.loads(text)
        except ValueError as error:
            raise TemplateError(f"a filter pattern is not JSON: {text}") from error
        if not isinstance(content, dict):
            raise TemplateError(f"a filter pattern is not an object: {text}")
        _check(content)
        return cls(content)

    def matches(self, event: Mapping[str, Any]) -> bool:
        return _matches(self.content, event)


def passes(patterns: tuple[Pattern, ...], event: Mapping[str, Any]) -> bool:
    """True if any pattern matches, or if there is none."""
    return not patterns or any(pattern.matches(event) for pattern in patterns)


def _matches(pattern: Mapping[str, Any], event: Any) -> bool:
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(_matches(choice, event) for choice in wanted):
                return False
            continue
        found = event.get(key, _ABSENT) if isinstance(event, dict) else _ABSENT
        if isinstance(wanted, dict):
            if not _matches(wanted, found):
                return False
        elif not any(_leaf_matches(rule, found) for rule in wanted):
            return False
    return True


def _leaf_matches(rule: Any, found: Any) -> bool:
    if isinstance(found, list):  # a list matches if one of its elements does
        return any(_leaf_matches(rule, item) for item in found)
    if not isinstance(rule, dict):
        return found is not _ABSENT and type(found) is type(rule) and bool(found == rule)
    ((name, argument),) = rule.items()
    return _RULES[name](argument, found)


def _exists(argument: bool, found: Any) -> bool:
    is_leaf = found is not _ABSENT and not isinstance(found, dict)
    return is_leaf is argument


def _anything_but(argument: Any, found: Any) -> bool:
    if found is _ABSENT:
        return False
    return not any(_leaf_matches(rule, found) for rule in (argument if isinstance(argument, list) else [argument]))


def _numeric(argument: list[Any], found: Any) -> bool:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    pairs = zip(argument[::2], argument[1::2], strict=True)
    return all(_COMPARISONS[operator](found, bound) for operator, bound in pairs)


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda found, bound: found == bound,
    "<": lambda found, bound: found < bound,
    "<=": lambda found, bound: found <= bound,
    ">": lambda found, bound: found > bound,
    ">=": lambda found, bound: found >= bound,
}

_RULES: Mapping[str, Callable[[Any, Any], bool]] = {
    "prefix": lambda argument, found: isinstance(found, str) and found.startswith(argument),
    "suffix": lambda argument, found: isinstance(found, str) and found.endswith(argument),
    "equals-ignore-case": lambda argument, found: isinstance(found, str) and found.casefold() == argument.casefold(),
    "exists": _exists,
    "anything-but": _anything_but,
    "numeric": _numeric,
}


def _check(pattern: Any) -> None:
    if not isinstance(pattern, dict):
        raise TemplateError(f"in a filter pattern, {json.dumps(pattern)} should be an object")
    for key, wanted in pattern.items():
        if isinstance(wanted, dict):
            _check(wanted)
        elif not isinstance(wanted, list):
            raise TemplateError(f"in a filter pattern, the value of {key} should be a list")
        elif key == "$or":
            for choice in wanted:
                _check(choice)
        else:
            for rule in wanted:
                if isinstance(rule, dict) and (len(rule) != 1 or next(iter(rule)) not in _RULES):
                    raise TemplateError(f"the local stack does not know the filter rule {json.dumps(rule)}")
