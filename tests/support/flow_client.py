"""WhatsApp's side of a Flow's endpoint, as Meta describes it, written apart from the simulator's: two readings of one
page disagree where either is wrong.

https://developers.facebook.com/docs/whatsapp/flows/guides/implementingyourflowendpoint
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from local.simulator.config import APP_SECRET
from tests.support.deployment import Deployment

Json = dict[str, Any]
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_TAG_BYTES = 16


@cache
def private_key(_name: str = "newest") -> str:
    """A business's private key, in PEM; one for each name."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@dataclass
class Asked:
    """An encrypted request, and what decrypting its answer takes."""

    body: bytes
    aes_key: bytes = field(repr=False)
    iv: bytes = field(repr=False)

    def open(self, answer: str) -> Json:
        """The answer, decrypted: the same key, the vector with every bit flipped, the tag at the end."""
        content = base64.b64decode(answer, validate=True)
        text, tag = content[:-_TAG_BYTES], content[-_TAG_BYTES:]
        flipped = (int.from_bytes(self.iv, "big") ^ ((1 << 128) - 1)).to_bytes(16, "big")
        decryptor = Cipher(algorithms.AES(self.aes_key), modes.GCM(flipped, tag)).decryptor()
        said: Json = json.loads(decryptor.update(text) + decryptor.finalize())
        return said


def sealed(says: Any, key: str) -> Asked:
    """A request as WhatsApp encrypts it for the business whose private key this is; bytes go as they are."""
    text = says if isinstance(says, bytes) else json.dumps(says).encode()
    aes_key, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    encryptor = Cipher(algorithms.AES(aes_key), modes.GCM(iv)).encryptor()
    data = encryptor.update(text) + encryptor.finalize() + encryptor.tag
    private = serialization.load_pem_private_key(key.encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    parts = {
        "encrypted_flow_data": data,
        "encrypted_aes_key": private.public_key().encrypt(aes_key, _OAEP),
        "initial_vector": iv,
    }
    body = json.dumps({name: base64.b64encode(part).decode() for name, part in parts.items()}).encode()
    return Asked(body, aes_key, iv)


@dataclass
class Client:
    """A customer's WhatsApp, in one Flow."""

    casement: Deployment
    flow_id: str = "123"
    key: str = field(default_factory=private_key, repr=False)
    app_secret: str = APP_SECRET

    def post(self, body: bytes, **headers: str) -> tuple[int, str]:
        """A body as it is, signed; status and text of the answer."""
        signature = "sha256=" + hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        given = {"x-hub-signature-256": signature, **headers}
        answer = self.casement.handle("POST", f"/flows/{self.flow_id}", headers=given, body=body)
        assert answer["headers"]["content-type"] == "text/plain"
        text: str = answer["body"]
        return answer["statusCode"], text

    def ask(self, says: Any) -> tuple[int, Json | None]:
        """Status and decrypted answer, None if that is empty."""
        asked = sealed(says, self.key)
        status, text = self.post(asked.body)
        return status, asked.open(text) if text else None
