"""The endpoint of a Flow as somebody else would write it: with what pywa has for it, after Meta's own sample."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pywa.utils import default_flow_request_decryptor, default_flow_response_encryptor, webhook_updates_validator

Json = dict[str, Any]


@cache
def key_pair(_which: int = 0) -> tuple[str, str]:
    """A private key and its public one, in PEM; the same in a whole run, since to make one takes a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def usual_answer(request: Json) -> Json:
    """A health check, an error notice, the next screen, and the end after the screen `LAST`."""
    if request["action"] == "ping":
        return {"data": {"status": "active"}}
    if "error" in request.get("data", {}):
        return {"data": {"acknowledged": True}}
    if request.get("screen") == "LAST":
        params = {"flow_token": request["flow_token"], **request["data"]}
        return {"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}}
    return {"screen": "LAST", "data": {"asked": request["action"]}}


@dataclass
class FlowEndpoint:
    """Takes what the simulator sends to a Flow's endpoint; `requests` are what it could read."""

    app_secret: str
    private_key: str = field(default_factory=lambda: key_pair()[0])
    answer: Callable[[Json], Any] = usual_answer
    requests: list[Json] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    """Called first, whatever comes."""

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        self.urls.append(url)
        self.before()
        if not webhook_updates_validator(self.app_secret, body, headers["X-Hub-Signature-256"]):
            return 432, b""
        sealed = json.loads(body)
        try:
            request, aes_key, iv = default_flow_request_decryptor(
                sealed["encrypted_flow_data"],
                sealed["encrypted_aes_key"],
                sealed["initial_vector"],
                self.private_key,
            )
        except Exception:  # whatever it is, this is what Meta asks for
            return 421, b""
        self.requests.append(request)
        answer = self.answer(request)
        if isinstance(answer, tuple):  # an HTTP status, and what is said in plain text
            return answer
        return 200, default_flow_response_encryptor(answer, aes_key, iv).encode()
