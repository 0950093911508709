"""What became of template messages, counted by template and by the day they were asked for.

The table's stream hands a record over at least once, in any cut. So what a batch adds is kept as the messages
themselves, twelve letters each, in a cell of the ten minutes in which DynamoDB wrote the records; whoever reads those
ten minutes counts every message once. When nothing of them can come again, they are folded into plain numbers.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from casement.domain.message_key import ulid_time

STRETCH_MS = 600_000
# `react` is given no record that is older than six hours (`MaximumRecordAgeInSeconds` in template.yaml).
SETTLED_MS = 7 * 3_600_000
KEPT_MS = 3 * 24 * 3_600_000  # for so long a stretch may wait to be folded

ASKED, SENT, DELIVERED, READ, REPLIED = "asked", "sent", "delivered", "read", "replied"
FAILED, TAPPED, PRICED = "failed", "tapped", "priced"  # each with more words: a code, a button, a category and a type

LETTERS = 12  # of a ULID's random part: 60 bits
OTHERS = "others"
_LONGEST_DETAIL = 60  # characters; the text of a button has 25
_MOST_DETAILS = 100


class Step(NamedTuple):
    """One thing that became of one message; `send` is its ULID. A message to a group is delivered, read and priced for
    each `member`; a message to one person has none."""

    number: str
    template_id: str
    what: str
    send: str
    member: str = ""

    @property
    def tally(self) -> "Tally":
        """Where it is counted."""
        return Tally(self.template_id, day_of(ulid_time(self.send)), self.what)

    @property
    def message(self) -> str:
        """What tells its message from all others of a day."""
        if self.member:
            named = f"{self.send} {self.member}".encode(errors="surrogatepass")
            return hashlib.blake2b(named, digest_size=LETTERS // 2).hexdigest()
        return self.send[-LETTERS:]


@dataclass(frozen=True, slots=True)
class MetaDay:
    """What Meta counted of a template on a day (UTC). None is what it did not say."""

    template_id: str
    day: str
    sent: int | None = None
    delivered: int | None = None
    read: int | None = None
    clicked: Sequence[Mapping[str, Any]] = ()
    cost: Sequence[Mapping[str, Any]] = ()


class Tally(NamedTuple):
    """What is counted: a template (its id), the UTC day on which its messages were asked for, what became of them."""

    template_id: str
    day: str
    what: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What one batch adds to ten minutes, which begin at `start` (epoch milliseconds)."""

    number: str
    start: int
    messages: Mapping[Tally, frozenset[str]]


def detailed(what: str, *details: object) -> str:
    """`failed 131026`, `tapped Yes please`."""
    return " ".join((what, *(str(detail)[:_LONGEST_DETAIL] for detail in details)))


def day_of(at: int) -> str:
    """The UTC day of a moment (epoch milliseconds), as 2026-11-24."""
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")


def stretch_of(at: int) -> int:
    """When the ten minutes began that `at` lies in. Both are epoch milliseconds."""
    return at - at % STRETCH_MS


def cells_of(steps: Iterable[tuple[Step, int]]) -> list[Cell]:
    """The cells that keep `steps`, each given with the moment (epoch milliseconds) at which it was written down."""
    gathered: dict[tuple[str, int], dict[Tally, set[str]]] = defaultdict(lambda: defaultdict(set))
    for step, at in steps:
        gathered[step.number, stretch_of(at)][step.tally].add(step.message)
    return [
        Cell(number, start, {tally: frozenset(messages) for tally, messages in tallies.items()})
        for (number, start), tallies in gathered.items()
    ]


def together(cells: Iterable[Cell]) -> dict[Tally, set[str]]:
    """The messages that the cells of one number's ten minutes hold, each once."""
    found: dict[Tally, set[str]] = defaultdict(set)
    for cell in cells:
        for tally, messages in cell.messages.items():
            found[tally] |= messages
    return found


def by_stretch(cells: Iterable[Cell]) -> Iterator[tuple[int, dict[Tally, set[str]]]]:
    """The messages of one number's cells, which come in the order of time or against it: ten minutes after ten, each
    with its beginning."""
    for start, those in groupby(cells, attrgetter("start")):
        yield start, together(those)


def counted(messages: Mapping[Tally, Collection[str]]) -> Counter[Tally]:
    """How many they are."""
    return Counter({tally: len(those) for tally, those in messages.items()})


def bounded(numbers: Mapping[str, int]) -> dict[str, int]:
    """Numbers by what was counted, of the details the most frequent ones by themselves and all others together: what a
    button is called is for a customer's app to say, and an item of the table has a largest size."""
    kept = Counter[str]()
    for place, what in enumerate(sorted(numbers, key=lambda what: (-numbers[what], what))):
        kind, has_details, _ = what.partition(" ")
        kept[detailed(kind, OTHERS) if has_details and place >= _MOST_DETAILS else what] += numbers[what]
    return dict(kept)
