"""Events: what happened, as a business's own back end is told.

Each follows from one stored fact or change and from nothing else, its id too: whoever makes it again, after a crash or
from a stream that repeats itself, makes the same one. Only its sequence number is given once, when it is first written
down (`casement.store.journal`).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from casement.domain.message_key import MessageKey

SCHEMA_VERSION = "1"
CUSTOM = "custom."  # followed by the name that an automation gives an event
OF_META = "meta."  # followed by one of Meta's webhook fields: for subscribers in Meta's own shape alone
ID_AHEAD_MS = 86_400_000  # what becomes of a window has its id by when that would end: so much may an id be ahead


class EventType(StrEnum):
    """Every type there is, besides those that automations name."""

    MESSAGE_RECEIVED = "message.received"
    MESSAGE_STATUS = "message.status"
    MESSAGE_HELD = "message.held"
    MESSAGE_RELEASED = "message.released"
    MESSAGE_EXPIRED = "message.expired"
    MESSAGE_CANCELLED = "message.cancelled"
    MESSAGE_SUPERSEDED = "message.superseded"
    SEND_UNRESOLVED = "send.unresolved"
    WINDOW_OPENED = "window.opened"
    WINDOW_CLOSING = "window.closing"
    WINDOW_CLOSED = "window.closed"
    CONVERSATION_NEEDS_ATTENTION = "conversation.needs_attention"
    FLOW_SUBMITTED = "flow.submitted"
    TEMPLATE_STATUS_CHANGED = "template.status_changed"
    TEMPLATE_CATEGORY_CHANGED = "template.category_changed"
    TEMPLATE_QUALITY_CHANGED = "template.quality_changed"
    CONTACT_OPTED_OUT = "contact.opted_out"
    CONTACT_OPTED_IN = "contact.opted_in"
    NUMBER_HEALTH_CHANGED = "number.health_changed"
    SUBSCRIPTION_PAUSED = "subscription.paused"
    TEST = "casement.test"


OF_WINDOWS = (EventType.WINDOW_OPENED, EventType.WINDOW_CLOSING, EventType.WINDOW_CLOSED)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `at` is epoch milliseconds, by Meta's clock where Meta tells of it.

    `contact` is the contact key of its conversation, empty for what belongs to none; `number` is empty for what belongs
    to a whole WABA. `meta` is what Meta said, for subscribers in Meta's own shape: `field`, `waba_id`, `metadata`,
    `contact` and `element`, as a fact keeps them, the `key` under which the element stood in a webhook's value (None if
    it was the value) and the `time` of its entry (epoch seconds), where it has one. It is None for what Meta never
    said.
    """

    id: str
    type: str
    at: int
    data: Mapping[str, Any]
    number: str = ""
    contact: str = ""
    waba_id: str = ""
    meta: Mapping[str, Any] | None = None

    @property
    def scope(self) -> str:
        """What it is counted with: a conversation's events, else a number's, else a WABA's."""
        return f"{self.number or self.waba_id or '-'}#{self.contact}" if self.contact else self.number or self.waba_id

    def body(self, sequence: int) -> dict[str, Any]:
        """What is POSTed. Its keys are the contract: see `events/schemas`."""
        told: dict[str, Any] = {
            "type": self.type,
            "id": self.id,
            "timestamp": datetime.fromtimestamp(self.at / 1000, UTC).isoformat(timespec="milliseconds"),
            "schema_version": SCHEMA_VERSION,
            "sequence": sequence,
        }
        named = {"phone_number_id": self.number, "waba_id": self.waba_id, "conversation_id": self.contact}
        return told | {name: value for name, value in named.items() if value} | {"data": self.data}


class Numbered(NamedTuple):
    """An event with its place among those of its scope."""

    sequence: int
    event: Event


def event_id(kind: str, at: int, *what: str) -> str:
    """The id of an event of type `kind` at `at` (epoch milliseconds); `what` tells those of one moment apart.

    It sorts by time, and says nothing of anybody.
    """
    told = "\0".join((kind, *what)).encode(errors="surrogatepass")
    digest = int.from_bytes(hashlib.sha256(told).digest()[:10], "big")
    return f"evt_{MessageKey.new('', at, digest).ulid}"
