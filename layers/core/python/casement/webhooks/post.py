"""One call to somebody else's server, within one deadline over everything: look-up, connection, TLS, a slow reader, an
answer that comes byte by byte. Redirects are not followed, and no more of an answer is read than was asked for.

Every connection is made to an address that was checked, under the name that TLS must prove.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpcore

from casement.domain.errors import InvalidRequest
from casement.webhooks.target import Resolve, is_public, resolve, target_of

DEADLINE_S = 10.0
LARGEST_ANSWER = 4_096  # bytes of an answer that nobody reads: enough to use the connection again
_MOST_ADDRESSES = 3  # of a host, tried one after the other
_CONNECT_S = 4.0
_KEEP_S = 30.0  # unused connections
_USER_AGENT = "Casement/1"


class NoAnswer(Exception):
    """Nobody answered. Its text says why, in words for people who look after the other server."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `retry_after` are the seconds that it asks for; `cut` is true if its body was longer than wanted."""

    status: int
    body: bytes = field(repr=False)
    retry_after: int | None = None
    cut: bool = False

    @property
    def ok(self) -> bool:
        """Whether it says that all is well: 2xx, and nothing else."""
        return 200 <= self.status < 300


class Caller:
    """Calls other people's servers, from any number of threads. `allow_private` is for the local stack alone."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        ssl_context: ssl.SSLContext | None = None,
        most_connections: int = 60,
    ) -> None:
        self._allow_private = allow_private
        self._deadline = _Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context or httpcore.default_ssl_context(),
            max_connections=most_connections,
            max_keepalive_connections=most_connections,
            keepalive_expiry=_KEEP_S,
            network_backend=_Backend(self._deadline, resolve, allow_private=allow_private),
        )

    def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        deadline_s: float = DEADLINE_S,
        largest: int = LARGEST_ANSWER,
    ) -> Reply:
        """POST JSON. Raises `NoAnswer`."""
        sent = {"content-type": "application/json", "content-length": str(len(body)), **headers}
        return self._call(b"POST", url, sent, body, deadline_s, largest)

    def get(self, url: str, *, deadline_s: float = DEADLINE_S, largest: int = LARGEST_ANSWER) -> Reply:
        """GET. Raises `NoAnswer`."""
        return self._call(b"GET", url, {}, b"", deadline_s, largest)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._pool.close()

    def _call(
        self, method: bytes, url: str, headers: Mapping[str, str], body: bytes, deadline_s: float, largest: int
    ) -> Reply:
        try:
            target = target_of(url, allow_private=self._allow_private)
        except InvalidRequest as error:
            raise NoAnswer(str(error)) from error
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=target.scheme.encode(),
                host=target.host.encode(),
                port=target.port,
                target=target.path.encode(),
            ),
            headers=[
                (b"host", target.authority.encode()),
                (b"user-agent", _USER_AGENT.encode()),
                (b"accept", b"*/*"),
                *((name.encode(), value.encode()) for name, value in headers.items()),
            ],
            content=body,
        )
        self._deadline.begin(deadline_s)
        try:
            return self._once_more_if_stale(request, largest)
        except httpcore.TimeoutException as error:
            raise NoAnswer(f"No answer within {deadline_s:g} s.") from error
        except _NotAllowed as error:
            raise NoAnswer(str(error)) from error
        except httpcore.ConnectError as error:
            raise NoAnswer(_no_connection(error)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise NoAnswer("The connection was closed before there was an answer, or the answer is no HTTP.") from error

    def _once_more_if_stale(self, request: httpcore.Request, largest: int) -> Reply:
        """A kept connection may have been closed by the other side meanwhile, which says nothing of the server. Then
        the call is made once more: whoever gets it twice knows it by its id."""
        try:
            return self._read(request, largest)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            if self._deadline.connected:
                raise
        return self._read(request, largest)

    def _read(self, request: httpcore.Request, largest: int) -> Reply:
        self._deadline.connected = False
        response = self._pool.handle_request(request)
        try:
            body, cut = _first(response.iter_stream(), largest)
        finally:
            response.close()  # one that was not read to its end is not used again
        return Reply(response.status, body, _retry_after(response.headers), cut)


class _Deadline(threading.local):
    """When the call of this thread must be over (time.monotonic()), and whether it made a connection of its own."""

    at: float = 0.0
    connected: bool = False

    def begin(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self, late: type[httpcore.TimeoutException]) -> float:
        """Seconds that are left; raises `late` if there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise late
        return left


class _NotAllowed(Exception):
    """The name leads where we do not go."""


class _Backend(httpcore.NetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, deadline: _Deadline, resolve: Resolve, *, allow_private: bool) -> None:
        self._deadline, self._resolve, self._allow_private = deadline, resolve, allow_private
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - there is one deadline over everything
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self._deadline.connected = True
        try:
            addresses = self._resolve(host, port, self._deadline.left(httpcore.ConnectTimeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout from error
        except (OSError, UnicodeError) as error:
            raise _NotAllowed("The host cannot be found.") from error
        if not self._allow_private and not all(map(is_public, addresses)):
            raise _NotAllowed("The host leads to an address that is not public.")
        problem: Exception = _NotAllowed("The host cannot be found.")
        for address in addresses[:_MOST_ADDRESSES]:
            patience = min(_CONNECT_S, self._deadline.left(httpcore.ConnectTimeout))
            try:
                stream = self._backend.connect_tcp(address, port, patience, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
                continue
            return _Stream(stream, self._deadline)
        raise problem


class _Stream(httpcore.NetworkStream):
    """A connection of which no read or write outlasts the deadline of the call that uses it."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """All of it, each part within what is left: whoever reads slowly gains nothing by that."""
        sock: socket.socket = self._stream.get_extra_info("socket")
        left = memoryview(buffer)
        while left:
            sock.settimeout(self._deadline.left(httpcore.WriteTimeout))
            try:
                left = left[sock.send(left) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout from error
            except OSError as error:
                raise httpcore.WriteError from error

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        patience = self._deadline.left(httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, patience), self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)


def _first(chunks: Iterable[bytes], largest: int) -> tuple[bytes, bool]:
    """The first bytes of an answer, and whether there are more."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > largest:
            return bytes(body[:largest]), True
    return bytes(body), False


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The seconds that an answer asks to wait; a date is read by our clock."""
    given = next((value.decode("latin-1") for name, value in headers if name.lower() == b"retry-after"), "").strip()
    if given.isascii() and given.isdigit():
        return int(given[:9])
    try:
        return max(0, round(parsedate_to_datetime(given).timestamp() - time.time()))
    except (ValueError, TypeError, OverflowError):
        return None


def _no_connection(error: httpcore.ConnectError) -> str:
    if isinstance(error.__cause__, ssl.SSLCertVerificationError) or isinstance(
        error.__context__, ssl.SSLCertVerificationError
    ):
        return "Its certificate does not prove its name."
    return "No connection: refused, or no TLS."
