"""Law 2 where only a server engine can show it: a stream that stays silent, and writers at one time."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest

from casement.usecases.react import project
from functions.react.app import changes_in
from local.stack.aws import Aws
from tests.support.deliveries import deliver, facts_on, projections_on, react_to_everything
from tests.support.samples import WEBHOOKS, webhook
from tests.support.tables import StreamTail, create_table, difference, snapshot
from tests.support.webhooks import encode, shuffled_and_repeated

BODIES = [path.read_bytes() for path in WEBHOOKS]


@pytest.fixture
def table(aws: Aws) -> str:
    return create_table(aws.dynamodb)


@pytest.fixture
def tail(aws: Aws, table: str) -> StreamTail:
    return StreamTail(aws.dynamodb, aws.streams, table)


def test_a_redelivery_changes_no_item_and_makes_no_record(aws, table, tail, seeded):
    first = facts_on(aws.dynamodb, table)
    for body in BODIES:
        assert deliver(body, first).status == 200
    stored = snapshot(aws.dynamodb, table)
    records = tail.since_last_look()

    again = facts_on(aws.dynamodb, table)  # a fresh environment: it knows of no link yet
    for body in BODIES:
        deliver(body, again)
    for body in mixed(seeded):
        deliver(body, again)

    assert {record["eventName"] for record in records} == {"INSERT"}
    assert len(records) == len(stored)
    assert difference(stored, snapshot(aws.dynamodb, table)) == {}
    assert tail.since_last_look() == []


def mixed(random: Random) -> list[bytes]:
    """All samples' updates, in other bodies and another order, some of them twice."""
    return [encode(body) for body in shuffled_and_repeated([json.loads(body) for body in BODIES], random)]


def test_reacting_to_the_stream_is_silent_when_it_is_done_again(aws, table, tail):
    facts = facts_on(aws.dynamodb, table)
    for body in BODIES:
        deliver(body, facts)
    images = [change.new for change in changes_in(tail.since_last_look())]
    to = projections_on(aws.dynamodb, table)

    written = project(images, to)
    projected = [record["dynamodb"]["Keys"] for record in tail.since_last_look()]
    project(images[::-1], to)
    react_to_everything(aws.dynamodb, table)

    assert written > 50
    entries = [keys for keys in projected if keys["PK"]["S"].startswith("L#")]
    wishes = [keys for keys in projected if keys["SK"]["S"].startswith("Y#")]
    assert 0 < len(entries) <= written
    assert len(entries) + len(wishes) == len(projected)
    assert tail.since_last_look() == []


def test_simultaneous_deliveries_of_the_same_bodies_end_in_one_table(aws, table, tail):
    alone = create_table(aws.dynamodb)
    for body in BODIES:
        deliver(body, facts_on(aws.dynamodb, alone))

    def deliver_all(seed: int) -> Counter[int]:
        facts, bodies = facts_on(aws.dynamodb, table), list(BODIES)
        Random(seed).shuffle(bodies)  # noqa: S311 - an order, not a secret
        return Counter(deliver(body, facts).status for body in bodies)

    with ThreadPoolExecutor(4) as pool:
        answers: list[Any] = list(pool.map(deliver_all, range(4)))

    stored = snapshot(aws.dynamodb, table)
    assert answers == [Counter({200: len(BODIES)})] * 4
    assert difference(snapshot(aws.dynamodb, alone), stored) == {}
    assert len(tail.since_last_look()) == len(stored)


def test_bytes_that_no_text_can_hold_are_stored_by_a_server_too(aws, table):
    """moto keeps Python's strings; a server has to take them over the wire, as DynamoDB does."""
    facts = facts_on(aws.dynamodb, table)
    odd = {"id": "a\x00b", "from": "\ud83d", "from_user_id": "x\udc00", "from_parent_user_id": "y" * 3_000}
    body = encode(
        {
            "entry": [
                {
                    "id": "\ud800",
                    "changes": [
                        {"field": "\x00", "value": {"metadata": {"phone_number_id": "\udfff"}, "messages": [odd]}}
                    ],
                },
            ]
        }
    )

    assert deliver(body, facts).status == 200
    assert deliver(b"\xff\x00" * 400_000, facts).status == 200
    assert deliver(webhook("message_text_with_odd_characters"), facts).status == 200
    assert len(snapshot(aws.dynamodb, table)) > 5
