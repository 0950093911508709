"""Templates as `GET /{waba_id}/message_templates` describes them.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from casement.domain.templates import Template


class _Row(BaseModel):
    """What every row must have. Everything else is kept as it came."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    id: str
    name: str
    language: str
    status: str
    category: str | None = None

    @field_validator("status", "category")
    @classmethod
    def upper(cls, value: str | None) -> str | None:
        """Meta writes both in capitals; lower case has been seen in webhooks."""
        return value.upper() if value else value


def template_from(waba_id: str, row: Mapping[str, Any]) -> Template | None:
    """The template that a row of a listing describes, None if it is no such row."""
    try:
        read = _Row.model_validate(row)
    except ValidationError:
        return None
    return Template(waba_id, read.id, read.name, read.language, read.status, read.category or "", dict(row))
