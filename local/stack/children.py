"""The processes beside ours: the AWS engine and the Meta simulator, and how they come up and go down."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.stack.errors import StackError

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
START_SECONDS = 30.0


class Child:
    """A process that ends when we do, however we end; what it prints goes to a file."""

    def __init__(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None, output: Path
    ) -> None:
        self.name = name
        self._output = output
        with output.open("wb") as sink:
            self._tether = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, "-m", "local.stack.tether", *command],
                cwd=ROOT,
                env=None if environment is None else dict(environment),
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self._tether.poll() is None

    def last_words(self, lines: int = 15) -> str:
        """The end of what the process printed."""
        printed = self._output.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in printed[-lines:])

    def wait_until_answers(self, port: int, path: str) -> None:
        """Return when the process answers 200 on `path`; raise StackError if it ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not answers(port, path):
            if not self.running:
                raise StackError(f"{self.name} did not start. Its last words:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise StackError(
                    f"{self.name} gave no answer on {HOST}:{port} for {START_SECONDS:.0f} s. "
                    f"Its last words:\n{self.last_words()}"
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """Let go of the tether, and wait until the process is gone."""
        self._tether.communicate()  # closes its input


def answers(port: int, path: str) -> bool:
    """True if something on this port answers 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with listening_socket(0, "a free port") as found:
        return int(found.getsockname()[1])


def listening_socket(port: int, wanted_for: str) -> socket.socket:
    """A socket bound to a loopback port; 0 takes a free one."""
    # asyncio switches Nagle's algorithm off only where the protocol is named, and with it on an answer takes 40 ms
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
    except OSError as error:
        found.close()
        raise StackError(
            f"port {port}, wanted for {wanted_for}, is in use. Stop what is using it, or choose another "
            "(CASEMENT_PORT and SIMULATOR_PORT, or --port and --simulator-port)."
        ) from error
    return found


def engine(port: int, state: Path, *, keep: bool) -> Child:
    """Start ministack, the AWS engine, from its own virtual environment (it pins another botocore)."""
    program = engine_program()
    if not program.exists():
        raise StackError(f"there is no ministack at {program}. `make setup` installs it; or set CASEMENT_MINISTACK.")
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", str(state)),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
        "TMPDIR": str(state),
        "PERSIST_STATE": "1" if keep else "0",
        "STATE_DIR": str(state / "ministack"),
    }
    return Child("ministack", [str(program)], environment=environment, output=state / "ministack.log")


def engine_program() -> Path:
    return Path(os.environ.get("CASEMENT_MINISTACK", ROOT / ".tools" / "ministack" / "bin" / "ministack"))


def simulator(port: int, state: Path, *, webhook_url: str) -> Child:
    """Start the Meta simulator, which delivers its webhooks to `webhook_url`."""
    environment = {**os.environ, "SIMULATOR_PORT": str(port), "SIMULATOR_WEBHOOK_URL": webhook_url}
    command = [sys.executable, "-m", "local.simulator"]
    return Child("the Meta simulator", command, environment=environment, output=state / "simulator.log")
