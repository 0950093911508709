"""Off the outbox: messages whose time has come, and those of automations, one conversation at a time.

What waits stands in the table; a message of the queue says where to look, or holds what an automation sends. One that
must wait stays on the queue and keeps its conversation waiting, and nobody else's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.errors import CasementError, NumberNotConfigured, SecretUnavailable, StoreUnavailable
from casement.domain.jobs import Job, job_from
from casement.runtime import wiring
from casement.runtime.secret import Number, Secret
from casement.store.outbox import Outbox
from casement.usecases.engine import Engine
from casement.usecases.outbox import work_off
from casement.usecases.send_automatic import Claims, Spending, send_automatic

NO_NUMBER_S = 300  # until somebody gives us the number's token, or takes its messages away

logger = Logger()

wiring.build_at_start(wiring.sending)


def work(
    record: Mapping[str, Any],
    *,
    secret: Callable[[], Secret],
    engine: Callable[[Number], Engine],
    spending: Callable[[], Spending],
    claims: Callable[[], Claims],
) -> float | None:
    """Do one message's job. Seconds until it is to be tried again, None if it is done."""
    job = job_from(record["body"])
    try:
        ready = engine(secret().number(job.number))
        wait = _automate(job, ready, spending(), claims()) if job.automatic else work_off(job, ready)
    except (NumberNotConfigured, SecretUnavailable) as error:
        logger.error("no token, so it waits", number=job.number, why=str(error))
        return NO_NUMBER_S
    except StoreUnavailable as error:
        logger.warning("the table did not answer, so it waits", why=str(error))
        return _soon(record)
    logger.info("worked off", number=job.number, wait=wait)
    return wait


def _automate(job: Job, engine: Engine, spending: Spending, claims: Claims) -> float | None:
    assert job.automatic is not None  # noqa: S101 - the caller looked
    did = send_automatic(job, engine, spending, claims)
    logger.info("automation", number=job.number, rule=job.automatic.rule, do=job.automatic.do, did=did.what)
    return did.wait


def _soon(record: Mapping[str, Any]) -> float:
    """A wait that doubles with every try."""
    tries = int(record.get("attributes", {}).get("ApproximateReceiveCount", "1"))
    return float(min(2**tries, NO_NUMBER_S))


def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """The Lambda entry point. What must wait, and all behind it in the batch, stays on the queue."""
    failed: list[dict[str, str]] = []
    for record in event["Records"]:
        wait = (
            None
            if failed
            else work(record, secret=wiring.secret, engine=wiring.engine, spending=wiring.spending, claims=wiring.sends)
        )
        if failed or wait is not None:
            failed.append({"itemIdentifier": record["messageId"]})
        if wait is not None:
            _put_off(record, wait, wiring.outbox())
    return {"batchItemFailures": failed}


def _put_off(record: Mapping[str, Any], wait: float, outbox: Outbox) -> None:
    try:
        outbox.put_off(record["receiptHandle"], wait)
    except CasementError as error:  # then it waits for as long as the queue hides it anyway
        logger.warning("not put off", why=str(error))
