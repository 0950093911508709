"""The simulator as a reviewer: what is scripted, and what happens by itself when its time comes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import Options, Simulator
from local.simulator.review_script import REASONS
from local.simulator.reviews import DECISIONS
from local.simulator.template_rules import as_stored
from tests.contract.conftest import NOON, Clock, Endpoint, Receiver, code_of, mounted
from tests.contract.template_events import BODY, create, events, names
from tests.support.effort import examples
from tests.support.templates import valid_templates

HOUR, DAY = 3600, 86400


def told(simulator: Simulator, receiver: Receiver) -> list[tuple[Any, ...]]:
    """What webhooks have said of status since the last call: event, title (or reason), and when, from noon."""
    receiver.bodies.clear()
    simulator.deliver_pending()
    times = [json.loads(body)["entry"][0]["time"] - int(NOON) for body in receiver.bodies]
    return [
        (event["event"], event.get("other_info", {}).get("title", event["reason"]), at)
        for event, at in zip(events(receiver), times, strict=True)
        if event["field"] == "message_template_status_update"
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


def test_an_edit_of_the_content_is_told(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    template = simulator.named("hello_world")[0]
    link = {"type": "URL", "text": "Go", "url": "https://x.test"}
    call = {"type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550001"}
    buttons = {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Yes"}, link, call]}
    header, footer = {"type": "HEADER", "format": "TEXT", "text": "News"}, {"type": "FOOTER", "text": "Bye"}

    graph.post(template.id, {"components": [header, BODY, footer, buttons]})
    simulator.review(template.id, "reject")
    graph.post(template.id, {"category": "MARKETING"})  # which changes no text
    simulator.review(template.id, "reject")
    graph.post(template.id, {"components": [BODY]})
    simulator.deliver_pending()

    first, second = (each for each in events(receiver) if each["field"] == "message_template_components_update")
    shared = {
        "field": "message_template_components_update",
        "message_template_id": int(template.id),
        "message_template_name": "hello_world",
        "message_template_language": "en_US",
        "message_template_element": BODY["text"],
    }
    assert second == shared
    kind, text = "message_template_button_type", "message_template_button_text"
    assert first == {
        **shared,
        "message_template_title": "News",
        "message_template_footer": "Bye",
        "message_template_buttons": [
            {kind: "QUICK_REPLY", text: "Yes"},
            {kind: "URL", text: "Go", "message_template_button_url": "https://x.test"},
            {kind: "PHONE_NUMBER", text: "Call", "message_template_button_phone_number": "+15550001"},
        ],
    }


def test_a_rejection_is_remembered_until_the_template_is_reviewed_again(graph: Endpoint, simulator: Simulator) -> None:
    template = simulator.review("hello_world", "reject", reason="SCAM")[0]
    for decision in ("flag", "archive", "unarchive", "lock", "unlock"):
        simulator.review("hello_world", decision)
    assert (template.status, template.data["rejected_reason"]) == ("REJECTED", "SCAM")

    graph.post(template.id, {"components": [BODY]})

    assert (template.status, template.data["rejected_reason"]) == ("PENDING", "NONE")


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


# --- whatever happens ----------------------------------------------------------------------------------------------

happenings = st.lists(
    st.one_of(
        st.sampled_from([*DECISIONS, "announce", "recategorise", "edit", "delete it", "create", "unpause it"]),
        st.integers(1, 40 * 24).map(float),  # hours that pass
    ),
    max_size=25,
)


@given(happenings, st.sampled_from(["never", "instant", 7200.0]), st.sampled_from([0.0, 7200.0]))
@settings(max_examples=60, deadline=None)
def test_whatever_happens_webhooks_and_listing_agree(
    doing: list[str | float], auto_review: str | float, deletion_delay: float
) -> None:
    """Who follows the webhooks ends with the status and category that the listing has, or with no template."""
    clock, receiver = Clock(), Receiver()
    options = Options(auto_review=auto_review, deletion_delay=deletion_delay)
    simulator = Simulator(clock=clock, deliver=receiver, options=options)
    with mounted(simulator) as graph:
        for step in doing:
            happen(graph, simulator, clock, step)
        rows = {row["id"]: row for row in graph.get(f"{graph.waba}/message_templates", limit="100").json()["data"]}
    simulator.deliver_pending()

    statuses, categories, edited = dict[str, str](), dict[str, str](), set[str]()
    for event in events(receiver):
        template_id = str(event["message_template_id"])
        if event["field"] == "template_category_update":
            categories |= {template_id: event["new_category"]} if "correct_category" not in event else {}
        elif event["field"] == "message_template_components_update":
            edited.add(template_id)  # it is PENDING again, of which no webhook tells
        elif event["event"] == "UNARCHIVED":
            statuses.pop(template_id, None)  # it is again what it was: only the listing tells
        elif event["event"] in STATUSES:
            statuses[template_id] = {"REINSTATED": "APPROVED"}.get(event["event"], event["event"])
    gone = {template_id for template_id, status in statuses.items() if status == "DELETED"}
    assert gone.isdisjoint(rows)
    assert {each: rows[each]["status"] for each in statuses.keys() - gone - edited} == {
        each: statuses[each] for each in statuses.keys() - gone - edited
    }
    assert {each: rows[each]["category"] for each in categories.keys() - gone} == {
        each: categories[each] for each in categories.keys() - gone
    }


STATUSES = {event for status, event in DECISIONS.values() if status is not None} | {"DELETED"}


def happen(graph: Endpoint, simulator: Simulator, clock: Clock, step: str | float) -> None:
    """One step of a history, about the template `hello_world` if it is there."""
    if isinstance(step, float):
        clock.now += step * HOUR
        return
    simulator.tick()
    found = simulator.templates.find(graph.waba, "hello_world", "en_US")
    if step == "create":
        create(graph, name="hello_world")
    if found is None:
        return
    if step in DECISIONS:
        simulator.review(found.id, step)
    elif step in {"announce", "recategorise"}:
        simulator.recategorise(found.id, "MARKETING", announce=step == "announce")
    elif step == "edit":
        graph.post(found.id, {"components": [BODY]})
    elif step == "unpause it":
        graph.post(f"{found.id}/unpause", {})
    elif step == "delete it":
        graph.delete(f"{graph.waba}/message_templates", name="hello_world")


@given(valid_templates())
@settings(max_examples=examples(60), deadline=None)
def test_any_template_goes_through_its_life(wanted: dict[str, Any]) -> None:
    receiver = Receiver()
    simulator = Simulator(clock=Clock(), deliver=receiver, options=Options(auto_review="instant"), seeds=())
    with mounted(simulator) as graph:
        graph.post(graph.waba, {"is_enabled_for_insights": True})
        listing = f"{graph.waba}/message_templates"
        made = graph.post(listing, wanted).json()
        assert made["status"] == "APPROVED"
        stored = as_stored(wanted)
        assert graph.get(made["id"]).json()["components"] == stored["components"]
        assert graph.post(made["id"], {"components": wanted["components"]}).json()["success"] is True
        query = {"start": "2026-11-18", "end": "2026-11-18", "granularity": "DAILY", "template_ids": made["id"]}
        assert graph.get(f"{graph.waba}/template_analytics", **query).status_code == 200
        assert graph.delete(listing, name=wanted["name"]).json() == {"success": True}
    simulator.deliver_pending()

    told = [event.get("event") for event in events(receiver)]
    assert told == ["APPROVED", None, "APPROVED", "PENDING_DELETION", "DELETED"]
