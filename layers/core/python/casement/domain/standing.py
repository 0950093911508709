"""Where a conversation stands: which of its window's events were told, what automations did, who handles it.

A window opens with a customer's first word in a day, and goes on with each further one. Three things of it are told:
that it opened; that it is closing, once for each last word; that it closed. Whoever finds that one is due changes the
standing, and who comes second finds it changed: that is how each is told once. Webhooks may come late and in any order,
so what is older than what was told already tells nothing any more.

Times are epoch milliseconds, of openers Meta's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from casement.domain.window import DAY_MS, Opener

HANDLED_MS = 4 * 60 * 60 * 1000  # who wrote on the phone app has the conversation for so long


class News(StrEnum):
    """What a change of a standing tells, in the order in which it is told."""

    CLOSED = "closed"
    OPENED = "opened"
    CLOSING = "closing"


class Handled(NamedTuple):
    """Why a person has a conversation, in a sentence, and since when (epoch milliseconds)."""

    why: str
    since: int


@dataclass(frozen=True, slots=True)
class Standing:
    """`opened` is the first opener of the window that was told of last, `closing` and `closed` the last opener of those
    that were told to be closing, and to have closed. `news` is what the last change told."""

    opened: Opener | None = None
    closing: Opener | None = None
    closing_at: int = 0
    closed: Opener | None = None
    closed_at: int = 0
    closed_by_meta: bool = False  # by its verdict, before the day was over
    untold: bool = False  # nobody was told that the window opened: it was found to be open
    waba_id: str = ""
    automations: Mapping[str, Any] = field(default_factory=dict)  # what they did, as `automations.state_view` says it
    paused_at: int = 0  # when somebody paused automations here, 0 if nobody has
    resumed_at: int = 0  # when somebody last resumed them: what a person did before says nothing any more
    news: tuple[News, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether a window was told to have opened, and not to have closed since."""
        return self.opened is not None and not (self.closed and self.closed.at >= self.opened.at)

    def wants_to_know_before(self, opener: Opener) -> int | None:
        """Since when the openers before `opener` must be known to say what it did, None if that is clear without."""
        if self.opened is None and self.closed is None:
            return opener.at - DAY_MS
        if self.is_open and self.opened and opener.at - self.opened.at >= DAY_MS:
            return self.opened.at
        return None

    def after(self, opener: Opener, before: Opener | None) -> "Standing":
        """What an opener changes. `before` is the newest one before it, as far back as `wants_to_know_before` says."""
        runs_on = before is not None and opener.at - before.at < DAY_MS
        if self.opened is None and self.closed is None:
            if runs_on:  # it opened before anybody wanted to know; or the stream gives the word before only after this
                return replace(self, opened=before, untold=True)
            return replace(self, opened=opener, news=(News.OPENED,))
        if self.untold and self.is_open and opener == self.opened:
            return replace(self, untold=False, news=(News.OPENED,))
        if any(told and opener.at <= told.at for told in (self.opened, self.closed)):
            return self
        if not self.is_open:
            return replace(self, opened=opener, untold=False, news=(News.OPENED,))
        if runs_on or self.wants_to_know_before(opener) is None:
            return self
        last = before or self.opened  # it closed a moment ago, and nobody has come to say so
        assert last is not None  # noqa: S101 - it is open
        closed = self.has_closed(last, last.at + DAY_MS)
        return replace(closed, opened=opener, untold=False, news=(*closed.news, News.OPENED))

    def is_closing(self, opener: Opener, now: int) -> "Standing":
        """The window that `opener` was the last to open is about to close, and nobody has answered."""
        if _is_told(self.closing, opener) or _is_told(self.closed, opener):
            return self
        return replace(self, closing=opener, closing_at=now, news=(News.CLOSING,))

    def has_closed(self, opener: Opener, at: int, *, by_meta: bool = False) -> "Standing":
        """The window that `opener` was the last to open has closed."""
        if _is_told(self.closed, opener):
            return self
        return replace(self, closed=opener, closed_at=at, closed_by_meta=by_meta, news=(News.CLOSED,))

    def with_automations(self, *, paused: bool, now: int) -> "Standing":
        """The same, once somebody paused or resumed automations here."""
        if paused:
            return self if self.paused_at else replace(self, paused_at=now)
        return replace(self, paused_at=0, resumed_at=now)

    def handled_by(self, asked_at: Iterable[int], wrote_at: int, now: int) -> "Handled | None":
        """Why a person has this conversation, None if nobody has.

        `asked_at` are the moments from which on a person should look at it, `wrote_at` is when one last wrote on the
        phone app, 0 for never or long ago.
        """
        if self.paused_at:
            return Handled("Somebody paused automations in this conversation.", self.paused_at)
        if waiting := [at for at in asked_at if at > self.resumed_at]:
            return Handled("A person should look at this conversation, and nobody says that they did.", min(waiting))
        if wrote_at > max(self.resumed_at, now - HANDLED_MS):
            return Handled("Somebody wrote on the phone app in the last hours.", wrote_at)
        return None

    def kept(self) -> dict[str, Any]:
        """As JSON, but for its news."""
        kept: dict[str, Any] = {
            name: [opener.at, opener.id]
            for name, opener in (("opened", self.opened), ("closing", self.closing), ("closed", self.closed))
            if opener
        }
        named = {
            "closing_at": self.closing_at,
            "closed_at": self.closed_at,
            "closed_by_meta": self.closed_by_meta,
            "untold": self.untold,
            "waba_id": self.waba_id,
            "automations": self.automations,
            "paused_at": self.paused_at,
            "resumed_at": self.resumed_at,
        }
        return kept | {name: value for name, value in named.items() if value}


def standing_from(kept: Mapping[str, Any]) -> Standing:
    """A standing as it was kept. What its last change told is no news any more."""
    opened, closing, closed = (
        Opener(*kept[name]) if name in kept else None for name in ("opened", "closing", "closed")
    )
    return Standing(
        opened,
        closing,
        closed=closed,
        closing_at=kept.get("closing_at", 0),
        closed_at=kept.get("closed_at", 0),
        closed_by_meta=kept.get("closed_by_meta", False),
        untold=kept.get("untold", False),
        waba_id=kept.get("waba_id", ""),
        automations=kept.get("automations", {}),
        paused_at=kept.get("paused_at", 0),
        resumed_at=kept.get("resumed_at", 0),
    )


def _is_told(told: Opener | None, opener: Opener) -> bool:
    return told is not None and told.at >= opener.at
