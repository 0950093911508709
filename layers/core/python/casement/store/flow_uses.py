"""Flow tokens that were used: each once."""

from casement.store import keys
from casement.store.table import DAY_S, Table, item, text

_KEPT_S = 15 * DAY_S  # beyond its expiry: what Meta delivers late, or again, is told of by the stream until then


class FlowUses:
    """Claims them, and tells of them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, number_id: str, token: str, owner: str, expires_at: int) -> bool:
        """A101. Use a token that counts until `expires_at` (epoch milliseconds) for the form `owner`; false if another
        form has used it. The same form may do so again."""
        kept = item(keys.flow_use(number_id, token), {"owner": owner}, expires_at // 1000 + _KEPT_S)
        there = self._table.put_new(kept)
        return there is None or text(there, "owner") == owner

    def is_used(self, number_id: str, token: str) -> bool:
        """A102. Whether a form has come with this token."""
        return self._table.get(keys.flow_use(number_id, token), consistent=True) is not None
