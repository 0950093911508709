"""`casement webhook`: try the webhook by hand."""

from pathlib import Path
from typing import Annotated

import typer

from casement.meta.signature import sign
from cli.meta_secret import load
from cli.outside import work_of
from cli.trouble import Trouble

app = typer.Typer(help="Try the webhook by hand.", no_args_is_help=True)


@app.callback()
def webhook() -> None:
    """Try the webhook by hand."""


@app.command("sign")
def sign_file(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The body, byte for byte as it is sent.")],
) -> None:
    """Print the signature header that Meta would send with this body."""
    app_secrets = load(work_of(ctx).stack).get("app_secrets")
    if not app_secrets:
        raise Trouble("There is no app secret yet. Set it with: casement secrets set")
    typer.echo(f"X-Hub-Signature-256: {sign(app_secrets[0], file.read_bytes())}")
