"""Work off what waits in a conversation, in order, each decided again when its turn comes.

The table says what is to be done; a job on the queue is only a reason to look. So a job that comes twice finds the work
done, and one that is lost is made up for by the next look.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from casement.domain.errors import GraphUnavailable, NumberStopped, StoreUnavailable
from casement.domain.jobs import Job
from casement.domain.life import LEASE_MS
from casement.domain.message_key import MessageKey
from casement.domain.meta_errors import (
    ErrorClass,
    slows_the_number,
    stops_the_number,
    wait_before_retry_s,
    waits_for_somebody,
)
from casement.domain.pending import Pending, State, WaitsFor, in_order, superseded
from casement.domain.policy import policy_from
from casement.domain.sending import (
    Attention,
    GiveToPerson,
    KeepForCustomer,
    Outcome,
    Refuse,
    RefuseWindow,
    Request,
    SendInstead,
    SendNow,
    request_from,
)
from casement.usecases.attempt import Tried, attempt
from casement.usecases.engine import Engine
from casement.usecases.find_conversation import find_conversation
from casement.usecases.follow_policy import follow_policy, has_policy_to_follow, held, message_from
from casement.usecases.judge import Judged, in_place_of, judge
from casement.usecases.nudge import nudge

_WHY_EXPIRED = {
    WaitsFor.CUSTOMER: "The customer did not write in time.",
    WaitsFor.TURN: "It could not go out in time.",
}
_SOMEBODY_ELSE_S = 2.0  # another worker has it: look again when it is done
_AT_ONCE_S = 1.0
# A function is not to be cut off while it waits for Meta: then nobody would know what became of the message.
MOST_WORK_MS = 60_000


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one. `wait` is the seconds to wait before this conversation goes on, None for no wait; `stop` is
    true if nothing of it can go on until something changes."""

    pending: Pending
    wait: float | None = None
    stop: bool = False


def work_off(job: Job, engine: Engine) -> float | None:
    """Do a job. Seconds to wait before it is tried again, None once there is nothing left to do now."""
    now = engine.clock()
    health = engine.numbers.fresh(engine.number, now).health
    if job.send is not None:
        _follow(job, engine)
    if health.stops(engine.token, now):
        return None  # everything stays where it is; the sweep makes new jobs once the number can send
    if health.paused_until > now:
        return (health.paused_until - now) / 1000
    conversation = find_conversation(engine.number, job.contact, read=engine.read_alias)
    waiting = in_order(engine.pendings.of(engine.number, conversation.contacts))
    replaced = superseded(waiting)
    stays = False
    for pending in waiting:
        done = _superseded(pending, engine) if pending in replaced else step(pending, engine, is_behind=stays)
        if done.wait is not None or done.stop:
            return done.wait
        stays = stays or done.pending.waits
        if engine.clock() - now > MOST_WORK_MS:
            return _AT_ONCE_S
    return None


def _follow(job: Job, engine: Engine) -> None:
    """Run the policy of a send that Meta refused for the window afterwards."""
    assert job.send is not None  # noqa: S101 - the caller looked
    asked = engine.log.asked(engine.number, job.send)
    if asked is None or asked.asked is None:
        return  # older than what is kept
    request = request_from(asked.asked)
    if has_policy_to_follow(request, engine.messages.send(engine.number, job.send, consistent=True)):
        follow_policy(job.send, request, asked.asked_by or "", engine)


def _superseded(pending: Pending, engine: Engine) -> Step:
    return _end(pending, State.SUPERSEDED, engine, "Replaced by a newer message with the same key.")


def step(pending: Pending, engine: Engine, *, is_behind: bool = False) -> Step:
    """Try to send one. With `is_behind`, one before it stays where it is, and must not be overtaken if the customer has
    written since."""
    now = engine.clock()
    if pending.state.is_end:  # whoever ended it did not live to put it away
        engine.pendings.end(engine.number, pending)
        return Step(pending)
    if pending.is_expired(now):
        return _end(pending, State.EXPIRED, engine, _WHY_EXPIRED[pending.waits_for])
    if pending.state is State.SENDING:
        return _settle(pending, engine)
    request = _to_send(pending, engine)
    judged = judge(
        message_from(request, pending.key.contact),
        policy_from(request.when_closed or "reject"),
        engine,
        now,
        waited=True,
    )
    match judged.decision:
        case SendNow() if is_behind and judged.message.template is None:
            return Step(pending, wait=_AT_ONCE_S)
        case SendNow():
            return _try(pending, request, judged, engine)
        case SendInstead(chosen):
            instead = engine.tied(in_place_of(request.body, chosen.body), pending.origin)
            return _try(pending, request, judged, engine, instead)
        case KeepForCustomer() as kept:
            return Step(_keep_for_customer(pending, kept, judged, engine))
        case GiveToPerson(note, why):
            engine.pendings.ask_person(
                engine.number, Attention(pending.key, pending.request, pending.asked_by, note, why)
            )
            return _end(pending, State.HANDED_OFF, engine, why)
        case RefuseWindow(why):
            return _end(pending, State.FAILED, engine, why)
        case Refuse(error, why):
            if isinstance(error, NumberStopped):
                return Step(pending, stop=True)
            return _end(pending, State.FAILED, engine, why)


def _keep_for_customer(pending: Pending, kept: KeepForCustomer, judged: Judged, engine: Engine) -> Pending:
    """The window is closed: what had only waited for its turn now waits for the customer, and may ask them to write."""
    if pending.waits_for is not WaitsFor.CUSTOMER:
        now = engine.clock()
        waiting = held(pending.waiting(now), kept, now)
        if not engine.pendings.replace(engine.number, pending, waiting):
            return pending
        pending = waiting
    if kept.nudge:
        pending, _ = nudge(pending, kept.nudge, judged.conversation, engine)
    return pending


def _to_send(pending: Pending, engine: Engine) -> Request:
    """The request of a try: what stands in, or what was asked for, with its policy."""
    origin, asked = pending.origin, pending.request
    if pending.instead is not None:
        return Request(engine.tied(pending.instead, origin), asked.callback_data, of=origin)
    return Request(engine.tied(asked.body, origin), asked.callback_data, asked.when_closed, origin, asked.category)


def _try(
    pending: Pending, request: Request, judged: Judged, engine: Engine, stands_in: Mapping[str, object] | None = None
) -> Step:
    now = engine.clock()
    key = engine.new_key(pending.key.contact, now)
    claimed = pending.sending(key, now)
    if not engine.pendings.replace(engine.number, pending, claimed):
        return Step(pending, wait=_SOMEBODY_ELSE_S)
    if ended := engine.pendings.ended(engine.number, pending.key):  # made again by somebody who had not seen its end
        engine.pendings.forget(engine.number, pending)
        return Step(ended)
    try:
        engine.sends.ask(engine.number, key, request, pending.asked_by)
    except StoreUnavailable:
        _not_begun(claimed, key, request, engine)
        raise
    if engine.is_late:
        _not_begun(claimed, key, request, engine)
        return Step(claimed, wait=_AT_ONCE_S)
    tried = attempt(
        engine,
        key,
        request,
        stands_in or request.body,
        template_id=judged.template_id,
        stands_in=stands_in is not None,
    )
    is_template = stands_in is not None or request.body.get("type") == "template"
    return _after(claimed, tried, engine, is_template=is_template)


def _not_begun(claimed: Pending, key: MessageKey, request: Request, engine: Engine) -> None:
    """Meta was not called, and nobody needs to wait until that is certain."""
    with suppress(StoreUnavailable):
        engine.sends.end(engine.number, key, request, Outcome("failed", engine.clock(), retry=True))
        _put_back(claimed, engine)


def _after(claimed: Pending, tried: Tried, engine: Engine, *, is_template: bool) -> Step:
    """What a try came to."""
    code = tried.error.code if tried.error else None
    match tried.kind:
        case None:
            return _finish(claimed, State.RELEASED, engine)
        case ErrorClass.RETRY:
            return _put_back_for(tried, claimed, engine)
        case ErrorClass.WINDOW if not is_template:  # it is decided again, now that the window is known to be closed
            # A customer's message stamped ahead of our clock outlasts verdicts, so this may come again and again.
            wait = wait_before_retry_s(None, len(claimed.attempts))
            return Step(_put_back(claimed, engine), wait=float(wait))
        case _ if code is not None and stops_the_number(code):
            return Step(_put_back(claimed, engine), stop=True)
        case _ if code is not None and waits_for_somebody(code):
            return Step(_put_back(claimed, engine), wait=float(wait_before_retry_s(code, len(claimed.attempts))))
    return _finish(claimed, State.FAILED, engine, str(tried.error))


def _settle(pending: Pending, engine: Engine) -> Step:
    """Somebody began to send it. Wait for them; if they died, find out how far they got."""
    now = engine.clock()
    key = pending.attempt
    assert key is not None  # noqa: S101 - nothing is sent without a key
    send = engine.messages.send(engine.number, key, consistent=True)
    was_refused = send.status == "failed"  # whatever a status says besides: it can only repeat that
    if not was_refused and (send.status is not None or send.statuses):
        return _end(pending, State.RELEASED, engine)
    if not pending.is_abandoned(now):
        return Step(pending, wait=max(1.0, (pending.changed_at + LEASE_MS - now) / 1000))
    if was_refused or engine.log.asked(engine.number, key) is None:
        return Step(_put_back(pending, engine), wait=_SOMEBODY_ELSE_S)  # nothing went out: try again
    return _end(pending, State.RELEASED, engine, "What became of it is not known.")


def _put_back_for(tried: Tried, claimed: Pending, engine: Engine) -> Step:
    """Meta said later: this conversation, or the whole number, waits as Meta says."""
    assert isinstance(tried.error, GraphUnavailable)  # noqa: S101 - what the class RETRY means
    code, asked = tried.error.code, tried.error.retry_after
    waiting = _put_back(claimed, engine)
    if not slows_the_number(code):
        return Step(waiting, wait=float(wait_before_retry_s(code, len(claimed.attempts), asked)))
    now = engine.clock()
    health = engine.numbers.fresh(engine.number, now).health
    wait = wait_before_retry_s(code, health.pauses + 1, asked)
    engine.numbers.put_health(engine.number, replace(health, paused_until=now + wait * 1000, pauses=health.pauses + 1))
    return Step(waiting, wait=float(wait))


def _put_back(pending: Pending, engine: Engine) -> Pending:
    waiting = pending.waiting(engine.clock())
    engine.pendings.replace(engine.number, pending, waiting)
    return waiting


def _finish(claimed: Pending, state: State, engine: Engine, why: str | None = None) -> Step:
    """Write down how one ended that nobody else can have."""
    ended = claimed.ended(state, engine.clock(), why)
    engine.pendings.end(engine.number, ended)
    return Step(ended)


def _end(pending: Pending, state: State, engine: Engine, why: str | None = None) -> Step:
    """Write down how it ended, unless somebody else has taken it up."""
    ended = pending.ended(state, engine.clock(), why)
    if not engine.pendings.replace(engine.number, pending, ended):
        return Step(pending, wait=_SOMEBODY_ELSE_S)
    engine.pendings.end(engine.number, ended)
    return Step(ended)
