"""What contacts want, and their language: what sending must know of them."""

from casement.domain.consent import Wish
from casement.store import keys
from casement.store.table import Table, item, text


class Contacts:
    """Finds and keeps it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def wish(self, number_id: str, contact: str, wish: Wish, said_by: str) -> None:
        """A41. Keep what a contact wants. Repeating it writes the same bytes. It never expires: a stop stays."""
        what = f"{wish.party}#{wish.scope}#{'stop' if wish.stop else 'resume'}"
        self._table.put(item(keys.wish(number_id, contact, wish.at, what, keys.part(said_by)), {"said_by": said_by}))

    def language(self, number_id: str, contact: str) -> str | None:
        """A42. The language in which to write to a contact."""
        found = self._table.get(keys.profile(number_id, contact))
        return text(found, "language") or None if found else None
