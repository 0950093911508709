"""How a number is: whether it can send, what waits, and how often Meta saw a window otherwise than we did."""

from dataclasses import replace
from typing import Any

import pytest

from casement.domain.api_key import Scope
from local.simulator import LOCAL_NUMBER
from tests.support.deployment import (
    ALICE,
    BOB,
    DAY,
    HELLO,
    HELLO_WORLD,
    HOUR,
    NOON,
    NUMBER,
    OTHER_NUMBER,
    Deployment,
    Json,
    failed_afterwards,
)

HEALTH = "/casement/v1/health"
SECOND = 1_000


def health(casement: Deployment, number: str = NUMBER, **more: Any) -> Json:
    answer = casement.get(HEALTH, **more)
    assert answer.status == 200, answer.body
    (found,) = [one for one in answer.body["data"] if one["phone_number_id"] == number]
    return dict(found)


def mispredicted(casement: Deployment) -> tuple[int, int]:
    """Of the last day, and of the last week."""
    counts = health(casement)["window_mispredicted"]
    return counts["last_24h"], counts["last_7d"]


def unresolved(casement: Deployment) -> int:
    count: int = health(casement)["sends_unresolved"]["last_7d"]
    return count


def test_a_number_of_which_there_is_nothing_to_say(casement):
    well = {
        "can_send": True,
        "stopped": None,
        "paused_until": None,
        "waiting": 0,
        "needs_attention": 0,
        "window_mispredicted": {"last_24h": 0, "last_7d": 0},
        "sends_unresolved": {"last_7d": 0},
        "automations": {"rules": 0, "budget": None, "sent_this_month": None},
    }

    assert casement.get(HEALTH).body == {
        "data": [{"phone_number_id": NUMBER, **well}, {"phone_number_id": OTHER_NUMBER.phone_number_id, **well}]
    }


def test_who_may_see_it(casement):
    casement.add_key("the other", numbers=frozenset([OTHER_NUMBER.phone_number_id]))
    casement.add_key("sends", [Scope.SEND])

    (only,) = casement.get(HEALTH, key="the other").body["data"]
    assert only["phone_number_id"] == OTHER_NUMBER.phone_number_id
    assert casement.get(HEALTH, key="sends").status == 403
    assert casement.get(HEALTH, key="nobody knows it").status == 401


# --- prediction against verdict ---------------------------------------------------------------------


def refused(casement: Deployment, how: str = "late", contact: str = ALICE) -> str:
    """A message into a window that looked open and that Meta held to be closed; its key."""
    casement.wrote(contact)
    casement.simulator.fail_next(how, code=131047)
    casement.now += SECOND
    casement.send(contact)
    casement.deliver()
    casement.now += SECOND
    shown: Json = casement.messages(contact)[0]
    assert shown["casement"]["status"] == "failed"
    key: str = shown["casement"]["id"]
    return key


@pytest.mark.parametrize("how", ["late", "error"])
def test_a_window_that_meta_saw_otherwise_is_counted(casement, how):
    refused(casement, how)
    assert mispredicted(casement) == (1, 1)

    refused(casement, how)
    refused(casement, how, BOB)

    assert mispredicted(casement) == (3, 3)
    assert health(casement, OTHER_NUMBER.phone_number_id)["window_mispredicted"]["last_7d"] == 0


def test_what_was_refused_by_ourselves_was_predicted_right(casement):
    casement.wrote(ago=2 * DAY)
    assert casement.send().code == 131047
    casement.send(casement={"when_closed": "hold"})

    assert mispredicted(casement) == (0, 0)


def test_any_other_failure_says_nothing_of_the_window(casement):
    casement.wrote()
    for code in (131026, 131049, 130472):
        casement.simulator.fail_next("late", code=code)
        casement.send()
    casement.deliver()

    assert mispredicted(casement) == (0, 0)


def test_a_stream_that_repeats_itself_counts_once(casement):
    casement.wrote()
    casement.simulator.fail_next("late", code=131047)
    casement.send()
    casement.now += HOUR
    casement.deliver(newest_first=True)  # and with it, the status twice
    casement.react(times=3)

    assert mispredicted(casement) == (1, 1)


def test_a_send_that_is_refused_at_once_and_once_more_afterwards_counts_once(casement):
    key = refused(casement, "error")
    failed_afterwards(casement, key, 131047)

    assert mispredicted(casement) == (1, 1)


def test_a_count_is_of_the_last_day_and_of_the_last_week(casement):
    refused(casement)
    casement.now = NOON + DAY
    assert mispredicted(casement) == (1, 1)
    casement.now = NOON + DAY + HOUR
    refused(casement)

    assert mispredicted(casement) == (1, 2)
    casement.now = NOON + 7 * DAY + HOUR
    assert mispredicted(casement) == (0, 1)
    casement.now = NOON + 9 * DAY
    assert mispredicted(casement) == (0, 0)


# --- what waits -------------------------------------------------------------------------------------


def test_what_waits_and_what_needs_a_person_is_counted(casement):
    for contact in (ALICE, ALICE, BOB):
        casement.send(contact, casement={"when_closed": {"hold": {"expires_in": 60 * 60}}})
    for contact in (ALICE, ALICE, BOB):
        casement.send(contact, casement={"when_closed": "handoff"})

    assert (health(casement)["waiting"], health(casement)["needs_attention"]) == (3, 2)

    casement.wrote(ALICE)
    casement.change("PATCH", f"conversations/{BOB}", {"needs_attention": False})
    assert (health(casement)["waiting"], health(casement)["needs_attention"]) == (1, 1)

    casement.now += HOUR
    assert health(casement)["waiting"] == 0  # expired, whether or not the sweep was there


@pytest.mark.parametrize("is_known", [True, False])
def test_a_person_of_two_names_is_one_conversation_that_needs_attention(casement, is_known):
    if not is_known:  # by the phone alone, so far
        casement.send(ALICE, casement={"when_closed": "handoff"})
    casement.wrote(ago=2 * DAY)
    user_id = casement.conversation()["id"]
    casement.send(ALICE, casement={"when_closed": "handoff"})
    casement.send(None, recipient=user_id, casement={"when_closed": "handoff"})

    assert len(casement.get("conversations", needs_attention="true").body["data"]) == 1
    assert health(casement)["needs_attention"] == 1


# --- sends that nobody told the end of --------------------------------------------------------------


def lost(casement: Deployment, how: str = "timeout_before") -> str:
    """A send whose answer was lost; its key."""
    casement.simulator.fail_next(how)
    casement.wrote()
    answer = casement.send()
    assert answer.body["messages"][0]["message_status"] == "unknown"
    key: str = answer.ours["id"]
    return key


def status(casement: Deployment, key: str) -> str:
    found: str = casement.get(f"messages/{key}").body["casement"]["status"]
    return found


def test_a_send_is_unresolved_after_a_day_and_counted_once(casement):
    key = lost(casement)
    casement.now = NOON + DAY - 1
    casement.sweep()
    assert (status(casement, key), unresolved(casement)) == ("unknown", 0)

    casement.now = NOON + DAY
    (mine, _) = casement.sweep()

    assert mine.unresolved == 1
    assert (status(casement, key), unresolved(casement)) == ("unresolved", 1)
    assert casement.counted == ["SendUnresolved"]
    casement.now += HOUR
    assert casement.sweep()[0].unresolved == 0
    assert unresolved(casement) == 1
    casement.now = NOON + 9 * DAY
    assert unresolved(casement) == 0


class Killed(BaseException):
    """The process ends here."""


def test_a_send_whose_sender_died_is_unresolved_too(casement):
    def die() -> None:
        raise Killed

    casement.wrote(ago=HOUR)
    casement.wire.before = die
    with pytest.raises(Killed):
        casement.send()
    casement.wire.before = lambda: None
    key = casement.messages(None)[0]["casement"]["id"]
    casement.now += DAY
    casement.sweep()

    assert (status(casement, key), unresolved(casement)) == ("unresolved", 1)


@pytest.mark.parametrize("how", ["timeout_after", "drop_after", "5xx_after"])
def test_one_that_a_status_resolved_is_none(casement, how):
    key = lost(casement, how)
    casement.now += HOUR
    casement.deliver()
    casement.now += DAY
    casement.sweep()

    assert (status(casement, key), unresolved(casement)) == ("delivered", 0)


def test_a_status_that_comes_after_all_is_believed(casement):
    key = lost(casement, "timeout_after")
    casement.now += DAY
    casement.sweep()
    assert status(casement, key) == "unresolved"

    casement.deliver()

    assert status(casement, key) == "delivered"


def test_what_ended_otherwise_is_none(casement):
    casement.sync()
    casement.wrote()
    casement.send()
    casement.simulator.fail_next("error", code=131026)
    casement.send()
    casement.send(BOB)
    casement.send(BOB, HELLO_WORLD)
    casement.send(BOB, casement={"when_closed": "hold"})
    casement.send(BOB, casement={"when_closed": "handoff"})
    casement.simulator.fail_next("rate_limit")
    casement.send(ALICE)
    casement.now += DAY
    casement.sweep()
    casement.now += DAY
    casement.sweep()

    assert unresolved(casement) == 0


def test_a_sweep_that_comes_late_misses_nothing(casement):
    first = lost(casement)
    casement.now += DAY
    casement.sweep()
    casement.now += HOUR
    second = lost(casement)
    casement.now += 30 * HOUR
    casement.sweep()

    assert (status(casement, first), status(casement, second)) == ("unresolved", "unresolved")
    assert unresolved(casement) == 2


# --- a number that Meta stopped ---------------------------------------------------------------------

STOPPING = [0, 190, 368, 131031, 131045, 133010]


def stop(casement: Deployment, code: int = 190) -> None:
    casement.wrote(BOB)
    casement.simulator.fail_next("error", code=code)
    casement.send(BOB)


@pytest.mark.parametrize("code", STOPPING)
def test_a_number_that_meta_stopped_sends_nothing_and_says_so(casement, code):
    casement.sync()
    casement.wrote(ALICE)
    stop(casement, code)
    calls = len(casement.wire.requests)

    for message in (HELLO, HELLO_WORLD):
        answer = casement.send(ALICE, message)
        assert (answer.status, answer.code) == (401, code)

    assert len(casement.wire.requests) == calls  # nobody asks Meta in vain
    assert health(casement)["can_send"] is False
    retry_at = None if code in (0, 190) else NOON // 1000 + 900
    assert health(casement)["stopped"] == {"code": code, "at": NOON // 1000, "retry_at": retry_at}
    assert health(casement, OTHER_NUMBER.phone_number_id)["can_send"] is True
    assert casement.counted == ["NumberStopped"]


@pytest.mark.parametrize("code", [131047, 131026, 131042, 131048, 10, 200, 100, 132001])
def test_a_refusal_of_one_message_does_not_stop_the_number(casement, code):
    stop(casement, code)

    assert health(casement)["can_send"] is True
    assert casement.counted == []


def test_what_waits_goes_on_waiting_and_goes_out_by_itself_once_the_number_works(casement):
    casement.send(ALICE, casement={"when_closed": "hold"})
    stop(casement)
    casement.now += HOUR
    casement.wrote(ALICE)
    casement.catch_up()
    assert casement.simulator.sent == []
    assert health(casement)["waiting"] == 1
    casement.simulator.fail_next("error", code=190, match="GET ")
    (mine, other) = casement.sweep()
    casement.catch_up()
    assert (mine.stopped_by, other.stopped_by) == (190, None)
    assert health(casement)["stopped"] == {"code": 190, "at": NOON // 1000, "retry_at": None}
    assert casement.simulator.sent == []

    (mine, _) = casement.sweep()  # Meta takes the token again
    casement.catch_up()

    assert mine.stopped_by is None
    assert health(casement)["can_send"] is True
    assert [sent.text for sent in casement.simulator.sent] == ["Hello"]
    assert health(casement)["waiting"] == 0


@pytest.mark.parametrize("how", ["timeout_before", "5xx_before", "rate_limit"])
def test_a_meta_that_does_not_say_leaves_it_stopped(casement, how):
    stop(casement)
    casement.simulator.fail_next(how, match="GET ")

    assert casement.sweep()[0].stopped_by == 190
    assert health(casement)["can_send"] is False


def with_token(casement: Deployment, token: str) -> None:
    """The secret is given another token for the number."""
    casement.numbers = (replace(LOCAL_NUMBER, token=token), OTHER_NUMBER)


def test_a_new_token_is_tried_at_once(casement):
    with_token(casement, "revoked-meta-token")
    casement.wrote()
    assert casement.send().status == 401
    assert health(casement)["can_send"] is False

    with_token(casement, LOCAL_NUMBER.token)

    assert health(casement)["can_send"] is True
    assert casement.send().status == 200


def test_what_waited_goes_out_under_a_new_token(casement):
    with_token(casement, "revoked-meta-token")
    casement.send(ALICE, casement={"when_closed": "hold"})
    casement.wrote(ALICE)
    casement.catch_up()
    assert health(casement)["waiting"] == 1
    casement.now += HOUR
    with_token(casement, LOCAL_NUMBER.token)

    casement.sweep()
    casement.catch_up()

    assert [sent.text for sent in casement.simulator.sent] == ["Hello"]
    assert health(casement)["waiting"] == 0


def test_another_token_that_does_not_work_either_stops_it_again(casement):
    with_token(casement, "revoked-meta-token")
    casement.wrote()
    casement.send()
    with_token(casement, "another-meta-token")

    assert casement.send().status == 401

    assert health(casement)["can_send"] is False
    assert casement.send().status == 401
    assert len(casement.wire.requests) == 2  # one with each token


# --- a number that Meta slows down ------------------------------------------------------------------


def test_a_rate_limit_is_shown_until_it_is_over(casement):
    casement.send(ALICE, casement={"when_closed": "hold"})
    casement.simulator.fail_next("rate_limit", retry_after=30)
    casement.wrote(ALICE)
    casement.catch_up()

    assert health(casement)["paused_until"] == NOON // 1000 + 30
    assert health(casement)["can_send"] is True
    casement.now += 30 * SECOND
    casement.catch_up()
    assert [sent.text for sent in casement.simulator.sent] == ["Hello"]
    assert health(casement)["paused_until"] is None


# --- a number that is blocked, of which only a message can tell -------------------------------------


def test_a_blocked_account_is_tried_again_with_a_message_after_a_while(casement):
    casement.send(ALICE, casement={"when_closed": "hold"})
    stop(casement, 368)
    casement.wrote(ALICE)
    casement.catch_up()
    casement.now += 14 * 60_000
    assert casement.sweep()[0].stopped_by == 368  # the harmless call works, and says nothing of that
    casement.catch_up()
    assert casement.simulator.sent == []

    casement.simulator.fail_next("error", code=368, match=f"{NUMBER}/messages")
    casement.now += 60_000
    casement.sweep()
    casement.catch_up()
    assert health(casement)["stopped"]["retry_at"] == casement.now // 1000 + 1800  # twice as long

    casement.now += HOUR
    casement.sweep()
    casement.catch_up()
    assert [sent.text for sent in casement.simulator.sent] == ["Hello"]
    assert health(casement)["can_send"] is True
    assert casement.sweep()[0].stopped_by is None


def test_a_message_that_goes_out_shows_that_the_number_is_well(casement):
    stop(casement, 131031)
    casement.now += HOUR
    casement.wrote(ALICE)

    assert casement.send(ALICE).status == 200
    assert casement.sweep()[0].stopped_by is None


@pytest.mark.parametrize("code", [368, 131031])
def test_meta_may_say_so_afterwards(casement, code):
    casement.wrote(ALICE)
    key = casement.send(ALICE).ours["id"]
    failed_afterwards(casement, key, code)
    casement.catch_up()

    assert health(casement)["stopped"]["code"] == code
    casement.now += 31_000  # what is known of a number is remembered for half a minute
    assert casement.send(ALICE).code == code


def test_what_was_said_long_ago_stops_nothing(casement):
    casement.wrote(ALICE)
    key = casement.send(ALICE).ours["id"]
    failed_afterwards(casement, key, 131031)
    casement.now += HOUR
    casement.catch_up()

    assert health(casement)["can_send"] is True


# --- sweeps that have more to do than time ----------------------------------------------------------


def test_a_sweep_that_runs_out_of_time_is_gone_on_with_where_it_stopped(casement):
    contacts = [f"1650555{number:04}" for number in range(200, 212)]
    for contact in contacts:
        casement.send(contact, casement={"when_closed": "hold"})
        casement.wrote(contact)
    casement.stream.changes.clear()  # and react never sees them
    casement.now += 2 * 60_000

    with casement.slow("Query", 20):
        (first, _) = casement.sweep()
    assert first.jobs < len(contacts)

    (second, _) = casement.sweep()
    assert first.jobs + second.jobs == len(contacts)
    (third, _) = casement.sweep()
    assert third.jobs == len(contacts)  # from the beginning again
