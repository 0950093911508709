"""How Lambda hands a batch of records to a function, and what it does when that fails.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.stack.template import StreamMapping

Record = Mapping[str, Any]  # one element of a Lambda event's `Records`


@dataclass(frozen=True)
class Discarded:
    """Records that a function was given for the last time."""

    records: Sequence[Record]
    condition: str  # Lambda's word for why: "RetryAttemptsExhausted" or "RecordAgeExceeded"
    attempts: int
    reason: str


@dataclass(frozen=True)
class _Part:
    records: Sequence[Record]
    attempts: int = 0  # so many times these records have failed together, or as part of a larger batch


class Stopped(Exception):
    """The stack is going down in the middle of a delivery."""


def deliver(
    batch: Sequence[Record],
    mapping: StreamMapping,
    *,
    invoke: Callable[[Sequence[Record]], Any],
    pause: Callable[[int], None],
    now: Callable[[], float],
) -> Iterator[Discarded]:
    """Hand a batch over in order, again and again from the lowest record that failed; yield what is given up.

    `invoke` returns the function's result or raises what the function raised. `pause(n)` waits before another
    try, the n-th since something last went well; it raises `Stopped` to end the delivery. Halving a batch is
    not counted as a retry. A failure further on than before starts the count anew: what was before is done.
    """
    work = [_Part(batch)]
    failures = 0
    while work:
        part = work.pop()
        too_old = _too_old(part, mapping, now())
        if too_old:
            yield Discarded(part.records[:too_old], "RecordAgeExceeded", part.attempts, "too old")
            part = _Part(part.records[too_old:], part.attempts)
        if not part.records:
            continue
        failed_at, reason = _attempt(part.records, mapping, invoke)
        if failed_at is None:
            failures = 0
            continue
        rest = part.records[failed_at:]
        attempts = (0 if failed_at else part.attempts) + 1
        if mapping.bisect_on_error and len(rest) > 1:
            half = len(rest) // 2
            work += [_Part(rest[half:], attempts - 1), _Part(rest[:half], attempts - 1)]
        elif 0 <= mapping.maximum_retry_attempts < attempts:
            yield Discarded(rest, "RetryAttemptsExhausted", attempts, reason)
            continue
        else:
            work.append(_Part(rest, attempts))
        failures = 1 if failed_at else failures + 1
        pause(failures)


def _attempt(
    records: Sequence[Record], mapping: StreamMapping, invoke: Callable[[Sequence[Record]], Any]
) -> tuple[int | None, str]:
    """Call the function once. The index of the first record to try again (None: all is well), and why."""
    try:
        result = invoke(records)
    except Exception as error:  # whatever a function raises, Lambda retries
        return 0, f"{type(error).__name__}: {error}"
    if not mapping.report_item_failures:
        return None, ""
    sequence_numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    failed = failed_items(result, sequence_numbers)
    if failed is None:
        return 0, f"the function's answer names no record of its batch: {result!r:.200}"
    first = min((index for index, number in enumerate(sequence_numbers) if number in failed), default=None)
    return first, "" if first is None else f"the function reported record {sequence_numbers[first]} as failed"


def failed_items(result: Any, identifiers: Sequence[str]) -> frozenset[str] | None:
    """The identifiers that a batch answer reports as failed; None for a malformed answer: all failed."""
    if result is None:
        return frozenset()
    if not isinstance(result, dict):
        return None
    failures = result.get("batchItemFailures")
    if not failures:
        return frozenset() if failures is None or isinstance(failures, list) else None
    if not isinstance(failures, list):
        return None
    named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in failures]
    known = frozenset(identifiers).intersection(named)
    return known if all(name in known for name in named) else None


def _too_old(part: _Part, mapping: StreamMapping, now: float) -> int:
    """How many of a part's records, from its start, are past the age at which Lambda stops trying."""
    age = mapping.maximum_record_age_seconds
    if age < 0:
        return 0
    fresh = (
        index
        for index, record in enumerate(part.records)
        if now - record["dynamodb"]["ApproximateCreationDateTime"] <= age
    )
    return next(fresh, len(part.records))
