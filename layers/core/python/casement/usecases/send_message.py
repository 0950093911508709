"""Send a message, or do what its policy says, or say why not.

The order is the guarantee: decide; write what is asked; call Meta once; write what became of it. Whoever dies between
two of these leaves a send that can be found, and nobody sends it again.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from casement.domain.errors import (
    CasementError,
    GraphError,
    GraphUnavailable,
    NumberStopped,
    StoreUnavailable,
)
from casement.domain.jobs import Job
from casement.domain.message_key import MessageKey
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.policy import Hold, Reject, WhenLimited, policy_from
from casement.domain.sending import (
    Attention,
    GiveToPerson,
    KeepForCustomer,
    Message,
    Outcome,
    Refuse,
    RefuseWindow,
    Request,
    SendInstead,
    SendNow,
)
from casement.domain.window import RE_ENGAGEMENT_CODE, RE_ENGAGEMENT_CODES, Verdict, window_at
from casement.usecases.answers import (
    HANDED_OFF,
    QUEUED,
    UNKNOWN,
    Answer,
    answer_of,
    held_answer,
    standing,
    standing_answer,
)
from casement.usecases.attempt import Tried, attempt, learn_alias
from casement.usecases.engine import Engine
from casement.usecases.follow_policy import LONGEST_TURN_MS, follow_policy
from casement.usecases.judge import Judged, in_place_of, judge, window_now
from casement.usecases.nudge import nudge
from casement.usecases.once import Once, earlier_answer
from casement.usecases.outbox import step
from casement.usecases.put_off import ahead_of
from casement.usecases.refusals import window_closed, without_remedies
from casement.usecases.views import decision_view, dry_run_view

# A request has 29 seconds. Meta may take 17 of them, and what became of the send must be written and answered after
# that: who is late is refused while nothing has gone out, since a 5xx afterwards would make clients send it again.
MOST_BEFORE_META_MS = 5_000
MOST_BEFORE_LEARNING_MS = 20_000
_TOO_MANY = (
    "So many messages to this customer wait for Meta's limits already that nothing was sent. It may be sent again."
)
_TOO_SLOW = "Casement's own table was too slow to send this safely, so nothing was sent. It may be sent again."


@dataclass(frozen=True, slots=True)
class Asking:
    """A request on its way: who asked, since when (epoch milliseconds), and what must be done once; for how long it
    may wait for its turn."""

    engine: Engine
    asked_by: str
    began: int
    once: Once | None = None
    longest_turn_ms: int = LONGEST_TURN_MS


def send_message(message: Message, asking: Asking, *, key_policy: Any = None) -> Answer:
    """Decide on `message` and act; `key_policy` is what the API key says for a closed window, as JSON says it.

    Raises `IdempotencyKeyReused`, `StillUnderWay` and `StoreUnavailable`, before anything went out. Every other refusal
    is an answer, since a repeat of the request must get it again. A lost answer is one too, `message_status: unknown`.
    """
    engine = replace(asking.engine, call_before=asking.began + MOST_BEFORE_META_MS)
    asking = replace(asking, engine=engine)
    now = engine.clock()
    value = (
        None
        if message.template
        else _first(message.when_closed, key_policy, engine.numbers.state(engine.number, now).settings.when_closed)
    )
    judged = judge(message, policy_from(value or "reject"), engine, now)
    if message.dry_run:
        return Answer(200, dry_run_view(judged, _refusal_code(judged, engine)))
    key = engine.new_key(judged.conversation.contact, now)
    if asking.once and (earlier := earlier_answer(asking.once, key, engine, now)):
        return earlier
    request = Request(engine.tied(message.body, key), message.callback_data, value, category=message.category)
    _ask(judged, key, request, asking)
    return _act(judged, key, request, asking)


def _refusal_code(judged: Judged, engine: Engine) -> int | None:
    match judged.decision:
        case RefuseWindow():
            return RE_ENGAGEMENT_CODE
        case Refuse(error):
            code: int = engine.show(error)[1]["error"]["code"]
            return code
    return None


def _ask(judged: Judged, key: MessageKey, request: Request, asking: Asking) -> None:
    engine = asking.engine
    with _may_be_repeated(key, request, asking):
        if engine.is_late:
            raise StoreUnavailable(_TOO_SLOW)
        engine.sends.ask(engine.number, key, request, asking.asked_by, decision_view(judged))


@contextmanager
def _may_be_repeated(key: MessageKey, request: Request, asking: Asking) -> Iterator[None]:
    """What is done inside comes before everything that anybody sees: if it fails, so has the request, and whoever
    repeats it with its idempotency key need not wait."""
    try:
        yield
    except StoreUnavailable:
        if asking.once:
            _keep(key, request, Outcome("failed", asking.engine.clock(), retry=True), asking.engine)
        raise


def _keep(key: MessageKey, request: Request, outcome: Outcome, engine: Engine) -> None:
    """Write what became of a send, if the table lets us: what was done already must not be done again for that."""
    with suppress(StoreUnavailable):
        engine.sends.end(engine.number, key, request, outcome)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _act(judged: Judged, key: MessageKey, request: Request, asking: Asking) -> Answer:
    match judged.decision:
        case SendNow():
            if isinstance(judged.situation.policy, Hold) and judged.asked is None:
                with _may_be_repeated(key, request, asking):
                    _end_superseded(key, judged.situation.policy.supersede, judged, asking.engine)
            return _send(judged, key, request, request.body, asking)
        case SendInstead(chosen):
            instead = asking.engine.tied(in_place_of(request.body, chosen.body), key)
            return _send(judged, key, request, instead, asking, stands_in=True)
        case KeepForCustomer():
            return _hold(judged, judged.decision, key, request, asking)
        case GiveToPerson(note, why):
            return _hand_over(Attention(key, request, asking.asked_by, note, why), asking)
        case RefuseWindow(why, passed):
            error = window_closed(why, judged.window, judged.situation.now, asking.engine, passed)
            return _refuse(error, key, request, asking)
        case Refuse(error):
            return _refuse(error, key, request, asking)


def _send(
    judged: Judged,
    key: MessageKey,
    request: Request,
    body: Mapping[str, Any],
    asking: Asking,
    *,
    stands_in: bool = False,
) -> Answer:
    engine = asking.engine
    if engine.is_late:
        return _refuse_for_now(key, request, asking)
    waits = Pending(
        key,
        request,
        asking.asked_by,
        WaitsFor.TURN,
        judged.situation.now + asking.longest_turn_ms,
        instead=body if stands_in else None,
        changed_at=judged.situation.now,
    )
    takes_turns = _takes_turns(judged.message, engine)
    if takes_turns:
        with _may_be_repeated(key, request, asking):
            ahead = ahead_of(judged.conversation, engine)
        if ahead.must_wait:
            return _refuse_for_now(key, request, asking, _TOO_MANY) if ahead.is_full else _queue(waits, judged, asking)
    tried = attempt(
        engine,
        key,
        request,
        body,
        template_id=judged.template_id,
        stands_in=stands_in,
        takes_turns=takes_turns,
        told=lambda error: _told(error, judged, key, asking),
    )
    if tried.refused_for_window and not (stands_in or isinstance(judged.situation.policy, Reject)):
        return _follow_policy(key, request, asking, is_kept=tried.kept)
    if takes_turns and tried.outcome.retry:
        return _queue(waits, judged, asking)
    if tried.outcome.answer and engine.clock() - asking.began < MOST_BEFORE_LEARNING_MS:
        learn_alias(engine, judged.message.contact, tried.outcome.answer)
    return answer_of(key, request, tried.outcome, kept=tried.kept, problem=tried.error)


def _takes_turns(message: Message, engine: Engine) -> bool:
    settings = engine.numbers.state(engine.number, engine.clock()).settings
    return (message.when_limited or settings.when_limited) is WhenLimited.QUEUE


def _queue(waits: Pending, judged: Judged, asking: Asking) -> Answer:
    """Let it take its turn. A job that is lost, the sweep makes up for."""
    engine = asking.engine
    with _may_be_repeated(waits.key, waits.request, asking):
        engine.pendings.keep(engine.number, waits)
    with suppress(StoreUnavailable):
        engine.enqueue(Job(engine.number, judged.conversation.contact, why=str(waits.key)))
    answer = standing(waits.request, waits.key, QUEUED)
    _keep(waits.key, waits.request, Outcome("held", engine.clock(), answer=answer, http=200), engine)
    return Answer(200, answer)


def _told(error: GraphError, judged: Judged, key: MessageKey, asking: Asking) -> CasementError:
    """What the caller is told of Meta's refusal: of one for the window, what we tell of our own."""
    if error.code not in RE_ENGAGEMENT_CODES:
        return error
    now = judged.situation.now
    closed = window_at(
        now, judged.conversation.opener, Verdict(key.at, str(key), error.code), rules=asking.engine.rules
    )
    why = "Meta refused this message: it holds that the customer service window is closed."
    return window_closed(why, closed, now, asking.engine)


def _follow_policy(key: MessageKey, request: Request, asking: Asking, *, is_kept: bool) -> Answer:
    """Meta holds that the window is closed, whatever we thought: now the policy counts.

    Where the refusal is kept, `react` has the outbox do whatever is not done here. A table that fails now must not
    become an error: clients would send again what the outbox sends.
    """
    engine = asking.engine
    try:
        waits = follow_policy(key, request, asking.asked_by, engine)
        if waits.waits_for is WaitsFor.TURN and waits.state is State.WAITING and not engine.is_late:
            waits = step(waits, engine).pending
        return standing_answer(waits, engine)
    except StoreUnavailable:
        return Answer(200, standing(request, key, QUEUED if is_kept else UNKNOWN), kept=False)


def _hold(judged: Judged, decided: KeepForCustomer, key: MessageKey, request: Request, asking: Asking) -> Answer:
    """Keep it, then look again: whoever comes second, the customer's message or this, sees the other.

    Once it is kept, nothing that fails may become an error: clients would ask for it again.
    """
    engine = asking.engine
    waits = Pending(
        key,
        request,
        asking.asked_by,
        WaitsFor.CUSTOMER,
        decided.expires_at,
        supersede=decided.supersede,
        changed_at=judged.situation.now,
    )
    with _may_be_repeated(key, request, asking):
        engine.pendings.keep(engine.number, waits)
    with suppress(StoreUnavailable):  # then it is found superseded when its turn comes
        _end_superseded(key, decided.supersede, judged, engine)
    nudged: Tried | None = None
    with suppress(StoreUnavailable):  # then the sweep finds what waits while the window is open
        if window_now(key.contact, engine, engine.clock()).permits_free_form(engine.clock()):
            engine.enqueue(Job(engine.number, judged.conversation.contact, why=str(key)))
        elif decided.nudge and not engine.is_late:
            waits, nudged = nudge(waits, decided.nudge, judged.conversation, engine)
    answer = held_answer(waits, decided.passed, nudged)
    _keep(key, request, Outcome("held", engine.clock(), answer=answer, http=200), engine)
    return Answer(200, answer)


def _end_superseded(key: MessageKey, supersede: str | None, judged: Judged, engine: Engine) -> None:
    """End the older ones that `supersede` names. One that somebody works on at this moment is ended at its turn."""
    if supersede is None:
        return
    now = engine.clock()
    for older in engine.pendings.of(engine.number, judged.conversation.contacts):
        if older.supersede == supersede and older.origin.ulid < key.ulid and older.waits:
            ended = older.ended(State.SUPERSEDED, now, f"Replaced by {key}.")
            if engine.pendings.replace(engine.number, older, ended):
                engine.pendings.end(engine.number, ended)


def _hand_over(wanted: Attention, asking: Asking) -> Answer:
    engine = asking.engine
    with _may_be_repeated(wanted.key, wanted.request, asking):
        engine.pendings.ask_person(engine.number, wanted)
    answer = standing(wanted.request, wanted.key, HANDED_OFF, {"why": wanted.why})
    _keep(wanted.key, wanted.request, Outcome("handed_off", engine.clock(), answer=answer, http=200), engine)
    return Answer(200, answer)


def _refuse(error: CasementError, key: MessageKey, request: Request, asking: Asking) -> Answer:
    http, body = asking.engine.show(error)
    may_go_later = isinstance(error, NumberStopped)  # so that the same idempotency key does not forbid it for a day
    kept = body if asking.once else without_remedies(body)
    outcome = Outcome("refused", asking.engine.clock(), answer=kept, http=http, retry=may_go_later)
    asking.engine.sends.end(asking.engine.number, key, request, outcome)
    return Answer(http, body, problem=type(error).__name__)


def _refuse_for_now(key: MessageKey, request: Request, asking: Asking, why: str = _TOO_SLOW) -> Answer:
    error = GraphUnavailable(why)
    http, body = asking.engine.show(error)
    _keep(key, request, Outcome("failed", asking.engine.clock(), answer=body, http=http, retry=True), asking.engine)
    return Answer(http, body, problem=type(error).__name__)
