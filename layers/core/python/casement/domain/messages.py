"""Messages as they are read back: what Meta told us of, and what we were asked to send."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from casement.domain.life import Status
from casement.domain.message_key import MessageKey

MEETS_META = ("send", "send_template")  # decisions, by what they are kept as


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log: its time in epoch milliseconds, then what tells entries of one time apart."""

    at: int
    rest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One message that came in (`fact` is its fact's sort key) or was asked to go out (`asked` is the request)."""

    position: Position
    contact: str
    fact: str | None = None
    ulid: str | None = None
    asked: Mapping[str, Any] | None = None
    asked_by: str | None = None
    decided: Mapping[str, Any] | None = None

    @property
    def asks_meta(self) -> bool:
        """Whether what was decided takes a call to Meta. Nothing is kept of a try's decision: it always does."""
        return self.decided is None or self.decided.get("action") in MEETS_META


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a send that the number's health tells of: `verdict` or `unresolved`, and when it was sent."""

    at: int
    kind: str
    send: str


@dataclass(frozen=True, slots=True)
class TemplateSent:
    """A template message that Meta took."""

    key: MessageKey
    template_id: str
    wamid: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message that Meta told us of. `kept` is what its fact keeps: field, metadata, contact, element."""

    position: Position
    contact: str
    kind: str  # message, echo, history or call
    kept: Mapping[str, Any]
    opens: bool = False  # whether it opened the window


@dataclass(frozen=True, slots=True)
class Send:
    """A send as far as the conversation knows it: its outcome (absent while it has none) and its statuses."""

    position: Position
    key: MessageKey
    asked: Mapping[str, Any] | None = None
    status: str | None = None
    at: int | None = None
    wamid: str | None = None
    answer: Mapping[str, Any] | None = None
    statuses: tuple[Status, ...] = ()
    http: int | None = None  # the status with which `answer` was given
    sent: Mapping[str, Any] | None = None  # what went out in place of what was asked for
    retry: bool = False  # nothing was sent, and the same request may be made again
    unresolved: bool = False  # nobody ever told what became of it
