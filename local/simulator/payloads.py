"""What a message body must look like, type by type, and how Meta refuses it otherwise.

https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-ap
https://developers.facebook.com/documentation/business-messaging/whatsapp/reference/whatsapp-business-phone-number/message-api
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.simulator.config import Json
from local.simulator.errors import GraphError, invalid, required

MAX_CALLBACK_DATA = 512
MEDIA_TYPES = ("image", "video", "audio", "document", "sticker")


def check_envelope(body: Json) -> None:
    if body.get("messaging_product") != "whatsapp":
        raise required("messaging_product")
    kind = body.get("recipient_type", "individual")
    if kind not in ("individual", "group"):
        raise invalid(f"Param recipient_type must be one of {{INDIVIDUAL, GROUP}} - got {str(kind)!r}.")
    if not body.get("to") and not body.get("recipient"):
        raise required("to")
    for name in ("to", "recipient", "biz_opaque_callback_data"):
        if not isinstance(body.get(name, ""), str):
            raise invalid(f"Param {name} must be a string.")
    if len(body.get("biz_opaque_callback_data", "").encode()) > MAX_CALLBACK_DATA:
        raise invalid(f"Param biz_opaque_callback_data must be at most {MAX_CALLBACK_DATA} characters long.")
    if "context" in body:
        _check_context(body["context"])


def _check_context(context: Any) -> None:
    if not isinstance(context, dict) or not str(context.get("message_id", "")).startswith("wamid."):
        raise GraphError(131009, details="Param context['message_id'] is not a valid message id.")


def check_message(body: Json) -> str:
    """The type of the message, after everything that can be said without knowing anything else."""
    check_envelope(body)
    kind = body.get("type", "text")
    if not isinstance(kind, str) or (kind not in CHECKS and kind != "template"):
        raise GraphError(131051, details=f"Message type {str(kind)[:64]!r} is not supported.")
    if kind not in body:
        raise required(kind)
    if kind == "template":
        return kind  # judged against the template as it was approved
    payload = body[kind]
    if not isinstance(payload, list if kind == "contacts" else dict):
        raise invalid(f"Param {kind} must be a JSON {'array' if kind == 'contacts' else 'object'}.")
    CHECKS[kind](payload)
    return kind


def check_length(value: Any, path: str, limit: int) -> None:
    """A top-level string: code 100."""
    if value is None or value == "":
        raise required(path)
    if not isinstance(value, str):
        raise invalid(f"Param {path} must be a string.")
    if len(value) > limit:
        raise invalid(f"Param {path} must be at most {limit} characters long.")


def need(holder: Any, name: str, path: str, limit: int | None = None) -> Any:
    """Something inside an interactive message: 131008 if it is missing, 131009 if it is too long."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if value is None or value == "":
        raise GraphError(131008, details=f"{path}['{name}'] is required.")
    if limit is not None and (not isinstance(value, str) or len(value) > limit):
        raise wrong(f"{path}['{name}'] length invalid. Min length: 1, Max length: {limit}")
    return value


def wrong(details: str) -> GraphError:
    return GraphError(131009, details=details)


def _listed(value: Any, path: str, at_least: int, at_most: int) -> list[Any]:
    if not isinstance(value, list) or not at_least <= len(value) <= at_most:
        raise wrong(f"{path} must hold {at_least} to {at_most} elements.")
    return value


# --- plain types ----------------------------------------------------------------------------------


def _text(text: Json) -> None:
    check_length(text.get("body"), "text['body']", 4096)


def _media(kind: str) -> Callable[[Json], None]:
    def check(media: Json) -> None:
        if not media.get("id") and not media.get("link"):
            raise required(f"{kind}['id'] or {kind}['link']")
        if media.get("id") and media.get("link"):
            raise invalid(f"Only one of {kind}['id'] and {kind}['link'] may be given.")
        if "link" in media and not re.match(r"https?://[^\s/]+", str(media["link"])):
            raise invalid(f"Param {kind}['link'] is not a valid URI.")
        if media.get("caption") is not None:
            if kind in ("audio", "sticker"):
                raise invalid(f'Unexpected key "caption" on param {kind}.')
            check_length(media["caption"], f"{kind}['caption']", 1024)

    return check


def _location(location: Json) -> None:
    for name, limit in (("latitude", 90.0), ("longitude", 180.0)):
        if name not in location:
            raise required(f"location['{name}']")
        try:
            degrees = float(location[name])
        except (TypeError, ValueError):
            degrees = float("nan")
        if not -limit <= degrees <= limit:
            raise invalid(f"Param location['{name}'] must be a number between -{limit:g} and {limit:g}.")


def _contacts(contacts: list[Any]) -> None:
    if not contacts:
        raise required("contacts")
    for index, contact in enumerate(contacts):
        name = contact.get("name") if isinstance(contact, dict) else None
        if not isinstance(name, dict) or not name.get("formatted_name"):
            raise required(f"contacts[{index}]['name']['formatted_name']")
        if not any(value for part, value in name.items() if part != "formatted_name"):
            raise GraphError(131009, details=f"contacts[{index}]['name'] needs at least one more part of the name.")


def _reaction(reaction: Json) -> None:
    if not reaction.get("message_id"):
        raise required("reaction['message_id']")
    if not isinstance(reaction.get("emoji"), str):
        raise required("reaction['emoji']")


# --- interactive ----------------------------------------------------------------------------------


def _interactive(interactive: Json) -> None:
    kind = need(interactive, "type", "interactive")
    if not isinstance(kind, str) or kind not in INTERACTIVE:
        raise wrong(f"interactive['type'] {str(kind)[:64]!r} is not supported.")
    if kind not in ("product", "voice_call", "call_permission_request"):
        need(interactive.get("body"), "text", "interactive['body']", 4096 if kind == "list" else 1024)
    if interactive.get("footer") is not None:
        need(interactive["footer"], "text", "interactive['footer']", 60)
    if interactive.get("header") is not None:
        _interactive_header(interactive["header"], text_only=kind in ("list", "product_list"))
    INTERACTIVE[kind](need(interactive, "action", "interactive"))


def _interactive_header(header: Any, *, text_only: bool) -> None:
    kind = need(header, "type", "interactive['header']")
    if kind == "text":
        need(header, "text", "interactive['header']", 60)
    elif text_only or kind not in ("image", "video", "document"):
        raise wrong(f"interactive['header']['type'] {str(kind)[:64]!r} is not supported here.")
    else:
        _media(kind)(need(header, kind, "interactive['header']"))


def _buttons(action: Any) -> None:
    buttons = _listed(need(action, "buttons", "action"), "action['buttons']", 1, 3)
    replies = [need(button, "reply", f"action['buttons'][{index}]") for index, button in enumerate(buttons)]
    for index, reply in enumerate(replies):
        need(reply, "title", f"action['buttons'][{index}]['reply']", 20)
        need(reply, "id", f"action['buttons'][{index}]['reply']", 256)
    for name in ("title", "id"):
        if len({reply[name] for reply in replies}) < len(replies):
            raise wrong(f"Duplicate button {name}s are not allowed.")


def _list(action: Any) -> None:
    need(action, "button", "action", 20)
    sections = _listed(need(action, "sections", "action"), "action['sections']", 1, 10)
    rows = [row for index, section in enumerate(sections) for row in _rows(section, index, len(sections))]
    if len(rows) > 10:
        raise wrong("Total row count exceed max allowed count: 10")
    if len({row["id"] for row in rows}) < len(rows):
        raise wrong("Duplicate row ids are not allowed.")


def _rows(section: Any, index: int, sections: int) -> list[Any]:
    path = f"action['sections'][{index}]"
    if sections > 1 or (isinstance(section, dict) and section.get("title")):
        need(section, "title", path, 24)
    rows = _listed(need(section, "rows", path), f"{path}['rows']", 1, 10)
    for number, row in enumerate(rows):
        need(row, "id", f"{path}['rows'][{number}]", 200)
        need(row, "title", f"{path}['rows'][{number}]", 24)
        if row.get("description"):
            need(row, "description", f"{path}['rows'][{number}]", 72)
    return rows


def _named(action_name: str | None, *parameters: tuple[str, int | None]) -> Callable[[Any], None]:
    """An action of the form {"name", "parameters"}: this name, and at least these parameters."""

    def check(action: Any) -> None:
        if action_name is not None and need(action, "name", "action") != action_name:
            raise wrong(f"action['name'] must be {action_name!r}.")
        for name, limit in parameters:
            need(action.get("parameters"), name, "action['parameters']", limit)

    return check


def _flow(action: Any) -> None:
    _named("flow", ("flow_message_version", None), ("flow_cta", 30))(action)
    parameters = action["parameters"]
    if str(parameters["flow_message_version"]) != "3":
        raise wrong("action['parameters']['flow_message_version'] must be '3'.")
    if bool(parameters.get("flow_id")) == bool(parameters.get("flow_name")):
        raise wrong("Exactly one of flow_id and flow_name is needed.")
    if parameters.get("flow_action", "navigate") not in ("navigate", "data_exchange"):
        raise wrong("action['parameters']['flow_action'] must be navigate or data_exchange.")
    if parameters.get("mode", "published") not in ("published", "draft"):
        raise wrong("action['parameters']['mode'] must be published or draft.")
    if not isinstance(parameters.get("flow_token") or "", str):
        raise wrong("action['parameters']['flow_token'] must be a string.")
    if parameters.get("flow_action_payload") is not None:
        _flow_payload(parameters["flow_action_payload"])


def _flow_payload(payload: Any) -> None:
    """The screen with which a Flow opens, and what it shows there."""
    path = "action['parameters']['flow_action_payload']"
    if not isinstance(payload, dict):
        raise wrong(f"{path} must be an object.")
    if not isinstance(payload.get("screen", ""), str):
        raise wrong(f"{path}['screen'] must be a string.")
    if "data" in payload and (not isinstance(payload["data"], dict) or not payload["data"]):
        raise wrong(f"{path}['data'] must be a non-empty object.")


def _product(action: Any) -> None:
    need(action, "catalog_id", "action")
    need(action, "product_retailer_id", "action")


def _product_list(action: Any) -> None:
    need(action, "catalog_id", "action")
    sections = _listed(need(action, "sections", "action"), "action['sections']", 1, 10)
    path = "action['sections'][]['product_items']"
    items = [item for section in sections for item in _listed(_items(section), path, 1, 30)]
    if len(items) > 30:
        raise wrong("Total product count exceed max allowed count: 30")
    for item in items:
        need(item, "product_retailer_id", path)


def _items(section: Any) -> Any:
    return need(section, "product_items", "action['sections'][]")


def _carousel(action: Any) -> None:
    cards = _listed(need(action, "cards", "action"), "action['cards']", 2, 10)
    for index, card in enumerate(cards):
        path = f"action['cards'][{index}]"
        if not isinstance(card, dict) or card.get("card_index") != index:
            raise wrong(f"{path}['card_index'] must be {index}.")
        _interactive_header(need(card, "header", path), text_only=False)
        if card.get("body") is not None:
            need(card["body"], "text", f"{path}['body']", 160)
        need(card, "action", path)


def _contact_request(action: Any) -> None:
    if need(action, "name", "action") not in ("request_contact_info", "contact_request"):
        raise wrong("action['name'] must be 'request_contact_info'.")


INTERACTIVE: Mapping[str, Callable[[Any], None]] = {
    "button": _buttons,
    "list": _list,
    "cta_url": _named("cta_url", ("display_text", 20), ("url", 2000)),
    "flow": _flow,
    "location_request_message": _named("send_location"),
    "address_message": _named("address_message", ("country", None)),
    "product": _product,
    "product_list": _product_list,
    "catalog_message": _named("catalog_message"),
    "carousel": _carousel,
    "call_permission_request": _named("call_permission_request"),
    "voice_call": _named("voice_call"),
    "request_contact_info": _contact_request,  # the two spellings in circulation
    "contact_request": _contact_request,
}

CHECKS: Mapping[str, Callable[[Any], None]] = {
    "text": _text,
    **{kind: _media(kind) for kind in MEDIA_TYPES},
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "interactive": _interactive,
}
