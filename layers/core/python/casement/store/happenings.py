"""What a stored item tells `react` besides its place in the log. It follows from the item alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from casement.domain.consent import MARKETING_STOPPED_CODE, Party, said_in
from casement.domain.facts import Kind
from casement.domain.happenings import (
    Happening,
    MarketingStopped,
    NumberRefused,
    Opened,
    OptedOut,
    WindowRefused,
)
from casement.domain.message_key import MessageKey
from casement.domain.meta_errors import stops_the_number
from casement.domain.meta_time import milliseconds
from casement.store import keys
from casement.store.standings import closing_in
from casement.store.table import text


def happening_in(image: Mapping[str, Any]) -> Happening | None:
    """What happened, if `image` (an item in DynamoDB's form) tells of something that has consequences."""
    pk, sk = text(image, "PK"), text(image, "SK")
    if not pk.startswith("C#"):
        return None
    _, number_id, contact = pk.split("#")
    if sk == keys.STANDING:
        return closing_in(image)
    prefix, at, *rest = sk.split("#")
    match prefix, rest:
        case "W", ["0", kind, id_, digest, *_]:
            kept = json.loads(text(image, "raw"))
            return Opened(
                number_id,
                contact,
                int(at),
                digest,
                said_in(kept["element"]),
                _tapped(kept["element"]),
                id_,
                kept.get("waba_id") or "",
                kind == Kind.CALL,
                kept,
            )
        case "W", ["1", "send", ulid, *_]:
            return WindowRefused(number_id, MessageKey(contact, ulid), _waba(image))
        case "Y", [Party.META, _, "stop", end] if "raw" in image:
            return OptedOut(number_id, contact, int(at), end, _waba(image))
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


def _waba(image: Mapping[str, Any]) -> str:
    """The WABA in which a fact was told, empty where nobody says."""
    return json.loads(text(image, "raw") or "{}").get("waba_id") or ""


def _tapped(element: Mapping[str, Any]) -> str | None:
    """The wamid of the template whose button a customer tapped."""
    context = element.get("context")
    wamid = context.get("id") if element.get("type") == "button" and isinstance(context, dict) else None
    return wamid if isinstance(wamid, str) else None


def _codes(image: Mapping[str, Any], status: list[str]) -> list[Any]:
    """The error codes in a failed status of a send, or in a failed outcome (which has nothing behind its id)."""
    if status[:1] == ["failed"]:
        errors = json.loads(text(image, "raw"))["element"].get("errors")
        return [error.get("code") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    if not status and text(image, "status") == "failed":
        error = json.loads(text(image, "answer") or "{}").get("error")
        return [error.get("code")] if isinstance(error, dict) else []
    return []
