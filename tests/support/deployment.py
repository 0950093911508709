"""All of Casement in this process, as one deployment: each function's own `respond` on real parts, an engine's table,
the simulator in Meta's place, and `template.yaml` deciding which request goes where. Time stands still until a test
moves it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import httpx
from botocore.exceptions import ClientError

from casement.domain.api_key import ApiKey, Scope, digest_of
from casement.domain.automations import Kind
from casement.domain.automations_document import automations_from
from casement.domain.deliveries import Delivery
from casement.domain.events import OF_WINDOWS
from casement.domain.flow_exchange import Ask
from casement.domain.flow_token import read_flow_token
from casement.domain.jobs import Job
from casement.domain.number import settings_from, token_digest
from casement.domain.subscription import Mode, Subscription, want_any
from casement.domain.window import WindowRules
from casement.meta.graph import TIMEOUT, Graph
from casement.meta.media import TIMEOUT as MEDIA_TIMEOUT
from casement.meta.media import Media
from casement.runtime.endpoint import endpoint
from casement.runtime.graph_shape import shown
from casement.runtime.http import Request, Response, request_from
from casement.runtime.secret import Number as SecretNumber
from casement.runtime.secret import Secret, SecretSource, read
from casement.store.api_keys import ApiKeys
from casement.store.automations import AutomationsOfNumbers
from casement.store.contacts import Contacts
from casement.store.conversations import Conversations
from casement.store.event_changes import events_in
from casement.store.facts import Facts
from casement.store.flow_submissions import submission_of
from casement.store.flow_uses import FlowUses
from casement.store.flows import Flows
from casement.store.happenings import happening_in
from casement.store.journal import Journal
from casement.store.log import Log, entry_of
from casement.store.messages import Messages
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.profiles import Profiles
from casement.store.sends import Sends
from casement.store.spending import Spending
from casement.store.standings import Standings
from casement.store.subscriptions import Subscriptions
from casement.store.table import Table
from casement.store.template_changes import chapters_in
from casement.store.template_counts import TemplateCounts, steps_in
from casement.store.templates import Templates
from casement.usecases.answer_flow import Answering
from casement.usecases.automate import Desk
from casement.usecases.engine import Engine
from casement.usecases.react import Outlook, Projections, react
from casement.usecases.read import MOST_READ, Reader
from casement.usecases.sweep import Swept
from casement.usecases.sync_templates import Synced
from casement.usecases.tell import Telling
from casement.usecases.tie_flow import FlowTokens
from casement.usecases.windows import Watch
from casement.webhooks.target import check_target
from functions.answer_flow import app as answer_flow
from functions.automations_api import app as automations_api
from functions.pass_media import app as pass_media
from functions.read_api import app as read_api
from functions.receive_webhook import app as receive_webhook
from functions.send_message import app as send_message
from functions.send_outbox import app as send_outbox
from functions.subscriptions_api import app as subscriptions_api
from functions.sweep_sends import app as sweep_sends
from functions.sweep_windows import app as sweep_windows
from functions.sync_templates import app as sync_templates
from functions.templates_api import app as templates_api
from functions.write_api import app as write_api
from functions.write_api import flows
from local.simulator import LOCAL_NUMBER, Simulator
from local.simulator.config import APP_SECRET, VERIFY_TOKEN, Number
from local.stack import http_event
from local.stack.routing import Router
from local.stack.template import load
from tests.support import event_schemas
from tests.support.stream import Stream
from tests.support.subscribers import Subscribers
from tests.support.tables import REGION, ROOT, create_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Json = dict[str, Any]

NOON = 1_795_000_000_000  # epoch milliseconds
HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
MARGIN = 60_000
RULES = WindowRules(MARGIN, 2 * HOUR)
API_KEY = "local-key"
NUMBER, WABA = LOCAL_NUMBER.phone_number_id, LOCAL_NUMBER.waba_id
OTHER_NUMBER = Number("100000000000002", "200000000000002", "+1 555-000-2000", "other-meta-token")
ALICE, BOB = "16505550101", "16505550102"
HELLO = {"type": "text", "text": {"body": "Hello"}}
HELLO_WORLD = {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}}


@dataclass(frozen=True)
class Answer:
    """What a caller got: HTTP status, and the body, parsed."""

    status: int
    body: Any

    @property
    def code(self) -> int:
        """The Graph error code of a refusal."""
        code: int = self.body["error"]["code"]
        return code

    @property
    def ours(self) -> Json:
        """What Casement adds: to an error, or to an answer."""
        found: Json = self.body["error"]["error_data"]["casement"] if "error" in self.body else self.body["casement"]
        return found


@dataclass
class Wire(httpx.BaseTransport):
    """The way to Meta: keeps what went over it, and lets a test step in on either side of a call."""

    meta: httpx.BaseTransport
    requests: list[httpx.Request] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.before()
        self.requests.append(request)
        answer = self.meta.handle_request(request)
        self.after()
        return answer


class Deployment:
    """One deployment. A test moves `now` (epoch milliseconds), which is Meta's time too."""

    def __init__(self, client: "DynamoDBClient", numbers: Iterable[Number]) -> None:
        self.now = NOON
        self.most_read = MOST_READ
        self.client = client
        self.name = create_table(client)
        self.numbers = tuple(numbers)
        self.app_secrets: tuple[str, ...] = (APP_SECRET,)
        self.simulator = Simulator(
            numbers=self.numbers, deliver=self._deliver, clock=lambda: self.now / 1000, rng=_random(7)
        )
        self.wire = Wire(httpx.WSGITransport(app=self.simulator))
        self.graph = Graph(
            httpx.Client(transport=self.wire, timeout=TIMEOUT), base_url="https://graph.example", version="v25.0"
        )
        self.media = Media(
            httpx.Client(transport=self.wire, timeout=MEDIA_TIMEOUT), base_url="https://graph.example", version="v25.0"
        )
        self.table = Table(client, self.name, sleep=lambda _: None)
        self.templates, self.api_keys = Templates(self.table), ApiKeys(self.table)
        self.numbers_kept, self.contacts = Numbers(self.table), Contacts(self.table)
        self.profiles, self.flows = Profiles(self.table), Flows(self.table)
        self.asks: Ask = lambda _backend, _question: None  # no back end answers, until a test has one
        self.flow_keys: tuple[str, ...] = ()
        self.automations = AutomationsOfNumbers(self.table)
        self.pendings = Pendings(self.table, retention_days=365)
        self.subscriptions, self.journal = Subscriptions(self.table), Journal(self.table)
        self.spending = Spending(self.table)
        self.subscribers = Subscribers()
        self.told: list[Delivery] = []  # the queue of what subscribers are to be told
        self.counted: list[str] = []
        self.tells_of_windows = False  # whether or not anybody has subscribed to them
        self.alarmed: list[str] = []  # metrics of what somebody should know of templates
        self.jobs: list[Job] = []  # the outbox
        self.put_off: dict[str, float] = {}  # groups of the outbox that wait, and until when (epoch milliseconds)
        self._facts = Facts(self.table, retention_days=365)
        self._rng = _random(11)
        self.stream = Stream(self.name, lambda: self.now)
        self._router = Router([(route, function.name) for function in _functions() for route in function.routes])
        self.add_key(API_KEY)

    # --- as callers see it --------------------------------------------------------------------------

    def request(
        self, method: str, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        """One HTTP request, through the routes of `template.yaml`."""
        raw = self.handle(method, path, query=query, headers=headers, body=body)
        try:
            return Answer(raw["statusCode"], json.loads(raw["body"]))
        except ValueError:
            return Answer(raw["statusCode"], raw["body"])

    def handle(
        self, method: str, path: str, *, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Json:
        """The same, answered with what the function returned to API Gateway."""
        match = self._router.match(method, path)
        assert match is not None
        given = {"content-type": "application/json", "host": "api.example", **(headers or {})}
        request = http_event.Request(
            method,
            path,
            query,
            tuple((name.lower(), value) for name, value in given.items()),
            body,
            "1.2.3.4",
            "api.example",
        )
        event = http_event.event_of(
            request,
            route_key=match.route.key,
            path_parameters=match.path_parameters,
            request_id="r-1",
            now=datetime.fromtimestamp(self.now / 1000, UTC),
        )
        if match.target == "ReceiveWebhook":
            return self._receive(request_from(event)).to_event()
        if match.target == "AnswerFlow":
            return self._answer_flow(request_from(event)).to_event()
        respond = {
            "SendMessage": self._send,
            "ReadApi": self._read,
            "WriteApi": self._write,
            "TemplatesApi": self._manage_templates,
            "PassMedia": self._pass_media,
            "AutomationsApi": self._automate,
            "SubscriptionsApi": self._subscribe,
        }[match.target]
        return endpoint(respond)(event, None)

    def send(self, to: str | None = ALICE, message: Mapping[str, Any] = HELLO, **more: Any) -> Answer:
        """`POST /messages`. `more` goes into the body."""
        body = {"messaging_product": "whatsapp", **({"to": to} if to else {}), **message, **more}
        return self.post(body)

    def post(
        self, body: Any, *, number: str = NUMBER, key: str = API_KEY, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """`POST /messages` with any body: bytes, or something to write as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        authorization = {"authorization": f"Bearer {key}"} if headers is None else headers
        return self.request("POST", f"/v25.0/{number}/messages", headers=authorization, body=content)

    def get(self, path: str, *, number: str = NUMBER, key: str = API_KEY, **query: Any) -> Answer:
        """`GET` of a path below a number (or WABA), once `react` has caught up."""
        self.catch_up()
        asked = urlencode({name: str(value) for name, value in query.items()})
        where = path if path.startswith("/") else f"/v25.0/{number}/{path}"
        return self.request("GET", where, query=asked, headers={"authorization": f"Bearer {key}"})

    def change(self, method: str, path: str, body: Any = None, *, number: str = NUMBER, key: str = API_KEY) -> Answer:
        """`PATCH`, `PUT` or `DELETE` of a path below a number, or of a whole one."""
        where, _, query = (path if path.startswith("/") else f"/v25.0/{number}/{path}").partition("?")
        content = json.dumps(body).encode() if body is not None else b""
        return self.request(method, where, query=query, headers={"authorization": f"Bearer {key}"}, body=content)

    def conversation(self, contact: str = ALICE, *, number: str = NUMBER) -> Json:
        """A conversation that there is."""
        answer = self.get(f"conversations/{quote(contact, safe='')}", number=number)
        assert answer.status == 200, answer.body
        found: Json = answer.body
        return found

    def window(self, contact: str = ALICE, *, number: str = NUMBER) -> Json:
        """The window of a conversation that there is."""
        found: Json = self.conversation(contact, number=number)["casement"]["window"]
        return found

    def messages(self, contact: str | None = ALICE, **query: Any) -> list[Json]:
        """Messages, newest first: of a contact, or of the number."""
        named = {"conversation_id": contact} if contact else {}
        answer = self.get("messages", **named, **query)
        assert answer.status == 200, answer.body
        found: list[Json] = answer.body["data"]
        return found

    def pages(self, path: str, *, number: str = NUMBER, **query: Any) -> Iterator[list[Json]]:
        """All pages of a listing, by cursor."""
        after: dict[str, str] = {}
        for _ in range(500):
            answer = self.get(path, number=number, **query, **after)
            assert answer.status == 200, answer.body
            yield answer.body["data"]
            paging = answer.body.get("paging", {})
            if not paging.get("next"):
                return
            after = {"after": paging["cursors"]["after"]}
        raise AssertionError("the listing has no end")

    # --- what happens beside ------------------------------------------------------------------------

    def add_key(self, key: str, scopes: Iterable[Scope] = Scope, **about: Any) -> ApiKey:
        """Keep an API key, of which only the digest is stored."""
        kept = ApiKey(digest_of(key), key, frozenset(scopes), created_at=self.now, **about)
        self.api_keys.put(kept)
        return kept

    def wrote(self, contact: str = ALICE, text: str = "Hi", *, ago: float = 0.0, **more: Any) -> str:
        """A customer writes, `ago` milliseconds back, and Meta tells us; the wamid."""
        wamid = self.simulator.inbound(text, sender=contact, ago=ago / 1000, **more)
        self.deliver()
        return wamid

    def deliver(self, *, newest_first: bool = False) -> None:
        """Hand over every webhook that Meta has for us; with `newest_first`, in that order and then once more."""
        for webhook in reversed(self.simulator.pending if newest_first else []):
            assert self._deliver(webhook.body, webhook.headers) == 200
        while self.simulator.pending:
            assert set(self.simulator.deliver_pending()) == {200}

    def catch_up(self) -> None:
        """Let `react` see everything stored since it last looked, as the stream would, and the outbox its jobs."""
        self.react()
        self.work_off()

    def react(self, *, times: int = 1) -> None:
        """Let `react` see everything stored since it last looked; `times` times over, as a stream may."""
        changes, self.stream.changes = self.stream.changes, []
        for change in changes:  # whether or not anybody wants to know
            for event in events_in(*change):
                event_schemas.check(event.body(1))
        for _ in range(times):
            self.alarmed += react(changes, self.projections(), self.outlook()).alarms

    def outlook(self) -> Outlook:
        """Where `react` looks, and where its jobs go."""
        alias = Conversations(self.table).alias
        messages, counts = Messages(self.table), TemplateCounts(self.table, retention_days=365)
        return Outlook(
            alias,
            self.pendings,
            messages,
            counts,
            steps_in,
            self.templates,
            chapters_in,
            self.jobs.extend,
            events_in,
            self.telling(),
            self.numbers_kept,
            self.watch(),
            Desk(lambda number: self.automations.state(number, self.now), self.profiles, messages, self.pendings),
            lambda: self.now,
            FlowTokens(lambda given: read_flow_token(self.app_secrets, given), FlowUses(self.table)),
        )

    def watch(self) -> Watch:
        """What it takes to tell of windows."""
        return Watch(
            Conversations(self.table).alias,
            Messages(self.table),
            Log(self.table),
            Standings(self.table, retention_days=365),
            self._rules,
            self._wants_windows,
            lambda: self.now,
        )

    def sweep_windows(self) -> int:
        """`sweep_windows`, on its schedule."""
        standings = Standings(self.table, retention_days=365)
        return sweep_windows.sweep_all(self.secret(), watch=self.watch(), standings=standings, clock=lambda: self.now)

    def _wants_windows(self, number: str, waba_id: str) -> bool:
        known = self.subscriptions.all(self.now)
        closing = self.automations.state(number, self.now).follow(Kind.WINDOW_CLOSING)
        return self.tells_of_windows or closing or want_any(OF_WINDOWS, number, waba_id, self.now, known)

    def _rules(self, number: str) -> WindowRules:
        return self.numbers_kept.state(number, self.now).settings.rules(RULES)

    def telling(self) -> Telling:
        """What telling subscribers takes."""
        return Telling(self.subscriptions, self.journal, self._tell, Log(self.table), lambda: self.now)

    def _tell(self, deliveries: Iterable[Delivery]) -> None:
        told = list(deliveries)
        for body in (json.loads(each.body) for each in told if each.body):
            if "type" in body:  # and not in Meta's shape
                event_schemas.check(body)
        self.told.extend(told)

    def automate(self, number: str = NUMBER, **document: Any) -> None:
        """What the owner of a number wants to follow by itself."""
        was = self.automations.fresh(number).version
        assert self.automations.replace(number, automations_from(document), was)

    def subscribe(self, *, mode: Mode = Mode.EVENTS, types: Iterable[str] = ("*",), id_: str = "sub_1") -> Subscription:
        """Somebody wants to know."""
        made = Subscription(id_, "https://hooks.example", mode=mode, types=tuple(types))
        self.subscriptions.add(made)
        return made

    def work_off(self) -> None:
        """Do the outbox's jobs that need not wait: of a conversation one after the other, as its queue gives them."""
        for job in list(self.jobs):
            if self.now >= self.put_off.get(job.group, 0):
                self.do(job)

    def do(self, job: Job) -> None:
        """Do one job of the outbox."""
        record = {"body": job.dumps(), "attributes": {"ApproximateReceiveCount": "1"}}
        wait = send_outbox.work(
            record,
            secret=self.secret,
            engine=self.engine,
            spending=lambda: self.spending,
            claims=lambda: Sends(self.table, retention_days=365),
        )
        if wait is None:
            self.jobs.remove(job)
        else:
            self.put_off[job.group] = self.now + wait * 1000

    def sweep(self) -> list[Swept]:
        """`sweep_sends`, on its schedule."""
        counts = TemplateCounts(self.table, retention_days=365)
        swept = sweep_sends.sweep_all(
            self.secret(),
            engine=self.engine,
            graph=self.graph,
            log=Log(self.table),
            messages=Messages(self.table),
            sends=Sends(self.table, retention_days=365),
            pendings=self.pendings,
            counts=counts,
            clock=lambda: self.now,
        )
        sweep_sends.look_at_templates(self.secret(), counts=counts, templates=self.templates, now=self.now)
        return swept

    def projections(self) -> Projections:
        """What is written because of facts."""
        state_of = partial(self.numbers_kept.state, now=self.now)
        return Projections(
            entry_of, happening_in, Log(self.table), self.contacts, state_of, submission_of, self.profiles
        )

    def engine(self, number: SecretNumber) -> Engine:
        """What sending takes."""
        return Engine(
            number.number,
            number.waba_id,
            token_digest(number.token),
            Conversations(self.table).alias,
            self.templates,
            Sends(self.table, retention_days=365),
            Log(self.table),
            Messages(self.table),
            self.pendings,
            self.numbers_kept,
            self.contacts.language,
            lambda link: self._facts.add([link]),
            lambda body: self.graph.post_message(number.number, number.token, body),
            shown,
            self.jobs.append,
            self.counted.append,
            RULES,
            lambda: self.now,
            partial(self._rng.getrandbits, 80),
            lambda: self.secret().app_secrets,
        )

    @contextmanager
    def stepping_in(self, operation: str, do: Callable[[Json], object]) -> Iterator[None]:
        """Inside, do something before each call to DynamoDB of that name, given what it asks."""
        events, name = self.client.meta.events, f"provide-client-params.dynamodb.{operation}"

        def step_in(params: Json, **_: Any) -> None:
            do(params)

        events.register(name, step_in)
        try:
            yield
        finally:
            events.unregister(name, step_in)

    @contextmanager
    def slow(self, operation: str, seconds: float) -> Iterator[None]:
        """Inside, DynamoDB takes its time over every call of that name."""
        with self.stepping_in(operation, lambda _: setattr(self, "now", self.now + round(seconds * 1000))):
            yield

    def set_number(self, number: str = NUMBER, **settings: Any) -> None:
        """What the owner of a number sets."""
        self.numbers_kept.set(number, settings_from(settings))

    def saw(self, context: Mapping[str, Any], http_response: Any, **_: Any) -> None:
        """What the table's stream would show of a call that was answered."""
        if http_response.status_code == 200:
            self.stream.saw(context["asked"])

    def sync(self) -> list[Synced]:
        """`sync_templates`, on its schedule."""
        return sync_templates.sync_all(self.secret(), templates=self.templates, graph=self.graph, now=self.now)

    def secret(self) -> Secret:
        """The one secret."""
        return read(self._secret_text())

    # --- the functions ------------------------------------------------------------------------------

    def _send(self, request: Request) -> Response:
        return send_message.respond(
            request,
            api_keys=self.api_keys,
            secret=self.secret,
            graph=self.graph,
            engine=self.engine,
            clock=lambda: self.now,
        )

    def _read(self, request: Request) -> Response:
        return read_api.respond(
            request,
            api_keys=self.api_keys,
            reader=self.reader,
            own=read_api.Own(
                self.pendings,
                self.numbers_kept,
                Conversations(self.table),
                self.profiles,
                Log(self.table),
                self.automations,
                self.spending,
            ),
            secret=self.secret,
            now=self.now,
        )

    def _write(self, request: Request) -> Response:
        return write_api.respond(
            request,
            api_keys=self.api_keys,
            secret=self.secret,
            kept=write_api.Kept(
                self.pendings,
                self.numbers_kept,
                Conversations(self.table),
                self.contacts,
                self.profiles,
                self.templates,
                flows.Desk(self.flows, self._check_target, self._rng.randbytes),
                Standings(self.table, retention_days=365),
            ),
            now=self.now,
        )

    def _manage_templates(self, request: Request) -> Response:
        return templates_api.respond(
            request,
            api_keys=self.api_keys,
            secret=self.secret,
            templates=self.templates,
            counts=TemplateCounts(self.table, retention_days=365),
            graph=self.graph,
            engine=self.engine,
            clock=lambda: self.now,
        )

    def _automate(self, request: Request) -> Response:
        return automations_api.respond(
            request,
            api_keys=self.api_keys,
            secret=self.secret,
            kept=automations_api.Kept(
                self.automations, self.numbers_kept, Conversations(self.table), self.profiles, Messages(self.table)
            ),
            now=self.now,
        )

    def _subscribe(self, request: Request) -> Response:
        told = subscriptions_api.ToldEvents(self.journal, Conversations(self.table).alias, self.secret)
        return subscriptions_api.respond(request, api_keys=self.api_keys, desk=self.subscribers.desk(self), told=told)

    def _pass_media(self, request: Request) -> Response:
        return pass_media.respond(
            request,
            api_keys=self.api_keys,
            secret=self.secret,
            media=self.media,
            templates=self.templates,
            clock=lambda: self.now,
        )

    def reader(self, number: str) -> Reader:
        """What reading takes."""
        return Reader(
            number,
            Conversations(self.table).alias,
            Log(self.table),
            Messages(self.table),
            self.pendings,
            Standings(self.table, retention_days=365),
            self._rules(number),
            self.now,
            self.most_read,
        )

    def _receive(self, request: Request) -> Response:
        source = SecretSource(self._secret_text, max_age=300)
        return receive_webhook.respond(request, secret=source, facts=self._facts, count=_count_nothing, now=lambda: 0.0)

    def _answer_flow(self, request: Request) -> Response:
        tokens = self.outlook().flow_tokens
        return answer_flow.respond(
            request,
            source=SecretSource(self._secret_text, max_age=300),
            answering=lambda: Answering(self.flows, tokens, self.asks, self.now),
            count=self.counted.append,
            moment=lambda: 0.0,
        )

    def _check_target(self, url: str) -> None:
        check_target(url, lambda *_: ["93.184.215.14"])

    def _deliver(self, body: bytes, headers: Mapping[str, str]) -> int:
        return self.request("POST", "/webhook", headers=headers, body=body).status

    def _secret_text(self) -> str:
        numbers = {each.phone_number_id: {"waba_id": each.waba_id, "token": each.token} for each in self.numbers}
        held = {"app_secrets": list(self.app_secrets), "verify_token": VERIFY_TOKEN, "numbers": numbers}
        return json.dumps(held | {"flow_keys": list(self.flow_keys)})


def failed_afterwards(casement: Deployment, key: str, code: int) -> None:
    """Meta says of a send that it failed, by the key that it was given with it."""
    status = {
        "id": f"wamid.of {key}",
        "status": "failed",
        "timestamp": str(casement.now // 1000),
        "recipient_id": ALICE,
        "biz_opaque_callback_data": key,
        "errors": [{"code": code, "title": "made up"}],
    }
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    casement.simulator.webhook("messages", {"metadata": metadata, "statuses": [status]})
    casement.deliver()


@contextmanager
def deployed(
    client: "DynamoDBClient", numbers: Iterable[Number] = (LOCAL_NUMBER, OTHER_NUMBER)
) -> Iterator[Deployment]:
    """A deployment on a table of its own, on an engine that refuses what DynamoDB refuses."""
    deployment = Deployment(client, numbers)
    hooks = (
        ("provide-client-params.dynamodb.Query", _as_strict_as_dynamodb),
        ("provide-client-params.dynamodb", _remember),
        ("after-call.dynamodb", deployment.saw),
    )
    for name, hook in hooks:
        client.meta.events.register(name, hook)
    try:
        yield deployment
    finally:
        for name, hook in hooks:
            client.meta.events.unregister(name, hook)


def _remember(params: Mapping[str, Any], context: Json, **_: Any) -> None:
    context["asked"] = params


def _as_strict_as_dynamodb(params: Mapping[str, Any], **_: Any) -> None:
    """Refuse a range that ends before it begins: moto finds nothing in it where DynamoDB answers with an error."""
    values = params["ExpressionAttributeValues"]
    if values[":first"]["S"] > values[":last"]["S"]:
        message = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
        raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Query")


def _count_nothing(_name: str, _value: int) -> None: ...


def _random(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - the same ids in every run


@cache
def _functions() -> tuple[Any, ...]:
    return tuple(load(ROOT / "template.yaml", region=REGION, aws_url="http://127.0.0.1").functions)
