"""The body of `POST /{phone_number_id}/messages`, as Graph clients write it.

Shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages. Only what
Casement must know is read; everything else goes to Meta as it came. No pydantic: this is the request path of
`send_message`.
"""

import re
from collections.abc import Mapping
from typing import Any

from casement.domain.contact import contact_key, group_key, is_bsuid, is_phone
from casement.domain.errors import InvalidRequest
from casement.domain.policy import (
    WhenLimited,
    category_from,
    must_be_template,
    policy_from,
    value_in,
    when_limited_from,
)
from casement.domain.sending import Message, Receipt
from casement.domain.untrusted import loads

LARGEST_BODY = 131_072  # bytes; Meta's own limits on every part of a message are far below
LONGEST_PHONE = 20  # digits; the numbering plan stops at 15
_GROUP_ID = re.compile(r"[!-~]{1,200}")
CALLBACK_DATA = "biz_opaque_callback_data"
OURS = "casement"
_KNOWN = frozenset({"when_closed", "when_limited", "dry_run", "category"})


def parse(body: bytes, when_closed: str | None = None, when_limited: str | None = None) -> Message | Receipt:
    """Read a request body; `when_closed` and `when_limited` are the headers of those names. Raises `InvalidRequest`."""
    if len(body) > LARGEST_BODY:
        raise InvalidRequest(f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        request = loads(body)
    except ValueError as error:
        raise InvalidRequest(f"The body {error}.") from error
    if not isinstance(request, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if request.get("messaging_product") != "whatsapp":
        raise InvalidRequest('messaging_product must be "whatsapp".', parameter="messaging_product")
    ours = request.pop(OURS, None)
    policy, dry_run = _ours(ours, when_closed)
    limited = _when_limited(ours, when_limited)
    if "status" in request and not request.keys() & {"to", "recipient", "type"}:
        if dry_run:
            raise InvalidRequest("There is no dry run of a receipt.", parameter="casement.dry_run")
        return Receipt(request)
    kind = request.get("type", "text")
    if not isinstance(kind, str) or not kind:
        raise InvalidRequest("type must be a string.", parameter="type")
    if not isinstance(request.get(kind), dict | list):
        raise InvalidRequest(f"A message of type {kind} needs the object '{kind}'.", parameter=kind)
    category = _category(ours, kind)
    callback_data = request.pop(CALLBACK_DATA, None)
    if callback_data is not None and not isinstance(callback_data, str):
        raise InvalidRequest(f"{CALLBACK_DATA} must be a string.", parameter=CALLBACK_DATA)
    return Message(
        request,
        _contact(request),
        kind,
        must_be_template(request["template"]) if kind == "template" else None,
        callback_data,
        policy,
        dry_run,
        limited,
        category,
    )


def _when_limited(ours: Any, header: str | None) -> WhenLimited | None:
    if ours and ours.get("when_limited") is not None:
        return when_limited_from(ours["when_limited"], "casement.when_limited")
    return None if header is None else when_limited_from(header.strip(), "Casement-When-Limited")


def _category(ours: Any, kind: str) -> str | None:
    """The category that the caller holds their template to be of."""
    if not ours or ours.get("category") is None:
        return None
    if kind != "template":
        raise InvalidRequest("Only a template has a category.", parameter="casement.category")
    return category_from(ours["category"], "casement.category")


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
    named: str = to or recipient or ""  # where both are given, Meta takes `to`
    if request.get("recipient_type") == "group":
        if not _GROUP_ID.fullmatch(named):
            raise InvalidRequest("to must be the id of a group.", parameter="to")
        return group_key(named)
    if is_bsuid(named):
        return named
    phone = contact_key(named)
    if to is None:
        raise InvalidRequest("recipient must be a BSUID.", parameter="recipient")
    if not is_phone(phone) or len(phone) > LONGEST_PHONE:
        raise InvalidRequest("to must be a phone number.", parameter="to")
    return phone


def _ours(ours: Any, header: str | None) -> tuple[Any, bool]:
    """The policy, as JSON says it and known to be one, and whether this is a dry run."""
    if ours is not None and not isinstance(ours, dict):
        raise InvalidRequest("casement must be an object.", parameter="casement")
    for name in ours or ():
        if name not in _KNOWN:  # what is not understood must not be taken for granted: it might say "do not send"
            raise InvalidRequest(f"casement.{name} is not known here.", parameter=f"casement.{name}")
    dry_run = ours.get("dry_run", False) if ours else False
    if not isinstance(dry_run, bool):
        raise InvalidRequest("casement.dry_run must be true or false.", parameter="casement.dry_run")
    asked = ours.get("when_closed") if ours else None
    if asked is not None:
        policy_from(asked, "casement.when_closed")
    elif header is not None:
        asked = value_in(header, "Casement-When-Closed")
        policy_from(asked, "Casement-When-Closed")
    return asked, dry_run
