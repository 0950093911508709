"""Rules in a few words: when they hold, what is done, how often."""

from collections.abc import Mapping
from typing import Any

_MOST = 3  # words, payloads and the like that are shown


def when_in_words(when: Mapping[str, Any]) -> str:
    """When a rule holds, as in `first message, keyword (price, cost)`."""
    return ", ".join(_condition(name, value) for name, value in when.items())


def _condition(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    if name == "outside_hours":
        return "outside hours" if value else "in hours"
    few = _few(_flat(value))
    return f"{words} ({few})" if few else words


def _flat(value: Any) -> list[str]:
    """The texts of a condition, without those that say how they are compared."""
    if isinstance(value, dict):
        return [text for name, inner in value.items() if name != "match" for text in _flat(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _flat(inner)]
    return [value] if isinstance(value, str) else []


def _few(texts: list[str]) -> str:
    return ", ".join([*texts[:_MOST], "…"] if len(texts) > _MOST else texts)


def then_in_words(then: list[Mapping[str, Any]]) -> str:
    """What is done, as in `reply, tag`."""
    return ", ".join(name.replace("_", " ") for action in then for name in action)


def once_in_words(once: Any) -> str:
    """How often, as in `every 12 h`."""
    if not isinstance(once, dict):
        return "once a window" if once == "window" else str(once)
    seconds = once["per_s"]
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"once in {seconds // size} {unit}"
    return f"once in {seconds} s"


def rule_in_words(rule: Mapping[str, Any]) -> str:
    """One rule in a line."""
    notes = [once_in_words(rule["once"]), *(["stops"] if rule["stop"] else []), *([] if rule["enabled"] else ["off"])]
    return f"{rule['id']}: {when_in_words(rule['when'])} → {then_in_words(rule['then'])} ({', '.join(notes)})"
