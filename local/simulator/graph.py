"""The Graph API's routes: who may ask, what for, and the answers' shapes."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from local.simulator import fields
from local.simulator.config import Json, Number
from local.simulator.errors import GraphError, invalid, unknown_object
from local.simulator.media import DOWNLOAD_PATH, Media, Medium
from local.simulator.messages import Messages
from local.simulator.templates import Template, Templates
from local.simulator.webhooks import Webhooks
from local.simulator.wsgi import Request, Response

VERSION = re.compile(r"^/v\d+\.\d+(?=/)")
SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")

DEFAULT_PAGE = 25


class Graph:
    def __init__(
        self,
        numbers: Iterable[Number],
        messages: Messages,
        templates: Templates,
        media: Media,
        webhooks: Webhooks,
    ) -> None:
        self._numbers = {number.phone_number_id: number for number in numbers}
        self._messages, self._templates, self._media = messages, templates, media
        self._webhooks = webhooks
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
        if parts == ["debug_token"] and request.method == "GET":
            return Response.of(self._debug_token(request))
        if not parts or len(parts) > 2:
            raise _unknown_path(request.path)
        kind, node = self._node(parts[0], token, request.method)
        edge = parts[1] if len(parts) == 2 else ""
        handler = self._routes().get((request.method, kind, edge))
        if handler is None:
            raise self._no_route(request.method, kind, parts)
        return Response.of(handler(node, request))

    def _routes(self) -> Mapping[tuple[str, str, str], Callable[[Any, Request], Any]]:
        return {
            ("POST", "number", "messages"): self._send,
            ("POST", "number", "marketing_messages"): self._send_marketing,
            ("POST", "number", "media"): self._upload,
            ("GET", "number", ""): self._read_number,
            ("GET", "waba", ""): self._read_waba,
            ("GET", "waba", "phone_numbers"): self._list_numbers,
            ("GET", "waba", "message_templates"): self._list_templates,
            ("POST", "waba", "message_templates"): self._create_template,
            ("DELETE", "waba", "message_templates"): self._delete_template,
            ("GET", "waba", "subscribed_apps"): self._list_subscriptions,
            ("POST", "waba", "subscribed_apps"): self._subscribe,
            ("DELETE", "waba", "subscribed_apps"): self._unsubscribe,
            ("GET", "template", ""): self._read_template,
            ("POST", "template", ""): self._edit_template,
            ("POST", "template", "unpause"): self._unpause_template,
            ("GET", "media", ""): self._read_media,
            ("DELETE", "media", ""): self._delete_media,
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
        return _chosen(_number_fields(number), request, fields.NUMBER_DEFAULT, fields.NUMBER)

    def _list_numbers(self, waba_id: str, request: Request) -> Json:
        numbers = [number for number in self._numbers.values() if number.waba_id == waba_id]
        rows = [
            (index, _chosen(_number_fields(number), request, fields.NUMBER_DEFAULT, fields.NUMBER))
            for index, number in enumerate(numbers, start=1)
        ]
        return page(rows, request)

    def _read_waba(self, waba_id: str, request: Request) -> Json:
        values = {"id": waba_id, "name": "Casement Local", "timezone_id": "1", "message_template_namespace": "local"}
        return _chosen(values, request, fields.WABA_DEFAULT, fields.WABA)

    def _debug_token(self, request: Request) -> Json:
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

    # --- templates --------------------------------------------------------------------------------

    def _list_templates(self, waba_id: str, request: Request) -> Json:
        wanted = _template_filter(request.query)
        kept = [template for template in self._templates.all(waba_id) if wanted(template.data)]
        answer = page([(template.number, template) for template in kept], request)
        answer["data"] = [_template_row(template, request) for template in answer["data"]]
        if "summary" in request.query:
            names = {template.data["name"] for template in self._templates.all(waba_id)}
            limit = self._templates.options.template_limit
            answer["summary"] = {
                "total_count": len(kept),
                "message_template_count": len(names),
                "message_template_limit": limit,
                "are_translations_complete": True,
            }
        return answer

    def _read_template(self, template: Template, request: Request) -> Json:
        return _template_row(template, request)

    def _create_template(self, waba_id: str, request: Request) -> Json:
        template = self._templates.create(waba_id, request.params)
        return {"id": template.id, "status": template.status, "category": template.data["category"]}

    def _edit_template(self, template: Template, request: Request) -> Json:
        self._templates.edit(template, request.params)
        return {"success": True, "id": template.id, "category": template.data["category"]}

    def _unpause_template(self, template: Template, _request: Request) -> Json:
        if template.status != "PAUSED":
            raise invalid("The template is not paused.")
        self._templates.review(template.id, "unpause")
        return {"success": True}

    def _delete_template(self, waba_id: str, request: Request) -> Json:
        params = request.params
        ids = params.get("hsm_ids", [])
        if isinstance(ids, str):
            ids = [each.strip(' []"') for each in ids.split(",")]
        if params.get("hsm_id"):
            ids = [params["hsm_id"]]
        name = params.get("name", "")
        if not name and not ids:
            raise invalid("The parameter name is required.")
        self._templates.delete(waba_id, str(name), [str(each) for each in ids if each])
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


def _template_row(template: Template, request: Request) -> Json:
    return _chosen(template.data, request, fields.TEMPLATE_DEFAULT, fields.TEMPLATE)


def _chosen(values: Mapping[str, Any], request: Request, default: tuple[str, ...], known: frozenset[str]) -> Json:
    """What `fields` asks for, plus the id; what has no value is left out, as Graph does."""
    asked = request.query.get("fields")
    names = re.sub(r"\{[^}]*\}", "", asked).replace(" ", "").split(",") if asked else list(default)
    if unknown := [name for name in names if name not in known]:
        raise invalid(f"Tried accessing nonexisting field ({unknown[0][:64]})")
    return {name: values[name] for name in dict.fromkeys((*names, "id")) if values.get(name) is not None}


def _template_filter(query: Mapping[str, str]) -> Callable[[Json], bool]:
    exact = {name: _several(query[name]) for name in ("status", "language", "category") if query.get(name)}
    scores = _several(query["quality_score"]) if query.get("quality_score") else None
    name, part = query.get("name"), query.get("name_or_content")

    def wanted(data: Json) -> bool:
        if any(str(data.get(field)).upper() not in values for field, values in exact.items()):
            return False
        if scores is not None and data["quality_score"]["score"] not in scores:
            return False
        if name and data["name"] != name:
            return False
        return not part or part in data["name"] or part in json.dumps(data["components"], ensure_ascii=False)

    return wanted


def _several(value: str) -> set[str]:
    """One value, several with commas, or a JSON array."""
    return {each.strip(' []"').upper() for each in value.split(",")}


def page(rows: list[tuple[int, Any]], request: Request) -> Json:
    """One page in Graph's shape. `rows` are (rising number, row): the cursors stand for the numbers, so a
    row that comes
    or goes between two pages moves nothing else."""
    limit = _limit(request.query.get("limit"))
    after, before = _uncursor(request.query.get("after")), _uncursor(request.query.get("before"))
    left = [row for row in rows if (after is None or row[0] > after) and (before is None or row[0] < before)]
    shown = left[-limit:] if before is not None and after is None else left[:limit]
    answer: Json = {"data": [row for _, row in shown]}
    if not shown:
        return answer
    first, last = shown[0][0], shown[-1][0]
    paging: Json = {"cursors": {"before": _cursor(first), "after": _cursor(last)}}
    if last < rows[-1][0]:
        paging["next"] = _link(request, limit, after=_cursor(last))
    if first > rows[0][0]:
        paging["previous"] = _link(request, limit, before=_cursor(first))
    return answer | {"paging": paging}


def _limit(value: str | None) -> int:
    if value is None:
        return DEFAULT_PAGE
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 1000:
        raise invalid("Param limit must be a number between 1 and 1000.")
    return int(value)


def _cursor(number: int) -> str:
    return base64.b64encode(f"simulated:{number}".encode()).decode()


def _uncursor(cursor: str | None) -> int | None:
    if not cursor:
        return None
    try:
        number = base64.b64decode(cursor, validate=True).decode("ascii").removeprefix("simulated:")
        return int(number)
    except (binascii.Error, ValueError):
        raise invalid("Invalid cursors values.") from None


def _link(request: Request, limit: int, **cursor: str) -> str:
    """As at Meta, the link has the token in it: a client does better to pass `after` itself."""
    token = request.headers.get("authorization", "").partition(" ")[2].strip() or request.query.get("access_token", "")
    kept = {name: value for name, value in request.query.items() if name not in {"after", "before", "limit"}}
    query = {"access_token": token} | kept | {"limit": str(limit)} | cursor
    return f"{request.base_url}{request.path}?{urlencode(query)}"
