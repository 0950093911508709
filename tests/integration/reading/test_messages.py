"""Messages as the API shows them: Meta's own objects, newest first, ours with the life that their statuses tell."""

import pytest

from tests.support.deployment import ALICE, BOB, HELLO, HOUR, NOON, NUMBER, Json

SECOND = 1_000


def test_a_customers_message_is_metas_own_object(casement):
    image: Json = {
        "type": "image",
        "image": {"id": "77", "caption": "caf\u00e9", "mime_type": "image/jpeg", "new": [1, None]},
    }
    wamid = casement.simulator.inbound(message={**image, "context": {"id": "wamid.0"}}, sender=ALICE)
    casement.deliver()

    (shown,) = casement.messages(ALICE)

    assert (shown["id"], shown["from"], shown["type"]) == (wamid, ALICE, "image")
    assert shown["image"].items() >= image["image"].items()
    assert shown["context"] == {"id": "wamid.0"}
    assert shown["casement"]["direction"] == "inbound"
    assert shown["casement"]["conversation_id"] == casement.conversation(ALICE)["id"]
    assert casement.messages(None) == [shown]


def test_newest_first_in_a_conversation_and_over_the_number(casement):
    for number, person in enumerate([ALICE, BOB, ALICE, BOB, ALICE]):
        casement.simulator.inbound(str(number), sender=person, ago=10 - number)
    casement.deliver()
    casement.send(ALICE, {"type": "text", "text": {"body": "5"}})
    casement.now += SECOND
    casement.simulator.echo(ALICE, "6")
    casement.deliver()

    texts = [each["text"]["body"] for each in casement.messages(None)]
    alices = [each["text"]["body"] for each in casement.messages(ALICE)]

    assert texts == ["6", "5", "4", "3", "2", "1", "0"]
    assert alices == ["6", "5", "4", "2", "0"]
    assert [each["casement"]["direction"] for each in casement.messages(ALICE)] == ["outbound"] * 2 + ["inbound"] * 3


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
@pytest.mark.parametrize("contact", [None, ALICE])
def test_paging_is_complete_without_repeats_while_messages_arrive(casement, limit, contact):
    for number in range(4):
        casement.simulator.inbound(f"in {number}", sender=ALICE, ago=60 - number // 2)
    casement.simulator.webhooks.batch(100)
    casement.deliver()
    casement.send(ALICE)
    named = {"conversation_id": contact} if contact else {}
    before = [each["id"] for each in casement.messages(contact, limit=100)]
    found = []

    for page in casement.pages("messages", limit=limit, **named):
        found += [each["id"] for each in page]
        assert len(page) <= limit
        casement.now += 2 * SECOND
        casement.wrote(ALICE, "one more")
        casement.simulator.status(casement.simulator.sent[0].wamid, "read")
        casement.deliver()

    assert found == before
    assert len(before) == 5


def test_a_message_told_twice_is_shown_once(casement):
    casement.simulator.inbound("Hi", sender=ALICE)
    casement.simulator.webhooks.duplicate(3)
    casement.deliver()
    casement.now += SECOND
    casement.send(ALICE)
    casement.simulator.webhooks.duplicate(3)
    casement.simulator.webhooks.shuffle()
    casement.deliver()

    assert len(casement.messages(ALICE)) == 2
    assert len(casement.messages(None)) == 2


def test_calls_are_no_messages(casement):
    casement.wrote(ALICE, ago=HOUR)
    casement.simulator.call(sender=ALICE)
    casement.deliver()

    assert [each["text"]["body"] for each in casement.messages(ALICE)] == ["Hi"]
    assert [each["text"]["body"] for each in casement.messages(None)] == ["Hi"]


def test_history_is_shown_and_opens_nothing(casement):
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    said = [
        {"from": ALICE, "id": "wamid.1", "timestamp": str(NOON // 1000 - 20), "type": "text", "text": {"body": "a"}},
        {"from": "15550001000", "to": ALICE, "id": "wamid.2", "timestamp": str(NOON // 1000 - 10), "type": "text"},
    ]
    history = [{"metadata": {"phase": 0}, "threads": [{"id": ALICE, "messages": said}]}]
    casement.simulator.webhook("history", {"metadata": metadata, "history": history})
    casement.deliver()

    shown = casement.messages(ALICE)

    assert [(each["id"], each["casement"]["direction"]) for each in shown] == [
        ("wamid.2", "outbound"),
        ("wamid.1", "inbound"),
    ]
    assert casement.window(ALICE)["state"] == "never_opened"


def test_a_field_of_the_clients_does_not_hide_the_messages_own(casement):
    casement.wrote(ALICE, ago=HOUR)

    casement.send(ALICE, id="mine", timestamp="never")

    shown = casement.messages(ALICE)[0]
    assert shown["id"] in (casement.simulator.sent[0].wamid, shown["casement"]["id"])
    assert shown["timestamp"] == str(NOON // 1000)


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "wamid.HBgL",
        "csm1.",
        "csm1.16505550101.01M7Q5CQG062ESCQPT6BDE8HAG",
        "csm1.16505550101.7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "csm1.a%23b.01M7Q5CQG062ESCQPT6BDE8HAG",
        "csm1.%F0%9F%98%80.01M7Q5CQG062ESCQPT6BDE8HAG",
    ],
)
def test_a_message_nobody_sent(casement, key):
    casement.wrote(ALICE)

    answer = casement.get(f"messages/{key}")

    assert (answer.status, answer.code) == (404, 100)


def test_messages_with_nobody_are_none(casement):
    casement.wrote(ALICE)

    assert casement.messages(BOB) == []


def test_a_send_under_way_is_in_the_numbers_messages(casement):
    casement.wrote(ALICE, ago=HOUR)
    seen = []

    casement.wire.before = lambda: seen.extend(casement.messages(None)[:1])
    casement.send(ALICE)

    assert seen[0]["casement"]["status"] == "sending"
    assert seen[0]["text"] == HELLO["text"]


def test_two_facts_of_one_message_are_one_message_in_every_list(casement):
    wamid = casement.wrote(ALICE, "Hi", name="Alice")
    casement.wrote(ALICE, "Hi", name="Alice L.", wamid=wamid)  # the same message, told with another profile

    assert [one["id"] for one in casement.messages(ALICE)] == [wamid]
    assert [one["id"] for one in casement.messages(None)] == [wamid]
