"""The runner as an HTTP API: what arrives at a handler, and what comes back."""

import base64

import httpx
import pytest


@pytest.fixture
def api(stack):
    with httpx.Client(base_url=stack.api_url) as client:
        yield client


def test_a_request_arrives_as_an_event_of_format_2(api):
    event = api.get("/things/a%2Fb?x=1&x=2", headers=[("X-Twice", "1"), ("X-Twice", "2")]).json()

    assert event["routeKey"] == "GET /things/{id}"
    assert event["rawPath"] == "/things/a%2Fb"
    assert event["pathParameters"] == {"id": "a/b"}
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["headers"]["x-twice"] == "1,2"
    assert event["requestContext"]["http"]["method"] == "GET"


def test_the_environment_comes_from_the_template(api):
    assert api.get("/things/1").json()["greeting"] == "hello from casement-local"


def test_a_handler_knows_how_much_time_it_has(api):
    assert 4000 < api.get("/things/1").json()["milliseconds"] <= 5000


def test_literal_paths_come_before_variables_and_the_default_takes_the_rest(api):
    assert api.get("/things/special").json()["routeKey"] == "ANY /things/special"
    assert api.put("/things/1").json()["routeKey"] == "$default"
    assert api.get("/").json()["routeKey"] == "$default"


def test_bytes_arrive_as_they_were_sent(api):
    body = bytes(range(256)) * 1000

    event = api.post("/anything", content=body, headers={"content-type": "application/json"}).json()

    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == body


def test_a_structured_answer_is_given_as_it_is(api):
    answer = api.get("/things/1", headers={"x-answer": "structured"})

    assert (answer.status_code, answer.text, answer.headers["x-made-by"]) == (401, "<b>", "echo")
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


def test_a_handler_that_raises_is_a_500_that_tells_nothing_and_is_logged(api, stack):
    answer = api.get("/fails")

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert stack.state()["functions"]["Fails"]["last_error"] == "RuntimeError: something a caller must not see"
    assert "something a caller must not see" in stack.log()


def test_a_handler_that_takes_too_long_is_a_503(api):
    assert api.get("/slow").status_code == 503


def test_more_than_10_megabytes_are_refused(api):
    answer = api.post("/items", content=b"x" * (10 * 1024 * 1024 + 1))

    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})


def test_head_has_no_body(api):
    answer = api.head("/things/1")

    assert (answer.status_code, answer.content) == (200, b"")


def test_the_stack_says_that_it_is_up_and_where(api, stack):
    health = api.get("/_local/health").json()

    assert health["status"] == "ok"
    assert (health["api_url"], health["aws_url"], health["table"]) == (
        stack.api_url,
        stack.aws_url,
        stack.table,
    )


def test_an_unknown_local_route_names_the_known_ones(api):
    answer = api.get("/_local/nothing")

    assert answer.status_code == 404
    assert "/_local/idle" in answer.text
