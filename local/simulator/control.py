"""The `/_control/` routes: what Meta has no API for. JSON in, JSON out; README.md shows each with curl."""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from local.simulator.config import Json
from local.simulator.errors import GraphError
from local.simulator.inbound import AUTO
from local.simulator.wsgi import Request, Response

if TYPE_CHECKING:
    from local.simulator.app import Simulator

Handler = Callable[[Json, dict[str, str]], Any]

MESSAGE_KEYS = ("context", "referral")


class Control:
    """Each route is a line of `routes`, each handler takes the body (or query) and what its path names."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator
        self.routes: dict[tuple[str, str], Handler] = {
            ("GET", "/health"): self._health,
            ("GET", "/sent"): self._sent,
            ("GET", "/marked_read"): self._marked_read,
            ("GET", "/window"): self._window,
            ("GET", "/options"): self._options,
            ("POST", "/options"): self._set_options,
            ("POST", "/inbound"): self._inbound,
            ("POST", "/number_change"): self._number_change,
            ("POST", "/call"): self._call,
            ("POST", "/preference"): self._preference,
            ("POST", "/echo"): self._echo,
            ("POST", "/status"): self._status,
            ("POST", "/read"): self._read,
            ("POST", "/tap"): self._tap,
            ("POST", "/flow"): self._flow,
            ("POST", "/flow/exchange"): self._exchange,
            ("POST", "/fail"): self._fail,
            ("POST", "/templates"): self._add_template,
            ("POST", "/templates/{template}/review"): self._review,
            ("POST", "/reviews"): self._review_next,
            ("POST", "/webhook"): self._webhook,
            ("GET", "/webhooks"): self._webhooks,
            ("POST", "/webhooks/deliver"): self._deliver,
            ("POST", "/webhooks/shuffle"): self._shuffle,
            ("POST", "/webhooks/duplicate"): self._duplicate,
            ("POST", "/webhooks/batch"): self._batch,
            ("POST", "/webhooks/hold"): self._hold,
            ("POST", "/webhooks/verify"): self._verify,
            ("POST", "/clear"): self._clear,
        }

    def handle(self, request: Request) -> Response:
        path = request.path.removeprefix("/_control")
        for (method, pattern), handler in self.routes.items():
            names = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
            if names and method == request.method:
                return self._run(handler, request, names.groupdict())
        return Response.of({"error": f"no such control route: {request.method} {request.path}"}, 404)

    def _run(self, handler: Handler, request: Request, names: dict[str, str]) -> Response:
        try:
            body = request.json_object() if request.body else {}  # whatever type curl says it is
            return Response.of(handler({**request.query, **body}, names))
        except GraphError as error:
            return Response.of({"error": error.details or error.message}, 400)
        except (ValueError, TypeError, KeyError, re.error) as error:
            return Response.of({"error": f"{type(error).__name__}: {error}"}, 400)

    # --- what is ----------------------------------------------------------------------------------

    def _health(self, _body: Json, _names: dict[str, str]) -> Json:
        simulator = self._simulator
        return {
            "ok": True,
            "numbers": [
                {name: value for name, value in asdict(number).items() if name != "token"}
                for number in simulator.numbers
            ],
            "sent": len(simulator.sent),
            "pending_webhooks": len(simulator.pending),
        }

    def _sent(self, query: Json, _names: dict[str, str]) -> Json:
        contact = query.get("contact")
        data = [sent.as_json() for sent in self._simulator.sent]
        return {"data": [each for each in data if contact in {None, each["wa_id"], each["user_id"], each["input"]}]}

    def _marked_read(self, _query: Json, _names: dict[str, str]) -> Json:
        return {"data": self._simulator.marked_read}

    def _window(self, query: Json, _names: dict[str, str]) -> Json:
        return self._simulator.window(query["contact"], phone_number_id=query.get("phone_number_id"))

    def _options(self, _query: Json, _names: dict[str, str]) -> Json:
        options = asdict(self._simulator.options)
        return options | {"allowed_recipients": sorted(options["allowed_recipients"])}

    def _set_options(self, body: Json, _names: dict[str, str]) -> Json:
        for name, kind in (("statuses", tuple), ("allowed_recipients", frozenset)):
            if name in body:
                body[name] = kind(body[name])
        self._simulator.set_options(**body)
        return self._options({}, {})

    # --- customers --------------------------------------------------------------------------------

    def _inbound(self, body: Json, _names: dict[str, str]) -> Json:
        wamid = self._simulator.inbound(
            message=_message(body),
            sender=body.get("from", AUTO),
            user_id=body.get("user_id", AUTO),
            name=body.get("name"),
            username=body.get("username"),
            ago=float(body.get("ago", 0)),
            wamid=body.get("id"),
            group_id=body.get("group_id"),
            phone_number_id=body.get("phone_number_id"),
        )
        return {"id": wamid}

    def _number_change(self, body: Json, _names: dict[str, str]) -> Json:
        wamid = self._simulator.change_number(
            body["from"],
            body["to"],
            show_phone=bool(body.get("show_phone", True)),
            phone_number_id=body.get("phone_number_id"),
        )
        return {"id": wamid}

    def _call(self, body: Json, _names: dict[str, str]) -> Json:
        call_id = self._simulator.call(
            sender=body.get("from", AUTO),
            user_id=body.get("user_id", AUTO),
            ago=float(body.get("ago", 0)),
            phone_number_id=body.get("phone_number_id"),
        )
        return {"id": call_id}

    def _preference(self, body: Json, _names: dict[str, str]) -> Json:
        if body["value"] not in ("stop", "resume"):
            raise ValueError("value is stop or resume")
        self._simulator.prefer(
            body["contact"], stop=body["value"] == "stop", phone_number_id=body.get("phone_number_id")
        )
        return {"success": True}

    def _echo(self, body: Json, _names: dict[str, str]) -> Json:
        return {"id": self._simulator.echo(body["to"], body["text"], phone_number_id=body.get("phone_number_id"))}

    # --- statuses and faults ----------------------------------------------------------------------

    def _status(self, body: Json, _names: dict[str, str]) -> Json:
        code, details = body.get("code"), body.get("details")
        return {"id": self._simulator.status(body.get("id"), body["status"], code=code, details=details)}

    def _read(self, body: Json, _names: dict[str, str]) -> Json:
        return {"id": self._simulator.read(body.get("id"))}

    def _tap(self, body: Json, _names: dict[str, str]) -> Json:
        return {"id": self._simulator.tap(body.get("id"), body.get("button"), sender=body.get("from", AUTO))}

    def _flow(self, body: Json, _names: dict[str, str]) -> Json:
        wamid = self._simulator.complete_flow(
            body.get("answers"),
            wamid=body.get("id"),
            response_json=body.get("response_json", AUTO),
            flow_token=body.get("flow_token", AUTO),
            sender=body.get("from", AUTO),
            user_id=body.get("user_id", AUTO),
        )
        return {"id": wamid}

    def _exchange(self, body: Json, _names: dict[str, str]) -> Json:
        url, wamid = body.pop("url"), body.pop("id", None)
        return self._simulator.exchange_flow_data(url, wamid=wamid, **body)

    def _fail(self, body: Json, _names: dict[str, str]) -> Json:
        how = body.get("how", "error")
        wanted = {**body, **how, "how": "error"} if isinstance(how, dict) else {**body, "how": how}
        n = int(wanted.pop("next", 1))
        self._simulator.fail_next(wanted.pop("how"), n, **wanted)
        return {"success": True}

    # --- templates --------------------------------------------------------------------------------

    def _add_template(self, body: Json, _names: dict[str, str]) -> Json:
        waba_id, status, copies = body.pop("waba_id", None), body.pop("status", "APPROVED"), body.pop("copies", None)
        if "row" in body:
            self._simulator.add_row(body["row"], waba_id=waba_id)
            return {"success": True}
        if copies is None:
            return self._simulator.add_template(body, waba_id=waba_id, status=status).data
        return {"added": len(self._simulator.add_copies(body, int(copies), waba_id=waba_id, status=status))}

    def _review_next(self, body: Json, _names: dict[str, str]) -> Json:
        n = int(body.pop("next", 1))
        self._simulator.review_next(body.pop("decision"), n, **body)
        return {"success": True}

    def _review(self, body: Json, names: dict[str, str]) -> Json:
        decision = body.pop("decision")
        if decision == "recategorise":
            changed = self._simulator.recategorise(names["template"], body.pop("category"), **body)
        elif decision == "score":
            changed = self._simulator.score(names["template"], body.pop("score"), **body)
        else:
            changed = self._simulator.review(names["template"], decision, **body)
        return {"data": [template.data for template in changed]}

    # --- webhooks ---------------------------------------------------------------------------------

    def _webhook(self, body: Json, _names: dict[str, str]) -> Json:
        self._simulator.webhook(body["field"], body["value"], waba_id=body.get("waba_id"), time=body.get("time"))
        return {"success": True}

    def _webhooks(self, _query: Json, _names: dict[str, str]) -> Json:
        queue = self._simulator.webhooks
        return {
            "pending": [webhook.as_json() for webhook in queue.pending],
            "finished": [webhook.as_json() for webhook in list(queue.finished)],
        }

    def _deliver(self, _body: Json, _names: dict[str, str]) -> Json:
        return {"statuses": self._simulator.deliver_pending()}

    def _shuffle(self, _body: Json, _names: dict[str, str]) -> Json:
        return {"pending": self._simulator.webhooks.shuffle()}

    def _duplicate(self, body: Json, _names: dict[str, str]) -> Json:
        return {"pending": self._simulator.webhooks.duplicate(int(body.get("copies", 1)))}

    def _batch(self, body: Json, _names: dict[str, str]) -> Json:
        size, one_value = int(body.get("size", 1000)), bool(body.get("one_value", False))
        return {"pending": self._simulator.webhooks.batch(size, one_value=one_value)}

    def _hold(self, body: Json, _names: dict[str, str]) -> Json:
        on = bool(body.get("on", True))
        self._simulator.webhooks.hold(on)
        return {"held": on}

    def _verify(self, _body: Json, _names: dict[str, str]) -> Json:
        return {"verified": self._simulator.verify_webhook()}

    def _clear(self, _body: Json, _names: dict[str, str]) -> Json:
        self._simulator.clear()
        return {"success": True}


def _message(body: Json) -> Json:
    """A message object: `message` as given, `text` as a string, or `type` and the object of that name."""
    extras = {key: body[key] for key in MESSAGE_KEYS if key in body}
    if "message" in body:
        return {**body["message"], **extras}
    kind = body.get("type", "text")
    if kind == "text":
        text = body.get("text", "Hello")
        return {"type": "text", "text": text if isinstance(text, dict) else {"body": str(text)}, **extras}
    return {"type": kind, **({kind: body[kind]} if kind in body else {}), **extras}
