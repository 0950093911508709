"""What automations would do with a message, without doing any of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from casement.domain.automations import (
    Action,
    Automations,
    Contact,
    Decided,
    Fired,
    Happened,
    Kind,
    Send,
    State,
    decide,
)
from casement.domain.automations_document import action_view
from casement.domain.business_hours import zone
from casement.domain.consent import said_in, said_to_stop
from casement.domain.contact import contact_key
from casement.domain.errors import InvalidRequest
from casement.domain.flow_answers import submission_in
from casement.domain.number import NumberSettings
from casement.usecases.find_conversation import ReadAlias, find_conversation
from casement.usecases.known_contact import Messages, Profiles, known_contact

_KNOWN = ("text", "message", "flow_id", "kind", "first_message", "at", "contact")
_CONTACT = ("name", "language", "fields", "tags")
_ID = "wamid.TRY"
_LATEST_SECOND = 100_000_000_000  # the year 5138


def try_automations(
    number: str,
    given: Mapping[str, Any],
    automations: Automations,
    settings: NumberSettings,
    *,
    read_alias: ReadAlias,
    profiles: Profiles,
    messages: Messages,
    now: int,
) -> dict[str, Any]:
    """What would follow from a message in a window in which nothing has been answered yet. Raises `InvalidRequest`.

    `given` has `text`, or a `message` as Meta would tell of it, with `flow_id` if it is a form; and if it matters
    `kind`, `first_message`, `at` (a time as ISO 8601 writes it, on the business's clock unless it says otherwise, or
    epoch seconds), and `contact`: an id to look them up by, or an object of what is known of them.
    """
    for name in given:
        if name not in _KNOWN:
            raise InvalidRequest(f"{name} is not known here.", parameter=str(name))
    at = _moment(given.get("at"), automations, now)
    happened = _happened(given, settings, at)
    contact, asked_us_not_to = _contact(number, given.get("contact"), read_alias, profiles, messages)
    is_unwanted = asked_us_not_to and happened.kind is Kind.WINDOW_CLOSING
    happened = replace(happened, contact=contact, is_unwanted=is_unwanted)
    decided = decide(automations, happened, State(), at)
    return {
        "phone_number_id": number,
        "kind": happened.kind.value,
        "at": _shown(at, automations),
        **decided_view(decided),
    }


def decided_view(decided: Decided) -> dict[str, Any]:
    """A decision as the API shows it."""
    return {
        "fired": [_fired_view(one) for one in decided.fired],
        "passed": [{"rule": one.rule, "why": one.why} for one in decided.passed],
    }


def _fired_view(fired: Fired) -> dict[str, Any]:
    return {"rule": fired.rule, "actions": [_action_view(action) for action in fired.actions]}


def _action_view(action: Action) -> dict[str, Any]:
    """What would be done, in the words of the document; of a reply, the message as it would go."""
    return {"send": dict(action.body)} if isinstance(action, Send) else action_view(action)


def _happened(given: Mapping[str, Any], settings: NumberSettings, at: int) -> Happened:
    element = _element(given)
    first = given.get("first_message", True)
    if not isinstance(first, bool):
        raise InvalidRequest("first_message must be true or false.", parameter="first_message")
    kind = given.get("kind")
    if kind is None:
        stops = said_to_stop(said_in(element) or "", settings.stop_words, settings.resume_words)
        kind = Kind.OPTED_OUT if stops else Kind.MESSAGE
    elif kind not in tuple(Kind):
        raise InvalidRequest(f"kind must be one of: {', '.join(Kind)}.", parameter="kind")
    if not element and kind == Kind.MESSAGE:
        raise InvalidRequest("Add text, or message as Meta would tell of it.", parameter="text")
    form = submission_in({"element": element}, "", "", at)
    answers = (form.answers or {}) if form else None
    flow = given.get("flow_id")
    if not isinstance(flow, str | None):
        raise InvalidRequest("flow_id must be a text.", parameter="flow_id")
    id_ = str(element.get("id") or _ID)
    return Happened(Kind(kind), id_, at, element, first, at, answers=answers, flow=flow)


def _element(given: Mapping[str, Any]) -> dict[str, Any]:
    text, message = given.get("text"), given.get("message")
    if text is not None and message is not None:
        raise InvalidRequest("Give text or message, not both.", parameter="message")
    if text is not None:
        if not isinstance(text, str) or not text:
            raise InvalidRequest("text must be a text.", parameter="text")
        return {"id": _ID, "type": "text", "text": {"body": text}}
    if message is not None and not isinstance(message, dict):
        raise InvalidRequest("message must be an object, as Meta would tell of it.", parameter="message")
    return {"id": _ID, **message} if message else {}


def _moment(given: Any, automations: Automations, now: int) -> int:
    if given is None:
        return now
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < _LATEST_SECOND:
        return given * 1000
    try:
        moment = datetime.fromisoformat(given)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone(_zone_of(automations)))
        seconds = moment.timestamp()
        if not 0 <= seconds < _LATEST_SECOND:
            raise OverflowError  # the calendar must go on for a while, to say when the business opens next
        return int(seconds * 1000)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequest("at must be a time such as 2026-12-24T20:00, or epoch seconds.", parameter="at") from error


def _shown(at: int, automations: Automations) -> str:
    return datetime.fromtimestamp(at / 1000, zone(_zone_of(automations))).isoformat(timespec="seconds")


def _zone_of(automations: Automations) -> str:
    return automations.hours.time_zone if automations.hours else "UTC"


def _contact(
    number: str, given: Any, read_alias: ReadAlias, profiles: Profiles, messages: Messages
) -> tuple[Contact, bool]:
    """Who it is, and whether they asked not to be written to."""
    if given is None:
        return Contact(), False
    if isinstance(given, str) and given:
        conversation = find_conversation(number, contact_key(given), read=read_alias)
        forbids = conversation.consent.forbids_all is not None
        return known_contact(conversation, None, profiles, messages), forbids
    if not isinstance(given, dict) or given.keys() - set(_CONTACT):
        raise InvalidRequest(f"contact must be an id, or an object with {', '.join(_CONTACT)}.", parameter="contact")
    name, language, fields, tags = (given.get(each) for each in _CONTACT)
    texts = [name or "", language or "", *(fields.values() if isinstance(fields, dict) else [])]
    if not (
        all(isinstance(text, str) for text in texts)
        and isinstance(fields, dict | None)
        and isinstance(tags, list | None)
        and all(isinstance(tag, str) for tag in tags or ())
    ):
        raise InvalidRequest(
            "contact holds texts: a name, a language, fields, and a list of tags.", parameter="contact"
        )
    return Contact(name, language, fields or {}, tuple(tags or ())), False
