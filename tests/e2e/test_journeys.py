"""Journeys over HTTP, with the stream, the schedule and the simulator at work as they are when deployed."""

from typing import Any

import httpx

from local.stack import LocalStack
from local.stack.seed import PHONE_NUMBER_ID, WABA_ID
from local.stack.story import Scene
from tests.e2e.conftest import until_shown

TEXT = {"type": "text", "text": {"body": "Hello"}}


def shown(scene: Scene, customer: str, key: str) -> dict[str, Any]:
    """What Casement adds to a message of a conversation, by its own id."""
    listed = scene.get(f"/{PHONE_NUMBER_ID}/messages", conversation_id=customer)["data"]
    return dict(next(each["casement"] for each in listed if each["casement"].get("id") == key))


def test_a_message_is_followed_until_it_is_read(scene: Scene, stack: LocalStack, customer: str, writing: str) -> None:
    assert writing
    answer = scene.send(customer, TEXT).json()
    key, wamid = answer["casement"]["id"], answer["messages"][0]["id"]
    scene.until("delivery", lambda: shown(scene, customer, key)["status"] == "delivered" or None)

    httpx.post(f"{stack.simulator_url}/_control/read", json={"id": wamid}, timeout=10)

    scene.until("read receipt", lambda: shown(scene, customer, key)["status"] == "read" or None)
    assert list(shown(scene, customer, key)["steps"]) == ["asked", "accepted", "sent", "delivered", "read"]


def test_a_lost_answer_is_resolved_by_the_status(scene: Scene, stack: LocalStack, customer: str, writing: str) -> None:
    assert writing
    fault = {"how": "drop_after", "match": "/messages$"}
    httpx.post(f"{stack.simulator_url}/_control/fail", json=fault, timeout=10)

    answer = scene.send(customer, TEXT)

    assert answer.status_code == 200
    assert answer.json()["messages"][0]["message_status"] == "unknown"
    key = answer.json()["casement"]["id"]
    scene.until("status", lambda: shown(scene, customer, key)["status"] == "delivered" or None)


def test_metas_late_refusal_closes_the_window(scene: Scene, stack: LocalStack, customer: str, writing: str) -> None:
    assert writing
    httpx.post(f"{stack.simulator_url}/_control/fail", json={"how": "late", "code": 131047}, timeout=10)
    assert scene.send(customer, TEXT).status_code == 200

    refused = scene.until(
        "closed window", lambda: answer if (answer := scene.send(customer, TEXT)).status_code == 400 else None
    )

    assert refused.json()["error"]["code"] == 131047
    assert refused.json()["error"]["error_data"]["casement"]["window"]["verdict"]["code"] == 131047


def test_a_paused_template_is_refused_as_soon_as_meta_says_so(scene: Scene, stack: LocalStack, customer: str) -> None:
    body = {"name": "paused_here", "language": "en_US", "category": "UTILITY", "components": []}
    review = f"{stack.simulator_url}/_control/templates/paused_here/review"
    httpx.post(f"{stack.simulator_url}/_control/templates", json=body, timeout=10)
    message = {"type": "template", "template": {"name": "paused_here", "language": {"code": "en_US"}}}
    httpx.post(review, json={"decision": "approve"}, timeout=10)  # Meta says that it is there
    scene.until("template", lambda: scene.send(customer, message).status_code == 200 or None)

    httpx.post(review, json={"decision": "pause"}, timeout=10)

    def stored() -> bool | None:
        (shown,) = scene.get(f"/{WABA_ID}/message_templates", name="paused_here")["data"]
        return shown["status"] == "PAUSED" or None

    scene.until("paused template", stored)
    answer = scene.send(customer, message).json()
    assert answer["error"]["code"] == 132015
    assert answer["error"]["fbtrace_id"].startswith("casement-")  # Meta was not asked


def test_the_inbox_follows_the_stream(scene: Scene, stack: LocalStack, customer: str) -> None:
    wamid = scene.customer(**{"from": customer}, name="Ana", text="Hi")
    until_shown(scene, customer, wamid)
    stack.wait_idle()

    newest = scene.get(f"/{PHONE_NUMBER_ID}/conversations", limit="5")["data"]
    closing = scene.get(f"/{PHONE_NUMBER_ID}/conversations", limit="100", sort="closing", state="open")["data"]

    assert customer in {each["phone_number"] for each in newest}
    assert customer in {each["phone_number"] for each in closing}
    assert stack.state()
