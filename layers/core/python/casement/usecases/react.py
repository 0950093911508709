"""What follows from a stored fact.

Every reaction here follows from the fact alone, so it may run twice, late, or in any order, and running it over the
whole table is the replay. What is sent because of a fact is not sent here: a job on the outbox says where to look.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from casement.domain.consent import Party, Scope, Wish, said_to_stop
from casement.domain.happenings import Happening, MarketingStopped, Opened, WindowRefused
from casement.domain.jobs import Job
from casement.domain.number import NumberState
from casement.domain.pending import Pending
from casement.usecases.find_conversation import ReadAlias, find_conversation

Item = dict[str, Any]
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


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where to look for what waits, and where jobs go."""

    read_alias: ReadAlias
    pendings: Pendings
    enqueue: Callable[[Iterable[Job]], None]


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
    refused = sum(isinstance(happening, WindowRefused) for happening in happened)
    return Reacted(entries, len(jobs), refused)


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


def _job_for(happening: Happening, outlook: Outlook) -> Job | None:
    match happening:
        case Opened(number, contact, id=id_):
            conversation = find_conversation(number, contact, read=outlook.read_alias)
            if outlook.pendings.of(number, conversation.contacts):
                return Job(number, conversation.contact, why=id_)
        case WindowRefused(number, send):
            return Job(number, send.contact, send)
    return None
