import json
import re

import pytest

from casement.domain.api_key import ApiKey, Scope, digest_of
from casement.domain.policy import policy_in
from casement.store.api_keys import REMEMBERED_MS, ApiKeys
from tests.integration.cli.conftest import NOON, NUMBER, Desk

NOW = NOON * 1000


def created(desk: Desk, *options: str) -> str:
    result = desk.run("keys", "create", *options)
    assert result.exit_code == 0, result.output
    return str(result.stdout).strip()


def test_a_key_is_printed_alone_and_works(desk):
    key = created(desk, "--name", "crm")

    assert re.fullmatch(r"csk_[A-Za-z0-9_-]{43}", key)
    found = ApiKeys(desk.table).find(key, NOW)
    assert found == ApiKey(digest_of(key), "crm", frozenset(Scope), created_at=NOW)


def test_only_a_digest_is_stored(desk):
    key = created(desk, "--name", "crm")

    assert key not in json.dumps(desk.items())
    assert digest_of(key) in json.dumps(desk.items())


def test_no_two_keys_are_the_same(desk):
    assert created(desk, "--name", "one") != created(desk, "--name", "two")


def test_a_key_may_be_narrow(desk):
    key = created(
        desk, "--name", "bot", "--scope", "manage", "--number", NUMBER, "--number", "42", "--when-closed", "reject"
    )

    found = ApiKeys(desk.table).find(key, NOW)
    assert found is not None
    assert found.scopes == {Scope.MANAGE}
    assert found.numbers == {NUMBER, "42"}
    assert found.when_closed == "reject"


POLICIES = [
    "template",
    "hold",
    "handoff",
    '{"hold": {"expires_in": 86400, "nudge": {"purpose": "ask"}}}',
    '  {"template": {"name": "news", "language": {"code": "de"}}}\n',
]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_key_may_bring_any_policy(desk, policy):
    key = created(desk, "--name", "bot", "--when-closed", policy)

    found = ApiKeys(desk.table).find(key, NOW)
    assert found
    assert found.when_closed == policy.strip()
    assert policy_in(found.when_closed or "") == policy_in(policy)


def test_a_policy_that_is_none_is_refused_and_the_place_is_named(desk):
    refused = desk.run("keys", "create", "--name", "x", "--when-closed", '{"hold": {"expires_in": 0}}')

    assert refused.exit_code == 2
    assert "when_closed.hold.expires_in" in refused.stderr
    assert desk.items() == []


def test_a_key_takes_callback_data_for_an_idempotency_key_only_if_it_is_told_to(desk):
    usual, told = created(desk, "--name", "usual"), created(desk, "--name", "told", "--once-by-callback-data")
    keys = ApiKeys(desk.table)

    shown = desk.run("keys", "list").stdout
    listed = json.loads(desk.run("keys", "list", "--json").stdout)

    assert [key and key.once_by_callback_data for key in (keys.find(usual, NOW), keys.find(told, NOW))] == [False, True]
    assert {row["name"]: row["once_by_callback_data"] for row in listed} == {"usual": False, "told": True}
    assert shown.count("callback data") == 1


def test_a_name_belongs_to_one_working_key(desk):
    created(desk, "--name", "crm")

    again = desk.run("keys", "create", "--name", "crm")

    assert again.exit_code == 1
    assert "already" in again.stderr
    assert len(desk.items()) == 1


def test_a_revoked_keys_name_is_free_again(desk):
    created(desk, "--name", "crm")
    desk.run("keys", "revoke", "crm", "--yes")

    newer = created(desk, "--name", "crm")
    desk.run("keys", "revoke", "crm", "--yes")

    assert ApiKeys(desk.table).find(newer, NOW) is None


def test_wrong_usage_is_status_2(desk):
    assert desk.run("keys", "create").exit_code == 2
    assert desk.run("keys", "create", "--name", " ").exit_code == 2
    assert desk.run("keys", "create", "--name", "x", "--number", "+1 555").exit_code == 2
    assert desk.run("keys", "create", "--name", "x", "--scope", "admin").exit_code == 2
    for policy in ("explode", "", "{", '{"hold": []}', "[1]"):
        assert desk.run("keys", "create", "--name", "x", "--when-closed", policy).exit_code == 2
    assert desk.items() == []


def test_the_list_shows_what_is_known_of_a_key(desk):
    key = created(desk, "--name", "crm", "--scope", "read", "--number", NUMBER)
    created(desk, "--name", "old")
    desk.run("keys", "revoke", "old", "--yes")

    shown = desk.run("keys", "list").stdout
    [crm, old] = sorted(json.loads(desk.run("keys", "list", "--json").stdout), key=lambda row: row["name"])

    assert digest_of(key)[:12] in shown
    assert "crm" in shown
    assert crm == {
        "digest": digest_of(key),
        "name": "crm",
        "scopes": ["read"],
        "numbers": [NUMBER],
        "when_closed": None,
        "created_at": NOW,
        "revoked_at": None,
        "once_by_callback_data": False,
    }
    assert old["revoked_at"] == NOW


def test_an_empty_list_says_what_to_do(desk):
    assert "casement keys create" in desk.run("keys", "list").stdout
    assert json.loads(desk.run("keys", "list", "--json").stdout) == []


def test_a_revoked_key_works_no_longer_than_it_is_remembered(desk):
    key = created(desk, "--name", "crm")
    functions = ApiKeys(desk.table)
    assert functions.find(key, NOW)

    result = desk.run("keys", "revoke", digest_of(key)[:8], typed="y\n")

    assert "within 60 seconds" in result.stdout
    assert REMEMBERED_MS <= 60_000
    assert functions.find(key, NOW + REMEMBERED_MS) is None


def test_nothing_is_revoked_without_a_yes(desk):
    key = created(desk, "--name", "crm")

    assert desk.run("keys", "revoke", "crm", typed="n\n").exit_code == 1
    assert desk.run("keys", "revoke", "crm").exit_code == 1  # nobody there to say yes

    assert ApiKeys(desk.table).find(key, NOW)


def test_what_is_ambiguous_or_unknown_revokes_nothing(desk):
    key = created(desk, "--name", "crm")
    created(desk, "--name", digest_of(key)[:8])  # a name that looks like another key's digest
    before = desk.items()

    either = desk.run("keys", "revoke", digest_of(key)[:8], "--yes")
    nobody = desk.run("keys", "revoke", "crn", "--yes")
    too_short = desk.run("keys", "revoke", digest_of(key)[:5], "--yes")

    assert (either.exit_code, nobody.exit_code, too_short.exit_code) == (1, 1, 1)
    assert "more digits" in either.stderr
    assert "keys list" in nobody.stderr
    assert desk.items() == before


def test_revoking_twice_changes_nothing(desk):
    created(desk, "--name", "crm")
    desk.run("keys", "revoke", "crm", "--yes")
    before = desk.items()

    again = desk.run("keys", "revoke", "crm", "--yes")

    assert again.exit_code == 0
    assert "already" in again.stdout
    assert desk.items() == before
