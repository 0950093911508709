"""What follows from a stored fact.

Every reaction here follows from the fact alone, so it may run twice, late, or in any order, and running it over the
whole table is the replay. What is sent because of a fact is not sent here: a job on the outbox says where to look.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from casement.domain.consent import Party, Scope, Wish, said_to_stop
from casement.domain.happenings import Happening, MarketingStopped, NumberRefused, Opened, WindowRefused
from casement.domain.jobs import Job
from casement.domain.number import Health, NumberState
from casement.domain.pending import Pending
from casement.usecases.find_conversation import ReadAlias, find_conversation

Item = dict[str, Any]
_SAYS_SOMETHING_MS = 15 * 60_000
STOP_WORD, META_SAID = "stop word", "Meta's error"


class Log(Protocol):
    """The numbers' logs."""

    def add(self, items: Iterable[Item]) -> None: ...


class Pendings(Protocol):
    """Messages that wait."""

    def of(self, number_id: str, contacts: Iterable[str]) -> list[Pending]: ...


class Contacts(Protocol):
    """What contacts want."""

    def wish(self, number_id: str, contact: str, wish: Wish, said_by: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Projections:
    """What is written because of facts, and can be written again: log entries, and what contacts want."""

    entry_of: Callable[[Mapping[str, Any]], Item | None]
    happening_in: Callable[[Mapping[str, Any]], Happening | None]
    log: Log
    contacts: Contacts
    state_of: Callable[[str], NumberState]  # of a number


class Numbers(Protocol):
    """How numbers are."""

    def fresh(self, number_id: str, now: int) -> NumberState: ...
    def put_health(self, number_id: str, health: Health) -> None: ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where to look for what waits, where jobs go, and how numbers are at this moment; `clock` tells epoch ms."""

    read_alias: ReadAlias
    pendings: Pendings
    enqueue: Callable[[Iterable[Job]], None]
    numbers: Numbers
    clock: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Reacted:
    """What followed: log entries, jobs, and how often Meta saw a window otherwise than we did."""

    entries: int
    jobs: int
    mispredicted: int


def react(images: Sequence[Mapping[str, Any]], projections: Projections, outlook: Outlook) -> Reacted:
    """Do what follows from stored facts, given as items. Raises `StoreUnavailable`."""
    entries = project(images, projections)
    happened = _happened(images, projections)
    jobs = [job for happening in happened if (job := _job_for(happening, outlook)) is not None]
    if jobs:
        outlook.enqueue(jobs)
    for happening in happened:
        if isinstance(happening, NumberRefused):
            _stop_number(happening, outlook)
    refused = {happening.send for happening in happened if isinstance(happening, WindowRefused)}
    return Reacted(entries, len(jobs), len(refused))


def project(images: Sequence[Mapping[str, Any]], to: Projections) -> int:
    """Write what can be rebuilt from facts; the number of log entries. Raises `StoreUnavailable`."""
    entries = [entry for image in images if (entry := to.entry_of(image)) is not None]
    if entries:
        to.log.add(entries)
    for happening in _happened(images, to):
        _keep_wish(happening, to)
    return len(entries)


def _happened(images: Iterable[Mapping[str, Any]], to: Projections) -> list[Happening]:
    return [happening for image in images if (happening := to.happening_in(image)) is not None]


def _keep_wish(happening: Happening, to: Projections) -> None:
    """Keep what a customer wants: said in so many words, or told by Meta's error."""
    match happening:
        case Opened(number, contact, at, said=str(said)):
            settings = to.state_of(number).settings
            stop = said_to_stop(said, settings.stop_words, settings.resume_words)
            if stop is not None:
                to.contacts.wish(number, contact, Wish(at, Party.OPERATOR, Scope.MESSAGES, stop), STOP_WORD)
        case MarketingStopped(number, contact, at):
            to.contacts.wish(number, contact, Wish(at, Party.META, Scope.MARKETING, True), META_SAID)


def _stop_number(refused: NumberRefused, outlook: Outlook) -> None:
    """Keep that Meta lets a number send nothing. What comes late, or once more, says nothing of today."""
    now = outlook.clock()
    if now - refused.at > _SAYS_SOMETHING_MS:
        return
    health = outlook.numbers.fresh(refused.number, now).health
    if health.stopped_by is None:
        outlook.numbers.put_health(refused.number, health.stopped(refused.code, None, now))


def _job_for(happening: Happening, outlook: Outlook) -> Job | None:
    match happening:
        case Opened(number, contact, id=id_):
            conversation = find_conversation(number, contact, read=outlook.read_alias)
            if outlook.pendings.of(number, conversation.contacts):
                return Job(number, conversation.contact, why=id_)
        case WindowRefused(number, send):
            conversation = find_conversation(number, send.contact, read=outlook.read_alias)
            return Job(number, conversation.contact, send)
    return None
