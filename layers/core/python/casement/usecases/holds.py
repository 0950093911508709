"""Messages that wait for customers, as their owners see and cancel them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from casement.domain.errors import InvalidRequest, NotFound, StillUnderWay
from casement.domain.message_key import MessageKey
from casement.domain.pending import Pending, State, in_order
from casement.usecases.find_conversation import ReadAlias, find_conversation
from casement.usecases.views import hold_view

MOST_LOOKED_THROUGH = 2_000  # a page may then be short, and its cursor goes on from there


class Pendings(Protocol):
    """Messages that wait."""

    def find(self, number_id: str, key: MessageKey) -> Pending | None: ...
    def of(self, number_id: str, contacts: Iterable[str], *, ended: bool = False) -> list[Pending]: ...
    def all(self, number_id: str, *, ended: bool = False, after: str = "") -> Iterator[Pending]: ...
    def place_of(self, pending: Pending, *, ended: bool) -> str: ...
    def replace(self, number_id: str, old: Pending, new: Pending) -> bool: ...
    def end(self, number_id: str, pending: Pending) -> None: ...


@dataclass(frozen=True, slots=True)
class HoldPage:
    """Views, and where the next page starts (None on the last)."""

    data: list[dict[str, Any]]
    after: str | None


def show_hold(number: str, key: MessageKey, pendings: Pendings, now: int) -> dict[str, Any]:
    """One, whether it waits or has ended. Raises `NotFound`."""
    return hold_view(_find(number, key, pendings), number, now)


def list_holds(
    number: str,
    pendings: Pendings,
    read_alias: ReadAlias,
    now: int,
    *,
    contact: str | None,
    state: State | None,
    limit: int,
    after: str = "",
) -> HoldPage:
    """Those of a number or of one conversation, in one state; without a state, those that nobody has put
    away yet: held, being sent, or just expired."""
    found = (
        _of_number(number, pendings, state, after)
        if contact is None
        else _of_conversation(number, contact, pendings, read_alias, state, after)
    )
    listed: list[Pending] = []
    place: str | None = None
    for looked_at, (pending, its_place) in enumerate(found):
        if len(listed) == limit or looked_at == MOST_LOOKED_THROUGH:
            return HoldPage([hold_view(one, number, now) for one in listed], place)
        place = its_place
        if state is None or pending.shown_state(now) is state:
            listed.append(pending)
    return HoldPage([hold_view(one, number, now) for one in listed], None)


def _where(state: State | None) -> tuple[bool, ...]:
    """Where those of a state are kept, among the ended ones (True) or not. What has expired is, as soon as somebody has
    written that down."""
    match state:
        case None:
            return (False,)
        case State.EXPIRED:
            return (True, False)
        case _:
            return (state.is_end,)


def _of_number(number: str, pendings: Pendings, state: State | None, after: str) -> Iterator[tuple[Pending, str]]:
    """Each with its place in this listing: where it is kept, and its place there."""
    left_in, _, left_at = after.partition(".")
    for ended in _where(state):
        here = str(int(ended))
        if left_in in ("", here):
            for pending in pendings.all(number, ended=ended, after=left_at):
                yield pending, f"{here}.{pendings.place_of(pending, ended=ended)}"
            left_in = left_at = ""  # what follows is listed from its beginning


def _of_conversation(
    number: str, contact: str, pendings: Pendings, read_alias: ReadAlias, state: State | None, after: str
) -> Iterator[tuple[Pending, str]]:
    """In the order they were asked for; the place of each is its id."""
    contacts = find_conversation(number, contact, read=read_alias).contacts
    found = [each for ended in _where(state) for each in pendings.of(number, contacts, ended=ended)]
    return ((each, each.key.ulid) for each in in_order(found) if each.key.ulid > after)


def cancel_hold(number: str, key: MessageKey, pendings: Pendings, now: int) -> None:
    """Cancel one that waits. Raises `NotFound`, `InvalidRequest` if it has ended, and `StillUnderWay` if it is just
    being sent: then nobody can take it back."""
    pending = _find(number, key, pendings)
    state = pending.shown_state(now)
    if state.is_end:
        raise InvalidRequest(f"This message has ended already: {state}.", parameter="id")
    cancelled = pending.ended(State.CANCELLED, now, "Cancelled by its owner.")
    if state is State.SENDING or not pendings.replace(number, pending, cancelled):
        raise StillUnderWay("This message is being sent at this moment.")
    pendings.end(number, cancelled)


def _find(number: str, key: MessageKey, pendings: Pendings) -> Pending:
    """The one of that key; if it was released and refused afterwards, the one that waits in its place."""
    pending = pendings.find(number, key)
    if pending is None:
        raise NotFound(f"No message {key} waits or waited here.")
    while pending.attempt and (again := pendings.find(number, pending.attempt)):
        pending = again
    return pending
