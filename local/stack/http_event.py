"""HTTP in and out as API Gateway translates it for Lambda: payload format 2.0. Pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from local.stack.template import ACCOUNT_ID

MAX_PAYLOAD_BYTES = 10 * 1024 * 1024  # what an HTTP API takes
MAX_INVOCATION_BYTES = 6 * 1024 * 1024  # what a synchronous Lambda invocation takes, base64 included

API_ID = "local"

_TEXT_TYPES = ("application/json", "application/javascript", "application/xml")


class BadAnswerError(Exception):
    """The function returned something that API Gateway cannot turn into an HTTP answer."""


@dataclass(frozen=True)
class Request:
    """What came over the wire."""

    method: str
    raw_path: str  # not decoded, without the query
    raw_query: str
    headers: tuple[tuple[str, str], ...]  # names in lower case
    body: bytes
    client: str  # the caller's address
    host: str  # "127.0.0.1:8080"
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    def of_gateway(cls, status: int, message: str) -> "Answer":
        """An answer that API Gateway gives by itself."""
        return cls(status, (("content-type", "application/json"),), json.dumps({"message": message}).encode())


def event_of(
    request: Request, *, route_key: str, path_parameters: Mapping[str, str], request_id: str, now: datetime
) -> dict[str, Any]:
    """The event that Lambda gets for a request. What a request does not have is not in its event."""
    headers, cookies = _headers(request.headers)
    host, _, port = request.host.partition(":")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.raw_path,
        "rawQueryString": request.raw_query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = {
        **headers,
        "x-forwarded-for": request.client,
        "x-forwarded-port": port or "80",
        "x-forwarded-proto": "http",
    }
    if request.raw_query:
        event["queryStringParameters"] = _joined(parse_qsl(request.raw_query, keep_blank_values=True))
    event["requestContext"] = {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": host,
        "domainPrefix": host.split(".", 1)[0],
        "http": {
            "method": request.method,
            "path": request.raw_path,
            "protocol": request.protocol,
            "sourceIp": request.client,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": route_key,
        "stage": "$default",
        "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(now.timestamp() * 1000),
    }
    if path_parameters:
        event["pathParameters"] = dict(path_parameters)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers.get("content-type", ""))
    else:
        event["isBase64Encoded"] = False
    return event


def answer_of(result: Any) -> Answer:
    """The HTTP answer for what a handler returned: format 2.0, or any JSON, which becomes a 200."""
    if not isinstance(result, dict) or "statusCode" not in result:
        try:
            body = json.dumps(result).encode()
        except (TypeError, ValueError) as error:
            raise BadAnswerError(f"the function's result is not JSON: {error}") from error
        return Answer(200, (("content-type", "application/json"),), body)
    status = result["statusCode"]
    if not str(status).isdecimal() or not 100 <= int(status) <= 599:
        raise BadAnswerError(f"statusCode is {status!r}")
    return Answer(int(status), tuple(_answer_headers(result)), _answer_body(result))


def _headers(given: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Header values, a repeated name's joined by commas; and cookies, which go apart."""
    cookies: list[str] = []
    others: list[tuple[str, str]] = []
    for name, value in given:
        if name == "cookie":
            cookies += [cookie.strip() for cookie in value.split(";") if cookie.strip()]
        else:
            others.append((name, value))
    return _joined(others), cookies


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    """The body as text, or in base64. Text that is not UTF-8 goes in base64 too, so that no byte is lost."""
    media_type = content_type.split(";", 1)[0].strip().lower()
    if media_type.startswith("text/") or media_type in _TEXT_TYPES:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True


def _answer_headers(result: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    headers = result.get("headers") or {}
    if not isinstance(headers, dict):
        raise BadAnswerError("headers is not an object")
    named = {str(name).lower(): _header_text(name, value) for name, value in headers.items()}
    if "content-type" not in named:
        yield "content-type", "text/plain; charset=utf-8"
    yield from ((name, value) for name, value in named.items() if name != "content-length")
    yield from (("set-cookie", str(cookie)) for cookie in result.get("cookies") or ())


def _header_text(name: str, value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise BadAnswerError(f"the header {name} is {type(value).__name__}, not text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _answer_body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise BadAnswerError(f"body is {type(body).__name__}, not text")
    if not result.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise BadAnswerError("isBase64Encoded is true, but the body is not base64") from error
