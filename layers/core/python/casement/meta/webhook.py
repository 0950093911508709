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
from casement.domain.contact import Aliases, aliases, group_key, is_group, phone_key
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

_MOST_DIGITS = 4_300  # of a number: Python refuses more


def _integer(digits: str) -> int | str:
    """A JSON integer; one too long for Python stays text, so that its neighbours do not suffer."""
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


_DECODER = json.JSONDecoder(parse_int=_integer)
_ENVELOPE_KEYS = frozenset({"messaging_product", "metadata", "contacts"})
_TEMPLATE_FIELDS = ("message_template_", "template_")
_WISHES = {  # category and value, and what they mean here: party, scope, word
    "marketing_messages stop": "meta#marketing#stop",
    "marketing_messages resume": "meta#marketing#resume",
}
_RE_ENGAGEMENT_CODES = frozenset(map(str, RE_ENGAGEMENT_CODES))  # as text: whatever JSON has there can be compared


class Listed(NamedTuple):
    """An entry of `contacts`, read once, and as the JSON that facts keep of it."""

    who: Aliases
    raw: str


class Around(NamedTuple):
    """What surrounds an element in its change, and belongs to it. What every fact repeats is written out once."""

    waba_id: str
    field: str
    number: str
    contacts: Any
    by_user_id: dict[str, Listed]
    by_phone: dict[str, Listed]
    sent_at: int  # entry.time in milliseconds, 0 where there is none
    body: bytes  # the whole POST, for an element that can't be written again
    head: str  # the JSON of field, WABA and metadata, still open
    tied: set[Aliases]  # whose names have been tied together

    def raw(self, element: Any, contact: str = "") -> str:
        """The JSON that a fact keeps. Raises ValueError or RecursionError for what can't be written again."""
        beside = f',"contact":{contact}' if contact else ""
        return f'{self.head}{beside},"element":{dumps(element)}}}'


def split(body: bytes) -> Iterator[Piece]:
    """Every element of `body` as a fact, with the links it proves; what can't be understood, quarantined."""
    try:
        envelope = _DECODER.decode(body.decode(errors="surrogatepass"))
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
            yield _quarantined(NO_ENVELOPE, entry, body)
            continue
        for change in changes:
            yield from _change(entry, change, body)


def _change(entry: Json, change: Any, body: bytes) -> Iterator[Piece]:
    value = change.get("value") if isinstance(change, dict) else None
    if not isinstance(value, dict):
        yield _quarantined(NO_OBJECT, {**entry, "changes": [change]}, body)
        return
    try:
        around = _around(entry, change, value, body)
    except (ValueError, RecursionError):
        yield Quarantined(UNWRITABLE, body)
        return
    if around.field.startswith(_TEMPLATE_FIELDS):
        yield from _read(_template_event, around, value)
    elif value.get("metadata") is None:  # account fields have none: the value is one event
        yield from _read(_account_event, around, value)
    else:
        yield from _elements(around, value)


def _elements(around: Around, value: Json) -> Iterator[Piece]:
    """The elements of a change about conversations, and what it holds besides them."""
    alone = value.keys() <= _ENVELOPE_KEYS  # contacts belong to the elements beside them; here there are none
    rest = {"contacts": around.contacts} if alone and around.contacts else {}
    for key, elements in value.items():
        read = _READERS.get(key)
        if read is not None and isinstance(elements, list):
            for element in elements:
                yield from _read(read, around, element)
        elif key not in _ENVELOPE_KEYS:
            rest[key] = elements
    if rest:
        yield from _read(_left_over, around, rest)


def _read(read: "Reader", around: Around, element: Any) -> Iterable[Piece]:
    """The pieces of one element; in quarantine if it can't be read, so that its neighbours never suffer."""
    try:
        if not isinstance(element, dict):
            return [Quarantined(NO_OBJECT, around.raw(element).encode())]
        return list(read(around, element))
    except (ValueError, RecursionError):
        return [Quarantined(UNWRITABLE, around.body)]


def _around(entry: Json, change: Json, value: Json, body: bytes) -> Around:
    metadata = value.get("metadata")
    number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    waba_id, field = _text(entry.get("id")), _text(change.get("field"))
    kept = {"field": field, "waba_id": waba_id} | ({} if metadata is None else {"metadata": metadata})
    contacts = value.get("contacts")
    listed = (
        [_listed(contact) for contact in contacts if isinstance(contact, dict)] if isinstance(contacts, list) else []
    )
    return Around(
        waba_id,
        field,
        _text(number),
        contacts,
        {one.who.user_id: one for one in reversed(listed) if one.who.user_id},
        {one.who.phone: one for one in reversed(listed) if one.who.phone},
        milliseconds(entry.get("time")),
        body,
        dumps(kept)[:-1],
        set(),
    )


def _listed(contact: Json) -> Listed:
    who = aliases(contact.get("wa_id"), contact.get("user_id"), contact.get("parent_user_id"))
    return Listed(who, dumps(contact))


def _text(value: object) -> str:
    """An id as text, whether Meta wrote it as a string or as a number."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _person(around: Around, said: Aliases) -> tuple[Aliases, str]:
    """Who an element is about: what it says itself, completed by its entry in `contacts` (by BSUID, then by phone).

    With it comes that entry's JSON. An element that names nobody is about the only contact beside it, as in Meta's
    example of a shared phone number.
    """
    listed = around.by_user_id.get(said.user_id) or around.by_phone.get(said.phone)
    if listed is None and not said.key and isinstance(around.contacts, list) and len(around.contacts) == 1:
        listed = next(iter((around.by_user_id or around.by_phone).values()), None)
    if listed is None:
        return said, ""
    who = listed.who
    completed = Aliases(said.phone or who.phone, said.user_id or who.user_id, said.parent_user_id or who.parent_user_id)
    return completed, listed.raw


def _ties(around: Around, who: Aliases) -> Iterable[Piece]:
    """The links that seeing several names of one person together proves; once in a change, which may repeat them."""
    if who in around.tied:
        return ()
    around.tied.add(who)
    others = (who.phone, who.parent_user_id)
    return [Link(LinkKind.ALIAS, around.number, other, who.key) for other in others if other and other != who.key]


def _message(around: Around, message: Json) -> Iterable[Piece]:
    said = aliases(message.get("from"), message.get("from_user_id"), message.get("from_parent_user_id"))
    if message.get("type") == "system":
        return _system(around, message, said)
    who, contact = _person(around, said)
    group = message.get("group_id")
    history = around.field == "history"
    at = milliseconds(message.get("timestamp"))
    opens = not history and at > 0 and message_opens(message)
    fact = _filed(
        around,
        message,
        contact,
        Kind.HISTORY if history else Kind.MESSAGE,
        group_key(_text(group)) if group else who.key,
        at,
        id=_text(message.get("id")),
        effect=Effect.OPENS if opens else Effect.NONE,
        referral=opens and isinstance(message.get("referral"), dict),
    )
    return [fact, *_ties(around, who)]


def _system(around: Around, message: Json, said: Aliases) -> Iterator[Piece]:
    """A contact's identity changed: the fact goes to the new identity, and links keep the conversation together."""
    system = message.get("system")
    system = system if isinstance(system, dict) else {}
    new_phone = system.get("wa_id") or system.get("new_wa_id")
    new = aliases(new_phone, system.get("user_id"), system.get("parent_user_id"))
    old_phone = said.phone or phone_key(_text(system.get("customer")))
    old_user_id = _text(system.get("previous_user_id")) or ("" if said.user_id == new.user_id else said.user_id)
    old = Aliases(old_phone, old_user_id, _text(system.get("previous_parent_user_id")))
    at = milliseconds(message.get("timestamp"))
    yield _filed(around, message, "", Kind.MESSAGE, new.key or old.key, at, id=_text(message.get("id")))
    for before, after in zip(old, new, strict=True):
        if before and after and before != after:
            yield Link(LinkKind.MOVED, around.number, before, after)
    if old.key and new.key and old.key != new.key:
        yield Link(LinkKind.MOVED, around.number, old.key, new.key)
    yield from _ties(around, new)
    yield from _ties(around, old)


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
    kind = Kind.CALL if status.get("type") == "call" else Kind.STATUS
    key = MessageKey.parse(status.get("biz_opaque_callback_data")) if kind is Kind.STATUS else None
    if key:
        filed_under, at = key.contact, key.at
    if kind is Kind.CALL:
        effect = Effect.OPENS if at and call_opens(status) else Effect.NONE
    else:
        effect = Effect.CLOSES if name == "failed" and _refused_for_the_window(status) else Effect.NONE
    yield _filed(
        around,
        status,
        contact,
        kind,
        filed_under,
        at,
        id=_text(status.get("id")),
        detail=f"{name}.{participant}" if participant else name,
        send=key.ulid if key else "",
        effect=effect,
    )
    if to_group:
        return
    yield from _ties(around, who)
    if key and who.key and key.contact not in who and not is_group(key.contact):  # Meta knows them by another name
        yield Link(LinkKind.ALIAS, around.number, key.contact, who.key)


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
        isinstance(error, dict) and _text(error.get("code")) in _RE_ENGAGEMENT_CODES for error in errors
    )


def _call(around: Around, call: Json) -> Iterator[Piece]:
    customer = aliases(call.get("from"), call.get("from_user_id"), call.get("from_parent_user_id"))
    other = aliases(call.get("to"), call.get("to_user_id"), call.get("to_parent_user_id"))
    if call.get("direction") == "BUSINESS_INITIATED":
        customer, other = other, customer
    who, contact = _person(around, customer)
    at = milliseconds(call.get("timestamp"))
    effect = Effect.OPENS if at and call_opens(call) else Effect.NONE
    event = _text(call.get("event"))
    yield _filed(around, call, contact, Kind.CALL, who.key, at, id=_text(call.get("id")), detail=event, effect=effect)
    yield from _ties(around, who)


def _echo(around: Around, echo: Json) -> Iterator[Piece]:
    said = aliases(echo.get("to"), echo.get("to_user_id"), echo.get("to_parent_user_id"))
    who, contact = _person(around, said)
    kind = Kind.HISTORY if around.field == "history" else Kind.ECHO
    at = milliseconds(echo.get("timestamp"))
    yield _filed(around, echo, contact, kind, who.key, at, id=_text(echo.get("id")))
    yield from _ties(around, who)


def _history(around: Around, chunk: Json) -> Iterator[Piece]:
    threads, about = _apart(chunk, "threads")
    yield from _account_event(around, {"history": about})
    for thread in threads:
        yield from _read(_history_thread, around, thread)


def _history_thread(around: Around, thread: Json) -> Iterator[Piece]:
    messages, about = _apart(thread, "messages")
    context = thread.get("context")
    named = context if isinstance(context, dict) else {}
    who = aliases(thread.get("id") or named.get("wa_id"), named.get("user_id"), named.get("parent_user_id"))
    if about.keys() - {"id"}:
        yield _filed(around, about, "", Kind.DETAIL, who.key, around.sent_at)
    for message in messages:
        yield from _read(partial(_history_message, thread=who), around, message)
    yield from _ties(around, who)


def _apart(whole: Json, key: str) -> tuple[list[Any], Json]:
    """The list under `key`, and what stands beside it; all of `whole` if there is no list."""
    listed = whole.get(key)
    if not isinstance(listed, list):
        return [], whole
    return listed, {name: whole[name] for name in whole if name != key}


def _history_message(around: Around, message: Json, thread: Aliases) -> Iterator[Piece]:
    who = thread
    if not who.key:  # no thread id: the customer is the side that the message names besides the business
        to = aliases(message.get("to"), message.get("to_user_id"), message.get("to_parent_user_id"))
        who = to if to.key else aliases(message.get("from"), message.get("from_user_id"))
    at = milliseconds(message.get("timestamp"))
    yield _filed(around, message, "", Kind.HISTORY, who.key, at, id=_text(message.get("id")))


def _preference(around: Around, preference: Json) -> Iterator[Piece]:
    yield from _about_contact(
        around,
        preference,
        Kind.PREFERENCE,
        aliases(preference.get("wa_id"), preference.get("user_id"), preference.get("parent_user_id")),
        detail=_WISHES.get(f"{preference.get('category')} {preference.get('value')}", "other"),
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


def _about_contact(
    around: Around, element: Json, kind: Kind, said: Aliases, at: object = None, detail: str = ""
) -> Iterator[Piece]:
    who, contact = _person(around, said)
    moment = milliseconds(at or element.get("timestamp"))
    yield _filed(around, element, contact, kind, who.key, moment, detail=detail)
    yield from _ties(around, who)


def _of_the_number(around: Around, element: Json) -> Iterator[Piece]:
    """Errors, groups' news and user actions: they name nobody, so they stay with the number, contacts beside them."""
    at = milliseconds(element.get("timestamp")) or around.sent_at
    raw = around.raw(element, dumps(around.contacts) if around.contacts else "")
    yield Fact(Kind.ACCOUNT_EVENT, at, "", raw, waba_id=around.waba_id, number=around.number, detail=around.field)


def _filed(
    around: Around,
    element: Json,
    beside: str,
    kind: Kind,
    contact: str,
    at: int,
    *,
    id: str = "",  # noqa: A002 - Meta's word for it
    detail: str = "",
    send: str = "",
    effect: Effect = Effect.NONE,
    referral: bool = False,
) -> Piece:
    """The fact that `element` is, or the element in quarantine if it belongs to nobody.

    `beside` is the JSON of its entry in `contacts`, empty where there is none.
    """
    raw = around.raw(element, beside)
    if not contact:
        return Quarantined(NOBODY, raw.encode())
    return Fact(kind, at, id, raw, around.waba_id, around.number, contact, detail, send, effect, referral)


def _template_event(around: Around, value: Json) -> Iterator[Piece]:
    yield Fact(
        Kind.TEMPLATE_EVENT,
        around.sent_at,
        _text(value.get("message_template_id")),
        around.raw(value),
        waba_id=around.waba_id,
        detail=around.field,
    )


def _left_over(around: Around, rest: Json) -> Iterator[Piece]:
    """What a change about conversations holds besides elements, with the contacts that it may be about."""
    beside = dumps(around.contacts) if around.contacts and "contacts" not in rest else ""
    yield from _account_event(around, rest, beside)


def _account_event(around: Around, value: Json, beside: str = "") -> Iterator[Piece]:
    """A value that is one event; `beside` is the JSON of the contacts beside it, empty where there are none."""
    yield Fact(
        Kind.ACCOUNT_EVENT,
        milliseconds(value.get("timestamp")) or around.sent_at,
        "",
        around.raw(value, beside),
        waba_id=around.waba_id,
        number=around.number,
        detail=around.field,
    )


def _quarantined(reason: str, what: Any, body: bytes) -> Quarantined:
    """`what` in quarantine, or all of `body` if it can't be written again."""
    try:
        return Quarantined(reason, dumps(what).encode())
    except (ValueError, RecursionError):
        return Quarantined(UNWRITABLE, body)


Reader = Callable[[Around, Json], Iterable[Piece]]

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
