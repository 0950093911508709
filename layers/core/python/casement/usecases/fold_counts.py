"""Fold what became of template messages into plain numbers, once nothing of it can be told again."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from casement.domain.template_counts import KEPT_MS, SETTLED_MS, STRETCH_MS, Cell, Tally, counted, stretch_of, stretches


class Counts(Protocol):
    """Where they are kept. Times are epoch milliseconds."""

    def cells(self, number_id: str, start: int) -> Iterable[Cell]: ...
    def fold(self, number_id: str, start: int, counts: Mapping[Tally, int]) -> None: ...
    def folded_until(self, number_id: str) -> int: ...
    def fold_to(self, number_id: str, until: int) -> None: ...


def fold_counts(number: str, counts: Counts, now: int) -> int:
    """Fold what has settled of a number; how many stretches of ten minutes had something in them.

    Numbers are written before the mark that they are there, and again if the mark was not: so a run that dies is done
    again by the next one. Raises `StoreUnavailable`.
    """
    since = unfolded_since(number, counts, now)
    folded, reached = 0, since
    for start in _settled(since, now):
        if numbers := counted(counts.cells(number, start)):
            counts.fold(number, start, numbers)
            counts.fold_to(number, start + STRETCH_MS)
            folded += 1
        reached = start + STRETCH_MS
    if reached > since:
        counts.fold_to(number, reached)
    return folded


def _settled(since: int, now: int) -> Iterator[int]:
    return stretches(since, now - SETTLED_MS - STRETCH_MS)


def unfolded_since(number: str, counts: Counts, now: int) -> int:
    """From when on what became of a number's messages is not folded yet. What nobody folded for so long that it is gone
    is not looked for: a number may come back after years."""
    return max(counts.folded_until(number), stretch_of(now - KEPT_MS))
