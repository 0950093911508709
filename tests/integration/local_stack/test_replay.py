"""The replay against a receiver that is right, forgetful, or refuses: it must tell them apart."""

import io
import json
from pathlib import Path

from local.replay.__main__ import main
from local.stack import LocalStack


def corpus(folder: Path, number: str, *ids: str) -> Path:
    """A folder of webhooks, one message each, and one webhook with all of them."""
    value = {"metadata": {"phone_number_id": number}}
    for name, members in [*((id_, [id_]) for id_ in ids), ("all", list(ids))]:
        change = {"field": "messages", "value": {**value, "messages": [{"id": id_} for id_ in members]}}
        (folder / f"{name}.json").write_text(json.dumps({"entry": [{"id": "2", "changes": [change]}]}))
    return folder


def run(stack: LocalStack, folder: Path) -> tuple[int, str]:
    out = io.StringIO()
    return main([str(folder), "--base", stack.api_url], out), out.getvalue()


def test_a_receiver_that_is_right_passes(stack, tmp_path):
    status, said = run(stack, corpus(tmp_path, "71", "m1", "m2", "m3"))

    assert status == 0
    assert "4 files, 6 updates." in said
    assert "Posted first, file by file: 4 of 4 answered 200." in said
    assert "The table's items: the same." in said


def test_a_receiver_that_keeps_a_repetition_as_something_new_is_found_out(stack, tmp_path):
    status, said = run(stack, corpus(tmp_path, "72", "m1", "forgetful-2"))

    assert status == 1
    assert "What the API shows: changed." in said
    assert "/72/messages: 3 elements before, 5 after" in said
    assert "The table's items: changed." in said
    assert "The stream's records: changed." in said


def test_what_is_not_answered_200_is_named(stack, tmp_path):
    status, said = run(stack, corpus(tmp_path, "73", "no", "m1"))

    assert status == 1
    assert "Posted first, file by file: 1 of 3 answered 200." in said
    assert "no.json: 500" in said


def test_an_empty_folder_is_said(stack, tmp_path, capsys):
    assert run(stack, tmp_path)[0] == 2
    assert "There is no *.json" in capsys.readouterr().err


def test_nobody_at_the_address_is_said(tmp_path, capsys):
    folder = corpus(tmp_path, "74", "m1")

    assert main([str(folder), "--base", "http://127.0.0.1:1"], io.StringIO()) == 2
    assert "Nothing usable answers at http://127.0.0.1:1" in capsys.readouterr().err
