"""What follows from a stored fact.

Every reaction here follows from the fact alone, so it may run twice, late, or in any order, and running it over the
whole table is the replay.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

Item = dict[str, Any]


class Log(Protocol):
    """The numbers' logs."""

    def add(self, items: Iterable[Item]) -> None: ...


def react(
    images: Iterable[Mapping[str, Any]], *, log: Log, entry_of: Callable[[Mapping[str, Any]], Item | None]
) -> int:
    """Write the log entries of stored facts, given as items; how many. Raises `StoreUnavailable`."""
    entries = [entry for image in images if (entry := entry_of(image)) is not None]
    if entries:
        log.add(entries)
    return len(entries)
