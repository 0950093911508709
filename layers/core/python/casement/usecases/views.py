"""How callers see a window, a conversation, a message, a template: JSON objects in Meta's words.

Times of a window are epoch seconds as integers. A message is Meta's own object, with what Casement adds under
`casement`.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from casement.domain.consent import Consent
from casement.domain.contact import contact_key, is_group, is_phone
from casement.domain.conversation import Conversation
from casement.domain.life import Life
from casement.domain.meta_errors import class_of
from casement.domain.pending import Pending
from casement.domain.sending import (
    Attention,
    Decision,
    GiveToPerson,
    KeepForCustomer,
    Refuse,
    RefuseWindow,
    SendInstead,
    SendNow,
)
from casement.domain.template_choice import Chosen, Passed
from casement.domain.window import Window, WindowState

if TYPE_CHECKING:
    from casement.domain.standing import Handled
    from casement.usecases.judge import Judged

_STEPS = (
    "asked",
    "held",
    "handed_off",
    "accepted",
    "unknown",
    "refused",
    "sent",
    "delivered",
    "read",
    "played",
    "failed",
)


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


def consent_view(consent: Consent) -> dict[str, Any]:
    """What a contact does not want, each with since when, None for what may go."""
    return {
        "marketing_stopped_at": seconds(consent.marketing_stopped_at),
        "messages_stopped_at": seconds(consent.messages_stopped_at),
    }


def waiting_view(pending: Pending, now: int) -> dict[str, Any]:
    """How a message waits, or how its waiting ended."""
    state = pending.shown_state(now)
    return {
        "state": state.value,
        "for": pending.waits_for.value,
        "expires_at": seconds(pending.expires_at),
        "supersede": pending.supersede,
        "ended_at": seconds(pending.changed_at) if pending.state.is_end else None,
        "why": pending.why,
        "sends": pending.instead["template"] if pending.instead else None,
        "attempts": [str(attempt) for attempt in pending.attempts],
        "nudge": str(pending.nudge) if pending.nudge else None,
    }


def hold_view(pending: Pending, number: str, now: int) -> dict[str, Any]:
    """A message that waits, as it was asked for."""
    return {
        "id": str(pending.key),
        "of": str(pending.request.of) if pending.request.of else None,
        "phone_number_id": number,
        "conversation_id": pending.key.contact,
        "asked_at": seconds(pending.key.at),
        "asked_by": pending.asked_by,
        "message": pending.request.body,
        "biz_opaque_callback_data": pending.request.callback_data,
        **waiting_view(pending, now),
    }


def attention_view(wanted: Attention) -> dict[str, Any]:
    """Why a person should look at a conversation."""
    return {
        "id": str(wanted.key),
        "since": seconds(wanted.key.at),
        "asked_by": wanted.asked_by,
        "note": wanted.note,
        "why": wanted.why,
        "message": wanted.request.body,
    }


def automations_view(handled: "Handled | None") -> dict[str, Any]:
    """Whether automations act in a conversation, and if not, why and since when."""
    if handled is None:
        return {"state": "active", "why": None, "since": None}
    return {"state": "paused", "why": handled.why, "since": seconds(handled.since)}


def passed_view(passed: Iterable[Passed]) -> list[dict[str, Any]]:
    """Templates that can't go, each with the reason."""
    return [
        {"name": each.name, "language": each.language, "why": each.why}
        | ({"missing": list(each.missing)} if each.missing else {})
        for each in passed
    ]


def decision_view(judged: "Judged") -> dict[str, Any]:
    """What was decided, why, and by which window: as it is kept with what was asked."""
    action, why = _action(judged.decision)
    window = judged.window
    about = {"action": action, "why": why, "window": window.state.value}
    evidence = {"opened_by": window.opened_by, "expires_at": seconds(window.expires_at)}
    return about | {name: value for name, value in evidence.items() if value is not None}


def _action(decision: Decision) -> tuple[str, str]:
    match decision:
        case SendNow(why):
            return "send", why
        case SendInstead(_, why):
            return "send_template", why
        case KeepForCustomer(why=why):
            return "hold", why
        case GiveToPerson(why=why):
            return "hand_off", why
        case RefuseWindow(why) | Refuse(_, why):
            return "refuse", why


def dry_run_view(judged: "Judged", code: int | None) -> dict[str, Any]:
    """What would happen to a message, and why: nothing did. `code` is what it would be refused with, None if not."""
    situation, decision = judged.situation, judged.decision
    consent = judged.conversation.consent
    view: dict[str, Any] = decision_view(judged) | {
        "template": None,
        "window": window_view(situation.window, situation.now),
        "consent": consent_view(consent),
        "conversation_id": judged.conversation.contact,
        "price_class": "service",
    }
    if code is not None:
        view["code"] = code
    chosen = decision.chosen if isinstance(decision, SendInstead) else None
    if isinstance(decision, KeepForCustomer):
        view["hold"] = {"expires_at": seconds(decision.expires_at), "held_already": situation.held}
        chosen = decision.nudge
        view["nudge"] = _chosen_view(chosen) if chosen else None
    elif chosen:
        view["template"] = _chosen_view(chosen)
        view["price_class"] = chosen.template.category.lower()
    if judged.asked:
        view["template"] = {"name": judged.asked.name, "language": judged.asked.language}
        view["misfits"] = [{"where": misfit.where, "why": misfit.why} for misfit in judged.asked.misfits]
        view["price_class"] = judged.asked.stored.category.lower() if judged.asked.stored else None
    if situation.selection:
        view["candidates"] = passed_view(situation.selection.passed)
    return {"messaging_product": "whatsapp", "messages": [], "casement": {"dry_run": True, "decision": view}}


def _chosen_view(chosen: Chosen) -> dict[str, Any]:
    template = chosen.template
    return {"name": template.name, "language": template.language, "category": template.category, "body": chosen.body}


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


def _class_of(error: Any) -> str | None:
    """What Meta's code means for a send, whether it came at once or in a status. None for what has no code."""
    code = error.get("code") if isinstance(error, dict) else None
    return class_of(code).value if isinstance(code, int) else None


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
        "error_class": _class_of(life.error),
    }
    if asked_by is not None:
        view["casement"]["asked_by"] = asked_by
    return view
