"""What happens by itself once its time has come, by the simulator's clock."""

import heapq
from collections.abc import Callable, Hashable

Action = Callable[[float], None]
"""Takes the time at which it was due, which may be long past: nobody looked at the clock meanwhile."""


class Agenda:
    def __init__(self) -> None:
        self._order: list[tuple[float, int, Hashable]] = []  # a heap; plans that no longer hold stay until their time
        self._plans: dict[Hashable, tuple[int, Action]] = {}
        self._made = 0

    def clear(self) -> None:
        self._order.clear()
        self._plans.clear()

    def plan(self, what: Hashable, at: float, action: Action) -> None:
        """`action` at `at`, in place of whatever was planned under the name `what`."""
        self._made += 1
        self._plans[what] = (self._made, action)
        heapq.heappush(self._order, (at, self._made, what))

    def cancel(self, what: Hashable) -> None:
        self._plans.pop(what, None)

    def run(self, now: float) -> None:
        """Does what is due, oldest first; also what one of these plans for a time that is past."""
        while self._order and self._order[0][0] <= now:
            at, number, what = heapq.heappop(self._order)
            made, action = self._plans.get(what, (0, None))
            if action is not None and made == number:
                del self._plans[what]
                action(at)
