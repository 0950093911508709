"""The runner as stream, queue and clock: records of a real engine, through the functions of template.yaml."""

import json
import time
import uuid
from typing import Any

import httpx
import pytest

from local.stack import LocalStack


def store(stack: LocalStack, *items: tuple[str, str]) -> None:
    httpx.post(f"{stack.api_url}/items", json=[{"pk": pk, "sk": sk} for pk, sk in items], timeout=30).raise_for_status()


def traces(stack: LocalStack, kind: str) -> dict[str, dict[str, Any]]:
    """What the handlers left under `kind` ("seen", "sent", "synced"), by sort key."""
    return {item["SK"]["S"]: item for item in stack.items() if item["PK"]["S"] == kind}


def consumer(stack: LocalStack) -> dict[str, Any]:
    return dict(stack.state()["stream_consumers"][0])


def test_what_is_stored_reaches_the_function_that_reacts(stack):
    sk = uuid.uuid4().hex

    store(stack, ("fact#1", sk))
    stack.wait_idle()

    assert sk in traces(stack, "seen")


def test_it_gets_there_soon(stack):
    delays = []
    for _ in range(5):
        sk = uuid.uuid4().hex
        stored = time.time()
        store(stack, ("fact#1", sk))
        stack.wait_idle()
        delays.append(int(traces(stack, "seen")[sk]["at"]["N"]) / 1000 - stored)

    assert sorted(delays)[2] < 0.2


def test_only_records_that_pass_the_filter_are_delivered(stack):
    passing, other, again = uuid.uuid4().hex, uuid.uuid4().hex, uuid.uuid4().hex

    store(stack, ("fact#1", passing), ("other#1", other), ("fact#1", again))
    store(stack, ("fact#1", again))  # the same bytes again: no record at all
    stack.dynamodb.delete_item(TableName=stack.table, Key={"PK": {"S": "fact#1"}, "SK": {"S": again}})
    stack.wait_idle()

    assert {passing, again} <= traces(stack, "seen").keys()
    assert other not in traces(stack, "seen")


def test_batches_are_no_larger_than_the_template_says(stack):
    keys = [uuid.uuid4().hex for _ in range(11)]

    store(stack, *(("fact#many", sk) for sk in keys))
    stack.wait_idle()

    seen = traces(stack, "seen")
    assert max(len(seen[sk]["batch"]["L"]) for sk in keys) <= 4


def test_a_poisonous_record_ends_on_the_failure_queue_and_its_neighbours_get_through(stack):
    before, after = uuid.uuid4().hex, uuid.uuid4().hex
    discarded = consumer(stack)["discarded"]

    store(stack, ("fact#1", before), ("fact#poison", uuid.uuid4().hex), ("fact#1", after))
    stack.wait_idle()

    assert {before, after} <= traces(stack, "seen").keys()
    assert consumer(stack)["discarded"] == discarded + 1
    assert stack.state()["failure_queues"]["casement-local-ReactFailures"] == 1
    url = stack.sqs.get_queue_url(QueueName="casement-local-ReactFailures")["QueueUrl"]
    (message,) = stack.sqs.receive_message(QueueUrl=url)["Messages"]
    stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    body = json.loads(message["Body"])
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["DDBStreamBatchInfo"]["batchSize"] == 1


def test_idle_waits_for_reactions_to_reactions(stack):
    """Stored item -> stream -> react -> queue -> send -> table: all done when `wait_idle` returns."""
    keys = [f"{group}-{number:02}" for number in range(8) for group in "ab"]

    store(stack, *(("fact#outbox", sk) for sk in keys))
    stack.wait_idle()

    sent = traces(stack, "sent")
    assert set(keys) <= sent.keys()
    for group in "ab":
        order = sorted((sk for sk in keys if sk.startswith(group)), key=lambda sk: sent[sk]["sequence"]["S"])
        assert order == sorted(order)


def test_a_message_that_fails_is_tried_again_and_then_leaves_the_queue_for_its_dead_letter_queue(stack):
    store(stack, ("fact#outbox", "c-bad"))
    stack.wait_idle()

    assert stack.state()["failure_queues"]["outbox-failures.fifo"] == 1


def talk(stack: LocalStack, sk: str, **more: Any) -> None:
    """Put a message on the queue of talks; its group is what its key begins with."""
    stack.sqs.send_message(
        QueueUrl=stack.sqs.get_queue_url(QueueName="casement-local-Talks.fifo")["QueueUrl"],
        MessageBody=json.dumps({"sk": sk, **more}),
        MessageGroupId=sk.split("-")[0],
        MessageDeduplicationId=sk,
    )


@pytest.fixture
def clean_up_talks(stack):
    yield
    stack.sqs.purge_queue(QueueUrl=stack.sqs.get_queue_url(QueueName="casement-local-Talks.fifo")["QueueUrl"])


def test_conversations_go_side_by_side_even_one_a_batch(stack):
    talk(stack, "e-1", meets=True)
    talk(stack, "f-1", meets=True)
    stack.wait_idle()

    assert {"e-1 1", "f-1 1"} <= traces(stack, "talked").keys()


def test_a_message_that_puts_itself_off_comes_back_when_it_said_and_idle_waits_for_it(stack):
    talk(stack, "g-1", put_off=2)  # for longer than the queue itself hides what is in work
    talk(stack, "g-2")
    stack.wait_idle()

    talked = {sk: int(trace["at"]["N"]) for sk, trace in traces(stack, "talked").items() if sk.startswith("g-")}
    assert sorted(talked, key=lambda sk: talked[sk]) == ["g-1 1", "g-1 2", "g-2 1"]
    assert talked["g-1 2"] - talked["g-1 1"] >= 2000


@pytest.mark.usefixtures("clean_up_talks")
def test_idle_does_not_wait_for_what_is_put_off_for_long_nor_for_what_is_behind_it(stack):
    talk(stack, "h-1", put_off=3600)
    talk(stack, "h-2")
    talk(stack, "i-1")
    stack.wait_idle()

    assert {sk for sk in traces(stack, "talked") if sk[0] in "hi"} == {"h-1 1", "i-1 1"}


def test_what_is_put_on_the_event_bus_reaches_who_listens_there(stack):
    queue = stack.sqs.create_queue(QueueName="listener")["QueueUrl"]
    stack.events.put_rule(Name="all", EventBusName="casement-local-news", EventPattern='{"source": ["casement"]}')
    target = {"Id": "queue", "Arn": "arn:aws:sqs:us-east-1:000000000000:listener"}
    stack.events.put_targets(Rule="all", EventBusName="casement-local-news", Targets=[target])

    failed = httpx.post(f"{stack.api_url}/announcements", json={"a": 1}, timeout=10).json()

    (message,) = stack.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    told = json.loads(message["Body"])
    assert failed == 0
    assert (told["source"], told["detail-type"], told["detail"]) == ("casement", "told", {"a": 1})


def test_a_rate_ticks_right_after_the_start(stack):
    stack.wait_idle()

    (event,) = traces(stack, "synced").values()
    assert event["source"]["S"] == "aws.scheduler"


def test_idle_says_so_when_it_is_not(stack):
    url = stack.sqs.get_queue_url(QueueName="outbox.fifo")["QueueUrl"]
    stack.sqs.send_message(
        QueueUrl=url, MessageBody='{"sk": "d-bad"}', MessageGroupId="d", MessageDeduplicationId="d-bad"
    )

    answer = httpx.get(f"{stack.api_url}/_local/idle", params={"timeout": 0.1})

    assert (answer.status_code, answer.json()["idle"]) == (503, False)
    stack.wait_idle()


def test_records_are_counted_and_a_repeated_put_makes_none(stack):
    sk = uuid.uuid4().hex
    store(stack, ("quiet", sk))
    stack.wait_idle()
    before = stack.state()["streams"][0]["records"]

    store(stack, ("quiet", sk))
    stack.wait_idle()

    assert stack.state()["streams"][0]["records"] == before
