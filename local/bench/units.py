"""DynamoDB units and calls of what Casement does, on a real engine (design section 6)."""

import random
from collections import Counter
from collections.abc import Mapping
from math import ceil
from typing import Any

from casement.domain.message_key import MessageKey
from casement.domain.sending import Message, Outcome, WhenClosed
from casement.domain.window import WindowRules
from casement.meta.webhook import split
from casement.store.conversations import Conversations
from casement.store.facts import Facts
from casement.store.log import Log, entry_of
from casement.store.sends import Sends
from casement.store.table import Item, Table
from casement.store.templates import Templates
from casement.usecases.react import react
from casement.usecases.send_message import From, send_message
from local.bench import Figure, webhooks
from local.bench.meter import WRITE_UNIT, Meter, size
from local.simulator import LOCAL_NUMBER

NUMBER = LOCAL_NUMBER.phone_number_id
NOW = (webhooks.NOON_S + 3600) * 1000
RETENTION_DAYS = 365


def measured(client: Any, plain: Any, table_name: str) -> list[Figure]:
    """Units and calls on the table of that name, through `client` (metered) and `plain` (not)."""
    meter = Meter(client, plain)
    table = Table(client, table_name)
    facts = Facts(table, retention_days=RETENTION_DAYS)
    facts.add(split(webhooks.messages(1)))  # the links, once for a warm environment

    with meter.running() as hundred:
        facts.add(split(webhooks.messages(100, first=1)))
    with meter.running() as inbound:
        facts.add(split(webhooks.messages(1, first=1000)))
    key = MessageKey.new(webhooks.USER_ID, NOW, 1)
    with meter.running() as status:
        facts.add(split(webhooks.status("delivered", key, webhooks.NOON_S)))
    before = _images(plain, table_name)
    facts.add(split(webhooks.messages(1, first=2000)))
    with meter.running() as projection:
        react(_new(before, _images(plain, table_name)), log=Log(table), entry_of=entry_of)

    with meter.running() as to_user_id:
        _send(table, webhooks.USER_ID)
    with meter.running() as to_phone:
        _send(table, webhooks.PHONE)
    before = _images(plain, table_name)
    with meter.running() as life:
        sent = _send(table, webhooks.USER_ID)
        for name in ("sent", "delivered", "read"):
            facts.add(split(webhooks.status(name, sent, NOW // 1000 + 1)))
        react(_new(before, _images(plain, table_name)), log=Log(table), entry_of=entry_of)
    return [
        Figure("webhook_calls_100", len(hundred.calls), "DynamoDB calls for one POST of 100 elements", 5),
        Figure("wcu_inbound", inbound.write_units, "write units of an inbound message, before react", 1),
        Figure(
            "wcu_inbound_with_projections",
            inbound.write_units + projection.write_units,
            "write units of an inbound message with what react writes",
            2,
        ),
        Figure("wcu_status", status.write_units, "write units of a status of ours (react writes nothing)", 1),
        Figure("send_rcu", to_user_id.read_units, "read units of a free-form send to a BSUID", 1),
        Figure("send_rcu_by_phone", to_phone.read_units, "the same to a phone whose BSUID is known", 2),
        Figure("send_wcu", to_user_id.write_units, "write units of a free-form send", 2),
        Figure(
            "lifecycle_wcu",
            life.write_units,
            "write units of a send with sent, delivered, read, projections included",
            5,
        ),
    ]


def _send(table: Table, contact: str) -> MessageKey:
    """A free-form send through the real use case; Meta is a function that says yes."""
    text = {"messaging_product": "whatsapp", "to": contact, "type": "text", "text": {"body": "Yes, it is still there."}}
    sent = send_message(
        Message(text, contact, "text", None, None, None),
        From(NUMBER, LOCAL_NUMBER.waba_id, "bench"),
        policy=WhenClosed.REJECT,
        read_alias=Conversations(table).alias,
        templates=Templates(table),
        sends=Sends(table, retention_days=RETENTION_DAYS),
        learn=lambda _: None,
        post=lambda _: {"messaging_product": "whatsapp", "messages": [{"id": "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI"}]},
        rules=WindowRules(),
        clock=lambda: NOW,
        began=NOW,
        randomness=random.getrandbits(80),
    )
    key = MessageKey.parse(sent.answer["casement"]["id"])
    if key is None:
        raise RuntimeError("the send has no key")
    return key


def _images(plain: Any, table_name: str) -> dict[tuple[str, str], Item]:
    pages = plain.get_paginator("scan").paginate(TableName=table_name)
    return {(item["PK"]["S"], item["SK"]["S"]): item for page in pages for item in page["Items"]}


def _new(before: Mapping[Any, Item], after: Mapping[Any, Item]) -> list[Item]:
    return [item for key, item in after.items() if key not in before]


class _Counting:
    """Stands for DynamoDB in the model of a busy second: adds up write units by partition key."""

    def __init__(self) -> None:
        self.units: Counter[str] = Counter()

    def put_item(self, *, Item: Item, **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's own name
        self.units[Item["PK"]["S"]] += ceil(size(Item) / WRITE_UNIT)
        return {}

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803
        for requests in RequestItems.values():
            for request in requests:
                self.put_item(Item=request["PutRequest"]["Item"])
        return {}


def hottest_key() -> Figure:
    """A second of 1,000 sends on one number, with their three statuses each and 300 replies, through the real keys.

    Each goes to another customer, seen for the first time: the links between phone and BSUID are among the writes.
    """
    counting = _Counting()
    table = Table(counting, "modelled")  # type: ignore[arg-type]
    facts, sends = Facts(table, retention_days=RETENTION_DAYS), Sends(table, retention_days=RETENTION_DAYS)
    dice = random.Random(20)  # noqa: S311 - a fixed sample, not a secret
    for index in range(1000):
        phone, contact = str(dice.randrange(10**10, 10**11)), f"US.{dice.randrange(10**19, 10**20)}"

        def theirs(body: bytes, phone: str = phone, contact: str = contact) -> bytes:
            named = body.replace(webhooks.PHONE.encode(), phone.encode())
            return named.replace(webhooks.USER_ID.encode(), contact.encode())

        key = MessageKey.new(contact, NOW + index, dice.getrandbits(80))
        request = {"body": {"to": contact, "type": "text", "text": {"body": "Your parcel is on its way."}}}
        sends.ask(NUMBER, key, request, "campaign")
        sends.end(NUMBER, key, request, Outcome("accepted", NOW, wamid=f"wamid.{index}"))
        for name in ("sent", "delivered", "read"):
            facts.add(split(theirs(webhooks.status(name, key, NOW // 1000))))
        if index < 300:
            _stored_and_seen(theirs(webhooks.messages(1, first=index)), table)
    return Figure(
        "hottest_key_wcu_at_1000mps",
        max(counting.units.values()),
        "write units on the busiest key in a second of 1,000 sends, 3,000 statuses and 300 replies (model)",
        500,
    )


def _stored_and_seen(body: bytes, table: Table) -> None:
    """A customer's answer, and what react makes of it."""
    stored: list[Item] = []

    class Kept:
        """Keeps what was stored, as the stream would."""

        def put_all(self, items: list[Item]) -> None:
            stored.extend(items)
            table.put_all(items)

    Facts(Kept(), retention_days=RETENTION_DAYS).add(split(body))  # type: ignore[arg-type]
    react(stored, log=Log(table), entry_of=entry_of)
