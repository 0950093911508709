"""What calls functions besides HTTP: streams, queues and the clock; and the word that all is done."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any, Protocol

from local.stack import schedules
from local.stack.functions import LoadedFunction, as_json
from local.stack.queues import QueueConsumer
from local.stack.schedules import Timetable
from local.stack.streams import StreamReader
from local.stack.template import ScheduleRule

log = logging.getLogger("local.stack")


class Clock:
    """Calls functions when their schedules say so."""

    def __init__(
        self,
        rules: Sequence[tuple[ScheduleRule, LoadedFunction]],
        pool: Executor,
        *,
        region: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.transitions = 0
        self._functions = dict(rules)
        self._pool = pool
        self._region = region
        self._now = now
        self._timetable = Timetable(self._functions, now())
        self._running = 0
        self._last: dict[str, str] = {}
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def tick(self) -> None:
        """Call whatever is due now."""
        now = self._now()
        for rule in self._timetable.due(now):
            with self._changed:
                self._running += 1
                self.transitions += 1
                self._last[rule.name] = now.isoformat(timespec="seconds")
            self._pool.submit(self._call, rule, now)

    def wait_empty(self, deadline: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, max(0.0, deadline - time.monotonic()))

    def state(self) -> list[dict[str, Any]]:
        with self._changed:
            return [
                {
                    "function": function.function.name,
                    "expression": rule.expression,
                    "last": self._last.get(rule.name),
                }
                for rule, function in self._functions.items()
            ]

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.tick()
            due = self._timetable.next_at()
            seconds = (due - self._now()).total_seconds() if due else 60.0
            self._stopping.wait(min(max(seconds, 0.0), 60.0))  # at most a minute: the computer may have slept

    def _call(self, rule: ScheduleRule, now: datetime) -> None:
        try:
            self._functions[rule].invoke(as_json(schedules.event_of(rule, region=self._region, now=now)))
        except Exception:  # noqa: S110 - logged where it happened; the next tick comes anyway
            pass
        finally:
            with self._changed:
                self._running -= 1
                self.transitions += 1
                self._changed.notify_all()


class Source(Protocol):
    """What calls functions, in threads of its own."""

    @property
    def transitions(self) -> int:
        """Rises when a delivery begins and when it ends, so that overlap with one can be noticed."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def wait_empty(self, deadline: float) -> bool:
        """True once nothing is left to deliver; False if that is not so by `deadline` (time.monotonic())."""


class Sources:
    """All event sources of the stack."""

    def __init__(self, readers: Sequence[StreamReader], queues: Sequence[QueueConsumer], clock: Clock) -> None:
        self._readers = readers
        self._stream_consumers = [consumer for reader in readers for consumer in reader.consumers]
        self._queues = queues
        self._clock = clock
        self._sources: tuple[Source, ...] = (*self._stream_consumers, *queues, clock)

    def start(self) -> None:
        for source in self._sources:
            source.start()
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        for reader in self._readers:
            reader.stop()
        for source in self._sources:
            source.stop()

    def wake(self) -> None:
        for reader in self._readers:
            reader.wake()

    def wait_idle(self, timeout: float) -> bool:
        """True once everything stored so far, and all that followed from it, has been handled.

        False after `timeout` seconds. A reaction may store more, so this looks again until nothing was
        delivered while it looked.
        """
        deadline = time.monotonic() + timeout
        while True:
            before, asked = self._transitions(), time.monotonic()
            quiet = all(reader.wait_caught_up(asked, deadline) for reader in self._readers) and all(
                source.wait_empty(deadline) for source in self._sources
            )
            if not quiet:
                return False
            if self._transitions() == before:
                return True

    def state(self) -> dict[str, Any]:
        return {
            "streams": [reader.state() for reader in self._readers],
            "stream_consumers": [consumer.state() for consumer in self._stream_consumers],
            "queue_consumers": [queue.state() for queue in self._queues],
            "schedules": self._clock.state(),
        }

    def _transitions(self) -> int:
        return sum(source.transitions for source in self._sources)
