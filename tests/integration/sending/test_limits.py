"""What Meta puts off, it did not send. Callers are told so, unless they would rather have the message take its turn."""

import json
from typing import Any

import pytest

from tests.support.deployment import ALICE, API_KEY, BOB, HELLO_WORLD, HOUR, NUMBER, Answer, Deployment

QUEUE = {"when_limited": "queue"}
PUT_OFF = [131056, 130429, 80007, 133004]


@pytest.fixture
def writing(casement: Deployment) -> Deployment:
    casement.sync()
    casement.wrote()
    casement.catch_up()
    return casement


def say(casement: Deployment, words: str, to: str = ALICE, ours: Any = QUEUE, **more: Any) -> Answer:
    casement.now += 1
    return casement.send(to, {"type": "text", "text": {"body": words}}, casement=ours, **more)


def message_status(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    status: str = answer.body["messages"][0].get("message_status", "accepted")
    return status


def texts(casement: Deployment) -> list[str | None]:
    return [one.text for one in casement.simulator.sent]


def work(casement: Deployment, seconds: int) -> None:
    for _ in range(seconds):
        casement.work_off()
        casement.now += 1_000
    casement.work_off()


@pytest.mark.parametrize("code", PUT_OFF)
@pytest.mark.parametrize("ours", [{}, {"when_limited": "refuse"}])
def test_a_direct_send_is_told_and_nothing_waits(writing, code, ours):
    writing.simulator.fail_next("error", code=code)

    answer = say(writing, "Hello", ours=ours)

    assert answer.code == code
    work(writing, 70)
    assert texts(writing) == []


@pytest.mark.parametrize("code", PUT_OFF)
def test_it_takes_its_turn_and_goes_out_once(writing, code):
    writing.simulator.fail_next("error", 2, code=code, match="/messages$")

    answer = say(writing, "Hello")
    assert message_status(answer) == "queued"
    assert writing.get(f"messages/{answer.ours['id']}").body["casement"]["status"] == "held"
    work(writing, 130)

    assert texts(writing) == ["Hello"]
    shown = writing.get(f"messages/{answer.ours['id']}").body["casement"]
    assert (shown["status"], shown["waiting"]["for"]) == ("released", "turn")


def test_no_connection_is_one_too(writing):
    writing.simulator.fail_next("connect")

    assert message_status(say(writing, "Hello")) == "queued"
    work(writing, 5)

    assert texts(writing) == ["Hello"]


def test_nothing_overtakes_it_that_takes_turns_too(writing):
    writing.simulator.fail_next("error", code=131056, match="/messages$")
    for words in ("one", "two", "three"):
        assert message_status(say(writing, words)) == "queued"
    calls = len(writing.wire.requests)

    writing.wrote(BOB)
    assert message_status(say(writing, "for Bob", BOB)) == "accepted"
    assert len(writing.wire.requests) == calls + 1  # the others did not ask Meta in vain
    work(writing, 10)

    assert texts(writing) == ["for Bob", "one", "two", "three"]


def test_it_waits_behind_what_is_about_to_be_released(casement):
    say(casement, "held", ours={"when_closed": "hold"})
    casement.wrote()  # and nobody has released it yet

    assert message_status(say(casement, "answer")) == "queued"
    casement.catch_up()

    assert texts(casement) == ["held", "answer"]


def test_while_the_number_is_paused_meta_is_not_asked(writing):
    writing.simulator.fail_next("error", 2, code=130429, match="/messages$", retry_after=30)
    say(writing, "one")
    work(writing, 1)
    calls = len(writing.wire.requests)
    writing.wrote(BOB)
    writing.now += 31_000  # what is known of a number is remembered for half a minute
    writing.now -= 15_000

    assert message_status(say(writing, "two", BOB)) == "queued"
    assert len(writing.wire.requests) == calls
    work(writing, 40)
    assert texts(writing) == ["one", "two"]


@pytest.mark.parametrize("message", ["template", "stand-in"])
def test_a_template_takes_its_turn_too(writing, message):
    writing.simulator.fail_next("error", code=131056, match="/messages$")
    if message == "template":
        answer = writing.send(BOB, HELLO_WORLD, casement=QUEUE)
    else:
        answer = say(writing, "Hello", BOB, {**QUEUE, "when_closed": {"template": HELLO_WORLD["template"]}})

    assert message_status(answer) == "queued"
    work(writing, 5)
    (sent,) = writing.simulator.sent
    assert sent.body["template"] == HELLO_WORLD["template"]


def test_with_an_idempotency_key_it_goes_out_once_and_its_answer_comes_again(writing):
    headers = {"authorization": f"Bearer {API_KEY}", "Idempotency-Key": "order-42"}
    body = {"messaging_product": "whatsapp", "to": ALICE, "type": "text", "text": {"body": "Hi"}, "casement": QUEUE}
    writing.simulator.fail_next("error", code=131056)

    first, again = (writing.post(body, headers=headers) for _ in range(2))
    assert (message_status(first), again) == ("queued", first)
    work(writing, 5)

    assert texts(writing) == ["Hi"]
    assert writing.post(body, headers=headers) == first
    assert texts(writing) == ["Hi"]


@pytest.mark.parametrize("by", ["header", "number"])
def test_a_client_that_can_not_say_so_in_the_body(writing, by):
    headers = {"authorization": f"Bearer {API_KEY}"}
    if by == "header":
        headers["Casement-When-Limited"] = "queue"
    else:
        writing.set_number(when_limited="queue")
        writing.now += 31_000
    writing.simulator.fail_next("error", code=131056)
    body = {"messaging_product": "whatsapp", "to": ALICE, "type": "text", "text": {"body": "Hi"}}

    assert message_status(writing.post(body, headers=headers)) == "queued"
    writing.simulator.fail_next("error", code=131056)
    work(writing, 5)
    assert texts(writing) == ["Hi"]


def test_what_the_request_says_counts_before_what_the_number_says(writing):
    writing.set_number(when_limited="queue")
    writing.simulator.fail_next("error", code=131056)

    assert say(writing, "Hello", ours={"when_limited": "refuse"}).code == 131056


@pytest.mark.parametrize("word", ["later", "", 7, True, ["queue"]])
def test_any_other_word_is_refused_by_name(writing, word):
    answer = say(writing, "Hello", ours={"when_limited": word})

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "casement.when_limited"})
    assert texts(writing) == []


def test_a_header_is_read_as_strictly(writing):
    body = json.dumps({"messaging_product": "whatsapp", "to": ALICE, "text": {"body": "Hi"}}).encode()
    headers = {"authorization": f"Bearer {API_KEY}", "Casement-When-Limited": "later"}

    answer = writing.post(body, headers=headers)

    assert (answer.status, answer.ours) == (400, {"parameter": "Casement-When-Limited"})


def test_only_so_many_take_turns(writing):
    writing.simulator.fail_next("error", 1000, code=131056, match="/messages$")
    for number in range(100):
        assert message_status(say(writing, str(number))) == "queued"

    answer = say(writing, "one too many")

    assert (answer.status, answer.code) == (503, 2)
    assert len(writing.pendings.of(NUMBER, [writing.conversation()["id"]])) == 100


def test_one_that_can_not_go_for_a_week_ends_and_says_so(writing):
    writing.simulator.fail_next("error", 100_000, code=131056, match="/messages$")
    key = say(writing, "Hello").ours["id"]
    writing.now += 8 * 24 * HOUR
    writing.sweep()
    work(writing, 1)

    shown = writing.get(f"messages/{key}").body["casement"]
    assert (shown["status"], shown["waiting"]["why"]) == ("expired", "It could not go out in time.")
