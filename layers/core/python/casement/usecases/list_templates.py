"""The stored templates of a WABA, in the shape of Meta's own listing, with what Casement knows besides.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from casement.domain.errors import NotFound
from casement.domain.template_health import Ill
from casement.domain.template_history import Transition
from casement.domain.template_lifecycle import AN_EDIT, parts_of
from casement.domain.templates import DELETED, Held, Template
from casement.usecases.views import seconds

OURS = "casement"
_ALWAYS_SHOWN = ("id",)


class TemplateStore(Protocol):
    """What is held of a WABA, by name and language. Positions are exclusive."""

    def all(self, waba_id: str, after: str = ..., before: str = ...) -> Iterator[Held]: ...
    def backwards(self, waba_id: str, before: str) -> Iterator[Held]: ...
    def named(self, waba_id: str, name: str) -> Iterator[Held]: ...
    def ill(self, waba_id: str, now: int) -> Mapping[str, Ill]: ...
    def history(self, waba_id: str, template_id: str) -> list[Transition]: ...


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, and whether there are others before and after it."""

    rows: list[Held]
    has_previous: bool
    has_next: bool


def list_templates(
    waba_id: str,
    store: TemplateStore,
    query: Mapping[str, str],
    *,
    limit: int,
    after: str | None = None,
    before: str | None = None,
) -> Page:
    """Those that Meta's filters in `query` let through, at most `limit`: the first after a position, or the last before
    one. With both, the first between them.
    """
    if before is not None and after is None:
        found = list(islice(_wanted(store.backwards(waba_id, before), query), limit + 1))
        return Page(found[:limit][::-1], len(found) > limit, has_next=True)
    bounds = {"after": after, "before": before}
    held = store.all(waba_id, **{name: position for name, position in bounds.items() if position is not None})
    found = list(islice(_wanted(held, query), limit + 1))
    return Page(found[:limit], after is not None, len(found) > limit)


def summary(waba_id: str, store: TemplateStore, query: Mapping[str, str]) -> Mapping[str, Any]:
    """Meta's counts, over all pages. How many templates a WABA may have is not in any listing, so it is not known."""
    total, names = 0, set()
    for held in store.all(waba_id):
        total += _is_wanted(held.template, query)
        if held.template.status != DELETED:
            names.add(held.template.name)
    return {
        "total_count": total,
        "message_template_count": len(names),
        "message_template_limit": None,
        "are_translations_complete": True,
    }


def show_template(waba_id: str, name: str, store: TemplateStore, now: int) -> Mapping[str, Any]:
    """All translations of a template, each with its review, its health and its history. Raises `NotFound`."""
    translations = list(store.named(waba_id, name))
    if not translations:
        raise NotFound("There is no template of this name.")
    ill = store.ill(waba_id, now)
    return {
        "name": name,
        "waba_id": waba_id,
        "data": [
            {
                **_translation_view(held),
                **held_view(held, ill.get(held.template.id)),
                "history": [transition_view(one) for one in store.history(waba_id, held.template.id)],
            }
            for held in translations
        ],
    }


def _translation_view(held: Held) -> dict[str, Any]:
    template = held.template
    return {
        "id": template.id,
        "language": template.language,
        "status": template.status,
        "sendable": template.sendable,
        "category": template.category,
        "announced_category": template.announced_category or None,
        "quality": template.quality or None,
        "components": parts_of(template.definition),
    }


def transition_view(transition: Transition) -> dict[str, Any]:
    """One change of a template. An edit says what its status was, and not what became of it: that follows."""
    return {
        "at": seconds(transition.at),
        "what": transition.what,
        "was": transition.was or None,
        "now": None if transition.what == AN_EDIT else transition.now or None,
        "source": transition.source,
    }


def row_view(held: Held, fields: str | None, ill: Mapping[str, Ill]) -> Mapping[str, Any]:
    """A template as Meta described it, and what we know besides; of `fields`, those that it has."""
    row = {**held.template.definition, OURS: held_view(held, ill.get(held.template.id))}
    if not fields:
        return row
    names = {*_ALWAYS_SHOWN, *(name.strip().partition("{")[0] for name in fields.split(","))}
    return {name: value for name, value in row.items() if name in names}


def held_view(held: Held, ill: Ill | None) -> dict[str, Any]:
    """What we know of a template that Meta's listing does not say."""
    return {
        "declared_category": held.template.declared,
        "review": review_view(held),
        "ill": _ill_view(ill) if ill else None,
        "read_at": seconds(held.read_at),
        "deleted_at": seconds(held.deleted_at),
    }


def _ill_view(ill: Ill) -> dict[str, Any]:
    return {"asked": ill.asked, "failed": ill.failed, "since": seconds(ill.since), "until": seconds(ill.until)}


def review_view(held: Held) -> dict[str, Any] | None:
    """Why the template has the status that it has, as far as Meta told; None where it told nothing."""
    told = held.why
    reason = _reason(told.get("reason")) if told else None
    reason = reason or _reason(held.template.definition.get("rejected_reason"))
    if told is None and reason is None:
        return None
    other, rejection = _object(told, "other_info"), _object(told, "rejection_info")
    return {
        "event": told.get("event") if told else None,
        "at": seconds(told.get("at")) if told else None,
        "reason": reason,
        "title": other.get("title"),
        "description": rejection.get("reason") or other.get("description"),
        "advice": rejection.get("recommendation"),
    }


def _wanted(held: Iterable[Held], query: Mapping[str, str]) -> Iterator[Held]:
    return (one for one in held if _is_wanted(one.template, query))


def _is_wanted(template: Template, query: Mapping[str, str]) -> bool:
    listed = (
        (query.get("status"), template.status),
        (query.get("category"), template.category),
        (query.get("language"), template.language),
        (query.get("name"), template.name),
        (query.get("quality_score"), template.quality),
    )
    if not all(wanted is None or has.lower() in _several(wanted) for wanted, has in listed):
        return False
    parts = (query.get("content"), query.get("name_or_content"))
    if parts == (None, None):
        return True
    content = "\n".join(_texts(template)).lower()
    texts = (content, f"{template.name}\n{content}")
    return all(wanted is None or wanted.lower() in text for wanted, text in zip(parts, texts, strict=True))


def _several(wanted: str) -> list[str]:
    """One value, several with commas, or a JSON array, as Meta takes them."""
    return [one.strip(' []"') for one in wanted.lower().split(",")]


def _texts(template: Template) -> Iterator[str]:
    """What a template's components say."""
    return (part["text"] for part in parts_of(template.definition) if isinstance(part.get("text"), str))


def _reason(given: object) -> str | None:
    return given if isinstance(given, str) and given not in ("", "NONE") else None


def _object(told: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    value = told.get(name) if told else None
    return value if isinstance(value, Mapping) else {}
