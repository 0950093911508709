"""May this message go out now, and if not, what becomes of it? One pure function decides, for every way of sending."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from casement.domain.category import is_dearer
from casement.domain.consent import MARKETING_STOPPED_CODE, NOTHING_STOPPED, Consent
from casement.domain.errors import (
    CasementError,
    CategoryMoved,
    NumberStopped,
    OptedOut,
    TemplateNotFound,
    TemplateNotSendable,
)
from casement.domain.message_key import MessageKey
from casement.domain.policy import Handoff, Hold, Policy, Reject, TemplateChoice, UseTemplate, WhenLimited
from casement.domain.template_choice import Chosen, Passed
from casement.domain.template_fit import Misfit
from casement.domain.templates import Template, why_not_sendable
from casement.domain.window import Window


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send. `body` is what Meta gets, but for the callback data; `contact` is a contact key."""

    body: Mapping[str, Any]
    contact: str
    type: str
    template: tuple[str, str] | None  # name and language
    callback_data: str | None  # the caller's own
    when_closed: Any = None  # a policy, as JSON says it; None where the request says nothing
    dry_run: bool = False
    when_limited: WhenLimited | None = None  # None where the request says nothing
    category: str | None = None  # of its template, as the caller declares it


@dataclass(frozen=True, slots=True)
class Receipt:
    """Mark as read, or show that somebody is typing: no message, so no window."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TemplateAsked:
    """The template that a request names, what we hold under that name and language (None: nothing), and what of the
    request does not fit it."""

    name: str
    language: str
    stored: Template | None
    misfits: tuple[Misfit, ...] = ()
    declared: str | None = None  # its category, where the caller declares one


@dataclass(frozen=True, slots=True)
class Selection:
    """What a policy's choice of a template comes to: the one that would go, and why others would not."""

    choice: TemplateChoice
    chosen: Chosen | None
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything a decision depends on besides the message. `now` is epoch milliseconds."""

    window: Window
    policy: Policy
    now: int
    consent: Consent = NOTHING_STOPPED
    stopped_by: int | None = None  # the code with which Meta stopped the number
    selection: Selection | None = None  # of the policy's template or nudge; None where it names none
    held: int = 0  # messages of this conversation that wait for the customer already
    most_holds: int = 20
    nudged: bool = False  # whether the one nudge of this closed window has gone
    waited: bool = False  # whether it was asked for before what the customer wrote last
    refuses_dearer: bool = False  # whether templates must not cost more than their declared category


@dataclass(frozen=True, slots=True)
class SendNow:
    """It may go to Meta as it is."""

    why: str


@dataclass(frozen=True, slots=True)
class SendInstead:
    """A template goes out in its place."""

    chosen: Chosen
    why: str
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class KeepForCustomer:
    """It waits until the customer writes; `nudge` goes out now and asks them to."""

    expires_at: int
    supersede: str | None
    nudge: Chosen | None
    why: str
    passed: tuple[Passed, ...] = ()  # why nothing nudges, where something should


@dataclass(frozen=True, slots=True)
class GiveToPerson:
    """The conversation needs attention."""

    note: str | None
    why: str


@dataclass(frozen=True, slots=True)
class RefuseWindow:
    """Free-form, and the window does not permit it, and nothing else can be done."""

    why: str
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """It can't go out, whatever the window says; `error` says why, with the code Meta would use."""

    error: CasementError
    why: str


Decision = SendNow | SendInstead | KeepForCustomer | GiveToPerson | RefuseWindow | Refuse


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a send, so far as it learned that itself.

    `status` is accepted, refused, failed, unknown, held or handed_off; `at` is epoch milliseconds. `answer` is Meta's,
    or what the caller was told, with its HTTP status.
    """

    status: str
    at: int
    wamid: str | None = None
    answer: Mapping[str, Any] | None = None
    http: int | None = None
    sent: Mapping[str, Any] | None = None  # the body that went out in place of the one that was asked for
    retry: bool = False  # nothing was sent, and the same request may be made again
    closes_window: bool = False
    template_id: str | None = None  # of the template that was sent


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked, as it is kept: enough to act on it later."""

    body: Mapping[str, Any]
    callback_data: str | None = None
    when_closed: Any = None  # the policy that held, as JSON says it; None is reject
    of: MessageKey | None = None  # the send that this one is a try, a stand-in or a nudge for
    category: str | None = None  # of its template, as the caller declared it

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        kept: dict[str, Any] = {"body": self.body, "callback_data": self.callback_data}
        if self.when_closed not in (None, "reject"):
            kept["when_closed"] = self.when_closed
        if self.of:
            kept["of"] = str(self.of)
        if self.category:
            kept["category"] = self.category
        return kept


@dataclass(frozen=True, slots=True)
class Attention:
    """Why a person should look at a conversation: the message that could not go out, and who asked for it."""

    key: MessageKey
    request: Request
    asked_by: str
    note: str | None
    why: str


def request_from(kept: Mapping[str, Any]) -> Request:
    """A request as it was kept."""
    return Request(
        kept["body"],
        kept.get("callback_data"),
        kept.get("when_closed"),
        MessageKey.parse(kept.get("of")),
        kept.get("category"),
    )


def decide(message_is_template: TemplateAsked | None, situation: Situation) -> Decision:
    """What to do with a message; `message_is_template` is None for a free-form one."""
    if message_is_template is not None:
        return _decide_template(message_is_template, situation)
    if situation.waited and (unwanted := situation.consent.forbids_all):
        return Refuse(OptedOut(unwanted, code=MARKETING_STOPPED_CODE), unwanted)
    if situation.window.permits_free_form(situation.now):
        return _unless_stopped(situation, SendNow(_why_open(situation.window)))
    why = why_closed(situation.window, situation.now)
    match situation.policy:
        case Reject():
            return RefuseWindow(why)
        case UseTemplate():
            return _instead(situation, why)
        case Hold() as hold:
            return _hold(hold, situation, why)
        case Handoff(note):
            return GiveToPerson(note, why)


def _decide_template(asked: TemplateAsked, situation: Situation) -> Decision:
    template = asked.stored
    if template is None:
        why = f"Template '{asked.name}' does not exist in language '{asked.language}'."
        return Refuse(TemplateNotFound(why), why)
    error = (
        why_not_sendable(template)
        or _why_unfit(asked)
        or _why_unwanted(template, situation.consent)
        or (why_dearer(template, asked.declared) if situation.refuses_dearer else None)
    )
    if error:
        return Refuse(error, str(error))
    return _unless_stopped(situation, SendNow("An approved template may go out at any time."))


def _why_unfit(asked: TemplateAsked) -> CasementError | None:
    if not asked.misfits:
        return None
    said = " ".join(misfit.why for misfit in asked.misfits)
    return TemplateNotSendable(f"Template '{asked.name}' ({asked.language}): {said}", code=asked.misfits[0].code)


def _why_unwanted(template: Template, consent: Consent) -> CasementError | None:
    why = consent.forbids(template.category)
    return OptedOut(why, code=MARKETING_STOPPED_CODE) if why else None


def why_dearer(template: Template, declared: str | None) -> CategoryMoved | None:
    """Why a template is not sent where none may cost more than was declared: for this send, else when it was made."""
    expected = declared or template.declared
    if not is_dearer(template.category, expected):
        return None
    return CategoryMoved(
        f"Template '{template.name}' ({template.language}) was declared {expected} and is {template.category} at Meta "
        "now, which costs more. To send it all the same, declare it: casement.category."
    )


def _unless_stopped(situation: Situation, decision: SendNow | SendInstead) -> Decision:
    if situation.stopped_by is None:
        return decision
    why = (
        f"Meta has stopped this number with error {situation.stopped_by}, so nothing goes out. Casement looks again "
        "by itself, and at once when the number's token changes."
    )
    return Refuse(NumberStopped(why, code=situation.stopped_by), why)


def _instead(situation: Situation, why: str) -> Decision:
    selection = situation.selection
    if selection is None or selection.chosen is None:
        passed = selection.passed if selection else ()
        return RefuseWindow(f"{why} No template can go in its place.", passed)
    return _unless_stopped(situation, SendInstead(selection.chosen, why, selection.passed))


def _hold(hold: Hold, situation: Situation, why: str) -> Decision:
    if situation.held >= situation.most_holds:
        return RefuseWindow(f"{why} {situation.held} messages to this customer wait already, which is the most.")
    selection = situation.selection
    may_nudge = situation.stopped_by is None and not situation.nudged
    nudge = selection.chosen if selection and may_nudge else None
    return KeepForCustomer(
        situation.now + hold.expires_in_ms, hold.supersede, nudge, why, selection.passed if selection else ()
    )


def _why_open(window: Window) -> str:
    return f"The customer service window is {window.state}."


def why_closed(window: Window, now: int) -> str:
    """Why a window does not permit free-form messages, in words."""
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
