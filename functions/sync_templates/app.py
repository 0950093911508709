"""Keep templates in step: all of them on a schedule, some of them when Meta says that something happened to them.

What Meta's webhook says is a reason to look again, and the reason that Meta gives: its events speak another vocabulary
than a template's status.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from casement.domain.errors import CasementError, SecretUnavailable
from casement.domain.templates import Notice, Source
from casement.meta.graph import Graph
from casement.meta.templates import notice_from, template_from
from casement.runtime import wiring
from casement.runtime.secret import Secret
from casement.store.templates import Templates
from casement.usecases.sync_templates import UNBOUNDED, Bounds, Reading, Synced, read_noticed, sync_waba

NEVER_SYNCED_S = 10.0**9
# Of Lambda's time: a call to Meta, tried with smaller pages, and what is written after it.
KEPT_BACK_MS = 60_000

logger = Logger()
metrics = Metrics()


class Noticed(NamedTuple):
    """What a batch of the stream says of one WABA's templates: by id (empty: of any of them), and the sequence number
    of the first record that does."""

    sequence_number: str
    notices: dict[str, Notice]


def sync_all(
    secret: Secret, *, templates: Templates, graph: Graph, now: int, bounds: Bounds = UNBOUNDED
) -> list[Synced]:
    """Sync every WABA we hold a token for. One that fails does not keep the others from it."""
    return [
        sync_waba(waba_id, token, store=templates, source=graph, read_row=template_from, now=now, bounds=bounds)
        for waba_id, token in secret.wabas().items()
    ]


def refresh(
    waba_id: str, notices: Mapping[str, Notice], secret: Secret, *, templates: Templates, graph: Graph, now: int
) -> int:
    """Read templates of a WABA again, since webhooks told of them; the number of changes. Raises `GraphError` or
    `StoreUnavailable`; a WABA without a token changes nothing."""
    token = secret.wabas().get(waba_id)
    if token is None:
        return 0
    return read_noticed(Reading(waba_id, token, templates, graph, template_from, now, Source.WEBHOOK, notices))


def refresh_noticed(
    records: Iterable[Mapping[str, Any]], secret: Secret, *, templates: Templates, graph: Graph, now: int
) -> list[str]:
    """Read the templates again that the stream's records are about. A WABA that fails does not keep the others from it:
    the sequence number of the first record of each that did."""
    failed = []
    for waba_id, noticed in noticed_in(records).items():
        ids = sorted(noticed.notices)
        try:
            count = refresh(waba_id, noticed.notices, secret, templates=templates, graph=graph, now=now)
        except CasementError as error:
            logger.warning("not read again", waba_id=waba_id, template_ids=ids, why=str(error))
            failed.append(noticed.sequence_number)
        else:
            logger.info("read again", waba_id=waba_id, template_ids=ids, changed=count)
    return failed


def noticed_in(records: Iterable[Mapping[str, Any]]) -> dict[str, Noticed]:
    """What the stream's records say of templates, by WABA."""
    noticed: dict[str, Noticed] = {}
    for record in records:
        image = record["dynamodb"]["NewImage"]
        kept = json.loads(image["raw"]["S"])
        template_id = kept["element"].get("message_template_id")
        known = str(template_id) if isinstance(template_id, str | int) else ""
        notice = notice_from(kept["element"], int(image["SK"]["S"].partition("#")[0]))
        of_waba = noticed.setdefault(kept["waba_id"], Noticed(record["dynamodb"]["SequenceNumber"], {}))
        before = of_waba.notices.get(known)
        of_waba.notices[known] = before.then(notice) if before else notice
    return noticed


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The Lambda entry point, for the schedule and for the stream."""
    if "Records" in event:
        templates, graph, now = wiring.templates(), wiring.graph(), wiring.now()
        failed = refresh_noticed(event["Records"], wiring.secret(), templates=templates, graph=graph, now=now)
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
    synced: dict[str, Any] = _sync_on_schedule(event, context)
    return synced


@metrics.log_metrics
def _sync_on_schedule(_event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    try:
        secret = wiring.secret()
    except SecretUnavailable as error:  # a new stack's, until `casement secrets set`: nothing to sync, and no failure
        logger.warning("no secret, so no templates", why=str(error))
        metrics.add_metric("SyncAgeSeconds", MetricUnit.Seconds, NEVER_SYNCED_S)
        return {"synced": []}
    bounds = Bounds(lambda: context.get_remaining_time_in_millis() > KEPT_BACK_MS)
    results = sync_all(secret, templates=wiring.templates(), graph=wiring.graph(), now=wiring.now(), bounds=bounds)
    for synced in results:
        log = logger.error if synced.error else logger.info
        log("synced", waba_id=synced.waba_id, listed=synced.listed, changed=synced.changed, why=synced.error)
    _measure_age(results)
    return {"synced": [synced.waba_id for synced in results if not synced.error]}


def _measure_age(results: Iterable[Synced]) -> None:
    """How old the oldest complete listing is: an alarm watches it."""
    now = wiring.now()
    ages = []
    for synced in results:
        succeeded_at = wiring.templates().sync_record(synced.waba_id).last_success_at
        ages.append((now - succeeded_at) / 1000 if succeeded_at else NEVER_SYNCED_S)
    metrics.add_metric("SyncAgeSeconds", MetricUnit.Seconds, max(ages, default=0))
