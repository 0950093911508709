"""`casement templates submit`: files templates for Meta's review, of the starter library or one's own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.outside import console, table
from cli.starter import Starter, library
from cli.templates.account import Account, asked_of, print_json
from cli.templates.checking import faulty
from cli.templates.definition import Definition, Place, differences, is_there, place_of
from cli.templates.doing import Did, Outcome, Pace, carry_out
from cli.templates.files import read_set
from cli.templates.outcomes import as_json, counted, shown, went_wrong
from cli.templates.plan import Create, by_place
from cli.templates.progress import with_progress
from cli.templates.rows import Listed, reason_of, status_of
from cli.trouble import Trouble

_POLL_S = 5.0
_UNDER_REVIEW = frozenset({"PENDING", "IN_APPEAL"})
_MOST_NAMED = 20  # in one question


def submit(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME…", help="Of the starter library.")] = None,
    show_list: Annotated[bool, typer.Option("--list", help="Show the starter library, and do nothing.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All templates of the starter library.")] = False,
    language: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Only this language; may be given again. Without any: all.")
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Your own: a JSON file or a folder of them; - is stdin.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check them, and submit nothing.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until they are reviewed.")] = False,
    minutes: Annotated[int, typer.Option(min=1, help="How long --wait waits at most.")] = 30,
) -> None:
    """Submit templates for Meta's review. Those that are there already stay as they are.

    Exit status 1 if one is refused, rejected, or left for later.
    """
    asked = asked_of(ctx)
    if show_list:
        _show_library(as_json=asked.as_json)
        return
    wanted = chosen(names or [], everything=everything, languages=language or [], files=file or [])
    with asked.account() as account:
        outcomes = _submitted(wanted, account, dry_run=dry_run)
        if wait and not dry_run:
            with console(stderr=True).status("Waiting for Meta's review"):
                outcomes = _reviewed(outcomes, account, minutes)
    if asked.as_json:
        print_json([as_json(outcome) for outcome in outcomes])
    else:
        console().print(shown(outcomes, f"Templates for WABA {account.waba_id}"))
        typer.echo(counted(outcomes))
    if went_wrong(outcomes):
        raise typer.Exit(1)


def chosen(
    names: Sequence[str], *, everything: bool, languages: Sequence[str], files: Sequence[str]
) -> list[Definition]:
    """The templates that are meant. Raises `Trouble` for those that there are not."""
    known = library()
    if unknown := [name for name in names if name not in known]:
        raise Trouble(f"There is no {unknown[0]!r} in the starter library: see casement templates submit --list")
    starters = list(known.values()) if everything else [known[name] for name in names]
    wanted = [each for starter in starters for each in _translations(starter, languages)]
    own = [each for file in files for each in read_set(file)]
    wanted += [each for each in own if not languages or each["language"] in languages]
    if not wanted:
        raise Trouble("Which ones? Name templates of the starter library (--list shows it), or give a --file.")
    return list(by_place(wanted).values())


def _translations(starter: Starter, languages: Sequence[str]) -> list[Definition]:
    if absent := [language for language in languages if language not in starter.components]:
        there = ", ".join(starter.components)
        raise Trouble(f"The starter library has no {starter.name} in {absent[0]!r}: it speaks {there}.")
    return [starter.creation(language) for language in languages or starter.components]


def _submitted(wanted: Sequence[Definition], account: Account, *, dry_run: bool) -> list[Outcome]:
    there = {place_of(each): each for each in _listed(account, wanted)}
    missing = [each for each in wanted if place_of(each) not in there]
    outcomes = [_as_it_is(each, there[place_of(each)]) for each in wanted if place_of(each) in there]
    if wrong := faulty(missing):
        # One that is wrong keeps the others back: whoever mends it wants to see all of it.
        return [*outcomes, *(_held_back(place_of(each), wrong) for each in missing)]
    if dry_run:
        return [*outcomes, *(Outcome(place_of(each), Did.TO_DO) for each in missing)]
    steps = carry_out([Create(each) for each in missing], account, Pace(account.outside, waits=False))
    return [*outcomes, *with_progress(steps, total=len(missing), what="Submitting")]


def _held_back(place: Place, wrong: dict[Place, tuple[str, ...]]) -> Outcome:
    if place in wrong:
        return Outcome(place, Did.REFUSED, wrong[place])
    return Outcome(place, Did.LEFT, ("Nothing is submitted while another one is faulty.",))


def _as_it_is(wanted: Definition, there: Listed) -> Outcome:
    differs = differences(wanted, there) if "components" in wanted else ()
    why = (f"It differs in {', '.join(differs)}; casement templates import changes it.",) if differs else ()
    return _seen(Outcome(place_of(wanted), Did.THERE, why), there)


def _seen(outcome: Outcome, there: Listed) -> Outcome:
    """The same with what the account says of it now."""
    reason = (reason_of(there),) if reason_of(there) else ()
    category = str(there.get("category", ""))
    return replace(outcome, status=status_of(there), category=category, why=(*outcome.why, *reason))


def _reviewed(outcomes: Sequence[Outcome], account: Account, minutes: int) -> list[Outcome]:
    """The same, once they are reviewed or the time is over. What Meta decided at once is looked at too: it says why."""
    waiting = {each.place: each for each in outcomes if each.did is Did.CREATED or each.status in _UNDER_REVIEW}
    ends = account.outside.now() + minutes * 60_000
    under_review = bool(waiting)
    while under_review and account.outside.now() < ends:
        account.outside.sleep(_POLL_S)
        wanted = [{"name": name, "language": language} for name, language in waiting]
        for there in _listed(account, wanted):
            if (before := waiting.get(place_of(there))) is not None:
                waiting[before.place] = _seen(replace(before, why=()), there)
        under_review = any(each.status in _UNDER_REVIEW for each in waiting.values())
    return [waiting.get(each.place, each) for each in outcomes]


def _listed(account: Account, wanted: Iterable[Definition]) -> Iterator[Listed]:
    """What the account has, of these names at least."""
    names = sorted({place_of(each)[0] for each in wanted})
    named = ",".join(names) if len(names) <= _MOST_NAMED else None
    return filter(is_there, account.api.templates(account.waba_id, {"name": named}))


def _show_library(*, as_json: bool) -> None:
    if as_json:
        print_json([_described(starter) for starter in library().values()])
        return
    rows = table("name", "category", "what it is for", title="The starter library")
    rows.columns[0].no_wrap = True
    for starter in library().values():
        about = Text.assemble(starter.about, (f"\nPurpose: {starter.purpose}", "dim"))
        rows.add_row(starter.name, starter.category, about)
    console().print(rows)
    languages = dict.fromkeys(language for starter in library().values() for language in starter.components)
    typer.echo(f"Each in {', '.join(languages)}. Submit one with: casement templates submit NAME")


def _described(starter: Starter) -> dict[str, Any]:
    shared = {"name": starter.name, "purpose": starter.purpose, "category": starter.category, "about": starter.about}
    return {**shared, "languages": list(starter.components)}
