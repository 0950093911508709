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
from casement.domain.meta_errors import stops_the_number
from casement.domain.number import Health
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.sending import request_from
from casement.domain.window import DAY_MS
from casement.usecases.engine import Engine
from casement.usecases.follow_policy import has_policy_to_follow
from casement.usecases.judge import window_now
from casement.usecases.outbox import step

MOST_SENDS = 20_000  # that one run looks through for lost ones
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

    def all(self, number_id: str) -> Iterator[Pending]: ...


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


def sweep(engine: Engine, *, log: Log, outcomes: Outcomes, lost: Lost, pendings: Pendings, probe: Probe) -> Swept:
    """Look after one number. Raises `StoreUnavailable`."""
    now = engine.clock()
    stopped_by = _look_at_number(engine, probe, now)
    paused = engine.numbers.state(engine.number, now).health.paused_until > now  # its jobs are on the queue
    expired = 0
    contacts: set[str] = set()
    for pending in pendings.all(engine.number):
        if pending.is_expired(now):
            expired += step(pending, engine).pending.state is State.EXPIRED
        elif stopped_by is None and not paused and pending.key.contact not in contacts:
            contacts |= {pending.key.contact} if _should_go(pending, engine, now) else set()
    jobs = [Job(engine.number, contact, why=f"sweep {now}") for contact in sorted(contacts)]
    jobs += [Job(engine.number, key.contact, key, f"sweep {now}") for key in _verdicts(log, engine, now)]
    for job in jobs:
        engine.enqueue(job)
    return Swept(expired, len(jobs), _give_up(engine, log, outcomes, lost, now), stopped_by)


def _look_at_number(engine: Engine, probe: Probe, now: int) -> int | None:
    """The code that still stops the number, None if it can send. A stopped one is tried with a harmless call."""
    health = engine.numbers.fresh(engine.number, now).health
    if health.stopped_by is None:
        return None
    try:
        probe()
    except GraphRejected as error:
        if stops_the_number(error.code):
            return error.code
    except GraphError:
        return health.stopped_by
    engine.numbers.put_health(engine.number, Health())
    return None


def _should_go(pending: Pending, engine: Engine, now: int) -> bool:
    """Whether one waits that should have gone: its turn has come, whoever sent it died, or the customer wrote."""
    if pending.state is not State.WAITING:
        return pending.state.is_end or pending.is_abandoned(now)
    if now - pending.changed_at < _LOST_SIGHT_MS:
        return False
    if pending.waits_for is WaitsFor.TURN:
        return True
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


def _give_up(engine: Engine, log: Log, outcomes: Outcomes, lost: Lost, now: int) -> int:
    """Report the sends of the day before that nobody ever told the end of."""
    since = lost.swept_until(engine.number) or now - 2 * DAY_MS
    entries = log.oldest_asked(engine.number, since=since, until=now - DAY_MS)
    given_up = 0
    reached = since
    for batch in _batches(islice(entries, MOST_SENDS)):
        keys = [MessageKey(entry.contact, entry.ulid) for entry in batch if entry.ulid and entry.asks_meta]
        for key in set(keys) - outcomes.ended(engine.number, keys):
            given_up += _give_up_one(engine, outcomes, lost, key, now)
        reached = batch[-1].position.at
        lost.sweep_to(engine.number, reached)
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
