"""The life of a message: statuses in any order, repeated, or missing."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.life import LEASE_MS, Life, Status, life_of

NOON = 1_795_000_000_000
RANK = {
    name: rank for rank, name in enumerate(["sending", "unknown", "accepted", "sent", "delivered", "read", "played"])
}

names = st.sampled_from(["sent", "delivered", "read", "played", "failed", "deleted", "warning", "teleported", ""])
errors = st.sampled_from([(), ({"code": 131047},), ({"code": 131026},), ("odd",)])
statuses = st.lists(st.builds(Status, names, st.integers(NOON, NOON + 3), errors), max_size=6)
outcomes = st.sampled_from([None, "accepted", "unknown", "failed", "refused"])


def fold(outcome: str | None = None, told: Iterable[Status] = (), now: int = NOON, error: Any = None) -> Life:
    return life_of(NOON, outcome, NOON + 1 if outcome else None, error, told, now)


@given(outcomes, statuses, st.randoms(use_true_random=False))
def test_any_order_of_statuses_ends_the_same(outcome, told, random):
    shuffled = [*told, *told]
    random.shuffle(shuffled)

    assert fold(outcome, shuffled) == fold(outcome, told)


@given(outcomes, statuses, st.builds(Status, names, st.integers(NOON, NOON + 9), errors))
def test_another_status_never_moves_it_back(outcome, told, another):
    before, after = fold(outcome, told).status, fold(outcome, [*told, another]).status

    if before in RANK and after in RANK:
        assert RANK[after] >= RANK[before]
    if before in RANK and RANK[before] >= RANK["delivered"]:
        assert after in RANK
    if before == "failed":
        assert after == "failed" or RANK[after] > 0


@given(outcomes, statuses)
def test_each_step_keeps_its_earliest_time(outcome, told):
    steps = fold(outcome, told).steps

    for name in {status.name for status in told} - {outcome}:
        assert steps[name] == min(status.at for status in told if status.name == name)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([], "accepted"),
        (["sent"], "sent"),
        (["read"], "read"),
        (["read", "delivered"], "read"),
        (["played", "sent", "read"], "played"),
        (["sent", "failed"], "failed"),
        (["failed"], "failed"),
        (["failed", "delivered"], "delivered"),
        (["delivered", "failed"], "delivered"),
        (["deleted"], "accepted"),
        (["teleported"], "accepted"),
    ],
)
def test_what_statuses_make_of_an_accepted_message(told, status):
    assert fold("accepted", [Status(name, NOON + at) for at, name in enumerate(told, start=2)]).status == status


def test_a_status_before_the_sends_own_answer_counts():
    assert fold(None, [Status("delivered", NOON + 500)]).status == "delivered"


def test_a_send_without_an_answer_is_unknown_after_a_while():
    assert fold(now=NOON + LEASE_MS - 1).status == "sending"
    assert fold(now=NOON + LEASE_MS).status == "unknown"


@pytest.mark.parametrize("status", ["sent", "delivered", "read"])
def test_an_unknown_outcome_is_resolved_by_a_status(status):
    assert fold("unknown", [Status(status, NOON + 500)]).status == status


def test_a_failure_says_why():
    late = fold("accepted", [Status("failed", NOON + 5, ({"code": 131047},))])
    at_once = fold("failed", error={"code": 131047})

    assert late.error == {"code": 131047}
    assert at_once.error == {"code": 131047}
    assert fold("accepted", [Status("failed", NOON + 5)], error="ours").error == "ours"


def test_what_was_delivered_has_no_error():
    assert fold("accepted", [Status("failed", NOON + 5, ({"code": 131026},)), Status("read", NOON + 9)]).error is None
