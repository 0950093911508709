"""The Graph API, as far as Casement calls it.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/. The token goes in a header only, so
no URL, log or error can hold it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from casement.domain.compact_json import dumps
from casement.domain.errors import GraphOutcomeUnknown, GraphRejected, GraphUnavailable
from casement.domain.meta_errors import ErrorClass, classify, code_of

# Together well below the 29 seconds that an HTTP API waits for a function: what became of a send must still be written.
TIMEOUT = httpx.Timeout(connect=3.0, read=10.0, write=3.0, pool=1.0)
# Looking at one thing is quick, or not worth waiting for: who looks has more to do while a caller waits.
LOOK_TIMEOUT = httpx.Timeout(connect=3.0, read=5.0, write=3.0, pool=1.0)
PAGE_LIMIT = 200
_MOST_PAGES = 10  # of analytics: ten templates have 900 points in 90 days
BUSINESS_USAGE = "x-business-use-case-usage"
TEMPLATE_FIELDS = (
    "id,name,language,status,category,sub_category,previous_category,correct_category,parameter_format,components,"
    "rejected_reason,quality_score,library_template_name,message_send_ttl_seconds"
)

# These fail before any byte of the request has left.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class Page(NamedTuple):
    """One page of a listing; `after` is the cursor of the next one, None on the last."""

    data: list[dict[str, Any]]
    after: str | None


class Graph:
    """A client of one Graph API version. `http` is long-lived and brings its own timeouts."""

    def __init__(self, http: httpx.Client, *, base_url: str, version: str) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/{version}"

    def post_message(self, number: str, token: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /{phone_number_id}/messages`; Meta's answer.

        Raises `GraphRejected`, `GraphUnavailable` (not sent) or `GraphOutcomeUnknown` (it may have been sent).
        """
        answer = self._call("POST", f"{quote(number, safe='')}/messages", token, content=dumps(message).encode())
        if not isinstance(answer, dict):
            raise GraphOutcomeUnknown("Meta's answer has no JSON object")
        return answer

    def number(self, number: str, token: str) -> Any:
        """`GET /{phone_number_id}`: whether Meta knows the number and takes the token. Raises a `GraphError` if not."""
        return self._call("GET", quote(number, safe=""), token, params={"fields": "id"})

    def templates(
        self, waba_id: str, token: str, after: str | None, *, name: str | None = None, limit: int = PAGE_LIMIT
    ) -> Page:
        """One page of `GET /{waba_id}/message_templates`. Pages are followed by cursor: `next` holds the token.

        With `name`, only templates of that name, and whichever others Meta finds alike. Meta answers HTTP 500 with code
        1 (`GraphOutcomeUnknown`) where `limit` makes a page too much.
        """
        query = {"fields": TEMPLATE_FIELDS, "limit": str(limit)}
        query |= {"after": after} if after else {}
        query |= {"name": name} if name else {}
        answer = self._call("GET", _listing(waba_id), token, params=query, timeout=LOOK_TIMEOUT if name else None)
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
            raise GraphUnavailable("Meta's answer is no listing")
        return Page(answer["data"], _next_page(answer.get("paging")))

    def template(self, template_id: str, token: str) -> dict[str, Any] | None:
        """`GET /{template_id}`: one translation, None if Meta no longer has it."""
        try:
            fields = {"fields": TEMPLATE_FIELDS}
            answer = self._call("GET", quote(template_id, safe=""), token, params=fields, timeout=LOOK_TIMEOUT)
        except GraphRejected as error:
            if _is_gone(error):
                return None
            raise
        if not isinstance(answer, dict):
            raise GraphUnavailable("Meta's answer is no template")
        return answer

    def create_template(self, waba_id: str, token: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /{waba_id}/message_templates`; Meta's answer: `id`, `status`, `category`, which can be another than was
        asked for. Twice is refused: there is one of that name and language.

        Raises `GraphRejected`, `GraphUnavailable` (there is none) or `GraphOutcomeUnknown` (there may be one). What is
        wrong with a template can be Meta's `code` or, under 100, its `error_subcode`: 2388019 and the like.
        """
        answer = self._call("POST", _listing(waba_id), token, content=dumps(wanted).encode())
        if not isinstance(answer, dict) or not isinstance(answer.get("id"), str | int):
            raise GraphOutcomeUnknown("Meta's answer has no template id")
        return {**answer, "id": str(answer["id"])}

    def edit_template(self, template_id: str, token: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """`POST /{template_id}`; Meta's answer. `components` are replaced whole. Raises as `create_template` does."""
        answer = self._call("POST", quote(template_id, safe=""), token, content=dumps(change).encode())
        return _done(answer)

    def unpause_template(self, template_id: str, token: str) -> dict[str, Any]:
        """`POST /{template_id}/unpause`; Meta's answer. Twice is refused: it is not paused. Raises as `create_template`
        does."""
        return _done(self._call("POST", f"{quote(template_id, safe='')}/unpause", token, content=b"{}"))

    def delete_template(
        self, waba_id: str, token: str, *, name: str | None = None, template_ids: Sequence[str] = ()
    ) -> dict[str, Any]:
        """`DELETE /{waba_id}/message_templates`; Meta's answer. By name alone: all languages of it; with an id: that
        one, whose name Meta wants too; with more ids: those. Twice is refused: there is none. Raises as
        `create_template` does.
        """
        query = {"name": name} if name else {}
        query |= {"hsm_id": template_ids[0]} if len(template_ids) == 1 else {}
        query |= {"hsm_ids": dumps(list(template_ids))} if len(template_ids) > 1 else {}
        return _done(self._call("DELETE", _listing(waba_id), token, params=query))

    def template_analytics(
        self, waba_id: str, token: str, template_ids: Sequence[str], start: int, end: int
    ) -> list[dict[str, Any]]:
        """`GET /{waba_id}/template_analytics`: the data points of at most ten templates, one a day (UTC), from `start`
        to `end` (epoch seconds). Before they are switched on, `GraphRejected` with code 200005 or the like.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/analytics#template-analytics
        """
        query = {"start": str(start), "end": str(end), "granularity": "DAILY", "limit": str(PAGE_LIMIT)} | {
            "metric_types": dumps(["cost", "clicked", "delivered", "read", "sent"]),
            "template_ids": dumps(list(template_ids)),
        }
        path, points, after = f"{quote(waba_id, safe='')}/template_analytics", list[dict[str, Any]](), None
        for _ in range(_MOST_PAGES):
            asked = query | ({"after": after} if after else {})
            answer = self._call("GET", path, token, params=asked, timeout=LOOK_TIMEOUT)
            if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
                raise GraphUnavailable("Meta's answer is no listing")
            for each in answer["data"]:
                found = each.get("data_points") if isinstance(each, dict) else None
                points += [point for point in found if isinstance(point, dict)] if isinstance(found, list) else []
            after = _next_page(answer.get("paging"))
            if after is None:
                break
        return points

    def _call(
        self,
        method: str,
        path: str,
        token: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: httpx.Timeout | None = None,
    ) -> Any:
        url = f"{self._root}/{path}"
        return ask(self._http, method, url, token, params=params, content=content, timeout=timeout)


def ask(
    http: httpx.Client,
    method: str,
    url: str,
    token: str,
    *,
    params: Mapping[str, str] | None = None,
    content: bytes | None = None,
    content_type: str = "application/json",
    timeout: httpx.Timeout | None = None,
) -> Any:
    """One call of the Graph API; Meta's answer, parsed, None if it is no JSON. Without `timeout`, the client's own
    counts.

    Raises `GraphRejected`, `GraphUnavailable` (it was not done) or `GraphOutcomeUnknown` (it may have been).
    """
    headers = {"Authorization": f"Bearer {token}"}
    if content is not None:
        headers["Content-Type"] = content_type
    patience = timeout or http.timeout
    try:
        answer = http.request(method, url, params=params, content=content, headers=headers, timeout=patience)
    except _NOT_SENT as error:
        raise GraphUnavailable(f"Meta could not be reached: {type(error).__name__}") from error
    except httpx.RequestError as error:  # an answer that can't be decoded is one of these too
        raise GraphOutcomeUnknown(f"Meta's answer did not arrive: {type(error).__name__}") from error
    return _read(answer)


def _listing(waba_id: str) -> str:
    return f"{quote(waba_id, safe='')}/message_templates"


def _done(answer: Any) -> dict[str, Any]:
    """The answer to what is to be done. Raises `GraphOutcomeUnknown` unless it says that it was."""
    if not isinstance(answer, dict) or answer.get("success") is False:
        raise GraphOutcomeUnknown("Meta's answer does not say that it was done")
    return answer


def _read(answer: httpx.Response) -> Any:
    status = answer.status_code
    try:
        body = json.loads(answer.content)
    except (ValueError, RecursionError):
        body = None
    if answer.is_success:
        return body
    kind, code = classify(status, body), code_of(body)
    if kind is ErrorClass.AMBIGUOUS:
        raise GraphOutcomeUnknown(f"Meta answered {status} with code {code}")
    if code is None:  # no error of Graph's, so nothing to pass on to a Graph client
        raise GraphUnavailable(f"Something before Meta answered {status}")
    if kind is ErrorClass.RETRY:
        raise GraphUnavailable(
            f"Meta answered {status} with code {code}",
            status=status,
            body=body,
            code=code,
            retry_after=_retry_after(answer),
        )
    raise GraphRejected(status, body, code)


def _retry_after(answer: httpx.Response) -> int | None:
    """The seconds that Meta asks to wait: `Retry-After`, or the minutes in the header of a business' limits."""
    asked = answer.headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit() and len(asked) < 6:
        return int(asked)
    minutes = re.search(r'"estimated_time_to_regain_access":\s*(\d{1,4})', answer.headers.get(BUSINESS_USAGE, ""))
    return int(minutes[1]) * 60 if minutes and int(minutes[1]) else None


def _next_page(paging: Any) -> str | None:
    """The cursor of the next page, None after the last. Raises `GraphUnavailable` if there is one without a cursor:
    what was read until then is no complete listing."""
    if not isinstance(paging, dict) or not paging.get("next"):
        return None
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    if not isinstance(after, str) or not after:
        raise GraphUnavailable("Meta's listing goes on, and does not say where")
    return after


def _is_gone(error: GraphRejected) -> bool:
    """Code 100 with subcode 33, and 132001: the object does not exist (any more)."""
    details = error.body.get("error")
    subcode = details.get("error_subcode") if isinstance(details, dict) else None
    return error.code in (33, 132001) or (error.code == 100 and subcode == 33)
