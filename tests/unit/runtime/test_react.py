"""`react` off the stream: what it writes, whom it wakes, what it leaves, and what it says of a batch that fails."""

import json
from random import Random
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from casement.domain.automations import Automations
from casement.domain.consent import Party, Scope, Wish
from casement.domain.deliveries import delivery_from
from casement.domain.errors import StoreUnavailable
from casement.domain.facts import Link, LinkKind
from casement.domain.jobs import Job, job_from
from casement.domain.message_key import MessageKey
from casement.domain.pending import Pending, WaitsFor
from casement.domain.sending import Request
from casement.domain.subscription import Subscription
from casement.domain.window import WindowRules
from casement.runtime import wiring
from casement.store import keys
from casement.store.conversations import Conversations
from casement.store.event_changes import events_in
from casement.store.facts import Facts
from casement.store.flow_uses import FlowUses
from casement.store.happenings import happening_in
from casement.store.journal import Journal
from casement.store.log import Log, entry_of
from casement.store.messages import Messages
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.profiles import Profiles
from casement.store.standings import Standings
from casement.store.subscriptions import Subscriptions
from casement.store.table import Table
from casement.store.template_changes import chapters_in
from casement.store.template_counts import TemplateCounts, steps_in
from casement.store.templates import Templates
from casement.usecases.automate import Desk
from casement.usecases.react import Change, Outlook, Reacted, project, react
from casement.usecases.tell import Telling
from casement.usecases.tie_flow import FlowTokens
from casement.usecases.windows import Watch
from functions.react.app import changes_in, handler
from tests.support.deliveries import projections_on
from tests.support.faults import Faults
from tests.support.samples import event, images, streamed
from tests.support.tables import REGION, create_table, snapshot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NUMBER, ALICE = "100000000000001", "US.10000000000000000101"
NOON = 1_795_000_000_000

SAMPLES = [
    *("message_text", "message_text_in_a_group", "message_reaction", "calls_connect", "calls_terminate", "echo_text"),
    *("history", "status_read", "status_failed_window_closed", "user_preferences_stop", "template_status_approved"),
    *("system_user_changed_number", "account_alerts"),
]


@pytest.fixture
def table(dynamodb):
    return create_table(dynamodb)


@pytest.mark.parametrize(
    ("sample", "entries"),
    [
        *((sample, 1) for sample in ("message_text", "message_reaction", "message_text_in_a_group", "echo_text")),
        *(
            (sample, 1)
            for sample in ("calls_connect", "calls_accepted", "system_user_changed_number", "message_unknown")
        ),
        ("history", 4),
        ("status_failed_window_closed", 1),
        *((sample, 0) for sample in ("calls_terminate", "status_read", "status_failed_opted_out", "state_sync")),
        *(
            (sample, 0)
            for sample in ("user_preferences_stop", "template_status_approved", "account_alerts", "security")
        ),
    ],
)
def test_what_is_noted_in_the_numbers_log(dynamodb, table, sample, entries):
    assert project(images(sample), projections_on(dynamodb, table)) == entries
    assert sum(pk.startswith("L#") for pk, _ in snapshot(dynamodb, table)) == entries


def test_an_entry_leads_to_its_fact_and_expires_with_it():
    (image,) = images("message_text")
    entry = entry_of(image)

    assert entry
    assert entry["fact"] == image["SK"]
    assert image["PK"]["S"].endswith(f"#{entry['contact']['S']}")
    assert entry["ttl"] == image["ttl"]
    assert entry["SK"]["S"].startswith("I#1795000000000#")


def test_a_fact_that_is_kept_for_ever_has_an_entry_that_is():
    (image,) = images("message_text")
    del image["ttl"]

    entry = entry_of(image)
    assert entry
    assert "ttl" not in entry


def test_order_repetition_and_batches_write_the_same(dynamodb):
    whole, pieces = create_table(dynamodb), create_table(dynamodb)
    all_images = [*images(*SAMPLES), said("Stop!"), said("start", at=NOON + 5)]
    project(all_images, projections_on(dynamodb, whole))

    mixed = [*all_images, *all_images]
    Random(3).shuffle(mixed)  # noqa: S311 - an order, not a secret
    while mixed:
        project(mixed[:3], projections_on(dynamodb, pieces))
        del mixed[:3]

    assert snapshot(dynamodb, pieces) == snapshot(dynamodb, whole) != {}


OF_TEMPLATES = [("T#1", "!ill#9"), ("T#1", "order_update#en_US")]
OTHERS = [
    ("C#1#2", "Z#a#US.1"),
    ("C#1#2", "Z#>#3"),
    ("C#1#2", "D#0000000000000#abc"),
    ("C#1#2", "Y#0000000000000#other#abc"),
    ("C#1#2", "Y#1795000000000#own#messages#stop#abc"),
    ("C#1#2", "S#wamid.1#sent#abc"),
    ("C#1#2", "M#1795000000000#send#01M7Q5CQG00000000000000007"),
    ("C#1#2", "M#1795000000000#send#01M7Q5CQG00000000000000007#sent#abc"),
    ("C#1#2", "M#1795000000000#send#01M7Q5CQG00000000000000007#unresolved"),
    ("C#1#2", "W#1795000000000#1#status#wamid.1#failed#abc"),
    ("C#1#2", "G#1795000000000"),
    ("C#1#2", "P#profile"),
    ("L#1#0", "I#1795000000000#2#abc"),
    ("L#1#0", "O#1795000000000#01M7Q5CQG00000000000000007"),
    ("L#1#0", "H#2#01M7Q5CQG00000000000000007"),
    ("L#1#0", "h#2#01M7Q5CQG00000000000000007"),
    ("L#1#0", "A#2#01M7Q5CQG00000000000000007"),
    ("L#1#0", "V#1795000000000#verdict#01M7Q5CQG00000000000000007"),
    ("N#1", "settings"),
    ("K#" + "0" * 64, "-"),
    ("N#1", "counted"),
    ("T#1", "!sync"),
    *OF_TEMPLATES,
    ("R#1#9", "1795000000000#status#abc"),
    ("B#1", "1795000200000#abc"),
    ("U#1#9", "2026-11-18#1795000200000"),
    ("E#1#2", "1795000000000#message_template_status_update#abc"),
    ("A#1", "security#1795000000000#abc"),
    ("Q", "0" * 64),
    ("Q#0#1", "part"),
    ("KEYS", "0" * 64),
]


@pytest.mark.parametrize(("pk", "sk"), OTHERS)
def test_every_item_of_the_table_may_pass_by(pk, sk):
    """The stream and the replay hand over all there is: links, sends, statuses, templates, keys, and our own work."""
    image = {"PK": {"S": pk}, "SK": {"S": sk}, "raw": {"S": '{"element": {}}'}, "definition": {"S": "{}"}}
    if (pk, sk) in OF_TEMPLATES:
        image |= {"status": {"S": "APPROVED"}, "since": {"N": "7"}}

    assert entry_of(image) is None
    assert happening_in(image) is None
    assert list(steps_in(image)) == []
    assert bool(list(chapters_in(image, None))) is ((pk, sk) in OF_TEMPLATES)


# --- what customers want ----------------------------------------------------------------------------


def said(text: str, *, at: int = NOON, contact: str = ALICE) -> dict[str, Any]:
    """The item of a customer's message."""
    key = keys.Key(keys.conversation(NUMBER, contact), f"W#{keys.moment(at)}#0#message#wamid.{at}#{at}")
    raw = json.dumps({"element": {"type": "text", "text": {"body": text}}})
    return {"PK": {"S": key.pk}, "SK": {"S": key.sk}, "raw": {"S": raw}}


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("Stop!", Wish(NOON, Party.OPERATOR, Scope.MESSAGES, True)),
        ("¡PARAR!", Wish(NOON, Party.OPERATOR, Scope.MESSAGES, True)),
        ("start", Wish(NOON, Party.OPERATOR, Scope.MESSAGES, False)),
        ("please don't stop", None),
        ("Hello", None),
    ],
)
def test_a_message_that_is_a_stop_word_is_a_wish(dynamodb, table, text, wish):
    project([said(text)], projections_on(dynamodb, table))

    assert Conversations(Table(dynamodb, table)).alias(NUMBER, ALICE).wishes == ((wish,) if wish else ())


def test_metas_refusal_of_marketing_is_a_wish_from_the_time_of_the_send(dynamodb, table):
    project(images("status_failed_opted_out"), projections_on(dynamodb, table))

    (wish,) = Conversations(Table(dynamodb, table)).alias(NUMBER, ALICE).wishes
    assert (wish.party, wish.scope, wish.stop) == (Party.META, Scope.MARKETING, True)
    assert wish.at < 1_795_000_060_000  # when Meta said so


# --- whom it wakes ----------------------------------------------------------------------------


def waits_for(contact: str) -> Pending:
    """A message to a contact that is held."""
    key = MessageKey.new(contact, NOON - 1, 7)
    request = Request({"to": contact, "type": "text", "text": {"body": "Hi"}}, when_closed="hold")
    return Pending(key, request, "crm", WaitsFor.CUSTOMER, NOON + 3_600_000)


def untold(kept: Table, now: int) -> Watch:
    """What it takes to tell of windows, where nobody wants to know."""
    standings = Standings(kept, retention_days=365)
    return Watch(
        Conversations(kept).alias,
        Messages(kept),
        Log(kept),
        standings,
        lambda _: WindowRules(),
        lambda *_: False,
        lambda: now,
    )


def reacted(
    dynamodb: "DynamoDBClient",
    table: str,
    stored: list[dict[str, Any]],
    now: int = NOON,
    *,
    jobs: list[Job] | None = None,
) -> tuple[Reacted, list[Job]]:
    """What `react` makes of stored items, and its jobs, which are added to `jobs`."""
    kept, jobs = Table(dynamodb, table), [] if jobs is None else jobs
    pendings = Pendings(kept, retention_days=365)
    counts = TemplateCounts(kept, retention_days=365)
    outlook = Outlook(
        Conversations(kept).alias,
        pendings,
        Messages(kept),
        counts,
        steps_in,
        Templates(kept),
        chapters_in,
        jobs.extend,
        events_in,
        Telling(Subscriptions(kept), Journal(kept), lambda _: None, Log(kept), lambda: now),
        Numbers(kept),
        untold(kept, now),
        Desk(lambda _: Automations(), Profiles(kept), Messages(kept), pendings),
        lambda: now,
        FlowTokens(lambda _: None, FlowUses(kept)),
    )
    changes = [Change(image, None, now) for image in stored]
    return react(changes, projections_on(dynamodb, table), outlook), jobs


def hold(dynamodb: "DynamoDBClient", table: str, *pendings: Pending) -> None:
    for pending in pendings:
        assert Pendings(Table(dynamodb, table), retention_days=365).add(NUMBER, pending)


def test_a_customer_who_writes_wakes_what_waits_for_them(dynamodb, table):
    hold(dynamodb, table, waits_for(ALICE))

    result, jobs = reacted(dynamodb, table, [said("Hi"), said("Hi", contact="US.2")])

    assert [(job.number, job.contact, job.send) for job in jobs] == [(NUMBER, ALICE, None)]
    assert result == Reacted(entries=2, jobs=1, mispredicted=0)


def test_nobody_waits_for_what_is_counted(dynamodb, table):
    hold(dynamodb, table, waits_for(ALICE))
    (asked,) = images("status_read")
    key = MessageKey(ALICE, "01M7Q5DMSG04HMASW9NF6YY093")
    element = {"status": "read", "biz_opaque_callback_data": key.travelling("9")}
    asked |= {"raw": {"S": json.dumps({"element": element})}}
    jobs: list[Job] = []

    def deny(params: dict[str, Any], **_: Any) -> None:
        if params["Item"]["PK"]["S"].startswith("B#"):
            raise EndpointConnectionError(endpoint_url="nowhere")

    dynamodb.meta.events.register("provide-client-params.dynamodb.PutItem", deny)
    try:
        with pytest.raises(StoreUnavailable):
            reacted(dynamodb, table, [said("Hi"), asked], jobs=jobs)
    finally:
        dynamodb.meta.events.unregister("provide-client-params.dynamodb.PutItem", deny)

    assert [job.contact for job in jobs] == [ALICE]


def test_whatever_name_they_write_by(dynamodb, table):
    hold(dynamodb, table, waits_for("16505550101"))
    Facts(Table(dynamodb, table), retention_days=365).add([Link(LinkKind.ALIAS, NUMBER, ALICE, "16505550101")])

    _, jobs = reacted(dynamodb, table, [said("Hi", contact=ALICE)])

    assert [job.contact for job in jobs] == [ALICE]


def test_nobody_is_woken_where_nothing_waits(dynamodb, table):
    assert reacted(dynamodb, table, [said("Hi")]) == (Reacted(1, 0, 0), [])


def test_the_same_message_is_the_same_job_and_another_one_is_not(dynamodb, table):
    hold(dynamodb, table, waits_for(ALICE))

    def job_of(at: int) -> Job:
        (job,) = reacted(dynamodb, table, [said("Hi", at=at)])[1]
        return job

    assert job_of(NOON).id == job_of(NOON).id
    assert job_of(NOON).id != job_of(NOON + 1).id
    assert job_of(NOON).group == job_of(NOON + 1).group


def test_a_window_that_meta_saw_otherwise_wakes_the_policy_of_its_send_and_is_counted(dynamodb, table):
    result, jobs = reacted(dynamodb, table, images("status_failed_window_closed", "status_read"))

    assert jobs == [Job(NUMBER, ALICE, MessageKey(ALICE, "01M7Q5DMSG04HMASW9NF6YY093"))]
    assert result == Reacted(entries=1, jobs=1, mispredicted=1)


def test_a_refusal_of_somebody_elses_message_wakes_nobody(dynamodb, table):
    assert reacted(dynamodb, table, images("status_failed_window_closed_of_another_app"))[1] == []


class TestHandler:
    """The Lambda entry point, wired as in Lambda."""

    @pytest.fixture
    def wired(self, dynamodb, monkeypatch):
        """The real wiring on moto's table: what it reads is the environment, and what it built is forgotten after."""
        table = create_table(dynamodb)
        monkeypatch.setenv("TABLE_NAME", table)
        monkeypatch.setenv("SECRET_ID", "unused")
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        built = [factory for factory in vars(wiring).values() if hasattr(factory, "cache_clear")]
        for factory in built:
            factory.cache_clear()
        yield wiring.dynamodb(), table
        for factory in built:
            factory.cache_clear()

    @pytest.fixture(params=["OUTBOX_URL"])
    def queue(self, request, monkeypatch):
        """A queue, in moto too; what lies in it."""
        queues = boto3.client("sqs", region_name=REGION)
        url = queues.create_queue(QueueName="queue.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
        monkeypatch.setenv(request.param, url)
        yield lambda: queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
        queues.delete_queue(QueueUrl=url)

    def batch(self) -> dict[str, Any]:
        records = [*event("react_stream_record")["Records"], *streamed("echo_text")["Records"]]
        return {
            "Records": [
                {**record, "dynamodb": {**record["dynamodb"], "SequenceNumber": str(100 + number)}}
                for number, record in enumerate(records)
            ]
        }

    def test_notes_a_batch_and_a_replay_of_it_changes_nothing(self, wired):
        client, table = wired

        assert handler(self.batch(), None) == {"batchItemFailures": []}
        noted = snapshot(client, table)
        assert handler(self.batch(), None) == {"batchItemFailures": []}
        assert snapshot(client, table) == noted
        assert len(noted) == 2

    def test_a_batch_that_cannot_be_written_comes_again_from_its_first_record(self, wired):
        client, _ = wired

        with Faults(client, Random(1), lost=1.0).at_work():  # noqa: S311 - chances, not secrets
            assert handler(self.batch(), None) == {"batchItemFailures": [{"itemIdentifier": "100"}]}

    @pytest.mark.parametrize("queue", ["DELIVERIES_URL"], indirect=True)
    def test_a_delivery_lies_on_its_queue_in_its_subscribers_lane(self, wired, queue):
        client, table = wired
        Subscriptions(Table(client, table)).add(Subscription("sub_1", "https://hooks.example", types=("message.*",)))

        assert handler(self.batch(), None) == {"batchItemFailures": []}

        (message,) = queue()
        delivery = delivery_from(message["Body"])
        assert (delivery.subscription, delivery.type) == ("sub_1", "message.received")
        assert message["Attributes"]["MessageGroupId"] == f"sub_1.{delivery.lane(8)}"
        assert message["Attributes"]["MessageDeduplicationId"] == f"sub_1.{delivery.event}"

    def test_a_job_lies_on_the_outbox_in_its_conversations_group(self, wired, queue):
        _, table = wired
        (change,) = changes_in(event("react_stream_record")["Records"])
        contact = change.new["PK"]["S"].rpartition("#")[2]
        hold(wired[0], table, waits_for(contact))

        assert handler(self.batch(), None) == {"batchItemFailures": []}

        (message,) = queue()
        job = job_from(message["Body"])
        assert (job.number, job.contact) == (NUMBER, contact)
        assert message["Attributes"]["MessageGroupId"] == job.group

    @pytest.mark.usefixtures("wired")
    def test_a_record_that_is_a_bug_escapes_so_that_the_batch_is_halved(self):
        broken = self.batch()
        broken["Records"][1]["dynamodb"]["NewImage"]["SK"] = {"S": "M#nonsense#message"}

        with pytest.raises(ValueError, match="nonsense"):
            handler(broken, None)

    def test_what_time_took_away_is_no_news(self, wired):
        client, table = wired
        removed = self.batch()
        for record in removed["Records"]:
            record["eventName"] = "REMOVE"
            record["dynamodb"]["OldImage"] = record["dynamodb"].pop("NewImage")

        assert changes_in(removed["Records"]) == []
        assert handler(removed, None) == {"batchItemFailures": []}
        assert snapshot(client, table) == {}
