"""Meta refused a send for the window, at once or hours later: run its policy, exactly once.

What follows is a `Pending` under the key of the refused send. There is one at most, ever: so a repeated status, a
replayed stream, and a refusal that comes both at once and as a status end in the same.
"""

from dataclasses import replace

from casement.domain.errors import NumberStopped
from casement.domain.message_key import MessageKey
from casement.domain.messages import Send
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.policy import DEFAULT_HOLD_S, policy_from
from casement.domain.sending import (
    Attention,
    GiveToPerson,
    KeepForCustomer,
    Message,
    Refuse,
    RefuseWindow,
    Request,
    SendInstead,
    SendNow,
)
from casement.usecases.engine import Engine
from casement.usecases.judge import in_place_of, judge


def has_policy_to_follow(request: Request, send: Send) -> bool:
    """Whether something is to follow from Meta's refusal of a send for the window."""
    if request.when_closed in (None, "reject"):
        return False
    if send.sent is not None:  # the policy ran before: this was the template in the message's place
        return False
    return request.of is None or send.status != "failed"  # who tried it, and was refused at once, put back what waited


def follow_policy(key: MessageKey, request: Request, asked_by: str, engine: Engine) -> Pending:
    """What now waits, or waited, in place of the refused send `key`."""
    known = engine.pendings.find(engine.number, key)
    if known:
        return known
    now = engine.clock()
    waits = _what_follows(key, request, asked_by, engine, now)
    if waits.state.is_end:
        engine.pendings.end(engine.number, waits)
        return waits
    if engine.pendings.add(engine.number, waits):
        return waits
    return engine.pendings.find(engine.number, key) or waits


def _what_follows(key: MessageKey, request: Request, asked_by: str, engine: Engine, now: int) -> Pending:
    judged = judge(message_from(request, key.contact), policy_from(request.when_closed or "reject"), engine, now)
    waits = Pending(key, request, asked_by, WaitsFor.TURN, now + LONGEST_TURN_MS, changed_at=now)
    match judged.decision:
        case SendNow():  # the customer wrote in the meantime
            return waits
        case SendInstead(chosen):
            return replace(waits, instead=in_place_of(request.body, chosen.body))
        case KeepForCustomer() as kept:
            return held(waits, kept, now)
        case GiveToPerson(note, why):
            engine.pendings.ask_person(engine.number, Attention(key, request, asked_by, note, why))
            return waits.ended(State.HANDED_OFF, now, why)
        case RefuseWindow(why, passed):
            said = " ".join(f"{each.name}: {each.why}" for each in passed)
            return waits.ended(State.FAILED, now, f"{why} {said}".strip())
        case Refuse(NumberStopped(), _):
            return waits  # decided again once the number can send
        case Refuse(_, why):
            return waits.ended(State.FAILED, now, why)


LONGEST_TURN_MS = DEFAULT_HOLD_S * 1000  # a number that Meta stopped for days goes on with what it has


def held(waits: Pending, kept: KeepForCustomer, now: int) -> Pending:
    """The same, to wait for the customer. One that was held before has used up some of its time."""
    expires_at = waits.origin.at + (kept.expires_at - now)
    return replace(waits, waits_for=WaitsFor.CUSTOMER, expires_at=expires_at, supersede=kept.supersede)


def message_from(request: Request, contact: str) -> Message:
    """A message as it was asked for, or as it stands in for another."""
    kind = str(request.body.get("type", "text"))
    template = request.body.get("template") if kind == "template" else None
    named = (template["name"], template["language"]["code"]) if template else None
    return Message(
        request.body, contact, kind, named, request.callback_data, request.when_closed, category=request.category
    )
