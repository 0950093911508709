"""`casement doctor`: looks at everything that must be right, and says what to do about what is not."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated

import httpx
import typer
from rich.table import Table
from rich.text import Text

from casement.runtime.secret import Secret, read
from casement.store.api_keys import ApiKeys
from casement.store.endpoints import Endpoints
from casement.store.subscriptions import Subscriptions
from casement.store.templates import Templates
from cli import aws_checks, meta_checks
from cli.finding import Finding, Level, attention, broken, looked_at
from cli.inspector import Inspector
from cli.meta_secret import fetch
from cli.outside import console, table, work_of
from cli.secret_document import parse
from cli.stack import Stack
from cli.trouble import Trouble

_STYLE = {Level.OK: "green", Level.ATTENTION: "yellow", Level.BROKEN: "bold red"}


def doctor(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check the secret, Meta's side, the webhook and AWS's side, and say what to do. It changes nothing.

    Exit status 1 if anything is broken.
    """
    work = work_of(ctx)
    stack = work.stack
    with work.outside.http() as http:
        findings = list(examine(stack, http, work.now))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False))
    else:
        console().print(_shown(findings, title=f"The stack {stack.name}"))
        typer.echo(_sum(findings))
    if any(finding.level is Level.BROKEN for finding in findings):
        raise typer.Exit(1)


def examine(stack: Stack, http: httpx.Client, now: int) -> Iterator[Finding]:
    """Every check, in the order in which to mend things. `now` is epoch milliseconds."""
    secret, found = _secret(stack)
    yield from found
    yield from _examine_table(stack)
    if secret.verify_token:
        yield meta_checks.check_webhook(http, stack.webhook_url, secret.verify_token)
    if stack.graph_base_url is None:
        yield attention("Meta", "Not looked at: this local stack has no simulator", "make run starts one with it.")
    else:
        inspector = Inspector(http, base_url=stack.graph_base_url, version=stack.graph_version)
        yield from meta_checks.check_tokens(secret, inspector, now)
        yield from meta_checks.check_numbers(secret, inspector)
        yield from meta_checks.check_flow_keys(secret, inspector)
        yield from meta_checks.check_wabas(secret, inspector, stack.webhook_url)
    yield from _examine_work(stack, secret, now)


def _secret(stack: Stack) -> tuple[Secret, list[Finding]]:
    """The secret as the functions see it; an empty one if it can't be read, with the finding that says so."""
    held: list[Secret] = []

    def check() -> Finding:
        text = fetch(stack)
        if not text:
            return broken("secret", "It was never set: every webhook and every send is refused", "casement secrets set")
        try:
            parse(text)
        except Trouble as error:
            return broken("secret", str(error), "Replace it whole: casement secrets set --from-file FILE")
        held.append(read(text))
        return aws_checks.check_secret(held[0])

    found = looked_at("secret", check)
    return (held[0] if held else Secret()), found


def _examine_table(stack: Stack) -> Iterator[Finding]:
    client, name = stack.aws.dynamodb, stack.table_name
    yield from looked_at("table", lambda: aws_checks.check_table(client, name))
    if not stack.local:  # the local engine has neither: it lives for an hour
        yield from looked_at("retention", lambda: aws_checks.check_expiry(client, name))
        yield from looked_at("backups", lambda: aws_checks.check_backups(client, name))


def _examine_work(stack: Stack, secret: Secret, now: int) -> Iterator[Finding]:
    """What the functions left behind."""
    templates, prefix = Templates(stack.table), stack.alarm_prefix
    yield from looked_at(
        "templates", lambda: aws_checks.check_syncs(secret.wabas(), templates, stack.sync_max_age, now)
    )
    subscriptions, endpoints = Subscriptions(stack.table), Endpoints(stack.table)
    yield from looked_at("subscriptions", lambda: aws_checks.check_subscriptions(subscriptions, endpoints, now))
    yield from looked_at("queues", lambda: aws_checks.check_failure_queues(stack.aws.sqs, stack.failure_queues()))
    if prefix is not None:
        yield from looked_at("alarms", lambda: aws_checks.check_alarms(stack.aws.cloudwatch, prefix))
    yield from looked_at("quarantine", lambda: aws_checks.check_quarantine(stack.table))
    yield from looked_at("API keys", lambda: aws_checks.check_api_keys(ApiKeys(stack.table).all()))


def _shown(findings: Iterable[Finding], title: str) -> Table:
    shown = table("", "what", "finding", title=title)
    for finding in findings:
        said = Text(finding.why)
        if finding.do:
            said.append(f"\n→ {finding.do}", style="bold")
        shown.add_row(Text(finding.level, style=_STYLE[finding.level]), Text(finding.what), said)
    return shown


def _sum(findings: Iterable[Finding]) -> str:
    levels = [finding.level for finding in findings]
    wrong, watch = levels.count(Level.BROKEN), levels.count(Level.ATTENTION)
    if not wrong and not watch:
        return f"All {len(levels)} checks are fine."
    return f"{wrong} broken, {watch} to look at, {levels.count(Level.OK)} fine."
