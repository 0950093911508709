"""Templates as Meta last described them, one partition a WABA, the record of its syncs, and each template's history."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.template_health import Ill
from casement.domain.template_history import Transition, in_order
from casement.domain.templates import Held, Known, Place, Source, SyncRecord, Template, digest_of, succession
from casement.store import keys
from casement.store.table import Attributes, Item, Table, item, number, text

_FEW = 25
_FIRST, _LAST = '"', "~~"  # after `!…`, and every name: `part` never makes more than one leading tilde
_REMEMBERED_MS = 30_000  # a mark counts everywhere after this long
_SOURCES = frozenset(Source)


class Templates:
    """Finds and keeps templates."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._remembered: dict[str, tuple[int, Mapping[str, Ill]]] = {}

    def find(self, waba_id: str, name: str, language: str) -> Template | None:
        """A10. One translation, in whatever status."""
        found = self._table.get(keys.template(waba_id, name, language))
        return _held(waba_id, found).template if found else None

    def held(self, waba_id: str, name: str, language: str) -> Held | None:
        """A10. One translation, as it is at this moment, and how we know."""
        found = self._table.get(keys.template(waba_id, name, language), consistent=True)
        return _held(waba_id, found) if found else None

    def held_by_id(self, waba_id: str, template_id: str) -> Held | None:
        """A11. The one with this id; it reads all of the WABA's templates."""
        everything = self._table.query(keys.templates(waba_id), _FIRST, _LAST, consistent=True)
        return next((_held(waba_id, found) for found in everything if text(found, "id") == template_id), None)

    def all(self, waba_id: str, after: str = _FIRST, before: str = _LAST) -> Iterator[Held]:
        """A11. Every translation of a WABA by name and language, between two sort keys, exclusive."""
        for found in self._table.query(keys.templates(waba_id), max(after, _FIRST), min(before, _LAST)):
            if text(found, "SK") not in (after, before):
                yield _held(waba_id, found)

    def backwards(self, waba_id: str, before: str) -> Iterator[Held]:
        """A11. The same from the last on, below a sort key, exclusive."""
        for found in self._table.query(keys.templates(waba_id), _FIRST, min(before, _LAST), newest_first=True):
            if text(found, "SK") != before:
                yield _held(waba_id, found)

    def named(self, waba_id: str, name: str) -> Iterator[Held]:
        """A11. The translations of one name, by language, as they are at this moment."""
        first, last = keys.template_name(name)
        for found in self._table.query(keys.templates(waba_id), first, last, consistent=True):
            yield _held(waba_id, found)

    def first(self, waba_id: str) -> Iterator[Held]:
        """A11. The same, read in small pages by somebody who stops early."""
        for found in self._table.query(keys.templates(waba_id), _FIRST, _LAST, limit=_FEW):
            yield _held(waba_id, found)

    def known(self, waba_id: str) -> Iterator[Known]:
        """A11. What a listing is compared with, of every translation. What was written this very second may be missing:
        whoever keeps a difference looks again.
        """
        for found in self._table.query(keys.templates(waba_id), _FIRST, _LAST):
            yield Known(
                Place(text(found, "name"), text(found, "language")),
                text(found, "id"),
                digest_of(text(found, "definition")),
                number(found, "read_at") or 0,
                number(found, "deleted_at"),
            )

    def keep(self, new: Held, *, unseen: bool = False) -> bool:
        """A12. Keep what was read of a template beside what only we know of it (`succession`), whoever else writes at
        this moment; whether that changed anything. `unseen`: there is probably none yet, which saves a read.
        """
        template = new.template
        old = None if unseen else self.held(template.waba_id, *template.place)
        while (kept := succession(old, new)) is not None:
            made = _item(kept)
            if old is None:
                written = self._table.put_new(made) is None
            else:
                written = self._table.replace(made, "read_at", old.read_at)
            if written:
                return True
            old = self.held(template.waba_id, *template.place)
        return False

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
        """A14. Keep how a sync went, unless a later one has ended meanwhile."""
        kept = {
            "last_attempt_at": record.last_attempt_at or 0,
            "last_success_at": record.last_success_at,
            "last_error": record.last_error,
            "templates": record.templates,
        }
        made = item(keys.Key(keys.templates(record.waba_id), keys.SYNC_RECORD), kept)
        self._table.put_unless_newer(made, "last_attempt_at")

    def add_history(self, waba_id: str, template_id: str, transitions: Iterable[Transition]) -> None:
        """A59. Keep what happened to a template; what is kept already is the same item."""
        items = [_transition_item(waba_id, template_id, transition) for transition in dict.fromkeys(transitions)]
        self._table.put_all(items)

    def history(self, waba_id: str, template_id: str) -> list[Transition]:
        """A60. What happened to a template, oldest first."""
        found = self._table.query(keys.template_history(waba_id, template_id), "0", "~")
        return list(in_order(map(_transition, found)))

    def mark_ill(self, waba_id: str, ill: Ill) -> None:
        """A61. Keep that a template fails too often, in place of what was kept of that before."""
        kept: Attributes = {
            "id": ill.template_id,
            "asked": ill.asked,
            "failed": ill.failed,
            "since": ill.since,
            "until": ill.until,
        }
        self._table.put(item(keys.ill(waba_id, ill.template_id), kept, ttl=ill.until // 1000 + 1))
        self._remembered.pop(waba_id, None)

    def ill(self, waba_id: str, now: int) -> Mapping[str, Ill]:
        """A62. The templates of a WABA that fail too often, by id, remembered for half a minute."""
        read_at, known = self._remembered.get(waba_id, (0, None))
        if known is None or not 0 <= now - read_at < _REMEMBERED_MS:
            found = self._table.query(keys.templates(waba_id), keys.ILL, keys.AFTER_ILL)
            known = {ill.template_id: ill for ill in map(ill_of, found)}
            self._remembered[waba_id] = (now, known)
        return {template_id: ill for template_id, ill in known.items() if ill.lasts(now)}


def position(template: Template) -> str:
    """Where a template stands in its listing: the sort key, for a cursor."""
    return keys.template(template.waba_id, template.name, template.language).sk


def held_of(image: Mapping[str, Any]) -> Held | None:
    """The template that an item is, in DynamoDB's form as the stream shows it; None for any other item."""
    pk, sk = text(image, "PK"), text(image, "SK")
    if not pk.startswith("T#") or sk.startswith("!"):
        return None
    return _held(pk.removeprefix("T#"), image)


def _item(held: Held) -> Item:
    template = held.template
    kept: Attributes = {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "declared": template.declared or None,
        "definition": template.canonical,
        "read_at": held.read_at,
        "deleted_at": held.deleted_at,
        "source": held.source,
        "told_at": held.told_at,
        "told": dumps(held.told) if held.told is not None else None,
    }
    return item(keys.template(template.waba_id, template.name, template.language), kept)


def _held(waba_id: str, found: Mapping[str, Any]) -> Held:
    template = Template(
        waba_id,
        text(found, "id"),
        text(found, "name"),
        text(found, "language"),
        text(found, "status"),
        text(found, "category"),
        json.loads(text(found, "definition")),
        text(found, "declared") or text(found, "category"),
    )
    source, told = text(found, "source"), text(found, "told")
    return Held(
        template,
        number(found, "read_at") or 0,
        number(found, "deleted_at"),
        Source(source) if source in _SOURCES else Source.SYNC,
        number(found, "told_at"),
        json.loads(told) if told else None,
    )


def _transition_item(waba_id: str, template_id: str, transition: Transition) -> Item:
    change = "\n".join((transition.was, transition.now, transition.source))
    key = keys.transition(waba_id, template_id, transition.at, transition.what, change)
    kept: Attributes = {
        "at": transition.at,
        "what": transition.what,
        "was": transition.was,
        "now": transition.now,
        "source": transition.source,
    }
    return item(key, kept)


def _transition(found: Item) -> Transition:
    return Transition(
        number(found, "at") or 0, text(found, "what"), text(found, "was"), text(found, "now"), text(found, "source")
    )


def ill_of(found: Mapping[str, Any]) -> Ill:
    """The mark that an item is."""
    counted = (number(found, name) or 0 for name in ("asked", "failed", "since", "until"))
    return Ill(text(found, "id"), *counted)
