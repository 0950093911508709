"""Fold what became of template messages into plain numbers, once nothing of it can be told again."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from casement.domain.template_counts import (
    KEPT_MS,
    SETTLED_MS,
    STRETCH_MS,
    Cell,
    Tally,
    by_stretch,
    counted,
    stretch_of,
)


class Counts(Protocol):
    """Where they are kept. Times are epoch milliseconds."""

    def cells(self, number_id: str, since: int, until: int) -> Iterable[Cell]: ...
    def fold(self, number_id: str, start: int, counts: Mapping[Tally, int]) -> None: ...
    def folded_until(self, number_id: str) -> int: ...
    def fold_to(self, number_id: str, until: int) -> None: ...


def fold_counts(number: str, counts: Counts, now: int) -> int:
    """Fold what has settled of a number; how many stretches of ten minutes had something in them.

    Numbers are written before the mark that they are there, and again if the mark was not: so a run that dies is done
    again by the next one. Raises `StoreUnavailable`.
    """
    since, settled = unfolded_since(number, counts, now), stretch_of(now - SETTLED_MS)
    folded = 0
    for start, messages in by_stretch(counts.cells(number, since, settled)):
        counts.fold(number, start, counted(messages))
        counts.fold_to(number, start + STRETCH_MS)
        folded += 1
    if settled > since:
        counts.fold_to(number, settled)
    return folded


def unfolded_since(number: str, counts: Counts, now: int) -> int:
    """From when on what became of a number's messages is not folded yet. What nobody folded for so long that it is gone
    is not looked for: a number may come back after years."""
    return max(counts.folded_until(number), stretch_of(now - KEPT_MS))
