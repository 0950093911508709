"""Messages that could not go out when they were asked for: kept until the customer writes, or until their turn comes.

One of them begins as `waiting`, is `sending` while somebody tries, and ends once, for good. It is known by the key of
the send that it belongs to. Whoever works on it first replaces it by a newer version of itself, on condition that
nobody else did; so of several workers one wins, and a repeat finds the work done.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from casement.domain.life import LEASE_MS
from casement.domain.message_key import MessageKey
from casement.domain.sending import Request

_MOST_ATTEMPTS_KEPT = 20


class WaitsFor(StrEnum):
    """What must happen before it can go out."""

    CUSTOMER = "customer"  # until the customer writes
    TURN = "turn"  # nothing: a template, or a message whose window was open


class State(StrEnum):
    """Where it stands. All but the first two are ends."""

    WAITING = "held"
    SENDING = "sending"
    RELEASED = "released"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    HANDED_OFF = "handed_off"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (State.WAITING, State.SENDING)


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that waits. `key` is the send it belongs to, `request` what was asked there; times are epoch ms."""

    key: MessageKey
    request: Request
    asked_by: str
    waits_for: WaitsFor
    expires_at: int
    instead: Mapping[str, Any] | None = None  # the body that goes out in place of the one that was asked for
    supersede: str | None = None
    state: State = State.WAITING
    why: str | None = None  # of an end that is no success
    attempts: tuple[MessageKey, ...] = ()
    nudge: MessageKey | None = None
    changed_at: int = 0
    version: int = 0

    @property
    def waits(self) -> bool:
        """Whether it waits, and nobody is sending it."""
        return self.state is State.WAITING

    @property
    def origin(self) -> MessageKey:
        """The send that it all began with: one that is held again keeps the place it had."""
        return self.request.of or self.key

    @property
    def attempt(self) -> MessageKey | None:
        """The newest try."""
        return self.attempts[-1] if self.attempts else None

    def is_expired(self, now: int) -> bool:
        """Whether its time is over. A try that has begun is not recalled."""
        return self.state is State.WAITING and now >= self.expires_at

    def is_abandoned(self, now: int) -> bool:
        """Whether whoever was sending it has surely died."""
        return self.state is State.SENDING and now - self.changed_at >= LEASE_MS

    def shown_state(self, now: int) -> State:
        """Its state as callers see it: an end by time is seen at once, whenever somebody writes it down."""
        return State.EXPIRED if self.is_expired(now) else self.state

    def sending(self, attempt: MessageKey, now: int) -> "Pending":
        """The same, being tried under another key."""
        kept = (*self.attempts, attempt)[-_MOST_ATTEMPTS_KEPT:]
        return self._next(now, state=State.SENDING, attempts=kept)

    def waiting(self, now: int) -> "Pending":
        """The same, put back after a try that sent nothing."""
        return self._next(now, state=State.WAITING)

    def ended(self, state: State, now: int, why: str | None = None) -> "Pending":
        """The same, at its end."""
        return self._next(now, state=state, why=why)

    def nudged(self, nudge: MessageKey, now: int) -> "Pending":
        """The same, with the template that asks the customer to write."""
        return self._next(now, nudge=nudge)

    def _next(self, now: int, **changes: Any) -> "Pending":
        return replace(self, changed_at=now, version=self.version + 1, **changes)


def in_order(pendings: Iterable[Pending]) -> list[Pending]:
    """As they were asked for."""
    return sorted(pendings, key=lambda pending: (pending.origin.ulid, pending.key.ulid))


def superseded(pendings: Sequence[Pending]) -> list[Pending]:
    """Those that wait and that a newer one with the same key replaces."""
    newest = {one.supersede: one.key for one in in_order(pendings) if one.supersede}
    return [
        one
        for one in in_order(pendings)
        if one.supersede and one.state is State.WAITING and newest[one.supersede] != one.key
    ]
