"""The command itself: global options, and how what goes wrong is told.

Exit status: 0 fine, 1 something is wrong, 2 wrong usage.
"""

from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.errors import CasementError
from cli import api_keys, automations, doctor, flows, meta_secret, replay, subscriptions, templates, webhook
from cli.anywhere import OptionsAnywhere
from cli.outside import Outside, Work
from cli.stack import DEFAULT_STACK, Where
from cli.trouble import Trouble, in_words


class Casement(OptionsAnywhere):
    """Takes the global options anywhere on the line, and tells expected errors in words instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (Trouble, CasementError, BotoCoreError, ClientError) as error:
            typer.secho(in_words(error), fg=typer.colors.RED, err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    cls=Casement,
    help="Looks after a Casement stack: its API keys, secret, health, templates, Flows, automations, subscribers.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a local variable may hold a token
    add_completion=False,
)
app.add_typer(api_keys.app, name="keys")
app.add_typer(meta_secret.app, name="secrets")
app.command("doctor")(doctor.doctor)
app.command("replay")(replay.replay_command)
app.add_typer(templates.app, name="templates")
app.add_typer(flows.app, name="flows")
app.add_typer(automations.app, name="automations")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(webhook.app, name="webhook")


@app.callback()
def which_stack(
    ctx: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option(
            envvar="CASEMENT_STACK",
            metavar="NAME",
            help=f"The CloudFormation stack; {DEFAULT_STACK} if none is named.",
        ),
    ] = None,
    region: Annotated[str | None, typer.Option(metavar="REGION", help="Its AWS Region.")] = None,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="The AWS profile to use.")] = None,
    local: Annotated[bool, typer.Option("--local", help="The local stack that `make run` started.")] = False,
) -> None:
    """Looks after a Casement stack: its API keys, secret, health, templates, Flows, automations, subscribers."""
    if local and (region or profile or (stack and _given(ctx, "stack"))):
        raise typer.BadParameter("--local is a stack of its own: leave --stack, --region and --profile out.")
    where = Where(stack or DEFAULT_STACK, region, profile, local)
    ctx.obj = Work(ctx.obj or Outside(), where)


def _given(ctx: typer.Context, name: str) -> bool:
    """Whether an option stands on the line itself, not just in the environment."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
