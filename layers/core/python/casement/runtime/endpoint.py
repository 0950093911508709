"""The edge of the Graph-compatible functions: an event in, Meta's shapes out, one log line a request."""

import re
from collections.abc import Callable, Collection
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey, Scope
from casement.domain.errors import CasementError, ChangedMeanwhile, InvalidRequest, NotAuthenticated, NotFound
from casement.domain.message_key import MessageKey
from casement.domain.untrusted import loads
from casement.runtime.graph_shape import error_response
from casement.runtime.http import Request, Response, etag_of, request_from
from casement.runtime.secret import Number, Secret
from casement.store.api_keys import ApiKeys

_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}
_VERSION = re.compile(r"v[0-9]{1,3}\.[0-9]{1,3}")

logger = Logger()

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def endpoint(respond: Callable[[Request], Response]) -> Handler:
    """A Lambda handler around `respond`. A `CasementError` becomes its answer; anything else is a bug and escapes."""

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        request = request_from(event)
        try:
            _must_name_a_version(request)
            response = respond(request)
        except CasementError as error:
            response = error_response(error)
        logger.info(
            "answered",
            route=request.route,
            status=int(response.status),
            error=response.problem,
            function_request_id=getattr(context, "aws_request_id", None),
        )
        return response.to_event()

    return handler


def _must_name_a_version(request: Request) -> None:
    """Graph's paths start with a version; a path that starts with anything else is another one, and not known."""
    version = request.path.get("version")
    if version is not None and not _VERSION.fullmatch(version):
        raise NotFound("Unknown path: it must start with a version, such as /v25.0/.")


def authenticate(request: Request, scope: Scope, api_keys: ApiKeys, now: int, *, number: str | None = None) -> ApiKey:
    """The API key of a request, if it may do `scope` (on `number`). Raises `NotAuthenticated` or `NotAllowed`."""
    given = request.headers.get("x-api-key") or _bearer(request.headers.get("authorization", ""))
    key = api_keys.find(given, now) if given else None
    if key is None:
        raise NotAuthenticated("Invalid API key: Casement does not know it, or it was revoked.")
    key.must_allow(scope, number)
    return key


def _bearer(header: str) -> str:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") else ""


def number_meant(request: Request, key: ApiKey, scope: Scope, secret: Secret, *, in_body: str | None = None) -> Number:
    """The number that a request without one in its path is about: named in the query or the body, or the only one.

    Raises `InvalidRequest`, `NotAllowed` or `NumberNotConfigured`.
    """
    named = in_body or request.query.get("phone_number_id") or _only(key.numbers) or _only(secret.numbers)
    if not named:
        raise InvalidRequest(
            "Add phone_number_id: this API key is for more than one number.", parameter="phone_number_id"
        )
    key.must_allow(scope, named)
    return secret.number(named)


def numbers_of(key: ApiKey, secret: Secret) -> list[Number]:
    """The numbers that an API key is for."""
    return [number for number in secret.numbers.values() if key.is_for(number.number)]


def wabas_of(key: ApiKey, secret: Secret) -> list[str]:
    """The WABAs whose numbers an API key is for."""
    return list(dict.fromkeys(number.waba_id for number in numbers_of(key, secret) if number.waba_id))


def hold_key(request: Request) -> MessageKey:
    """The key of the message that a path names. Raises `NotFound` for what is none."""
    key = MessageKey.parse(request.path.get("hold_id"))
    if key is None:
        raise NotFound("Messages that wait are found by the id that Casement gave them.")
    return key


def json_body(request: Request, largest: int) -> Any:
    """What the body says. Raises `InvalidRequest` if it has more than `largest` bytes or is no JSON."""
    if len(request.body) > largest:
        raise InvalidRequest(f"The body is larger than {largest} bytes.")
    try:
        return loads(request.body)
    except ValueError as error:
        raise InvalidRequest(f"The body {error}.") from error


def json_object(request: Request, largest: int) -> dict[str, Any]:
    """The same, of a body that must be an object."""
    body = json_body(request, largest)
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body


def is_wanted(request: Request, name: str) -> bool:
    """What the query says of a yes or no. Raises `InvalidRequest` for what is neither: it might mean the other."""
    given = request.query.get(name, "false").lower()
    if given not in _YES_OR_NO:
        raise InvalidRequest(f"{name} must be true or false.", parameter=name)
    return _YES_OR_NO[given]


def must_match(request: Request, version: int) -> None:
    """Raise `ChangedMeanwhile` unless the caller, who may name a version in `If-Match`, knows what is there."""
    given = request.headers.get("if-match")
    if given is None or given.strip() == "*":
        return
    if etag_of(version) not in [each.strip().removeprefix("W/") for each in given.split(",")]:
        raise ChangedMeanwhile


def _only(numbers: Collection[str]) -> str:
    return next(iter(numbers)) if len(numbers) == 1 else ""
