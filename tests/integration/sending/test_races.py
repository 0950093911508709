"""What must hold while callers, customers, workers and owners act at the very same moment: real threads on a server
engine, lined up at every step that each of them makes."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from casement.domain.jobs import Job
from casement.domain.message_key import MessageKey
from casement.domain.pending import State
from local.simulator.config import LOCAL_NUMBER
from local.simulator.errors import status_error
from local.simulator.inbound import messages_value
from local.simulator.webhooks import Webhook
from local.stack.aws import Aws
from tests.support.deployment import API_KEY, DAY, HELLO_WORLD, NUMBER, Answer, Deployment, Json, deployed
from tests.support.threads import NEVER, PATIENCE_S, Instance, Racer, clients, race, steps_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.exhaustive

MANY, FEW = 16, 3
RE_ENGAGEMENT = 131047
TEMPLATE = {"template": HELLO_WORLD["template"]}
NUDGING = {"hold": {"nudge": TEMPLATE}}


@pytest.fixture(scope="module")
def connections(aws: Aws) -> Iterator[list["DynamoDBClient"]]:
    with clients(aws.url, MANY) as made:
        yield made


@pytest.fixture
def casement(aws: Aws) -> Iterator[Deployment]:
    """A deployment on an engine that stands up to many writers, with its templates."""
    with deployed(aws.dynamodb) as deployment:
        deployment.sync()
        yield deployment


@pytest.fixture
def instances(casement: Deployment, connections: list["DynamoDBClient"]) -> Iterator[list[Instance]]:
    """As many instances of its functions as race, all of them warm: they know the API key and the number."""
    with ExitStack() as stack:
        made = [stack.enter_context(Instance(casement, client).watched()) for client in connections]
        for instance in made:
            instance.send(casement={"dry_run": True})
        yield made


@pytest.fixture
def customers() -> Iterator[str]:
    """People whom nobody knows yet."""
    return (f"1650555{number:04}" for number in count(1))


def send(instance: Instance, to: str, words: str = "Hello", when_closed: Any = "hold") -> Answer:
    return instance.send(to, {"type": "text", "text": {"body": words}}, casement={"when_closed": when_closed})


def hold(instance: Instance, to: str, words: str = "Hello", **more: Any) -> str:
    """Have a message held; its id."""
    answer = send(instance, to, words, {"hold": more})
    assert answer.status == 200, answer.body
    assert answer.body["messages"][0]["message_status"] == "held_for_customer", answer.body
    key: str = answer.ours["id"]
    instance.now += 1
    return key


def webhook_of(casement: Deployment, act: Callable[[], object]) -> Webhook:
    """The webhook that Meta has for us because of what `act` does."""
    casement.simulator.webhooks.clear()
    act()
    (webhook,) = casement.simulator.pending
    return webhook


def customer_writes(casement: Deployment, contact: str, **how: Any) -> Webhook:
    """A customer writes; the webhook that is yet to come."""
    return webhook_of(casement, lambda: casement.simulator.inbound("Hi", sender=contact, **how))


def take(instance: Instance, webhook: Webhook) -> None:
    """Receive a webhook, and react to what was stored of it."""
    answer = instance.request("POST", "/webhook", headers=webhook.headers, body=webhook.body)
    assert answer.status == 200
    instance.react()


def seen(casement: Deployment, contact: str) -> list[str]:
    """The texts and the names of templates that a customer has seen, in order."""
    of_them = [one for one in casement.simulator.sent if one.wa_id == contact and one.failed is None]
    return [one.text or one.body["template"]["name"] for one in of_them]


def key_of(id_: str) -> MessageKey:
    """The key that an id is."""
    key = MessageKey.parse(id_)
    assert key is not None
    return key


def state_of(casement: Deployment, key: MessageKey) -> State | None:
    """Where a message stands that waits or waited."""
    found = casement.pendings.find(NUMBER, key)
    return found.state if found else None


Stop = tuple[int, bool]
"""Before which step somebody stops, and whether they stand there until the other is done (see `Racer`)."""


def line_ups(steps: int, others: int, *, one_in: int = 1) -> list[tuple[Stop, Stop]]:
    """The ways to line up two racers of so many steps, so that they go on at once from any step of each (`one_in` of
    these ways), or that one does everything while the other stands at any step."""
    return [
        *(
            ((one, False), (other, False))
            for one in _stops(steps)
            for other in _stops(others)
            if not (one + other) % one_in
        ),
        *(((one, True), (1, False)) for one in _stops(steps)),
        *(((1, False), (other, True)) for other in _stops(others)),
    ]


def _stops(steps: int) -> range:
    """Before each of so many steps, and after all of them."""
    return range(1, steps + 2)


def overtaken(one: Instance) -> list[tuple[int, int]]:
    """Of two who do what `one` has just done: before which step one stands until the other is done, and before which
    the other stood until then. The other begins while one is anywhere, or goes on from anywhere while one calls Meta or
    after it is done."""
    begins = [(stands, 1) for stands in range(2, one.steps + 1, 4)]
    meanwhile = [(stands, comes) for stands in one.at_meta for comes in range(1, stands + 1)]
    afterwards = [(NEVER, comes) for comes in range(1, one.steps + 1, 3)]
    return begins + meanwhile + afterwards


def in_turn(racing: Sequence[Instance], do: Callable[[Instance], Any], stop: int) -> list[Any]:
    """Let half of them begin, and the other half as soon as those before have come to the step `stop`."""
    return race(*(Racer(one, do, (stop, 1)[place % 2]) for place, one in enumerate(racing)))


# --- a hold, and the customer who writes --------------------------------------------------------------


@pytest.mark.parametrize("shown", ["phone", "both", "user id"])
def test_a_hold_stored_as_the_customer_writes_is_released_by_whoever_comes_second(
    casement, instances, customers, shown
):
    """`shown` is what Meta's webhook shows of the customer; the hold is asked for by phone."""
    caller, receiver = instances[:2]
    released_by: Counter[tuple[str, ...]] = Counter()
    stranded = []

    def story() -> tuple[str, Webhook]:
        contact = next(customers)
        if shown == "user id":
            user_id = f"US.{contact}"
            take(receiver, customer_writes(casement, contact, user_id=user_id, ago=2 * DAY / 1000))
            return contact, customer_writes(casement, contact, user_id=user_id)
        return contact, customer_writes(casement, contact, **({"user_id": None} if shown == "phone" else {}))

    contact, webhook = story()
    to_hold = steps_of(caller, partial(send, to=contact))
    to_take = steps_of(receiver, partial(take, webhook=webhook))
    for hold_at, take_at in line_ups(to_hold, to_take, one_in=1 if shown == "phone" else 5):
        contact, webhook = story()
        caller.jobs.clear()
        receiver.jobs.clear()

        race(
            Racer(caller, partial(send, to=contact), *hold_at),
            Racer(receiver, partial(take, webhook=webhook), *take_at),
        )

        by = {"hold": caller.jobs, "react": receiver.jobs}
        released_by[tuple(name for name, jobs in by.items() if jobs)] += 1
        caller.work_off()
        receiver.work_off()
        if seen(casement, contact) != ["Hello"] or casement.pendings.of(NUMBER, [contact]):
            stranded.append((hold_at, take_at, seen(casement, contact)))

    assert stranded == []
    assert released_by[("hold",)] > 0
    assert released_by[("react",)] > 0


# --- one idempotency key ------------------------------------------------------------------------------

SAME = {
    "it goes out": (None, True, None),
    "it is refused": ("reject", False, None),
    "it is held": ("hold", False, None),
    "it is held, with a nudge": (NUDGING, False, None),
    "it is handed to a person": ("handoff", False, None),
    "a template goes in its place": (TEMPLATE, False, None),
    "a template goes once Meta has refused it": (TEMPLATE, True, RE_ENGAGEMENT),
    "it is held once Meta has refused it": ("hold", True, RE_ENGAGEMENT),
}


def with_key(contact: str, when_closed: Any = None) -> Callable[[Instance], Answer]:
    """Ask for one message to `contact`, always with the same idempotency key."""
    body: Json = {"messaging_product": "whatsapp", "to": contact, "type": "text", "text": {"body": "Hello"}}
    if when_closed:
        body["casement"] = {"when_closed": when_closed}
    headers = {"authorization": f"Bearer {API_KEY}", "idempotency-key": f"order of {contact}"}
    return lambda instance: instance.post(body, headers=headers)


@pytest.mark.parametrize(("when_closed", "is_open", "refusal"), SAME.values(), ids=SAME.keys())
def test_one_of_many_with_one_idempotency_key_is_done_and_all_get_its_answer(
    casement, instances, customers, when_closed, is_open, refusal
):
    """Every other one comes when those before have made so many steps; whoever comes too early asks again."""

    def story() -> tuple[str, Callable[[Instance], Answer]]:
        contact = next(customers)
        if is_open:
            take(instances[0], customer_writes(casement, contact, ago=60))
        if refusal:
            casement.simulator.fail_next("error", code=refusal)
        return contact, with_key(contact, when_closed)

    steps = steps_of(instances[0], story()[1])
    for stop in range(1, steps + 2, 1 + steps // 10):
        contact, ask = story()
        racing = instances if stop == 1 else instances[:FEW]

        answers = in_turn(racing, ask, stop)

        again = ask(instances[0])
        assert [answer for answer in answers if answer.status != 409 and answer != again] == []
        assert again in answers
        assert len([one for one in casement.simulator.sent if one.wa_id == contact]) <= 1


def test_one_of_many_who_ask_again_for_what_did_not_go_sends_it(casement, instances, customers):
    for stop in range(1, 8, 2):
        contact = next(customers)
        ask = with_key(contact)
        take(instances[0], customer_writes(casement, contact))
        casement.simulator.fail_next("rate_limit")
        assert ask(instances[0]).status == 429

        answers = in_turn(instances, ask, stop)

        again = ask(instances[0])
        assert (again.status, again.body["messages"][0]["id"]) == (200, casement.simulator.sent[-1].wamid)
        assert [answer for answer in answers if answer.status != 409 and answer != again] == []
        assert seen(casement, contact) == ["Hello"]


# --- a job that many workers have ---------------------------------------------------------------------


def held_and_released(instance: Instance, contact: str, *words: str) -> Job:
    """A conversation in which so many messages were held and the customer has written; the outbox's job."""
    for said in words:
        hold(instance, contact, said)
    take(instance, customer_writes(instance, contact))
    job = instance.jobs[-1]
    instance.jobs.clear()
    return job


def test_of_many_workers_with_one_job_one_sends_each_message_and_in_order(casement, instances, customers):
    words = ["one", "two", "three"]
    job = held_and_released(instances[0], next(customers), *words)
    for stop in range(1, steps_of(instances[0], partial(Instance.work, job=job)) + 2, 8):
        contact = next(customers)
        job = held_and_released(instances[0], contact, *words)

        in_turn(instances, partial(Instance.work, job=job), stop)

        assert instances[0].work(job) is None  # the job comes again, since some of them had to wait
        assert seen(casement, contact) == words
        assert casement.pendings.of(NUMBER, [contact]) == []


def test_a_worker_that_another_overtakes_sends_nothing_again_and_nothing_too_early(casement, instances, customers):
    one, other = instances[:2]
    words = ["one", "two"]
    job = held_and_released(one, next(customers), *words)
    steps_of(one, partial(Instance.work, job=job))
    for stands_at, comes_at in overtaken(one):
        contact = next(customers)
        job = held_and_released(one, contact, *words)
        work = partial(Instance.work, job=job)

        race(Racer(one, work, stands_at, stands=True), Racer(other, work, comes_at))

        assert one.work(job) is None
        assert seen(casement, contact) == words, (stands_at, comes_at)
        assert casement.pendings.of(NUMBER, [contact]) == []


# --- a send that Meta refuses -------------------------------------------------------------------------


def refused_late(instance: Instance, contact: str) -> Job:
    """A send that Meta took and refused afterwards; the outbox's job."""
    take(instance, customer_writes(instance, contact, ago=60))
    instance.simulator.fail_next("late", code=RE_ENGAGEMENT)
    take(instance, webhook_of(instance, lambda: send(instance, contact, when_closed=TEMPLATE)))
    job = instance.jobs[-1]
    instance.jobs.clear()
    assert job.send is not None
    return job


def test_many_who_follow_the_policy_of_one_refused_send_follow_it_once(casement, instances, customers):
    job = refused_late(instances[0], next(customers))
    for stop in range(1, steps_of(instances[0], partial(Instance.work, job=job)) + 2, 8):
        contact = next(customers)
        job = refused_late(instances[0], contact)

        in_turn(instances, partial(Instance.work, job=job), stop)

        assert instances[0].work(job) is None
        assert seen(casement, contact) == ["hello_world"]
        assert casement.pendings.of(NUMBER, [contact]) == []


def test_whoever_is_overtaken_in_following_a_policy_does_not_follow_it_again(casement, instances, customers):
    one, other = instances[:2]
    job = refused_late(one, next(customers))
    steps_of(one, partial(Instance.work, job=job))
    for stands_at, comes_at in overtaken(one):
        contact = next(customers)
        job = refused_late(one, contact)
        work = partial(Instance.work, job=job)

        race(Racer(one, work, stands_at, stands=True), Racer(other, work, comes_at))

        assert one.work(job) is None
        assert seen(casement, contact) == ["hello_world"], (stands_at, comes_at)
        assert casement.pendings.of(NUMBER, [contact]) == []


def test_a_refusal_that_comes_at_once_and_as_a_status_is_followed_once(casement, instances, customers):
    """Meta's status is here before its answer is, and the outbox does its job while the caller still waits."""
    caller, receiver, worker = instances[:3]
    told = threading.Event()

    def tell() -> None:
        """Between Meta's decision and its answer."""
        caller.wire.after = lambda: None
        key = key_of(json.loads(caller.wire.requests[-1].content)["biz_opaque_callback_data"])
        take(receiver, webhook_of(casement, lambda: refuse(casement, key)))
        told.set()

    def follow(instance: Instance) -> float | None:
        assert told.wait(PATIENCE_S)
        return instance.work(receiver.jobs[0])

    def story() -> str:
        contact: str = next(customers)
        take(receiver, customer_writes(casement, contact, ago=60))
        receiver.jobs.clear()
        told.clear()
        caller.wire.after = tell
        casement.simulator.fail_next("error", code=RE_ENGAGEMENT)
        return contact

    send_it = partial(send, when_closed=TEMPLATE)
    to_send = steps_of(caller, partial(send_it, to=story()))
    race(Racer(caller, partial(send_it, to=story()), NEVER), Racer(worker, follow, NEVER))
    (at_meta,), to_follow = caller.at_meta[:1], worker.steps
    for (step, stands), follow_at in line_ups(to_send - at_meta, to_follow, one_in=97)[::2]:
        contact = story()

        answer, _ = race(
            Racer(caller, partial(send_it, to=contact), at_meta + step, stands), Racer(worker, follow, *follow_at)
        )

        assert answer.status == 200
        worker.work(receiver.jobs[0])
        assert seen(casement, contact) == ["hello_world"], (step, stands, follow_at)


def refuse(casement: Deployment, key: MessageKey) -> None:
    """Meta tells by a status that it refused the send `key` for the window."""
    status = {
        "id": "wamid.refused",
        "status": "failed",
        "timestamp": str(casement.now // 1000),
        "recipient_id": key.contact,
        "biz_opaque_callback_data": str(key),
        "errors": [status_error(RE_ENGAGEMENT)],
    }
    casement.simulator.webhook("messages", messages_value(LOCAL_NUMBER, statuses=[status]))


# --- an owner who thinks better of it -----------------------------------------------------------------


def test_a_hold_is_cancelled_or_released_and_never_both_or_neither(casement, instances, customers):
    worker, owner = instances[:2]

    def story() -> tuple[str, str, Job]:
        contact = next(customers)
        job = held_and_released(worker, contact, "Hello")
        (pending,) = casement.pendings.of(NUMBER, [contact])
        return contact, str(pending.key), job

    def cancel(instance: Instance, key: str) -> Answer:
        return instance.change("DELETE", f"/casement/v1/holds/{key}?phone_number_id={NUMBER}")

    ends: Counter[tuple[int, tuple[str, ...]]] = Counter()
    to_work = steps_of(worker, partial(Instance.work, job=story()[2]))
    to_cancel = steps_of(owner, partial(cancel, key=story()[1]))
    for work_at, cancel_at in line_ups(to_work, to_cancel, one_in=5):
        contact, key, job = story()

        _, answer = race(
            Racer(worker, partial(Instance.work, job=job), *work_at), Racer(owner, partial(cancel, key=key), *cancel_at)
        )

        assert worker.work(job) is None
        ends[answer.status, tuple(seen(casement, contact))] += 1
        assert state_of(casement, key_of(key)) is (State.CANCELLED if answer.status == 200 else State.RELEASED)
    assert ends.keys() == {(200, ()), (409, ("Hello",)), (400, ("Hello",))}


# --- many holds of one conversation -------------------------------------------------------------------


def test_many_holds_at_once_nudge_once(casement, instances, customers):
    contact = next(customers)
    ask = partial(send, when_closed=NUDGING)
    for stop in range(1, steps_of(instances[0], partial(ask, to=contact)) + 2, 3):
        contact = next(customers)

        answers = in_turn(instances, partial(ask, to=contact), stop)

        assert {answer.body["messages"][0]["message_status"] for answer in answers} == {"held_for_customer"}
        assert seen(casement, contact) == ["hello_world"]
        assert sum("nudge" in answer.ours for answer in answers) == 1
        assert len(casement.pendings.of(NUMBER, [contact])) == len(instances)


def test_of_many_holds_with_one_key_at_once_the_newest_goes_out(casement, instances, customers):
    racing = instances[:8]

    def ask(instance: Instance, contact: str) -> Answer:
        words = str(instances.index(instance))
        return send(instance, contact, words, {"hold": {"supersede": "eta"}})

    for stop in range(1, steps_of(instances[0], partial(ask, contact=next(customers))) + 2):
        contact = next(customers)

        answers = in_turn(racing, partial(ask, contact=contact), stop)

        keys = [key_of(answer.ours["id"]) for answer in answers]
        newest = max(range(len(keys)), key=lambda place: keys[place].ulid)
        worker = instances[-1]
        worker.jobs.clear()
        take(worker, customer_writes(casement, contact))
        worker.work_off()
        assert seen(casement, contact) == [str(newest)]
        ends = [State.RELEASED if key == keys[newest] else State.SUPERSEDED for key in keys]
        assert [state_of(casement, key) for key in keys] == ends
