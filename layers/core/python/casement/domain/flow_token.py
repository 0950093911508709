"""Flow tokens: they tie what a customer fills in to the message that asked for it.

Casement mints one where a message opens a Flow and its caller gave none. It needs no table: it says itself which send
it is of, which Flow, and until when it counts, under a signature that only who holds an app secret can make. Meta gives
it back with the answers, and with every request of the Flow's for data.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeGuard

from casement.domain.message_key import MessageKey

PREFIX = "csf1."  # the 1 is the version of this format: older tokens come back for days after an upgrade
LASTS_MS = 7 * 86_400_000
_LONGEST = 2_000  # characters of a token that may be one of ours
_MAC_BYTES = 16
_NOTHING = (None, "", "unused")  # what clients write who have no token; the last is Meta's own word for it


class FlowToken(NamedTuple):
    """`number` sent it with the message `send`; `flow` is the id or the name of the Flow, empty where the message does
    not say. Used after `expires_at` (epoch milliseconds) it counts no more."""

    number: str
    send: MessageKey
    expires_at: int
    flow: str = ""

    def signed(self, app_secret: str) -> str:
        """As Meta gets it."""
        content = "\n".join((self.number, str(self.send), str(self.expires_at), self.flow))
        told = _text(content.encode(errors="surrogatepass"))
        return f"{PREFIX}{told}.{_mac(app_secret, told)}"


def read_flow_token(app_secrets: Iterable[str], given: object) -> FlowToken | None:
    """The token that `given` is, None if it is none that one of `app_secrets` signed. Never raises; whether it still
    counts is not said."""
    if not _may_be_ours(given):
        return None
    told, _, mac = given[len(PREFIX) :].partition(".")
    valid = False
    for secret in app_secrets:
        valid |= bool(secret) and hmac.compare_digest(_mac(secret, told).encode(), mac.encode(errors="replace"))
    return _parsed(told) if valid else None


def with_flow_token(
    body: Mapping[str, Any], number: str, send: MessageKey, app_secret: str, now: int
) -> Mapping[str, Any]:
    """The body of a message; where it opens a Flow and carries no token, with one of `send`. One of that very send is
    made anew: a message that waited for days shall not arrive with a token that has expired."""
    match body:
        case {"type": "interactive", "interactive": {"action": {"name": "flow", "parameters": dict(asked)}}}:
            if not _is_to_be_minted(asked.get("flow_token"), send):
                return body
            flow = str(asked.get("flow_id") or asked.get("flow_name") or "")
            token = FlowToken(number, send, now + LASTS_MS, flow).signed(app_secret)
            action = {**body["interactive"]["action"], "parameters": {**asked, "flow_token": token}}
            return {**body, "interactive": {**body["interactive"], "action": action}}
        case {"type": "template", "template": {"components": list(components)}}:
            token = FlowToken(number, send, now + LASTS_MS).signed(app_secret)
            return {**body, "template": {**body["template"], "components": _in_each(components, token, send)}}
    return body


def _in_each(components: Iterable[Any], token: str, send: MessageKey) -> list[Any]:
    """The components of a template; those that are the button of a Flow with the token, on the cards of a carousel
    too."""
    return [_in_component(component, token, send) for component in components]


def _in_component(component: Any, token: str, send: MessageKey) -> Any:
    match component:
        case {"cards": list(cards)}:
            return {**component, "cards": [_in_component(card, token, send) for card in cards]}
        case {"components": list(inner)}:
            return {**component, "components": _in_each(inner, token, send)}
        case {"sub_type": str(kind)} if kind.lower() == "flow":
            return _in_button(component, token, send)
    return component


def _in_button(button: Mapping[str, Any], token: str, send: MessageKey) -> Mapping[str, Any]:
    """A Flow's button, which may come without its one parameter."""
    match button.get("parameters"):
        case None | []:
            return {**button, "parameters": [{"type": "action", "action": {"flow_token": token}}]}
        case [{"action": dict(action)} as first, *rest] if _is_to_be_minted(action.get("flow_token"), send):
            return {**button, "parameters": [{**first, "action": {**action, "flow_token": token}}, *rest]}
    return button


def _is_to_be_minted(given: Any, send: MessageKey) -> bool:
    """Whether there is no token, or one of `send` itself."""
    if given in _NOTHING:
        return True
    if not _may_be_ours(given):
        return False
    known = _parsed(given[len(PREFIX) :].partition(".")[0])
    return known is not None and known.send == send


def _may_be_ours(given: object) -> TypeGuard[str]:
    return isinstance(given, str) and len(given) <= _LONGEST and given.startswith(PREFIX)


def _mac(app_secret: str, told: str) -> str:
    """The signature of what a token tells, under a key that signs nothing else."""
    key = hmac.digest(app_secret.encode(errors="surrogatepass"), b"casement flow token", "sha256")
    return _text(hmac.digest(key, told.encode(errors="surrogatepass"), "sha256")[:_MAC_BYTES])


def _parsed(told: str) -> FlowToken | None:
    try:
        content = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4)).decode(errors="surrogatepass")
    except (binascii.Error, ValueError):
        return None
    if content.count("\n") < 3:
        return None
    number, key, expires_at, flow = content.split("\n", 3)
    send = MessageKey.parse(key)
    if send is None or not (expires_at.isascii() and expires_at.isdigit() and len(expires_at) < 20):
        return None
    return FlowToken(number, send, int(expires_at), flow)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
