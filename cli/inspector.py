"""What operators ask Meta and tell it, which the functions need none of: so it is not in the layer."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from casement.domain.compact_json import dumps
from casement.meta.graph import Graph

NUMBER_FIELDS = "id,display_phone_number,verified_name,status,quality_rating,throughput,name_status"
_PAGE = "100"
_MOST_PAGES = 20


class Inspector(Graph):
    """The Graph client of the functions, and what else an operator wants to know. Raises what that one raises."""

    def token(self, token: str) -> Mapping[str, Any]:
        """`GET /debug_token`: what Meta knows of a token, asked with the token itself.

        Meta takes the token to look at from the query only, so this is the one URL that holds one; it is never shown.
        """
        answer = self._call("GET", "debug_token", token, params={"input_token": token})
        return _object(_object(answer).get("data"))

    def number(self, number: str, token: str) -> Mapping[str, Any]:
        """`GET /{phone_number_id}`: how a number stands."""
        return _object(self._call("GET", quote(number, safe=""), token, params={"fields": NUMBER_FIELDS}))

    def upload_flow_key(self, number: str, token: str, public_key: str) -> None:
        """`POST /{phone_number_id}/whatsapp_business_encryption`: the key that the number's Flows are encrypted for.

        https://developers.facebook.com/docs/whatsapp/cloud-api/reference/whatsapp-business-encryption
        """
        self._call("POST", _encryption(number), token, content=dumps({"business_public_key": public_key}).encode())

    def flow_key(self, number: str, token: str) -> Mapping[str, Any]:
        """`GET /{phone_number_id}/whatsapp_business_encryption`: the key that it has, nothing if none."""
        answer = _object(self._call("GET", _encryption(number), token))
        found = _list(answer.get("data"))  # a list of one in Meta's samples, and the object itself in its reference
        return _object(found[0]) if found else answer

    def subscribed_apps(self, waba_id: str, token: str) -> list[Mapping[str, Any]]:
        """`GET /{waba_id}/subscribed_apps`: the apps that get this WABA's webhooks."""
        answer = _object(self._call("GET", f"{quote(waba_id, safe='')}/subscribed_apps", token))
        return [_object(each) for each in _list(answer.get("data"))]

    def phone_number_ids(self, waba_id: str, token: str) -> set[str]:
        """`GET /{waba_id}/phone_numbers`: the ids of a WABA's numbers."""
        found: set[str] = set()
        query = {"fields": "id", "limit": _PAGE}
        for _ in range(_MOST_PAGES):
            answer = _object(self._call("GET", f"{quote(waba_id, safe='')}/phone_numbers", token, params=query))
            found |= {str(_object(each).get("id")) for each in _list(answer.get("data"))}
            paging = _object(answer.get("paging"))
            after = _object(paging.get("cursors")).get("after")
            if not paging.get("next") or not isinstance(after, str):
                break
            query = {**query, "after": after}
        return found


def _encryption(number: str) -> str:
    return f"{quote(number, safe='')}/whatsapp_business_encryption"


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
