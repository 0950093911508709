"""A WSGI request and answer as plain values, so that routes never touch an environ."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from local.simulator.config import Json
from local.simulator.errors import GraphError

CREDENTIALS = frozenset({"access_token", "appsecret_proof"})


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes
    base_url: str  # as the caller addressed us, so that links in answers lead back here

    @cached_property
    def params(self) -> Json:
        """Query and body together, as Graph reads them: JSON, or a form whose values may be JSON. No credentials."""
        return {name: value for name, value in self._all().items() if name not in CREDENTIALS}

    def _all(self) -> Json:
        if not self.body or self.headers.get("content-type", "").startswith("multipart/"):
            return dict(self.query)
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {**self.query, **_form(self.body)}
        return {**self.query, **self.json_object()}

    def json_object(self) -> Json:
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise GraphError(100, details="The body is not a JSON object.")
        return parsed


def several(value: str) -> list[str]:
    """A parameter that may be one value, several with commas, or a JSON array."""
    return [each for each in (each.strip(' []"') for each in value.split(",")) if each]


def _form(body: bytes) -> Json:
    return {name: _form_value(value) for name, value in parse_qsl(body.decode(errors="replace"))}


def _form_value(value: str) -> Any:
    if value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> "Response":
        kind = {"Content-Type": "application/json; charset=UTF-8"}
        return cls(status, json.dumps(value).encode(), kind | (headers or {}))

    def send(self, start_response: StartResponse) -> list[bytes]:
        headers = self.headers | {"Content-Length": str(len(self.body))}
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Unknown"
        start_response(f"{self.status} {phrase}", list(headers.items()))
        return [self.body]


def read_request(environ: WSGIEnvironment) -> Request:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    host = headers.get("host") or f"{environ['SERVER_NAME']}:{environ['SERVER_PORT']}"
    length = headers.get("content-length", "0" if environ["REQUEST_METHOD"] in {"GET", "DELETE"} else "")
    # httpx's WSGITransport names no length and ends the stream; a server names one, and its stream must
    # not be overread
    body = environ["wsgi.input"].read(int(length)) if length.isdigit() else environ["wsgi.input"].read()
    return Request(
        method=environ["REQUEST_METHOD"].upper(),
        path=environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace"),
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers=headers,
        body=body,
        base_url=f"{environ['wsgi.url_scheme']}://{host}",
    )
