"""`casement templates delete`: a template, or some of its translations."""

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.api import Refused, Unclear
from cli.outside import console, numbered
from cli.templates.account import Account, asked_of, print_json
from cli.templates.definition import is_there, place_of
from cli.templates.rows import Listed, shown, status_of
from cli.trouble import Trouble

_TRIES = 3


def delete(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name.")],
    language: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Only this language; may be given again. Without any: all.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a template at Meta, in all languages or in some. What was sent with it stays known."""
    asked = asked_of(ctx)
    with asked.account() as account:
        doomed = _doomed(account, name, language or [])
        console(stderr=asked.as_json).print(shown(doomed, title=f"To be deleted from WABA {account.waba_id}"))
        typer.echo("Meta gives this name and language to no other template for 30 days.", err=True)
        if not yes:
            typer.confirm(f"Delete {numbered(len(doomed), 'translation')} of {name}?", abort=True, err=True)
        if language:
            for each in doomed:
                _delete(account, name, [each], by_id=True)
        else:
            _delete(account, name, doomed, by_id=False)
    if asked.as_json:
        print_json([{"name": name, "language": each.get("language"), "id": each.get("id")} for each in doomed])
    else:
        typer.echo(f"Deleted {numbered(len(doomed), 'translation')} of {name}.")


def _doomed(account: Account, name: str, languages: Sequence[str]) -> Sequence[Listed]:
    """The translations that are meant. Raises `Trouble` where there are none."""
    listed = account.api.templates(account.waba_id, {"name": name})
    there = [each for each in listed if is_there(each) and place_of(each)[0] == name]
    if not there:
        raise Trouble(f"WABA {account.waba_id} has no template {name}. `casement templates list` shows what it has.")
    known = {str(each.get("language")) for each in there}
    if absent := [language for language in languages if language not in known]:
        raise Trouble(f"There is no {name} in {absent[0]!r}: it is there in {', '.join(sorted(known))}.")
    doomed = [each for each in there if not languages or each.get("language") in languages]
    if disabled := [each for each in doomed if status_of(each) == "DISABLED"]:
        raise Trouble(
            f"Meta has disabled {name} ({disabled[0].get('language')}): a disabled template can't be deleted."
        )
    return doomed


def _delete(account: Account, name: str, doomed: Sequence[Listed], *, by_id: bool) -> None:
    """Delete them, and look what became of them before asking again."""
    template_id = str(doomed[0].get("id")) if by_id else None
    for attempt in range(1, _TRIES + 1):
        try:
            account.api.delete(account.waba_id, name, template_id)
        except (Unclear, Refused) as error:
            if isinstance(error, Refused) and attempt == 1:
                raise
            account.outside.sleep(2.0**attempt)
            listed = account.api.templates(account.waba_id, {"name": name}, refresh=True)
            left = {place_of(each) for each in listed if is_there(each)}
            if left.isdisjoint(map(place_of, doomed)):
                return
            if attempt == _TRIES or isinstance(error, Refused):
                raise
        else:
            return
