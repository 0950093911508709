"""The automations of numbers: one document each, replaced as a whole."""

import json
from typing import NamedTuple

from casement.domain.automations import Automations
from casement.domain.automations_document import automations_from, document_of
from casement.domain.compact_json import dumps
from casement.domain.errors import AutomationsFaulty
from casement.store import keys
from casement.store.table import Attributes, Table, item, number, text

REMEMBERED_MS = 5_000  # a change works everywhere after this long
_NONE = 0  # the version of what was never set


class Kept(NamedTuple):
    """Automations as they are kept, and how often they were changed."""

    automations: Automations
    version: int


class AutomationsOfNumbers:
    """Finds and keeps them."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._remembered: dict[str, tuple[int, Automations]] = {}

    def state(self, number_id: str, now: int) -> Automations:
        """A90. What is kept, remembered for five seconds. Numbers without any are remembered too.

        What can't be read any more, since rules have become stricter, does nothing: messages must come in all the same.
        """
        read_at, known = self._remembered.get(number_id, (0, None))
        if known is None or not 0 <= now - read_at < REMEMBERED_MS:
            try:
                known = self._read(number_id, consistent=False).automations
            except AutomationsFaulty:
                known = Automations()
            self._remembered[number_id] = (now, known)
        return known

    def fresh(self, number_id: str) -> Kept:
        """A91. What is kept at this moment. Raises `AutomationsFaulty` if it can't be read any more."""
        return self._read(number_id, consistent=True)

    def replace(self, number_id: str, automations: Automations, was: int) -> int | None:
        """A92. Keep these in place of the version `was`; the new version, None if another has come meanwhile."""
        kept: Attributes = {"document": dumps(document_of(automations)), "version": was + 1}
        made = item(keys.number_state(number_id, keys.AUTOMATIONS), kept)
        kept_it = self._table.put_new(made) is None if was == _NONE else self._table.replace(made, "version", was)
        self._remembered.pop(number_id, None)  # only now: another thread may have read the old ones meanwhile
        return was + 1 if kept_it else None

    def _read(self, number_id: str, *, consistent: bool) -> Kept:
        found = self._table.get(keys.number_state(number_id, keys.AUTOMATIONS), consistent=consistent)
        if found is None:
            return Kept(Automations(), _NONE)
        return Kept(automations_from(json.loads(text(found, "document"))), number(found, "version") or _NONE)
