"""Media at Meta: up, what there is to know, down, gone.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media.

One token often serves many numbers, and finds the media of all of them: `only_of` names the one number that a medium
must belong to. Name none where none must be: with it Meta was seen to refuse what customers had sent
(chatwoot/chatwoot#13319).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from casement.domain.errors import GraphOutcomeUnknown, GraphUnavailable, NotFound
from casement.meta.graph import ask

# One call ends within the 29 seconds that an HTTP API waits; a second one only begins if it would end in time too.
TIMEOUT = httpx.Timeout(connect=3.0, read=15.0, write=5.0, pool=1.0)
FILE_TIMEOUT = httpx.Timeout(connect=3.0, read=5.0, write=3.0, pool=1.0)  # of each part that is read

FILE_HOST = ("https", "lookaside.fbsbx.com", None)  # where Meta's links to files lead; no other host gets the token

_MB = 1024 * 1024
# What a MIME type starts with: the most bytes Meta takes. Meta judges the rest of it, and every other type.
_LIMITS = (
    *((kind, 5 * _MB) for kind in ("image/jpeg", "image/png")),
    ("image/webp", 500 * 1024),
    *((kind, 16 * _MB) for kind in ("video/mp4", "video/3gpp")),
    *((f"audio/{kind}", 16 * _MB) for kind in ("aac", "amr", "mpeg", "mp4", "ogg", "opus")),
    *((kind, 100 * _MB) for kind in ("text/plain", "application/pdf", "application/msword")),
    *((f"application/vnd.{kind}", 100 * _MB) for kind in ("ms-", "openxmlformats-officedocument.")),
)

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*?;[ \t]*name=(?:"([^"\r\n]*)"|([^\s;"]+))', re.IGNORECASE | re.MULTILINE
)
_TYPE = re.compile(rb"^content-type:[ \t]*([^\s;]{1,100})", re.IGNORECASE | re.MULTILINE)
_LONGEST_HEAD = 8192


@dataclass(frozen=True, slots=True)
class Attached:
    """The file in an upload, as far as one must know it."""

    mime_type: str
    size: int


@dataclass(frozen=True, slots=True)
class File:
    """A file that came down."""

    content: bytes = field(repr=False)
    mime_type: str


class Media:
    """The media of one Graph API version. `http` is long-lived and brings its own timeouts.

    `seconds_left` says how long the caller still waits.
    """

    def __init__(self, http: httpx.Client, *, base_url: str, version: str) -> None:
        self._http = http
        self._root = f"{base_url.rstrip('/')}/{version}"
        self._trusted = {FILE_HOST, _origin(httpx.URL(base_url))}

    def upload(self, number: str, token: str, body: bytes, content_type: str) -> dict[str, Any]:
        """`POST /{phone_number_id}/media` with a multipart body; Meta's answer. Twice is harmless: two ids.

        Raises as `ask` does.
        """
        url = f"{self._root}/{quote(number, safe='')}/media"
        return _object(ask(self._http, "POST", url, token, content=body, content_type=content_type))

    def info(self, media_id: str, token: str, *, only_of: str | None = None) -> dict[str, Any]:
        """`GET /{media_id}`; Meta's answer. Raises as `ask` does, and `NotFound` for what is no medium."""
        info = _object(self._call("GET", media_id, token, only_of))
        if not isinstance(info.get("url"), str) or not isinstance(info.get("mime_type"), str):
            raise NotFound("This id is no medium's, nor that of a template that is stored.")
        return info

    def delete(
        self, media_id: str, token: str, *, only_of: str | None = None, seconds_left: Callable[[], float]
    ) -> dict[str, Any]:
        """`DELETE /{media_id}`; Meta's answer. Raises as `info` does.

        It looks first: Meta deletes what has the id, be it a Flow.
        """
        self.info(media_id, token, only_of=only_of)
        _must_fit(TIMEOUT, seconds_left)
        return _object(self._call("DELETE", media_id, token, only_of))

    def download(
        self, info: Mapping[str, Any], token: str, *, largest: int, seconds_left: Callable[[], float]
    ) -> File | None:
        """The file that `info` tells of, None if it has more than `largest` bytes. No more than that is ever held.

        Raises `NotFound` or `GraphUnavailable`.
        """
        if _size(info) > largest:
            return None
        url = self._trusted_url(info.get("url"))
        _must_fit(FILE_TIMEOUT, seconds_left)
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept-Encoding": "identity",  # a few packed bytes can become many
            "User-Agent": "casement",
        }
        try:
            with self._http.stream("GET", url, headers=headers, timeout=FILE_TIMEOUT, follow_redirects=False) as answer:
                _must_be_a_file(answer)
                content = _at_most(largest, answer.iter_bytes(), seconds_left)
        except httpx.RequestError as error:
            raise GraphUnavailable(f"Meta's file did not arrive: {type(error).__name__}") from error
        mime_type = answer.headers.get("content-type", "application/octet-stream")
        return None if content is None else File(content, mime_type)

    def _call(self, method: str, media_id: str, token: str, only_of: str | None) -> Any:
        query = {"phone_number_id": only_of} if only_of else None
        return ask(self._http, method, f"{self._root}/{quote(media_id, safe='')}", token, params=query)

    def _trusted_url(self, text: object) -> httpx.URL:
        """The link, if its host may see the token. Raises `GraphUnavailable` otherwise."""
        try:
            url = httpx.URL(text if isinstance(text, str) else "")
            trusted = _origin(url) in self._trusted and not url.userinfo
        except (httpx.InvalidURL, ValueError) as error:
            raise GraphUnavailable("Meta's link to the file is none.") from error
        if not trusted:
            raise GraphUnavailable(f"Meta's link leads to {url.host or 'no host'}, which must not see the token.")
        return url


def attached(body: bytes, content_type: str) -> Attached | None:
    """The part `file` of a multipart body, None if there is none or it can't be read. Never raises.

    Just enough to say no early and in words; what goes to Meta is the body as it came.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None or not content_type.lower().startswith("multipart/form-data"):
        return None
    for head, size in _parts(body, (boundary[1] or boundary[2]).encode(errors="replace")):
        name, kind = _NAME.search(head), _TYPE.search(head)
        if name and (name[1] if name[2] is None else name[2]) == b"file":
            return Attached(kind[1].decode(errors="replace").lower() if kind else "", size)
    return None


def most_meta_takes(mime_type: str) -> int | None:
    """The most bytes that Meta takes of this type, None where we don't know."""
    return next((limit for start, limit in _LIMITS if mime_type.startswith(start)), None)


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[bytes, int]]:
    """Each part's head, and how many bytes follow it. Nothing of the content is copied."""
    edge = b"\r\n--" + boundary
    at = -2 if body.startswith(edge[2:]) else body.find(edge)
    while at != -1:
        begins = at + len(edge)
        at = body.find(edge, begins)
        head_ends = body.find(b"\r\n\r\n", begins, at) if at != -1 else -1
        if head_ends != -1:
            yield body[begins : min(head_ends, begins + _LONGEST_HEAD)], at - head_ends - 4


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise GraphOutcomeUnknown("Meta's answer has no JSON object")
    return answer


def _size(info: Mapping[str, Any]) -> int:
    """How large Meta says the file is, as a number or as text; 0 if it does not."""
    text = str(info.get("file_size"))
    return int(text[:18]) if text.isascii() and text.isdigit() else 0


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _must_fit(timeout: httpx.Timeout, seconds_left: Callable[[], float]) -> None:
    """Raise `GraphUnavailable` if a call with this timeout could outlast the caller."""
    if seconds_left() < sum(each or 0 for each in timeout.as_dict().values()):
        raise GraphUnavailable("Meta takes too long; try again.")


def _must_be_a_file(answer: httpx.Response) -> None:
    """No Graph errors come from here: Meta's file host refuses barely."""
    if answer.status_code == 404:
        raise NotFound("Meta no longer has this file.")
    if not answer.is_success or answer.headers.get("content-encoding", "identity") != "identity":
        raise GraphUnavailable(f"Meta's file host answered {answer.status_code}, and no file.")


def _at_most(largest: int, chunks: Iterator[bytes], seconds_left: Callable[[], float]) -> bytes | None:
    """All chunks, None as soon as they are more than `largest` bytes."""
    held = bytearray()
    for chunk in chunks:
        if len(held) + len(chunk) > largest:
            return None
        held += chunk
        if seconds_left() < (FILE_TIMEOUT.read or 0):
            raise GraphUnavailable("Meta's file comes too slowly; try again.")
    return bytes(held)
