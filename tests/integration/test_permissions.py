"""Every function's role allows exactly what the function does to table and outbox: too little fails only on AWS."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest
import yaml

from casement.domain.flow_token import FlowToken
from casement.domain.jobs import Job
from casement.domain.message_key import MessageKey
from casement.store.outbox import Outbox
from local.simulator.config import APP_SECRET
from local.stack.children import ROOT
from local.stack.template import CloudFormationLoader
from tests.support.deployment import ALICE, BOB, DAY, HELLO, HELLO_WORLD, HOUR, NUMBER, WABA, Deployment
from tests.support.flow_client import Client, private_key
from tests.support.memory import memory
from tests.support.post_office import MINUTE, OK, PostOffice, fails
from tests.support.template_desk import NEWS, delete, edit, made

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)  # noqa: S506 - a SafeLoader
BY_ANOTHER_NAME = {
    "contacts": [{"input": "6505550102", "wa_id": "16505550102"}],
    "messages": [{"id": "wamid.LEARNED", "message_status": "accepted"}],
}
AD = {"type": "text", "text": {"body": "Hi"}, "referral": {"source_type": "ad"}}
FORM = {
    "type": "interactive",
    "interactive": {
        "type": "nfm_reply",
        "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"email": "ana@example.org"}'},
    },
}
FALLBACK = {"when_closed": {"template": HELLO_WORLD["template"]}}
PUT_JOB, PUT_OFF = "sqs:SendMessage", "sqs:ChangeMessageVisibility"
OUTBOX = {"Fn::GetAtt": ["Outbox", "Arn"]}
TABLE = {"Fn::GetAtt": ["Table", "Arn"]}


def allowed(function: str) -> set[str]:
    """What a function's own role lets it do to items, by DynamoDB's names, and to the outbox, but for taking jobs off
    it, which Lambda does.
    """
    resources = TEMPLATE["Resources"]
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    granted = [(one["Resource"], action) for one in statements if one["Effect"] == "Allow" for action in one["Action"]]
    on_table = {action.removeprefix("dynamodb:") for resource, action in granted if resource == TABLE}
    return on_table | {action for resource, action in granted if resource == OUTBOX and action in (PUT_JOB, PUT_OFF)}


class Watched(list[Job]):
    """The jobs of an outbox, and what putting one there takes."""

    def __init__(self, jobs: Iterable[Job], seen: set[str]) -> None:
        super().__init__(jobs)
        self._seen = seen

    def append(self, job: Job) -> None:
        self._seen.add(PUT_JOB)
        super().append(job)

    def extend(self, jobs: Iterable[Job]) -> None:
        self._seen.add(PUT_JOB)
        super().extend(jobs)


@contextmanager
def operations(casement: Deployment) -> Iterator[set[str]]:
    """What is asked for inside, of the table and of the outbox."""
    seen: set[str] = set()

    def see(model: Any, **_: Any) -> None:
        seen.add(model.name)

    events = casement.client.meta.events
    events.register("before-call.dynamodb", see)
    casement.jobs, put_off = Watched(casement.jobs, seen), dict(casement.put_off)
    try:
        yield seen
    finally:
        events.unregister("before-call.dynamodb", see)
        casement.jobs = list(casement.jobs)
        if casement.put_off != put_off:
            seen.add(PUT_OFF)


@contextmanager
def as_soon_as_it_is_kept(casement: Deployment, happens: Any) -> Iterator[None]:
    """Let something happen right after a message that waits has been written."""
    name = "after-call.dynamodb.PutItem"

    def see(context: Mapping[str, Any], **_: Any) -> None:
        if context["asked"]["Item"]["SK"]["S"].startswith("H#"):
            events.unregister(name, see)
            happens()

    events = casement.client.meta.events
    events.register(name, see)
    try:
        yield
    finally:
        events.unregister(name, see)


def hold(casement: Deployment, to: str = ALICE, **more: Any) -> str:
    answer = casement.send(to, HELLO, casement={"when_closed": {"hold": more}})
    assert answer.body["messages"][0]["message_status"] == "held_for_customer", answer.body
    casement.now += 1
    key: str = answer.ours["id"]
    return key


def hand_off(casement: Deployment) -> None:
    assert casement.send(BOB, casement={"when_closed": "handoff"}).status == 200


def receive(casement: Deployment) -> None:
    casement.wrote("5511987654321", "one alone: a message, and the links between its sender's names")
    casement.wrote("5511987654321", "one alone: a message")
    for text in ("several", "in one"):
        casement.simulator.inbound(text, sender=ALICE)
    casement.simulator.webhooks.batch(2)
    casement.deliver()


def send(casement: Deployment) -> None:
    casement.send(message=HELLO_WORLD)
    casement.send("16505550000")  # refused, with remedies
    meta, casement.wire.meta = (
        casement.wire.meta,
        httpx.MockTransport(lambda _: httpx.Response(200, json=BY_ANOTHER_NAME)),
    )
    casement.send("6505550102", HELLO_WORLD)  # which is learned
    casement.wire.meta = meta
    hand_off(casement)
    hold(casement, BOB, supersede="eta")
    hold(casement, BOB, supersede="eta")
    for key in ("same", "same"):
        headers = {"authorization": "Bearer local-key", "idempotency-key": key}
        assert casement.post({"messaging_product": "whatsapp", "to": ALICE, **HELLO}, headers=headers).status == 200


def read(casement: Deployment) -> None:
    ours = next(one for one in casement.messages(None) if one["casement"]["direction"] == "outbound")
    (held,) = casement.get("/casement/v1/holds", phone_number_id=NUMBER, state="held").body["data"]
    for path in (
        "conversations",
        "conversations?needs_attention=true",
        f"conversations/{ALICE}",
        f"contacts/{ALICE}",
        "messages",
        f"messages?conversation_id={ALICE}",
        f"messages/{ours['casement']['id']}",
        f"messages/{ours['id']}",
        f"/casement/v1/holds/{held['id']}?phone_number_id={NUMBER}",
        f"/casement/v1/numbers/{NUMBER}",
        "/casement/v1/health",
    ):
        route, _, query = path.partition("?")
        answer = casement.get(route, **dict([query.split("=")] if query else []))
        assert answer.status == 200, (path, answer.body)


def manage_templates(casement: Deployment) -> None:
    template_id = made(casement)
    casement.simulator.review(template_id, "approve", notify=False)
    assert edit(casement, template_id, {"components": NEWS["components"][:1]}).status == 200
    for path in (
        f"/v25.0/{WABA}/message_templates?summary=total_count",
        f"/v25.0/{WABA}/message_templates?casement_refresh=true",
        f"/casement/v1/templates/news?waba_id={WABA}",
        f"/casement/v1/templates/find?phone_number_id={NUMBER}&contact={ALICE}",
    ):
        assert casement.change("GET", path).status == 200
    preview = {"phone_number_id": NUMBER, "contact": ALICE, "name": "hello_world", "language": "en_US"}
    assert casement.change("POST", "/casement/v1/templates/preview", preview).status == 200
    assert delete(casement, name="news").status == 200


def change(casement: Deployment, held: str) -> None:
    for method, path, body in (
        ("PATCH", f"conversations/{BOB}", {"needs_attention": False}),
        ("PATCH", f"conversations/{ALICE}", {"automations": "paused"}),
        ("PATCH", f"contacts/{ALICE}", {"language": "es", "consent": {"marketing": "stop"}, "tags": ["vip"]}),
        ("PUT", f"/casement/v1/numbers/{NUMBER}", {"purposes": {"re_engage": ["hello_world"]}}),
        ("DELETE", f"/casement/v1/holds/{held}?phone_number_id={NUMBER}", None),
    ):
        answer = casement.change(method, path, body)
        assert answer.status == 200, (path, answer.body)


def automate(casement: Deployment) -> None:
    path = f"/casement/v1/automations{{}}?phone_number_id={NUMBER}"
    for method, where, body in (
        ("PUT", "", {"answer": "Hello"}),
        ("PATCH", "/answer", {"enabled": False}),
        ("GET", "/answer", None),
        ("POST", "/dry_run", {"text": "Hi", "contact": ALICE}),
    ):
        answer = casement.change(method, path.format(where), body)
        assert answer.status == 200, (where, answer.body)


def pass_media(casement: Deployment) -> None:
    headers = {"authorization": "Bearer local-key"}
    upload = httpx.Request(
        "POST",
        "https://api.example",
        data={"messaging_product": "whatsapp", "type": "image/png"},
        files={"file": ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")},
    )
    answer = casement.request(
        "POST",
        f"/v25.0/{NUMBER}/media",
        headers={**headers, "content-type": upload.headers["content-type"]},
        body=upload.read(),
    )
    assert answer.status == 200, answer.body
    query = f"phone_number_id={NUMBER}"
    assert casement.request("GET", f"/v25.0/{answer.body['id']}", query=query, headers=headers).status == 200
    assert casement.request("DELETE", f"/v25.0/{answer.body['id']}", query=query, headers=headers).status == 200
    assert casement.request("GET", "/v25.0/999", query=query, headers=headers).code == 100  # nor any template's


def test_receive_webhook(casement):
    with operations(casement) as seen:
        receive(casement)

    assert seen == allowed("ReceiveWebhook")


def test_react(casement):
    casement.tells_of_windows = True
    casement.subscribe()
    hold(casement)
    casement.wrote()
    with operations(casement) as seen:
        casement.react()
    casement.send()  # whose statuses are told with the callback data of whoever asked for it
    receive(casement)
    casement.simulator.inbound(message=FORM, sender=ALICE)
    casement.deliver()
    with operations(casement) as seen_of_several:
        casement.react()

    assert seen | seen_of_several == allowed("React")


def test_send_message(casement):
    casement.sync()
    receive(casement)
    with operations(casement) as seen:
        send(casement)
    with as_soon_as_it_is_kept(casement, lambda: casement.wrote("16505550103")), operations(casement) as seen_at_once:
        hold(casement, "16505550103")  # whose window opens at this moment

    assert seen | ({PUT_JOB} & seen_at_once) == allowed("SendMessage")


def test_send_outbox(casement):
    casement.sync()
    casement.wrote(ago=HOUR)
    casement.simulator.fail_next("late", code=131047)
    casement.send(casement=FALLBACK)
    casement.deliver()  # Meta's late refusal, after which the template goes
    for words in ("first", "second"):
        hold(casement, BOB, supersede=words)
    casement.automate(budget=5, rules=[{"id": "answer", "when": "first_message", "then": [{"reply": "Hi"}]}])
    casement.wrote(BOB)
    casement.react()
    with operations(casement) as seen:
        casement.work_off()
    assert casement.jobs == []

    hold(casement, "16505550103")
    casement.wrote("16505550103")
    casement.react()
    casement.jobs = [job for job in casement.jobs if not job.automatic]
    casement.simulator.fail_next("error", code=131056)
    with operations(casement) as seen_while_it_waits:
        casement.work_off()

    casement.jobs, casement.put_off = [], {}
    casement.wrote("16505550104")
    casement.react()
    casement.simulator.fail_next("error", code=131056)
    with operations(casement) as seen_while_an_answer_waits:
        casement.work_off()

    assert seen | seen_while_it_waits | seen_while_an_answer_waits == allowed("SendOutbox")


def test_sweep_sends(casement):
    casement.sync()
    yesterdays = casement.send(message=HELLO_WORLD).body["messages"][0]["id"]
    casement.now += DAY
    casement.send(message=HELLO_WORLD)
    casement.simulator.read(yesterdays)
    casement.deliver()
    casement.react()  # there is something to count of two days
    casement.wrote(ago=HOUR)
    casement.simulator.fail_next("timeout_after")
    casement.send()
    casement.simulator.webhooks.clear()  # nobody ever says what became of it
    hold(casement, BOB, expires_in=3600)
    hold(casement, "16505550103")
    casement.now += DAY
    casement.wrote("16505550103")
    casement.now += HOUR  # and what followed was lost
    with operations(casement) as seen:
        swept = casement.sweep()

    assert (swept[0].expired, swept[0].jobs, swept[0].unresolved) == (1, 1, 1)
    assert seen == allowed("SweepSends")


def test_sweep_windows(casement):
    casement.tells_of_windows = True
    casement.sweep_windows()
    casement.wrote()
    casement.react()
    casement.now += DAY + HOUR
    with operations(casement) as seen:
        assert casement.sweep_windows() == 1

    assert seen == allowed("SweepWindows")


def test_sync_templates(casement):
    with operations(casement) as seen:
        casement.sync()
        casement.templates.sync_record(WABA)  # whose age the function measures

    assert seen == allowed("SyncTemplates")


def test_read_api(casement):
    casement.sync()
    receive(casement)
    casement.simulator.inbound(message=AD, sender=ALICE)
    casement.deliver()
    send(casement)
    casement.deliver()
    casement.now += 60_000  # so that the API key is looked up again
    casement.catch_up()
    with operations(casement) as seen:
        read(casement)

    assert seen == allowed("ReadApi")


def test_answer_flow(casement):
    casement.flow_keys = (private_key(),)
    casement.change("PUT", "/casement/v1/flows/123", {"screens": [{"screen": "SUCCESS"}]})
    token = FlowToken(NUMBER, MessageKey.new(ALICE, casement.now, 7), casement.now + DAY).signed(APP_SECRET)
    with operations(casement) as seen:
        assert Client(casement).ask({"action": "INIT", "flow_token": token})[0] == 200

    assert seen == allowed("AnswerFlow")


def test_write_api(casement):
    casement.sync()
    hand_off(casement)
    held = hold(casement)
    casement.now += 60_000
    with operations(casement) as seen:
        change(casement, held)

    assert seen == allowed("WriteApi")


def test_templates_api(casement):
    casement.now += 60_000
    with operations(casement) as seen:
        manage_templates(casement)

    assert seen == allowed("TemplatesApi")


def test_automations_api(casement):
    casement.wrote()
    casement.now += 60_000
    with operations(casement) as seen:
        automate(casement)

    assert seen == allowed("AutomationsApi")


def test_subscriptions_api(casement):
    casement.wrote()
    casement.now += 60_000
    with operations(casement) as seen:
        made = casement.change("POST", "/casement/v1/subscriptions", {"url": "https://bot.example/"}).body
        one = f"/casement/v1/subscriptions/{made['id']}"
        for method, path, body in (
            ("GET", "/casement/v1/subscriptions", None),
            ("PATCH", one, {"url": "https://other.example/"}),
            ("POST", f"{one}/pause", None),
            ("POST", f"{one}/resume", None),
            ("POST", f"{one}/test", None),
            ("GET", f"{one}/deliveries", None),
            ("GET", f"/casement/v1/events?phone_number_id={NUMBER}&conversation_id={ALICE}", None),
            ("DELETE", one, None),
        ):
            assert casement.change(method, path, body).status == 200, path

    assert seen == allowed("SubscriptionsApi")


def test_deliver_event():
    office = PostOffice(memory())
    seen: set[str] = set()
    _, server = office.subscribe(concurrency=1)
    office.happened()
    server.answer = lambda *_: fails(500)
    office.client.meta.events.register("before-call.dynamodb", lambda model, **_: seen.add(model.name))
    office.settle()  # it waits
    server.answer = lambda *_: OK
    office.pass_time(MINUTE)  # it waits no longer
    for _ in range(2):
        office.happened()
    office.settle()
    server.answer = lambda *_: fails(410)
    office.happened(large=True)
    office.settle()  # it is paused

    assert office.counted == ["SubscriptionPaused"]
    assert seen == allowed("DeliverEvent")


def test_pass_media(casement):
    with operations(casement) as seen:
        pass_media(casement)

    assert seen == allowed("PassMedia")


class Queue:
    """An SQS client that takes everything, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def send_message_batch(self, **_: Any) -> dict[str, Any]:
        self.asked.append(PUT_JOB)  # which is the permission for a batch as well
        return {}

    def change_message_visibility(self, **_: Any) -> None:
        self.asked.append(PUT_OFF)


@pytest.mark.parametrize("what", ["put", "put_off"])
def test_the_outbox_asks_of_sqs_what_roles_know_it_by(what):
    queue = Queue()
    outbox = Outbox(cast("SQSClient", queue), "https://sqs.example/outbox.fifo")

    if what == "put":
        outbox.put([Job(NUMBER, ALICE, why=str(number)) for number in range(2)])
    else:
        outbox.put_off("a receipt", 5)

    assert queue.asked == [{"put": PUT_JOB, "put_off": PUT_OFF}[what]]
