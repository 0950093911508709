"""The doctor on a stack where all is well, and on one with each thing wrong."""

import json
from typing import Any

import httpx
import pytest

from casement.domain.endpoint_health import Health
from casement.domain.facts import Quarantined
from casement.domain.subscription import new_subscription
from casement.domain.templates import SyncRecord
from casement.store.endpoints import Endpoints
from casement.store.facts import Facts
from casement.store.subscriptions import Subscriptions
from casement.store.templates import Templates
from cli.finding import Level
from cli.secret_document import fingerprint
from tests.integration.cli.conftest import (
    META_TOKEN,
    NOON,
    NUMBER,
    SECRET,
    SENTINEL,
    WABA,
    Desk,
    a_simulator,
    raise_alarm,
    turn_backups,
    with_graph,
    with_webhook,
)

NOW = NOON * 1000
TOKEN = f"token {fingerprint(META_TOKEN)}"
SYNC = f"templates of WABA {WABA}"


@pytest.fixture
def healthy(filled):
    """A stack that has been up for a while: a key was made, the templates were read."""
    filled.run("keys", "create", "--name", "crm")
    synced(filled, last_attempt_at=NOW, last_success_at=NOW, templates=5)
    return filled


def synced(desk: Desk, **record: Any) -> None:
    Templates(desk.table).put_sync_record(SyncRecord(WABA, **record))


def test_all_is_well(healthy):
    result = healthy.run("doctor")

    assert result.exit_code == 0, result.output
    assert "checks are fine" in result.stdout
    assert {finding["level"] for finding in healthy.findings().values()} == {"ok"}
    assert set(healthy.findings()) == {
        "secret",
        "table",
        "retention",
        "backups",
        "webhook",
        TOKEN,
        f"number {NUMBER}",
        f"WABA {WABA}",
        SYNC,
        "queue ReactFailures",
        "alarms",
        "quarantine",
        "API keys",
    }


def test_what_is_fine_asks_for_nothing(healthy):
    assert not any(finding["do"] for finding in healthy.findings().values())


def no_secret(desk: Desk) -> None:
    aws = desk.stack.aws.secretsmanager
    aws.delete_secret(SecretId=desk.stack.secret_id, ForceDeleteWithoutRecovery=True)


def unreadable_secret(desk: Desk) -> None:
    desk.put_secret("sentinel-{")


def no_app_secret(desk: Desk) -> None:
    desk.put_secret({**SECRET, "app_secrets": []})


def two_app_secrets(desk: Desk) -> None:
    desk.put_secret({**SECRET, "app_secrets": ["sentinel-new", "sentinel-old"]})


def no_number(desk: Desk) -> None:
    desk.put_secret({**SECRET, "numbers": {}})


def other_verify_token(desk: Desk) -> None:
    desk.webhook_secret = json.dumps({**SECRET, "verify_token": "sentinel-another"})


def webhook_fails(desk: Desk) -> None:
    desk.webhook_status = 502


def webhook_gone(desk: Desk) -> None:
    with_webhook(desk, "https://nowhere.example/webhook")


def no_table(desk: Desk) -> None:
    desk.stack.aws.dynamodb.delete_table(TableName=desk.stack.table_name)


def no_stream(desk: Desk) -> None:
    desk.stack.aws.dynamodb.update_table(TableName=desk.stack.table_name, StreamSpecification={"StreamEnabled": False})


def no_ttl(desk: Desk) -> None:
    desk.stack.aws.dynamodb.update_time_to_live(
        TableName=desk.stack.table_name, TimeToLiveSpecification={"Enabled": False, "AttributeName": "ttl"}
    )


def no_backups(desk: Desk) -> None:
    turn_backups(desk.stack.aws, desk.stack.table_name, on=False)


def token_revoked(desk: Desk) -> None:
    desk.simulator = a_simulator("another-token")


def token_not_inspectable(desk: Desk) -> None:
    desk.simulator.fail_next("error", match="debug_token", code=10, http_status=403)


def meta_is_down(desk: Desk) -> None:
    with_graph(desk, "https://nowhere.example")


def number_of_somebody_else(desk: Desk) -> None:
    held = {"waba_id": WABA, "token": META_TOKEN}
    desk.put_secret({**SECRET, "numbers": {NUMBER: held, "999": held}})


def wrong_waba(desk: Desk) -> None:
    desk.simulator = a_simulator(META_TOKEN, waba_id="777")


def not_subscribed(desk: Desk) -> None:
    call_graph(desk, "DELETE")


def sent_elsewhere(desk: Desk) -> None:
    call_graph(desk, "POST", override_callback_uri="https://elsewhere.example/webhook")


def call_graph(desk: Desk, method: str, **body: str) -> None:
    with httpx.Client(transport=httpx.WSGITransport(app=desk.simulator)) as client:
        url = f"https://graph.example/v25.0/{WABA}/subscribed_apps"
        answer = client.request(method, url, json=body, headers={"Authorization": f"Bearer {META_TOKEN}"})
    assert answer.json() == {"success": True}


def never_synced(desk: Desk) -> None:
    desk.stack.aws.dynamodb.delete_item(
        TableName=desk.stack.table_name, Key={"PK": {"S": f"T#{WABA}"}, "SK": {"S": "!sync"}}
    )


def never_synced_whole(desk: Desk) -> None:
    synced(desk, last_attempt_at=NOW, last_error="Meta answered 401 with code 190")


def last_sync_failed(desk: Desk) -> None:
    synced(desk, last_attempt_at=NOW, last_success_at=NOW - 900_000, last_error="Meta answered 503", templates=5)


def synced_long_ago(desk: Desk) -> None:
    synced(desk, last_attempt_at=NOW, last_success_at=NOW - 3 * 3_600_000, templates=5)


def given_up(desk: Desk) -> None:
    desk.stack.aws.sqs.send_message(QueueUrl=desk.queue_url, MessageBody="{}")


def given_up_and_being_read(desk: Desk) -> None:
    given_up(desk)
    assert desk.stack.aws.sqs.receive_message(QueueUrl=desk.queue_url)["Messages"]


def alarm_went_off(desk: Desk) -> None:
    raise_alarm(desk.stack.aws, "casement-react-failures", "ALARM")


def no_alarms(desk: Desk) -> None:
    desk.stack.aws.cloudwatch.delete_alarms(AlarmNames=["casement-react-failures"])


def quarantined(desk: Desk) -> None:
    Facts(desk.table, retention_days=0).add([Quarantined("no JSON", b"sentinel-{")])


def no_keys(desk: Desk) -> None:
    desk.run("keys", "revoke", "crm", "--yes")


WRONG = {
    no_secret: ("secret", "broken", "casement secrets set"),
    unreadable_secret: ("secret", "broken", "--from-file"),
    no_app_secret: ("secret", "broken", "casement secrets set"),
    two_app_secrets: ("secret", "attention", "--drop-older"),
    no_number: ("secret", "broken", "casement secrets set"),
    other_verify_token: ("webhook", "broken", "wait"),
    webhook_fails: ("webhook", "broken", "log of receive_webhook"),
    webhook_gone: ("webhook", "broken", "deployed"),
    no_table: ("table", "attention", "run doctor again"),
    no_stream: ("table", "broken", "make deploy"),
    no_ttl: ("retention", "attention", "make deploy"),
    no_backups: ("backups", "attention", "make deploy"),
    token_revoked: (TOKEN, "broken", "system user"),
    token_not_inspectable: (TOKEN, "attention", "below"),
    meta_is_down: (TOKEN, "broken", "status page"),
    number_of_somebody_else: ("number 999", "broken", "Is the id right"),
    wrong_waba: (TOKEN, "broken", "Assign"),
    not_subscribed: (f"WABA {WABA}", "broken", "subscribed_apps"),
    sent_elsewhere: (f"WABA {WABA}", "attention", "override_callback_uri"),
    never_synced: (SYNC, "attention", "15 minutes"),
    never_synced_whole: (SYNC, "broken", "token"),
    last_sync_failed: (SYNC, "attention", "next attempts"),
    synced_long_ago: (SYNC, "broken", "token"),
    given_up: ("queue ReactFailures", "broken", "casement replay"),
    given_up_and_being_read: ("queue ReactFailures", "broken", "casement replay"),
    alarm_went_off: ("alarm react-failures", "broken", "docs/deploy.md"),
    no_alarms: ("alarms", "attention", "make deploy"),
    quarantined: ("quarantine", "attention", "Report"),
    no_keys: ("API keys", "attention", "casement keys create"),
}


@pytest.mark.parametrize(("go_wrong", "expected"), WRONG.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_wrong_is_found_with_what_to_do(healthy, go_wrong, expected):
    what, level, do = expected
    go_wrong(healthy)

    result = healthy.run("doctor", "--json")

    found = {finding["what"]: finding for finding in json.loads(result.stdout)}
    assert found[what]["level"] == level
    assert do in found[what]["do"]
    assert found[what]["why"]
    assert result.exit_code == any(finding["level"] == Level.BROKEN for finding in found.values())
    assert SENTINEL not in result.output


def test_only_what_is_wrong_is_found(healthy):
    given_up(healthy)

    assert [what for what, finding in healthy.findings().items() if finding["level"] != "ok"] == ["queue ReactFailures"]


def test_the_table_shows_what_to_do(healthy):
    given_up(healthy)

    result = healthy.run("doctor")

    assert result.exit_code == 1
    assert "casement replay" in result.stdout
    assert "1 broken, 0 to look at, 12 fine." in result.stdout


def test_attention_is_no_failure(healthy):
    quarantined(healthy)

    assert healthy.run("doctor").exit_code == 0


def test_a_token_for_several_numbers_is_looked_at_once(healthy):
    held = {"waba_id": WABA, "token": META_TOKEN}
    healthy.put_secret({**SECRET, "numbers": {NUMBER: held, "999": held}})

    result = json.loads(healthy.run("doctor", "--json").stdout)

    assert [finding["what"] for finding in result].count(TOKEN) == 1


def test_a_fresh_stack_says_what_is_to_be_done_first(desk: Desk) -> None:
    result = desk.run("doctor")

    assert result.exit_code == 1
    assert "casement secrets set" in result.stdout
    assert "casement keys create" in result.stdout


def test_without_a_simulator_metas_side_is_left_out(healthy):
    with_graph(healthy, None)

    assert healthy.findings()["Meta"]["level"] == "attention"
    assert TOKEN not in healthy.findings()


def test_it_changes_nothing(healthy):
    before, secret = healthy.items(), healthy.secret

    healthy.run("doctor")

    assert healthy.items() == before
    assert healthy.secret == secret
    assert healthy.simulator.sent == []


def test_a_subscriber_that_takes_nothing_is_found(healthy):
    kept, endpoints = Subscriptions(healthy.table), Endpoints(healthy.table)
    made = [new_subscription({"url": "https://bot.example/"}, NOW, number, bytes(32)) for number in range(3)]
    well, down, paused = made[0], made[1], made[2].paused("It answered 410.", NOW)
    for each in (well, down, paused):
        kept.add(each)
    endpoints.keep(down.id, Health(), Health(("a",) * 5, NOW - 600_000, NOW, version=1))
    found = healthy.findings()

    assert found[f"subscription {well.id}"]["level"] == "ok"
    assert "for 10 minutes" in found[f"subscription {down.id}"]["why"]
    assert "It answered 410." in found[f"subscription {paused.id}"]["why"]
    assert paused.id in found[f"subscription {paused.id}"]["do"]
    assert healthy.run("doctor").exit_code == 0
