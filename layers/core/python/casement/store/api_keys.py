"""API keys: one partition of digests, so that a key is one read and a list is one query."""

from collections.abc import Iterable

from casement.domain.api_key import ApiKey, digest_of
from casement.store import keys
from casement.store.table import Item, Table, item, number, text

REMEMBERED_MS = 30_000  # a revoked key works at most this long in a warm environment
_MOST_REMEMBERED = 1_000


class ApiKeys:
    """Finds and keeps API keys."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._remembered: dict[str, tuple[int, ApiKey]] = {}

    def find(self, key: str, now: int) -> ApiKey | None:
        """A5. The key as it is kept, unless it is unknown or revoked; remembered for half a minute."""
        digest = digest_of(key)
        read_at, known = self._remembered.get(digest, (0, None))
        if known and 0 <= now - read_at < REMEMBERED_MS:
            return known
        self._remembered.pop(digest, None)
        found = self._table.get(keys.Key(keys.API_KEYS, digest))
        if found is None or "revoked_at" in found:
            return None
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        known = _key(found)
        self._remembered[digest] = (now, known)
        return known

    def all(self) -> Iterable[ApiKey]:
        """A6. Every key, revoked ones too."""
        return map(_key, self._table.query(keys.API_KEYS, "0", "g"))

    def put(self, key: ApiKey) -> None:
        """A7. Keep a key, or its revocation."""
        kept = {
            "name": key.name,
            "scopes": " ".join(sorted(key.scopes)),
            "numbers": " ".join(sorted(key.numbers)) or None,
            "when_closed": key.when_closed,
            "created_at": key.created_at,
            "revoked_at": key.revoked_at,
            "once_by_callback_data": 1 if key.once_by_callback_data else None,
        }
        self._table.put(item(keys.Key(keys.API_KEYS, key.digest), kept))


def _key(found: Item) -> ApiKey:
    return ApiKey(
        digest=text(found, "SK"),
        name=text(found, "name"),
        scopes=frozenset(text(found, "scopes").split()),
        numbers=frozenset(text(found, "numbers").split()),
        when_closed=text(found, "when_closed") or None,
        created_at=number(found, "created_at") or 0,
        revoked_at=number(found, "revoked_at"),
        once_by_callback_data="once_by_callback_data" in found,
    )
