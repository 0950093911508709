"""What a message costs: the `pricing` object of its statuses.

https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing
"""

from local.simulator.config import Json
from local.simulator.templates import Template
from local.simulator.windows import Window

PRICES = {"marketing": 0.025, "marketing_lite": 0.025, "utility": 0.004, "authentication": 0.004}
"""Of a delivered message, the same everywhere: made up, since Meta's differ by country and change."""


def pricing(template: Template | None, window: Window, now: float, *, marketing_only: bool, group: bool) -> Json:
    """Per-message pricing. The price changes announced for October 2026 are not imitated (see README)."""
    category = "service" if template is None else template.category.lower()
    free = "free_group_customer_service" if group else "free_customer_service"
    kind = free if category == "service" or (category == "utility" and window.is_open(now)) else "regular"
    if window.is_free(now):
        kind = "free_entry_point"
    if marketing_only:
        category = "marketing_lite"
    category = f"group_{category}" if group else category
    return {"billable": kind == "regular", "pricing_model": "PMP", "type": kind, "category": category}


def bears_pricing(status: str, told_before: list[str]) -> bool:
    """`sent` does, and exactly one of `delivered` and `read`: the one that comes first."""
    return status == "sent" or (status in {"delivered", "read"} and not {"delivered", "read"} & set(told_before))


def price(pricing: Json) -> float:
    """What a delivered message with this `pricing` costs."""
    return PRICES.get(str(pricing["category"]).removeprefix("group_"), 0.0) if pricing["billable"] else 0.0
