"""Keep the stored templates in step with Meta's review.

A complete listing repairs whatever a webhook missed; a template event makes one template be read again at once. Only
what changed is written, and a listing that breaks off changes nothing: half a listing says nothing about the other
half.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from casement.domain.errors import CasementError, GraphUnavailable, StoreUnavailable
from casement.domain.templates import Held, SyncRecord, Template, changes

Row = Mapping[str, Any]


class TemplateStore(Protocol):
    """What is held."""

    def all(self, waba_id: str) -> Iterable[Held]: ...
    def put_all(self, changed: list[Held]) -> None: ...
    def sync_record(self, waba_id: str) -> SyncRecord: ...
    def put_sync_record(self, record: SyncRecord) -> None: ...


class TemplateSource(Protocol):
    """What Meta says. Every call may raise a `GraphError`."""

    def templates(self, waba_id: str, token: str, after: str | None) -> tuple[Sequence[Row], str | None]: ...
    def template(self, template_id: str, token: str) -> Row | None: ...


ReadRow = Callable[[str, Row], Template | None]


@dataclass(frozen=True, slots=True)
class Synced:
    """What one sync did. `error` says why it did nothing."""

    waba_id: str
    listed: int = 0
    changed: int = 0
    error: str | None = None


def sync_waba(
    waba_id: str, token: str, *, store: TemplateStore, source: TemplateSource, read_row: ReadRow, now: int
) -> Synced:
    """List all of a WABA's templates at Meta and keep what changed. A failure is recorded and answered, not raised."""
    try:
        synced = _sync(waba_id, token, store, source, read_row, now)
    except CasementError as error:
        with suppress(StoreUnavailable):  # then the age of the last success says it
            record = store.sync_record(waba_id)
            store.put_sync_record(replace(record, last_attempt_at=now, last_error=str(error)))
        return Synced(waba_id, error=str(error))
    return synced


def _sync(
    waba_id: str, token: str, store: TemplateStore, source: TemplateSource, read_row: ReadRow, now: int
) -> Synced:
    rows = list(_all_pages(waba_id, token, source))
    read = [(row, read_row(waba_id, row)) for row in rows]
    listed = [template for _, template in read if template]
    unreadable = {str(row.get("id")) for row, template in read if not template and isinstance(row, Mapping)}  # not gone
    held = (one for one in store.all(waba_id) if one.template.id not in unreadable)
    changed = changes(held, listed, now)
    store.put_all(changed)
    store.put_sync_record(SyncRecord(waba_id, now, now, None, len(listed)))
    return Synced(waba_id, len(listed), len(changed))


def _all_pages(waba_id: str, token: str, source: TemplateSource) -> Iterable[Row]:
    after: str | None = None
    seen: set[str] = set()
    while True:
        rows, after = source.templates(waba_id, token, after)
        yield from rows
        if after is None:
            return
        if after in seen:  # it would never end, and what it gave is no complete listing
            raise GraphUnavailable("Meta's listing of templates came round to a page it had given before.")
        seen.add(after)


def refresh_template(
    waba_id: str,
    template_id: str,
    token: str,
    *,
    store: TemplateStore,
    source: TemplateSource,
    read_row: ReadRow,
    now: int,
) -> int:
    """Read one template again at Meta, and keep it if it changed; the number of changes. Raises `GraphError`.

    An answer without a template we can read proves nothing: Meta gives the same error for one that is gone and for one
    that a token may not see. Then a complete listing decides.
    """
    row = source.template(template_id, token)
    template = read_row(waba_id, row) if row is not None else None
    if template is None:
        return sync_waba(waba_id, token, store=store, source=source, read_row=read_row, now=now).changed
    same_id = [held for held in store.all(waba_id) if held.template.id == template_id]
    changed = changes(same_id, [template], now)
    store.put_all(changed)
    return len(changed)
