"""Every minute: windows that are closing, and that have closed; and what waits for subscribers and is due."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.errors import SecretUnavailable, StoreUnavailable
from casement.runtime import wiring
from casement.runtime.secret import Secret
from casement.store.standings import Standings
from casement.usecases.tick_deliveries import tick_deliveries
from casement.usecases.windows import Watch, sweep_windows

PATIENCE_MS = 45_000  # for all numbers; the next run comes after a minute, and goes on where this one stopped
AT_ONCE = 8  # conversations, a few small queries each

logger = Logger()


def sweep_all(
    secret: Secret,
    *,
    watch: Watch,
    standings: Standings,
    clock: Callable[[], int],
    each: Callable[..., Iterable[bool]] = map,
) -> int:
    """Look after the windows of every number; how many were told of. One number that fails does not keep the others
    from it; then this raises at the end."""
    told = 0
    problem: StoreUnavailable | None = None
    until = clock() + PATIENCE_MS
    for left, number in zip(range(len(secret.numbers), 0, -1), secret.numbers.values(), strict=True):
        part = clock() + (until - clock()) // left
        try:
            told += sweep_windows(number.number, number.waba_id, standings, watch, until=part, each=each)
        except StoreUnavailable as error:
            problem = error
    if problem:
        raise problem
    return told


def handler(_event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """The Lambda entry point."""
    try:
        tick_deliveries(wiring.subscriptions(), wiring.endpoints(), wiring.put_ticks, wiring.now())
    except StoreUnavailable as error:  # the next run looks again, and windows need not wait for that
        logger.error("not looked for what waits for subscribers", why=str(error))
    try:
        secret = wiring.secret()
    except SecretUnavailable as error:  # a new stack's, until `casement secrets set`
        logger.warning("no secret, so no numbers", why=str(error))
        return {"told": 0}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = sweep_all(secret, watch=wiring.watch(), standings=wiring.standings(), clock=wiring.now, each=pool.map)
    if told:
        logger.info("windows told of", windows=told)
    return {"told": told}
