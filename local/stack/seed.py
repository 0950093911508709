"""What a fresh local stack holds before anybody uses it: the secret, with Meta's tokens, and an API key."""

import time
from collections.abc import Mapping
from typing import Any

from casement.domain.api_key import ApiKey, Scope, digest_of
from casement.store.api_keys import ApiKeys
from casement.store.table import Table
from local.stack.aws import Aws, put_secret

API_KEY = "local-key"
APP_SECRET = "local-app-secret"  # noqa: S105 - published values that open nothing but a local stack
VERIFY_TOKEN = "local-verify-token"  # noqa: S105 - see above
META_TOKEN = "local-meta-token"  # noqa: S105 - see above
PHONE_NUMBER_ID = "100000000000001"
WABA_ID = "200000000000001"

SECRET: Mapping[str, Any] = {
    "app_secrets": [APP_SECRET],
    "verify_token": VERIFY_TOKEN,
    "numbers": {PHONE_NUMBER_ID: {"waba_id": WABA_ID, "token": META_TOKEN}},
}


def seed(aws: Aws, *, table: str | None, secret: str | None) -> None:
    """Put the secret and the API key where the functions look for them."""
    if secret:
        put_secret(aws, secret, SECRET)
    if table:
        seed_api_key(aws, table, API_KEY)


def seed_api_key(aws: Aws, table: str, key: str) -> None:
    """Store a key that may do everything on every number. Only its digest is kept."""
    kept = ApiKey(digest_of(key), "local", frozenset(Scope), created_at=int(time.time() * 1000))
    ApiKeys(Table(aws.dynamodb, table)).put(kept)
