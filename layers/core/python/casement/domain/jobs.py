"""Work for the outbox: where to look. What is to be done there stands in the table."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from casement.domain.message_key import MessageKey


@dataclass(frozen=True, slots=True)
class Job:
    """A conversation in which something waits; with `send`, one whose policy is due, since Meta refused it.

    `why` tells jobs apart that were made for different reasons: of two with the same, the second is not needed.
    """

    number: str
    contact: str
    send: MessageKey | None = None
    why: str = ""

    @property
    def group(self) -> str:
        """What is done one after the other: a conversation's work. A digest, since anybody may read a group's name."""
        return _digest(self.number, self.contact)

    @property
    def id(self) -> str:
        """The same for the same work and reason."""
        return _digest(self.number, self.contact, str(self.send or ""), self.why)

    def dumps(self) -> str:
        """As the queue holds it."""
        kept = {"number": self.number, "contact": self.contact, "send": str(self.send) if self.send else None}
        return json.dumps(kept, separators=(",", ":"))


def job_from(text: str) -> Job:
    """A job as the queue held it. Raises ValueError, KeyError or TypeError: we wrote it, so that is a bug."""
    kept: dict[str, Any] = json.loads(text)
    return Job(kept["number"], kept["contact"], MessageKey.parse(kept["send"]))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
