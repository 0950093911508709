"""`casement subscriptions` against a whole deployment in this process."""

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from casement.domain.deliveries import Answer, Became, Redelivery, told
from casement.store.delivery_log import DeliveryLog
from cli.main import app
from cli.outside import Outside
from cli.stack import Aws, Stack
from tests.support.deployment import ALICE, API_KEY, Deployment, deployed
from tests.support.memory import memory
from tests.support.subscribers import VERIFY_TOKEN

URL = "https://bot.example/events"
BOTS = "the bot's app secret"


@dataclass
class Terminal(httpx.BaseTransport):
    """The command, and the stack that it looks after."""

    casement: Deployment
    stack: Stack
    key: str = API_KEY

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with redirect_stdout(io.StringIO()):  # where a function logs
            raw = self.casement.handle(
                request.method,
                request.url.path,
                query=request.url.query.decode(),
                headers=dict(request.headers),
                body=request.read(),
            )
        return httpx.Response(raw["statusCode"], text=raw["body"])

    def run(self, *arguments: str, typed: str = "", status: int = 0, columns: int = 220) -> Result:
        outside = Outside(
            open_stack=lambda _: self.stack,
            http=lambda: httpx.Client(transport=self),
            now=lambda: self.casement.now,
            sleep=lambda _: None,
        )
        environment = {"COLUMNS": str(columns), "CASEMENT_API_KEY": self.key}
        result = CliRunner().invoke(app, ["subscriptions", *arguments], input=typed, obj=outside, env=environment)
        assert result.exit_code == status, result.output
        return result

    def shown(self, id_: str) -> Any:
        return json.loads(self.run("show", id_).stdout)


@pytest.fixture
def terminal(clients: Aws) -> Iterator[Terminal]:
    with deployed(memory()) as casement:
        stack = Stack("casement", clients, casement.name, "secret", "https://api.example/webhook", None, dict)
        yield Terminal(casement, stack)


def test_what_is_added_is_listed_and_its_secret_is_the_result(terminal):
    added = terminal.run("add", URL, "--type", "message.*", "--number", "1000", "--description", "CRM")
    (made,) = terminal.casement.subscriptions.fresh()

    assert added.stdout.strip() == made.signs_with(0)[0]
    assert made.id in added.stderr
    listed = terminal.run("list").stdout
    for part in (made.id, URL, "message.*", "1000", "active", "CRM"):
        assert part in listed
    assert made.signs_with(0)[0] not in listed + terminal.run("show", made.id).stdout


def test_a_bot_of_metas_brings_its_secret_and_its_token(terminal):
    added = terminal.run("add", URL, "--meta", "--ask-secret", "--ask-verify-token", typed=f"{BOTS}\n{VERIFY_TOKEN}\n")
    (made,) = terminal.casement.subscriptions.fresh()
    assert (made.mode, made.signs_with(0)) == ("meta", [BOTS])
    assert BOTS not in added.output

    refused = terminal.run("add", URL, "--meta", "--ask-verify-token", typed="wrong\n", status=1)
    assert "another token" in refused.stderr
    terminal.run("add", status=2)
    terminal.run("add", URL, "--event-bus", status=2)
    terminal.run("add", "--event-bus")


def test_a_test_says_what_the_server_said_and_fails_if_it_was_not_taken(terminal):
    terminal.run("add", URL)
    (made,) = terminal.casement.subscriptions.fresh()
    assert "12 ms: it answered 200" in terminal.run("test", made.id).stdout

    terminal.casement.subscribers.answer = Answer(None, 10_000, "No answer within 10 s.")
    refused = terminal.run("test", made.id, status=1)
    assert (refused.stdout, "No answer within 10 s." in refused.stderr) == ("", True)


def test_an_id_can_be_copied_from_a_terminal_of_80_columns(terminal):
    terminal.run("add", URL, "--description", "CRM")
    (made,) = terminal.casement.subscriptions.fresh()
    terminal.casement.wrote(ALICE)
    terminal.casement.react()
    (event,) = {one.event for one in terminal.casement.told}
    DeliveryLog(terminal.casement.table).add([told(terminal.casement.told[0], Became.DELIVERED, 0, 1, Answer(200, 9))])

    assert f"id: {made.id}" in terminal.run("list", columns=80).stdout
    assert f"event: {event}" in terminal.run("deliveries", made.id, columns=80).stdout


def test_one_is_paused_and_goes_on(terminal):
    terminal.run("add", URL)
    (made,) = terminal.casement.subscriptions.fresh()
    terminal.run("pause", made.id)
    assert f"{made.id} is paused: By the API key {API_KEY}." in terminal.run("list").stdout
    for text in ("one", "two"):
        terminal.casement.wrote(ALICE, text)
    terminal.casement.react()
    missed = [told(one, Became.MISSED, terminal.casement.now, 0) for one in terminal.casement.told]
    DeliveryLog(terminal.casement.table).add(missed)

    assert f"It goes on. {len(missed)} events missed: on the way." in terminal.run("resume", made.id).stdout
    assert terminal.shown(made.id)["state"] == "active"
    terminal.run("pause", made.id)
    assert "left out" in terminal.run("resume", made.id, "--skip").stdout


def test_another_secret_is_the_result(terminal):
    terminal.run("add", URL)
    (before,) = terminal.casement.subscriptions.fresh()
    rotated = terminal.run("rotate", before.id, "--keep-old", "60").stdout.strip()
    (after,) = terminal.casement.subscriptions.fresh()

    assert after.signs_with(terminal.casement.now) == [rotated, *before.signs_with(0)]
    assert after.signs_with(terminal.casement.now + 60_000) == [rotated]


@pytest.mark.parametrize(("since", "ago_s"), [("90m", 5400), ("12h", 43_200), ("3d", 259_200)])
def test_a_stretch_of_time_is_had_again(terminal, since, ago_s):
    terminal.run("add", URL)
    (made,) = terminal.casement.subscriptions.fresh()
    terminal.run("redeliver", made.id, "--since", since, "--only-failed")

    (wanted,) = terminal.casement.subscribers.again
    assert isinstance(wanted, Redelivery)
    assert (terminal.casement.now - wanted.since) // 1000 == ago_s
    assert wanted.only == ("failed", "missed")


def test_a_time_may_be_written_out(terminal):
    terminal.run("add", URL)
    (made,) = terminal.casement.subscriptions.fresh()
    terminal.run("redeliver", made.id, "--since", "2026-11-18T09:00", "--until", "2026-11-18T11:00+01:00")

    (wanted,) = terminal.casement.subscribers.again
    assert isinstance(wanted, Redelivery)
    assert wanted.until - wanted.since == 3_600_000
    for wrong in (["--since", "yesterday"], [], ["--since", "3d", "--event", "evt_1"]):
        terminal.run("redeliver", made.id, *wrong, status=2)
    terminal.run("redeliver", made.id, "--event", "evt_unknown", status=1)


def test_what_became_of_events_is_shown(terminal):
    terminal.run("add", URL)
    (made,) = terminal.casement.subscriptions.fresh()
    terminal.casement.wrote(ALICE)
    terminal.casement.react()
    first, *_ = terminal.casement.told
    line = told(first, Became.FAILED, terminal.casement.now, 9, Answer(500, 12, "It answered 500."))
    DeliveryLog(terminal.casement.table).add([line])

    shown = terminal.run("deliveries", made.id, "--state", "failed", "--type", first.type).stdout
    for part in (first.event, first.type, "failed", "500", "It answered 500."):
        assert part in shown
    assert json.loads(terminal.run("deliveries", made.id, "--state", "missed", "--json").stdout) == []


def test_one_is_removed_once_it_is_certain(terminal):
    terminal.run("add", URL)
    (made,) = terminal.casement.subscriptions.fresh()
    terminal.run("remove", made.id, typed="n\n", status=1)
    assert terminal.casement.subscriptions.fresh()
    assert "Removed." in terminal.run("remove", made.id, typed="y\n").stdout
    assert terminal.casement.subscriptions.fresh() == []
    assert "No such subscription." in terminal.run("show", made.id, status=1).stderr


def test_without_a_key_one_is_told_how_to_make_one(terminal):
    terminal.key = ""
    assert "casement keys create" in terminal.run("list", status=1).stderr
