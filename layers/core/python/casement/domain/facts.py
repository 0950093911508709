"""A fact: one thing Meta told us, never changed afterwards.

A fact's place in the table follows from its own webhook alone, so that a redelivery puts the same bytes at the same
key: no order, repetition or cut into batches can end in another table.
"""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a fact is about."""

    MESSAGE = "message"  # a customer's message
    CALL = "call"
    ECHO = "echo"  # what the business wrote on the phone app
    HISTORY = "history"  # imported conversations
    STATUS = "status"
    PREFERENCE = "preference"  # marketing stop or resume
    DETAIL = "detail"  # about a contact, and no message
    TEMPLATE_EVENT = "template_event"
    ACCOUNT_EVENT = "account_event"


class Effect(StrEnum):
    """What a fact does to the customer service window."""

    NONE = ""
    OPENS = "opens"
    CLOSES = "closes"


class Fact(NamedTuple):
    """One element of a webhook, as it will be stored."""

    kind: Kind
    at: int  # epoch milliseconds by Meta's clock (of the send, for a status of ours); 0 where the element has no time
    id: str  # Meta's id; may be empty
    raw: str  # JSON: field, waba_id, metadata, contact, element
    waba_id: str = ""
    number: str = ""  # phone_number_id; empty for what has none
    contact: str = ""  # contact key; empty for what belongs to nobody
    detail: str = ""  # status name and participant, template id, or the field of an account event
    send: str = ""  # the ULID of our send, for a status of ours
    effect: Effect = Effect.NONE
    referral: bool = False  # came through an ad or a page button: it may start a free entry point


class LinkKind(StrEnum):
    """How two contact keys of one number belong together."""

    ALIAS = "alias"  # seen together in one element
    MOVED = "moved"  # Meta said that one became the other


class Link(NamedTuple):
    """Two contact keys that lead to one conversation. For `MOVED`, `a` became `b`."""

    kind: LinkKind
    number: str
    a: str
    b: str


class Quarantined(NamedTuple):
    """What could not be understood, whole.

    `reason` is one of few fixed sentences, so that a repeat is the same bytes.
    """

    reason: str
    body: bytes
