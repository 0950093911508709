"""A window opens, is closing, closes: each is told once, whoever looks, how often, and in what order webhooks come."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from casement.domain.events import Event
from casement.store.standings import window_events_in
from local.simulator import LOCAL_NUMBER
from tests.support.deployment import ALICE, BOB, DAY, HELLO_WORLD, HOUR, NOON, NUMBER, WABA, Deployment, deployed
from tests.support.memory import memory
from tests.support.tables import snapshot

MINUTE = 60_000
OPENED, CLOSING, CLOSED = "window.opened", "window.closing", "window.closed"
RE_ENGAGEMENT = 131047


@pytest.fixture
def casement() -> Iterator[Deployment]:
    """A deployment whose owner wants to know of windows."""
    with deployed(memory(), numbers=[LOCAL_NUMBER]) as deployment:
        deployment.tells_of_windows = True
        deployment.sweep_windows()  # there is something to go on from
        yield deployment


def told(casement: Deployment, *, times: int = 1) -> list[Event]:
    """What is told of windows by all that has happened since, in order."""
    events: list[Event] = []
    while changes := casement.stream.changes:
        events += [event for change in changes for event in window_events_in(change.new)]
        casement.react(times=times)
    return events


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def after(casement: Deployment, ago: int) -> list[str]:
    """What the sweep tells that time from now."""
    casement.now += ago
    casement.sweep_windows()
    return types(told(casement))


def window_of(event: Event) -> dict[str, Any]:
    window: dict[str, Any] = event.data["window"]
    return window


def test_the_three_events_of_a_window(casement):
    wamid = casement.wrote()

    (opened,) = told(casement)
    assert window_of(opened) == {
        "state": "open",
        "opened_by": wamid,
        "opened_at": NOON // 1000,
        "expires_at": (NOON + DAY) // 1000,
    }
    assert (opened.at, opened.number, opened.waba_id) == (NOON, NUMBER, WABA)
    assert after(casement, 21 * HOUR) == []
    casement.now += HOUR + MINUTE
    casement.sweep_windows()
    (closing,) = told(casement)
    assert (closing.type, window_of(closing)["state"]) == (CLOSING, "closing")
    assert after(casement, HOUR) == []
    casement.now += HOUR
    casement.sweep_windows()
    (closed,) = told(casement)
    assert (closed.type, closed.at) == (CLOSED, NOON + DAY)
    assert closed.data == {
        "window": {**window_of(opened), "state": "closed", "closed_by": "time"},
    }
    assert after(casement, DAY) == []


def test_a_further_word_moves_the_end_and_opens_nothing(casement):
    casement.wrote()
    told(casement)
    casement.now += 23 * HOUR
    casement.wrote()

    assert told(casement) == []
    assert after(casement, 2 * HOUR) == []  # the first word's day is over
    assert after(casement, 20 * HOUR + MINUTE) == [CLOSING]
    assert after(casement, 2 * HOUR) == [CLOSED]


def test_every_last_word_that_nobody_answers_is_told_to_be_running_out(casement):
    casement.wrote()
    assert after(casement, 22 * HOUR + MINUTE) == [OPENED, CLOSING]
    casement.wrote()

    assert told(casement) == []
    assert after(casement, 22 * HOUR + MINUTE) == [CLOSING]


@pytest.mark.parametrize("how", ["sent", "on the phone app"])
def test_a_window_in_which_the_business_had_the_last_word_is_not_told_to_be_closing(casement, how):
    casement.wrote()
    told(casement)
    casement.now += MINUTE
    if how == "sent":
        assert casement.send().status == 200
    else:
        casement.simulator.echo(ALICE, "Good to hear")
        casement.deliver()

    assert after(casement, 23 * HOUR) == []
    assert after(casement, HOUR + MINUTE) == [CLOSED]


def test_what_was_sent_before_the_last_word_is_no_answer(casement):
    casement.wrote()
    casement.now += MINUTE
    casement.send()
    casement.now += MINUTE
    casement.wrote()

    assert after(casement, 22 * HOUR + MINUTE) == [OPENED, CLOSING]


def test_a_late_word_cancels_what_was_about_to_be_told(casement):
    casement.wrote()
    told(casement)
    casement.now += 21 * HOUR
    casement.wrote(ago=HOUR)  # Meta tells an hour late

    assert after(casement, HOUR + MINUTE) == []
    assert after(casement, 19 * HOUR) == []
    assert after(casement, 2 * HOUR) == [CLOSING]


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(22 * HOUR + MINUTE, [OPENED, CLOSING]), (DAY, [OPENED, CLOSED]), (2 * DAY, [OPENED, CLOSED])],
)
def test_a_word_that_comes_too_late_for_the_sweep_is_looked_at_when_it_comes(casement, ago, expected):
    casement.sweep_windows()  # which has passed that moment
    casement.wrote(ago=ago)

    assert types(told(casement)) == expected
    assert after(casement, MINUTE) == []


def test_a_late_word_opens_again_what_was_told_to_have_closed(casement):
    casement.wrote()
    assert after(casement, DAY + MINUTE) == [OPENED, CLOSED]
    second = casement.wrote(ago=HOUR)

    (opened,) = told(casement)
    assert (opened.type, window_of(opened)["opened_by"]) == (OPENED, second)
    assert after(casement, 23 * HOUR + MINUTE) == [CLOSED]


def test_a_word_just_after_the_end_tells_of_the_end_first(casement):
    casement.wrote()
    told(casement)
    casement.now += DAY + 10_000  # before any sweep
    casement.wrote()

    assert types(told(casement)) == [CLOSED, OPENED]
    assert after(casement, MINUTE) == []


def test_a_call_opens_a_window_too(casement):
    call = casement.simulator.call(sender=ALICE)
    casement.deliver()

    (opened,) = told(casement)
    assert window_of(opened)["opened_by"] == call


def test_metas_verdict_closes_at_once_and_the_next_word_opens_again(casement):
    casement.wrote()
    told(casement)
    casement.now += HOUR
    casement.simulator.fail_next("late", code=RE_ENGAGEMENT)
    casement.send()
    casement.deliver()

    (closed,) = told(casement)
    assert window_of(closed)["closed_by"] == "meta"
    assert closed.at == casement.now
    assert after(casement, 23 * HOUR + MINUTE) == []
    casement.wrote()
    assert types(told(casement)) == [OPENED]


def test_a_refusal_after_the_end_is_no_other_end(casement):
    casement.wrote()
    assert after(casement, DAY + MINUTE) == [OPENED, CLOSED]
    casement.send(message=HELLO_WORLD)

    assert after(casement, HOUR) == []


def test_who_has_just_subscribed_misses_nothing_from_then_on():
    with deployed(memory(), numbers=[LOCAL_NUMBER]) as casement:
        casement.wrote(ago=22 * HOUR - 5_000)
        casement.wrote(BOB, ago=22 * HOUR + HOUR)  # whose window was closing an hour ago
        casement.react()
        casement.subscribe(types=["window.*"])
        casement.now += MINUTE  # the first sweep after that
        casement.sweep_windows()

        assert types(told(casement)) == [CLOSING]


def test_a_number_may_have_a_lead_of_its_own(casement):
    casement.set_number(closing_lead_s=4 * 3600)
    casement.wrote()

    assert after(casement, 20 * HOUR + MINUTE) == [OPENED, CLOSING]
    assert casement.window()["state"] == "closing"


def test_a_lead_that_is_made_shorter_loses_nobody_who_comes_late(casement):
    casement.set_number(closing_lead_s=4 * 3600)
    casement.sweep_windows()
    casement.now += 30_000
    casement.sweep_windows()  # it has passed what opened 20 hours ago
    casement.set_number(closing_lead_s=3600)
    casement.wrote(ago=21 * HOUR)

    assert types(told(casement)) == [OPENED]
    assert after(casement, MINUTE) == []
    assert after(casement, 2 * HOUR + MINUTE) == [CLOSING]


def test_a_sweep_that_was_out_for_hours_makes_up_for_it(casement):
    for contact in (ALICE, BOB):
        casement.wrote(contact)
        casement.now += MINUTE
    assert after(casement, 20 * HOUR) == [OPENED, OPENED]

    assert after(casement, 3 * HOUR) == [CLOSING, CLOSING]
    assert after(casement, 4 * HOUR) == [CLOSED, CLOSED]


def test_a_sweep_that_runs_out_of_time_goes_on_where_it_stopped(casement):
    contacts = [f"165055502{number:02}" for number in range(60)]
    for contact in contacts:
        casement.wrote(contact)
        casement.now += 1
    told(casement)
    casement.now += DAY + MINUTE
    with casement.slow("Query", 1):
        for _ in range(10):
            before = casement.now
            casement.sweep_windows()
            assert casement.now - before < 2 * MINUTE

    closed = [event.contact for event in told(casement) if event.type == CLOSED]
    assert len(closed) == len(set(closed)) == len(contacts)


def test_a_conversation_that_cannot_be_read_keeps_no_other_from_being_told_of(casement):
    for contact in (ALICE, BOB):
        casement.wrote(contact)
        casement.now += MINUTE
    told(casement)
    first, _ = standings_of(casement)
    casement.table.put({**first, "standing": {"S": "{"}})
    casement.stream.changes.clear()
    casement.now += DAY

    with pytest.raises(json.JSONDecodeError):
        casement.sweep_windows()
    assert types(told(casement)) == [CLOSED]
    assert casement.sweep_windows() == 0


def standings_of(casement: Deployment) -> list[dict[str, Any]]:
    """The stored standings of all conversations."""
    return [item for item in snapshot(casement.client, casement.name).values() if item["SK"]["S"] == "P#standing"]


def test_the_stream_may_repeat_itself(casement):
    casement.wrote()
    casement.wrote(BOB)
    assert types(told(casement, times=3)) == [OPENED, OPENED]
    assert after(casement, 22 * HOUR + MINUTE) == [CLOSING, CLOSING]
    assert after(casement, 2 * HOUR) == [CLOSED, CLOSED]


def test_nothing_is_written_or_read_of_windows_that_nobody_wants_to_know_of(casement):
    casement.tells_of_windows = False
    casement.wrote()
    told(casement)
    before = snapshot(casement.client, casement.name)
    calls: list[str] = []
    casement.client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    casement.now += DAY

    assert casement.sweep_windows() == 0
    assert calls == ["Query", "GetItem"]  # who is to be told of anything, and what rules there are
    assert snapshot(casement.client, casement.name) == before
    assert not any("P#standing" in str(key) for key in before)


def test_one_event_whichever_of_two_names_a_customer_is_known_by(casement):
    casement.wrote(user_id=None)  # by the phone alone
    (opened,) = told(casement)
    casement.now += HOUR
    casement.wrote()  # and now by both: the conversation is known by another name

    assert told(casement) == []
    assert after(casement, 22 * HOUR + MINUTE) == [CLOSING]
    assert after(casement, 2 * HOUR) == [CLOSED]
    casement.wrote()
    (again,) = told(casement)
    assert again.type == OPENED
    assert again.contact != opened.contact
    assert again.id != opened.id


def test_ids_follow_from_the_customers_word_whatever_name_it_was_told_under(casement):
    casement.wrote()
    casement.react()
    (image,) = [change.new for change in casement.stream.changes if change.new["SK"]["S"] == "P#standing"]
    other = {**image, "PK": {"S": f"C#{NUMBER}#{BOB}"}}

    (one,), (same,) = window_events_in(image), window_events_in(other)
    assert (one.id, one.type) == (same.id, same.type)
    assert one.contact != same.contact


@pytest.mark.parametrize("moment", [22 * HOUR + MINUTE, DAY + MINUTE])
def test_of_32_sweepers_at_once_one_tells(casement, moment):
    sweepers = 32
    casement.wrote()
    told(casement)
    casement.now += moment
    together = threading.Barrier(sweepers)
    waited = threading.local()

    def before_call(params: Any, **_: Any) -> None:
        if params["Item"]["SK"]["S"] == "P#standing" and not hasattr(waited, "once"):
            waited.once = True
            together.wait(20)  # all have read what stood there before, and all are about to replace it

    casement.client.meta.events.register("before-call.dynamodb.PutItem", before_call)
    with ThreadPoolExecutor(sweepers) as pool:
        list(pool.map(lambda _: casement.sweep_windows(), range(sweepers)))

    assert types(told(casement)) == [CLOSING if moment < DAY else CLOSED]
