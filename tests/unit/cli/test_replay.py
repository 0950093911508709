from datetime import UTC, datetime

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from casement.store import keys
from cli.replay import is_since, moment_of

NOW = 1_795_000_000_000


@pytest.mark.parametrize(
    ("when", "at"),
    [
        ("36h", NOW - 36 * 3_600_000),
        ("90m", NOW - 90 * 60_000),
        ("7d", NOW - 7 * 86_400_000),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC).timestamp() * 1000),
        ("2026-01-31T09:30Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC).timestamp() * 1000),
        ("2026-01-31T09:30", datetime(2026, 1, 31, 9, 30, tzinfo=UTC).timestamp() * 1000),
        ("2026-01-31T09:30+02:00", datetime(2026, 1, 31, 7, 30, tzinfo=UTC).timestamp() * 1000),
    ],
)
def test_a_moment_can_be_a_day_a_time_or_an_age(when, at):
    assert moment_of(when, NOW) == at


@pytest.mark.parametrize("when", ["", "yesterday", "36", "h", "-1h", "2026-13-01"])
def test_anything_else_is_refused(when):
    with pytest.raises(typer.BadParameter):
        moment_of(when, NOW)


@given(at=st.integers(0, 10**13 - 1), since=st.integers(0, 10**13 - 1), kind=st.sampled_from(["W", "M", "Y", "D"]))
def test_a_timed_fact_counts_from_its_own_moment_on(at, since, kind):
    assert is_since(f"{kind}#{keys.moment(at)}#0#message#x#y", since) == (at >= since)


@pytest.mark.parametrize("sort_key", ["S#wamid.x#sent#y", "S#1795000000000#sent#y", "Z#a#16505551234", "Z#>#US.1"])
def test_a_fact_without_a_time_in_its_key_always_counts(sort_key):
    assert is_since(sort_key, 10**13 - 1)
