"""What becomes of a send when Meta, the way to it, or the store fails: said truly, and never sent twice."""

import io
import json
import logging
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from casement.domain.life import LEASE_MS
from casement.runtime import endpoint
from local.simulator.config import Number
from tests.support.deployment import ALICE, HELLO, HELLO_WORLD, HOUR, NUMBER, Deployment, Json, deployed


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log lines of the functions, as CloudWatch would get them."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(endpoint.logger.registered_formatter)
    logging.getLogger(endpoint.logger.name).addHandler(handler)
    yield written
    logging.getLogger(endpoint.logger.name).removeHandler(handler)


@pytest.fixture(autouse=True)
def alice_wrote(casement: Deployment) -> None:
    casement.wrote(ALICE, ago=HOUR)


def shown(casement: Deployment) -> Json:
    """Alice's newest message; the same wherever one looks, but that her list leaves out who asked, and what was
    decided."""
    newest = casement.messages(ALICE)[0]
    listed = casement.messages(None)[0]
    assert listed["casement"]["decision"]["action"] == "send"
    more = {"asked_by": "local-key", "decision": listed["casement"]["decision"]}
    assert listed == {**newest, "casement": newest["casement"] | more}
    assert casement.get(f"messages/{newest['casement']['id']}").body == listed
    return dict(newest["casement"])


# --- Meta --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"how": "timeout_before"},
        {"how": "timeout_after"},
        {"how": "drop_before"},
        {"how": "drop_after"},
        {"how": "5xx_before"},
        {"how": "5xx_after"},
        {"how": "5xx_before", "proxy_page": True},
        {"how": "5xx_after", "proxy_page": True, "http_status": 504},
        {"how": "error", "code": 1, "http_status": 400},
        {"how": "error", "code": 131000, "http_status": 500},
        {"how": "error", "code": 131016, "http_status": 500},
        {"how": "error", "code": 999_999, "http_status": 500},
    ],
)
def test_an_answer_that_may_have_been_lost_is_unknown_and_never_a_5xx(casement, fault):
    casement.simulator.fail_next(**fault)

    answer = casement.send(ALICE)

    assert answer.status == 200
    assert answer.body["messaging_product"] == "whatsapp"
    assert answer.body["contacts"] == [{"input": ALICE, "wa_id": ALICE}]
    assert answer.body["messages"] == [{"id": answer.ours["id"], "message_status": "unknown"}]
    assert len(casement.wire.requests) == 1  # nothing is sent again
    assert shown(casement)["status"] == "unknown"
    assert shown(casement)["error"]["message"]
    went_out = fault["how"].endswith("_after")
    assert len(casement.simulator.sent) == went_out
    casement.deliver()
    assert shown(casement)["status"] == ("delivered" if went_out else "unknown")
    if went_out:
        assert casement.messages(ALICE)[0]["id"] == casement.simulator.sent[0].wamid


def test_an_unknown_template_and_an_unknown_user_id_are_answered_in_metas_shape(casement):
    casement.sync()
    user_id = casement.conversation(ALICE)["casement"]["contact"]["user_id"]
    casement.simulator.fail_next("timeout_after", 2)

    to_phone = casement.send(ALICE, HELLO_WORLD)
    to_user = casement.send(None, recipient=user_id)

    assert to_phone.body["contacts"] == [{"input": ALICE, "wa_id": ALICE}]
    assert to_user.body["contacts"] == [{"input": user_id, "user_id": user_id}]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"how": "connect"}, 503, 2),
        ({"how": "rate_limit"}, 429, 130429),
        ({"how": "error", "code": 131056, "http_status": 400}, 400, 131056),
        ({"how": "error", "code": 131056, "http_status": 429}, 429, 131056),
        ({"how": "error", "code": 131057, "http_status": 500}, 500, 131057),
        ({"how": "error", "code": 4, "http_status": 400}, 400, 4),
        ({"how": "5xx_before", "proxy_page": True, "http_status": 429}, 503, 2),
        ({"how": "5xx_before", "proxy_page": True, "http_status": 403}, 503, 2),
    ],
)
def test_what_was_turned_away_failed_and_may_be_sent_again_by_the_caller(casement, fault, status, code):
    casement.simulator.fail_next(**fault)

    answer = casement.send(ALICE)

    assert (answer.status, answer.code) == (status, code)
    assert casement.simulator.sent == []
    assert shown(casement)["status"] == "failed"
    assert shown(casement)["error"]
    assert casement.send(ALICE).status == 200


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (131026, 400),
        (100, 400),
        (131008, 400),
        (190, 401),
        (10, 403),
        (131031, 403),
        (3, 500),
        (131045, 500),
        (100, 500),
    ],
)
def test_metas_no_is_passed_on_word_for_word(casement, code, status):
    casement.simulator.fail_next("error", code=code, http_status=status, details="in Meta's words")

    answer = casement.send(ALICE)

    assert (answer.status, answer.code) == (status, code)
    assert answer.body["error"]["error_data"]["details"] == "in Meta's words"
    assert shown(casement)["status"] == "failed"
    assert shown(casement)["error"] == answer.body["error"]


def test_a_late_failure_is_shown_with_metas_error(casement):
    casement.simulator.fail_next("late", code=131049)
    casement.send(ALICE)

    casement.deliver()

    assert shown(casement)["status"] == "failed"
    assert shown(casement)["error"]["code"] == 131049
    assert casement.send(ALICE).status == 200  # which says nothing about the window


def test_an_answer_without_an_id_is_unknown(casement):
    casement.wire.meta = httpx.MockTransport(lambda _: httpx.Response(200, json={"messages": [{}]}))

    answer = casement.send(ALICE)

    assert (answer.status, answer.body["messages"][0]["message_status"]) == (200, "unknown")
    assert shown(casement)["status"] == "unknown"


# --- the store ---------------------------------------------------------------------------------------


class Failing:
    """DynamoDB refuses the `nth` call of an operation (counted from 0), and all after it."""

    def __init__(self, casement: Deployment, operation: str, nth: int = 0) -> None:
        self.client, self.name, self.nth, self.seen = casement.client, f"before-call.dynamodb.{operation}", nth, count()

    def __enter__(self) -> None:
        self.client.meta.events.register(self.name, self.refuse)

    def __exit__(self, *_: object) -> None:
        self.client.meta.events.unregister(self.name, self.refuse)

    def refuse(self, **_: Any) -> None:
        if next(self.seen) >= self.nth:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "a test's doing")


@pytest.mark.parametrize("operation", ["GetItem", "Query", "PutItem"])
def test_a_store_that_fails_before_metas_turn_sends_nothing(casement, operation):
    casement.now += 31_000  # so that the API key is read again
    with Failing(casement, operation):
        answer = casement.send(ALICE)

    assert (answer.status, answer.code) == (503, 2)
    assert casement.simulator.sent == []


def test_a_store_that_fails_after_metas_answer_loses_nothing_that_the_status_does_not_tell(casement, lines):
    with Failing(casement, "PutItem", 1):
        answer = casement.send(ALICE)

    (sent,) = casement.simulator.sent
    assert answer.status == 200
    assert answer.body["messages"][0]["id"] == sent.wamid
    assert "could not be stored" in lines.getvalue()
    listed = casement.messages(None)[0]
    assert (listed["casement"]["status"], listed["text"]) == ("sending", HELLO["text"])
    casement.deliver()
    listed = casement.messages(None)[0]
    assert (listed["id"], listed["casement"]["status"]) == (sent.wamid, "delivered")
    assert casement.messages(ALICE)[0]["id"] == sent.wamid
    assert casement.get(f"messages/{answer.ours['id']}").body["id"] == sent.wamid


def test_a_store_that_fails_after_a_lost_answer_still_says_unknown(casement):
    casement.simulator.fail_next("timeout_after")
    with Failing(casement, "PutItem", 1):
        answer = casement.send(ALICE)

    assert (answer.status, answer.body["messages"][0]["message_status"]) == (200, "unknown")
    casement.deliver()
    assert casement.messages(None)[0]["casement"]["status"] == "delivered"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"how": "error", "code": 131026, "http_status": 400}, 400, 131026),
        ({"how": "rate_limit"}, 429, 130429),
        ({"how": "error", "code": 131047, "http_status": 400}, 400, 131047),
    ],
)
def test_a_store_that_fails_after_metas_no_does_not_hide_it(casement, fault, status, code):
    casement.simulator.fail_next(**fault)
    with Failing(casement, "PutItem", 1):
        answer = casement.send(ALICE)

    assert (answer.status, answer.code) == (status, code)


# --- dying in the middle -------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: nothing catches this."""


def killed_at(casement: Deployment, moment: int) -> bool:
    """Send to Alice, and die at a moment: before or after each call to the store and to Meta. False once there are
    fewer moments than that."""
    moments = count()

    def pass_or_die(**_: Any) -> None:
        if next(moments) == moment:
            raise Killed

    events = casement.client.meta.events
    names = ("before-call.dynamodb", "after-call.dynamodb")
    for name in names:
        events.register(name, pass_or_die)
    casement.wire.before = casement.wire.after = pass_or_die
    try:
        casement.send(ALICE, {"type": "text", "text": {"body": f"moment {moment}"}})
    except Killed:
        return True
    finally:
        casement.wire.before = casement.wire.after = lambda: None
        for name in names:
            events.unregister(name, pass_or_die)
    return False


def test_killed_between_any_two_effects_it_goes_out_once_at_most_and_can_be_found(casement):
    seen = {}
    for moment in count():
        casement.now += 31_000  # the API key is read again, as by a fresh process
        before = len(casement.simulator.sent)
        if not killed_at(casement, moment):
            break
        went_out = len(casement.simulator.sent) - before
        assert went_out in (0, 1)
        listed = [each for each in casement.messages(None) if each.get("text") == {"body": f"moment {moment}"}]
        seen[moment] = (went_out, len(listed), listed[0]["casement"]["status"] if listed else None)
        assert went_out <= len(listed) <= 1  # what went out can be found, and is there once
        if listed:
            key = listed[0]["casement"]["id"]
            assert casement.get(f"messages/{key}").body["casement"]["status"] == listed[0]["casement"]["status"]

    # key read, number read, window read by phone and by user id, what is asked, Meta, what became of it: two moments
    # each
    nothing, asked, out = (0, 0, None), (0, 1, "sending"), (1, 1, "sending")
    assert list(seen.values()) == [nothing] * 9 + [asked] * 2 + [out] * 2 + [(1, 1, "accepted")]
    casement.now += LEASE_MS
    left = [each["casement"]["status"] for each in casement.messages(None, limit=50) if "text" in each]
    assert set(left) >= {"unknown"}
    assert "sending" not in left
    casement.deliver()
    texts = [sent.text for sent in casement.simulator.sent]
    assert len(texts) == len(set(texts))
    by_text = {each["text"]["body"]: each["casement"]["status"] for each in casement.messages(None) if "text" in each}
    assert {by_text[text] for text in texts} == {"delivered"}


# --- the token -----------------------------------------------------------------------------------------

SENTINEL = "EAAsentinelTOKENnobodyMAYsee"


def test_the_token_is_in_no_log_no_url_no_answer_and_no_item(dynamodb, caplog, capsys, lines):
    caplog.set_level(logging.DEBUG)
    numbers = [Number(NUMBER, "200000000000001", "+1 555-000-1000", SENTINEL)]
    with deployed(dynamodb, numbers) as casement:
        casement.sync()
        casement.wrote(ALICE)
        answers = [casement.send(ALICE)]
        for how in ("timeout_before", "drop_after", "connect", "5xx_before", "rate_limit"):
            casement.simulator.fail_next(how)
            answers.append(casement.send(ALICE))
        for code in (190, 100, 131047, 131000):
            casement.simulator.fail_next("error", code=code, http_status=400)
            answers.append(casement.send(ALICE))
        casement.simulator.fail_next("error", code=190, http_status=401, match="message_templates")
        casement.sync()
        answers += [casement.post(b"{"), casement.post({}, number="1"), casement.get("messages")]
        items = casement.table._client.scan(TableName=casement.name)["Items"]

        assert all(request.headers["authorization"] == f"Bearer {SENTINEL}" for request in casement.wire.requests)
        assert SENTINEL not in "".join(str(request.url) for request in casement.wire.requests)
        assert SENTINEL not in json.dumps([answer.body for answer in answers])
        assert SENTINEL not in repr(items)
        assert SENTINEL not in repr(casement.secret())
    printed = capsys.readouterr().out + lines.getvalue()
    assert '"answered"' in printed
    assert '"stored"' in printed
    assert SENTINEL not in printed + caplog.text
    assert ALICE not in printed  # nor whom we write to
    assert "Hello" not in printed


def test_sends_of_two_numbers_carry_the_token_of_each(casement):
    casement.sync()
    casement.send(ALICE, HELLO_WORLD)
    casement.post({"messaging_product": "whatsapp", "to": ALICE, **HELLO_WORLD}, number="100000000000002")

    tokens = [request.headers["authorization"] for request in casement.wire.requests if request.method == "POST"]
    assert tokens == ["Bearer local-meta-token", "Bearer other-meta-token"]
