"""Flows on the running stack: WhatsApp asks the endpoint, encrypted and signed, until the form comes in."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from local.sink import Behaviour, Got, Sink, slow
from local.stack import LocalStack
from local.stack.aws import Aws, put_secret
from local.stack.seed import META_TOKEN, PHONE_NUMBER_ID, SECRET
from local.stack.story import Scene
from tests.contract.test_flows import flow
from tests.e2e.conftest import until_shown
from tests.support.flow_endpoint import key_pair

SCREENS = [
    {"action": "INIT", "screen": "WHEN", "data": {"days": ["monday", "tuesday"]}},
    {"action": "data_exchange", "from": "WHEN", "screen": "WHO"},
    {"action": "data_exchange", "from": "WHO", "screen": "SUCCESS"},
]


@pytest.fixture(scope="module")
def keys(stack: LocalStack, scene: Scene) -> Iterator[None]:
    """Casement has a private key, Meta its public half, and the endpoint knows: it remembers the secret for a while."""
    private, public = key_pair()
    aws = Aws.at(stack.aws_url)
    (listed,) = aws.secrets.list_secrets()["SecretList"]
    put_secret(aws, listed["Name"], {**SECRET, "flow_keys": [private]})
    url = f"{stack.simulator_url}/v25.0/{PHONE_NUMBER_ID}/whatsapp_business_encryption"
    headers = {"Authorization": f"Bearer {META_TOKEN}"}
    httpx.post(url, json={"business_public_key": public}, headers=headers, timeout=10).raise_for_status()
    scene.until("healthy endpoint", lambda: asked(scene, url_of(stack, "1"), "ping")["fault"] is None or None)
    yield
    put_secret(aws, listed["Name"], SECRET)


@pytest.fixture
def flow_id(customer: str) -> str:
    """A Flow that no other test says anything of: what is said of one is remembered for a while."""
    return customer


@pytest.fixture
def endpoint(stack: LocalStack, flow_id: str) -> str:
    return url_of(stack, flow_id)


@pytest.fixture
def configured(scene: Scene, flow_id: str) -> Iterator[Any]:
    """Says how the Flow is answered."""
    yield lambda **how: scene.ours("PUT", f"/flows/{flow_id}", how)
    scene.ours("DELETE", f"/flows/{flow_id}")


@pytest.fixture
def sent(scene: Scene, customer: str, writing: str, flow_id: str) -> str:
    """The wamid of a Flow message without a token of its sender's."""
    assert writing
    return str(scene.send(customer, flow(flow_id=flow_id, flow_token=None)).json()["messages"][0]["id"])


def url_of(stack: LocalStack, flow_id: str) -> str:
    return f"{stack.api_url}/flows/{flow_id}"


def asked(scene: Scene, endpoint: str, action: str, **more: Any) -> dict[str, Any]:
    """What WhatsApp makes of the endpoint's answer."""
    return scene.meta("/flow/exchange", {"url": endpoint, "action": action, **more})


@pytest.mark.usefixtures("keys")
def test_a_form_is_filled_in_on_fixed_screens_and_closed_once_it_came_in(
    scene: Scene, endpoint: str, customer: str, sent: str, configured: Any
) -> None:
    configured(screens=SCREENS)

    first = asked(scene, endpoint, "INIT", id=sent)
    second = asked(scene, endpoint, "data_exchange", id=sent, screen="WHEN", data={"day": "monday"})
    who = {"full_name": "Ana Lima", "email": "ana@example.com"}
    last = asked(scene, endpoint, "data_exchange", id=sent, screen="WHO", data=who)

    assert [one["fault"] for one in (first, second, last)] == [None] * 3
    assert first["answer"] == {"screen": "WHEN", "data": {"days": ["monday", "tuesday"]}}
    assert second["answer"] == {"screen": "WHO", "data": {"day": "monday"}}
    until_shown(scene, customer, last["id"])

    def known() -> bool | None:
        contact = scene.get(f"/{PHONE_NUMBER_ID}/contacts/{customer}")
        return "ana@example.com" in json.dumps(contact) or None

    scene.until("contact with an e-mail address", known)
    again = asked(scene, endpoint, "INIT", id=sent)
    assert (again["status"], bool(again["error_msg"])) == (427, True)


@pytest.mark.usefixtures("keys")
def test_a_back_end_answers_by_a_signed_call_and_screens_stand_in_for_one_that_is_late(
    scene: Scene, endpoint: str, sent: str, configured: Any
) -> None:
    def answer(got: Got) -> Behaviour:
        request = got.event["request"]
        return Behaviour(body=json.dumps({"screen": "WHO", "data": {"of": request["action"]}}).encode())

    with Sink(answer=answer) as back_end:
        secret = "whsec_" + "c2VjcmV0" * 4
        configured(backend={"url": back_end.url, "deadline_ms": 1000, "secret": secret}, screens=SCREENS)
        told = asked(scene, endpoint, "INIT", id=sent)
        back_end.behave(slow(3))
        late = asked(scene, endpoint, "INIT", id=sent)

        (got, _) = back_end.got
        assert Webhook(secret).verify(got.body, dict(got.headers)) == got.event
    assert (told["fault"], told["answer"]) == (None, {"screen": "WHO", "data": {"of": "INIT"}})
    assert (late["fault"], late["answer"]["screen"]) == (None, "WHEN")
    assert got.event["verified"] is True


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(("spoil", "status"), [(None, 200), ("signature", 432), ("key", 421), ("data", 421)])
def test_metas_health_check_is_answered_and_what_is_not_metas_is_not(
    scene: Scene, endpoint: str, spoil: str | None, status: int
) -> None:
    told = asked(scene, endpoint, "ping", **({"spoil": spoil} if spoil else {}))

    assert told["status"] == status
    assert (told["fault"] is None) is (spoil is None)
