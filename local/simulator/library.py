"""Meta's template library: ready-made templates that need no review. The texts are our own, like Meta's in kind only.

https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-library
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local.simulator.config import Json
from local.simulator.errors import GraphError, invalid, required

BUTTON_INPUTS, BODY_INPUTS = "library_template_button_inputs", "library_template_body_inputs"
SEARCHED = ("name", "header", "body")
FILTERS = ("name", "language", "topic", "usecase", "industry")

LIBRARY: tuple[Json, ...] = (
    {
        "name": "delivery_update_1",
        "language": "en_US",
        "category": "UTILITY",
        "topic": "ORDER_MANAGEMENT",
        "usecase": "DELIVERY_UPDATE",
        "industry": ["E_COMMERCE"],
        "header": "Your order is on its way",
        "body": "Hello {{1}}, the courier has your order {{2}} and plans to bring it on {{3}}. Follow it below.",
        "body_params": ["Ana", "A-1042", "May 4th, 2026"],
        "body_param_types": ["TEXT", "TEXT", "DATE"],
        "buttons": [{"type": "URL", "text": "Track order", "url": "https://www.example.com/"}],
        "id": "7000000000000001",
    },
    {
        "name": "delivery_update_1",
        "language": "es",
        "category": "UTILITY",
        "topic": "ORDER_MANAGEMENT",
        "usecase": "DELIVERY_UPDATE",
        "industry": ["E_COMMERCE"],
        "header": "Tu pedido va en camino",
        "body": "Hola {{1}}, el transportista tiene tu pedido {{2}} y piensa llevarlo el {{3}}. Puedes seguirlo aquí.",
        "body_params": ["Ana", "A-1042", "4 de mayo de 2026"],
        "body_param_types": ["TEXT", "TEXT", "DATE"],
        "buttons": [{"type": "URL", "text": "Seguir pedido", "url": "https://www.example.com/"}],
        "id": "7000000000000002",
    },
    {
        "name": "order_pick_up_1",
        "language": "en_US",
        "category": "UTILITY",
        "topic": "ORDER_MANAGEMENT",
        "usecase": "ORDER_PICK_UP",
        "industry": ["E_COMMERCE"],
        "body": "Hello {{1}}, your order {{2}} is ready. Please pick it up at {{3}}, where we keep it for seven days.",
        "body_params": ["Ana", "A-1042", "1 Hacker Way, Menlo Park"],
        "body_param_types": ["TEXT", "TEXT", "ADDRESS"],
        "id": "7000000000000003",
    },
    {
        "name": "payment_due_reminder_1",
        "language": "en_US",
        "category": "UTILITY",
        "topic": "PAYMENTS",
        "usecase": "PAYMENT_DUE_REMINDER",
        "industry": ["FINANCIAL_SERVICES"],
        "header": "A payment is due",
        "body": "Hello {{1}}, your payment of {{2}} is due on {{3}}. If it is paid already, nothing is left to do.",
        "body_params": ["Ana", "$75.00", "May 4th, 2026"],
        "body_param_types": ["TEXT", "AMOUNT", "DATE"],
        "buttons": [
            {"type": "URL", "text": "Pay now", "url": "https://www.example.com/"},
            {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+18005551234"},
        ],
        "id": "7000000000000004",
    },
    {
        "name": "feedback_survey_1",
        "language": "en_US",
        "category": "UTILITY",
        "topic": "CUSTOMER_FEEDBACK",
        "usecase": "FEEDBACK_SURVEY",
        "industry": ["E_COMMERCE", "FINANCIAL_SERVICES"],
        "body": "Hello {{1}}, thank you for your visit to {{2}}. How was it? It takes a minute to tell us.",
        "body_params": ["Ana", "Lucky Shrub"],
        "body_param_types": ["TEXT", "TEXT"],
        "buttons": [{"type": "URL", "text": "Tell us", "url": "https://www.example.com/"}],
        "id": "7000000000000005",
    },
    {
        "name": "verification_code_1",
        "language": "en_US",
        "category": "AUTHENTICATION",
        "topic": "ACCOUNT_UPDATE",
        "usecase": "ACCOUNT_CREATION_CONFIRMATION",
        "industry": ["E_COMMERCE", "FINANCIAL_SERVICES"],
        "body": "{{1}} is your verification code.",
        "body_params": ["123456"],
        "body_param_types": ["TEXT"],
        "buttons": [{"type": "OTP", "text": "Copy code", "otp_type": "COPY_CODE"}],
        "id": "7000000000000006",
    },
)


def search(query: Mapping[str, str]) -> list[Json]:
    """The templates that match all of `search` (part of a text) and the filters (whole values)."""
    part = query.get("search", "").strip('"').lower()
    return [
        entry
        for entry in LIBRARY
        if all(query.get(name) in {None, ""} or _has(entry, name, query[name]) for name in FILTERS)
        and (not part or any(part in str(entry.get(name, "")).lower() for name in SEARCHED))
    ]


def _has(entry: Json, name: str, value: str) -> bool:
    return value in entry[name] if name == "industry" else bool(entry[name] == value)


def readable(wanted: Json) -> Json:
    """`wanted` with its inputs as JSON values: clients send them as such, or as text."""
    return {**wanted, **{name: _parsed(name, wanted[name]) for name in (BUTTON_INPUTS, BODY_INPUTS) if name in wanted}}


def _parsed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, list | dict):
        raise invalid(f"Param {name} is not valid JSON.")
    return parsed


def complete(wanted: Json) -> Json:
    """The template that is asked for, with the library's components: as if the business had written it."""
    entry = _entry(wanted)
    if str(wanted["category"]).upper() != entry["category"]:
        raise invalid(f"Param category must be one of {{{entry['category']}}}.")
    buttons = list(_buttons(entry.get("buttons", []), wanted.get(BUTTON_INPUTS) or []))
    build = _authentication if entry["category"] == "AUTHENTICATION" else _utility
    kept = {name: value for name, value in wanted.items() if name not in {BUTTON_INPUTS, BODY_INPUTS}}
    return {**kept, "components": build(entry, buttons, wanted.get(BODY_INPUTS))}


def _entry(wanted: Json) -> Json:
    name, language = wanted["library_template_name"], wanted["language"]
    for entry in LIBRARY:
        if (entry["name"], entry["language"]) == (name, language):
            return entry
    title = "Library Template Not Found"
    raise GraphError(100, "Invalid parameter", user=(title, f"The library has no such template in {language}."))


def _utility(entry: Json, buttons: list[Json], _inputs: Any) -> list[Json]:
    header = [{"type": "HEADER", "format": "TEXT", "text": entry["header"]}] if "header" in entry else []
    body = {"type": "BODY", "text": entry["body"], "example": {"body_text": [entry["body_params"]]}}
    return [*header, body, *([{"type": "BUTTONS", "buttons": buttons}] if buttons else [])]


def _authentication(_entry: Json, buttons: list[Json], inputs: Any) -> list[Json]:
    """Meta writes the text, with what the inputs ask for."""
    given = inputs[0] if isinstance(inputs, list) and inputs else inputs or {}
    body: Json = {"type": "BODY"}
    if given.get("add_security_recommendation"):
        body["add_security_recommendation"] = True
    minutes = given.get("code_expiration_minutes")
    footer = [{"type": "FOOTER", "code_expiration_minutes": minutes}] if minutes is not None else []
    return [body, *footer, {"type": "BUTTONS", "buttons": buttons}]


def _buttons(library: list[Json], inputs: list[Json]) -> Iterator[Json]:
    """The library's buttons, with the link or number that the business gives for each, in the same order."""
    left = list(inputs)
    for button in library:
        given = left.pop(0) if left and str(left[0].get("type")).upper() == button["type"] else None
        if given is None and button["type"] != "OTP":
            raise required(f"{BUTTON_INPUTS}[]['type'] {button['type']}")
        yield {**button, **_input(given or {})}
    if left:
        raise invalid(f"Param {BUTTON_INPUTS} has a button that the library's template has not.")


def _input(given: Json) -> Json:
    kept = {name: value for name, value in given.items() if name not in {"type", "url"}}
    if isinstance(given.get("url"), dict):
        example = given["url"].get("url_suffix_example")
        return {**kept, "url": given["url"].get("base_url")} | ({"example": [example]} if example else {})
    return kept
