"""The endpoint of a Flow: nobody but WhatsApp is listened to, and what comes next is what the owner says."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from casement.domain.errors import StoreUnavailable
from casement.domain.flow_token import LASTS_MS
from casement.webhooks.post import Caller
from functions.answer_flow.app import asking
from local.simulator.config import APP_SECRET
from local.sink import CLOSES, HANGS, TRICKLES, Behaviour, Sink, fails, redirects
from tests.integration.flows.test_forms import asks, filled_in
from tests.integration.flows.test_tokens import token_in
from tests.support.deployment import NUMBER, Deployment, Json, deployed
from tests.support.flow_client import Client, private_key, sealed
from tests.support.webhooks import any_json

INIT = {"version": "3.0", "action": "INIT", "flow_token": "somebody's own"}
EXCHANGE = {**INIT, "action": "data_exchange", "screen": "BOOK", "data": {"Tag": "Montag", "guests": 2}}
BOOK = {"screen": "BOOK", "data": {"days": ["monday"]}}
URL = "https://example.org/flows"


@pytest.fixture
def whatsapp(casement: Deployment) -> Client:
    """The WhatsApp of a customer of a business that has a key."""
    casement.flow_keys = (private_key(),)
    return Client(casement)


def sets(casement: Deployment, **config: Any) -> Json:
    answer = casement.change("PUT", "/casement/v1/flows/123", config)
    assert answer.status == 200, answer.body
    casement.now += 5_000  # what was known before is remembered for so long
    body: Json = answer.body
    return body


def token_of_alice(casement: Deployment) -> str:
    """The token of a Flow that was just sent to Alice."""
    asks(casement)
    token: str = token_in(casement.simulator.sent[-1].body)
    return token


# --- who is listened to -----------------------------------------------------------------------------


def test_the_health_check_and_error_notices_take_no_configuration(casement, whatsapp):
    notice = {**EXCHANGE, "data": {"error": "INVALID_SCREEN_TRANSITION", "error_message": "No such screen"}}

    assert whatsapp.ask({"version": "3.0", "action": "ping"}) == (200, {"data": {"status": "active"}})
    assert whatsapp.ask(notice) == (200, {"data": {"acknowledged": True}})
    assert casement.counted == ["FlowErrorTold"]


def test_what_is_not_signed_by_meta_is_refused_before_it_is_read(casement, whatsapp):
    body = sealed({"action": "ping"}, whatsapp.key).body

    assert Client(casement, app_secret="guessed").post(body) == (432, "")  # noqa: S106
    assert whatsapp.post(body, **{"x-hub-signature-256": "sha256="}) == (432, "")
    assert whatsapp.post(body[:-1] + b" }", **{"x-hub-signature-256": "sha256=" + "0" * 64}) == (432, "")
    casement.app_secrets = ()
    assert whatsapp.post(body) == (432, "")


def test_two_app_secrets_and_two_keys_are_valid_while_one_is_rotated(casement, whatsapp):
    casement.flow_keys = (private_key("new"), private_key())
    casement.app_secrets = ("new", APP_SECRET)

    for client in (whatsapp, Client(casement, key=private_key("new"), app_secret="new")):  # noqa: S106
        assert client.ask({"action": "ping"})[0] == 200
    casement.flow_keys = (private_key("new"),)
    assert whatsapp.ask({"action": "ping"}) == (421, None)  # then WhatsApp fetches the public key again


def spoilt(part: str, content: bytes) -> bytes:
    body = json.loads(sealed({"action": "ping"}, private_key()).body)
    return json.dumps({**body, part: base64.b64encode(content).decode()}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 5_000,
        b'{"encrypted_flow_data": 1, "encrypted_aes_key": [], "initial_vector": null}',
        b'{"encrypted_flow_data": "", "encrypted_aes_key": "", "initial_vector": ""}',
        sealed({"action": "ping"}, private_key("somebody else's")).body,
        spoilt("encrypted_flow_data", b"0123456789"),
        spoilt("encrypted_flow_data", b"0" * 100),
        spoilt("encrypted_aes_key", b"0" * 256),
        spoilt("initial_vector", b"0" * 12),
        spoilt("initial_vector", b"0" * 16),
    ],
)
def test_what_no_key_opens_is_refused_so_that_whatsapp_fetches_the_key_again(whatsapp, body):
    assert whatsapp.post(body) == (421, "")


def test_without_a_key_or_with_one_that_cannot_be_read_too(casement, whatsapp):
    for keys in ((), ("no key",), ("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----",)):
        casement.flow_keys = keys
        assert whatsapp.ask({"action": "ping"}) == (421, None)
    casement.flow_keys = ("no key", private_key())
    assert whatsapp.ask({"action": "ping"})[0] == 200


@pytest.mark.parametrize("says", [b"", b"{", b"\xff", b"[]", b"7", b"[" * 5_000])
def test_what_was_decrypted_and_says_nothing_is_no_bug(whatsapp, says):
    assert whatsapp.ask(says) == (400, None)


def test_whatever_is_said_is_answered(dynamodb):
    with deployed(dynamodb) as casement:
        casement.flow_keys = (private_key(),)
        whatsapp = Client(casement)
        sets(casement, screens=[{"screen": "SUCCESS"}])
        parts = ("action", "screen", "data", "flow_token", "version")

        @settings(max_examples=30)
        @given(st.dictionaries(st.sampled_from(parts), any_json))
        def answers(says):
            assert whatsapp.ask(says)[0] in (200, 404)

        answers()


# --- whose turn it is -------------------------------------------------------------------------------


def test_a_flow_of_a_send_of_ours_is_open_until_it_is_filled_in(casement, whatsapp):
    sets(casement, screens=[BOOK])
    token = token_of_alice(casement)
    assert whatsapp.ask({**INIT, "flow_token": token}) == (200, BOOK)

    filled_in(casement)

    status, answer = whatsapp.ask({**INIT, "flow_token": token})
    assert status == 427
    assert answer is not None and answer["error_msg"]


def test_a_flow_of_a_send_of_ours_is_open_for_a_week(casement, whatsapp):
    sets(casement, screens=[BOOK])
    token = token_of_alice(casement)

    casement.now += LASTS_MS
    assert whatsapp.ask({**INIT, "flow_token": token})[0] == 200
    casement.now += 1
    assert whatsapp.ask({**INIT, "flow_token": token})[0] == 427


def test_a_table_that_does_not_say_whether_it_was_filled_in_stops_nobody(casement, whatsapp):
    sets(casement, screens=[BOOK])
    token = token_of_alice(casement)
    assert whatsapp.ask({**INIT, "flow_token": token})[0] == 200

    def fail(asked: Json) -> None:
        if asked["Key"]["PK"]["S"].startswith("F#"):
            raise StoreUnavailable

    with casement.stepping_in("GetItem", fail):
        assert whatsapp.ask({**INIT, "flow_token": token}) == (200, BOOK)


def test_a_table_that_does_not_say_how_to_answer_is_an_error_that_meta_sees(casement, whatsapp):
    def fail(_: Json) -> None:
        raise StoreUnavailable

    with casement.stepping_in("GetItem", fail):
        assert whatsapp.ask(INIT) == (500, None)
    assert casement.counted == ["FlowUnanswered"]


# --- fixed screens ----------------------------------------------------------------------------------


def test_the_first_screen_that_fits_is_the_answer(casement, whatsapp):
    sets(
        casement,
        screens=[
            {"action": "INIT", **BOOK},
            {"action": "BACK", "from": "CONFIRM", "screen": "BOOK"},
            {"action": "data_exchange", "from": "BOOK", "screen": "CONFIRM", "data": {"sure": "?"}},
            {"action": "data_exchange", "from": "CONFIRM", "screen": "SUCCESS", "data": {"booked": True}},
        ],
    )

    assert whatsapp.ask(INIT) == (200, BOOK)
    assert whatsapp.ask(EXCHANGE) == (200, {"screen": "CONFIRM", "data": {"sure": "?"}})
    assert whatsapp.ask({**EXCHANGE, "action": "BACK", "screen": "CONFIRM"}) == (
        200,
        {"screen": "BOOK", "data": EXCHANGE["data"]},
    )
    params = {"flow_token": "somebody's own", "booked": True}
    assert whatsapp.ask({**EXCHANGE, "screen": "CONFIRM"}) == (
        200,
        {"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}},
    )
    assert whatsapp.ask({**EXCHANGE, "screen": "OTHER"}) == (404, None)
    assert Client(casement, flow_id="another").ask(INIT) == (404, None)


def test_without_data_the_flow_ends_with_what_the_customer_gave(casement, whatsapp):
    sets(casement, screens=[{"screen": "SUCCESS"}])

    _, answer = whatsapp.ask(EXCHANGE)

    assert answer is not None
    params = answer["data"]["extension_message_response"]["params"]
    assert params == {"flow_token": "somebody's own", "Tag": "Montag", "guests": 2}


# --- the business's own back end --------------------------------------------------------------------


@pytest.fixture
def sink(casement: Deployment) -> Iterator[Sink]:
    """A back end on loopback that is really called, whatever its address is said to be."""
    caller = Caller(allow_private=True)
    ask = asking(caller, lambda: casement.now, lambda: 7)
    with Sink() as one:
        casement.asks = lambda backend, question: ask(replace(backend, url=one.url), question)
        yield one
    caller.close()


def has_backend(casement: Deployment, **config: Any) -> str:
    """The Flow is answered by a back end; the secret that its calls are signed with."""
    shown = sets(casement, backend={"url": URL, "deadline_ms": 500}, **config)
    secret: str = shown["backend"]["secret"]
    return secret


def says(answer: Any, status: int = 200) -> Behaviour:
    return Behaviour(status, body=answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def test_the_back_end_gets_the_decrypted_request_and_which_conversation_it_is_of_and_its_answer_goes_back(
    casement, whatsapp, sink
):
    secret = has_backend(casement)
    sink.behave(says(BOOK))
    token = token_of_alice(casement)
    asked = {**EXCHANGE, "flow_token": token, "data": {"Größe": "\ud83d", "n": 1}}

    assert whatsapp.ask(asked) == (200, BOOK)

    [got] = sink.got
    question = json.loads(got.body)
    assert question["request"] == asked
    assert (question["type"], question["flow_id"], question["verified"]) == ("flow.data_exchange", "123", True)
    assert (question["phone_number_id"], question["conversation_id"]) == (NUMBER, casement.conversation()["id"])
    assert question["send_id"] == casement.messages()[0]["casement"]["id"]
    signed = Webhook(secret).sign(
        got.headers["webhook-id"], datetime.fromtimestamp(casement.now // 1000, UTC), got.body.decode()
    )
    assert got.headers["webhook-signature"] == signed


def test_the_request_of_somebody_elses_token_is_told_as_such(casement, whatsapp, sink):
    has_backend(casement)
    sink.behave(says(BOOK))

    assert whatsapp.ask(INIT) == (200, BOOK)

    question = sink.got[0].event
    assert (question["verified"], question["send_id"]) == (False, None)
    assert "conversation_id" not in question


def test_the_back_end_may_end_the_flow_or_call_it_closed(casement, whatsapp, sink):
    has_backend(casement)
    params = {"flow_token": "somebody's own", "number": 42}
    ended = {"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}}
    for told in (ended, {"screen": "SUCCESS", "data": {"number": 42}}):
        sink.behave(says(told))
        assert whatsapp.ask(EXCHANGE) == (200, ended)

    sink.behave(says({"error_msg": "Sold out"}, 427))
    assert whatsapp.ask(EXCHANGE) == (427, {"error_msg": "Sold out"})
    sink.behave(says(b"", 427))
    status, answer = whatsapp.ask(EXCHANGE)
    assert status == 427 and answer is not None and answer["error_msg"]


BAD = {
    "hangs": HANGS,
    "trickles": TRICKLES,
    "closes": CLOSES,
    "5xx": fails(503),
    "4xx": fails(404),
    "redirects": redirects("https://example.org/elsewhere"),
    "no JSON": says(b"ok"),
    "a list": says([1]),
    "no screen": says({"data": {}}),
    "no data": says({"screen": "BOOK"}),
    "NaN": says(b'{"screen": "BOOK", "data": {"n": NaN}}'),
    "too deep": says(b"[" * 5_000),
    "too much": says(b'{"screen": "BOOK", "data": {"x": "' + b"x" * 1_100_000 + b'"}}'),
}


@pytest.mark.parametrize("how", BAD.values(), ids=BAD.keys())
def test_a_back_end_that_fails_costs_the_deadline_at_most_and_screens_stand_in(casement, whatsapp, sink, how):
    has_backend(casement)
    sink.behave(how)
    assert whatsapp.ask(EXCHANGE) == (502, None)

    sets(casement, backend={"url": URL, "deadline_ms": 500}, screens=[BOOK])
    assert whatsapp.ask(EXCHANGE) == (200, BOOK)
    assert casement.counted == ["FlowUnanswered", "FlowUnanswered"]
