"""`X-Hub-Signature-256`: HMAC-SHA256 of the raw body under the app secret.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint.
Meta signs the bytes it sends (with its own escaping), so a body must be verified before anything parses it.
"""

import hmac
from collections.abc import Iterable


def sign(app_secret: str, body: bytes) -> str:
    """The header value that Meta would send with `body`."""
    return "sha256=" + hmac.digest(app_secret.encode(), body, "sha256").hex()


def verify(app_secrets: Iterable[str], body: bytes, header: str | None) -> bool:
    """True if `header` signs exactly these bytes under one of `app_secrets`.

    Never raises; an empty secret signs nothing.
    """
    given = (header or "").encode(errors="replace")
    valid = False
    for secret in app_secrets:
        valid |= bool(secret) and hmac.compare_digest(sign(secret, body).encode(), given)
    return valid
