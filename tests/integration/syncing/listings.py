"""Meta's listing of templates, page by page, as a test wants it to be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from casement.domain.templates import Held, Notice, Source
from casement.meta.graph import Graph
from casement.meta.templates import template_from
from casement.store.table import Table
from casement.store.templates import Templates
from casement.usecases.sync_templates import UNBOUNDED, Bounds, Reading, Synced, sync_waba
from tests.support.deployment import NOON, WABA
from tests.support.memory import memory
from tests.support.tables import Items, create_table, snapshot

Json = dict[str, Any]
Answer = httpx.Response | Exception


def row(name: str, status: str = "APPROVED", *, language: str = "en_US", id_: str | None = None, **more: Any) -> Json:
    return {
        "id": id_ or f"id-{name}-{language}",
        "name": name,
        "language": language,
        "status": status,
        "category": "UTILITY",
        "components": [{"type": "BODY", "text": f"This is {name}."}],
        **more,
    }


@dataclass
class Meta(httpx.BaseTransport):
    """Has `rows`, at most `page` of them to a page whatever is asked for; `instead` may answer the n-th call (from 0)
    otherwise."""

    rows: Sequence[Any] = ()
    page: int = 200
    instead: Callable[[int, httpx.Request], Answer | None] = lambda *_: None
    limits: list[int] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        other = self.instead(len(self.asked) - 1, request)
        if isinstance(other, Exception):
            raise other
        return other or self._usual(request)

    def _usual(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("message_templates"):
            return self._one(request.url.path.rpartition("/")[2])
        asked = request.url.params
        self.limits.append(int(asked["limit"]))
        begins, size = int(asked.get("after", 0)), min(self.page, int(asked["limit"]))
        rows = [one for one in self.rows if not asked.get("name") or one["name"].startswith(asked["name"])]
        return listed(rows[begins : begins + size], begins + size if begins + size < len(rows) else None)

    def _one(self, id_: str) -> httpx.Response:
        found = next((one for one in self.rows if isinstance(one, dict) and one.get("id") == id_), None)
        if found is None:
            return httpx.Response(400, json={"error": {"code": 100, "error_subcode": 33}})
        return httpx.Response(200, json=found)

    @property
    def graph(self) -> Graph:
        """A client that asks here."""
        return Graph(httpx.Client(transport=self), base_url="https://graph.example", version="v25.0")


def listed(rows: Sequence[Any], after: object) -> httpx.Response:
    """One page; the last if `after` is None."""
    cursors = {"cursors": {"after": str(after)}}
    paging = {**cursors, "next": "https://graph.example/next"} if after is not None else cursors
    return httpx.Response(200, json={"data": list(rows), "paging": paging})


class Kept:
    """Templates on a table of their own, in a dictionary."""

    def __init__(self) -> None:
        self.client = memory()
        self.table = Table(self.client, create_table(self.client), sleep=lambda _: None)
        self.templates = Templates(self.table)

    def sync(self, meta: Meta, now: int, bounds: Bounds = UNBOUNDED) -> Synced:
        """As the schedule does it."""
        graph = meta.graph
        return sync_waba(
            WABA, "token", store=self.templates, source=graph, read_row=template_from, now=now, bounds=bounds
        )

    def reading(
        self,
        meta: Meta,
        now: int,
        because: Source = Source.REQUEST,
        notices: Mapping[str, Notice] | None = None,
        bounds: Bounds = UNBOUNDED,
    ) -> Reading:
        """As somebody else looks."""
        return Reading(WABA, "token", self.templates, meta.graph, template_from, now, because, notices or {}, bounds)

    def items(self) -> Items:
        """Everything but the record of the syncs."""
        items = snapshot(self.client, self.table.name)
        return {key: item for key, item in items.items() if key[1] != "!sync"}

    def held(self, name: str, language: str = "en_US") -> Held:
        """One that there is."""
        found = self.templates.held(WABA, name, language)
        assert found is not None
        return found

    def statuses(self) -> dict[str, str]:
        """Every template's, by name."""
        return {one.template.name: one.template.status for one in self.templates.all(WABA)}


LATER = NOON + 900_000
