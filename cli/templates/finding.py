"""`casement templates find`: which template could go to a customer now, and why the others can't."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.outside import console, table
from cli.starter import library
from cli.templates.account import asked_of, print_json


def find(
    ctx: typer.Context,
    q: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Words of its name or what it says.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="WA_ID", help="Whom it would go to: a phone number or BSUID.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(metavar="PURPOSE", help="Only those of a purpose of the number.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="The language it should be in; the customer's if none is named.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many are shown, of each kind.")] = 25,
) -> None:
    """Find the templates that can go out now, best first, with what each still needs; and why others can't."""
    asked = asked_of(ctx)
    query = {
        "contact": contact,
        "purpose": purpose,
        "language": language,
        "q": " ".join(q or []) or None,
        "limit": str(limit),
    }
    with asked.account() as account:
        found = account.api.find({"phone_number_id": account.number_meant(), **query})
    if asked.as_json:
        print_json(found)
    else:
        _show(found)


def _show(found: Mapping[str, Any]) -> None:
    usable, unusable = found.get("usable") or [], found.get("unusable") or []
    if usable:
        rows = table("name", "language", "category", "needs", "says", title="Can go now, best first")
        for each in usable:
            needs = ", ".join(map(str, each.get("needs") or ()))
            rows.add_row(*_named(each), str(each.get("category")), needs, str(each.get("body") or ""))
        console().print(rows)
    if unusable:
        rows = table("name", "language", "status", "why", title="Can't go now")
        for each in unusable:
            rows.add_row(*_named(each), str(each.get("status") or ""), Text(str(each.get("why") or "")))
        console().print(rows)
    for name in _to_be_had(unusable):
        typer.echo(f"{name} is in the starter library: casement templates submit {name}")
    count = found.get("count") or {}
    typer.echo(f"{count.get('usable', len(usable))} can go, {count.get('unusable', len(unusable))} can't.")


def _to_be_had(unusable: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What a purpose names, the account lacks, and the starter library has."""
    absent = (str(each.get("name")) for each in unusable if not each.get("language") and not each.get("status"))
    return (name for name in dict.fromkeys(absent) if name in library())


def _named(each: Mapping[str, Any]) -> tuple[str, str]:
    return str(each.get("name")), str(each.get("language") or "")
