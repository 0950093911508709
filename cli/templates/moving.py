"""`casement templates export`, `diff` and `import`: sets of templates, in files and in accounts."""

from typing import Annotated

import typer
from rich.table import Table

from cli.api import NotRead
from cli.outside import console, numbered, table
from cli.templates.account import Account, Asked, asked_of, print_json
from cli.templates.checking import faults, faulty
from cli.templates.definition import Definition, Place, creation, is_there, place_of
from cli.templates.doing import CREATIONS_AN_HOUR, Did, Outcome, Pace, carry_out
from cli.templates.files import STDIO, read_set, write_set
from cli.templates.outcomes import as_json, counted, shown, went_wrong
from cli.templates.plan import Comparison, Create, Edit, Plan, compare, plan
from cli.templates.progress import with_progress
from cli.templates.rows import Listed
from cli.trouble import Trouble

Source = Annotated[str | None, typer.Argument(metavar="[SET]", help="A file or folder of export; - is stdin.")]
FromWaba = Annotated[str | None, typer.Option("--from-waba", metavar="WABA_ID", help="The set that this WABA has.")]
FromStack = Annotated[
    str | None,
    typer.Option("--from-stack", metavar="NAME", help="The stack that serves --from-waba; this one if none."),
]
FromKey = Annotated[
    str | None,
    typer.Option("--from-api-key", envvar="CASEMENT_FROM_API_KEY", metavar="KEY", help="An API key of --from-stack."),
]


def export(
    ctx: typer.Context,
    path: Annotated[str, typer.Argument(metavar="FOLDER|FILE.json", help="Where to; - is stdout.")],
    status: Annotated[str | None, typer.Option(metavar="STATUS", help="Only these: APPROVED.")] = None,
    category: Annotated[str | None, typer.Option(metavar="CATEGORY", help="Only UTILITY, MARKETING …")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Only this name; several with commas.")] = None,
) -> None:
    """Write the templates of an account to files: for each, what Meta needs to make it again."""
    asked = asked_of(ctx)
    with asked.account() as account:
        exported = _set_of(account, status=status, category=category, name=name)
    if not exported:
        raise Trouble("There is no such template.")
    strangers = write_set(path, exported)
    lacking = faulty(exported)
    if asked.as_json and path != STDIO:
        lacks = [_named(place) | {"why": list(why)} for place, why in lacking.items()]
        print_json({"exported": len(exported), "incomplete": lacks, "others_in_folder": strangers})
        return
    if lacking:
        typer.echo(
            "Not complete. Before these can be made again, edit their files; samples of media are not exported:",
            err=True,
        )
        for (template, language), why in lacking.items():
            typer.echo(f"  {template} ({language}): {' '.join(why)}", err=True)
    if strangers:
        typer.echo(f"Left as they were, of templates that are not in this set: {', '.join(strangers)}", err=True)
    where = "stdout" if path == STDIO else path
    typer.echo(f"{numbered(len(exported), 'translation')} exported to {where}.", err=path == STDIO)


def diff(
    ctx: typer.Context,
    source: Source = None,
    from_waba: FromWaba = None,
    from_stack: FromStack = None,
    from_api_key: FromKey = None,
) -> None:
    """Compare a set, in files or of another account, with what an account has. Exit status 1 if they differ.

    Examples are not compared: only reviewers see them.
    """
    asked = asked_of(ctx)
    wanted = _source(asked, source, from_waba, from_stack, from_api_key)
    with asked.account() as account:
        found = compare(wanted, account.api.templates(account.waba_id))
    if asked.as_json:
        print_json(_comparison(found))
    else:
        if not found.is_same:
            console().print(_compared(found, f"The set, and WABA {account.waba_id}"))
        typer.echo(
            f"{len(found.only_here)} only in the set, {len(found.only_there)} only there, "
            f"{len(found.different)} different, {len(found.same)} the same."
        )
    if not found.is_same:
        raise typer.Exit(1)


def import_set(
    ctx: typer.Context,
    source: Source = None,
    from_waba: FromWaba = None,
    from_stack: FromStack = None,
    from_api_key: FromKey = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do it. Without it, only what would be done is shown.")
    ] = False,
    pace: Annotated[
        bool, typer.Option("--pace", help="Wait for as long as Meta takes no more, instead of stopping there.")
    ] = False,
    new_only: Annotated[bool, typer.Option("--new-only", help="Make what is missing, and change nothing.")] = False,
) -> None:
    """Bring a set, in files or of another account, into an account: make what is missing, change what differs.

    Nothing is deleted. It may be stopped at any time: the same command goes on with what is left. Exit status 1 if
    something is refused, or left.
    """
    asked = asked_of(ctx)
    wanted = _source(asked, source, from_waba, from_stack, from_api_key)
    with asked.account() as account:
        todo = plan(wanted, _there_now(account), faults)
        steps: list[Create | Edit] = [*todo.create, *(() if new_only else todo.edit)]
        outcomes = [Outcome(each.place, Did.REFUSED, each.why) for each in todo.blocked]
        if yes:
            done = carry_out(steps, account, Pace(account.outside, waits=pace))
            outcomes += with_progress(done, total=len(steps), what="Importing")
    if asked.as_json:
        print_json(_planned(todo, new_only=new_only) | {"dry_run": not yes, "outcomes": [*map(as_json, outcomes)]})
    elif yes:
        if outcomes:
            console().print(shown(outcomes, f"Templates for WABA {account.waba_id}"))
        typer.echo(f"{counted(outcomes)} {len(todo.same)} were the same." if outcomes else "There was nothing to do.")
    else:
        _show_plan(todo, account, new_only=new_only)
    if went_wrong(outcomes):
        raise typer.Exit(1)


def _source(
    asked: Asked, path: str | None, waba: str | None, stack: str | None, api_key: str | None
) -> list[Definition]:
    """The set that is meant: in files, or what another account has."""
    if path is not None and (waba is not None or stack is not None):
        raise Trouble("Give one set: a file or folder, or --from-waba or --from-stack.")
    if path is not None:
        return read_set(path)
    if waba is None and stack is None:
        raise Trouble("Which set? Give the file or folder of an export, or --from-waba or --from-stack.")
    with asked.other(waba, stack, api_key) as account:
        return _set_of(account)


def _set_of(account: Account, **filters: str | None) -> list[Definition]:
    """What an account has, as it is created."""
    listed = account.api.templates(account.waba_id, filters)
    return [creation(each) for each in listed if is_there(each)]


def _there_now(account: Account) -> list[Listed]:
    """What the account has, by Meta if it can be asked: of very many templates, not while one waits."""
    try:
        return list(account.api.templates(account.waba_id, refresh=True))
    except NotRead as error:
        typer.echo(f"{error} So this goes by what the stack read last.", err=True)
        return list(account.api.templates(account.waba_id))


def _named(place: Place) -> dict[str, object]:
    name, language = place
    return {"name": name, "language": language}


def _comparison(found: Comparison) -> dict[str, object]:
    return {
        "only_here": [*map(_named, found.only_here)],
        "only_there": [*map(_named, found.only_there)],
        "different": [_named(place) | {"differs": [*differs]} for place, differs in found.different],
        "same": len(found.same),
    }


def _compared(found: Comparison, title: str) -> Table:
    rows = table("name", "language", "where", "differs in", title=title)
    for place in found.only_here:
        rows.add_row(*place, "only in the set", "")
    for place in found.only_there:
        rows.add_row(*place, "only there", "")
    for place, differs in found.different:
        rows.add_row(*place, "both", ", ".join(differs))
    return rows


def _planned(todo: Plan, *, new_only: bool) -> dict[str, object]:
    return {
        "create": [_named(place_of(step.definition)) for step in todo.create],
        "edit": [_named(step.place) | {"differs": [*step.differs]} for step in (() if new_only else todo.edit)],
        "same": len(todo.same),
        "only_there": [*map(_named, todo.only_there)],
    }


def _show_plan(todo: Plan, account: Account, *, new_only: bool) -> None:
    """A dry run."""
    edits = () if new_only else todo.edit
    rows = table("name", "language", "would be", "why", title=f"What an import into WABA {account.waba_id} would do")
    for create in todo.create:
        rows.add_row(*place_of(create.definition), "created", "")
    for edit in edits:
        rows.add_row(*edit.place, "edited", f"It differs in {', '.join(edit.differs)}")
    for blocked in todo.blocked:
        rows.add_row(*blocked.place, "left out", "\n".join(blocked.why))
    if rows.row_count:
        console().print(rows)
    typer.echo(
        f"{len(todo.create)} to create, {len(edits)} to edit, {len(todo.blocked)} left out, {len(todo.same)} the same, "
        f"{len(todo.only_there)} only there, which stay."
    )
    if edits:
        typer.echo("What is edited goes back to review, and can't be sent until it is approved again.")
    if len(todo.create) > CREATIONS_AN_HOUR:
        typer.echo(f"Meta takes {CREATIONS_AN_HOUR} new templates an hour: it will stop there, or wait with --pace.")
    if todo.create or edits:
        typer.echo("Nothing was changed. Do it with --yes.")
