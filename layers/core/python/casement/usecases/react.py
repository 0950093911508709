"""What follows from a stored fact.

Every reaction here follows from the fact alone, so it may run twice, late, or in any order, and running it over the
whole table is the replay. What is sent because of a fact is not sent here: a job on the outbox says where to look.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple, Protocol

from casement.domain.consent import Party, Scope, Wish, said_to_stop
from casement.domain.conversation import Conversation
from casement.domain.events import Event
from casement.domain.flow_answers import Submission, Tied, fields_in, flow_submitted
from casement.domain.happenings import (
    Closing,
    Happening,
    MarketingStopped,
    NumberRefused,
    Opened,
    OptedOut,
    WindowRefused,
)
from casement.domain.jobs import Job
from casement.domain.messages import TemplateSent
from casement.domain.number import Health, NumberState
from casement.domain.pending import Pending
from casement.domain.profile import Profile
from casement.domain.template_counts import REPLIED, TAPPED, Cell, Step, cells_of, detailed
from casement.domain.template_health import alarm_for
from casement.domain.template_history import Chapter, Transition
from casement.domain.window import DAY_MS, Opener
from casement.usecases.automate import Desk, follow_up, take_up
from casement.usecases.find_conversation import ReadAlias, find_conversation
from casement.usecases.tell import Telling, tell
from casement.usecases.tie_flow import FlowTokens, tie
from casement.usecases.windows import Watch, look_at

Item = dict[str, Any]
_SAYS_SOMETHING_MS = 15 * 60_000
_AT_ONCE = 10  # jobs: as many as SQS takes in one call
_TAPPED_WITHIN_MS = 7 * DAY_MS  # an older template's button is a message like any other
STOP_WORD, META_SAID = "stop word", "Meta's error"


class Change(NamedTuple):
    """What the stream says of an item: how it is, how it was (None: it is new), when it was written (epoch ms)."""

    new: Mapping[str, Any]
    old: Mapping[str, Any] | None
    at: int


class Log(Protocol):
    """The numbers' logs."""

    def add(self, items: Iterable[Item]) -> None: ...


class Pendings(Protocol):
    """Messages that wait."""

    def of(self, number_id: str, contacts: Iterable[str]) -> list[Pending]: ...


class Contacts(Protocol):
    """What contacts want."""

    def wish(self, number_id: str, contact: str, wish: Wish, said_by: str) -> None: ...


class Profiles(Protocol):
    """What is known of contacts besides."""

    def change(self, number_id: str, contact: str, change: Callable[[Profile], Profile]) -> object: ...


@dataclass(frozen=True, slots=True)
class Projections:
    """What is written because of facts, and can be written again: log entries, what contacts want, and what they say of
    themselves in forms."""

    entry_of: Callable[[Mapping[str, Any]], Item | None]
    happening_in: Callable[[Mapping[str, Any]], Happening | None]
    log: Log
    contacts: Contacts
    state_of: Callable[[str], NumberState]  # of a number
    form_in: Callable[[Mapping[str, Any]], Submission | None]
    profiles: Profiles


class Numbers(Protocol):
    """How numbers are."""

    def fresh(self, number_id: str, now: int) -> NumberState: ...
    def put_health(self, number_id: str, health: Health) -> None: ...


class Messages(Protocol):
    """What was said in a conversation. Times are epoch milliseconds."""

    def templates_sent(
        self, number_id: str, contacts: Iterable[str], since: int, until: int
    ) -> Iterator[TemplateSent]: ...
    def last_opener(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> Opener | None: ...


class Counts(Protocol):
    """What became of template messages."""

    def add(self, cells: Iterable[Cell]) -> None: ...


class Templates(Protocol):
    """What happened to templates."""

    def add_history(self, waba_id: str, template_id: str, transitions: Iterable[Transition]) -> None: ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where to look for what waits and what was said, where jobs, counts, histories and events go, and how numbers are
    at this moment.

    `steps_in` tells what an item says of a template message, `chapters_in` what it says, as it is and as it was, of a
    template; `events_in` what it tells the business's own back end, as it is, as it was, and when it was written (epoch
    ms). `clock` tells epoch milliseconds.
    """

    read_alias: ReadAlias
    pendings: Pendings
    messages: Messages
    counts: Counts
    steps_in: Callable[[Mapping[str, Any]], Iterable[Step]]
    templates: Templates
    chapters_in: Callable[[Mapping[str, Any], Mapping[str, Any] | None], Iterable[Chapter]]
    enqueue: Callable[[Iterable[Job]], None]
    events_in: Callable[[Mapping[str, Any], Mapping[str, Any] | None, int], Iterable[Event]]
    telling: Telling
    numbers: Numbers
    watch: Watch
    desk: Desk
    clock: Callable[[], int]
    flow_tokens: FlowTokens


@dataclass(frozen=True, slots=True)
class Reacted:
    """What followed: log entries, jobs, how often Meta saw a window otherwise than we did, what about templates
    somebody should know of (names of metrics), and how many deliveries to subscribers."""

    entries: int
    jobs: int
    mispredicted: int
    alarms: tuple[str, ...] = ()
    told: int = 0


def react(
    changes: Sequence[Change],
    projections: Projections,
    outlook: Outlook,
    *,
    each: Callable[..., Iterable[Any]] = map,
) -> Reacted:
    """Do what follows from what was stored. Raises `StoreUnavailable`.

    `each` is `map`, or does the same side by side: what lies in one partition keeps its order, and nothing else needs
    one.
    """
    # Who somebody is, is read once: everything in `changes` was stored before we look.
    outlook = replace(outlook, read_alias=cache(outlook.read_alias))
    images = [change.new for change in changes]
    happened = [projections.happening_in(image) for image in images]
    entries = _write(images, happened, projections)
    forms = [projections.form_in(change.new) if change.old is None else None for change in changes]
    jobs: list[Job] = []
    put = 0
    follows = [_Follows()] * len(changes)

    def follow(places: Iterable[int]) -> list[tuple[int, _Follows]]:
        return [(place, _follow(happened[place], forms[place], projections.state_of, outlook)) for place in places]

    for done in each(follow, _by_partition(images, happened, forms)):
        for place, what in done:
            follows[place] = what
            jobs += what.jobs
        if len(jobs) - put >= _AT_ONCE:  # somebody waits for an answer, and the batch may be long
            outlook.enqueue(jobs[put:])
            put = len(jobs)
    if jobs[put:]:
        outlook.enqueue(jobs[put:])
    for happening in happened:
        if isinstance(happening, NumberRefused):
            _stop_number(happening, outlook)
    if steps := list(_steps(changes, follows, outlook)):  # nobody waits for what is counted
        outlook.counts.add(cells_of(steps))
    refused = {happening.send for happening in happened if isinstance(happening, WindowRefused)}
    alarms = tuple(_tell_histories(changes, outlook))
    told = _tell_subscribers(changes, [one.events for one in follows], outlook, each)
    return Reacted(entries, len(jobs), len(refused), alarms, told)


def _by_partition(
    images: Iterable[Mapping[str, Any]], happened: Iterable[Happening | None], forms: Iterable[Submission | None]
) -> list[list[int]]:
    """The places of the changes from which something follows, those of one partition together."""
    places: dict[str, list[int]] = {}
    for place, (image, happening, form) in enumerate(zip(images, happened, forms, strict=True)):
        if happening is not None or form is not None:
            places.setdefault(image["PK"]["S"], []).append(place)
    return list(places.values())


def _steps(changes: Iterable[Change], follows: Iterable["_Follows"], outlook: Outlook) -> Iterator[tuple[Step, int]]:
    """What changes say of template messages, each with when it was written."""
    for change, what in zip(changes, follows, strict=True):
        yield from ((step, change.at) for step in what.steps)
        yield from ((step, change.at) for step in (outlook.steps_in(change.new) if change.old is None else ()))


def _tell_subscribers(
    changes: Sequence[Change],
    more: Sequence[Iterable[Event]],
    outlook: Outlook,
    each: Callable[..., Iterable[Any]],
) -> int:
    """Tell the business's own back end what happened, and behind that `more` of each change: the form that came with a
    message, what automations tell; the number of deliveries."""
    if not changes or outlook.telling.nobody_listens:
        return 0
    events = (
        event
        for change, follows in zip(changes, more, strict=True)
        for event in (*outlook.events_in(change.new, change.old, change.at), *follows)
    )
    since = min(change.at for change in changes)
    return tell(events, since, outlook.telling, outlook.read_alias, each=each)


def _tell_histories(changes: Iterable[Change], outlook: Outlook) -> Iterator[str]:
    """Keep what happened to templates; what of it is worth an alarm."""
    for change in changes:
        for chapter in outlook.chapters_in(change.new, change.old):
            outlook.templates.add_history(chapter.waba_id, chapter.template_id, chapter.transitions)
            yield from filter(None, map(alarm_for, chapter.transitions))


def project(images: Sequence[Mapping[str, Any]], to: Projections) -> int:
    """Write what can be rebuilt from facts; the number of log entries. Raises `StoreUnavailable`."""
    return _write(images, [to.happening_in(image) for image in images], to)


def _write(images: Sequence[Mapping[str, Any]], happened: Iterable[Happening | None], to: Projections) -> int:
    entries = [entry for image in images if (entry := to.entry_of(image)) is not None]
    if entries:
        to.log.add(entries)
    for happening in happened:
        _keep_wish(happening, to)
    for form in filter(None, map(to.form_in, images)):
        _keep_fields(form, to)
    return len(entries)


def _keep_fields(form: Submission, to: Projections) -> None:
    """Keep what a form says of how else to reach who filled it in."""
    if said := fields_in(form.answers, to.state_of(form.number).settings.flow_fields):
        to.profiles.change(form.number, form.contact, lambda profile: profile.saying(said, form.at))


def _keep_wish(happening: Happening | None, to: Projections) -> None:
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


@dataclass(frozen=True, slots=True)
class _Follows:
    """What follows from one change: jobs in the order in which they are to be done, what it says of template messages,
    what automations tell."""

    jobs: Iterable[Job] = ()
    steps: Iterable[Step] = ()
    events: Iterable[Event] = ()


def _follow(
    happening: Happening | None, form: Submission | None, state_of: Callable[[str], NumberState], outlook: Outlook
) -> _Follows:
    """What follows from something that happened, and from the form that came with it, besides what is written of it."""
    if form is None:
        return _follow_happening(happening, None, state_of, outlook)
    tied = tie(form, outlook.flow_tokens, outlook.read_alias)
    done = _follow_happening(happening, tied, state_of, outlook)
    return replace(done, events=(flow_submitted(tied), *done.events))


def _follow_happening(
    happening: Happening | None, form: Tied | None, state_of: Callable[[str], NumberState], outlook: Outlook
) -> _Follows:
    match happening:
        case Opened() as opened:
            conversation = find_conversation(opened.number, opened.contact, read=outlook.read_alias)
            settings = state_of(opened.number).settings
            done = take_up(opened, form, conversation, settings, outlook.watch, outlook.desk)
            waits = outlook.pendings.of(opened.number, conversation.contacts)
            held = [Job(opened.number, conversation.contact, why=opened.id)] if waits else []
            return _Follows([*done.jobs, *held], list(_answers(opened, conversation, outlook)), done.events)
        case WindowRefused(number, send, waba_id):
            conversation = find_conversation(number, send.contact, read=outlook.read_alias)
            if outlook.watch.wanted(number, waba_id):
                look_at(conversation, waba_id, outlook.watch)
            return _Follows([Job(number, conversation.contact, send)])
        case OptedOut() | Closing() as occasion:
            conversation = find_conversation(occasion.number, occasion.contact, read=outlook.read_alias)
            done = follow_up(occasion, conversation, outlook.watch, outlook.desk)
            return _Follows(done.jobs, (), done.events)
    return _Follows()


def _answers(opened: Opened, conversation: Conversation, outlook: Outlook) -> Iterator[Step]:
    """What a customer's message says of the templates that they were sent: that it is the first word after one of the
    last day, that a button of one was tapped."""
    number, contacts, until = opened.number, conversation.contacts, opened.at
    if opened.tapped is not None:
        until += 1_000  # what is tapped was there before, be it in the same second: Meta's are whole ones
        lately = outlook.messages.templates_sent(number, contacts, until - _TAPPED_WITHIN_MS, until)
        if tapped := next((sent for sent in lately if sent.wamid == opened.tapped), None):
            yield Step(number, tapped.template_id, detailed(TAPPED, opened.said or ""), tapped.key.ulid)
    before = outlook.messages.last_opener(number, contacts, until - DAY_MS, opened.at)
    since = before.at if before else until - DAY_MS
    if answered := next(outlook.messages.templates_sent(number, contacts, since, until), None):
        yield Step(number, answered.template_id, REPLIED, answered.key.ulid)
