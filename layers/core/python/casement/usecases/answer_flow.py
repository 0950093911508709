"""Answer what WhatsApp asks while a customer is in a Flow: the business's own back end says what comes next, or fixed
screens do. Nothing is kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from casement.domain.errors import StoreUnavailable
from casement.domain.flow_exchange import (
    ACKNOWLEDGED,
    ACTIVE,
    PING,
    Answer,
    Ask,
    FlowConfig,
    answer_in,
    error_in,
    no_longer_valid,
    question,
    screen_for,
)
from casement.domain.flow_token import FlowToken
from casement.usecases.tie_flow import FlowTokens


class Flows(Protocol):
    """How Flows are answered."""

    def known(self, flow_id: str, now: int) -> FlowConfig | None: ...


@dataclass(frozen=True, slots=True)
class Answering:
    """`ask` asks a back end; `now` is epoch milliseconds."""

    flows: Flows
    tokens: FlowTokens
    ask: Ask
    now: int


def answer_flow(flow_id: str, request: Mapping[str, Any], answering: Answering) -> Answer:
    """The answer to a decrypted request about a Flow. Raises `StoreUnavailable`."""
    if request.get("action") == PING:
        return ACTIVE
    if error_in(request) is not None:
        return ACKNOWLEDGED
    token = answering.tokens.read(request.get("flow_token"))
    if token is not None and _is_dead(token, request["flow_token"], answering):
        return no_longer_valid()
    config = answering.flows.known(flow_id, answering.now)
    if config is None:
        return Answer(404, None, "nobody said how this Flow is answered")
    if config.backend is None:
        return screen_for(config, request) or Answer(404, None, "no screen fits")
    said = answering.ask(config.backend, question(flow_id, request, token))
    answer = answer_in(*said, request) if said else None
    if answer is not None:
        return answer
    instead = screen_for(config, request)
    why = "the back end answered nothing that can be shown" if said else "the back end did not answer"
    return replace(instead, problem=why) if instead else Answer(502, None, why)


def _is_dead(token: FlowToken, text: str, answering: Answering) -> bool:
    """Whether a form has come with this token, or none will any more. While the table does not say, it counts."""
    if answering.now > token.expires_at:
        return True
    try:
        return answering.tokens.uses.is_used(token.number, text)
    except StoreUnavailable:
        return False
