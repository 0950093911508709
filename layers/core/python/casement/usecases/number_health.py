"""How a number is: whether it can send, what waits, and how well its windows were predicted."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from casement.domain.messages import Note
from casement.domain.number import Health, NumberState
from casement.domain.pending import Pending
from casement.domain.sending import Attention
from casement.domain.window import DAY_MS
from casement.usecases.find_conversation import ReadAlias, find_conversation
from casement.usecases.views import seconds

if TYPE_CHECKING:
    from casement.domain.automations import Automations

MOST_COUNTED = 1_000
MOST_CONVERSATIONS = 100  # each is a query or two
_WEEK_MS = 7 * DAY_MS


class Log(Protocol):
    """A number's log."""

    def notes(self, number_id: str, *, since: int) -> Iterable[Note]: ...


class Pendings(Protocol):
    """Messages that wait, and what people should look at."""

    def all(self, number_id: str) -> Iterator[Pending]: ...
    def attention(self, number_id: str) -> list[Attention]: ...


class Spending(Protocol):
    """How many automatic messages went out in a month."""

    def sent(self, number_id: str, month: str) -> int: ...


def health_view(
    number: str,
    state: NumberState,
    token: str,
    log: Log,
    pendings: Pendings,
    read_alias: ReadAlias,
    automations: "Automations",
    spending: Spending,
    now: int,
) -> dict[str, Any]:
    """The health of a number; counts stop at `MOST_COUNTED`, conversations at `MOST_CONVERSATIONS`. `token` is the
    digest of the token it sends with."""
    health = state.health
    notes = list(islice(log.notes(number, since=now - _WEEK_MS), MOST_COUNTED))
    waiting = [one for one in islice(pendings.all(number), MOST_COUNTED) if not one.shown_state(now).is_end]
    stopped = health.stops(token, now)
    return {
        "phone_number_id": number,
        "can_send": not stopped,
        "stopped": _stopped_view(health) if stopped else None,
        "paused_until": seconds(health.paused_until) if health.paused_until > now else None,
        "waiting": len(waiting),
        "needs_attention": len(_conversations(number, pendings.attention(number), read_alias)),
        "window_mispredicted": {
            "last_24h": _count(notes, "verdict", now - DAY_MS),
            "last_7d": _count(notes, "verdict", now - _WEEK_MS),
        },
        "sends_unresolved": {"last_7d": _count(notes, "unresolved", now - _WEEK_MS)},
        "automations": _automations_view(number, automations, spending, now),
    }


def _automations_view(number: str, automations: "Automations", spending: Spending, now: int) -> dict[str, Any]:
    """`sent_this_month` is null where no budget has it counted."""
    month = automations.month(now)
    return {
        "rules": sum(rule.enabled for rule in automations.rules),
        "budget": automations.budget,
        "sent_this_month": None if automations.budget is None else spending.sent(number, month),
    }


def _stopped_view(health: Health) -> dict[str, Any]:
    """`retry_at` is null where Casement asks Meta every few minutes whether the token works."""
    return {
        "code": health.stopped_by,
        "at": seconds(health.stopped_at),
        "retry_at": seconds(health.retry_at) if health.retry_at else None,
    }


def _conversations(number: str, wanted: Iterable[Attention], read_alias: ReadAlias) -> set[str]:
    """Whose conversations they are, each person once, whichever way they were addressed."""
    found: dict[str, str] = {}
    for one in wanted:
        if one.key.contact not in found:
            conversation = find_conversation(number, one.key.contact, read=read_alias)
            found |= dict.fromkeys((one.key.contact, *conversation.contacts), conversation.contact)
        if len(set(found.values())) == MOST_CONVERSATIONS:
            break
    return set(found.values())


def _count(notes: Iterable[Note], kind: str, since: int) -> int:
    return sum(note.kind == kind and note.at >= since for note in notes)
