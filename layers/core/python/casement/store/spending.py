"""How many automatic messages went out in a month, counted where the count itself says whether one more may."""

from casement.store import keys
from casement.store.table import DAY_S, Table, number

_KEPT_S = 400 * DAY_S


class Spending:
    """Counts them. Months are `YYYY-MM`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def spend(self, number_id: str, month: str, budget: int, now: int) -> bool:
        """A106. Count one more, if that is not more than `budget`; whether it was. `now` is epoch milliseconds."""
        return budget > 0 and self._table.update(
            keys.spent(number_id, month),
            "SET #ttl = :ttl ADD sent :one",
            "attribute_not_exists(sent) OR sent < :budget",
            {":one": 1, ":budget": budget, ":ttl": now // 1000 + _KEPT_S},
        )

    def sent(self, number_id: str, month: str) -> int:
        """A98. How many were counted."""
        found = self._table.get(keys.spent(number_id, month))
        return (number(found, "sent") or 0) if found else 0

    def give_back(self, number_id: str, month: str) -> None:
        """A106. One that was counted did not go out."""
        self._table.update(keys.spent(number_id, month), "ADD sent :less", "sent > :none", {":less": -1, ":none": 0})

    def is_told_over(self, number_id: str, month: str, budget: int) -> bool:
        """A107. Keep that it was told that the budget is used up; whether that was told already, of as large a
        budget."""
        return not self._table.update(
            keys.spent(number_id, month),
            "SET told = :budget",
            "attribute_not_exists(told) OR told < :budget",
            {":budget": budget},
        )
