import json
from collections.abc import Iterable

import pytest

from casement.domain.message_key import MessageKey
from casement.domain.number import settings_from
from casement.domain.pending import Pending, WaitsFor
from casement.domain.sending import Request
from casement.store.log import Log
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
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
    filled.simulator.inbound("Stop!", sender="16505550005")
    filled.simulator.inbound("start", sender="16505550006")
    filled.simulator.echo("16505550004", "I am on it")
    filled.receive(webhook.body for webhook in filled.simulator.pending)
    filled.run("keys", "create", "--name", "crm")
    return filled


def log_entries(desk: Desk) -> list[Item]:
    return [item for item in desk.items() if item["PK"]["S"].startswith("L#")]


def wishes(desk: Desk) -> list[Item]:
    """What customers want, as `react` understood their words."""
    return [item for item in desk.items() if item["SK"]["S"].startswith("Y#") and "said_by" in item]


def forget(desk: Desk, items: Iterable[Item]) -> None:
    for item in items:
        key = {"PK": item["PK"], "SK": item["SK"]}
        desk.stack.aws.dynamodb.delete_item(TableName=desk.stack.table_name, Key=key)


def forget_log(desk: Desk) -> None:
    forget(desk, log_entries(desk))


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
    assert counts["entries"] == len(entries) == 34
    assert counts["looked_at"] == len(before) - len(entries)
    assert counts["entries"] < counts["facts"] < counts["looked_at"]


def test_what_customers_do_not_want_is_rebuilt_from_their_words(lived):
    before = lived.items()
    assert {tuple(wish["SK"]["S"].split("#")[2:5]) for wish in wishes(lived)} == {
        ("own", "messages", "stop"),
        ("own", "messages", "resume"),
    }
    forget(lived, wishes(lived))

    replayed(lived, "--dry-run")
    assert wishes(lived) == []
    replayed(lived)
    assert lived.items() == before


def test_the_words_of_the_number_count(lived):
    forget(lived, wishes(lived))
    Numbers(lived.table).set(NUMBER, settings_from({"stop_words": {"en": ["me again"]}, "resume_words": {}}))

    replayed(lived)

    (wish,) = wishes(lived)
    (said,) = [item for item in lived.items() if "Me again" in item.get("raw", {}).get("S", "")]
    assert wish["PK"] == said["PK"]
    assert wish["SK"]["S"].split("#")[2:5] == ["own", "messages", "stop"]


def test_what_waits_is_left_to_wait(lived):
    """A customer wrote, so it could go: but a replay sends nothing, and makes nobody send."""
    key = MessageKey.new("16505550007", NOON * 1000, 1)
    request = Request({"to": "16505550007", "type": "text", "text": {"body": "Hi"}}, when_closed="hold")
    waits = Pending(key, request, "crm", WaitsFor.CUSTOMER, (NOON + 3600) * 1000)
    pendings = Pendings(lived.table, retention_days=365)
    pendings.add(NUMBER, waits)

    replayed(lived)

    assert pendings.of(NUMBER, [key.contact]) == [waits]


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
    assert len(newest) == 11 + 4
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
