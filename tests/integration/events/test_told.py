"""What a business's own back end is told: once for each thing that happened, in order, with ids and numbers that stay,
whatever dies on the way.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.deliveries import Delivery
from casement.domain.errors import StoreUnavailable
from casement.domain.subscription import Mode
from casement.store.journal import Journal
from casement.usecases.react import Change, react
from tests.support.crashes import Died, Effect, Effects, Trouble
from tests.support.deployment import (
    ALICE,
    BOB,
    HELLO,
    HELLO_WORLD,
    NUMBER,
    WABA,
    Deployment,
    Json,
    deployed,
)
from tests.support.effort import examples
from tests.support.memory import memory
from tests.support.tables import snapshot

DEDUPLICATED_MS = 300_000
BUT_WINDOWS = [f"{family}.*" for family in ("message", "send", "conversation", "flow", "contact", "template", "number")]


@pytest.fixture
def casement() -> Iterator[Deployment]:
    """A deployment on the fast engine, to whose events somebody has subscribed."""
    with deployed(memory()) as deployment:
        deployment.sync()
        deployment.react()  # templates, which nobody is told of
        deployment.subscribe(types=BUT_WINDOWS)
        yield deployment


class Queue(list[Delivery]):
    """The queue of deliveries as SQS keeps it: the same delivery within five minutes is one."""

    def __init__(self, casement: Deployment, effects: Effects | None = None) -> None:
        super().__init__()
        self._casement, self._effects = casement, effects
        self._seen: dict[tuple[str, str], int] = {}
        casement.told = self

    def extend(self, deliveries: Iterable[Delivery]) -> None:
        wanted = list(deliveries)
        if self._effects:
            what = Effect("outbox", f"{len(wanted)} deliveries", changes=True)
            self._effects.happens(what, lambda: self._put(wanted))
        else:
            self._put(wanted)

    def _put(self, wanted: Iterable[Delivery]) -> None:
        now = self._casement.now
        for each in wanted:
            name = (each.subscription, each.event)
            if now - self._seen.get(name, -DEDUPLICATED_MS) >= DEDUPLICATED_MS:
                self._seen[name] = now
                self.append(each)


def bodies(told: Iterable[Delivery], subscription: str = "sub_1") -> list[Json]:
    """What is POSTed to a subscriber."""
    return [json.loads(each.body or "") for each in told if each.subscription == subscription]


def types(told: Iterable[Delivery]) -> list[str]:
    return [each.type for each in told]


def statuses(told: Iterable[Delivery]) -> list[tuple[str, Any]]:
    """The statuses that were told, each with the callback data beside it."""
    return [
        (body["data"]["status"], body["data"].get("biz_opaque_callback_data"))
        for body in bodies(told)
        if body["type"] == "message.status"
    ]


def goes_on(casement: Deployment) -> None:
    casement.deliver()
    casement.catch_up()
    casement.deliver()
    casement.catch_up()


# --- what is told -----------------------------------------------------------------------------------


def test_a_conversation_is_told_in_order_under_one_name(casement):
    casement.wrote(ALICE, "Hi")
    casement.catch_up()
    sent = casement.send(ALICE, biz_opaque_callback_data="order 7")
    goes_on(casement)
    casement.simulator.read(sent.body["messages"][0]["id"])
    goes_on(casement)

    told = bodies(casement.told)
    assert [body["type"] for body in told] == ["message.received", *["message.status"] * 4]
    assert statuses(casement.told) == [(name, "order 7") for name in ("accepted", "sent", "delivered", "read")]
    assert {body["conversation_id"] for body in told} == {casement.conversation(ALICE)["id"]}
    assert {body["phone_number_id"] for body in told} == {NUMBER}
    first = told[0]["sequence"]
    assert [body["sequence"] - first for body in told] == [0, 1, 2, 3, 4]
    assert {body["data"]["send_id"] for body in told[1:]} == {sent.ours["id"]}
    assert {body["data"]["message_id"] for body in told[1:]} == {sent.body["messages"][0]["id"]}


def test_a_conversation_that_gets_another_name_goes_on_above(casement):
    casement.send(ALICE, HELLO_WORLD)
    casement.react()  # before Meta has said who that is
    casement.now += 5_000
    casement.wrote(ALICE, "Hi")
    goes_on(casement)

    told = bodies(casement.told)
    assert {body["conversation_id"] for body in told} == {ALICE, casement.conversation(ALICE)["id"]}
    sequences = [body["sequence"] for body in told]
    assert sequences == sorted(set(sequences))


def test_a_callers_own_data_is_given_back_in_metas_shape_too_and_ours_never(casement):
    casement.subscribe(mode=Mode.META, types=["messages"], id_="sub_meta")
    casement.wrote()
    casement.send(biz_opaque_callback_data="order 7")
    casement.send()
    goes_on(casement)

    shown = [
        status
        for body in bodies(casement.told, "sub_meta")
        for status in body["entry"][0]["changes"][0]["value"].get("statuses", [])
    ]
    assert Counter(status.get("biz_opaque_callback_data") for status in shown) == {"order 7": 2, None: 2}
    assert "csm1." not in json.dumps(bodies(casement.told, "sub_meta"))
    assert Counter(data for _, data in statuses(casement.told)) == {"order 7": 3, None: 3}


def test_what_waited_is_told_from_held_to_released(casement):
    held = casement.send(casement={"when_closed": "hold"}, biz_opaque_callback_data="order 7")
    casement.react()
    casement.wrote(ago=0)
    goes_on(casement)

    told = bodies(casement.told)
    assert [(body["type"], body["data"].get("status")) for body in told][:4] == [
        ("message.held", None),
        ("message.received", None),
        ("message.status", "accepted"),
        ("message.released", None),
    ]
    of = {body["type"]: body["data"] for body in told}
    assert of["message.held"]["send_id"] == held.ours["id"] == of["message.released"]["send_id"]
    tries = [body["data"] for body in told if body["type"] == "message.status"]
    assert {each["send_id"] for each in tries} == {of["message.released"]["released_as"]}
    assert {each["of"] for each in tries} == {held.ours["id"]}
    assert {each["biz_opaque_callback_data"] for each in (*tries, *of.values()) if each in tries} == {"order 7"}


def test_what_nobody_wants_costs_nothing(casement):
    casement.subscriptions.remove("sub_1")
    casement.subscribe(types=["template.*"])
    casement.wrote()
    casement.send()
    goes_on(casement)

    assert casement.told == []
    assert not [pk for pk, _ in snapshot(casement.client, casement.name) if pk.startswith("J#")]


def test_templates_and_numbers_are_told_of_with_what_they_belong_to(casement):
    template_id = next(iter(casement.templates.all(WABA))).template.id
    casement.simulator.review(template_id, "pause")
    casement.deliver()
    casement.sync()
    casement.simulator.fail_next("error", code=131031)
    casement.wrote()
    casement.send()
    casement.catch_up()

    told = {body["type"]: body for body in bodies(casement.told)}
    changed, stopped = told["template.status_changed"], told["number.health_changed"]
    assert (changed["waba_id"], changed["data"]["current"]) == (WABA, "PAUSED")
    assert (stopped["phone_number_id"], stopped["data"]["stopped_by"]) == (NUMBER, 131031)
    assert "conversation_id" not in stopped


def test_each_subscriber_gets_what_it_wants_in_its_own_shape(casement):
    casement.subscribe(types=["message.received"], id_="sub_2")
    casement.subscribe(mode=Mode.META, types=["messages"], id_="sub_meta")
    casement.wrote(ALICE, "Hi")
    casement.send()
    goes_on(casement)

    by = defaultdict(list)
    for each in casement.told:
        by[each.subscription].append(each.type)
    assert by == {
        "sub_1": ["message.received", *["message.status"] * 3],
        "sub_2": ["message.received"],
        "sub_meta": ["message.received", *["message.status"] * 2],  # what we learned ourselves, Meta never said
    }
    received = next(body for body in bodies(casement.told, "sub_meta"))
    assert received["entry"][0]["changes"][0]["value"]["messages"][0]["text"] == {"body": "Hi"}


def test_a_form_is_told_of_after_its_message_and_the_window_that_it_opened_too(casement):
    casement.subscriptions.remove("sub_1")
    casement.subscribe()
    answers = '{"email": "ana@example.com", "flow_token": "unused"}'
    form = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": answers}}
    casement.simulator.inbound(message={"type": "interactive", "interactive": form}, sender=ALICE)
    casement.deliver()
    casement.react()
    casement.react()  # what it wrote itself

    assert types(casement.told) == ["message.received", "flow.submitted", "window.opened"]
    received, submitted, opened = bodies(casement.told)
    assert submitted["data"]["message_id"] == received["data"]["message"]["id"]
    assert submitted["data"]["response_json"] == answers
    assert opened["data"]["window"]["opened_by"] == received["data"]["message"]["id"]


# --- whatever dies, and however the stream repeats itself ---------------------------------------------


def stream_of_a_day(casement: Deployment) -> list[Change]:
    """What the stream shows of a day in two conversations, one of which changes its name."""
    casement.send(ALICE, HELLO_WORLD, biz_opaque_callback_data="hello")
    casement.send(BOB, HELLO, casement={"when_closed": "hold"})
    casement.deliver()
    casement.now += 1_000
    casement.wrote(BOB, "Hi")
    casement.wrote(ALICE, "Hi")
    for job in {job.group: job for job in released_by(casement)}.values():
        casement.do(job)
    casement.send(ALICE, HELLO)
    casement.deliver()
    changes, casement.stream.changes = casement.stream.changes, []
    return changes


def released_by(casement: Deployment) -> list[Any]:
    """The jobs that what was stored gives, while nobody is told of it."""
    changes = list(casement.stream.changes)
    kept, casement.told = casement.told, []
    subscriptions = casement.subscriptions
    casement.subscriptions = type(subscriptions)(casement.table)
    casement.subscriptions.remove("sub_1")
    react(changes, casement.projections(), casement.outlook())
    casement.subscribe()
    casement.stream.changes = changes
    casement.told = kept
    return list(casement.jobs)


def check(casement: Deployment, told: Iterable[Delivery], expected: Iterable[str]) -> None:
    """Every event was told, under one number, and a conversation's in their order; and it was written down once."""
    numbers: dict[str, set[tuple[str, int]]] = defaultdict(set)
    by_scope: dict[str, list[int]] = defaultdict(list)
    for each in told:
        assert json.loads(each.body or "")["id"] == each.event
        numbers[each.event].add((each.scope, each.sequence))
        by_scope[each.scope].append(each.sequence)
    assert numbers.keys() == set(expected)
    assert {event: len(found) for event, found in numbers.items() if len(found) > 1} == {}
    for scope, sequences in by_scope.items():
        assert sequences == sorted(sequences), scope
        kept = [each.event.id for each in casement.journal.events(scope)]
        assert len(kept) == len(set(kept)) == sequences[-1] - sequences[0] + 1


@settings(max_examples=examples(25))
@given(st.randoms(use_true_random=False))
def test_a_stream_that_delivers_in_any_cut_and_any_part_again(random):
    with deployed(memory()) as casement:
        casement.subscribe()
        changes = stream_of_a_day(casement)
        expected = told_in_one(casement, changes)
        queue, casement.journal = Queue(casement), Journal(casement.table)
        forget_what_was_told(casement)
        start = 0
        while start < len(changes):
            end = start + random.randint(1, 8)
            for part in random.sample([changes[start : random.randint(start, end)]], random.randint(0, 1)):
                if random.random() < 0.5:
                    casement.journal = Journal(casement.table)  # another process
                react(part, casement.projections(), casement.outlook())
                casement.now += random.choice([0, 1_000, 70_000])
            react(changes[start:end], casement.projections(), casement.outlook())
            start = end if random.random() < 0.8 else max(0, start - random.randint(0, 5))

        check(casement, queue, expected)


def told_in_one(casement: Deployment, changes: list[Change]) -> set[str]:
    """The ids of all that is told where nothing goes wrong."""
    queue, casement.journal = Queue(casement), Journal(casement.table)
    react(changes, casement.projections(), casement.outlook())
    check(casement, queue, {each.event for each in queue})
    assert len(queue) > 10
    return {each.event for each in queue}


def forget_what_was_told(casement: Deployment) -> None:
    for pk, sk in snapshot(casement.client, casement.name):
        if pk.startswith("J#"):
            casement.client.delete_item(TableName=casement.name, Key={"PK": {"S": pk}, "SK": {"S": sk}})


def reacting(casement: Deployment, changes: list[Change]) -> Callable[[], None]:
    """The stream delivers three batches, each until it is dealt with, by a new process after one died."""

    def run() -> None:
        for start in range(0, len(changes), 1 + len(changes) // 3):
            while True:
                try:
                    react(changes[start : start + 1 + len(changes) // 3], casement.projections(), casement.outlook())
                    break
                except StoreUnavailable:
                    pass
                except Died:
                    casement.journal = Journal(casement.table)

    return run


@pytest.mark.parametrize("trouble", [*Trouble])
def test_whatever_dies_or_fails_at_any_effect_all_is_told_once(trouble):
    with deployed(memory()) as casement:
        casement.subscribe()
        changes = stream_of_a_day(casement)
        expected = told_in_one(casement, changes)
        number, planned = 0, True
        while planned:
            forget_what_was_told(casement)
            casement.journal, effects = Journal(casement.table), Effects(casement)
            queue = Queue(casement, effects)
            effects.plan(number, trouble)
            with watched(casement, effects):
                reacting(casement, changes)()
            planned, number = not effects.still_planned, number + 1

            check(casement, queue, expected)
    assert number > 30


@contextmanager
def watched(casement: Deployment, effects: Effects) -> Iterator[None]:
    """Inside, calls to the table are numbered."""

    def before(model: Any, **_: Any) -> None:
        effects.before(Effect("table", model.name, changes=True))

    def after(**_: Any) -> None:
        effects.after()

    events = casement.client.meta.events
    events.register_first("before-call.dynamodb", before)
    events.register_first("after-call.dynamodb", after)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", before)
        events.unregister("after-call.dynamodb", after)


class NoQueue(list[Delivery]):
    """A queue that whoever puts something there does not live to reach."""

    def extend(self, _deliveries: Iterable[Delivery]) -> None:
        raise Died


def test_what_one_died_over_is_told_before_what_another_tells_of_the_same_conversation(casement):
    casement.wrote(ALICE, "one")
    casement.told = NoQueue()
    with pytest.raises(Died):
        casement.react()
    queue, casement.journal = Queue(casement), Journal(casement.table)
    casement.now += 60_000
    casement.wrote(ALICE, "two")
    casement.react()

    assert [body["data"]["message"]["text"]["body"] for body in bodies(queue)] == ["one", "two"]
