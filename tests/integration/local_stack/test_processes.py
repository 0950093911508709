"""How a stack comes up and goes down: nothing may be left running, and what is wrong is said."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.stack import LocalStack, StackError
from local.stack.aws import Aws
from tests.integration.local_stack.conftest import TEMPLATE

ROOT = Path(__file__).parents[3]


def is_up(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code < 500
    except httpx.HTTPError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_everything_is_gone_afterwards():
    with LocalStack(template=TEMPLATE, simulator_port=None) as stack:
        urls = [f"{stack.api_url}/_local/health", f"{stack.aws_url}/_ministack/health"]
        assert all(map(is_up, urls))

    assert not any(map(is_up, urls))


@contextmanager
def started(state: Path, *options: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    """`python -m local.stack` as a person starts it, and where everything is."""
    command = [sys.executable, "-m", "local.stack", "--no-simulator", "--port", "0", "--template", str(TEMPLATE)]
    with subprocess.Popen(  # noqa: S603 - our own program
        [*command, "--state", str(state), *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert list(iter(process.stdout.readline, "ready\n"))
            yield process, json.loads((state / "stack.json").read_text())
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_engine_goes_however_the_stack_goes(how, tmp_path):
    with started(tmp_path) as (process, info):
        process.send_signal(how)
        status = process.wait(20)

    wait_until(lambda: not is_up(f"{info['aws_url']}/_ministack/health"))
    assert status == (-signal.SIGKILL if how == signal.SIGKILL else 0)


@pytest.mark.parametrize(("options", "expected"), [([], False), (["--keep"], True)])
def test_data_is_kept_when_asked_for_and_only_then(options, expected, tmp_path):
    key = {"PK": {"S": "kept"}, "SK": {"S": "1"}}
    with started(tmp_path, *options) as (process, info):
        Aws.at(info["aws_url"]).dynamodb.put_item(TableName=info["table"], Item=key)
        process.terminate()
        process.wait(20)

    with started(tmp_path, *options) as (_, info):
        found = "Item" in Aws.at(info["aws_url"]).dynamodb.get_item(TableName=info["table"], Key=key)
        idle = httpx.get(f"{info['api_url']}/_local/idle").status_code

    assert (found, idle) == (expected, 200)


def test_a_stack_ends_with_the_process_that_started_it(tmp_path):
    """A test run that is killed leaves nothing behind."""
    script = (
        "from pathlib import Path; from local.stack import LocalStack; import sys\n"
        f"with LocalStack(template=Path({str(TEMPLATE)!r}), simulator_port=None) as stack:\n"
        "    print(stack.api_url, stack.aws_url, flush=True); sys.stdin.read()"
    )
    starter = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with starter:
        assert starter.stdout is not None
        api_url, aws_url = starter.stdout.readline().split()
        assert is_up(f"{api_url}/_local/health")
        starter.kill()

    wait_until(lambda: not is_up(f"{api_url}/_local/health") and not is_up(f"{aws_url}/_ministack/health"))


def test_a_taken_port_is_named():
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port}, wanted for the API, is in use"):
            LocalStack(template=TEMPLATE, port=port, simulator_port=None).__enter__()


def test_a_missing_engine_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CASEMENT_MINISTACK", str(tmp_path / "nothing"))

    with pytest.raises(StackError, match=r"there is no ministack at .*make setup"):
        LocalStack(template=TEMPLATE, simulator_port=None).__enter__()


def test_an_engine_that_does_not_come_up_is_quoted(monkeypatch, tmp_path):
    broken = tmp_path / "ministack"
    broken.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CASEMENT_MINISTACK", str(broken))

    with pytest.raises(StackError, match=r"ministack did not start(?s:.*)out of luck"):
        LocalStack(template=TEMPLATE, simulator_port=None).__enter__()


def test_a_function_that_cannot_be_loaded_is_named(tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: functions.nowhere.handler}}}"
    )

    with pytest.raises(StackError, match=r"F: cannot load functions\.nowhere\.handler"):
        LocalStack(template=template, simulator_port=None).__enter__()


def test_an_old_python_is_told_so():
    old = subprocess.run(
        [sys.executable, "-c", "import sys; sys.version_info = (3, 9, 1); import local.stack"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert old.returncode == 1
    assert "Casement needs Python 3.11 or newer, and this is 3.9." in old.stderr
