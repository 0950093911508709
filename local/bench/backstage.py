"""What works behind the scenes, in a process of its own on the local stack's engine: react, and deliver_event.

The handlers are those that are deployed, and wired as they are there; only whoever would call them is missing, so that
nothing else is measured. `python -m local.bench.backstage <what>` is such a process.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from casement.domain.automations_document import automations_from
from casement.domain.compact_json import dumps
from casement.domain.deliveries import Delivery
from casement.domain.events import Event, EventType, event_id
from casement.domain.message_key import MessageKey
from casement.domain.sending import Outcome, Request
from casement.domain.subscription import new_subscription
from casement.meta.webhook import split
from casement.store import keys
from casement.store.automations import AutomationsOfNumbers
from casement.store.facts import Facts
from casement.store.sends import Sends
from casement.store.subscriptions import Subscriptions
from casement.store.table import Item, Table
from local.bench import Figure, webhooks
from local.simulator import LOCAL_NUMBER
from local.sink import Sink
from local.stack import functions, template
from local.stack.attribute_values import as_json_item
from local.stack.aws import ACCESS_KEY, REGION, Aws
from local.stack.children import ROOT
from local.stack.handle import LocalStack

NUMBER = LOCAL_NUMBER.phone_number_id
BATCHES, BATCH = 5, 100  # of the stream, as template.yaml has it
CUSTOMERS = 200
DELIVERIES, DELIVERY_BATCH = 1_000, 10
RULES = {
    "rules": [{"id": "blue", "when": {"keyword": ["blue"]}, "then": {"tag": "blue"}}],
    "answer": "Thank you! We are looking into it.",
}


def measured(stack: LocalStack) -> Iterator[Figure]:
    """How many records react takes a second, and how many events deliver_event brings to a subscriber."""
    with Sink() as sink:
        environment = _environment(stack, sink.url)
        seconds = _run("react", environment)
        yield Figure(
            "react_records_per_s",
            BATCHES * BATCH / seconds,
            f"records of the stream that one react takes a second, {BATCH} at a time, all projections, a subscriber to "
            "everything and automations on, on the local engine",
        )
        seconds = _run("deliver", environment)
        if len(sink.got) < DELIVERIES:
            raise RuntimeError(f"only {len(sink.got)} of {DELIVERIES} events arrived")
        yield Figure(
            "deliver_rps",
            DELIVERIES / seconds,
            f"events a second that one deliver_event brings to a subscriber that answers at once, {DELIVERY_BATCH} "
            "at a time, on the local engine",
        )


def _run(what: str, environment: Mapping[str, str]) -> float:
    command = [sys.executable, "-m", "local.bench.backstage", what]
    done = subprocess.run(command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=120)  # noqa: S603 - ours
    if done.returncode:
        raise RuntimeError(f"measuring {what} failed: {done.stderr[-2000:]}")
    return float(done.stdout.splitlines()[-1])


def _environment(stack: LocalStack, url: str) -> dict[str, str]:
    """What the functions' environment is on the stack, with a table and queues that nobody else works on."""
    deployment = template.load(ROOT / "template.yaml", region=REGION, aws_url=stack.aws_url)
    shared = functions.environment(deployment.functions, {})
    table = f"{stack.table}-backstage"
    known = stack.dynamodb.describe_table(TableName=stack.table)["Table"]
    stack.dynamodb.create_table(
        TableName=table,
        KeySchema=known["KeySchema"],
        AttributeDefinitions=known["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
    )
    queue = stack.sqs.create_queue(QueueName="backstage.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    return {
        **shared,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "AWS_ENDPOINT_URL": stack.aws_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "ALLOW_PRIVATE_TARGETS": "true",
        "TABLE_NAME": table,
        "OUTBOX_URL": queue,
        "DELIVERIES_URL": queue,
        "MEASURED_SUBSCRIBER": url,
    }


# --- in the process of its own ------------------------------------------------------------------------------------


class _Witness:
    """A DynamoDB client that remembers what was written, as the stream would tell of it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.written: list[Item] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **asked: Any) -> Any:
        self.written.append(asked["Item"])
        return self._client.put_item(**asked)

    def batch_write_item(self, **asked: Any) -> Any:
        self.written += (each["PutRequest"]["Item"] for some in asked["RequestItems"].values() for each in some)
        return self._client.batch_write_item(**asked)


def _react() -> float:
    """Seconds that react takes for all batches."""
    from functions.react.app import handler

    witness = _Witness(Aws.at(os.environ["AWS_ENDPOINT_URL"]).dynamodb)
    table = Table(witness, os.environ["TABLE_NAME"])  # type: ignore[arg-type]
    _subscribe(table)
    AutomationsOfNumbers(table).replace(NUMBER, automations_from(RULES), 0)
    records = list(_records(table, witness))
    handler({"Records": records[:BATCH]}, None)  # what is built at the first call is not measured
    return _seconds(
        lambda: [handler({"Records": records[at : at + BATCH]}, None) for at in range(BATCH, len(records), BATCH)]
    )


def _records(table: Table, witness: _Witness) -> Iterator[dict[str, Any]]:
    """The stream of customers who write and are answered: of each hundred records twenty are messages that came in,
    twenty sends, sixty statuses."""
    now, dice = int(time.time()), random.Random(20)  # noqa: S311 - a fixed sample, not a secret
    facts, sends = Facts(table, retention_days=0), Sends(table, retention_days=0)
    for index in range((BATCHES + 1) * BATCH // 5):
        customer = index % CUSTOMERS
        phone, user_id = f"1650{customer:07}", f"US.{customer:019}"

        def theirs(body: bytes, phone: str = phone, user_id: str = user_id) -> bytes:
            return body.replace(webhooks.PHONE.encode(), phone.encode()).replace(
                webhooks.USER_ID.encode(), user_id.encode()
            )

        key = MessageKey.new(user_id, now * 1000 + index, dice.getrandbits(80))
        request = Request({"to": user_id, "type": "text", "text": {"body": "Yes, it is still there."}})
        witness.written.clear()
        facts.add(split(theirs(webhooks.messages(1, first=now - webhooks.NOON_S - 10_000 + index))))
        sends.ask(NUMBER, key, request, "bench", {"action": "send"})
        sends.end(NUMBER, key, request, Outcome("accepted", now * 1000 + index, wamid=f"wamid.{index}"))
        for name in ("sent", "delivered", "read"):
            facts.add(split(theirs(webhooks.status(name, key, now))))
        for item in witness.written:
            if item["PK"]["S"].startswith("C#") and not item["SK"]["S"].startswith(keys.LINKS):
                yield _record(item, index, now)


def _record(item: Item, index: int, now: int) -> dict[str, Any]:
    image = as_json_item(item)
    about = {
        "ApproximateCreationDateTime": now,
        "SequenceNumber": f"{index:021}",
        "Keys": {name: image[name] for name in ("PK", "SK")},
        "NewImage": image,
    }
    return {"eventID": str(index), "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": about}


def _subscribe(table: Table) -> str:
    now = int(time.time() * 1000)
    wanted = {"url": os.environ["MEASURED_SUBSCRIBER"], "concurrency": DELIVERY_BATCH}
    made = new_subscription(wanted, now, random.getrandbits(80), b"s" * 32)
    Subscriptions(table).add(made)
    return made.id


def _deliver() -> float:
    """Seconds that deliver_event takes for all events, of as many conversations."""
    from functions.deliver_event.app import handler

    subscription = _subscribe(Table(Aws.at(os.environ["AWS_ENDPOINT_URL"]).dynamodb, os.environ["TABLE_NAME"]))
    messages = [_message(subscription, index) for index in range(DELIVERIES + DELIVERY_BATCH)]
    batches = [messages[at : at + DELIVERY_BATCH] for at in range(0, len(messages), DELIVERY_BATCH)]
    handler({"Records": batches[0]}, None)  # what is built at the first call is not measured
    return _seconds(lambda: [handler({"Records": batch}, None) for batch in batches[1:]])


def _message(subscription: str, index: int) -> dict[str, Any]:
    """A message of the queue: a customer wrote."""
    at = int(time.time() * 1000)
    scope = f"{NUMBER}#US.{index:019}"
    message = json.loads(webhooks.messages(1, first=index))["entry"][0]["changes"][0]["value"]["messages"][0]
    id_ = event_id(EventType.MESSAGE_RECEIVED, at, str(index))
    event = Event(
        id_, EventType.MESSAGE_RECEIVED, at, {"message": message}, NUMBER, f"US.{index:019}", LOCAL_NUMBER.waba_id
    )
    delivery = Delivery(subscription, id_, event.type, at, scope, index, dumps(event.body(index)))
    return {
        "messageId": str(index),
        "receiptHandle": "measured",
        "body": delivery.dumps(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "MessageGroupId": f"{subscription}.{delivery.lane(DELIVERY_BATCH)}",
        },
        "eventSource": "aws:sqs",
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    print(f"\n{ {'react': _react, 'deliver': _deliver}[sys.argv[1]]() }")
