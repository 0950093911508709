"""A form that comes back is tied to the send that asked for it, once; what it says of its customer is kept."""

import json
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from casement.domain.events import Event
from casement.domain.flow_answers import flow_submitted
from casement.domain.flow_token import LASTS_MS
from casement.store.conversations import Conversations
from casement.store.flow_submissions import submission_of
from casement.store.happenings import happening_in
from casement.usecases.tie_flow import tie
from local.simulator.config import APP_SECRET
from tests.integration.flows.test_tokens import flow
from tests.support.deployment import ALICE, BOB, DAY, HOUR, NUMBER, Deployment, Json
from tests.support.tables import snapshot

ANSWERS = {"email": "ana@example.org", "Größe": 2, "tags": ["a", "b"], "screen_0_Name_0": "Ana"}


def asks(casement: Deployment, to: str = ALICE, **parameters: Any) -> str:
    """Ask a customer, whose window is open, to fill in a Flow; the id of the send."""
    casement.wrote(to)
    answer = casement.send(to, flow(**parameters))
    assert answer.status == 200, answer.body
    id_: str = answer.ours["id"]
    return id_


def filled_in(casement: Deployment, answers: Json | None = None, **more: Any) -> str:
    """The customer does, and Meta tells of it; the wamid."""
    wamid = casement.simulator.complete_flow(answers if answers is not None else ANSWERS, **more)
    casement.deliver()
    casement.catch_up()
    return wamid


def told(casement: Deployment) -> list[Event]:
    """The events that the forms in the table make, by their time."""
    forms = filter(None, map(submission_of, snapshot(casement.client, casement.name).values()))
    alias, tokens = Conversations(casement.table).alias, casement.outlook().flow_tokens
    return sorted((flow_submitted(tie(form, tokens, alias)) for form in forms), key=lambda event: event.at)


def only(casement: Deployment) -> Event:
    (event,) = told(casement)
    return event


def test_a_form_is_tied_to_its_send_and_its_answers_are_as_the_form_named_them(casement):
    send = asks(casement)
    casement.now += HOUR

    wamid = filled_in(casement)

    event = only(casement)
    assert dict(event.data) == {
        "message_id": wamid,
        "answers": ANSWERS,
        "response_json": event.data["response_json"],
        "flow_token": event.data["flow_token"],
        "flow_id": "123",
        "send_id": send,
        "verified": True,
        "why": None,
    }
    assert json.loads(event.data["response_json"]) == {"flow_token": event.data["flow_token"], **ANSWERS}
    assert (event.type, event.number, event.at) == ("flow.submitted", NUMBER, casement.now)


@pytest.mark.parametrize(
    ("response_json", "answers"),
    [
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('{"flow_token": 7, "A": "\\ud83d"}', {"A": "\ud83d"}),
        ("no JSON", None),
        ("[1]", None),
        ("NaN", None),
        ("[" * 5000, None),
        ('{"n": ' + "9" * 5000 + "}", None),
        ("", None),
        (None, None),
    ],
)
def test_whatever_the_answers_are_they_are_told_byte_for_byte(casement, response_json, answers):
    asks(casement)

    filled_in(casement, response_json=response_json)

    assert only(casement).data["response_json"] == response_json
    assert only(casement).data["answers"] == answers
    assert (only(casement).data["verified"], only(casement).data["why"]) == (False, "unknown")


def test_a_token_counts_once_and_for_the_same_form_again_and_again(casement):
    send = asks(casement)
    first = filled_in(casement)
    casement.now += HOUR
    filled_in(casement, {"email": "second@example.org"})

    one, other = told(casement)
    assert (one.data["message_id"], one.data["verified"]) == (first, True)
    assert (other.data["verified"], other.data["why"], other.data["send_id"]) == (False, "used", send)
    assert told(casement) == [one, other]


def test_of_two_forms_with_one_token_the_same_one_has_it_however_often_the_stream_tells_of_them(casement):
    asks(casement)
    for _ in range(2):
        casement.simulator.complete_flow(ANSWERS)
        casement.now += 1000
    casement.deliver(newest_first=True)

    casement.react(times=3)

    before = told(casement)
    assert sorted(event.data["verified"] for event in before) == [False, True]
    assert told(casement) == before


def test_a_token_expires_by_metas_time(casement):
    send = asks(casement)
    casement.now += LASTS_MS + 1000

    filled_in(casement)

    data = only(casement).data
    assert (data["verified"], data["why"], data["send_id"]) == (False, "expired", send)


def test_a_form_that_is_delivered_late_was_filled_in_in_time(casement):
    asks(casement)
    casement.now += LASTS_MS - HOUR
    casement.simulator.complete_flow(ANSWERS)
    casement.now += 3 * DAY
    casement.deliver()
    casement.catch_up()

    assert only(casement).data["verified"] is True


def test_another_customers_token_ties_nobody_to_their_send(casement):
    asks(casement, BOB)
    casement.wrote(ALICE)

    filled_in(casement, sender=ALICE)

    data = only(casement).data
    assert (data["verified"], data["why"], data["send_id"]) == (False, "another_conversation", None)
    casement.now += 1000
    filled_in(casement, sender=BOB)
    assert told(casement)[1].data["verified"] is True  # nobody took Bob's from him


def test_a_customer_who_was_asked_by_phone_may_answer_by_user_id(casement):
    casement.wrote(ALICE, user_id=None)
    send = casement.send(ALICE, flow()).ours["id"]
    casement.wrote(ALICE, user_id="US.13491208655302741918")

    filled_in(casement, sender=None, user_id="US.13491208655302741918")

    assert (only(casement).data["verified"], only(casement).data["send_id"]) == (True, send)


@pytest.mark.parametrize("token", ["order-42", "unused", None, "csf1.forged.token"])
def test_a_token_of_somebody_elses_is_told_and_not_trusted(casement, token):
    asks(casement)

    filled_in(casement, flow_token=token)

    data = only(casement).data
    assert (data["flow_token"], data["verified"], data["why"], data["send_id"]) == (token, False, "unknown", None)
    assert data["answers"] == ANSWERS


def test_two_app_secrets_are_valid_while_one_is_rotated(casement):
    asks(casement)
    casement.app_secrets = ("a newer one", APP_SECRET)

    filled_in(casement)

    assert only(casement).data["verified"] is True


def test_an_address_is_no_flow(casement):
    reply = {"type": "nfm_reply", "nfm_reply": {"name": "address_message", "response_json": "{}"}}
    casement.simulator.inbound(message={"type": "interactive", "interactive": reply}, sender=ALICE)
    casement.deliver()

    assert told(casement) == []


# --- what is kept of it -----------------------------------------------------------------------------


def fields(casement: Deployment, who: str = ALICE) -> Json:
    found: Json = casement.get(f"contacts/{who}").body["fields"]
    return {name: field["value"] for name, field in found.items()}


def test_what_a_form_says_of_its_customer_is_kept_where_the_owner_says(casement):
    casement.set_number(flow_fields={"email": ["correo", "EMAIL"], "name": ["screen_0_Name_0"], "phone": []})
    asks(casement)

    filled_in(casement, {**ANSWERS, "phone": "1", "date": "2026-12-24"})

    assert fields(casement) == {"email": "ana@example.org", "name": "Ana"}


def test_at_first_by_the_usual_names_and_only_what_can_be_one(casement):
    asks(casement)

    filled_in(
        casement, {"Email": "no address", "phone": 16505550101, "date": " ", "service": {"a": 1}, "name": "\ud83d"}
    )

    assert fields(casement) == {"phone": "16505550101"}


def test_without_a_token_too_since_meta_says_who_it_is(casement):
    asks(casement)

    filled_in(casement, flow_token="somebody else's")  # noqa: S106

    assert fields(casement) == {"email": "ana@example.org"}


def forms(casement: Deployment) -> Iterator[str]:
    for hour in range(3):
        casement.now += HOUR
        casement.simulator.complete_flow({"email": f"{hour}@example.org", **({"name": "Ana"} if hour == 0 else {})})
        yield f"{hour}@example.org"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_newest_answer_counts_whatever_order_they_come_in_and_however_often(casement, order):
    asks(casement)
    casement.react()
    *_, newest = forms(casement)
    casement.deliver()
    changes, casement.stream.changes = casement.stream.changes, []
    of_forms = [change for change in changes if submission_of(change.new)]
    assert len(of_forms) == 3 and all(happening_in(change.new) for change in of_forms)

    for place in (*order, *reversed(order)):
        casement.stream.changes = [of_forms[place]]
        casement.react(times=2)

    assert fields(casement) == {"email": newest, "name": "Ana"}


def test_what_the_operator_took_away_stays_away_from_older_forms(casement):
    asks(casement)
    casement.simulator.complete_flow(ANSWERS)
    casement.now += HOUR
    casement.change("PATCH", f"contacts/{ALICE}", {"fields": {"email": None}})

    casement.deliver()
    casement.catch_up()

    assert fields(casement) == {}
