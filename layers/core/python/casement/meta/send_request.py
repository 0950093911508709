"""The body of `POST /{phone_number_id}/messages`, as Graph clients write it.

Shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages. Only what
Casement must know is read; everything else goes to Meta as it came. No pydantic: this is the request path of
`send_message`.
"""

import json
from collections.abc import Mapping
from typing import Any

from casement.domain.contact import group_key, is_bsuid, phone_key
from casement.domain.errors import InvalidRequest
from casement.domain.sending import Message, Receipt, WhenClosed

LARGEST_BODY = 131_072  # bytes; Meta's own limits on every part of a message are far below
CALLBACK_DATA = "biz_opaque_callback_data"
OURS = "casement"


def parse(body: bytes, when_closed: str | None = None) -> Message | Receipt:
    """Read a request body; `when_closed` is the header of that name. Raises `InvalidRequest`."""
    if len(body) > LARGEST_BODY:
        raise InvalidRequest(f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON.") from error
    if not isinstance(request, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if request.get("messaging_product") != "whatsapp":
        raise InvalidRequest('messaging_product must be "whatsapp".', parameter="messaging_product")
    ours = request.pop(OURS, None)
    if "status" in request:
        return Receipt(request)
    kind = request.get("type", "text")
    if not isinstance(kind, str) or not kind:
        raise InvalidRequest("type must be a string.", parameter="type")
    if not isinstance(request.get(kind), dict | list):
        raise InvalidRequest(f"A message of type {kind} needs the object '{kind}'.", parameter=kind)
    callback_data = request.pop(CALLBACK_DATA, None)
    if callback_data is not None and not isinstance(callback_data, str):
        raise InvalidRequest(f"{CALLBACK_DATA} must be a string.", parameter=CALLBACK_DATA)
    return Message(
        request,
        _contact(request),
        kind,
        _template(request["template"]) if kind == "template" else None,
        callback_data,
        _policy(ours, when_closed),
    )


def _contact(request: Mapping[str, Any]) -> str:
    to, recipient = request.get("to"), request.get("recipient")
    if isinstance(to, int) and not isinstance(to, bool):  # Meta takes digits without quotes too
        to = str(to)
    if to is not None and not (isinstance(to, str) and to):
        raise InvalidRequest("to must be a string.", parameter="to")
    if recipient is not None and not (isinstance(recipient, str) and recipient):
        raise InvalidRequest("recipient must be a string.", parameter="recipient")
    if to is None and recipient is None:
        raise InvalidRequest("The request needs to (a phone number) or recipient (a BSUID).", parameter="to")
    if request.get("recipient_type") == "group":
        return group_key(to or recipient or "")
    if to is None or is_bsuid(to):  # where both are given, Meta takes `to`
        return to or recipient or ""
    phone = phone_key(to)
    if not phone:
        raise InvalidRequest("to must be a phone number.", parameter="to")
    return phone


def _template(template: Any) -> tuple[str, str]:
    name = template.get("name") if isinstance(template, dict) else None
    language = template.get("language") if isinstance(template, dict) else None
    code = language.get("code") if isinstance(language, dict) else None
    if not isinstance(name, str) or not name:
        raise InvalidRequest("template.name must be a string.", parameter="template.name")
    if not isinstance(code, str) or not code:
        raise InvalidRequest("template.language.code must be a string.", parameter="template.language.code")
    return name, code


def _policy(ours: Any, header: str | None) -> WhenClosed | None:
    if ours is not None and not isinstance(ours, dict):
        raise InvalidRequest("casement must be an object.", parameter="casement")
    asked = ours.get("when_closed") if ours else None
    asked = header if asked is None else asked
    if asked is None:
        return None
    return policy_named(asked)


def policy_named(name: object) -> WhenClosed:
    """The policy of that name. Raises `InvalidRequest`."""
    try:
        return WhenClosed(name)  # type: ignore[arg-type]
    except ValueError as error:
        known = ", ".join(WhenClosed)
        raise InvalidRequest(f"when_closed must be one of: {known}.", parameter="when_closed") from error
