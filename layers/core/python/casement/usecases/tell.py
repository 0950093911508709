"""Tell a business's own back end what happened: find out who wants to know, write it down, put it on the queue.

At least once, always with the same id and the same number. It is written down before it is put on the queue, so whoever
has to do it again, because the process died or the stream repeats itself, puts the very same there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from casement.domain.conversation import Conversation
from casement.domain.deliveries import Delivery
from casement.domain.events import Event, EventType, Numbered
from casement.domain.message_key import MessageKey
from casement.domain.meta_shape import rendered
from casement.usecases.find_conversation import ReadAlias, find_conversation

CALLBACK_DATA = "biz_opaque_callback_data"


class Wants(Protocol):
    """A subscription: its id, the shape that it wants events in (`events` or `meta`), and which."""

    @property
    def id(self) -> str: ...
    @property
    def mode(self) -> str: ...
    def wants(self, event: Event) -> bool: ...


class Subscriptions(Protocol):
    """Who wants to know."""

    def all(self, now: int) -> Sequence[Wants]: ...


class Journal(Protocol):
    """What was told."""

    def append(
        self, scope: str, events: Iterable[Event], *, since: int, now: int, others: Iterable[str] = ()
    ) -> list[Numbered]: ...
    def is_told(self, scope: str, sequences: Sequence[int]) -> None: ...


class Requests(Protocol):
    """What was asked of us."""

    def requests(self, number_id: str, sends: Iterable[MessageKey]) -> Mapping[MessageKey, Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Telling:
    """What telling takes. `put` puts deliveries on their queue; `clock` tells epoch milliseconds."""

    subscriptions: Subscriptions
    journal: Journal
    put: Callable[[Iterable[Delivery]], None]
    log: Requests
    clock: Callable[[], int]

    @property
    def nobody_listens(self) -> bool:
        """Whether nothing need be told at all."""
        return not self.subscriptions.all(self.clock())


def tell(
    events: Iterable[Event],
    since: int,
    telling: Telling,
    read_alias: ReadAlias,
    *,
    each: Callable[..., Iterable[Any]] = map,
) -> int:
    """Tell whoever wants to know, in the order of `events`; the number of deliveries put on the queue.

    None of them can have been told before `since` (epoch milliseconds). What nobody wants costs nothing. `each` is
    `map`, or does the same side by side, for what belongs to different people. Raises `StoreUnavailable`: then some may
    be told, and the same call again tells the rest.
    """
    now = telling.clock()
    subscriptions = telling.subscriptions.all(now)
    wanted = [event for event in events if any(one.wants(event) for one in subscriptions)]
    if not wanted:
        return 0
    others: dict[str, list[str]] = {}
    by_scope: dict[str, list[Event]] = {}
    known = _conversations_of(wanted, read_alias, each)
    for event in _in_their_conversations(_with_callers_data(wanted, telling.log), known, others):
        by_scope.setdefault(event.scope, []).append(event)

    def write_down(scope: str) -> list[Numbered]:
        return telling.journal.append(scope, by_scope[scope], since=since, now=now, others=others.get(scope, ()))

    numbered: dict[str, list[Numbered]] = dict(zip(by_scope, each(write_down, by_scope), strict=True))
    deliveries = [one for told in numbered.values() for each in told for one in _deliveries(each, subscriptions)]
    if deliveries:
        telling.put(deliveries)
    for scope, told in numbered.items():
        if told:
            telling.journal.is_told(scope, [one.sequence for one in told])
    return len(deliveries)


def _conversations_of(
    events: Iterable[Event], read: ReadAlias, each: Callable[..., Iterable[Any]]
) -> dict[tuple[str, str], Conversation]:
    """The conversations that events belong to, by number and contact."""
    people = list(dict.fromkeys((event.number, event.contact) for event in events if event.number and event.contact))
    return dict(zip(people, each(lambda who: find_conversation(*who, read=read), people), strict=True))


def _in_their_conversations(
    events: Iterable[Event], known: Mapping[tuple[str, str], Conversation], others: dict[str, list[str]]
) -> Iterable[Event]:
    """`events`, each under the name that its conversation is known by, so that all names of a person share one count;
    `others` learns the scopes of the other names."""
    for event in events:
        if not event.contact or not event.number:
            yield event
            continue
        conversation = known[event.number, event.contact]
        renamed = replace(event, contact=conversation.contact)
        others[renamed.scope] = [replace(event, contact=contact).scope for contact in conversation.contacts]
        yield renamed


def _with_callers_data(events: Sequence[Event], log: Requests) -> Iterable[Event]:
    """`events`, the statuses of our own sends with the callback data of whoever asked for them in place of ours."""
    keys = [_send_of(event) for event in events]
    by_number: dict[str, list[MessageKey]] = {}
    for event, key in zip(events, keys, strict=True):
        if key is not None:
            by_number.setdefault(event.number, []).append(key)
    requests = {number: log.requests(number, asked) for number, asked in by_number.items()}
    for event, key in zip(events, keys, strict=True):
        yield event if key is None else _given_back(event, requests[event.number].get(key, {}))


def _send_of(event: Event) -> MessageKey | None:
    """The send of ours that Meta tells of, None for everything else."""
    if event.type != EventType.MESSAGE_STATUS or event.meta is None:
        return None
    return MessageKey.parse(event.meta["element"].get(CALLBACK_DATA))


def _given_back(event: Event, request: Mapping[str, Any]) -> Event:
    given = request.get("callback_data")
    assert event.meta is not None  # noqa: S101 - the caller looked
    element = _with_data(event.meta["element"], given)
    data = _with_data(event.data, given) | {"of": request.get("of"), "meta": element}
    return replace(event, data=data, meta={**event.meta, "element": element})


def _with_data(told: Mapping[str, Any], given: str | None) -> dict[str, Any]:
    """What is told with the caller's own callback data in its place, or with none."""
    return {
        name: given if name == CALLBACK_DATA else value
        for name, value in told.items()
        if name != CALLBACK_DATA or given is not None
    }


def _deliveries(told: Numbered, subscriptions: Iterable[Wants]) -> Iterable[Delivery]:
    bodies: dict[str, str] = {}
    event = told.event
    for each in subscriptions:
        if each.wants(event):
            if each.mode not in bodies:
                bodies[each.mode] = rendered(told, each.mode)
            yield Delivery(each.id, event.id, event.type, event.at, event.scope, told.sequence, bodies[each.mode])
