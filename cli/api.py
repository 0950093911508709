"""Casement's own HTTP API, as the command calls it: a stack's templates, and its refusals in words.

What cannot be told from an answer is told by its class: `Refused` is final, `Limited` may be tried later, `Unclear` may
have happened, so that one looks before one asks again. Keys are never shown, nor is what Meta says about a token.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from cli.stack import LOCAL_API_KEY, Stack
from cli.trouble import Trouble

Json = dict[str, Any]

_TIMEOUT_S = 40.0  # API Gateway gives up after 30
_PAGE = "100"
_TRIES = 4  # of what only reads
_RATE_CODES = frozenset({4, 613, 80007, 130429})
_OURS = "casement-"  # how the trace ids of our own errors begin
_BAD_TOKEN = 190
_KEY_NEEDED = "casement keys create --name NAME --scope read --scope manage"
_UNKNOWN_KEY = f"The stack does not know this API key, or it was revoked. Make another one with: {_KEY_NEEDED}"
_NO_SUCH_ROUTE = "The stack has no such route: it is older than this command. Deploy it again: make deploy"


@dataclass(frozen=True, slots=True)
class Fault:
    """Where something is wrong, and what: `path` as in `components[1].text`, "" for the whole."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}" if self.path else self.why


class Refused(Trouble):
    """The API, or Meta behind it, said no. `faults` are what is wrong with a template, one for each place."""

    def __init__(self, words: str, *, code: int = 0, subcode: int = 0, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(words)
        self.code, self.subcode, self.faults = code, subcode, faults

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is wrong, one sentence for each fault."""
        return tuple(map(str, self.faults)) or (str(self),)


class NotLetIn(Refused):
    """The key may not do this, or the stack's own token may not: whatever is asked next will be refused too."""


class NotRead(Trouble):
    """Meta could not be asked what it has now. What the stack knows is as old as its last reading."""


class Limited(Trouble):
    """Meta wants no more of these calls for a while; nothing happened."""


class Unclear(Trouble):
    """No answer told what became of it. It may have happened."""


@dataclass(frozen=True)
class Api:
    """The HTTP API of one stack, called with one key."""

    http: httpx.Client
    base_url: str
    version: str
    key: str = field(repr=False)
    sleep: Callable[[float], None] = time.sleep

    def templates(
        self, waba_id: str, filters: Mapping[str, str | None] | None = None, *, refresh: bool = False
    ) -> Iterator[Json]:
        """Every template of a WABA that fits the filters, page by page, as the stack knows it.

        With `refresh`, the stack asks Meta first. Raises `NotRead` if that failed.
        """
        wanted = {name: value for name, value in (filters or {}).items() if value}
        query = {"limit": _PAGE, **wanted}
        first = {**query, "casement_refresh": "true"} if refresh else query
        answer = self._read(f"{self._waba(waba_id)}/message_templates", first)
        told = _object(answer.get("casement"))
        if refresh and told.get("refreshed") is not True:
            raise NotRead(
                f"The templates could not be read from Meta: {told.get('why') or 'the stack does not say why'}"
            )
        last = None
        while True:
            yield from _objects(answer.get("data"))
            paging = _object(answer.get("paging"))
            after = _object(paging.get("cursors")).get("after")
            if not paging.get("next") or not after:
                return
            if after == last:
                raise Trouble("The listing has no end: its pages lead back to themselves.")
            last = after
            answer = self._read(f"{self._waba(waba_id)}/message_templates", {**query, "after": str(after)})

    def create(self, waba_id: str, template: Mapping[str, Any]) -> Json:
        """Ask Meta for a template; its `id`, `status` and `category`, which may be another than asked for."""
        return self._call("POST", f"{self._waba(waba_id)}/message_templates", body=template)

    def edit(self, waba_id: str, template_id: str, change: Mapping[str, Any]) -> Json:
        """Change a template. Its components are replaced whole."""
        path = f"/{self.version}/{quote(template_id, safe='')}"
        return self._call("POST", path, query={"waba_id": waba_id}, body=change)

    def delete(self, waba_id: str, name: str, template_id: str | None = None) -> None:
        """Delete all translations of a name, or one."""
        query = {"name": name} | ({"hsm_id": template_id} if template_id else {})
        self._call("DELETE", f"{self._waba(waba_id)}/message_templates", query=query)

    def find(self, query: Mapping[str, str | None]) -> Json:
        """Templates for a contact, best first, and why others won't do."""
        return self._read("/casement/v1/templates/find", {name: value for name, value in query.items() if value})

    def preview(self, wanted: Mapping[str, Any]) -> Json:
        """A template as a contact would see it. Nothing is sent, so it may be asked again."""
        return self._call("POST", "/casement/v1/templates/preview", body=wanted)

    def read(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """What a path of Casement's own shows."""
        return self._read(path, query or {})

    def do(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Change something of Casement's own."""
        return self._call(method, path, body=body)

    def _waba(self, waba_id: str) -> str:
        return f"/{self.version}/{quote(waba_id, safe='')}"

    def _read(self, path: str, query: Mapping[str, str]) -> Json:
        """What changes nothing is asked again a few times."""
        for attempt in range(_TRIES - 1):
            try:
                return self._call("GET", path, query=query)
            except Unclear:
                self.sleep(2.0**attempt)
        return self._call("GET", path, query=query)

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Json:
        try:
            answer = self.http.request(
                method,
                f"{self.base_url}{path}",
                params=dict(query or {}),
                json=body,
                headers={"Authorization": f"Bearer {self.key}"},
                timeout=_TIMEOUT_S,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Trouble(f"{self.base_url} can't be reached ({type(error).__name__}). Is the stack up?") from None
        except httpx.HTTPError as error:
            raise Unclear(f"The stack gave no answer ({type(error).__name__}).") from None
        return _judged(answer)


def api_of(stack: Stack, http: httpx.Client, api_key: str | None, sleep: Callable[[float], None], no_key: str) -> Api:
    """A stack's API with a key for it; of the local stack, the published one. Raises `Trouble`, with the words `no_key`
    if there is none."""
    key = api_key or (LOCAL_API_KEY if stack.local else None)
    if not key:
        raise Trouble(no_key)
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise Trouble("The API key can't be one: it has spaces or signs that no key has.")
    return Api(http, stack.api_url, stack.graph_version, key, sleep)


def _judged(answer: httpx.Response) -> Json:
    """The body of a good answer. Raises what a bad one means."""
    try:
        body = _object(answer.json())
    except ValueError:
        body = {}
    status, error = answer.status_code, _object(body.get("error"))
    if answer.is_success:
        return body
    code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
    words = _words(status, error)
    if status == httpx.codes.TOO_MANY_REQUESTS or code in _RATE_CODES:
        raise Limited(words)
    if status >= 500 or error.get("is_transient") is True:
        raise Unclear(words)
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise NotLetIn(words, code=code, subcode=subcode)
    raise Refused(words, code=code, subcode=subcode, faults=_faults(error))


def _words(status: int, error: Mapping[str, Any]) -> str:
    """What an error says, without what it might quote."""
    code = _number(error.get("code"))
    data = _object(error.get("error_data"))
    details = data.get("details")
    if not error:
        return _NO_SUCH_ROUTE if status == httpx.codes.NOT_FOUND else f"The stack answered HTTP {status}."
    if str(error.get("fbtrace_id")).startswith(_OURS):
        return _UNKNOWN_KEY if code == _BAD_TOKEN else str(details or error.get("message"))
    if code == _BAD_TOKEN:
        return "Meta does not take the stack's token for this account (code 190). See: casement doctor"
    shown = [text for name in ("error_user_title", "error_user_msg") if isinstance(text := error.get(name), str)]
    said = ": ".join(shown) or str(details or error.get("message"))
    return f"Meta refused it: {said} (code {'/'.join(map(str, filter(None, (code, error.get('error_subcode')))))})"


def _faults(error: Mapping[str, Any]) -> tuple[Fault, ...]:
    ours = _object(_object(error.get("error_data")).get("casement"))
    return tuple(Fault(str(each.get("path", "")), str(each.get("why", ""))) for each in _objects(ours.get("faults")))


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Json]:
    return (each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict))


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
