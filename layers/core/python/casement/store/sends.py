"""Sends: what was asked, written before Meta is called, and what became of it, written after.

Each is written once. What was asked lies in the number's log, by time, so that everything asked can be listed and what
never ended can be found; what became of it lies in the conversation, where the statuses will lie next to it.
"""

from collections.abc import Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.message_key import MessageKey
from casement.domain.sending import Outcome, Request
from casement.store import keys
from casement.store.table import DAY_S, Attributes, Table, expiry, item, number, text

REMEMBERED_MS = 24 * 60 * 60 * 1000  # how long an idempotency key means the same request


class Sends:
    """Writes sends."""

    def __init__(self, table: Table, *, retention_days: int) -> None:
        self._table = table
        self._retention_days = retention_days

    def ask(
        self,
        number_id: str,
        key: MessageKey,
        request: Request,
        asked_by: str,
        decided: Mapping[str, Any] | None = None,
    ) -> None:
        """A8. Keep what was asked, and what was decided, before anything is done about it."""
        kept = {
            "contact": key.contact,
            "request": dumps(request.kept()),
            "asked_by": asked_by,
            "decided": dumps(decided) if decided else None,
        }
        self._table.put(item(keys.intent(number_id, key.contact, key.ulid, key.at), kept, self._ttl(key)))

    def end(self, number_id: str, key: MessageKey, request: Request, outcome: Outcome) -> None:
        """A9. Keep what became of it, beside its statuses."""
        kept: Attributes = {
            "request": dumps(request.kept()),
            "status": outcome.status,
            "at": outcome.at,
            "wamid": outcome.wamid,
            "answer": dumps(outcome.answer) if outcome.answer else None,
            "http": outcome.http,
            "sent": dumps(outcome.sent) if outcome.sent else None,
            "retry": 1 if outcome.retry else None,
            "template": outcome.template_id,
        }
        where = keys.send(number_id, key.contact, key.ulid, key.at, closes=outcome.closes_window)
        self._table.put(item(where, kept, self._ttl(key)))

    def claim(
        self, number_id: str, api_key: str, given: str, body: str, key: MessageKey, *, instead_of: MessageKey | None
    ) -> tuple[str, MessageKey] | None:
        """A24. Take an idempotency key for a request, or learn whose it is: the digest of its body and its key.

        `instead_of` names the earlier send that came to nothing and that this one replaces.
        """
        kept: Attributes = {"body": body, "send": str(key), "at": key.at}
        made = item(keys.idempotency(number_id, api_key, given), kept, key.at // 1000 + 2 * DAY_S)
        if instead_of is not None:
            if self._table.replace(made, "send", str(instead_of)):
                return None
            found = self._table.get(keys.idempotency(number_id, api_key, given), consistent=True) or {}
        else:
            there = self._table.put_new(made, expired_before=key.at - REMEMBERED_MS)
            if there is None:
                return None
            found = there
        first = MessageKey.parse(text(found, "send"))
        return (text(found, "body"), first) if first else None

    def is_claimed(self, number_id: str, api_key: str, given: str) -> bool:
        """A109. Whether an idempotency key is taken, read consistently."""
        return self._table.get(keys.idempotency(number_id, api_key, given), consistent=True) is not None

    def give_up(self, number_id: str, key: MessageKey, at: int) -> None:
        """A25. Keep that nobody ever told what became of a send."""
        kept = {"at": at}
        self._table.put(item(keys.unresolved(number_id, key.contact, key.ulid, key.at), kept, self._ttl(key)))
        note = {"send": str(key), "contact": key.contact}
        self._table.put(
            item(keys.notable(number_id, key.contact, key.at, keys.UNRESOLVED, key.ulid), note, self._ttl(key))
        )

    def swept_until(self, number_id: str) -> int:
        """A26. How far the sends of a number were looked through for lost ones (epoch milliseconds)."""
        found = self._table.get(keys.number_state(number_id, keys.SWEPT))
        return (number(found, "at") or 0) if found else 0

    def sweep_to(self, number_id: str, at: int) -> None:
        """A27. Keep how far that is."""
        self._table.put(item(keys.number_state(number_id, keys.SWEPT), {"at": at}))

    def _ttl(self, key: MessageKey) -> int:
        return expiry(key.at, self._retention_days)
