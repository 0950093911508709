"""Keep the stored templates in step with Meta's review.

A complete listing repairs whatever a webhook missed; a template event makes one template be read again at once. Only
what changed is written, and a listing that breaks off changes nothing: half a listing says nothing about the other
half. So what it gives is put aside, on disk, until it has come to its end; in memory there is one page of it, and of
every template its place, its id and a digest.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple, Protocol

from casement.domain.errors import CasementError, GraphOutcomeUnknown, GraphUnavailable, StoreUnavailable
from casement.domain.template_lifecycle import is_gone
from casement.domain.templates import (
    DELETED,
    Held,
    Known,
    Notice,
    Place,
    Source,
    SyncRecord,
    Template,
    digest_of,
    explains,
)

Row = Mapping[str, Any]
ReadRow = Callable[[str, Row], Template | None]

# Rows of a page; fewer once Meta finds a page to be too much (HTTP 500 with code 1), or takes too long over it.
PAGE_SIZES = (200, 50, 10)
# So long after it was created through us, a template may still be missing from Meta's listing.
NEW_MS = 10 * 60_000
_IN_MEMORY = 1_000_000  # bytes of a listing that need no file


class TemplateStore(Protocol):
    """What is held."""

    def known(self, waba_id: str) -> Iterable[Known]: ...
    def named(self, waba_id: str, name: str) -> Iterable[Held]: ...
    def held(self, waba_id: str, name: str, language: str) -> Held | None: ...
    def keep(self, new: Held, *, unseen: bool = False) -> bool: ...
    def sync_record(self, waba_id: str) -> SyncRecord: ...
    def put_sync_record(self, record: SyncRecord) -> None: ...


class TemplateSource(Protocol):
    """What Meta says. Every call may raise a `GraphError`."""

    def templates(
        self, waba_id: str, token: str, after: str | None, *, name: str | None = None, limit: int = ...
    ) -> tuple[Sequence[Row], str | None]: ...
    def template(self, template_id: str, token: str) -> Row | None: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a reading may go for somebody who waits for its end.

    `keep_going` is asked before every call to Meta; one that is under way is not cut short. What would take more than
    `most_changes` writes is not begun.
    """

    keep_going: Callable[[], bool] = lambda: True
    most_changes: int | None = None

    def check_time(self) -> None:
        """Raises `GraphUnavailable` if there is none left."""
        if not self.keep_going():
            raise GraphUnavailable("Meta did not tell all of it in the time there was. Nothing was changed.")

    def check_changes(self, count: int) -> None:
        """Raises `GraphUnavailable` if there are too many."""
        if self.most_changes is not None and count > self.most_changes:
            raise GraphUnavailable(
                f"{count} templates are to be written, which is more than there is time for. Nothing was changed: the "
                "next reading on schedule does it."
            )


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class Synced:
    """What one sync did. `error` says why it did nothing."""

    waba_id: str
    listed: int = 0
    changed: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """Somebody looks at the templates of one WABA.

    `now` is when they began (epoch milliseconds), `because` what made them look, `notices` what webhooks told of
    templates, by id.
    """

    waba_id: str
    token: str
    store: TemplateStore
    source: TemplateSource
    read_row: ReadRow
    now: int
    because: Source = Source.SYNC
    notices: Mapping[str, Notice] = field(default_factory=dict)
    bounds: Bounds = UNBOUNDED

    def template(self, row: Row | None) -> Template | None:
        """The template that a row describes, if it can be read."""
        return None if row is None else self.read_row(self.waba_id, row)

    def of(self, template: Template) -> Held:
        """What was read of it."""
        return self._because(Held(template, self.now))

    def gone(self, old: Held) -> Held:
        """It was not there any more."""
        return self._because(old.gone(self.now))

    def _because(self, held: Held) -> Held:
        notice = self.notices.get(held.template.id)
        if notice is None:
            return replace(held, source=self.because)
        return replace(held, source=Source.WEBHOOK, told_at=notice.at or None, told=notice.told)

    def pages(self, name: str | None = None) -> Iterator[Sequence[Row]]:
        """Every page of Meta's listing. Raises `GraphError`: then what came before it is no listing."""
        after: str | None = None
        seen: set[str] = set()
        sizes = iter(PAGE_SIZES)
        size = next(sizes)
        while True:
            self.bounds.check_time()
            try:
                rows, following = self.source.templates(self.waba_id, self.token, after, name=name, limit=size)
            except GraphOutcomeUnknown as error:  # too much, or too slow; to read twice does no harm
                size = next(sizes, 0)
                if not size:
                    raise GraphUnavailable(str(error)) from error
                continue
            yield rows
            if following is None:
                return
            if following in seen:  # it would never end, and what it gave is no complete listing
                raise GraphUnavailable("Meta's listing of templates came round to a page it had given before.")
            seen.add(following)
            after = following


def sync_waba(
    waba_id: str,
    token: str,
    *,
    store: TemplateStore,
    source: TemplateSource,
    read_row: ReadRow,
    now: int,
    bounds: Bounds = UNBOUNDED,
) -> Synced:
    """List all of a WABA's templates at Meta and keep what changed. A failure is recorded and answered, not raised."""
    try:
        return read_all(Reading(waba_id, token, store, source, read_row, now, bounds=bounds))
    except CasementError as error:
        with suppress(StoreUnavailable):  # then the age of the last success says it
            record = store.sync_record(waba_id)
            store.put_sync_record(replace(record, last_attempt_at=now, last_error=str(error)))
        return Synced(waba_id, error=str(error))


def read_all(reading: Reading) -> Synced:
    """List all of a WABA's templates at Meta and keep what changed.

    Raises `GraphError` or `StoreUnavailable`. Until everything was listed nothing is changed, whatever fails.
    """
    waba_id, store = reading.waba_id, reading.store
    with SpooledTemporaryFile(_IN_MEMORY) as file:
        listing = _Listing(reading, file)
        for rows in reading.pages():
            listing.add(rows)
        changed, missing = _compared(listing, reading)
        missing = _really_missing(missing, listing, reading)
        reading.bounds.check_time()
        reading.bounds.check_changes(len(changed) + len(missing))
        if (store.sync_record(waba_id).last_success_at or 0) > reading.now:
            raise GraphUnavailable("A later reading of all templates has ended meanwhile. Nothing was changed.")
        written = [store.keep(listing.read(place), unseen=unseen) for place, unseen in changed.items()]
        written += [_keep_gone(one, reading) for one in missing]
    store.put_sync_record(SyncRecord(waba_id, reading.now, reading.now, None, len(listing.rows)))
    return Synced(waba_id, len(listing.rows), sum(written))


def read_named(name: str, reading: Reading) -> int:
    """Read every translation of one name at Meta, and keep what changed; the number of changes.

    What Meta does not show is left as it is: that it is gone, only a complete listing tells. Raises `GraphError` or
    `StoreUnavailable`; until everything was read nothing is changed.
    """
    rows = [row for page in reading.pages(name) for row in page]
    listed = [template for row in rows if (template := reading.template(row)) is not None and template.name == name]
    ids = {template.id for template in listed}
    for old in reading.store.named(reading.waba_id, name):
        if old.template.id not in ids and old.deleted_at is None:
            reading.bounds.check_time()
            listed += filter(None, [reading.template(reading.source.template(old.template.id, reading.token))])
    return sum(reading.store.keep(reading.of(template)) for template in listed)


def read_noticed(reading: Reading) -> int:
    """Read the templates again at Meta of which its webhooks told (an empty id: of any), and keep what changed; the
    number of changes. Raises `GraphError` or `StoreUnavailable`.

    An answer without a template we can read proves nothing: Meta gives the same error for one that is gone and for one
    that a token may not see. Then a complete listing decides.
    """
    changed = 0
    unclear: dict[str, Notice] = {}
    for template_id, notice in reading.notices.items():
        row = reading.source.template(template_id, reading.token) if template_id else None
        template = reading.template(row)
        if template is None:
            unclear[template_id] = notice
        else:
            changed += reading.store.keep(reading.of(template))
    if unclear:
        changed += read_all(replace(reading, notices=unclear)).changed
    return changed


class _Row(NamedTuple):
    """A row that a listing gave: what it says in short, and where it begins in the file."""

    id: str
    digest: bytes
    begins: int


class _Listing:
    """What Meta's listing gave, put aside in `file`. Of two rows with one place, the later one counts."""

    def __init__(self, reading: Reading, file: "SpooledTemporaryFile[bytes]") -> None:
        self._reading = reading
        self._file = file
        self.pages = 0
        self.rows: dict[Place, _Row] = {}
        self.unreadable: set[str] = set()  # ids of rows that we could not read; empty for one without an id

    def add(self, rows: Iterable[Row]) -> None:
        """Put a page aside."""
        self.pages += 1
        for row in rows:
            template = self._reading.template(row)
            if template is None:
                self.unreadable.add(_id_of(row))
            else:
                canonical = template.canonical
                self.rows[template.place] = _Row(template.id, digest_of(canonical), self._file.tell())
                self._file.write(canonical.encode() + b"\n")

    def read(self, place: Place) -> Held:
        """What the listing says of one template."""
        self._file.seek(self.rows[place].begins)
        template = self._reading.template(json.loads(self._file.readline()))
        if template is None:
            raise RuntimeError("a row could be read once, and not again")
        return self._reading.of(template)


def _id_of(row: object) -> str:
    given = row.get("id") if isinstance(row, Mapping) else None
    return str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""


def _compared(listing: _Listing, reading: Reading) -> tuple[dict[Place, bool], list[Known]]:
    """What a listing changes: the places of templates that are new (True) or may be different, and the stored ones
    that it does not have.

    What was read again since it began is newer than the listing and stays. A row that can't be read may be any template
    that is missing, unless it says which.
    """
    changed = dict.fromkeys(listing.rows, True)
    missing: list[Known] = []
    for one in reading.store.known(reading.waba_id):
        row = listing.rows.get(one.place)
        is_noticed = one.id in reading.notices
        if row is None:
            if one.read_at <= reading.now and (one.deleted_at is None or is_noticed):
                missing.append(one)
        elif row.digest == one.digest and not is_noticed:
            del changed[one.place]
        else:
            changed[one.place] = False
    if "" in listing.unreadable:
        return changed, []
    return changed, [one for one in missing if one.id not in listing.unreadable]


def _really_missing(missing: list[Known], listing: _Listing, reading: Reading) -> list[Known]:
    """Those that are missing from a second listing too, where the first had more than one page. Pages are no snapshot:
    whatever else comes or goes between two of them may move a row past us.
    """
    if not missing or listing.pages == 1:
        return missing
    ids = {one.id for one in missing}
    for rows in reading.pages():
        there = set(map(_id_of, rows))
        if "" in there:
            return []
        ids -= there
    return [one for one in missing if one.id in ids]


def _keep_gone(one: Known, reading: Reading) -> bool:
    """Mark a template as gone, unless it has just been created through us; whether that changed anything."""
    old = reading.store.held(reading.waba_id, *one.place)
    if old is None or old.template.id != one.id:
        return False
    gone = reading.gone(old)
    is_new = not is_gone(old.template) and old.source is Source.REQUEST and reading.now - old.read_at < NEW_MS
    if is_new and not (gone.told is not None and explains(gone.told, DELETED)):
        return False
    return reading.store.keep(gone)
