"""The whole stack is killed while it is at work, and comes up again: the stream is read from its beginning once more,
the queues give what was being worked on again. Nobody is written to twice, and nothing is lost.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.simulator import Simulator
from local.simulator.server import HttpReceiver, running
from local.sink import Sink
from local.stack.aws import Aws
from local.stack.children import ROOT, free_port
from local.stack.queues import depth
from local.stack.runner import EVENT_THREADS
from local.stack.seed import PHONE_NUMBER_ID
from local.stack.story import Scene
from tests.support.engines import has_ministack, ministack

CUSTOMERS = [f"1650779{number:04}" for number in range(30)]
OUTBOX = "casement-local-Outbox.fifo"
GREETING = "Thank you! We are looking into it."

pytestmark = pytest.mark.skipif(not has_ministack(), reason="ministack is not installed: make setup")


@contextmanager
def started(port: int, graph_url: str, aws_url: str, state: Path) -> Iterator["subprocess.Popen[str]"]:
    """All that is ours; Meta's side and AWS's live on."""
    command = [sys.executable, "-m", "local.stack", "--no-story", "--no-simulator", "--graph-url", graph_url]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--aws-url", aws_url, "--port", str(port), "--state", str(state)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert "ready\n" in process.stdout, "it did not come up"  # reads no further
            yield process
        finally:
            process.kill()


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    with ministack(tmp_path) as aws:
        yield aws


@contextmanager
def hiding_briefly(aws: Aws) -> Iterator[None]:
    """What is being worked on comes again after two seconds: deployed, after minutes."""
    usual = {
        url: aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        for url in aws.sqs.list_queues()["QueueUrls"]
    }
    for url in usual:
        aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    yield
    for url, attributes in usual.items():  # or the template's queues would be taken for others
        aws.sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)


def asked(scene: Scene, customer: str) -> list[str | None]:
    """What became of what was to be sent to a customer, as GET messages shows it."""
    listed = [each["casement"] for each in scene.get(f"/{PHONE_NUMBER_ID}/messages", conversation_id=customer)["data"]]
    return [each["status"] for each in listed if each["direction"] == "outbound"]


def told(sink: Sink, customer: str) -> list[dict[str, Any]]:
    """What the subscriber heard of a conversation, each event once, in the order in which it first came."""
    about = {got.event["conversation_id"] for got in sink.got if customer in got.body.decode()}
    return list({got.event["id"]: got.event for got in sink.got if got.event.get("conversation_id") in about}.values())


def is_told(sink: Sink, customer: str) -> bool:
    return [each["type"] for each in told(sink, customer)].count("window.opened") == 1


def test_who_wrote_is_answered_once_and_told_of_in_order_though_the_stack_is_killed(tmp_path: Path, aws: Aws) -> None:
    port = free_port()
    receiver = HttpReceiver(f"http://127.0.0.1:{port}/webhook")
    simulator = Simulator(deliver=receiver.deliver)
    with running(simulator) as graph_url, Sink() as sink:
        scene = Scene(f"http://127.0.0.1:{port}", graph_url, patience=40)
        with started(port, graph_url, aws.url, tmp_path / "stack") as stack:
            scene.ours("POST", "/subscriptions", {"url": sink.url})
            scene.ours("PUT", "/automations", {"answer": GREETING})
            with hiding_briefly(aws):
                for customer in CUSTOMERS:
                    simulator.inbound("Hello?", sender=customer)
                scene.until("fifth answer", lambda: len(simulator.sent) >= 5 or None)
                stack.send_signal(signal.SIGKILL)
                stack.wait(20)
        killed_after = len(simulator.sent)

        with started(port, graph_url, aws.url, tmp_path / "stack"):
            scene.until("end of all webhooks", lambda: not simulator.pending or None)

            def unanswered() -> list[str]:
                return [customer for customer in CUSTOMERS if not scene.ledger(customer)]

            scene.until("answers but those it died over", lambda: len(unanswered()) <= EVENT_THREADS or None)
            scene.until("event of each window", lambda: all(map(partial(is_told, sink), CUSTOMERS)) or None)

            # Where it died between writing down what is asked and the call, nobody knows, so nobody sends it again: it
            # can be seen, as unknown once two minutes are over. Where it died before that, the job is still there.
            def is_clear() -> bool:
                left = [customer for customer in unanswered() if asked(scene, customer) != [None]]
                (outbox,) = aws.sqs.list_queues(QueueNamePrefix=OUTBOX)["QueueUrls"]
                return len(left) <= depth(aws.sqs, outbox)

            scene.until("trace of each answer that was not given", lambda: is_clear() or None)
            assert max(len(scene.ledger(customer)) for customer in CUSTOMERS) == 1
            assert killed_after < len(simulator.sent)
            for customer in CUSTOMERS:
                heard = told(sink, customer)
                assert [each["type"] for each in heard].count("message.received") == 1
                numbers = [each["sequence"] for each in heard]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            state = httpx.get(f"{scene.api_url}/_local/state", timeout=10).json()
            assert {name: told for name, told in state["functions"].items() if told["errors"]} == {}
            assert set(state["failure_queues"].values()) == {0}, json.dumps(state["failure_queues"])
        scene.close()
    receiver.close()
