"""`casement templates list` and `sync`: what an account has, and what Meta changed about it."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from cli.outside import console, numbered, table
from cli.templates.account import asked_of, print_json
from cli.templates.definition import GONE, differences
from cli.templates.plan import by_place
from cli.templates.rows import Listed, quality_of, shown, status_of

_ASPECTS = {"status": status_of, "category": lambda listed: str(listed.get("category", "")), "quality": quality_of}


def list_templates(
    ctx: typer.Context,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="Only these: APPROVED, REJECTED,PAUSED …")
    ] = None,
    category: Annotated[str | None, typer.Option(metavar="CATEGORY", help="Only UTILITY, MARKETING …")] = None,
    language: Annotated[str | None, typer.Option(metavar="CODE", help="Only this language: pt_BR.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Only this name.")] = None,
    q: Annotated[str | None, typer.Option("--q", metavar="TEXT", help="Only those with this in name or texts.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Those that were deleted, too.")] = False,
) -> None:
    """List the templates of an account, all pages of them, as the stack knows them."""
    asked = asked_of(ctx)
    with asked.account() as account:
        filters = {"status": status, "category": category, "language": language, "name": name, "name_or_content": q}
        found = [
            each
            for each in account.api.templates(account.waba_id, filters)
            if deleted or status or status_of(each) not in GONE
        ]
        if asked.as_json:
            print_json(found)
        elif not found:
            typer.echo(_nothing(account.waba_id, filtered=any(filters.values())))
        else:
            console().print(shown(found, title=f"Templates of WABA {account.waba_id}"))
            names = {each.get("name") for each in found}
            typer.echo(f"{numbered(len(found), 'translation')} of {numbered(len(names), 'template')}.")


def _nothing(waba_id: str, *, filtered: bool) -> str:
    if filtered:
        return f"WABA {waba_id} has no such template."
    return f"WABA {waba_id} has no template yet. Begin with: casement templates submit --list"


def sync(ctx: typer.Context) -> None:
    """Let the stack read all templates from Meta now, and say what changed."""
    asked = asked_of(ctx)
    with asked.account() as account:
        before = list(account.api.templates(account.waba_id))
        with console(stderr=True).status("Reading the templates from Meta"):
            after = list(account.api.templates(account.waba_id, refresh=True))
    found = list(changes(before, after))
    if asked.as_json:
        print_json({"waba_id": account.waba_id, "templates": len(after), "changes": found})
        return
    if found:
        rows = table("name", "language", "what", "was", "now", title=f"What changed in WABA {account.waba_id}")
        for change in found:
            rows.add_row(*(change[column] for column in ("name", "language", "what", "was", "now")))
        console().print(rows)
    typer.echo(f"{numbered(len(after), 'translation')} read, {numbered(len(found), 'change')}.")


def changes(before: Iterable[Listed], after: Iterable[Listed]) -> Iterator[dict[str, str]]:
    """What two listings differ in: a status, a category, a quality, or the components that say something else."""
    old, new = by_place(before), by_place(after)
    for place in sorted({*old, *new}):
        was, now = old.get(place, {}), new.get(place, {})
        for what, before_after in _differing(was, now):
            yield dict(zip(("name", "language", "what", "was", "now"), (*place, what, *before_after), strict=True))


def _differing(was: Listed, now: Listed) -> Iterator[tuple[str, tuple[str, str]]]:
    for what, aspect in _ASPECTS.items():
        if aspect(was) != aspect(now):
            yield what, (aspect(was), aspect(now))
    if was and now:
        yield from ((part, ("", "changed")) for part in differences(now, was) if part != "category")
