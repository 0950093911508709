"""The secret as a JSON document that operators change: pure functions, each giving a new document.

What a key holds that this version does not know stays as it is.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from casement.domain.errors import SecretUnavailable
from casement.runtime.secret import Secret, read
from cli.trouble import Trouble

Document = Mapping[str, Any]

VALID_FLOW_KEYS = 2  # the newest, and the one before for whoever is in a Flow
VALID_APP_SECRETS = 2  # the newest, and the one before while Meta may still deliver what that one signed


def parse(text: str) -> Document:
    """The document in `text`, checked with the reader that the functions use, and then for what that one forgives.

    Raises `Trouble`, without quoting anything.
    """
    try:
        secret = read(text)
        document: Document = json.loads(text)
    except SecretUnavailable as error:
        raise Trouble(f'{error} It wants {{"app_secrets": […], "verify_token": "…", "numbers": {{…}}}}.') from None
    if wrong := _wrong(document, secret):
        raise Trouble(f"The secret can't be used: {'; '.join(wrong)}.")
    return document


def dump(document: Document) -> str:
    """The text that is stored. Raises `Trouble` for what the functions could not use."""
    text = json.dumps(document)
    parse(text)
    return text


def missing(secret: Secret) -> list[str]:
    """What a secret lacks, in words."""
    lacks = {"an app secret": secret.app_secrets, "a verify token": secret.verify_token, "a number": secret.numbers}
    return [words for words, value in lacks.items() if not value]


def with_app_secret(document: Document, new: str) -> Document:
    """`new` goes first, the one before stays second, a third goes."""
    before = [known for known in document.get("app_secrets") or () if known != new]
    return {**document, "app_secrets": [new, *before][:VALID_APP_SECRETS]}


def without_older_app_secret(document: Document) -> Document:
    """Only the newest app secret."""
    return {**document, "app_secrets": list(document.get("app_secrets") or ())[:1]}


def with_verify_token(document: Document, new: str) -> Document:
    """Another verify token."""
    return {**document, "verify_token": new}


def with_number(document: Document, number: str, *, waba_id: str, token: str) -> Document:
    """A number added or changed."""
    numbers = document.get("numbers") or {}
    changed = {**(numbers.get(number) or {}), "waba_id": waba_id, "token": token}
    return {**document, "numbers": {**numbers, number: changed}}


def with_flow_key(document: Document, new: str) -> Document:
    """A new key for Flows goes first, the one before stays second, a third goes."""
    return {**document, "flow_keys": [new, *(document.get("flow_keys") or ())][:VALID_FLOW_KEYS]}


def without_older_flow_key(document: Document) -> Document:
    """Only the newest key for Flows."""
    kept = list(document.get("flow_keys") or ())[:1]
    return {**document, "flow_keys": kept} if kept else document


def without_number(document: Document, number: str) -> Document:
    """All but this number."""
    kept = {known: value for known, value in (document.get("numbers") or {}).items() if known != number}
    return {**document, "numbers": kept}


def fingerprint(secret: str) -> str:
    """Eight hex digits that tell two secrets apart and give neither away."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()[:8]


def is_id(value: str) -> bool:
    """Whether this may be an id of Meta's: digits."""
    return value.isascii() and value.isdigit()


def _wrong(document: Document, secret: Secret) -> list[str]:
    wrong = []
    app_secrets = document.get("app_secrets") or []
    if not isinstance(app_secrets, list) or not all(isinstance(each, str) and each for each in app_secrets):
        wrong.append("app_secrets is a list of texts, newest first")
    elif len(app_secrets) > VALID_APP_SECRETS:
        wrong.append(f"app_secrets holds at most {VALID_APP_SECRETS}")
    if not isinstance(document.get("verify_token") or "", str):
        wrong.append("verify_token is a text")
    wrong += _wrong_flow_keys(document.get("flow_keys") or [])
    for place, number in enumerate(secret.numbers.values(), start=1):
        given = document["numbers"][number.number]
        if not is_id(number.number):
            wrong.append(f"the name of number {place} is no phone number id, which has digits only")
        elif not isinstance(given["waba_id"], str) or not is_id(given["waba_id"]):
            wrong.append(f"the waba_id of number {number.number} is a text of digits")
        elif not isinstance(given["token"], str) or not given["token"]:
            wrong.append(f"the token of number {number.number} is a text")
    return wrong


def _wrong_flow_keys(given: Any) -> list[str]:
    if not given:
        return []
    from cli.flow_keys import BITS, is_key  # cryptography, which most secrets need not

    if not isinstance(given, list) or not all(isinstance(each, str) and is_key(each) for each in given):
        return [f"flow_keys is a list of private RSA keys of {BITS} bits in PEM, newest first"]
    return [f"flow_keys holds at most {VALID_FLOW_KEYS}"] if len(given) > VALID_FLOW_KEYS else []
