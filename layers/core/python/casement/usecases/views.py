"""How callers see a window, a conversation, a message, a template: JSON objects in Meta's words.

Times of a window are epoch seconds as integers. A message is Meta's own object, with what Casement adds under
`casement`.
"""

from collections.abc import Mapping
from typing import Any

from casement.domain.contact import is_group, is_phone
from casement.domain.conversation import Conversation
from casement.domain.life import Life
from casement.domain.window import Window, WindowState


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


def contact_view(conversation: Conversation, profile: Mapping[str, Any]) -> dict[str, Any]:
    """`casement.contact`: the ids a contact is known by, and what it calls itself."""
    keys = [alias.contact for alias in conversation.aliases if not alias.moved_away]
    named = profile.get("profile")
    named = named if isinstance(named, dict) else {}
    phone = next(filter(is_phone, keys), None)
    user_id = conversation.contact if not is_phone(conversation.contact) else None
    return {
        "wa_id": profile.get("wa_id") or phone,
        "user_id": None if is_group(conversation.contact) else user_id,
        "username": named.get("username"),
        "name": named.get("name"),
    }


def conversation_view(
    conversation: Conversation,
    window: Window,
    profile: Mapping[str, Any],
    newest: Mapping[str, Any] | None,
    newest_at: int | None,
    now: int,
) -> dict[str, Any]:
    """A conversation, with its newest message."""
    contact = contact_view(conversation, profile)
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
    view = {"id": wamid or id_, "timestamp": str(asked_at // 1000), **asked.get("body", {})}
    if asked.get("callback_data") is not None:
        view["biz_opaque_callback_data"] = asked["callback_data"]
    view["casement"] = {
        "direction": "outbound",
        "kind": "send",
        "id": id_,
        "conversation_id": conversation_id,
        "status": life.status,
        "steps": {step: seconds(at) for step, at in sorted(life.steps.items(), key=lambda step: step[1])},
        "error": life.error,
    }
    if asked_by is not None:
        view["casement"]["asked_by"] = asked_by
    return view
