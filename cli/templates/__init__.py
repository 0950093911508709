"""`casement templates`: what an account has, the starter library, and sets of templates that move between accounts.

All of it goes through the stack's own HTTP API, so that what is created or deleted here is stored as when anybody else
does it.
"""

from typing import Annotated

import typer

from cli.anywhere import OptionsAnywhere
from cli.outside import work_of
from cli.templates import deleting, finding, listing, moving, previewing, submitting
from cli.templates.account import Asked

app = typer.Typer(
    cls=OptionsAnywhere,
    help="Message templates: list, find, preview, submit, compare, move and delete them.",
    no_args_is_help=True,
)
app.command("list")(listing.list_templates)
app.command("find")(finding.find)
app.command("preview")(previewing.preview)
app.command("submit")(submitting.submit)
app.command("sync")(listing.sync)
app.command("diff")(moving.diff)
app.command("export")(moving.export)
app.command("import")(moving.import_set)
app.command("delete")(deleting.delete)


def _id(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        raise typer.BadParameter(f"{value!r} is no id of Meta's, which has digits only.")
    return value


@app.callback()
def which_account(
    ctx: typer.Context,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="CASEMENT_API_KEY", metavar="KEY", help="An API key of the stack; --local needs none."),
    ] = None,
    waba: Annotated[
        str | None,
        typer.Option(
            callback=_id, metavar="WABA_ID", help="The WhatsApp Business Account; the only one if none is named."
        ),
    ] = None,
    phone_number_id: Annotated[
        str | None, typer.Option(callback=_id, metavar="ID", help="The account of this number, and the number itself.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Message templates: list, find, preview, submit, compare, move and delete them."""
    ctx.obj = Asked(work_of(ctx), api_key, waba, phone_number_id, as_json)
