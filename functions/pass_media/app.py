"""Media, passed through to Meta: upload, information, the file itself, deletion. Nothing of them is kept here.

Graph has one path for everything that has an id: what is no medium may be a template, which is shown as it is stored.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from casement.domain.api_key import ApiKey, Scope
from casement.domain.errors import GraphRejected, InvalidRequest, NotAllowed, NotFound
from casement.domain.templates import Held
from casement.meta.media import Media, attached, most_meta_takes
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint, number_meant, wabas_of
from casement.runtime.http import Request, Response
from casement.runtime.secret import Number, Secret
from casement.store.api_keys import ApiKeys
from casement.store.templates import Templates
from casement.usecases.list_templates import row_view

wiring.build_at_start(wiring.table, wiring.media, wiring.secret_source)

UPLOAD = "POST /{version}/{id}/media"
INFO = "GET /{version}/{id}"
DOWNLOAD = "GET /{version}/{id}/download"
DELETE = "DELETE /{version}/{id}"

# A Lambda invocation takes and gives 6 MB of JSON (6,291,456 bytes), and a body that is no text stands in it as base64:
# 4 characters for 3 bytes. So 6,000,000 of them, and the rest for headers. (API Gateway itself would take 10 MB.)
LARGEST = 4_500_000

PATIENCE_SECONDS = 28.0  # after 29 the caller hears from API Gateway instead

_MEDIA_ID = re.compile(r"[0-9]{1,32}", re.ASCII)  # so no `me`, no `debug_token`, no second path


def respond(
    request: Request,
    *,
    api_keys: ApiKeys,
    secret: Callable[[], Secret],
    media: Media,
    templates: Templates,
    clock: Callable[[], int],
) -> Response:
    """Answer one request. Raises a `CasementError` for what Meta, or we, will not do."""
    began = clock()
    key, scope = _caller(request, api_keys, began)
    known = secret()
    try:
        return _of_media(request, key, scope, known, media, lambda: PATIENCE_SECONDS - (clock() - began) / 1000)
    except (GraphRejected, InvalidRequest, NotFound):
        template = _template(request, key, scope, known, templates)
        if template is None:
            raise
        return Response.json(row_view(template, request.query.get("fields"), {}))


def _template(request: Request, key: ApiKey, scope: Scope, secret: Secret, templates: Templates) -> Held | None:
    """The stored template that the path names, if it names one of a WABA that the key may read."""
    id_ = request.path.get("id", "")
    if request.route != INFO or scope is not Scope.READ or not _MEDIA_ID.fullmatch(id_):
        return None
    found = (templates.held_by_id(waba_id, id_) for waba_id in wabas_of(key, secret))
    return next((held for held in found if held is not None), None)


def _of_media(
    request: Request,
    key: ApiKey,
    scope: Scope,
    secret: Secret,
    media: Media,
    seconds_left: Callable[[], float],
) -> Response:
    number = _number(request, key, scope, secret)
    if request.route == UPLOAD:
        return Response.json(_upload(request, number, media))
    media_id = _media_id(request)
    only_of = _only_of(number, key, secret)
    if request.route == DELETE:
        return Response.json(media.delete(media_id, number.token, only_of=only_of, seconds_left=seconds_left))
    info = media.info(media_id, number.token, only_of=only_of)
    if request.route == INFO:
        return Response.json(_with_our_url(info, request, number))
    file = media.download(info, number.token, largest=LARGEST, seconds_left=seconds_left)
    if file is None:
        raise InvalidRequest(
            f"At most {LARGEST} bytes pass through Casement, and this file has more. Fetch it from Meta itself: GET "
            f"{_path(request, media_id)} says where (casement.meta_url), for five minutes, with Meta's token."
        )
    return Response(200, content_type=file.mime_type, content=file.content)


def _caller(request: Request, api_keys: ApiKeys, now: int) -> tuple[ApiKey, Scope]:
    """Who asks, and by which right: who may send may look at media too."""
    if request.route in (INFO, DOWNLOAD):
        try:
            return authenticate(request, Scope.READ, api_keys, now), Scope.READ
        except NotAllowed:
            pass
    return authenticate(request, Scope.SEND, api_keys, now), Scope.SEND


def _number(request: Request, key: ApiKey, scope: Scope, secret: Secret) -> Number:
    """The number whose media are meant: an id alone does not say whose token it needs."""
    if request.route != UPLOAD:
        return number_meant(request, key, scope, secret)
    named = request.path.get("id", "")
    key.must_allow(scope, named)
    return secret.number(named)


def _only_of(number: Number, key: ApiKey, secret: Secret) -> str | None:
    """The number that a medium must belong to: asked of Meta only where the token reaches further than the key."""
    reached = {each.number for each in secret.numbers.values() if each.token == number.token}
    return number.number if key.numbers and not reached <= key.numbers else None


def _media_id(request: Request) -> str:
    media_id = request.path.get("id", "")
    if not _MEDIA_ID.fullmatch(media_id):
        raise NotFound("Unknown path, or no media id: those are digits.")
    return media_id


def _upload(request: Request, number: Number, media: Media) -> Mapping[str, Any]:
    content_type = request.headers.get("content-type", "")
    file = attached(request.body, content_type) if content_type.isascii() and content_type.isprintable() else None
    if file is None:
        raise InvalidRequest("The body must be multipart/form-data with a part named file.", parameter="file")
    limit = most_meta_takes(file.mime_type)
    if limit is not None and file.size > limit:
        raise InvalidRequest(
            f"file has {file.size} bytes. Meta takes at most {limit} of {file.mime_type}.", parameter="file"
        )
    if len(request.body) > LARGEST:
        raise InvalidRequest(
            f"At most {LARGEST} bytes pass through Casement. Upload the file to Meta itself, with Meta's token (POST "
            f"https://graph.facebook.com{_path(request, number.number)}/media), and send the id it gives through "
            "Casement; or send the file by link.",
            parameter="file",
        )
    return media.upload(number.number, number.token, request.body, content_type)


def _path(request: Request, id_: str) -> str:
    return f"/{request.path.get('version')}/{id_}"


def _with_our_url(info: Mapping[str, Any], request: Request, number: Number) -> Mapping[str, Any]:
    """What Meta says, but with a link that the caller can follow: Meta's own needs Meta's token."""
    ours = f"{request.url}/download?{urlencode({'phone_number_id': number.number})}"
    return {**info, "url": ours, "casement": {"meta_url": info["url"]}}


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    return respond(
        request,
        api_keys=wiring.api_keys(),
        secret=wiring.secret,
        media=wiring.media(),
        templates=wiring.templates(),
        clock=wiring.now,
    )
