"""An event as a subscriber gets it: in our own shape, or in Meta's, one message or status in an envelope of its own.

What a bot gets that was written for Meta's webhooks is what Meta sent, but for the callback data of our own sends,
which is the caller's, and for `contacts[].user_id`, which is there whenever we know it. Source:
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview
"""

from collections.abc import Mapping
from typing import Any

from casement.domain.compact_json import dumps
from casement.domain.contact import is_bsuid
from casement.domain.events import Event, Numbered

EVENTS, META = "events", "meta"  # the modes of a subscription
_USER_IDS = ("from_user_id", "recipient_user_id", "to_user_id", "user_id")  # of a person, in the elements of a webhook


def rendered(told: Numbered, mode: str) -> str:
    """Exactly what is POSTed. In `META` mode, an event that Meta never told of has no form: it raises ValueError."""
    return dumps(meta_shape(told.event) if mode == META else told.event.body(told.sequence))


def meta_shape(event: Event) -> dict[str, Any]:
    """A webhook of Meta's with nothing in it but what this event tells. Raises ValueError if it is none of Meta's."""
    if event.meta is None:
        raise ValueError(f"Meta never told of {event.type}")
    meta = event.meta
    entry: dict[str, Any] = {"id": meta.get("waba_id", "")}
    if "time" in meta:
        entry["time"] = meta["time"]
    change = {"value": _value(event, meta), "field": meta.get("field", "")}
    return {"object": "whatsapp_business_account", "entry": [{**entry, "changes": [change]}]}


def _value(event: Event, meta: Mapping[str, Any]) -> Mapping[str, Any]:
    element: Mapping[str, Any] = meta["element"]
    if "metadata" not in meta:
        return element
    value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": meta["metadata"]}
    if contact := meta.get("contact"):
        contacts = contact if isinstance(contact, list) else [contact]
        value["contacts"] = [_with_user_id(one, element, event.contact) for one in contacts]
    if meta.get("key"):
        value[meta["key"]] = [element]
    else:
        value |= element
    return value


def _with_user_id(contact: Any, element: Mapping[str, Any], known_as: str) -> Any:
    """An entry of `contacts`, completed: client libraries rely on the user id that Meta promises, and old facts, or
    those of people with a phone alone, have none."""
    if not isinstance(contact, dict) or contact.get("user_id"):
        return contact
    said = (element.get(name) for name in _USER_IDS)
    user_id = next((one for one in said if isinstance(one, str) and one), known_as if is_bsuid(known_as) else None)
    return {**contact, "user_id": user_id} if user_id else contact
