"""Whom a template would go to, where nothing is sent: somebody, or nobody in particular."""

from casement.domain.contact import GROUP, contact_key, is_bsuid, is_group, is_phone
from casement.domain.conversation import Conversation
from casement.domain.errors import InvalidRequest
from casement.domain.policy import Reject
from casement.domain.sending import Message, Situation
from casement.usecases.engine import Engine
from casement.usecases.find_conversation import find_conversation
from casement.usecases.judge import judge_in


def must_be_contact(text: str) -> None:
    """Raises `InvalidRequest` for what names nobody."""
    key = contact_key(text)
    if not (is_bsuid(key) or is_phone(key) or (is_group(key) and len(key) > len(GROUP))):
        raise InvalidRequest("contact must be a phone number, a BSUID or group:<id>.", parameter="contact")


def conversation_with(contact: str | None, engine: Engine) -> Conversation:
    """The conversation with somebody, as they are written; for None, one with nobody."""
    if contact is None:
        return Conversation(engine.number, "", ())
    return find_conversation(engine.number, contact_key(contact), read=engine.read_alias)


def standing(conversation: Conversation, engine: Engine, now: int) -> Situation:
    """What a decision on any template depends on, besides the template itself."""
    free_form = Message({}, conversation.contact, "text", None, None)
    return judge_in(conversation, free_form, Reject(), engine, now).situation
