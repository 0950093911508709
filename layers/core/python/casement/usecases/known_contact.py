"""Who a customer is, as far as rules may speak of it."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from casement.domain.automations import Contact
from casement.domain.conversation import Conversation
from casement.domain.messages import Said, Send
from casement.domain.profile import Profile

_LOOKED_AT = 20  # of a conversation's messages, for what its contact calls itself


class Profiles(Protocol):
    """What is known of contacts."""

    def of(self, number_id: str, contacts: Iterable[str]) -> Profile: ...


class Messages(Protocol):
    """What was said."""

    def newest(self, number_id: str, contacts: Iterable[str]) -> Iterator[Said | Send]: ...


def known_contact(conversation: Conversation, entry: Any, profiles: Profiles, messages: Messages) -> Contact:
    """What is known of the customer. What a form or an operator calls them stands before what they call themselves, in
    `entry`, Meta's `contacts[]` entry beside a message, or where there is none in the newest that there is."""
    known = profiles.of(conversation.number, conversation.contacts)
    entry = entry or _newest_entry(conversation, messages)
    profile = entry.get("profile") if isinstance(entry, dict) else None
    name = profile.get("name") if isinstance(profile, dict) else None
    fields = known.texts
    named = fields.get("name") or (name if isinstance(name, str) else None)
    return Contact(named, known.language, fields, tuple(known.tag_names))


def _newest_entry(conversation: Conversation, messages: Messages) -> Any:
    """The newest `contacts[]` entry that came with a message."""
    newest = messages.newest(conversation.number, conversation.contacts)
    for message, _ in zip(newest, range(_LOOKED_AT), strict=False):
        if isinstance(message, Said) and message.kept.get("contact"):
            return message.kept["contact"]
    return {}
