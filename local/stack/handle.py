"""A local stack in a process of its own, for tests, benches and demos: `with LocalStack() as stack: …`."""

import json
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from local.stack.aws import Aws
from local.stack.children import ROOT, START_SECONDS, Child
from local.stack.errors import StackError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient


class LocalStack:
    """Starts a stack on free ports, with nothing in it but the seeds, and takes it down at the end.

    The process of its own leaves the caller's environment and modules as they are, and keeps its interpreter
    out of what a bench measures. It ends when the caller does, however that happens.
    """

    def __init__(
        self,
        *,
        template: Path = ROOT / "template.yaml",
        port: int = 0,
        simulator_port: int | None = 0,
        graph_url: str | None = None,
    ) -> None:
        """A port of 0 takes a free one; with `simulator_port=None`, Graph is at `graph_url` instead."""
        self._arguments = ["--no-story", "--port", str(port), "--template", str(template)]
        if simulator_port is None:
            self._arguments.append("--no-simulator")
        else:
            self._arguments += ["--simulator-port", str(simulator_port)]
        if graph_url:
            self._arguments += ["--graph-url", graph_url]
        self._folder = tempfile.TemporaryDirectory(prefix="casement-stack-")
        self._info: dict[str, Any] = {}
        self._child: Child | None = None

    def __enter__(self) -> "LocalStack":
        state = Path(self._folder.name)
        command = [sys.executable, "-m", "local.stack", *self._arguments, "--state", str(state)]
        self._child = Child("the local stack", command, environment=None, output=state / "console.txt")
        try:
            self._info = _wait_for(state / "stack.json", self._child)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._child is not None:
            self._child.stop()
        self._folder.cleanup()

    @property
    def api_url(self) -> str:
        return str(self._info["api_url"])

    @property
    def simulator_url(self) -> str:
        return str(self._info["simulator_url"])

    @property
    def aws_url(self) -> str:
        return str(self._info["aws_url"])

    @property
    def table(self) -> str:
        """The name of the template's (first) table."""
        return str(self._info["table"])

    @property
    def dynamodb(self) -> "DynamoDBClient":
        return self._aws.dynamodb

    @property
    def sqs(self) -> "SQSClient":
        return self._aws.sqs

    @property
    def events(self) -> "EventBridgeClient":
        return self._aws.events

    @cached_property
    def _aws(self) -> Aws:
        return Aws.at(self.aws_url)

    def wait_idle(self, timeout: float = 30.0) -> None:
        """Return once all that was stored so far, and what followed from it, has been handled."""
        answer = httpx.get(f"{self.api_url}/_local/idle", params={"timeout": timeout}, timeout=timeout + 10)
        if answer.status_code != 200:
            raise StackError(f"the stack is still busy after {timeout:g} s: {answer.text}\n{self.log()}")

    def state(self) -> dict[str, Any]:
        """What `/_local/state` says: how far streams are read, what failed, what waits on failure queues."""
        answer = httpx.get(f"{self.api_url}/_local/state", timeout=10).raise_for_status()
        return dict(answer.json())

    def items(self) -> list[dict[str, Any]]:
        """Every item of the table, in DynamoDB's own JSON, sorted by key."""
        answer = httpx.get(f"{self.api_url}/_local/items", timeout=60).raise_for_status()
        return list(answer.json()["items"])

    def log(self) -> str:
        """The end of what the stack said: warnings, and the tracebacks of handlers that raised."""
        return self._child.last_words(100) if self._child else ""


def _wait_for(path: Path, child: Child) -> dict[str, Any]:
    deadline = time.monotonic() + 2 * START_SECONDS
    while not path.exists():
        if not child.running:
            raise StackError(f"the local stack did not start. Its last words:\n{child.last_words()}")
        if time.monotonic() > deadline:
            raise StackError(f"the local stack took too long to start. Its last words:\n{child.last_words()}")
        time.sleep(0.02)
    return dict(json.loads(path.read_text()))
