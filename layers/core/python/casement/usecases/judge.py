"""Gather what a decision depends on, and decide. The API, the outbox and a dry run all come through here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casement.domain.conversation import Conversation
from casement.domain.number import NumberSettings
from casement.domain.policy import (
    Handoff,
    Hold,
    NamedTemplate,
    Policy,
    Purpose,
    Reject,
    TemplateChoice,
    UseTemplate,
    WhenDearer,
)
from casement.domain.sending import (
    Decision,
    Message,
    Selection,
    SendInstead,
    SendNow,
    Situation,
    TemplateAsked,
    decide,
    why_dearer,
)
from casement.domain.template_choice import Candidate, Chosen, Passed, choose, languages_for
from casement.domain.template_fit import fit
from casement.domain.template_health import why_unhealthy
from casement.domain.templates import Template, why_not_sendable
from casement.domain.window import Window, window_at
from casement.usecases.engine import Engine
from casement.usecases.find_conversation import find_conversation, find_open_conversation


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision with its evidence."""

    message: Message
    conversation: Conversation
    situation: Situation
    decision: Decision
    asked: TemplateAsked | None

    @property
    def window(self) -> Window:
        """The window it was decided by."""
        return self.situation.window

    @property
    def template_id(self) -> str | None:
        """The id of the template that goes out, None if none does."""
        match self.decision:
            case SendInstead(chosen):
                return chosen.template.id
            case SendNow() if self.asked and self.asked.stored:
                return self.asked.stored.id
        return None


def judge(message: Message, policy: Policy, engine: Engine, now: int, *, waited: bool = False) -> Judged:
    """Decide on a message, or again on one that `waited`. Reads only what this decision depends on."""
    return judge_in(_conversation(message, engine, now, waited=waited), message, policy, engine, now, waited=waited)


def judge_in(
    conversation: Conversation, message: Message, policy: Policy, engine: Engine, now: int, *, waited: bool = False
) -> Judged:
    """The same, once the conversation is read."""
    state = engine.numbers.state(engine.number, now)
    window = window_at(now, conversation.opener, conversation.verdict, rules=engine.rules)
    asked = _asked(message, engine)
    stands_in = message.template is None and not window.permits_free_form(now)
    choice = _choice(policy) if stands_in else None
    nudges = choice is not None and isinstance(policy, Hold)
    situation = Situation(
        window,
        policy,
        now,
        conversation.consent,
        state.health.stopped_by if state.health.stops(engine.token, now) else None,
        select(choice, conversation, state.settings, engine, now) if choice else None,
        _held(policy, conversation, engine, now) if stands_in and isinstance(policy, Hold) and not waited else 0,
        state.settings.most_holds,
        nudges and engine.pendings.is_nudged(engine.number, conversation.contacts, conversation.opened_at),
        waited,
        state.settings.when_dearer is WhenDearer.REFUSE,
    )
    return Judged(message, conversation, situation, decide(asked, situation), asked)


def window_now(contact: str, engine: Engine, now: int) -> Window:
    """A conversation's window, read afresh."""
    conversation = find_open_conversation(engine.number, contact, read=engine.read_alias, now=now, rules=engine.rules)
    return window_at(now, conversation.opener, conversation.verdict, rules=engine.rules)


def _held(hold: Hold, conversation: Conversation, engine: Engine, now: int) -> int:
    """How many messages wait for this customer, besides one that the new one would replace."""
    everything = engine.pendings.of(engine.number, conversation.contacts)
    waiting = (one for one in everything if not one.shown_state(now).is_end)
    return sum(1 for one in waiting if hold.supersede is None or one.supersede != hold.supersede)


def _conversation(message: Message, engine: Engine, now: int, *, waited: bool) -> Conversation:
    """A reply inside of the window needs no more than the window; whoever begins must know what the customer wants."""
    if message.template is not None or waited:
        return find_conversation(engine.number, message.contact, read=engine.read_alias)
    return find_open_conversation(engine.number, message.contact, read=engine.read_alias, now=now, rules=engine.rules)


def _asked(message: Message, engine: Engine) -> TemplateAsked | None:
    if message.template is None:
        return None
    name, language = message.template
    stored = engine.templates.find(engine.waba_id, name, language)
    given = message.body["template"].get("components")
    misfits = fit(stored.definition, given) if stored else ()
    return TemplateAsked(name, language, stored, misfits, message.category)


def _choice(policy: Policy) -> TemplateChoice | None:
    match policy:
        case UseTemplate(choice):
            return choice
        case Hold(nudge=nudge):
            return nudge
        case Reject() | Handoff():
            return None


def select(
    choice: TemplateChoice, conversation: Conversation, settings: NumberSettings, engine: Engine, now: int
) -> Selection:
    """The template that a choice comes to for this customer."""
    match choice:
        case NamedTemplate():
            return _named(choice, conversation, settings, engine)
        case Purpose(name, parameters, language):
            languages = languages_for(language or language_of(conversation, engine), settings.languages)
            candidates = candidates_for(name, languages, settings, engine)
            if not candidates:
                why = f"This number has no template for the purpose '{name}'."
                return Selection(choice, None, (Passed(name, None, why),))
            chosen, passed = choose(candidates, languages, parameters, refusing(conversation, settings, engine, now))
            return Selection(choice, chosen, passed)


def _named(choice: NamedTemplate, conversation: Conversation, settings: NumberSettings, engine: Engine) -> Selection:
    name, language = choice.name, choice.language
    stored = engine.templates.find(engine.waba_id, name, language)
    if stored is None:
        return Selection(choice, None, (Passed(name, language, "It does not exist in this language."),))
    unfit = fit(stored.definition, choice.body.get("components"))
    unsendable = why_not_sendable(stored)
    why = (
        str(unsendable)
        if unsendable
        else unwanted(conversation, settings)(stored) or " ".join(misfit.why for misfit in unfit)
    )
    if why:
        return Selection(choice, None, (Passed(name, language, why),))
    return Selection(choice, Chosen(stored, choice.body))


def unwanted(conversation: Conversation, settings: NumberSettings) -> Callable[[Template], str | None]:
    """Says in words why a template must not go to this customer in a message's place, None if it may: they do not want
    it, or it costs more than its owner declared."""

    def why(template: Template) -> str | None:
        dearer = why_dearer(template, None) if settings.when_dearer is WhenDearer.REFUSE else None
        return conversation.consent.forbids(template.category) or (str(dearer) if dearer else None)

    return why


def refusing(
    conversation: Conversation, settings: NumberSettings, engine: Engine, now: int
) -> Callable[[Template], str | None]:
    """The same of a template that a purpose might choose, which should be in good health besides."""
    why = unwanted(conversation, settings)
    return lambda template: why(template) or why_unhealthy(template, engine.templates.ill(engine.waba_id, now))


def language_of(conversation: Conversation, engine: Engine) -> str | None:
    """The contact's language, whichever alias it was set for."""
    known = (engine.language(engine.number, contact) for contact in conversation.contacts)
    return next((language for language in known if language), None)


def candidates_for(purpose: str, languages: Sequence[str], settings: NumberSettings, engine: Engine) -> list[Candidate]:
    """The templates of a purpose, in its owner's order, as they are stored in these languages."""
    return [
        Candidate(
            template.name,
            template.category,
            tuple(
                found
                for language in languages
                if (found := engine.templates.find(engine.waba_id, template.name, language)) is not None
            ),
        )
        for template in settings.serving.get(purpose, ())
    ]


def in_place_of(body: Mapping[str, Any], template: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a template message to whom `body` is addressed."""
    kept = ("messaging_product", "recipient_type", "to", "recipient", "recipient_identity_key_hash")
    return {name: body[name] for name in kept if name in body} | {"type": "template", "template": template}
