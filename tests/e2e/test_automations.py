"""Automations on the running stack: whatever Meta and Lambda repeat, nobody is written to twice, nobody forgotten."""

from collections.abc import Iterator

import httpx
import pytest

from local.stack import LocalStack
from local.stack.seed import PHONE_NUMBER_ID
from local.stack.story import Scene
from tests.e2e.conftest import until_shown
from tests.e2e.test_clients import went_out

WORD = "opensesame"  # that customers of other tests do not say
RULES = {
    "limit": 3,
    "rules": [
        {
            "id": "greet",
            "when": {"keyword": [WORD]},
            "then": ["mark_read", {"reply": "Hello {{contact.name|there}}!"}, {"tag": "greeted"}],
        },
        {"id": "parrot", "when": {"keyword": ["parrot"]}, "then": {"reply": "You said parrot."}, "once": "always"},
        {"id": "person", "when": {"keyword": ["human"]}, "then": {"handoff": "Wants to talk to somebody."}},
    ],
}


@pytest.fixture(scope="module", autouse=True)
def rules(scene: Scene) -> Iterator[None]:
    scene.ours("PUT", "/automations", RULES)
    yield
    scene.ours("PUT", "/automations", {})


def write(scene: Scene, stack: LocalStack, customer: str, text: str) -> None:
    """A customer writes, and all that follows from it has followed."""
    until_shown(scene, customer, scene.customer(**{"from": customer}, text=text))
    stack.wait_idle()


def replies(stack: LocalStack, customer: str) -> list[str]:
    return [one["body"]["text"]["body"] for one in went_out(stack, customer)]


def test_a_keyword_is_answered_once_a_window_with_all_that_the_rule_does(
    scene: Scene, stack: LocalStack, customer: str
) -> None:
    wrote = scene.customer(**{"from": customer}, name="Ana", text=f"Well: {WORD.upper()}!")
    scene.until("answer", lambda: replies(stack, customer) or None)
    write(scene, stack, customer, WORD)

    assert replies(stack, customer) == ["Hello Ana!"]
    marked = httpx.get(f"{stack.simulator_url}/_control/marked_read", timeout=10).json()["data"]
    assert wrote in {each["message_id"] for each in marked}
    assert scene.get(f"/{PHONE_NUMBER_ID}/contacts/{customer}")["tags"] == ["greeted"]


def test_what_meta_repeats_shuffles_and_batches_is_answered_once(scene: Scene, stack: LocalStack) -> None:
    customers = [f"1650778{number:04}" for number in range(6)]
    scene.meta("/webhooks/hold", {"on": True})
    for customer in customers:
        scene.customer(**{"from": customer}, text=WORD)
        scene.customer(**{"from": customer}, text="nothing else")
    scene.meta("/webhooks/duplicate", {"copies": 3})
    scene.meta("/webhooks/shuffle", {})
    scene.meta("/webhooks/batch", {"size": 7, "one_value": True})
    scene.meta("/webhooks/hold", {"on": False})

    for customer in customers:
        scene.until("answer", lambda customer=customer: replies(stack, customer) or None)  # type: ignore[misc]
    stack.wait_idle()

    assert [replies(stack, customer) for customer in customers] == [["Hello there!"]] * len(customers)


def test_two_bots_that_talk_to_each_other_stop(scene: Scene, stack: LocalStack, customer: str) -> None:
    for _ in range(6):
        write(scene, stack, customer, "parrot")

    assert replies(stack, customer) == ["You said parrot."] * 3


def test_nothing_is_answered_while_a_person_has_the_conversation(
    scene: Scene, stack: LocalStack, customer: str
) -> None:
    write(scene, stack, customer, "a human please")
    write(scene, stack, customer, WORD)

    assert replies(stack, customer) == []
    wanted = scene.get(f"/{PHONE_NUMBER_ID}/conversations", needs_attention="true", limit="100")["data"]
    assert customer in {each["phone_number"] for each in wanted}
