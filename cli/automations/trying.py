"""`casement automations dry-run`: what rules would do with a message."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from casement.domain.automations import Kind
from casement.domain.automations_document import automations_from
from casement.domain.errors import AutomationsFaulty
from casement.store.conversations import Conversations
from casement.store.messages import Messages
from casement.store.numbers import Numbers
from casement.store.profiles import Profiles
from casement.usecases.try_automations import try_automations
from cli.automations.files import read_document
from cli.automations.number import asked_of, faulty, print_json

_HAPPENS = {
    Kind.MESSAGE: "A message",
    Kind.OPTED_OUT: "An opt-out",
    Kind.WINDOW_CLOSING: "A window about to close",
}


def dry_run(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="Rules to try; those that are kept if none is named.")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="What the customer writes.")] = None,
    message: Annotated[
        str | None, typer.Option(metavar="FILE", help="Another message, as Meta tells of it: a JSON file; - is stdin.")
    ] = None,
    flow_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose form the message is: the id or name of the Flow.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="KIND", help="What happens: message, opted_out or window_closing.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When, on the business's clock: 2026-12-24T20:00. Now, if not said."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="WA_ID", help="Who writes: a phone number or BSUID that is known.")
    ] = None,
    not_first: Annotated[bool, typer.Option("--not-first", help="It is not the first message of its window.")] = False,
) -> None:
    """Tell which rules would act on a message, what would be sent, and why the others would not. Nothing is sent."""
    if text is None and message is None and kind in (None, Kind.MESSAGE):
        raise typer.BadParameter("Give --text, or --message.")
    asked = asked_of(ctx)
    table = asked.work.stack.table
    automations = asked.store.fresh(asked.number).automations
    if file is not None:
        try:
            automations = automations_from(read_document(file))
        except AutomationsFaulty as error:
            raise faulty(file, error) from None
    given = {
        "text": text,
        "message": read_document(message) if message is not None else None,
        "flow_id": flow_id,
        "kind": kind,
        "at": at,
        "contact": contact,
    }
    wanted = {name: value for name, value in given.items() if value is not None} | {"first_message": not not_first}
    tried = try_automations(
        asked.number,
        wanted,
        automations,
        Numbers(table).fresh(asked.number, asked.work.now).settings,
        read_alias=Conversations(table).alias,
        profiles=Profiles(table),
        messages=Messages(table),
        now=asked.work.now,
    )
    if asked.as_json:
        print_json(tried)
    else:
        _show(tried)


def _show(tried: Mapping[str, Any]) -> None:
    typer.echo(f"{_HAPPENS[tried['kind']]} at {tried['at']}:")
    for fired in tried["fired"]:
        typer.echo(f"{fired['rule']} acts:")
        for action in fired["actions"]:
            for name, value in action.items():
                typer.echo(f"  {name.replace('_', ' ')}{_said(value)}")
    for passed in tried["passed"]:
        typer.echo(f"{passed['rule']} does not. {passed['why']}")
    if not tried["fired"]:
        typer.echo("Nothing would be done.")


def _said(value: Any) -> str:
    match value:
        case True:
            return ""
        case {"type": "text", "text": {"body": body}}:
            return f": {body}"
        case {"note": None}:
            return ""
        case {"note": note}:
            return f": {note}"
        case [*words]:
            return f": {', '.join(words)}"
    return f": {json.dumps(value, ensure_ascii=False)}"
