"""The customer service window: may a business write freely to this customer now?

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages (customer
service windows). A customer's message or call opens 24 hours, counted on Meta's clock; nothing the business does
extends them. Meta's refusal (131047) closes the window whatever we thought, from the time of the refused send on.

All times here are epoch milliseconds unless a name ends in `_s` (epoch seconds). The window is half-open: at exactly
24 hours it is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

DAY_MS = 24 * 60 * 60 * 1000
FREE_ENTRY_POINT_MS = 3 * DAY_MS

RE_ENGAGEMENT_CODE = 131047
RE_ENGAGEMENT_CODES = frozenset({RE_ENGAGEMENT_CODE, 470})  # 470 is what the old On-Premises API called it

OPENING_TYPES = frozenset(
    (
        *("text", "image", "video", "audio", "voice", "document", "sticker"),
        *("location", "contacts", "order", "interactive", "button"),
    )
)
# Not confirmed by Meta, so they open nothing here: reaction, edit, revoke, unsupported, request_welcome, and the answer
# to a request to call. A window believed open that is not costs a refused message; the reverse costs a template.
_UNCONFIRMED_INTERACTIVE = "call_permission_reply"


def message_opens(message: Mapping[str, Any]) -> bool:
    """Whether a customer's `messages[]` element opens or restarts the window."""
    kind = message.get("type")
    if not isinstance(kind, str) or kind not in OPENING_TYPES:
        return False
    interactive = message.get("interactive")
    return not (isinstance(interactive, dict) and interactive.get("type") == _UNCONFIRMED_INTERACTIVE)


def call_opens(call: Mapping[str, Any]) -> bool:
    """Whether a `calls[]` or call-`statuses[]` element opens it: the customer called, or took the business's call."""
    if call.get("direction") == "USER_INITIATED":
        return call.get("event") == "connect"
    return call.get("type") == "call" and call.get("status") == "ACCEPTED"


class WindowState(StrEnum):
    """Where a conversation stands."""

    NEVER_OPENED = "never_opened"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Opener:
    """The customer's message or call that (re)started the window, by Meta's clock."""

    at: int
    id: str  # wamid or call id


@dataclass(frozen=True, slots=True)
class Verdict:
    """Meta refused a send with 131047; `at` is when that send was made, not when the refusal came."""

    at: int
    id: str  # the key of our send, or the wamid of a message that somebody else sent
    code: int = RE_ENGAGEMENT_CODE


@dataclass(frozen=True, slots=True)
class WindowRules:
    """What an operator may set."""

    margin_ms: int = 60_000  # stop sending this long before the end: the answer to a race with Meta's clock
    closing_lead_ms: int = 2 * 60 * 60 * 1000  # `closing` starts this long before the end


@dataclass(frozen=True, slots=True)
class Window:
    """The state of a window at one moment, with its evidence."""

    state: WindowState
    opened_by: str | None = None
    opened_at: int | None = None
    expires_at: int | None = None
    send_cutoff: int | None = None
    verdict: Verdict | None = None
    free_entry_point_until: int | None = None

    def permits_free_form(self, now: int) -> bool:
        """Whether a free-form message may go out at `now`: open, and not within the safety margin."""
        return (
            self.state in (WindowState.OPEN, WindowState.CLOSING)
            and self.send_cutoff is not None
            and now < self.send_cutoff
        )


def window_at(
    now: int,
    opener: Opener | None,
    verdict: Verdict | None = None,
    *,
    rules: WindowRules = WindowRules(),
    free_entry_point_until: int | None = None,
) -> Window:
    """The window at `now`, from the newest opener and the newest verdict of a conversation.

    An opener stamped ahead of our clock counts as now: clocks differ, and a message cannot come from the future.
    A verdict closes what was opened at or before its send; a later opener opens again.
    """
    if opener is None:
        state = WindowState.CLOSED if verdict else WindowState.NEVER_OPENED
        return Window(state, verdict=verdict, free_entry_point_until=free_entry_point_until)
    opened_at = min(opener.at, now)
    expires_at = opened_at + DAY_MS
    if verdict and verdict.at >= opener.at:
        state, expires_at = WindowState.CLOSED, min(expires_at, verdict.at)
    elif now >= expires_at:
        state = WindowState.CLOSED
    elif now >= expires_at - rules.closing_lead_ms:
        state = WindowState.CLOSING
    else:
        state = WindowState.OPEN
    return Window(
        state,
        opened_by=opener.id,
        opened_at=opened_at,
        expires_at=expires_at,
        send_cutoff=expires_at - rules.margin_ms,
        verdict=verdict,
        free_entry_point_until=free_entry_point_until,
    )
