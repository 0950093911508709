"""What callers get for a send, in Meta's shape: at once, and again when they ask with the same idempotency key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from casement.domain.contact import contact_key, is_bsuid, is_phone
from casement.domain.errors import CasementError, WindowClosed
from casement.domain.message_key import MessageKey
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.phone import digits
from casement.domain.sending import Outcome, Request
from casement.domain.template_choice import Passed
from casement.usecases.attempt import Tried
from casement.usecases.engine import Engine
from casement.usecases.views import passed_view, seconds

HELD, HANDED_OFF = "held_for_customer", "handed_off"  # values of `message_status`
QUEUED, UNKNOWN = "queued", "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and body. `problem` names the error for the log; `kept` is false if what became of the send could
    not be written (it did go out)."""

    http: int
    body: Mapping[str, Any]
    problem: str | None = None
    kept: bool = True


def answer_of(
    key: MessageKey, request: Request, outcome: Outcome, *, kept: bool = True, problem: CasementError | None = None
) -> Answer:
    """The answer for what became of a send."""
    ours: dict[str, Any] = {"id": str(key)}
    if outcome.sent:
        ours["sent_instead"] = outcome.sent["template"]
    if outcome.status == "accepted" and outcome.answer:
        return Answer(200, {**outcome.answer, "casement": ours}, kept=kept)
    if outcome.status == "unknown":
        return Answer(200, standing(request, key, UNKNOWN, ours), kept=kept)
    return Answer(outcome.http or 503, outcome.answer or {}, type(problem).__name__ if problem else None, kept)


def standing(request: Request, key: MessageKey, status: str, ours: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Meta's shape for a message that has no wamid (yet). Clients take the recipient's id from `contacts`, so it is
    there, as far as the request tells it."""
    named = str(request.body.get("to") or request.body.get("recipient"))
    is_number = is_phone(contact_key(named))
    who = {"user_id": named} if is_bsuid(named) else {"wa_id": digits(named) if is_number else named}
    return {
        "messaging_product": "whatsapp",
        "contacts": [{"input": named, **who}],
        "messages": [{"id": str(key), "message_status": status}],
        "casement": {"id": str(key), **(ours or {})},
    }


def held_answer(waits: Pending, passed: tuple[Passed, ...] = (), nudged: Tried | None = None) -> dict[str, Any]:
    """The answer for a message that waits for the customer."""
    ours: dict[str, Any] = {"hold": {"id": str(waits.key), "expires_at": seconds(waits.expires_at)}}
    if nudged and waits.nudge:
        ours["nudge"] = {"id": str(waits.nudge), "status": nudged.outcome.status, "wamid": nudged.outcome.wamid}
    elif passed:
        ours["nudge"] = {"status": "not_sent", "candidates": passed_view(passed)}
    return standing(waits.request, waits.key, HELD, ours)


def standing_answer(waits: Pending, engine: Engine) -> Answer:
    """The answer for a message that Meta refused and that went another way."""
    if waits.state is State.FAILED:
        send = engine.messages.send(engine.number, waits.attempt or waits.key, consistent=True)
        if send.answer is None or send.http is None:
            http, body = engine.show(WindowClosed(waits.why or "It could not go out.", {}))
            return Answer(http, body, problem="WindowClosed")
        return Answer(send.http, send.answer, problem="GraphRejected")
    if waits.state is State.RELEASED and waits.attempt:
        send = engine.messages.send(engine.number, waits.attempt, consistent=True)
        if send.status == "accepted" and send.answer:
            ours = {"id": str(waits.key), "released_as": str(waits.attempt)}
            if waits.instead:
                ours["sent_instead"] = waits.instead["template"]
            return Answer(200, {**send.answer, "casement": ours})
        return Answer(200, standing(waits.request, waits.key, UNKNOWN))
    if waits.state is State.HANDED_OFF:
        return Answer(200, standing(waits.request, waits.key, HANDED_OFF))
    if waits.waits_for is WaitsFor.CUSTOMER:
        return Answer(200, held_answer(waits))
    return Answer(200, standing(waits.request, waits.key, QUEUED))
