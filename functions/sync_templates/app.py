"""Keep templates in step: all of them on a schedule, one of them when Meta says that something happened to it.

What Meta's webhook says is only a reason to look again: its events speak another vocabulary than a template's status.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from casement.domain.errors import CasementError, SecretUnavailable
from casement.meta.graph import Graph
from casement.meta.templates import template_from
from casement.runtime import wiring
from casement.runtime.secret import Secret
from casement.store.templates import Templates
from casement.usecases.sync_templates import Synced, refresh_template, sync_waba

NEVER_SYNCED_S = 10.0**9

logger = Logger()
metrics = Metrics()


class Changed(NamedTuple):
    """A template that Meta said something about; without an id, any of its WABA's."""

    waba_id: str
    template_id: str


def sync_all(secret: Secret, *, templates: Templates, graph: Graph, now: int) -> list[Synced]:
    """Sync every WABA we hold a token for. One that fails does not keep the others from it."""
    return [
        sync_waba(waba_id, token, store=templates, source=graph, read_row=template_from, now=now)
        for waba_id, token in secret.wabas().items()
    ]


def refresh(changed: Changed, secret: Secret, *, templates: Templates, graph: Graph, now: int) -> int:
    """Read one template again; the number of changes. Raises `GraphError`; a WABA without a token changes nothing."""
    token = secret.wabas().get(changed.waba_id)
    if token is None:
        return 0
    if not changed.template_id:
        return sync_waba(changed.waba_id, token, store=templates, source=graph, read_row=template_from, now=now).changed
    return refresh_template(
        changed.waba_id,
        changed.template_id,
        token,
        store=templates,
        source=graph,
        read_row=template_from,
        now=now,
    )


def changed_templates(records: Iterable[Mapping[str, Any]]) -> dict[Changed, str]:
    """The templates that the stream's records are about, each with the sequence number of its first record."""
    changed: dict[Changed, str] = {}
    for record in records:
        kept = json.loads(record["dynamodb"]["NewImage"]["raw"]["S"])
        template_id = kept["element"].get("message_template_id")
        known = template_id if isinstance(template_id, str | int) else ""
        changed.setdefault(Changed(kept["waba_id"], str(known)), record["dynamodb"]["SequenceNumber"])
    return changed


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The Lambda entry point, for the schedule and for the stream."""
    if "Records" in event:
        return _refresh_changed(event["Records"])
    synced: dict[str, Any] = _sync_on_schedule(event, context)
    return synced


@metrics.log_metrics
def _sync_on_schedule(_event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    try:
        secret = wiring.secret()
    except SecretUnavailable as error:  # a new stack's, until `casement secrets set`: nothing to sync, and no failure
        logger.warning("no secret, so no templates", why=str(error))
        metrics.add_metric("SyncAgeSeconds", MetricUnit.Seconds, NEVER_SYNCED_S)
        return {"synced": []}
    results = sync_all(secret, templates=wiring.templates(), graph=wiring.graph(), now=wiring.now())
    for synced in results:
        log = logger.error if synced.error else logger.info
        log("synced", waba_id=synced.waba_id, listed=synced.listed, changed=synced.changed, why=synced.error)
    _measure_age(results)
    return {"synced": [synced.waba_id for synced in results if not synced.error]}


def _refresh_changed(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    secret = wiring.secret()
    for changed, sequence_number in changed_templates(records).items():
        try:
            count = refresh(changed, secret, templates=wiring.templates(), graph=wiring.graph(), now=wiring.now())
        except CasementError as error:
            logger.warning("not read again", template_id=changed.template_id, why=str(error))
            return {"batchItemFailures": [{"itemIdentifier": sequence_number}]}
        logger.info("read again", template_id=changed.template_id, changed=count)
    return {"batchItemFailures": []}


def _measure_age(results: Iterable[Synced]) -> None:
    """How old the oldest complete listing is: an alarm watches it."""
    now = wiring.now()
    ages = []
    for synced in results:
        succeeded_at = wiring.templates().sync_record(synced.waba_id).last_success_at
        ages.append((now - succeeded_at) / 1000 if succeeded_at else NEVER_SYNCED_S)
    metrics.add_metric("SyncAgeSeconds", MetricUnit.Seconds, max(ages, default=0))
