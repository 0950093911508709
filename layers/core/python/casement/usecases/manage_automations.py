"""A number's automations, as their owner shows and changes them: all at once, or a rule at a time.

All of it is one document, and a change of one rule is read, made and written over exactly what was read: so nobody's
change is lost, and what is kept was looked at whole.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from casement.domain.automations import Automations
from casement.domain.automations_document import automations_from, document_of
from casement.domain.errors import AutomationsFaulty, ChangedMeanwhile, InvalidRequest, NotFound
from casement.domain.template_fault import Fault

_TRIES = 5

Json = dict[str, Any]
MayChange = Callable[[int], None]  # raises `ChangedMeanwhile` for a version that the caller does not know


class Kept(Protocol):
    """Automations as they are kept, and how often they were changed."""

    @property
    def automations(self) -> Automations: ...
    @property
    def version(self) -> int: ...


class Store(Protocol):
    """Where they are kept."""

    def fresh(self, number_id: str) -> Kept: ...
    def replace(self, number_id: str, automations: Automations, was: int) -> int | None: ...


class Shown(NamedTuple):
    """A document, or a rule of it, in its long form, and the version of the whole."""

    view: Json
    version: int


def show_all(number: str, store: Store) -> Shown:
    """All of a number's."""
    kept = store.fresh(number)
    return Shown(document_of(kept.automations), kept.version)


def show_rule(number: str, rule_id: str, store: Store) -> Shown:
    """One rule. Raises `NotFound`."""
    document, version = show_all(number, store)
    return Shown(_rule(document, rule_id), version)


def set_all(number: str, given: Any, store: Store, may_change: MayChange) -> Shown:
    """Keep these in place of those there are. Raises `AutomationsFaulty`, `ChangedMeanwhile`."""
    wanted = automations_from(given)
    return _change(number, lambda _: wanted, store, may_change)


def add_rule(number: str, given: Any, store: Store, may_change: MayChange) -> Shown:
    """Keep one more rule, after the others. Raises `InvalidRequest` if there is one of that id."""
    rule = _object(given)

    def add(document: Json) -> None:
        if any(each["id"] == rule.get("id") for each in document["rules"]):
            raise InvalidRequest("There is a rule of this id.", parameter="id")
        document["rules"].append(rule)

    return _change_rule(number, rule.get("id"), add, store, may_change)


def set_rule(number: str, rule_id: str, given: Any, store: Store, may_change: MayChange) -> Shown:
    """Keep a rule in place of the one of that id, or after the others if there is none."""
    rule = {"id": rule_id, **_object(given)}
    _must_be_called(rule, rule_id)

    def set_(document: Json) -> None:
        ids = [each["id"] for each in document["rules"]]
        where = ids.index(rule_id) if rule_id in ids else len(ids)
        document["rules"][where : where + 1] = [rule]

    return _change_rule(number, rule_id, set_, store, may_change)


def change_rule(number: str, rule_id: str, given: Any, store: Store, may_change: MayChange) -> Shown:
    """Change what is named of a rule; null puts it back to what it is when nothing is said. Raises `NotFound`."""
    changes = _object(given)
    _must_be_called({"id": rule_id, **changes}, rule_id)

    def change(document: Json) -> None:
        rule = _rule(document, rule_id)
        rule |= changes
        for name in [name for name, value in changes.items() if value is None]:
            del rule[name]

    return _change_rule(number, rule_id, change, store, may_change)


def remove_rule(number: str, rule_id: str, store: Store, may_change: MayChange) -> Shown:
    """Forget a rule; what is left. Raises `NotFound`."""

    def remove(document: Json) -> None:
        document["rules"].remove(_rule(document, rule_id))

    return _change(number, _edited(remove), store, may_change)


def _change_rule(number: str, rule_id: Any, edit: Callable[[Json], None], store: Store, may_change: MayChange) -> Shown:
    document, version = _change(number, _edited(edit, rule_id), store, may_change)
    return Shown(_rule(document, rule_id), version)


def _edited(edit: Callable[[Json], None], rule_id: Any = None) -> Callable[[Automations], Automations]:
    """A change of a document. Faults of the rule that is changed are told as that rule's."""

    def edited(automations: Automations) -> Automations:
        document = document_of(automations)
        edit(document)
        try:
            return automations_from(document)
        except AutomationsFaulty as error:
            ids = [rule.get("id") for rule in document["rules"]]
            here = f"rules[{ids.index(rule_id)}]" if rule_id in ids else ""
            raise AutomationsFaulty(
                tuple(Fault(fault.path.removeprefix(here).removeprefix("."), fault.why) for fault in error.faults)
            ) from error

    return edited


def _change(number: str, change: Callable[[Automations], Automations], store: Store, may_change: MayChange) -> Shown:
    for _ in range(_TRIES):
        kept = store.fresh(number)
        may_change(kept.version)
        wanted = change(kept.automations)
        version = store.replace(number, wanted, kept.version)
        if version is not None:
            return Shown(document_of(wanted), version)
    raise ChangedMeanwhile("Others change these automations again and again: try once more.")


def _rule(document: Json, rule_id: Any) -> Json:
    for rule in document["rules"]:
        if rule["id"] == rule_id:
            found: Json = rule
            return found
    raise NotFound("This number has no rule of that id.")


def _object(given: Any) -> Json:
    if not isinstance(given, dict):
        raise InvalidRequest("A rule is a JSON object.")
    return given


def _must_be_called(rule: Json, rule_id: str) -> None:
    if rule["id"] != rule_id:
        raise InvalidRequest("A rule keeps its id: what it did in conversations is known by it.", parameter="id")
