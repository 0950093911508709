"""One call to Meta, and what became of it."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from casement.domain.contact import is_phone, phone_key
from casement.domain.errors import (
    CasementError,
    GraphError,
    GraphOutcomeUnknown,
    GraphRejected,
    GraphUnavailable,
    StoreUnavailable,
)
from casement.domain.facts import Link, LinkKind
from casement.domain.message_key import MessageKey
from casement.domain.meta_errors import ErrorClass, class_of, stops_the_number
from casement.domain.number import Health
from casement.domain.sending import Outcome, Request
from casement.domain.window import RE_ENGAGEMENT_CODES
from casement.usecases.engine import Engine

CALLBACK_DATA = "biz_opaque_callback_data"


@dataclass(frozen=True, slots=True)
class Tried:
    """What one call came to. `error` is what Meta refused it with, None if it went out or may have; `kept` is false if
    what became of it could not be written."""

    outcome: Outcome
    error: GraphError | None
    kept: bool

    @property
    def kind(self) -> ErrorClass | None:
        """The class of the refusal, None if there was none."""
        match self.error:
            case None | GraphOutcomeUnknown():
                return None
            case GraphUnavailable():
                return ErrorClass.RETRY
            case GraphRejected(code=code):
                return class_of(code)
        raise TypeError(self.error)

    @property
    def refused_for_window(self) -> bool:
        """Whether Meta holds that the window is closed."""
        return self.outcome.closes_window


def attempt(
    engine: Engine,
    key: MessageKey,
    request: Request,
    body: Mapping[str, Any],
    *,
    template_id: str | None = None,
    stands_in: bool = False,
    takes_turns: bool = False,
    told: Callable[[GraphError], CasementError] = lambda error: error,
) -> Tried:
    """Call Meta once with `body`, which was asked for under `key`, and write what became of it.

    `template_id` is that of the template that it is, `told` what the caller is told of a refusal. If it `takes_turns`,
    nothing has become of it yet when Meta puts it off. A store that fails afterwards must not hide Meta's answer, and
    if the message may have gone out it must not make anybody send again: so that raises nothing, and is told in `kept`.
    """
    outcome, error = _call(engine, key, body, template_id, body if stands_in else None, told)
    if takes_turns and outcome.retry:
        return Tried(outcome, error, kept=True)
    try:
        engine.sends.end(engine.number, key, request, outcome)
        kept = True
    except StoreUnavailable:
        kept = False
    if isinstance(error, GraphRejected) and stops_the_number(error.code):
        _stop_number(engine, error.code)
    elif outcome.status == "accepted":
        _is_well(engine)
    return Tried(outcome, error, kept)


def _call(
    engine: Engine,
    key: MessageKey,
    body: Mapping[str, Any],
    template_id: str | None,
    sent: Mapping[str, Any] | None,
    told: Callable[[GraphError], CasementError],
) -> tuple[Outcome, GraphError | None]:
    ended = partial(Outcome, sent=sent, template_id=template_id)
    try:
        said = engine.post({**body, CALLBACK_DATA: key.travelling(template_id)})
    except GraphOutcomeUnknown as error:
        return ended("unknown", engine.clock(), answer={"message": str(error)}), error
    except (GraphRejected, GraphUnavailable) as error:
        http, answer = engine.show(told(error))
        closes = error.code in RE_ENGAGEMENT_CODES
        retry = isinstance(error, GraphUnavailable)
        return ended("failed", engine.clock(), answer=answer, http=http, retry=retry, closes_window=closes), error
    wamid = _wamid(said)
    if wamid is None:
        return ended("unknown", engine.clock(), answer=said), None
    return ended("accepted", engine.clock(), wamid=wamid, answer=said), None


def _stop_number(engine: Engine, code: int) -> None:
    """Keep that Meta lets this number send nothing, so that nobody goes on trying."""
    now = engine.clock()
    with suppress(StoreUnavailable):  # the next one that is refused will keep it
        health = engine.numbers.fresh(engine.number, now).health
        if not health.stops(engine.token, now):
            engine.numbers.put_health(engine.number, health.stopped(code, engine.token, now))
            engine.count("NumberStopped")


def _is_well(engine: Engine) -> None:
    """A number that was paused or stopped is not any more. What is known of it is remembered, so this costs nothing."""
    with suppress(StoreUnavailable):  # the next one that goes out will keep it
        if not engine.numbers.state(engine.number, engine.clock()).health.is_well:
            engine.numbers.put_health(engine.number, Health())


def _wamid(answer: Mapping[str, Any]) -> str | None:
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    wamid = first.get("id") if isinstance(first, dict) else None
    return wamid if isinstance(wamid, str) and wamid else None


def learn_alias(engine: Engine, contact: str, answer: Mapping[str, Any]) -> None:
    """Meta may know the phone that was asked for by other digits: tie the two, so that both find one window."""
    contacts = answer.get("contacts")
    first = contacts[0] if isinstance(contacts, list) and contacts else None
    wa_id = first.get("wa_id") if isinstance(first, dict) else None
    known_as = phone_key(wa_id) if isinstance(wa_id, str) else ""
    if known_as and is_phone(contact) and known_as != contact:
        with suppress(StoreUnavailable):  # the message went out; the next answer teaches the same
            engine.learn(Link(LinkKind.ALIAS, engine.number, contact, known_as))
