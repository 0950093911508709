"""Errors as the Graph API words them: one exception, one table of codes.

Codes, titles and HTTP statuses:
https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from collections.abc import Mapping

from local.simulator.config import Json

HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"

# code: (HTTP status of a synchronous answer, title)
CODES: Mapping[int, tuple[int, str]] = {
    1: (500, "An unknown error occurred"),
    2: (503, "Service temporarily unavailable"),
    3: (500, "Application does not have the capability to make this API call."),
    4: (429, "Application request limit reached"),
    10: (403, "Application does not have permission for this action"),
    100: (400, "Invalid parameter"),
    190: (401, "Invalid OAuth access token"),
    200: (403, "Permissions error"),
    368: (403, "Temporarily blocked for policies violations"),
    80007: (429, "There have been too many calls from this WhatsApp Business account"),
    130429: (429, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country."),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Business Account locked"),
    131037: (400, "WhatsApp provided number needs display name approval before message can be sent."),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement."),
    131050: (
        400,
        "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages.",
    ),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131055: (400, "Method not allowed"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131062: (400, "Business-scoped user IDs are not supported for this message"),
    131063: (400, "Marketing templates are disabled on Cloud API for this number"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132005: (400, "Translated text too long"),
    132007: (400, "Template content policy violated"),
    132012: (400, "Parameter format does not match format in the created template"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "There's an issue with the parameters in your template"),
    132068: (400, "Flow is blocked"),
    132069: (400, "Flow is throttled"),
    133004: (503, "Server temporarily unavailable"),
    133010: (400, "Phone number not registered"),
    134100: (400, "Only marketing messages supported"),
    134101: (400, "Template is not synced yet"),
    134102: (400, "Template unavailable for use"),
    137000: (400, "Recipient identity key hash mismatch"),
    200005: (400, "Template insights unavailable"),
    200006: (400, "Cannot disable template insights"),
    200007: (400, "Template Insights not enabled"),
}
TRANSIENT = frozenset({2, 131016, 133004})

WINDOW_CLOSED = (
    "Message failed to send because more than 24 hours have passed since the customer last replied to this number."
)


def title(code: int) -> str:
    return CODES.get(code, (400, "Something went wrong"))[1]


class GraphError(Exception):
    """A refusal, in the shape in which Meta answers it. `message` is without the `(#code)` in front."""

    def __init__(
        self,
        code: int,
        message: str | None = None,
        *,
        details: str | None = None,
        http_status: int | None = None,
        subcode: int | None = None,
        user: tuple[str, str] | None = None,
        kind: str = "OAuthException",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code, self.details, self.subcode, self.user, self.kind = code, details, subcode, user, kind
        self.message = message if message is not None else f"(#{code}) {title(code)}"
        self.http_status = http_status or CODES.get(code, (400, ""))[0]
        self.headers = dict(headers or {})

    def as_json(self, fbtrace_id: str) -> Json:
        error: Json = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details is not None:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.user is not None:
            error["error_user_title"], error["error_user_msg"] = self.user
        if self.code in TRANSIENT:
            error["is_transient"] = True
        return {"error": error | {"fbtrace_id": fbtrace_id}}


def required(parameter: str) -> GraphError:
    return GraphError(100, f"(#100) The parameter {parameter} is required.")


def invalid(text: str) -> GraphError:
    """`text` starts with the parameter, as in "Param text['body'] must be at most 4096 characters long."."""
    return GraphError(100, f"(#100) {text}")


def unknown_object(method: str, object_id: str) -> GraphError:
    return GraphError(
        100,
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be "
        "loaded due to missing permissions, or does not support this operation",
        subcode=33,
        kind="GraphMethodException",
    )


def status_error(code: int, details: str | None = None) -> Json:
    """One element of a failed status's `errors[]`."""
    return {
        "code": code,
        "title": title(code),
        "message": title(code),
        "error_data": {"details": details or title(code)},
        "href": HREF,
    }
