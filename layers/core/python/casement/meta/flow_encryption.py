"""How WhatsApp and the endpoint of a Flow keep what they say from everybody between them.

Each request has an AES key of its own, encrypted for the business's RSA key (OAEP, SHA-256); the answer goes back under
the same AES key, with every bit of the initial vector flipped. Source:
https://developers.facebook.com/docs/whatsapp/flows/guides/implementingyourflowendpoint#request-decryption-and-encryption

The only module that needs `cryptography`, which lies in a layer of its own.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from casement.domain.compact_json import dumps
from casement.domain.untrusted import loads

_AES_KEY_BYTES, _IV_BYTES = 16, 16
_PADDING = OAEP(mgf=MGF1(SHA256()), algorithm=SHA256(), label=None)


class CannotDecrypt(Exception):
    """It was encrypted for another key, or is not what WhatsApp sends."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A request that was decrypted; what it says, None if that is no JSON object; and how its answer is encrypted."""

    says: Mapping[str, Any] | None
    _aes_key: bytes = field(repr=False)
    _iv: bytes = field(repr=False)

    def seal(self, answer: Mapping[str, Any]) -> str:
        """An answer as WhatsApp wants it: encrypted, in base64."""
        flipped = bytes(byte ^ 0xFF for byte in self._iv)
        return base64.b64encode(AESGCM(self._aes_key).encrypt(flipped, dumps(answer).encode(), None)).decode()


def opened(body: bytes, private_keys: Iterable[str]) -> Sealed:
    """Decrypt a request with one of the private keys (PEM). Raises `CannotDecrypt`, and nothing else."""
    data, sealed_key, iv = _parts(body)
    for key in _loaded(tuple(private_keys)):
        try:
            aes_key = key.decrypt(sealed_key, _PADDING)
            if len(aes_key) == _AES_KEY_BYTES:
                return Sealed(_object(AESGCM(aes_key).decrypt(iv, data, None)), aes_key, iv)
        except (ValueError, InvalidTag):
            continue
    raise CannotDecrypt("No key of ours opens it.")


def _parts(body: bytes) -> tuple[bytes, bytes, bytes]:
    try:
        given = loads(body)
        names = ("encrypted_flow_data", "encrypted_aes_key", "initial_vector")
        data, sealed_key, iv = (base64.b64decode(given[name], validate=True) for name in names)
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise CannotDecrypt("It has not the parts of an encrypted request.") from error
    if len(iv) != _IV_BYTES:
        raise CannotDecrypt("Its initial vector has another length.")
    return data, sealed_key, iv


@lru_cache(maxsize=4)
def _loaded(pems: tuple[str, ...]) -> Sequence[RSAPrivateKey]:
    """The keys that can be read. They were checked when they were kept, and looking at their primes again is slow."""
    found = []
    for pem in pems:
        try:
            key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError):
            continue
        found += [key] if isinstance(key, RSAPrivateKey) else []
    return found


def _object(text: bytes) -> Mapping[str, Any] | None:
    try:
        said = loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
