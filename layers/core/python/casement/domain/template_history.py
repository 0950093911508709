"""What happened to a template: every change of its status, its category and its quality, with time and source.

A change follows from two holdings of it, the one before and the one after. So whoever writes a template needs not
think of its history: what the table's stream shows of it is enough, and may be shown again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from casement.domain.templates import DELETED, Held, Source

STATUS, CATEGORY, ANNOUNCED_CATEGORY, QUALITY = "status", "category", "announced_category", "quality"
ERRORS, COUNTED = "errors", "count"  # that it fails too often, which we counted ourselves
NOTHING = ""  # what was before the first, and what an announcement becomes that is withdrawn or done


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one thing. `at` is epoch milliseconds; `what` is one of the words above; `was` is empty for the
    first."""

    at: int
    what: str
    was: str
    now: str
    source: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """What a history goes on with."""

    waba_id: str
    template_id: str
    transitions: tuple[Transition, ...]


def state_of(held: Held | None) -> Mapping[str, str]:
    """What a history tells of a template, as it is in one holding of it."""
    if held is None:
        return dict.fromkeys((STATUS, CATEGORY, ANNOUNCED_CATEGORY, QUALITY), NOTHING)
    template = held.template
    return {
        STATUS: template.status,
        CATEGORY: template.category,
        ANNOUNCED_CATEGORY: template.announced_category,
        QUALITY: template.quality,
    }


def transitions(old: Held | None, new: Held) -> tuple[Transition, ...]:
    """What changed between two holdings of one place, for the history of `new`'s template.

    A template that was made again has another id: it begins anew.
    """
    before = old if old is not None and old.template.id == new.template.id else None
    at, was, now = _moment(old, new), state_of(before), state_of(new)
    return tuple(Transition(at, what, was[what], now[what], new.source) for what in now if was[what] != now[what])


def ending(old: Held | None, new: Held) -> Transition | None:
    """How the history of `old`'s template ends where `new` is another one in its place and nobody saw it go."""
    if old is None or old.template.id == new.template.id or old.template.status == DELETED:
        return None
    return Transition(_moment(old, new), STATUS, old.template.status, DELETED, new.source)


def in_order(kept: Iterable[Transition]) -> tuple[Transition, ...]:
    """A history as it happened, oldest first, from what was kept of it in any order and maybe more than once.

    Of one moment, each change follows the one that it goes on from. What changes nothing is a repeat: of a stream that
    was read again, when somebody had forgotten what was before.
    """
    found: list[Transition] = []
    state = dict(state_of(None))
    for _, moment in groupby(sorted(set(kept), key=attrgetter("at", "what", "was", "now", "source")), attrgetter("at")):
        for transition in _chained(list(moment), state):
            if state.get(transition.what, NOTHING) != transition.now:
                state[transition.what] = transition.now
                found.append(transition)
    return tuple(found)


def _chained(moment: list[Transition], state: Mapping[str, str]) -> Iterator[Transition]:
    """The changes of one moment; `state` is what they change, as it is whenever the next one is asked for."""
    while moment:
        follows = (one for one in moment if one.was == state.get(one.what, NOTHING) != one.now)
        following = next(follows, moment[0])
        moment.remove(following)
        yield following


def _moment(old: Held | None, new: Held) -> int:
    """When it changed: when Meta's webhook says, unless we saw it otherwise after that; else when we saw it."""
    if new.source is Source.WEBHOOK and new.told_at and (old.read_at if old else 0) < new.told_at <= new.read_at:
        return new.told_at
    return new.read_at
