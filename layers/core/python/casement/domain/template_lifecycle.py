"""What may be done to a template now, as far as Meta's rules and what we hold of its WABA tell.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management. Meta
has the last word: edits and creations made elsewhere are not known here, nor is how many templates a WABA may have, or
make in an hour.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from casement.domain.errors import TemplateChangeRefused
from casement.domain.template_history import Transition
from casement.domain.template_rules import Fault
from casement.domain.template_shape import of_type, type_of
from casement.domain.templates import APPROVED, DELETED, Held, Source, Template

PENDING, REJECTED, PAUSED, DISABLED = "PENDING", "REJECTED", "PAUSED", "DISABLED"
PENDING_DELETION = "PENDING_DELETION"
EDITABLE = (APPROVED, REJECTED, PAUSED)
AN_EDIT = "edited"  # in a template's history, beside what Meta changes
EXISTS, BEING_DELETED = 2388024, 2388023  # Meta's subcodes, under code 100

HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
NAME_BLOCKED, EDITS_COUNTED, MOST_EDITS = 30 * DAY, 30 * DAY, 10

_GONE = frozenset({DELETED, PENDING_DELETION})
_NOT_COMPARED = _GONE | {REJECTED, DISABLED}  # Meta shows nobody what these say


def is_gone(template: Template) -> bool:
    """Whether it is deleted, or about to be."""
    return template.status in _GONE


def why_name_is_taken(held: Held | None, now: int, *, was_approved: bool) -> TemplateChangeRefused | None:
    """The error with which Meta would refuse another template of this name and language, None if it may take it.

    `was_approved` says whether a deleted one was approved before: of others Meta does not say that their name is
    blocked.
    """
    if held is None:
        return None
    what = f"Template '{held.template.name}' ({held.template.language})"
    if not is_gone(held.template):
        return TemplateChangeRefused(
            f"{what} exists already. Edit that one, or take another name.", code=100, subcode=EXISTS
        )
    free_at = (held.deleted_at or held.read_at) + NAME_BLOCKED
    if not was_approved or now >= free_at:
        return None
    return TemplateChangeRefused(
        f"{what} was deleted. Meta keeps name and language of an approved template blocked for 30 days after that.",
        code=100,
        subcode=BEING_DELETED,
        retry_after=_seconds(free_at - now),
    )


def saying_the_same(wanted: Mapping[str, Any], others: Iterable[Template]) -> Iterator[Template]:
    """The templates with the body and footer of `wanted`, in the same language: Meta takes no second one. It writes the
    body of an authentication template itself."""
    words = _words(wanted)
    if words is None or _upper(wanted.get("category")) == "AUTHENTICATION":
        return
    for other in others:
        is_another = other.language == wanted.get("language") and other.name != wanted.get("name")
        if is_another and other.status not in _NOT_COMPARED and _words(other.definition) == words:
            yield other


def no_second_one(other: Template) -> Fault:
    """The fault of a template that says the same as `other`."""
    return Fault("components", f"Template '{other.name}' has the same body and footer. Meta takes no second such one.")


def why_not_editable(template: Template, edits: Iterable[int], now: int) -> TemplateChangeRefused | None:
    """The error with which Meta would refuse any edit now, None if it may take one.

    `edits` are the times (epoch milliseconds) at which it was edited while it was approved.
    """
    what = f"Template '{template.name}' ({template.language})"
    if template.status not in EDITABLE:
        return TemplateChangeRefused(
            f"{what} is {template.status} at Meta. Only templates that are {', '.join(EDITABLE)} can be edited."
        )
    if template.status != APPROVED:
        return None
    recent = sorted(at for at in edits if now - at < EDITS_COUNTED)
    of_a_day = recent[-1] + DAY if recent else now
    of_a_month = recent[-MOST_EDITS] + EDITS_COUNTED if len(recent) >= MOST_EDITS else now
    if max(of_a_day, of_a_month) <= now:
        return None
    limit = "once in 24 hours" if of_a_day > of_a_month else f"{MOST_EDITS} times in 30 days"
    return TemplateChangeRefused(
        f"{what} is approved, and an approved template can be edited {limit}.",
        retry_after=_seconds(max(of_a_day, of_a_month) - now),
    )


def why_not_deletable(templates: Iterable[Template]) -> TemplateChangeRefused | None:
    """The error with which Meta would refuse to delete these, None if it may do it."""
    disabled = [f"'{each.name}' ({each.language})" for each in templates if each.status == DISABLED]
    if not disabled:
        return None
    return TemplateChangeRefused(f"Meta has disabled {', '.join(disabled)}. A disabled template can't be deleted.")


def created(waba_id: str, wanted: Mapping[str, Any], answer: Mapping[str, Any]) -> Template:
    """The template that Meta made of `wanted`, by its `answer`: maybe of another category, or approved already."""
    declared = _upper(wanted.get("category"))
    status = _upper(answer.get("status")) or PENDING
    category = _upper(answer.get("category")) or declared
    about = {"id": str(answer["id"]), "status": status, "category": category}
    definition = {"parameter_format": "POSITIONAL", **wanted, **about}  # which is what Meta takes it for
    return Template(
        waba_id, str(answer["id"]), wanted["name"], wanted["language"], status, category, definition, declared
    )


def edited(template: Template, change: Mapping[str, Any]) -> Template:
    """The template as it is after an edit that Meta took, until it is read again: not known to be approved."""
    category = _upper(change.get("category")) or template.category
    definition = {**template.definition, **change, "status": PENDING, "category": category}
    return Template(
        template.waba_id,
        template.id,
        template.name,
        template.language,
        PENDING,
        category,
        definition,
        _upper(change.get("category")) or template.declared,
    )


def being_deleted(held: Held, now: int) -> Held:
    """The same once Meta has said that it deletes it. That it is gone shows later, when Meta lists it no more."""
    definition = {**held.template.definition, "status": PENDING_DELETION}
    template = replace(held.template, status=PENDING_DELETION, definition=definition)
    return Held(template, now, source=Source.REQUEST, told=held.told)


def an_edit(template: Template, now: int) -> Transition:
    """What a template's history tells of an edit: what it was when it was edited, and as its new state the time, which
    tells it apart from every other."""
    return Transition(now, AN_EDIT, template.status, str(now), Source.REQUEST)


def edits_of_approved(history: Iterable[Transition]) -> list[int]:
    """When a template was edited while it was approved, as far as that was through us."""
    return [one.at for one in history if (one.what, one.was) == (AN_EDIT, APPROVED)]


def reads_like(definition: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a template at Meta says what was asked for. What was not asked for does not count: Meta adds defaults,
    and writes the body of an authentication template itself."""
    if "category" in wanted and _upper(wanted["category"]) != _upper(definition.get("category")):
        return False
    return _texts(wanted) <= _texts(definition)


def parts_of(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The components of a template, as far as they are any."""
    components = definition.get("components")
    return [part for part in components if isinstance(part, dict)] if isinstance(components, list) else []


def _words(definition: Mapping[str, Any]) -> tuple[str, str] | None:
    """Body and footer, None of a template without a body text of its own."""
    body, footer = (_text_of(part) for part in (_first(definition, "BODY"), _first(definition, "FOOTER")))
    return None if body is None else (body.strip(), (footer or "").strip())


def _first(definition: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    return next(iter(of_type(parts_of(definition), type_)), {})


def _texts(definition: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The texts of a template, each with the type of the component or button that it is in."""
    parts = parts_of(definition)
    buttons = _first(definition, "BUTTONS").get("buttons")
    parts += [button for button in buttons if isinstance(button, dict)] if isinstance(buttons, list) else []
    return {(type_of(part), text) for part in parts if (text := _text_of(part)) is not None}


def _text_of(part: Mapping[str, Any]) -> str | None:
    text = part.get("text")
    return text if isinstance(text, str) else None


def _upper(given: Any) -> str:
    return given.upper() if isinstance(given, str) else ""


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)
