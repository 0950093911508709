"""What is known of contacts besides their messages: language, fields and tags, an item for each alias."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.errors import StoreUnavailable
from casement.domain.profile import Known, Profile, Tagged, together
from casement.store import keys
from casement.store.table import Item, Table, item, number, text

_TRIES = 10  # who writes of one person at the same moment are a few, and each round one of them is done


class Profiles:
    """Finds and keeps them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, number_id: str, contacts: Iterable[str]) -> Profile:
        """A100. What is known of one person, by all the aliases of a conversation."""
        places = [keys.profile(number_id, contact) for contact in contacts]
        found = self._table.get_all(places)
        return together(_profile_from(found[place]) for place in places if place in found)

    def change(self, number_id: str, contact: str, change: Callable[[Profile], Profile]) -> bool:
        """A43. Keep what `change` makes of what is known of an alias; whether that was anything new.

        Nobody's change is lost: where somebody else wrote in the meantime, it is made again of what they wrote.
        """
        for _ in range(_TRIES):
            found = self._table.get(keys.profile(number_id, contact), consistent=True) or {}
            known = _profile_from(found)
            after = change(known)
            if after == known:
                return False
            version = number(found, "version")
            if self._table.replace(_item(number_id, contact, after, (version or 0) + 1), "version", version):
                return True
        raise StoreUnavailable("A contact's profile was changed by others again and again")


def _item(number_id: str, contact: str, profile: Profile, version: int) -> Item:
    kept = {
        "language": profile.language,
        "fields": dumps(profile.fields) if profile.fields else None,
        "tags": dumps(profile.tags) if profile.tags else None,
        "version": version,
    }
    return item(keys.profile(number_id, contact), kept)


def _profile_from(found: Mapping[str, Any]) -> Profile:
    fields, tags = text(found, "fields"), text(found, "tags")
    return Profile(
        text(found, "language") or None,
        {name: Known(*known) for name, known in json.loads(fields).items()} if fields else {},
        {name: Tagged(*tagged) for name, tagged in json.loads(tags).items()} if tags else {},
    )
