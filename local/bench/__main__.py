"""`python -m local.bench`: measure, print a table, write build/bench.json. Exit status 1 if a budget is broken."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

from local.bench import Figure, artefact, backstage, busy, functions, load, replies, units
from local.stack.aws import Aws
from local.stack.handle import LocalStack

WRITTEN_TO = Path("build/bench.json")


def main() -> int:
    """Measure everything, quiet things first."""
    console = Console()
    figures: list[Figure] = []
    for figure in _all_figures():
        figures.append(figure)
        console.print(f"{figure.name} = {figure.value:.3f}", highlight=False)
    console.print(_table(figures))
    WRITTEN_TO.parent.mkdir(exist_ok=True)
    WRITTEN_TO.write_text(json.dumps({figure.name: round(figure.value, 3) for figure in figures}, indent=2) + "\n")
    broken = [figure.name for figure in figures if not figure.kept]
    if broken:
        console.print(f"[red]Over budget: {', '.join(broken)}")
    return 1 if broken else 0


def _all_figures() -> Iterator[Figure]:
    yield from functions.cold()
    yield from functions.warm()
    yield artefact.layer_size()
    init = artefact.init()
    if init:
        yield init
    yield busy.hottest_key()
    with LocalStack() as stack:
        yield from units.measured(Aws.at(stack.aws_url).dynamodb, stack.dynamodb, stack.table)
        yield from backstage.measured(stack)
        yield replies.autoreplies(stack.api_url, stack.simulator_url)
        yield from load.webhooks_over_http(stack.api_url)


def _table(figures: list[Figure]) -> Grid:
    grid = Grid("figure", "measured", "at most", "what it is")
    for figure in figures:
        most = "" if figure.most is None else f"{figure.most:g}"
        style = "" if figure.kept else "red"
        grid.add_row(figure.name, f"{figure.value:.2f}", most, figure.meaning, style=style)
    return grid


if __name__ == "__main__":
    sys.exit(main())
