"""`casement subscriptions`: who is told what happened, and what became of each event.

All of it goes through the stack's own HTTP API: a test is delivered from there, and so is what is delivered again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text

from cli.anywhere import OptionsAnywhere
from cli.api import Api, Json, api_of
from cli.outside import Work, console, numbered, table, work_of
from cli.trouble import Trouble

NO_KEY = (
    "An API key is needed. Make one that may manage, and put it into the environment: "
    "export CASEMENT_API_KEY=$(casement keys create --name subscriptions --scope read --scope manage)"
)
_PATH = "/casement/v1/subscriptions"
_NARROW = 120  # columns of a terminal, in which an id and what stands beside it can be read
_STYLE = {
    "active": "green",
    "paused": "bold red",
    "delivered": "green",
    "waiting": "yellow",
    "failed": "bold red",
    "missed": "bold red",
}

app = typer.Typer(
    cls=OptionsAnywhere,
    help="Subscriptions: who is told what happened, by signed webhooks or on the event bus.",
    no_args_is_help=True,
)
Id = Annotated[str, typer.Argument(metavar="ID", help="The subscription, by its id (sub_…).")]


@dataclass(frozen=True)
class Asked:
    """What the options of `casement subscriptions` say."""

    work: Work
    api_key: str | None
    as_json: bool

    @contextmanager
    def api(self) -> Iterator[Api]:
        """The stack's API, while one works with it. Raises `Trouble` without a key."""
        with self.work.outside.http() as http:
            yield api_of(self.work.stack, http, self.api_key, self.work.outside.sleep, NO_KEY)

    def show(self, answer: Any, words: str) -> None:
        """The answer for a script, or what it comes to for people."""
        typer.echo(json.dumps(answer, indent=2, ensure_ascii=False) if self.as_json else words)


@app.callback()
def options(
    ctx: typer.Context,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="CASEMENT_API_KEY", metavar="KEY", help="An API key of the stack; --local needs none."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Subscriptions: who is told what happened, by signed webhooks or on the event bus."""
    ctx.obj = Asked(work_of(ctx), api_key, as_json)


def _asked(ctx: typer.Context) -> Asked:
    asked: Asked = ctx.obj
    return asked


@app.command("list")
def list_subscriptions(ctx: typer.Context) -> None:
    """List them, with what each wants and how it is."""
    asked = _asked(ctx)
    with asked.api() as api:
        found = api.read(_PATH)["data"]
    if asked.as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    shown = table("id", "to", "events", "numbers", "status", "since", "description", narrow=_NARROW)
    for each in found:
        numbers = ", ".join(each["numbers"]) or "all"
        shown.add_row(
            each["id"], _target(each), _wanted(each), numbers, _state(each), each["since"][:16], each["description"]
        )
    console().print(shown)
    for each in found:
        if each.get("why"):
            typer.echo(f"{each['id']} is paused: {each['why']}")


@app.command("add")
def add(
    ctx: typer.Context,
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="Where to POST, by https.")] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="An event type, a group such as 'message.*', or '*'; repeatable."),
    ] = None,
    numbers: Annotated[
        list[str] | None,
        typer.Option("--number", metavar="ID", help="A phone_number_id or WABA id; repeatable. Without any, all."),
    ] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    concurrency: Annotated[int, typer.Option(help="Deliveries that may be under way at a time, 1 to 50.")] = 8,
    meta: Annotated[
        bool, typer.Option("--meta", help="In Meta's own shape, signed as Meta signs; --type names Meta's fields.")
    ] = False,
    event_bus: Annotated[bool, typer.Option("--event-bus", help="To the stack's event bus, not to a URL.")] = False,
    ask_secret: Annotated[
        bool, typer.Option("--ask-secret", help="Ask for the secret to sign with, in place of a new one.")
    ] = False,
    ask_verify_token: Annotated[
        bool, typer.Option("--ask-verify-token", help="With --meta: ask for the bot's verify token, and shake hands.")
    ] = False,
) -> None:
    """Tell somebody what happens. The secret that signs it is printed, once."""
    asked = _asked(ctx)
    if (url is None) != event_bus:
        raise typer.BadParameter("Give a URL, or --event-bus.")
    wanted: Json = {"description": description, "concurrency": concurrency}
    wanted |= {"event_bus": True} if event_bus else {"url": url}
    if meta:
        wanted["mode"] = "meta"
    if types:
        wanted["types"] = types
    if numbers:
        wanted["numbers"] = numbers
    if ask_secret:
        wanted["secret"] = typer.prompt("Secret", hide_input=True, err=True)
    if ask_verify_token:
        wanted["verify_token"] = typer.prompt("Verify token", hide_input=True, err=True)
    with asked.api() as api:
        made = api.do("POST", _PATH, wanted)
    if asked.as_json:
        typer.echo(json.dumps(made, indent=2, ensure_ascii=False))
        return
    typer.echo(
        f"Subscribed: {made['id']}. It works within five seconds. Try it: casement subscriptions test {made['id']}",
        err=True,
    )
    if not ask_secret:  # who typed it has it
        _print_secret(made)


@app.command("show")
def show(ctx: typer.Context, id_: Id) -> None:
    """Show one, as JSON."""
    with _asked(ctx).api() as api:
        typer.echo(json.dumps(api.read(_one(id_)), indent=2, ensure_ascii=False))


@app.command("test")
def test(ctx: typer.Context, id_: Id) -> None:
    """Deliver a made-up event now, and show what its server said."""
    asked = _asked(ctx)
    with asked.api() as api:
        tried = api.do("POST", f"{_one(id_)}/test")
    if asked.as_json or tried["delivered"]:
        answered = f": it answered {tried['status']}" if "status" in tried else ""  # the event bus has no status
        asked.show(tried, f"Delivered in {tried.get('ms')} ms{answered}.")
    if not tried["delivered"]:
        raise Trouble(f"It was not taken. {tried.get('why')}")


@app.command("pause")
def pause(ctx: typer.Context, id_: Id) -> None:
    """Deliver nothing more to one. What it misses is kept for 30 days."""
    asked = _asked(ctx)
    with asked.api() as api:
        paused = api.do("POST", f"{_one(id_)}/pause")
    asked.show(paused, f"Paused. Let it go on with: casement subscriptions resume {paused['id']}")


@app.command("resume")
def resume(
    ctx: typer.Context,
    id_: Id,
    skip: Annotated[bool, typer.Option("--skip", help="Leave out what it missed.")] = False,
) -> None:
    """Deliver to one again, what it missed first."""
    asked = _asked(ctx)
    with asked.api() as api:
        resumed = api.do("POST", f"{_one(id_)}/resume", {"redeliver": not skip})
    count = numbered(resumed["missed"], "event")
    missed = f"More than {count}" if resumed.get("more_missed") else count
    asked.show(resumed, f"It goes on. {missed} missed{', left out' if skip else ': on the way'}.")


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    id_: Id,
    keep_old: Annotated[int, typer.Option(metavar="SECONDS", help="How long the old secret signs too.")] = 86_400,
    ask_secret: Annotated[
        bool, typer.Option("--ask-secret", help="Ask for the new secret, in place of making one.")
    ] = False,
) -> None:
    """Sign with another secret, which is printed once. For a while the old one signs too, but in Meta's shape."""
    asked = _asked(ctx)
    body: Json = {"keep_old_s": keep_old}
    if ask_secret:
        body["secret"] = typer.prompt("Secret", hide_input=True, err=True)
    with asked.api() as api:
        rotated = api.do("POST", f"{_one(id_)}/rotate_secret", body)
    if asked.as_json:
        typer.echo(json.dumps(rotated, indent=2, ensure_ascii=False))
    elif not ask_secret:
        _print_secret(rotated)
    else:
        typer.echo("It signs with the new secret from now on.", err=True)


@app.command("redeliver")
def redeliver(
    ctx: typer.Context,
    id_: Id,
    event: Annotated[str | None, typer.Option(metavar="EVENT_ID", help="One event (evt_…).")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="What happened since: 2026-11-18T09:00, or 90m, 12h, 3d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="And before; now if not given.")] = None,
    only_failed: Annotated[bool, typer.Option("--only-failed", help="Only what never arrived.")] = False,
) -> None:
    """Deliver again: one event, or what happened in a stretch of time. Ids and numbers stay as they were."""
    asked = _asked(ctx)
    if (event is None) == (since is None):
        raise typer.BadParameter("Give --event, or --since.")
    if event is not None and (until is not None or only_failed):
        raise typer.BadParameter("--until and --only-failed go with --since.")
    body: Json = {"event_id": event} if event is not None else {"only_failed": only_failed}
    if since is not None:
        body["since"] = _seconds(since, asked.work.now)
    if until is not None:
        body["until"] = _seconds(until, asked.work.now)
    with asked.api() as api:
        answer = api.do("POST", f"{_one(id_)}/redeliver", body)
    asked.show(answer, f"On its way. See: casement subscriptions deliveries {id_}")


@app.command("deliveries")
def deliveries(
    ctx: typer.Context,
    id_: Id,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only delivered, waiting, failed or missed ones.")
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only events of this type, or group.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, 1 to 100.")] = 25,
) -> None:
    """Show what became of the newest events."""
    asked = _asked(ctx)
    given = {"limit": str(limit), "state": state, "type": type_}
    with asked.api() as api:
        found = api.read(f"{_one(id_)}/deliveries", {name: value for name, value in given.items() if value})["data"]
    if asked.as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    shown = table("event", "type", "happened", "status", "tries", "answer", "ms", "why", narrow=_NARROW)
    for line in found:
        happened = datetime.fromtimestamp(line["timestamp"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        answer, took = line.get("status", ""), line.get("ms", "")
        shown.add_row(
            line["event_id"], line["type"], happened, _state(line), str(line["attempts"]), str(answer), str(took),
            line.get("why", ""),
        )  # fmt: skip
    console().print(shown)


@app.command("remove")
def remove(
    ctx: typer.Context, id_: Id, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Tell one nothing more. What waits for it goes nowhere."""
    asked = _asked(ctx)
    with asked.api() as api:
        found = api.read(_one(id_))
        if not yes:
            typer.confirm(f"Remove {found['id']}, which goes to {_target(found)}?", abort=True, err=True)
        answer = api.do("DELETE", _one(id_))
    asked.show(answer, "Removed.")


def _one(id_: str) -> str:
    return f"{_PATH}/{quote(id_, safe='')}"


def _state(shown: Json) -> Text:
    return Text(shown["state"], style=_STYLE.get(shown["state"], ""))


def _target(subscription: Json) -> str:
    return str(subscription.get("url") or "the event bus")


def _wanted(subscription: Json) -> str:
    types = ", ".join(subscription["types"])
    return f"Meta's {types}" if subscription["mode"] == "meta" else types


def _print_secret(subscription: Json) -> None:
    """The result, for a script; what it is, for people."""
    if "secret" in subscription:
        typer.echo("The secret that signs what it gets. Keep it now: it is not shown again.", err=True)
        typer.echo(subscription["secret"])


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _seconds(given: str, now: int) -> int:
    """A time, in epoch seconds: one of ISO 8601 (UTC unless it says otherwise), or so long ago."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    if given[:-1].isdigit() and len(given) < 6 and given[-1] in _UNITS:
        return int((moment - timedelta(**{_UNITS[given[-1]]: int(given[:-1])})).timestamp())
    try:
        said = datetime.fromisoformat(given)
    except ValueError:
        raise typer.BadParameter(f"{given!r} is no time: 2026-11-18T09:00, or 90m, 12h, 3d.") from None
    return int((said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp())
