"""What reading thousands of templates again costs that nobody changed."""

from collections.abc import Sequence
from typing import Any

from casement.meta.templates import template_from
from casement.store.table import BATCH_WRITE, Item, Table
from casement.store.templates import Templates
from casement.usecases.sync_templates import Reading, Synced, read_all
from local.bench import Figure

COUNT = 10_000
WABA_ID = "200000000000010"  # whose templates nobody else measures
NOW = 1_795_000_000_000  # epoch milliseconds
BODY = "Hello {{1}}, your order {{2}} has left our warehouse. We will write again when it is about to arrive."


class _Filling(Table):
    """Writes what is new many at a time, so that a bench need not wait for each."""

    def __init__(self, client: Any, name: str) -> None:
        super().__init__(client, name)
        self._waiting: list[Item] = []

    def put_new(self, item: Item, **_: Any) -> Item | None:
        self._waiting.append(item)
        if len(self._waiting) == BATCH_WRITE:
            self.put_all(self._waiting)
            self._waiting.clear()
        return None


class _Meta:
    """Meta's listing, a page at a time."""

    def templates(
        self, _waba_id: str, _token: str, after: str | None, *, name: str | None = None, limit: int = 200
    ) -> tuple[Sequence[dict[str, Any]], str | None]:
        if name is not None:
            raise RuntimeError("only the whole listing is measured")
        begins = int(after or 0)
        ends = min(begins + limit, COUNT)
        return [_row(number) for number in range(begins, ends)], str(ends) if ends < COUNT else None

    def template(self, _template_id: str, _token: str) -> None: ...


def _row(number: int) -> dict[str, Any]:
    named = {"id": str(10**15 + number), "name": f"template_{number:05}", "language": "en_US"}
    components = [{"type": "BODY", "text": BODY, "example": {"body_text": [["Ana", str(number)]]}}]
    return {**named, "status": "APPROVED", "category": "UTILITY", "components": components}


def unchanged(client: Any, table_name: str) -> Figure:
    """Template writes of a second reading of the same templates."""
    first = _read(_Filling(client, table_name), NOW)
    written: list[Item] = []

    def see(params: dict[str, Any], **_: Any) -> None:
        batches = params.get("RequestItems", {}).values()
        written.extend(write["PutRequest"]["Item"] for batch in batches for write in batch if "PutRequest" in write)
        written.extend([params["Item"]] if "Item" in params else [])

    client.meta.events.register("provide-client-params.dynamodb", see)
    second = _read(Table(client, table_name), NOW + 900_000)
    client.meta.events.unregister("provide-client-params.dynamodb", see)
    if (first.changed, second.listed, second.changed) != (COUNT, COUNT, 0):
        raise RuntimeError("the templates were not read as they are")
    if [item["SK"]["S"] for item in written if item["SK"]["S"].startswith("!")] != ["!sync"]:
        raise RuntimeError("the reading was not recorded")
    writes = len(written) - 1
    return Figure("sync_writes_unchanged", writes, f"template writes of a sync of {COUNT:,} unchanged templates", 0)


def _read(table: Table, now: int) -> Synced:
    return read_all(Reading(WABA_ID, "", Templates(table), _Meta(), template_from, now))
