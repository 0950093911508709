"""What operators change: conversations that were looked after, what contacts want, holds, numbers' settings, and how
Flows are answered."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.api_key import ApiKey, Scope
from casement.domain.consent import Party, Wish
from casement.domain.consent import Scope as ConsentScope
from casement.domain.contact import contact_key
from casement.domain.errors import InvalidRequest, NotFound
from casement.domain.number import (
    PRESET_PURPOSES,
    NumberSettings,
    PurposeTemplate,
    preset_view,
    settings_from,
    settings_view,
)
from casement.domain.policy import LONGEST_WORD
from casement.domain.profile import Profile, fields_from, tags_from
from casement.domain.standing import Standing
from casement.domain.untrusted import is_text
from casement.runtime import wiring
from casement.runtime.endpoint import authenticate, endpoint, hold_key, json_object, number_meant
from casement.runtime.http import Request, Response
from casement.runtime.secret import Secret
from casement.store.api_keys import ApiKeys
from casement.store.contacts import Contacts
from casement.store.conversations import Conversations
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.profiles import Profiles
from casement.store.standings import Standings
from casement.store.templates import Templates
from casement.usecases.find_conversation import find_conversation
from casement.usecases.holds import cancel_hold
from casement.usecases.views import consent_view
from casement.usecases.windows import change_standing
from functions.write_api import flows

LARGEST_BODY = 65_536  # bytes

logger = Logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """Where all of it is kept."""

    pendings: Pendings
    numbers: Numbers
    conversations: Conversations
    contacts: Contacts
    profiles: Profiles
    templates: Templates
    flows: flows.Desk
    standings: Standings


def respond(request: Request, *, api_keys: ApiKeys, secret: Callable[[], Secret], kept: Kept, now: int) -> Response:
    """Answer one request. Raises a `CasementError` for what can't be done."""
    if request.route in flows.ROUTES:
        scope = Scope.READ if request.route in (flows.LIST, flows.SHOW) else Scope.MANAGE
        return flows.answer(request, authenticate(request, scope, api_keys, now), kept.flows)
    change = _ROUTES.get(request.route)
    if change is None:
        raise NotFound("Unknown path or method. Casement's routes are listed in its README.")
    scope = Scope.MANAGE if request.route == SET_NUMBER else Scope.SEND
    key = authenticate(request, scope, api_keys, now, number=request.path.get("id"))
    return Response.json(change(request, key, kept, secret(), now))


def _change_conversation(request: Request, key: ApiKey, kept: Kept, secret: Secret, now: int) -> Mapping[str, Any]:
    """`{"needs_attention": false}`: somebody looked after it; with `ids`, after those messages. `{"automations":
    "paused"}`: a person has it, until somebody says `active`."""
    number = secret.number(request.path["id"]).number
    body = _body(request)
    _must_know(body, {"needs_attention", "ids", "automations"})
    word = body.get("automations")
    if word not in (None, "paused", "active"):
        raise InvalidRequest("automations must be paused or active.", parameter="automations")
    if body.get("needs_attention") is not False and (word is None or body.keys() & {"needs_attention", "ids"}):
        raise InvalidRequest("needs_attention must be false.", parameter="needs_attention")
    ids = body.get("ids")
    if ids is not None and not (isinstance(ids, list) and all(isinstance(id_, str) for id_ in ids)):
        raise InvalidRequest("ids must be a list of strings.", parameter="ids")
    contact = contact_key(request.path["conversation_id"])
    conversation = find_conversation(number, contact, read=kept.conversations.alias)
    if "needs_attention" in body:
        everything = kept.pendings.attention(number, conversation.contacts)
        wanted = [one for one in everything if ids is None or str(one.key) in ids]
        for one in wanted:
            kept.pendings.looked_after(number, one)
        logger.info("looked after", by=key.name, messages=len(wanted))
    if word is not None:
        change = partial(Standing.with_automations, paused=word == "paused", now=now)
        change_standing(conversation, "", change, kept.standings, lambda: now)
        logger.info("automations", by=key.name, are=word)
    return {"success": True}


def _change_contact(request: Request, key: ApiKey, kept: Kept, secret: Secret, now: int) -> Mapping[str, Any]:
    """`{"language": "es", "consent": {"marketing": "stop", "messages": "resume"}, "fields": {"email": "a@example.org",
    "phone": null}, "tags": ["vip"]}`; what is not named stays. `tags` are all that they shall have."""
    number = secret.number(request.path["id"]).number
    body = _body(request)
    _must_know(body, {"language", "consent", "fields", "tags"})
    wishes = _wishes(body.get("consent"), now)
    contact = contact_key(request.path["contact_id"])
    conversation = find_conversation(number, contact, read=kept.conversations.alias)
    change = _profile_change(body, kept.profiles.of(number, conversation.contacts), now)
    for alias in conversation.contacts if "language" in body else [conversation.contact]:
        kept.profiles.change(number, alias, change)
    for wish in wishes:
        kept.contacts.wish(number, conversation.contact, wish, f"API key {key.name}")
    after = find_conversation(number, contact, read=kept.conversations.alias)
    return {"success": True, "consent": consent_view(after.consent)}


def _wishes(given: Any, now: int) -> list[Wish]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise InvalidRequest("consent must be an object.", parameter="consent")
    _must_know(given, set(ConsentScope), "consent.")
    if not all(word in ("stop", "resume") for word in given.values()):
        raise InvalidRequest("consent: each must be stop or resume.", parameter="consent")
    return [Wish(now, Party.OPERATOR, ConsentScope(scope), word == "stop") for scope, word in given.items()]


def _profile_change(body: Mapping[str, Any], whole: Profile, now: int) -> Callable[[Profile], Profile]:
    """What a request makes of a profile, of which `whole` is what is known of the person by all their aliases. Raises
    `InvalidRequest`."""
    fields = fields_from(body.get("fields"))
    tags = tags_from(body["tags"]) if "tags" in body else whole.tag_names
    gone, new = set(whole.tag_names) - set(tags), set(tags) - set(whole.tag_names)
    language = _language(body.get("language"))

    def change(profile: Profile) -> Profile:
        spoken = replace(profile, language=language) if "language" in body else profile
        return spoken.saying(fields, now).tagging(gone, now, on=False).tagging(new, now)

    return change


def _language(given: Any) -> str | None:
    if given is not None and not is_text(given, LONGEST_WORD):
        raise InvalidRequest("language must be a code such as es or pt_BR, or null.", parameter="language")
    language: str | None = given
    return language


def _cancel_hold(request: Request, key: ApiKey, kept: Kept, secret: Secret, now: int) -> Mapping[str, Any]:
    number = number_meant(request, key, Scope.SEND, secret)
    cancel_hold(number.number, hold_key(request), kept.pendings, now)
    return {"success": True}


def _set_number(request: Request, _key: ApiKey, kept: Kept, secret: Secret, _now: int) -> Mapping[str, Any]:
    """All settings of a number, in place of those there were."""
    number = secret.number(request.path["id"])
    given = _body(request)
    for name in ("phone_number_id", PRESET_PURPOSES):  # so that what GET shows can be changed and given back
        given.pop(name, None)
    settings = _with_categories(settings_from(given), number.waba_id, kept.templates)
    kept.numbers.set(number.number, settings)
    return {"phone_number_id": number.number, **settings_view(settings), PRESET_PURPOSES: preset_view(settings)}


def _with_categories(settings: NumberSettings, waba_id: str, templates: Templates) -> NumberSettings:
    """The same, with the category that each template has now: if Meta moves it to another, it is not sent unawares."""
    if not settings.purposes:
        return settings
    stored = [held.template for held in templates.all(waba_id)]
    category_of = {template.name: template.category for template in stored if template.sendable}
    purposes = {
        purpose: tuple(PurposeTemplate(one.name, one.category or category_of.get(one.name)) for one in chosen)
        for purpose, chosen in settings.purposes.items()
    }
    return replace(settings, purposes=purposes)


def _body(request: Request) -> dict[str, Any]:
    return json_object(request, LARGEST_BODY)


def _must_know(given: Mapping[str, Any], known: set[Any], where: str = "") -> None:
    for name in given:
        if name not in known:
            raise InvalidRequest(f"{where}{name} is not known here.", parameter=f"{where}{name}")


SET_NUMBER = "PUT /casement/v1/numbers/{id}"
_ROUTES: Mapping[str, Callable[[Request, ApiKey, Kept, Secret, int], Mapping[str, Any]]] = {
    "PATCH /{version}/{id}/conversations/{conversation_id}": _change_conversation,
    "PATCH /{version}/{id}/contacts/{contact_id}": _change_contact,
    "DELETE /casement/v1/holds/{hold_id}": _cancel_hold,
    SET_NUMBER: _set_number,
}


@endpoint
def handler(request: Request) -> Response:
    """The Lambda entry point."""
    return respond(
        request,
        api_keys=wiring.api_keys(),
        secret=wiring.secret,
        kept=Kept(
            wiring.pendings(),
            wiring.numbers(),
            wiring.conversations(),
            wiring.contacts(),
            wiring.profiles(),
            wiring.templates(),
            flows.Desk(wiring.flows(), wiring.check_target, secrets.token_bytes),
            wiring.standings(),
        ),
        now=wiring.now(),
    )
