"""What `fields` may ask for: a field that a node has no value for is left out, one that does not exist is an error.

https://developers.facebook.com/documentation/business-messaging/whatsapp/reference
"""

import re
from collections.abc import Mapping
from typing import Any

from local.simulator.config import Json
from local.simulator.errors import invalid
from local.simulator.wsgi import Request

TEMPLATE_DEFAULT = ("name", "parameter_format", "components", "language", "status", "category", "id")
TEMPLATE = frozenset(
    {
        "id", "name", "language", "status", "category", "sub_category", "previous_category", "correct_category",
        "parameter_format", "components", "rejected_reason", "quality_score", "library_template_name",
        "message_send_ttl_seconds", "cta_url_link_tracking_opted_out", "degrees_of_freedom_spec",
    }
)  # fmt: skip

NUMBER_DEFAULT = ("verified_name", "display_phone_number", "quality_rating", "throughput", "id")
NUMBER = frozenset(
    {
        "id", "verified_name", "display_phone_number", "quality_rating", "quality_score", "throughput", "status",
        "code_verification_status", "name_status", "new_name_status", "platform_type", "account_mode",
        "messaging_limit_tier", "whatsapp_business_manager_messaging_limit", "conversational_automation",
        "webhook_configuration", "is_on_biz_app", "is_official_business_account", "is_pin_enabled",
        "is_preverified_number", "search_visibility", "eligibility_for_api_business_global_search",
        "health_status", "certificate", "new_certificate", "last_onboarded_time", "country_code",
        "country_dial_code", "username",
    }
)  # fmt: skip

WABA_DEFAULT = ("id", "name", "timezone_id", "message_template_namespace")
WABA = frozenset(
    {
        "id", "name", "timezone_id", "message_template_namespace", "status", "currency", "country",
        "business_verification_status", "is_enabled_for_insights", "marketing_messages_lite_api_status",
        "marketing_messages_onboarding_status", "on_behalf_of_business_info", "ownership_type", "health_status",
        "subscribed_apps", "owner_business_info", "account_review_status",
        "disable_marketing_messages_on_cloud_api",
    }
)  # fmt: skip


def chosen(values: Mapping[str, Any], request: Request, default: tuple[str, ...], known: frozenset[str]) -> Json:
    """What `fields` asks for, plus the id; what has no value is left out, as Graph does."""
    asked = request.query.get("fields")
    names = re.sub(r"\{[^}]*\}", "", asked).replace(" ", "").split(",") if asked else list(default)
    if unknown := [name for name in names if name not in known]:
        raise invalid(f"Tried accessing nonexisting field ({unknown[0][:64]})")
    return {name: values[name] for name in dict.fromkeys((*names, "id")) if values.get(name) is not None}
