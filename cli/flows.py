"""`casement flows`: the key that WhatsApp encrypts a Flow's requests with, and how they are answered."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from casement.domain.errors import GraphError, GraphRejected, InvalidRequest
from casement.domain.flow_exchange import FlowConfig, flow_config_from
from casement.domain.untrusted import loads
from casement.runtime.secret import read
from casement.store.flows import Flows
from casement.webhooks.target import check_target, resolve
from cli import meta_secret, secret_document
from cli.finding import Finding
from cli.inspector import Inspector
from cli.meta_checks import check_flow_keys
from cli.outside import Work, console, numbered, table, work_of
from cli.secret_document import Document, fingerprint
from cli.stack import Stack
from cli.trouble import Trouble, text_of

app = typer.Typer(
    help="Flows: their key, and how what WhatsApp asks while a customer is in one is answered.", no_args_is_help=True
)

FlowId = Annotated[str, typer.Argument(metavar="FLOW_ID", help="Meta's id of the Flow.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("key")
def key(
    ctx: typer.Context,
    upload_only: Annotated[
        bool, typer.Option("--upload-only", help="Make no new key: upload the one there is for every number.")
    ] = False,
    drop_older: Annotated[
        bool, typer.Option("--drop-older", help="Forget the older of the two keys, a day after the last change.")
    ] = False,
) -> None:
    """Make the RSA key that Flows are encrypted with, keep it in the secret, and upload its public half to Meta.

    The key before stays valid, so that customers who are in a Flow go on.
    """
    work = work_of(ctx)
    if upload_only and drop_older:
        raise typer.BadParameter("--upload-only and --drop-older are two different things.")
    document = meta_secret.load(work.stack)
    if drop_older:
        after = secret_document.without_older_flow_key(document)
        if after == document:
            typer.echo("There is only one key.")
        else:
            meta_secret.save(work.stack, after)
            typer.echo("The older key is forgotten.")
        return
    if not upload_only:
        document = _with_new_key(work, document)
    _upload(work, document)


def _with_new_key(work: Work, document: Document) -> Document:
    from cli.flow_keys import new_key  # cryptography, which no other command needs

    after = secret_document.with_flow_key(document, new_key())
    meta_secret.save(work.stack, after)  # before Meta knows of it: what it encrypts must be readable at once
    typer.echo(f"Made the key {fingerprint(after['flow_keys'][0])}, and kept it in the secret.")
    return after


def _upload(work: Work, document: Document) -> None:
    """Upload the newest key's public half for every number. Raises `Trouble` if one did not take it."""
    from cli.flow_keys import public_half

    keys = document.get("flow_keys") or []
    if not keys:
        raise Trouble("There is no key yet. Make one with: casement flows key")
    numbers = list(read(json.dumps(document)).numbers.values())
    if not numbers:
        raise Trouble("The secret holds no number to upload it for. Fill it with: casement secrets set")
    failed = []
    with _inspecting(work) as inspector:
        for number in numbers:
            try:
                inspector.upload_flow_key(number.number, number.token, public_half(keys[0]))
            except GraphError as error:
                failed.append(number.number)
                typer.echo(f"number {number.number}: {_why(error)}", err=True)
            else:
                typer.echo(f"number {number.number}: uploaded")
    if failed:
        raise Trouble(
            f"{numbered(len(failed), 'number')} did not take it. Once that is mended: casement flows key --upload-only"
        )
    typer.echo(f"Now set each Flow's endpoint in Meta's Flow builder: {_endpoint(work.stack, '<flow id>')}")


@app.command("set")
def set_flow(
    ctx: typer.Context,
    flow_id: FlowId,
    path: Annotated[str, typer.Argument(metavar="FILE", help="A JSON file that says how; - is stdin.")],
) -> None:
    """Say how a Flow's requests are answered: by a back end, by fixed screens, or by both. See docs/flows.md.

    The secret that calls to a new back end are signed with is printed, once.
    """
    work = work_of(ctx)
    flows = Flows(work.stack.table)
    before = flows.find(flow_id)
    try:
        given = loads(text_of(path))
        if isinstance(given, dict):
            given.pop("flow_id", None)
        config = flow_config_from(flow_id, given, before=before, random=secrets.token_bytes(32))
        if config.backend:
            check_target(config.backend.url, resolve, allow_private=work.stack.local)
    except InvalidRequest as error:
        raise Trouble(str(error)) from None
    except ValueError as error:
        raise Trouble(f"{path} {error}.") from None
    if not flows.keep(config, before):
        raise Trouble("Somebody else changed it at the same moment. Look at it, then try again.")
    typer.echo(f"Saved. Within five seconds it is in use at {_endpoint(work.stack, flow_id)}", err=True)
    if config.backend and not (before and before.backend and before.backend.secret == config.backend.secret):
        typer.echo(
            "The secret that your back end checks signatures with. Keep it now: it is not shown again.", err=True
        )
        typer.echo(config.backend.secret)


@app.command("show")
def show(ctx: typer.Context, flow_id: FlowId) -> None:
    """Show how a Flow's requests are answered, as JSON that `set` takes."""
    typer.echo(json.dumps(_found(work_of(ctx), flow_id).view(), indent=2, ensure_ascii=False))


@app.command("list")
def list_flows(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the Flows that are answered, and the key that each number has at Meta."""
    work = work_of(ctx)
    flows = Flows(work.stack.table).all()
    keys = _keys_at_meta(work)
    if as_json:
        shown = {"flows": [flow.view() for flow in flows], "keys": [asdict(finding) for finding in keys]}
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    rows = table("flow", "answered by", title=f"The Flows of the stack {work.stack.name}")
    for flow in flows:
        rows.add_row(flow.flow_id, _answered_by(flow))
    if flows:
        console().print(rows)
    else:
        typer.echo("No Flow is answered yet. Begin with: casement flows set FLOW_ID FILE")
    for finding in keys:
        typer.echo(f"{finding.what}: {finding.why}" + (f"\n→ {finding.do}" if finding.do else ""))


@app.command("remove")
def remove(
    ctx: typer.Context,
    flow_id: FlowId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Answer a Flow's requests no more. Forms that come back are still told of."""
    work = work_of(ctx)
    _found(work, flow_id)
    if not yes:
        typer.confirm(f"Answer the Flow {flow_id} no more?", abort=True, err=True)
    Flows(work.stack.table).remove(flow_id)
    typer.echo(f"The Flow {flow_id} is answered no more.")


def _found(work: Work, flow_id: str) -> FlowConfig:
    found = Flows(work.stack.table).find(flow_id)
    if found is None:
        raise Trouble(f"Nobody said how the Flow {flow_id} is answered. `casement flows list` shows which are.")
    return found


def _answered_by(flow: FlowConfig) -> str:
    backend = [f"{flow.backend.url} within {flow.backend.deadline_ms} ms"] if flow.backend else []
    return ", else ".join([*backend, *([numbered(len(flow.screens), "screen")] if flow.screens else [])])


def _keys_at_meta(work: Work) -> list[Finding]:
    """Of every number, whether Meta encrypts its Flows for a key of ours."""
    secret = read(json.dumps(meta_secret.load(work.stack)))
    if work.stack.graph_base_url is None or not secret.flow_keys:
        return []
    with _inspecting(work) as inspector:
        return list(check_flow_keys(secret, inspector))


@contextmanager
def _inspecting(work: Work) -> Iterator[Inspector]:
    """Meta, asked over a client that is closed afterwards."""
    base_url = work.stack.graph_base_url
    if base_url is None:
        raise Trouble("This local stack has no simulator to upload anything to: make run starts one with it.")
    with work.outside.http() as http:
        yield Inspector(http, base_url=base_url, version=work.stack.graph_version)


def _why(error: GraphError) -> str:
    """Meta's refusal, in words that quote nothing."""
    return f"Meta refused it (code {error.code})" if isinstance(error, GraphRejected) else f"{error}"


def _endpoint(stack: Stack, flow_id: str) -> str:
    return f"{stack.api_url}/flows/{flow_id}"
