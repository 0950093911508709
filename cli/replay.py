"""`casement replay`: run `react` over every stored fact, and so write again what follows from them."""

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

from casement.store.log import Log, entry_of
from casement.usecases.react import react
from cli.outside import console, work_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

_AGE = re.compile(r"(\d{1,6})([mhd])")
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIMED = re.compile(r"[DMWY]#(\d{13})#")  # sort keys that begin with Meta's time


@dataclass
class Counts:
    """How far a replay is: items looked at, facts given to `react`, log entries it wrote or would have."""

    looked_at: int = 0
    facts: int = 0
    entries: int = 0

    def add(self, other: "Counts") -> None:
        self.looked_at += other.looked_at
        self.facts += other.facts
        self.entries += other.entries


class Nowhere:
    """A log for dry runs: takes everything, keeps nothing."""

    def add(self, items: Iterable[Item]) -> None:
        """Keep nothing."""


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
    """Rebuild what follows from stored facts: the inbox.

    It reads the whole table once, changes no fact, and writes what is there already once more: it may run at any time,
    beside the functions, twice, or again after it was stopped.
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
            log=Nowhere() if dry_run else Log(table),
            since=start,
            segments=segments,
            on_page=lambda so_far: progress.update(task, description=_in_words(so_far, dry_run)),
        )
    typer.echo(json.dumps({**asdict(counts), "dry_run": dry_run}) if as_json else _in_words(counts, dry_run))


def replay(
    client: "DynamoDBClient",
    table_name: str,
    *,
    log: Log | Nowhere,
    since: int,
    segments: int,
    on_page: Callable[[Counts], None],
) -> Counts:
    """Give every conversation's facts to `react`, page by page; raises what reading or writing raises.

    `since` is epoch milliseconds of Meta's time.
    """
    total, lock, stop = Counts(), threading.Lock(), threading.Event()

    def work(segment: int) -> None:
        for looked_at, facts in _pages(client, table_name, segment, segments):
            if stop.is_set():
                return
            wanted = [fact for fact in facts if is_since(fact["SK"]["S"], since)]
            done = Counts(looked_at, len(wanted), react(wanted, log=log, entry_of=entry_of))
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
