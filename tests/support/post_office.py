"""Deliveries from end to end in this process: the queue as SQS FIFO keeps it, the function that works on it, the
minutely look, subscribers that answer as a test says, and workers that die at any of their effects.

An effect is a call to the table, to the queue or to a subscriber. They are numbered as they happen, so a test counts
them in a run in which nothing goes wrong, and then goes through them one by one.
"""

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from casement.domain.deliveries import Answer, Delivery, Told
from casement.domain.events import Event, Numbered, event_id
from casement.domain.meta_shape import rendered
from casement.domain.subscription import Subscription, new_subscription
from casement.store.backlog import Backlog
from casement.store.deliveries import Deliveries
from casement.store.delivery_log import DeliveryLog
from casement.store.endpoints import Endpoints
from casement.store.subscriptions import Subscriptions
from casement.store.table import Table
from casement.usecases.deliver import DeliveryDesk
from casement.usecases.redeliver import Archive
from casement.usecases.tick_deliveries import tick_deliveries
from functions.deliver_event import app as deliver_event
from tests.support.tables import create_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOON = 1_795_000_000_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
HIDDEN_MS = 150_000  # the queue's visibility timeout
REMEMBERED_MS = 300_000  # for which SQS takes the same message for one
NUMBER, ALICE, BOB, CAROL = "1000", "16505550101", "16505550102", "16505550103"
OK = Answer(200, 5)


class Died(BaseException):
    """The worker is gone: nothing catches this."""


def fails(status: int | None = 500, *, retry_after: int | None = None) -> Answer:
    """A bad answer, or none."""
    return Answer(status, 5, f"It answered {status}." if status else "No answer within 10 s.", retry_after)


@dataclass
class Message:
    """A message of the queue, put there at `sent_at`; it is hidden until `visible_at`."""

    id: str
    group: str
    body: str
    sent_at: int
    visible_at: int = 0
    receives: int = 0


@dataclass
class Server:
    """A subscriber: what came, with the time, and what of it was taken, by event."""

    answer: Callable[[Delivery, int], Answer] = lambda _delivery, _now: OK
    got: list[tuple[int, Delivery]] = field(default_factory=list)
    taken: list[Delivery] = field(default_factory=list)

    def sequences(self, contact: str = ALICE) -> list[int]:
        """The numbers of a conversation's events, as each was first taken."""
        return list(dict.fromkeys(one.sequence for one in self.taken if one.scope == f"{NUMBER}#{contact}"))

    def tries(self, event: str) -> list[int]:
        """When an event came, in seconds since noon."""
        return [(at - NOON) // SECOND for at, one in self.got if one.event == event]


class PostOffice:
    """A test moves `now` (epoch milliseconds), or lets it pass."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.now = NOON
        self.client = client
        table = Table(client, create_table(client), sleep=lambda _: None)
        self.subscriptions, self.endpoints = Subscriptions(table), Endpoints(table)
        self.backlog, self.log = Backlog(table), DeliveryLog(table)
        self.queue = Deliveries(
            cast("Any", self), "deliveries.fifo", lambda id_: self.subscriptions.lanes(id_, self.now)
        )
        self.servers: dict[str, Server] = {}
        self.journal: dict[tuple[str, int], Event] = {}
        self.counted: list[str] = []
        self.messages: list[Message] = []
        self._seen: dict[str, int] = {}
        self._ids = itertools.count(1)
        self._sequences: dict[str, int] = {}
        self.let_go = threading.Event()  # a lane took its messages away before its batch was done
        self.effects = 0
        self.dies_at: int | None = None  # the effect at which the worker dies
        self.dies_after = False
        self._working = False
        self.desk = DeliveryDesk(
            self.subscriptions,
            self.endpoints,
            self.backlog,
            self.log,
            lambda subscription, delivery: self.archive.body_of(subscription, delivery),
            self._post,
            self.queue.tick,
            self.counted.append,
            lambda: self.now,
            24 * HOUR,
        )
        self.archive = Archive(self.log, cast("Any", self), self.queue)
        client.meta.events.register("before-call.dynamodb", lambda **_: self._before())
        client.meta.events.register("after-call.dynamodb", lambda **_: self._after())

    def delete_message_batch(self, *, Entries: Iterable[Mapping[str, str]], **_: Any) -> Mapping[str, Any]:  # noqa: N803
        """SQS: a message's handle is its id here."""
        gone = {entry["ReceiptHandle"] for entry in Entries}
        self.messages = [message for message in self.messages if message.id not in gone]
        self.let_go.set()
        return {}

    # --- what a test says ---------------------------------------------------------------------------

    def subscribe(self, server: Server | None = None, **given: Any) -> tuple[Subscription, Server]:
        """A new subscription, and the server that it goes to."""
        wanted = {"url": "https://bot.example/events", **given}
        made = new_subscription(wanted, self.now, next(self._ids), bytes(32))
        self.subscriptions.add(made)
        self.servers[made.id] = server or Server()
        return made, self.servers[made.id]

    def happened(self, contact: str = ALICE, *, large: bool = False, ahead: int = 0) -> list[Delivery]:
        """Something happened in a conversation: it is in the journal, and on the queue for whoever wants it. Its id may
        be of a time ahead."""
        number = next(self._ids)
        id_ = event_id("test", self.now + ahead, str(number))
        event = Event(id_, "message.received", self.now, {}, NUMBER, contact)
        sequence = self._sequences[event.scope] = self._sequences.get(event.scope, 0) + 1
        self.journal[(event.scope, sequence)] = event
        made = [
            Delivery(
                each.id,
                event.id,
                event.type,
                event.at,
                event.scope,
                sequence,
                None if large else rendered(Numbered(sequence, event), "events"),
            )
            for each in self.subscriptions.all(self.now)
            if each.wants(event)
        ]
        self.queue.put(made)
        return made

    def event(self, scope: str, sequence: int) -> Event | None:
        """The journal."""
        return self.journal.get((scope, sequence))

    # --- what goes on -------------------------------------------------------------------------------

    def work(self, *, most: int = 10, run: Executor | None = None) -> bool:
        """One run of the function over what the queue gives out, its lanes one after the other unless there are threads
        to `run` them; False if it gives nothing."""
        given = self._receive(most)
        if not given:
            return False
        records = [_record(message) for message in given]
        self._working = True
        try:
            failed = deliver_event.work_all(records, desk=self.desk, archive=self.archive, queue=self.queue, run=run)
        except Died:
            return True  # what it had comes again
        finally:
            self._working = False
        done = {message.id for message in given} - set(failed)
        self.messages = [message for message in self.messages if message.id not in done]
        return True

    def settle(self, *, most: int = 10) -> None:
        """Work until there is nothing to do at this moment."""
        for _ in range(10_000):
            if not self.work(most=most):
                return
        raise AssertionError("there is always more to do")

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, with all that happens in it: messages that become visible, and a look each minute."""
        end = self.now + milliseconds
        self.settle()
        while self.now < end:
            minute = (self.now // MINUTE + 1) * MINUTE
            waits = [message.visible_at for message in self.messages if message.visible_at > self.now]
            self.now = min([end, minute, *waits])
            if self.now == minute:
                self.look()
            self.settle()

    def look(self) -> int:
        """The minutely look."""
        return tick_deliveries(self.subscriptions, self.endpoints, self.queue.tick, self.now)

    def lines(self, subscription: Subscription) -> list[Told]:
        """The delivery log, oldest first."""
        return list(self.log.oldest(subscription.id, 0, self.now + 1))

    # --- the queue, as SQS ---------------------------------------------------------------------------

    def send_message_batch(self, *, QueueUrl: str, Entries: Iterable[Mapping[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl
        self._before()
        for entry in Entries:
            id_ = f"{entry['MessageGroupId']} {entry['MessageDeduplicationId']}"
            if self.now - self._seen.get(id_, -REMEMBERED_MS) >= REMEMBERED_MS:
                self._seen[id_] = self.now
                id_ = f"m{next(self._ids)}"
                self.messages.append(Message(id_, entry["MessageGroupId"], entry["MessageBody"], self.now))
        self._after()
        return {}

    def change_message_visibility(self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int) -> None:  # noqa: N803
        assert QueueUrl
        self._before()
        (message,) = (each for each in self.messages if each.id == ReceiptHandle)
        message.visible_at = self.now + VisibilityTimeout * SECOND
        self._after()

    def _receive(self, most: int) -> list[Message]:
        given: list[Message] = []
        busy = {message.group for message in self.messages if message.visible_at > self.now}
        for message in self.messages:
            if message.group not in busy and len(given) < most:
                given.append(message)
        for message in given:
            message.visible_at, message.receives = self.now + HIDDEN_MS, message.receives + 1
        return given

    # --- effects --------------------------------------------------------------------------------------

    def _post(self, subscription: Subscription, delivery: Delivery) -> Answer:
        self._before()
        server = self.servers[subscription.id]
        server.got.append((self.now, delivery))
        answer = server.answer(delivery, self.now)
        if answer.ok:
            server.taken.append(delivery)
        self._after()
        return answer

    def _before(self) -> None:
        if self._working:
            self.effects += 1
            if self.effects == self.dies_at and not self.dies_after:
                raise Died

    def _after(self) -> None:
        if self._working and self.effects == self.dies_at and self.dies_after:
            self.dies_at = None
            raise Died


def _record(message: Message) -> dict[str, Any]:
    attributes = {
        "MessageGroupId": message.group,
        "ApproximateReceiveCount": str(message.receives),
        "SentTimestamp": str(message.sent_at),
    }
    return {"messageId": message.id, "receiptHandle": message.id, "body": message.body, "attributes": attributes}
