"""What was said in a conversation: customers' messages, echoes, history, and our sends with their statuses.

Two ranges of a partition hold messages: those that moved the window (`W#`) and all others (`M#`). A send's statuses lie
right behind its outcome, since their keys come from the callback data that we gave the send.
"""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from casement.domain.life import Status
from casement.domain.message_key import MessageKey, is_template_id
from casement.domain.messages import Position, Said, Send, TemplateSent
from casement.domain.meta_time import milliseconds
from casement.domain.window import Opener
from casement.store import keys
from casement.store.keys import Key
from casement.store.table import Item, Table, number, text

_PAGE = 30


@dataclass(frozen=True, slots=True)
class _Part:
    """One item of a message."""

    position: Position
    contact: str
    rest: tuple[str, ...]  # of the sort key, behind kind and id
    item: Item


class Messages:
    """Reads messages."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def newest(self, number_id: str, contacts: Iterable[str], before: Position | None = None) -> Iterator[Said | Send]:
        """A18. The messages of a conversation's aliases, newest first, from `before` (exclusive) on."""
        ranges = [
            self._range(number_id, contact, prefix, before)
            for contact in contacts
            for prefix in (keys.WINDOW, keys.MESSAGES)
        ]
        parts = heapq.merge(*ranges, key=lambda part: part.position, reverse=True)
        for position, same in groupby(parts, key=lambda part: part.position):
            message = _whole(list(same))
            if message and (before is None or position < before):
                yield message

    def send(self, number_id: str, key: MessageKey, *, consistent: bool = False) -> Send:
        """A19. One send: its outcome and its statuses."""
        partition = keys.conversation(number_id, key.contact)
        parts = []
        for closes in (False, True):
            start = keys.send(number_id, key.contact, key.ulid, key.at, closes=closes).sk
            parts += [
                _part(key.contact, found)
                for found in self._table.query(partition, start, f"{start}$", consistent=consistent)
            ]
        position = Position(key.at, f"send#{key.ulid}")
        whole = _whole(parts) if parts else None
        return whole if isinstance(whole, Send) else Send(position, key)

    def ended(self, number_id: str, sends: Iterable[MessageKey]) -> set[MessageKey]:
        """A46. Those of `sends` whose end is known to us, but for those that Meta refused for the window."""
        places = {keys.send(number_id, key.contact, key.ulid, key.at): key for key in sends}
        found = self._table.get_all(places)
        return {places[place] for place, item in found.items() if text(item, "status") != "unknown"}

    def with_wamid(self, number_id: str, sends: Iterable[MessageKey], wamid: str) -> MessageKey | None:
        """A47. The one of `sends` that Meta gave this id."""
        places = {keys.send(number_id, key.contact, key.ulid, key.at): key for key in sends}
        found = self._table.get_all(places)
        return next((places[place] for place, item in found.items() if text(item, "wamid") == wamid), None)

    def facts(self, number_id: str, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Said]:
        """A20. The messages behind log entries, by contact and sort key of the fact."""
        asked = {Key(keys.conversation(number_id, contact), sk): (contact, sk) for contact, sk in wanted}
        found = self._table.get_all(asked)
        parts = {asked[key]: _part(asked[key][0], item) for key, item in found.items()}
        return {where: whole for where, part in parts.items() if isinstance(whole := _whole([part]), Said)}

    def referred_at(self, number_id: str, contacts: Iterable[str], since: int) -> list[int]:
        """A21. When the messages that an ad or a page button brought came in, at `since` or later."""
        found = {
            _part(contact, item).position.at
            for contact in contacts
            for item in self._table.query(
                keys.conversation(number_id, contact),
                keys.WINDOW + keys.moment(since),
                keys.AFTER_WINDOW,
                only="attribute_exists(referral)",
            )
        }
        return sorted(found)

    def answered_at(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None:
        """A22. When the business first wrote between `since` and `until`: a send that Meta took, or an echo."""
        found = self._first_of_each(number_id, contacts, keys.MESSAGES, since, until, _is_answer)
        return min((part.position.at for part in found), default=None)

    def answered_by(
        self, number_id: str, contacts: Iterable[str], since: int, until: int
    ) -> Iterator[MessageKey | None]:
        """A22. What the business wrote between `since` and `until`: the sends that Meta took, None for an echo."""
        for contact in contacts:
            first, last = (keys.MESSAGES + keys.moment(at) for at in (since, until))
            for found in self._table.query(keys.conversation(number_id, contact), first, last):
                if _is_answer(part := _part(contact, found)):
                    kind, id_ = part.position.rest.split("#")
                    yield MessageKey(contact, id_) if kind == "send" else None

    def last_echo(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> int | None:
        """A108. When the business last wrote on the phone app, from `since` on and before `until`."""
        found = self._first_of_each(
            number_id, contacts, keys.MESSAGES, since, until, _is_echo, newest_first=True, limit=_PAGE
        )
        return max((part.position.at for part in found), default=None)

    def templates_sent(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> Iterator[TemplateSent]:
        """A57. The template messages to a conversation that Meta took between `since` and `until`, newest first."""
        ranges = [
            (
                TemplateSent(
                    MessageKey(contact, text(found, "SK").split("#")[3]), text(found, "template"), text(found, "wamid")
                )
                for found in self._table.query(
                    keys.conversation(number_id, contact),
                    keys.MESSAGES + keys.moment(since),
                    keys.MESSAGES + keys.moment(until),
                    newest_first=True,
                    limit=_PAGE,
                    only="attribute_exists(template) AND attribute_exists(wamid)",
                )
                if is_template_id(text(found, "template"))
            )
            for contact in contacts
        ]
        return heapq.merge(*ranges, key=lambda sent: sent.key.ulid, reverse=True)

    def last_opener(self, number_id: str, contacts: Iterable[str], since: int, until: int) -> Opener | None:
        """A58. The customer's last message or call from `since` on and before `until`; None if there is none."""
        found = self._first_of_each(
            number_id, contacts, keys.WINDOW, since, until, _is_a_word, newest_first=True, limit=2
        )
        openers = (Opener(part.position.at, part.position.rest.partition("#")[2]) for part in found)
        return max(openers, key=lambda opener: opener.at, default=None)

    def _first_of_each(
        self,
        number_id: str,
        contacts: Iterable[str],
        prefix: str,
        since: int,
        until: int,
        wanted: Callable[["_Part"], bool],
        *,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator["_Part"]:
        """What is wanted and comes first among a prefix of each alias, in the order of reading; of those where it
        does."""
        for contact in contacts:
            found = self._table.query(
                keys.conversation(number_id, contact),
                prefix + keys.moment(since),
                prefix + keys.moment(until),
                newest_first=newest_first,
                limit=limit,
            )
            parts = (_part(contact, item) for item in found)
            if (first := next(filter(wanted, parts), None)) is not None:
                yield first

    def _range(self, number_id: str, contact: str, prefix: str, before: Position | None) -> Iterator["_Part"]:
        until = f"{prefix}{keys.moment(before.at)}$" if before else f"{prefix[0]}$"
        found = self._table.query(keys.conversation(number_id, contact), prefix, until, newest_first=True, limit=_PAGE)
        return (_part(contact, item) for item in found)


def _part(contact: str, found: Item) -> _Part:
    prefix, at, *rest = text(found, "SK").split("#")
    kind, id_, *more = rest[1:] if prefix == "W" else rest
    return _Part(Position(int(at), f"{kind}#{id_}"), contact, tuple(more), found)


def _whole(parts: list[_Part]) -> Said | Send | None:
    """The message that `parts`, all of one position, make; None for a status of somebody else's message.

    Two facts of one id can differ (Meta said two things); the first by key is shown, whichever came first.
    """
    first = parts[0]
    kind, id_ = first.position.rest.split("#")
    if kind == "status":
        return None
    if kind != "send":
        opens = text(first.item, "SK").startswith(keys.WINDOW)
        return Said(first.position, first.contact, kind, json.loads(text(first.item, "raw")), opens)
    statuses = tuple(_status(part.item) for part in parts if "raw" in part.item)
    outcome = next((part.item for part in parts if not part.rest), {})
    answer, asked, sent = text(outcome, "answer"), text(outcome, "request"), text(outcome, "sent")
    return Send(
        first.position,
        MessageKey(first.contact, id_),
        json.loads(asked) if asked else None,
        text(outcome, "status") or None,
        number(outcome, "at"),
        text(outcome, "wamid") or None,
        json.loads(answer) if answer else None,
        statuses,
        number(outcome, "http"),
        json.loads(sent) if sent else None,
        "retry" in outcome,
        unresolved=any(part.rest == ("unresolved",) for part in parts),
    )


def _is_a_word(part: _Part) -> bool:
    """Whether it is the customer's, and no verdict of Meta's."""
    return part.position.rest.partition("#")[0] not in ("send", "status")


def _is_echo(part: _Part) -> bool:
    return part.position.rest.startswith("echo#")


def _is_answer(part: _Part) -> bool:
    kind = part.position.rest.partition("#")[0]
    return kind == "echo" or (kind == "send" and text(part.item, "status") == "accepted")


def _status(found: Item) -> Status:
    element = json.loads(text(found, "raw"))["element"]
    errors = element.get("errors")
    return Status(
        str(element.get("status")),
        milliseconds(element.get("timestamp")),
        tuple(errors) if isinstance(errors, list) else (),
        element.get("id") if isinstance(element.get("id"), str) else None,
    )
