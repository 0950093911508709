"""Flows: the forms that customers fill in: how a message carries one, and how the answers come back.

https://developers.facebook.com/docs/whatsapp/flows/reference/responsemsgwebhook
"""

import json
from collections.abc import Mapping
from typing import Any

from local.simulator.config import Json, Number

UNUSED = "unused"
"""The token of a Flow message that was sent without one."""


def token_in(body: Json) -> str | None:
    """The token that a message carries to its Flow; None if it opens none."""
    kind = body.get("type")
    if kind == "interactive" and body["interactive"].get("type") == "flow":
        return str(body["interactive"]["action"]["parameters"].get("flow_token") or UNUSED)
    if kind != "template":
        return None
    buttons = [each for each in body["template"].get("components") or [] if _is_flow_button(each)]
    return _token_of_button(buttons[0]) if buttons else None


def _is_flow_button(component: Any) -> bool:
    return isinstance(component, dict) and str(component.get("sub_type")).lower() == "flow"


def _token_of_button(component: Json) -> str:
    for parameter in component.get("parameters") or []:
        action = parameter.get("action") if isinstance(parameter, dict) else None
        if isinstance(action, dict) and action.get("flow_token"):
            return str(action["flow_token"])
    return UNUSED


def reply(number: Number, quoted: str, response_json: str | None) -> Json:
    """The message with which a customer's WhatsApp hands the form in; it quotes the message that the Flow came with."""
    answered: Json = {"name": "flow", "body": "Sent"}
    answered |= {} if response_json is None else {"response_json": response_json}
    return {
        "context": {"from": number.digits, "id": quoted},
        "type": "interactive",
        "interactive": {"type": "nfm_reply", "nfm_reply": answered},
    }


def response_of(answers: Mapping[str, Any], token: str | None) -> str:
    """The answers as WhatsApp writes them into `response_json`: the token, then what the form named."""
    named = {} if token is None or "flow_token" in answers else {"flow_token": token}
    return json.dumps({**named, **answers}, ensure_ascii=False)
