"""Which templates are marked, by what lies in the ten minutes of the last two hours."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from casement.domain.template_counts import STRETCH_MS, Cell, Tally, stretch_of
from casement.domain.template_health import LASTS_MS, Ill
from casement.usecases.mark_failing_templates import mark_failing_templates

NOON = 1_795_000_000_000
WABA, TEMPLATE, TODAY = "200000000000001", "9", "2026-11-18"


@dataclass
class Told:
    """What was told of messages, by number and ten minutes; and the marks that were made."""

    cells_of: dict[tuple[str, int], list[Cell]] = field(default_factory=dict)
    marks: dict[str, Ill] = field(default_factory=dict)

    def tell(self, what: str, messages: range, *, ago: int, number: str = "1") -> None:
        start = stretch_of(NOON - ago * STRETCH_MS)
        told = {Tally(TEMPLATE, TODAY, what): frozenset(f"{message:012}" for message in messages)}
        self.cells_of.setdefault((number, start), []).append(Cell(number, start, told))

    def cells(self, number_id: str, since: int, until: int, *, newest_first: bool) -> Iterator[Cell]:
        for (number, start), cells in sorted(self.cells_of.items(), reverse=newest_first):
            if number == number_id and since <= start < until:
                yield from cells

    def ill(self, waba_id: str, now: int) -> dict[str, Ill]:
        return {template_id: mark for template_id, mark in self.marks.items() if waba_id == WABA and mark.lasts(now)}

    def mark_ill(self, waba_id: str, ill: Ill) -> None:
        assert waba_id == WABA
        self.marks[ill.template_id] = ill


def marked(told: Told, *numbers: str) -> list[Ill]:
    return mark_failing_templates(WABA, numbers or ("1",), told, told, NOON)


def test_what_was_asked_for_and_failed_half_an_hour_later():
    told = Told()
    told.tell("asked", range(20), ago=9)
    told.tell("failed 131026", range(7), ago=6)

    ill = Ill(TEMPLATE, 20, 7, NOON, NOON + LASTS_MS)
    assert marked(told) == [ill] == [told.marks[TEMPLATE]]
    assert marked(told) == []  # it is known


def test_two_hours_are_looked_at():
    told = Told()
    told.tell("asked", range(10), ago=12)
    told.tell("asked", range(10, 20), ago=0)
    told.tell("asked", range(20, 99), ago=13)
    told.tell("failed 131026", range(20), ago=0)

    assert marked(told) == [Ill(TEMPLATE, 20, 20, NOON, NOON + LASTS_MS)]


def test_the_numbers_of_an_account_are_taken_together():
    told = Told()
    for number in "12":
        told.tell("asked", range(int(number) * 100, int(number) * 100 + 10), ago=2, number=number)
    told.tell("failed 131026", range(200, 207), ago=1, number="2")

    assert marked(told) == []
    assert marked(told, "1", "2") == [Ill(TEMPLATE, 20, 7, NOON, NOON + LASTS_MS)]
