"""Message templates as Meta last described them, and whether one may be sent.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management. Only
REST `status` APPROVED is sendable, at any quality; the events of `message_template_status_update` speak another
vocabulary and only tell us to look again, and why.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

from casement.domain.errors import TemplateNotSendable

APPROVED = "APPROVED"
DELETED = "DELETED"

_CODE_OF_STATUS = {"PAUSED": 132015, "DISABLED": 132016}
NOT_AVAILABLE = 132001

# Events that are no status of their own name the one that they lead to; None: whichever it has.
_STATUSES_OF_EVENT: Mapping[str, tuple[str, ...] | None] = {
    "REINSTATED": (APPROVED,),
    "PENDING_DELETION": ("PENDING_DELETION", DELETED),
    "FLAGGED": None,
    "LOCKED": None,
    "UNLOCKED": None,
    "UNARCHIVED": None,
}


class Source(StrEnum):
    """What made us look at a template."""

    WEBHOOK = "webhook"
    SYNC = "sync"
    REQUEST = "request"


class Place(NamedTuple):
    """A template's name and language: of a WABA's living templates, one has it."""

    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Template:
    """One translation of a template in one WABA. `definition` is Meta's object, with every field it gave.

    `declared` is the category that its owner asked for when it was created or edited through us, else the first that
    we saw. What comes out of the store always has it; Meta's listing never says it.
    """

    waba_id: str
    id: str
    name: str
    language: str
    status: str
    category: str
    definition: Mapping[str, Any]
    declared: str = ""

    @property
    def sendable(self) -> bool:
        """Whether Meta would take it now."""
        return self.status == APPROVED

    @property
    def place(self) -> Place:
        """Its name and language."""
        return Place(self.name, self.language)

    @property
    def canonical(self) -> str:
        """What Meta said, in one spelling, so that two readings can be compared."""
        return json.dumps(self.definition, sort_keys=True, separators=(",", ":"))

    @property
    def quality(self) -> str:
        """GREEN, YELLOW, RED or UNKNOWN; empty where Meta gave no score."""
        score = self.definition.get("quality_score")
        return _word(score.get("score") if isinstance(score, Mapping) else None)

    @property
    def announced_category(self) -> str:
        """The category that Meta said it will move the template to, empty where it said none, or has done it."""
        announced = _word(self.definition.get("correct_category"))
        return "" if announced == self.category else announced


def _word(given: object) -> str:
    return given.upper() if isinstance(given, str) else ""


class Notice(NamedTuple):
    """What Meta's webhooks said of a template: when the last of them was sent (epoch milliseconds, 0 where it does not
    say), and what the last one about its status told (`Held.told`), None where none was about that."""

    at: int
    told: Mapping[str, Any] | None = None

    def then(self, later: "Notice") -> "Notice":
        """Both taken together; `later` is the one that came in later, which Meta may have sent before."""
        told = [one for one in (self.told, later.told) if one is not None]
        return Notice(max(self.at, later.at), max(reversed(told), key=lambda one: one["at"], default=None))


class Known(NamedTuple):
    """What must be known of a stored template to tell whether a listing changes it. Times are epoch milliseconds."""

    place: Place
    id: str
    digest: bytes
    read_at: int
    deleted_at: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """A template as we hold it. Times are epoch milliseconds.

    `read_at` is when Meta said so, `deleted_at` when it was found gone, `source` what made us look. For a webhook,
    `told_at` is Meta's time of it, None for anything else.

    `told` is the last status webhook, if it still has to do with the status: `event`, `at` (Meta's time) and, as far as
    Meta gave them, `reason`, `other_info` (`title`, `description`), `rejection_info` (`reason`, `recommendation`) and
    `disable_info`, as Meta wrote them. `why` is the same, where it explains the status.
    """

    template: Template
    read_at: int
    deleted_at: int | None = None
    source: Source = Source.SYNC
    told_at: int | None = None
    told: Mapping[str, Any] | None = None

    @property
    def why(self) -> Mapping[str, Any] | None:
        """What Meta told of the status that the template has now."""
        return self.told if self.told is not None and explains(self.told, self.template.status) else None

    def gone(self, now: int, source: Source = Source.SYNC) -> "Held":
        """The same, found gone at Meta: marked and not erased, so that sends of it are still explained."""
        marked = {**self.template.definition, "status": DELETED}
        template = replace(self.template, status=DELETED, definition=marked)
        deleted_at = now if self.deleted_at is None else self.deleted_at
        return Held(template, now, deleted_at, source, told=self.told)


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """How a WABA's syncs went. Times are epoch milliseconds, None for never."""

    waba_id: str
    last_attempt_at: int | None = None
    last_success_at: int | None = None
    last_error: str | None = None
    templates: int = 0  # in the last complete listing


def digest_of(canonical: str) -> bytes:
    """Eight bytes that tell two canonical definitions apart."""
    return hashlib.blake2b(canonical.encode(), digest_size=8).digest()


def explains(told: Mapping[str, Any], status: str) -> bool:
    """Whether what a status webhook told is about `status`, a REST status."""
    event = _word(told.get("event"))
    named = _STATUSES_OF_EVENT.get(event, (event,))
    return named is None or status in named


def succession(old: Held | None, new: Held) -> Held | None:
    """What is held once `new` was read in the place of `old`; None if that changes nothing.

    The later reading counts, whichever was written first, and each brings what only it knows: the declared category
    lasts until another is declared, and what a webhook told lasts as long as the status it told of. The latest webhook
    counts, whatever order they came in.
    """
    if old is None or old.template.id != new.template.id:
        if old is not None and old.read_at > new.read_at:
            return None
        return replace(new, template=_completed(new.template, new.template))
    told = _told(old, new)
    if old.read_at > new.read_at:
        kept = replace(old, told=told)
    else:
        kept = replace(new, template=_completed(new.template, old.template), told=told)
    return None if _essence(kept) == _essence(old) else kept


def _completed(template: Template, before: Template) -> Template:
    """With what Meta did not say this time."""
    category = template.category or before.category
    return replace(template, category=category, declared=template.declared or before.declared or category)


def _told(old: Held, new: Held) -> Mapping[str, Any] | None:
    """What is known from status webhooks once both have been read."""
    is_later = new.read_at >= old.read_at
    status = (new if is_later else old).template.status
    # Meta's API may be a moment behind its own webhook, so a new one counts whatever status was seen with it.
    counts = new.told is not None and (is_later or explains(new.told, status))
    if counts and (old.told is None or _rank(new.told, status) >= _rank(old.told, status)):
        return new.told
    lasts = old.told is not None and (status in (old.template.status, DELETED) or explains(old.told, status))
    return old.told if lasts else None


def _rank(told: Mapping[str, Any] | None, status: str) -> tuple[int, bool]:
    """The later one tells; of one second, the one that explains what we saw."""
    told = told or {}
    return told.get("at", 0), explains(told, status)


def _essence(held: Held) -> tuple[object, ...]:
    """All that a holding says, but for when and why the template was looked at."""
    template = held.template
    said = (template.status, template.category, template.declared, template.canonical)
    return (*said, held.deleted_at, held.told)


def why_not_sendable(template: Template) -> TemplateNotSendable | None:
    """The error with which Meta would refuse `template` now, None if it may go out."""
    if template.sendable:
        return None
    return TemplateNotSendable(
        f"Template '{template.name}' ({template.language}) is {template.status} at Meta, and only APPROVED "
        "templates can be sent.",
        code=_CODE_OF_STATUS.get(template.status, NOT_AVAILABLE),
    )
