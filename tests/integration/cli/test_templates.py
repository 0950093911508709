"""`casement templates` against a whole deployment in this process, and Meta's simulator behind it."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from casement.domain.api_key import Scope
from cli.main import app
from cli.outside import Outside
from cli.stack import Aws, Stack, Where
from cli.starter import library
from local.simulator.config import LOCAL_NUMBER as NUMBER
from local.simulator.config import Number
from tests.support.deployment import ALICE, OTHER_NUMBER, WABA, Deployment, deployed

Json = dict[str, Any]

KEY = "csk_sentinel_of_a_key"
API_URL = "https://api.example"
LANGUAGES = len(library()["order_update"].components)
NEWS: Json = {
    "name": "news",
    "language": "en_US",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Your parcel has arrived at the shop."}],
}


def copy(name: str, number: int = 0, **changed: Any) -> Json:
    """A template like NEWS that says something of its own."""
    text = f"Your parcel number {number} for {name} has arrived at the shop."
    return {**NEWS, "name": name, "components": [{"type": "BODY", "text": text}], **changed}


@dataclass
class Line(httpx.BaseTransport):
    """The way from the command to the stack: a test may let a call get lost before it, or its answer after it."""

    casement: Deployment
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], object] = lambda _: None
    after: Callable[[str], object] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = f"{request.method} {request.url.path}"
        self.before(call)
        self.calls.append(call)
        with redirect_stdout(io.StringIO()):  # where a function logs
            raw = self.casement.handle(
                request.method,
                request.url.path,
                query=request.url.query.decode(),
                headers=dict(request.headers),
                body=request.read(),
            )
        self.after(call)
        return httpx.Response(raw["statusCode"], text=raw["body"])

    def made(self, method: str) -> int:
        return sum(call.startswith(method) for call in self.calls)


@dataclass
class Terminal:
    """An operator's terminal. Time passes while the command sleeps, and Meta tells what happened meanwhile."""

    casement: Deployment
    line: Line
    stack: Stack
    api_key: str | None = KEY
    slept: list[float] = field(default_factory=list)
    opened: list[Where] = field(default_factory=list)

    def run(self, *arguments: str, typed: str = "", columns: str = "200") -> Result:
        outside = Outside(
            open_stack=self._open,
            http=lambda: httpx.Client(transport=self.line),
            now=lambda: self.casement.now,
            sleep=self._sleep,
        )
        environment = {"COLUMNS": columns, "CASEMENT_API_KEY": self.api_key, "CASEMENT_FROM_API_KEY": None}
        result = CliRunner().invoke(app, ["templates", *arguments], input=typed, obj=outside, env=environment)
        assert not isinstance(result.exception, Exception) or isinstance(result.exception, SystemExit), result.exc_info
        assert KEY not in result.output
        return result

    def json(self, *arguments: str, status: int = 0) -> Any:
        """What a command prints for a script."""
        result = self.run(*arguments, "--json")
        assert result.exit_code == status, result.output
        return json.loads(result.stdout)

    def at_meta(self, waba_id: str = WABA) -> dict[tuple[str, str], Json]:
        """What Meta has, by name and language."""
        return {
            (each.data["name"], each.data["language"]): each.data
            for each in self.casement.simulator.templates.all(waba_id)
        }

    def _open(self, where: Where) -> Stack:
        self.opened.append(where)
        return self.stack

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.casement.now += round(seconds * 1000)
        with redirect_stdout(io.StringIO()):
            self.casement.simulator.tick()
            self.casement.deliver()
            self.casement.sync()  # a status webhook wakes it


@pytest.fixture
def terminal(clients: Aws) -> Iterator[Terminal]:
    with mock_aws(), deployed(clients.dynamodb, (NUMBER, OTHER_NUMBER)) as casement:
        casement.add_key(KEY)
        stack = Stack(
            name="casement",
            aws=clients,
            table_name=casement.name,
            secret_id=secret_of(clients, casement.numbers),
            webhook_url=f"{API_URL}/webhook",
            graph_base_url=None,
            failure_queues=dict,
            graph_version="v25.0",
        )
        casement.simulator.templates.reset([])
        yield Terminal(casement, Line(casement), stack)


def secret_of(clients: Aws, numbers: tuple[Number, ...]) -> str:
    held = {each.phone_number_id: {"waba_id": each.waba_id, "token": each.token} for each in numbers}
    text = json.dumps({"app_secrets": ["x"], "verify_token": "y", "numbers": held})
    return clients.secretsmanager.create_secret(Name="casement-secret", SecretString=text)["ARN"]


@pytest.fixture
def ours(terminal: Terminal) -> Terminal:
    """The same, where one WABA is meant unless another is named."""
    terminal.casement.numbers = (NUMBER,)
    held = {NUMBER.phone_number_id: {"waba_id": NUMBER.waba_id, "token": NUMBER.token}}
    terminal.stack.aws.secretsmanager.put_secret_value(
        SecretId=terminal.stack.secret_id, SecretString=json.dumps({"numbers": held})
    )
    return terminal


def outcome(results: list[Json], name: str) -> Json:
    [found] = [each for each in results if each["name"] == name]
    return found


def lost(call: str) -> Callable[[str], None]:
    """Loses the answer to the first such call."""
    left = [call]

    def lose(made: str) -> None:
        if left and made.startswith(left[0]):
            left.clear()
            raise httpx.ReadTimeout("no answer")

    return lose


# --- which account, and who may -------------------------------------------------------------------------------------


def test_the_only_account_is_meant(ours):
    ours.casement.simulator.add_template(NEWS)
    ours.run("sync")

    assert [each["name"] for each in ours.json("list")] == ["news"]


def test_of_several_accounts_one_is_named(terminal):
    refused = terminal.run("list")

    assert refused.exit_code == 1
    assert all(number.waba_id in refused.stderr for number in (NUMBER, OTHER_NUMBER))
    assert terminal.json("list", "--waba", OTHER_NUMBER.waba_id) == []
    assert terminal.json("--phone-number-id", OTHER_NUMBER.phone_number_id, "list") == []
    assert all(OTHER_NUMBER.waba_id in call for call in terminal.line.calls)


def test_a_number_of_another_account_or_of_none_is_refused(terminal):
    other = terminal.run("list", "--waba", WABA, "--phone-number-id", OTHER_NUMBER.phone_number_id)
    nobodys = terminal.run("list", "--phone-number-id", "42")

    assert OTHER_NUMBER.waba_id in other.stderr
    assert "casement secrets show" in nobodys.stderr
    assert terminal.run("list", "--waba", "x").exit_code == 2
    assert not terminal.line.calls


def test_without_a_key_it_says_how_to_make_one(ours):
    ours.api_key = None

    refused = ours.run("list")

    assert refused.exit_code == 1
    assert "export CASEMENT_API_KEY=$(casement keys create" in refused.stderr


def test_a_key_that_is_not_known_or_may_not_is_told_so(ours):
    ours.casement.add_key("csk_reads_only", [Scope.READ])

    unknown = ours.run("list", "--api-key", "csk_nobodys")
    reader = ours.run("submit", "order_update", "--language", "de", "--api-key", "csk_reads_only")

    assert "does not know this API key" in unknown.stderr
    assert reader.exit_code == 1
    assert "manage" in reader.output
    assert "csk_" not in unknown.output + reader.output
    assert not ours.at_meta()


def test_metas_word_on_a_token_is_not_repeated(ours):
    quoted = f"Malformed access token {NUMBER.token}"
    ours.casement.simulator.fail_next("error", match="POST /.*message_templates", code=190, details=quoted)

    refused = ours.run("submit", "order_update", "--language", "de", "--language", "es")

    assert refused.exit_code == 1
    assert refused.stdout.count("casement doctor") == 1
    assert "As above." in refused.stdout
    assert refused.stdout.count("left") == 3  # one for each, and the sum
    assert NUMBER.token not in refused.output


def test_a_stack_that_cannot_be_reached_is_told_so(ours):
    def nobody_there(_call: str) -> None:
        raise httpx.ConnectError("nobody there")

    ours.line.before = nobody_there

    assert f"{API_URL} can't be reached" in ours.run("list").stderr


# --- list and sync --------------------------------------------------------------------------------------------------


def test_a_list_has_all_pages(ours):
    for number in range(230):
        ours.casement.simulator.add_template(copy(f"parcel_{number:03}"))
    ours.casement.sync()

    found = ours.json("list")

    assert [each["name"] for each in found] == [f"parcel_{number:03}" for number in range(230)]
    assert ours.line.made("GET") == 3


def test_a_list_is_filtered(ours):
    simulator = ours.casement.simulator
    simulator.add_template(copy("one"))
    simulator.add_template(copy("two", category="MARKETING", language="de"))
    simulator.add_template(copy("three"), status="REJECTED")
    ours.casement.sync()

    def listed(*options: str) -> list[str]:
        return [each["name"] for each in ours.json("list", *options)]

    assert listed("--status", "rejected") == ["three"]
    assert listed("--category", "MARKETING") == listed("--language", "de") == listed("--name", "two") == ["two"]
    assert listed("--q", "for three") == ["three"]
    assert listed("--q", "nothing like it") == []
    assert "no such template" in ours.run("list", "--q", "nothing like it").stdout


def test_a_list_of_nothing_says_how_to_begin(ours):
    assert "casement templates submit --list" in ours.run("list").stdout


def test_a_narrow_terminal_folds_names_and_leaves_states_whole(ours):
    ours.casement.simulator.add_template(copy("a_template_with_a_name_that_is_rather_long"))
    ours.casement.sync()

    narrow, very_narrow = (ours.run("list", columns=columns).stdout for columns in ("60", "40"))

    assert {"en_US", "APPROVED"} <= set(narrow.split())
    assert max(map(len, narrow.splitlines())) <= 60
    assert "language: en_US\ncategory: UTILITY\nstatus: APPROVED\n" in very_narrow
    assert "quality" not in very_narrow


def test_a_list_shows_what_meta_moved_and_why_it_refused(ours):
    simulator = ours.casement.simulator
    simulator.review_next("reject", match="bad", reason="PROMOTIONAL")
    simulator.review_next("recategorise", match="moved", category="MARKETING")
    for name in ("bad", "moved"):
        made = json.dumps(copy(name)).encode()
        ours.casement.request("POST", f"/v25.0/{WABA}/message_templates", headers={"x-api-key": KEY}, body=made)
    ours.casement.sync()

    shown = ours.run("list").stdout

    assert "UTILITY → MARKETING" in shown
    assert "PROMOTIONAL" in shown


def test_deleted_templates_are_listed_on_request(ours):
    [template] = [ours.casement.simulator.add_template(NEWS)]
    ours.casement.sync()
    ours.casement.simulator.review(template.id, "delete")
    ours.casement.simulator.tick()
    ours.casement.deliver()
    ours.casement.sync()

    assert ours.json("list") == []
    assert [each["status"] for each in ours.json("list", "--deleted")] == ["DELETED"]
    assert "casement templates submit --list" in ours.run("list").stdout


def test_a_sync_says_what_changed(ours):
    simulator = ours.casement.simulator
    templates = [simulator.add_template(copy(name)) for name in ("gone", "moved", "paused", "rated", "same", "worded")]
    ours.casement.sync()
    simulator.review("gone", "delete")
    simulator.review("paused", "pause")
    simulator.recategorise("moved", "MARKETING")
    simulator.score("rated", "RED")
    templates[-1].data["components"] = NEWS["components"]
    simulator.add_template(copy("new"))

    found = ours.json("sync")
    shown = ours.run("sync").stdout

    changed = {(each["name"], each["what"], each["was"], each["now"]) for each in found["changes"]}
    assert changed == {
        ("gone", "status", "APPROVED", "DELETED"),
        ("moved", "category", "UTILITY", "MARKETING"),
        ("new", "status", "", "APPROVED"),
        ("new", "category", "", "UTILITY"),
        ("paused", "status", "APPROVED", "PAUSED"),
        ("rated", "quality", "", "RED"),
        ("worded", "BODY", "", "changed"),
    }
    assert "0 changes" in shown


def test_a_sync_that_meta_does_not_answer_is_told_and_changes_nothing(ours):
    ours.casement.simulator.add_template(NEWS)
    ours.casement.simulator.fail_next("5xx_before", n=9, match="GET /.*message_templates")

    failed = ours.run("sync")

    assert failed.exit_code == 1
    assert "could not be read from Meta" in failed.stderr
    assert ours.json("list") == []


# --- submit ---------------------------------------------------------------------------------------------------------


def test_the_library_is_shown_without_a_stack():
    def no_stack(_: Where) -> Stack:
        raise AssertionError("there is none")

    shown = CliRunner().invoke(app, ["templates", "submit", "--list"], obj=Outside(open_stack=no_stack)).stdout
    listed = (
        CliRunner().invoke(app, ["templates", "submit", "--list", "--json"], obj=Outside(open_stack=no_stack)).stdout
    )

    assert all(name in shown for name in library())
    assert [each["name"] for each in json.loads(listed)] == list(library())


def test_a_template_of_the_library_is_submitted_in_every_language(ours):
    results = ours.json("submit", "order_update")

    assert {each["language"] for each in results} == set(library()["order_update"].components)
    assert {(each["result"], each["status"]) for each in results} == {("created", "PENDING")}
    assert set(ours.at_meta()) == {("order_update", each["language"]) for each in results}


def test_all_of_the_library_is_taken_by_the_stack_and_by_meta(ours):
    results = ours.json("submit", "--all", "--language", "ar", "--language", "hi")

    assert {each["result"] for each in results} == {"created"}
    assert len(ours.at_meta()) == len(library()) * 2


def test_what_is_there_already_stays_as_it_is(ours):
    ours.json("submit", "order_update", "--language", "de", "--language", "es")
    before = ours.at_meta()

    results = ours.json("submit", "order_update")

    assert sum(each["result"] == "there already" for each in results) == 2
    assert sum(each["result"] == "created" for each in results) == LANGUAGES - 2
    assert all(ours.at_meta()[place] == before[place] for place in before)


def test_what_is_there_and_says_something_else_is_told_so(ours, tmp_path):
    ours.casement.simulator.add_template(NEWS)
    ours.casement.sync()
    file = tmp_path / "news.json"
    file.write_text(json.dumps(copy("news")))

    [result] = ours.json("submit", "--file", str(file))

    assert result["result"] == "there already"
    assert "BODY" in result["why"][0]


def test_faults_are_all_listed_and_keep_everything_back(ours, tmp_path):
    file = tmp_path / "mine.json"
    faulty = {**copy("bad"), "category": "NOTHING", "components": [{"type": "BODY", "text": "{{1}}"}]}
    file.write_text(json.dumps([faulty, copy("good")]))

    results = ours.json("submit", "--file", str(file), status=1)

    bad, good = outcome(results, "bad"), outcome(results, "good")
    assert bad["result"] == "refused"
    assert {why.partition(":")[0] for why in bad["why"]} >= {"category", "components[0].text"}
    assert good["result"] == "left"
    assert not ours.at_meta()


def test_a_dry_run_submits_nothing(ours):
    results = ours.json("submit", "order_update", "--language", "fr", "--dry-run")

    assert [each["result"] for each in results] == ["to do"]
    assert ours.line.made("POST") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["submit", "order_updat"], "submit --list"),
        (["submit", "order_update", "--language", "tlh"], "it speaks en_US"),
        (["submit"], "Which ones?"),
        (["submit", "--file", "nowhere.json"], "can't be read"),
    ],
)
def test_what_cannot_be_submitted_is_told_before_anybody_is_asked(ours, arguments, words):
    refused = ours.run(*arguments)

    assert refused.exit_code == 1
    assert words in refused.stderr
    assert not ours.line.calls


def test_waiting_ends_with_the_reviews(ours):
    ours.casement.simulator.set_options(auto_review=60.0)
    ours.casement.simulator.review_next("reject", match="/es", reason="PROMOTIONAL", after=20)

    results = ours.json("submit", "order_update", "--language", "de", "--language", "es", "--wait", status=1)
    shown = ours.run("submit", "order_update", "--language", "de", "--language", "es").stdout

    assert {each["language"]: each["status"] for each in results} == {"de": "APPROVED", "es": "REJECTED"}
    assert {each["language"]: each["why"] for each in results} == {"de": [], "es": ["PROMOTIONAL"]}
    assert "2 there already, 1 of them rejected by Meta." in shown
    assert 60 <= sum(ours.slept) < 90


def test_waiting_ends_with_its_time(ours):
    results = ours.json("submit", "order_update", "--language", "de", "--wait", "--minutes", "2")

    assert [each["status"] for each in results] == ["PENDING"]
    assert 120 <= sum(ours.slept) <= 125


def test_a_template_is_made_once_even_if_its_answer_gets_lost(ours):
    ours.line.after = lost("POST")

    [result] = ours.json("submit", "order_update", "--language", "de")

    assert result["result"] == "created"
    assert ours.line.made("POST") == 1
    assert len(ours.at_meta()) == 1


def test_a_template_whose_request_gets_lost_is_asked_for_again(ours):
    ours.line.before = lost("POST")

    [result] = ours.json("submit", "order_update", "--language", "de")

    assert result["result"] == "created"
    assert len(ours.at_meta()) == 1


def test_an_unclear_answer_of_metas_makes_no_second_one(ours):
    ours.casement.simulator.fail_next("timeout_after", match="POST /.*message_templates")

    [result] = ours.json("submit", "order_update", "--language", "de")

    assert result["result"] == "created"
    assert len(ours.at_meta()) == 1


def test_metas_own_refusal_is_told_and_the_rest_goes_on(ours, tmp_path):
    ours.casement.simulator.fail_next("error", match="POST /.*message_templates", code=132007)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps([copy("one"), copy("two")]))

    results = ours.json("submit", "--file", str(file), status=1)

    assert [each["result"] for each in results] == ["refused", "created"]
    assert "132007" in outcome(results, "one")["why"][0]


def test_metas_limit_stops_it_and_the_next_run_goes_on(ours):
    ours.casement.simulator.set_options(creations_per_hour=5)

    first = ours.json("submit", "order_update", status=1)
    ours.casement.now += 3_600_000
    second = ours.json("submit", "order_update")

    assert sum(each["result"] == "left" for each in first) == LANGUAGES - 5
    assert sum(each["result"] == "created" for each in second) == LANGUAGES - 5
    assert len(ours.at_meta()) == LANGUAGES


# --- export, diff, import -------------------------------------------------------------------------------------------


def exported(terminal: Terminal, path: Path, *options: str) -> Path:
    result = terminal.run("export", str(path), *options)
    assert result.exit_code == 0, result.output
    return path


@pytest.fixture
def two(terminal: Terminal) -> Terminal:
    """Two accounts: the first has some templates, the second none."""
    simulator = terminal.casement.simulator
    simulator.add_template(copy("one"))
    simulator.add_template(copy("two", 1))
    simulator.add_template(copy("two", 2, language="de", category="MARKETING"))
    named = library()["order_update"].creation("ar")
    simulator.add_template({**named, "message_send_ttl_seconds": 600})
    terminal.casement.sync()
    return terminal


FROM, TO = ("--waba", WABA), ("--waba", OTHER_NUMBER.waba_id)


def said(templates: dict[tuple[str, str], Json]) -> dict[tuple[str, str], Json]:
    """What was asked for of each, without what Meta made of it."""
    asked = ("name", "language", "category", "components", "parameter_format", "message_send_ttl_seconds")
    return {place: {name: each[name] for name in asked if name in each} for place, each in templates.items()}


def test_a_set_goes_from_one_account_to_another(two, tmp_path):
    folder = exported(two, tmp_path / "set", *FROM)

    shown = two.run("import", str(folder), *TO)
    assert "Nothing was changed. Do it with --yes." in shown.stdout
    assert not two.at_meta(OTHER_NUMBER.waba_id)

    results = two.json("import", str(folder), *TO, "--yes")
    assert {each["result"] for each in results["outcomes"]} == {"created"}
    assert said(two.at_meta(OTHER_NUMBER.waba_id)) == said(two.at_meta())
    assert two.run("diff", str(folder), *TO).exit_code == 0
    assert two.run("diff", "--from-waba", WABA, *TO).exit_code == 0


def test_a_second_import_asks_meta_for_nothing(two, tmp_path):
    folder = exported(two, tmp_path / "set", *FROM)
    two.json("import", str(folder), *TO, "--yes")
    asked = two.line.made("POST")

    assert "nothing to do" in two.run("import", str(folder), *TO, "--yes").stdout
    assert two.line.made("POST") == asked


def test_a_set_is_one_file_too_or_a_stream(two, tmp_path):
    file = exported(two, tmp_path / "set.json", *FROM)
    streamed = two.run("export", "-", *FROM).stdout

    assert json.loads(file.read_text()) == json.loads(streamed)
    assert len(json.loads(streamed)) == 4
    assert two.json("import", str(file), *TO, "--yes")["create"] == [
        {"name": each["name"], "language": each["language"]} for each in json.loads(streamed)
    ]


def test_an_export_can_be_narrow_and_leaves_other_files_alone(two, tmp_path):
    (tmp_path / "old.en.json").write_text("{}")

    told = two.run("export", str(tmp_path), *FROM, "--name", "two", "--category", "MARKETING")

    assert sorted(file.name for file in tmp_path.iterdir()) == ["old.en.json", "two.de.json"]
    assert "old.en.json" in told.stderr
    assert two.run("export", str(tmp_path), *FROM, "--name", "nothing").exit_code == 1


def test_an_export_says_what_cannot_be_made_again_as_it_is(two, tmp_path):
    header = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://scontent.example/x"]}}
    two.casement.simulator.add_template({**NEWS, "components": [header, *NEWS["components"]]})
    two.casement.sync()

    told = two.run("export", str(tmp_path), *FROM)
    todo = two.json("import", str(tmp_path), *TO, status=1)

    assert "news (en_US): components[0].example" in told.stderr
    assert "scontent" not in (tmp_path / "news.en_US.json").read_text()
    assert len(todo["create"]) == 4
    assert [each["name"] for each in todo["outcomes"]] == ["news"]


def test_a_difference_is_told_by_component(two, tmp_path):
    folder = exported(two, tmp_path, *FROM)
    (folder / "one.en_US.json").unlink()
    (folder / "two.en_US.json").write_text(json.dumps(copy("two", 9, category="MARKETING")))
    (folder / "new.en_US.json").write_text(json.dumps(copy("new")))

    found = two.json("diff", str(folder), *FROM, status=1)
    shown = two.run("diff", str(folder), *FROM).stdout

    assert found == {
        "only_here": [{"name": "new", "language": "en_US"}],
        "only_there": [{"name": "one", "language": "en_US"}],
        "different": [{"name": "two", "language": "en_US", "differs": ["category", "BODY"]}],
        "same": 2,
    }
    assert "1 only in the set, 1 only there, 1 different, 2 the same." in shown


def test_an_import_edits_what_differs_and_deletes_nothing(two, tmp_path):
    (tmp_path / "two.json").write_text(json.dumps(copy("two", 9)))

    todo = two.json("import", str(tmp_path), *FROM)
    results = two.json("import", str(tmp_path), *FROM, "--yes")

    assert todo["edit"] == [{"name": "two", "language": "en_US", "differs": ["BODY"]}]
    assert len(todo["only_there"]) == 3
    assert [each["result"] for each in results["outcomes"]] == ["edited"]
    assert len(two.at_meta()) == 4
    assert two.at_meta()["two", "en_US"]["components"] == copy("two", 9)["components"]


def test_an_import_may_leave_everything_as_it_is_but_what_is_missing(two, tmp_path):
    (tmp_path / "set.json").write_text(json.dumps([copy("two", 9), copy("new")]))

    results = two.json("import", str(tmp_path), *FROM, "--yes", "--new-only")

    assert [each["name"] for each in results["outcomes"]] == ["new"]
    assert two.at_meta()["two", "en_US"]["components"] == copy("two", 1)["components"]


def test_an_edit_too_many_is_told_in_the_stacks_words(two, tmp_path):
    for number in (8, 9):
        (tmp_path / "two.json").write_text(json.dumps(copy("two", number)))
        result = two.run("import", str(tmp_path), *FROM, "--yes")
        two.casement.simulator.review("two", "approve")
        two.casement.sync()

    assert result.exit_code == 1
    assert "once in 24 hours" in result.stdout


def test_an_edit_whose_answer_gets_lost_is_not_made_twice(two, tmp_path):
    (tmp_path / "two.json").write_text(json.dumps(copy("two", 9)))
    two.line.after = lost("POST")

    results = two.json("import", str(tmp_path), *FROM, "--yes")

    assert [each["result"] for each in results["outcomes"]] == ["edited"]
    assert two.line.made("POST") == 1


def test_an_import_stops_at_metas_limit_and_goes_on_later(two, tmp_path):
    (tmp_path / "many.json").write_text(json.dumps([copy(f"parcel_{number}", number) for number in range(7)]))
    two.casement.simulator.set_options(creations_per_hour=4)

    first = two.json("import", str(tmp_path), *TO, "--yes", status=1)
    two.casement.now += 3_600_000
    second = two.json("import", str(tmp_path), *TO, "--yes")

    assert [each["result"] for each in first["outcomes"]] == ["created"] * 4 + ["left"] * 3
    assert [each["result"] for each in second["outcomes"]] == ["created"] * 3
    assert second["same"] == 4


def test_an_import_that_keeps_pace_waits_for_meta(two, tmp_path):
    (tmp_path / "many.json").write_text(json.dumps([copy(f"parcel_{number}", number) for number in range(7)]))
    two.casement.simulator.set_options(creations_per_hour=4)

    results = two.json("import", str(tmp_path), *TO, "--yes", "--pace")

    assert [each["result"] for each in results["outcomes"]] == ["created"] * 7
    assert 3_600 <= sum(two.slept) < 4_300


@pytest.mark.parametrize("survived", range(4))
def test_an_import_that_died_anywhere_is_gone_on_with(two, tmp_path, survived):
    folder = exported(two, tmp_path, *FROM)
    left = [survived]

    def die(call: str) -> None:
        if call.startswith("POST"):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1

    two.line.after = die
    assert two.run("import", str(folder), *TO, "--yes").exit_code != 0
    assert len(two.at_meta(OTHER_NUMBER.waba_id)) == survived + 1

    two.line.after = lambda _: None
    two.json("import", str(folder), *TO, "--yes")

    assert said(two.at_meta(OTHER_NUMBER.waba_id)) == said(two.at_meta())
    assert two.line.made("POST") == 4


def test_one_set_is_compared_at_a_time(two, tmp_path):
    assert "Which set?" in two.run("diff", *TO).stderr
    assert "Give one set" in two.run("import", str(tmp_path), "--from-waba", WABA, *TO).stderr
    assert "There is no template in" in two.run("diff", str(tmp_path), *TO).stderr


def test_another_stack_has_its_own_key(two):
    refused = two.run("diff", "--from-stack", "dev", "--from-waba", WABA, *TO)
    found = two.json(
        "diff",
        "--from-stack",
        "dev",
        "--from-waba",
        WABA,
        "--from-api-key",
        KEY,
        *TO,
        "--region",
        "eu-west-1",
        status=1,
    )

    assert "API key" in refused.stderr
    assert len(found["only_here"]) == 4
    assert Where("dev", "eu-west-1", None) in two.opened


def test_where_meta_cannot_be_asked_an_import_goes_by_what_is_known_and_says_so(two, tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(copy("one")))
    two.casement.simulator.fail_next("5xx_before", n=9, match="GET /.*message_templates")

    told = two.run("import", str(tmp_path), *FROM)

    assert told.exit_code == 0
    assert "what the stack read last" in told.stderr
    assert "1 the same" in told.stdout


# --- delete ---------------------------------------------------------------------------------------------------------


def test_a_template_is_deleted_in_all_languages_after_a_yes(two):
    shown = two.run("delete", "two", *FROM, typed="y\n")

    assert shown.exit_code == 0
    assert "en_US" in shown.stdout
    assert "30 days" in shown.stderr
    assert {name for name, _ in two.at_meta()} == {"one", "order_update"}


def test_nothing_is_deleted_without_a_yes(two):
    assert two.run("delete", "two", *FROM, typed="n\n").exit_code == 1
    assert two.run("delete", "two", *FROM).exit_code == 1
    assert len(two.at_meta()) == 4


def test_one_language_is_deleted_alone(two):
    deleted = two.json("delete", "two", "--language", "de", "--yes", *FROM)

    assert [each["language"] for each in deleted] == ["de"]
    assert ("two", "en_US") in two.at_meta()
    assert ("two", "de") not in two.at_meta()


@pytest.mark.parametrize("options", [("three",), ("two", "--language", "fr")])
def test_what_is_not_there_is_not_deleted(two, options):
    refused = two.run("delete", *options, "--yes", *FROM)

    assert refused.exit_code == 1
    assert two.line.made("DELETE") == 0


def test_a_disabled_template_is_said_to_stay(two):
    two.casement.simulator.review("one", "disable")
    two.casement.sync()

    assert "can't be deleted" in two.run("delete", "one", "--yes", *FROM).stderr


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_deletion_whose_answer_gets_lost_ends_well(two, side):
    setattr(two.line, side, lost("DELETE"))

    assert two.run("delete", "two", "--yes", *FROM).exit_code == 0
    assert {name for name, _ in two.at_meta()} == {"one", "order_update"}


# --- find and preview -----------------------------------------------------------------------------------------------


@pytest.fixture
def written(ours: Terminal) -> Terminal:
    """The same with an approved order update, a rejected one, and an offer."""
    for language in ("en_US", "ar"):
        ours.casement.simulator.add_template(library()["order_update"].creation(language))
    ours.casement.simulator.add_template(copy("seasonal", category="MARKETING"))
    ours.casement.simulator.add_template(copy("bad"), status="REJECTED")
    ours.casement.sync()
    ours.casement.set_number(purposes={"order_update": ["order_update"]})
    return ours


def test_what_can_go_is_found_with_what_it_needs_and_what_cannot_with_why(written):
    found = written.json("find", "--language", "ar")
    shown = written.run("find").stdout

    best, *_ = found["usable"]
    assert (best["name"], best["language"]) == ("order_update", "ar")
    assert set(best["needs"]) == {"customer", "order_number", "status"}
    assert [each["name"] for each in found["unusable"]] == ["bad"]
    assert "REJECTED" in shown
    assert "3 can go, 1 can't." in shown


def test_finding_can_be_narrowed(written):
    def found(*options: str) -> set[str]:
        answer = written.json("find", *options)
        return {each["name"] for each in [*answer["usable"], *answer["unusable"]]}

    assert found("seasonal") == {"seasonal"}
    assert found("parcel", "shop", "seasonal") == {"seasonal"}
    assert found("--purpose", "order_update") == {"order_update"}
    assert "no such purpose" in written.run("find", "--purpose", "nothing").stderr


def test_what_a_purpose_lacks_is_pointed_out_where_the_library_has_it(written):
    written.casement.set_number(purposes={"ours": ["feedback_request", "nobody_knows", "bad"]})

    shown = written.run("find", "--purpose", "ours").stdout

    assert [line for line in shown.splitlines() if "starter library" in line] == [
        "feedback_request is in the starter library: casement templates submit feedback_request"
    ]


def test_what_a_customer_does_not_want_is_told(written):
    written.casement.wrote(ALICE)
    written.casement.simulator.prefer(ALICE, stop=True)
    written.casement.deliver()
    written.casement.catch_up()

    found = written.json("find", "seasonal", "--contact", ALICE)
    previewed = written.run("preview", "seasonal", "--contact", ALICE).stdout

    assert "marketing" in found["unusable"][0]["why"]
    assert f"May it go to {ALICE} now? No." in previewed


def test_a_preview_shows_the_message_and_whether_it_may_go(written):
    values = ("-p", "customer=Ana", "-p", "order_number=A-1", "--param", "status=on its way")

    shown = written.run("preview", "order_update", "--language", "en_US", *values).stdout
    told = written.json("preview", "order_update", "--language", "en_US", *values)

    assert "Hello Ana" in shown
    assert "order_update (en_US): UTILITY, APPROVED" in shown
    assert "May it go now? Yes." in shown
    assert told["payload"]["template"]["name"] == "order_update"
    assert not written.casement.simulator.sent


def test_a_preview_says_what_is_missing(written):
    shown = written.run("preview", "order_update", "--language", "ar", "-p", "customer=سارة").stdout

    assert "from right to left" in shown
    assert "It still needs: --param order_number=…" in shown
    assert "Does not fit" not in shown
    assert "{{status}}" in shown


def test_a_language_is_asked_for_where_there_are_several(written):
    assert "ar, en_US" in written.run("preview", "order_update").stderr
    assert "no order_update in 'de'" in written.run("preview", "order_update", "--language", "de").stderr
    assert "parcel" in written.run("preview", "seasonal").stdout
    assert "no template nothing" in written.run("preview", "nothing").stderr


def test_a_purpose_is_previewed_by_the_template_that_serves_it(written):
    told = written.json("preview", "--purpose", "order_update", "--language", "ar", "-p", "customer=x")

    assert told["template"]["name"] == "order_update"
    assert told["missing"] == ["order_number", "status"]


@pytest.mark.parametrize("name", library())
def test_a_template_of_the_library_is_previewed_with_its_examples(ours, name):
    told = ours.json("preview", "--starter", name, "--language", "hi")

    assert told["missing"] == []
    assert told["faults"] == []
    assert "{{" not in told["message"]["body"]
    assert told["can_send"] is None


def test_a_file_is_previewed_with_its_faults(ours, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({**copy("Mine"), "category": "NOTHING"}))

    shown = ours.run("preview", "--file", str(file)).stdout

    assert "has arrived at" in shown
    assert "Faulty, name:" in shown
    assert "May it go now? Not yet." in shown


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ((), 1, "Show which one?"),
        (("x", "--purpose", "y"), 1, "Show which one?"),
        (("--starter", "nothing"), 1, "submit --list"),
        (("--starter", "order_update", "--language", "tlh"), 1, "It is not there in 'tlh'"),
        (("x", "-p", "novalue"), 2, "KEY=VALUE"),
        (("x", "-p", "header={"), 2, "JSON"),
    ],
)
def test_what_cannot_be_previewed_is_told_before_anybody_is_asked(ours, options, status, words):
    refused = ours.run("preview", *options)

    assert refused.exit_code == status
    assert words in refused.stderr
    assert not ours.line.calls
