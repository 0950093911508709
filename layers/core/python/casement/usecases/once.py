"""At most once for each idempotency key: the first answer again, or a refusal, never a second message.

What is kept under a key is the digest of the request's body and the send that it became. Everything else, the send
itself tells.
"""

from dataclasses import dataclass

from casement.domain.errors import IdempotencyKeyReused, StillUnderWay
from casement.domain.life import LEASE_MS
from casement.domain.message_key import MessageKey
from casement.domain.messages import Send
from casement.domain.meta_errors import code_of
from casement.domain.pending import WaitsFor
from casement.domain.sending import Outcome, Request, request_from
from casement.domain.window import RE_ENGAGEMENT_CODES
from casement.usecases.answers import HANDED_OFF, UNKNOWN, Answer, answer_of, held_answer, standing, standing_answer
from casement.usecases.engine import Engine
from casement.usecases.follow_policy import has_policy_to_follow


@dataclass(frozen=True, slots=True)
class Once:
    """What a caller gave to have a request done once: by which API key (its digest), what, and a digest of the body."""

    api_key: str
    given: str
    body: str


def earlier_answer(once: Once, key: MessageKey, engine: Engine, now: int) -> Answer | None:
    """Take the idempotency key for the send `key`, or give the answer of the request that has it.

    Raises `IdempotencyKeyReused` if that was another request, and `StillUnderWay` while it has no answer.
    """
    instead_of: MessageKey | None = None
    while True:
        there = engine.sends.claim(engine.number, once.api_key, once.given, once.body, key, instead_of=instead_of)
        if there is None:
            return None
        body, first = there
        if body != once.body:
            raise IdempotencyKeyReused("This Idempotency-Key was used for another request within the last 24 hours.")
        answer = _answer_of(first, engine, now)
        if answer is not None:
            return answer
        instead_of = first


def _answer_of(first: MessageKey, engine: Engine, now: int) -> Answer | None:
    """The answer that a send got or would have got, None if it came to nothing and may be made again."""
    send = engine.messages.send(engine.number, first, consistent=True)
    may_be_under_way = now - first.at < LEASE_MS
    if send.status is not None and send.asked is not None and not send.retry:
        return _of_ended(send, engine, may_be_under_way=may_be_under_way)
    waits = engine.pendings.find(engine.number, first)
    if waits is not None:
        return _still_under_way() if may_be_under_way and send.status is None else standing_answer(waits, engine)
    if send.retry:
        return None
    for wanted in engine.pendings.attention(engine.number, [first.contact]):
        if wanted.key == first:
            return Answer(200, standing(wanted.request, first, HANDED_OFF, {"why": wanted.why}))
    asked = engine.log.asked(engine.number, first)
    if asked is None or asked.asked is None:
        return _still_under_way() if may_be_under_way else None
    request = request_from(asked.asked)
    wamid = next((status.wamid for status in send.statuses if status.wamid), None)
    if wamid:
        answer = standing(request, first, "accepted")
        return Answer(200, {**answer, "messages": [{"id": wamid, "message_status": "accepted"}]})
    if may_be_under_way:
        return _still_under_way()
    return Answer(200, standing(request, first, UNKNOWN)) if asked.asks_meta else None


def _of_ended(send: Send, engine: Engine, *, may_be_under_way: bool) -> Answer:
    assert send.asked is not None and send.status is not None and send.at is not None  # noqa: S101
    request: Request = request_from(send.asked)
    if send.status == "failed" and code_of(send.answer) in RE_ENGAGEMENT_CODES and has_policy_to_follow(request, send):
        waits = engine.pendings.find(engine.number, send.key)
        if waits is None or (may_be_under_way and waits.waits_for is WaitsFor.TURN and not waits.state.is_end):
            return _still_under_way()
        if waits.waits_for is WaitsFor.CUSTOMER:  # whatever has become of it since
            return Answer(200, held_answer(waits))
        return standing_answer(waits, engine)
    outcome = Outcome(send.status, send.at, send.wamid, send.answer, send.http, send.sent)
    if send.status in ("held", "handed_off") and send.answer:
        return Answer(200, send.answer)
    return answer_of(send.key, request, outcome)


def _still_under_way() -> Answer:
    raise StillUnderWay("The same request is still being worked on. Nothing is sent twice: ask again in a moment.")
