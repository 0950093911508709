"""The webhooks that are measured: a text message and a status as Meta sends them today, with all their ids."""

import json
from typing import Any

from casement.domain.message_key import MessageKey
from casement.meta.signature import sign
from local.simulator import LOCAL_NUMBER

APP_SECRET = "local-app-secret"  # noqa: S105 - the local stack's own
PHONE, USER_ID = "16505551234", "US.13491208655302741918"
NOON_S = 1_790_000_000


def messages(count: int, first: int = 0) -> bytes:
    """A POST of `count` text messages of one customer; `first` numbers them, so that no two POSTs are the same."""
    contact = {"profile": {"name": "Ana Lima", "username": "ana.lima"}, "wa_id": PHONE, "user_id": USER_ID}
    return _post({"contacts": [contact], "messages": [_message(index) for index in range(first, first + count)]})


def status(name: str, key: MessageKey, at_s: int, template_id: str | None = None) -> bytes:
    """A POST of one status of a send of ours."""
    contact = {"profile": {"name": "Ana Lima", "username": "ana.lima"}, "wa_id": PHONE, "user_id": USER_ID}
    told = {
        "id": _wamid(7),
        "status": name,
        "timestamp": str(at_s),
        "recipient_id": PHONE,
        "recipient_user_id": USER_ID,
        "biz_opaque_callback_data": key.travelling(template_id),
        "pricing": {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "utility"},
    }
    return _post({"contacts": [contact], "statuses": [told]})


def event(body: bytes) -> dict[str, Any]:
    """What API Gateway gives the function."""
    return {
        "version": "2.0",
        "routeKey": "POST /webhook",
        "rawPath": "/webhook",
        "headers": {
            "content-type": "application/json",
            "host": "127.0.0.1",
            "x-hub-signature-256": sign(APP_SECRET, body),
        },
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def _wamid(index: int) -> str:
    return f"wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTRBNjU5OUFFRTAzODEw{index:08d}"


def _message(index: int) -> dict[str, Any]:
    return {
        "from": PHONE,
        "from_user_id": USER_ID,
        "id": _wamid(index),
        "timestamp": str(NOON_S + index),
        "type": "text",
        "text": {"body": f"Is the blue one still there? I would take {index} of them."},
    }


def _post(told: dict[str, Any]) -> bytes:
    metadata = {
        "display_phone_number": LOCAL_NUMBER.display_phone_number,
        "phone_number_id": LOCAL_NUMBER.phone_number_id,
    }
    value = {"messaging_product": "whatsapp", "metadata": metadata, **told}
    entry = {"id": LOCAL_NUMBER.waba_id, "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
