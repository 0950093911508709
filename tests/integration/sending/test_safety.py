"""What must never happen by accident: a second message, one that nobody wanted, a secret in a log."""

import json

import httpx
import pytest

from tests.support import fresh_interpreter
from tests.support.deployment import ALICE, API_KEY, HELLO, HELLO_WORLD, NUMBER
from tests.support.tables import snapshot

BEARER = {"authorization": f"Bearer {API_KEY}"}
MESSAGE = {"messaging_product": "whatsapp", "to": ALICE, **HELLO}


@pytest.mark.parametrize(("operation", "kept"), [("Query", []), ("GetItem", []), ("PutItem", ["failed"])])
def test_who_is_late_is_refused_while_nothing_has_gone_out(casement, operation, kept):
    casement.wrote()

    with casement.slow(operation, 6):
        answer = casement.send()

    assert (answer.status, answer.code) == (503, 2)  # it may be sent again: nothing went out
    assert casement.simulator.sent == []
    sends = [one["casement"] for one in casement.messages() if one["casement"]["kind"] == "send"]
    assert [send["status"] for send in sends] == kept


def test_who_is_late_nudges_nobody_and_still_holds(casement):
    casement.sync()
    policy = {"when_closed": {"hold": {"nudge": {"template": HELLO_WORLD["template"]}}}}

    with casement.slow("PutItem", 1.2):
        answer = casement.send(casement=policy)

    assert answer.body["messages"][0]["message_status"] == "held_for_customer"
    assert "nudge" not in answer.ours
    assert casement.simulator.sent == []
    attempts = casement.get(f"messages/{answer.ours['id']}").body["casement"]["attempts"]
    assert [one["casement"]["status"] for one in attempts] == ["failed"]


def test_who_is_late_leaves_the_stand_in_to_the_outbox(casement):
    """Meta refuses at once and takes its time for it: the policy runs, but not while somebody waits for the answer."""
    casement.sync()
    casement.wrote()
    casement.simulator.fail_next("error", code=131047)
    casement.wire.after = lambda: setattr(casement, "now", casement.now + 6_000)

    answer = casement.send(casement={"when_closed": {"template": HELLO_WORLD["template"]}})
    casement.wire.after = lambda: None

    assert answer.body["messages"][0]["message_status"] == "queued"
    assert casement.simulator.sent == []
    casement.catch_up()
    assert [one.type for one in casement.simulator.sent] == ["template"]


def test_a_slow_meta_leaves_time_to_say_what_became_of_it(casement):
    casement.wrote()
    casement.wire.after = lambda: setattr(casement, "now", casement.now + 17_000)

    answer = casement.send()

    assert answer.status == 200
    assert len(casement.simulator.sent) == 1
    assert casement.messages()[0]["casement"]["status"] == "accepted"


def test_with_an_idempotency_key_it_is_sent_once(casement):
    casement.wrote()
    headers = {**BEARER, "Idempotency-Key": "order-42"}

    first, again = casement.post(MESSAGE, headers=headers), casement.post(MESSAGE, headers=headers)

    assert first.status == 200
    assert again == first
    assert len(casement.simulator.sent) == 1
    assert casement.post({**MESSAGE, "text": {"body": "Bye"}}, headers=headers).status == 422
    assert len(casement.simulator.sent) == 1


@pytest.mark.parametrize(("query", "ours"), [("dry_run=true", {}), ("dry_run=1", {}), ("", {"dry_run": True})])
def test_a_dry_run_sends_and_keeps_nothing(casement, query, ours):
    casement.wrote()
    casement.catch_up()
    body = json.dumps({**MESSAGE, "casement": ours}).encode()
    casement.post({})  # the API key is known from here on
    before = snapshot(casement.client, casement.name)

    answer = casement.request("POST", f"/v25.0/{NUMBER}/messages", query=query, headers=BEARER, body=body)

    assert answer.status == 200
    assert answer.ours["dry_run"] is True
    assert answer.ours["decision"]["action"] == "send"
    assert casement.wire.requests == []
    assert snapshot(casement.client, casement.name) == before


@pytest.mark.parametrize("query", ["dry_run=yes", "dry_run=", "dry_run=2"])
def test_a_dry_run_that_is_not_understood_sends_nothing(casement, query):
    casement.wrote()
    body = json.dumps(MESSAGE).encode()

    answer = casement.request("POST", f"/v25.0/{NUMBER}/messages", query=query, headers=BEARER, body=body)

    assert (answer.status, answer.code) == (400, 100)
    assert casement.wire.requests == []


@pytest.mark.parametrize("ours", [{"dry_run": "yes"}, {"when_closed": "pray"}, {"unheard_of": 1}, "yes", 7])
@pytest.mark.parametrize("message", [MESSAGE, {"messaging_product": "whatsapp", "status": "read", "message_id": "w"}])
def test_what_is_asked_under_our_name_is_understood_or_refused(casement, message, ours):
    casement.wrote()

    answer = casement.post({**message, "casement": ours})

    assert (answer.status, answer.code) == (400, 100)
    assert casement.wire.requests == []


def test_a_message_with_a_status_of_its_own_is_still_a_message(casement):
    answer = casement.post({**MESSAGE, "status": "draft"})  # nobody has written, so the window is closed

    assert (answer.status, answer.code) == (400, 131047)
    assert casement.wire.requests == []


def test_what_httpx_refuses_to_send_was_not_sent(casement):
    def refuse() -> None:
        raise httpx.LocalProtocolError("Illegal header value")

    casement.wire.before = refuse

    answer = casement.send(message=HELLO_WORLD)

    assert answer.status != 200  # an `unknown` would have nobody try again


def test_lambda_at_debug_logs_no_secret_and_no_message():
    """As Lambda does it: the root logger gets a level and a handler, and then our module is imported."""
    program = """
import io, logging, sys
root = logging.getLogger()
root.addHandler(logging.StreamHandler(sys.stdout))
root.setLevel(logging.DEBUG)
from botocore.awsrequest import AWSResponse
from casement.runtime import wiring

class Raw(io.BytesIO):
    def stream(self, **_):
        yield self.read()

def answer(body):
    return lambda request, **_: AWSResponse(request.url, 200, {}, Raw(body))

secrets = wiring._secrets_manager()
secrets.meta.events.register("before-send", answer(b'{"SecretString": "{\\\\"verify_token\\\\": \\\\"SENTINEL\\\\"}"}'))
assert wiring.secret().verify_token == "SENTINEL"
wiring.dynamodb().meta.events.register("before-send", answer(b"{}"))
wiring.table().put({"PK": {"S": "SENTINEL"}, "SK": {"S": "a"}})
wiring.table().put_all([{"PK": {"S": "SENTINEL"}, "SK": {"S": sk}} for sk in "ab"])
print("reached the end")
"""
    credentials = {"AWS_ACCESS_KEY_ID": "SENTINEL", "AWS_SECRET_ACCESS_KEY": "SENTINEL"}

    printed = fresh_interpreter.run(program, **credentials)

    assert "reached the end" in printed
    assert "SENTINEL" not in printed
