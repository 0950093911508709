"""Let automations follow from what a customer does, or from a window that is closing.

The order is the guarantee: decide, keep that it was decided, act. Whoever decides again on the same, since something
broke off in between, gets the same from what was kept, and everything that is done bears a key that follows from rule
and message: so it is done once, however often it is begun.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from casement.domain.automations import (
    Action,
    Automations,
    Contact,
    Decided,
    Emit,
    Fired,
    HandOff,
    Happened,
    Kind,
    MarkRead,
    Send,
    SendTemplate,
    ShowTyping,
    Tag,
    Untag,
    decide,
    state_from,
    state_view,
)
from casement.domain.consent import said_to_stop
from casement.domain.contact import is_group
from casement.domain.conversation import Conversation
from casement.domain.events import CUSTOM, Event, event_id
from casement.domain.flow_answers import Tied
from casement.domain.happenings import Closing, Opened, OptedOut
from casement.domain.jobs import Automatic, Do, Job
from casement.domain.message_key import MessageKey
from casement.domain.messages import Said
from casement.domain.messages import Send as Sent
from casement.domain.number import NumberSettings
from casement.domain.profile import Profile
from casement.domain.sending import Attention, Request
from casement.domain.standing import HANDLED_MS, Standing
from casement.domain.window import Opener
from casement.usecases.known_contact import known_contact
from casement.usecases.windows import AUTOMATION, Watch, change_standing, is_due, look_at, opened_by


class Profiles(Protocol):
    """What is known of contacts."""

    def of(self, number_id: str, contacts: Iterable[str]) -> Profile: ...
    def change(self, number_id: str, contact: str, change: Callable[[Profile], Profile]) -> bool: ...


class Messages(Protocol):
    """What was said in a conversation. Times are epoch milliseconds."""

    def last_echo(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None: ...
    def newest(self, number_id: str, contacts: Iterable[str]) -> Iterator[Said | Sent]: ...


class Pendings(Protocol):
    """What a person should look at."""

    def attention(self, number_id: str, contacts: Iterable[str]) -> list[Attention]: ...
    def ask_person(self, number_id: str, wanted: Attention) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What automations take. `of` gives those of a number, and remembers them."""

    of: Callable[[str], Automations]
    profiles: Profiles
    messages: Messages
    pendings: Pendings


@dataclass(frozen=True, slots=True)
class Followed:
    """What is left to be done: jobs for the outbox, events to be told."""

    jobs: tuple[Job, ...] = ()
    events: tuple[Event, ...] = ()


NOTHING = Followed()


@dataclass(frozen=True, slots=True)
class _Occasion:
    """Something that automations may follow from, besides what the standing says of it (see `Happened`)."""

    kind: Kind
    id: str
    at: int
    waba_id: str
    kept: Mapping[str, Any] = field(default_factory=dict)  # as the fact keeps it; empty where there is none
    form: Tied | None = None
    is_unwanted: bool = False


def take_up(
    opened: Opened,
    form: Tied | None,
    conversation: Conversation,
    settings: NumberSettings,
    watch: Watch,
    desk: Desk,
) -> Followed:
    """A customer wrote or called: what that does to the window, and what automations make of it.

    Where nobody wants to know of windows, and there are no rules, nothing is read or written.
    """
    automations = desk.of(opened.number)
    tells = watch.wanted(opened.number, opened.waba_id)
    if not tells and not any(map(automations.follow, Kind)):
        return NOTHING
    opener = Opener(opened.at, opened.message)
    follows = partial(opened_by, opener, conversation, watch)
    if opened.is_call or is_group(conversation.contact):
        change_standing(conversation, opened.waba_id, follows, watch.standings, watch.clock)
        done = NOTHING
    else:
        stops = said_to_stop(opened.said or "", settings.stop_words, settings.resume_words) is True
        kind = Kind.OPTED_OUT if stops else Kind.MESSAGE
        occasion = _Occasion(kind, opened.message, opened.at, opened.waba_id, opened.kept, form)
        done = _automate(occasion, conversation, follows, watch, desk)
    if tells and is_due(opener, opened.number, watch):
        look_at(conversation, opened.waba_id, watch)
    return done


def follow_up(occasion: OptedOut | Closing, conversation: Conversation, watch: Watch, desk: Desk) -> Followed:
    """A customer stopped marketing at Meta, or their window is closing: what automations make of it."""
    number = conversation.number
    if isinstance(occasion, OptedOut):
        what = _Occasion(Kind.OPTED_OUT, f"stop {occasion.id}", occasion.at, occasion.waba_id)
    else:
        id_, unwanted = f"closing {occasion.opener}", conversation.consent.forbids_all is not None
        what = _Occasion(Kind.WINDOW_CLOSING, id_, occasion.at, occasion.waba_id, is_unwanted=unwanted)
        if conversation.opener is None or conversation.opener.id != occasion.opener:  # the customer wrote since
            return NOTHING
    if is_group(conversation.contact) or not desk.of(number).follow(what.kind):
        return NOTHING
    return _automate(what, conversation, lambda was: was, watch, desk)


def _automate(
    occasion: _Occasion,
    conversation: Conversation,
    follows: Callable[[Standing], Standing],
    watch: Watch,
    desk: Desk,
) -> Followed:
    """Decide what follows, keep that, and do it, but for what is left to the caller. `follows` is what becomes of the
    standing besides. Raises `StoreUnavailable`, and then the same again does the rest."""
    automations = desk.of(conversation.number)
    if not automations.follow(occasion.kind):
        change_standing(conversation, occasion.waba_id, follows, watch.standings, watch.clock)
        return NOTHING
    decided: list[tuple[Decided, Happened]] = []
    contact = known_contact(conversation, occasion.kept.get("contact"), desk.profiles, desk.messages)
    handled = _who_handles(conversation, watch, desk)

    def decides(was: Standing) -> Standing:
        standing = follows(was)
        happened = _happened(occasion, contact, standing)
        state = state_from(standing.automations, handled(standing))
        after = decide(automations, happened, state, watch.clock())
        decided[:] = [(after, happened)]
        return standing if after.state is state else replace(standing, automations=state_view(after.state))

    change_standing(conversation, occasion.waba_id, decides, watch.standings, watch.clock)
    [(after, happened)] = decided
    return _act(after.fired, automations, happened, conversation, occasion.waba_id, desk)


def _happened(occasion: _Occasion, contact: Contact, standing: Standing) -> Happened:
    opened = standing.opened if standing.is_open else None
    return Happened(
        occasion.kind,
        occasion.id,
        occasion.at,
        occasion.kept.get("element", {}),
        opened is not None and opened.id == occasion.id,
        opened.at if opened else None,
        contact,
        (occasion.form.submission.answers or {}) if occasion.form else None,  # a form that can't be read is one
        occasion.form.flow if occasion.form else None,
        occasion.is_unwanted,
    )


def _who_handles(conversation: Conversation, watch: Watch, desk: Desk) -> Callable[[Standing], str | None]:
    """Says why a person has the conversation, given where it stands; None if nobody has."""
    now, number, contacts = watch.clock(), conversation.number, conversation.contacts
    asked_at = [wanted.key.at for wanted in desk.pendings.attention(number, contacts)]
    wrote_at = desk.messages.last_echo(number, contacts, now - HANDLED_MS, now + 1) or 0

    def why(standing: Standing) -> str | None:
        handled = standing.handled_by(asked_at, wrote_at, now)
        return handled.why if handled else None

    return why


def _act(
    fired: Iterable[Fired],
    automations: Automations,
    happened: Happened,
    conversation: Conversation,
    waba_id: str,
    desk: Desk,
) -> Followed:
    jobs: list[Job] = []
    events: list[Event] = []
    number, contact = conversation.number, conversation.contact
    moment = happened.at
    for one in fired:
        month = automations.month(one.at)
        for index, action in enumerate(one.actions):
            moment += 1  # what is said of one message has an order all the same
            key = f"{one.rule} {happened.id} {index}"
            match action:
                case Tag(tags) | Untag(tags):
                    on = isinstance(action, Tag)
                    desk.profiles.change(number, contact, _tagging(tags, moment, on=on))
                case HandOff(note):
                    _hand_off(one, key, note, conversation, desk)
                case Emit(name, data):
                    id_ = event_id(CUSTOM + name, happened.at, number, key)
                    events.append(Event(id_, CUSTOM + name, happened.at, data, number, contact, waba_id))
                case _:
                    do, what = _errand(action, happened)
                    if what is not None:
                        todo = Automatic(one.rule, key, happened.at, do, what, month, automations.budget)
                        jobs.append(Job(number, contact, automatic=todo))
    return Followed(tuple(jobs), tuple(events))


def _tagging(tags: tuple[str, ...], at: int, *, on: bool) -> Callable[[Profile], Profile]:
    return lambda profile: profile.tagging(tags, at, on=on)


def _hand_off(fired: Fired, key: str, note: str | None, conversation: Conversation, desk: Desk) -> None:
    """Ask for a person, under a key that is the same if it is asked for again."""
    asked = event_id("hand_off", fired.at, conversation.number, key).partition("_")[2]
    why = "An automation handed this conversation to a person."
    wanted = Attention(MessageKey(conversation.contact, asked), Request({}), f"{AUTOMATION}{fired.rule}", note, why)
    desk.pendings.ask_person(conversation.number, wanted)


def _errand(action: Action, happened: Happened) -> tuple[Do, Mapping[str, Any] | None]:
    """What the outbox is to do; None if there is nothing to mark as read."""
    match action:
        case Send(body):
            return Do.SEND, body
        case SendTemplate():
            return Do.TEMPLATE, asdict(action)
        case MarkRead() | ShowTyping() if happened.element:
            typing = {"typing_indicator": {"type": "text"}} if isinstance(action, ShowTyping) else {}
            read = {"messaging_product": "whatsapp", "status": "read", "message_id": happened.element.get("id")}
            return Do.RECEIPT, read | typing
    return Do.RECEIPT, None
