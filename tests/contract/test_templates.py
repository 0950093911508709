"""Templates: created, reviewed, edited, deleted, listed; and the webhooks that tell."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import Options, Simulator
from local.simulator.errors import GraphError
from local.simulator.seeds import SEEDS
from local.simulator.template_rules import check_new
from tests.contract.conftest import Clock, Endpoint, Receiver, code_of, mounted
from tests.contract.template_events import BODY, NEWS, create, events, names

DAY = 86400


def test_a_created_template_waits_for_its_review(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    answer = create(graph).json()
    assert (answer["status"], answer["category"]) == ("PENDING", "UTILITY")
    assert code_of(graph.send_template("news")) == 132001

    simulator.review(answer["id"], "approve")
    simulator.deliver_pending()

    assert graph.send_template("news").status_code == 200
    assert events(receiver) == [
        {
            "field": "message_template_status_update",
            "event": "APPROVED",
            "message_template_id": int(answer["id"]),
            "message_template_name": "news",
            "message_template_language": "en_US",
            "message_template_category": "UTILITY",
            "reason": "NONE",
        }
    ]
    assert json.loads(receiver.bodies[0])["entry"][0]["time"] == 1_795_000_000


def test_a_rejection_has_a_reason(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    template_id = create(graph).json()["id"]

    simulator.review(template_id, "reject", reason="INVALID_FORMAT", advice="Number the variables.")
    simulator.deliver_pending()

    (event,) = events(receiver)
    assert (event["event"], event["reason"]) == ("REJECTED", "INVALID_FORMAT")
    assert event["rejection_info"]["recommendation"] == "Number the variables."
    told = graph.get(template_id, fields="status,rejected_reason").json()
    assert told == {"status": "REJECTED", "rejected_reason": "INVALID_FORMAT", "id": template_id}


def test_reviews_can_be_instant_or_take_their_time(clock: Clock) -> None:
    for habit, statuses in (("instant", ["APPROVED"] * 2), (60.0, ["PENDING", "APPROVED"])):
        simulator = Simulator(clock=clock, options=Options(auto_review=habit))
        with mounted(simulator) as graph:
            template = simulator.templates.get(create(graph).json()["id"])
        assert template is not None
        before = template.status
        clock.now += 60
        simulator.deliver_pending()
        assert [before, template.status] == statuses


def test_the_life_of_a_template(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    for decision in ("pause", "unpause", "pause", "disable", "reinstate", "flag", "archive", "unarchive"):
        simulator.review("hello_world", decision)
    simulator.deliver_pending()

    told = [(event["event"], event.get("other_info", {}).get("title")) for event in events(receiver)]
    assert told == [
        ("PAUSED", "FIRST_PAUSE"),
        ("APPROVED", "UNPAUSE"),
        ("PAUSED", "SECOND_PAUSE"),
        ("DISABLED", None),
        ("REINSTATED", None),
        ("FLAGGED", None),
        ("ARCHIVED", None),
        ("UNARCHIVED", None),
    ]
    assert graph.send_template("hello_world").status_code == 200


def test_category_and_quality_change(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.recategorise("hello_world", "MARKETING", announce=True)
    simulator.recategorise("hello_world", "MARKETING")
    simulator.score("hello_world", "RED")
    simulator.deliver_pending()

    announced, moved, scored = events(receiver)
    assert (announced["new_category"], announced["correct_category"]) == ("UTILITY", "MARKETING")
    assert (moved["previous_category"], moved["new_category"]) == ("UTILITY", "MARKETING")
    assert "correct_category" not in moved
    assert (scored["previous_quality_score"], scored["new_quality_score"]) == ("UNKNOWN", "RED")
    assert "event" not in scored
    template = simulator.named("hello_world")[0]
    told = graph.get(template.id, fields="category,previous_category,quality_score").json()
    assert (told["category"], told["previous_category"]) == ("MARKETING", "UTILITY")
    assert told["quality_score"]["score"] == "RED"


def test_a_webhook_can_get_lost(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.review("hello_world", "pause", notify=False)
    simulator.deliver_pending()

    assert receiver.bodies == []
    assert names(graph, status="PAUSED") == ["hello_world"]


def test_deleting_by_name_takes_all_languages(graph: Endpoint, clock: Clock) -> None:
    path = f"{graph.waba}/message_templates"

    assert graph.delete(path, name="we_are_here").json() == {"success": True}

    assert "we_are_here" not in names(graph)
    assert code_of(graph.delete(path, name="we_are_here")) == 100
    again = {"name": "we_are_here", "language": "es"}
    assert create(graph, **again).json()["error"]["error_subcode"] == 2388023
    clock.now += 30 * DAY
    assert create(graph, **again).status_code == 200


def test_deleting_by_id_takes_one_language(graph: Endpoint, simulator: Simulator) -> None:
    spanish = simulator.named("we_are_here", "es")[0]

    graph.delete(f"{graph.waba}/message_templates", name="we_are_here", hsm_id=spanish.id)

    assert [each.data["language"] for each in simulator.named("we_are_here")] == ["en_US"]


def test_a_disabled_template_stays(graph: Endpoint, simulator: Simulator) -> None:
    simulator.review("hello_world", "disable")

    assert code_of(graph.delete(f"{graph.waba}/message_templates", name="hello_world")) == 100
    assert "hello_world" in names(graph)


def test_editing(graph: Endpoint, simulator: Simulator, clock: Clock) -> None:
    template = simulator.named("hello_world")[0]

    assert graph.post(template.id, {"components": [BODY]}).json()["success"] is True
    assert template.status == "PENDING"
    assert code_of(graph.post(template.id, {"components": [BODY]})) == 100  # in review
    simulator.review(template.id, "approve")
    assert code_of(graph.post(template.id, {"components": [BODY]})) == 100  # once in 24 hours
    clock.now += DAY
    assert code_of(graph.post(template.id, {"category": "MARKETING"})) == 100
    assert graph.post(template.id, {"components": [BODY]}).status_code == 200


def test_counting_taps_or_not_needs_no_review(graph: Endpoint, simulator: Simulator) -> None:
    template = simulator.named("seasonal_offer")[0]
    path, query = f"/{graph.version}/{template.id}", {"cta_url_link_tracking_opted_out": "true"}

    for _ in range(2):
        assert graph.client.post(path, params=query | {"category": "marketing"}).json()["success"] is True

    assert (template.status, template.data["cta_url_link_tracking_opted_out"]) == ("APPROVED", True)
    assert code_of(graph.client.post(path, params=query | {"category": "UTILITY"})) == 100


def test_only_the_name_of_what_was_approved_stays_taken(graph: Endpoint, simulator: Simulator) -> None:
    simulator.review_next("reject", 2)
    listing = f"{graph.waba}/message_templates"

    for _ in range(2):
        assert create(graph).json()["status"] == "REJECTED"
        assert graph.delete(listing, name="news").json() == {"success": True}
    simulator.review(create(graph).json()["id"], "approve")
    simulator.review("news", "pause")
    graph.delete(listing, name="news")

    assert create(graph).json()["error"]["error_subcode"] == 2388023


def test_what_meta_writes_in_capitals_is_stored_so(graph: Endpoint) -> None:
    template_id = create(graph, category="utility", components=[{**BODY, "type": "body"}]).json()["id"]

    row = graph.get(template_id).json()
    assert (row["category"], row["components"][0]["type"]) == ("UTILITY", "BODY")


def test_filters(graph: Endpoint, simulator: Simulator) -> None:
    simulator.score("we_are_here", "GREEN")

    assert names(graph, category="MARKETING") == ["seasonal_offer"]
    assert names(graph, language="es") == ["we_are_here"]
    assert names(graph, name_or_content="respuesta") == ["we_are_here"]
    assert names(graph, quality_score="GREEN") == ["we_are_here", "we_are_here"]
    assert names(graph, status='["PENDING","REJECTED"]') == []
    assert code_of(graph.get(f"{graph.waba}/message_templates", limit="0")) == 100
    assert code_of(graph.get(f"{graph.waba}/message_templates", after="zzz")) == 100


def test_the_seeds_would_pass_the_review() -> None:
    for seed in SEEDS:
        check_new(dict(seed))


def test_an_account_may_have_only_so_many_names(graph: Endpoint, simulator: Simulator) -> None:
    simulator.set_options(template_limit=4)

    assert create(graph).json()["error"]["error_subcode"] == 2388019
    assert create(graph, name="hello_world", language="es").status_code == 200
    assert create(graph, name="hello_world", language="es").json()["error"]["error_subcode"] == 2388024


def body(text: str, *examples: str) -> dict[str, Any]:
    return {
        "components": [
            {"type": "BODY", "text": text} | ({"example": {"body_text": [list(examples)]}} if examples else {})
        ]
    }


def buttons(*kinds: str) -> dict[str, Any]:
    more = {"URL": {"url": "https://x.test"}, "PHONE_NUMBER": {"phone_number": "+15550001"}}
    made = [{"type": kind, "text": f"Button {index}", **more.get(kind, {})} for index, kind in enumerate(kinds)]
    return {"components": [BODY, {"type": "BUTTONS", "buttons": made}]}


@pytest.mark.parametrize(
    "different",
    [
        body("Hello {{1}}, we have news about {{2}} for you.", "Ana", "cats"),
        {
            "parameter_format": "NAMED",
            "components": [
                {
                    "type": "BODY",
                    "text": "Hello {{who}}, we have news.",
                    "example": {"body_text_named_params": [{"param_name": "who", "example": "Ana"}]},
                }
            ],
        },
        {"components": [BODY, {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::a"]}}]},
        {"components": [BODY, {"type": "FOOTER", "text": "Reply STOP to stop"}]},
        buttons("QUICK_REPLY", "QUICK_REPLY", "URL", "PHONE_NUMBER"),
        {"message_send_ttl_seconds": 30},
    ],
)
def test_what_meta_takes(graph: Endpoint, different: dict[str, Any]) -> None:
    assert create(graph, **different).status_code == 200


@pytest.mark.parametrize(
    ("different", "subcode"),
    [
        ({"name": "News!"}, 2388040),
        ({"language": None}, None),
        ({"category": "TRANSACTIONAL"}, None),
        ({"components": []}, None),
        ({"components": [{"type": "FOOTER", "text": "x"}]}, 2388072),
        ({"components": [BODY, BODY]}, 2388040),
        ({"message_send_ttl_seconds": 5}, None),
        (body(""), 2388072),
        (body("x" * 1025), 2388072),
        (body("{{1}} comes first in this text.", "a"), 2388299),
        (body("In this text it comes last: {{1}}", "a"), 2388299),
        (body("Two together {{1}} {{2}} in a long enough text, really.", "a", "b"), 2388072),
        (body("Hello {{2}}, a wrong number.", "a"), 2388072),
        (body("Hello {{name}}, a name among numbers.", "a"), 2388072),
        (body("Hello {{1}}, no example."), 2388072),
        (body("A {{1}} b {{2}} c", "a", "b"), 2388293),
        (body("Hello {{1}, unbalanced braces."), 2388072),
        ({"components": [BODY, {"type": "HEADER", "format": "TEXT", "text": "x" * 61}]}, 2388047),
        ({"components": [BODY, {"type": "HEADER", "format": "VIDEO"}]}, 2388047),
        ({"components": [BODY, {"type": "FOOTER", "text": "Hi {{1}}"}]}, 2388073),
        (buttons("QUICK_REPLY", "URL", "QUICK_REPLY"), 2388040),
        (buttons("URL", "URL", "URL"), 2388040),
        (buttons(*["QUICK_REPLY"] * 11), 2388040),
        (buttons("TELEPATHY"), None),
    ],
)
def test_what_meta_refuses(graph: Endpoint, different: dict[str, Any], subcode: int | None) -> None:
    refused = create(graph, **different)

    assert refused.status_code == 400
    assert code_of(refused) == 100
    assert refused.json()["error"].get("error_subcode") == subcode
    assert "news" not in names(graph)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=8,
)
part_kinds = st.sampled_from(["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"])
part_keys = st.sampled_from(["text", "format", "example", "buttons", "cards", "limited_time_offer", "type"])
parts = st.builds(lambda kind, rest: {"type": kind, **rest}, part_kinds, st.dictionaries(part_keys, json_values))


@given(st.lists(parts | json_values, max_size=4), st.sampled_from(["POSITIONAL", "NAMED"]))
@settings(max_examples=150, deadline=None)
def test_no_template_makes_it_stumble(components: list[Any], parameter_format: str) -> None:
    wanted = NEWS | {"components": components, "parameter_format": parameter_format}
    try:
        check_new(wanted)
    except GraphError as error:
        assert error.code == 100
