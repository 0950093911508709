"""A delivery: one event on its way to one subscriber, as the queue holds it."""

import json
import zlib
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """`body` is exactly what is POSTed; None if it is too large for the queue and must be read from the journal.

    `scope` and `sequence` say which event of which conversation it is (see `Event.scope`); `at` is when it happened,
    epoch milliseconds.
    """

    subscription: str
    event: str
    type: str
    at: int
    scope: str
    sequence: int
    body: str | None

    def dumps(self) -> str:
        """As the queue holds it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def lane(self, lanes: int) -> int:
        """Which of a subscriber's lanes it takes. One conversation's events take one, so they arrive in order."""
        return zlib.crc32(self.scope.encode(errors="surrogatepass")) % lanes


def delivery_from(text: str) -> Delivery:
    """A delivery as the queue held it. Raises ValueError or TypeError: we wrote it, so that is a bug."""
    return Delivery(**json.loads(text))
