"""DynamoDB units and calls of what Casement does, on a real engine (design section 6)."""

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from casement.domain.automations import Automations
from casement.domain.jobs import Job
from casement.domain.message_key import MessageKey
from casement.domain.number import Health, NumberSettings, NumberState
from casement.domain.pending import State
from casement.domain.policy import WhenClosed
from casement.domain.sending import Message
from casement.domain.subscription import Subscription
from casement.domain.templates import APPROVED, Held, Template
from casement.domain.window import DAY_MS, WindowRules
from casement.meta.webhook import split
from casement.runtime.graph_shape import shown
from casement.store.contacts import Contacts
from casement.store.conversations import Conversations
from casement.store.event_changes import events_in
from casement.store.facts import Facts
from casement.store.flow_submissions import submission_of
from casement.store.flow_uses import FlowUses
from casement.store.happenings import happening_in
from casement.store.journal import Journal
from casement.store.log import Log, entry_of
from casement.store.messages import Messages
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.profiles import Profiles
from casement.store.sends import Sends
from casement.store.standings import Standings
from casement.store.table import Item, Table
from casement.store.template_changes import chapters_in
from casement.store.template_counts import TemplateCounts, steps_in
from casement.store.templates import Templates
from casement.usecases.answers import HELD, Answer
from casement.usecases.automate import Desk
from casement.usecases.engine import Engine
from casement.usecases.once import Once
from casement.usecases.outbox import work_off
from casement.usecases.react import Change, Outlook, Projections, react
from casement.usecases.send_message import Asking, send_message
from casement.usecases.tell import Telling
from casement.usecases.tie_flow import FlowTokens
from casement.usecases.windows import Watch
from local.bench import Figure, syncing, webhooks
from local.bench.meter import Meter
from local.simulator import LOCAL_NUMBER
from local.simulator.config import APP_SECRET

NUMBER = LOCAL_NUMBER.phone_number_id
STREAM_BATCH = 100  # records, as template.yaml has it
TEMPLATE_ID = "900000000000001"
NOW = (webhooks.NOON_S + 3600) * 1000
CLOSED = NOW + 2 * DAY_MS  # when the window of the measured customer is
RETENTION_DAYS = 365

BODY = [{"type": "BODY", "text": "We have an answer for you."}]
TEMPLATE = Template(LOCAL_NUMBER.waba_id, "1", "answer", "en_US", APPROVED, "UTILITY", {"components": BODY})
POLICIES: Mapping[WhenClosed, Any] = {
    WhenClosed.REJECT: "reject",
    WhenClosed.TEMPLATE: {"template": {"name": TEMPLATE.name, "language": {"code": TEMPLATE.language}}},
    WhenClosed.HOLD: "hold",
    WhenClosed.HANDOFF: "handoff",
}
MOST_BY_POLICY = {WhenClosed.REJECT: 2, WhenClosed.TEMPLATE: 2, WhenClosed.HOLD: 3, WhenClosed.HANDOFF: 3}
DECIDED = {  # what is kept with every send
    "action": "send",
    "why": "The customer service window is open.",
    "window": "open",
    "opened_by": "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEwMDAwMDAwMDA=",
    "expires_at": NOW // 1000,
}

Images = dict[tuple[str, str], Item]


def measured(client: Any, plain: Any, like: str) -> list[Figure]:
    """Units and calls on a table like that one, through `client` (metered) and `plain` (not)."""
    name = _table_like(plain, like)
    meter, table = Meter(client, plain), Table(client, name)
    facts = Facts(table, retention_days=RETENTION_DAYS)
    facts.add(split(webhooks.messages(1)))  # the links, once for a warm environment
    engine = warm_engine(table, NOW)
    images = partial(_images, plain, name)
    return [
        *_ingesting(meter, table, facts, images),
        *_sending(meter, table, facts, engine, images),
        *_outside_of_the_window(meter, table, facts),
        syncing.unchanged(plain, name),
    ]


def _table_like(plain: Any, like: str) -> str:
    """A table with the same keys that nobody reacts to: the stack's own functions would release what is held here."""
    known = plain.describe_table(TableName=like)["Table"]
    name = f"{like}-bench"
    plain.create_table(
        TableName=name,
        KeySchema=known["KeySchema"],
        AttributeDefinitions=known["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def _ingesting(meter: Meter, table: Table, facts: Facts, images: Callable[[], Images]) -> list[Figure]:
    with meter.running() as hundred:
        facts.add(split(webhooks.messages(100, first=1)))
    with meter.running() as inbound:
        facts.add(split(webhooks.messages(1, first=1000)))
    key = MessageKey.new(webhooks.USER_ID, NOW, 1)
    with meter.running() as status:
        facts.add(split(webhooks.status("delivered", key, webhooks.NOON_S)))
    before = images()
    facts.add(split(webhooks.messages(1, first=2000)))
    with meter.running() as projection:
        _react(_new(before, images()), table)
    before = images()
    for index in range(STREAM_BATCH):
        of_template = MessageKey.new(webhooks.USER_ID, NOW + index, index)
        facts.add(split(webhooks.status("delivered", of_template, webhooks.NOON_S, TEMPLATE_ID)))
    told = _new(before, images())
    with meter.running() as counted:
        _react(told, table)
    return [
        Figure("webhook_calls_100", len(hundred.calls), "DynamoDB calls for one POST of 100 elements", 5),
        Figure("wcu_inbound", inbound.write_units, "write units of an inbound message, before react", 1),
        Figure(
            "wcu_inbound_with_projections",
            inbound.write_units + projection.write_units,
            "write units of an inbound message with what react writes",
            2,
        ),
        Figure("rcu_inbound_react", projection.read_units, "read units of what react does for it, of two aliases", 6),
        Figure("wcu_status", status.write_units, "write units of a status of ours", 1),
        Figure(
            "wcu_counted_100",
            counted.write_units,
            f"write units of counting a stream batch of {STREAM_BATCH} statuses of template messages",
            5,
        ),
    ]


def _sending(meter: Meter, table: Table, facts: Facts, engine: Engine, images: Callable[[], Images]) -> list[Figure]:
    with meter.running() as to_user_id:
        _send(engine, webhooks.USER_ID)
    with meter.running() as to_phone:
        _send(engine, webhooks.PHONE)
    with meter.running() as once:
        _send(engine, webhooks.USER_ID, once=Once("an API key's digest", "order-42", "the body's digest"))
    before = images()
    with meter.running() as life:
        sent = _key(_send(engine, webhooks.USER_ID))
        for name in ("sent", "delivered", "read"):
            facts.add(split(webhooks.status(name, sent, NOW // 1000 + 1)))
        _react(_new(before, images()), table)
    return [
        Figure("send_rcu", to_user_id.read_units, "read units of a free-form send to a BSUID", 1),
        Figure("send_rcu_by_phone", to_phone.read_units, "the same to a phone whose BSUID is known", 2),
        Figure("send_wcu", to_user_id.write_units, "write units of a free-form send", 2),
        Figure("send_wcu_idempotent", once.write_units, "write units of the same with an Idempotency-Key", 3),
        Figure(
            "lifecycle_wcu",
            life.write_units,
            "write units of a send with sent, delivered, read, projections included",
            5,
        ),
    ]


def _outside_of_the_window(meter: Meter, table: Table, facts: Facts) -> list[Figure]:
    """A free-form send under each policy, two days after the customer last wrote; then the customer writes again."""
    Templates(table).keep(Held(TEMPLATE, NOW))
    engine = warm_engine(table, CLOSED)
    answers: dict[WhenClosed, Answer] = {}
    figures = []
    for policy, value in POLICIES.items():
        with meter.running() as asked:
            answers[policy] = _send(engine, webhooks.USER_ID, when_closed=value)
        meaning = f"write units of a free-form send to a closed window with the policy {policy}"
        figures.append(Figure(f"send_policy_wcu_{policy}", asked.write_units, meaning, MOST_BY_POLICY[policy]))
    _must_have_followed(answers)
    held = _key(answers[WhenClosed.HOLD])
    facts.add(split(webhooks.messages(1, first=CLOSED // 1000 - webhooks.NOON_S)))
    with meter.running() as release:
        work_off(Job(NUMBER, held.contact), engine)
    ended = engine.pendings.find(NUMBER, held)
    if ended is None or ended.state is not State.RELEASED:
        raise RuntimeError("what was held was not released")
    meaning = "write units of releasing what was held, once the customer writes"
    return [*figures, Figure("send_policy_wcu_hold_released", release.write_units, meaning, 5)]


def _must_have_followed(answers: Mapping[WhenClosed, Answer]) -> None:
    """Whether what was measured is what each policy says."""
    status = {
        policy: (answer.body.get("messages") or [{}])[0].get("message_status") for policy, answer in answers.items()
    }
    followed = (
        answers[WhenClosed.REJECT].http == 400
        and "sent_instead" in answers[WhenClosed.TEMPLATE].body["casement"]
        and status[WhenClosed.HOLD] == HELD
        and status[WhenClosed.HANDOFF] == "handed_off"
    )
    if not followed:
        raise RuntimeError("a policy was not followed")


def warm_engine(table: Table, now: int) -> Engine:
    """What a send takes, where the number's settings are known, as half a minute long after each send; Meta is a
    function that says yes."""
    numbers, contacts = Numbers(table), Contacts(table)
    numbers.state(NUMBER, now)
    return Engine(
        number=NUMBER,
        waba_id=LOCAL_NUMBER.waba_id,
        token="",
        read_alias=Conversations(table).alias,
        templates=Templates(table),
        sends=Sends(table, retention_days=RETENTION_DAYS),
        log=Log(table),
        messages=Messages(table),
        pendings=Pendings(table, retention_days=RETENTION_DAYS),
        numbers=numbers,
        language=contacts.language,
        learn=lambda _: None,
        post=lambda _: {"messaging_product": "whatsapp", "messages": [{"id": "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI"}]},
        show=shown,
        enqueue=lambda _: None,
        count=lambda _: None,
        rules=WindowRules(),
        clock=lambda: now,
        randomness=partial(random.getrandbits, 80),
        app_secrets=lambda: (APP_SECRET,),
    )


def _send(engine: Engine, contact: str, *, when_closed: Any = None, once: Once | None = None) -> Answer:
    """A free-form send through the real use case."""
    text = {"messaging_product": "whatsapp", "to": contact, "type": "text", "text": {"body": "Yes, it is still there."}}
    asking = Asking(engine, "bench", engine.clock(), once)
    return send_message(Message(text, contact, "text", None, None, when_closed), asking)


def _key(answer: Answer) -> MessageKey:
    key = MessageKey.parse(answer.body["casement"]["id"])
    if key is None:
        raise RuntimeError("the send has no key")
    return key


class _Nobody:
    """No subscriber, which is remembered for five seconds."""

    def all(self, _now: int) -> list[Subscription]:
        return []


def _react(images: list[Item], table: Table) -> None:
    """All of what react does, its jobs apart."""
    pendings = Pendings(table, retention_days=RETENTION_DAYS)
    alias, standings = Conversations(table).alias, Standings(table, retention_days=RETENTION_DAYS)
    watch = Watch(alias, Messages(table), Log(table), standings, lambda _: WindowRules(), lambda *_: False, lambda: NOW)
    outlook = Outlook(
        alias,
        pendings,
        Messages(table),
        TemplateCounts(table, retention_days=RETENTION_DAYS),
        steps_in,
        Templates(table),
        chapters_in,
        lambda _: None,
        events_in,
        Telling(_Nobody(), Journal(table), lambda _: None, Log(table), lambda: NOW),
        Numbers(table),
        watch,
        Desk(lambda _: Automations(), Profiles(table), Messages(table), pendings),
        lambda: NOW,
        FlowTokens(lambda _: None, FlowUses(table)),
    )
    react([Change(image, None, NOW) for image in images], projections(table), outlook)


def projections(table: Table) -> Projections:
    """Where react writes, for a number whose settings are known and are the usual ones."""
    known = NumberState(NumberSettings(), Health())
    return Projections(
        entry_of, happening_in, Log(table), Contacts(table), lambda _: known, submission_of, Profiles(table)
    )


def _images(plain: Any, table_name: str) -> Images:
    pages = plain.get_paginator("scan").paginate(TableName=table_name)
    return {(item["PK"]["S"], item["SK"]["S"]): item for page in pages for item in page["Items"]}


def _new(before: Images, after: Images) -> list[Item]:
    return [item for key, item in after.items() if key not in before]
