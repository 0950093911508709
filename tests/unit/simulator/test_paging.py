"""Pages, against a list that is looked through from the start each time."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from local.simulator.config import Options
from local.simulator.paging import cursor, page
from local.simulator.wsgi import Request

numbers = st.lists(st.integers(1, 60), unique=True).map(sorted)


def asked(**query: str) -> Request:
    return Request("GET", "/v25.0/1/message_templates", query, {"authorization": "Bearer t"}, b"", "http://x.test")


def look(rows: list[int], **query: str) -> Any:
    return page(rows, asked(**query), Options(), number=lambda row: row, wanted=lambda row: row % 3 != 0)


@given(numbers, st.integers(1, 7), st.none() | st.integers(0, 61), st.none() | st.integers(0, 61))
def test_a_page_is_what_a_look_through_everything_finds(
    rows: list[int], limit: int, after: int | None, before: int | None
) -> None:
    cursors = {name: cursor(at) for name, at in (("after", after), ("before", before)) if at is not None}
    found = look(rows, limit=str(limit), **cursors)

    wanted = [row for row in rows if row % 3]
    left = [row for row in wanted if (after is None or row > after) and (before is None or row < before)]
    shown = left[-limit:] if before is not None and after is None else left[:limit]
    assert found.rows == shown
    if not shown:
        assert found.paging is None
        return
    assert ("next" in found.paging) == (shown[-1] != wanted[-1])
    assert ("previous" in found.paging) == (shown[0] != wanted[0])


@given(numbers, st.integers(1, 7))
def test_links_lead_through_everything_and_back(rows: list[int], limit: int) -> None:
    wanted = [row for row in rows if row % 3]
    for towards, back in (("next", "previous"), ("previous", "next")):
        query = {"limit": str(limit)} | ({"before": cursor(100)} if towards == "previous" else {})
        pages = [look(rows, **query)]
        while pages[-1].paging and towards in pages[-1].paging:
            query = dict(parse_qsl(urlsplit(pages[-1].paging[towards]).query))
            assert query.pop("access_token") == "t"
            pages.append(look(rows, **query))

        in_order = pages if towards == "next" else pages[::-1]
        assert [row for each in in_order for row in each.rows] == wanted
        assert pages[-1].paging is None or back in pages[-1].paging or len(pages) == 1
