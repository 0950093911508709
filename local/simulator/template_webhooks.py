"""The values of webhooks about templates.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
"""

from collections.abc import Iterator
from typing import Any

from local.simulator.config import Json
from local.simulator.templates import Template

LEADING = {"URL": "url", "PHONE_NUMBER": "phone_number"}
"""A template with such a button has its buttons told, and where these lead."""


def subject(template: Template) -> Json:
    return {
        "message_template_id": int(template.id) if template.id.isdecimal() else template.id,  # in REST a string
        "message_template_name": template.name,
        "message_template_language": template.language,
    }


def status(template: Template, event: str, more: Json) -> Json:
    return {"event": event} | subject(template) | {"message_template_category": template.category} | more


def besides(decision: str, reason: str | None, advice: str | None, at: float) -> Json:
    """What a status event says besides: `reason` is that of a rejection, or the title of a pause."""
    if decision == "reject":
        return {"reason": reason} | (_explained(advice) if reason == "INVALID_FORMAT" else {})
    if decision == "pause":
        return _titled(reason, "Paused for its low quality.")
    if decision == "unpause":
        return _titled("UNPAUSE", "The pause is over.")
    if decision in {"disable", "flag"}:
        told = {"reason": "NONE", "disable_info": {"disable_date": int(at)}}
        return told | (_titled(reason, "Paused twice already, for its low quality.") if reason else {})
    return {"reason": None if decision == "delete" else "NONE"}


def _explained(advice: str | None) -> Json:
    """Of no other reason Meta says more."""
    why = {"reason": "The template's format is not valid.", "recommendation": advice or "Check its variables."}
    return {"rejection_info": why}


def _titled(title: str | None, description: str) -> Json:
    return {"reason": "NONE", "other_info": {"title": title, "description": description}}


def edited(template: Template) -> Json:
    """`message_template_components_update`: the texts, as they are now."""
    value = subject(template)
    for component in template.components:
        kind, text = str(component.get("type")).upper(), component.get("text")
        name = {"HEADER": "title", "BODY": "element", "FOOTER": "footer"}.get(kind)
        if name and text:
            value[f"message_template_{name}"] = text
        buttons = component.get("buttons") if kind == "BUTTONS" else None
        if buttons and any(button.get("type") in LEADING for button in buttons):
            value["message_template_buttons"] = [dict(_button(button)) for button in buttons]
    return value


def _button(button: Json) -> Iterator[tuple[str, Any]]:
    yield "message_template_button_type", button.get("type")
    yield "message_template_button_text", button.get("text", "")
    where = LEADING.get(str(button.get("type")))
    if where:
        yield f"message_template_button_{where}", button.get(where)
