"""Which template serves a purpose: the first, in its owner's order, that Meta and we would let out as it is filled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from casement.domain.template_filling import Filled, filled
from casement.domain.templates import Template, why_not_sendable


@dataclass(frozen=True, slots=True)
class Candidate:
    """A template that may serve. `translations` are the stored ones in the wanted languages, the best language first.

    `category` is what the owner of the purpose declared, None for any: Meta may move a template to another, which costs
    more and needs another consent, and nobody should send it unawares.
    """

    name: str
    category: str | None
    translations: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The template that goes out; `body` is Graph's `template` object."""

    template: Template
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Passed:
    """A candidate, or one translation of it, that was passed over. `missing` are keys of parameters."""

    name: str
    language: str | None
    why: str
    missing: tuple[str, ...] = ()


def choose(
    candidates: Iterable[Candidate],
    languages: Sequence[str],
    parameters: Mapping[str, Any],
    refuses: Callable[[Template], str | None],
) -> tuple[Chosen | None, tuple[Passed, ...]]:
    """The first candidate that can go out with `parameters`, and what was passed over before it.

    `languages` are those that were looked for; `refuses` says in words why a template must not go to this customer
    (consent and the like), None if it may.
    """
    passed: list[Passed] = []
    for candidate in candidates:
        if not candidate.translations:
            passed.append(Passed(candidate.name, None, _not_there(candidate.name, languages)))
        for template in candidate.translations:
            result = _weigh(candidate, template, parameters, refuses)
            if isinstance(result, Chosen):
                return result, tuple(passed)
            passed.append(result)
    return None, tuple(passed)


def first_that_may_go(candidates: Iterable[Candidate], refuses: Callable[[Template], str | None]) -> Template | None:
    """The template that would be chosen if parameters were no matter, None if none would be."""
    translations = ((candidate, template) for candidate in candidates for template in candidate.translations)
    return next((template for candidate, template in translations if not why_not(candidate, template, refuses)), None)


def languages_for(wanted: str | None, fallbacks: Sequence[str]) -> tuple[str, ...]:
    """The languages to look for, best first: the wanted one, it without its region, then the fallbacks."""
    own = _meta_language(wanted or "")
    everything = (own, own.partition("_")[0], *map(_meta_language, fallbacks))
    return tuple(dict.fromkeys(filter(None, everything)))


def _meta_language(language: str) -> str:
    """`pt-br` as Meta writes it: `pt_BR`."""
    base, _, rest = language.strip().replace("-", "_").partition("_")
    region = rest.upper() if len(rest) == 2 else rest
    return f"{base.lower()}_{region}" if region else base.lower()


def _weigh(
    candidate: Candidate,
    template: Template,
    parameters: Mapping[str, Any],
    refuses: Callable[[Template], str | None],
) -> Chosen | Passed:
    why = why_not(candidate, template, refuses)
    if why is not None:
        return Passed(template.name, template.language, why)
    content = filled(template.definition, parameters)
    if not content.complete:
        return Passed(template.name, template.language, _why_not_filled(content), content.missing)
    return Chosen(template, body_of(template, content))


def why_not(candidate: Candidate, template: Template, refuses: Callable[[Template], str | None]) -> str | None:
    """In words, why the template can't serve whatever it is filled with."""
    if error := why_not_sendable(template):
        return str(error)
    if candidate.category is not None and candidate.category != template.category:
        return (
            f"Template '{template.name}' ({template.language}) was {candidate.category} when this purpose was set and "
            f"is now {template.category}."
        )
    # What a purpose's owner declared counts for more than what was declared when the template was made.
    return refuses(replace(template, declared=candidate.category) if candidate.category else template)


def _not_there(name: str, languages: Sequence[str]) -> str:
    looked_for = f" Looked for: {', '.join(languages)}." if languages else ""
    return f"There is no template '{name}' in a language that would do.{looked_for}"


def _why_not_filled(content: Filled) -> str:
    missing = [f"Missing parameters: {', '.join(content.missing)}."] if content.missing else []
    return " ".join((*missing, *content.misfit))


def body_of(template: Template, content: Filled) -> dict[str, Any]:
    """Graph's `template` object."""
    body = {"name": template.name, "language": {"code": template.language}}
    return {**body, "components": list(content.components)} if content.components else body
