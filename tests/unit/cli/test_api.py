"""What the command makes of the API's answers: words, and whether to ask again."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.api import Api, Limited, NotLetIn, Refused, Unclear
from cli.trouble import Trouble

KEY = "csk_sentinel"
Answer = httpx.Response | Exception


def api(*answers: Answer, seen: list[httpx.Request] | None = None, slept: list[float] | None = None) -> Api:
    """An API that answers like this, one after the other; the last again and again."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, Exception):
            raise given
        return given

    sleep = slept.append if slept is not None else lambda _: None
    http = httpx.Client(transport=httpx.MockTransport(answer))
    return Api(http, "https://api.example", "v25.0", KEY, sleep)


def ours(status: int, code: int, details: str, **more: Any) -> httpx.Response:
    error = {"code": code, "message": "(#x)", "error_data": {"details": details, **more}, "fbtrace_id": "casement-1"}
    return httpx.Response(status, json={"error": error})


def metas(status: int, code: int, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "as Meta says", "fbtrace_id": "A1", **more}})


def refusal(answer: Answer) -> Trouble:
    with pytest.raises(Trouble) as refused:
        api(answer).create("1", {"name": "news"})
    return refused.value


def test_faults_are_told_one_for_each_place():
    faults = [{"path": "name", "why": "Too long."}, {"path": "", "why": "No body."}]

    error = refusal(ours(400, 100, "all of it", casement={"faults": faults}))

    assert isinstance(error, Refused)
    assert error.reasons == ("name: Too long.", "No body.")


def test_what_has_no_faults_is_told_as_a_whole():
    error = refusal(ours(400, 100, "Its name is taken."))

    assert isinstance(error, Refused)
    assert error.reasons == ("Its name is taken.",)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (ours(401, 190, "Invalid"), NotLetIn, "casement keys create"),
        (ours(403, 10, "This API key has no 'manage' scope."), NotLetIn, "no 'manage' scope"),
        (metas(401, 190, error_user_msg="token sentinel"), NotLetIn, "casement doctor"),
        (metas(400, 80007), Limited, "80007"),
        (httpx.Response(429, text="slow down"), Limited, "HTTP 429"),
        (ours(503, 2, "DynamoDB did not answer"), Unclear, "DynamoDB did not answer"),
        (metas(400, 2, is_transient=True), Unclear, "code 2"),
        (httpx.Response(504, text="<html>"), Unclear, "HTTP 504"),
        (httpx.ReadTimeout("sentinel"), Unclear, "ReadTimeout"),
        (httpx.RemoteProtocolError("sentinel"), Unclear, "RemoteProtocolError"),
        (httpx.ConnectTimeout("sentinel"), Trouble, "can't be reached"),
        (httpx.Response(404, text="no"), Refused, "older than this command"),
        (httpx.Response(418, text="no"), Refused, "HTTP 418"),
        (
            metas(400, 100, error_subcode=2388023, error_user_title="Being deleted", error_user_msg="In 4 weeks."),
            Refused,
            "Being deleted: In 4 weeks. (code 100/2388023)",
        ),
    ],
)
def test_an_answer_is_told_in_words_and_by_what_to_do(answer, kind, words):
    error = refusal(answer)

    assert type(error) is kind
    assert words in str(error)
    assert "sentinel" not in str(error)


def test_what_only_reads_is_asked_again_and_what_changes_is_not():
    slept: list[float] = []
    seen: list[httpx.Request] = []
    page = httpx.Response(200, json={"data": [{"name": "news"}]})
    broken = httpx.Response(503)

    assert list(api(broken, broken, page, seen=seen, slept=slept).templates("1")) == [{"name": "news"}]
    assert (len(seen), slept) == (3, [1.0, 2.0])

    seen.clear()
    with pytest.raises(Unclear):
        api(broken, seen=seen).create("1", {})
    assert len(seen) == 1


def test_it_gives_up_reading_in_the_end():
    with pytest.raises(Unclear):
        list(api(httpx.Response(503)).templates("1"))


def page(names: str, after: str | None) -> httpx.Response:
    paging = {"cursors": {"after": after}, "next": "https://…"} if after else {}
    return httpx.Response(200, json={"data": [{"name": name} for name in names], "paging": paging})


def test_pages_are_followed_with_their_filters_and_only_the_first_refreshes():
    seen: list[httpx.Request] = []
    first = page("ab", "2")
    first = httpx.Response(200, json={**first.json(), "casement": {"refreshed": True}})

    found = list(
        api(first, page("c", None), seen=seen).templates("1", {"status": "APPROVED", "name": None}, refresh=True)
    )

    assert [each["name"] for each in found] == ["a", "b", "c"]
    assert [dict(request.url.params) for request in seen] == [
        {"limit": "100", "status": "APPROVED", "casement_refresh": "true"},
        {"limit": "100", "status": "APPROVED", "after": "2"},
    ]


def test_pages_without_an_end_end():
    with pytest.raises(Trouble, match="no end"):
        list(api(page("a", "2")).templates("1"))


def test_the_key_goes_into_one_header_and_nowhere_else():
    seen: list[httpx.Request] = []
    one = api(httpx.Response(200, json={}), seen=seen)
    one.create("1", {"name": "news"})

    [request] = seen
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(request.url)
    assert KEY not in repr(one)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
errors = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("code", "error_subcode", "message", "error_data", "is_transient", "fbtrace_id"), anything),
)


@given(st.sampled_from([200, 302, 400, 401, 404, 429, 500]), anything | st.fixed_dictionaries({"error": errors}))
def test_no_answer_makes_it_stumble(status, body):
    ask: list[Callable[[Api], object]] = [
        lambda one: one.create("1", {}),
        lambda one: list(one.templates("1")),
        lambda one: one.find({}),
    ]
    for question in ask:
        try:
            question(api(httpx.Response(status, text=json.dumps(body))))
        except Trouble as error:
            assert str(error)
