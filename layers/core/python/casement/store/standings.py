"""Where conversations stand: an item each, replaced on its version, so that of several who want to say the same thing
one does. What a change tells lies in the item itself, and the stream of that change is what tells it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.events import Event, EventType, event_id
from casement.domain.happenings import Closing
from casement.domain.messages import Position
from casement.domain.standing import News, Standing, standing_from
from casement.domain.window import DAY_MS, Opener
from casement.store import keys
from casement.store.table import Table, expiry, item, number, text

_TYPES = {
    News.OPENED: EventType.WINDOW_OPENED,
    News.CLOSING: EventType.WINDOW_CLOSING,
    News.CLOSED: EventType.WINDOW_CLOSED,
}


class Standings:
    """Finds and keeps them."""

    def __init__(self, table: Table, *, retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days

    def find(self, number_id: str, contact: str, contacts: Iterable[str]) -> tuple[Standing, int]:
        """A93. The standing of a conversation known by `contact`, whose aliases are `contacts`, read consistently; and
        the version of the item that `replace` replaces, 0 if there is none.

        A conversation may have been known by another alias when it changed last: the latest counts.
        """
        found = {
            each: kept
            for each in contacts
            if (kept := self._table.get(keys.standing(number_id, each), consistent=True)) is not None
        }
        if not found:
            return Standing(), 0
        latest = max(found.values(), key=lambda kept: number(kept, "at") or 0)
        return _standing(latest), (number(found[contact], "version") or 0) if contact in found else 0

    def replace(self, number_id: str, contact: str, standing: Standing, version: int, at: int) -> bool:
        """A94. Keep a standing that follows from the one of that version, at `at` (epoch milliseconds); whether nobody
        else was first."""
        kept = {
            "standing": dumps(standing.kept()),
            "news": " ".join(standing.news) or None,
            "at": at,
            "version": version + 1,
        }
        new = item(keys.standing(number_id, contact), kept, expiry(at, self._retention_days))
        if version:
            return self._table.replace(new, "version", version)
        return self._table.put_new(new) is None

    def looked_until(self, number_id: str) -> tuple[Position | None, Position | None]:
        """A95. Up to where in the number's log windows were looked through for those that are closing, and that have
        closed; None for never."""
        found = self._table.get(keys.number_state(number_id, keys.WINDOWS)) or {}
        return _position(text(found, "closing")), _position(text(found, "closed"))

    def look_from(self, number_id: str, closing: Position, closed: Position) -> None:
        """A96. Keep up to where."""
        kept = {name: f"{at.at}#{at.rest}" for name, at in (("closing", closing), ("closed", closed))}
        self._table.put(item(keys.number_state(number_id, keys.WINDOWS), kept))


def _position(place: str) -> Position | None:
    at, _, rest = place.partition("#")
    return Position(int(at), rest) if at else None


def _standing(kept: Mapping[str, Any]) -> Standing:
    return standing_from(json.loads(text(kept, "standing")))


def window_events_in(image: Mapping[str, Any]) -> Iterator[Event]:
    """What the stored standing of a conversation tells of its window. Their ids follow from the customer's message or
    call that opened it, so whoever tells of it again, under whichever alias, gives the same ones."""
    if text(image, "SK") != keys.STANDING or "news" not in image:
        return
    _, number_id, contact = text(image, "PK").split("#")
    standing = _standing(image)
    for news in map(News, text(image, "news").split()):
        opener, at, more = _told(standing, news)
        expires_at = standing.closed_at if news is News.CLOSED else opener.at + DAY_MS
        window = {
            "state": "open" if news is News.OPENED else news.value,
            "opened_by": opener.id,
            "opened_at": opener.at // 1000,
            "expires_at": expires_at // 1000,
        }
        kind = _TYPES[news]
        id_ = event_id(kind, opener.at if news is News.OPENED else opener.at + DAY_MS, number_id, opener.id)
        yield Event(id_, kind, at, {"window": window | more}, number_id, contact, standing.waba_id)


def closing_in(image: Mapping[str, Any]) -> Closing | None:
    """That the last change of a stored standing told that its window is closing, None if it did not."""
    standing = _standing(image)
    if News.CLOSING not in text(image, "news").split() or standing.closing is None:
        return None
    _, number_id, contact = text(image, "PK").split("#")
    return Closing(number_id, contact, standing.closing_at, standing.closing.id, standing.waba_id)


def _told(standing: Standing, news: News) -> tuple[Opener, int, dict[str, Any]]:
    """The opener that news is of, when what it tells happened, and what more is to be said."""
    match news:
        case News.OPENED if standing.opened:
            return standing.opened, standing.opened.at, {}
        case News.CLOSING if standing.closing:
            return standing.closing, standing.closing_at, {}
        case News.CLOSED if standing.closed:
            return standing.closed, standing.closed_at, {"closed_by": "meta" if standing.closed_by_meta else "time"}
    raise ValueError(f"news of nothing: {news}")  # we wrote it, so this is a bug
