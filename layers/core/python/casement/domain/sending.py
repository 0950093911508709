"""May this message go out now? One pure function decides, for every way of sending."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from casement.domain.errors import CasementError, TemplateNotFound
from casement.domain.templates import Template, why_not_sendable
from casement.domain.window import Window


class WhenClosed(StrEnum):
    """What the caller wants for a free-form message while the window is closed."""

    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send. `body` is what Meta gets, but for the callback data; `contact` is a contact key."""

    body: Mapping[str, Any]
    contact: str
    type: str
    template: tuple[str, str] | None  # name and language
    callback_data: str | None  # the caller's own
    when_closed: WhenClosed | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Mark as read, or show that somebody is typing: no message, so no window."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TemplateAsked:
    """The template that a request names, and what we hold under that name and language (None: nothing)."""

    name: str
    language: str
    stored: Template | None


@dataclass(frozen=True, slots=True)
class SendNow:
    """It may go to Meta as it is."""


@dataclass(frozen=True, slots=True)
class RefuseTemplate:
    """The template can't go out; `error` says why, with the code Meta would use."""

    error: CasementError


@dataclass(frozen=True, slots=True)
class RefuseWindow:
    """Free-form, and the window does not permit it."""

    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a send itself learned. `status` is accepted, refused, failed or unknown; `at` is epoch milliseconds."""

    status: str
    at: int
    wamid: str | None = None
    answer: Mapping[str, Any] | None = None  # Meta's answer, or what it or we refused with
    closes_window: bool = False


Decision = SendNow | RefuseTemplate | RefuseWindow


def decide(window: Window, template: TemplateAsked | None, policy: WhenClosed, now: int) -> Decision:
    """What to do with a message: `template` is None for a free-form one; `now` is epoch milliseconds."""
    if template is not None:
        return _decide_template(template)
    if window.permits_free_form(now):
        return SendNow()
    match policy:
        case WhenClosed.REJECT:
            return RefuseWindow(_why_closed(window, now))


def _decide_template(asked: TemplateAsked) -> Decision:
    if asked.stored is None:
        return RefuseTemplate(
            TemplateNotFound(f"Template '{asked.name}' does not exist in language '{asked.language}'.")
        )
    error = why_not_sendable(asked.stored)
    return RefuseTemplate(error) if error else SendNow()


def _why_closed(window: Window, now: int) -> str:
    if window.verdict:
        return "Meta refused an earlier message to this customer: the customer service window is closed."
    if window.opened_at is None:
        return "This customer has not written to this number yet, so only an approved template can be sent."
    if window.expires_at is not None and now < window.expires_at:
        return "The customer service window closes within the safety margin, so only an approved template can be sent."
    return (
        "More than 24 hours have passed since this customer last wrote to this number, so only an approved template "
        "can be sent."
    )
