"""What a stored item can tell that has consequences."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from casement.domain.message_key import MessageKey


@dataclass(frozen=True, slots=True)
class Opened:
    """A customer's message or call opened the window. `said` is its text, or the button they tapped; `tapped` the
    wamid of the template whose button it was, `message` its own wamid, or the id of the call."""

    number: str
    contact: str
    at: int  # epoch milliseconds
    id: str  # tells openers of one conversation apart
    said: str | None = None
    tapped: str | None = None
    message: str = ""
    waba_id: str = ""
    is_call: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict, compare=False)  # what the fact keeps: contact, element …


@dataclass(frozen=True, slots=True)
class WindowRefused:
    """Meta refused a send of ours for the window, which we had held to be open."""

    number: str
    send: MessageKey
    waba_id: str = ""  # where Meta said so in a webhook


@dataclass(frozen=True, slots=True)
class MarketingStopped:
    """Meta refused a send since the customer stopped marketing."""

    number: str
    contact: str
    at: int  # when it was sent, epoch milliseconds


@dataclass(frozen=True, slots=True)
class NumberRefused:
    """Meta let a send fail since it lets the number send nothing."""

    number: str
    code: int
    at: int  # when Meta said so, epoch milliseconds


@dataclass(frozen=True, slots=True)
class OptedOut:
    """A customer stopped marketing at Meta, and Meta says so."""

    number: str
    contact: str
    at: int
    id: str  # tells what a customer said at one moment apart
    waba_id: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """A conversation's window was told to be closing."""

    number: str
    contact: str
    at: int  # when it was told, epoch milliseconds
    opener: str  # Meta's id of the customer's last word
    waba_id: str = ""


Happening = Opened | WindowRefused | MarketingStopped | NumberRefused | OptedOut | Closing
