"""Templates: only what Meta has approved, in the language asked for; everything else with the code Meta would use."""

from typing import Any

import pytest

from tests.support.deployment import ALICE, DAY, HELLO_WORLD, Deployment, Json


def template(name: str = "hello_world", language: str = "en_US", **more: Any) -> Json:
    return {"type": "template", "template": {"name": name, "language": {"code": language}, **more}}


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()


def status_of(casement: Deployment, decision: str, **how: Any) -> None:
    casement.simulator.review("hello_world", decision, **how)
    casement.now += 1_000
    casement.sync()


def test_an_approved_template_goes_out_whatever_the_window_is(casement):
    casement.wrote(ALICE, ago=9 * DAY)

    answer = casement.send(ALICE, HELLO_WORLD)

    assert answer.status == 200
    (sent,) = casement.simulator.sent
    assert answer.body["messages"] == [{"id": sent.wamid, "message_status": "accepted"}]
    assert sent.kind == "template"
    casement.deliver()
    assert casement.messages(ALICE)[0]["casement"]["status"] == "delivered"
    assert casement.window(ALICE)["state"] == "closed"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (template("no_such_thing"), 132001),
        (template(language="de"), 132001),
        (template(language="en"), 132001),
        (template(language="en-US"), 132001),
        (template("Hello_World"), 132001),
        (template("hello#world"), 132001),
        (template("\ud83d\u00e9"), 132001),
        (template("x" * 2_000), 132001),
    ],
)
def test_what_is_not_there_is_not_sent(casement, asked, code):
    answer = casement.send(ALICE, asked)

    assert (answer.status, answer.code) == (404, code)
    assert casement.simulator.sent == []
    assert casement.messages(ALICE)[0]["casement"]["status"] == "refused"


@pytest.mark.parametrize(
    ("decision", "status", "code"),
    [
        ("pause", "PAUSED", 132015),
        ("disable", "DISABLED", 132016),
        ("reject", "REJECTED", 132001),
        ("pending", "PENDING", 132001),
        ("appeal", "IN_APPEAL", 132001),
        ("archive", "ARCHIVED", 132001),
        ("delete", "DELETED", 132001),
    ],
)
def test_what_meta_would_refuse_is_not_sent(casement, decision, status, code):
    status_of(casement, decision, notify=False)

    answer = casement.send(ALICE, HELLO_WORLD)

    assert (answer.status, answer.code) == (400, code)
    assert f"is {status}" in answer.body["error"]["error_data"]["details"]
    assert casement.simulator.sent == []


def test_a_template_that_is_approved_again_goes_out_again(casement):
    status_of(casement, "pause")
    assert casement.send(ALICE, HELLO_WORLD).code == 132015

    status_of(casement, "unpause")

    assert casement.send(ALICE, HELLO_WORLD).status == 200


def test_parameters_go_to_meta_as_they_came(casement):
    components = [{"type": "body", "parameters": [{"type": "text", "text": "Zo\u00eb \U0001f600"}]}]

    assert casement.send(ALICE, template("we_are_here", "es", components=components)).status == 200

    assert casement.simulator.sent[0].body["template"]["components"] == components


def test_what_does_not_fit_is_refused_before_meta_is_asked(casement):
    answer = casement.send(ALICE, template("we_are_here"))  # without its parameter

    assert (answer.status, answer.code) == (400, 132000)
    assert "{{1}}" in answer.body["error"]["error_data"]["details"]
    assert [request for request in casement.wire.requests if request.method == "POST"] == []
    assert casement.messages(ALICE)[0]["casement"]["error"]["code"] == 132000


def test_metas_own_refusal_of_a_template_is_passed_on(casement):
    casement.simulator.fail_next("error", code=132000, http_status=400, details="in Meta's words")

    answer = casement.send(ALICE, HELLO_WORLD)

    assert (answer.status, answer.code) == (400, 132000)
    assert answer.body["error"]["error_data"]["details"] == "in Meta's words"
    assert answer.body["error"]["fbtrace_id"].startswith("A")
    assert casement.messages(ALICE)[0]["casement"]["error"]["code"] == 132000


def test_a_template_of_another_waba_is_not_ours(casement):
    casement.simulator.add_template(
        {"name": "theirs", "language": "en_US", "category": "UTILITY", "components": []}, waba_id="200000000000002"
    )
    casement.now += 1_000
    casement.sync()
    body = {"messaging_product": "whatsapp", "to": ALICE, **template("theirs")}

    assert casement.post(body).code == 132001
    assert casement.post(body, number="100000000000002").status == 200


def test_a_held_template_is_answered_as_meta_answers(casement):
    casement.simulator.fail_next("held")

    answer = casement.send(ALICE, HELLO_WORLD)

    assert answer.status == 200
    assert answer.body["messages"][0]["message_status"] == "held_for_quality_assessment"
