"""What the API shows: conversations and messages, from facts, a page at a time.

Lists of a number walk its log. The log says when something happened and where it is kept; what is shown is read from
the facts themselves, so a window in a list is as exact as the one that a send is decided by.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

from casement.domain.contact import phone_in
from casement.domain.conversation import Conversation
from casement.domain.errors import NotFound
from casement.domain.life import life_of
from casement.domain.message_key import MessageKey
from casement.domain.messages import Entry, Note, Position, Said, Send
from casement.domain.pending import Pending, State
from casement.domain.profile import Profile, profile_view
from casement.domain.sending import Attention
from casement.domain.standing import HANDLED_MS, Standing
from casement.domain.window import DAY_MS, Window, WindowRules, WindowState, window_at
from casement.usecases.find_conversation import ReadAlias, find_conversation
from casement.usecases.free_entry_point import free_entry_point_until
from casement.usecases.views import (
    attention_view,
    automations_view,
    consent_view,
    conversation_view,
    said_view,
    send_view,
    waiting_view,
)

MOST_SCANNED = 1_000  # log entries a request looks at; a page may then be short, and its cursor goes on from there
MOST_READ = 100  # the same for conversations, which are several queries each
MOST_LOOKED_THROUGH = 10_000  # of a number's log, for a wamid
_BATCH = 100
_LOOKED_AT = 20  # of a conversation's messages, for its newest one and for its contact's name

View = dict[str, Any]


class Log(Protocol):
    """A number's log."""

    def newest(self, number_id: str, *, before: Position | None = None, since: int = 0) -> Iterator[Entry]: ...
    def oldest_inbound(self, number_id: str, *, since: int, after: Position | None = None) -> Iterator[Entry]: ...
    def asked(self, number_id: str, key: MessageKey) -> Entry | None: ...
    def notes(self, number_id: str, *, since: int) -> Iterable[Note]: ...


class Pendings(Protocol):
    """Messages that wait, and what people should look at."""

    def find(self, number_id: str, key: MessageKey) -> Pending | None: ...
    def attention(self, number_id: str, contacts: Iterable[str] | None = None) -> list[Attention]: ...


class Messages(Protocol):
    """What was said."""

    def newest(
        self, number_id: str, contacts: Iterable[str], before: Position | None = None
    ) -> Iterator[Said | Send]: ...
    def send(self, number_id: str, key: MessageKey) -> Send: ...
    def with_wamid(self, number_id: str, sends: Iterable[MessageKey], wamid: str) -> MessageKey | None: ...
    def facts(self, number_id: str, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Said]: ...
    def referred_at(self, number_id: str, contacts: Iterable[str], since: int) -> list[int]: ...
    def answered_at(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None: ...
    def last_echo(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None: ...


class Standings(Protocol):
    """Where conversations stand."""

    def find(self, number_id: str, contact: str, contacts: Iterable[str]) -> tuple[Standing, int]: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading takes; `now` is epoch milliseconds."""

    number: str
    read_alias: ReadAlias
    log: Log
    messages: Messages
    pendings: Pendings
    standings: Standings
    rules: WindowRules
    now: int
    most_read: int = MOST_READ


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing was left: its last entry, and the moment that the whole listing is about (epoch milliseconds).

    Conversations move while somebody pages through them. What happened after that moment moves none of them, so that
    every page of a listing agrees with the first one, and nobody is passed over or listed twice.
    """

    position: Position
    as_of: int


@dataclass(frozen=True, slots=True)
class Page:
    """Views, and where the next page starts (None on the last)."""

    data: list[View]
    after: Place | None


@dataclass(frozen=True, slots=True)
class _Shown:
    conversation: Conversation
    window: Window
    known: bool
    latest: list[Said | Send]  # the newest few
    view: View


def show_conversation(reader: Reader, contact: str) -> View:
    """One conversation, by any alias of its contact. Raises `NotFound` if nothing is known of it."""
    shown = _show(reader, contact)
    if not shown.known:
        raise NotFound(f"Nobody known as {contact} has had a conversation with this number.")
    return _with_attention(reader, shown)


def show_contact(reader: Reader, contact: str, profile_of: Callable[[str, Iterable[str]], Profile]) -> View:
    """One contact, by any alias. Who is not known yet is shown as such: they may be given wishes before they write."""
    shown = _show(reader, contact)
    consent = shown.conversation.consent
    profile = profile_of(reader.number, shown.conversation.contacts)
    return {
        "id": shown.conversation.contact,
        "phone_number_id": reader.number,
        **shown.view["casement"]["contact"],
        "language": profile.language,
        "consent": consent_view(consent),
        **profile_view(profile),
    }


def list_conversations(
    reader: Reader, *, limit: int, after: Place | None = None, state: WindowState | None = None
) -> Page:
    """Conversations by their newest activity, newest first."""
    still_open = state in (WindowState.OPEN, WindowState.CLOSING)
    since = reader.now - DAY_MS if still_open else 0
    before = Position(after.position.at + 1, "") if after else None  # with all of the moment where it was left
    entries = reader.log.newest(reader.number, before=before, since=since)

    def is_newest(entry: Entry, shown: _Shown, as_of: int) -> bool:
        return entry.position.at == _newest_at(reader, shown, _is_logged, as_of)

    def is_passed(entry: Entry) -> bool:
        return after is not None and entry.position >= after.position

    return _conversations(reader, entries, limit, state, after, is_passed, is_newest)


def list_closing(reader: Reader, *, limit: int, after: Place | None = None, state: WindowState | None = None) -> Page:
    """Conversations whose window is open, closing soonest first."""
    since = reader.now - DAY_MS
    from_ = Position(after.position.at, "") if after else None
    entries = reader.log.oldest_inbound(reader.number, since=since, after=from_)

    def opened_it(entry: Entry, shown: _Shown, as_of: int) -> bool:
        opener = shown.conversation.opener
        if opener is None or shown.window.state not in (WindowState.OPEN, WindowState.CLOSING):
            return False
        opened_at = opener.at
        if opened_at > as_of:
            before = _newest_at(reader, shown, _is_opener, as_of)
            opened_at = before if before is not None and before >= since else opened_at
        return entry.position.at == opened_at

    def is_passed(entry: Entry) -> bool:
        return after is not None and entry.position <= after.position

    return _conversations(reader, entries, limit, state, after, is_passed, opened_it)


def list_needing_attention(reader: Reader, *, limit: int, after: Place | None = None) -> Page:
    """Conversations that a person should look at, the latest that was handed over first."""
    listed: dict[str, View] = {}
    place = after
    for wanted in sorted(reader.pendings.attention(reader.number), key=lambda one: one.key.ulid, reverse=True):
        position = Position(wanted.key.at, wanted.key.ulid)
        if after and position >= after.position:
            continue
        if len(listed) >= limit:
            return Page(list(listed.values()), place)
        place = Place(position, reader.now)
        shown = _show(reader, wanted.key.contact)
        newest = max(_attention(reader, shown.conversation), key=lambda one: one.key.ulid, default=wanted)
        if newest.key == wanted.key:
            listed[shown.conversation.contact] = _with_attention(reader, shown)
    return Page(list(listed.values()), None)


def _attention(reader: Reader, conversation: Conversation) -> list[Attention]:
    return reader.pendings.attention(reader.number, conversation.contacts)


def _with_attention(reader: Reader, shown: "_Shown") -> View:
    wanted = sorted(_attention(reader, shown.conversation), key=lambda one: one.key.ulid)
    shown.view["casement"]["needs_attention"] = [attention_view(one) for one in wanted]
    conversation = shown.conversation
    standing, _ = reader.standings.find(reader.number, conversation.contact, conversation.contacts)
    handled = standing.handled_by([one.key.at for one in wanted], _echoed_at(reader, shown), reader.now)
    shown.view["casement"]["automations"] = automations_view(handled)
    return shown.view


def _echoed_at(reader: Reader, shown: "_Shown") -> int:
    """When somebody last wrote on the phone app; 0 if that was not among the newest, nor in the last hours."""
    echoes = (message for message in shown.latest if isinstance(message, Said) and message.kind == "echo")
    found = next((echo.position.at for echo in echoes), 0)
    if found or len(shown.latest) < _LOOKED_AT:
        return found
    since = reader.now - HANDLED_MS
    return reader.messages.last_echo(reader.number, shown.conversation.contacts, since, reader.now + 1) or 0


def _conversations(
    reader: Reader,
    entries: Iterator[Entry],
    limit: int,
    state: WindowState | None,
    after: Place | None,
    is_passed: Callable[[Entry], bool],
    counts: Callable[[Entry, _Shown, int], bool],
) -> Page:
    """A page of conversations in the order of those log entries that `counts` says are the ones to list by.

    `entries` start with the moment of the last one of the page before: several of a conversation can be of one moment.
    """
    read: dict[str, _Shown] = {}
    listed: dict[str, View] = {}
    passed: set[str] = set()
    place = after
    scanned = 0
    for entry in entries:
        if is_passed(entry):
            passed.add(entry.contact)
            continue
        if len(listed) >= limit or scanned >= MOST_SCANNED or len(read) >= reader.most_read:
            return Page(list(listed.values()), place)
        scanned += 1
        place = Place(entry.position, place.as_of if place else max(reader.now, entry.position.at))
        if entry.contact not in read:
            read[entry.contact] = _show(reader, entry.contact)
        shown = read[entry.contact]
        wanted = state is None or shown.window.state is state
        new = shown.conversation.contact not in listed and not (
            after and entry.position.at == after.position.at and passed.intersection(shown.conversation.contacts)
        )
        if wanted and new and counts(entry, shown, place.as_of):
            listed[shown.conversation.contact] = _with_attention(reader, shown)
    return Page(list(listed.values()), None)


def _newest_at(reader: Reader, shown: _Shown, is_one: Callable[[Said | Send], bool], as_of: int) -> int | None:
    """When the newest message that `is_one` came, up to `as_of`."""
    found = (message for message in chain(shown.latest, _further(reader, shown)) if is_one(message))
    return next((message.position.at for message in found if message.position.at <= as_of), None)


def _further(reader: Reader, shown: _Shown) -> Iterator[Said | Send]:
    """The messages behind the newest few."""
    if len(shown.latest) == _LOOKED_AT:
        yield from reader.messages.newest(reader.number, shown.conversation.contacts, shown.latest[-1].position)


def _is_opener(message: Said | Send) -> bool:
    return isinstance(message, Said) and message.opens


def _is_logged(message: Said | Send) -> bool:
    """Whether the number's log has an entry of this message. It has none of a call that opened nothing, nor of a send
    that we know by its statuses only: another deployment on the same WABA made it, or it never ended."""
    if isinstance(message, Send):
        return message.status is not None
    return message.opens or not _is_call(message)


def _show(reader: Reader, contact: str) -> _Shown:
    conversation = find_conversation(reader.number, contact, read=reader.read_alias)
    window = window_at(
        reader.now,
        conversation.opener,
        conversation.verdict,
        rules=reader.rules,
        free_entry_point_until=free_entry_point_until(conversation, reader.messages, reader.now),
    )
    latest = list(islice(reader.messages.newest(reader.number, conversation.contacts), _LOOKED_AT))
    newest = next((message for message in latest if not _is_call(message)), None)
    active = next((message for message in latest if not _is_call(message) or _is_opener(message)), None)
    newest_at = latest[0].position.at if latest else None
    view = conversation_view(
        conversation,
        window,
        _profile(latest),
        _spellings(latest),
        _view(reader, newest, conversation.contact) if newest else None,
        active.position.at if active else newest_at,
        reader.now,
    )
    known = newest_at is not None or any(alias.links for alias in conversation.aliases)
    return _Shown(conversation, window, known, latest, view)


def _is_call(message: Said | Send) -> bool:
    return isinstance(message, Said) and message.kind == "call"


def _profile(latest: Iterable[Said | Send]) -> Mapping[str, Any]:
    """The newest `contacts[]` entry that came with a message."""
    contacts = (message.kept.get("contact") for message in latest if isinstance(message, Said))
    return next((contact for contact in contacts if isinstance(contact, dict)), {})


def _spellings(latest: Iterable[Said | Send]) -> Iterator[object]:
    """What stood where Meta writes a customer's phone, newest first. The business's own number is among it."""
    for message in latest:
        if isinstance(message, Said):
            contact, element = message.kept.get("contact"), message.kept["element"]
            yield contact.get("wa_id") if isinstance(contact, dict) else None
            yield element.get("from")
            yield element.get("to")


def list_messages_of(reader: Reader, contact: str, *, limit: int, after: Place | None = None) -> Page:
    """A conversation's messages, newest first."""
    conversation = find_conversation(reader.number, contact, read=reader.read_alias)
    found = reader.messages.newest(reader.number, conversation.contacts, after.position if after else None)
    page = list(islice((message for message in found if not _is_call(message)), limit + 1))
    views = [_view(reader, message, conversation.contact) for message in page[:limit]]
    return Page(views, Place(page[limit - 1].position, reader.now) if len(page) > limit else None)


def list_messages(reader: Reader, *, limit: int, after: Place | None = None) -> Page:
    """All of a number's messages, newest first."""
    page = list(islice(reader.log.newest(reader.number, before=after.position if after else None), limit + 1))
    shown = page[:limit]
    said = reader.messages.facts(reader.number, [(entry.contact, entry.fact) for entry in shown if entry.fact])
    once = {_message_id(entry): entry for entry in reversed(shown)}.values()  # two facts may tell of one message
    views = [view for entry in reversed(once) if (view := _entry_view(reader, entry, said)) is not None]
    return Page(views, Place(shown[-1].position, reader.now) if len(page) > limit else None)


def _message_id(entry: Entry) -> tuple[str, str]:
    """What two entries of one message share: the contact, and the send or the fact's key without its digest."""
    return entry.contact, entry.ulid or (entry.fact or "").rpartition("#")[0]


def show_message(reader: Reader, key: MessageKey) -> View:
    """One of our sends, by its key, with all that was tried for it. Raises `NotFound`."""
    send = reader.messages.send(reader.number, key)
    entry = reader.log.asked(reader.number, key)
    pending = reader.pendings.find(reader.number, key) if _may_wait(send, entry) else None
    if send.status is None and not send.statuses and entry is None and pending is None:
        raise NotFound(f"No message {key} was sent from this number.")
    return _with_attempts(reader, _send_view(reader, send, key.contact, entry, pending), pending)


def _with_attempts(reader: Reader, view: View, pending: Pending | None) -> View:
    """With all that was tried. A try that Meta refused afterwards may wait again: then so does the message."""
    if pending is None:
        return view
    tried = (*pending.attempts, *([pending.nudge] if pending.nudge else ()))
    attempts = [shown for attempt in tried if (shown := _attempt_view(reader, attempt)) is not None]
    if attempts:
        view["casement"]["attempts"] = attempts
    if view["casement"]["status"] == State.RELEASED:
        view["casement"]["status"] = _state_in_the_end(view)
    return view


def _state_in_the_end(view: View) -> str:
    """The state of what waits, or of what waits in the place of its last try, and so on."""
    waiting = view["casement"]["waiting"]
    for attempt in view["casement"].get("attempts", ()):
        if waiting["attempts"][-1:] == [attempt["casement"]["id"]] and "waiting" in attempt["casement"]:
            return _state_in_the_end(attempt)
    state: str = waiting["state"]
    return state


def _attempt_view(reader: Reader, key: MessageKey) -> View | None:
    """None for one that was not begun: whoever had named it died before that."""
    entry = reader.log.asked(reader.number, key)
    if entry is None:
        return None
    send = reader.messages.send(reader.number, key)
    pending = reader.pendings.find(reader.number, key) if _may_wait(send, entry) else None
    return _with_attempts(reader, _send_view(reader, send, key.contact, entry, pending), pending)


def show_wamid(reader: Reader, wamid: str, contact: str | None = None) -> View:
    """A message by Meta's id. Raises `NotFound`.

    No item is filed under a wamid: that would be one more write for every send. It is looked for in the conversation of
    `contact`; else of the phone that such ids have been seen to hold, a hint that is never relied on; else among the
    number's latest sends.
    """
    for hint in filter(None, (contact, phone_in(wamid))):
        found = _in_conversation(reader, wamid, hint)
        if found is not None:
            return found
    key = _among_sends(reader, wamid)
    if key is None:
        raise NotFound(f"No message {wamid} is known here. If it is old, add its conversation_id to the query.")
    return show_message(reader, key)


def _in_conversation(reader: Reader, wamid: str, contact: str) -> View | None:
    conversation = find_conversation(reader.number, contact, read=reader.read_alias)
    for message in islice(reader.messages.newest(reader.number, conversation.contacts), MOST_SCANNED):
        if isinstance(message, Said):
            if message.kept["element"].get("id") == wamid:
                return said_view(message.kind, message.kept, conversation.contact)
        elif wamid == message.wamid or any(status.wamid == wamid for status in message.statuses):
            return show_message(reader, message.key)
    return None


def _among_sends(reader: Reader, wamid: str) -> MessageKey | None:
    entries = islice(reader.log.newest(reader.number), MOST_LOOKED_THROUGH)
    while batch := list(islice(entries, _BATCH)):
        keys = [MessageKey(entry.contact, entry.ulid) for entry in batch if entry.ulid]
        found = reader.messages.with_wamid(reader.number, keys, wamid)
        if found:
            return found
    return None


def _entry_view(reader: Reader, entry: Entry, said: Mapping[tuple[str, str], Said]) -> View | None:
    if entry.fact is not None:
        message = said.get((entry.contact, entry.fact))
        return None if message is None or _is_call(message) else _view(reader, message, entry.contact)
    assert entry.ulid is not None  # noqa: S101 - an entry is one or the other
    send = reader.messages.send(reader.number, MessageKey(entry.contact, entry.ulid))
    return _view(reader, send, entry.contact, entry)


def _view(reader: Reader, message: Said | Send, conversation_id: str, entry: Entry | None = None) -> View:
    if isinstance(message, Said):
        return said_view(message.kind, message.kept, conversation_id)
    if message.asked is None and entry is None:  # it never ended: what was asked is in the log only
        entry = reader.log.asked(reader.number, message.key)
    pending = reader.pendings.find(reader.number, message.key) if _may_wait(message, entry) else None
    return _send_view(reader, message, conversation_id, entry, pending)


def _may_wait(send: Send, entry: Entry | None) -> bool:
    """Whether something waits, or waited, for a send: it was held, or its policy may have had to be followed."""
    asked = send.asked or (entry.asked if entry else None) or {}
    return send.status in (None, "held") or send.retry or bool(asked.get("when_closed"))


def _send_view(reader: Reader, send: Send, conversation_id: str, entry: Entry | None, pending: Pending | None) -> View:
    asked = send.asked or (entry.asked if entry else None) or {}
    outcome, asks_meta = send.status, entry is None or entry.asks_meta
    if outcome is None and not asks_meta and _is_handed_over(reader, send.key):
        outcome = "handed_off"
    life = life_of(send.key.at, outcome, send.at, _error(send), send.statuses, reader.now, asks_meta=asks_meta)
    wamid = send.wamid or next((status.wamid for status in send.statuses if status.wamid), None)
    view = send_view(str(send.key), wamid, asked, send.key.at, life, conversation_id, entry.asked_by if entry else None)
    ours = view["casement"]
    if send.sent:
        ours["sent_instead"] = send.sent.get("template")
    if asked.get("of"):
        ours["of"] = asked["of"]
    if entry and entry.decided:
        ours["decision"] = entry.decided
    if pending:
        ours["waiting"] = waiting_view(pending, reader.now)
        if send.status in (None, "held") or send.retry:
            ours["status"] = pending.shown_state(reader.now).value
    return view


def _is_handed_over(reader: Reader, key: MessageKey) -> bool:
    """Whether somebody is to look at it, of which nothing else was written any more."""
    return any(wanted.key == key for wanted in reader.pendings.attention(reader.number, [key.contact]))


def _error(send: Send) -> Any:
    """What went wrong; what else was answered is no error."""
    if send.answer is None or send.status not in ("refused", "failed", "unknown"):
        return None
    return send.answer.get("error", send.answer)
