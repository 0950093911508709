"""The whole of Casement from template.yaml, on the local stack, once for all journeys; each has its own customers."""

import itertools
from collections.abc import Iterator

import pytest

from local.stack import LocalStack
from local.stack.seed import PHONE_NUMBER_ID
from local.stack.story import Scene
from tests.support.engines import has_ministack

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    if not has_ministack():
        pytest.skip("ministack is not installed: make setup")
    with LocalStack() as running:
        yield running


@pytest.fixture(scope="session")
def scene(stack: LocalStack) -> Iterator[Scene]:
    """Both sides of the stack: an API client with the local key, and the customers behind Meta. Templates are there."""
    scene = Scene(stack.api_url, stack.simulator_url)

    def approved() -> bool | None:
        listed = scene.get("/200000000000001/message_templates", limit="100")["data"]
        return any(each["name"] == "hello_world" for each in listed) or None

    scene.until("template hello_world", approved)
    yield scene
    scene.close()


@pytest.fixture
def customer() -> str:
    """A phone number that nobody else in this run has."""
    return f"1650777{next(_numbers):04}"


@pytest.fixture
def writing(scene: Scene, customer: str) -> str:
    """The wamid of a message that the customer has just written, and that the API knows of."""
    wamid = scene.customer(**{"from": customer}, name="Ana", text="Hi")
    until_shown(scene, customer, wamid)
    return wamid


def until_shown(scene: Scene, customer: str, wamid: str) -> None:
    """Wait until the API shows a message of a conversation."""

    def look() -> bool | None:
        listed = scene.get(f"/{PHONE_NUMBER_ID}/messages", conversation_id=customer)["data"]
        return any(each["id"] == wamid for each in listed) or None

    scene.until(f"message {wamid}", look)
