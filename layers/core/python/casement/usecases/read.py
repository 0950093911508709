"""What the API shows: conversations and messages, from facts, a page at a time.

Lists of a number walk its log. The log says when something happened and where it is kept; what is shown is read from
the facts themselves, so a window in a list is as exact as the one that a send is decided by.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from casement.domain.conversation import Conversation
from casement.domain.errors import NotFound
from casement.domain.life import life_of
from casement.domain.message_key import MessageKey
from casement.domain.messages import Entry, Position, Said, Send
from casement.domain.window import (
    DAY_MS,
    FREE_ENTRY_POINT_MS,
    Window,
    WindowRules,
    WindowState,
    window_at,
)
from casement.usecases.find_conversation import ReadAlias, find_conversation
from casement.usecases.views import conversation_view, said_view, send_view

MOST_SCANNED = 1_000  # log entries a request looks at; a page may then be short, and its cursor goes on from there
_LOOKED_AT_FOR_A_NAME = 20

View = dict[str, Any]


class Log(Protocol):
    """A number's log."""

    def newest(self, number_id: str, *, before: Position | None = None, since: int = 0) -> Iterator[Entry]: ...
    def oldest_inbound(self, number_id: str, *, since: int, after: Position | None = None) -> Iterator[Entry]: ...


class Messages(Protocol):
    """What was said."""

    def newest(
        self, number_id: str, contacts: Iterable[str], before: Position | None = None
    ) -> Iterator[Said | Send]: ...
    def send(self, number_id: str, key: MessageKey) -> Send: ...
    def facts(self, number_id: str, wanted: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Said]: ...
    def referred_at(self, number_id: str, contacts: Iterable[str], since: int) -> int | None: ...
    def answered_at(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """What reading takes; `now` is epoch milliseconds."""

    number: str
    read_alias: ReadAlias
    log: Log
    messages: Messages
    rules: WindowRules
    now: int


@dataclass(frozen=True, slots=True)
class Page:
    """Views, and where the next page starts (None on the last)."""

    data: list[View]
    after: Position | None


@dataclass(frozen=True, slots=True)
class _Shown:
    conversation: Conversation
    window: Window
    newest_at: int | None
    view: View


def show_conversation(reader: Reader, contact: str) -> View:
    """One conversation, by any alias of its contact. Raises `NotFound` if nothing is known of it."""
    shown = _show(reader, contact)
    if shown.newest_at is None and not any(alias.links for alias in shown.conversation.aliases):
        raise NotFound(f"Nobody known as {contact} has had a conversation with this number.")
    return shown.view


def list_conversations(
    reader: Reader, *, limit: int, after: Position | None = None, state: WindowState | None = None
) -> Page:
    """Conversations by their newest activity, newest first."""
    still_open = state in (WindowState.OPEN, WindowState.CLOSING)
    since = reader.now - DAY_MS if still_open else 0
    entries = reader.log.newest(reader.number, before=after, since=since)

    def is_newest(entry: Entry, shown: _Shown) -> bool:
        return shown.newest_at is None or entry.position.at >= shown.newest_at

    return _conversations(reader, entries, limit, state, is_newest)


def list_closing(
    reader: Reader, *, limit: int, after: Position | None = None, state: WindowState | None = None
) -> Page:
    """Conversations whose window is open, closing soonest first."""
    entries = reader.log.oldest_inbound(reader.number, since=reader.now - DAY_MS, after=after)

    def opened_it(entry: Entry, shown: _Shown) -> bool:
        opener = shown.conversation.opener
        is_open = shown.window.state in (WindowState.OPEN, WindowState.CLOSING)
        return is_open and opener is not None and opener.at == entry.position.at

    return _conversations(reader, entries, limit, state, opened_it)


class _Counts(Protocol):
    def __call__(self, entry: Entry, shown: _Shown) -> bool: ...


def _conversations(
    reader: Reader,
    entries: Iterator[Entry],
    limit: int,
    state: WindowState | None,
    counts: _Counts,
) -> Page:
    """A page of conversations in the order of those log entries that `counts` says are the ones to list by."""
    read: dict[str, _Shown] = {}
    listed: dict[str, View] = {}
    position: Position | None = None
    for scanned, entry in enumerate(entries, start=1):
        if len(listed) >= limit or scanned > MOST_SCANNED:
            return Page(list(listed.values()), position)
        position = entry.position
        if entry.contact not in read:
            read[entry.contact] = _show(reader, entry.contact)
        shown = read[entry.contact]
        wanted = state is None or shown.window.state is state
        if wanted and shown.conversation.contact not in listed and counts(entry, shown):
            listed[shown.conversation.contact] = shown.view
    return Page(list(listed.values()), None)


def _show(reader: Reader, contact: str) -> _Shown:
    conversation = find_conversation(reader.number, contact, read=reader.read_alias)
    contacts = [alias.contact for alias in conversation.aliases]
    window = window_at(
        reader.now,
        conversation.opener,
        conversation.verdict,
        rules=reader.rules,
        free_entry_point_until=_free_entry_point_until(reader, conversation, contacts),
    )
    latest = list(islice(reader.messages.newest(reader.number, contacts), _LOOKED_AT_FOR_A_NAME))
    newest = next((message for message in latest if not _is_call(message)), None)
    newest_at = latest[0].position.at if latest else None
    view = conversation_view(
        conversation,
        window,
        _profile(latest),
        _view(newest, conversation.contact, reader.now) if newest else None,
        newest.position.at if newest else newest_at,
        reader.now,
    )
    return _Shown(conversation, window, newest_at, view)


def _is_call(message: Said | Send) -> bool:
    return isinstance(message, Said) and message.kind == "call"


def _profile(latest: Iterable[Said | Send]) -> Mapping[str, Any]:
    """The newest `contacts[]` entry that came with a message."""
    for message in latest:
        contact = message.kept.get("contact") if isinstance(message, Said) else None
        if isinstance(contact, dict):
            return contact
    return {}


def _free_entry_point_until(reader: Reader, conversation: Conversation, contacts: list[str]) -> int | None:
    """The end of a free entry point: 72 hours from the first answer within 24 hours to a message that an ad brought."""
    earliest = reader.now - DAY_MS - FREE_ENTRY_POINT_MS
    if conversation.opener is None or conversation.opener.at < earliest:
        return None
    referred_at = reader.messages.referred_at(reader.number, contacts, earliest)
    if referred_at is None:
        return None
    answered_at = reader.messages.answered_at(reader.number, contacts, referred_at, referred_at + DAY_MS)
    if answered_at is None or answered_at + FREE_ENTRY_POINT_MS <= reader.now:
        return None
    return answered_at + FREE_ENTRY_POINT_MS


def list_messages_of(reader: Reader, contact: str, *, limit: int, after: Position | None = None) -> Page:
    """A conversation's messages, newest first."""
    conversation = find_conversation(reader.number, contact, read=reader.read_alias)
    contacts = [alias.contact for alias in conversation.aliases]
    found = reader.messages.newest(reader.number, contacts, after)
    page = list(islice((message for message in found if not _is_call(message)), limit + 1))
    views = [_view(message, conversation.contact, reader.now) for message in page[:limit]]
    return Page(views, page[limit - 1].position if len(page) > limit else None)


def list_messages(reader: Reader, *, limit: int, after: Position | None = None) -> Page:
    """All of a number's messages, newest first."""
    page = list(islice(reader.log.newest(reader.number, before=after), limit + 1))
    shown = page[:limit]
    said = reader.messages.facts(reader.number, [(entry.contact, entry.fact) for entry in shown if entry.fact])
    views = [view for entry in shown if (view := _entry_view(reader, entry, said)) is not None]
    return Page(views, shown[-1].position if len(page) > limit else None)


def show_message(reader: Reader, key: MessageKey) -> View:
    """One of our sends, by its key. Raises `NotFound`."""
    send = reader.messages.send(reader.number, key)
    if send.status is None and not send.statuses:
        raise NotFound(f"No message {key} was sent from this number.")
    return _view(send, key.contact, reader.now)


def _entry_view(reader: Reader, entry: Entry, said: Mapping[tuple[str, str], Said]) -> View | None:
    if entry.fact is not None:
        message = said.get((entry.contact, entry.fact))
        return None if message is None or _is_call(message) else _view(message, entry.contact, reader.now)
    assert entry.ulid is not None  # noqa: S101 - an entry is one or the other
    send = reader.messages.send(reader.number, MessageKey(entry.contact, entry.ulid))
    return _view(send, entry.contact, reader.now, entry)


def _view(message: Said | Send, conversation_id: str, now: int, entry: Entry | None = None) -> View:
    if isinstance(message, Said):
        return said_view(message.kind, message.kept, conversation_id)
    asked = message.asked or (entry.asked if entry else None) or {}
    life = life_of(message.key.at, message.status, message.at, _error(message), message.statuses, now)
    wamid = message.wamid or next((status.wamid for status in message.statuses if status.wamid), None)
    return send_view(
        str(message.key), wamid, asked, message.key.at, life, conversation_id, entry.asked_by if entry else None
    )


def _error(send: Send) -> Any:
    if send.answer is None or send.status == "accepted":
        return None
    return send.answer.get("error", send.answer)
