"""How a Flow's requests for data are answered: by the business's own back end, by fixed screens, or by those where the
back end does not answer in time.

    {"backend": {"url": "https://example.org/flows", "deadline_ms": 5000},
     "screens": [{"action": "INIT", "screen": "BOOK", "data": {"days": ["monday"]}},
                 {"action": "data_exchange", "from": "BOOK", "screen": "SUCCESS"}]}

Of the screens, the first that fits counts: one that names no action fits each, one that names no `from` fits from
wherever. The screen `SUCCESS` ends the Flow; its `data` are the answers that arrive as a message, without it those that
the customer has just given.

Meta's side: https://developers.facebook.com/docs/whatsapp/flows/guides/implementingyourflowendpoint
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from casement.domain.errors import InvalidRequest
from casement.domain.flow_token import FlowToken
from casement.domain.subscription import LONGEST_URL, Mode, secret_from
from casement.domain.untrusted import is_text

INIT, BACK, DATA_EXCHANGE, PING = "INIT", "BACK", "data_exchange", "ping"
ACTIONS = (INIT, BACK, DATA_EXCHANGE)
DEFAULT_DEADLINE_MS, LONGEST_DEADLINE_MS, SHORTEST_DEADLINE_MS = 5_000, 8_000, 500  # Meta's own is about ten seconds
MOST_SCREENS = 100
LAST = "SUCCESS"
NO_LONGER_VALID = "This form is no longer open."
_FLOW_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LONGEST_SCREEN = 200
_LONGEST_MESSAGE = 1_000

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Backend:
    """Who answers, how what they are asked is signed, and how long they have (milliseconds)."""

    url: str
    secret: str = field(repr=False)
    deadline_ms: int = DEFAULT_DEADLINE_MS


@dataclass(frozen=True, slots=True)
class Screen:
    """An answer that never changes. Without `action` or `come_from` it fits any; without `data` it gives back what was
    given."""

    screen: str
    action: str | None = None
    come_from: str | None = None
    data: Json | None = None


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """How one Flow is answered."""

    flow_id: str
    backend: Backend | None = None
    screens: tuple[Screen, ...] = ()
    version: int = 1

    def kept(self) -> dict[str, Any]:
        """As it is kept, but for `flow_id` and `version`."""
        shown = self.view()
        if self.backend:
            shown["backend"]["secret"] = self.backend.secret
        del shown["flow_id"]
        return shown

    def view(self) -> dict[str, Any]:
        """As callers see it, without the secret."""
        shown: dict[str, Any] = {"flow_id": self.flow_id}
        if self.backend:
            shown["backend"] = {"url": self.backend.url, "deadline_ms": self.backend.deadline_ms}
        if self.screens:
            shown["screens"] = [_screen_view(screen) for screen in self.screens]
        return shown


def flow_config_from(flow_id: str, given: object, *, before: FlowConfig | None, random: bytes) -> FlowConfig:
    """How a Flow is to be answered, as its owner writes it. A back end without a secret keeps the one `before`, else it
    gets one made of 32 `random` bytes. Raises `InvalidRequest`. Whether the URL may be called is for the caller to find
    out.
    """
    if not _FLOW_ID.fullmatch(flow_id):  # it is part of the URL that Meta calls
        why = "A Flow's id must be 1 to 64 letters, digits, `-`, `_` and `.`; Meta's are digits."
        raise InvalidRequest(why, parameter="flow_id")
    if not isinstance(given, dict) or not given.keys() & {"backend", "screens"}:
        raise InvalidRequest("A Flow is answered by a backend, by screens, or by both.", parameter="screens")
    if unknown := sorted(given.keys() - {"backend", "screens"}):
        raise InvalidRequest(f"{unknown[0]} is not known here.", parameter=unknown[0])
    kept = before.backend.secret if before and before.backend else None
    return FlowConfig(
        flow_id,
        _backend(given["backend"], kept, random) if given.get("backend") is not None else None,
        _screens(given.get("screens")),
        before.version + 1 if before else 1,
    )


def flow_config(flow_id: str, kept: Json, version: int) -> FlowConfig:
    """How a Flow is answered, as it was kept."""
    return replace(flow_config_from(flow_id, kept, before=None, random=b""), version=version)


def _backend(given: Any, kept: str | None, random: bytes) -> Backend:
    if not isinstance(given, dict):
        raise InvalidRequest("backend must be an object.", parameter="backend")
    if unknown := sorted(given.keys() - {"url", "secret", "deadline_ms"}):
        raise InvalidRequest(f"backend.{unknown[0]} is not known here.", parameter=f"backend.{unknown[0]}")
    url, deadline = given.get("url"), given.get("deadline_ms", DEFAULT_DEADLINE_MS)
    if not is_text(url, LONGEST_URL):
        raise InvalidRequest("backend.url must be an address.", parameter="backend.url")
    if type(deadline) is not int or not SHORTEST_DEADLINE_MS <= deadline <= LONGEST_DEADLINE_MS:
        why = f"backend.deadline_ms must be a whole number from {SHORTEST_DEADLINE_MS} to {LONGEST_DEADLINE_MS}."
        raise InvalidRequest(why, parameter="backend.deadline_ms")
    try:
        secret = kept if kept and given.get("secret") is None else secret_from(given.get("secret"), Mode.EVENTS, random)
    except InvalidRequest as error:
        raise InvalidRequest(f"backend.{error}", parameter="backend.secret") from error
    return Backend(str(url), secret, deadline)


def _screens(given: Any) -> tuple[Screen, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not 0 < len(given) <= MOST_SCREENS:
        raise InvalidRequest(f"screens must be a list of 1 to {MOST_SCREENS} screens.", parameter="screens")
    return tuple(_screen(one, f"screens.{place}") for place, one in enumerate(given))


def _screen(given: Any, where: str) -> Screen:
    if not isinstance(given, dict):
        raise InvalidRequest(f"{where} must be an object.", parameter=where)
    if unknown := sorted(given.keys() - {"action", "from", "screen", "data"}):
        raise InvalidRequest(f"{where}.{unknown[0]} is not known here.", parameter=f"{where}.{unknown[0]}")
    action, come_from, data = given.get("action"), given.get("from"), given.get("data")
    if action is not None and action not in ACTIONS:
        raise InvalidRequest(f"{where}.action must be one of: {', '.join(ACTIONS)}.", parameter=f"{where}.action")
    if come_from is not None and not is_text(come_from, _LONGEST_SCREEN):
        raise InvalidRequest(f"{where}.from must be the name of a screen.", parameter=f"{where}.from")
    if not is_text(given.get("screen"), _LONGEST_SCREEN):
        raise InvalidRequest(f"{where}.screen must be the name of a screen.", parameter=f"{where}.screen")
    if data is not None and not isinstance(data, dict):
        raise InvalidRequest(f"{where}.data must be an object.", parameter=f"{where}.data")
    return Screen(given["screen"], action, come_from, data)


def _screen_view(screen: Screen) -> dict[str, Any]:
    named = {"action": screen.action, "from": screen.come_from, "screen": screen.screen, "data": screen.data}
    return {name: value for name, value in named.items() if value is not None}


# --- one request and its answer ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What WhatsApp gets, and with which HTTP status; `problem` says for the log why a customer sees no next screen."""

    status: int
    body: Json | None
    problem: str | None = None


ACTIVE = Answer(200, {"data": {"status": "active"}})
ACKNOWLEDGED = Answer(200, {"data": {"acknowledged": True}})


def no_longer_valid(message: str = NO_LONGER_VALID) -> Answer:
    """The Flow of this message can't be opened any more; `message` says so to the customer."""
    return Answer(427, {"error_msg": message}, "flow token no longer valid")


def error_in(request: Json) -> Json | None:
    """What a client tells of an answer of ours that it could not show: `error` and `error_message`; None if nothing."""
    data = request.get("data")
    return data if isinstance(data, dict) and "error" in data else None


def screen_for(config: FlowConfig, request: Json) -> Answer | None:
    """The fixed answer to a request, None if no screen fits it."""
    for screen in config.screens:
        fits_action = screen.action in (None, request.get("action"))
        if fits_action and screen.come_from in (None, request.get("screen")):
            given = request.get("data")
            data = screen.data if screen.data is not None else given if isinstance(given, dict) else {}
            return Answer(200, _ended({"screen": screen.screen, "data": data}, request))
    return None


def answer_in(status: int, said: object, request: Json) -> Answer | None:
    """What a back end answered, `said` being its JSON; None if that is no answer to a request of a Flow's."""
    if status == 427:
        message = said.get("error_msg") if isinstance(said, dict) else None
        return no_longer_valid(str(message) if is_text(message, _LONGEST_MESSAGE) else NO_LONGER_VALID)
    if not (200 <= status < 300 and isinstance(said, dict)):
        return None
    if not is_text(said.get("screen"), _LONGEST_SCREEN) or not isinstance(said.get("data"), dict):
        return None
    return Answer(200, _ended(said, request))


def _ended(answer: Json, request: Json) -> Json:
    """The same answer; if it ends the Flow, as Meta wants it, with the token that the Flow began with."""
    if answer["screen"] != LAST:
        return answer
    response = answer["data"].get("extension_message_response")
    params = response.get("params") if isinstance(response, dict) else None
    params = params if isinstance(params, dict) else answer["data"]
    token = {"flow_token": request["flow_token"]} if isinstance(request.get("flow_token"), str) else {}
    return {**answer, "data": {"extension_message_response": {"params": {**token, **params}}}}


def question(flow_id: str, request: Json, token: FlowToken | None) -> dict[str, Any]:
    """What a back end is asked: Meta's request, decrypted, and which conversation it is of, where the token says it."""
    tied = {"phone_number_id": token.number, "conversation_id": token.send.contact} if token else {}
    return {
        "type": "flow.data_exchange",
        "flow_id": flow_id,
        **tied,
        "send_id": str(token.send) if token else None,
        "verified": token is not None,
        "request": request,
    }


Ask = Callable[[Backend, dict[str, Any]], tuple[int, object] | None]
"""Ask a back end: HTTP status and JSON of its answer, None if there was none in time."""
