"""The simulator as a reviewer: what is scripted, and what happens by itself when its time comes."""

import json
from typing import Any

import pytest

from local.simulator import Options, Simulator
from local.simulator.review_script import REASONS
from tests.contract.conftest import NOON, Clock, Endpoint, Receiver, code_of, mounted
from tests.contract.template_events import BODY, create, events, names

HOUR, DAY = 3600, 86400


def told(simulator: Simulator, receiver: Receiver) -> list[tuple[Any, ...]]:
    """What webhooks have said of status since the last call: event, title (or reason), and when, from noon."""
    receiver.bodies.clear()
    simulator.deliver_pending()
    times = [json.loads(body)["entry"][0]["time"] - int(NOON) for body in receiver.bodies]
    return [
        (event["event"], event.get("other_info", {}).get("title", event["reason"]), at)
        for event, at in zip(events(receiver), times, strict=True)
    ]


# --- scripted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", REASONS)
def test_a_review_can_be_made_to_end_in_each_rejection(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, reason: str
) -> None:
    simulator.review_next("reject", reason=reason, advice="Say what it is about.")

    answer = create(graph).json()
    simulator.deliver_pending()

    (event,) = events(receiver)
    assert (answer["status"], event["event"], event["reason"]) == ("REJECTED", "REJECTED", reason)
    assert ("rejection_info" in event) == (reason == "INVALID_FORMAT")
    row = graph.get(answer["id"], fields="status,rejected_reason").json()
    assert (row["status"], row["rejected_reason"]) == ("REJECTED", reason)


def test_the_advice_of_a_scripted_rejection_is_told(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.review_next("reject", advice="Say what it is about.")

    create(graph)
    simulator.deliver_pending()

    assert events(receiver)[0]["rejection_info"]["recommendation"] == "Say what it is about."


def test_only_so_many_and_only_those_that_match_are_reviewed_as_scripted(graph: Endpoint, simulator: Simulator) -> None:
    simulator.review_next("approve", 2, match="^news.*/es$")

    wanted = [("news_a", "en_US"), ("news_b", "es"), ("other", "es"), ("news_c", "es"), ("news_d", "es")]
    statuses = [create(graph, name=name, language=language).json()["status"] for name, language in wanted]

    assert statuses == ["PENDING", "APPROVED", "PENDING", "APPROVED", "PENDING"]


def test_a_script_goes_before_the_habit(clock: Clock) -> None:
    simulator = Simulator(clock=clock, options=Options(auto_review="instant"))
    simulator.review_next("wait")
    simulator.review_next("reject", reason="SCAM", after=60)

    with mounted(simulator) as graph:
        answers = [create(graph, name=name).json()["status"] for name in ("first", "second", "third")]
        clock.now += 60
        rows = [graph.get(each.id, fields="status").json()["status"] for each in simulator.templates.all(graph.waba)]

    assert answers == ["PENDING", "PENDING", "APPROVED"]
    assert rows[-3:] == ["PENDING", "REJECTED", "APPROVED"]


def test_meta_may_file_a_template_under_another_category_than_asked_for(
    graph: Endpoint, simulator: Simulator, clock: Clock
) -> None:
    simulator.review_next("recategorise", category="MARKETING", after=60)

    answer = create(graph, category="UTILITY").json()

    assert (answer["category"], answer["status"]) == ("MARKETING", "PENDING")
    clock.now += 60
    row = graph.get(answer["id"], fields="category,status").json()
    assert (row["category"], row["status"]) == ("MARKETING", "APPROVED")


def test_a_template_can_be_approved_only_to_be_paused(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, clock: Clock
) -> None:
    simulator.review_next("pause", after=60, pause_after=600)

    create(graph)
    clock.now += 660

    assert told(simulator, receiver) == [("APPROVED", "NONE", 60), ("PAUSED", "FIRST_PAUSE", 660)]


def test_an_edit_is_reviewed_too_and_ends_what_was_to_happen(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, clock: Clock
) -> None:
    simulator.review("hello_world", "pause")
    simulator.review_next("reject", reason="PROMOTIONAL", after=10)
    template = simulator.named("hello_world")[0]

    graph.post(template.id, {"components": [BODY]})
    clock.now += DAY

    assert told(simulator, receiver) == [("PAUSED", "FIRST_PAUSE", 0), ("REJECTED", "PROMOTIONAL", 10)]


def test_a_scripted_review_can_lose_its_webhook(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.review_next("approve", notify=False)

    assert create(graph).json()["status"] == "APPROVED"
    assert told(simulator, receiver) == []


# --- by itself -----------------------------------------------------------------------------------------------------


def test_pauses_end_by_themselves_and_the_third_disables(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, clock: Clock
) -> None:
    simulator.review("hello_world", "pause")
    clock.now += 3 * HOUR - 1
    assert code_of(graph.send_template("hello_world")) == 132015
    clock.now += 1
    assert graph.send_template("hello_world").status_code == 200
    simulator.review("hello_world", "pause")
    clock.now += 6 * HOUR - 1
    assert code_of(graph.send_template("hello_world")) == 132015
    clock.now += 1
    assert graph.send_template("hello_world").status_code == 200
    simulator.review("hello_world", "pause")
    clock.now += 30 * DAY
    assert code_of(graph.send_template("hello_world")) == 132016

    simulator.deliver_pending()
    status = [event for event in events(receiver) if event["field"] == "message_template_status_update"]
    assert [(event["event"], event["other_info"]["title"]) for event in status] == [
        ("PAUSED", "FIRST_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("PAUSED", "SECOND_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("DISABLED", "DISABLED"),
    ]
    assert status[-1]["disable_info"] == {"disable_date": int(NOON) + 9 * HOUR}


def test_what_comes_late_bears_the_time_at_which_it_was_due(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, clock: Clock
) -> None:
    simulator.set_options(unpause_event="UNLOCKED")
    simulator.review_next("pause", after=HOUR, pause_after=HOUR)
    create(graph)
    clock.now += 10 * DAY

    assert told(simulator, receiver) == [
        ("APPROVED", "NONE", HOUR),
        ("PAUSED", "FIRST_PAUSE", 2 * HOUR),
        ("UNLOCKED", "UNPAUSE", 5 * HOUR),
    ]


def test_a_pause_that_was_lifted_by_hand_does_not_end_again(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, clock: Clock
) -> None:
    template = simulator.review("hello_world", "pause")[0]
    clock.now += HOUR
    assert graph.post(f"{template.id}/unpause", {}).json() == {"success": True}
    assert code_of(graph.post(f"{template.id}/unpause", {})) == 100
    simulator.review("hello_world", "disable")
    clock.now += DAY

    assert [event for event, *_ in told(simulator, receiver)] == ["PAUSED", "APPROVED", "DISABLED"]
    assert template.status == "DISABLED"


def test_a_pacing_pause_has_to_be_lifted_and_counts_for_nothing(simulator: Simulator, clock: Clock) -> None:
    template = simulator.review("hello_world", "pause", reason="RATE_LIMITING_PAUSE")[0]
    clock.now += 30 * DAY
    simulator.tick()
    assert template.status == "PAUSED"

    simulator.review("hello_world", "unpause")
    simulator.review("hello_world", "pause")
    clock.now += 3 * HOUR
    simulator.tick()

    assert template.status == "APPROVED"


def test_an_announced_category_comes_a_day_later(simulator: Simulator, receiver: Receiver, clock: Clock) -> None:
    template = simulator.recategorise("hello_world", "MARKETING", announce=True)[0]
    clock.now += DAY - 1
    simulator.deliver_pending()
    assert (template.category, template.data["correct_category"]) == ("UTILITY", "MARKETING")
    clock.now += 1
    simulator.deliver_pending()

    announced, done = events(receiver)
    assert announced["category_update_timestamp"] == NOON + DAY
    assert (done["previous_category"], done["new_category"]) == ("UTILITY", "MARKETING")
    assert template.category == "MARKETING"
    assert "correct_category" not in template.data


def test_a_category_changed_before_its_day_is_not_changed_again(simulator: Simulator, clock: Clock) -> None:
    template = simulator.recategorise("hello_world", "MARKETING", announce=True)[0]
    simulator.recategorise("hello_world", "AUTHENTICATION")
    clock.now += DAY
    simulator.tick()

    assert template.category == "AUTHENTICATION"


def test_a_deletion_may_take_its_time(graph: Endpoint, simulator: Simulator, receiver: Receiver, clock: Clock) -> None:
    simulator.set_options(deletion_delay=HOUR)
    listing = f"{graph.waba}/message_templates"

    assert graph.delete(listing, name="hello_world").json() == {"success": True}

    assert names(graph, status="PENDING_DELETION") == ["hello_world"]
    assert code_of(graph.send_template("hello_world")) == 132001
    assert code_of(graph.delete(listing, name="hello_world")) == 100
    again = create(graph, name="hello_world")
    assert again.json()["error"]["error_subcode"] == 2388023
    clock.now += HOUR
    assert "hello_world" not in names(graph)
    assert told(simulator, receiver) == [("PENDING_DELETION", None, 0), ("DELETED", "NONE", HOUR)]
    clock.now = NOON + 30 * DAY
    assert create(graph, name="hello_world").status_code == 200


def test_what_is_archived_is_deleted_unless_it_is_unarchived(
    graph: Endpoint, simulator: Simulator, clock: Clock
) -> None:
    simulator.review("hello_world", "archive")
    simulator.review("seasonal_offer", "archive")
    clock.now += 27 * DAY
    simulator.review("seasonal_offer", "unarchive")
    clock.now += DAY

    assert "hello_world" not in names(graph)
    assert names(graph, name="seasonal_offer", status="APPROVED") == ["seasonal_offer"]


def test_a_cleared_simulator_has_nothing_planned(simulator: Simulator, receiver: Receiver, clock: Clock) -> None:
    simulator.review("hello_world", "pause")
    simulator.recategorise("hello_world", "MARKETING", announce=True)
    simulator.review_next("reject")
    simulator.clear()
    clock.now += 2 * DAY

    with mounted(simulator) as graph:
        assert create(graph).json()["status"] == "PENDING"
    assert told(simulator, receiver) == []


# --- limits --------------------------------------------------------------------------------------------------------


def test_an_account_may_create_only_so_many_an_hour(graph: Endpoint, simulator: Simulator, clock: Clock) -> None:
    simulator.set_options(creations_per_hour=2)
    assert create(graph, name="first").status_code == 200
    assert create(graph, name="not valid").status_code == 400  # counts for nothing
    clock.now += 60
    assert create(graph, name="second").status_code == 200

    assert code_of(create(graph, name="third")) == 80007
    clock.now += HOUR - 60
    assert create(graph, name="third").status_code == 200
    assert code_of(create(graph, name="fourth")) == 80007
