"""How the requests of Flows are answered: shown, set, and taken back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey
from casement.domain.errors import ChangedMeanwhile, InvalidRequest, NotAllowed, NotFound
from casement.domain.flow_exchange import FlowConfig, flow_config_from
from casement.runtime.endpoint import json_body, must_match
from casement.runtime.http import Request, Response
from casement.store.flows import Flows

LARGEST_BODY = 262_144  # bytes; an item may have 400 KB
LIST = "GET /casement/v1/flows"
SHOW, SET, REMOVE = (f"{method} /casement/v1/flows/{{flow_id}}" for method in ("GET", "PUT", "DELETE"))
ROUTES = (LIST, SHOW, SET, REMOVE)

logger = Logger()


@dataclass(frozen=True, slots=True)
class Desk:
    """Where it is kept; `check_target` raises `InvalidRequest` for a URL that must not be called; `random_bytes` gives
    as many as it is asked for."""

    flows: Flows
    check_target: Callable[[str], None]
    random_bytes: Callable[[int], bytes]


def answer(request: Request, key: ApiKey, desk: Desk) -> Response:
    """Answer one request. Raises a `CasementError` for what can't be done."""
    if key.numbers:
        raise NotAllowed("A Flow is not one number's: this takes an API key that is for all numbers.")
    if request.route == LIST:
        return Response.json({"data": [config.view() for config in desk.flows.all()]})
    flow_id = request.path["flow_id"]
    before = desk.flows.find(flow_id)
    must_match(request, before.version if before else 0)
    if request.route == SET:
        return _set(request, flow_id, before, desk)
    if before is None:
        raise NotFound("Nobody said how this Flow is answered.")
    if request.route == SHOW:
        return Response.json(before.view(), version=before.version)
    desk.flows.remove(flow_id)
    logger.info("flow removed", by=key.name)
    return Response.json({"success": True})


def _set(request: Request, flow_id: str, before: FlowConfig | None, desk: Desk) -> Response:
    given = json_body(request, LARGEST_BODY)
    if isinstance(given, dict):
        given.pop("flow_id", None)  # so that what GET shows can be changed and given back
    config = flow_config_from(flow_id, given, before=before, random=desk.random_bytes(32))
    if config.backend:
        try:
            desk.check_target(config.backend.url)
        except InvalidRequest as error:
            raise InvalidRequest(f"backend.{error}", parameter="backend.url") from error
    if not desk.flows.keep(config, before):
        raise ChangedMeanwhile
    return Response.json(_told(config, before), version=config.version)


def _told(config: FlowConfig, before: FlowConfig | None) -> dict[str, Any]:
    """As callers see it; with the secret where it is a new one, once."""
    shown = config.view()
    if config.backend and not (before and before.backend and before.backend.secret == config.backend.secret):
        shown["backend"]["secret"] = config.backend.secret
    return shown
