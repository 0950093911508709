"""`casement secrets`: the one secret, with Meta's app secrets, the verify token, and the numbers with their tokens.

Nothing secret is ever printed, but for a verify token that is made here, once: Meta's dashboard asks for it.
"""

import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from cli import secret_document
from cli.outside import Work, console, table, work_of
from cli.secret_document import Document, fingerprint
from cli.stack import Stack
from cli.trouble import Trouble, in_words, text_of

app = typer.Typer(help="Meta's app secret, verify token, numbers and tokens.", no_args_is_help=True)


def fetch(stack: Stack) -> str:
    """The secret's text, "" if it was never set."""
    try:
        answer = stack.aws.secretsmanager.get_secret_value(SecretId=stack.secret_id)
    except stack.aws.secretsmanager.exceptions.ResourceNotFoundException:
        return ""  # a stack makes its secret without a value
    return answer.get("SecretString", "")


def load(stack: Stack) -> Document:
    """The secret, with nothing in it if it was never set. Raises `Trouble` for what can't be understood."""
    text = fetch(stack)
    try:
        return secret_document.parse(text) if text else {}
    except Trouble as error:
        raise Trouble(f"{error} Replace it whole: casement secrets set --from-file FILE") from None


def save(stack: Stack, document: Document) -> None:
    """Store the secret. Raises `Trouble`: an error of AWS' own could quote it."""
    text = secret_document.dump(document)
    try:
        stack.aws.secretsmanager.put_secret_value(SecretId=stack.secret_id, SecretString=text)
    except ClientError as error:
        raise Trouble(in_words(error)) from None


@app.command("set")
def set_secret(
    ctx: typer.Context,
    from_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Take the whole secret from a JSON file instead of asking; - is stdin."),
    ] = None,
) -> None:
    """Ask for everything that Meta gave you, without showing it. Enter keeps what is there."""
    work = work_of(ctx)
    if from_file is not None:
        save(work.stack, secret_document.parse(text_of(from_file)))
        typer.echo(_saved(work.stack))
        return
    before = load(work.stack)
    typer.echo(f"The secret of the stack {work.stack.name}. What you type or paste is not shown; Enter keeps.")
    after = _ask_app_secret(before)
    after = _ask_verify_token(after, work.stack)
    for number in list(after.get("numbers") or {}):
        after = _ask_token(after, number)
    after = _ask_new_numbers(after)
    _save_changes(work, before, after)


@app.command("rotate-app-secret")
def rotate_app_secret(
    ctx: typer.Context,
    drop_older: Annotated[
        bool, typer.Option("--drop-older", help="Forget the older of the two, a week after the last change.")
    ] = False,
) -> None:
    """Put a new app secret first and keep the one before: both are valid until you drop the older one."""
    work = work_of(ctx)
    before = load(work.stack)
    if drop_older:
        _save_changes(work, before, secret_document.without_older_app_secret(before))
        return
    new = _ask_hidden("New app secret (in Meta's dashboard: App settings, Basic)")
    _save_changes(work, before, secret_document.with_app_secret(before, new))


@app.command("remove-number")
def remove_number(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="PHONE_NUMBER_ID")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a number and its token. What came in for it stays stored, and still comes in."""
    work = work_of(ctx)
    before = load(work.stack)
    if number not in (before.get("numbers") or {}):
        raise Trouble(f"The secret holds no number {number}. `casement secrets show` lists them.")
    if not yes:
        typer.confirm(f"Forget the number {number} and its token?", abort=True)
    _save_changes(work, before, secret_document.without_number(before, number))


@app.command("show")
def show(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show what is set: ids as they are, and of each secret only a fingerprint that tells it from another one."""
    stack = work_of(ctx).stack
    shown = fingerprints(load(stack))
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    rows = table("what", "belongs to", "fingerprint", title=f"The secret of the stack {stack.name}")
    for place, each in enumerate(shown["app_secrets"]):
        rows.add_row("app secret", "newest" if place == 0 else "older, still valid", each)
    if shown["verify_token"]:
        rows.add_row("verify token", "", shown["verify_token"])
    for number, held in shown["numbers"].items():
        rows.add_row(f"token of number {number}", f"WABA {held['waba_id']}", held["token"])
    for place, each in enumerate(shown["flow_keys"]):
        rows.add_row("key of Flows", "newest" if place == 0 else "older, still valid", each)
    if rows.row_count:
        console().print(rows)
    else:
        typer.echo("The secret is empty. Fill it with: casement secrets set")


def fingerprints(document: Document) -> dict[str, Any]:
    """The document's shape, with fingerprints in place of secrets."""
    numbers: Mapping[str, Any] = document.get("numbers") or {}
    return {
        "app_secrets": [fingerprint(each) for each in document.get("app_secrets") or ()],
        "verify_token": fingerprint(document["verify_token"]) if document.get("verify_token") else None,
        "numbers": {
            number: {"waba_id": held["waba_id"], "token": fingerprint(held["token"])}
            for number, held in numbers.items()
        },
        "flow_keys": [fingerprint(each) for each in document.get("flow_keys") or ()],
    }


def _ask_app_secret(document: Document) -> Document:
    known = document.get("app_secrets") or []
    new = _ask_hidden("App secret (in Meta's dashboard: App settings, Basic)", kept=known[0] if known else None)
    if new and known and new not in known:
        typer.echo("The one before stays valid until: casement secrets rotate-app-secret --drop-older")
    return secret_document.with_app_secret(document, new) if new else document


def _ask_verify_token(document: Document, stack: Stack) -> Document:
    known = document.get("verify_token")
    if known:
        new = _ask_hidden("Verify token", kept=known)
        return secret_document.with_verify_token(document, new) if new else document
    new = _hidden("Verify token, any long random text (Enter makes one)")
    if not new:
        new = secrets.token_urlsafe(24)
        typer.echo(f"Made one. With the callback URL {stack.webhook_url}, give Meta this verify token: {new}")
    return secret_document.with_verify_token(document, new)


def _ask_token(document: Document, number: str) -> Document:
    held = document["numbers"][number]
    token = _ask_hidden(f"Token of number {number} (WABA {held['waba_id']})", kept=held["token"])
    return secret_document.with_number(document, number, waba_id=held["waba_id"], token=token) if token else document


def _ask_new_numbers(document: Document) -> Document:
    while number := _ask_id("A phone number id to add or change (Enter: no more)", default=""):
        numbers = document.get("numbers") or {}
        others = [held for known, held in numbers.items() if known != number]
        held = numbers.get(number) or (others[-1] if others else {})
        waba_id = _ask_id(f"The WABA id of {number}", default=held.get("waba_id"))
        tokens = [other["token"] for other in ([held] if held else []) + others if other["waba_id"] == waba_id]
        token = _ask_hidden(f"Token of number {number} (WABA {waba_id})", kept=tokens[0] if tokens else None)
        document = secret_document.with_number(document, number, waba_id=waba_id, token=token or tokens[0])
    return document


def _ask_id(words: str, *, default: str | None) -> str:
    while True:
        given: str = typer.prompt(words, default=default, show_default=bool(default), type=str).strip()
        if given == default or secret_document.is_id(given):
            return given
        typer.echo("An id of Meta's has digits only: it stands under the number in WhatsApp, API setup.")


def _ask_hidden(words: str, *, kept: str | None = None) -> str:
    """What is typed, unseen; "" keeps what is there, and is not taken where nothing is."""
    if kept:
        return _hidden(f"{words} (Enter keeps {fingerprint(kept)})")
    while not (given := _hidden(words)):
        typer.echo("There is none yet, so this one is needed.")
    return given


def _hidden(words: str) -> str:
    given: str = typer.prompt(words, default="", show_default=False, hide_input=True)
    return given.strip()


def _save_changes(work: Work, before: Document, after: Document) -> None:
    if after == before:
        typer.echo("Nothing changed.")
        return
    save(work.stack, after)
    typer.echo(_saved(work.stack))


def _saved(stack: Stack) -> str:
    return f"Saved. Everything uses it within {stack.secret_max_age} seconds; then check with: casement doctor"
