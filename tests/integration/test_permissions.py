"""Every function's role allows exactly what the function does to the table: too little fails only on AWS."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import yaml

from local.stack.children import ROOT
from local.stack.template import CloudFormationLoader
from tests.support.deployment import ALICE, HELLO_WORLD, WABA, Deployment

TEMPLATE = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)  # noqa: S506 - a SafeLoader
BY_ANOTHER_NAME = {
    "contacts": [{"input": "6505550102", "wa_id": "16505550102"}],
    "messages": [{"id": "wamid.LEARNED", "message_status": "accepted"}],
}
AD = {"type": "text", "text": {"body": "Hi"}, "referral": {"source_type": "ad"}}


def allowed(function: str) -> set[str]:
    """The DynamoDB operations on items that a function's own role allows."""
    resources = TEMPLATE["Resources"]
    role = resources[resources[function]["Properties"]["Role"]["Fn::GetAtt"][0]]["Properties"]
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    actions = {action for one in statements if one["Effect"] == "Allow" for action in one["Action"]}
    named = {action.removeprefix("dynamodb:") for action in actions if action.startswith("dynamodb:")}
    return {name for name in named if "Stream" not in name and name not in ("GetRecords", "GetShardIterator")}


@contextmanager
def operations(casement: Deployment) -> Iterator[set[str]]:
    """The DynamoDB operations that are asked for inside."""
    seen: set[str] = set()

    def see(model: Any, **_: Any) -> None:
        seen.add(model.name)

    events = casement.client.meta.events
    events.register("before-call.dynamodb", see)
    try:
        yield seen
    finally:
        events.unregister("before-call.dynamodb", see)


def receive(casement: Deployment) -> None:
    casement.wrote("5511987654321", "one alone: a message, and the links between its sender's names")
    casement.wrote("5511987654321", "one alone: a message")
    for text in ("several", "in one"):
        casement.simulator.inbound(text, sender=ALICE)
    casement.simulator.webhooks.batch(2)
    casement.deliver()


def send(casement: Deployment) -> None:
    casement.send(message=HELLO_WORLD)
    casement.send("16505550000")  # refused, with remedies
    meta, casement.wire.meta = (
        casement.wire.meta,
        httpx.MockTransport(lambda _: httpx.Response(200, json=BY_ANOTHER_NAME)),
    )
    casement.send("6505550102", HELLO_WORLD)  # which is learned
    casement.wire.meta = meta


def read(casement: Deployment) -> None:
    for path in ("conversations", f"conversations/{ALICE}", "messages", "messages?conversation_id=" + ALICE):
        route, _, query = path.partition("?")
        assert casement.get(route, **dict([query.split("=")] if query else [])).status == 200
    ours = next(one for one in casement.messages(None) if one["casement"]["direction"] == "outbound")
    assert casement.get(f"messages/{ours['casement']['id']}").status == 200
    assert casement.get("message_templates", number=WABA).status == 200


def test_receive_webhook(casement):
    with operations(casement) as seen:
        receive(casement)

    assert seen == allowed("ReceiveWebhook")


def test_react(casement):
    casement.wrote()
    with operations(casement) as seen:
        casement.catch_up()
    receive(casement)
    with operations(casement) as seen_of_several:
        casement.catch_up()

    assert seen | seen_of_several == allowed("React")


def test_send_message(casement):
    casement.sync()
    receive(casement)
    with operations(casement) as seen:
        send(casement)

    assert seen == allowed("SendMessage")


def test_sync_templates(casement):
    with operations(casement) as seen:
        casement.sync()
        casement.templates.sync_record(WABA)  # whose age the function measures

    assert seen == allowed("SyncTemplates")


def test_read_api(casement):
    casement.sync()
    receive(casement)
    casement.simulator.inbound(message=AD, sender=ALICE)
    casement.deliver()
    send(casement)
    casement.deliver()
    casement.now += 60_000  # so that the API key is looked up again
    casement.catch_up()
    with operations(casement) as seen:
        read(casement)

    assert seen == allowed("ReadApi")
