"""Templates from Meta's library: found, and created without a review."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from local.simulator.library import LIBRARY, complete
from local.simulator.template_rules import check_library, check_new
from tests.contract.conftest import Endpoint, Receiver, code_of, mounted
from tests.contract.template_events import BODY, create, events
from tests.support.effort import examples
from tests.support.webhooks import any_json

LINK = {
    "type": "URL",
    "url": {"base_url": "https://x.test/{{1}}", "url_suffix_example": "https://x.test/a"},
}
CALL = {"type": "PHONE_NUMBER", "phone_number": "+16315551010"}
PAYMENT: dict[str, Any] = {
    "category": "UTILITY",
    "components": None,
    "library_template_name": "payment_due_reminder_1",
    "library_template_button_inputs": [LINK, CALL],
}


def found(graph: Endpoint, **query: str) -> list[tuple[str, str]]:
    rows = graph.get("message_template_library", **query).json()["data"]
    return [(row["name"], row["language"]) for row in rows]


def test_the_library_can_be_searched(graph: Endpoint) -> None:
    assert len(found(graph)) == len(LIBRARY)
    assert found(graph, search='"paid already"') == [("payment_due_reminder_1", "en_US")]
    assert found(graph, usecase="DELIVERY_UPDATE", language="es") == [("delivery_update_1", "es")]
    assert found(graph, name="order_pick_up_1") == [("order_pick_up_1", "en_US")]
    assert {name for name, _ in found(graph, industry="FINANCIAL_SERVICES", topic="PAYMENTS")} == {
        "payment_due_reminder_1"
    }
    assert found(graph, search="no such words") == []
    graph.client.headers["Authorization"] = "Bearer nonsense"
    assert code_of(graph.get("message_template_library")) == 190


def test_the_library_comes_in_pages(graph: Endpoint) -> None:
    page = graph.get("message_template_library", limit="4").json()
    rest = graph.get("message_template_library", limit="4", after=page["paging"]["cursors"]["after"]).json()

    assert page["data"] + rest["data"] == list(LIBRARY)
    assert "next" not in rest["paging"]


@pytest.mark.parametrize("as_text", [False, True])
def test_a_template_from_the_library_is_approved_at_once(
    graph: Endpoint, simulator: Simulator, receiver: Receiver, as_text: bool
) -> None:
    simulator.review_next("reject")  # waits for one that is reviewed
    inputs = json.dumps([LINK, CALL]) if as_text else [LINK, CALL]

    answer = create(graph, **{**PAYMENT, "library_template_button_inputs": inputs}).json()

    assert (answer["status"], answer["category"]) == ("APPROVED", "UTILITY")
    simulator.deliver_pending()
    assert [event["event"] for event in events(receiver)] == ["APPROVED"]
    row = graph.get(answer["id"], fields="components,library_template_name").json()
    assert row["library_template_name"] == "payment_due_reminder_1"
    header, body, buttons = row["components"]
    assert header["format"] == "TEXT"
    assert body["example"]["body_text"] == [["Ana", "$75.00", "May 4th, 2026"]]
    assert buttons["buttons"] == [
        {"type": "URL", "text": "Pay now", "url": "https://x.test/{{1}}", "example": ["https://x.test/a"]},
        {"type": "PHONE_NUMBER", "text": "Call us", "phone_number": "+16315551010"},
    ]


def test_a_code_from_the_library_has_what_was_asked_for(graph: Endpoint) -> None:
    wanted = {
        "category": "AUTHENTICATION",
        "components": None,
        "library_template_name": "verification_code_1",
        "library_template_body_inputs": {"add_security_recommendation": True, "code_expiration_minutes": 5},
    }

    template_id = create(graph, **wanted).json()["id"]

    assert graph.get(template_id).json()["components"] == [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 5},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "text": "Copy code", "otp_type": "COPY_CODE"}]},
    ]


@pytest.mark.parametrize(
    "different",
    [
        {"library_template_name": "no_such_template"},
        {"language": "xx"},
        {"category": "AUTHENTICATION"},
        {"category": "MARKETING"},
        {"components": [BODY]},
        {"library_template_button_inputs": None},
        {"library_template_button_inputs": [LINK]},
        {"library_template_button_inputs": [CALL, LINK]},
        {"library_template_button_inputs": [LINK, CALL, CALL]},
        {"library_template_button_inputs": "{'not': JSON}"},
        {"library_template_button_inputs": [{"type": "URL", "url": "https://x.test"}, CALL]},
    ],
)
def test_what_the_library_has_not_is_refused(graph: Endpoint, simulator: Simulator, different: dict[str, Any]) -> None:
    refused = create(graph, **{**PAYMENT, **different})

    assert code_of(refused) == 100
    assert "news" not in [template.name for template in simulator.templates.all(graph.waba)]


@pytest.mark.parametrize("entry", LIBRARY, ids=lambda entry: f"{entry['name']}-{entry['language']}")
def test_what_the_library_has_would_pass_a_review(entry: dict[str, Any]) -> None:
    given = {"URL": LINK, "PHONE_NUMBER": CALL, "OTP": {"type": "OTP", "otp_type": "COPY_CODE"}}
    wanted = {
        "name": "mine",
        "language": entry["language"],
        "category": entry["category"],
        "library_template_name": entry["name"],
        "library_template_button_inputs": [given[button["type"]] for button in entry.get("buttons", [])],
    }

    check_library(wanted)
    check_new(complete(wanted))


inputs = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from(["URL", "url", "PHONE_NUMBER", "OTP"]) | any_json,
    st.dictionaries(st.sampled_from(["url", "phone_number", "otp_type", "text", "supported_apps"]), any_json),
)
flags = st.dictionaries(st.sampled_from(["add_security_recommendation", "code_expiration_minutes"]), any_json)


@given(
    entry=st.sampled_from(LIBRARY),
    buttons=st.lists(inputs | any_json, max_size=3) | any_json | st.just([LINK]) | st.just([LINK, CALL]),
    body=flags | st.lists(flags, max_size=2) | any_json,
    as_text=st.booleans(),
)
@settings(max_examples=examples(100), deadline=None)
def test_no_inputs_make_it_stumble(entry: dict[str, Any], buttons: Any, body: Any, as_text: bool) -> None:
    simulator = Simulator(seeds=())
    wanted = {
        **{key: entry[key] for key in ("category", "language")},
        "name": "news",
        "library_template_name": entry["name"],
        "library_template_button_inputs": json.dumps(buttons) if as_text else buttons,
        "library_template_body_inputs": json.dumps(body) if as_text else body,
    }

    with mounted(simulator) as graph:
        path = f"/{graph.version}/{graph.waba}/message_templates"
        answer = graph.client.post(path, content=json.dumps(wanted))  # which spells what UTF-8 can not
        listing = graph.client.get(path).json()["data"]

    assert answer.status_code in {200, 400}
    assert len(listing) == (answer.status_code == 200)
