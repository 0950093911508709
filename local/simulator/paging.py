"""Lists as Graph gives them: a page, cursors, and links to the next and the previous one."""

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from local.simulator.config import Json, Options
from local.simulator.errors import invalid
from local.simulator.wsgi import Request

Row = TypeVar("Row")

MOST = 1000


@dataclass(frozen=True)
class Page(Generic[Row]):
    rows: list[Row]
    paging: Json | None  # None: there is no row, and so no cursor

    def answer(self, shown: Callable[[Row], Any]) -> Json:
        paging = {} if self.paging is None else {"paging": self.paging}
        return {"data": [shown(row) for row in self.rows]} | paging


def page(
    rows: Sequence[Row],
    request: Request,
    options: Options,
    *,
    number: Callable[[Row], int],
    wanted: Callable[[Row], bool] = lambda _row: True,
) -> Page[Row]:
    """What the request asks for of the `wanted` rows, which are in order of a `number` that rises.

    The cursors stand for the numbers, so that a row that comes or goes between two pages moves nothing else. Only what
    is passed on the way is looked at: the pages of a long list cost together what one look through it costs.
    """
    limit = min(_limit(request.query.get("limit"), options), options.page_limit)
    after, before = position(request.query.get("after")), position(request.query.get("before"))
    start = 0 if after is None else bisect_right(rows, after, key=number)
    end = len(rows) if before is None else bisect_left(rows, before, key=number)
    if before is not None and after is None:
        shown = list(islice(_wanted(rows, reversed(range(end)), wanted), limit))[::-1]
    else:
        shown = list(islice(_wanted(rows, range(start, end), wanted), limit))
    if not shown:
        return Page([], None)
    first, last = number(shown[0]), number(shown[-1])
    paging: Json = {"cursors": {"before": cursor(first), "after": cursor(last)}}
    if _any(_wanted(rows, range(bisect_right(rows, last, key=number), len(rows)), wanted)):
        paging["next"] = link(request, after=cursor(last))
    if _any(_wanted(rows, reversed(range(bisect_left(rows, first, key=number))), wanted)):
        paging["previous"] = link(request, before=cursor(first))
    return Page(shown, paging)


def _wanted(rows: Sequence[Row], places: Iterable[int], wanted: Callable[[Row], bool]) -> Iterator[Row]:
    return (rows[place] for place in places if wanted(rows[place]))


def _any(rows: Iterator[Row]) -> bool:
    return next((True for _ in rows), False)


def _limit(value: str | None, options: Options) -> int:
    if value is None:
        return options.page_size
    if not re.fullmatch(r"[0-9]{1,9}", value) or not 1 <= int(value) <= MOST:
        raise invalid(f"Param limit must be a number between 1 and {MOST}.")
    return int(value)


def cursor(number: int) -> str:
    return base64.b64encode(f"simulated:{number}".encode()).decode()


def position(text: str | None) -> int | None:
    """The number that a cursor stands for."""
    if not text:
        return None
    try:
        return int(base64.b64decode(text, validate=True).decode("ascii").removeprefix("simulated:"))
    except (binascii.Error, ValueError):
        raise invalid("Invalid cursors values.") from None


def link(request: Request, **cursor: str) -> str:
    """As at Meta, the link has the token in it: a client does better to pass `after` itself."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip() or request.query.get("access_token", "")
    kept = {name: value for name, value in request.query.items() if name not in {"after", "before"}}
    return f"{request.base_url}{request.path}?{urlencode({'access_token': token} | kept | cursor)}"
