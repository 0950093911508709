"""The life of a message we sent, folded from what was asked, what Meta answered and what its statuses said.

Statuses come in any order, twice, or not at all: the furthest one counts, each step keeps its earliest time, and
nothing moves backwards. A `failed` ends a message, unless Meta also said that it was delivered: evidence of delivery
is trusted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

LEASE_MS = 120_000  # longer than any call to Meta may take: after it, a send without an answer is unknown

UNRESOLVED_MS = 24 * 60 * 60 * 1000  # nobody will tell any more what became of an unknown send

INTERRUPTED = {"message": "Casement was interrupted before this was done. Nothing was sent."}

_RANK = {name: rank for rank, name in enumerate(("accepted", "sent", "delivered", "read", "played"))}
_ENDS = ("refused", "failed", "handed_off")
_DELIVERED = _RANK["delivered"]


@dataclass(frozen=True, slots=True)
class Status:
    """One status that Meta sent: its name, its time in epoch milliseconds, its errors."""

    name: str
    at: int
    errors: tuple[Any, ...] = ()
    wamid: str | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """Where a message stands. `steps` gives the earliest time of each step, in epoch milliseconds."""

    status: str
    steps: dict[str, int] = field(default_factory=dict)
    error: Any = None


def life_of(
    asked_at: int,
    outcome: str | None,
    outcome_at: int | None,
    error: Any,
    statuses: Iterable[Status],
    now: int,
    *,
    asks_meta: bool = True,
) -> Life:
    """Fold one send. `outcome` is what the send itself learned (see `Outcome`), None while it has not ended; `error` is
    Meta's or our error object; `asks_meta` is false for what was decided without Meta: it did not go out for certain.
    """
    steps: dict[str, int] = {"asked": asked_at}
    if outcome and outcome_at is not None:
        steps[outcome] = outcome_at
    if outcome is None and not asks_meta and now - asked_at >= LEASE_MS:
        return Life("failed", steps, INTERRUPTED)
    reached = outcome or ("sending" if now - asked_at < LEASE_MS else "unknown")
    failed: Status | None = None
    for status in sorted(statuses, key=lambda status: (status.at, status.name, repr(status.errors))):
        steps.setdefault(status.name, status.at)
        if status.name == "failed":
            failed = failed or status
        elif _RANK.get(status.name, -1) > _RANK.get(reached, -1):
            reached = status.name
    if _RANK.get(reached, -1) < _DELIVERED:
        if outcome in _ENDS:
            return Life(outcome, steps, error)
        if failed:
            return Life("failed", steps, failed.errors[0] if failed.errors else error)
    if reached == "unknown" and now - asked_at >= UNRESOLVED_MS:
        reached = "unresolved"
    return Life(reached, steps, error)
