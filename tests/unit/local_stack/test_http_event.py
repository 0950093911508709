from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from local.stack.http_event import BadAnswerError, Request, answer_of, event_of

NOW = datetime(2026, 3, 12, 19, 3, 58, 390000, tzinfo=UTC)


def request(**changes: Any) -> Request:
    given: dict[str, Any] = {
        "method": "POST",
        "raw_path": "/my/pa%2Fth",
        "raw_query": "a=1&a=2&b=x%20y&flag=",
        "headers": (
            ("host", "127.0.0.1:8080"),
            ("content-type", "application/json; charset=utf-8"),
            ("x-many", "one"),
            ("x-many", "two"),
            ("cookie", "c1=v1; c2=v2"),
            ("user-agent", "agent"),
        ),
        "body": b'{"text":"\xc3\xa9"}',
        "client": "127.0.0.1",
        "host": "127.0.0.1:8080",
    }
    return Request(**(given | changes))


def event(**changes: Any) -> dict[str, Any]:
    return event_of(
        request(**changes),
        route_key="POST /my/{id}",
        path_parameters={"id": "pa/th"},
        request_id="r1",
        now=NOW,
    )


def test_an_event_is_what_api_gateway_sends_in_format_2():
    assert event() == {
        "version": "2.0",
        "routeKey": "POST /my/{id}",
        "rawPath": "/my/pa%2Fth",
        "rawQueryString": "a=1&a=2&b=x%20y&flag=",
        "cookies": ["c1=v1", "c2=v2"],
        "headers": {
            "host": "127.0.0.1:8080",
            "content-type": "application/json; charset=utf-8",
            "x-many": "one,two",
            "user-agent": "agent",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "8080",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"a": "1,2", "b": "x y", "flag": ""},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "/my/pa%2Fth",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "agent",
            },
            "requestId": "r1",
            "routeKey": "POST /my/{id}",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238390,
        },
        "pathParameters": {"id": "pa/th"},
        "body": '{"text":"é"}',
        "isBase64Encoded": False,
    }


def test_what_a_request_does_not_have_is_not_in_its_event():
    bare = event(raw_query="", headers=(), body=b"")

    assert not {"body", "cookies", "queryStringParameters"} & bare.keys()
    assert bare["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("application/json", b"{}", False),
        ("text/plain", b"a", False),
        ("Application/XML; charset=utf-8", b"<a/>", False),
        ("application/javascript", b"1", False),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("image/png", b"\x89PNG", True),
        ("", b"a", True),
        ("application/json", b'{"a":"\xff"}', True),  # no byte may be lost, or no signature would ever fit
    ],
)
def test_only_text_is_not_in_base64(content_type, body, encoded):
    got = event(headers=(("content-type", content_type),), body=body)

    assert got["isBase64Encoded"] is encoded


@pytest.mark.parametrize(
    ("result", "status", "headers", "body"),
    [
        ({"hello": 1}, 200, {"content-type": "application/json"}, b'{"hello": 1}'),
        ("hi", 200, {"content-type": "application/json"}, b'"hi"'),
        (None, 200, {"content-type": "application/json"}, b"null"),
        ({"statusCode": 204}, 204, {"content-type": "text/plain; charset=utf-8"}, b""),
        (
            {"statusCode": "201", "body": "é"},
            201,
            {"content-type": "text/plain; charset=utf-8"},
            "é".encode(),
        ),
        (
            {
                "statusCode": 200,
                "headers": {"Content-Type": "a/b", "X-N": 3},
                "body": "aGk=",
                "isBase64Encoded": True,
            },
            200,
            {"content-type": "a/b", "x-n": "3"},
            b"hi",
        ),
    ],
)
def test_a_handlers_result_becomes_an_answer(result, status, headers, body):
    answer = answer_of(result)

    assert (answer.status, dict(answer.headers), answer.body) == (status, headers, body)


def test_each_cookie_is_a_header():
    answer = answer_of({"statusCode": 200, "cookies": ["a=1", "b=2"]})

    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize(
    "result",
    [
        {"price": Decimal(1)},
        {"statusCode": "many"},
        {"statusCode": 1000},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": [("a", "b")]},
        {"statusCode": 200, "headers": {"a": None}},
        {"statusCode": 200, "body": "not base64!", "isBase64Encoded": True},
    ],
)
def test_what_api_gateway_would_not_take_is_refused(result):
    with pytest.raises(BadAnswerError):
        answer_of(result)
