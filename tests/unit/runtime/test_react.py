"""`react` off the stream: what it writes, what it leaves, and what it says of a batch that fails."""

from random import Random
from typing import Any

import pytest

from casement.domain.facts import Fact
from casement.meta.webhook import split
from casement.runtime import wiring
from casement.store import keys
from casement.store.log import Log, entry_of
from casement.store.table import Table
from casement.usecases.react import react
from functions.react.app import handler, new_images
from tests.support.faults import Faults
from tests.support.samples import event, streamed, webhook
from tests.support.tables import create_table, snapshot

SAMPLES = [
    *("message_text", "message_text_in_a_group", "message_reaction", "calls_connect", "calls_terminate", "echo_text"),
    *("history", "status_read", "status_failed_window_closed", "user_preferences_stop", "template_status_approved"),
    *("system_user_changed_number", "account_alerts"),
]


@pytest.fixture
def log(dynamodb):
    return Log(Table(dynamodb, create_table(dynamodb), sleep=lambda _: None))


def images(*samples: str) -> list[dict[str, Any]]:
    """The items that these samples' facts are."""
    facts = [piece for sample in samples for piece in split(webhook(sample)) if isinstance(piece, Fact)]
    placed = [(keys.fact(fact), fact) for fact in facts]
    return [
        {"PK": {"S": key.pk}, "SK": {"S": key.sk}, "raw": {"S": fact.raw}, "ttl": {"N": "1800000000"}}
        for key, fact in placed
    ]


@pytest.mark.parametrize(
    ("sample", "entries"),
    [
        *((sample, 1) for sample in ("message_text", "message_reaction", "message_text_in_a_group", "echo_text")),
        *(
            (sample, 1)
            for sample in ("calls_connect", "calls_accepted", "system_user_changed_number", "message_unknown")
        ),
        ("history", 4),
        *((sample, 0) for sample in ("calls_terminate", "status_read", "status_failed_window_closed", "state_sync")),
        *(
            (sample, 0)
            for sample in ("user_preferences_stop", "template_status_approved", "account_alerts", "security")
        ),
    ],
)
def test_what_is_noted_in_the_numbers_log(log, sample, entries):
    assert react(images(sample), log=log, entry_of=entry_of) == entries


def test_an_entry_leads_to_its_fact_and_expires_with_it():
    (image,) = images("message_text")
    entry = entry_of(image)

    assert entry
    assert entry["fact"] == image["SK"]
    assert image["PK"]["S"].endswith(f"#{entry['contact']['S']}")
    assert entry["ttl"] == image["ttl"]
    assert entry["SK"]["S"].startswith("I#1795000000000#")


def test_a_fact_that_is_kept_for_ever_has_an_entry_that_is():
    (image,) = images("message_text")
    del image["ttl"]

    entry = entry_of(image)
    assert entry
    assert "ttl" not in entry


def test_order_repetition_and_batches_write_the_same(dynamodb):
    whole, pieces = create_table(dynamodb), create_table(dynamodb)
    all_images = images(*SAMPLES)
    react(all_images, log=Log(Table(dynamodb, whole)), entry_of=entry_of)

    mixed = [*all_images, *all_images]
    Random(3).shuffle(mixed)  # noqa: S311 - an order, not a secret
    while mixed:
        react(mixed[:3], log=Log(Table(dynamodb, pieces)), entry_of=entry_of)
        del mixed[:3]

    assert snapshot(dynamodb, pieces) == snapshot(dynamodb, whole) != {}


def test_every_item_of_the_table_may_pass_by():
    """The replay hands over all there is: links, sends, statuses, templates, keys."""
    others = [
        ("C#1#2", "Z#a#US.1"),
        ("C#1#2", "Z#>#3"),
        ("C#1#2", "D#0000000000000#abc"),
        ("C#1#2", "Y#0000000000000#abc"),
        ("C#1#2", "S#wamid.1#sent#abc"),
        ("C#1#2", "M#1795000000000#send#01M7Q5CQG00000000000000007"),
        ("C#1#2", "M#1795000000000#send#01M7Q5CQG00000000000000007#sent#abc"),
        ("C#1#2", "W#1795000000000#1#send#01M7Q5CQG00000000000000007"),
        ("C#1#2", "W#1795000000000#1#status#wamid.1#failed#abc"),
        ("L#1#0", "I#1795000000000#2#abc"),
        ("L#1#0", "O#1795000000000#01M7Q5CQG00000000000000007"),
        ("T#1", "!sync"),
        ("E#1#2", "1795000000000#message_template_status_update#abc"),
        ("A#1", "security#1795000000000#abc"),
        ("Q", "0" * 64),
        ("Q#0#1", "part"),
        ("KEYS", "0" * 64),
    ]
    assert [entry_of({"PK": {"S": pk}, "SK": {"S": sk}}) for pk, sk in others] == [None] * len(others)


class TestHandler:
    """The Lambda entry point, wired as in Lambda."""

    @pytest.fixture
    def wired(self, dynamodb, monkeypatch):
        """The real wiring on moto's table: what it reads is the environment, and what it built is forgotten after."""
        table = create_table(dynamodb)
        monkeypatch.setenv("TABLE_NAME", table)
        monkeypatch.setenv("SECRET_ID", "unused")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        built = (wiring.settings, wiring.dynamodb, wiring.table, wiring.log, wiring._session)
        for factory in built:
            factory.cache_clear()
        yield wiring.dynamodb(), table
        for factory in built:
            factory.cache_clear()

    def batch(self) -> dict[str, Any]:
        records = [*event("react_stream_record")["Records"], *streamed("echo_text")["Records"]]
        return {
            "Records": [
                {**record, "dynamodb": {**record["dynamodb"], "SequenceNumber": str(100 + number)}}
                for number, record in enumerate(records)
            ]
        }

    def test_notes_a_batch_and_a_replay_of_it_changes_nothing(self, wired):
        client, table = wired

        assert handler(self.batch(), None) == {"batchItemFailures": []}
        noted = snapshot(client, table)
        assert handler(self.batch(), None) == {"batchItemFailures": []}
        assert snapshot(client, table) == noted
        assert len(noted) == 2

    def test_a_batch_that_cannot_be_written_comes_again_from_its_first_record(self, wired):
        client, _ = wired

        with Faults(client, Random(1), lost=1.0).at_work():  # noqa: S311 - chances, not secrets
            assert handler(self.batch(), None) == {"batchItemFailures": [{"itemIdentifier": "100"}]}

    @pytest.mark.usefixtures("wired")
    def test_a_record_that_is_a_bug_escapes_so_that_the_batch_is_halved(self):
        broken = self.batch()
        broken["Records"][1]["dynamodb"]["NewImage"]["SK"] = {"S": "M#nonsense#message"}

        with pytest.raises(ValueError, match="nonsense"):
            handler(broken, None)

    def test_what_time_took_away_is_no_news(self, wired):
        client, table = wired
        removed = self.batch()
        for record in removed["Records"]:
            record["eventName"] = "REMOVE"
            record["dynamodb"]["OldImage"] = record["dynamodb"].pop("NewImage")

        assert new_images(removed["Records"]) == []
        assert handler(removed, None) == {"batchItemFailures": []}
        assert snapshot(client, table) == {}
