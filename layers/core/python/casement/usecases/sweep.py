"""What time brings about, for one number: holds that expired, sends that nobody will ever resolve, work that was lost
sight of, and a number that may send again.

Everything here is found by looking, so a run that is missed or dies is made up for by the next one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from casement.domain.errors import GraphError, GraphRejected
from casement.domain.jobs import Job
from casement.domain.message_key import MessageKey
from casement.domain.messages import Entry, Note, Send
from casement.domain.meta_errors import is_of_the_token, stops_the_number
from casement.domain.number import Health
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.sending import request_from
from casement.domain.window import DAY_MS
from casement.usecases.engine import Engine
from casement.usecases.follow_policy import has_policy_to_follow
from casement.usecases.judge import window_now
from casement.usecases.outbox import step

MOST_LOOKED_AT = 2_000  # conversations in a run, two queries or so each
_LOST_SIGHT_MS = 60_000  # what should have been done a minute ago
_LATE_MS = 3 * DAY_MS  # a policy that nobody followed for longer has nothing to say any more
_BATCH = 100


class Log(Protocol):
    """A number's log."""

    def oldest_asked(self, number_id: str, *, since: int, until: int) -> Iterator[Entry]: ...
    def notes(self, number_id: str, *, since: int) -> Iterable[Note]: ...


class Outcomes(Protocol):
    """What became of sends, many at a time."""

    def ended(self, number_id: str, keys: Iterable[MessageKey]) -> set[MessageKey]: ...
    def send(self, number_id: str, key: MessageKey) -> Send: ...


class Lost(Protocol):
    """How far the lost ones were looked for."""

    def swept_until(self, number_id: str) -> int: ...
    def sweep_to(self, number_id: str, at: int) -> None: ...
    def give_up(self, number_id: str, key: MessageKey, at: int) -> None: ...


class Pendings(Protocol):
    """Messages that wait."""

    def all(self, number_id: str, *, after: str = "") -> Iterator[Pending]: ...
    def place_of(self, pending: Pending, *, ended: bool) -> str: ...
    def left_at(self, number_id: str) -> str: ...
    def leave_at(self, number_id: str, place: str) -> None: ...


class Probe(Protocol):
    """Ask Meta whether the number's token works. Raises a `GraphError` if not."""

    def __call__(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Swept:
    """What one run did."""

    expired: int = 0
    jobs: int = 0
    unresolved: int = 0
    stopped_by: int | None = None


def sweep(
    engine: Engine, *, log: Log, outcomes: Outcomes, lost: Lost, pendings: Pendings, probe: Probe, until: int
) -> Swept:
    """Look after one number, until that moment (epoch milliseconds): what is left then, the next run finds. Raises
    `StoreUnavailable`."""
    now = engine.clock()
    health, was_stopped = _look_at_number(engine, probe, now)
    unresolved = _give_up(engine, log, outcomes, lost, now, until)
    jobs = 0
    for key in _verdicts(log, engine, now):
        engine.enqueue(Job(engine.number, key.contact, key, f"sweep {now}"))
        jobs += 1
    may_send = not health.stops(engine.token, now) and health.paused_until <= now  # a paused one has its jobs
    most = None if was_stopped else MOST_LOOKED_AT  # what it left behind is to go on now
    expired, released = _look_at_waiting(engine, pendings, now, until, may_send=may_send, most=most)
    return Swept(expired, jobs + released, unresolved, health.stopped_by)


def _look_at_waiting(
    engine: Engine, pendings: Pendings, now: int, until: int, *, may_send: bool, most: int | None
) -> tuple[int, int]:
    """End what has expired, and make jobs where something should have gone; how many of each.

    It goes round: a run looks at so many conversations, or for so long, and the next one goes on from there.
    """
    expired = 0
    looked_at: set[str] = set()
    jobs: set[str] = set()
    place = pendings.left_at(engine.number)
    began_at = place
    for pending in pendings.all(engine.number, after=place):
        if len(looked_at) == most or engine.clock() > until:
            pendings.leave_at(engine.number, place)
            return expired, len(jobs)
        place, contact = pendings.place_of(pending, ended=False), pending.key.contact
        if pending.is_expired(now):
            expired += step(pending, engine).pending.state is State.EXPIRED
        elif may_send and contact not in jobs and _should_go(pending, engine, now, looked_at):
            jobs.add(contact)
            engine.enqueue(Job(engine.number, contact, why=f"sweep {now}"))
    if began_at:
        pendings.leave_at(engine.number, "")
    return expired, len(jobs)


def _look_at_number(engine: Engine, probe: Probe, now: int) -> tuple[Health, bool]:
    """How the number is, and whether it was stopped. Whether its token works again, a harmless call shows; whether its
    account is blocked, only the next message does, once it is time for one."""
    health = engine.numbers.fresh(engine.number, now).health
    if health.stopped_by is None:
        return health, False
    if not is_of_the_token(health.stopped_by) or not _token_works(probe):
        return health, True
    engine.numbers.put_health(engine.number, Health())
    return Health(), True


def _token_works(probe: Probe) -> bool:
    try:
        probe()
    except GraphRejected as error:
        return not stops_the_number(error.code)
    except GraphError:
        return False
    return True


def _should_go(pending: Pending, engine: Engine, now: int, looked_at: set[str]) -> bool:
    """Whether one waits that should have gone: its turn has come, whoever sent it died, or the customer wrote. Into
    each window it is looked once."""
    if pending.state is not State.WAITING:
        return pending.state.is_end or pending.is_abandoned(now)
    if now - pending.changed_at < _LOST_SIGHT_MS:
        return False
    if pending.waits_for is WaitsFor.TURN:
        return True
    if pending.key.contact in looked_at:
        return False
    looked_at.add(pending.key.contact)
    return window_now(pending.key.contact, engine, now).permits_free_form(now)


def _verdicts(log: Log, engine: Engine, now: int) -> Iterator[MessageKey]:
    """Sends of late that Meta refused for the window, and whose policy nobody has followed yet."""
    for note in log.notes(engine.number, since=now - _LATE_MS):
        key = MessageKey.parse(note.send) if note.kind == "verdict" else None
        if key and now - note.at > _LOST_SIGHT_MS and engine.pendings.find(engine.number, key) is None:
            asked = engine.log.asked(engine.number, key)
            send = engine.messages.send(engine.number, key)
            if asked and asked.asked and has_policy_to_follow(request_from(asked.asked), send):
                yield key


def _give_up(engine: Engine, log: Log, outcomes: Outcomes, lost: Lost, now: int, until: int) -> int:
    """Report the sends of the day before that nobody ever told the end of."""
    since = lost.swept_until(engine.number) or now - 2 * DAY_MS
    entries = log.oldest_asked(engine.number, since=since, until=now - DAY_MS)
    given_up = 0
    reached = since
    for batch in _batches(entries):
        keys = [MessageKey(entry.contact, entry.ulid) for entry in batch if entry.ulid and entry.asks_meta]
        for key in set(keys) - outcomes.ended(engine.number, keys):
            given_up += _give_up_one(engine, outcomes, lost, key, now)
        reached = batch[-1].position.at
        lost.sweep_to(engine.number, reached)
        if engine.clock() > until:
            return given_up
    if reached == since and since < now - DAY_MS:
        lost.sweep_to(engine.number, now - DAY_MS)
    return given_up


def _give_up_one(engine: Engine, outcomes: Outcomes, lost: Lost, key: MessageKey, now: int) -> bool:
    send = outcomes.send(engine.number, key)
    is_known = send.status not in (None, "unknown") or bool(send.statuses)
    if is_known or send.unresolved or engine.pendings.find(engine.number, key):
        return False
    lost.give_up(engine.number, key, now)
    engine.count("SendUnresolved")
    return True


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch
