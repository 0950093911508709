"""What must be done so that a WABA has all the templates of a set: pure, and made anew each time from what it has.

So there is nothing to remember between two runs: one that stopped anywhere is gone on with by running it again. Nothing
is ever deleted.

Source of what can be changed: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/
template-management. Only templates that are APPROVED, REJECTED or PAUSED can be edited, an approved one keeps its
category, and components are replaced whole. How often an approved one may be edited the stack knows, and says.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from casement.domain.template_shape import AUTHENTICATION
from cli.templates.definition import OPTIONAL, Definition, Place, creation, differences, is_there, place_of

APPROVED = "APPROVED"
EDITABLE = frozenset({APPROVED, "REJECTED", "PAUSED"})
Faults = Callable[[Definition], tuple[str, ...]]  # why Meta would not take a template, in words


@dataclass(frozen=True, slots=True)
class Create:
    """A template that is not there."""

    definition: Definition


@dataclass(frozen=True, slots=True)
class Edit:
    """A template that is there and says something else; `change` is what is POSTed to it."""

    place: Place
    template_id: str
    change: Mapping[str, Any]
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A template of the set that cannot be brought about, and why."""

    place: Place
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and what is not. Places are names with languages, in order."""

    create: tuple[Create, ...] = ()
    edit: tuple[Edit, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    same: tuple[Place, ...] = ()
    only_there: tuple[Place, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        return not self.create and not self.edit


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a set and a WABA differ."""

    only_here: tuple[Place, ...]
    only_there: tuple[Place, ...]
    different: tuple[tuple[Place, tuple[str, ...]], ...]
    same: tuple[Place, ...]

    @property
    def is_same(self) -> bool:
        """Whether they do not."""
        return not self.only_here and not self.only_there and not self.different


def by_place(definitions: Iterable[Definition]) -> dict[Place, Definition]:
    """Definitions by name and language, in that order; of two in one place, the last."""
    found = {place_of(each): each for each in definitions}
    return {place: found[place] for place in sorted(found)}


def compare(wanted: Iterable[Definition], listed: Iterable[Definition]) -> Comparison:
    """How a set differs from what a WABA has. Deleted templates are not there."""
    here, there = by_place(wanted), by_place(filter(is_there, listed))
    both = {place: differences(here[place], there[place]) for place in here if place in there}
    return Comparison(
        tuple(place for place in here if place not in there),
        tuple(place for place in there if place not in here),
        tuple((place, differs) for place, differs in both.items() if differs),
        tuple(place for place, differs in both.items() if not differs),
    )


def plan(wanted: Iterable[Definition], listed: Iterable[Definition], faults: Faults) -> Plan:
    """What to do so that the WABA, whose templates are `listed`, has all of `wanted`."""
    here, there = by_place(wanted), by_place(filter(is_there, listed))
    steps = [_step(here[place], there.get(place), faults) for place in here]
    return Plan(
        create=tuple(step for step in steps if isinstance(step, Create)),
        edit=tuple(step for step in steps if isinstance(step, Edit)),
        blocked=tuple(step for step in steps if isinstance(step, Blocked)),
        same=tuple(step for step in steps if isinstance(step, tuple)),
        only_there=tuple(place for place in there if place not in here),
    )


def _step(wanted: Definition, there: Definition | None, faults: Faults) -> Create | Edit | Blocked | Place:
    place = place_of(wanted)
    differs = differences(wanted, there) if there is not None else ()
    if there is not None and not differs:
        return place
    if wrong := faults(wanted):
        return Blocked(place, wrong)
    if there is None:
        return Create(wanted)
    change = _change(wanted, there, differs)
    why = tuple(_why_not(wanted, there, differs, change))
    return Blocked(place, why) if why else Edit(place, str(there.get("id", "")), change, differs)


def _change(wanted: Definition, there: Definition, differs: tuple[str, ...]) -> dict[str, Any]:
    """What an edit has to say: only what differs, the components whole."""
    made, status = creation(wanted), str(there.get("status")).upper()
    change = {name: made[name] for name in OPTIONAL if name in differs}
    if "category" in differs and status != APPROVED:
        change["category"] = made["category"]
    if set(differs) - {"category", *OPTIONAL}:
        change["components"] = made["components"]
        format_ = made.get("parameter_format", "POSITIONAL")
        if format_ != str(there.get("parameter_format", "POSITIONAL")).upper():
            change["parameter_format"] = format_
    return change


def _why_not(
    wanted: Definition, there: Definition, differs: tuple[str, ...], change: Mapping[str, Any]
) -> Iterator[str]:
    """In words, why Meta would not take the edit."""
    status = str(there.get("status")).upper()
    categories = {str(each.get("category")).upper() for each in (wanted, there)}
    if status not in EDITABLE:
        yield f"It is there and differs in {', '.join(differs)}; it is {status}, and can't be edited now."
    elif status == APPROVED and len(categories) > 1 and (not change or AUTHENTICATION in categories):
        yield (
            f"It is there as {there.get('category')} and not as {wanted.get('category')}: an approved template keeps "
            "its category."
        )
