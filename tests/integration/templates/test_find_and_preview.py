"""`GET …/templates/find` and `POST …/templates/preview`, as routes: whose number is meant, who may, and that nothing
happens."""

import pytest

from casement.domain.api_key import Scope
from tests.support.deployment import ALICE, NUMBER, OTHER_NUMBER, Answer, Deployment
from tests.support.tables import snapshot
from tests.support.template_desk import asked_of_meta

HELLO = {"name": "hello_world", "language": "en_US"}
FIND, PREVIEW = "/casement/v1/templates/find", "/casement/v1/templates/preview"


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()
    casement.add_key("one number", [Scope.READ], numbers=frozenset({OTHER_NUMBER.phone_number_id}))
    casement.add_key("no reader", [Scope.SEND, Scope.MANAGE])
    asked_of_meta(casement)


def find(casement: Deployment, key: str = "local-key", **query: str) -> Answer:
    return casement.get(FIND, key=key, **query)


def preview(casement: Deployment, key: str = "local-key", **body: object) -> Answer:
    return casement.change("POST", PREVIEW, HELLO | body, key=key)


@pytest.mark.parametrize("ask", [find, preview])
def test_a_number_is_meant(casement, ask):
    assert ask(casement).ours == {"parameter": "phone_number_id"}
    assert ask(casement, phone_number_id=NUMBER).status == 200
    assert ask(casement, key="one number").status == 200
    assert ask(casement, key="one number", phone_number_id=NUMBER).status == 403
    assert ask(casement, phone_number_id="999").code == 100


@pytest.mark.parametrize("ask", [find, preview])
def test_who_may_read_may_ask(casement, ask):
    assert ask(casement, key="no reader", phone_number_id=NUMBER).status == 403
    assert ask(casement, key="unheard of", phone_number_id=NUMBER).status == 401


@pytest.mark.parametrize("ask", [find, preview])
def test_nothing_is_asked_of_meta_and_nothing_written(casement, ask):
    casement.wrote(ALICE)
    casement.catch_up()
    before = snapshot(casement.client, casement.name)

    assert ask(casement, phone_number_id=NUMBER, contact=ALICE).status == 200

    assert asked_of_meta(casement) == []
    assert snapshot(casement.client, casement.name) == before


def test_what_can_go_is_found_and_what_cannot_is_explained(casement):
    casement.simulator.review("seasonal_offer", "pause", notify=False)
    casement.now += 1_000
    casement.sync()

    found = find(casement, phone_number_id=NUMBER, contact=ALICE).body

    assert {each["name"] for each in found["usable"]} == {"hello_world", "we_are_here", "order_on_its_way"}
    assert [each["name"] for each in found["unusable"]] == ["seasonal_offer"]
    assert "PAUSED" in found["unusable"][0]["why"]


def test_what_is_shown_is_what_would_go(casement):
    shown = preview(casement, phone_number_id=NUMBER, contact=ALICE).body

    assert shown["can_send"] is True
    sent = casement.post(shown["payload"])
    assert sent.status == 200, sent.body
    assert casement.simulator.sent[-1].body["template"] == shown["payload"]["template"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"name": "hello_world"}', b'{"dry_run": true}'])
def test_a_body_that_asks_for_nothing(casement, body):
    answer = casement.request("POST", PREVIEW, headers={"authorization": "Bearer local-key"}, body=body)

    assert (answer.status, answer.code) == (400, 100)


def test_a_query_that_is_not_understood(casement):
    assert find(casement, phone_number_id=NUMBER, colour="blue").ours == {"parameter": "colour"}
