"""Show a template message before it is sent: what the customer would see, what Meta would get, whether it may go now.

Nothing is sent and nothing written. Whether it may go is decided as a send's is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from casement.domain.contact import GROUP, is_bsuid, is_group
from casement.domain.conversation import Conversation
from casement.domain.errors import InvalidRequest
from casement.domain.policy import LONGEST_WORD, NamedTemplate, Purpose, must_be_template
from casement.domain.sending import Refuse, SendNow, Situation, TemplateAsked, decide
from casement.domain.template_choice import Passed, body_of, first_that_may_go, languages_for
from casement.domain.template_filling import Filled, filled, parameters_in
from casement.domain.template_fit import MISSING, Misfit, fit
from casement.domain.template_rendering import Rendered, rendered_with
from casement.domain.template_rules import faults
from casement.domain.templates import Template
from casement.domain.untrusted import is_text
from casement.usecases.addressee import conversation_with, must_be_contact, standing
from casement.usecases.engine import Engine
from casement.usecases.free_entry_point import free_entry_point_until
from casement.usecases.judge import candidates_for, language_of, refusing, select
from casement.usecases.views import passed_view, seconds


@dataclass(frozen=True, slots=True)
class ByName:
    """A stored template, and values by the keys of `template_filling`."""

    name: str
    language: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """A template as it might be submitted, with values, or with components where there are any (any JSON)."""

    definition: Mapping[str, Any]
    parameters: Mapping[str, Any]
    components: Any = None


@dataclass(frozen=True, slots=True)
class PreviewAsked:
    """What to show. `contact` is whom it would go to, as the caller wrote it, None for nobody in particular."""

    source: NamedTemplate | ByName | Purpose | Draft
    phone_number_id: str | None = None
    contact: str | None = None


def preview_from(given: object) -> PreviewAsked:
    """What the body of a request asks to see. Raises `InvalidRequest`, which names the place."""
    if not isinstance(given, dict):
        raise InvalidRequest("The body must be a JSON object.")
    form = next((name for name in _FORMS if name in given), None)
    if form is None:
        raise InvalidRequest("The body must hold template, definition, purpose, or name and language.")
    known = {"phone_number_id", "contact", form, *_FORMS[form]}
    if other := next((name for name in _FORMS if name in given and name != form), None):
        raise InvalidRequest(f"{form} and {other} do not go together: give one of them.", parameter=other)
    for name in given:
        if name not in known:  # what is not understood must not be taken for granted
            raise InvalidRequest(f"{name} is not known here.", parameter=str(name))
    contact = _text(given, "contact")
    if contact is not None:
        must_be_contact(contact)
    return PreviewAsked(_source(form, given), _text(given, "phone_number_id"), contact)


_FORMS: Mapping[str, tuple[str, ...]] = {
    "template": (),
    "definition": ("parameters", "components"),
    "purpose": ("parameters", "language"),
    "name": ("parameters", "language"),
}


def _source(form: str, given: Mapping[str, Any]) -> NamedTemplate | ByName | Purpose | Draft:
    parameters = given.get("parameters", {})
    if not isinstance(parameters, dict):
        raise InvalidRequest("parameters must be an object.", parameter="parameters")
    match form:
        case "template":
            must_be_template(given["template"])
            return NamedTemplate(given["template"])
        case "definition":
            definition = given["definition"]
            if not isinstance(definition, dict) or not isinstance(definition.get("components"), list):
                raise InvalidRequest("definition must be an object with components.", parameter="definition")
            return Draft(definition, parameters, given.get("components"))
        case "purpose":
            return Purpose(_needed(given, "purpose"), parameters, _text(given, "language"))
        case _:
            return ByName(_needed(given, "name"), _needed(given, "language"), parameters)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    text: str | None = given.get(name)
    if text is not None and not is_text(text, LONGEST_WORD):
        raise InvalidRequest(f"{name} must be 1 to {LONGEST_WORD} characters.", parameter=name)
    return text


def _needed(given: Mapping[str, Any], name: str) -> str:
    text = _text(given, name)
    if text is None:
        raise InvalidRequest(f"{name} is missing.", parameter=name)
    return text


# --- what is shown -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Subject:
    """The template that would go. `stored` is None for a draft, and where there is none of that name and language.

    `body` is Graph's `template` object, None if it is not complete.
    """

    name: str | None
    language: str | None
    category: str | None
    definition: Mapping[str, Any]
    values: Mapping[str, Any]
    body: Mapping[str, Any] | None
    misfits: tuple[Misfit, ...] = ()
    missing: tuple[str, ...] = ()
    stored: Template | None = None


def preview(asked: PreviewAsked, engine: Engine, now: int) -> dict[str, Any]:
    """The answer to `POST /casement/v1/templates/preview`, as docs/templates.md has it. `now` is epoch milliseconds."""
    source = asked.source
    conversation = conversation_with(asked.contact, engine)
    until = free_entry_point_until(conversation, engine.messages, now) if asked.contact else None
    if isinstance(source, Draft):
        subject = _of_draft(source)
        view = _shown(subject, asked.contact) | _of_nobody_yet(source.definition)
    elif isinstance(source, Purpose):
        template, passed = _of_purpose(source, conversation, engine, now)
        view = _judged(template, source, asked.contact, standing(conversation, engine, now), engine)
        view["candidates"] = passed_view(passed)
    else:
        stored = engine.templates.find(engine.waba_id, source.name, source.language)
        view = _judged(stored, source, asked.contact, standing(conversation, engine, now), engine)
    return view | {"free_entry_point_until": seconds(until)}


def _judged(
    template: Template | None,
    source: NamedTemplate | ByName | Purpose,
    contact: str | None,
    situation: Situation,
    engine: Engine,
) -> dict[str, Any]:
    """A stored template, and whether it may go."""
    if template is None and isinstance(source, Purpose):
        why = f"No template of the purpose '{source.name}' can go out now."
        return {**_NOTHING, "can_send": False, "why": why}
    subject = _of_body(template, source) if isinstance(source, NamedTemplate) else _of_values(template, source)
    declared = template.category if template and isinstance(source, Purpose) else None  # it was chosen as it is
    asked = TemplateAsked(subject.name or "", subject.language or "", template, subject.misfits, declared)
    decision = decide(asked, situation)
    view = _shown(subject, contact) | {"can_send": isinstance(decision, SendNow), "why": decision.why}
    return view | ({"code": engine.show(decision.error)[1]["error"]["code"]} if isinstance(decision, Refuse) else {})


def _of_purpose(
    source: Purpose, conversation: Conversation, engine: Engine, now: int
) -> tuple[Template | None, tuple[Passed, ...]]:
    """The template that the purpose comes to, else the one that it would with other parameters."""
    settings = engine.numbers.state(engine.number, now).settings
    selection = select(source, conversation, settings, engine, now)
    if selection.chosen:
        return selection.chosen.template, selection.passed
    languages = languages_for(source.language or language_of(conversation, engine), settings.languages)
    candidates = candidates_for(source.name, languages, settings, engine)
    return first_that_may_go(candidates, refusing(conversation, settings, engine, now)), selection.passed


def _of_body(template: Template | None, source: NamedTemplate) -> _Subject:
    if template is None:
        return _Subject(source.name, source.language, None, {}, {}, source.body)
    misfits, values, missing = _read(template.definition, source.body.get("components"))
    return _subject(template, values, source.body, misfits, missing)


def _of_values(template: Template | None, source: ByName | Purpose) -> _Subject:
    if template is None:
        return _Subject(source.name, source.language, None, {}, source.parameters, None)
    content = filled(template.definition, source.parameters)
    body = body_of(template, content) if content.complete else None
    return _subject(template, source.parameters, body, _misfits_of(content), content.missing)


def _of_draft(draft: Draft) -> _Subject:
    definition = draft.definition
    name, language, category = (
        value if isinstance(value := definition.get(key), str) else None for key in ("name", "language", "category")
    )
    if draft.components is None:
        content = filled(definition, draft.parameters)
        misfits, values, missing = _misfits_of(content), draft.parameters, content.missing
        components: Any = list(content.components) if content.complete else None
    else:
        misfits, values, missing = _read(definition, draft.components)
        components = draft.components
    body = None
    if components is not None and name and language:
        body = {"name": name, "language": {"code": language}} | ({"components": components} if components else {})
    return _Subject(name, language, category, definition, values, body, misfits, missing)


def _subject(
    template: Template,
    values: Mapping[str, Any],
    body: Mapping[str, Any] | None,
    misfits: tuple[Misfit, ...],
    missing: tuple[str, ...],
) -> _Subject:
    named = (template.name, template.language, template.category)
    return _Subject(*named, template.definition, values, body, misfits, missing, template)


def _read(
    definition: Mapping[str, Any], components: Any
) -> tuple[tuple[Misfit, ...], Mapping[str, Any], tuple[str, ...]]:
    """What is wrong with components, the values in them, and the keys of those that lack."""
    misfits, values = fit(definition, components), parameters_in(definition, components)
    return misfits, values, filled(definition, values).missing if misfits else ()


def _misfits_of(content: Filled) -> tuple[Misfit, ...]:
    lack = [f"Missing parameters: {', '.join(content.missing)}."] if content.missing else []
    return tuple(Misfit(MISSING, "parameters", why) for why in (*lack, *content.misfit))


# --- as JSON -------------------------------------------------------------------------------------------------------

_NOTHING: Mapping[str, Any] = {
    "template": None,
    "message": None,
    "payload": None,
    "price_class": None,
    "can_send": None,
    "why": None,
    "misfits": [],
    "missing": [],
}


def _shown(subject: _Subject, contact: str | None) -> dict[str, Any]:
    stored, category = subject.stored, subject.category
    return {
        "template": {
            "name": subject.name,
            "language": subject.language,
            "category": category,
            "status": stored.status if stored else None,
        },
        "message": message_view(rendered_with(subject.definition, subject.values)) if subject.definition else None,
        "payload": None if subject.body is None else _payload(subject.body, contact),
        "price_class": category.lower() if category else None,
        "misfits": [{"where": misfit.where, "why": misfit.why} for misfit in subject.misfits],
        "missing": list(subject.missing),
    }


def _of_nobody_yet(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a draft may go: nobody can say, and what Meta would say of it is told."""
    found = faults(definition)
    refused = " As it is, Meta would refuse it." if found else ""
    return {
        "can_send": None,
        "why": f"It has not been submitted to Meta, and only approved templates can be sent.{refused}",
        "faults": [{"path": fault.path, "why": fault.why} for fault in found],
    }


def _payload(body: Mapping[str, Any], contact: str | None) -> dict[str, Any]:
    """The body for `POST /{phone_number_id}/messages`; for nobody, without whom it goes to."""
    return {"messaging_product": "whatsapp", **_addressed(contact), "type": "template", "template": body}


def _addressed(contact: str | None) -> dict[str, str]:
    if contact is None:
        return {}
    if is_group(contact):
        return {"recipient_type": "group", "to": contact.removeprefix(GROUP)}
    return {"recipient": contact} if is_bsuid(contact) else {"to": contact}


def message_view(rendered: Rendered) -> dict[str, Any]:
    """A message as its recipient sees it. `by_meta` names the parts whose words are Meta's own."""
    offer = rendered.offer
    return _part_view(rendered) | {
        "footer": rendered.footer,
        "offer": {"text": offer.text, "ends_at": offer.ends_at} if offer else None,
        "cards": [_part_view(card) for card in rendered.cards],
        "direction": rendered.direction,
        "by_meta": list(rendered.by_meta),
    }


def _part_view(part: Rendered) -> dict[str, Any]:
    header = part.header
    content = "text" if header and header.format == "TEXT" else header.format.lower() if header else ""
    return {
        "header": {"format": header.format, content: header.text if content == "text" else header.content}
        if header
        else None,
        "body": part.body,
        "buttons": [{"type": button.type, "text": button.text, **button.carries} for button in part.buttons],
    }
