"""Templates as Meta last described them, one partition a WABA, and the record of its syncs."""

import json
from collections.abc import Iterator

from casement.domain.templates import Held, SyncRecord, Template
from casement.store import keys
from casement.store.table import Attributes, Item, Table, item, number, text

_FEW = 25
_FIRST, _LAST = '"', "~~"  # after `!sync`, and every name: `part` never makes more than one leading tilde


class Templates:
    """Finds and keeps templates."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, waba_id: str, name: str, language: str) -> Template | None:
        """A10. One translation, in whatever status."""
        found = self._table.get(keys.template(waba_id, name, language))
        return _held(waba_id, found).template if found else None

    def all(self, waba_id: str, after: str = _FIRST) -> Iterator[Held]:
        """A11. Every translation of a WABA by name and language, from the sort key `after` on, exclusive."""
        for found in self._table.query(keys.templates(waba_id), max(after, _FIRST), _LAST):
            if text(found, "SK") != after:
                yield _held(waba_id, found)

    def first(self, waba_id: str) -> Iterator[Held]:
        """A11. The same, read in small pages by somebody who stops early."""
        for found in self._table.query(keys.templates(waba_id), _FIRST, _LAST, limit=_FEW):
            yield _held(waba_id, found)

    def put_all(self, changed: list[Held]) -> None:
        """A12. Keep what Meta said, unless it has said something since: an event may overtake a listing."""
        for held in changed:
            self._table.put_unless_newer(_item(held), "read_at")

    def sync_record(self, waba_id: str) -> SyncRecord:
        """A13. How the syncs of a WABA went; all None before the first."""
        found = self._table.get(keys.Key(keys.templates(waba_id), keys.SYNC_RECORD)) or {}
        return SyncRecord(
            waba_id,
            number(found, "last_attempt_at"),
            number(found, "last_success_at"),
            text(found, "last_error") or None,
            number(found, "templates") or 0,
        )

    def put_sync_record(self, record: SyncRecord) -> None:
        """A14. Keep how a sync went."""
        kept = {
            "last_attempt_at": record.last_attempt_at,
            "last_success_at": record.last_success_at,
            "last_error": record.last_error,
            "templates": record.templates,
        }
        self._table.put(item(keys.Key(keys.templates(record.waba_id), keys.SYNC_RECORD), kept))


def position(template: Template) -> str:
    """Where a template stands in its listing: the sort key, for a cursor."""
    return keys.template(template.waba_id, template.name, template.language).sk


def _item(held: Held) -> Item:
    template = held.template
    kept: Attributes = {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "definition": template.canonical,
        "read_at": held.read_at,
        "deleted_at": held.deleted_at,
    }
    return item(keys.template(template.waba_id, template.name, template.language), kept)


def _held(waba_id: str, found: Item) -> Held:
    template = Template(
        waba_id,
        text(found, "id"),
        text(found, "name"),
        text(found, "language"),
        text(found, "status"),
        text(found, "category"),
        json.loads(text(found, "definition")),
    )
    return Held(template, number(found, "read_at") or 0, number(found, "deleted_at"))
