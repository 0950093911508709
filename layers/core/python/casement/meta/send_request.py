"""The body of `POST /{phone_number_id}/messages`, as Graph clients write it.

Shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages. Only what
Casement must know is read; everything else goes to Meta as it came. No pydantic: this is the request path of
`send_message`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from casement.domain.contact import contact_key, group_key, is_bsuid, is_phone
from casement.domain.errors import InvalidRequest
from casement.domain.sending import Message, Receipt, WhenClosed

LARGEST_BODY = 131_072  # bytes; Meta's own limits on every part of a message are far below
LARGEST_DEPTH = 64  # of nesting; what parses at the edge of the interpreter's stack can't be written again
LONGEST_PHONE = 20  # digits; the numbering plan stops at 15
_GROUP_ID = re.compile(r"[!-~]{1,200}")
CALLBACK_DATA = "biz_opaque_callback_data"
OURS = "casement"
_KNOWN = frozenset({"when_closed"})


def parse(body: bytes, when_closed: str | None = None) -> Message | Receipt:
    """Read a request body; `when_closed` is the header of that name. Raises `InvalidRequest`."""
    if len(body) > LARGEST_BODY:
        raise InvalidRequest(f"The body is larger than {LARGEST_BODY} bytes.")
    try:
        request = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON.") from error
    if body.count(b"{") + body.count(b"[") > LARGEST_DEPTH and _depth(request) > LARGEST_DEPTH:
        raise InvalidRequest(f"The body nests more than {LARGEST_DEPTH} levels deep.")
    if not isinstance(request, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if request.get("messaging_product") != "whatsapp":
        raise InvalidRequest('messaging_product must be "whatsapp".', parameter="messaging_product")
    ours = request.pop(OURS, None)
    policy = _policy(ours, when_closed)
    if "status" in request and not request.keys() & {"to", "recipient", "type"}:
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
        policy,
    )


def _no_constant(name: str) -> NoReturn:
    """Python reads `NaN` and `Infinity`; JSON has no such thing, and Meta would not read it."""
    raise ValueError(name)


def _depth(document: Any) -> int:
    """How many levels deep a parsed document nests."""
    depth, level = 0, [document]
    while level:
        depth += 1
        nested = (each for each in level if isinstance(each, dict | list))
        level = [inner for each in nested for inner in (each.values() if isinstance(each, dict) else each)]
    return depth


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
    for name in ours or ():
        if name not in _KNOWN:  # what is not understood must not be taken for granted: it might say "do not send"
            raise InvalidRequest(f"casement.{name} is not known here.", parameter=f"casement.{name}")
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
