"""A call to somebody else's server ends in time, whatever that server does, and never goes where it may not."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from casement.webhooks.post import Caller, NoAnswer
from local.sink import CLOSES, CUTS, HANGS, OK, TRICKLES, Behaviour, Sink, redirects

LOOPBACK = ["127.0.0.1"]
BODY = b'{"type":"casement.test"}'


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    made = Caller(allow_private=True)
    yield made
    made.close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


def test_what_is_posted_arrives_as_it_is(caller, sink):
    reply = caller.post(sink.url, BODY, {"webhook-id": "evt_1"})

    (got,) = sink.got
    assert (reply.status, reply.ok, reply.body) == (200, True, b"ok")
    assert (got.body, got.headers["webhook-id"], got.headers["content-type"]) == (BODY, "evt_1", "application/json")
    assert got.headers["user-agent"] == "Casement/1"


@pytest.mark.parametrize(
    ("status", "ok"), [(200, True), (204, True), (299, True), (300, False), (400, False), (503, False)]
)
def test_only_2xx_is_well(caller, sink, status, ok):
    sink.behave(Behaviour(status))
    assert caller.post(sink.url, BODY, {}).ok is ok


def test_a_redirect_is_not_followed(caller, sink):
    sink.behave(redirects(f"{sink.origin}/elsewhere"), path="/events")

    assert caller.post(sink.url, BODY, {}).status == 307
    assert [got.path for got in sink.got] == ["/events"]


@pytest.mark.parametrize("how", [HANGS, TRICKLES, CLOSES, CUTS], ids=lambda how: how.then)
def test_no_answer_is_no_answer_and_in_time(caller, sink, how):
    sink.behave(how)
    began = time.monotonic()

    with pytest.raises(NoAnswer):
        caller.post(sink.url, BODY, {}, deadline_s=0.4)
    assert time.monotonic() - began < 2.0


def test_a_body_that_nobody_takes_off_the_wire_ends_in_time_too(caller):
    server = socket.create_server(("127.0.0.1", 0))  # its backlog accepts, and nobody ever reads
    with server, pytest.raises(NoAnswer, match=r"0\.3 s"):
        caller.post(f"http://127.0.0.1:{server.getsockname()[1]}/", bytes(20_000_000), {}, deadline_s=0.3)


def test_no_more_of_an_answer_is_read_than_wanted(caller, sink):
    sink.behave(Behaviour(body=b"x" * 100_000))
    reply = caller.post(sink.url, BODY, {}, largest=1000)
    assert (reply.status, reply.body, reply.cut) == (200, b"x" * 1000, True)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("120", 120), ("0", 0), ("-1", None), ("soon", None), ("", None), ("9" * 30, 999_999_999)],
)
def test_what_it_asks_to_wait_is_read(caller, sink, given, seconds):
    sink.behave(Behaviour(429, {"Retry-After": given}))
    assert caller.post(sink.url, BODY, {}).retry_after == seconds


def test_a_date_to_wait_for_is_read_too(caller, sink):
    sink.behave(
        Behaviour(503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)})
    )
    assert caller.post(sink.url, BODY, {}).retry_after == pytest.approx(600, abs=10)


def test_nobody_there_is_told_in_words(caller):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NoAnswer, match="No connection"):
        caller.post(f"http://127.0.0.1:{port}/", BODY, {})


def test_a_name_that_leads_inside_is_not_called_whatever_it_led_to_before(sink):
    port = int(sink.origin.rpartition(":")[2])
    led_to = [["8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["169.254.169.254"]]
    caller = Caller(resolve=lambda *_: led_to.pop())

    for _ in range(2):
        with pytest.raises(NoAnswer, match="not public"):
            caller.post(f"https://bot.example:{port}/", BODY, {})
    assert sink.got == []
    with pytest.raises(NoAnswer, match="https"):
        caller.post(sink.url, BODY, {})  # nor plain HTTP


def test_a_name_that_is_not_found_is_no_answer():
    def unknown(*_: object) -> list[str]:
        raise socket.gaierror("nobody knows it")

    with pytest.raises(NoAnswer, match="found"):
        Caller(resolve=unknown).post("https://bot.example/", BODY, {})


def test_a_look_up_that_hangs_ends_in_time():
    def hang(_host: str, _port: int, seconds: float) -> list[str]:
        raise TimeoutError(seconds)

    with pytest.raises(NoAnswer, match="within 1 s"):
        Caller(resolve=hang).post("https://bot.example/", BODY, {}, deadline_s=1)


def read_request(connection: socket.socket) -> None:
    """All of a request: what is closed before it was read is reset."""
    read = b""
    while BODY not in read and (more := connection.recv(65_536)):
        read += more


def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(caller):
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            first, _ = server.accept()
            with first:
                read_request(first)
                first.sendall(answer)
                read_request(first)  # the second, which gets no answer
            second, _ = server.accept()
            with second:
                read_request(second)
                second.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"

        assert [caller.post(url, BODY, {}).status for _ in range(2)] == [200, 200]
        thread.join(5)


@contextmanager
def tls_server(folder: Path, name: str) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A server whose certificate is for `name`; its port, and a context that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        read_request(secured)
                        secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                except OSError:  # whoever did not trust us
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], ssl.create_default_context(cafile=str(pem))
        server.shutdown(socket.SHUT_RDWR)


def test_the_certificate_must_prove_the_name_whatever_the_address(tmp_path):
    with tls_server(tmp_path, "bot.example") as (port, trusts):
        caller = Caller(allow_private=True, resolve=lambda *_: LOOPBACK, ssl_context=trusts)

        assert caller.post(f"https://bot.example:{port}/", BODY, {}).status == 200
        with pytest.raises(NoAnswer, match="certificate"):
            caller.post(f"https://other.example:{port}/", BODY, {})
        caller.close()


def test_threads_have_a_deadline_each(caller, sink):
    sink.behave(HANGS, path="/hangs")
    sink.behave(OK, path="/events")
    late: list[Exception] = []

    def wait() -> None:
        try:
            caller.post(f"{sink.origin}/hangs", BODY, {}, deadline_s=0.5)
        except NoAnswer as error:
            late.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert caller.post(sink.url, BODY, {}).status == 200
    waiting.join(5)
    assert len(late) == 1
