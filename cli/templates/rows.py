"""A listed template as a line of a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.outside import table

STATUS_STYLE = {
    "APPROVED": "green",
    "PENDING": "yellow",
    "IN_APPEAL": "yellow",
    "PAUSED": "yellow",
    "REJECTED": "bold red",
    "DISABLED": "bold red",
    "DELETED": "dim",
    "PENDING_DELETION": "dim",
}
QUALITY_STYLE = {"GREEN": "green", "YELLOW": "yellow", "RED": "bold red"}

Listed = Mapping[str, Any]


def status_of(listed: Listed) -> str:
    """Its status at Meta, in upper case."""
    return str(listed.get("status", "")).upper()


def category_of(listed: Listed) -> str:
    """The category it was made for and the one it has now, if Meta moved it; the one that Meta announced, if so."""
    now = str(listed.get("category", ""))
    declared, announced = _ours(listed).get("declared_category"), listed.get("correct_category")
    moved = f"{declared} → {now}" if declared and declared != now else now
    return f"{moved}, soon {announced}" if announced and announced != now else moved


def quality_of(listed: Listed) -> str:
    """Meta's score, "" while there is none."""
    given = listed.get("quality_score")
    score = given.get("score") if isinstance(given, dict) else None
    return "" if score in (None, "UNKNOWN") else str(score)


def reason_of(listed: Listed) -> str:
    """Why it has its status, and what Meta advises, as far as Meta told."""
    review = _ours(listed).get("review")
    told = review if isinstance(review, dict) else {"reason": listed.get("rejected_reason")}
    parts = [str(told[name]) for name in ("reason", "title", "description", "advice") if told.get(name)]
    told_parts = [part for part in dict.fromkeys(parts) if part != "NONE"]
    return " ".join(part if part.endswith(".") or part == told_parts[-1] else f"{part}." for part in told_parts)


def shown(listed: Iterable[Listed], title: str | None = None) -> Table:
    """The table of `casement templates list`."""
    made = table("name", "language", "category", "status", "quality", "reason", title=title)
    for each in listed:
        made.add_row(
            str(each.get("name", "")),
            str(each.get("language", "")),
            category_of(each),
            Text(status_of(each), style=STATUS_STYLE.get(status_of(each), "")),
            Text(quality_of(each), style=QUALITY_STYLE.get(quality_of(each), "")),
            reason_of(each),
        )
    return made


def _ours(listed: Listed) -> Mapping[str, Any]:
    ours = listed.get("casement")
    return ours if isinstance(ours, dict) else {}
