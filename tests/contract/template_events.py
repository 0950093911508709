"""Templates as tests make them, and what webhooks tell of them."""

import json
from typing import Any

import httpx

from tests.contract.conftest import Endpoint, Receiver

BODY = {"type": "BODY", "text": "We have news for you, please reply to read it."}
NEWS: dict[str, Any] = {"name": "news", "language": "en_US", "category": "UTILITY", "components": [BODY]}


def create(graph: Endpoint, **different: Any) -> httpx.Response:
    return graph.post(f"{graph.waba}/message_templates", NEWS | different)


def names(graph: Endpoint, **query: str) -> list[str]:
    listing = graph.get(f"{graph.waba}/message_templates", limit="1000", **query).json()
    return [template["name"] for template in listing["data"]]


def events(receiver: Receiver) -> list[dict[str, Any]]:
    """Every change delivered so far, in order."""
    changes = [json.loads(body)["entry"][0]["changes"][0] for body in receiver.bodies]
    return [{"field": change["field"], **change["value"]} for change in changes]
