"""Off the table's stream: what follows from a stored fact."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.errors import SecretUnavailable, StoreUnavailable
from casement.runtime import wiring
from casement.usecases.react import Change, react

AT_ONCE = 4  # conversations: most of the time goes by waiting for the table; more of them wait for the interpreter

logger = Logger()


def changes_in(records: Iterable[Mapping[str, Any]]) -> list[Change]:
    """What stream records say of items that are there: what was deleted is no news."""
    changed = (record["dynamodb"] for record in records)
    return [
        Change(each["NewImage"], each.get("OldImage"), int(each["ApproximateCreationDateTime"] * 1000))
        for each in changed
        if "NewImage" in each
    ]


def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """The Lambda entry point. A batch is written as one; if it can't be, all of it comes again from its first record.

    Whatever else goes wrong is a bug: it escapes, Lambda halves the batch until the record is found, and parks it.
    """
    records = event["Records"]
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:  # left only when all are done, whatever went wrong
            reacted = react(
                changes_in(records), wiring.projections(), wiring.outlook(wiring.secret_source), each=pool.map
            )
    except (StoreUnavailable, SecretUnavailable) as error:
        logger.error("not written: the stream will deliver it again", why=str(error))
        return {"batchItemFailures": [{"itemIdentifier": records[0]["dynamodb"]["SequenceNumber"]}]}
    if reacted.mispredicted:  # we held a window to be open, and Meta did not
        wiring.count("WindowMispredicted", reacted.mispredicted)
    for name, count in Counter(reacted.alarms).items():
        wiring.count(name, count)
    logger.info("reacted", records=len(records), entries=reacted.entries, jobs=reacted.jobs, told=reacted.told)
    return {"batchItemFailures": []}
