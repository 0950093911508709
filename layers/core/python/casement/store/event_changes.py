"""What the stream of the table tells a business's own back end: events, made from an item as it is and as it was.

Pure, and total for our own items, whatever Meta put into them. A fact is told of once, in the words of one type: its
event has what Meta said in `meta`, for subscribers in Meta's own shape. What Meta told that no type of ours is for is
`meta.<field>`. Events that follow from something else than what Meta said have no `meta`.

`READERS` says which items tell what; whoever adds items that tell something adds a line.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from casement.domain.events import OF_META, Event, EventType, event_id
from casement.domain.message_key import MessageKey
from casement.domain.meta_time import milliseconds
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.template_history import ANNOUNCED_CATEGORY, CATEGORY, NOTHING, QUALITY, STATUS, Chapter, Transition
from casement.store import keys
from casement.store.pendings import attention_of, pending_of
from casement.store.standings import window_events_in
from casement.store.subscriptions import subscription_of
from casement.store.table import number, text
from casement.store.template_changes import chapters_in

Image = Mapping[str, Any]
_HISTORY = "history"  # what was said before the number came to us is no news


class Changed(NamedTuple):
    """An item as it is and as it was (None: it is new), both in DynamoDB's form; its keys, cut at `#`. `at` is when it
    was written, epoch milliseconds."""

    new: Image
    old: Image | None
    at: int
    pk: tuple[str, ...]
    sk: tuple[str, ...]

    @property
    def kept(self) -> dict[str, Any]:
        """What a fact keeps: field, WABA, metadata, contact, element."""
        kept: dict[str, Any] = json.loads(text(self.new, "raw"))
        return kept

    @property
    def said_what(self) -> str:
        """The digest that tells two facts about one thing apart."""
        return self.sk[-1]


Reader = Callable[[Changed], Iterator[Event]]


def events_in(new: Image, old: Image | None, at: int) -> Iterator[Event]:
    """What a stored item tells, given as it is and as it was, and when it was written (epoch milliseconds)."""
    pk, sk = text(new, "PK"), text(new, "SK")
    for partition, place, read in READERS:
        if pk.startswith(partition) and sk.startswith(place):
            yield from read(Changed(new, old, at, tuple(pk.split("#")), tuple(sk.split("#"))))
            return


# --- what Meta told of conversations ----------------------------------------------------------------


def _of_window(changed: Changed) -> Iterator[Event]:
    """What opened a window, or Meta's refusal for it."""
    _, at, rank, *rest = changed.sk
    return _said(changed, int(at), rest) if rank == "0" else _became(changed, int(at), rest)


def _of_messages(changed: Changed) -> Iterator[Event]:
    _, at, *rest = changed.sk
    return _became(changed, int(at), rest) if rest[0] == "send" else _said(changed, int(at), rest)


def _said(changed: Changed, at: int, rest: list[str]) -> Iterator[Event]:
    """A message or a call that Meta told of."""
    kind, id_, *_ = rest
    if changed.old is not None or kind == _HISTORY:
        return
    kept = changed.kept
    if kind != "message":
        yield _other(changed, kept, at, _key_of(kind, kept["element"]))
        return
    told = {"message": kept["element"], "contact": kept.get("contact"), "metadata": kept.get("metadata")}
    # By Meta's id: what it says twice in two ways is one message, and a bot answers it once.
    who = id_ if id_ != "-" else changed.said_what
    yield _of_meta(changed, EventType.MESSAGE_RECEIVED, kept, at, "messages", told, who)


def _key_of(kind: str, element: Mapping[str, Any]) -> str:
    """Under which key of a webhook's value an element stood."""
    if kind == "echo":
        return "message_echoes"
    return "statuses" if element.get("type") == "call" else "calls"


def _became(changed: Changed, asked_at: int, rest: list[str]) -> Iterator[Event]:
    """What became of a message: a status that Meta sent, or what the send itself learned."""
    what, id_, *more = rest
    key = MessageKey(changed.pk[2], id_) if what == "send" else None
    if "raw" in changed.new:
        yield from _status(changed, key, asked_at)
    elif key is not None and more == ["unresolved"]:
        yield from _unresolved(changed, key)
    elif key is not None and not more:
        yield from _outcome(changed, key)


def _foreign_status(changed: Changed) -> Iterator[Event]:
    return _status(changed, None, 0)


def _status(changed: Changed, key: MessageKey | None, asked_at: int) -> Iterator[Event]:
    """A status, of a send of ours if `key` says which. Whose callback data it has, whoever tells it finds out."""
    if changed.old is not None:
        return
    kept = changed.kept
    element = kept["element"]
    told = {
        "status": _text(element.get("status")),
        "message_id": _text(element.get("id")) or None,
        "send_id": str(key) if key else None,
        "timestamp": element.get("timestamp"),
        "errors": _objects(element.get("errors")),
        "meta": element,
    }
    for name in ("pricing", "conversation", "biz_opaque_callback_data"):
        if element.get(name) is not None:
            told[name] = element[name]
    yield _of_meta(changed, EventType.MESSAGE_STATUS, kept, asked_at, "statuses", told, changed.said_what)


def _outcome(changed: Changed, key: MessageKey) -> Iterator[Event]:
    """What a send learned itself. Of what waits, or may be asked for again, nothing has become yet."""
    status, was = text(changed.new, "status"), text(changed.old or {}, "status")
    if status in ("held", "handed_off", was) or "retry" in changed.new:
        return
    at, request = number(changed.new, "at") or changed.at, json.loads(text(changed.new, "request") or "{}")
    answer = json.loads(text(changed.new, "answer") or "{}")
    told = {
        "status": status,
        "message_id": text(changed.new, "wamid") or None,
        "send_id": str(key),
        "of": request.get("of"),
        "timestamp": str(at // 1000),
        "errors": _objects([answer.get("error")]),
    }
    if request.get("callback_data") is not None:
        told["biz_opaque_callback_data"] = request["callback_data"]
    yield _ours(changed, EventType.MESSAGE_STATUS, at, key.contact, told, str(key), status)


def _unresolved(changed: Changed, key: MessageKey) -> Iterator[Event]:
    if changed.old is None:
        at = number(changed.new, "at") or changed.at
        yield _ours(changed, EventType.SEND_UNRESOLVED, at, key.contact, {"send_id": str(key)}, str(key))


def _wish(changed: Changed) -> Iterator[Event]:
    """What a contact wants: told by Meta, or said to us. Of preferences that we do not know, Meta's words are passed
    on."""
    if changed.old is not None:
        return
    _, at, party, *what = changed.sk
    kept = changed.kept if "raw" in changed.new else None
    if len(what) < 3:
        if kept:
            yield _other(changed, kept, int(at), "user_preferences")
        return
    scope, word, *_ = what
    type_ = EventType.CONTACT_OPTED_OUT if word == "stop" else EventType.CONTACT_OPTED_IN
    told = {"scope": scope, "party": party, "said_by": text(changed.new, "said_by") or None}
    if kept:
        yield _of_meta(changed, type_, kept, int(at), "user_preferences", told, changed.said_what)
    else:
        yield _ours(changed, type_, int(at) or changed.at, changed.pk[2], told, *changed.sk)


def _detail(changed: Changed) -> Iterator[Event]:
    if changed.old is None and (kept := changed.kept)["field"] != _HISTORY:
        key = "state_sync" if kept["field"] == "smb_app_state_sync" else kept["field"]
        yield _other(changed, kept, int(changed.sk[1]), key)


def _standing(changed: Changed) -> Iterator[Event]:
    """What is new of a conversation's window."""
    known = {event.id for event in window_events_in(changed.old)} if changed.old else set()
    yield from (event for event in window_events_in(changed.new) if event.id not in known)


# --- what Meta told of templates and accounts -------------------------------------------------------


def _template_event(changed: Changed) -> Iterator[Event]:
    if changed.old is None:
        yield _other(changed, changed.kept, int(changed.sk[0]), None)


def _account_event(changed: Changed) -> Iterator[Event]:
    if changed.old is None and (kept := changed.kept)["field"] != _HISTORY:
        yield _other(changed, kept, int(changed.sk[-2]), _key_of_the_number(kept))


def _key_of_the_number(kept: Mapping[str, Any]) -> str | None:
    """Under which key an element stood that names nobody; None if it was the value, or all that was left of it."""
    if "metadata" not in kept:
        return None
    element = kept["element"]
    if kept["field"].startswith("group_") and "group_id" in element:
        return "groups"
    if "action_type" in element:
        return "user_actions"
    return "errors" if "code" in element else None


# --- what waits, and what people should look at -----------------------------------------------------

_ENDS = {
    State.RELEASED: EventType.MESSAGE_RELEASED,
    State.EXPIRED: EventType.MESSAGE_EXPIRED,
    State.CANCELLED: EventType.MESSAGE_CANCELLED,
    State.SUPERSEDED: EventType.MESSAGE_SUPERSEDED,
}


def _waits(changed: Changed) -> Iterator[Event]:
    """A message that began to wait for the customer. What merely takes its turn is not held."""
    pending = pending_of(changed.new)
    was = pending_of(changed.old).waits_for if changed.old else None
    if pending.waits_for is WaitsFor.CUSTOMER and was is not WaitsFor.CUSTOMER and not pending.state.is_end:
        # By its key, not by a time: what is written again after it had ended is the same hold.
        at = pending.changed_at if changed.old else pending.key.at
        told = _waiting(pending) | {"expires_at": pending.expires_at // 1000, "supersede": pending.supersede}
        yield _ours(changed, EventType.MESSAGE_HELD, at, pending.key.contact, told, str(pending.key))


def _waited(changed: Changed) -> Iterator[Event]:
    """How one's waiting ended. One that took its turn and went out tells so itself."""
    pending = pending_of(changed.new)
    if changed.old is not None and pending_of(changed.old).state is pending.state:
        return
    at, contact = pending.changed_at, pending.key.contact
    if pending.state is State.FAILED:
        told = _waiting(pending) | {
            "status": "failed",
            "message_id": None,
            "timestamp": str(at // 1000),
            "errors": [{"message": pending.why}] if pending.why else [],
        }
        yield _ours(changed, EventType.MESSAGE_STATUS, at, contact, told, str(pending.key), "failed")
    elif pending.state is State.RELEASED and pending.waits_for is WaitsFor.TURN:
        return
    elif type_ := _ENDS.get(pending.state):
        sent = str(pending.attempt) if pending.state is State.RELEASED and pending.attempt else None
        told = _waiting(pending) | {"why": pending.why} | ({"released_as": sent} if sent else {})
        yield _ours(changed, type_, at, contact, told, str(pending.key))


def _waiting(pending: Pending) -> dict[str, Any]:
    """What is told of a message that waits, whatever happens to it."""
    told: dict[str, Any] = {"send_id": str(pending.key), "of": str(pending.request.of) if pending.request.of else None}
    if pending.request.callback_data is not None:
        told["biz_opaque_callback_data"] = pending.request.callback_data
    return told


def _attention(changed: Changed) -> Iterator[Event]:
    if changed.old is not None:
        return
    wanted = attention_of(changed.new)
    told = {
        "id": str(wanted.key),
        "asked_by": wanted.asked_by,
        "note": wanted.note,
        "why": wanted.why,
        "message": wanted.request.body,
    }
    if wanted.request.callback_data is not None:
        told["biz_opaque_callback_data"] = wanted.request.callback_data
    type_ = EventType.CONVERSATION_NEEDS_ATTENTION
    yield _ours(changed, type_, wanted.key.at, wanted.key.contact, told, str(wanted.key))


# --- numbers and templates --------------------------------------------------------------------------


def _health(changed: Changed) -> Iterator[Event]:
    """Whether a number can send. That Meta slows it down for a moment is no news."""
    old = changed.old or {}
    stopped_by, was = number(changed.new, "stopped_by"), number(old, "stopped_by")
    if stopped_by == was:
        return
    stopped_at = number(changed.new, "stopped_at")
    told = {
        "can_send": stopped_by is None,
        "stopped_by": stopped_by,
        "stopped_at": stopped_at // 1000 if stopped_at else None,
    }
    at = stopped_at or changed.at
    what = (str(stopped_by), str(stopped_at), str(number(old, "stopped_at")))
    yield _ours(changed, EventType.NUMBER_HEALTH_CHANGED, at, "", told, *what)


def _template(changed: Changed) -> Iterator[Event]:
    for chapter in chapters_in(changed.new, changed.old):
        for told, transition in _told_of(chapter, changed.new):
            what = (chapter.waba_id, chapter.template_id, transition.what, transition.was, transition.now)
            type_ = _OF_TEMPLATES[transition.what]
            id_ = event_id(type_, transition.at, *what)
            yield Event(id_, type_, transition.at, told, waba_id=chapter.waba_id)


_OF_TEMPLATES = {
    STATUS: EventType.TEMPLATE_STATUS_CHANGED,
    CATEGORY: EventType.TEMPLATE_CATEGORY_CHANGED,
    ANNOUNCED_CATEGORY: EventType.TEMPLATE_CATEGORY_CHANGED,
    QUALITY: EventType.TEMPLATE_QUALITY_CHANGED,
}


def _told_of(chapter: Chapter, image: Image) -> Iterator[tuple[dict[str, Any], Transition]]:
    """What of a template's history is told. Of one that is seen for the first time, its status tells enough; that an
    announced category has come is told once."""
    named = {"template_id": chapter.template_id, "name": text(image, "name"), "language": text(image, "language")}
    changes = {one.what: one for one in chapter.transitions}
    is_new = STATUS in changes and changes[STATUS].was == NOTHING
    for what, one in changes.items():
        if what not in _OF_TEMPLATES or (is_new and what != STATUS):
            continue
        if what == ANNOUNCED_CATEGORY:
            if CATEGORY in changes:
                continue
            category = text(image, "category")
            told = {"previous": category, "current": category, "announced": one.now or None}
        else:
            told = {"previous": one.was or None, "current": one.now or None}
            if what == CATEGORY:
                told["announced"] = None
        yield named | told | {"source": one.source}, one


# --- events -----------------------------------------------------------------------------------------


def _of_meta(
    changed: Changed, type_: str, kept: Mapping[str, Any], at: int, key: str | None, data: Mapping[str, Any], *what: str
) -> Event:
    """An event that Meta told of: of a conversation, a number or a whole WABA, as its fact is filed. `key` is where its
    element stood in a webhook's value; None if it was that."""
    told_at = milliseconds(kept["element"].get("timestamp")) or at or changed.at
    meta = {**kept, "key": key}
    if at and "metadata" not in kept:  # of fields about numbers, Meta gives an entry no time
        meta["time"] = at // 1000
    metadata = kept.get("metadata")
    has_number = isinstance(metadata, dict) and bool(metadata.get("phone_number_id"))
    number_id = changed.pk[1] if changed.pk[0] == "C" or has_number else ""
    contact = changed.pk[2] if changed.pk[0] == "C" else ""
    id_ = event_id(type_, told_at, *changed.pk[:2], *what)
    return Event(id_, type_, told_at, data, number_id, contact, _text(kept.get("waba_id")), meta)


def _other(changed: Changed, kept: Mapping[str, Any], at: int, key: str | None) -> Event:
    """What Meta told that no type of ours is for."""
    told = {name: kept[name] for name in ("element", "contact", "metadata") if name in kept}
    return _of_meta(changed, f"{OF_META}{kept['field']}", kept, at, key, told, changed.said_what)


def _ours(changed: Changed, type_: str, at: int, contact: str, data: Mapping[str, Any], *what: str) -> Event:
    """An event that Meta did not tell of, about a number or one of its conversations."""
    return Event(event_id(type_, at, changed.pk[1], *what), type_, at, data, changed.pk[1], contact)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: object) -> list[Any]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _subscription(changed: Changed) -> Iterator[Event]:
    """That a subscription was paused. Its URL, which may hold a secret, is nothing for the others."""
    known = subscription_of(changed.new)
    if not known.is_paused or (changed.old is not None and subscription_of(changed.old).is_paused):
        return
    told = {
        "subscription_id": known.id,
        "description": known.description,
        "why": known.why or "",
        "since": known.since // 1000,
    }
    id_ = event_id(EventType.SUBSCRIPTION_PAUSED, known.since, known.id)
    yield Event(id_, EventType.SUBSCRIPTION_PAUSED, known.since, told)


READERS: tuple[tuple[str, str, Reader], ...] = (
    ("C#", keys.WINDOW, _of_window),
    ("C#", keys.MESSAGES, _of_messages),
    ("C#", keys.FOREIGN_STATUS, _foreign_status),
    ("C#", keys.PREFERENCES, _wish),
    ("C#", keys.DETAIL, _detail),
    ("C#", keys.STANDING, _standing),
    ("E#", "", _template_event),
    ("A#", "", _account_event),
    ("L#", keys.PENDING, _waits),
    ("L#", keys.ENDED, _waited),
    ("L#", keys.ATTENTION, _attention),
    ("N#", keys.HEALTH, _health),
    ("T#", "", _template),
    (keys.SUBSCRIPTIONS, "", _subscription),
)
"""Which items tell what: the beginnings of their keys. The first line that fits is the one."""
