"""`casement automations apply`: a number's automations become what a file says."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from casement.domain.automations_document import automations_from, document_of
from casement.domain.errors import AutomationsFaulty, ChangedMeanwhile
from casement.usecases.manage_automations import set_all
from cli.automations.files import read_document
from cli.automations.number import asked_of, faulty, print_json
from cli.automations.words import rule_in_words
from cli.trouble import Trouble


def apply(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - is stdin.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Make a number's automations what a file says. Shows what changes, and asks."""
    asked = asked_of(ctx)
    given = read_document(file)
    try:
        wanted = document_of(automations_from(given))
    except AutomationsFaulty as error:
        raise faulty(file, error) from None
    kept = asked.store.fresh(asked.number)
    changes = list(changes_between(document_of(kept.automations), wanted))
    for change in changes:
        typer.echo(change, err=asked.as_json)
    if not changes:
        typer.echo(f"The automations of number {asked.number} are so already.", err=asked.as_json)
    elif not yes:
        typer.confirm(f"Apply to number {asked.number}?", abort=True, err=True)
    if changes:
        set_all(asked.number, wanted, asked.store, lambda version: _must_be(version, kept.version))
    if asked.as_json:
        print_json({"phone_number_id": asked.number, **wanted})
    elif changes:
        typer.echo("Applied. It works everywhere within 5 seconds.")


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What differs, a line each: `+` is new, `-` is gone, `~` is other than it was."""
    for name in ("business_hours", "language", "budget", "limit"):
        if old[name] != new[name]:
            sign = "+" if old[name] is None else "-" if new[name] is None else "~"
            yield f"{sign} {name}"
    before, after = ({rule["id"]: rule for rule in document["rules"]} for document in (old, new))
    for id_, rule in after.items():
        if id_ not in before:
            yield f"+ {rule_in_words(rule)}"
        elif rule != before[id_]:
            differs = ", ".join(name for name in rule if rule[name] != before[id_][name])
            yield f"~ {rule_in_words(rule)}: other {differs}"
    yield from (f"- {rule_in_words(rule)}" for id_, rule in before.items() if id_ not in after)
    stayed = [[id_ for id_ in ids if id_ in before and id_ in after] for ids in (before, after)]
    if stayed[0] != stayed[1]:
        yield f"~ the order of rules: {', '.join(after)}"


def _must_be(version: int, shown: int) -> None:
    if version != shown:
        raise Trouble(
            "Somebody changed the automations meanwhile. Look again: run it once more."
        ) from ChangedMeanwhile()
