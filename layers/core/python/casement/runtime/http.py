"""HTTP in and out, in the form of an HTTP API's payload 2.0."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. Header names are lower case; path values are decoded."""

    route: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    url: str = ""  # without query


@dataclass(frozen=True, slots=True)
class Response:
    """What goes out: text, or bytes if there is `content`."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    content: bytes | None = field(default=None, repr=False)
    problem: str | None = None  # the name of the error that this tells of, for the log
    etag: str | None = None  # which version of a thing this shows

    @classmethod
    def json(
        cls, body: Any, status: int = 200, *, problem: str | None = None, version: int | None = None
    ) -> "Response":
        """A JSON answer; `version` is that of the one thing that it shows."""
        etag = None if version is None else etag_of(version)
        return cls(status, json.dumps(body, separators=(",", ":")), problem=problem, etag=etag)

    def to_event(self) -> dict[str, Any]:
        """What a function returns to API Gateway."""
        event: dict[str, Any] = {
            "statusCode": self.status,
            "headers": {"content-type": self.content_type},
            "body": self.body,
        }
        if self.etag is not None:
            event["headers"]["etag"] = self.etag
        if self.content is not None:
            event |= {"body": base64.b64encode(self.content).decode(), "isBase64Encoded": True}
        return event


def etag_of(version: int) -> str:
    """A version as the header `ETag` names it."""
    return f'"{version}"'


def request_from(event: Mapping[str, Any]) -> Request:
    """The request in an event of payload 2.0 (of 1.0 too, as far as the fields agree)."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return Request(
        event.get("routeKey") or "",
        event.get("pathParameters") or {},
        event.get("queryStringParameters") or {},
        headers,
        _body(event),
        f"{headers.get('x-forwarded-proto', 'https')}://{headers.get('host', '')}{event.get('rawPath') or ''}",
    )


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode(errors="surrogatepass") if isinstance(body, str) else b""
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):  # not what the gateway sends; no signature will fit it
        return b""
