"""Templates that fail too often to be chosen by anything but their name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ill:
    """A template that failed too often: of `asked` messages, `failed` did. Times are epoch milliseconds.

    It counts as ill from `since` until `until`, exclusive; then it may show whether it has got well.
    """

    template_id: str
    asked: int
    failed: int
    since: int
    until: int

    def lasts(self, now: int) -> bool:
        """Whether it still counts."""
        return now < self.until
