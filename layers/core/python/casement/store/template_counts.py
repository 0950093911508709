"""Counts of what became of template messages: cells while they may still be told twice, plain numbers afterwards."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.message_key import is_template_id, template_in
from casement.domain.template_counts import (
    ASKED,
    DELIVERED,
    FAILED,
    KEPT_MS,
    LETTERS,
    PRICED,
    READ,
    SENT,
    Cell,
    Step,
    Tally,
    bounded,
    detailed,
)
from casement.store import keys
from casement.store.table import Item, Table, expiry, item, number, text

_CELL_TTL_DAYS = 1 + KEPT_MS // 86_400_000
_REACHED_META = ("accepted", "failed", "unknown")


class TemplateCounts:
    """Keeps and reads them."""

    def __init__(self, table: Table, *, retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days

    def add(self, cells: Iterable[Cell]) -> None:
        """A51. Keep what a batch adds. The same once more is the same item."""
        self._table.put_all([_cell_item(cell) for cell in cells])

    def cells(self, number_id: str, since: int, until: int, *, newest_first: bool = False) -> Iterator[Cell]:
        """A52. What was added to the ten minutes that began from `since` on and before `until`, in their order."""
        partition = keys.counted(number_id, since, "").pk
        first, last = keys.moment(since), keys.moment(until)
        for found in self._table.query(partition, first, last, newest_first=newest_first):
            start = int(text(found, "SK").partition("#")[0])
            yield Cell(number_id, start, _messages(text(found, "messages")))

    def fold(self, number_id: str, start: int, counts: Mapping[Tally, int]) -> None:
        """A53. Keep what ten minutes come to. The same once more is the same."""
        by_day: dict[tuple[str, str], dict[str, int]] = {}
        for tally, count in counts.items():
            by_day.setdefault((tally.template_id, tally.day), {})[tally.what] = count
        self._table.put_all(
            [
                item(
                    keys.folded(number_id, template_id, day, start),
                    {"counts": dumps(bounded(numbers))},
                    expiry(start, self._retention_days),
                )
                for (template_id, day), numbers in by_day.items()
            ]
        )

    def folded(
        self, number_id: str, template_id: str, first_day: str, last_day: str
    ) -> Iterator[tuple[int, Tally, int]]:
        """A54. What became of a template's messages of these days: the ten minutes in which it did, what, how often."""
        partition = keys.folded(number_id, template_id, "", 0).pk
        for found in self._table.query(partition, first_day, f"{last_day}$"):
            day, start = text(found, "SK").split("#")
            for what, count in json.loads(text(found, "counts")).items():
                yield int(start), Tally(template_id, day, what), count

    def folded_until(self, number_id: str) -> int:
        """A55. Up to which moment (epoch milliseconds) everything is folded; 0 before the first time."""
        found = self._table.get(keys.number_state(number_id, keys.COUNTED))
        return (number(found, "until") or 0) if found else 0

    def fold_to(self, number_id: str, until: int) -> None:
        """A56. Keep that."""
        self._table.put(item(keys.number_state(number_id, keys.COUNTED), {"until": until}))


def steps_in(image: Mapping[str, Any]) -> tuple[Step, ...]:
    """What a stored item tells of a template message of ours: that it was asked for, or what a status says of it."""
    pk, sk = text(image, "PK"), text(image, "SK")
    if not pk.startswith("C#"):
        return ()
    number_id = pk.split("#")[1]
    prefix, _, *rest = sk.split("#")
    match prefix, rest:
        case ("M", ["send", ulid]) | ("W", ["1", "send", ulid]):
            return tuple(Step(number_id, text(image, "template"), what, ulid) for what in _asked(image))
        case ("M", ["send", ulid, status, _]) | ("W", ["1", "send", ulid, status, _]):
            element = json.loads(text(image, "raw"))["element"]
            template_id = template_in(element.get("biz_opaque_callback_data"))
            name, _, member = status.partition(".")  # a status of a group's member has the member behind it
            told = _told(name, element) if template_id else ()
            return tuple(Step(number_id, template_id or "", what, ulid, member) for what in told)
    return ()


def _asked(image: Mapping[str, Any]) -> Iterator[str]:
    """What Meta put off (`retry`) did not go, and is asked for again under another key, if at all."""
    reached = text(image, "status") in _REACHED_META and "retry" not in image
    if reached and is_template_id(text(image, "template")):
        yield ASKED
        if text(image, "status") == "failed":
            yield _failed([json.loads(text(image, "answer") or "{}").get("error")])


def _told(name: str, element: Mapping[str, Any]) -> Iterator[str]:
    """Meta prices a message in exactly one of `delivered` and `read`; of one that was read at once, there is no other
    word that it was delivered."""
    pricing = _pricing(element)
    if name == "failed":
        yield _failed(element.get("errors"))
    elif name in (SENT, DELIVERED, READ):
        yield name
    if name == READ and pricing is not None:
        yield DELIVERED
    if name in (DELIVERED, READ) and pricing is not None:
        yield detailed(PRICED, pricing.get("category") or "unknown", pricing.get("type") or "unknown")


def _pricing(element: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Of a message to a group, it has been seen inside `conversation`."""
    conversation = element.get("conversation")
    places = (element, conversation if isinstance(conversation, dict) else {})
    return next((found for place in places if isinstance(found := place.get("pricing"), dict)), None)


def _failed(errors: Any) -> str:
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return detailed(FAILED, code if isinstance(code, int) else "unknown")


def _cell_item(cell: Cell) -> Item:
    messages = {" ".join(tally): "".join(sorted(messages)) for tally, messages in sorted(cell.messages.items())}
    kept = dumps(messages)
    name = keys.digest(kept.encode(errors="surrogatepass"))
    key = keys.counted(cell.number, cell.start, name)
    return item(key, {"messages": kept}, expiry(cell.start, _CELL_TTL_DAYS))


def _messages(kept: str) -> dict[Tally, frozenset[str]]:
    return {
        Tally(*name.split(" ", 2)): frozenset(
            letters[start : start + LETTERS] for start in range(0, len(letters), LETTERS)
        )
        for name, letters in json.loads(kept).items()
    }
