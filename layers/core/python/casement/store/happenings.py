"""What a stored item tells `react` besides its place in the log. It follows from the item alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from casement.domain.consent import MARKETING_STOPPED_CODE
from casement.domain.happenings import Happening, MarketingStopped, NumberRefused, Opened, WindowRefused
from casement.domain.message_key import MessageKey
from casement.domain.meta_errors import stops_the_number
from casement.domain.meta_time import milliseconds
from casement.store.table import text

# Where a message has what its customer wrote or tapped.
_WORDS = (
    ("text", "body"),
    ("button", "text"),
    ("interactive", "button_reply", "title"),
    ("interactive", "list_reply", "title"),
)


def happening_in(image: Mapping[str, Any]) -> Happening | None:
    """What happened, if `image` (an item in DynamoDB's form) tells of something that has consequences."""
    pk, sk = text(image, "PK"), text(image, "SK")
    if not pk.startswith("C#"):
        return None
    _, number_id, contact = pk.split("#")
    prefix, at, *rest = sk.split("#")
    match prefix, rest:
        case "W", ["0", _, id_, digest, *_]:
            raw = json.loads(text(image, "raw"))
            said, tapped = _said(raw["element"]), _tapped(raw["element"])
            return Opened(number_id, contact, int(at), digest, said, tapped, id_, raw.get("waba_id") or "")
        case "W", ["1", "send", ulid, *_]:
            waba_id = json.loads(text(image, "raw") or "{}").get("waba_id") or ""
            return WindowRefused(number_id, MessageKey(contact, ulid), waba_id)
        case "M", ["send", _, *status]:
            return _what_an_error_tells(number_id, contact, int(at), _codes(image, status), image)
    return None


def _what_an_error_tells(
    number_id: str, contact: str, sent_at: int, codes: Sequence[Any], image: Mapping[str, Any]
) -> Happening | None:
    if MARKETING_STOPPED_CODE in codes:
        return MarketingStopped(number_id, contact, sent_at)
    stops = next((code for code in codes if isinstance(code, int) and stops_the_number(code)), None)
    if stops is None or "raw" not in image:  # of an answer, whoever got it knows
        return None
    said_at = milliseconds(json.loads(text(image, "raw"))["element"].get("timestamp"))
    return NumberRefused(number_id, stops, said_at)


def _tapped(element: Mapping[str, Any]) -> str | None:
    """The wamid of the template whose button a customer tapped."""
    context = element.get("context")
    wamid = context.get("id") if element.get("type") == "button" and isinstance(context, dict) else None
    return wamid if isinstance(wamid, str) else None


def _said(element: Mapping[str, Any]) -> str | None:
    for place in _WORDS:
        part: Any = element
        for name in place:
            part = part.get(name) if isinstance(part, dict) else None
        if isinstance(part, str):
            return part
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
