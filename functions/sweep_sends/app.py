"""On a schedule: what time brings about. Holds that expired, sends that nobody resolved, work that was lost sight of,
numbers that can send again; counts that have settled, and templates that fail too often.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from casement.domain.errors import SecretUnavailable, StoreUnavailable
from casement.meta.graph import Graph
from casement.runtime import wiring
from casement.runtime.secret import Number, Secret
from casement.store.log import Log
from casement.store.messages import Messages
from casement.store.pendings import Pendings
from casement.store.sends import Sends
from casement.store.template_counts import TemplateCounts
from casement.store.templates import Templates
from casement.usecases.engine import Engine
from casement.usecases.fold_counts import fold_counts
from casement.usecases.mark_failing_templates import mark_failing_templates
from casement.usecases.sweep import Swept, sweep

PATIENCE_MS = 240_000  # for all numbers, each its part; the function has five minutes

logger = Logger()
metrics = Metrics()


def sweep_all(
    secret: Secret,
    *,
    engine: Callable[[Number], Engine],
    graph: Graph,
    log: Log,
    messages: Messages,
    sends: Sends,
    pendings: Pendings,
    counts: TemplateCounts,
    clock: Callable[[], int],
) -> list[Swept]:
    """Look after every number. One that fails does not keep the others from it; then this raises at the end."""
    swept: list[Swept] = []
    problem: StoreUnavailable | None = None
    until = clock() + PATIENCE_MS
    for left, number in zip(range(len(secret.numbers), 0, -1), secret.numbers.values(), strict=True):
        probe = partial(graph.number, number.number, number.token)
        try:
            done = sweep(
                engine(number),
                log=log,
                outcomes=messages,
                lost=sends,
                pendings=pendings,
                probe=probe,
                until=clock() + (until - clock()) // left,
            )
            fold_counts(number.number, counts, clock())
        except StoreUnavailable as error:
            problem = error
            continue
        swept.append(done)
        logger.info("swept", number=number.number, expired=done.expired, jobs=done.jobs, unresolved=done.unresolved)
        if done.stopped_by is not None:
            logger.error("Meta lets this number send nothing", number=number.number, code=done.stopped_by)
    if problem:
        raise problem
    return swept


def look_at_templates(secret: Secret, *, counts: TemplateCounts, templates: Templates, now: int) -> None:
    """Mark the templates that fail too often. Raises `StoreUnavailable`."""
    numbers: dict[str, list[str]] = {}
    for number in secret.numbers.values():
        numbers.setdefault(number.waba_id, []).append(number.number)
    for waba_id, theirs in numbers.items():
        for ill in mark_failing_templates(waba_id, theirs, counts, templates, now):
            logger.error("a template fails too often", template_id=ill.template_id, asked=ill.asked, failed=ill.failed)


@metrics.log_metrics
def handler(_event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """The Lambda entry point."""
    try:
        secret = wiring.secret()
    except SecretUnavailable as error:  # a new stack's, until `casement secrets set`
        logger.warning("no secret, so no numbers", why=str(error))
        return {"swept": 0}
    swept = sweep_all(
        secret,
        engine=wiring.engine,
        graph=wiring.graph(),
        log=wiring.log(),
        messages=wiring.messages(),
        sends=wiring.sends(),
        pendings=wiring.pendings(),
        counts=wiring.template_counts(),
        clock=wiring.now,
    )
    look_at_templates(secret, counts=wiring.template_counts(), templates=wiring.templates(), now=wiring.now())
    stopped = sum(1 for one in swept if one.stopped_by is not None)
    metrics.add_metric("NumbersStopped", MetricUnit.Count, stopped)
    return {"swept": len(swept)}
