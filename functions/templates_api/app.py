"""Message templates: made, changed and deleted at Meta; listed, shown, found and previewed from what is stored."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey, Scope
from casement.domain.errors import (
    GraphError,
    GraphUnavailable,
    InvalidRequest,
    NotAllowed,
    NotFound,
    NumberNotConfigured,
    StoreUnavailable,
)
from casement.domain.template_counts import MetaDay
from casement.domain.templates import Source
from casement.meta.graph import Graph
from casement.meta.templates import day_from, template_from
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint, is_wanted, json_body, number_meant, numbers_of, wabas_of
from casement.runtime.http import Request, Response
from casement.runtime.paging import cursor, limit_of, link, position_in
from casement.runtime.secret import Number, Secret
from casement.store.api_keys import ApiKeys
from casement.store.template_counts import TemplateCounts
from casement.store.templates import Templates, position
from casement.usecases.engine import Engine
from casement.usecases.find_templates import find_from, find_templates
from casement.usecases.list_templates import Page, list_templates, row_view, show_template, summary
from casement.usecases.manage_templates import Account, create, delete, edit, find_template, unpause
from casement.usecases.preview_template import preview, preview_from
from casement.usecases.sync_templates import Bounds, Reading, read_all, read_named
from casement.usecases.template_analytics import AskMeta, Days, days_from, template_analytics

LARGEST_BODY = 262_144  # bytes; a template of ten cards with long links has some 50,000, and an item of ours 400,000

PATIENCE_SECONDS = 28.0  # after 29 the caller hears from API Gateway instead
A_PAGE_TAKES_S = 13.0  # of Meta's listing, at its slowest; to keep what changed takes no longer
META_COUNTS_AT_ONCE = 10  # templates in one call of its analytics
MOST_CHANGES = 500  # each is two calls to DynamoDB

_NAME = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)
_TEMPLATE_ID = re.compile(r"[0-9]{1,32}", re.ASCII)
_NOT_CONFIGURED = (
    "Casement has no token for this WhatsApp Business Account. Add one of its phone numbers with: casement secrets set"
)

logger = Logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, who makes it by which right, and what answering takes. `began` is epoch milliseconds."""

    request: Request
    key: ApiKey
    scope: Scope
    secret: Callable[[], Secret]
    templates: Templates
    counts: TemplateCounts
    graph: Graph
    engine: Callable[[Number], Engine]
    clock: Callable[[], int]
    began: int

    def seconds_left(self) -> float:
        """How long the caller still waits."""
        return PATIENCE_SECONDS - (self.clock() - self.began) / 1000

    def account(self, waba_id: str) -> Account:
        """What acting for a WABA takes. Raises `NumberNotConfigured`."""
        token = self.secret().wabas().get(waba_id)
        if token is None:
            raise NumberNotConfigured(_NOT_CONFIGURED)
        return Account(waba_id, token, self.templates, self.graph, template_from, self.clock, self.seconds_left)


def respond(
    request: Request,
    *,
    api_keys: ApiKeys,
    secret: Callable[[], Secret],
    templates: Templates,
    counts: TemplateCounts,
    graph: Graph,
    engine: Callable[[Number], Engine],
    clock: Callable[[], int],
) -> Response:
    """Answer one request. Raises a `CasementError` for what can't be done."""
    if request.route not in _ROUTES:
        raise NotFound("Unknown path or method. Casement's routes are listed in its README.")
    scope, answer = _ROUTES[request.route]
    began = clock()
    key = authenticate(request, scope, api_keys, began)
    return Response.json(answer(Asked(request, key, scope, secret, templates, counts, graph, engine, clock, began)))


# --- changed at Meta ------------------------------------------------------------------------------------------------


def _create(asked: Asked) -> Mapping[str, Any]:
    waba_id = _waba_in_path(asked)
    answer = create(asked.account(waba_id), _body(asked.request))
    _log("made", asked, waba_id, ids=[answer["id"]], stored=answer["casement"]["stored"])
    return answer


def _edit(asked: Asked) -> Mapping[str, Any]:
    held = find_template(asked.request.path.get("id", ""), _wabas_meant(asked), asked.templates)
    waba_id = held.template.waba_id
    answer = edit(asked.account(waba_id), held, _body(asked.request))
    _log("changed", asked, waba_id, ids=[held.template.id], status=answer["casement"]["status"])
    return answer


def _unpause(asked: Asked) -> Mapping[str, Any]:
    held = find_template(asked.request.path.get("id", ""), _wabas_meant(asked), asked.templates)
    waba_id = held.template.waba_id
    answer = unpause(asked.account(waba_id), held)
    _log("unpaused", asked, waba_id, ids=[held.template.id], status=answer["casement"]["status"])
    return answer


def _delete(asked: Asked) -> Mapping[str, Any]:
    waba_id = _waba_in_path(asked)
    given = _parameters(asked.request)
    one, several = given.get("hsm_id"), given.get("hsm_ids")
    if one and several:
        raise InvalidRequest("Give hsm_id or hsm_ids, not both.", parameter="hsm_ids")
    name = given.get("name")
    if name is not None and not isinstance(name, str):
        raise InvalidRequest("name must be a string.", parameter="name")
    answer = delete(asked.account(waba_id), name=name, template_ids=_ids(one or several))
    _log("deleted", asked, waba_id, ids=answer["casement"]["deleted"], stored=answer["casement"]["stored"])
    return answer


def _body(request: Request) -> Any:
    """A template, or a change of one, as it goes to Meta."""
    body = json_body(request, LARGEST_BODY)
    if isinstance(body, dict) and "casement" in body:  # it might say "do not send"
        raise InvalidRequest("casement is not known here.", parameter="casement")
    return body


def _parameters(request: Request) -> Mapping[str, Any]:
    """What a deletion names. Graph takes it from the query or from a body."""
    body = json_body(request, LARGEST_BODY) if request.body else {}
    return {**(body if isinstance(body, dict) else {}), **request.query}


def _ids(given: Any) -> list[str]:
    """One id, several with commas, or a JSON array of them, each once. Raises `InvalidRequest`."""
    if isinstance(given, str) and given.startswith("["):
        with suppress(ValueError, RecursionError):
            given = json.loads(given)
    given = str(given).split(",") if isinstance(given, str | int) else given or []
    ids = [str(one).strip() for one in given] if isinstance(given, list) else [""]
    if not all(map(_TEMPLATE_ID.fullmatch, ids)):
        raise InvalidRequest("hsm_id and hsm_ids must be ids of templates.", parameter="hsm_ids")
    return list(dict.fromkeys(ids))


def _log(what: str, asked: Asked, waba_id: str, **about: Any) -> None:
    logger.info(f"template {what}", by=asked.key.name, waba_id=waba_id, **about)


# --- read from what is stored ---------------------------------------------------------------------------------------


def _list(asked: Asked) -> Mapping[str, Any]:
    request, templates, waba_id = asked.request, asked.templates, _waba_in_path(asked)
    limit, after, before = limit_of(request), position_in(request, "after"), position_in(request, "before")
    refreshed = _refreshed(asked, waba_id) if is_wanted(request, "casement_refresh") else None
    page = list_templates(waba_id, templates, request.query, limit=limit, after=after, before=before)
    if not page.rows:
        _must_be_known(asked, waba_id)
    fields, ill = request.query.get("fields"), templates.ill(waba_id, asked.began)
    view: dict[str, Any] = {"data": [row_view(held, fields, ill) for held in page.rows], **_paging(request, page)}
    if "summary" in request.query:
        view["summary"] = summary(waba_id, templates, request.query)
    if refreshed is not None:
        view["casement"] = refreshed
    return view


def _must_be_known(asked: Asked, waba_id: str) -> None:
    """Raise `NumberNotConfigured` for an account of which there is nothing: an empty list would say it is there."""
    if waba_id not in asked.secret().wabas() and next(iter(asked.templates.all(waba_id)), None) is None:
        raise NumberNotConfigured(_NOT_CONFIGURED)


def _refreshed(asked: Asked, waba_id: str) -> Mapping[str, Any]:
    """Read the WABA's templates at Meta, or those of one name, before they are listed. All that has changed is kept, or
    nothing; what is stored is listed in either case.
    """
    asked.key.must_allow(Scope.MANAGE)
    token, name, now = asked.account(waba_id).token, asked.request.query.get("name", ""), asked.clock()
    bounds = Bounds(lambda: asked.seconds_left() >= A_PAGE_TAKES_S, MOST_CHANGES)
    reading = Reading(waba_id, token, asked.templates, asked.graph, template_from, now, Source.REQUEST, bounds=bounds)
    try:
        changed = read_named(name, reading) if _NAME.fullmatch(name) else read_all(reading).changed
    except (GraphError, StoreUnavailable) as error:
        return {"refreshed": False, "changed": 0, "why": str(error)}
    return {"refreshed": True, "changed": changed, "why": None}


def _paging(request: Request, page: Page) -> Mapping[str, Any]:
    if not page.rows:
        return {}
    before, after = (cursor(position(held.template)) for held in (page.rows[0], page.rows[-1]))
    paging: dict[str, Any] = {"cursors": {"before": before, "after": after}}
    if page.has_previous:
        paging["previous"] = link(request, before=before)
    if page.has_next:
        paging["next"] = link(request, after=after)
    return {"paging": paging}


def _show(asked: Asked) -> Mapping[str, Any]:
    return show_template(_waba_meant(asked), asked.request.path.get("name", ""), asked.templates, asked.began)


def _analytics(asked: Asked) -> Mapping[str, Any]:
    request, query = asked.request, asked.request.query
    days = days_from(query.get("start"), query.get("end"), asked.began)
    waba_id, name = _waba_meant(asked), request.path.get("name", "")
    named = [held.template for held in asked.templates.named(waba_id, name)]
    wanted = [each for each in named if query.get("language") in (None, "", each.language)]
    if not wanted:
        raise NotFound(f"There is no template '{name}'." if not named else f"'{name}' is not in this language.")
    return template_analytics(
        name,
        wanted,
        days,
        _numbers_counted(asked, waba_id),
        counts=asked.counts,
        ask_meta=_asking_meta(asked, waba_id) if _one_of_compared(query.get("compare")) else None,
        now=asked.began,
    )


def _one_of_compared(given: str | None) -> bool:
    if given not in (None, "", "meta"):
        raise InvalidRequest("compare must be meta.", parameter="compare")
    return given == "meta"


def _numbers_counted(asked: Asked, waba_id: str) -> list[str]:
    """The number that the query names, or all of the WABA's that the key is for."""
    if asked.request.query.get("phone_number_id"):
        return [number_meant(asked.request, asked.key, asked.scope, asked.secret()).number]
    return [number.number for number in numbers_of(asked.key, asked.secret()) if number.waba_id == waba_id]


def _asking_meta(asked: Asked, waba_id: str) -> AskMeta:
    """Ask Meta for its own numbers, ten templates at a time, for as long as somebody waits."""

    def ask(template_ids: Sequence[str], days: Days) -> Iterator[MetaDay]:
        token, (start, end) = asked.account(waba_id).token, days.seconds(asked.clock())
        for first in range(0, len(template_ids), META_COUNTS_AT_ONCE):
            if asked.seconds_left() < A_PAGE_TAKES_S:
                raise GraphUnavailable("Meta took so long that there was no time to ask for all languages.")
            some = template_ids[first : first + META_COUNTS_AT_ONCE]
            points = asked.graph.template_analytics(waba_id, token, some, start, end)
            yield from filter(None, map(day_from, points))

    return ask


def _find(asked: Asked) -> Mapping[str, Any]:
    wanted = find_from(asked.request.query)
    return find_templates(wanted, _engine(asked, wanted.phone_number_id), asked.began)


def _preview(asked: Asked) -> Mapping[str, Any]:
    wanted = preview_from(json_body(asked.request, LARGEST_BODY))
    return preview(wanted, _engine(asked, wanted.phone_number_id), asked.began)


def _engine(asked: Asked, number: str | None) -> Engine:
    """What judging a send from a number takes: the one that is named, or the only one."""
    return asked.engine(number_meant(asked.request, asked.key, asked.scope, asked.secret(), in_body=number))


# --- whose templates ------------------------------------------------------------------------------------------------


def _waba_in_path(asked: Asked) -> str:
    """The WABA that the path names. Raises `NotAllowed` unless the key is for a number of it, or for all."""
    return _reached(asked, asked.request.path.get("id", ""))


def _waba_meant(asked: Asked) -> str:
    """The one WABA that a request without one in its path is about. Raises `InvalidRequest` or `NotAllowed`."""
    meant = _wabas_meant(asked)
    if len(meant) != 1:
        raise InvalidRequest(
            "Add waba_id or phone_number_id to the query: this API key is for more than one WhatsApp Business Account.",
            parameter="waba_id",
        )
    return meant[0]


def _wabas_meant(asked: Asked) -> list[str]:
    """The WABA that the query names, or all that the key is for. Raises `NotAllowed` or `NumberNotConfigured`."""
    query = asked.request.query
    if query.get("waba_id"):
        return [_reached(asked, query["waba_id"])]
    if query.get("phone_number_id"):
        return [number_meant(asked.request, asked.key, asked.scope, asked.secret()).waba_id]
    return wabas_of(asked.key, asked.secret())


def _reached(asked: Asked, waba_id: str) -> str:
    if asked.key.numbers and waba_id not in wabas_of(asked.key, asked.secret()):
        raise NotAllowed("This API key is not for a phone number of this WhatsApp Business Account.")
    return waba_id


_ROUTES: Mapping[str, tuple[Scope, Callable[[Asked], Mapping[str, Any]]]] = {
    "GET /{version}/{id}/message_templates": (Scope.READ, _list),
    "POST /{version}/{id}/message_templates": (Scope.MANAGE, _create),
    "DELETE /{version}/{id}/message_templates": (Scope.MANAGE, _delete),
    "POST /{version}/{id}": (Scope.MANAGE, _edit),
    "POST /{version}/{id}/unpause": (Scope.MANAGE, _unpause),
    "GET /casement/v1/templates/find": (Scope.READ, _find),
    "POST /casement/v1/templates/preview": (Scope.READ, _preview),
    "GET /casement/v1/templates/{name}": (Scope.READ, _show),
    "GET /casement/v1/templates/{name}/analytics": (Scope.READ, _analytics),
}


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    return respond(
        request,
        api_keys=wiring.api_keys(),
        secret=wiring.secret,
        templates=wiring.templates(),
        counts=wiring.template_counts(),
        graph=wiring.graph(),
        engine=wiring.engine,
        clock=wiring.now,
    )
