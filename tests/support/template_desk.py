"""What owners do to their templates, through the routes of a deployment."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from casement.domain.templates import Held
from functions.sync_templates import app as sync_templates
from local.simulator.templates import Template as AtMeta
from tests.support.deployment import API_KEY, WABA, Answer, Deployment, Json

NEWS: Json = {
    "name": "news",
    "language": "en_US",
    "category": "UTILITY",
    "components": [
        {"type": "BODY", "text": "Your order {{1}} is on its way.", "example": {"body_text": [["A-1042"]]}},
        {"type": "FOOTER", "text": "Reply if it is late"},
    ],
}


def body(text: str, footer: str = "") -> list[Json]:
    """Components without variables."""
    footers = [{"type": "FOOTER", "text": footer}] if footer else []
    return [{"type": "BODY", "text": text}, *footers]


def create(casement: Deployment, wanted: Any = NEWS, *, waba: str = WABA, key: str = API_KEY) -> Answer:
    """`POST /{waba_id}/message_templates`."""
    return casement.change("POST", f"/v25.0/{waba}/message_templates", wanted, key=key)


def made(casement: Deployment, **different: Any) -> str:
    """The id of a template that Meta took."""
    answer = create(casement, NEWS | different)
    assert answer.status == 200, answer.body
    template_id: str = answer.body["id"]
    return template_id


def reviewed(casement: Deployment, template_id: str, decision: str, **more: Any) -> None:
    """Meta decides a second later, and everybody learns of it."""
    casement.now += 1_000
    casement.simulator.review(template_id, decision, **more)
    told(casement)


def approved(casement: Deployment, **different: Any) -> str:
    """The id of a template that Meta has approved."""
    template_id = made(casement, **different)
    reviewed(casement, template_id, "approve")
    return template_id


def told(casement: Deployment) -> None:
    """Meta's webhooks come, and the stream has the templates read again that they are about."""
    casement.now += 1_000
    casement.deliver()
    images = (change.new for change in casement.stream.changes)
    events = [image for image in images if image["PK"]["S"].startswith("E#")]
    records = [{"dynamodb": {"NewImage": image, "SequenceNumber": str(at)}} for at, image in enumerate(events)]
    for waba_id, noticed in sync_templates.noticed_in(records).items():
        sync_templates.refresh(
            waba_id,
            noticed.notices,
            casement.secret(),
            templates=casement.templates,
            graph=casement.graph,
            now=casement.now,
        )
    casement.catch_up()
    casement.now += 1_000


def learn(casement: Deployment) -> None:
    """Meta's webhooks come, and everything is read again, in case one was lost."""
    told(casement)
    casement.sync()
    casement.catch_up()
    casement.now += 1_000


def edit(casement: Deployment, template_id: str, change: Any, *, key: str = API_KEY, **query: str) -> Answer:
    """`POST /{template_id}`."""
    return casement.change("POST", f"/v25.0/{template_id}?{urlencode(query)}", change, key=key)


def delete(casement: Deployment, *, waba: str = WABA, key: str = API_KEY, **query: str) -> Answer:
    """`DELETE /{waba_id}/message_templates`."""
    return casement.change("DELETE", f"/v25.0/{waba}/message_templates?{urlencode(query)}", key=key)


def held(casement: Deployment, name: str = "news", language: str = "en_US") -> Held | None:
    """What is stored of a template."""
    return casement.templates.held(WABA, name, language)


def status(casement: Deployment, name: str = "news", language: str = "en_US") -> str | None:
    """The status of what is stored."""
    found = held(casement, name, language)
    return found.template.status if found else None


def at_meta(casement: Deployment, name: str = "news", language: str = "en_US") -> AtMeta | None:
    """What Meta has."""
    return casement.simulator.templates.find(WABA, name, language)


def one(casement: Deployment, name: str = "news", language: str = "en_US") -> AtMeta:
    """A template that Meta has."""
    found = at_meta(casement, name, language)
    assert found is not None
    return found


def asked_of_meta(casement: Deployment) -> list[str]:
    """The calls that went to Meta since this was last asked: method and path, without version and query."""
    seen = [f"{request.method} {request.url.path.partition('/v25.0')[2]}" for request in casement.wire.requests]
    casement.wire.requests.clear()
    return seen


def faults(answer: Answer) -> Mapping[str, str]:
    """The faults that an answer lists, by path."""
    return {fault["path"]: fault["why"] for fault in answer.ours["faults"]}


def sent_to_meta(casement: Deployment) -> list[Any]:
    """The bodies of what was posted to Meta since `asked_of_meta` was last asked."""
    return [json.loads(request.content) for request in casement.wire.requests if request.method == "POST"]
