"""How many templates are made in an hour."""

import pytest

from cli.api import Limited
from cli.outside import Outside
from cli.templates.doing import Pace, Stop

MINUTE = 60_000


class Clock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_795_000_000_000

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outside(clock: Clock) -> Outside:
    return Outside(now=lambda: clock.now, sleep=clock.sleep)


def test_it_stops_at_the_limit(outside):
    pace = Pace(outside, waits=False, most=3)
    for _ in range(3):
        pace.one_more()

    with pytest.raises(Stop, match="3 new templates an hour"):
        pace.one_more()


def test_what_was_made_an_hour_ago_counts_no_more(outside, clock):
    pace = Pace(outside, waits=False, most=2)
    pace.one_more()
    clock.now += 40 * MINUTE
    pace.one_more()
    clock.now += 20 * MINUTE

    pace.one_more()
    with pytest.raises(Stop):
        pace.one_more()


def test_it_waits_no_longer_than_it_must(outside, clock):
    began, pace = clock.now, Pace(outside, waits=True, most=2)
    made = []
    for _ in range(5):
        pace.one_more()
        made.append((clock.now - began) // MINUTE)
        clock.now += 10 * MINUTE

    assert made == [0, 10, 60, 70, 120]


def test_in_no_hour_are_there_more_than_the_limit(outside, clock):
    pace = Pace(outside, waits=True, most=4)
    made = []
    for number in range(30):
        pace.one_more()
        made.append(clock.now)
        clock.now += number % 7 * MINUTE

    assert all(later - earlier >= 60 * MINUTE for earlier, later in zip(made, made[4:], strict=False))


def test_when_meta_has_had_enough_it_stops_or_waits(outside, clock):
    before = clock.now

    with pytest.raises(Stop, match="too many"):
        Pace(outside, waits=False).limited(Limited("too many"))
    Pace(outside, waits=True).limited(Limited("too many"))

    assert clock.now == before + 10 * MINUTE
