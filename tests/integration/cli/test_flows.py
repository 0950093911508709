"""`casement flows`: a key that Meta and the functions both have, and how Flows are answered."""

import json
from dataclasses import replace

import pytest

from casement.meta.flow_encryption import opened
from casement.runtime.secret import read
from casement.store.flows import Flows
from cli.flow_keys import new_key, public_half
from cli.meta_checks import judge_flow_key
from tests.integration.cli.conftest import NUMBER, SECRET, Desk
from tests.support.flow_client import sealed

SCREENS = {"screens": [{"action": "INIT", "screen": "BOOK", "data": {"days": ["monday"]}}]}
BACKEND = {"backend": {"url": "https://127.0.0.1/flows", "deadline_ms": 3000}}


def uploaded(desk: Desk) -> str:
    """The public key that Meta encrypts this business's Flows for."""
    return desk.simulator._flow_keys.of(desk.simulator.number())


def test_a_key_is_made_kept_uploaded_and_opens_what_is_encrypted_for_it(filled):
    result = filled.run("flows", "key")

    assert result.exit_code == 0, result.output
    (kept,) = read(filled.secret_text).flow_keys
    assert uploaded(filled) == public_half(kept)
    assert opened(sealed({"action": "ping"}, kept).body, [kept]).says == {"action": "ping"}
    assert {**filled.secret, "flow_keys": None} == {**SECRET, "flow_keys": None}
    assert "PRIVATE" not in result.output
    assert "https://api.example/flows/" in result.stdout


def test_a_second_key_goes_first_and_a_third_drops_the_oldest(filled):
    keys: list[str] = []
    for _ in range(3):
        filled.run("flows", "key")
        keys.insert(0, filled.secret["flow_keys"][0])

    assert filled.secret["flow_keys"] == keys[:2]
    assert uploaded(filled) == public_half(keys[0])
    assert filled.run("flows", "key", "--drop-older").exit_code == 0
    assert filled.secret["flow_keys"] == keys[:1]
    assert filled.run("flows", "key", "--drop-older").exit_code == 0
    assert filled.secret["flow_keys"] == keys[:1]


def test_what_meta_refused_is_uploaded_again_without_a_new_key(filled):
    filled.simulator.fail_next("error", code=190, match="")

    refused = filled.run("flows", "key")

    assert refused.exit_code == 1
    assert "--upload-only" in refused.stderr and NUMBER in refused.stderr
    kept = filled.secret["flow_keys"]
    assert filled.run("flows", "key", "--upload-only").exit_code == 0
    assert filled.secret["flow_keys"] == kept
    assert uploaded(filled) == public_half(kept[0])


def test_nothing_is_uploaded_where_there_is_nothing(desk):
    assert "casement flows key" in desk.run("flows", "key", "--upload-only").stderr
    desk.put_secret({"app_secrets": ["s"]})
    assert "no number" in desk.run("flows", "key").stderr


def test_secrets_show_a_fingerprint_of_it(filled):
    filled.run("flows", "key")

    shown = json.loads(filled.run("secrets", "show", "--json").stdout)

    assert [len(each) for each in shown["flow_keys"]] == [8]
    assert "key of Flows" in filled.run("secrets", "show").stdout


@pytest.mark.parametrize("keys", ["a text", ["no key"], [7], ["-----BEGIN PRIVATE KEY-----"]])
def test_a_key_that_opens_nothing_is_not_kept(filled, keys):
    result = filled.run("secrets", "set", "--from-file", "-", typed=json.dumps({**SECRET, "flow_keys": keys}))

    assert result.exit_code == 1
    assert filled.secret == SECRET


def test_listing_and_the_doctor_say_what_meta_has(filled):
    def state() -> tuple[str, str]:
        (shown,) = json.loads(filled.run("flows", "list", "--json").stdout)["keys"]
        assert shown == filled.findings()[shown["what"]]
        assert shown["why"] in filled.run("flows", "list").stdout
        return shown["level"], shown["why"]

    assert not [what for what in filled.findings() if "Flows" in what]
    filled.put_secret({**SECRET, "flow_keys": [new_key()]})
    assert state() == ("attention", "Meta has none")
    filled.run("flows", "key")
    assert state() == ("ok", "Meta has the newest")
    filled.put_secret({**SECRET, "flow_keys": [new_key(), *filled.secret["flow_keys"][:1]]})
    assert state() == ("attention", "Meta has the older one")
    filled.put_secret({**SECRET, "flow_keys": [new_key()]})
    assert state()[0] == "broken"


@pytest.mark.parametrize("status", ["MISMATCH", "ANYTHING"])
def test_a_key_that_meta_does_not_take_for_valid_is_no_key(status):
    said = {"business_public_key": "A\r\nB", "business_public_key_signature_status": status}

    assert judge_flow_key("key", said, ["A\nB"]).level == "broken"
    assert judge_flow_key("key", {**said, "business_public_key_signature_status": "VALID"}, ["A\nB"]).level == "ok"


def test_how_a_flow_is_answered_is_set_shown_listed_and_removed(filled, tmp_path):
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(SCREENS))

    saved = filled.run("flows", "set", "123", str(path))

    assert saved.exit_code == 0, saved.output
    assert saved.stdout == ""  # there is no secret to tell
    shown = json.loads(filled.run("flows", "show", "123").stdout)
    assert shown == {"flow_id": "123", **SCREENS}
    assert filled.run("flows", "set", "123", "-", typed=json.dumps(shown)).exit_code == 0
    assert "1 screen" in filled.run("flows", "list").stdout
    assert filled.run("flows", "remove", "123", typed="n\n").exit_code == 1
    assert filled.run("flows", "remove", "123", "--yes").exit_code == 0
    assert filled.run("flows", "show", "123").exit_code == 1


def test_the_secret_of_a_back_end_is_told_once(filled):
    filled.stack = replace(filled.stack, local=True)  # where 127.0.0.1 may be called
    first = filled.run("flows", "set", "123", "-", typed=json.dumps(BACKEND))
    again = filled.run("flows", "set", "123", "-", typed=json.dumps(BACKEND))

    assert first.stdout.strip().startswith("whsec_")
    assert again.stdout == ""
    kept = Flows(filled.table).find("123")
    assert kept is not None and kept.backend is not None
    assert kept.backend.secret == first.stdout.strip()
    assert "whsec_" not in filled.run("flows", "show", "123").output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("{}", "by a backend, by screens"),
        (json.dumps(BACKEND), "not public"),
        (json.dumps({"screens": [{"screen": 7}]}), "screens.0.screen"),
    ],
)
def test_what_can_not_be_is_refused_in_words(filled, text, words):
    result = filled.run("flows", "set", "123", "-", typed=text)

    assert result.exit_code == 1
    assert words in result.stderr
    assert Flows(filled.table).all() == []


def test_a_file_that_is_not_there(filled):
    assert "there is no such file" in filled.run("flows", "set", "123", "nowhere.json").stderr


@pytest.mark.parametrize("flow_id", ["a b", "1/2", "ü", "1" * 65])
def test_an_id_that_no_url_could_hold_is_refused(filled, flow_id):
    result = filled.run("flows", "set", flow_id, "-", typed=json.dumps({"screens": [{"screen": "A"}]}))
    assert "A Flow's id must be" in result.stderr
    assert Flows(filled.table).all() == []
