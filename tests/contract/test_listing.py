"""Listings of templates at any size: pages that hold, pages that fail, pages that mislead."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.simulator import Options, Simulator
from local.simulator.config import MISLEADING
from local.simulator.seeds import SEEDS
from tests.contract.conftest import Endpoint, code_of, mounted
from tests.contract.template_events import NEWS, create, names

MANY = 10_000


def pages(graph: Endpoint, **query: str) -> Iterator[Any]:
    """Page by page, passing on the cursor `after`, as long as there is a `next`."""
    while True:
        page = graph.get(f"{graph.waba}/message_templates", **query).json()
        yield page
        if "next" not in page.get("paging", {}):
            return
        query["after"] = page["paging"]["cursors"]["after"]


def listed(graph: Endpoint, **query: str) -> list[Any]:
    return [row for page in pages(graph, **query) for row in page["data"]]


def test_ten_thousand_templates_are_listed_quickly_in_pages_of_any_size(graph: Endpoint, simulator: Simulator) -> None:
    simulator.add_copies(NEWS, MANY)
    simulator.add_copies({**NEWS, "name": "rare", "category": "MARKETING"}, 3)
    started = time.process_time()

    for limit in ("1000", "100", "7"):
        query = {"fields": "name", "limit": limit, "category": "UTILITY"}
        found = [row["name"] for row in listed(graph, **query)]
        assert len(found) == len(set(found)) + 1  # we_are_here has two languages
        assert sum(name.startswith("news_") for name in found) == MANY
    assert names(graph, name_or_content="rare") == ["rare_00001", "rare_00002", "rare_00003"]

    assert time.process_time() - started < 6  # a look through all of them for every page would take minutes


@pytest.mark.parametrize("step", ["forward", "backward"])
def test_a_filtered_listing_is_the_same_in_both_directions(graph: Endpoint, simulator: Simulator, step: str) -> None:
    for number in range(20):
        simulator.add_template(NEWS | {"name": f"n_{number:02}", "language": "es" if number % 3 else "en_US"})
    path, query = f"{graph.waba}/message_templates", {"language": "es", "limit": "4", "fields": "name"}
    every = [row["name"] for row in listed(graph, **query)]

    page = graph.get(path, **query).json() if step == "forward" else graph.get(path, **query, before=_end()).json()
    found, towards = [page["data"]], {"forward": ("next", "after"), "backward": ("previous", "before")}[step]
    while towards[0] in page["paging"]:
        page = graph.get(path, **query, **{towards[1]: page["paging"]["cursors"][towards[1]]}).json()
        found.append(page["data"])

    in_order = found if step == "forward" else found[::-1]
    assert [row["name"] for rows in in_order for row in rows] == every
    assert len(every) == 14


def _end() -> str:
    from local.simulator.paging import cursor

    return cursor(10**9)


def test_the_size_of_a_page(graph: Endpoint, simulator: Simulator) -> None:
    simulator.add_copies(NEWS, 1100)
    path = f"{graph.waba}/message_templates"

    assert len(graph.get(path).json()["data"]) == 25
    assert len(graph.get(path, limit="1000").json()["data"]) == 1000
    assert code_of(graph.get(path, limit="1001")) == 100
    simulator.set_options(page_size=3)
    assert len(graph.get(path).json()["data"]) == 3
    simulator.set_options(page_limit=2)
    short = graph.get(path, limit="1000").json()
    assert len(short["data"]) == 2  # fewer than asked for, and yet not the last
    assert "next" in short["paging"]


def test_pages_hold_when_templates_come_and_go_between_them(graph: Endpoint, simulator: Simulator) -> None:
    listing = f"{graph.waba}/message_templates"
    first = graph.get(listing, limit="2").json()
    simulator.review(first["data"][1]["id"], "delete")
    create(graph)

    rest = graph.get(listing, limit="100", after=first["paging"]["cursors"]["after"]).json()

    found = [(each["name"], each["language"]) for each in first["data"] + rest["data"]]
    assert found == [*((seed["name"], seed["language"]) for seed in SEEDS), ("news", "en_US")]
    assert "next" not in rest["paging"]
    back = graph.get(listing, limit="1", before=rest["paging"]["cursors"]["before"]).json()
    assert back["data"] == first["data"][:1]
    assert graph.client.get(rest["paging"]["previous"], headers={"Authorization": ""}).status_code == 200


def test_a_page_in_the_middle_can_fail(graph: Endpoint, simulator: Simulator) -> None:
    simulator.add_copies(NEWS, 20)
    simulator.fail_next("5xx_before", match="GET .*message_templates", skip=1)
    path = f"{graph.waba}/message_templates"

    first = graph.get(path, limit="10").json()
    after = first["paging"]["cursors"]["after"]
    assert graph.get(path, limit="10", after=after).status_code == 503

    rest = listed(graph, limit="10", after=after)  # the third attempt goes on where the second did not get to
    assert len(first["data"]) + len(rest) == 20 + len(SEEDS)


def test_a_loop_starts_over(graph: Endpoint, simulator: Simulator) -> None:
    simulator.set_options(paging="loop")
    going = pages(graph, limit="2", fields="name")

    seen = [page["data"] for _, page in zip(range(6), going, strict=False)]

    assert seen[3:] == seen[:3]
    assert len(seen[2]) == 1


def test_an_endless_listing_has_empty_pages_with_ever_new_cursors(graph: Endpoint, simulator: Simulator) -> None:
    simulator.set_options(paging="endless")
    going = pages(graph, limit="100")

    seen = [page for _, page in zip(range(5), going, strict=False)]

    assert [len(page["data"]) for page in seen] == [5, 0, 0, 0, 0]
    assert len({page["paging"]["cursors"]["after"] for page in seen}) == 5


def test_a_stuck_listing_gives_the_first_page_whatever_is_asked(graph: Endpoint, simulator: Simulator) -> None:
    simulator.set_options(paging="stuck")
    first, second, third = (page for _, page in zip(range(3), pages(graph, limit="2"), strict=False))

    assert first["data"] == second["data"] == third["data"]
    assert first["paging"]["cursors"] == third["paging"]["cursors"]


def test_a_listing_without_cursors_still_has_its_next(graph: Endpoint, simulator: Simulator) -> None:
    simulator.set_options(paging="no_cursor")
    first = graph.get(f"{graph.waba}/message_templates", limit="3").json()

    assert first["paging"].keys() == {"next"}
    second = graph.client.get(first["paging"]["next"]).json()
    assert len(second["data"]) == 2
    assert second["paging"].keys() == {"previous"}


@pytest.mark.parametrize("how", MISLEADING)
def test_what_misleads_in_an_empty_account(how: str) -> None:
    simulator = Simulator(seeds=(), options=Options(paging=how))

    with mounted(simulator) as graph:
        listing = graph.get(f"{graph.waba}/message_templates").json()

    assert listing["data"] == []
    assert ("paging" in listing) == (how == "endless")


@pytest.mark.parametrize("row", [None, "text", 7, [], {}, {"id": None}, {"name": ["a"], "components": 3}])
def test_a_listing_can_have_a_row_that_makes_no_sense(graph: Endpoint, simulator: Simulator, row: Any) -> None:
    before = listed(graph)
    simulator.add_row(row)
    simulator.add_template(NEWS)

    found = listed(graph, limit="1")

    assert found[:-2] == before
    assert found[-2] == row
    assert found[-1]["name"] == "news"
    assert graph.send_template("news").status_code == 200


def test_an_account_with_many_templates_is_created_in_edited_and_deleted_from_as_quickly(
    graph: Endpoint, simulator: Simulator
) -> None:
    simulator.add_copies(NEWS, MANY)
    simulator.set_options(template_limit=2 * MANY, creations_per_hour=MANY)
    path, started = f"{graph.waba}/message_templates", time.process_time()

    for number in range(100):
        assert graph.post(path, NEWS | {"name": f"made_{number}"}).status_code == 200
        assert graph.delete(path, name=f"news_{number + 1:05}").status_code == 200

    assert time.process_time() - started < 5
    assert len(listed(graph, limit="1000")) == MANY + len(SEEDS)
