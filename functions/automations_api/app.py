"""What follows from a number's messages by itself: rules, shown, changed and tried."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey, Scope
from casement.domain.automations_document import automations_from
from casement.domain.errors import InvalidRequest, NotFound
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint, json_body, must_match, number_meant
from casement.runtime.http import Request, Response
from casement.runtime.secret import Secret
from casement.store.api_keys import ApiKeys
from casement.store.automations import AutomationsOfNumbers
from casement.store.conversations import Conversations
from casement.store.messages import Messages
from casement.store.numbers import Numbers
from casement.store.profiles import Profiles
from casement.usecases.manage_automations import (
    Shown,
    add_rule,
    change_rule,
    remove_rule,
    set_all,
    set_rule,
    show_all,
    show_rule,
)
from casement.usecases.try_automations import try_automations

LARGEST_BODY = 262_144  # bytes; what is kept of it is smaller (casement.domain.automations_document)

logger = Logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """Where rules are kept, and what trying them looks at."""

    automations: AutomationsOfNumbers
    numbers: Numbers
    conversations: Conversations
    profiles: Profiles
    messages: Messages


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, the number that it is about, and what answering takes."""

    request: Request
    number: str
    kept: Kept
    now: int

    def body(self) -> Any:
        """What the body says; of an object, what is about automations."""
        body = json_body(self.request, LARGEST_BODY)
        if isinstance(body, dict):
            body.pop("phone_number_id", None)  # so that what GET shows can be changed and given back
        return body

    def may_change(self, version: int) -> None:
        """Raise `ChangedMeanwhile` for a version that the caller does not know."""
        must_match(self.request, version)


def respond(request: Request, *, api_keys: ApiKeys, secret: Callable[[], Secret], kept: Kept, now: int) -> Response:
    """Answer one request. Raises a `CasementError` for what can't be done."""
    if request.route not in _ROUTES:
        raise NotFound("Unknown path or method. Casement's routes are listed in its README.")
    scope, answer = _ROUTES[request.route]
    key = authenticate(request, scope, api_keys, now)
    number = number_meant(request, key, scope, secret()).number
    return answer(Asked(request, number, kept, now), key)


def _show(asked: Asked, _key: ApiKey) -> Response:
    return _all(asked, show_all(asked.number, asked.kept.automations))


def _set(asked: Asked, key: ApiKey) -> Response:
    shown = set_all(asked.number, asked.body(), asked.kept.automations, asked.may_change)
    _log("set", key, shown, rules=len(shown.view["rules"]))
    return _all(asked, shown)


def _all(asked: Asked, shown: Shown) -> Response:
    return Response.json({"phone_number_id": asked.number, **shown.view}, version=shown.version)


def _show_rule(asked: Asked, _key: ApiKey) -> Response:
    return _one(show_rule(asked.number, asked.request.path["rule_id"], asked.kept.automations))


def _add_rule(asked: Asked, key: ApiKey) -> Response:
    return _changed(add_rule(asked.number, asked.body(), asked.kept.automations, asked.may_change), key)


def _set_rule(asked: Asked, key: ApiKey) -> Response:
    rule_id = asked.request.path["rule_id"]
    return _changed(set_rule(asked.number, rule_id, asked.body(), asked.kept.automations, asked.may_change), key)


def _change_rule(asked: Asked, key: ApiKey) -> Response:
    rule_id = asked.request.path["rule_id"]
    return _changed(change_rule(asked.number, rule_id, asked.body(), asked.kept.automations, asked.may_change), key)


def _remove_rule(asked: Asked, key: ApiKey) -> Response:
    rule_id = asked.request.path["rule_id"]
    shown = remove_rule(asked.number, rule_id, asked.kept.automations, asked.may_change)
    _log("removed", key, shown, rule=rule_id)
    return Response.json({"success": True}, version=shown.version)


def _changed(shown: Shown, key: ApiKey) -> Response:
    _log("changed", key, shown, rule=shown.view["id"])
    return _one(shown)


def _one(shown: Shown) -> Response:
    return Response.json(shown.view, version=shown.version)


def _try(asked: Asked, _key: ApiKey) -> Response:
    body = asked.body()
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    kept = asked.kept
    if "automations" in body:
        automations = automations_from(body.pop("automations"))
    else:
        automations = kept.automations.fresh(asked.number).automations
    settings = kept.numbers.state(asked.number, asked.now).settings
    tried = try_automations(
        asked.number,
        body,
        automations,
        settings,
        read_alias=kept.conversations.alias,
        profiles=kept.profiles,
        messages=kept.messages,
        now=asked.now,
    )
    return Response.json(tried)


def _log(what: str, key: ApiKey, shown: Shown, **about: Any) -> None:
    logger.info(f"automations {what}", by=key.name, version=shown.version, **about)


_PATH = "/casement/v1/automations"
_ROUTES: Mapping[str, tuple[Scope, Callable[[Asked, ApiKey], Response]]] = {
    f"GET {_PATH}": (Scope.READ, _show),
    f"PUT {_PATH}": (Scope.MANAGE, _set),
    f"POST {_PATH}": (Scope.MANAGE, _add_rule),
    f"GET {_PATH}/{{rule_id}}": (Scope.READ, _show_rule),
    f"PUT {_PATH}/{{rule_id}}": (Scope.MANAGE, _set_rule),
    f"PATCH {_PATH}/{{rule_id}}": (Scope.MANAGE, _change_rule),
    f"DELETE {_PATH}/{{rule_id}}": (Scope.MANAGE, _remove_rule),
    f"POST {_PATH}/dry_run": (Scope.READ, _try),
}


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    return respond(
        request,
        api_keys=wiring.api_keys(),
        secret=wiring.secret,
        kept=Kept(wiring.automations(), wiring.numbers(), wiring.conversations(), wiring.profiles(), wiring.messages()),
        now=wiring.now(),
    )
