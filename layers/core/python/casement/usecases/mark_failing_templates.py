"""Find the templates of which too much fails, so that nothing chooses them for a while."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from casement.domain.template_counts import Cell, Tally, by_stretch, stretch_of
from casement.domain.template_health import LOOKED_AT_MS, Ill, fallen_ill, lately


class Counts(Protocol):
    """What became of template messages."""

    def cells(self, number_id: str, since: int, until: int, *, newest_first: bool) -> Iterable[Cell]: ...


class Marks(Protocol):
    """Which templates of a WABA fail too often."""

    def ill(self, waba_id: str, now: int) -> Mapping[str, Ill]: ...
    def mark_ill(self, waba_id: str, ill: Ill) -> None: ...


def mark_failing_templates(waba_id: str, numbers: Iterable[str], counts: Counts, marks: Marks, now: int) -> list[Ill]:
    """Mark the templates that fail too often on the numbers of a WABA; the marks that were made. Raises
    `StoreUnavailable`."""
    fallen = fallen_ill(lately(_newest_first(numbers, counts, now)), marks.ill(waba_id, now), now)
    for ill in fallen:
        marks.mark_ill(waba_id, ill)
    return fallen


def _newest_first(numbers: Iterable[str], counts: Counts, now: int) -> Iterator[Mapping[Tally, set[str]]]:
    for number in numbers:
        cells = counts.cells(number, stretch_of(now - LOOKED_AT_MS), now + 1, newest_first=True)
        yield from (messages for _, messages in by_stretch(cells))
