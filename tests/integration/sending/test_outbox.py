"""The outbox slows down where Meta says so and stops where Meta stops it; nothing is lost, and order is kept."""

from random import Random

import pytest

from casement.domain.jobs import Job
from tests.support.deployment import ALICE, BOB, HOUR, NUMBER, OTHER_NUMBER, Deployment
from tests.support.faults import Faults

HOLD = {"when_closed": "hold"}


def hold(casement: Deployment, words: str, to: str = ALICE) -> str:
    answer = casement.send(to, {"type": "text", "text": {"body": words}}, casement=HOLD)
    assert answer.status == 200
    casement.now += 1
    key: str = answer.ours["id"]
    return key


def texts(casement: Deployment) -> list[str | None]:
    return [one.text for one in casement.simulator.sent]


def work(casement: Deployment, seconds: float) -> None:
    """Let the outbox work for that long."""
    until = casement.now + round(seconds * 1000)
    while casement.now < until:
        casement.work_off()
        casement.now = min(until, casement.now + 500)
    casement.work_off()


@pytest.fixture
def released(casement: Deployment) -> Deployment:
    """Two messages for Alice and one for Bob, whose windows have just opened."""
    for words, to in (("A1", ALICE), ("A2", ALICE), ("B1", BOB)):
        hold(casement, words, to)
    for contact in (ALICE, BOB):
        casement.wrote(contact)
    casement.react()
    return casement


def test_a_pair_limit_slows_that_conversation_only(released):
    released.simulator.fail_next("error", code=131056)

    released.work_off()
    assert texts(released) == ["B1"]
    work(released, 0.9)
    assert texts(released) == ["B1"]

    work(released, 0.2)
    assert texts(released) == ["B1", "A1", "A2"]


def test_a_pair_limit_that_lasts_is_waited_for_as_meta_says(released):
    released.simulator.fail_next("error", 3, code=131056, match=NUMBER, skip=0)
    released.jobs = [job for job in released.jobs if job.contact == released.jobs[0].contact]
    began, waits = released.now, []
    for _ in range(3):
        released.work_off()
        (until,) = released.put_off.values()
        waits.append(round((until - released.now) / 1000))
        released.now = round(until)
    released.work_off()

    assert waits == [1, 4, 16]
    assert texts(released)[:2] == ["A1", "A2"]
    assert released.now - began == 21_000


@pytest.mark.parametrize("code", [130429, 80007])
def test_a_rate_limit_slows_that_number_only(released, code):
    other = OTHER_NUMBER.phone_number_id
    body = {"messaging_product": "whatsapp", "to": ALICE, "type": "text", "text": {"body": "O1"}, "casement": HOLD}
    assert released.post(body, number=other).status == 200
    released.simulator.inbound("Hi", sender=ALICE, phone_number_id=other)
    released.deliver()
    released.react()
    released.simulator.fail_next("error", code=code, match=NUMBER)

    released.work_off()
    assert texts(released) == ["O1"]
    assert released.get("/casement/v1/health").body["data"][0]["paused_until"] is not None

    work(released, 65)
    assert sorted(filter(None, texts(released))) == ["A1", "A2", "B1", "O1"]
    assert released.get("/casement/v1/health").body["data"][0]["paused_until"] is None


def test_meta_may_say_how_long(released):
    released.simulator.fail_next("error", code=130429, retry_after=30)

    work(released, 29)
    assert texts(released) == []
    work(released, 3)
    assert sorted(filter(None, texts(released))) == ["A1", "A2", "B1"]


@pytest.mark.parametrize("code", [190, 368])
def test_a_number_that_meta_stopped_keeps_everything_and_starts_again_by_itself(released, code):
    released.simulator.fail_next("error", code=code)

    work(released, 5)
    assert texts(released) == []
    assert released.jobs == []  # nothing turns in circles meanwhile
    assert released.counted == ["NumberStopped"]
    health = released.get("/casement/v1/health").body["data"][0]
    assert (health["can_send"], health["stopped"]["code"], health["waiting"]) == (False, code, 3)

    released.simulator.fail_next("error", code=code, match=f"GET /{NUMBER}")
    released.now += HOUR
    assert released.sweep()[0].stopped_by == code
    assert texts(released) == []

    released.now += HOUR
    released.sweep()
    work(released, 5)
    assert sorted(filter(None, texts(released))) == ["A1", "A2", "B1"]
    assert released.get("/casement/v1/health").body["data"][0]["can_send"]


def test_a_stopped_number_refuses_what_is_asked_with_metas_code(casement):
    casement.wrote()
    casement.simulator.fail_next("error", code=190)
    first = casement.send()
    asked = len(casement.wire.requests)

    second = casement.send()

    assert (first.code, second.code) == (190, 190)
    assert len(casement.wire.requests) == asked
    assert "stopped this number" in second.body["error"]["error_data"]["details"]
    assert casement.send(BOB, casement=HOLD).status == 200  # what waits can go on waiting


def test_what_meta_refuses_for_good_ends_and_lets_the_next_one_through(released):
    released.simulator.fail_next("error", code=131026, match=NUMBER)
    work(released, 3)

    assert len(texts(released)) == 2
    ended = released.get("/casement/v1/holds", phone_number_id=NUMBER, state="failed").body["data"]
    assert len(ended) == 1
    assert "131026" in ended[0]["why"]


def test_a_lost_answer_is_not_sent_again_and_lets_the_next_one_through(released):
    released.simulator.fail_next("timeout_after")
    work(released, 3)

    assert sorted(filter(None, texts(released))) == ["A1", "A2", "B1"]


def test_a_table_that_fails_keeps_the_job(released):
    with Faults(released.client, Random(1), refused=1.0).at_work():  # noqa: S311 - the same in every run
        released.work_off()
    assert texts(released) == []
    assert len(released.jobs) == 2
    released.now += 10_000
    work(released, 3)

    assert sorted(filter(None, texts(released))) == ["A1", "A2", "B1"]


@pytest.mark.parametrize("code", [131042, 131005, 10, 131037])
def test_what_somebody_must_mend_first_keeps_the_messages_in_order(released, code):
    released.jobs = [job for job in released.jobs if job.contact == released.jobs[0].contact]
    released.simulator.fail_next("error", 2, code=code, match="/messages$")

    work(released, 5)
    assert texts(released) == []
    work(released, 200)

    assert texts(released) == ["A1", "A2"]


@pytest.mark.parametrize("code", [131048, 131064])
def test_what_meta_restricts_is_not_tried_again(released, code):
    released.jobs = [job for job in released.jobs if job.contact == released.jobs[0].contact]
    released.simulator.fail_next("error", code=code, match="/messages$")

    work(released, 200)

    assert texts(released) == ["A2"]


@pytest.mark.parametrize("code", [132069, 134101, 131208])
def test_a_limit_of_something_else_slows_nobody_else(released, code):
    released.simulator.fail_next("error", code=code, match="/messages$")

    work(released, 5)

    assert len(texts(released)) in (1, 2)  # those of the other conversation
    assert released.get("/casement/v1/health").body["data"][0]["paused_until"] is None


def test_one_that_was_made_again_after_its_end_is_not_sent_again(released):
    """Two follow one policy: the slower one has looked before the other's was made, sent and put away."""
    (pending, *_) = (one for one in released.pendings.all(NUMBER) if one.request.body["text"]["body"] == "A1")
    work(released, 3)
    assert texts(released).count("A1") == 1

    released.pendings.keep(NUMBER, pending)
    released.jobs.append(Job(NUMBER, ALICE, why="late"))
    work(released, 3)

    assert texts(released).count("A1") == 1
    assert list(released.pendings.all(NUMBER)) == []
