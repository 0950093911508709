"""Who is told what: subscriptions, tried, paused, resumed; what became of deliveries; and what was told."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey, Scope
from casement.domain.contact import contact_key
from casement.domain.deliveries import Became
from casement.domain.errors import InvalidRequest, NotFound
from casement.domain.events import Event, Numbered
from casement.domain.subscription import Subscription, matches
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint, json_object, must_match, number_meant
from casement.runtime.http import Request, Response
from casement.runtime.paging import cursor, limit_of, link, position_in
from casement.runtime.secret import Secret
from casement.store.api_keys import ApiKeys
from casement.store.journal import Journal
from casement.usecases import manage_subscriptions as manage
from casement.usecases.find_conversation import ReadAlias, find_conversation
from casement.usecases.manage_subscriptions import Desk

LARGEST_BODY = 65_536  # bytes
MOST_LOOKED_AT = 1_000  # events, for one page of those of a type

logger = Logger()


@dataclass(frozen=True, slots=True)
class ToldEvents:
    """Where what was told is found."""

    journal: Journal
    read_alias: ReadAlias
    secret: Callable[[], Secret]


def respond(request: Request, *, api_keys: ApiKeys, desk: Desk, told: ToldEvents) -> Response:
    """Answer one request. Raises a `CasementError` for what can't be done."""
    now = desk.clock()
    if request.route == EVENTS:
        return _events(request, authenticate(request, Scope.READ, api_keys, now), told)
    if request.route not in _ROUTES:
        raise NotFound("Unknown path or method. Casement's routes are listed in its README.")
    key = authenticate(request, Scope.MANAGE, api_keys, now)
    return _ROUTES[request.route](request, key, desk)


def _list(_request: Request, key: ApiKey, desk: Desk) -> Response:
    return Response.json({"data": [each.view() for each in manage.list_all(key, desk)]})


def _create(request: Request, key: ApiKey, desk: Desk) -> Response:
    made = manage.create(_body(request), key, desk)
    logger.info("subscribed", by=key.name, subscription=made.id)
    return _with_secret(made, desk.clock(), 201)


def _show(request: Request, key: ApiKey, desk: Desk) -> Response:
    return _one(_found(request, key, desk))


def _change(request: Request, key: ApiKey, desk: Desk) -> Response:
    changed = manage.change(_found(request, key, desk), _body(request), key, desk)
    logger.info("subscription changed", by=key.name, subscription=changed.id)
    return _one(changed)


def _remove(request: Request, key: ApiKey, desk: Desk) -> Response:
    removed = _found(request, key, desk)
    manage.remove(removed, desk)
    logger.info("subscription removed", by=key.name, subscription=removed.id)
    return Response.json({"success": True})


def _test(request: Request, key: ApiKey, desk: Desk) -> Response:
    return Response.json(manage.test(_found(request, key, desk), desk))


def _pause(request: Request, key: ApiKey, desk: Desk) -> Response:
    paused = manage.pause(_found(request, key, desk), key.name, desk)
    logger.info("subscription paused", by=key.name, subscription=paused.id)
    return _one(paused)


def _resume(request: Request, key: ApiKey, desk: Desk) -> Response:
    body = _body(request)
    wanted = body.get("redeliver", True)
    if set(body) - {"redeliver"} or not isinstance(wanted, bool):
        raise InvalidRequest("redeliver must be true or false.", parameter="redeliver")
    resumed, missed = manage.resume(_found(request, key, desk), desk, redeliver=wanted)
    logger.info("subscription resumed", by=key.name, subscription=resumed.id, redeliver=wanted)
    return Response.json({**resumed.view(), **missed}, version=resumed.version)


def _rotate_secret(request: Request, key: ApiKey, desk: Desk) -> Response:
    rotated = manage.rotate_secret(_found(request, key, desk), _body(request), desk)
    logger.info("subscription's secret rotated", by=key.name, subscription=rotated.id)
    return _with_secret(rotated, desk.clock(), 200)


def _redeliver(request: Request, key: ApiKey, desk: Desk) -> Response:
    subscription = _found(request, key, desk)
    answer = manage.redeliver(subscription, _body(request), desk)
    logger.info("to be delivered again", by=key.name, subscription=subscription.id)
    return Response.json(answer, 202)


def _deliveries(request: Request, key: ApiKey, desk: Desk) -> Response:
    state = request.query.get("state", "")
    if state and state not in tuple(Became):
        raise InvalidRequest(f"state must be one of {', '.join(Became)}.", parameter="state")
    page = manage.deliveries(
        _found(request, key, desk),
        desk,
        limit=limit_of(request),
        after=position_in(request, "after") or "",
        state=state,
        type_=request.query.get("type", ""),
    )
    return _page(request, [manage.delivery_view(line) for line in page.lines], page.after)


def _events(request: Request, key: ApiKey, told: ToldEvents) -> Response:
    """What was told of a conversation, or of a number as a whole; newest first, as subscribers got it.

    A conversation that got another name goes on above what was told under the one before.
    """
    number = number_meant(request, key, Scope.READ, told.secret()).number
    given, contacts = request.query.get("conversation_id"), [""]
    if given:
        contacts = list(find_conversation(number, contact_key(given), read=told.read_alias).contacts)
    scopes = [Event("", "", 0, {}, number, contact).scope for contact in contacts]
    limit, wanted = limit_of(request), request.query.get("type")
    found: list[Numbered] = []
    last = _sequence(request)
    events = (told.journal.events(scope, before=last) for scope in scopes)
    for looked_at, one in enumerate(heapq.merge(*events, key=lambda each: each.sequence, reverse=True)):
        if len(found) == limit or looked_at == MOST_LOOKED_AT:
            return _page(request, [_body_of(each) for each in found], str(last))
        last = one.sequence
        if not wanted or matches(wanted, one.event.type):
            found.append(one)
    return _page(request, [_body_of(each) for each in found], None)


def _sequence(request: Request) -> int | None:
    position = position_in(request, "after")
    if position is not None and not (position.isascii() and position.isdigit() and len(position) <= 13):
        raise InvalidRequest("after is no cursor that Casement gave.", parameter="after")
    return None if position is None else int(position)


def _body_of(told: Numbered) -> dict[str, Any]:
    return told.event.body(told.sequence)


def _found(request: Request, key: ApiKey, desk: Desk) -> Subscription:
    """The subscription that a path names, as the caller knows it."""
    found = manage.find(request.path["subscription_id"], key, desk)
    must_match(request, found.version)
    return found


def _body(request: Request) -> Mapping[str, Any]:
    return json_object(request, LARGEST_BODY) if request.body else {}


def _one(subscription: Subscription) -> Response:
    return Response.json(subscription.view(), version=subscription.version)


def _with_secret(subscription: Subscription, now: int, status: int) -> Response:
    """The only time that a secret is shown."""
    secrets = subscription.signs_with(now)
    view = subscription.view() | ({"secret": secrets[0]} if secrets else {})
    return Response.json(view, status, version=subscription.version)


def _page(request: Request, data: list[Any], after: str | None) -> Response:
    view: dict[str, Any] = {"data": data}
    if after is not None:
        view["paging"] = {"cursors": {"after": cursor(after)}, "next": link(request, after=cursor(after))}
    return Response.json(view)


EVENTS = "GET /casement/v1/events"
_PATH = "/casement/v1/subscriptions"
_ONE = f"{_PATH}/{{subscription_id}}"
_ROUTES: Mapping[str, Callable[[Request, ApiKey, Desk], Response]] = {
    f"GET {_PATH}": _list,
    f"POST {_PATH}": _create,
    f"GET {_ONE}": _show,
    f"PATCH {_ONE}": _change,
    f"DELETE {_ONE}": _remove,
    f"POST {_ONE}/test": _test,
    f"POST {_ONE}/pause": _pause,
    f"POST {_ONE}/resume": _resume,
    f"POST {_ONE}/rotate_secret": _rotate_secret,
    f"POST {_ONE}/redeliver": _redeliver,
    f"GET {_ONE}/deliveries": _deliveries,
}


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    told = ToldEvents(wiring.journal(), wiring.conversations().alias, wiring.secret)
    return respond(request, api_keys=wiring.api_keys(), desk=wiring.subscription_desk(), told=told)
