"""`casement automations`: what follows from a number's messages by itself, as files say it."""

from typing import Annotated

import typer

from cli.anywhere import OptionsAnywhere
from cli.automations import applying, removing, showing, trying
from cli.automations.number import Asked
from cli.outside import work_of

app = typer.Typer(
    cls=OptionsAnywhere,
    help="Automations: apply rules from a file, show them, try them, remove them.",
    no_args_is_help=True,
)
app.command("apply")(applying.apply)
app.command("list")(showing.list_rules)
app.command("show")(showing.show)
app.command("dry-run")(trying.dry_run)
app.command("remove")(removing.remove)


@app.callback()
def which_number(
    ctx: typer.Context,
    phone_number_id: Annotated[
        str | None,
        typer.Option(metavar="ID", help="The number whose automations are meant; the only one if none is named."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Automations: apply rules from a file, show them, try them, remove them."""
    ctx.obj = Asked(work_of(ctx), phone_number_id, as_json)
