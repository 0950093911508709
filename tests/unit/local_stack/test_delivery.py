"""What Lambda promises about a batch: nothing skipped, order kept, retries from the first failure on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack.delivery import Record, Stopped, deliver, failed_items
from local.stack.template import StreamMapping

MAPPING = StreamMapping(
    table_name="t",
    starting_position="LATEST",
    batch_size=100,
    batching_window_seconds=0,
    patterns=(),
    report_item_failures=True,
    bisect_on_error=False,
    maximum_retry_attempts=-1,
    maximum_record_age_seconds=-1,
    failure_queue_arn=None,
)


def records(*numbers: int) -> list[dict[str, Any]]:
    return [{"dynamodb": {"SequenceNumber": str(n), "ApproximateCreationDateTime": 1000.0}} for n in numbers]


def numbers(batch: Sequence[Record]) -> list[int]:
    return [int(record["dynamodb"]["SequenceNumber"]) for record in batch]


class FakeFunction:
    """Remembers the batches it got; `failures` maps a record to how often it fails (-1: always)."""

    def __init__(self, failures: dict[int, int] | None = None, *, reports: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.handled: list[int] = []
        self._failures = dict(failures or {})
        self._reports = reports

    def __call__(self, batch: Sequence[Record]) -> Any:
        got = numbers(batch)
        self.batches.append(got)
        for number in got:
            if self._failures.get(number, 0):
                self._failures[number] -= 1
                if not self._reports:
                    raise RuntimeError("no")
                return {"batchItemFailures": [{"itemIdentifier": str(number)}]}
            self.handled.append(number)
        return {"batchItemFailures": []}


def run(
    function: Callable[[Sequence[Record]], Any],
    batch: Sequence[Record],
    mapping: StreamMapping = MAPPING,
    *,
    now: float = 1000.0,
    pause: Callable[[int], None] = lambda _: None,
) -> list[tuple[list[int], str, int]]:
    """Deliver a batch; what was given up, as (records, condition, attempts)."""
    lost = deliver(batch, mapping, invoke=function, pause=pause, now=lambda: now)
    return [(numbers(item.records), item.condition, item.attempts) for item in lost]


def test_a_batch_that_goes_well_is_delivered_once():
    function = FakeFunction()

    assert run(function, records(1, 2, 3)) == []
    assert function.batches == [[1, 2, 3]]


def test_a_retry_starts_at_the_lowest_record_that_failed():
    function = FakeFunction({3: 2})

    assert run(function, records(1, 2, 3, 4)) == []
    assert function.batches == [[1, 2, 3, 4], [3, 4], [3, 4]]


def test_the_lowest_of_several_failures_counts_whatever_their_order():
    answers = iter([{"batchItemFailures": [{"itemIdentifier": "4"}, {"itemIdentifier": "2"}]}, None])
    batches = []

    def function(batch: Sequence[Record]) -> Any:
        batches.append(numbers(batch))
        return next(answers)

    assert run(function, records(1, 2, 3, 4)) == []
    assert batches == [[1, 2, 3, 4], [2, 3, 4]]


def test_without_reports_the_whole_batch_is_tried_again():
    function = FakeFunction({2: 1}, reports=False)

    assert run(function, records(1, 2), replace(MAPPING, report_item_failures=False)) == []
    assert function.batches == [[1, 2], [1, 2]]


def test_a_record_that_never_works_is_given_up_after_its_retries():
    function = FakeFunction({2: -1})

    lost = run(function, records(1, 2, 3), replace(MAPPING, maximum_retry_attempts=2))

    assert lost == [([2, 3], "RetryAttemptsExhausted", 3)]
    assert function.batches == [[1, 2, 3], [2, 3], [2, 3]]


def test_halving_loses_only_the_record_that_never_works():
    function = FakeFunction({3: -1})

    lost = run(function, records(1, 2, 3, 4, 5), replace(MAPPING, maximum_retry_attempts=1, bisect_on_error=True))

    assert lost == [([3], "RetryAttemptsExhausted", 2)]
    assert function.handled == [1, 2, 4, 5]


def test_halving_is_no_retry():
    function = FakeFunction({1: -1}, reports=False)

    lost = run(function, records(1, 2), replace(MAPPING, maximum_retry_attempts=0, bisect_on_error=True))

    assert lost == [([1], "RetryAttemptsExhausted", 1)]
    assert function.handled == [2]


def test_records_past_their_age_are_given_up_before_they_are_tried():
    old, fresh = records(1)[0], records(2)[0]
    fresh["dynamodb"]["ApproximateCreationDateTime"] = 1050.0
    function = FakeFunction()

    lost = run(function, [old, fresh], replace(MAPPING, maximum_record_age_seconds=60), now=1061.0)

    assert lost == [([1], "RecordAgeExceeded", 0)]
    assert function.handled == [2]


def test_a_stack_that_goes_down_ends_a_delivery_that_would_go_on_for_ever():
    def pause(failures: int) -> None:
        if failures == 3:
            raise Stopped

    with pytest.raises(Stopped):
        run(FakeFunction({1: -1}), records(1), pause=pause)


def test_pauses_grow_while_nothing_goes_well():
    pauses: list[int] = []

    run(FakeFunction({2: 2, 3: 1}), records(1, 2, 3), pause=pauses.append)

    assert pauses == [1, 2, 1]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, frozenset()),
        ({}, frozenset()),
        ({"batchItemFailures": None}, frozenset()),
        ({"batchItemFailures": []}, frozenset()),
        ({"batchItemFailures": [{"itemIdentifier": "1"}]}, frozenset({"1"})),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, None),
        ({"batchItemFailures": [{"itemIdentifier": "9"}]}, None),
        ({"batchItemFailures": [{"id": "1"}]}, None),
        ({"batchItemFailures": ["1"]}, None),
        ({"batchItemFailures": "1"}, None),
        ("done", None),
    ],
)
def test_how_a_batch_answer_is_read(answer, expected):
    assert failed_items(answer, ["1", "2"]) == expected


@given(
    count=st.integers(1, 12),
    failing=st.dictionaries(st.integers(1, 12), st.integers(-1, 4)),
    bisect=st.booleans(),
    reports=st.booleans(),
    retries=st.integers(0, 3),
)
def test_every_record_is_handled_or_given_up_and_none_is_skipped(count, failing, bisect, reports, retries):
    function = FakeFunction(failing, reports=reports)
    mapping = replace(MAPPING, bisect_on_error=bisect, maximum_retry_attempts=retries, report_item_failures=reports)

    lost = [number for group, _, _ in run(function, records(*range(1, count + 1)), mapping) for number in group]

    assert set(function.handled) | set(lost) == set(range(1, count + 1))
    first_times = list(dict.fromkeys(function.handled))
    assert first_times == sorted(first_times)
    if reports:
        assert len(function.handled) == len(first_times)
