"""The whole stack is killed while it is at work, and comes up again: the stream is read from its beginning once more,
the queues give what was being worked on again. Nobody is written to twice, and nothing is lost.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.simulator import Simulator
from local.simulator.server import HttpReceiver, running
from local.stack.children import ROOT, free_port
from local.stack.runner import EVENT_THREADS
from local.stack.seed import PHONE_NUMBER_ID
from local.stack.story import Scene
from tests.support.engines import has_ministack, ministack

CUSTOMERS = [f"1650779{number:04}" for number in range(30)]
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
            assert list(iter(process.stdout.readline, "ready\n"))
            yield process
        finally:
            process.kill()


@pytest.fixture
def aws_url(tmp_path: Path) -> Iterator[str]:
    with ministack(tmp_path) as aws:
        yield aws.url


def asked(scene: Scene, customer: str) -> list[dict[str, Any]]:
    """What was to be sent to a customer, as GET messages shows it."""
    listed = scene.get(f"/{PHONE_NUMBER_ID}/messages", conversation_id=customer)["data"]
    return [each["casement"] for each in listed if "status" in each["casement"]]


def test_who_wrote_is_answered_once_though_the_stack_is_killed(tmp_path: Path, aws_url: str) -> None:
    port = free_port()
    receiver = HttpReceiver(f"http://127.0.0.1:{port}/webhook")
    simulator = Simulator(deliver=receiver.deliver)
    with running(simulator) as graph_url:
        scene = Scene(f"http://127.0.0.1:{port}", graph_url, patience=40)
        with started(port, graph_url, aws_url, tmp_path / "stack") as stack:
            scene.ours("PUT", "/automations", {"answer": GREETING})
            for customer in CUSTOMERS:
                simulator.inbound("Hello?", sender=customer)
            scene.until("fifth answer", lambda: len(simulator.sent) >= 5 or None)
            stack.send_signal(signal.SIGKILL)
            stack.wait(20)
        killed_after = len(simulator.sent)

        with started(port, graph_url, aws_url, tmp_path / "stack"):
            scene.until("end of all webhooks", lambda: not simulator.pending or None)
            scene.wait_idle()

            answers = {customer: len(scene.ledger(customer)) for customer in CUSTOMERS}
            assert max(answers.values()) == 1
            unanswered = [customer for customer, count in answers.items() if not count]
            assert len(unanswered) <= EVENT_THREADS
            for customer in unanswered:
                # it died between writing down what is asked and the call: nobody knows, so nobody sends it again, and
                # it is there to be seen, as unknown once two minutes are over
                assert [each["status"] for each in asked(scene, customer)] == [None]
            assert killed_after < len(simulator.sent)
            state = httpx.get(f"{scene.api_url}/_local/state", timeout=10).json()
            assert {name: told for name, told in state["functions"].items() if told["errors"]} == {}
            assert set(state["failure_queues"].values()) == {0}, json.dumps(state["failure_queues"])
        scene.close()
    receiver.close()
