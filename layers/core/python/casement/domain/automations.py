"""Automations: what follows from a message by itself, as the owner of a number declared it.

A rule says when it holds and what is then done; `decide` says, for something that happened, which rules do what.
Nothing happens here. The document that owners write is read in `casement.domain.automations_document`.

What holds whatever the rules say: a rule acts once in a window unless it says otherwise; nothing is answered while a
person has the conversation, nor more often than `limit` times an hour, so that two bots cannot answer each other for
ever. Whoever decides again on the same message, since something broke off between deciding and acting, gets the same.
What comes too late is answered with nothing, and so spends nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from casement.domain.business_hours import BusinessHours
from casement.domain.jobs import TOO_LATE_MS
from casement.domain.keywords import Keyword, said
from casement.domain.opening_words import opening_in_words
from casement.domain.profile import LONGEST_TAG
from casement.domain.reply_texts import DEFAULT, ByLanguage, ValueOf, chosen, rendered

HOUR_MS = 3_600_000
_CLOCKS_DIFFER_MS = 5_000  # at most: who sends may think that it is not too late yet
DEFAULT_LIMIT = 5  # automatic messages an hour and conversation
_REMEMBERED = 20  # of what happened lately, at least: as many may be decided on again after a crash
_LONGEST_BODY = 4_096  # characters of a text message

# --- what is declared ------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    """What a rule can follow from."""

    MESSAGE = "message"  # a customer's message that opens the window or keeps it open
    OPTED_OUT = "opted_out"  # the customer stopped something, by a stop word or at Meta; that message is no `message`
    WINDOW_CLOSING = "window_closing"  # the window is about to close, and nobody has answered


@dataclass(frozen=True, slots=True)
class Tapped:
    """A button or a row of a list that the customer tapped. No payloads are any; `starts`: how they begin."""

    payloads: tuple[str, ...] = ()
    starts: bool = False


@dataclass(frozen=True, slots=True)
class Submitted:
    """A Flow's form that the customer sent. `answers` has, by the form's names, the answers of which one must be; no
    `flow_ids` are any."""

    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flow_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CameBy:
    """The ad or post that the customer came by. No ids are any."""

    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class When:
    """When a rule holds: all that is said must be so. What is None or empty is not asked."""

    kind: Kind = Kind.MESSAGE
    first_message: bool = False  # of its window
    types: tuple[str, ...] = ()  # of messages, in Meta's words
    keyword: Keyword | None = None
    flow: Submitted | None = None
    button: Tapped | None = None
    outside_hours: bool | None = None
    referral: CameBy | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A free-form message. `messages` has for each language a text, or a body in Meta's words without an addressee."""

    messages: ByLanguage


@dataclass(frozen=True, slots=True)
class Send:
    """A free-form message as it goes out: a Graph body without an addressee."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SendTemplate:
    """A template, by its name or by the purpose that it serves; `parameters` as `Purpose` has them."""

    name: str | None = None
    purpose: str | None = None
    language: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarkRead:
    """The customer sees that their message was read."""


@dataclass(frozen=True, slots=True)
class ShowTyping:
    """The customer sees that somebody writes; it marks the message read as well."""


@dataclass(frozen=True, slots=True)
class Tag:
    """The contact gets these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Untag:
    """The contact loses these tags."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HandOff:
    """A person should look at the conversation."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class Emit:
    """An event of type `custom.<name>`."""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)


Declared = Reply | SendTemplate | MarkRead | ShowTyping | Tag | Untag | HandOff | Emit
Action = Send | SendTemplate | MarkRead | ShowTyping | Tag | Untag | HandOff | Emit


@dataclass(frozen=True, slots=True)
class Once:
    """How often a rule may act in a conversation: once in a window, once in `per_ms`, or whenever it holds."""

    per_window: bool = True
    per_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """`when` it holds, `then` this is done, in this order. With `stop`, no later rule is looked at where this one
    holds, whether it may act again or not."""

    id: str
    when: When
    then: tuple[Declared, ...]
    name: str = ""
    enabled: bool = True
    once: Once = Once()
    stop: bool = False


@dataclass(frozen=True, slots=True)
class Automations:
    """All of a number. `language` is what texts are in that name none; `budget` the automatic messages that may go out
    in a month of the business's time zone, None for any number; `limit` those in an hour and conversation."""

    rules: tuple[Rule, ...] = ()
    hours: BusinessHours | None = None
    language: str | None = None
    budget: int | None = None
    limit: int = DEFAULT_LIMIT

    def month(self, at: int) -> str:
        """The month, `YYYY-MM`, that something at `at` (epoch milliseconds) counts for."""
        wall = self.hours.local(at) if self.hours else datetime.fromtimestamp(at / 1000, UTC)
        return f"{wall:%Y-%m}"

    def follow(self, kind: Kind) -> bool:
        """Whether any rule could act on something of that kind."""
        return any(rule.enabled and rule.when.kind is kind for rule in self.rules)


# --- what happened ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contact:
    """What is known of the customer. `fields` are what forms and operators said: email, phone, service, date."""

    name: str | None = None
    language: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that rules may follow from. Times are epoch milliseconds by Meta's clock.

    `id` is the same whenever it is told of: a wamid, or what stands for one. `element` is Meta's `messages[]` element,
    empty where there is none. `window` is when this run of the customer service window opened, None where none is open;
    `answers` are those of a Flow, by the form's names, and `flow` is its id or name, where a token of ours tells it.
    `is_unwanted`: a message would be no answer, and the customer asked not to be written to.
    """

    kind: Kind
    id: str
    at: int
    element: Mapping[str, Any] = field(default_factory=dict)
    is_first: bool = False
    window: int | None = None
    contact: Contact = Contact()
    answers: Mapping[str, Any] | None = None
    flow: str | None = None
    is_unwanted: bool = False


@dataclass(frozen=True, slots=True)
class Last:
    """When a rule last acted in a conversation, by our clock; in which scope, and on what (a digest of its id)."""

    scope: str
    happened: str
    at: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Something that rules acted on: a digest of its id, when by our clock, which rules (none where that was long ago),
    and with how many messages."""

    happened: str
    at: int
    rules: tuple[str, ...]
    messages: int


@dataclass(frozen=True, slots=True)
class State:
    """What rules did in a conversation so far, and why a person has it, None if nobody has."""

    fired: Mapping[str, Last] = field(default_factory=dict)
    answered: tuple[Answered, ...] = ()
    paused_by: str | None = None


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that acts, and what it does, with every variable filled in.

    `scope` is the window it counts for, in text, empty if it does not count by windows. `at` is when it was first
    decided, by our clock: the same if it is decided again.
    """

    rule: str
    actions: tuple[Action, ...]
    scope: str
    at: int


@dataclass(frozen=True, slots=True)
class Passed:
    """A rule that does nothing, and why, in a sentence."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What follows, in the order of the rules. `state` is to be kept before anything is done; it is the very one that
    was given where nothing changes."""

    fired: tuple[Fired, ...]
    passed: tuple[Passed, ...]
    state: State


def state_view(state: State) -> dict[str, Any]:
    """The state as JSON, without why it is paused: that is known from elsewhere."""
    return {
        "fired": {rule: [last.scope, last.happened, last.at] for rule, last in state.fired.items()},
        "answered": [[one.happened, one.at, list(one.rules), one.messages] for one in state.answered],
    }


def state_from(view: Mapping[str, Any], paused_by: str | None = None) -> State:
    """The state from what `state_view` made of it; an empty object is one in which nothing has acted yet."""
    fired = {rule: Last(*last) for rule, last in view.get("fired", {}).items()}
    answered = (Answered(mark, at, tuple(rules), count) for mark, at, rules, count in view.get("answered", ()))
    return State(fired, tuple(answered), paused_by)


# --- deciding --------------------------------------------------------------------------------------------------------


def decide(automations: Automations, happened: Happened, state: State, now: int) -> Decided:
    """What follows from something that happened. `now` is epoch milliseconds by our clock.

    What rules acted on before, they act on again in the same way, whatever has come since.
    """
    mark = mark_of(happened.id)
    before = next((one for one in state.answered if one.happened == mark and one.rules), None)
    if before:
        return _again(automations, happened, state, before)
    fired: list[Fired] = []
    acting: list[Rule] = []
    passed: list[Passed] = []
    left = automations.limit - _messages_lately(state, now)
    late = now - happened.at > TOO_LATE_MS + _CLOCKS_DIFFER_MS
    stopped_by: str | None = None
    for rule in automations.rules:
        why = (
            f'The rule "{stopped_by}" holds, and is the last.'
            if stopped_by
            else _why_not(rule, automations, happened, now)
        )
        if why is None:
            stopped_by = rule.id if rule.stop else None
            last = state.fired.get(rule.id)
            if last and last.happened == mark:  # it did, and much has come since
                fired.append(_fire(rule, automations, happened, last.at))
                continue
            messages = 0 if late else _messages_of(rule)
            why = _why_not_now(rule, happened, state, now, messages, left)
        if why is not None:
            passed.append(Passed(rule.id, why))
            continue
        fired.append(_fire(rule, automations, happened, now))
        acting.append(rule)
        left -= messages
    return Decided(tuple(fired), tuple(passed), _after(automations, state, happened, acting, now, late=late))


def scope_of(happened: Happened) -> int:
    """When the window began for which something counts. Outside every window it counts for itself."""
    return happened.at if happened.window is None else happened.window


def mark_of(happened_id: str) -> str:
    """What of an id is kept: enough to know it again."""
    return hashlib.blake2b(happened_id.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _again(automations: Automations, happened: Happened, state: State, before: Answered) -> Decided:
    fired = [_fire(rule, automations, happened, before.at) for rule in automations.rules if rule.id in before.rules]
    others = (rule for rule in automations.rules if rule.id not in before.rules)
    passed = (Passed(rule.id, "It did not act on this the first time.") for rule in others)
    return Decided(tuple(fired), tuple(passed), state)


def _messages_lately(state: State, now: int) -> int:
    return sum(one.messages for one in state.answered if one.at > now - HOUR_MS)


def _messages_of(rule: Rule) -> int:
    return sum(isinstance(action, Reply | SendTemplate) for action in rule.then)


def _after(
    automations: Automations, state: State, happened: Happened, acting: Iterable[Rule], now: int, *, late: bool
) -> State:
    """The state once these rules have acted. Where that is too `late` for messages, who has some has yet to act."""
    acting = tuple(acting)
    if not acting:
        return state
    mark, done = mark_of(happened.id), [rule for rule in acting if not (late and _messages_of(rule))]
    counted = {rule.id for rule in automations.rules if rule.once.per_window or rule.once.per_ms}
    last = {rule: last for rule, last in state.fired.items() if rule in counted}
    last |= {rule.id: Last(_scope(rule, happened), mark, now) for rule in done if rule.id in counted}
    messages = sum(map(_messages_of, done))
    answered = (*state.answered, Answered(mark, now, tuple(rule.id for rule in acting), messages))
    # Of what is older, only how much was said matters: with the names of 100 rules it would fill an item of the table.
    older = (one for one in answered[:-_REMEMBERED] if one.messages and one.at > now - HOUR_MS)
    lately = (replace(one, rules=()) for one in older)
    return replace(state, fired=last, answered=(*lately, *answered[-_REMEMBERED:]))


def _scope(rule: Rule, happened: Happened) -> str:
    return str(scope_of(happened)) if rule.once.per_window else ""


def _why_not_now(rule: Rule, happened: Happened, state: State, now: int, messages: int, left: int) -> str | None:
    """Why a rule that holds, and would send so many messages where so many are left, does not act now."""
    if state.paused_by is not None:
        return f"Automations are paused in this conversation: {state.paused_by}"
    if happened.is_unwanted and _messages_of(rule):
        return "The customer asked not to be written to, and has written nothing that it would answer."
    last = state.fired.get(rule.id)
    if last and rule.once.per_ms and now - last.at < rule.once.per_ms:
        return "It has acted in this conversation lately."
    if last and rule.once.per_window and last.scope and int(last.scope) >= scope_of(happened):
        return "It has acted in this window."
    if messages > left:
        return "This conversation has had as many automatic messages as it may have in an hour."
    return None


# --- conditions ------------------------------------------------------------------------------------------------------


def _why_not(rule: Rule, automations: Automations, happened: Happened, now: int) -> str | None:
    """Why a rule does not hold, None if it does."""
    if not rule.enabled:
        return "It is switched off."
    return next(_unmet(rule.when, automations, happened, now), None)


def _unmet(when: When, automations: Automations, happened: Happened, now: int) -> Iterator[str]:
    """What of a rule's conditions is not so, in sentences."""
    element = happened.element
    if when.kind is not happened.kind:
        yield _NOT_OF_KIND[when.kind]
    if when.first_message and not happened.is_first:
        yield "It is not the first message of its window."
    if when.types and element.get("type") not in when.types:
        yield "It is a message of another type."
    if when.keyword and not said(when.keyword, text_of(element)):
        yield "It holds none of the words."
    if when.flow and happened.answers is None:
        yield "It is no Flow's form."
    if when.flow and when.flow.flow_ids and happened.flow not in when.flow.flow_ids:
        yield "It is another Flow's form, or it is not known whose."
    if when.flow and not _fits_form(when.flow, happened.answers or {}):
        yield "No such answers came."
    if when.button and not _fits_button(when.button, payload_of(element)):
        yield "No such button was tapped." if when.button.payloads else "No button was tapped."
    if when.referral and not _fits_source(when.referral, element.get("referral")):
        yield "The customer did not come by such an ad." if when.referral.source_ids else "The customer came by no ad."
    if when.outside_hours is not None and automations.hours and automations.hours.is_open(now) == when.outside_hours:
        yield "The business is open." if when.outside_hours else "The business is closed."


_NOT_OF_KIND = {
    Kind.MESSAGE: "It is for messages.",
    Kind.OPTED_OUT: "The customer has not opted out.",
    Kind.WINDOW_CLOSING: "The window is not about to close.",
}


def text_of(element: Mapping[str, Any]) -> str:
    """What a customer wrote, be it under a picture or on the button that they tapped; empty if nothing."""
    for path in _TEXTS:
        if isinstance(found := _at(element, path), str) and found:
            return found
    return ""


def payload_of(element: Mapping[str, Any]) -> str | None:
    """The payload of the button that was tapped, None if none was."""
    for path in _PAYLOADS:
        if isinstance(found := _at(element, path), str):
            return found
    return None


_TEXTS = (
    ("text", "body"),
    *((medium, "caption") for medium in ("image", "video", "document")),
    ("button", "text"),
    *(("interactive", reply, "title") for reply in ("button_reply", "list_reply")),
    ("order", "text"),
)
_PAYLOADS = (
    ("button", "payload"),
    ("interactive", "button_reply", "id"),
    ("interactive", "list_reply", "id"),
)


def _at(element: Any, path: Iterable[str]) -> Any:
    for name in path:
        element = element.get(name) if isinstance(element, Mapping) else None
    return element


def _fits_form(wanted: Submitted, answers: Mapping[str, Any]) -> bool:
    return all(as_text(answers.get(name)) in allowed for name, allowed in wanted.answers.items())


def _fits_button(wanted: Tapped, payload: str | None) -> bool:
    if payload is None:
        return False
    if wanted.starts:
        return payload.startswith(wanted.payloads)
    return not wanted.payloads or payload in wanted.payloads


def _fits_source(wanted: CameBy, referral: Any) -> bool:
    if not isinstance(referral, Mapping):
        return False
    return not wanted.source_ids or referral.get("source_id") in wanted.source_ids


# --- what is done ----------------------------------------------------------------------------------------------------


def _fire(rule: Rule, automations: Automations, happened: Happened, at: int) -> Fired:
    actions = tuple(_filled(action, automations, happened, at) for action in rule.then)
    return Fired(rule.id, actions, _scope(rule, happened), at)


def _filled(action: Declared, automations: Automations, happened: Happened, at: int) -> Action:
    """An action with every variable filled in."""
    match action:
        case Reply(messages):
            language, message = chosen(messages, happened.contact.language, automations.language)
            spoken = _language_of(language, automations, happened)
            return Send(_body(rendered(message, _values(automations, happened, at, spoken))))
        case SendTemplate(parameters=parameters):
            spoken = action.language or happened.contact.language or automations.language
            value_of = _values(automations, happened, at, spoken)
            return replace(action, parameters=rendered(parameters, lambda name: " ".join(value_of(name).split())))
        case Tag(tags) | Untag(tags):
            return replace(action, tags=_tags(tags, _values(automations, happened, at, automations.language)))
        case HandOff(note) if note:
            return HandOff(rendered(note, _values(automations, happened, at, automations.language)))
        case Emit(data=data):
            return replace(action, data=rendered(data, _values(automations, happened, at, automations.language)))
    return action


def _language_of(of_text: str, automations: Automations, happened: Happened) -> str | None:
    """The language of a text that was chosen: its own, else the one that the owner writes in, else the contact's."""
    return of_text if of_text != DEFAULT else automations.language or happened.contact.language


def _tags(tags: Iterable[str], value_of: ValueOf) -> tuple[str, ...]:
    """Tags with what they are made of; those that come to nothing are left out."""
    filled = (rendered(tag, value_of).strip()[:LONGEST_TAG] for tag in tags)
    return tuple(dict.fromkeys(filter(None, filled)))


def _body(message: Any) -> Mapping[str, Any]:
    if isinstance(message, str):
        message = {"type": "text", "text": {"body": message}}
    if message["type"] == "text":  # what a customer wrote may have made it too long
        message = {**message, "text": {**message["text"], "body": message["text"]["body"][:_LONGEST_BODY]}}
    return {"messaging_product": "whatsapp", **message}


def _values(automations: Automations, happened: Happened, at: int, language: str | None) -> ValueOf:
    """What each variable has, in text; empty where there is nothing."""

    def value_of(name: str) -> str:
        space, _, what = name.partition(".")
        match space, what:
            case "contact", "name":
                return happened.contact.name or ""
            case "contact", "language":
                return happened.contact.language or ""
            case "contact", _:
                return happened.contact.fields.get(what, "")
            case "message", "text":
                return text_of(happened.element)
            case "message", "id":
                return as_text(happened.element.get("id"))
            case "flow", _:
                return as_text((happened.answers or {}).get(what))
            case "hours", "next_open":
                return _next_open(automations.hours, at, language)
        return ""

    return value_of


def _next_open(hours: BusinessHours | None, at: int, language: str | None) -> str:
    opens = hours.next_open(at) if hours else None
    return opening_in_words(hours.local(opens), hours.local(at), language) if hours and opens is not None else ""


def as_text(answer: Any) -> str:
    """An answer of a form in text: several, parted by commas; empty for none."""
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if isinstance(answer, str | int | float):
        return str(answer)
    if isinstance(answer, list):
        return ", ".join(filter(None, map(as_text, answer)))
    return ""
