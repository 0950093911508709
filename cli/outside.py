"""What commands need from the world. A test hands in another one: `runner.invoke(app, args, obj=Outside(…))`."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import httpx
import typer
from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from casement.meta.graph import TIMEOUT
from cli.stack import Stack, Where, open_stack

_SHORT = frozenset({"language", "status", "result", "id", "event"})  # columns whose words are of use only whole
_NARROW = 60  # a terminal in which columns would be too narrow to be read


def _http() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT, follow_redirects=False, mounts={"all://127.0.0.1": None})  # never by a proxy


def _now() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Outside:
    """The real world, unless told otherwise."""

    open_stack: Callable[[Where], Stack] = open_stack
    http: Callable[[], httpx.Client] = _http
    now: Callable[[], int] = _now  # epoch milliseconds
    sleep: Callable[[float], None] = time.sleep  # seconds


@dataclass
class Work:
    """One run of the command: the world, and the stack that is meant."""

    outside: Outside
    where: Where = field(default_factory=Where)

    @cached_property
    def stack(self) -> Stack:
        """The stack that is meant, found when it is first needed."""
        return self.outside.open_stack(self.where)

    @property
    def now(self) -> int:
        """Epoch milliseconds."""
        return self.outside.now()


def work_of(ctx: typer.Context) -> Work:
    """What the global options made of this run."""
    work: Work = ctx.obj
    return work


def console(*, stderr: bool = False) -> Console:
    """For tables and progress. What it shows comes from elsewhere, so nothing in it is markup."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


class _Rows(Table):
    """A table; in a narrow terminal each row is a paragraph instead, with a line for each column that is not empty."""

    narrow = _NARROW

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width >= self.narrow:
            yield from super().__rich_console__(console, options)
            return
        if self.title:
            yield Text(str(self.title), style="italic")
        for row in zip(*(column.cells for column in self.columns), strict=True):
            yield Text()
            for column, cell in zip(self.columns, row, strict=True):
                if str(cell):
                    yield Text.assemble((f"{column.header}: ", "dim"), cell if isinstance(cell, Text) else str(cell))
        yield Text()


def table(*columns: str, title: str | None = None, narrow: int = _NARROW) -> Table:
    """An empty table in the one style of all lists. It folds texts, and leaves short words whole. A terminal with fewer
    columns than `narrow` gets paragraphs."""
    made = _Rows(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    made.narrow = narrow
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in _SHORT)
    return made


def numbered(count: int, noun: str) -> str:
    """So many of a thing: `1 change`, `2 changes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
