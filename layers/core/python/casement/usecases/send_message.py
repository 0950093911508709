"""Send a message, or say why not.

The order is the guarantee: decide; write what is asked; call Meta once; write what became of it. Whoever dies between
two of these leaves a send that can be found, and nobody sends it again.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from casement.domain.contact import is_bsuid, is_phone, phone_key
from casement.domain.errors import (
    GraphOutcomeUnknown,
    GraphRejected,
    GraphUnavailable,
    StoreUnavailable,
    WindowClosed,
)
from casement.domain.facts import Link, LinkKind
from casement.domain.message_key import MessageKey
from casement.domain.phone import digits
from casement.domain.sending import (
    Message,
    Outcome,
    RefuseTemplate,
    RefuseWindow,
    SendNow,
    TemplateAsked,
    WhenClosed,
    decide,
)
from casement.domain.templates import Held, Template
from casement.domain.window import RE_ENGAGEMENT_CODES, Verdict, Window, WindowRules, window_at
from casement.usecases.find_conversation import ReadAlias, find_open_conversation
from casement.usecases.views import window_view

MOST_REMEDIES = 10
# A request has 29 seconds. Meta may take 17 of them, and what became of the send must be written and answered after
# that: who is late is refused while nothing has gone out, since a 5xx afterwards would make clients send it again.
MOST_BEFORE_META_MS = 5_000
MOST_BEFORE_LEARNING_MS = 20_000
_LOOKED_AT_FOR_REMEDIES = 100
CALLBACK_DATA = "biz_opaque_callback_data"


class Templates(Protocol):
    """The stored templates."""

    def find(self, waba_id: str, name: str, language: str) -> Template | None: ...
    def first(self, waba_id: str) -> Iterable[Held]: ...


class Sends(Protocol):
    """Where sends are kept."""

    def ask(self, number: str, key: MessageKey, request: Mapping[str, Any], asked_by: str) -> None: ...
    def end(self, number: str, key: MessageKey, request: Mapping[str, Any], outcome: Outcome) -> None: ...


@dataclass(frozen=True, slots=True)
class From:
    """Who sends: the number, its WABA, and the name of the API key that asked."""

    number: str
    waba_id: str
    asked_by: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What the caller gets. `kept` is false if what became of the send could not be written (it did go out)."""

    answer: Mapping[str, Any]
    kept: bool


def send_message(
    message: Message,
    sender: From,
    *,
    policy: WhenClosed,
    read_alias: ReadAlias,
    templates: Templates,
    sends: Sends,
    learn: Callable[[Link], object],
    post: Callable[[Mapping[str, Any]], dict[str, Any]],
    rules: WindowRules,
    clock: Callable[[], int],
    began: int,
    randomness: int,
) -> Sent:
    """Decide on `message` and act. `post` calls Meta, `clock` tells epoch milliseconds, `began` is when this began.

    Raises `WindowClosed`, `TemplateNotFound`, `TemplateNotSendable`, `GraphRejected`, `GraphUnavailable`: nothing went
    out. A lost answer is no error but an answer, `message_status: unknown`.
    """
    now = clock()
    conversation = find_open_conversation(sender.number, message.contact, read=read_alias, now=now, rules=rules)
    window = window_at(now, conversation.opener, conversation.verdict, rules=rules)
    decision = decide(window, _asked(message, sender.waba_id, templates), policy, now)
    key = MessageKey.new(conversation.contact, now, randomness)
    request = {"body": message.body, "callback_data": message.callback_data}
    sends.ask(sender.number, key, request, sender.asked_by)

    def end(status: str, **more: Any) -> None:
        sends.end(sender.number, key, request, Outcome(status, clock(), **more))

    match decision:
        case SendNow():
            pass
        case RefuseTemplate(error):
            end("refused", answer={"message": str(error)})
            raise error
        case RefuseWindow(why):
            end("refused", answer={"message": why})
            raise WindowClosed(why, _details(window, now, sender.waba_id, templates))
    if clock() - began > MOST_BEFORE_META_MS:
        why = "Casement's own table was too slow to send this safely, so nothing was sent. It may be sent again."
        _kept(end, "failed", answer={"message": why})
        raise GraphUnavailable(why)
    try:
        answer = post({**message.body, CALLBACK_DATA: str(key)})
    except GraphRejected as error:
        refused_for_window = error.code in RE_ENGAGEMENT_CODES
        _kept(end, "failed", answer=error.body, closes_window=refused_for_window)
        if not refused_for_window:
            raise
        why = "Meta refused this message: it holds that the customer service window is closed."
        closed = window_at(now, conversation.opener, Verdict(key.at, str(key), error.code), rules=rules)
        raise WindowClosed(why, _details(closed, now, sender.waba_id, templates)) from error
    except GraphUnavailable as error:
        _kept(end, "failed", answer=error.body or {"message": str(error)})
        raise
    except GraphOutcomeUnknown as error:
        return Sent(_unknown(message, key), _kept(end, "unknown", answer={"message": str(error)}))
    wamid = _wamid(answer)
    if wamid is None:
        return Sent(_unknown(message, key), _kept(end, "unknown", answer=answer))
    kept = _kept(end, "accepted", wamid=wamid, answer=answer)
    if clock() - began < MOST_BEFORE_LEARNING_MS:
        _learn_alias(message, sender.number, answer, learn)
    return Sent({**answer, "casement": {"id": str(key)}}, kept)


def _asked(message: Message, waba_id: str, templates: Templates) -> TemplateAsked | None:
    if message.template is None:
        return None
    name, language = message.template
    return TemplateAsked(name, language, templates.find(waba_id, name, language))


def _details(window: Window, now: int, waba_id: str, templates: Templates) -> Mapping[str, Any]:
    """What `error_data.casement` says: the window, since when, and what can be done instead."""
    usable = (held.template for held in islice(templates.first(waba_id), _LOOKED_AT_FOR_REMEDIES))
    remedies = [
        {"type": "template", "name": usable.name, "language": usable.language, "category": usable.category}
        for usable in islice((template for template in usable if template.sendable), MOST_REMEDIES)
    ]
    view = window_view(window, now)
    return {"window": view, "expired_at": view["expires_at"], "remedies": remedies}


def _kept(end: Callable[..., None], status: str, **more: Any) -> bool:
    """Write what came of Meta's turn. A store that fails now must not hide Meta's answer, and if the message may have
    gone out it must not make the caller send again."""
    try:
        end(status, **more)
    except StoreUnavailable:
        return False
    return True


def _unknown(message: Message, key: MessageKey) -> Mapping[str, Any]:
    """Meta's shape for a message whose fate is not known: no 5xx, which would make clients send it again. Clients take
    the recipient's id from `contacts`, so it is there, as far as the request tells it."""
    named = str(message.body.get("to") or message.body.get("recipient"))
    who = {"user_id": named} if is_bsuid(named) else {"wa_id": digits(named) if is_phone(message.contact) else named}
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": named, **who}],
        "messages": [{"id": str(key), "message_status": "unknown"}],
        "casement": {"id": str(key)},
    }


def _wamid(answer: Mapping[str, Any]) -> str | None:
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    wamid = first.get("id") if isinstance(first, dict) else None
    return wamid if isinstance(wamid, str) and wamid else None


def _learn_alias(message: Message, number: str, answer: Mapping[str, Any], learn: Callable[[Link], object]) -> None:
    """Meta may know the phone that was asked for by other digits: tie the two, so that both find one window."""
    contacts = answer.get("contacts")
    first = contacts[0] if isinstance(contacts, list) and contacts else None
    wa_id = first.get("wa_id") if isinstance(first, dict) else None
    known_as = phone_key(wa_id) if isinstance(wa_id, str) else ""
    if known_as and is_phone(message.contact) and known_as != message.contact:
        with suppress(StoreUnavailable):  # the message went out; the next answer teaches the same
            learn(Link(LinkKind.ALIAS, number, message.contact, known_as))
