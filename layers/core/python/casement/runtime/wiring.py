"""What the functions are made of: built once per environment, and the only place that knows the real classes.

Clients come from botocore, the core of boto3: `boto3.client` loads its resource layer as well, a fifth of the cold
start that nothing here uses (docs/adr/0003).
"""

import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from casement.runtime.secret import Number, Secret, SecretSource
from casement.runtime.settings import Settings

if TYPE_CHECKING:
    from botocore.session import Session

    from casement.domain.deliveries import Answer, Delivery, Tick
    from casement.domain.flow_exchange import Ask
    from casement.domain.number import NumberState
    from casement.domain.subscription import Subscription
    from casement.meta.graph import Graph
    from casement.meta.media import Media
    from casement.store.api_keys import ApiKeys
    from casement.store.automations import AutomationsOfNumbers
    from casement.store.contacts import Contacts
    from casement.store.conversations import Conversations
    from casement.store.deliveries import Deliveries
    from casement.store.delivery_log import DeliveryLog
    from casement.store.endpoints import Endpoints
    from casement.store.event_bus import EventBus
    from casement.store.facts import Facts
    from casement.store.flows import Flows
    from casement.store.journal import Journal
    from casement.store.log import Log
    from casement.store.messages import Messages
    from casement.store.numbers import Numbers
    from casement.store.outbox import Outbox
    from casement.store.pendings import Pendings
    from casement.store.profiles import Profiles
    from casement.store.sends import Sends
    from casement.store.spending import Spending
    from casement.store.standings import Standings
    from casement.store.subscriptions import Subscriptions
    from casement.store.table import Table
    from casement.store.template_counts import TemplateCounts
    from casement.store.templates import Templates
    from casement.usecases.answer_flow import Answering
    from casement.usecases.automate import Desk
    from casement.usecases.deliver import DeliveryDesk
    from casement.usecases.engine import Engine
    from casement.usecases.manage_subscriptions import Desk as SubscriptionDesk
    from casement.usecases.react import Outlook, Projections
    from casement.usecases.redeliver import Archive
    from casement.usecases.tell import Telling
    from casement.usecases.tie_flow import FlowTokens
    from casement.usecases.windows import Watch
    from casement.webhooks.post import Caller


# Lambda sets the root logger's level before it imports us; at DEBUG botocore would log requests and answers whole, with
# messages, phone numbers, the secret and the function's own credentials. Our loggers have levels of their own.
logging.getLogger().setLevel(logging.WARNING)


def now() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def randomness() -> int:
    """80 random bits."""
    return secrets.randbits(80)


def build_at_start(*factories: Callable[[], object]) -> None:
    """In Lambda, build these while the environment starts, where a first request would wait for them.

    Elsewhere nothing happens: importing a function's module reads no environment.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for factory in factories:
            factory()


@cache
def settings() -> Settings:
    """The settings of this environment."""
    return Settings.from_env(os.environ)


@cache
def _session() -> "Session":
    from botocore.session import Session

    return Session()


def _client(service: str) -> Any:
    """A client of an AWS service whose calls end, one way or the other, within eight seconds."""
    from botocore.config import Config

    config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return _session().create_client(service, config=config)


@cache
def dynamodb() -> Any:
    """A DynamoDB client whose calls end, one way or the other, within six seconds."""
    from botocore.config import Config

    from casement.store import batch_body

    config = Config(
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 2},
        user_agent="casement",  # botocore makes a long one anew for every call: a quarter of a put
        parameter_validation=False,  # items are built in one typed place; checking them is a twentieth of a put
    )
    client: Any = _session().create_client("dynamodb", config=config)
    batch_body.install(client)
    return client


@cache
def table() -> "Table":
    """The one table."""
    from casement.store.table import Table

    return Table(dynamodb(), settings().table_name)


@cache
def facts() -> "Facts":
    """Where facts go."""
    from casement.store.facts import Facts

    return Facts(table(), retention_days=settings().retention_days)


@cache
def conversations() -> "Conversations":
    """What facts say of a conversation."""
    from casement.store.conversations import Conversations

    return Conversations(table())


@cache
def log() -> "Log":
    """The numbers' logs."""
    from casement.store.log import Log

    return Log(table())


@cache
def template_counts() -> "TemplateCounts":
    """What became of template messages."""
    from casement.store.template_counts import TemplateCounts

    return TemplateCounts(table(), retention_days=settings().retention_days)


@cache
def messages() -> "Messages":
    """What was said."""
    from casement.store.messages import Messages

    return Messages(table())


@cache
def sends() -> "Sends":
    """Where sends are kept."""
    from casement.store.sends import Sends

    return Sends(table(), retention_days=settings().retention_days)


@cache
def pendings() -> "Pendings":
    """Messages that wait."""
    from casement.store.pendings import Pendings

    return Pendings(table(), retention_days=settings().retention_days)


@cache
def numbers() -> "Numbers":
    """What owners set, and how their numbers are."""
    from casement.store.numbers import Numbers

    return Numbers(table())


@cache
def standings() -> "Standings":
    """Where conversations stand."""
    from casement.store.standings import Standings

    return Standings(table(), retention_days=settings().retention_days)


@cache
def contacts() -> "Contacts":
    """What contacts want."""
    from casement.store.contacts import Contacts

    return Contacts(table())


@cache
def profiles() -> "Profiles":
    """What is known of contacts besides their messages."""
    from casement.store.profiles import Profiles

    return Profiles(table())


@cache
def automations() -> "AutomationsOfNumbers":
    """What follows from numbers' messages by itself."""
    from casement.store.automations import AutomationsOfNumbers

    return AutomationsOfNumbers(table())


@cache
def outbox() -> "Outbox":
    """The queue of what is to be sent. Built when it is needed: most sends never need it."""
    from casement.store.outbox import Outbox

    return Outbox(_sqs(), settings().outbox_url)


@cache
def _secrets_manager() -> Any:
    return _client("secretsmanager")


@cache
def _sqs() -> Any:
    return _client("sqs")


@cache
def subscriptions() -> "Subscriptions":
    """Who is told what."""
    from casement.store.subscriptions import Subscriptions

    return Subscriptions(table())


@cache
def journal() -> "Journal":
    """What subscribers were told."""
    from casement.store.journal import Journal

    return Journal(table())


def telling() -> "Telling":
    """What telling subscribers takes."""
    from casement.usecases.tell import Telling

    return Telling(subscriptions(), journal(), lambda told: deliveries().put(told), log(), now)


@cache
def deliveries() -> "Deliveries":
    """The queue of what subscribers are to be told. Built when it is needed, as the outbox is."""
    from casement.store.deliveries import Deliveries

    return Deliveries(_sqs(), settings().deliveries_url, lambda id_: subscriptions().lanes(id_, now()))


@cache
def templates() -> "Templates":
    """The stored templates."""
    from casement.store.templates import Templates

    return Templates(table())


@cache
def api_keys() -> "ApiKeys":
    """Casement's own keys."""
    from casement.store.api_keys import ApiKeys

    return ApiKeys(table())


@cache
def secret_source() -> SecretSource:
    """The one secret, remembered."""
    from botocore.exceptions import BotoCoreError, ClientError

    from casement.domain.errors import SecretUnavailable

    client = _secrets_manager()

    def fetch() -> str:
        try:
            answer = client.get_secret_value(SecretId=settings().secret_id)
        except (BotoCoreError, ClientError) as error:
            raise SecretUnavailable("The secret can't be read from Secrets Manager.") from error
        text: str = answer.get("SecretString") or ""
        return text

    return SecretSource(fetch, max_age=settings().secret_max_age_seconds)


def secret() -> Secret:
    """What the secret holds now. Raises `SecretUnavailable`."""
    return secret_source().get(time.monotonic())


@cache
def graph() -> "Graph":
    """Meta."""
    import httpx

    from casement.meta.graph import TIMEOUT, Graph

    http = httpx.Client(timeout=TIMEOUT, limits=httpx.Limits(max_connections=10), follow_redirects=False)
    return Graph(http, base_url=settings().graph_base_url, version=settings().graph_version)


@cache
def media() -> "Media":
    """Meta's media, over a client of their own: a file takes longer than a message."""
    import httpx

    from casement.meta.media import TIMEOUT, Media

    http = httpx.Client(timeout=TIMEOUT, limits=httpx.Limits(max_connections=10), follow_redirects=False)
    return Media(http, base_url=settings().graph_base_url, version=settings().graph_version)


@cache
def event_bus() -> "EventBus":
    """The stack's event bus. Built when it is needed."""
    from casement.store.event_bus import EventBus

    return EventBus(_client("events"), settings().event_bus_name)


@cache
def endpoints() -> "Endpoints":
    """How subscribers' endpoints do."""
    from casement.store.endpoints import Endpoints

    return Endpoints(table())


@cache
def delivery_log() -> "DeliveryLog":
    """What became of deliveries."""
    from casement.store.delivery_log import DeliveryLog

    return DeliveryLog(table())


def delivering() -> None:
    """Build what delivering takes, so that no event waits for it."""
    for factory in (delivery_desk, archive, caller):
        factory()


@cache
def archive() -> "Archive":
    """Where what was told is found again."""
    from casement.usecases.redeliver import Archive

    return Archive(delivery_log(), journal(), deliveries())


def put_ticks(ticks: "Iterable[Tick]") -> None:
    """Have what waits for subscribers looked at."""
    deliveries().tick(ticks)


@cache
def delivery_desk() -> "DeliveryDesk":
    """What delivering takes."""
    from casement.store.backlog import Backlog
    from casement.usecases.deliver import DeliveryDesk

    return DeliveryDesk(
        subscriptions(),
        endpoints(),
        Backlog(table()),
        delivery_log(),
        lambda subscription, delivery: archive().body_of(subscription, delivery),
        post,
        put_ticks,
        count,
        now,
        settings().pause_after_hours * 3_600_000,
    )


@cache
def subscription_desk() -> "SubscriptionDesk":
    """What handling subscriptions takes."""
    from casement.usecases.manage_subscriptions import Desk as SubscriptionDesk
    from casement.webhooks.handshake import shake_hands

    return SubscriptionDesk(
        subscriptions(),
        endpoints(),
        delivery_log(),
        archive(),
        check_target,
        lambda url, token: shake_hands(url, token, str(randomness()), caller()),
        post,
        put_ticks,
        randomness,
        lambda: secrets.token_bytes(32),
        now,
    )


def post(subscription: "Subscription", delivery: "Delivery") -> "Answer":
    """Make one attempt to deliver an event."""
    from casement.webhooks.deliver import deliver

    if subscription.url is None:
        return event_bus().put(delivery)
    return deliver(subscription, delivery, caller(), now())


def count(name: str, value: int = 1) -> None:
    """Count a metric of this function."""
    from casement.runtime import lean_log

    lean_log.metric(name, value, settings().service, settings().metrics_namespace)


def sending() -> None:
    """Build what sending takes, so that no request waits for it."""
    for factory in (secret_source, graph, conversations, templates, sends, log, messages, pendings, numbers, contacts):
        factory()


def engine(number: Number) -> "Engine":
    """What sending from a number takes."""
    from casement.domain.number import token_digest
    from casement.runtime.graph_shape import shown
    from casement.usecases.engine import Engine

    return Engine(
        number.number,
        number.waba_id,
        token_digest(number.token),
        conversations().alias,
        templates(),
        sends(),
        log(),
        messages(),
        pendings(),
        numbers(),
        contacts().language,
        lambda link: facts().add([link]),
        lambda body: graph().post_message(number.number, number.token, body),
        shown,
        lambda job: outbox().put([job]),
        count,
        settings().window_rules,
        now,
        randomness,
        lambda: secret().app_secrets,
    )


def projections() -> "Projections":
    """What is written because of facts."""
    from casement.store.flow_submissions import submission_of
    from casement.store.happenings import happening_in
    from casement.store.log import entry_of
    from casement.usecases.react import Projections

    def state_of(number: str) -> "NumberState":
        return numbers().state(number, now())

    return Projections(entry_of, happening_in, log(), contacts(), state_of, submission_of, profiles())


def flow_tokens(source: Callable[[], SecretSource]) -> "FlowTokens":
    """How to read flow tokens, under the app secrets that `source` knows or finds, and which were used."""
    from casement.domain.flow_token import PREFIX, FlowToken, read_flow_token
    from casement.store.flow_uses import FlowUses
    from casement.usecases.tie_flow import FlowTokens

    def read(given: object) -> FlowToken | None:
        if not isinstance(given, str) or not given.startswith(PREFIX):
            return None
        moment = time.monotonic()
        known = read_flow_token(source().get(moment).app_secrets, given)
        newer = None if known else source().newer(moment)  # minted under an app secret that came in the meantime
        return known or (read_flow_token(newer.app_secrets, given) if newer else None)

    return FlowTokens(read, FlowUses(table()))


@cache
def flows() -> "Flows":
    """How Flows are answered."""
    from casement.store.flows import Flows

    return Flows(table())


@cache
def caller() -> "Caller":
    """The way to other people's servers."""
    from casement.webhooks.post import Caller

    return Caller(allow_private=settings().allow_private_targets)


def check_target(url: str) -> None:
    """Raise `InvalidRequest` unless a URL of somebody else's may be called, as far as can be told now."""
    from casement.webhooks import target

    target.check_target(url, target.resolve, allow_private=settings().allow_private_targets)


def answering_flows() -> None:
    """Build what answering a Flow takes, so that no customer waits for it."""
    for factory in (secret_source, flows, caller):
        factory()


def answering(ask: "Ask") -> "Answering":
    """How a Flow's request is answered."""
    from casement.usecases.answer_flow import Answering

    return Answering(flows(), flow_tokens(secret_source), ask, now())


def outlook(secret_source: Callable[[], SecretSource]) -> "Outlook":
    """Where to look for what waits."""
    from casement.store.event_changes import events_in
    from casement.store.template_changes import chapters_in
    from casement.store.template_counts import steps_in
    from casement.usecases.react import Outlook

    return Outlook(
        conversations().alias,
        pendings(),
        messages(),
        template_counts(),
        steps_in,
        templates(),
        chapters_in,
        lambda jobs: outbox().put(jobs),
        events_in,
        telling(),
        numbers(),
        watch(),
        desk(),
        now,
        flow_tokens(secret_source),
    )


@cache
def spending() -> "Spending":
    """How many automatic messages went out."""
    from casement.store.spending import Spending

    return Spending(table())


def desk() -> "Desk":
    """What automations take."""
    from casement.usecases.automate import Desk

    return Desk(lambda number: automations().state(number, now()), profiles(), messages(), pendings())


def watch() -> "Watch":
    """What it takes to tell of windows."""
    from casement.domain.automations import Kind
    from casement.domain.events import OF_WINDOWS
    from casement.domain.subscription import want_any
    from casement.usecases.windows import Watch

    def wanted(number: str, waba_id: str) -> bool:
        told = want_any(OF_WINDOWS, number, waba_id, now(), subscriptions().all(now()))
        return told or automations().state(number, now()).follow(Kind.WINDOW_CLOSING)

    return Watch(
        conversations().alias,
        messages(),
        log(),
        standings(),
        lambda number: numbers().state(number, now()).settings.rules(settings().window_rules),
        wanted,
        now,
    )
