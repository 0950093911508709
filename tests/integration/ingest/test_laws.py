"""Laws 1, 2, 7 and 8, on webhooks at random: nothing lost, nothing doubled, nothing raised, whatever comes however."""

import json
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.deliveries import deliver, deliver_until_taken, facts_on, react_to_everything
from tests.support.effort import examples
from tests.support.faults import Faults, watching
from tests.support.tables import create_table, difference, facts_of, quarantined_bodies, snapshot
from tests.support.webhooks import (
    Json,
    canonical,
    encode,
    everything_in,
    said_in,
    shuffled_and_repeated,
    webhooks,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

seeds = st.integers(0, 2**32)


def told_once(dynamodb: "DynamoDBClient", bodies: list[Json]) -> str:
    """A table to which everything was delivered once, in order, with nothing failing."""
    table = create_table(dynamodb)
    for body in bodies:
        assert deliver(encode(body), facts_on(dynamodb, table)).status == 200
    react_to_everything(dynamodb, table)
    return table


@settings(max_examples=examples(25))
@given(st.lists(webhooks(), min_size=1, max_size=3), seeds)
def test_order_repetition_cuts_and_failures_end_in_the_same_table(dynamodb, bodies, seed):
    random = Random(seed)  # noqa: S311 - an order, not a secret
    expected = snapshot(dynamodb, told_once(dynamodb, bodies))
    table = create_table(dynamodb)
    warm = facts_on(dynamodb, table)

    with Faults(dynamodb, random, refused=0.2, lost=0.1, unprocessed=0.2).at_work():
        for body in shuffled_and_repeated(bodies, random):
            deliver_until_taken(encode(body), lambda: random.choice([warm, facts_on(dynamodb, table)]))
    react_to_everything(dynamodb, table)

    assert difference(expected, snapshot(dynamodb, table)) == {}


@settings(max_examples=examples(40))
@given(webhooks())
def test_everything_is_found_again_in_a_fact_or_in_quarantine(dynamodb, body):
    items = snapshot(dynamodb, told_once(dynamodb, [body]))

    kept = [*facts_of(items), *map(json.loads, quarantined_bodies(items))]

    found = {part for document in kept for part in everything_in(document)}
    assert [said for said in said_in(body) if canonical(said) not in found] == []


@settings(max_examples=examples(25))
@given(webhooks(odd=False))
def test_a_batch_never_names_a_key_twice(dynamodb, body):
    table = create_table(dynamodb)
    with watching(dynamodb) as calls:
        deliver(encode(body), facts_on(dynamodb, table))

    assert all(len(batch) == len(set(batch)) <= 25 for batch in calls.batches)
