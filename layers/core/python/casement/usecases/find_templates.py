"""Find the templates that can go to a customer now, the best first, and say why the others can't.

Nothing is sent and nothing written. Whether one may go is decided as a send's is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from casement.domain.errors import InvalidRequest
from casement.domain.number import NumberSettings, PurposeTemplate
from casement.domain.policy import LONGEST_WORD
from casement.domain.sending import Refuse, Situation, TemplateAsked, decide
from casement.domain.template_choice import Candidate, languages_for, why_not
from casement.domain.template_filling import needed
from casement.domain.template_finding import Best, Wanted, match, rank, words_of
from casement.domain.template_health import Ill, why_unhealthy
from casement.domain.template_rendering import rendered_with
from casement.domain.templates import DELETED, Held, Template
from casement.domain.untrusted import is_text
from casement.usecases.addressee import conversation_with, must_be_contact, standing
from casement.usecases.engine import Engine
from casement.usecases.judge import language_of, refusing
from casement.usecases.list_templates import review_view

DEFAULT_LIMIT, LARGEST_LIMIT = 25, 100
_KNOWN = frozenset({"phone_number_id", "contact", "purpose", "language", "q", "limit"})


@dataclass(frozen=True, slots=True)
class FindAsked:
    """What is looked for. `contact` is whom it would go to, as the caller wrote it, `query` words of its name or text,
    `limit` how many are shown, of those that can go and of those that can't."""

    phone_number_id: str | None = None
    contact: str | None = None
    purpose: str | None = None
    language: str | None = None
    query: str = ""
    limit: int = DEFAULT_LIMIT


def find_from(query: Mapping[str, str]) -> FindAsked:
    """What the query of a request asks for. Raises `InvalidRequest`, which names the parameter."""
    for name in query:
        if name not in _KNOWN:
            raise InvalidRequest(f"{name} is not known here.", parameter=name)
    given = {name: text for name, text in query.items() if text}
    for name, text in given.items():
        if not is_text(text, LONGEST_WORD):
            raise InvalidRequest(f"{name} must be 1 to {LONGEST_WORD} characters.", parameter=name)
    contact = given.get("contact")
    if contact is not None:
        must_be_contact(contact)
    return FindAsked(
        given.get("phone_number_id"),
        contact,
        given.get("purpose"),
        given.get("language"),
        given.get("q", ""),
        _limit(given.get("limit")),
    )


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise InvalidRequest("limit must be a whole number above 0.", parameter="limit")
    return min(int(text.lstrip("0")[:4]), LARGEST_LIMIT)  # its first digits tell whether it is too large


@dataclass(frozen=True, slots=True)
class _Search:
    """How each template is judged. `candidates` are a purpose's templates by name, None where none is asked for."""

    wanted: Wanted
    situation: Situation
    refuses: Callable[[Template], str | None]
    candidates: Mapping[str, PurposeTemplate] | None

    def why_not(self, template: Template) -> str | None:
        """In words, why it can't go now whatever it is filled with, None if it can."""
        if self.candidates is not None and template.language not in self.wanted.languages:
            looked_for = ", ".join(self.wanted.languages)
            return f"Template '{template.name}' ({template.language}) is in none of the languages {looked_for}."
        category = self.candidates[template.name].category if self.candidates is not None else None
        asked = TemplateAsked(template.name, template.language, template, declared=category)
        decision = decide(asked, self.situation)
        if isinstance(decision, Refuse):
            return decision.why
        if self.candidates is None:  # by its name, it may go even if it should not be chosen
            return None
        return why_not(Candidate(template.name, category, (template,)), template, self.refuses)


def find_templates(asked: FindAsked, engine: Engine, now: int) -> dict[str, Any]:
    """The answer to `GET /casement/v1/templates/find`, as docs/templates.md has it. `now` is epoch milliseconds.

    All templates of the account are read, once; what is kept of them is what is shown. Raises `InvalidRequest` for a
    purpose that the number does not have.
    """
    settings = engine.numbers.state(engine.number, now).settings
    conversation = conversation_with(asked.contact, engine)
    candidates = _candidates(asked.purpose, settings)
    languages = languages_for(asked.language or language_of(conversation, engine), settings.languages)
    wanted = Wanted(words_of(asked.query), tuple(candidates or ()), languages)
    search = _Search(
        wanted, standing(conversation, engine, now), refusing(conversation, settings, engine, now), candidates
    )
    usable: Best[Template] = Best(asked.limit)
    unusable: Best[tuple[Held, str]] = Best(asked.limit)
    unheard_of = dict.fromkeys(candidates or ())
    ill = engine.templates.ill(engine.waba_id, now)
    for held in engine.templates.all(engine.waba_id):
        template = held.template
        unheard_of.pop(template.name, None)
        matched = match(template, wanted.words) if candidates is None or template.name in candidates else None
        if matched is None:
            continue
        place = rank(template, wanted, matched)
        if why := search.why_not(template):
            unusable.add((template.status == DELETED, *place), (held, why))
        else:
            usable.add((why_unhealthy(template, ill) is not None, *place), template)
    return {
        "usable": [_usable_view(template, settings, ill) for template in usable],
        "unusable": [_unusable_view(held, why) for held, why in unusable]
        + [_unheard_of_view(name) for name in unheard_of],
        "count": {"usable": usable.seen, "unusable": unusable.seen + len(unheard_of)},
    }


def _candidates(purpose: str | None, settings: NumberSettings) -> Mapping[str, PurposeTemplate] | None:
    """The templates of a purpose by their names, best first. Where one is listed twice, the first counts."""
    if purpose is None:
        return None
    if purpose not in settings.serving:
        known = ", ".join(sorted(settings.serving))
        raise InvalidRequest(f"This number has no such purpose. It has: {known}.", parameter="purpose")
    found: dict[str, PurposeTemplate] = {}
    for template in settings.serving[purpose]:
        found.setdefault(template.name, template)
    return found


def _usable_view(template: Template, settings: NumberSettings, ill: Mapping[str, Ill]) -> dict[str, Any]:
    return {
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "price_class": template.category.lower(),
        "needs": list(needed(template.definition)),
        "body": rendered_with(template.definition, {}).body,
        "purposes": [purpose for purpose, serving in settings.serving.items() if _serves(template, serving)],
        "warning": why_unhealthy(template, ill),
    }


def _serves(template: Template, serving: Iterable[PurposeTemplate]) -> bool:
    return any(each.name == template.name and each.category in (None, template.category) for each in serving)


def _unusable_view(held: Held, why: str) -> dict[str, Any]:
    template = held.template
    return {
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "why": why,
        "review": review_view(held),
    }


def _unheard_of_view(name: str) -> dict[str, Any]:
    why = f"There is no template '{name}'."
    return {"name": name, "language": None, "status": None, "category": None, "why": why, "review": None}
