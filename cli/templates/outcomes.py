"""What became of templates that were to be made or changed: for people, and for scripts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.outside import table
from cli.templates.doing import Did, Outcome
from cli.templates.rows import STATUS_STYLE

_STYLE = {Did.CREATED: "green", Did.EDITED: "green", Did.REFUSED: "bold red", Did.LEFT: "yellow"}
_BAD = frozenset({Did.REFUSED, Did.LEFT})


def shown(outcomes: Iterable[Outcome], title: str) -> Table:
    """A line for each. What keeps many back is told once."""
    told: tuple[str, ...] = ()
    made = table("name", "language", "result", "category", "status", "why", title=title)
    for each in outcomes:
        made.add_row(
            *each.place,
            Text(each.did, style=_STYLE.get(each.did, "")),
            each.category,
            Text(each.status, style=STATUS_STYLE.get(each.status, "")),
            "As above." if each.did is Did.LEFT and each.why and each.why == told else "\n".join(each.why),
        )
        told = each.why
    return made


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One of them for a script."""
    name, language = outcome.place
    told = {"result": outcome.did.value, "category": outcome.category, "status": outcome.status, "why": [*outcome.why]}
    return {"name": name, "language": language, **told}


def counted(outcomes: Iterable[Outcome]) -> str:
    """How many of each result, in words."""
    listed = list(outcomes)
    counts = Counter(outcome.did for outcome in listed)
    told = [f"{counts[did]} {did}" for did in Did if counts[did]]
    if rejected := sum(outcome.status == "REJECTED" for outcome in listed):
        told.append(f"{rejected} of them rejected by Meta")
    goes_on = (
        " Once the reason is gone, the same command goes on." if counts[Did.LEFT] and not counts[Did.REFUSED] else ""
    )
    return f"{', '.join(told)}.{goes_on}"


def went_wrong(outcomes: Sequence[Outcome]) -> bool:
    """Whether anything did."""
    return any(each.did in _BAD or each.status == "REJECTED" for each in outcomes)
