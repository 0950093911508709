"""Cut webhook bodies into single updates, and put updates together into bodies, as Meta might have. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

Json = dict[str, Any]

# The lists of a `value` whose elements Meta sends together or apart, as it likes.
ELEMENTS = (
    "messages",
    "statuses",
    "calls",
    "message_echoes",
    "user_preferences",
    "history",
    "state_sync",
    "user_id_update",
    "groups",
    "user_actions",
    "errors",
)
AROUND = frozenset({"messaging_product", "metadata", "contacts"})  # belongs to every element of its `value`

LARGEST_POST = 50


@dataclass(frozen=True)
class Update:
    """One change that holds one element, with all that stood around it."""

    entry: Json  # without its `changes`
    change: Json  # its `value` has one element

    @property
    def metadata(self) -> Any:
        value = self.change.get("value")
        return value.get("metadata") if isinstance(value, dict) else None


def cut(body: bytes) -> list[Update] | None:
    """The updates of a webhook; None for what has not a webhook's shape, and can only be posted as it is."""
    try:
        envelope = json.loads(body)
        return [
            Update({key: value for key, value in entry.items() if key != "changes"}, change)
            for entry in envelope["entry"]
            for whole in entry["changes"]
            for change in _single(whole)
        ]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None


def join(updates: Iterable[Update]) -> bytes:
    """One body with these updates in this order. Neighbours of one entry share it, each as a change of its own."""
    entries: list[Json] = []
    for update in updates:
        if not entries or {key: value for key, value in entries[-1].items() if key != "changes"} != update.entry:
            entries.append({**update.entry, "changes": []})
        entries[-1]["changes"].append(update.change)
    return json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()


def regroup(updates: Sequence[Update], random: Random, largest: int = LARGEST_POST) -> Iterator[bytes]:
    """All updates, shuffled, in bodies of 1 to `largest`."""
    left = list(updates)
    random.shuffle(left)
    while left:
        size = random.randint(1, largest)
        yield join(left[:size])
        del left[:size]


def _single(change: Json) -> Iterator[Json]:
    """A change as changes of one element each. Without `metadata`, its value is one event and stays whole."""
    value = change["value"]
    if not isinstance(value, dict) or "metadata" not in value:
        yield change
        return
    around = {key: content for key, content in value.items() if key in AROUND}
    lists = [key for key in ELEMENTS if isinstance(value.get(key), list) and value[key]]
    rest = {key: content for key, content in value.items() if key not in AROUND and key not in lists}
    if rest or not lists:
        yield {**change, "value": {**around, **rest}}
    for key in lists:
        for element in value[key]:
            yield {**change, "value": {**around, key: [element]}}
