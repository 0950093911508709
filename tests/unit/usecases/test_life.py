"""The life of a message we sent: whatever order its statuses come in, it moves one way only."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.life import LEASE_MS, Life, Status, life_of

ASKED = 1_795_000_000_000
ERROR = {"code": 131026, "title": "Undeliverable"}

NAMES = ("sent", "delivered", "read", "played", "failed", "deleted", "warning", "teleported")
statuses = st.lists(
    st.builds(
        Status,
        st.sampled_from(NAMES),
        st.integers(0, 5).map(lambda second: ASKED + second * 1000),
        st.sampled_from([(), (ERROR,), ({"code": 131047},)]),
    ),
    max_size=6,
)
outcomes = st.sampled_from([None, "accepted", "refused", "failed", "unknown"])


def fold(*told: Status, outcome: str | None = "accepted", now: int = ASKED + 60_000, error: object = None) -> Life:
    return life_of(ASKED, outcome, ASKED + 300 if outcome else None, error, told, now)


@given(statuses, outcomes, st.randoms())
def test_order_and_repetition_of_statuses_do_not_matter(told, outcome, random):
    again = [*told, *random.choices(told, k=2)] if told else []
    random.shuffle(again)

    assert fold(*again, outcome=outcome) == fold(*told, outcome=outcome)


@given(statuses, statuses, outcomes)
def test_more_statuses_never_move_it_backwards(told, more, outcome):
    order = ["sending", "unknown", "refused", "failed", "accepted", "sent", "delivered", "read", "played"]
    before, after = fold(*told, outcome=outcome).status, fold(*told, *more, outcome=outcome).status

    if "failed" in (before, after):  # a failure ends what was not delivered, and delivery ends the failure
        assert after in ("failed", "delivered", "read", "played")
    else:
        assert order.index(after) >= order.index(before)


@given(statuses)
def test_each_step_keeps_its_earliest_time(told):
    life = fold(*told)

    for name in {status.name for status in told}:
        assert life.steps[name] == min(status.at for status in told if status.name == name)
    assert life.steps["asked"] == ASKED


@pytest.mark.parametrize("order", list(permutations([("sent", 1), ("delivered", 2), ("read", 2)])))
def test_sent_delivered_read(order):
    life = fold(*(Status(name, ASKED + second * 1000) for name, second in order))

    assert life.status == "read"
    assert list(life.steps) == ["asked", "accepted", "sent", "delivered", "read"]


@pytest.mark.parametrize(
    ("outcome", "told", "status"),
    [
        (None, [], "sending"),
        (None, ["sent"], "sent"),  # a status can come before the send's own answer
        (None, ["failed"], "failed"),
        ("unknown", [], "unknown"),
        ("unknown", ["sent"], "sent"),  # which is how an unknown outcome is resolved
        ("unknown", ["failed"], "failed"),
        ("refused", [], "refused"),
        ("failed", [], "failed"),
        ("failed", ["delivered"], "delivered"),
        ("accepted", ["failed"], "failed"),
        ("accepted", ["sent", "failed"], "failed"),
        ("accepted", ["failed", "delivered"], "delivered"),  # evidence of delivery is trusted
        ("accepted", ["failed", "read"], "read"),
        ("accepted", ["read"], "read"),  # `delivered` may never come
        ("accepted", ["teleported"], "accepted"),
    ],
)
def test_where_it_stands(outcome, told, status):
    assert fold(*(Status(name, ASKED + 1000) for name in told), outcome=outcome).status == status


def test_a_failure_is_shown_with_metas_own_error():
    assert fold(Status("failed", ASKED, (ERROR,))).error == ERROR
    assert fold(Status("failed", ASKED), error={"code": 1}).error == {"code": 1}


def test_a_send_that_never_ended_is_unknown_once_no_call_can_still_be_under_way():
    assert fold(outcome=None, now=ASKED + LEASE_MS - 1).status == "sending"
    assert fold(outcome=None, now=ASKED + LEASE_MS).status == "unknown"
