"""The control routes: each does over HTTP what the method of the same purpose does, and README.md has it."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Options, Simulator
from local.simulator.config import MISLEADING
from local.simulator.control import Control
from local.simulator.faults import CALL_FAULTS, SEND_FAULTS
from local.simulator.flow_client import SPOILS
from local.simulator.inbound import DEFAULT_SENDER
from local.simulator.review_script import ENDS, REASONS
from local.simulator.reviews import DECISIONS
from tests.contract.conftest import ALICE, Endpoint
from tests.contract.template_events import NEWS, create
from tests.contract.test_flows import flow
from tests.support.flow_endpoint import key_pair

README = Path(__file__).parents[2] / "local" / "simulator" / "README.md"


@pytest.fixture
def control(graph: Endpoint) -> Any:
    def call(path: str, body: dict[str, Any] | None = None, *, status: int = 200, **query: str) -> Any:
        url = f"/_control{path}"
        answer = graph.client.get(url, params=query) if body is None else graph.client.post(url, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    return call


def test_a_conversation_by_control_routes(control: Any, graph: Endpoint) -> None:
    control("/inbound", {"from": ALICE, "name": "Ana", "text": "Hi", "ago": 60})
    assert control("/window", contact=ALICE)["open"] is True
    graph.send_text("Hello")
    assert control("/webhooks/deliver", {}) == {"statuses": [200, 200, 200]}
    wamid = control("/read", {})["id"]
    control("/status", {"id": wamid, "status": "failed", "code": 131026})

    (sent,) = control("/sent")["data"]

    assert (sent["wamid"], sent["kind"], sent["window_open"]) == (wamid, "free_form", True)
    assert (sent["statuses"], sent["failed"]) == (["sent", "delivered", "read", "failed"], 131026)
    assert control("/sent", contact="nobody")["data"] == []
    assert len(control("/webhooks")["pending"]) == 2
    assert control("/health")["sent"] == 1


def test_a_tap_by_control_route(control: Any, graph: Endpoint, simulator: Simulator) -> None:
    wamid = graph.send_template("we_are_here", "Ana").json()["messages"][0]["id"]
    graph.send_text("newer")

    answer = control("/tap", {"id": wamid, "button": "Show me"})

    assert answer["id"].startswith("wamid.")
    assert simulator.window(ALICE)["open"] is True
    assert [tap["text"] for tap in control("/sent")["data"][0]["taps"]] == ["Show me"]


def test_inbound_takes_whole_messages(control: Any, simulator: Simulator) -> None:
    control("/inbound", {"from": ALICE, "id": "wamid.own", "message": {"type": "sticker", "sticker": {}}})
    control("/inbound", {"from": ALICE, "type": "location", "location": {"latitude": 1, "longitude": 2}})
    control("/inbound", {"user_id": "US.7", "from": None, "text": "no phone", "context": {"id": "wamid.x"}})
    control("/inbound", {"from": ALICE, "user_id": None, "text": {"body": "as it was in 2025"}})

    bodies = [webhook.body.decode() for webhook in simulator.pending]
    assert '"id":"wamid.own"' in bodies[0]
    assert '"location":{"latitude":1,"longitude":2}' in bodies[1]
    assert '"from":' not in bodies[2]
    assert '"context":{"id":"wamid.x"}' in bodies[2]
    assert "user_id" not in bodies[3]


def test_other_things_customers_do(control: Any, simulator: Simulator) -> None:
    control("/inbound", {"from": ALICE})
    control("/call", {"from": ALICE})
    control("/preference", {"contact": ALICE, "value": "stop"})
    control("/echo", {"to": ALICE, "text": "from the phone"})
    control("/number_change", {"from": ALICE, "to": "16505550999"})
    control("/webhook", {"field": "security", "value": {"event": "PIN_CHANGED"}, "time": 1})

    fields = [webhook.updates[0].field for webhook in simulator.pending]
    assert fields == ["messages", "calls", "user_preferences", "smb_message_echoes", "messages", "security"]


def test_templates_and_options(control: Any, simulator: Simulator) -> None:
    control(
        "/templates",
        {"name": "x", "language": "de", "category": "UTILITY", "components": [], "status": "PAUSED"},
    )
    control("/templates/x/review", {"decision": "approve", "notify": False})
    control("/templates/x/review", {"decision": "recategorise", "category": "MARKETING"})
    (changed,) = control("/templates/x/review", {"decision": "score", "score": "YELLOW"})["data"]
    assert (changed["status"], changed["category"], changed["quality_score"]["score"]) == (
        "APPROVED",
        "MARKETING",
        "YELLOW",
    )
    control("/options", {"window_refusal": "sync", "statuses": ["sent", "delivered", "read"]})
    assert control("/options")["window_refusal"] == "sync"
    assert simulator.options.statuses == ("sent", "delivered", "read")


def test_reviews_to_come_and_templates_in_bulk(control: Any, graph: Endpoint) -> None:
    control("/reviews", {"next": 2, "match": "_b/", "decision": "reject", "reason": "SCAM"})
    answers = [create(graph, name=name).json()["status"] for name in ("x_a", "x_b", "y_b", "z_b")]
    assert answers == ["PENDING", "REJECTED", "REJECTED", "PENDING"]

    assert control("/templates", {**NEWS, "copies": 30}) == {"added": 30}
    assert control("/templates", {"row": "no template"}) == {"success": True}
    control("/options", {"page_limit": 7, "paging": "loop"})
    assert len(graph.get(f"{graph.waba}/message_templates").json()["data"]) == 7
    control("/options", {"page_limit": 1000, "paging": "normal"})
    rows = graph.get(f"{graph.waba}/message_templates", limit="1000").json()["data"]
    assert [rows[-2]["name"], rows[-1]] == ["news_00030", "no template"]


def test_the_queue(control: Any) -> None:
    for _ in range(3):
        control("/inbound", {"from": ALICE})
    assert control("/webhooks/duplicate", {"copies": 2}) == {"pending": 9}
    assert control("/webhooks/shuffle", {}) == {"pending": 9}
    assert control("/webhooks/batch", {"size": 4, "one_value": True}) == {"pending": 3}
    assert control("/webhooks/hold", {}) == {"held": True}
    assert control("/webhooks/verify", {}) == {"verified": True}


def test_faults_by_route(control: Any, graph: Endpoint) -> None:
    control("/fail", {"next": 1, "how": {"code": 131056, "http_status": 429}, "match": "/messages$"})
    assert graph.get(graph.number).status_code == 200
    assert graph.send_text().status_code == 429
    assert graph.send_text().status_code == 200


def test_clear_is_as_new(control: Any, graph: Endpoint, simulator: Simulator) -> None:
    control("/inbound", {"from": ALICE})
    graph.send_text()
    graph.delete(f"{graph.waba}/message_templates", name="hello_world")
    control("/fail", {"how": "5xx_before"})
    control("/options", {"window_refusal": "sync"})
    before = control("/templates/we_are_here/review", {"decision": "approve"})["data"][0]["id"]

    control("/clear", {})

    assert (simulator.sent, simulator.pending, simulator.window(ALICE)["open"]) == ([], [], False)
    assert graph.send_template("hello_world").status_code == 200
    assert graph.send_text().status_code == 200  # late again
    assert simulator.named("we_are_here")[0].id == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/inbound", {"from": None}),
        ("/inbound", {"user_id": "not a bsuid"}),
        ("/inbound", {"ago": "long"}),
        ("/inbound", {"phone_number_id": "7"}),
        ("/status", {"id": "wamid.x", "status": "sent"}),
        ("/status", {}),
        ("/status", {"status": "sent"}),
        ("/read", {}),
        ("/tap", {}),
        ("/tap", {"id": "wamid.x"}),
        ("/fail", {"how": "no_such_fault"}),
        ("/fail", {"how": "late", "code": 1, "colour": "red"}),
        ("/options", {"window_refusal": "never"}),
        ("/templates/none/review", {"decision": "approve"}),
        ("/templates/hello_world/review", {"decision": "smile"}),
        ("/templates/hello_world/review", {"decision": "reject", "reason": "UGLY"}),
        ("/templates", {"name": "no_language"}),
        ("/templates", {**NEWS, "copies": "many"}),
        ("/reviews", {}),
        ("/reviews", {"decision": "smile"}),
        ("/reviews", {"decision": "reject", "reason": "UGLY"}),
        ("/reviews", {"decision": "recategorise"}),
        ("/reviews", {"decision": "approve", "category": "MARKETING"}),
        ("/reviews", {"decision": "approve", "next": 0}),
        ("/reviews", {"decision": "approve", "match": "("}),
        ("/reviews", {"decision": "approve", "after": -1}),
        ("/reviews", {"decision": "approve", "colour": "red"}),
        ("/options", {"paging": "sideways"}),
        ("/options", {"page_limit": 0}),
        ("/options", {"unpause_event": "RESUMED"}),
        ("/preference", {"contact": ALICE, "value": "maybe"}),
        ("/webhooks/batch", {"size": 0}),
    ],
)
def test_a_request_that_makes_no_sense_is_told_so(control: Any, path: str, body: dict[str, Any]) -> None:
    assert control(path, body, status=400)["error"]


def test_an_unknown_control_route_is_404(control: Any) -> None:
    assert "no such control route" in control("/nothing", status=404)["error"]


def test_the_readme_has_every_control_route_with_an_example_and_no_other(simulator: Simulator) -> None:
    text = README.read_text()
    routes = {f"{method} /_control{path}" for method, path in Control(simulator).routes}

    assert set(re.findall(r"^### `((?:GET|POST) /_control[^`]*)`", text, re.MULTILINE)) == routes
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    assert [section.splitlines()[0] for section in sections if "curl" not in section] == []


def test_the_examples_in_the_readme_work_one_after_another(graph: Endpoint, simulator: Simulator) -> None:
    simulator.inbound("Hi")
    graph.post(f"{graph.number}/whatsapp_business_encryption", {"business_public_key": key_pair()[1]})
    graph.send(**flow(), to=DEFAULT_SENDER)
    graph.send_text("Hello", to=DEFAULT_SENDER)
    graph.send_template("we_are_here", "Ana", to=DEFAULT_SENDER)
    examples = re.findall(r"curl '?\$SIM(/_control[^\s']*)'?(?: -d '([^']*)')?$", README.read_text(), re.MULTILINE)
    assert len(examples) > len(Control(simulator).routes)

    for path, body in examples:
        curls = {"Content-Type": "application/x-www-form-urlencoded"}  # what `curl -d` says by itself
        answer = graph.client.post(path, content=body, headers=curls) if body else graph.client.get(path)
        assert answer.status_code == 200, (path, body, answer.text)


def test_the_readme_has_every_fault_decision_reason_and_option() -> None:
    text = README.read_text()
    options = [field.name for field in fields(Options)]

    named = (*CALL_FAULTS, *SEND_FAULTS, *DECISIONS, *ENDS, *REASONS, *MISLEADING, *SPOILS, *options)
    assert [name for name in named if f"`{name}`" not in text] == []
