"""The same clients, where Casement does more than Meta: messages that are held, handed over, and never sent twice.

What a client has no word for, its API key says.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from kapso_whatsapp import WhatsAppClient  # type: ignore[import-untyped]
from pywa.client import WhatsApp

from casement.domain.api_key import ApiKey, Scope, digest_of
from casement.store.api_keys import ApiKeys
from casement.store.table import Table
from local.stack import LocalStack
from local.stack.seed import API_KEY, PHONE_NUMBER_ID
from local.stack.story import Scene
from tests.e2e.test_clients import PointedAt, curl, old_client, went_out, wrote_yesterday
from tests.e2e.test_kapso_node import NODE, outcomes, values
from tests.e2e.test_kapso_node import pytestmark as needs_node
from tests.e2e.test_kapso_node import text as node_text
from tests.e2e.test_kapso_python import Gateway, fail_at_meta, to

__all__ = ["old_client"]  # a fixture

HELD, UNKNOWN = "held_for_customer", "unknown"
TEXT = {"messaging_product": "whatsapp", "type": "text", "text": {"body": "Hello"}}


@pytest.fixture(scope="session")
def key_that(stack: LocalStack) -> Callable[..., str]:
    """Makes an API key with a default policy, or one that takes callback data for an idempotency key."""

    def make(**about: Any) -> str:
        key = f"key {sorted(about.items())}"
        kept = ApiKey(digest_of(key), key, frozenset(Scope), created_at=int(time.time() * 1000), **about)
        ApiKeys(Table(stack.dynamodb, stack.table)).put(kept)
        return key

    return make


@pytest.fixture
def holding(key_that: Callable[..., str]) -> str:
    return key_that(when_closed="hold")


@pytest.fixture
def once_by_data(key_that: Callable[..., str]) -> str:
    return key_that(once_by_callback_data=True)


def once(customer: str) -> dict[str, str]:
    return {"Idempotency-Key": f"order of {customer}"}


def released(scene: Scene, stack: LocalStack, customer: str) -> list[Any]:
    """What went out once the customer wrote."""
    assert went_out(stack, customer) == []
    scene.customer(**{"from": customer}, text="Hi")
    return scene.until("message that was released", lambda: went_out(stack, customer) or None)


def test_pywa_is_told_that_its_message_is_held(stack: LocalStack, scene: Scene, customer: str, holding: str) -> None:
    wrote_yesterday(scene, customer)
    with httpx.Client(transport=PointedAt(stack.api_url), timeout=20) as session:
        sent = WhatsApp(phone_id=PHONE_NUMBER_ID, token=holding, session=session).send_message(customer, "Hello")

    assert sent.id.startswith("csm1.")
    assert [one["body"]["text"]["body"] for one in released(scene, stack, customer)] == ["Hello"]


def test_heyoo_is_told_that_its_message_is_held(
    old_client: Any, stack: LocalStack, scene: Scene, customer: str, holding: str
) -> None:
    wrote_yesterday(scene, customer)
    old_client.headers["Authorization"] = f"Bearer {holding}"

    answer = old_client.send_message("Hello", customer)

    assert answer["messages"][0]["message_status"] == HELD
    assert len(released(scene, stack, customer)) == 1


def test_kapso_is_told_that_its_message_is_held(stack: LocalStack, scene: Scene, customer: str, holding: str) -> None:
    wrote_yesterday(scene, customer)

    async def send() -> Any:
        async with WhatsAppClient(access_token=holding, base_url=stack.api_url) as kapso:
            return await kapso.messages.send_text(**to(customer), body="Hello")

    sent = asyncio.run(send())

    assert sent.messages[0].message_status == HELD
    assert len(released(scene, stack, customer)) == 1


@pytest.mark.parametrize("fault", ["503 after", "silence after"])
@pytest.mark.parametrize("how", ["header", "callback data"])
def test_kapso_repeats_by_itself_and_it_goes_out_once(
    stack: LocalStack, customer: str, writing: str, once_by_data: str, fault: str, how: str
) -> None:
    """Without a key the same sends twice, see `test_kapso_python`."""
    assert writing

    async def send(url: str) -> Any:
        token = API_KEY if how == "header" else once_by_data
        async with WhatsAppClient(access_token=token, base_url=url, timeout=2.0, retry_backoff=0.1) as kapso:
            if how == "header":
                path = f"{PHONE_NUMBER_ID}/messages"
                answer = await kapso.request("POST", path, json={**TEXT, "to": customer}, headers=once(customer))
                return answer["messages"][0]["id"]
            sent = await kapso.messages.send_text(**to(customer), body="Hello", biz_opaque_callback_data=customer)
            return sent.message_id

    with Gateway(stack.api_url) as gateway:
        gateway.faults = [fault]
        wamid = asyncio.run(send(gateway.url))

    assert len(gateway.attempts) == 2
    assert [one["wamid"] for one in went_out(stack, customer)] == [wamid]


def test_an_unknown_send_stays_unknown_and_goes_out_once(stack: LocalStack, customer: str, writing: str) -> None:
    assert writing
    fail_at_meta(stack, "drop_after")
    headers = {"Authorization": f"Bearer {API_KEY}", **once(customer)}
    url = f"{stack.api_url}/v25.0/{PHONE_NUMBER_ID}/messages"

    first, again = (httpx.post(url, json={**TEXT, "to": customer}, headers=headers).json() for _ in range(2))

    assert first["messages"][0]["message_status"] == UNKNOWN
    assert again["casement"]["id"] == first["casement"]["id"]
    assert len(went_out(stack, customer)) == 1


@needs_node
def test_kapso_for_node_holds_and_repeats(
    stack: LocalStack, scene: Scene, customer: str, holding: str, once_by_data: str
) -> None:
    assert NODE
    (held,) = values(stack.api_url, node_text(customer, "Hello"), who={"accessToken": holding})
    assert held["messages"][0]["messageStatus"] == HELD
    assert len(released(scene, stack, customer)) == 1

    body = {"body": {**TEXT, "to": customer}, "headers": once(customer), "responseType": "json"}
    by_header = ("request", "POST", f"{PHONE_NUMBER_ID}/messages", body)
    by_data = node_text(customer, "Hello", bizOpaqueCallbackData=customer)
    with Gateway(stack.api_url) as gateway:
        gateway.faults = ["503 after"]
        lost, found = outcomes(gateway.url, by_header, by_header)
        gateway.faults = ["503 after"]
        lost_too, found_too = outcomes(gateway.url, by_data, by_data, who={"accessToken": once_by_data})

    assert "error" in lost
    assert "error" in lost_too
    ids = [one["value"]["messages"][0]["id"] for one in (found, found_too)]
    assert [one["wamid"] for one in went_out(stack, customer)][1:] == ids


def test_curl_says_what_it_wants_in_a_header(stack: LocalStack, scene: Scene, customer: str) -> None:
    message = {"to": customer, "text": {"body": "Hello"}}
    bearer = f"Authorization: Bearer {API_KEY}"

    status, handed = curl(stack, message, bearer, "Casement-When-Closed: handoff")
    _, held = curl(stack, message, bearer, 'Casement-When-Closed: {"hold": {"expires_in": 60}}')

    assert (status, handed["messages"][0]["message_status"]) == (200, "handed_off")
    assert held["messages"][0]["message_status"] == HELD
    wanted = scene.get(f"/{PHONE_NUMBER_ID}/conversations", needs_attention="true", limit="100")["data"]
    assert customer in {one["id"] for one in wanted}
    assert len(released(scene, stack, customer)) == 1
