"""Tell what happens to windows: that one opened, at the customer's word; that it is closing, or closed, by the clock.

What is told is a change of the conversation's standing, made unless somebody else made it first: the stream of that
change tells the event. When a window closes follows from its last opener, and those lie in the number's log by time; so
a sweep needs no index but that log, and walks it a day behind.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Protocol

from casement.domain.conversation import Conversation
from casement.domain.errors import StoreUnavailable
from casement.domain.message_key import MessageKey
from casement.domain.messages import Entry, Position
from casement.domain.standing import Standing
from casement.domain.window import DAY_MS, Opener, WindowRules, WindowState, window_at
from casement.usecases.find_conversation import ReadAlias, find_conversation

# The log is read so long after it was written: whoever writes an entry that is due by then looks at it himself.
SETTLED_MS = 20_000
_FIRST_LOOK_MS = 2 * 60_000
_LONGEST_BACK_MS = DAY_MS  # a sweep that nobody needed for longer has nothing to make up for
_MOST_ROUNDS = 100
_BATCH = 25  # conversations between two looks at the clock


class Standings(Protocol):
    """Where conversations stand."""

    def find(self, number_id: str, contact: str, contacts: Iterable[str]) -> tuple[Standing, int]: ...
    def replace(self, number_id: str, contact: str, standing: Standing, version: int, at: int) -> bool: ...


class Cursors(Protocol):
    """How far windows were looked through."""

    def looked_until(self, number_id: str) -> tuple[Position | None, Position | None]: ...
    def look_from(self, number_id: str, closing: Position, closed: Position) -> None: ...


class Messages(Protocol):
    """What was said in a conversation. Times are epoch milliseconds."""

    def last_opener(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> Opener | None: ...
    def answered_by(
        self, number_id: str, contacts: Iterable[str], since: int, until: int
    ) -> Iterator[MessageKey | None]: ...


class Log(Protocol):
    """A number's log."""

    def oldest_inbound(
        self, number_id: str, *, since: int, until: int, after: Position | None = None
    ) -> Iterator[Entry]: ...
    def asked(self, number_id: str, key: MessageKey) -> Entry | None: ...


@dataclass(frozen=True, slots=True)
class Watch:
    """What it takes to tell of windows. `wanted` says whether anybody wants to know of those of a number, in a WABA;
    `rules_of` when they are closing; `clock` tells epoch milliseconds."""

    read_alias: ReadAlias
    messages: Messages
    log: Log
    standings: Standings
    rules_of: Callable[[str], WindowRules]
    wanted: Callable[[str, str], bool]
    clock: Callable[[], int]


def change_standing(
    conversation: Conversation,
    waba_id: str,
    follows: Callable[[Standing], Standing],
    standings: Standings,
    clock: Callable[[], int],
) -> Standing:
    """Put a standing in the place of the one it follows from, whoever else changes it meanwhile; the one there is
    then. Raises `StoreUnavailable`."""
    number, contact = conversation.number, conversation.contact
    for _ in range(_MOST_ROUNDS):  # of several, one is first in each
        was, version = standings.find(number, contact, conversation.contacts)
        new = follows(was)
        if new != was and waba_id:
            new = replace(new, waba_id=waba_id)
        if new == was or standings.replace(number, contact, new, version, clock()):
            return new
    raise StoreUnavailable("Where a conversation stands was changed by others again and again")


def opened_by(opener: Opener, conversation: Conversation, watch: Watch, was: Standing) -> Standing:
    """The standing of a conversation after a customer's message or call."""
    since = was.wants_to_know_before(opener)
    before = None
    if since is not None:
        before = watch.messages.last_opener(conversation.number, conversation.contacts, since, opener.at)
    return was.after(opener, before)


def is_due(opener: Opener, number: str, watch: Watch) -> bool:
    """Whether time has something to say of a window already, though its opener has only just been stored."""
    return opener.at + DAY_MS - watch.rules_of(number).closing_lead_ms <= watch.clock()


def look_at(conversation: Conversation, waba_id: str, watch: Watch) -> bool:
    """Tell what time has brought about, or Meta's verdict: the window is closing and nobody has answered, or closed.
    Whether there was anything to tell that nobody had told."""
    now = watch.clock()
    opener, verdict = conversation.opener, conversation.verdict
    window = window_at(now, opener, verdict, rules=watch.rules_of(conversation.number))
    if opener is None or window.expires_at is None:
        return False
    closes_at, by_meta = window.expires_at, verdict is not None and verdict.at < opener.at + DAY_MS
    if window.state is WindowState.CLOSED:
        closed = partial(Standing.has_closed, opener=opener, at=closes_at, by_meta=by_meta)
        return bool(change_standing(conversation, waba_id, closed, watch.standings, watch.clock).news)
    if window.state is WindowState.CLOSING and not _is_answered(conversation, opener, now, watch):
        closing = partial(Standing.is_closing, opener=opener, now=now)
        return bool(change_standing(conversation, waba_id, closing, watch.standings, watch.clock).news)
    return False


def _is_answered(conversation: Conversation, opener: Opener, now: int, watch: Watch) -> bool:
    """Whether the last word is the business's, on the phone app or through us. What an automation said is no answer."""
    number = conversation.number
    for send in watch.messages.answered_by(number, conversation.contacts, opener.at, now):
        if send is None:
            return True
        asked = watch.log.asked(number, send)
        if asked is None or not (asked.asked_by or "").startswith(AUTOMATION):
            return True
    return False


AUTOMATION = "automation "  # and its id: who asked for what a rule sends


def sweep_windows(
    number: str,
    waba_id: str,
    cursors: Cursors,
    watch: Watch,
    *,
    until: int,
    each: Callable[..., Iterable[bool]] = map,
) -> int:
    """Look at those windows of a number, in a WABA, whose time has come, until that moment (epoch milliseconds): what
    is left then, the next run finds. How many were told of. Raises `StoreUnavailable`; and what a conversation raises
    that we have a bug with, once all others are looked at: it must not keep them from being told of for ever.

    `each` is `map`, or does the same side by side.
    """
    if not watch.wanted(number, waba_id):
        return 0
    closing, closed = cursors.looked_until(number)
    lead_ms = watch.rules_of(number).closing_lead_ms

    bugs: list[Exception] = []

    def look(entry: Entry) -> bool:
        """Look at a conversation, if this is what last opened its window: else a later entry leads to it."""
        try:
            conversation = find_conversation(number, entry.contact, read=watch.read_alias)
            return conversation.opened_at == entry.position.at and look_at(conversation, waba_id, watch)
        except StoreUnavailable:
            raise
        except Exception as error:
            bugs.append(error)
            return False

    have_closed, closed_until = _walk(number, DAY_MS, closed, watch, until, partial(each, look))
    are_closing, closing_until = _walk(number, DAY_MS - lead_ms, closing, watch, until, partial(each, look))
    cursors.look_from(number, closing_until, closed_until)
    if bugs:
        raise bugs[0]
    return have_closed + are_closing


def _walk(
    number: str,
    lag: int,
    after: Position | None,
    watch: Watch,
    until: int,
    look_at_each: Callable[[Iterable[Entry]], Iterable[bool]],
) -> tuple[int, Position]:
    """Look at the windows that opened up to `lag` ago; how many were told of, and where to go on the next time."""
    last = watch.clock() - SETTLED_MS - lag
    if after is None:  # nobody wanted to know until a minute ago
        after = Position(last - _FIRST_LOOK_MS, "")
    elif after.at > last:  # the lead was longer then
        after = Position(last, "")
    entries = watch.log.oldest_inbound(number, since=last - _LONGEST_BACK_MS, until=last, after=after)
    told = 0
    for batch in _batches(entry for entry in entries if _is_opener(entry)):
        told += sum(look_at_each({entry.contact: entry for entry in batch}.values()))
        if watch.clock() > until:
            return told, batch[-1].position
    return told, Position(last + 1, "")


def _is_opener(entry: Entry) -> bool:
    return entry.fact is not None and entry.fact.startswith("W#")


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch
