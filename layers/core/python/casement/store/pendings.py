"""Messages that wait, those that waited, and what a person should look at: all filed with the number, by contact.

One query of a shard lists a number's, one with the contact before the id lists a conversation's. What ended moves to a
prefix of its own, so that those who look for work find only work. It is written there before it is deleted here;
whoever makes a new one looks there afterwards, and so no repeat brings back what is over.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.message_key import MessageKey
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.sending import Attention, request_from
from casement.store import keys
from casement.store.table import Attributes, Item, Table, expiry, item, number, text

_PAGE = 50


class Pendings:
    """Finds and keeps them."""

    def __init__(self, table: Table, *, retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days

    def add(self, number_id: str, pending: Pending) -> bool:
        """A28. Keep a new one; False if there is or was one of that key."""
        key = keys.pending(number_id, pending.key.contact, pending.key.ulid)
        if self._table.put_new(self._item(key, pending)) is not None:
            return False
        if self.ended(number_id, pending.key) is None:
            return True
        self._table.delete(key)
        return False

    def replace(self, number_id: str, old: Pending, new: Pending) -> bool:
        """A29. Keep a newer version, unless somebody else did; whether we were first."""
        key = keys.pending(number_id, new.key.contact, new.key.ulid)
        return self._table.replace(self._item(key, new), "version", old.version)

    def end(self, number_id: str, pending: Pending) -> None:
        """A30. Keep how it ended, and that it is over."""
        where = (number_id, pending.key.contact, pending.key.ulid)
        self._table.put(self._item(keys.pending(*where, ended=True), pending))
        self._table.delete(keys.pending(*where))

    def keep(self, number_id: str, pending: Pending) -> None:
        """A28. Keep one of a key that nobody else can know."""
        self._table.put(self._item(keys.pending(number_id, pending.key.contact, pending.key.ulid), pending))

    def forget(self, number_id: str, pending: Pending) -> None:
        """A30. Delete one whose end is written down already."""
        self._table.delete(keys.pending(number_id, pending.key.contact, pending.key.ulid))

    def ended(self, number_id: str, key: MessageKey) -> Pending | None:
        """A31. How one ended, read consistently."""
        found = self._table.get(keys.pending(number_id, key.contact, key.ulid, ended=True), consistent=True)
        return pending_of(found) if found else None

    def find(self, number_id: str, key: MessageKey) -> Pending | None:
        """A31. One that waits or waited."""
        found = self._table.get(keys.pending(number_id, key.contact, key.ulid), consistent=True)
        return pending_of(found) if found else self.ended(number_id, key)

    def of(self, number_id: str, contacts: Iterable[str], *, ended: bool = False) -> list[Pending]:
        """A32. A conversation's, read consistently: what was kept before we look is seen."""
        prefix = keys.ENDED if ended else keys.PENDING
        return [
            pending_of(found)
            for contact in contacts
            for found in self._table.query(
                keys.log(number_id, keys.shard_of(contact)),
                f"{prefix}{keys.part(contact)}#",
                f"{prefix}{keys.part(contact)}$",
                consistent=True,
            )
        ]

    def all(self, number_id: str, *, ended: bool = False, after: str = "") -> Iterator[Pending]:
        """A33. A number's, by shard, contact and id; after the place (see `place_of`) where a listing was left."""
        prefix = keys.ENDED if ended else keys.PENDING
        left_at, _, last = after.partition(".") if after else ("0", "", "")
        for shard in range(int(left_at), keys.LOG_SHARDS):
            first = last if shard == int(left_at) and last else prefix
            for found in self._table.query(keys.log(number_id, shard), first, f"{prefix[0]}$", limit=_PAGE):
                if text(found, "SK") != last:
                    yield pending_of(found)

    def place_of(self, pending: Pending, *, ended: bool) -> str:
        """Where one stands in the listing, for a cursor."""
        sk = keys.pending("", pending.key.contact, pending.key.ulid, ended=ended).sk
        return f"{keys.shard_of(pending.key.contact)}.{sk}"

    def left_at(self, number_id: str) -> str:
        """A49. Where the last sweep left what waits: a place (see `place_of`), empty for the beginning."""
        found = self._table.get(keys.number_state(number_id, keys.LEFT_AT))
        return text(found, "place") if found else ""

    def leave_at(self, number_id: str, place: str) -> None:
        """A50. Keep where this one leaves it."""
        self._table.put(item(keys.number_state(number_id, keys.LEFT_AT), {"place": place}))

    def ask_person(self, number_id: str, wanted: Attention) -> None:
        """A34. Keep that somebody should look at a conversation."""
        kept = {
            "send": str(wanted.key),
            "request": dumps(wanted.request.kept()),
            "asked_by": wanted.asked_by,
            "note": wanted.note,
            "why": wanted.why,
        }
        key = keys.attention(number_id, wanted.key.contact, wanted.key.ulid)
        self._table.put(item(key, kept, expiry(wanted.key.at, self._retention_days)))

    def attention(self, number_id: str, contacts: Iterable[str] | None = None) -> list[Attention]:
        """A35. What people should look at: of a conversation, or of a whole number."""
        if contacts is None:
            places = [(keys.log(number_id, shard), keys.ATTENTION) for shard in range(keys.LOG_SHARDS)]
        else:
            places = [
                (keys.log(number_id, keys.shard_of(contact)), f"{keys.ATTENTION}{keys.part(contact)}#")
                for contact in contacts
            ]
        found = (one for pk, prefix in places for one in self._table.query(pk, prefix, f"{prefix[:-1]}$"))
        return [attention_of(one) for one in found]

    def looked_after(self, number_id: str, wanted: Attention) -> None:
        """A36. Somebody did."""
        self._table.delete(keys.attention(number_id, wanted.key.contact, wanted.key.ulid))

    def nudge_once(self, number_id: str, contacts: Iterable[str], opened_at: int, nudge: MessageKey) -> bool:
        """A37. Take the one nudge of a closed window; whether nobody else has.

        It is taken under every alias, in one order: of two who know different ones of a person, one is first.
        """
        ttl = expiry(nudge.at, self._retention_days)
        return all(
            self._table.put_new(item(keys.nudge(number_id, contact, opened_at), {"send": str(nudge)}, ttl)) is None
            for contact in sorted(contacts)
        )

    def is_nudged(self, number_id: str, contacts: Iterable[str], opened_at: int) -> bool:
        """A48. Whether somebody has taken it."""
        return any(self._table.get(keys.nudge(number_id, contact, opened_at)) for contact in contacts)

    def _item(self, key: keys.Key, pending: Pending) -> Item:
        kept: Attributes = {
            "send": str(pending.key),
            "request": dumps(pending.request.kept()),
            "asked_by": pending.asked_by,
            "waits_for": pending.waits_for.value,
            "expires_at": pending.expires_at,
            "instead": dumps(pending.instead) if pending.instead else None,
            "supersede": pending.supersede,
            "state": pending.state.value,
            "why": pending.why,
            "attempts": " ".join(map(str, pending.attempts)) or None,
            "nudge": str(pending.nudge) if pending.nudge else None,
            "changed_at": pending.changed_at,
            "version": pending.version,
        }
        # Whatever waits must not vanish before somebody has written down how it ended.
        ttl = expiry(pending.changed_at, self._retention_days) if pending.state.is_end else 0
        return item(key, kept, ttl)


def pending_of(found: Mapping[str, Any]) -> Pending:
    """The message that waits, or waited, that an item is."""
    instead = text(found, "instead")
    attempts = (MessageKey.parse(each) for each in text(found, "attempts").split(" "))
    return Pending(
        _key(found),
        request_from(json.loads(text(found, "request"))),
        text(found, "asked_by"),
        WaitsFor(text(found, "waits_for")),
        number(found, "expires_at") or 0,
        json.loads(instead) if instead else None,
        text(found, "supersede") or None,
        State(text(found, "state")),
        text(found, "why") or None,
        tuple(attempt for attempt in attempts if attempt),
        MessageKey.parse(text(found, "nudge")),
        number(found, "changed_at") or 0,
        number(found, "version") or 0,
    )


def attention_of(found: Mapping[str, Any]) -> Attention:
    """What an item asks people to look at."""
    request = request_from(json.loads(text(found, "request")))
    return Attention(_key(found), request, text(found, "asked_by"), text(found, "note") or None, text(found, "why"))


def _key(found: Mapping[str, Any]) -> MessageKey:
    key = MessageKey.parse(text(found, "send"))
    if key is None:
        raise ValueError("an item without the key of its send")  # we wrote it, so this is a bug
    return key
