"""A form is told of after the message that it came with: once, in the same words, whatever dies on the way."""

import json

import pytest

from casement.store.flow_submissions import submission_of
from casement.usecases.react import Change
from tests.integration.events.test_told import Queue, bodies, reacting, watched
from tests.integration.flows.test_forms import ANSWERS, asks, fields, filled_in
from tests.support.crashes import Effects, Trouble
from tests.support.deployment import Deployment, deployed
from tests.support.memory import memory


def two_forms(casement: Deployment) -> list[Change]:
    """What the stream shows of two forms that came with one token."""
    casement.subscribe(types=["message.received", "flow.submitted"])
    asks(casement)
    casement.react()
    for email in ("first@example.org", "second@example.org"):
        casement.now += 1_000
        casement.simulator.complete_flow({**ANSWERS, "email": email})
    casement.deliver()
    changes, casement.stream.changes = casement.stream.changes, []
    casement.told = []
    assert sum(submission_of(change.new) is not None for change in changes) == 2
    return changes


def test_a_form_is_told_of_after_its_message(casement):
    casement.subscribe(types=["message.received", "flow.submitted"])
    send = asks(casement)
    casement.catch_up()
    casement.told = []

    wamid = filled_in(casement)

    message, form = bodies(casement.told)
    assert (message["type"], form["type"]) == ("message.received", "flow.submitted")
    assert form["sequence"] == message["sequence"] + 1
    assert (form["data"]["message_id"], form["data"]["send_id"], form["data"]["verified"]) == (wamid, send, True)
    assert form["data"]["answers"] == ANSWERS


@pytest.mark.parametrize("trouble", [*Trouble])
def test_whatever_dies_or_fails_the_form_that_came_first_has_the_token(trouble):
    number, planned = 0, True
    while planned:
        with deployed(memory()) as casement:
            changes, effects = two_forms(casement), Effects(casement)
            queue = Queue(casement, effects)
            effects.plan(number, trouble)
            with watched(casement, effects):
                reacting(casement, changes)()
            planned, number = not effects.still_planned, number + 1

            told = {(body["id"], json.dumps(body)) for body in bodies(queue) if body["type"] == "flow.submitted"}
            by_answer = {body["data"]["answers"]["email"]: body for body in map(json.loads, dict(told).values())}
            assert len(told) == 2
            assert by_answer["first@example.org"]["data"]["verified"] is True
            assert by_answer["second@example.org"]["data"]["why"] == "used"
            assert fields(casement)["email"] == "second@example.org"
    assert number > 10
