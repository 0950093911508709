"""What Casement knows, read through Graph-shaped routes. Unknown paths end here too, with Graph's own error."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from casement.domain.api_key import ApiKey, Scope
from casement.domain.contact import contact_key
from casement.domain.errors import InvalidRequest, NotFound
from casement.domain.message_key import MessageKey
from casement.domain.messages import Position
from casement.domain.number import PRESET_PURPOSES, preset_view, settings_view, token_digest
from casement.domain.pending import State
from casement.domain.window import WindowState
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint, hold_key, is_wanted, number_meant, numbers_of
from casement.runtime.http import Request, Response
from casement.runtime.paging import cursor, limit_of, link, position_in
from casement.runtime.secret import Secret
from casement.store.api_keys import ApiKeys
from casement.store.conversations import Conversations
from casement.store.log import Log
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.profiles import Profiles
from casement.store.spending import Spending
from casement.usecases.holds import list_holds, show_hold
from casement.usecases.number_health import health_view
from casement.usecases.read import (
    Page,
    Place,
    Reader,
    list_closing,
    list_conversations,
    list_messages,
    list_messages_of,
    list_needing_attention,
    show_contact,
    show_conversation,
    show_message,
    show_wamid,
)

if TYPE_CHECKING:  # rules take the time zones with them, which nothing else here needs
    from casement.store.automations import AutomationsOfNumbers

E = TypeVar("E", bound=StrEnum)

_HOLD_PLACE = re.compile(r"[01]\.[0-9]\.[Hh]#[!-~]{1,400}|[0-9A-Z]{26}", re.ASCII)
_CURSOR = re.compile(r"(?P<as_of>[0-9]{1,13})\.(?P<at>[0-9]{1,13})\.(?P<rest>.*)", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Own:
    """What the routes take that Graph has no word for."""

    pendings: Pendings
    numbers: Numbers
    conversations: Conversations
    profiles: Profiles
    log: Log
    automations: "AutomationsOfNumbers"
    spending: Spending


def respond(
    request: Request,
    *,
    api_keys: ApiKeys,
    reader: Callable[[str], Reader],
    own: Own,
    secret: Callable[[], Secret],
    now: int,
) -> Response:
    """Answer one request. Raises a `CasementError` for what can't be shown."""
    id_ = request.path.get("id", "")
    if request.route in _OWN_ROUTES:
        key = authenticate(request, Scope.READ, api_keys, now)
        return Response.json(_OWN_ROUTES[request.route](request, key, own, secret(), now))
    show = _ROUTES.get(request.route)
    if show is None:
        raise NotFound("Unknown path or method. Casement's routes are listed in its README.")
    authenticate(request, Scope.READ, api_keys, now, number=id_)
    return Response.json(show(request, reader(id_), own))


def _list_conversations(request: Request, reader: Reader, _own: Own) -> Mapping[str, Any]:
    state = _one_of(WindowState, request.query.get("state"), "state")
    if is_wanted(request, "needs_attention"):
        return _paged(request, list_needing_attention(reader, limit=limit_of(request), after=_after(request)))
    listing = {"newest": list_conversations, "closing": list_closing}.get(request.query.get("sort", "newest"))
    if listing is None:
        raise InvalidRequest("sort must be newest or closing.", parameter="sort")
    return _paged(request, listing(reader, limit=limit_of(request), after=_after(request), state=state))


def _show_conversation(request: Request, reader: Reader, _own: Own) -> Mapping[str, Any]:
    return show_conversation(reader, contact_key(request.path.get("conversation_id", "")))


def _list_messages(request: Request, reader: Reader, _own: Own) -> Mapping[str, Any]:
    named = request.query.get("conversation_id")
    page = partial(list_messages_of, contact=contact_key(named)) if named else list_messages
    return _paged(request, page(reader, limit=limit_of(request), after=_after(request)))


def _show_message(request: Request, reader: Reader, _own: Own) -> Mapping[str, Any]:
    named = request.path.get("message_id", "")
    key = MessageKey.parse(named)
    if key is not None:
        return show_message(reader, key)
    contact = request.query.get("conversation_id")
    return show_wamid(reader, named, contact_key(contact) if contact else None)


def _show_contact(request: Request, reader: Reader, own: Own) -> Mapping[str, Any]:
    return show_contact(reader, contact_key(request.path.get("contact_id", "")), own.profiles.of)


def _list_holds(request: Request, key: ApiKey, own: Own, secret: Secret, now: int) -> Mapping[str, Any]:
    number = number_meant(request, key, Scope.READ, secret)
    contact = request.query.get("conversation_id")
    page = list_holds(
        number.number,
        own.pendings,
        own.conversations.alias,
        now,
        contact=contact_key(contact) if contact else None,
        state=_one_of(State, request.query.get("state"), "state"),
        limit=limit_of(request),
        after=_hold_place(request),
    )
    view: dict[str, Any] = {"data": page.data}
    if page.after:
        after = cursor(page.after)
        view["paging"] = {"cursors": {"after": after}, "next": link(request, after=after)}
    return view


def _hold_place(request: Request) -> str:
    place = position_in(request, "after") or ""
    if place and not _HOLD_PLACE.fullmatch(place):
        raise InvalidRequest("after is no cursor that Casement gave.", parameter="after")
    return place


def _show_hold(request: Request, key: ApiKey, own: Own, secret: Secret, now: int) -> Mapping[str, Any]:
    number = number_meant(request, key, Scope.READ, secret)
    return show_hold(number.number, hold_key(request), own.pendings, now)


def _show_health(_request: Request, key: ApiKey, own: Own, secret: Secret, now: int) -> Mapping[str, Any]:
    return {
        "data": [
            health_view(
                number.number,
                own.numbers.fresh(number.number, now),
                token_digest(number.token),
                own.log,
                own.pendings,
                own.conversations.alias,
                own.automations.state(number.number, now),
                own.spending,
                now,
            )
            for number in numbers_of(key, secret)
        ]
    }


def _show_number(request: Request, key: ApiKey, own: Own, secret: Secret, now: int) -> Mapping[str, Any]:
    number = request.path.get("id", "")
    key.must_allow(Scope.READ, number)
    secret.number(number)
    settings = own.numbers.fresh(number, now).settings
    return {"phone_number_id": number, **settings_view(settings), PRESET_PURPOSES: preset_view(settings)}


def _one_of(kind: type[E], name: str | None, parameter: str) -> E | None:
    try:
        return kind(name) if name else None
    except ValueError as error:
        raise InvalidRequest(f"{parameter} must be one of: {', '.join(kind)}.", parameter=parameter) from error


def _after(request: Request) -> Place | None:
    position = position_in(request, "after")
    if position is None:
        return None
    given = _CURSOR.fullmatch(position)
    if given is None:
        raise InvalidRequest("after is no cursor that Casement gave.", parameter="after")
    return Place(Position(int(given["at"]), given["rest"]), int(given["as_of"]))


def _paged(request: Request, page: Page) -> Mapping[str, Any]:
    view: dict[str, Any] = {"data": page.data}
    if page.after:
        position = page.after.position
        after = cursor(f"{page.after.as_of}.{position.at}.{position.rest}")
        view["paging"] = {"cursors": {"after": after}, "next": link(request, after=after)}
    return view


_ROUTES: Mapping[str, Callable[[Request, Reader, Own], Mapping[str, Any]]] = {
    "GET /{version}/{id}/contacts/{contact_id}": _show_contact,
    "GET /{version}/{id}/conversations": _list_conversations,
    "GET /{version}/{id}/conversations/{conversation_id}": _show_conversation,
    "GET /{version}/{id}/messages": _list_messages,
    "GET /{version}/{id}/messages/{message_id}": _show_message,
}

_OWN_ROUTES: Mapping[str, Callable[[Request, ApiKey, Own, Secret, int], Mapping[str, Any]]] = {
    "GET /casement/v1/holds": _list_holds,
    "GET /casement/v1/holds/{hold_id}": _show_hold,
    "GET /casement/v1/health": _show_health,
    "GET /casement/v1/numbers/{id}": _show_number,
}


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    now = wiring.now()
    return respond(
        request,
        api_keys=wiring.api_keys(),
        reader=partial(_reader, now=now),
        own=Own(
            wiring.pendings(),
            wiring.numbers(),
            wiring.conversations(),
            wiring.profiles(),
            wiring.log(),
            wiring.automations(),
            wiring.spending(),
        ),
        secret=wiring.secret,
        now=now,
    )


def _reader(number: str, *, now: int) -> Reader:
    return Reader(
        number,
        wiring.conversations().alias,
        wiring.log(),
        wiring.messages(),
        wiring.pendings(),
        wiring.standings(),
        wiring.numbers().state(number, now).settings.rules(wiring.settings().window_rules),
        now,
    )
