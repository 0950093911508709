"""How WhatsApp asks a business's endpoint about a Flow: what it encrypts, signs and sends, what it makes of the answer.

https://developers.facebook.com/docs/whatsapp/flows/guides/implementingyourflowendpoint
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from local.simulator.config import Ask, Json
from local.simulator.webhooks import encode, sign

SPOILS = ("key", "data", "signature")
"""What may be wrong with a request: it is encrypted for another key, changed on its way, or signed by somebody else."""
CANNOT_DECRYPT, TOKEN_INVALID = 421, 427
KEY_BITS = 2048


@dataclass(frozen=True)
class Exchanged:
    """What came of a request. `answer` is decrypted, None where there is none; `fault` is why a customer would see an
    error, None if all is well; `error_msg` what they would read of a token that is no longer valid."""

    status: int
    answer: Json | None
    fault: str | None
    error_msg: str | None = None
    attempts: int = 1

    def as_json(self) -> Json:
        return asdict(self)

    @property
    def completes(self) -> Json | None:
        """The answers with which the endpoint ended the Flow, if it did."""
        if self.fault is not None or self.answer is None or self.answer.get("screen") != "SUCCESS":
            return None
        params: Json = self.answer["data"]["extension_message_response"]["params"]
        return params


def public_key(pem: Any) -> str:
    """A business's public key as Meta takes it, RSA of 2,048 bits in PEM. Raises ValueError for anything else."""
    try:
        key = load_pem_public_key(str(pem).encode())
    except ValueError as error:
        raise ValueError("business_public_key is no public key in PEM") from error
    if not isinstance(key, RSAPublicKey) or key.key_size != KEY_BITS:
        raise ValueError(f"business_public_key is no RSA key of {KEY_BITS} bits")
    return str(pem)


def exchange(
    url: str, request: Json, *, key: Callable[[], str], app_secret: str, ask: Ask, rng: Random, spoil: str | None = None
) -> Exchanged:
    """Ask the endpoint at `url`. `key` gives the number's public key as it is now: an endpoint that cannot decrypt is
    asked once more, with the key as it is then."""
    if spoil not in {None, *SPOILS}:
        raise ValueError(f"spoil is {', '.join(SPOILS)}")
    exchanged = _once(url, request, key(), app_secret, ask, rng, spoil)
    if exchanged.status != CANNOT_DECRYPT:
        return exchanged
    again = _once(url, request, key(), app_secret, ask, rng, spoil)
    return Exchanged(again.status, again.answer, again.fault, again.error_msg, attempts=2)


def _once(url: str, request: Json, pem: str, app_secret: str, ask: Ask, rng: Random, spoil: str | None) -> Exchanged:
    aes_key, iv = rng.randbytes(16), rng.randbytes(16)
    body = encode(_sealed(request, pem, aes_key, iv, rng, spoil))
    signed_by = "somebody else" if spoil == "signature" else app_secret
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature-256": sign(signed_by, body),
    }
    status, answer = ask(url, body, headers)
    opened = _opened(answer, aes_key, iv)
    if status == TOKEN_INVALID:  # samples of Meta's encrypt it, its page shows it plain: either is read
        told = opened or _plain(answer) or {}
        return Exchanged(status, opened, "the token is no longer valid", str(told.get("error_msg", "")) or None)
    if status != 200:
        return Exchanged(status, None, f"the endpoint answered {status}" if status else "no answer")
    if opened is None:
        return Exchanged(status, None, "the answer is not encrypted as the request was")
    return Exchanged(status, opened, _fault(request, opened))


def _sealed(request: Json, pem: str, aes_key: bytes, iv: bytes, rng: Random, spoil: str | None) -> Json:
    rsa = load_pem_public_key(pem.encode())
    assert isinstance(rsa, RSAPublicKey)  # noqa: S101 - `public_key` has seen to it
    sealed_key = rsa.encrypt(aes_key, OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None))
    data = AESGCM(aes_key).encrypt(iv, json.dumps(request).encode(), None)
    parts = {
        "encrypted_flow_data": _changed(data) if spoil == "data" else data,
        "encrypted_aes_key": rng.randbytes(len(sealed_key)) if spoil == "key" else sealed_key,
        "initial_vector": iv,
    }
    return {name: base64.b64encode(value).decode() for name, value in parts.items()}


def _changed(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


def _opened(answer: bytes, aes_key: bytes, iv: bytes) -> Json | None:
    """The answer decrypted: same key, every bit of the vector flipped."""
    flipped = bytes(byte ^ 0xFF for byte in iv)
    try:
        return _plain(AESGCM(aes_key).decrypt(flipped, base64.b64decode(answer, validate=True), None))
    except (InvalidTag, binascii.Error, ValueError):
        return None


def _plain(text: bytes) -> Json | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _fault(request: Json, answer: Json) -> str | None:
    """Why the client would not go on with this answer."""
    data = answer.get("data")
    if request["action"] == "ping":
        return None if data == {"status": "active"} else "a health check is answered {'data': {'status': 'active'}}"
    if "error" in (request.get("data") or {}):
        acknowledged = isinstance(data, dict) and data.get("acknowledged") is True
        return None if acknowledged else "an error notice is answered {'data': {'acknowledged': true}}"
    if not isinstance(answer.get("screen"), str) or not answer["screen"]:
        return "the answer names no screen"
    if not isinstance(data, dict):
        return "the answer has no data"
    if answer["screen"] == "SUCCESS" and not _ends(data):
        return "the last answer has no data.extension_message_response.params with the flow_token"
    return None


def _ends(data: Mapping[str, Any]) -> bool:
    response = data.get("extension_message_response")
    params = response.get("params") if isinstance(response, dict) else None
    return isinstance(params, dict) and isinstance(params.get("flow_token"), str)
