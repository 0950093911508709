"""docs/cli.md describes every command and every option, and no others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app

TEXT = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(("casement", *path)), command
        return
    for name, each in below.items():
        yield from commands(each, (*path, name))


def groups(command: Any) -> Iterator[Any]:
    """The command itself and those below that have others below."""
    if hasattr(command, "commands"):
        yield command
        for each in command.commands.values():
            yield from groups(each)


GROUPS = list(groups(get_command(app)))
COMMANDS = dict(commands(get_command(app)))


def section(command: str) -> str:
    return TEXT.partition(f"### `{command}`\n")[2].partition("\n### ")[0]


def options(command: Any) -> set[str]:
    longest = (max(parameter.opts, key=len) for parameter in command.params if parameter.param_type_name == "option")
    return set(longest) - {"--help"}


def test_every_command_has_a_section_and_every_section_a_command():
    assert set(re.findall(r"^### `(.+)`$", TEXT, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_section_has_an_example_and_every_option(command):
    example = re.search(r"```(?:bash|console)\n(.+?)```", section(command), re.DOTALL)

    assert example
    assert command in example[1]
    assert not [option for option in options(COMMANDS[command]) if option not in section(command)]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name or "casement")
def test_the_options_of_a_group_are_described(group):
    assert all(f"| `{option}" in TEXT for option in options(group))


def test_every_option_that_is_described_exists():
    known = set().union(*(options(command) for command in [*GROUPS, *COMMANDS.values()]))
    described = re.findall(r"casement[^\n`]* (--[a-z-]+)|^\| `(--[a-z-]+)", TEXT, re.MULTILINE)

    assert {first or second for first, second in described} - {"--help"} <= known


@pytest.mark.parametrize("command", [*COMMANDS.values(), *GROUPS])
def test_every_command_and_option_has_help(command):
    assert command.help
    assert all(parameter.help for parameter in command.params if parameter.param_type_name == "option")
