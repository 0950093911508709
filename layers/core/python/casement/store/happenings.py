"""What a stored item tells `react` besides its place in the log. It follows from the item alone."""

import json
from collections.abc import Mapping
from typing import Any

from casement.domain.consent import MARKETING_STOPPED_CODE
from casement.domain.happenings import Happening, MarketingStopped, Opened, WindowRefused
from casement.domain.message_key import MessageKey
from casement.store.table import text


def happening_in(image: Mapping[str, Any]) -> Happening | None:
    """What happened, if `image` (an item in DynamoDB's form) tells of something that has consequences."""
    pk, sk = text(image, "PK"), text(image, "SK")
    if not pk.startswith("C#"):
        return None
    _, number_id, contact = pk.split("#")
    prefix, at, *rest = sk.split("#")
    match prefix, rest:
        case "W", ["0", _, _, digest, *_]:
            return Opened(number_id, contact, int(at), digest, _said(image))
        case "W", ["1", "send", ulid, *_]:
            return WindowRefused(number_id, MessageKey(contact, ulid))
        case "M", ["send", _, *status] if MARKETING_STOPPED_CODE in _codes(image, status):
            return MarketingStopped(number_id, contact, int(at))
    return None


def _said(image: Mapping[str, Any]) -> str | None:
    element = json.loads(text(image, "raw"))["element"]
    places = (("text", "body"), ("button", "text"))
    for outer, inner in places:
        part = element.get(outer)
        if isinstance(part, dict) and isinstance(part.get(inner), str):
            words: str = part[inner]
            return words
    return None


def _codes(image: Mapping[str, Any], status: list[str]) -> list[Any]:
    """The error codes in a failed status of a send, or in a failed outcome (which has nothing behind its id)."""
    if status[:1] == ["failed"]:
        errors = json.loads(text(image, "raw"))["element"].get("errors")
        return [error.get("code") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    if not status and text(image, "status") == "failed":
        error = json.loads(text(image, "answer") or "{}").get("error")
        return [error.get("code")] if isinstance(error, dict) else []
    return []
