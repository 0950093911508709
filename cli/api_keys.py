"""`casement keys`: Casement's own API keys. A key is shown once; only its digest is kept."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from casement.domain.api_key import ApiKey, Scope, digest_of
from casement.domain.errors import InvalidRequest
from casement.domain.policy import policy_in
from casement.store.api_keys import ApiKeys
from cli.outside import console, table, work_of
from cli.trouble import Trouble

_SHOWN_DIGITS = 12
_FEWEST_DIGITS = 6  # of a digest, to name a key by

app = typer.Typer(help="API keys: what callers put into Authorization.", no_args_is_help=True)


def _numbers(values: list[str]) -> list[str]:
    for value in values:
        if not (value.isascii() and value.isdigit()):
            raise typer.BadParameter(f"{value!r} is no phone number id, which has digits only.")
    return values


def _name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise typer.BadParameter("A name has at least one letter, and no control characters.")
    return value.strip()


def _policy(value: str | None) -> str | None:
    """A policy as the functions will read it, or no default."""
    if value is None:
        return None
    try:
        policy_in(value)
    except InvalidRequest as error:
        raise typer.BadParameter(str(error)) from None
    return value.strip()


@app.command("create")
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(callback=_name, help="What it is for: shown in lists, and good for revoking.")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do; may be given again. Without any: everything.")
    ] = None,
    number: Annotated[
        list[str] | None,
        typer.Option(
            callback=lambda values: _numbers(values or []),
            metavar="PHONE_NUMBER_ID",
            help="The only numbers it may use; may be given again. Without any: all.",
        ),
    ] = None,
    when_closed: Annotated[
        str | None,
        typer.Option(
            callback=_policy,
            metavar="POLICY",
            help="What becomes of its free-form messages while the window is closed, unless they say so: reject, "
            "template, hold, handoff, or a policy as JSON.",
        ),
    ] = None,
    once_by_callback_data: Annotated[
        bool,
        typer.Option(
            "--once-by-callback-data",
            help="Take its biz_opaque_callback_data for an Idempotency-Key: for clients that can't set a header, and "
            "only if no two messages share one.",
        ),
    ] = False,
) -> None:
    """Make an API key and print it, once: nobody can read it again."""
    work = work_of(ctx)
    kept = ApiKeys(work.stack.table)
    if any(known.name == name and known.revoked_at is None for known in kept.all()):
        raise Trouble(f"There is a key called {name!r} already. Choose another name, or revoke that one first.")
    made = f"csk_{secrets.token_urlsafe(32)}"
    kept.put(
        ApiKey(
            digest=digest_of(made),
            name=name,
            scopes=frozenset(scope or Scope),
            numbers=frozenset(number or ()),
            when_closed=when_closed,
            created_at=work.now,
            once_by_callback_data=once_by_callback_data,
        )
    )
    typer.echo(f"The key {name!r}. Keep it now: it is not shown again, and only a digest of it is stored.", err=True)
    typer.echo(made)


@app.command("list")
def list_keys(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the keys, revoked ones too. The keys themselves are not known to anybody but their users."""
    kept = sorted(ApiKeys(work_of(ctx).stack.table).all(), key=lambda key: (key.created_at, key.digest))
    if as_json:
        typer.echo(json.dumps([_as_json(key) for key in kept], indent=2, ensure_ascii=False))
    elif not kept:
        typer.echo("There is no key yet. Make one with: casement keys create --name NAME")
    else:
        console().print(_shown(kept))


@app.command("revoke")
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="NAME|DIGEST", help="Its name, or the first digits of its digest.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """End a key. It stays on the list, and works a minute longer at most."""
    work = work_of(ctx)
    kept = ApiKeys(work.stack.table)
    meant = _meant(key, kept.all())
    if meant.revoked_at is not None:
        typer.echo(f"{_label(meant)} was revoked already, on {_day(meant.revoked_at)}.")
        return
    if not yes:
        typer.confirm(f"Revoke {_label(meant)}, made on {_day(meant.created_at)}?", abort=True)
    kept.put(replace(meant, revoked_at=work.now))
    typer.echo(f"Revoked {_label(meant)}. It stops working everywhere within 60 seconds.")


def _meant(given: str, known: Iterable[ApiKey]) -> ApiKey:
    """The one key of this name or digest. A name that was used again means the key that still works."""
    keys = list(known)
    is_prefix = len(given) >= _FEWEST_DIGITS
    found = [key for key in keys if key.name == given or (is_prefix and key.digest.startswith(given.lower()))]
    working = [key for key in found if key.revoked_at is None]
    match working or found:
        case [one]:
            return one
        case []:
            raise Trouble(f"There is no key {given!r}. `casement keys list` shows names and digests.")
        case several:
            raise Trouble(f"{given!r} may be any of {', '.join(map(_label, several))}. Give more digits of one digest.")


def _label(key: ApiKey) -> str:
    return f"{key.name!r} ({key.digest[:_SHOWN_DIGITS]})"


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d")


def _as_json(key: ApiKey) -> dict[str, Any]:
    return asdict(key) | {"scopes": sorted(key.scopes), "numbers": sorted(key.numbers)}


def _shown(keys: Iterable[ApiKey]) -> Table:
    shown = table("name", "digest", "may", "numbers", "when closed", "once by", "created", "revoked")
    for key in keys:
        shown.add_row(
            key.name,
            key.digest[:_SHOWN_DIGITS],
            ", ".join(sorted(key.scopes)),
            ", ".join(sorted(key.numbers)) or "all",
            key.when_closed or "",
            "callback data" if key.once_by_callback_data else "",
            _day(key.created_at),
            _day(key.revoked_at) if key.revoked_at is not None else "",
            style="dim" if key.revoked_at is not None else None,
        )
    return shown
