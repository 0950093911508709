"""The public keys with which a business's Flows are encrypted.

https://developers.facebook.com/docs/whatsapp/cloud-api/reference/whatsapp-business-encryption
"""

from collections.abc import Mapping

from local.simulator.config import Json, Number
from local.simulator.errors import invalid
from local.simulator.graph import Handler, Route
from local.simulator.wsgi import Request


class FlowKeys:
    """The public keys that businesses have uploaded, by number."""

    def __init__(self) -> None:
        self._by_number: dict[str, str] = {}
        self.routes: Mapping[Route, Handler] = {
            ("POST", "number", "whatsapp_business_encryption"): self._upload,
            ("GET", "number", "whatsapp_business_encryption"): self._read,
        }

    def clear(self) -> None:
        self._by_number.clear()

    def of(self, number: Number) -> str:
        """A number's key as it is now. Raises ValueError if it has none: then no Flow of its can ask an endpoint."""
        if number.phone_number_id not in self._by_number:
            raise ValueError(f"the number {number.phone_number_id} has no public key: upload one first")
        return self._by_number[number.phone_number_id]

    def _upload(self, number: Number, request: Request) -> Json:
        from local.simulator.flow_client import public_key  # cryptography, which few simulators need

        try:
            self._by_number[number.phone_number_id] = public_key(request.params.get("business_public_key"))
        except ValueError as error:
            raise invalid(f"Param {error}.") from error
        return {"success": True}

    def _read(self, number: Number, _request: Request) -> Json:
        key = self._by_number.get(number.phone_number_id)
        if key is None:
            return {"data": []}
        return {"data": [{"business_public_key": key, "business_public_key_signature_status": "VALID"}]}
