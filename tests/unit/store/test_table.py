"""Writes on a condition, on both engines: who comes first has it, and who comes second learns whose it is."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from casement.domain.errors import StoreUnavailable
from casement.store.keys import Key
from casement.store.table import Item, Table, item
from tests.support.engines import moto
from tests.support.faults import Faults, watching
from tests.support.tables import create_table, snapshot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = Key("N#1", "health")
NOON = 1_795_000_000_000
AT_ONCE = 16  # writers


@pytest.fixture(scope="module", params=["moto", "ministack"])  # while moto is there, every botocore client is its own
def client(request: pytest.FixtureRequest) -> "Iterator[DynamoDBClient]":
    if request.param == "ministack":
        yield request.getfixturevalue("aws").dynamodb
    else:
        with moto() as client:
            yield client


@pytest.fixture
def table(client):
    return Table(client, create_table(client), sleep=lambda _: None)


@pytest.fixture
def server_table(aws):
    """On the engine that takes more than one writer."""
    return Table(aws.dynamodb, create_table(aws.dynamodb), sleep=lambda _: None)


def version(number: int, **more: str | int | bytes | None) -> Item:
    """One item, in its `number`th version."""
    return item(KEY, {"version": number, "state": "held", **more})


def there(table: Table) -> Item | None:
    return table.get(KEY, consistent=True)


@contextmanager
def answers_lost(client: "DynamoDBClient") -> Iterator[None]:
    """Inside, the answer to every first try of a put is lost after it was done, and botocore asks again."""

    def ask_again(attempts: int, **_: object) -> int | None:
        return 0 if attempts == 1 else None  # seconds to wait

    events: Any = client.meta.events  # its type knows no handler that answers
    events.register_first("needs-retry.dynamodb.PutItem", ask_again)
    try:
        yield
    finally:
        events.unregister("needs-retry.dynamodb.PutItem", ask_again)


# --- put_new ------------------------------------------------------------------------------------------


def test_what_is_new_is_written(table):
    assert table.put_new(version(0)) is None
    assert there(table) == version(0)


def test_what_is_there_stays_and_is_told(table):
    first = version(0, note="mine", digits=42, data=b"\x00\xff", at=NOON)
    table.put_new(first)

    assert table.put_new(version(1)) == first
    assert there(table) == first


def test_another_key_is_another_item(table):
    table.put_new(version(0))

    assert table.put_new(item(Key(KEY.pk, "settings"), {"version": 0})) is None
    assert table.put_new(item(Key("N#2", KEY.sk), {"version": 0})) is None


@pytest.mark.parametrize(("at", "gone"), [(NOON - 1, True), (NOON, False), (NOON + 1, False), (0, True), (None, False)])
def test_what_is_older_counts_as_gone(table, at, gone):
    old, new = version(0, at=at), version(1, at=NOON + 5)
    table.put(old)

    assert table.put_new(new, expired_before=NOON) == (None if gone else old)
    assert there(table) == (new if gone else old)


def test_what_is_new_is_written_whenever_it_expires(table):
    assert table.put_new(version(0, at=5), expired_before=NOON) is None
    assert there(table) == version(0, at=5)


# --- replace ------------------------------------------------------------------------------------------


def test_the_next_version_takes_the_place_of_the_one_before(table):
    table.put_new(version(0))

    assert table.replace(version(1), "version", 0) is True
    assert there(table) == version(1)


@pytest.mark.parametrize("was", [1, 2, -1])
def test_who_knows_another_version_is_told_so(table, was):
    table.put_new(version(0))

    assert table.replace(version(was + 1, note="second"), "version", was) is False
    assert there(table) == version(0)


def test_what_is_not_there_cannot_be_replaced(table):
    assert table.replace(version(1), "version", 0) is False
    assert there(table) is None


@pytest.mark.parametrize(("was", "replaced"), [("csm1.1.A", True), ("csm1.1.B", False), ("", False)])
def test_text_is_compared_too(table, was, replaced):
    table.put_new(version(0, send="csm1.1.A"))

    assert table.replace(version(0, send="csm1.1.C"), "send", was) is replaced


def test_a_number_is_no_text(table):
    table.put_new(version(0))

    assert table.replace(version(1), "version", "0") is False


def test_an_attribute_that_is_not_there_is_equal_to_nothing(table):
    table.put_new(version(0))

    assert table.replace(version(1), "unheard_of", 0) is False


@pytest.mark.parametrize("name", ["state", "at", "version", "timestamp", "ttl"])  # some are words of DynamoDB's own
def test_any_name_will_do(table, name):
    table.put(item(KEY, {name: 7}))

    assert table.replace(item(KEY, {name: 8}), name, 7) is True


# --- an answer that was lost ------------------------------------------------------------------------------


def test_a_new_item_whose_answer_was_lost_is_ours(client, table):
    mine = version(0, note="mine", digits=10**15, data=b"\x00\xff", at=NOON)

    with answers_lost(client), watching(client) as calls:
        assert table.put_new(mine) is None

    assert calls.count == 1  # of ours; the second try is botocore's
    assert there(table) == mine


def test_a_replacement_whose_answer_was_lost_is_ours(client, table):
    table.put_new(version(0))

    with answers_lost(client):
        assert table.replace(version(1), "version", 0) is True

    assert there(table) == version(1)


def test_of_two_whose_answers_were_lost_one_has_it(client, table):
    with answers_lost(client):
        assert table.put_new(version(0, note="mine")) is None
        assert table.put_new(version(0, note="theirs")) == version(0, note="mine")
        assert table.replace(version(1, note="theirs"), "version", 0) is True
        assert table.replace(version(1, note="mine"), "version", 0) is False

    assert there(table) == version(1, note="theirs")


def test_the_hook_of_these_tests_does_make_botocore_ask_again(client, table):
    tries: list[None] = []

    def see(**_: object) -> None:
        tries.append(None)

    client.meta.events.register("before-send.dynamodb.PutItem", see)
    try:
        with answers_lost(client):
            table.put_new(version(0))
    finally:
        client.meta.events.unregister("before-send.dynamodb.PutItem", see)

    assert len(tries) == 2


# --- delete, and what fails -----------------------------------------------------------------------------


def test_what_is_deleted_is_gone_and_nothing_else(client, table):
    other = item(Key(KEY.pk, "settings"), {"version": 0})
    table.put(version(0))
    table.put(other)

    table.delete(KEY)
    table.delete(KEY)  # and again, whoever repeats it

    assert list(snapshot(client, table.name).values()) == [other]


WRITES: dict[str, Callable[[Table], object]] = {
    "put_new": lambda table: table.put_new(version(0)),
    "replace": lambda table: table.replace(version(1), "version", 0),
    "delete": lambda table: table.delete(KEY),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("fault", [{"refused": 1.0}, {"lost": 1.0}])
def test_what_dynamodb_does_not_do_raises(client, table, write, fault):
    with Faults(client, Random(3), **fault).at_work(), pytest.raises(StoreUnavailable):  # noqa: S311 - chances
        WRITES[write](table)


# --- several at once --------------------------------------------------------------------------------------


def at_once(write: Callable[[int], object]) -> list[object]:
    """What each of several writers got."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(write, range(AT_ONCE)))


def test_of_several_who_take_a_key_at_once_one_has_it_and_all_others_learn_whose_it_is(server_table):
    answers = at_once(lambda number: server_table.put_new(version(0, writer=number)))

    assert answers.count(None) == 1
    winner = answers.index(None)
    assert [each for each in answers if each is not None] == [version(0, writer=winner)] * (AT_ONCE - 1)


def test_of_several_who_replace_a_version_at_once_one_does(server_table):
    server_table.put_new(version(0))

    answers = at_once(lambda number: server_table.replace(version(1, writer=number), "version", 0))

    assert sorted(map(bool, answers)) == [False] * (AT_ONCE - 1) + [True]
    assert there(server_table) == version(1, writer=answers.index(True))


def test_several_who_take_over_what_has_expired_at_once_are_one(server_table):
    server_table.put(version(0, at=NOON - 1))

    answers = at_once(lambda number: server_table.put_new(version(1, at=NOON, writer=number), expired_before=NOON))

    assert answers.count(None) == 1
