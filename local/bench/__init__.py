"""`make bench`: what Casement costs, measured on this machine in this run.

Each figure is a ratio or a count, defined in words in `Figure.meaning`, with the most it may be where it has one.
Times of a machine are not compared with another's: ratios are taken within one run, alternating what is compared.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `most` is its budget, None where there is none."""

    name: str
    value: float
    meaning: str
    most: float | None = None

    @property
    def kept(self) -> bool:
        """Whether the budget is kept."""
        return self.most is None or self.value <= self.most
