"""How reviews will end: by habit (`auto_review`), or as scripted for the next templates whose name matches."""

import re
from dataclasses import dataclass

from local.simulator.config import Options
from local.simulator.template_rules import CATEGORIES

ENDS = {
    "approve": "approved",
    "reject": "rejected, with `reason` and `advice`",
    "recategorise": "filed under another `category` as soon as it is asked for, and approved",
    "pause": "approved, and paused `pause_after` seconds later",
    "wait": "never: it stays PENDING until you decide",
}
REASONS = (
    "ABUSIVE_CONTENT",
    "CATEGORY_NOT_AVAILABLE",
    "INCORRECT_CATEGORY",
    "INVALID_FORMAT",
    "NONE",
    "PROMOTIONAL",
    "SCAM",
    "TAG_CONTENT_MISMATCH",
)


def check_reason(reason: str | None) -> None:
    if reason is not None and reason not in REASONS:
        raise ValueError(f"reason is one of {', '.join(REASONS)}")


@dataclass(frozen=True)
class Verdict:
    """How one review ends, `after` seconds. `notify=False`: its webhook gets lost."""

    decision: str
    after: float = 0.0
    reason: str | None = None
    advice: str | None = None
    category: str | None = None
    pause_after: float = 0.0
    notify: bool = True

    def __post_init__(self) -> None:
        if self.decision not in ENDS:
            raise ValueError(f"decision is one of {', '.join(ENDS)}")
        if self.after < 0 or self.pause_after < 0:
            raise ValueError("after and pause_after are seconds, at least 0")
        if (self.category is not None) != (self.decision == "recategorise"):
            raise ValueError("category goes with recategorise, and recategorise with a category")
        if self.category is not None and self.category not in CATEGORIES:
            raise ValueError(f"category is one of {', '.join(CATEGORIES)}")
        check_reason(self.reason)


@dataclass
class _Coming:
    verdict: Verdict
    remaining: int
    match: str


class Script:
    """The verdicts that wait for templates, oldest first."""

    def __init__(self) -> None:
        self._coming: list[_Coming] = []

    def clear(self) -> None:
        self._coming.clear()

    def add(self, verdict: Verdict, n: int, match: str) -> None:
        """For the next `n` templates in which `match` is found: a regular expression, searched in "news/en_US"."""
        if n < 1:
            raise ValueError("next is at least 1")
        re.compile(match)
        self._coming.append(_Coming(verdict, n, match))

    def take(self, name: str, language: str) -> Verdict | None:
        for coming in self._coming:
            if coming.remaining and re.search(coming.match, f"{name}/{language}"):
                coming.remaining -= 1
                return coming.verdict
        return None


def habit(options: Options) -> Verdict:
    if options.auto_review == "instant":
        return Verdict("approve")
    if isinstance(options.auto_review, str):
        return Verdict("wait")
    return Verdict("approve", after=options.auto_review)
