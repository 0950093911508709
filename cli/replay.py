"""`casement replay`: write again what follows from every stored fact, as `react` did. It sends nothing."""

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from casement.domain.consent import Wish
from casement.domain.profile import Profile
from casement.store.contacts import Contacts
from casement.store.flow_submissions import submission_of
from casement.store.happenings import happening_in
from casement.store.log import Log, entry_of
from casement.store.numbers import Numbers
from casement.store.profiles import Profiles
from casement.store.table import Table
from casement.usecases.react import Projections, project
from cli.outside import console, work_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

_AGE = re.compile(r"(\d{1,6})([mhd])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIMED = re.compile(r"[DMWY]#(\d{13})#")  # sort keys that begin with Meta's time


@dataclass
class Counts:
    """How far a replay is: items looked at, facts among them, log entries that it wrote or would have."""

    looked_at: int = 0
    facts: int = 0
    entries: int = 0

    def add(self, other: "Counts") -> None:
        self.looked_at += other.looked_at
        self.facts += other.facts
        self.entries += other.entries


class Nowhere:
    """The log and the contacts of a dry run: takes everything, keeps nothing."""

    def add(self, items: Iterable[Item]) -> None:
        """Keep no log entry."""

    def wish(self, number_id: str, contact: str, wish: Wish, said_by: str) -> None:
        """Keep nothing of what a customer wants."""

    def change(self, number_id: str, contact: str, change: Callable[[Profile], Profile]) -> object:
        """Keep nothing of what a customer says of themselves."""


def replay_command(
    ctx: typer.Context,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Only facts from then on, by Meta's time: 2026-01-31, or an age: 36h, 7d."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing, only count.")] = False,
    segments: Annotated[int, typer.Option(min=1, max=64, help="How many parts of the table are read at a time.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Rebuild what follows from stored facts: the inbox, what forms said, and what customers do not want.

    It reads the whole table once, changes no fact, sends nothing, and writes what is there already once more: it may
    run at any time, beside the functions, twice, or again after it was stopped.
    """
    work = work_of(ctx)
    start = moment_of(since, work.now) if since else 0
    table = work.stack.table
    shown = console(stderr=True)
    with Progress(
        TextColumn("{task.description}"), TimeElapsedColumn(), console=shown, disable=not shown.is_terminal
    ) as progress:
        task = progress.add_task("Reading the table", total=None)
        counts = replay(
            work.stack.aws.dynamodb,
            table.name,
            to=projections(table, work.now, dry_run=dry_run),
            since=start,
            segments=segments,
            on_page=lambda so_far: progress.update(task, description=_in_words(so_far, dry_run)),
        )
    typer.echo(json.dumps({**asdict(counts), "dry_run": dry_run}) if as_json else _in_words(counts, dry_run))


def projections(table: Table, now: int, *, dry_run: bool) -> Projections:
    """Where to write what follows from facts. Numbers are asked for their stop words once, as of `now`."""
    nowhere, numbers = Nowhere(), Numbers(table)
    return Projections(
        entry_of,
        happening_in,
        nowhere if dry_run else Log(table),
        nowhere if dry_run else Contacts(table),
        lambda number: numbers.state(number, now),
        submission_of,
        nowhere if dry_run else Profiles(table),
    )


def replay(
    client: "DynamoDBClient",
    table_name: str,
    *,
    to: Projections,
    since: int,
    segments: int,
    on_page: Callable[[Counts], None],
) -> Counts:
    """Project every conversation's facts again, page by page; raises what reading or writing raises.

    `since` is epoch milliseconds of Meta's time. Nothing is sent: messages that wait are found by `sweep_sends`.
    """
    total, lock, stop = Counts(), threading.Lock(), threading.Event()

    def work(segment: int) -> None:
        for looked_at, facts in _pages(client, table_name, segment, segments):
            if stop.is_set():
                return
            wanted = [fact for fact in facts if is_since(fact["SK"]["S"], since)]
            done = Counts(looked_at, len(wanted), project(wanted, to))
            with lock:
                total.add(done)
                on_page(total)

    with ThreadPoolExecutor(segments, thread_name_prefix="replay") as threads:
        try:
            for finished in as_completed([threads.submit(work, segment) for segment in range(segments)]):
                finished.result()
        finally:
            stop.set()  # after an error, or Ctrl-C, the others end with the page they are at
    return total


def is_since(sort_key: str, since: int) -> bool:
    """Whether a fact is of that time (epoch milliseconds) or later. One whose key has no time always is."""
    timed = _TIMED.match(sort_key)
    return timed is None or int(timed[1]) >= since


def moment_of(when: str, now: int) -> int:
    """A day, a time (UTC unless it says otherwise) or an age before `now`, as epoch milliseconds."""
    if age := _AGE.fullmatch(when):
        return now - int(age[1]) * _UNIT_MS[age[2]]
    try:
        at = datetime.fromisoformat(when)
    except ValueError:
        raise typer.BadParameter(f"{when!r} is no day (2026-01-31), time (2026-01-31T09:00Z) or age (36h).") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _pages(client: "DynamoDBClient", table_name: str, segment: int, segments: int) -> Iterator[tuple[int, list[Item]]]:
    """Each page of one segment: how many items were looked at, and the facts of conversations among them."""
    pages: Iterable[Mapping[str, Any]] = client.get_paginator("scan").paginate(
        TableName=table_name,
        Segment=segment,
        TotalSegments=segments,
        FilterExpression="begins_with(PK, :conversations)",
        ExpressionAttributeValues={":conversations": {"S": "C#"}},
    )
    for page in pages:
        yield page["ScannedCount"], page["Items"]


def _in_words(counts: Counts, dry_run: bool) -> str:
    wrote = "log entries to write" if dry_run else "log entries written"
    return f"{counts.looked_at:,} items read, {counts.facts:,} facts, {counts.entries:,} {wrote}"
