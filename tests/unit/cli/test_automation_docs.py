"""docs/automations.md says what there is, and its examples are taken as they stand."""

import re

import pytest

from casement.domain.automations_document import _ACTIONS, _CONDITIONS, _RULE, _VARIABLES, automations_from
from cli.automations.files import read_document
from local.stack.children import ROOT

PAGE = (ROOT / "docs" / "automations.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)


def section(title: str) -> str:
    return PAGE.partition(f" {title}\n")[2].partition("\n#")[0]


def first_column(title: str) -> set[str]:
    cells = re.findall(r"^\| (.+?) \| ", section(title), re.MULTILINE)[1:]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_taken(example, tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(example)
    said = read_document(str(file))
    if "when" in said or "reply" in said:  # a piece of a rule
        said = {"rules": [{"id": "r", "when": "message", "then": {"reply": said.pop("reply", "Hi")}, **said}]}

    given = {"business_hours": {"time_zone": "UTC", "hours": {"mon": "09:00-10:00"}}, **said}
    automations = automations_from(given)

    assert automations.rules or automations.hours


def test_the_tables_name_what_there_is():
    assert first_column("A rule") == set(_RULE)
    assert first_column("When") == set(_CONDITIONS)
    assert first_column("Then") == set(_ACTIONS)


def test_the_variables_are_those_there_are():
    named = {name.strip("{}") for name in first_column("Variables")}
    contact = {name if "." in name else f"contact.{name}" for name in named - {"flow.<name>"}}

    assert contact == set(_VARIABLES)
