"""A bar for what takes a while, on the error stream, where somebody looks."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.outside import console

T = TypeVar("T")


def with_progress(each: Iterable[T], *, total: int, what: str) -> Iterator[T]:
    """The same, one by one, with a bar that tells how far it is."""
    shown = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shown, disable=not shown.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        for one in each:
            yield one
            progress.advance(task)
