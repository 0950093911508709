"""The sink does what it says, so that a test that hangs, hangs for another reason."""

import io
import threading
from collections.abc import Iterator

import httpx
import pytest

from local.sink import CLOSES, CUTS, HANGS, TRICKLES, Behaviour, Sink, fails, redirects, slow
from local.sink.__main__ import main


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(verify_token="ours") as sink:  # noqa: S106 - a test's own
        yield sink


def post(sink: Sink, path: str = "/events", timeout: float = 5.0) -> httpx.Response:
    return httpx.post(sink.origin + path, content=b'{"a": 1}', timeout=timeout, headers={"webhook-id": "evt_1"})


def test_it_keeps_what_came_byte_for_byte(sink: Sink) -> None:
    assert post(sink).status_code == 200

    (got,) = sink.got
    assert (got.path, got.body, got.event, got.headers["Webhook-Id"]) == ("/events", b'{"a": 1}', {"a": 1}, "evt_1")
    assert sink.at("/events") == [got]
    assert sink.at("/others") == []


def test_it_answers_what_it_is_told_to_and_so_often(sink: Sink) -> None:
    sink.behave(fails(500), times=1)
    sink.behave(fails(429, retry_after=7), times=1, path="/one")
    sink.behave(redirects("/elsewhere"), path="/two")

    one = post(sink, "/one")
    assert (one.status_code, one.headers["retry-after"]) == (429, "7")
    assert [post(sink, "/one").status_code for _ in range(2)] == [500, 200]
    assert [post(sink, "/two").headers["location"] for _ in range(2)] == ["/elsewhere"] * 2
    assert len(sink.got) == 5


@pytest.mark.parametrize("how", [HANGS, TRICKLES, slow(5)])
def test_it_keeps_others_waiting_but_not_its_own_end(sink: Sink, how: Behaviour) -> None:
    sink.behave(how)

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(sink.url, timeout=httpx.Timeout(5, read=0.05))


@pytest.mark.parametrize("how", [CLOSES, CUTS])
def test_it_hangs_up(sink: Sink, how: Behaviour) -> None:
    sink.behave(how, times=1)

    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        post(sink)
    assert post(sink).status_code == 200


def test_it_answers_metas_handshake(sink: Sink) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1234"}

    right, wrong = (httpx.get(sink.url, params={**asked, "hub.verify_token": token}) for token in ("ours", "theirs"))

    assert (right.status_code, right.text) == (200, "1234")
    assert wrong.status_code == 403


class Printed(io.StringIO):
    """A console that says when something was printed."""

    def __init__(self) -> None:
        super().__init__()
        self.printed = threading.Event()

    def flush(self) -> None:
        super().flush()
        self.printed.set()


def test_it_shows_what_comes_to_whoever_looks() -> None:
    stopped, out = threading.Event(), Printed()
    thread = threading.Thread(target=main, args=(["--port", "0", "--status", "503"], out, stopped))
    thread.start()
    assert out.printed.wait(10)
    url = out.getvalue().split()[1].rstrip(";")
    answers = [
        httpx.post(url, content=body, headers={"webhook-id": "evt_1"}, timeout=5)
        for body in ('{"type": "é"}', "no JSON")
    ]
    stopped.set()
    thread.join()

    assert [answer.status_code for answer in answers] == [503, 503]
    assert 'evt_1 answered 503\n{\n  "type": "é"\n}\n' in out.getvalue()
    assert "b'no JSON'" in out.getvalue()


def test_who_waits_is_told_what_for(sink: Sink) -> None:
    with pytest.raises(TimeoutError, match="event that nobody sends"):
        sink.until("event that nobody sends", lambda: sink.got or None, patience=0.01)
    post(sink)
    assert sink.until("event", lambda: sink.got or None)
