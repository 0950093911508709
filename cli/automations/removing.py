"""`casement automations remove`: rules that shall act no more."""

from typing import Annotated

import typer

from casement.usecases.manage_automations import remove_rule, show_rule
from cli.automations.number import asked_of, print_json
from cli.automations.words import rule_in_words


def remove(
    ctx: typer.Context,
    rule_id: Annotated[list[str], typer.Argument(metavar="RULE_ID...", help="Which rules.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Remove rules of a number. To keep one and switch it off, apply it with `enabled: false`."""
    asked = asked_of(ctx)
    wanted = list(dict.fromkeys(rule_id))
    for each in wanted:
        typer.echo(f"- {rule_in_words(show_rule(asked.number, each, asked.store).view)}", err=True)
    if not yes:
        typer.confirm(f"Remove from number {asked.number}?", abort=True, err=True)
    for each in wanted:
        remove_rule(asked.number, each, asked.store, lambda _: None)
    if asked.as_json:
        print_json({"phone_number_id": asked.number, "removed": wanted})
    else:
        typer.echo("Removed.")
