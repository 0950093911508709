"""Numbers: what their owners set, and whether they can send."""

import json

from casement.domain.compact_json import dumps
from casement.domain.number import Health, NumberSettings, NumberState, settings_from, settings_view
from casement.store import keys
from casement.store.table import Attributes, Table, item, number, text

REMEMBERED_MS = 30_000  # a change works everywhere after this long


class Numbers:
    """Finds and keeps them."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._remembered: dict[str, tuple[int, NumberState]] = {}

    def state(self, number_id: str, now: int) -> NumberState:
        """A38. Settings and health, remembered for half a minute."""
        read_at, known = self._remembered.get(number_id, (0, None))
        if known and 0 <= now - read_at < REMEMBERED_MS:
            return known
        return self.fresh(number_id, now)

    def fresh(self, number_id: str, now: int) -> NumberState:
        """A38. The same as it is at this moment."""
        settings, health = NumberSettings(), Health()
        for found in self._table.query(keys.number_state(number_id, "").pk, keys.HEALTH, keys.SETTINGS):
            if text(found, "SK") == keys.SETTINGS:
                settings = settings_from(json.loads(text(found, "settings")))
            elif text(found, "SK") == keys.HEALTH:
                health = Health(
                    number(found, "stopped_by"),
                    number(found, "stopped_at"),
                    text(found, "token") or None,
                    number(found, "paused_until") or 0,
                    number(found, "pauses") or 0,
                    number(found, "retry_at") or 0,
                    number(found, "times_stopped") or 0,
                )
        state = NumberState(settings, health)
        self._remembered[number_id] = (now, state)
        return state

    def set(self, number_id: str, settings: NumberSettings) -> None:
        """A39. Keep what the owner set."""
        kept = {"settings": dumps(settings_view(settings))}
        self._table.put(item(keys.number_state(number_id, keys.SETTINGS), kept))
        self._remembered.pop(number_id, None)

    def put_health(self, number_id: str, health: Health) -> None:
        """A40. Keep how a number is."""
        kept: Attributes = {
            "stopped_by": health.stopped_by,
            "stopped_at": health.stopped_at,
            "token": health.token,
            "paused_until": health.paused_until,
            "pauses": health.pauses,
            "retry_at": health.retry_at,
            "times_stopped": health.times_stopped,
        }
        self._table.put(item(keys.number_state(number_id, keys.HEALTH), kept))
        self._remembered.pop(number_id, None)
