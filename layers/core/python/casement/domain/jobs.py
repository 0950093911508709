"""Work for the outbox: where to look, and what is to be done there stands in the table; or a message of an automation,
which is in the job itself, since it is worth nothing later on.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from casement.domain.message_key import MessageKey

TOO_LATE_MS = 10 * 60_000  # after what it follows from, an automation does nothing to a customer any more


class Do(StrEnum):
    """What an automation has the outbox do, and what `what` then is."""

    SEND = "send"  # a free-form message: a Graph body without an addressee
    TEMPLATE = "template"  # name or purpose, language, parameters
    RECEIPT = "receipt"  # a message marked as read, or that somebody is typing: a Graph body


@dataclass(frozen=True, slots=True)
class Automatic:
    """What a rule does to the customer. `key` is the same however often it comes to that; `at` is when what it follows
    from happened, epoch milliseconds. At most `budget` (None: any number) may go out in `month`."""

    rule: str
    key: str
    at: int
    do: Do
    what: Mapping[str, Any]
    month: str = ""
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A conversation in which something waits; with `send`, one whose policy is due, since Meta refused it; with
    `automatic`, one in which an automation does something.

    `why` tells jobs apart that were made for different reasons: of two with the same, the second is not needed.
    """

    number: str
    contact: str
    send: MessageKey | None = None
    why: str = ""
    automatic: Automatic | None = None

    @property
    def group(self) -> str:
        """What is done one after the other: a conversation's work. A digest, since anybody may read a group's name."""
        return _digest(self.number, self.contact)

    @property
    def id(self) -> str:
        """The same for the same work and reason."""
        if self.automatic:
            return _digest(self.number, "automation", self.automatic.key)
        return _digest(self.number, self.contact, str(self.send or ""), self.why)

    def dumps(self) -> str:
        """As the queue holds it."""
        kept: dict[str, Any] = {"number": self.number, "contact": self.contact}
        kept["send"] = str(self.send) if self.send else None
        if self.automatic:
            kept["automatic"] = asdict(self.automatic)
        return json.dumps(kept, separators=(",", ":"))


def job_from(text: str) -> Job:
    """A job as the queue held it. Raises ValueError, KeyError or TypeError: we wrote it, so that is a bug."""
    kept: dict[str, Any] = json.loads(text)
    automatic = kept.get("automatic")
    return Job(
        kept["number"],
        kept["contact"],
        MessageKey.parse(kept["send"]),
        automatic=Automatic(**{**automatic, "do": Do(automatic["do"])}) if automatic else None,
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
