"""What follows from a form: by its answers, and by the Flow that it is of, which its token tells."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.deployment import ALICE, Deployment, Json, deployed
from tests.support.memory import memory

THANKS: Json = {"id": "thanks", "when": "flow", "then": {"reply": "Thanks, {{flow.name|you}}."}, "once": "always"}
BOOKED: Json = {"id": "booked", "when": {"flow": {"flow_ids": ["123"]}}, "then": {"tag": "booked"}, "once": "always"}


@pytest.fixture
def casement() -> Iterator[Deployment]:
    with deployed(memory()) as deployment:
        deployment.automate(rules=[BOOKED, THANKS])
        yield deployment


def asked(casement: Deployment) -> str:
    """The token of a form that a customer was sent."""
    casement.wrote()
    parameters = {"flow_message_version": "3", "flow_id": "123", "flow_cta": "Book"}
    action = {"name": "flow", "parameters": parameters}
    interactive = {"type": "flow", "body": {"text": "Book"}, "action": action}
    assert casement.send(message={"type": "interactive", "interactive": interactive}).status == 200
    token: str = casement.simulator.sent[-1].body["interactive"]["action"]["parameters"]["flow_token"]
    return token


def fills_in(casement: Deployment, response: str) -> None:
    form = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": response}}
    casement.now += 1_000
    casement.simulator.inbound(message={"type": "interactive", "interactive": form}, sender=ALICE)
    casement.deliver()
    casement.catch_up()


def tags(casement: Deployment) -> list[str]:
    found: list[str] = casement.get(f"contacts/{ALICE}").body["tags"]
    return found


def last_words(casement: Deployment) -> Any:
    return casement.simulator.sent[-1].body.get("text", {}).get("body")


def test_a_form_is_answered_with_its_own_words_and_known_by_its_flow(casement):
    token = asked(casement)
    fills_in(casement, json.dumps({"name": "Ana", "flow_token": token}))

    assert last_words(casement) == "Thanks, Ana."
    assert list(tags(casement)) == ["booked"]


@pytest.mark.parametrize("response", ['{"name": "Ana", "flow_token": "of somebody else"}', "no JSON", "[]"])
def test_a_form_of_nobody_knows_which_or_that_can_not_be_read_is_a_form_all_the_same(casement, response):
    fills_in(casement, response)

    assert last_words(casement) in ("Thanks, Ana.", "Thanks, you.")
    assert list(tags(casement)) == []
