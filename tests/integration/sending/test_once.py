"""At most once for each idempotency key: the first answer again, or a refusal, never a second message."""

import json

import pytest
from botocore.exceptions import EndpointConnectionError

from casement.domain.life import LEASE_MS
from tests.support.deployment import (
    ALICE,
    API_KEY,
    BOB,
    DAY,
    HELLO,
    HELLO_WORLD,
    NUMBER,
    OTHER_NUMBER,
    Answer,
    Deployment,
)

MESSAGE = {"messaging_product": "whatsapp", "to": ALICE, **HELLO}


class Died(BaseException):
    """The process is gone: nothing catches it."""


def ask(
    casement: Deployment, key: str = "order-42", body: object = MESSAGE, *, api_key: str = API_KEY, **more: str
) -> Answer:
    headers = {"authorization": f"Bearer {api_key}", "Idempotency-Key": key, **more}
    return casement.post(body, headers=headers)


@pytest.fixture
def open_window(casement: Deployment) -> Deployment:
    casement.sync()
    casement.wrote()
    return casement


def test_the_same_request_gets_the_first_answer_and_sends_nothing(open_window):
    first = ask(open_window)
    open_window.now += DAY - 1

    again = ask(open_window)

    assert again == first
    assert first.status == 200
    assert len(open_window.simulator.sent) == 1


def test_the_json_may_be_written_otherwise(open_window):
    first = ask(open_window)

    again = ask(open_window, body=json.dumps(dict(reversed(MESSAGE.items())), indent=3).encode())

    assert again == first


@pytest.mark.parametrize(
    "other",
    [
        {**MESSAGE, "text": {"body": "Other"}},
        {**MESSAGE, "to": BOB},
        {**MESSAGE, "casement": {"when_closed": "hold"}},
        {**MESSAGE, "biz_opaque_callback_data": "mine"},
    ],
)
def test_another_request_with_the_key_is_refused(open_window, other):
    ask(open_window)

    answer = ask(open_window, body=other)

    assert (answer.status, answer.code) == (422, 100)
    assert len(open_window.simulator.sent) == 1


def test_a_key_is_of_one_number_and_one_api_key(open_window):
    open_window.add_key("another")
    open_window.simulator.inbound("Hi", sender=ALICE, phone_number_id=OTHER_NUMBER.phone_number_id)
    open_window.deliver()
    ask(open_window)
    ask(open_window, api_key="another")
    headers = {"authorization": f"Bearer {API_KEY}", "Idempotency-Key": "order-42"}
    open_window.post(MESSAGE, number=OTHER_NUMBER.phone_number_id, headers=headers)

    assert [one.phone_number_id for one in open_window.simulator.sent] == [
        NUMBER,
        NUMBER,
        OTHER_NUMBER.phone_number_id,
    ]


def test_after_a_day_it_is_another_request(open_window):
    ask(open_window)
    open_window.now += DAY + 1
    open_window.wrote()

    assert ask(open_window).status == 200
    assert len(open_window.simulator.sent) == 2


@pytest.mark.parametrize(
    "body",
    [
        {**MESSAGE, "to": BOB},  # whose window is closed
        {**MESSAGE, "to": BOB, "casement": {"when_closed": "hold"}},
        {**MESSAGE, "to": BOB, "casement": {"when_closed": "handoff"}},
        {**MESSAGE, "to": BOB, "casement": {"when_closed": {"template": HELLO_WORLD["template"]}}},
        {**MESSAGE, "to": BOB, "casement": {"when_closed": {"purpose": "none"}}},
        {**MESSAGE, "type": "template", "template": {"name": "nothing", "language": {"code": "en"}}},
    ],
)
def test_every_kind_of_answer_comes_again(open_window, body):
    first = ask(open_window, body=body)
    kept = len(open_window.simulator.sent)

    again = ask(open_window, body=body)

    assert again == first
    assert len(open_window.simulator.sent) == kept
    assert len(open_window.pendings.of(NUMBER, [BOB])) <= 1


@pytest.mark.parametrize("code", [131047, 131026, 100, 131009])
def test_what_meta_refused_is_refused_again(open_window, code):
    open_window.simulator.fail_next("error", code=code)
    first = ask(open_window)

    again = ask(open_window)

    assert again == first
    assert first.code == code
    assert open_window.simulator.sent == []


def test_a_lost_answer_stays_unknown_and_is_not_sent_again(open_window):
    open_window.simulator.fail_next("timeout_after")
    first = ask(open_window)

    assert first.body["messages"][0]["message_status"] == "unknown"
    assert ask(open_window) == first
    assert len(open_window.simulator.sent) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "connect"])
def test_what_surely_did_not_go_may_be_tried_again_with_the_same_key(open_window, fault):
    open_window.simulator.fail_next(fault)
    refused = ask(open_window)
    assert refused.status in (400, 429, 503)

    again = ask(open_window)

    assert again.status == 200
    assert len(open_window.simulator.sent) == 1
    assert ask(open_window) == again
    assert len(open_window.simulator.sent) == 1


def test_while_the_first_is_under_way_the_second_is_told_to_wait(open_window):
    answers = []

    def second() -> None:
        open_window.wire.before = lambda: None
        answers.append(ask(open_window))

    open_window.wire.before = second
    first = ask(open_window)

    (told,) = answers
    assert (told.status, told.code, told.body["error"]["is_transient"]) == (409, 2, True)
    assert first.status == 200
    assert len(open_window.simulator.sent) == 1
    assert ask(open_window) == first


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_send_that_died_at_meta_is_never_sent_again(open_window, when):
    def die() -> None:
        raise Died

    setattr(open_window.wire, when, die)
    with pytest.raises(Died):
        ask(open_window)
    setattr(open_window.wire, when, lambda: None)
    went_out = len(open_window.simulator.sent)

    assert ask(open_window).status == 409
    open_window.now += LEASE_MS
    later = ask(open_window)

    assert later.body["messages"][0]["message_status"] == "unknown"
    assert len(open_window.simulator.sent) == went_out


def test_a_send_that_died_is_resolved_by_the_status_that_brings_its_key(open_window):
    def die() -> None:
        raise Died

    open_window.wire.after = die
    with pytest.raises(Died):
        ask(open_window)
    open_window.wire.after = lambda: None
    open_window.deliver()

    answer = ask(open_window)

    assert answer.status == 200
    assert answer.body["messages"][0]["id"] == open_window.simulator.sent[0].wamid


def test_the_callers_own_data_may_be_the_key(open_window):
    open_window.add_key("no-header", once_by_callback_data=True)
    bearer = {"authorization": "Bearer no-header"}
    body = {**MESSAGE, "biz_opaque_callback_data": "order-42"}

    first, again = (open_window.post(body, headers=bearer) for _ in range(2))
    other = open_window.post({**body, "text": {"body": "Other"}}, headers=bearer)
    without = [open_window.post(MESSAGE, headers=bearer) for _ in range(2)]

    assert again == first
    assert other.status == 422
    assert [one.status for one in without] == [200, 200]
    assert len(open_window.simulator.sent) == 3


def test_by_default_one_tracker_serves_many_messages(open_window):
    body = {**MESSAGE, "biz_opaque_callback_data": "campaign"}

    assert [open_window.post(body).status for _ in range(2)] == [200, 200]
    assert len(open_window.simulator.sent) == 2


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_reasonable_length(open_window, key):
    answer = ask(open_window, key)

    assert (answer.status, answer.code) == (400, 100)
    assert open_window.simulator.sent == []


def test_what_a_stopped_number_refused_may_be_asked_for_again_with_the_same_key(open_window):
    open_window.simulator.fail_next("error", code=190)
    open_window.send()
    refused = ask(open_window)
    assert refused.code == 190

    open_window.sweep()

    assert ask(open_window).status == 200
    assert len(open_window.simulator.sent) == 1


@pytest.mark.parametrize("data", ["x" * 512, "x" * 300])
def test_the_callers_own_data_may_be_as_long_as_meta_takes_it(open_window, data):
    open_window.add_key("no-header", once_by_callback_data=True)
    bearer = {"authorization": "Bearer no-header"}
    body = {**MESSAGE, "biz_opaque_callback_data": data}

    first, again = (open_window.post(body, headers=bearer) for _ in range(2))

    assert first.status == 200
    assert again == first


def test_no_data_is_no_key(open_window):
    open_window.add_key("no-header", once_by_callback_data=True)
    body = {**MESSAGE, "biz_opaque_callback_data": ""}

    answers = [open_window.post(body, headers={"authorization": "Bearer no-header"}) for _ in range(2)]

    assert [one.status for one in answers] == [200, 200]
    assert len(open_window.simulator.sent) == 2


@pytest.mark.parametrize("policy", ["hold", "handoff"])
def test_what_could_not_be_kept_may_be_asked_for_again_at_once(open_window, policy):
    """The table takes what is asked, and then nothing more of it."""
    body = {**MESSAGE, "to": BOB, "casement": {"when_closed": policy}}
    prefix = {"hold": "H#", "handoff": "A#"}[policy]

    def fail(params):
        if params["Item"]["SK"]["S"].startswith(prefix):
            raise EndpointConnectionError(endpoint_url="dynamodb")

    with open_window.stepping_in("PutItem", fail):
        assert ask(open_window, body=body).status == 503

    again = ask(open_window, body=body)
    assert again.status == 200
    assert ask(open_window, body=body) == again


def test_what_was_held_once_meta_had_refused_it_gets_that_answer_again(open_window):
    body = {**MESSAGE, "casement": {"when_closed": "hold"}}
    open_window.simulator.fail_next("error", code=131047)
    first = ask(open_window, body=body)
    assert first.body["messages"][0]["message_status"] == "held_for_customer"
    open_window.now += 3_600_000
    open_window.wrote()
    open_window.catch_up()
    assert len(open_window.simulator.sent) == 1

    assert ask(open_window, body=body) == first
    assert len(open_window.simulator.sent) == 1
