"""Until when messages to a customer cost nothing, because an ad or a page button brought them."""

from collections.abc import Iterable
from typing import Protocol

from casement.domain.conversation import Conversation
from casement.domain.window import DAY_MS, FREE_ENTRY_POINT_MS


class Messages(Protocol):
    """What was said."""

    def referred_at(self, number_id: str, contacts: Iterable[str], since: int) -> list[int]: ...
    def answered_at(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None: ...


def free_entry_point_until(conversation: Conversation, messages: Messages, now: int) -> int | None:
    """The end of a free entry point: 72 hours from the first answer within 24 hours to a message that an ad brought.

    Epoch milliseconds, None where there is none now.
    """
    earliest = now - DAY_MS - FREE_ENTRY_POINT_MS
    if conversation.opener is None or conversation.opener.at < earliest:
        return None
    number, contacts = conversation.number, conversation.contacts
    answers = (
        messages.answered_at(number, contacts, referred_at, referred_at + DAY_MS)
        for referred_at in messages.referred_at(number, contacts, earliest)
    )
    until = max((at + FREE_ENTRY_POINT_MS for at in answers if at is not None), default=0)
    return until if until > now else None
