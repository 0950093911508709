"""Do what an automation wants done to a customer: off the outbox, by the way that every message takes.

Whatever the queue repeats, its idempotency key makes one message of. What comes too late is not sent at all: an answer
to something that was said long ago only confuses.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from casement.domain.compact_json import dumps
from casement.domain.contact import GROUP, is_bsuid, is_group
from casement.domain.conversation import Conversation
from casement.domain.errors import GraphError, IdempotencyKeyReused, StillUnderWay
from casement.domain.jobs import TOO_LATE_MS, Automatic, Do, Job
from casement.domain.policy import Purpose, WhenLimited
from casement.domain.sending import Message
from casement.domain.template_choice import Candidate, Chosen, Passed, choose, languages_for
from casement.usecases.engine import Engine
from casement.usecases.find_conversation import find_conversation
from casement.usecases.judge import in_place_of, language_of, select, unwanted
from casement.usecases.once import Once
from casement.usecases.send_message import Asking, send_message
from casement.usecases.windows import AUTOMATION

_AGAIN_S = 5.0
_MOST_TOLD = 5  # templates that could not go, in a line of the log
_ASKER = "automations"  # whose idempotency keys they are


class Spending(Protocol):
    """How many automatic messages went out in a month."""

    def spend(self, number_id: str, month: str, budget: int, now: int) -> bool: ...
    def give_back(self, number_id: str, month: str) -> None: ...
    def is_told_over(self, number_id: str, month: str, budget: int) -> bool: ...


class Claims(Protocol):
    """Idempotency keys."""

    def is_claimed(self, number_id: str, api_key: str, given: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Did:
    """What became of it, in a word or a sentence for the log; `wait` is the seconds after which to come again, None if
    it is done."""

    what: str
    wait: float | None = None


def send_automatic(job: Job, engine: Engine, spending: Spending, claims: Claims) -> Did:
    """Do what a job's automation wants. Raises `StoreUnavailable`, and does the rest when it is called again."""
    wanted = job.automatic
    assert wanted is not None  # noqa: S101 - the caller looked
    now = engine.clock()
    if now - wanted.at > TOO_LATE_MS:
        engine.count("AutomationTooLate")
        return Did("too late, so it is not done")
    if wanted.do is Do.RECEIPT:
        return _receipt(wanted.what, engine)
    if engine.numbers.state(engine.number, now).health.stops(engine.token, now):
        return Did("not sent: Meta lets this number send nothing")
    conversation = find_conversation(engine.number, job.contact, read=engine.read_alias)
    message = _message(wanted, conversation, engine, now)
    if isinstance(message, Did):
        return message
    is_counted = wanted.budget is not None and not claims.is_claimed(engine.number, _ASKER, wanted.key)
    if is_counted and not _may_spend(wanted, engine, spending, now):
        return Did("the month's budget is used up, so it is not sent")
    done = _send(message, wanted, engine)
    if is_counted and not done.went:
        spending.give_back(engine.number, wanted.month)
    return Did(done.what, done.wait)


def _receipt(body: Mapping[str, Any], engine: Engine) -> Did:
    """Nobody misses it if Meta does not take it."""
    try:
        engine.post(body)
    except GraphError as error:
        return Did(f"Meta did not take it: {type(error).__name__}")
    return Did("done")


def _may_spend(wanted: Automatic, engine: Engine, spending: Spending, now: int) -> bool:
    assert wanted.budget is not None  # noqa: S101 - the caller looked
    if spending.spend(engine.number, wanted.month, wanted.budget, now):
        return True
    if not spending.is_told_over(engine.number, wanted.month, wanted.budget):
        engine.count("AutomationBudgetUsedUp")
    return False


@dataclass(frozen=True, slots=True)
class _Done:
    what: str
    went: bool  # or may have, or may still go
    wait: float | None = None


def _send(message: Message, wanted: Automatic, engine: Engine) -> _Done:
    now = engine.clock()
    said = dumps({"do": wanted.do, "what": wanted.what})
    once = Once(_ASKER, wanted.key, hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest())
    asking = Asking(engine, f"{AUTOMATION}{wanted.rule}", now, once, wanted.at + TOO_LATE_MS - now)
    try:
        answer = send_message(message, asking)
    except IdempotencyKeyReused:  # the rule was changed between two deliveries of what it follows from
        return _Done("sent before, in other words", went=True)
    except StillUnderWay:
        return _Done("somebody else is at it", went=True, wait=_AGAIN_S)
    if answer.http == 200:
        status = answer.body["messages"][0].get("message_status", "accepted")
        return _Done(status if answer.kept else f"{status}, which could not be stored", went=True)
    may_go_later = answer.problem == "GraphUnavailable"
    return _Done(f"not sent: {answer.problem}", went=may_go_later, wait=_AGAIN_S if may_go_later else None)


def _message(wanted: Automatic, conversation: Conversation, engine: Engine, now: int) -> Message | Did:
    """The message as it goes out; or, of a template that can't go, why not."""
    to = _addressee(conversation.contact)
    kind, body, template = str(wanted.what.get("type", "text")), {**wanted.what, **to}, None
    if wanted.do is Do.TEMPLATE:
        chosen, passed = _template(wanted.what, conversation, engine, now)
        if chosen is None:
            return Did(" ".join(("no template can go:", *(f"{one.name}: {one.why}" for one in passed[:_MOST_TOLD]))))
        kind, body = "template", in_place_of({"messaging_product": "whatsapp", **to}, chosen.body)
        template = (chosen.template.name, chosen.template.language)
    limited = WhenLimited.QUEUE
    return Message(body, conversation.contact, kind, template, None, when_closed="reject", when_limited=limited)


def _addressee(contact: str) -> dict[str, str]:
    """Whom Meta is to send it to, in its own words."""
    if is_group(contact):
        return {"recipient_type": "group", "to": contact.removeprefix(GROUP)}
    return {"recipient": contact} if is_bsuid(contact) else {"to": contact}


def _template(
    wanted: Mapping[str, Any], conversation: Conversation, engine: Engine, now: int
) -> tuple[Chosen | None, tuple[Passed, ...]]:
    """The template that is named, or serves the purpose, filled in; and those that can't go."""
    settings = engine.numbers.state(engine.number, now).settings
    parameters, language = wanted.get("parameters") or {}, wanted.get("language")
    if purpose := wanted.get("purpose"):
        selection = select(Purpose(purpose, parameters, language), conversation, settings, engine, now)
        return selection.chosen, selection.passed
    languages = languages_for(language or language_of(conversation, engine), settings.languages)
    stored = (engine.templates.find(engine.waba_id, wanted["name"], each) for each in languages)
    named = Candidate(wanted["name"], None, tuple(one for one in stored if one is not None))
    return choose([named], languages, parameters, unwanted(conversation, settings))
