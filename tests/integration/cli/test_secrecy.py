"""Nothing secret is ever printed, by any command, when all goes well and when it does not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.main import get_command

from cli.main import app
from cli.starter import library
from tests.integration.cli.conftest import APP_SECRET, META_TOKEN, NUMBER, SECRET, SENTINEL, VERIFY_TOKEN, WABA

BODY = '{"object": "whatsapp_business_account", "entry": []}'
OTHERS = "sentinel-other\n" * 3 + "42\n43\nsentinel-token\n\n"

TEMPLATES = [
    ("templates", "list"),
    ("templates", "find", "order"),
    ("templates", "preview", "--starter", "order_update"),
    ("templates", "submit", "order_update", "--wait", "--minutes", "1"),
    ("templates", "sync", "--json"),
    ("templates", "diff", "template.json"),
    ("templates", "export", "exported"),
    ("templates", "import", "template.json", "--yes"),
    ("templates", "delete", "order_update"),
]
SUBSCRIPTIONS = [
    (("subscriptions", "list"), ""),
    (
        ("subscriptions", "add", "https://bot.example/", "--meta", "--ask-secret", "--ask-verify-token"),
        "sentinel-secret\nsentinel-verify\n",
    ),
    (("subscriptions", "show", "sub_1"), ""),
    (("subscriptions", "test", "sub_1"), ""),
    (("subscriptions", "pause", "sub_1"), ""),
    (("subscriptions", "resume", "sub_1"), ""),
    (("subscriptions", "rotate", "sub_1", "--ask-secret"), "sentinel-secret\n"),
    (("subscriptions", "redeliver", "sub_1", "--since", "1h"), ""),
    (("subscriptions", "deliveries", "sub_1"), ""),
    (("subscriptions", "remove", "sub_1"), "y\n"),
]
EVERY_COMMAND = [
    (("keys", "create", "--name", "one"), ""),
    (("keys", "list"), ""),
    (("keys", "list", "--json"), ""),
    (("keys", "revoke", "one"), "y\n"),
    (("secrets", "set"), OTHERS),
    (("secrets", "set", "--from-file", "-"), json.dumps(SECRET)),
    (("secrets", "set", "--from-file", "-"), "sentinel-{"),
    (("secrets", "rotate-app-secret"), "sentinel-newer\n"),
    (("secrets", "rotate-app-secret", "--drop-older"), ""),
    (("secrets", "show"), ""),
    (("secrets", "show", "--json"), ""),
    (("doctor",), ""),
    (("doctor", "--json"), ""),
    (("replay",), ""),
    (("replay", "--json", "--dry-run"), ""),
    *(((*command, "--api-key", "sentinel-api-key"), "y\n") for command in TEMPLATES),
    *(((*command, "--api-key", "sentinel-api-key"), typed) for command, typed in SUBSCRIPTIONS),
    (("webhook", "sign", "body.json"), ""),
    (("flows", "key"), ""),
    (("flows", "key", "--drop-older"), ""),
    (("flows", "set", "123", "flow.json"), ""),
    (("flows", "show", "123"), ""),
    (("flows", "list"), ""),
    (("flows", "remove", "123"), "y\n"),
    (("automations", "apply", "rules.yaml"), "y\n"),
    (("automations", "list"), ""),
    (("automations", "show"), ""),
    (("automations", "dry-run", "--text", "Hi"), ""),
    (("automations", "remove", "answer"), "y\n"),
    (("secrets", "remove-number", NUMBER), "y\n"),
]


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command there is."""
    command = command or get_command(app)
    if not hasattr(command, "commands"):
        yield path
        return
    for name, below in command.commands.items():
        yield from commands(below, (*path, name))


def test_the_list_above_is_complete():
    assert {arguments[: len(path)] for path in commands() for arguments, _ in EVERY_COMMAND} >= set(commands())


@pytest.fixture
def here(filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "body.json").write_text(BODY)
    (tmp_path / "flow.json").write_text('{"screens": [{"screen": "SUCCESS"}]}')
    (tmp_path / "rules.yaml").write_text("answer: Hello")
    (tmp_path / "template.json").write_text(json.dumps(library()["order_update"].creation("de")))
    return filled


def test_no_command_prints_a_secret(here):
    for arguments, typed in EVERY_COMMAND:
        result = here.run(*arguments, typed=typed)

        assert SENTINEL not in result.output, arguments
        assert result.output


def test_not_even_where_meta_quotes_the_token(here):
    """Graph answers "Malformed access token …" with the token in it."""
    here.simulator.fail_next("error", n=20, match="", code=190, details=f"Malformed access token {META_TOKEN}")

    result = here.run("doctor")

    assert "Meta does not take this token" in result.stdout
    assert SENTINEL not in result.output


@pytest.mark.parametrize("operation", ["GetSecretValue", "PutSecretValue"])
def test_not_even_where_aws_quotes_what_was_sent(here, operation):
    def refuse(**_: Any) -> None:
        quoted = f"Invalid value: {json.dumps(SECRET)}"
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": quoted}}, operation)

    events = here.stack.aws.secretsmanager.meta.events
    event = f"before-call.secrets-manager.{operation}"
    events.register(event, refuse)
    try:
        for arguments, typed in EVERY_COMMAND:
            assert SENTINEL not in here.run(*arguments, typed=typed).output, arguments
        refused = here.run("secrets", "set", "--from-file", "-", typed=json.dumps(SECRET))
        if operation == "PutSecretValue":
            assert "may not call PutSecretValue" in refused.stderr
    finally:
        events.unregister(event, refuse)


def test_a_bug_shows_no_local_variables():
    assert app.pretty_exceptions_show_locals is False


def test_the_baits_are_what_the_stack_holds(here):
    assert {APP_SECRET, VERIFY_TOKEN, META_TOKEN} == {
        *here.secret["app_secrets"],
        here.secret["verify_token"],
        here.secret["numbers"][NUMBER]["token"],
    }
    assert here.secret["numbers"][NUMBER]["waba_id"] == WABA
