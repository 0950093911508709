"""Make, change and delete templates at Meta, and keep at once what became of it.

What Meta would refuse is refused before it is asked, as far as we know; where only what we hold says no, the template
is read again first, since it may have changed. After Meta's yes nothing here may turn it into a no: a client would do
it again. If it can't be kept then, the next sync keeps it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from casement.domain.errors import (
    GraphError,
    GraphOutcomeUnknown,
    GraphUnavailable,
    InvalidRequest,
    NotFound,
    StoreUnavailable,
    TemplateChangeRefused,
    TemplateFaulty,
)
from casement.domain.template_history import STATUS, Transition
from casement.domain.template_lifecycle import (
    EXISTS,
    PAUSED,
    an_edit,
    being_deleted,
    created,
    edited,
    edits_of_approved,
    is_gone,
    no_second_one,
    reads_like,
    saying_the_same,
    why_name_is_taken,
    why_not_deletable,
    why_not_editable,
)
from casement.domain.template_rules import Fault, edit_faults, faults, library_faults
from casement.domain.templates import APPROVED, DELETED, Held, Source, Template

Row = Mapping[str, Any]

A_CHANGE_TAKES_S = 20.0  # a call of Meta's at its slowest, and keeping what came of it
A_LOOK_TAKES_S = 12.0
MOST_DELETED = 100  # ids in one request

UNKNOWN_TEMPLATE = (
    "No template with this id is known here. If it is new at Meta, list the templates with casement_refresh=true. "
    "Other calls of Graph's on this path do not pass through Casement: make them at Meta."
)
_UNKNOWN_IDS = (
    "Not all of these ids are templates of this WhatsApp Business Account. If they are new at Meta, list the templates "
    "with casement_refresh=true."
)
_LOST = "Meta's answer did not arrive, so it is not known whether it did {what}. Look before you try again."


class TemplateStore(Protocol):
    """What is held."""

    def all(self, waba_id: str) -> Iterable[Held]: ...
    def held(self, waba_id: str, name: str, language: str) -> Held | None: ...
    def held_by_id(self, waba_id: str, template_id: str) -> Held | None: ...
    def named(self, waba_id: str, name: str) -> Iterable[Held]: ...
    def keep(self, new: Held) -> bool: ...
    def history(self, waba_id: str, template_id: str) -> Sequence[Transition]: ...
    def add_history(self, waba_id: str, template_id: str, transitions: Iterable[Transition]) -> None: ...


class TemplateDesk(Protocol):
    """Where Meta takes templates. Every call may raise a `GraphError`."""

    def create_template(self, waba_id: str, token: str, wanted: Row) -> dict[str, Any]: ...
    def edit_template(self, template_id: str, token: str, change: Row) -> dict[str, Any]: ...
    def unpause_template(self, template_id: str, token: str) -> dict[str, Any]: ...
    def delete_template(
        self, waba_id: str, token: str, *, name: str | None = ..., template_ids: Sequence[str] = ...
    ) -> dict[str, Any]: ...
    def templates(
        self, waba_id: str, token: str, after: str | None, *, name: str | None = ...
    ) -> tuple[Sequence[Row], str | None]: ...
    def template(self, template_id: str, token: str) -> Row | None: ...


@dataclass(frozen=True, slots=True)
class Account:
    """A WABA, and what acting for it takes. `clock` gives epoch milliseconds, `seconds_left` how long the caller still
    waits."""

    waba_id: str
    token: str
    store: TemplateStore
    meta: TemplateDesk
    read_row: Callable[[str, Row], Template | None]
    clock: Callable[[], int]
    seconds_left: Callable[[], float]


def create(account: Account, wanted: Any) -> dict[str, Any]:
    """Have a template reviewed; Meta's answer, and what we know besides under `casement`.

    Raises `TemplateFaulty`, `TemplateChangeRefused` (its name is taken), a `GraphError`, or `StoreUnavailable` before
    Meta was asked. Twice is harmless: Meta refuses the second.
    """
    _must_be_without_faults(account, wanted)
    _must_be_free(account, wanted["name"], wanted["language"])
    _must_have_time(account)
    try:
        answer = account.meta.create_template(account.waba_id, account.token, wanted)
    except GraphOutcomeUnknown:
        answer = _found_at_meta(account, wanted)
    template = created(account.waba_id, wanted, answer)
    stored = _keep(account, Held(template, account.clock(), source=Source.REQUEST))
    _read_again(account, template)  # with all that Meta adds, and of its library everything
    return {**answer, "casement": {"declared_category": template.declared, "stored": stored}}


def _must_be_without_faults(account: Account, wanted: Any) -> None:
    from_library = isinstance(wanted, dict) and wanted.get("library_template_name") is not None
    found = library_faults(wanted) if from_library else faults(wanted)
    if isinstance(wanted, dict) and not from_library:
        found += tuple(_twin(account, wanted))
    if found:
        raise TemplateFaulty(found)


def _twin(account: Account, wanted: Row) -> Iterator[Fault]:
    """The fault of a template that another says the same as, if Meta still has that one."""
    held = account.store.all(account.waba_id)
    for other in saying_the_same(wanted, (one.template for one in held)):
        if _is_there(account, other):
            yield no_second_one(other)
            return


def _must_be_free(account: Account, name: str, language: str) -> None:
    held = account.store.held(account.waba_id, name, language)
    if held is None:
        return
    gone = is_gone(held.template)
    history = account.store.history(account.waba_id, held.template.id) if gone else ()
    was_approved = any((one.what, one.now) == (STATUS, APPROVED) for one in history)
    refusal = why_name_is_taken(held, account.clock(), was_approved=was_approved)
    if refusal is None:
        return
    if gone or _is_there(account, held.template):
        raise refusal


def _found_at_meta(account: Account, wanted: Row) -> dict[str, Any]:
    """Meta's answer got lost: what it has of that name and language now. Raises a `GraphError` or
    `TemplateChangeRefused`."""
    if not _has_time_to_look(account):
        raise GraphOutcomeUnknown(_LOST.format(what="make this template"))
    try:
        rows, _ = account.meta.templates(account.waba_id, account.token, None, name=wanted["name"])
    except GraphError as error:
        raise GraphOutcomeUnknown(_LOST.format(what="make this template")) from error
    there = (template for row in rows if (template := account.read_row(account.waba_id, row)))
    found = next((one for one in there if (one.name, one.language) == (wanted["name"], wanted["language"])), None)
    if found is None:
        raise GraphUnavailable("Meta's answer did not arrive, and it has made no such template. Try again.")
    if not reads_like(found.definition, {"components": wanted.get("components")}):
        raise TemplateChangeRefused(
            f"Template '{found.name}' ({found.language}) exists already, and says something else.", subcode=EXISTS
        )
    return {"id": found.id, "status": found.status, "category": found.category}


def edit(account: Account, held: Held, change: Any) -> dict[str, Any]:
    """Change a template; Meta's answer, with the template's new status under `casement`.

    Raises `TemplateFaulty`, `TemplateChangeRefused`, a `GraphError`, or `StoreUnavailable` before Meta was asked.
    """
    template = _editable(account, held.template, change)
    _must_have_time(account)
    try:
        answer = account.meta.edit_template(template.id, account.token, change)
    except GraphOutcomeUnknown as error:
        answer = _edited_at_meta(account, template, change, error)
    now = account.clock()
    after = _read_again(account, template, declared=str(change.get("category") or "").upper())
    if after is None:
        after = edited(template, change)
        _keep(account, Held(after, now, source=Source.REQUEST))
    with suppress(StoreUnavailable):  # then Meta alone knows of it
        account.store.add_history(account.waba_id, template.id, [an_edit(template, now)])
    about = {"success": True, "id": template.id, "name": template.name, "category": after.category}
    return {**about, **answer, "casement": {"status": after.status, "declared_category": after.declared}}


def _editable(account: Account, template: Template, change: Any) -> Template:
    """The template as it is before the edit. Raises `TemplateFaulty` or `TemplateChangeRefused`."""
    edits = edits_of_approved(account.store.history(account.waba_id, template.id))
    now = account.clock()
    found = edit_faults(change, template.definition)
    if why_not_editable(template, edits, now) or any(fault.path == "category" for fault in found):
        template = _as_it_is(account, template)  # what it is decides about both, and may be old news
        found = edit_faults(change, template.definition)
    if found:
        raise TemplateFaulty(found)
    refusal = why_not_editable(template, edits, now)
    if refusal is not None:
        raise refusal
    return template


def _edited_at_meta(account: Account, before: Template, change: Row, lost: GraphOutcomeUnknown) -> dict[str, Any]:
    """Meta's answer got lost: whether the template says now what it did not before. Raises `GraphOutcomeUnknown`."""
    after = _read_again(account, before)
    if after is None or reads_like(before.definition, change) or not reads_like(after.definition, change):
        raise GraphOutcomeUnknown(_LOST.format(what="make this change")) from lost
    return {"success": True}


def unpause(account: Account, held: Held) -> dict[str, Any]:
    """Lift a pause that does not end by itself, as it is after pacing; Meta's answer, with the status it has then.

    Raises a `GraphError`. Twice is harmless: Meta refuses what is not paused.
    """
    template = held.template
    _must_have_time(account)
    try:
        answer = account.meta.unpause_template(template.id, account.token)
    except GraphOutcomeUnknown as error:
        after = _read_again(account, template)
        if after is None or after.status == PAUSED:
            raise GraphOutcomeUnknown(_LOST.format(what="lift the pause")) from error
        answer = {"success": True}
    else:
        after = _read_again(account, template)
    return {**answer, "casement": {"status": after.status if after else None}}


def delete(account: Account, *, name: str | None = None, template_ids: Sequence[str] = ()) -> dict[str, Any]:
    """Delete all translations of a name, or the templates with these ids; Meta's answer.

    Raises `InvalidRequest`, `NotFound`, `TemplateChangeRefused`, a `GraphError`, or `StoreUnavailable` before Meta was
    asked. Twice is harmless: Meta refuses the second.
    """
    doomed = _with_ids(account, name, template_ids) if template_ids else _named(account, name)
    templates = [held.template for held in doomed]
    if why_not_deletable(templates) is not None:
        templates = [_as_it_is(account, template) for template in templates]
    refusal = why_not_deletable(templates)
    if refusal is not None:
        raise refusal
    _must_have_time(account)
    its_name = templates[0].name if len(template_ids) == 1 else name if not template_ids else None
    try:
        answer = account.meta.delete_template(account.waba_id, account.token, name=its_name, template_ids=template_ids)
    except GraphOutcomeUnknown as error:
        answer = _deleted_at_meta(account, doomed, error)
    now = account.clock()
    stored = [_keep(account, being_deleted(held, now)) for held in doomed]
    return {**answer, "casement": {"deleted": [template.id for template in templates], "stored": all(stored)}}


def _named(account: Account, name: str | None) -> list[Held]:
    """The translations of a name that we know of; there may be more, or some, at Meta."""
    if not name:
        raise InvalidRequest("Say which template: name, name with hsm_id, or hsm_ids.", parameter="name")
    return [held for held in account.store.named(account.waba_id, name) if not is_gone(held.template)]


def _with_ids(account: Account, name: str | None, template_ids: Sequence[str]) -> list[Held]:
    """The templates with these ids. Raises `NotFound` unless all are of this WABA, and `InvalidRequest` for another
    name: Meta might go by either."""
    if len(template_ids) > MOST_DELETED:
        raise InvalidRequest(f"At most {MOST_DELETED} templates can be deleted at once.", parameter="hsm_ids")
    held = {one.template.id: one for one in account.store.all(account.waba_id) if one.template.id in template_ids}
    if set(held) != set(template_ids):
        raise NotFound(_UNKNOWN_IDS)
    if name and any(one.template.name != name for one in held.values()):
        raise InvalidRequest("That id is not of a template of this name.", parameter="name")
    return [held[id_] for id_ in template_ids]


def _deleted_at_meta(account: Account, doomed: Sequence[Held], lost: GraphOutcomeUnknown) -> dict[str, Any]:
    """Meta's answer got lost: whether it still has any of them. Raises a `GraphError`."""
    unknown = GraphOutcomeUnknown(_LOST.format(what="delete this"))
    for held in doomed:
        if not _has_time_to_look(account):
            raise unknown from lost
        try:
            found = _read(account, held.template)
        except GraphError:
            raise unknown from lost
        if found is not None and not is_gone(found.template):
            raise GraphUnavailable("Meta's answer did not arrive, and it still has the template. Try again.") from lost
    if not doomed:
        raise unknown from lost
    return {"success": True}


def find_template(template_id: str, waba_ids: Iterable[str], store: TemplateStore) -> Held:
    """The template with this id, in whichever of these WABAs it is. Raises `NotFound`."""
    for waba_id in waba_ids:
        held = store.held_by_id(waba_id, template_id)
        if held is not None:
            return held
    raise NotFound(UNKNOWN_TEMPLATE)


def _is_there(account: Account, template: Template) -> bool:
    """Whether Meta has it still; as far as we know, where Meta does not say."""
    return not is_gone(_as_it_is(account, template))


def _read(account: Account, template: Template) -> Held | None:
    """A template as Meta has it now, None if it is gone. Raises a `GraphError`."""
    asked_at = account.clock()
    row = account.meta.template(template.id, account.token)
    found = account.read_row(account.waba_id, row) if row is not None else None
    return Held(found, asked_at, source=Source.REQUEST) if found else None


def _as_it_is(account: Account, template: Template) -> Template:
    """The same, read again, as far as Meta will say."""
    with suppress(GraphError):
        held = _read(account, template)
        return replace(held.template, declared=template.declared) if held else replace(template, status=DELETED)
    return template


def _read_again(account: Account, template: Template, *, declared: str = "") -> Template | None:
    """The same, read again and kept; None where there is no time, or Meta does not say."""
    if not _has_time_to_look(account):
        return None
    with suppress(GraphError):
        held = _read(account, template)
        if held is not None:
            found = replace(held.template, declared=declared)
            _keep(account, replace(held, template=found))
            return replace(found, declared=declared or template.declared)
    return None


def _keep(account: Account, held: Held) -> bool:
    """Keep what Meta did; whether it could be kept. If not, the next sync does."""
    try:
        account.store.keep(held)
    except StoreUnavailable:
        return False
    return True


def _has_time_to_look(account: Account) -> bool:
    return account.seconds_left() >= A_LOOK_TAKES_S


def _must_have_time(account: Account) -> None:
    """Raise `GraphUnavailable` unless a change that begins now ends while the caller still waits."""
    if account.seconds_left() < A_CHANGE_TAKES_S:
        raise GraphUnavailable("Looking for the template took too long, so nothing was changed. Try again.")
