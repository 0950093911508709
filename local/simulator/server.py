"""The simulator on loopback: a thread per connection, keep-alive, a worker that delivers webhooks."""

import io
import logging
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

import httpx

from local.simulator.app import Simulator

HOST = "127.0.0.1"
TICK = 0.2
"""Seconds after which somebody looks whether a review or a pause has ended, if nobody asks."""
log = logging.getLogger(__name__)


class Dropped(Exception):
    """The connection is to be closed without an answer."""


class Staller:
    """`unanswered` for a served simulator: keeps the caller waiting, then hangs up."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds, self._over = seconds, threading.Event()

    def __call__(self, how: str) -> NoReturn:
        if how == "timeout":
            self._over.wait(self._seconds)
        raise Dropped(how)

    def release(self) -> None:
        """Nobody waits any longer: the server is closing."""
        self._over.set()


class HttpReceiver:
    """The app's webhook endpoint, by URL. Redirects are not followed, as Meta does not."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        self._url = url
        self._client = httpx.Client(timeout=timeout, trust_env=False)

    def deliver(self, body: bytes, headers: Mapping[str, str]) -> int:
        try:
            return self._client.post(self._url, content=body, headers=dict(headers)).status_code
        except httpx.HTTPError as error:
            log.info("webhook not delivered: %s", type(error).__name__)
            return 0

    def ask(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The endpoint of a Flow, which may be anywhere."""
        try:
            answer = self._client.post(url, content=body, headers=dict(headers))
        except httpx.HTTPError as error:
            log.info("Flow endpoint not reached: %s", type(error).__name__)
            return 0, b""
        return answer.status_code, answer.content

    def verify(self, query: Mapping[str, str]) -> tuple[int, str]:
        try:
            answer = self._client.get(self._url, params=dict(query))
        except httpx.HTTPError as error:
            return 0, type(error).__name__
        return answer.status_code, answer.text

    def close(self) -> None:
        self._client.close()


@contextmanager
def delivering(simulator: Simulator) -> Iterator[None]:
    """A background worker delivers what is due, redelivers what was not answered 200."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                simulator.tick()
                simulator.webhooks.deliver_due(wait=TICK)
            except Exception:  # a deliverer's bug must not end all deliveries
                log.exception("webhook delivery failed")

    worker = threading.Thread(target=work, name="simulator-webhooks", daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        simulator.webhooks.close()
        worker.join(timeout=15)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, app: WSGIApplication, port: int) -> None:
        self.app = app
        super().__init__((HOST, port), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer would ask DNS for our name
        self.server_name, self.server_port = HOST, self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave together
    server: _Server

    def _serve(self) -> None:
        environ = self._environ()
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None, /) -> Any:
            answer.extend((status, headers))

        try:
            body = b"".join(self.server.app(environ, start_response))
        except Dropped:
            self.close_connection = True
            return
        code, _, phrase = answer[0].partition(" ")
        self.send_response(int(code), phrase)
        for name, value in answer[1]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the base class's names

    def _environ(self) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        body = self._body()
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": HOST,
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        environ["CONTENT_TYPE"] = self.headers.get("content-type", "")
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_CONTENT_TYPE", None)
        environ.pop("HTTP_CONTENT_LENGTH", None)
        return environ

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        length = self.headers.get("content-length", "0")
        return self.rfile.read(int(length)) if length.isdigit() else b""

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers
            pass

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        log.debug(format, *args)


@contextmanager
def serving(app: WSGIApplication, port: int = 0) -> Iterator[str]:
    """Serves on loopback until the block ends; yields the base URL. Port 0: any free one."""
    server = _Server(app, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


@contextmanager
def running(simulator: Simulator, port: int = 0) -> Iterator[str]:
    """A served simulator whose webhooks are delivered as they fall due; yields the base URL."""
    with serving(simulator, port) as url, delivering(simulator):
        yield url
