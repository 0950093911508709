"""Message templates as Meta last described them, and whether one may be sent.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management. Only
REST `status` APPROVED is sendable, at any quality; the events of `message_template_status_update` speak another
vocabulary and only tell us to look again.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from casement.domain.errors import TemplateNotSendable

APPROVED = "APPROVED"
DELETED = "DELETED"

_CODE_OF_STATUS = {"PAUSED": 132015, "DISABLED": 132016}
NOT_AVAILABLE = 132001


@dataclass(frozen=True, slots=True)
class Template:
    """One translation of a template in one WABA. `definition` is Meta's object, with every field it gave."""

    waba_id: str
    id: str
    name: str
    language: str
    status: str
    category: str
    definition: Mapping[str, Any]

    @property
    def sendable(self) -> bool:
        """Whether Meta would take it now."""
        return self.status == APPROVED

    @property
    def canonical(self) -> str:
        """What Meta said, in one spelling, so that two readings can be compared."""
        return json.dumps(self.definition, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Held:
    """A template as we hold it: `read_at` is when Meta said so, `deleted_at` when it was found gone."""

    template: Template
    read_at: int
    deleted_at: int | None = None

    def gone(self, now: int) -> "Held":
        """The same, found gone at Meta: marked and not erased, so that sends of it are still explained."""
        marked = {**self.template.definition, "status": DELETED}
        return Held(replace(self.template, status=DELETED, definition=marked), now, now)


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """How a WABA's syncs went. Times are epoch milliseconds, None for never."""

    waba_id: str
    last_attempt_at: int | None = None
    last_success_at: int | None = None
    last_error: str | None = None
    templates: int = 0  # in the last complete listing


def changes(held: Iterable[Held], listed: Iterable[Template], asked_at: int) -> list[Held]:
    """What a complete listing changes: new and different templates, and those it no longer has.

    `asked_at` is when the listing began. What was read again since then is newer than the listing and stays.
    """
    by_place = {(old.template.name, old.template.language): old for old in held}
    now_there = {(new.name, new.language): new for new in listed}
    changed = [Held(new, asked_at) for place, new in now_there.items() if _is_news(by_place.get(place), new, asked_at)]
    missing = (old for place, old in by_place.items() if place not in now_there)
    return changed + [old.gone(asked_at) for old in missing if old.deleted_at is None and old.read_at <= asked_at]


def _is_news(old: Held | None, new: Template, asked_at: int) -> bool:
    if old is None:
        return True
    return old.read_at <= asked_at and old.template.canonical != new.canonical


def why_not_sendable(template: Template) -> TemplateNotSendable | None:
    """The error with which Meta would refuse `template` now, None if it may go out."""
    if template.sendable:
        return None
    return TemplateNotSendable(
        f"Template '{template.name}' ({template.language}) is {template.status} at Meta, and only APPROVED "
        "templates can be sent.",
        code=_CODE_OF_STATUS.get(template.status, NOT_AVAILABLE),
    )
