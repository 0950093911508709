"""Threads that race on one deployment, each an instance of the functions as Lambda has many: the same table and the
same Meta, everything else its own.

A race is lined up by what its racers do, never by time. A step is a call to the table or to Meta; each racer stops
before the one that it is told, until every other stands before its own or has nothing more to do. Then all go on at
once, or one of them stands until the others are done. So a test goes through the steps, and through pairs of them; a
step that is added tomorrow is covered without anybody thinking of it.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import httpx
from botocore.config import Config

from casement.domain.jobs import Job
from casement.meta.graph import TIMEOUT, Graph
from casement.store.api_keys import ApiKeys
from casement.store.contacts import Contacts
from casement.store.facts import Facts
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.sends import Sends
from casement.store.table import Table
from casement.store.templates import Templates
from functions.send_outbox import app as send_outbox
from local.stack.aws import ACCESS_KEY, REGION
from tests.support.deployment import Deployment, Wire
from tests.support.stream import Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PATIENCE_S = 20.0
NEVER = 1_000_000  # a step that nobody comes to: all is done before anybody else goes on


class Instance(Deployment):
    """One more instance of a deployment's functions, with a client, caches and jobs of its own. `steps` are how many it
    has made since the race began, `at_meta` which of them were calls to Meta."""

    def __init__(self, shared: Deployment, client: "DynamoDBClient") -> None:
        vars(self).update(vars(shared))  # the table's name, the simulator, the numbers, the routes
        self.shared, self.client, self.steps, self.jobs, self.put_off = shared, client, 0, [], {}
        self.wire = Wire(httpx.WSGITransport(app=self.simulator), before=self._before_meta)
        self.graph = Graph(
            httpx.Client(transport=self.wire, timeout=TIMEOUT), base_url="https://graph.example", version="v25.0"
        )
        self.table = Table(client, self.name, sleep=lambda _: None)
        self.templates, self.api_keys = Templates(self.table), ApiKeys(self.table)
        self.numbers_kept, self.contacts = Numbers(self.table), Contacts(self.table)
        self.pendings = Pendings(self.table, retention_days=365)
        self._facts, self.stream = Facts(self.table, retention_days=365), Stream(self.name, lambda: self.now)
        self.at_meta: list[int] = []
        self._stop, self._gates = 0, list[Gate]()

    @property
    def now(self) -> int:
        """There is one time for all."""
        return self.shared.now

    @now.setter
    def now(self, now: int) -> None:
        self.shared.now = now

    def work(self, job: Job) -> float | None:
        """Do a job of the outbox as a worker of its own; the seconds it wants to wait before it comes again."""
        record = {"body": job.dumps(), "attributes": {"ApproximateReceiveCount": "1"}}
        sends = Sends(self.table, retention_days=365)
        return send_outbox.work(
            record,
            secret=self.secret,
            engine=self.engine,
            spending=lambda: self.spending,
            claims=lambda: sends,
        )

    def line_up(self, stop: int, gates: Iterable["Gate"]) -> None:
        """From now on, steps are counted; before the one numbered `stop` (1 is the first), wait at each of `gates`."""
        self.steps, self.at_meta, self._stop, self._gates = 0, [], stop, list(gates)

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self._stop:
            while self._gates:
                self._gates.pop(0).come()

    def step_out(self) -> None:
        """Nobody needs to wait for this one any more."""
        for gate in self._gates:
            gate.pass_by()

    @contextmanager
    def watched(self) -> Iterator["Instance"]:
        """Inside, steps are counted, and what is stored is kept for `react`."""
        events = self.client.meta.events
        hooks = (
            ("provide-client-params.dynamodb", _remember),
            ("before-call.dynamodb", self._before_call),
            ("after-call.dynamodb", self.saw),
        )
        for name, hook in hooks:
            events.register(name, hook)
        try:
            yield self
        finally:
            for name, hook in hooks:
                events.unregister(name, hook)

    def _before_call(self, **_: Any) -> None:
        self._step()

    def _before_meta(self) -> None:
        self.at_meta.append(self.steps + 1)
        self._step()


def _remember(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["asked"] = params


class Gate:
    """Where racers wait until `missing` more of them have come, or have passed by."""

    def __init__(self, missing: int) -> None:
        self._missing = missing
        self._changed = threading.Condition()

    def pass_by(self) -> None:
        """One who does not wait."""
        with self._changed:
            self._missing -= 1
            self._changed.notify_all()

    def come(self) -> None:
        """One who waits for the others."""
        with self._changed:
            self.pass_by()
            if not self._changed.wait_for(lambda: self._missing <= 0, PATIENCE_S):
                raise AssertionError("not all racers came")


class Racer(NamedTuple):
    """Who does what, and before which of its steps it waits for the others; with `stands`, until they are done."""

    instance: Instance
    do: Callable[[Instance], Any]
    stop: int
    stands: bool = False


def race(*racers: Racer) -> list[Any]:
    """Let all of them run at once, a thread each; what each came to."""
    here, done = Gate(len(racers)), Gate(len(racers))
    for racer in racers:
        racer.instance.line_up(racer.stop, (here, done) if racer.stands else (here,))

    def run(racer: Racer) -> Any:
        try:
            return racer.do(racer.instance)
        finally:
            racer.instance.step_out()
            done.pass_by()

    with ThreadPoolExecutor(len(racers)) as pool:
        return list(pool.map(run, racers))


def steps_of(instance: Instance, do: Callable[[Instance], Any]) -> int:
    """How many steps something takes if nobody comes in between."""
    race(Racer(instance, do, NEVER))
    return instance.steps


@contextmanager
def clients(url: str, count: int) -> Iterator[list["DynamoDBClient"]]:
    """Clients for the engine at `url`, each with a connection of its own."""
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=ACCESS_KEY, region_name=REGION)
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=1, parameter_validation=False)
    made = [session.client("dynamodb", endpoint_url=url, config=config) for _ in range(count)]
    try:
        yield made
    finally:
        for client in made:
            client.close()
