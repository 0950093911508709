"""`casement automations`: three lines of YAML to a table, and back."""

import json
from pathlib import Path
from typing import Any

import pytest

from casement.domain.automations_document import automations_from, document_of
from casement.domain.profile import Profile
from casement.store.automations import AutomationsOfNumbers
from casement.store.profiles import Profiles
from cli.automations.files import as_yaml, read_document
from tests.integration.cli.conftest import NUMBER, SECRET, WABA, Desk

THREE_LINES = """\
business_hours: {time_zone: Europe/Madrid, hours: {mon-fri: 09:00-18:00}}
answer: Thanks! We will get back to you soon.
away: Thanks! We are closed, and back {{hours.next_open}}.
"""
PRICES = """\
rules:
  - id: prices
    when: {keyword: [price, cost]}
    then: {reply: It is 10 euros.}
    stop: true
"""


@pytest.fixture
def here(filled: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yaml").write_text(THREE_LINES)
    (tmp_path / "prices.yaml").write_text(PRICES + THREE_LINES)
    return filled


def kept(desk: Desk, number: str = NUMBER) -> dict[str, Any]:
    return document_of(AutomationsOfNumbers(desk.table).fresh(number).automations)


def run(desk: Desk, *arguments: str, typed: str = "", status: int = 0) -> str:
    result = desk.run("automations", *arguments, typed=typed)
    assert result.exit_code == status, result.output
    return result.output


def test_three_lines_answer_at_once_and_say_when_somebody_is_back(here):
    said = run(here, "apply", "rules.yaml", typed="y\n")

    assert said.splitlines()[:3] == [
        "+ business_hours",
        "+ away: outside hours → reply (once in 12 h, stops)",
        "+ answer: first message → reply (once a window)",
    ]
    assert "Applied." in said
    assert [rule["id"] for rule in kept(here)["rules"]] == ["away", "answer"]
    evening = run(here, "dry-run", "--text", "Hello", "--at", "2026-12-24T20:00")
    assert "send: Thanks! We are closed, and back tomorrow at 9:00 AM." in evening
    assert "answer does not. The rule" in evening


def test_who_says_no_changes_nothing(here):
    assert "Apply to number" in run(here, "apply", "rules.yaml", typed="n\n", status=1)
    assert kept(here)["rules"] == []


def test_apply_shows_what_differs_and_does_nothing_the_second_time(here):
    run(here, "apply", "rules.yaml", "--yes")
    assert "are so already" in run(here, "apply", "rules.yaml")

    other = THREE_LINES.replace("answer: Thanks!", "answer: Hello!") + "budget: 100\n"
    assert run(here, "apply", "-", "--yes", typed=other).splitlines()[:2] == [
        "+ budget",
        "~ answer: first message → reply (once a window): other then",
    ]
    assert run(here, "apply", "prices.yaml", "-y").splitlines()[:3] == [
        "- budget",
        "+ prices: keyword (price, cost) → reply (once a window, stops)",
        "~ answer: first message → reply (once a window): other then",
    ]
    assert run(here, "apply", "-", "-y", typed="rules: []").count("\n- ") == 3


def test_the_order_of_rules_is_a_difference(here):
    rules = [{"id": id_, "when": "message", "then": "handoff"} for id_ in ("a", "b")]
    run(here, "apply", "-", "-y", typed=json.dumps({"rules": rules}))

    assert "~ the order of rules: b, a" in run(here, "apply", "-", "-y", typed=json.dumps({"rules": rules[::-1]}))
    assert [rule["id"] for rule in kept(here)["rules"]] == ["b", "a"]


def test_every_fault_of_a_file_is_told(here):
    said = run(here, "apply", "-", typed="rules: [{id: a, when: raining, then: {reply: '{{who}}'}}]", status=1)

    assert said.splitlines() == [
        "- can't be applied:",
        "  rules[0].when.raining: This is not known here.",
        "  rules[0].then.reply: `who` is no variable.",
    ]
    said = run(here, "apply", "-", typed="business_hours: {time_zone: Madrid, hours: {mo: 9-18}}", status=1)
    for place in ("time_zone: ", "hours.mo: "):  # a wrong time zone hides nothing
        assert f"  business_hours.{place}" in said
    assert "can't be applied" in run(here, "dry-run", "-", "--text", "Hi", typed="[]", status=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [", "is no YAML: "),
        ("answer: a\nanswer: b\n", "the key 'answer' is there twice (line 1, column 1)."),
        ("answer: &a [*a]", "says something that JSON has no word for"),
        ("? [a]\n: b", "is no YAML: "),
    ],
)
def test_what_is_no_file_of_automations_says_so(here, text, words):
    assert words in run(here, "apply", "-", typed=text, status=1)


def test_a_file_that_is_not_there_says_so(here, tmp_path):
    (tmp_path / "latin.yaml").write_bytes(b"answer: \xe9")

    assert "no such file" in run(here, "apply", "none.yaml", status=1)
    assert "latin.yaml can't be read: UnicodeDecodeError" in run(here, "apply", "latin.yaml", status=1)


def test_yaml_means_what_people_mean(here):
    text = """
business_hours:
  time_zone: Europe/Oslo
  hours: {mon: 09:00-18:00}
  holidays: [2026-12-25, 12-24/12-26]
rules:
  - id: a
    enabled: false
    when: {keyword: {words: {no: [nei, "no"]}}}
    then: {template: {name: t, parameters: {1: 012, 2: yes, 3: 1.5, 4: null}}}
"""
    run(here, "apply", "-", "-y", typed=text)

    document = kept(here)
    assert document["business_hours"]["holidays"] == ["2026-12-25", "12-24/12-26"]
    (rule,) = document["rules"]
    assert (rule["enabled"], rule["when"]["keyword"]["words"]) == (False, {"no": ["nei", "no"]})
    assert rule["then"][0]["template"]["parameters"] == {"1": "012", "2": "yes", "3": 1.5, "4": None}


def test_what_is_shown_can_be_applied_again(here):
    run(here, "apply", "prices.yaml", "-y")
    before, shown = kept(here), run(here, "show")

    assert "limit" not in shown
    assert "enabled" not in shown
    assert run(here, "show", "prices").startswith("id: prices\n")
    run(here, "apply", "-", "-y", typed="{}")
    run(here, "apply", "-", "-y", typed=shown)
    assert kept(here) == before


def test_whatever_is_kept_is_shown_as_what_it_is(tmp_path):
    document = document_of(
        automations_from(
            {
                "business_hours": {"time_zone": "UTC", "hours": {"mon": "09:00-10:00"}, "holidays": ["2026-12-25"]},
                "language": "no",
                "limit": 7,
                "rules": [
                    {
                        "id": "1",
                        "when": {"keyword": ["no", "1", "on", "null"]},
                        "then": {"reply": "a: b\n# {{contact.name|~}}"},
                    }
                ],
            }
        )
    )
    file = tmp_path / "shown.yaml"
    file.write_text(as_yaml(document))

    assert document_of(automations_from(read_document(str(file)))) == document


def test_rules_are_listed_in_few_words(here):
    rule: dict[str, Any] = {"id": "vip", "when": {"button": {"payload": ["a", "b", "c", "d"]}, "outside_hours": False}}
    rule |= {"then": [{"tag": "vip"}, "mark_read"], "once": {"per_s": 90}, "enabled": False}
    more = [{**rule, "id": "always", "once": "always"}, {**rule, "id": "daily", "once": {"per_s": 172800}}]
    more += [{**rule, "id": "often", "once": {"per_s": 120}}]
    hours = {"time_zone": "UTC", "hours": {"mon": "09:00-10:00"}}
    text = json.dumps({"business_hours": hours, "budget": 10, "rules": [rule, *more]})
    run(here, "apply", "-", "-y", typed=text)

    listed = run(here, "list")
    row = next(line for line in listed.splitlines() if line.strip().startswith("vip"))
    assert [cell.strip() for cell in row.split("  ") if cell.strip()] == [
        "vip",
        "button (a, b, c, …), in hours",
        "tag, mark read",
        "once in 90 s",
        "off",
    ]
    assert all(words in listed for words in ("always", "once in 2 d", "once in 2 min"))
    assert "At most 10 automatic messages a month, 5 an hour" in listed
    assert json.loads(run(here, "list", "--json")) == kept(here)["rules"]


def test_rules_are_removed_by_name(here):
    run(here, "apply", "prices.yaml", "-y")

    assert "no rule of that id" in run(here, "remove", "prices", "none", "-y", status=1)
    assert len(kept(here)["rules"]) == 3, "all or none"
    assert run(here, "remove", "prices", typed="n\n", status=1).startswith("- prices: keyword")
    assert json.loads(here.run("automations", "remove", "away", "prices", "-y", "--json").stdout)["removed"] == [
        "away",
        "prices",
    ]
    assert [rule["id"] for rule in kept(here)["rules"]] == ["answer"]
    assert "Removed." in run(here, "remove", "answer", "-y")


def test_a_change_that_somebody_else_made_meanwhile_is_not_lost(here):
    run(here, "apply", "rules.yaml", "-y")
    mine = [automations_from({"answer": "Mine"})]

    def change(**_: Any) -> None:
        if mine:
            AutomationsOfNumbers(here.table).replace(NUMBER, mine.pop(), 1)

    events, before_it_is_kept = here.stack.aws.dynamodb.meta.events, "provide-client-params.dynamodb.PutItem"
    events.register(before_it_is_kept, change)
    try:
        said = run(here, "apply", "prices.yaml", "-y", status=1)
    finally:
        events.unregister(before_it_is_kept, change)

    assert "Somebody changed the automations meanwhile" in said
    assert kept(here)["rules"][0]["then"] == [{"reply": "Mine"}]


def test_a_dry_run_tells_everything_that_would_be_done(here, tmp_path):
    then = ["typing", {"tag": ["a", "b"]}, {"handoff": "Look at {{contact.name|them}}"}, "handoff"]
    then += [{"emit": {"name": "lead", "data": {"n": 1}}}, {"reply": {"es": "Hola", "default": "Hello"}}]
    rules = [
        {"id": "all", "when": {"button": "yes"}, "then": then},
        {"id": "other", "when": "referral", "then": "handoff"},
    ]
    (tmp_path / "tap.json").write_text(json.dumps({"type": "button", "button": {"payload": "yes", "text": "Yes"}}))
    Profiles(here.table).change(NUMBER, "16505550101", lambda _: Profile("es").saying({"name": "Ana"}, 1))
    (tmp_path / "all.yaml").write_text(json.dumps({"rules": rules}))

    tap = ("dry-run", "all.yaml", "--message", "tap.json", "--contact", "+1 650 555 0101")
    assert run(here, *tap).splitlines()[1:] == [
        "all acts:",
        "  typing",
        "  tag: a, b",
        "  handoff: Look at Ana",
        "  handoff",
        '  emit: {"name": "lead", "data": {"n": 1}}',
        "  send: Hola",
        "other does not. The customer came by no ad.",
    ]
    nothing = run(here, "dry-run", "all.yaml", "--text", "Hi", "--not-first", "--kind", "message")
    assert nothing.splitlines()[-1] == "Nothing would be done."
    assert json.loads(run(here, *tap, "--json"))["fired"][0]["rule"] == "all"
    assert "at must be a time" in run(here, "dry-run", "--text", "Hi", "--at", "noon", status=1)
    assert "Give --text, or --message." in run(here, "dry-run", status=2)
    assert run(here, "dry-run", "all.yaml", "--kind", "window_closing").startswith("A window about to close at ")
    assert kept(here)["rules"] == []


def test_the_number_is_the_only_one_or_named(here):
    other = "100000000000002"
    here.put_secret({**SECRET, "numbers": {**SECRET["numbers"], other: {"waba_id": WABA, "token": "sentinel-2"}}})

    assert f"{NUMBER}, {other}: choose with --phone-number-id" in run(here, "list", status=1)
    assert "holds no number 42" in run(here, "list", "--phone-number-id", "42", status=1)
    run(here, "apply", "rules.yaml", "-y", "--phone-number-id", other)
    assert (len(kept(here)["rules"]), len(kept(here, other)["rules"])) == (0, 2)
    here.put_secret({**SECRET, "numbers": {}})
    assert "casement secrets set" in run(here, "list", status=1)


def test_apply_answers_scripts(here):
    result = here.run("automations", "apply", "rules.yaml", "-y", "--json")

    assert json.loads(result.stdout) == {"phone_number_id": NUMBER, **kept(here)}
    assert json.loads(here.run("automations", "apply", "rules.yaml", "--json").stdout)["rules"] == kept(here)["rules"]
    assert json.loads(here.run("automations", "show", "--json").stdout) == kept(here)
