"""The simulator over real sockets: what in-process tests can't show."""

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from local.simulator import LOCAL_NUMBER, Options, Simulator
from local.simulator.config import APP_SECRET
from local.simulator.server import HttpReceiver, Staller, running, serving
from local.simulator.webhooks import sign
from tests.contract.conftest import ALICE, Endpoint, Receiver

PATIENCE = 10.0  # seconds that something asynchronous may take at most


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        threading.Event().wait(0.01)


@contextmanager
def connected(url: str, timeout: float = PATIENCE) -> Iterator[Endpoint]:
    headers = {"Authorization": f"Bearer {LOCAL_NUMBER.token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=timeout, trust_env=False) as client:
        yield Endpoint(client, LOCAL_NUMBER.phone_number_id, LOCAL_NUMBER.waba_id, ALICE)


def app_answering(
    answers: list[int],
) -> tuple[type[http.server.BaseHTTPRequestHandler], list[tuple[bytes, str]]]:
    """A webhook endpoint that gives these statuses, then 200; and what it was given: bodies and signatures."""
    given: list[tuple[bytes, str]] = []

    class App(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given.append((body, self.headers["X-Hub-Signature-256"]))
            self.send_response(answers.pop(0) if answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            challenge = re.search(r"hub\.challenge=(\d+)", self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(challenge[1].encode() if challenge else b"")

        def log_message(self, *_args: object) -> None:
            pass

    return App, given


@contextmanager
def listening(app: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), app)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/webhook"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_conversation_over_loopback_with_redelivery() -> None:
    app, given = app_answering([500])
    with listening(app) as url:
        receiver = HttpReceiver(url)
        simulator = Simulator(deliver=receiver.deliver, verify=receiver.verify)
        with running(simulator) as base_url, connected(base_url) as graph:
            assert simulator.verify_webhook() is True
            inbound = {"from": ALICE, "text": "café \N{GRINNING FACE}"}
            graph.client.post("/_control/inbound", json=inbound).raise_for_status()
            assert graph.send_text("Hello").status_code == 200
            eventually(lambda: len(given) == 4)  # the message twice, sent, delivered
        receiver.close()

    bodies = [body for body, _ in given]
    assert len(set(bodies)) == 3
    assert bodies.count(bodies[0]) == 2
    assert all(signature == sign(APP_SECRET, body) for body, signature in given)
    assert b"caf\\u00e9 \\ud83d\\ude00" in bodies[0]


def test_a_call_that_is_never_answered() -> None:
    staller = Staller()
    simulator = Simulator(unanswered=staller)
    simulator.inbound("Hi", sender=ALICE)
    with serving(simulator) as url, connected(url, timeout=0.3) as graph:
        for how in ("timeout_before", "timeout_after"):
            simulator.fail_next(how)
            with pytest.raises(httpx.ReadTimeout):
                graph.send_text(how)
        staller.release()
        assert graph.send_text("next").status_code == 200

    assert [sent.text for sent in simulator.sent] == ["timeout_after", "next"]


def test_a_connection_that_is_dropped() -> None:
    simulator = Simulator(unanswered=Staller())
    simulator.inbound("Hi", sender=ALICE)
    with serving(simulator) as url, connected(url) as graph:
        simulator.fail_next("drop_after")
        with pytest.raises(httpx.RemoteProtocolError):
            graph.send_text("lost")
        assert graph.send_text("next").status_code == 200

    assert [sent.text for sent in simulator.sent] == ["lost", "next"]


def test_connections_are_kept_alive_and_bodies_may_be_chunked() -> None:
    simulator = Simulator()
    with serving(simulator) as url, connected(url) as graph:
        boundary = "xyz"
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="'

        def chunks() -> Iterator[bytes]:
            yield f'{part}messaging_product"\r\n\r\nwhatsapp\r\n'.encode()
            yield f'{part}file"; filename="a"\r\nContent-Type: image/png\r\n\r\n'.encode()
            yield bytes(range(256))
            yield f"\r\n--{boundary}--\r\n".encode()

        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        uploaded = graph.client.post(f"/v25.0/{graph.number}/media", content=chunks(), headers=headers)
        medium = graph.get(uploaded.json()["id"]).json()

        assert uploaded.http_version == "HTTP/1.1"
        assert medium["url"].startswith(url)
        assert graph.client.get(medium["url"]).content == bytes(range(256))
        stream = uploaded.extensions["network_stream"].get_extra_info("client_addr")
        again = graph.get(graph.number).extensions["network_stream"].get_extra_info("client_addr")
        assert stream == again


def test_what_is_held_back_is_not_delivered_until_it_may() -> None:
    receiver = Receiver()
    simulator = Simulator(deliver=receiver, options=Options(status_delay=0.01))
    with running(simulator) as url, connected(url) as graph:
        graph.client.post("/_control/webhooks/hold", json={"on": True})
        for text in "abc":
            graph.client.post("/_control/inbound", json={"from": ALICE, "text": text})
        graph.send_text()
        assert graph.client.post("/_control/webhooks/batch", json={"size": 100}).json() == {"pending": 1}
        assert receiver.bodies == []
        graph.client.post("/_control/webhooks/hold", json={"on": False})
        eventually(lambda: len(receiver.bodies) == 1)

    assert len(json.loads(receiver.bodies[0])["entry"][0]["changes"]) == 5


def test_a_review_ends_by_itself() -> None:
    receiver = Receiver()
    simulator = Simulator(deliver=receiver, options=Options(auto_review=0.05))
    with running(simulator) as url, connected(url) as graph:
        body = {"type": "BODY", "text": "There is news."}
        template = {"name": "news", "language": "en_US", "category": "UTILITY", "components": [body]}
        assert graph.post(f"{graph.waba}/message_templates", template).json()["status"] == "PENDING"
        eventually(lambda: any(b'"event":"APPROVED"' in each for each in receiver.bodies))


def test_a_scripted_review_goes_on_by_itself() -> None:
    receiver = Receiver()

    def told(event: str) -> Callable[[], bool]:
        return lambda: any(f'"event":"{event}"'.encode() in body for body in receiver.bodies)

    with running(Simulator(deliver=receiver)) as url, connected(url) as graph:
        script = {"decision": "pause", "after": 0.02, "pause_after": 0.02, "match": "^news"}
        graph.client.post("/_control/reviews", json=script).raise_for_status()
        graph.client.post("/_control/options", json={"deletion_delay": 0.02}).raise_for_status()
        body = {"type": "BODY", "text": "There is news."}
        template = {"name": "news", "language": "en_US", "category": "UTILITY", "components": [body]}
        graph.post(f"{graph.waba}/message_templates", template)
        for event in ("APPROVED", "PAUSED"):
            eventually(told(event))
        graph.delete(f"{graph.waba}/message_templates", name="news")
        eventually(told("DELETED"))


def test_many_threads_send_and_none_is_lost_or_mixed() -> None:
    simulator = Simulator()
    simulator.inbound("Hi", sender=ALICE)
    with serving(simulator) as url:

        def work(number: int) -> None:
            with connected(url) as graph:
                for count in range(10):
                    assert graph.send_text(f"{number}/{count}").status_code == 200

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)

    texts = [sent.text for sent in simulator.sent]
    assert len(texts) == len(set(texts)) == 80
    assert len({sent.wamid for sent in simulator.sent}) == 80


def test_it_starts_as_a_command_and_stops_when_told() -> None:
    command = [
        sys.executable,
        "-m",
        "local.simulator",
        "--port",
        "0",
        "--webhook-url",
        "http://127.0.0.1:9/webhook",
    ]
    env = os.environ | {"SIMULATOR_AUTO_REVIEW": "3"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert url is not None
            health = httpx.get(f"{url[0]}/_control/health", trust_env=False).json()
            assert health["ok"] is True
            assert "token" not in health["numbers"][0]
            assert httpx.get(f"{url[0]}/_control/options", trust_env=False).json()["auto_review"] == 3.0
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
