"""The model of a busy second: what is written on each key when one number sends a thousand messages.

Everything runs as it is deployed, on a DynamoDB that is a dictionary and adds up write units by partition key: what is
asked and what became of it, statuses, replies, all that react makes of them, the automations that answer, the journal,
and the log of deliveries to a subscriber who wants everything and whose endpoint is down.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any, TypeVar

from casement.domain.automations_document import automations_from
from casement.domain.deliveries import Became, Delivery, Waiting, told
from casement.domain.jobs import Job
from casement.domain.message_key import MessageKey
from casement.domain.sending import Outcome, Request
from casement.domain.subscription import new_subscription
from casement.domain.window import WindowRules
from casement.meta.webhook import split
from casement.store.backlog import Backlog
from casement.store.conversations import Conversations
from casement.store.delivery_log import DeliveryLog
from casement.store.event_changes import events_in
from casement.store.facts import Facts
from casement.store.flow_uses import FlowUses
from casement.store.journal import Journal
from casement.store.log import Log
from casement.store.messages import Messages
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.profiles import Profiles
from casement.store.sends import Sends
from casement.store.spending import Spending
from casement.store.standings import Standings
from casement.store.subscriptions import Subscriptions
from casement.store.table import Item, Table
from casement.store.template_changes import chapters_in
from casement.store.template_counts import TemplateCounts, steps_in
from casement.store.templates import Templates
from casement.usecases.automate import Desk
from casement.usecases.react import Change, Outlook, react
from casement.usecases.send_automatic import send_automatic
from casement.usecases.tell import Telling
from casement.usecases.tie_flow import FlowTokens
from casement.usecases.windows import Watch
from local.bench import Figure, webhooks
from local.bench.meter import WRITE_UNIT, size
from local.bench.units import DECIDED, NUMBER, RETENTION_DAYS, STREAM_BATCH, TEMPLATE_ID, projections, warm_engine
from tests.support.memory import memory

T = TypeVar("T")

SENDS, REPLIES = 1_000, 300
NOW = (webhooks.NOON_S + REPLIES) * 1000  # epoch ms: the replies' own times are a second apart, up to here
RULES = automations_from({"answer": "Thank you, {{contact.name|you}}! We are looking into it.", "budget": 1_000_000})
STREAMED = ("C#", "T#", "E#", "A#")  # partitions of which react hears, with a number's waiting messages


class _Second:
    """What was written, by partition key, and what the stream has not yet told of it."""

    def __init__(self) -> None:
        self.units: Counter[str] = Counter()
        self.stream: list[Change] = []
        self._last: dict[tuple[str, str], Item] = {}
        client = memory()
        client.create_table(TableName="modelled", KeySchema=[], AttributeDefinitions=[], BillingMode="PAY_PER_REQUEST")
        client.meta.events.register("before-call.dynamodb", self._count)
        self.table = Table(client, "modelled")
        self.jobs: list[Job] = []
        self.deliveries: list[Delivery] = []

    def _count(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        match model.name:
            case "PutItem":
                self._written(params["Item"])
            case "BatchWriteItem":
                for writes in params["RequestItems"].values():
                    for write in writes:
                        self._written(write["PutRequest"]["Item"])
            case "UpdateItem":
                self.units[params["Key"]["PK"]["S"]] += 1

    def _written(self, item: Item) -> None:
        pk, sk = item["PK"]["S"], item["SK"]["S"]
        self.units[pk] += ceil(size(item) / WRITE_UNIT)
        old = self._last.get((pk, sk))
        self._last[pk, sk] = item
        if item != old and (pk.startswith(STREAMED) or (pk.startswith("L#") and sk[:2] in ("H#", "h#", "A#"))):
            self.stream.append(Change(item, old, NOW))


def hottest_key() -> Figure:
    """A second of a thousand sends of a template on one number, with their three statuses each and 300 replies.

    Each goes to another customer, seen for the first time: the links between phone and BSUID are among the writes.
    """
    second = _Second()
    _send_and_hear(second)
    outlook = _outlook(second)
    engine, spending = warm_engine(second.table, NOW), Spending(second.table)
    while second.stream or second.jobs:
        changes, second.stream = second.stream, []
        for batch in _batches(changes, STREAM_BATCH):
            react(batch, projections(second.table), outlook)
        jobs, second.jobs = second.jobs, []
        for job in jobs:
            send_automatic(job, engine, spending, Sends(second.table, retention_days=RETENTION_DAYS))
    _deliver_in_vain(second)
    if second.units[f"N#{NUMBER}"] < REPLIES:
        raise RuntimeError("the automations did not answer")
    return Figure(
        "hottest_key_wcu_at_1000mps",
        max(second.units.values()),
        f"write units on the busiest key in a second of {SENDS:,} sends, {3 * SENDS:,} statuses and {REPLIES} replies "
        "that automations answer, a subscriber to everything down (model)",
        500,
    )


def _send_and_hear(second: _Second) -> None:
    facts = Facts(second.table, retention_days=RETENTION_DAYS)
    sends = Sends(second.table, retention_days=RETENTION_DAYS)
    dice = random.Random(20)  # noqa: S311 - a fixed sample, not a secret
    for index in range(SENDS):
        phone, contact = str(dice.randrange(10**10, 10**11)), f"US.{dice.randrange(10**19, 10**20)}"

        def theirs(body: bytes, phone: str = phone, contact: str = contact) -> bytes:
            named = body.replace(webhooks.PHONE.encode(), phone.encode())
            return named.replace(webhooks.USER_ID.encode(), contact.encode())

        key = MessageKey.new(contact, NOW + index, dice.getrandbits(80))
        request = Request({"to": contact, "type": "text", "text": {"body": "Your parcel is on its way."}})
        sends.ask(NUMBER, key, request, "campaign", DECIDED)
        sends.end(NUMBER, key, request, Outcome("accepted", NOW, wamid=f"wamid.{index}", template_id=TEMPLATE_ID))
        for name in ("sent", "delivered", "read"):
            facts.add(split(theirs(webhooks.status(name, key, NOW // 1000, TEMPLATE_ID))))
        if index < REPLIES:
            facts.add(split(theirs(webhooks.messages(1, first=index))))


def _outlook(second: _Second) -> Outlook:
    """What react takes, with everything switched on."""
    table, clock = second.table, lambda: NOW
    alias, standings = Conversations(table).alias, Standings(table, retention_days=RETENTION_DAYS)
    pendings, subscriptions = Pendings(table, retention_days=RETENTION_DAYS), Subscriptions(table)
    subscriptions.add(new_subscription({"url": "https://hooks.example"}, NOW, 1, b"s" * 32))
    return Outlook(
        alias,
        pendings,
        Messages(table),
        TemplateCounts(table, retention_days=RETENTION_DAYS),
        steps_in,
        Templates(table),
        chapters_in,
        second.jobs.extend,
        events_in,
        Telling(subscriptions, Journal(table), second.deliveries.extend, Log(table), clock),
        Numbers(table),
        Watch(alias, Messages(table), Log(table), standings, lambda _: WindowRules(), lambda *_: True, clock),
        Desk(lambda _: RULES, Profiles(table), Messages(table), pendings),
        clock,
        FlowTokens(lambda _: None, FlowUses(table)),
    )


def _deliver_in_vain(second: _Second) -> None:
    """Every event is tried, does not arrive, and waits: its line in the log, and its place in the backlog."""
    log, backlog = DeliveryLog(second.table), Backlog(second.table)
    for batch in _batches(list(_once(second.deliveries)), 10):
        log.add([told(delivery, Became.WAITING, NOW, 1) for delivery in batch])
        backlog.put([Waiting(delivery, NOW, NOW) for delivery in batch])


def _batches(all_of_them: Sequence[T], size_of_each: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(all_of_them), size_of_each):
        yield all_of_them[start : start + size_of_each]


def _once(deliveries: list[Delivery]) -> Iterator[Delivery]:
    """As the queue gives them: what it was given twice, once."""
    yield from {delivery.event: delivery for delivery in deliveries}.values()
