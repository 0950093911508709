"""`casement automations list` and `show`: the rules of a number, in few words or in full."""

from typing import Annotated

import typer

from casement.usecases.manage_automations import show_all, show_rule
from cli.automations.files import as_yaml
from cli.automations.number import asked_of, print_json
from cli.automations.words import once_in_words, then_in_words, when_in_words
from cli.outside import console, table


def list_rules(ctx: typer.Context) -> None:
    """List a number's rules, in the order in which they are looked at."""
    asked = asked_of(ctx)
    shown = show_all(asked.number, asked.store).view
    if asked.as_json:
        print_json(shown["rules"])
        return
    rows = table("id", "when", "then", "how often", "stops", "", title=f"Automations of number {asked.number}")
    for rule in shown["rules"]:
        rows.add_row(
            rule["id"],
            when_in_words(rule["when"]),
            then_in_words(rule["then"]),
            once_in_words(rule["once"]),
            "yes" if rule["stop"] else "",
            "" if rule["enabled"] else "off",
        )
    console().print(rows)
    budget = "any number of" if shown["budget"] is None else f"at most {shown['budget']}"
    typer.echo(f"{budget} automatic messages a month, {shown['limit']} an hour and conversation.".capitalize())


def show(
    ctx: typer.Context,
    rule_id: Annotated[str | None, typer.Argument(metavar="[RULE_ID]", help="One rule; all if none is named.")] = None,
) -> None:
    """Print a number's automations as YAML, which `apply` takes."""
    asked = asked_of(ctx)
    shown = show_all(asked.number, asked.store) if rule_id is None else show_rule(asked.number, rule_id, asked.store)
    if asked.as_json:
        print_json(shown.view)
    else:
        typer.echo(as_yaml(shown.view), nl=False)
