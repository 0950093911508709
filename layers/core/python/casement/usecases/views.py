"""How callers see a window, a conversation, a message, a template: JSON objects in Meta's words.

Times of a window are epoch seconds as integers. A message is Meta's own object, with what Casement adds under
`casement`.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from casement.domain.contact import contact_key, is_group, is_phone
from casement.domain.conversation import Conversation
from casement.domain.life import Life
from casement.domain.window import Window, WindowState

_STEPS = ("asked", "accepted", "unknown", "refused", "sent", "delivered", "read", "played", "failed")


def seconds(milliseconds: int | None) -> int | None:
    """Epoch seconds, None where there is no time."""
    return None if milliseconds is None else milliseconds // 1000


def window_view(window: Window, now: int) -> dict[str, Any]:
    """`casement.window` of a conversation and of a refusal."""
    verdict = window.verdict
    return {
        "state": window.state.value,
        "opened_by": window.opened_by,
        "opened_at": seconds(window.opened_at),
        "expires_at": seconds(window.expires_at),
        "send_cutoff": seconds(window.send_cutoff),
        "free_entry_point_until": seconds(window.free_entry_point_until),
        "verdict": {"code": verdict.code, "at": seconds(verdict.at), "message": verdict.id} if verdict else None,
        "server_now": seconds(now),
    }


def contact_view(conversation: Conversation, profile: Mapping[str, Any], spellings: Iterable[object]) -> dict[str, Any]:
    """`casement.contact`: the ids a contact is known by, and what it calls itself. A group has none of them.

    `profile` is its newest `contacts[]` entry. `spellings` may hold its phone as Meta spells it, among others; where it
    does not, the phone is shown in our own spelling.
    """
    if is_group(conversation.contact):
        return {"wa_id": None, "user_id": None, "username": None, "name": None}
    phones = [alias.contact for alias in conversation.aliases if is_phone(alias.contact) and not alias.moved_away]
    theirs = (text for text in spellings if isinstance(text, str) and contact_key(text) in phones)
    named = profile.get("profile")
    named = named if isinstance(named, dict) else {}
    return {
        "wa_id": next(theirs, None) or next(iter(phones), None),
        "user_id": None if is_phone(conversation.contact) else conversation.contact,
        "username": named.get("username"),
        "name": named.get("name"),
    }


def conversation_view(
    conversation: Conversation,
    window: Window,
    profile: Mapping[str, Any],
    spellings: Iterable[object],
    newest: Mapping[str, Any] | None,
    newest_at: int | None,
    now: int,
) -> dict[str, Any]:
    """A conversation, with its newest message."""
    contact = contact_view(conversation, profile, spellings)
    is_open = window.state in (WindowState.OPEN, WindowState.CLOSING)
    return {
        "id": conversation.contact,
        "phone_number": contact["wa_id"],
        "phone_number_id": conversation.number,
        "status": "active" if is_open else "ended",
        "last_active_at": seconds(newest_at),
        "casement": {"contact": contact, "window": window_view(window, now), "newest_message": newest},
    }


def said_view(kind: str, kept: Mapping[str, Any], conversation_id: str) -> dict[str, Any]:
    """A message that Meta told us of: its own object, and whose it was."""
    element = dict(kept["element"])
    from_business = kind == "echo" or (kind == "history" and _from_business(element, kept))
    element["casement"] = {
        "direction": "outbound" if from_business else "inbound",
        "kind": kind,
        "conversation_id": conversation_id,
        "status": None,
    }
    return element


def _from_business(element: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
    metadata = kept.get("metadata")
    display = metadata.get("display_phone_number") if isinstance(metadata, dict) else None
    digits = "".join(filter(str.isdigit, str(display or "")))
    return bool(element.get("to") or element.get("to_user_id")) or (bool(digits) and element.get("from") == digits)


def _place(life: Life, step: str) -> tuple[int, int]:
    """Where a step stands among the others: by the second, since Meta's times are whole seconds and ours are not, and
    within one in the order in which they follow from one another."""
    return life.steps[step] // 1000, _STEPS.index(step) if step in _STEPS else len(_STEPS)


def send_view(
    id_: str,
    wamid: str | None,
    asked: Mapping[str, Any],
    asked_at: int,
    life: Life,
    conversation_id: str,
    asked_by: str | None = None,
) -> dict[str, Any]:
    """A message we were asked to send: as it was asked, with its life."""
    own = {"id": wamid or id_, "timestamp": str(asked_at // 1000)}
    view = {**own, **asked.get("body", {}), **own}  # first in order, and not to be hidden by what a client wrote
    if asked.get("callback_data") is not None:
        view["biz_opaque_callback_data"] = asked["callback_data"]
    view["casement"] = {
        "direction": "outbound",
        "kind": "send",
        "id": id_,
        "conversation_id": conversation_id,
        "status": life.status,
        "steps": {step: seconds(life.steps[step]) for step in sorted(life.steps, key=partial(_place, life))},
        "error": life.error,
    }
    if asked_by is not None:
        view["casement"]["asked_by"] = asked_by
    return view
