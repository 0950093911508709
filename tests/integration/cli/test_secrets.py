import json

import pytest

from casement.runtime.secret import read
from cli.secret_document import fingerprint
from tests.integration.cli.conftest import APP_SECRET, META_TOKEN, NUMBER, SECRET, SENTINEL, VERIFY_TOKEN, WABA


def lines(*typed: str) -> str:
    return "".join(f"{line}\n" for line in typed)


def test_a_first_secret_is_asked_for_piece_by_piece(desk):
    result = desk.run("secrets", "set", typed=lines(APP_SECRET, VERIFY_TOKEN, NUMBER, WABA, META_TOKEN, ""))

    assert result.exit_code == 0, result.output
    assert desk.secret == SECRET
    assert read(desk.secret_text).number(NUMBER).token == META_TOKEN
    assert SENTINEL not in result.output


def test_a_verify_token_is_made_on_request_and_shown_for_metas_dashboard(desk):
    result = desk.run("secrets", "set", typed=lines(APP_SECRET, "", ""))

    made = desk.secret["verify_token"]
    assert len(made) >= 32
    assert made in result.stdout
    assert desk.stack.webhook_url in result.stdout


def test_what_is_needed_is_asked_for_again(desk):
    result = desk.run(
        "secrets", "set", typed=lines("", APP_SECRET, VERIFY_TOKEN, "abc", NUMBER, WABA, "", META_TOKEN, "")
    )

    assert result.exit_code == 0, result.output
    assert desk.secret == SECRET


def test_enter_keeps_everything(filled):
    before = filled.stack.aws.secretsmanager.describe_secret(SecretId=filled.stack.secret_id)["VersionIdsToStages"]

    result = filled.run("secrets", "set", typed=lines("", "", "", ""))

    assert "Nothing changed" in result.stdout
    assert filled.secret == SECRET
    after = filled.stack.aws.secretsmanager.describe_secret(SecretId=filled.stack.secret_id)["VersionIdsToStages"]
    assert after == before


def test_a_new_token_replaces_only_itself(filled):
    filled.run("secrets", "set", typed=lines("", "", "sentinel-newer", ""))

    assert filled.secret == {**SECRET, "numbers": {NUMBER: {"waba_id": WABA, "token": "sentinel-newer"}}}


def test_a_second_number_may_share_the_token_of_its_waba(filled):
    filled.run("secrets", "set", typed=lines("", "", "", "100000000000002", "", "", ""))

    assert filled.secret["numbers"]["100000000000002"] == {"waba_id": WABA, "token": META_TOKEN}


def test_a_number_of_another_waba_needs_a_token_of_its_own(filled):
    filled.run("secrets", "set", typed=lines("", "", "", "42", "43", "", "sentinel-other", ""))

    assert filled.secret["numbers"]["42"] == {"waba_id": "43", "token": "sentinel-other"}


def test_what_this_version_does_not_know_stays(desk):
    later = {**SECRET, "flows_key": "x", "numbers": {NUMBER: {"waba_id": WABA, "token": META_TOKEN, "pin": "1"}}}
    desk.put_secret(later)

    desk.run("secrets", "set", typed=lines("", "", "sentinel-newer", ""))

    assert desk.secret["flows_key"] == "x"
    assert desk.secret["numbers"][NUMBER] == {"waba_id": WABA, "token": "sentinel-newer", "pin": "1"}


@pytest.mark.parametrize("how", [("secrets", "rotate-app-secret"), ("secrets", "set")])
def test_a_new_app_secret_goes_first_and_the_one_before_stays(filled, how):
    result = filled.run(*how, typed=lines("sentinel-second", "", "", ""))

    assert result.exit_code == 0, result.output
    assert filled.secret["app_secrets"] == ["sentinel-second", APP_SECRET]


def test_a_third_app_secret_drops_the_first_and_the_older_one_goes_on_request(filled):
    filled.run("secrets", "rotate-app-secret", typed=lines("sentinel-second"))
    filled.run("secrets", "rotate-app-secret", typed=lines("sentinel-third"))
    two = filled.secret["app_secrets"]

    filled.run("secrets", "rotate-app-secret", "--drop-older")

    assert two == ["sentinel-third", "sentinel-second"]
    assert filled.secret == {**SECRET, "app_secrets": ["sentinel-third"]}


def test_rotating_to_the_same_secret_changes_nothing(filled):
    assert "Nothing changed" in filled.run("secrets", "rotate-app-secret", typed=lines(APP_SECRET)).stdout
    assert filled.secret == SECRET


def test_rotating_to_the_older_secret_swaps_them(filled):
    filled.run("secrets", "rotate-app-secret", typed=lines("sentinel-second"))

    filled.run("secrets", "rotate-app-secret", typed=lines(APP_SECRET))

    assert filled.secret["app_secrets"] == [APP_SECRET, "sentinel-second"]


def test_a_number_can_be_removed(filled):
    assert filled.run("secrets", "remove-number", NUMBER, typed="n\n").exit_code == 1
    assert filled.secret == SECRET

    assert filled.run("secrets", "remove-number", NUMBER, "--yes").exit_code == 0
    assert filled.secret == {**SECRET, "numbers": {}}
    assert filled.run("secrets", "remove-number", NUMBER, "--yes").exit_code == 1


def test_the_whole_secret_comes_from_a_file_or_stdin(desk, tmp_path):
    file = tmp_path / "secret.json"
    other = {**SECRET, "app_secrets": [APP_SECRET, "sentinel-older"]}
    file.write_text(json.dumps(other))

    assert desk.run("secrets", "set", "--from-file", str(file)).exit_code == 0
    assert desk.secret == other

    assert desk.run("secrets", "set", "--from-file", "-", typed=json.dumps(SECRET)).exit_code == 0
    assert desk.secret == SECRET


WRONG = {
    "no JSON": "sentinel-{",
    "no object": '["sentinel-"]',
    "app secrets are no list": json.dumps({**SECRET, "app_secrets": "sentinel-x"}),
    "an app secret is no text": json.dumps({**SECRET, "app_secrets": [APP_SECRET, 7]}),
    "an app secret is empty": json.dumps({**SECRET, "app_secrets": [""]}),
    "three app secrets": json.dumps({**SECRET, "app_secrets": ["sentinel-a", "sentinel-b", "sentinel-c"]}),
    "the verify token is no text": json.dumps({**SECRET, "verify_token": ["sentinel-"]}),
    "numbers are a list": json.dumps({**SECRET, "numbers": ["sentinel-"]}),
    "a number is no object": json.dumps({**SECRET, "numbers": {NUMBER: "sentinel-"}}),
    "a number has no token": json.dumps({**SECRET, "numbers": {NUMBER: {"waba_id": WABA}}}),
    "a token is empty": json.dumps({**SECRET, "numbers": {NUMBER: {"waba_id": WABA, "token": ""}}}),
    "a WABA id is a number": json.dumps({**SECRET, "numbers": {NUMBER: {"waba_id": 7, "token": META_TOKEN}}}),
    "a token stands where the id belongs": json.dumps({**SECRET, "numbers": {META_TOKEN: SECRET["numbers"][NUMBER]}}),
    "a token stands where the WABA belongs": json.dumps(
        {**SECRET, "numbers": {NUMBER: {"waba_id": META_TOKEN, "token": META_TOKEN}}}
    ),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_the_functions_could_not_use_is_neither_stored_nor_quoted(filled, text):
    result = filled.run("secrets", "set", "--from-file", "-", typed=text)

    assert result.exit_code == 1
    assert filled.secret == SECRET
    assert SENTINEL not in result.output


@pytest.mark.parametrize("command", [("secrets", "set"), ("secrets", "show"), ("secrets", "rotate-app-secret")])
def test_a_stored_secret_that_nobody_understands_can_be_replaced(desk, command):
    desk.put_secret("sentinel-{")

    result = desk.run(*command, typed=lines("x", "y", ""))

    assert result.exit_code == 1
    assert "--from-file" in result.stderr
    assert SENTINEL not in result.output
    assert desk.run("secrets", "set", "--from-file", "-", typed=json.dumps(SECRET)).exit_code == 0


def test_a_file_that_is_not_there_is_said_so(desk):
    result = desk.run("secrets", "set", "--from-file", "nowhere.json")

    assert result.exit_code == 1
    assert "nowhere.json can't be read" in result.stderr


def test_show_names_ids_and_fingerprints(filled):
    filled.run("secrets", "rotate-app-secret", typed=lines("sentinel-second"))

    shown = filled.run("secrets", "show")
    as_json = json.loads(filled.run("secrets", "show", "--json").stdout)

    assert as_json == {
        "app_secrets": [fingerprint("sentinel-second"), fingerprint(APP_SECRET)],
        "verify_token": fingerprint(VERIFY_TOKEN),
        "numbers": {NUMBER: {"waba_id": WABA, "token": fingerprint(META_TOKEN)}},
        "flow_keys": [],
    }
    assert all(each in shown.stdout for each in (NUMBER, WABA, fingerprint(APP_SECRET), fingerprint(META_TOKEN)))


def test_an_empty_secret_says_what_to_do(desk):
    assert "casement secrets set" in desk.run("secrets", "show").stdout
