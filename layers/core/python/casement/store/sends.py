"""Sends: what was asked, written before Meta is called, and what became of it, written after.

Each is written once. What was asked lies in the number's log, by time, so that everything asked can be listed and what
never ended can be found; what became of it lies in the conversation, where the statuses will lie next to it.
"""

from collections.abc import Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.message_key import MessageKey
from casement.domain.sending import Outcome
from casement.store import keys
from casement.store.table import Attributes, Table, expiry, item


class Sends:
    """Writes sends."""

    def __init__(self, table: Table, *, retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days

    def ask(self, number: str, key: MessageKey, request: Mapping[str, Any], asked_by: str) -> None:
        """A8. Keep what was asked, before anything is done about it."""
        kept = {"contact": key.contact, "request": dumps(request), "asked_by": asked_by}
        self._table.put(item(keys.intent(number, key.contact, key.ulid, key.at), kept, self._ttl(key)))

    def end(self, number: str, key: MessageKey, request: Mapping[str, Any], outcome: Outcome) -> None:
        """A9. Keep what became of it, beside its statuses."""
        kept: Attributes = {
            "request": dumps(request),
            "status": outcome.status,
            "at": outcome.at,
            "wamid": outcome.wamid,
            "answer": dumps(outcome.answer) if outcome.answer else None,
        }
        where = keys.send(number, key.contact, key.ulid, key.at, closes=outcome.closes_window)
        self._table.put(item(where, kept, self._ttl(key)))

    def _ttl(self, key: MessageKey) -> int:
        return expiry(key.at, self._retention_days)
