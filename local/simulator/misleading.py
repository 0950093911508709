"""Listings that a client must not believe: `Options.paging` other than "normal" (see `config.MISLEADING`)."""

from dataclasses import replace

from local.simulator.config import Json
from local.simulator.paging import Page, Row, cursor, link, position
from local.simulator.wsgi import Request


def asked(how: str, request: Request) -> Request:
    """The request as such a listing understands it."""
    if how != "stuck":
        return request
    return replace(request, query={name: value for name, value in request.query.items() if name != "after"})


def misled(how: str, found: Page[Row], request: Request) -> Page[Row]:
    """The page, with paging that leads astray."""
    paging = found.paging or {}
    if how == "no_cursor" and found.rows:
        return Page(found.rows, {name: value for name, value in paging.items() if name != "cursors"})
    if how in {"endless", "stuck"} and found.rows:
        return Page(found.rows, _going_on(paging, request, paging["cursors"]["after"]))
    if how == "endless":
        return Page([], _going_on({"cursors": {"before": request.query.get("after")}}, request, _further(request)))
    if how == "loop" and found.rows and "next" not in paging:
        return Page(found.rows, _going_on(paging, request, cursor(0)))
    return found


def _going_on(paging: Json, request: Request, after: str) -> Json:
    cursors = {**paging["cursors"], "after": after}
    return {**paging, "cursors": cursors, "next": link(request, after=after)}


def _further(request: Request) -> str:
    return cursor((position(request.query.get("after")) or 0) + 1)
