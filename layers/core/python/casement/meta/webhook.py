"""A webhook body, cut into facts.

Shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview. One POST holds up
to 1,000 updates in any number of entries and changes. Everything here is total: no body raises, whatever is inside,
and nothing is dropped. What is not understood becomes an account event (an unknown field) or is quarantined (no
object, or nobody it could belong to).

No pydantic here: this is the request path of `receive_webhook`, where its import alone costs more than all the work.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from casement.domain.compact_json import dumps
from casement.domain.contact import Aliases, aliases, group_key, phone_key
from casement.domain.facts import Effect, Fact, Kind, Link, LinkKind, Quarantined
from casement.domain.message_key import MessageKey
from casement.domain.meta_time import milliseconds
from casement.domain.window import RE_ENGAGEMENT_CODES, call_opens, message_opens

Json = dict[str, Any]
Piece = Fact | Link | Quarantined

NOT_JSON = "the body is not JSON"
NO_ENVELOPE = "not a webhook envelope"
NO_OBJECT = "the element is not an object"
NOBODY = "the element names nobody it could belong to"
UNWRITABLE = "the element can't be written again"

_ENVELOPE_KEYS = frozenset({"messaging_product", "metadata", "contacts"})
_TEMPLATE_FIELDS = ("message_template_", "template_")


class Around(NamedTuple):
    """What surrounds an element in its change, and belongs to it."""

    waba_id: str
    field: str
    number: str
    metadata: Any
    contacts: Any
    by_user_id: dict[str, Json]
    by_phone: dict[str, Json]
    sent_at: int  # entry.time in milliseconds, 0 where there is none
    body: bytes  # the whole POST, for an element that can't be written again

    def raw(self, element: Any, contact: Any) -> str:
        """The JSON that a fact keeps. Raises ValueError or RecursionError for what can't be written again."""
        kept = {"field": self.field, "waba_id": self.waba_id, "element": element}
        if self.metadata is not None:
            kept["metadata"] = self.metadata
        if contact is not None:
            kept["contact"] = contact
        return dumps(kept)


def split(body: bytes) -> Iterator[Piece]:
    """Every element of `body` as a fact, with the links it proves; what can't be understood, quarantined."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        yield Quarantined(NOT_JSON, body)
        return
    entries = envelope.get("entry") if isinstance(envelope, dict) else None
    if not isinstance(entries, list) or not entries:
        yield Quarantined(NO_ENVELOPE, body)
        return
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if not isinstance(changes, list) or not changes:
            yield Quarantined(NO_ENVELOPE, body)
            continue
        for change in changes:
            yield from _change(entry, change, body)


def _change(entry: Json, change: Any, body: bytes) -> Iterator[Piece]:
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict):
        yield Quarantined(NO_OBJECT, body)
        return
    around = _around(entry, change, value, body)
    if around.field.startswith(_TEMPLATE_FIELDS):
        yield from _read(_template_event, around, value)
    elif around.metadata is None:  # account fields have none: the value is one event
        yield from _read(_account_event, around, value)
    else:
        yield from _elements(around, value)


def _elements(around: Around, value: Json) -> Iterator[Piece]:
    """The elements of a change about conversations, and what it holds besides them."""
    rest = {}
    for key, elements in value.items():
        read = _READERS.get(key)
        if read is not None and isinstance(elements, list):
            for element in elements:
                yield from _read(read, around, element)
        elif key not in _ENVELOPE_KEYS:
            rest[key] = elements
    if rest:
        yield from _read(_account_event, around, rest)


def _read(read: "Reader", around: Around, element: Any) -> Iterable[Piece]:
    """The pieces of one element; in quarantine if it can't be read, so that its neighbours never suffer."""
    try:
        return list(read(around, element)) if isinstance(element, dict) else [_quarantine(NO_OBJECT, element)]
    except (ValueError, RecursionError):
        return [Quarantined(UNWRITABLE, around.body)]


def _around(entry: Json, change: Json, value: Json, body: bytes) -> Around:
    metadata = value.get("metadata")
    contacts = value.get("contacts")
    by_user_id: dict[str, Json] = {}
    by_phone: dict[str, Json] = {}
    for contact in contacts if isinstance(contacts, list) else ():
        if isinstance(contact, dict):
            who = aliases(contact.get("wa_id"), contact.get("user_id"))
            if who.user_id:
                by_user_id.setdefault(who.user_id, contact)
            if who.phone:
                by_phone.setdefault(who.phone, contact)
    number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return Around(
        _text(entry.get("id")),
        _text(change.get("field")),
        _text(number),
        metadata,
        contacts,
        by_user_id,
        by_phone,
        milliseconds(entry.get("time")),
        body,
    )


def _text(value: object) -> str:
    """An id as text, whether Meta wrote it as a string or as a number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _person(around: Around, said: Aliases) -> tuple[Aliases, Json | None]:
    """Who an element is about: what it says itself, completed by its entry in `contacts` (by BSUID, then by phone).

    An element that names nobody is about the only contact beside it, as in Meta's example of a shared phone number.
    """
    contact = around.by_user_id.get(said.user_id) or around.by_phone.get(said.phone)
    if contact is None and not said.key and isinstance(around.contacts, list) and len(around.contacts) == 1:
        contact = around.contacts[0] if isinstance(around.contacts[0], dict) else None
    if contact is None:
        return said, None
    listed = aliases(contact.get("wa_id"), contact.get("user_id"), contact.get("parent_user_id"))
    return (
        Aliases(
            said.phone or listed.phone,
            said.user_id or listed.user_id,
            said.parent_user_id or listed.parent_user_id,
        ),
        contact,
    )


def _ties(number: str, who: Aliases) -> Iterator[Link]:
    """The links that seeing several names of one person together proves."""
    for other in (who.phone, who.parent_user_id):
        if other and other != who.key:
            yield Link(LinkKind.ALIAS, number, other, who.key)


def _message(around: Around, message: Json) -> Iterator[Piece]:
    said = aliases(message.get("from"), message.get("from_user_id"), message.get("from_parent_user_id"))
    if message.get("type") == "system":
        yield from _system(around, message, said)
        return
    who, contact = _person(around, said)
    group = message.get("group_id")
    history = around.field == "history"
    at = milliseconds(message.get("timestamp"))
    opens = not history and at > 0 and message_opens(message)
    yield from _filed(
        around,
        message,
        contact,
        Fact(
            Kind.HISTORY if history else Kind.MESSAGE,
            at,
            _text(message.get("id")),
            "",
            contact=group_key(_text(group)) if group else who.key,
            effect=Effect.OPENS if opens else Effect.NONE,
            referral=opens and isinstance(message.get("referral"), dict),
        ),
    )
    yield from _ties(around.number, who)


def _system(around: Around, message: Json, said: Aliases) -> Iterator[Piece]:
    """A contact's identity changed: the fact goes to the new identity, and links keep the conversation together."""
    system = message.get("system")
    system = system if isinstance(system, dict) else {}
    new_phone = system.get("wa_id") or system.get("new_wa_id")
    new = aliases(new_phone, system.get("user_id"), system.get("parent_user_id"))
    old_phone = said.phone or phone_key(_text(system.get("customer")))
    old_user_id = _text(system.get("previous_user_id")) or ("" if said.user_id == new.user_id else said.user_id)
    old = Aliases(old_phone, old_user_id, _text(system.get("previous_parent_user_id")))
    fact = Fact(
        Kind.MESSAGE, milliseconds(message.get("timestamp")), _text(message.get("id")), "", contact=new.key or old.key
    )
    yield from _filed(around, message, None, fact)
    for before, after in zip(old, new, strict=True):
        if before and after and before != after:
            yield Link(LinkKind.MOVED, around.number, before, after)
    if old.key and new.key and old.key != new.key:
        yield Link(LinkKind.MOVED, around.number, old.key, new.key)
    yield from _ties(around.number, new)
    yield from _ties(around.number, old)


def _status(around: Around, status: Json) -> Iterator[Piece]:
    said = aliases(
        status.get("recipient_id"),
        status.get("recipient_user_id"),
        status.get("recipient_parent_user_id") or status.get("parent_recipient_user_id"),
    )
    who, contact = _person(around, said)
    name = _text(status.get("status"))
    participant = _participant(status)
    to_group = status.get("recipient_type") == "group" or participant
    filed_under = group_key(_text(status.get("recipient_id"))) if to_group else who.key
    at = milliseconds(status.get("timestamp"))
    key = MessageKey.parse(status.get("biz_opaque_callback_data"))
    if key:
        filed_under, at = key.contact, key.at
    effect = Effect.CLOSES if name == "failed" and _refused_for_the_window(status) else Effect.NONE
    kind = Kind.STATUS
    if status.get("type") == "call":
        kind, effect = Kind.CALL, Effect.OPENS if at and call_opens(status) else Effect.NONE
    yield from _filed(
        around,
        status,
        contact,
        Fact(
            kind,
            at,
            _text(status.get("id")),
            "",
            contact=filed_under,
            detail=f"{name}.{participant}" if participant else name,
            send=key.ulid if key and kind is Kind.STATUS else "",
            effect=effect,
        ),
    )
    if not to_group:
        yield from _ties(around.number, who)


def _participant(status: Json) -> str:
    for name in (
        "recipient_participant_user_id",
        "recipient_participant_id",
        "participant_recipient_id",
    ):
        if status.get(name):
            return _text(status[name])
    return ""


def _refused_for_the_window(status: Json) -> bool:
    errors = status.get("errors")
    return isinstance(errors, list) and any(
        isinstance(error, dict) and error.get("code") in RE_ENGAGEMENT_CODES for error in errors
    )


def _call(around: Around, call: Json) -> Iterator[Piece]:
    customer = aliases(call.get("from"), call.get("from_user_id"), call.get("from_parent_user_id"))
    other = aliases(call.get("to"), call.get("to_user_id"), call.get("to_parent_user_id"))
    if call.get("direction") == "BUSINESS_INITIATED":
        customer, other = other, customer
    who, contact = _person(around, customer)
    at = milliseconds(call.get("timestamp"))
    effect = Effect.OPENS if at and call_opens(call) else Effect.NONE
    fact = Fact(
        Kind.CALL, at, _text(call.get("id")), "", contact=who.key, detail=_text(call.get("event")), effect=effect
    )
    yield from _filed(around, call, contact, fact)
    yield from _ties(around.number, who)


def _echo(around: Around, echo: Json) -> Iterator[Piece]:
    said = aliases(echo.get("to"), echo.get("to_user_id"), echo.get("to_parent_user_id"))
    who, contact = _person(around, said)
    kind = Kind.HISTORY if around.field == "history" else Kind.ECHO
    fact = Fact(kind, milliseconds(echo.get("timestamp")), _text(echo.get("id")), "", contact=who.key)
    yield from _filed(around, echo, contact, fact)
    yield from _ties(around.number, who)


def _history(around: Around, chunk: Json) -> Iterator[Piece]:
    threads = chunk.get("threads")
    yield from _account_event(around, {"history": {key: chunk[key] for key in chunk if key != "threads"}})
    for thread in threads if isinstance(threads, list) else ():
        if not isinstance(thread, dict):
            yield _quarantine(NO_OBJECT, thread)
            continue
        context = thread.get("context")
        named = context if isinstance(context, dict) else {}
        who = aliases(thread.get("id") or named.get("wa_id"), named.get("user_id"), named.get("parent_user_id"))
        messages = thread.get("messages")
        for message in messages if isinstance(messages, list) else ():
            yield from _read(partial(_history_message, thread=who), around, message)
        yield from _ties(around.number, who)


def _history_message(around: Around, message: Json, thread: Aliases) -> Iterator[Piece]:
    who = thread
    if not who.key:  # no thread id: the customer is the side that the message names besides the business
        to = aliases(message.get("to"), message.get("to_user_id"), message.get("to_parent_user_id"))
        who = to if to.key else aliases(message.get("from"), message.get("from_user_id"))
    fact = Fact(Kind.HISTORY, milliseconds(message.get("timestamp")), _text(message.get("id")), "", contact=who.key)
    yield from _filed(around, message, None, fact)


def _preference(around: Around, preference: Json) -> Iterator[Piece]:
    yield from _about_contact(
        around,
        preference,
        Kind.PREFERENCE,
        aliases(preference.get("wa_id"), preference.get("user_id"), preference.get("parent_user_id")),
    )


def _state_sync(around: Around, state: Json) -> Iterator[Piece]:
    contact = state.get("contact")
    named = contact if isinstance(contact, dict) else {}
    who = aliases(named.get("phone_number"), named.get("user_id"), named.get("parent_user_id"))
    metadata = state.get("metadata")
    at = metadata.get("timestamp") if isinstance(metadata, dict) else None
    yield from _about_contact(around, state, Kind.DETAIL, who, at)


def _user_id_update(around: Around, update: Json) -> Iterator[Piece]:
    """Documented from March to August 2026 and then withdrawn; read leniently."""
    changed = update.get("user_id")
    changed = changed if isinstance(changed, dict) else {}
    new = aliases(update.get("wa_id"), changed.get("current"))
    yield from _about_contact(around, update, Kind.DETAIL, new)
    old = _text(changed.get("previous"))
    if old and new.user_id and old != new.user_id:
        yield Link(LinkKind.MOVED, around.number, old, new.user_id)


def _about_contact(around: Around, element: Json, kind: Kind, said: Aliases, at: object = None) -> Iterator[Piece]:
    who, contact = _person(around, said)
    moment = milliseconds(at or element.get("timestamp"))
    yield from _filed(around, element, contact, Fact(kind, moment, "", "", contact=who.key))
    yield from _ties(around.number, who)


def _of_the_number(around: Around, element: Json) -> Iterator[Piece]:
    """Errors, groups' news and user actions: they name nobody, so they stay with the number, contacts beside them."""
    at = milliseconds(element.get("timestamp")) or around.sent_at
    raw = around.raw(element, around.contacts)
    yield Fact(Kind.ACCOUNT_EVENT, at, "", raw, waba_id=around.waba_id, number=around.number, detail=around.field)


def _filed(around: Around, element: Json, contact: Json | None, fact: Fact) -> Iterator[Piece]:
    """`fact` with its place and its bytes, or the element in quarantine if it belongs to nobody."""
    if not fact.contact:
        yield Quarantined(NOBODY, around.raw(element, contact).encode())
        return
    yield fact._replace(raw=around.raw(element, contact), waba_id=around.waba_id, number=around.number)


def _template_event(around: Around, value: Json) -> Iterator[Piece]:
    yield Fact(
        Kind.TEMPLATE_EVENT,
        around.sent_at,
        _text(value.get("message_template_id")),
        around.raw(value, None),
        waba_id=around.waba_id,
        detail=around.field,
    )


def _account_event(around: Around, value: Json) -> Iterator[Piece]:
    yield Fact(
        Kind.ACCOUNT_EVENT,
        milliseconds(value.get("timestamp")) or around.sent_at,
        "",
        around.raw(value, None),
        waba_id=around.waba_id,
        number=around.number,
        detail=around.field,
    )


def _quarantine(reason: str, element: Any) -> Quarantined:
    return Quarantined(reason, dumps(element).encode())


Reader = Callable[[Around, Json], Iterator[Piece]]

_READERS: dict[str, Reader] = {
    "messages": _message,
    "statuses": _status,
    "calls": _call,
    "message_echoes": _echo,
    "history": _history,
    "user_preferences": _preference,
    "state_sync": _state_sync,
    "user_id_update": _user_id_update,
    "errors": _of_the_number,
    "groups": _of_the_number,
    "user_actions": _of_the_number,
}
