"""The Graph API's routes: who may ask, what for, and the answers' shapes."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from local.simulator import fields
from local.simulator.config import Json, Number, Options
from local.simulator.errors import GraphError, unknown_object
from local.simulator.insights import Insights
from local.simulator.media import DOWNLOAD_PATH, Media, Medium
from local.simulator.messages import Messages
from local.simulator.paging import page
from local.simulator.templates import Templates
from local.simulator.webhooks import Webhooks
from local.simulator.wsgi import Request, Response

Route = tuple[str, str, str]
"""Method, kind of node, edge ("" for the node itself)."""
Handler = Callable[[Any, Request], Any]

VERSION = re.compile(r"^/v\d+\.\d+(?=/)")
SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")


class Graph:
    def __init__(
        self,
        numbers: Iterable[Number],
        messages: Messages,
        templates: Templates,
        media: Media,
        webhooks: Webhooks,
        insights: Insights,
        options: Options,
        more: Mapping[Route, Handler],
    ) -> None:
        self._numbers = {number.phone_number_id: number for number in numbers}
        self._messages, self._templates, self._media = messages, templates, media
        self._webhooks, self._insights = webhooks, insights
        self.options, self._more = options, {**insights.routes, **more}
        self._subscribed: dict[str, Json] = {}
        self.subscribe_all()

    @property
    def waba_ids(self) -> list[str]:
        return list(dict.fromkeys(number.waba_id for number in self._numbers.values()))

    def subscribe_all(self) -> None:
        self._subscribed = {waba_id: {} for waba_id in self.waba_ids}
        self._webhooks.muted.clear()

    def handle(self, request: Request) -> Response:
        if request.path == DOWNLOAD_PATH:
            return self._download(request)
        token = self._token(request)
        parts = [part for part in VERSION.sub("", request.path, count=1).split("/") if part]
        if not parts or len(parts) > 2:
            raise _unknown_path(request.path)
        root = self._routes().get((request.method, "root", parts[0]))
        if root is not None and len(parts) == 1:
            return Response.of(root(None, request))
        kind, node = self._node(parts[0], token, request.method)
        edge = parts[1] if len(parts) == 2 else ""
        handler = self._routes().get((request.method, kind, edge))
        if handler is None:
            raise self._no_route(request.method, kind, parts)
        return Response.of(handler(node, request))

    def _routes(self) -> Mapping[Route, Handler]:
        return {
            ("GET", "root", "debug_token"): self._debug_token,
            ("POST", "number", "messages"): self._send,
            ("POST", "number", "marketing_messages"): self._send_marketing,
            ("POST", "number", "media"): self._upload,
            ("GET", "number", ""): self._read_number,
            ("GET", "waba", ""): self._read_waba,
            ("GET", "waba", "phone_numbers"): self._list_numbers,
            ("GET", "waba", "subscribed_apps"): self._list_subscriptions,
            ("POST", "waba", "subscribed_apps"): self._subscribe,
            ("DELETE", "waba", "subscribed_apps"): self._unsubscribe,
            ("GET", "media", ""): self._read_media,
            ("DELETE", "media", ""): self._delete_media,
            **self._more,
        }

    # --- who asks, and for what -------------------------------------------------------------------

    def _token(self, request: Request) -> str:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        token = bearer.strip() if scheme.lower() in {"bearer", "oauth"} else request.query.get("access_token", "")
        if token not in {number.token for number in self._numbers.values()}:
            raise GraphError(190, "Invalid OAuth access token - Cannot parse access token")
        return token

    def _node(self, node_id: str, token: str, method: str) -> tuple[str, Any]:
        """What this id names, if the token may know."""
        own = [number for number in self._numbers.values() if number.token == token]
        wabas = {number.waba_id for number in own}
        if node_id in {number.phone_number_id for number in own}:
            return "number", self._numbers[node_id]
        if node_id in wabas:
            return "waba", node_id
        template = self._templates.get(node_id)
        if template is not None and template.waba_id in wabas:
            return "template", template
        medium = self._media.get(node_id)
        if medium is not None and medium.phone_number_id in {number.phone_number_id for number in own}:
            return "media", medium
        raise unknown_object(method, node_id)

    def _no_route(self, method: str, kind: str, parts: list[str]) -> GraphError:
        if len(parts) == 1 or any(route[1:] == (kind, parts[1]) for route in self._routes()):
            return unknown_object(method, parts[0])  # the edge exists, not for this method
        return _unknown_path("/" + parts[1])

    # --- messages and media -----------------------------------------------------------------------

    def _send(self, number: Number, request: Request) -> Json:
        return self._messages.handle(number, request.params, route_of(request))

    def _send_marketing(self, number: Number, request: Request) -> Json:
        return self._messages.handle(number, request.params, route_of(request), marketing_only=True)

    def _upload(self, number: Number, request: Request) -> Json:
        return {"id": self._media.upload(number.phone_number_id, request).id}

    def _read_media(self, medium: Medium, request: Request) -> Json:
        asked = request.query.get("phone_number_id", medium.phone_number_id)
        if asked != medium.phone_number_id:
            raise unknown_object("GET", medium.id)
        return self._media.describe(medium, request.base_url)

    def _delete_media(self, medium: Medium, _request: Request) -> Json:
        self._media.delete(medium.id)
        return {"success": True}

    def _download(self, request: Request) -> Response:
        """Not Graph's own host at Meta, so refusals are bare: 401 without the token, 404 for a dead link."""
        try:
            self._token(request)
        except GraphError:
            return Response(401, b"", {"Content-Type": "text/plain"})
        medium = self._media.behind(request.query)
        if medium is None or request.method != "GET":
            return Response(404, b"", {"Content-Type": "text/plain"})
        return Response(200, medium.content, {"Content-Type": medium.mime_type})

    # --- numbers, accounts, tokens ----------------------------------------------------------------

    def _read_number(self, number: Number, request: Request) -> Json:
        return fields.chosen(_number_fields(number), request, fields.NUMBER_DEFAULT, fields.NUMBER)

    def _list_numbers(self, waba_id: str, request: Request) -> Json:
        numbers = [number for number in self._numbers.values() if number.waba_id == waba_id]
        rows = list(enumerate(numbers, start=1))
        return page(rows, request, self.options, number=lambda row: row[0]).answer(
            lambda row: fields.chosen(_number_fields(row[1]), request, fields.NUMBER_DEFAULT, fields.NUMBER)
        )

    def _read_waba(self, waba_id: str, request: Request) -> Json:
        values = {
            "id": waba_id,
            "name": "Casement Local",
            "timezone_id": "1",
            "message_template_namespace": "local",
            "is_enabled_for_insights": self._insights.is_on(waba_id),
        }
        return fields.chosen(values, request, fields.WABA_DEFAULT, fields.WABA)

    def _debug_token(self, _root: None, request: Request) -> Json:
        asked = request.query.get("input_token", "")
        own = [number for number in self._numbers.values() if number.token == asked]
        if not own:
            error = {"code": 190, "message": "Invalid OAuth access token."}
            return {"data": {"error": error, "is_valid": False, "scopes": []}}
        targets = sorted({number.waba_id for number in own})
        return {
            "data": {
                "app_id": "1",
                "type": "SYSTEM_USER",
                "application": "Casement Local",
                "data_access_expires_at": 0,
                "expires_at": 0,
                "is_valid": True,
                "scopes": list(SCOPES),
                "granular_scopes": [{"scope": scope, "target_ids": targets} for scope in SCOPES],
                "user_id": "1",
            }
        }

    def _list_subscriptions(self, waba_id: str, _request: Request) -> Json:
        if waba_id not in self._subscribed:
            return {"data": []}
        app = {"id": "1", "name": "Casement Local", "link": "https://www.facebook.com/games/?app_id=1"}
        return {"data": [{"whatsapp_business_api_data": app, **self._subscribed[waba_id]}]}

    def _subscribe(self, waba_id: str, request: Request) -> Json:
        override = request.params.get("override_callback_uri")
        self._subscribed[waba_id] = {"override_callback_uri": override} if override else {}
        self._webhooks.muted.discard(waba_id)
        return {"success": True}

    def _unsubscribe(self, waba_id: str, _request: Request) -> Json:
        self._subscribed.pop(waba_id, None)
        self._webhooks.muted.add(waba_id)
        return {"success": True}


def route_of(request: Request) -> str:
    """ "POST /100000000000001/messages": what a fault's `match` is searched in."""
    return f"{request.method} {VERSION.sub('', request.path, count=1)}"


def _unknown_path(path: str) -> GraphError:
    return GraphError(2500, f"Unknown path components: {path}", http_status=400)


def _number_fields(number: Number) -> Json:
    return {
        "id": number.phone_number_id,
        "verified_name": number.verified_name,
        "display_phone_number": number.display_phone_number,
        "quality_rating": "GREEN",
        "throughput": {"level": "STANDARD"},
        "status": "CONNECTED",
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API",
        "account_mode": "SANDBOX",
        "messaging_limit_tier": "TIER_250",
    }
