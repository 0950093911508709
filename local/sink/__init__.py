"""A subscriber on loopback: it keeps what it is sent, and answers as it is told to, or not at all.

    with Sink() as sink:
        ...  # subscribe sink.url
        sink.behave(fails(503), times=2)
        got = sink.until("two events", lambda: sink.got[1:] and sink.got)

It ends with the block, whoever still hangs on it.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

T = TypeVar("T")

HOST = "127.0.0.1"
PATIENCE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a POST is answered: with `status`, `headers` and `body`, after `delay` seconds; `then` is how it ends."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay: float = 0.0
    then: str = "answer"


OK = Behaviour()
HANGS = Behaviour(then="hang")
"""Reads the request, and says nothing."""
TRICKLES = Behaviour(then="trickle")
"""Answers so slowly that no pause between two bytes is long, and that it never ends."""
CLOSES = Behaviour(then="close")
"""Reads the request, and closes the connection."""
CUTS = Behaviour(then="cut")
"""Begins to answer 200, and closes the connection in the middle of the head."""


def fails(status: int, *, retry_after: int | None = None) -> Behaviour:
    """Answers with this status."""
    return Behaviour(status, {} if retry_after is None else {"Retry-After": str(retry_after)}, b"no")


def redirects(to: str) -> Behaviour:
    """Says that the endpoint is elsewhere."""
    return Behaviour(307, {"Location": to})


def slow(seconds: float) -> Behaviour:
    """Answers 200 after so many seconds."""
    return Behaviour(delay=seconds)


@dataclass(frozen=True)
class Got:
    """A POST, as it came. `at` is time.time() of its last byte."""

    path: str
    headers: Message
    body: bytes
    at: float

    @cached_property
    def event(self) -> dict[str, Any]:
        """The body, which is JSON."""
        return dict(json.loads(self.body))


Answer = Callable[[Got], Behaviour]


class Sink:
    """The server. `got` is what came, in order; paths have nothing in common but that.

    `behave` says how a path, or all of them, answer from now on; `answer` does so for what nobody has said anything
    about. `verify_token` is what it answers Meta's handshake for.
    """

    def __init__(self, *, answer: Answer = lambda _: OK, verify_token: str | None = None, port: int = 0) -> None:
        self._answer, self._verify_token = answer, verify_token
        self._got: list[Got] = []
        self._planned: dict[str | None, deque[Behaviour]] = {}
        self._usual: dict[str | None, Behaviour] = {}
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._server = _Server((HOST, port), self)
        self.origin = f"http://{HOST}:{self._server.server_port}"
        self.url = f"{self.origin}/events"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()  # lets go of whoever hangs
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def got(self) -> list[Got]:
        """Every POST so far, those too that were answered badly."""
        with self._changed:
            return list(self._got)

    def at(self, path: str) -> list[Got]:
        """What came to this path."""
        return [one for one in self.got if one.path == path]

    def behave(self, how: Behaviour, *, times: int | None = None, path: str | None = None) -> None:
        """The next `times` POSTs are answered like this (to `path`, or to any), or all from now on."""
        with self._changed:
            if times is None:
                self._usual[path] = how
            else:
                self._planned.setdefault(path, deque()).extend([how] * times)

    def until(self, what: str, look: Callable[[], T | None], *, patience: float = PATIENCE_SECONDS) -> T:
        """Look whenever something came, until there is something to see. Raises TimeoutError, saying for what."""
        deadline = time.monotonic() + patience
        with self._changed:
            while not (seen := look()):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"in {patience:g} s there was still no {what} at the sink")
                self._changed.wait(left)
            return seen

    def take(self, got: Got) -> Behaviour:
        """Keep what came; how it is answered."""
        with self._changed:
            self._got.append(got)
            self._changed.notify_all()
            for path in (got.path, None):
                if planned := self._planned.get(path):
                    return planned.popleft()
            usual = self._usual.get(got.path) or self._usual.get(None)
        return usual or self._answer(got)

    def challenge(self, query: Mapping[str, list[str]]) -> str | None:
        """What Meta's handshake is answered; None if it has another token."""
        given = query.get("hub.verify_token", [""])[0]
        return query.get("hub.challenge", [""])[0] if given and given == self._verify_token else None

    def wait(self, seconds: float) -> bool:
        """True once the sink is closing; False after so many seconds."""
        return self._over.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sink: Sink) -> None:
        self.sink = sink
        super().__init__(address, _Handler)

    def handle_error(self, *_: object) -> None:
        """Whoever hung up did so for reasons of its own."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    timeout = 60
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        how = self.server.sink.take(Got(self.path, self.headers, body, time.time()))
        self.server.sink.wait(how.delay)
        if how.then != "answer":
            self.close_connection = True
        match how.then:
            case "answer":
                self._say(how.status, how.headers, how.body)
            case "hang":
                self.server.sink.wait(60)
            case "trickle":
                self._trickle()
            case "cut":
                self.wfile.write(b"HTTP/1.1 200 O")

    def do_GET(self) -> None:
        challenge = self.server.sink.challenge(parse_qs(urlsplit(self.path).query))
        self._say(403 if challenge is None else 200, {}, (challenge or "").encode())

    def _say(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.sink.wait(0.1):
                return

    def log_message(self, *_: object) -> None:
        """What came is in `got`."""
