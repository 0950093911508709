"""A deployment whose processes stop, fail or are overtaken at any of their effects, and everything around it that goes
on: callers who ask again, a stream and a queue that keep what nobody dealt with, Meta, schedules.

An effect is a call to the table, a call to Meta, or a job put on the outbox. `Effects` numbers them as they happen, so
a test counts them in a run in which nothing goes wrong, and then goes through them one by one: an effect that is added
tomorrow is covered without anybody thinking of it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any, NamedTuple

import httpx
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from casement.domain.errors import CasementError, StoreUnavailable
from casement.domain.jobs import Job
from casement.domain.life import LEASE_MS
from casement.domain.message_key import MessageKey
from casement.usecases.holds import cancel_hold
from casement.usecases.react import react
from tests.support.deployment import ALICE, API_KEY, DAY, NUMBER, Answer, Deployment, Json
from tests.support.stream import Stream

REMEMBERED = 300_000  # milliseconds for which SQS takes the same job for one
MOST_ROUNDS = 60  # until everything must have come to rest
_READS = frozenset(("GetItem", "Query", "BatchGetItem", "Scan"))


class _Unanswered(NamedTuple):
    """What a call raises that nobody answers: before it was done, or after."""

    before: Exception
    after: Exception


_UNANSWERED = {
    "table": _Unanswered(EndpointConnectionError(endpoint_url="dynamodb"), ReadTimeoutError(endpoint_url="dynamodb")),
    "Meta": _Unanswered(httpx.ConnectError("made up"), httpx.ReadTimeout("made up")),
    "outbox": _Unanswered(StoreUnavailable("made up"), StoreUnavailable("made up")),
}


class Died(BaseException):
    """The process is gone: nothing catches this."""


class Trouble(StrEnum):
    """What goes wrong at an effect."""

    DIES_BEFORE = "the process dies before it"
    DIES_AFTER = "the process dies after it"
    FAILS = "it is not done"
    LOST = "it is done, and nobody is told"


@dataclass(frozen=True)
class Effect:
    """`to` is table, Meta or outbox; `what` says more, for whoever reads a failure."""

    to: str
    what: str
    changes: bool


class Outbox(list[Job]):
    """The outbox as SQS keeps it: a job put there again within five minutes is the same one, and one that somebody
    else has done already may be taken off again."""

    def __init__(self, now: Callable[[], int], effect: Callable[[Effect, Callable[[], object]], object]) -> None:
        super().__init__()
        self._now, self._effect = now, effect
        self._seen: dict[str, int] = {}

    def append(self, job: Job) -> None:
        self.extend([job])

    def extend(self, jobs: Any) -> None:
        wanted = list(jobs)
        self._effect(Effect("outbox", f"{len(wanted)} jobs", changes=True), lambda: self._put(wanted))

    def remove(self, job: Job) -> None:
        if job in self:
            super().remove(job)

    def _put(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if self._now() - self._seen.get(job.id, -REMEMBERED) >= REMEMBERED:
                self._seen[job.id] = self._now()
                super().append(job)


class Effects:
    """Numbers the effects of a deployment, each of which takes a millisecond, and lets one of them go wrong."""

    def __init__(self, casement: Deployment) -> None:
        self.seen: list[Effect] = []
        self._casement = casement
        self._planned: int | None = None
        self._trouble: Trouble | None = None
        self._beside: Callable[[], object] | None = None
        self._afterwards: dict[int, BaseException] = {}
        self._under_way: list[int] = []  # a process that is overtaken has one that waits

    def plan(self, at: int, trouble: Trouble | None, beside: Callable[[], object] | None = None) -> None:
        """Let `trouble` come at the effect of that number; just before it, do `beside`, as another process would."""
        self._planned, self._trouble, self._beside = at, trouble, beside

    @property
    def still_planned(self) -> bool:
        """Whether what was planned has yet to come."""
        return self._planned is not None

    def forget(self) -> None:
        """Nothing goes wrong any more."""
        self._planned = None

    def happens(self, effect: Effect, do: Callable[[], object]) -> None:
        """Do something that is an effect."""
        self.before(effect)
        do()
        self.after()

    def before(self, effect: Effect) -> None:
        """An effect is about to happen."""
        self._casement.now += 1
        number = len(self.seen)
        self.seen.append(effect)
        if number == self._planned:
            self._planned = None
            self._go_wrong(number, effect)
        self._under_way.append(number)

    def after(self) -> None:
        """It has happened."""
        error = self._afterwards.pop(self._under_way.pop(), None)
        if error:
            raise error

    def _go_wrong(self, number: int, effect: Effect) -> None:
        if self._beside:
            self._beside()
        unanswered = _UNANSWERED[effect.to]
        match self._trouble:
            case Trouble.DIES_BEFORE:
                raise Died(effect.what)
            case Trouble.FAILS:
                raise unanswered.before
            case Trouble.DIES_AFTER:
                self._afterwards[number] = Died(effect.what)
            case Trouble.LOST:
                self._afterwards[number] = unanswered.after


@dataclass
class Asked:
    """A request to send as its caller knows it: what was asked, and every answer there was."""

    label: str
    body: Json
    idempotency_key: str | None
    at: int
    answers: list[Answer] = field(default_factory=list)
    asked: int = 0  # how often

    @property
    def ids(self) -> set[str]:
        """What Casement called it in its answers that are no refusal."""
        return {answer.ours["id"] for answer in self.answers if answer.status == 200}


class Stage:
    """A deployment and all around it. What follows from a story is found in the same way however it went on."""

    def __init__(self, casement: Deployment, *, keyed: bool = False) -> None:
        self.casement = casement
        self.keyed = keyed  # whether callers give idempotency keys
        self.effects = Effects(casement)
        self.asked: list[Asked] = []
        self.cancelled: set[str] = set()
        self._stream = Stream(self.casement.name, lambda: self.casement.now)
        self._reacting = False
        self._ids = count(1)
        casement.jobs = Outbox(lambda: casement.now, self.effects.happens)

    # --- processes ----------------------------------------------------------------------------------

    @contextmanager
    def process(self) -> Iterator[None]:
        """What happens inside may die; the world goes on."""
        try:
            yield
        except Died:
            return

    def send(
        self,
        label: str,
        when_closed: Any = None,
        *,
        to: str = ALICE,
        message: Mapping[str, Any] | None = None,
    ) -> Asked:
        """A caller asks for a message that says `label`."""
        body = {"messaging_product": "whatsapp", "to": to, **(message or text(label))}
        if when_closed is not None:
            body["casement"] = {"when_closed": when_closed}
        asked = Asked(label, body, f"key of {label}" if self.keyed else None, self.casement.now)
        self.asked.append(asked)
        self.ask(asked)
        return asked

    def ask(self, asked: Asked) -> None:
        """The caller asks, for the first time or again."""
        headers = {"authorization": f"Bearer {API_KEY}"}
        if asked.idempotency_key:
            headers["idempotency-key"] = asked.idempotency_key
        asked.asked += 1
        with self.process():
            asked.answers.append(self.casement.post(asked.body, headers=headers))

    def ask_again(self) -> None:
        """Every caller who has an idempotency key asks again, as long as it is remembered."""
        for asked in self.asked:
            if asked.idempotency_key and self.casement.now - asked.at < DAY - LEASE_MS:
                self.ask(asked)

    def cancel(self, asked: Asked) -> None:
        """Its owner takes a held message back."""
        for id_ in asked.ids:
            key = MessageKey.parse(id_)
            assert key is not None
            with self.process(), suppress(CasementError):
                cancel_hold(NUMBER, key, self.casement.pendings, self.casement.now)
                self.cancelled.add(asked.label)

    def wrote(self, contact: str = ALICE, *, ago: float = 0) -> None:
        """A customer writes, `ago` milliseconds back; Meta has yet to tell us."""
        self.casement.simulator.inbound(f"Hi {next(self._ids)}", sender=contact, ago=ago / 1000)

    def deliver(self) -> None:
        """Meta delivers what it has for us, and again what was not taken."""
        while self.casement.simulator.pending:
            with self.process():
                self.casement.simulator.deliver_pending()

    def react(self, *, times: int = 1) -> None:
        """The stream delivers; what nobody dealt with comes again, all of it."""
        if self._reacting:  # a shard has one reader
            return
        changes, self._reacting = list(self._stream.changes), True
        with self.process():
            try:
                for _ in range(times):
                    react(changes, self.casement.projections(), self.casement.outlook())
                del self._stream.changes[: len(changes)]
            except StoreUnavailable:
                pass
        self._reacting = False

    def work_off(self, *, contrary: bool = False) -> None:
        """The outbox gives out its jobs. Those of one conversation wait for the one before; one whose worker died comes
        again. With `contrary`, a job is given out twice, as SQS may where a worker was slow to take it off."""
        stuck: set[str] = set()
        for job in list(self.casement.jobs):
            if job.group in stuck or self.casement.now < self.casement.put_off.get(job.group, 0):
                continue
            with self.process():
                self.casement.do(job)
                if contrary and job not in self.casement.jobs:
                    self.casement.jobs.insert(0, job)
                    self.casement.do(job)
            if job in self.casement.jobs:
                stuck.add(job.group)

    def sweep(self) -> None:
        """The schedule comes round. Whatever it could not do, it does the next time."""
        with self.process():
            try:
                self.casement.sweep()
            except StoreUnavailable:
                return

    # --- until nothing happens any more -------------------------------------------------------------

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing that anybody still has to deal with."""
        return not (self._stream.changes or self.casement.jobs or self.casement.simulator.pending)

    def settle(self) -> None:
        """Deliver, react and work off until nothing is left. Time passes only where all that is left waits for it."""
        for _ in range(MOST_ROUNDS):
            self.deliver()
            self.react()
            self.work_off()
            if self.at_rest:
                return
            waits = [self.casement.put_off.get(job.group, 0) for job in self.casement.jobs]
            if not self._stream.changes and not self.casement.simulator.pending:
                self.casement.now = max(self.casement.now, int(min(waits, default=0)))
        raise AssertionError(f"never at rest: {self.casement.jobs}")

    def run_dry(self, *, writes: Sequence[str] = ()) -> None:
        """All that must still follow, by itself or because callers ask again: two minutes, then the customers
        `writes` write, then days."""
        self.settle()
        self.ask_again()
        self.casement.now += LEASE_MS + 1000
        self.settle()
        self.ask_again()
        self.settle()
        self.sweep()
        self.settle()
        for contact in writes:
            self.wrote(contact)
        self.settle()
        for days in (1, 7, 31):
            self.casement.now += LEASE_MS
            self.sweep()
            self.settle()
            self.casement.now += days * DAY
        self.sweep()
        self.settle()

    # --- what the hooks see -------------------------------------------------------------------------

    @contextmanager
    def watched(self) -> Iterator["Stage"]:
        """Inside, effects are numbered and the stream is kept."""
        events, wire = self.casement.client.meta.events, self.casement.wire
        hooks = (("before-call.dynamodb", self._before_call), ("after-call.dynamodb", self._after_call))
        for name, hook in hooks:
            events.register_first(name, hook)
        wire.before = lambda: self.effects.before(Effect("Meta", "a call to Meta", changes=True))
        wire.after = self.effects.after
        try:
            yield self
        finally:
            wire.before = wire.after = lambda: None
            for name, hook in hooks:
                events.unregister(name, hook)

    def _before_call(self, model: Any, context: Mapping[str, Any], **_: Any) -> None:
        what = f"{model.name} {_place(context['asked'])}"
        self.effects.before(Effect("table", what, changes=model.name not in _READS))

    def _after_call(self, context: Mapping[str, Any], http_response: Any, **_: Any) -> None:
        if http_response.status_code == 200:
            self._stream.saw(context["asked"])
        self.effects.after()


def _place(asked: Mapping[str, Any]) -> str:
    """The sort key that a call is about, as far as it is the same in every run."""
    if "ExpressionAttributeValues" in asked and ":first" in asked["ExpressionAttributeValues"]:
        return str(asked["ExpressionAttributeValues"][":first"]["S"][:2])
    item = asked.get("Item") or asked.get("Key")
    return str(item["SK"]["S"][:2]) if item else "some"


def text(label: str) -> Json:
    """A message that says `label`."""
    return {"type": "text", "text": {"body": label}}


def template(label: str) -> Json:
    """A Graph `template` object that says `label`."""
    body = {"type": "body", "parameters": [{"type": "text", "text": label}]}
    return {"name": "we_are_here", "language": {"code": "en_US"}, "components": [body]}
