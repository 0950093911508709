"""Templates as `GET /{waba_id}/message_templates` describes them, and what webhooks tell of them.

Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-management,
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from casement.domain.template_counts import MetaDay, day_of
from casement.domain.templates import Notice, Template

_DETAILS = ("other_info", "rejection_info", "disable_info")


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


def notice_from(element: Mapping[str, Any], at: int) -> Notice:
    """What a template webhook's value, sent `at` (epoch milliseconds), tells. Total: whatever is odd is left out.

    It is about the status if it has an `event`, whichever field it came in: Meta's own example of a quality update
    comes as a status update without one.
    """
    event, reason = element.get("event"), element.get("reason")
    if not isinstance(event, str) or not event:
        return Notice(at)
    details = {name: element[name] for name in _DETAILS if isinstance(element.get(name), Mapping)}
    given = {"reason": reason} if isinstance(reason, str) else {}
    return Notice(at, {"event": event.upper(), "at": at, **given, **details})


class _Point(BaseModel):
    """One template on one day."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    template_id: str
    start: int
    sent: int | None = None
    delivered: int | None = None
    read: int | None = None
    clicked: list[dict[str, Any]] = []
    cost: list[dict[str, Any]] = []

    @field_validator("sent", "delivered", "read", "clicked", "cost", mode="wrap")
    @classmethod
    def left_out_if_odd(cls, value: Any, read: ValidatorFunctionWrapHandler, about: ValidationInfo) -> Any:
        """What is odd about one number says nothing of the others."""
        try:
            return read(value)
        except ValidationError:
            return cls.model_fields[about.field_name or ""].get_default()


def day_from(point: Mapping[str, Any]) -> MetaDay | None:
    """What a data point of `template_analytics` says, None if it is no such point. `start` is epoch seconds."""
    try:
        read = _Point.model_validate(point)
        day = day_of(read.start * 1000)
    except (ValidationError, ValueError, OverflowError, OSError):
        return None
    return MetaDay(read.template_id, day, read.sent, read.delivered, read.read, read.clicked, read.cost)
