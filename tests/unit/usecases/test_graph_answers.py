"""What Meta, or something before it, can answer, and what each answer says about a message: went out, did not, or may
have."""

import gzip
import json
from collections.abc import Callable

import httpx
import pytest

from casement.domain.errors import GraphOutcomeUnknown, GraphRejected, GraphUnavailable
from casement.meta.graph import TIMEOUT, Graph
from casement.runtime.graph_shape import error_response

TOKEN = "the-token-nobody-may-see"  # noqa: S105 - of nothing
BODY = {"messaging_product": "whatsapp", "to": "1", "text": {"body": "caf\u00e9"}}
ACCEPTED = {"messaging_product": "whatsapp", "messages": [{"id": "wamid.1"}]}
HTML = b"<html><body>Bad Gateway</body></html>"


def graph(answer: Callable[[httpx.Request], httpx.Response]) -> Graph:
    http = httpx.Client(transport=httpx.MockTransport(answer), timeout=TIMEOUT)
    return Graph(http, base_url="https://graph.example/", version="v25.0")


def post(answer: httpx.Response | Exception) -> dict[str, object]:
    def answering(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return graph(answering).post_message("1000", TOKEN, BODY)


def test_the_token_is_in_a_header_and_the_message_in_the_body():
    seen = []

    def answering(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=ACCEPTED)

    assert graph(answering).post_message("1000", TOKEN, BODY) == ACCEPTED
    assert str(seen[0].url) == "https://graph.example/v25.0/1000/messages"
    assert seen[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(seen[0].content) == BODY


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("too slow"),
        httpx.PoolTimeout("too many"),
    ],
)
def test_what_never_left_was_not_sent(failure):
    with pytest.raises(GraphUnavailable):
        post(failure)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadTimeout("no answer"),
        httpx.WriteTimeout("stuck"),
        httpx.ReadError("reset"),
        httpx.WriteError("broken pipe"),
        httpx.RemoteProtocolError("closed without an answer"),
        httpx.DecodingError("the answer is no gzip"),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=HTML),
        httpx.Response(200, content=b"[]"),
        httpx.Response(200, content=b"null"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, content=b"1" * 10_000),
        httpx.Response(200, content=b"\xff\xfe{"),
        httpx.Response(500, content=HTML),
        httpx.Response(502, content=HTML),
        httpx.Response(504, json={"message": "Endpoint request timed out"}),
        httpx.Response(503, json={"error": {"code": 2, "message": "(#2) down"}}),
        httpx.Response(500, json={"error": {"code": 131000, "message": "(#131000) something went wrong"}}),
        httpx.Response(500, json={"error": {"code": 999_999, "message": "new"}}),
        httpx.Response(400, json={"error": {"code": 1, "message": "(#1) unknown"}}),
        httpx.Response(400, json={"error": {"code": 999_999, "message": "new", "is_transient": True}}),
        httpx.Response(500, json=["no", "error"]),
        httpx.Response(500, json={"error": "a text"}),
    ],
)
def test_what_may_have_been_sent_is_unknown(failure):
    with pytest.raises(GraphOutcomeUnknown) as caught:
        post(failure)
    assert TOKEN not in str(caught.value)


def test_an_answer_that_says_it_is_gzip_and_is_not():
    def answering(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))

    with pytest.raises(GraphOutcomeUnknown):
        graph(answering).post_message("1000", TOKEN, BODY)


def test_an_answer_in_gzip_is_read():
    packed = gzip.compress(json.dumps(ACCEPTED).encode())

    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(packed))

    assert post(answer) == ACCEPTED


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (httpx.Response(429, json={"error": {"code": 130429, "message": "(#130429) slow"}}), (429, 130429)),
        (httpx.Response(400, json={"error": {"code": 131056, "message": "(#131056) pair"}}), (400, 131056)),
        (httpx.Response(500, json={"error": {"code": 131057, "message": "(#131057) upgrade"}}), (500, 131057)),
        (httpx.Response(429, content=HTML), (503, 2)),
        (httpx.Response(429, json={"message": "Too Many Requests"}), (503, 2)),
        (httpx.Response(429, json="Too Many Requests"), (503, 2)),
        (httpx.Response(429, json=["slow"]), (503, 2)),
        (httpx.Response(403, content=HTML), (503, 2)),
        (httpx.Response(403, json={"error": "forbidden"}), (503, 2)),
        (httpx.Response(403, json={"error": None}), (503, 2)),
        (httpx.Response(404, json={"message": "no such host here"}), (503, 2)),
        (httpx.Response(302, headers={"location": "https://elsewhere.example/"}), (503, 2)),
    ],
)
def test_what_was_turned_away_was_not_sent_and_is_shown_in_metas_shape(answer, shown):
    with pytest.raises(GraphUnavailable) as caught:
        post(answer)

    response = error_response(caught.value)
    assert (response.status, json.loads(response.body)["error"]["code"]) == shown


@pytest.mark.parametrize(("status", "code"), [(400, 131026), (400, 100), (401, 190), (404, 132001), (500, 131045)])
def test_metas_no_is_passed_on_as_it_is(status, code):
    error = {"error": {"message": f"(#{code}) no", "code": code, "fbtrace_id": "A1", "error_data": {"details": "why"}}}

    with pytest.raises(GraphRejected) as caught:
        post(httpx.Response(status, json=error))

    response = error_response(caught.value)
    assert (response.status, json.loads(response.body)) == (status, error)
    assert caught.value.code == code


def listing(**paging: object) -> Graph:
    return graph(lambda _: httpx.Response(200, json={"data": [{"id": "1"}], "paging": paging}))


def test_a_page_names_the_next_one_by_its_cursor():
    page = listing(next="https://x.test/?access_token=t", cursors={"before": "b", "after": "a"}).templates(
        "2", "t", None
    )

    assert page == ([{"id": "1"}], "a")


@pytest.mark.parametrize("paging", [{}, {"cursors": {"after": "a"}}, {"cursors": {"after": "a"}, "next": None}])
def test_a_page_without_a_next_one_is_the_last(paging):
    assert listing(**paging).templates("2", "t", None).after is None


@pytest.mark.parametrize("cursors", [None, {}, {"after": None}, {"after": ""}, {"after": 5}, {"after": ["a"]}, "a"])
def test_a_next_page_that_cannot_be_asked_for_is_no_end_of_the_listing(cursors):
    with pytest.raises(GraphUnavailable):
        listing(next="https://x.test/", cursors=cursors).templates("2", "t", None)


@pytest.mark.parametrize("body", [[], None, {}, {"data": None}, {"data": {"id": "1"}}, {"data": "x"}])
def test_what_is_no_listing_is_no_empty_listing(body):
    with pytest.raises(GraphUnavailable):
        graph(lambda _: httpx.Response(200, json=body)).templates("2", "t", None)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": 100, "error_subcode": 33}),
        (404, {"code": 132001}),
        (400, {"code": 33}),
    ],
)
def test_a_template_that_meta_no_longer_has(status, error):
    gone = graph(lambda _: httpx.Response(status, json={"error": {"message": "gone", **error}}))

    assert gone.template("7", TOKEN) is None


@pytest.mark.parametrize("error", [{"code": 100}, {"code": 190}, {"code": 100, "error_subcode": 34}])
def test_any_other_refusal_says_nothing_about_the_template(error):
    refusing = graph(lambda _: httpx.Response(400, json={"error": {"message": "no", **error}}))

    with pytest.raises(GraphRejected):
        refusing.template("7", TOKEN)


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_an_answer_that_is_no_object_does_not_say_that_a_template_is_gone(body):
    with pytest.raises(GraphUnavailable):
        graph(lambda _: httpx.Response(200, json=body)).template("7", TOKEN)
