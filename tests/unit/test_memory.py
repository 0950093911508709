"""The DynamoDB in a dictionary, which crash tests run on, does what another engine does with the same calls."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.store.keys import Key
from casement.store.table import Item, Table, item
from tests.support.memory import memory
from tests.support.tables import create_table, snapshot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS = st.builds(Key, st.sampled_from("PQ"), st.sampled_from(["A#1", "A#2", "A$", "B#1", "B#10", "B#2"]))
TEXTS = st.sampled_from(["", "a", "b", "\u00e9"])
BOTH = "attribute_exists(referral) AND attribute_exists(said)"
NUMBERS = st.integers(-3, 3)
ITEMS = st.builds(
    item,
    KEYS,
    st.fixed_dictionaries({}, optional={"at": NUMBERS, "version": NUMBERS, "referral": st.just("ad"), "said": TEXTS}),
)
Call = Callable[[Table], Any]


def one_at_a_time(items: list[Item]) -> list[Item]:
    """Those that one batch may hold: no key twice."""
    return list({(each["PK"]["S"], each["SK"]["S"]): each for each in items}.values())


def queried(pk: str, first: str, last: str, newest_first: bool, limit: int | None, more: dict[str, Any]) -> Call:
    first, last = sorted((first, last))
    return lambda table: list(table.query(pk, first, last, newest_first=newest_first, limit=limit, **more))


SORT_KEYS = st.sampled_from(["A", "A#", "A#1", "A$", "B#", "B#2", "B$", "~"])
CALLS: st.SearchStrategy[Call] = st.one_of(
    st.builds(lambda new: lambda table: table.put(new), ITEMS),
    st.builds(lambda new: lambda table: table.put_new(new), ITEMS),
    st.builds(lambda new, before: lambda table: table.put_new(new, expired_before=before), ITEMS, NUMBERS),
    st.builds(lambda new, was: lambda table: table.replace(new, "version", was), ITEMS, NUMBERS),
    st.builds(lambda new, was: lambda table: table.replace(new, "said", was), ITEMS, TEXTS),
    st.builds(
        lambda new: lambda table: table.put_unless_newer(new, "version"), ITEMS.filter(lambda new: "version" in new)
    ),
    st.builds(lambda new: lambda table: table.put_all(one_at_a_time(new)), st.lists(ITEMS, max_size=30)),
    st.builds(
        lambda key, one, most: (
            lambda table: table.update(
                key,
                "SET #ttl = :most ADD version :one",
                "attribute_not_exists(version) OR version < :most",
                {":one": one, ":most": most},
            )
        ),
        KEYS,
        NUMBERS,
        NUMBERS,
    ),
    st.builds(lambda key: lambda table: table.delete(key), KEYS),
    st.builds(lambda key: lambda table: table.get(key), KEYS),
    st.builds(lambda keys: lambda table: table.get_all(keys), st.lists(KEYS, max_size=5)),
    st.builds(
        queried,
        st.sampled_from("PQR"),
        SORT_KEYS,
        SORT_KEYS,
        st.booleans(),
        st.sampled_from([None, 1, 2, 50]),
        st.sampled_from([{}, {"only": "attribute_exists(referral)"}, {"only": BOTH}, {"columns": "SK, said"}]),
    ),
)


@pytest.fixture(scope="module")
def engines(dynamodb: "DynamoDBClient") -> "Iterator[tuple[DynamoDBClient, DynamoDBClient]]":
    yield dynamodb, memory()


@given(calls=st.lists(CALLS, max_size=15))
def test_the_same_calls_get_the_same_answers_and_leave_the_same_items(engines, calls):
    names = [create_table(engine) for engine in engines]
    moto, ours = (Table(engine, name) for engine, name in zip(engines, names, strict=True))
    for call in calls:
        assert same(call(ours)) == same(call(moto))

    first, second = (snapshot(engine, name) for engine, name in zip(engines, names, strict=True))
    assert first == second


def same(answer: Any) -> Any:
    """An answer, with the items of a batch in one order."""
    return json.dumps(sorted(answer.items()), sort_keys=True) if isinstance(answer, dict) else answer


def test_what_casement_does_not_ask_is_not_answered():
    with pytest.raises(AttributeError):
        memory().transact_write_items(TransactItems=[])
