"""Webhooks out: bytes, signatures, redelivery, and the disorder one can ask for."""

import hashlib
import hmac
import json
from random import Random
from typing import Any

import pytest

from local.simulator import Simulator
from local.simulator.config import APP_SECRET
from local.simulator.webhooks import RETRY_DELAYS, encode, sign
from tests.contract.conftest import ALICE, Clock, Endpoint, Receiver


def messages_in(bodies: list[bytes]) -> list[str]:
    """The texts of all delivered messages, in order."""
    changes = [change for body in bodies for entry in json.loads(body)["entry"] for change in entry["changes"]]
    return [message["text"]["body"] for change in changes for message in change["value"]["messages"]]


def test_bytes_and_signature_are_metas() -> None:
    """A vector made by hand: escaped non-ASCII in lower case, escaped slashes, no spaces."""
    text = "café \N{GRINNING FACE} https://x.test/a@b"
    change = {"field": "messages", "value": {"messages": [{"text": {"body": text}}]}}
    payload = {"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": [change]}]}

    body = encode(payload)

    assert rb"caf\u00e9 \ud83d\ude00 https:\/\/x.test\/a@b" in body
    expected = "060cd9d0ca4a2cf9e9e85e5d674b3a2c1f29af76fde20f5c52070feb4d9d97b8"
    assert sign("test_app_secret", body) == f"sha256={expected}"


def test_every_webhook_is_signed_over_its_very_bytes(simulator: Simulator, receiver: Receiver) -> None:
    simulator.inbound("naïve / emoji \N{GRINNING FACE} \ud800 \x00", sender=ALICE)
    simulator.deliver_pending()

    digest = hmac.new(APP_SECRET.encode(), receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["X-Hub-Signature-256"] == f"sha256={digest}"
    assert receiver.headers[0]["Content-Type"] == "application/json"
    assert receiver.bodies[0].isascii()


def test_an_inbound_message_looks_like_metas(simulator: Simulator, receiver: Receiver) -> None:
    wamid = simulator.inbound("Hi", sender=ALICE, user_id="US.1", name="Ana", username="ana.k", ago=90)
    simulator.deliver_pending()

    assert json.loads(receiver.bodies[0]) == {
        "object": "whatsapp_business_account",
        "entry": [
            {
                "id": "200000000000001",
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "messaging_product": "whatsapp",
                            "metadata": {
                                "display_phone_number": "15550001000",
                                "phone_number_id": "100000000000001",
                            },
                            "contacts": [
                                {
                                    "profile": {"name": "Ana", "username": "ana.k"},
                                    "wa_id": ALICE,
                                    "user_id": "US.1",
                                }
                            ],
                            "messages": [
                                {
                                    "from": ALICE,
                                    "from_user_id": "US.1",
                                    "id": wamid,
                                    "timestamp": "1794999910",
                                    "type": "text",
                                    "text": {"body": "Hi"},
                                }
                            ],
                        },
                    }
                ],
            }
        ],
    }


def test_media_a_customer_sends_can_be_downloaded(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.inbound(message={"type": "image", "image": {"caption": "look"}}, sender=ALICE)
    simulator.deliver_pending()
    image = json.loads(receiver.bodies[0])["entry"][0]["changes"][0]["value"]["messages"][0]["image"]

    medium = graph.get(image["id"]).json()

    assert image["caption"] == "look"
    assert graph.client.get(medium["url"]).content == b"A image from the simulator."


def test_a_media_link_dies_after_five_minutes(graph: Endpoint, clock: Clock) -> None:
    media_id = graph.client.post(
        f"/v25.0/{graph.number}/media",
        data={"messaging_product": "whatsapp"},
        files={"file": ("a.png", b"png", "image/png")},
    ).json()["id"]
    url = graph.get(media_id).json()["url"]
    assert graph.client.get(url).status_code == 200

    clock.now += 300

    assert graph.client.get(url).status_code == 404
    clock.now += 30 * 86400
    assert graph.get(media_id).status_code == 400


# --- redelivery ----------------------------------------------------------------------------------------------------


def test_what_is_not_answered_200_comes_again_byte_for_byte(simulator: Simulator, receiver: Receiver) -> None:
    receiver.answers = [500, 302]
    simulator.inbound("Hi", sender=ALICE)

    assert [simulator.deliver_pending() for _ in range(4)] == [[500], [302], [200], []]

    assert len(set(receiver.bodies)) == 1
    assert simulator.webhooks.finished[0].answers == [500, 302, 200]


def test_a_webhook_is_given_up_at_last(simulator: Simulator, receiver: Receiver) -> None:
    receiver.answers = [500] * 100
    simulator.inbound("Hi", sender=ALICE)

    while simulator.pending:
        simulator.deliver_pending()

    assert len(receiver.bodies) == len(RETRY_DELAYS) + 1


def test_a_receiver_that_breaks_loses_nothing(clock: Clock) -> None:
    def broken(_body: bytes, _headers: Any) -> int:
        raise RuntimeError

    simulator = Simulator(clock=clock, deliver=broken)
    for text in "abc":
        simulator.inbound(text, sender=ALICE)

    with pytest.raises(RuntimeError):
        simulator.deliver_pending()

    assert len(simulator.pending) == 3


def test_a_receiver_may_send_while_it_is_being_told(clock: Clock) -> None:
    """An answering bot: what it causes is delivered by the next call, not inside this one."""
    seen = []

    def bot(body: bytes, _headers: Any) -> int:
        seen.append(body)
        if len(seen) == 1:
            simulator.inbound("and another", sender=ALICE)
        return 200

    simulator = Simulator(clock=clock, deliver=bot)
    simulator.inbound("Hi", sender=ALICE)

    assert simulator.deliver_pending() == [200]
    assert simulator.deliver_pending() == [200]


# --- disorder ------------------------------------------------------------------------------------------------------


def test_the_queue_can_be_shuffled(receiver: Receiver, clock: Clock) -> None:
    simulator = Simulator(clock=clock, deliver=receiver, rng=Random(1))  # noqa: S311 - a seeded order
    for number in range(20):
        simulator.inbound(str(number), sender=ALICE)

    simulator.webhooks.shuffle()
    simulator.deliver_pending()

    texts = messages_in(receiver.bodies)
    assert sorted(texts, key=int) == [str(number) for number in range(20)]
    assert texts != sorted(texts, key=int)


def test_the_queue_can_be_repeated(simulator: Simulator, receiver: Receiver) -> None:
    for text in "ab":
        simulator.inbound(text, sender=ALICE)

    simulator.webhooks.duplicate()
    simulator.deliver_pending()

    assert messages_in(receiver.bodies) == ["a", "b", "a", "b"]
    assert len(set(receiver.bodies)) == 2


@pytest.mark.parametrize("one_value", [False, True])
def test_updates_can_go_out_in_batches(simulator: Simulator, receiver: Receiver, one_value: bool) -> None:
    for text in "abcde":
        simulator.inbound(text, sender=ALICE)

    simulator.webhooks.batch(2, one_value=one_value)
    simulator.deliver_pending()

    assert messages_in(receiver.bodies) == list("abcde")
    assert len(receiver.bodies) == 3
    changes = json.loads(receiver.bodies[0])["entry"][0]["changes"]
    assert len(changes) == (1 if one_value else 2)
    assert receiver.headers[0]["X-Hub-Signature-256"] == sign(APP_SECRET, receiver.bodies[0])


def test_a_batch_of_several_accounts_has_several_entries(simulator: Simulator, receiver: Receiver) -> None:
    simulator.webhook("messages", {"messages": []}, waba_id="1")
    simulator.webhook("messages", {"messages": []}, waba_id="2")
    simulator.webhooks.batch(10)
    simulator.deliver_pending()

    assert [entry["id"] for entry in json.loads(receiver.bodies[0])["entry"]] == ["1", "2"]


def test_any_webhook_at_all_can_be_sent(simulator: Simulator, receiver: Receiver) -> None:
    simulator.webhook("account_update", {"event": "ACCOUNT_DELETED"}, waba_id="77", time=5)
    simulator.deliver_pending()

    assert json.loads(receiver.bodies[0])["entry"] == [
        {
            "id": "77",
            "time": 5,
            "changes": [{"value": {"event": "ACCOUNT_DELETED"}, "field": "account_update"}],
        }
    ]


def test_an_account_without_a_subscribed_app_gets_none(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    graph.delete(f"{graph.waba}/subscribed_apps")
    simulator.inbound("unheard", sender=ALICE)
    assert graph.get(f"{graph.waba}/subscribed_apps").json() == {"data": []}
    graph.post(f"{graph.waba}/subscribed_apps", {})
    simulator.inbound("heard", sender=ALICE)
    simulator.deliver_pending()

    assert messages_in(receiver.bodies) == ["heard"]


@pytest.mark.parametrize("answer", ["same", "other", "403"])
def test_the_handshake(answer: str) -> None:
    def receiver(query: Any) -> tuple[int, str]:
        assert query["hub.mode"] == "subscribe"
        assert query["hub.verify_token"] == "local-verify-token"  # noqa: S105
        challenge = query["hub.challenge"]
        return {"same": (200, challenge), "other": (200, "no"), "403": (403, challenge)}[answer]

    assert Simulator(verify=receiver).verify_webhook() is (answer == "same")
