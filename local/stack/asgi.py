"""The HTTP front: every request becomes a Lambda event for the function its route names."""

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from local.stack import http_event
from local.stack.functions import LoadedFunction
from local.stack.http_event import Answer, BadAnswerError, Request
from local.stack.routing import Match, Router

log = logging.getLogger("local.stack")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LocalRoute = Callable[[Mapping[str, str]], tuple[int, Any]]
"""A route of the stack itself: takes the query, returns a status and something JSON. It may block."""

GATEWAY_TIMEOUT_SECONDS = 30  # the longest that an HTTP API waits for a function


class Api:
    """An ASGI application that behaves like API Gateway's HTTP API, plus the `/_local/` routes.

    It does not imitate throttling, CORS settings, authorizers, custom domains or access logs.
    """

    def __init__(
        self,
        router: Router[LoadedFunction],
        local_routes: Mapping[str, LocalRoute],
        pool: Executor,
        *,
        after_call: Callable[[], None] = lambda: None,
    ) -> None:
        self._router = router
        self._local_routes = local_routes
        self._pool = pool
        self._after_call = after_call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"the local stack serves HTTP, not {scope['type']}")
        body = await _body(receive)
        path = scope["raw_path"].decode("ascii", "replace")
        if path.startswith("/_local/"):
            answer = await self._local(path, scope["query_string"].decode("ascii", "replace"))
        elif body is None:
            answer = Answer.of_gateway(413, "Request Entity Too Large")
        else:
            answer = await self._call(_request(scope, path, body))
        await _send(answer, send)

    async def _local(self, path: str, query: str) -> Answer:
        route = self._local_routes.get(path)
        if route is None:
            return Answer.of_gateway(404, f"there is {', '.join(sorted(self._local_routes))}")
        given = {name: values[-1] for name, values in parse_qs(query).items()}
        status, content = await asyncio.get_running_loop().run_in_executor(None, route, given)
        return Answer(status, (("content-type", "application/json"),), json.dumps(content).encode())

    async def _call(self, request: Request) -> Answer:
        match = self._router.match(request.method, request.raw_path)
        if match is None:
            return Answer.of_gateway(404, "Not Found")
        if len(request.body) > http_event.MAX_INVOCATION_BYTES:
            return Answer.of_gateway(413, "Request Entity Too Large")
        try:
            return await asyncio.wait_for(
                asyncio.get_running_loop().run_in_executor(self._pool, self._answer, match, request),
                min(match.target.function.timeout_seconds, GATEWAY_TIMEOUT_SECONDS),
            )
        except TimeoutError:
            name, seconds = match.target.function.name, match.target.function.timeout_seconds
            log.error(
                "%s took longer than its %s s, or than the %s s of an HTTP API",
                name,
                seconds,
                GATEWAY_TIMEOUT_SECONDS,
            )
            return Answer.of_gateway(503, "Service Unavailable")

    def _answer(self, match: Match[LoadedFunction], request: Request) -> Answer:
        """Call the function; runs in a thread, since handlers are synchronous."""
        request_id = str(uuid.uuid4())
        event = http_event.event_of(
            request,
            route_key=match.route.key,
            path_parameters=match.path_parameters,
            request_id=request_id,
            now=datetime.now(UTC),
        )
        try:
            answer = http_event.answer_of(match.target.invoke(event, request_id))
        except BadAnswerError as error:
            log.error("%s: %s", match.target.function.name, error)
            return Answer.of_gateway(500, "Internal Server Error")
        except Exception:  # logged where it happened
            return Answer.of_gateway(500, "Internal Server Error")
        finally:
            self._after_call()
        return Answer(answer.status, (*answer.headers, ("apigw-requestid", request_id)), answer.body)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None if it is larger than an HTTP API takes (the rest is read and dropped)."""
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= http_event.MAX_PAYLOAD_BYTES:
            chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks) if size <= http_event.MAX_PAYLOAD_BYTES else None


def _request(scope: Scope, path: str, body: bytes) -> Request:
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
    host = next((value for name, value in headers if name == "host"), "127.0.0.1")
    return Request(
        method=scope["method"],
        raw_path=path,
        raw_query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=body,
        client=scope["client"][0] if scope.get("client") else "127.0.0.1",
        host=host,
        protocol=f"HTTP/{scope['http_version']}",
    )


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
