"""How Flows are answered: one partition."""

import json

from casement.domain.compact_json import dumps
from casement.domain.flow_exchange import FlowConfig, flow_config
from casement.store import keys
from casement.store.table import Attributes, Item, Table, item, number, text

REMEMBERED_MS = 5_000  # a change works everywhere after this long


class Flows:
    """Finds and keeps it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._remembered: dict[str, tuple[int, FlowConfig | None]] = {}

    def known(self, flow_id: str, now: int) -> FlowConfig | None:
        """A103. How one is answered, remembered for five seconds; `now` is epoch milliseconds."""
        read_at, _ = self._remembered.get(flow_id, (None, None))
        if read_at is None or not 0 <= now - read_at < REMEMBERED_MS:
            self._remembered = {flow_id: (now, self.find(flow_id))}  # who asks for many is not to fill the memory
        return self._remembered[flow_id][1]

    def find(self, flow_id: str) -> FlowConfig | None:
        """A103. The same as it is at this moment."""
        found = self._table.get(keys.flow(flow_id), consistent=True)
        return _config(found) if found else None

    def all(self) -> list[FlowConfig]:
        """A104. All of them, by id."""
        return [_config(found) for found in self._table.query(keys.FLOWS, "!", "~~")]

    def keep(self, config: FlowConfig, before: FlowConfig | None) -> bool:
        """A105. Keep how one is answered, in place of what was there `before`; false if somebody else was first."""
        return self._table.replace(_item(config), "version", before.version if before else None)

    def remove(self, flow_id: str) -> None:
        """A105. Forget it."""
        self._table.delete(keys.flow(flow_id))


def _item(config: FlowConfig) -> Item:
    kept: Attributes = {"flow": dumps(config.kept()), "flow_id": config.flow_id, "version": config.version}
    return item(keys.flow(config.flow_id), kept)


def _config(found: Item) -> FlowConfig:
    return flow_config(text(found, "flow_id"), json.loads(text(found, "flow")), number(found, "version") or 0)
