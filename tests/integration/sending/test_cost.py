"""What a send costs at DynamoDB: the calls it makes, and the units they consume."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.deployment import ALICE, API_KEY, DAY, HELLO, HELLO_WORLD, HOUR, Deployment, Json

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass
class Bill:
    """Calls by operation, and units as DynamoDB counts them: 4 KB read consistently, 1 KB written."""

    calls: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    write_units: int = 0


def size(value: Mapping[str, Any]) -> int:
    """The bytes of an attribute map, near enough: names, text, and numbers at their longest."""
    return sum(len(name) + len(next(iter(typed.values())).encode()) for name, typed in value.items())


@contextmanager
def billing(client: "DynamoDBClient") -> Iterator[Bill]:
    """Count what `client` does until the block ends. What a query read is what lies in its range, up to its limit,
    not what its projection shows."""
    bill = Bill()

    def remember(params: Json, context: Json, **_: Any) -> None:
        context["billed"] = params

    def count(parsed: Any, context: Json, model: Any, **_: Any) -> None:
        params = context["billed"]
        bill.calls[model.name] += 1
        if model.name == "Query":
            if "ProjectionExpression" in params:
                parsed = client.query(
                    **{name: value for name, value in params.items() if name != "ProjectionExpression"}
                )
                bill.calls[model.name] -= 1
                bill.read_units -= units(parsed["Items"], consistent=params["ConsistentRead"])
            bill.read_units += units(parsed["Items"], consistent=params["ConsistentRead"])
        elif model.name == "GetItem":
            bill.read_units += units([parsed.get("Item", {})], consistent=params["ConsistentRead"])
        elif model.name == "PutItem":
            bill.write_units += math.ceil(size(params["Item"]) / 1024)

    events = client.meta.events
    events.register("provide-client-params.dynamodb", remember)
    events.register_last("after-call.dynamodb", count)
    try:
        yield bill
    finally:
        events.unregister("provide-client-params.dynamodb", remember)
        events.unregister("after-call.dynamodb", count)


def units(items: Iterable[Mapping[str, Any]], *, consistent: bool) -> float:
    return max(1, math.ceil(sum(map(size, items)) / 4096)) * (1 if consistent else 0.5)


@pytest.fixture(autouse=True)
def warm(casement: Deployment) -> None:
    """The API key and the number's settings are known, as in a warm environment."""
    casement.sync()
    casement.wrote(ALICE, ago=HOUR)
    casement.send(ALICE)
    casement.deliver()


def user_id(casement: Deployment) -> str:
    return str(casement.conversation(ALICE)["casement"]["contact"]["user_id"])


def test_free_form_to_a_user_id(casement):
    recipient = user_id(casement)
    with billing(casement.client) as bill:
        assert casement.send(None, recipient=recipient).status == 200

    assert bill == Bill(Counter(Query=1, PutItem=2), read_units=1, write_units=2)


def test_free_form_to_a_phone_whose_user_id_is_known(casement):
    with billing(casement.client) as bill:
        assert casement.send(ALICE).status == 200

    assert bill == Bill(Counter(Query=2, PutItem=2), read_units=2, write_units=2)


def test_free_form_to_a_phone_that_is_all_there_is(casement):
    casement.simulator.inbound("Hi", sender="16505550199", user_id=None)
    casement.deliver()

    with billing(casement.client) as bill:
        assert casement.send("16505550199").status == 200

    assert bill == Bill(Counter(Query=1, PutItem=2), read_units=1, write_units=2)


def test_a_template(casement):
    with billing(casement.client) as bill:
        assert casement.send(ALICE, HELLO_WORLD).status == 200

    assert bill == Bill(Counter(Query=2, GetItem=1, PutItem=2), read_units=2.5, write_units=2)


def warm_up(casement: Deployment) -> None:
    """Read again what is remembered for half a minute: the API key and the number's settings."""
    casement.send("16505550000")


def test_a_cold_environment_reads_the_key_and_the_numbers_settings_once(casement):
    recipient = user_id(casement)
    casement.now += HOUR
    with billing(casement.client) as bill:
        casement.send(None, recipient=recipient)
        casement.send(None, recipient=recipient)

    assert bill == Bill(Counter(GetItem=1, Query=1 + 2, PutItem=4), read_units=0.5 + 0.5 + 2, write_units=4)


def test_an_idempotency_key_costs_one_write_more(casement):
    body = {"messaging_product": "whatsapp", "recipient": user_id(casement), **HELLO}
    headers = {"x-api-key": API_KEY, "idempotency-key": "order-42"}
    with billing(casement.client) as bill:
        assert casement.post(body, headers=headers).status == 200

    assert bill == Bill(Counter(Query=1, PutItem=3), read_units=1, write_units=3)


def test_a_refusal(casement):
    casement.now += 2 * DAY
    warm_up(casement)
    with billing(casement.client) as bill:
        assert casement.send(ALICE).code == 131047

    # both aliases, and the templates for the remedies
    assert bill.calls == Counter(Query=3, PutItem=2)
    assert bill.write_units == 2


def test_a_refusal_where_there_are_thousands_of_templates_reads_a_few_of_them(casement):
    for number in range(300):
        casement.simulator.add_template(
            {"name": f"a_{number}", "language": "en_US", "category": "UTILITY", "components": []}, status="REJECTED"
        )
    casement.now += 2 * DAY
    casement.sync()
    warm_up(casement)
    with billing(casement.client) as bill:
        assert casement.send(ALICE).code == 131047

    assert bill.calls["Query"] <= 2 + 5


def test_a_whole_life(casement):
    recipient = user_id(casement)
    with billing(casement.client) as bill:
        casement.send(None, recipient=recipient)
        casement.simulator.read()
        casement.deliver()

    assert bill.calls == Counter(Query=1, PutItem=5)
    assert bill.write_units == 5


def test_a_receipt_costs_nothing(casement):
    with billing(casement.client) as bill:
        casement.post({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.1"})

    assert bill == Bill()


@pytest.mark.parametrize(("preferences", "queries"), [(0, 1), (1, 1), (30, 3)])
def test_a_busy_conversation_costs_no_more(casement, preferences, queries):
    for number in range(30):
        casement.now += 1_000
        casement.simulator.inbound("and another thing", sender=ALICE)
        if number < preferences:
            casement.simulator.prefer(ALICE, stop=True)
    casement.simulator.webhooks.batch(50)
    casement.deliver()
    recipient = user_id(casement)

    with billing(casement.client) as bill:
        assert casement.send(None, recipient=recipient).status == 200

    assert bill.calls["Query"] == queries
