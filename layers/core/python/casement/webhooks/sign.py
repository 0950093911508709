"""Signatures: as Standard Webhooks says (https://www.standardwebhooks.com), or as Meta signs its own webhooks."""

import hmac
from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook


def standard_headers(secrets: Iterable[str], id_: str, at: int, body: str) -> dict[str, str]:
    """Headers that sign `body`, sent under this id at `at` (epoch milliseconds), with every secret that is valid, the
    newest first: a receiver that knows either of two verifies it."""
    sent = datetime.fromtimestamp(at // 1000, UTC)
    signatures = (Webhook(secret).sign(id_, sent, body) for secret in secrets)
    return {"webhook-id": id_, "webhook-timestamp": str(at // 1000), "webhook-signature": " ".join(signatures)}


def meta_headers(secret: str, body: bytes) -> dict[str, str]:
    """The header that Meta signs its webhooks with. It holds one signature, so one secret signs."""
    return {"x-hub-signature-256": "sha256=" + hmac.digest(secret.encode(), body, "sha256").hex()}
