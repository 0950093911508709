import json

import pytest

from casement.store.log import Log
from casement.store.table import Item
from tests.integration.cli.conftest import NOON, NUMBER, Desk

HOUR = 3600.0


@pytest.fixture
def lived(filled):
    """A stack that has heard from several customers, now and a day ago, and holds other things beside."""
    for sender in range(30):
        filled.simulator.inbound(f"Hello {sender}", sender=f"1650555{sender:04}", ago=HOUR * sender)
    filled.simulator.inbound("Me again", sender="16505550003")
    filled.simulator.prefer("16505550003", stop=True)
    filled.simulator.echo("16505550004", "I am on it")
    filled.receive(webhook.body for webhook in filled.simulator.pending)
    filled.run("keys", "create", "--name", "crm")
    return filled


def log_entries(desk: Desk) -> list[Item]:
    return [item for item in desk.items() if item["PK"]["S"].startswith("L#")]


def forget_log(desk: Desk) -> None:
    for entry in log_entries(desk):
        key = {"PK": entry["PK"], "SK": entry["SK"]}
        desk.stack.aws.dynamodb.delete_item(TableName=desk.stack.table_name, Key=key)


def replayed(desk: Desk, *options: str) -> dict[str, int]:
    result = desk.run("replay", "--json", "--segments", "1", *options)  # moto takes one writer at a time
    assert result.exit_code == 0, result.output
    counts: dict[str, int] = json.loads(result.stdout)
    return counts


def test_the_log_is_rebuilt_from_facts_exactly(lived):
    before = lived.items()
    entries = log_entries(lived)
    forget_log(lived)
    assert not log_entries(lived)

    counts = replayed(lived)

    assert lived.items() == before
    assert counts["entries"] == len(entries) == 32
    assert counts["looked_at"] == len(before) - len(entries)
    assert counts["entries"] < counts["facts"] < counts["looked_at"]


def test_a_replay_of_what_is_all_there_changes_nothing(lived):
    before = lived.items()

    replayed(lived)
    replayed(lived)

    assert lived.items() == before


def test_a_dry_run_counts_the_same_and_writes_nothing(lived):
    forget_log(lived)
    before = lived.items()

    counts = replayed(lived, "--dry-run")

    assert lived.items() == before
    assert counts.pop("dry_run") is True
    assert counts == {name: value for name, value in replayed(lived).items() if name != "dry_run"}


def test_since_leaves_older_facts_alone(lived):
    forget_log(lived)

    replayed(lived, "--since", "10h")

    since = (NOON - 10 * 3600) * 1000
    newest = list(Log(lived.table).newest(NUMBER))
    assert len(newest) == 11 + 2
    assert all(entry.position.at >= since for entry in newest)


def test_more_segments_read_the_same(lived):
    one = replayed(lived, "--dry-run")
    three = json.loads(lived.run("replay", "--json", "--dry-run", "--segments", "3").stdout)

    assert one == three


def test_a_time_that_is_none_is_wrong_usage(lived):
    result = lived.run("replay", "--since", "yesterday")

    assert result.exit_code == 2
    assert "36h" in result.stderr


def test_it_ends_with_an_error_when_the_table_is_gone(lived):
    lived.stack.aws.dynamodb.delete_table(TableName=lived.stack.table_name)

    result = lived.run("replay")

    assert result.exit_code == 1
    assert "ResourceNotFoundException" in result.stderr
