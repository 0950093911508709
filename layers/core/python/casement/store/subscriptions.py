"""Subscriptions: one partition, so that all of them are one query, which is remembered for a few seconds."""

import json
from collections.abc import Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.subscription import DEFAULT_LANES, Subscription, subscription_from
from casement.store import keys
from casement.store.table import Attributes, Item, Table, item, number, text

Image = Mapping[str, Any]
REMEMBERED_MS = 5_000  # a new or changed one works everywhere after this long


class Subscriptions:
    """Finds and keeps them."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._remembered: tuple[int, dict[str, Subscription]] | None = None

    def all(self, now: int) -> list[Subscription]:
        """A70. All of them, remembered for five seconds; `now` is epoch milliseconds."""
        remembered = self._remembered  # which another thread may forget meanwhile
        if remembered is None or not 0 <= now - remembered[0] < REMEMBERED_MS:
            self._remembered = remembered = (now, {each.id: each for each in self.fresh()})
        return list(remembered[1].values())

    def fresh(self) -> list[Subscription]:
        """A70. All of them as they are at this moment, the oldest first."""
        found = self._table.query(keys.SUBSCRIPTIONS, "s", "t", consistent=True)  # every id starts with `sub_`
        return [subscription_of(each) for each in found]

    def find(self, id_: str) -> Subscription | None:
        """A71. One as it is at this moment."""
        found = self._table.get(keys.subscription(id_), consistent=True)
        return subscription_of(found) if found else None

    def known(self, id_: str, now: int) -> Subscription | None:
        """A71. One, remembered for five seconds; one that is not remembered is looked for."""
        remembered = next((each for each in self.all(now) if each.id == id_), None)
        return remembered or self.find(id_)

    def lanes(self, id_: str, now: int) -> int:
        """How many of its deliveries may be under way at a time."""
        return next((each.concurrency for each in self.all(now) if each.id == id_), DEFAULT_LANES)

    def add(self, subscription: Subscription) -> None:
        """A72. Keep a new one, of an id that nobody else can know."""
        self._table.put(_item(subscription))
        self._remembered = None

    def replace(self, old: Subscription, new: Subscription) -> bool:
        """A73. Keep a newer version, unless somebody else did; whether we were first."""
        self._remembered = None
        return self._table.replace(_item(new), "version", old.version)

    def remove(self, id_: str) -> None:
        """A74. Forget one."""
        self._table.delete(keys.subscription(id_))
        self._remembered = None


def _item(subscription: Subscription) -> Item:
    kept: Attributes = {"subscription": dumps(subscription.kept()), "version": subscription.version}
    return item(keys.subscription(subscription.id), kept)


def subscription_of(found: Image) -> Subscription:
    """The subscription that an item is."""
    return subscription_from(text(found, "SK"), json.loads(text(found, "subscription")), number(found, "version") or 0)
