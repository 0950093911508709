"""When an endpoint is tried, when it is left alone, and when it is dead."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from casement.domain.endpoint_health import (
    GIVEN_UP_AFTER_MS,
    HOUR_MS,
    OPENS_AFTER,
    PROBE_S,
    RETRY_S,
    Endpoint,
    Health,
    Shard,
    wait_s,
)

NOW = 1_795_000_000_000


def failing(*events: str) -> Health:
    health = Health()
    for event in events:
        health = health.after_failure(event, NOW)
    return health


def test_waits_grow_and_end_within_three_days():
    assert [wait_s(attempts) for attempts in range(1, 12)] == [*RETRY_S, RETRY_S[-1], RETRY_S[-1]]
    assert sum(RETRY_S) * 1000 < GIVEN_UP_AFTER_MS < (sum(RETRY_S) + 2 * RETRY_S[-1]) * 1000


def test_an_endpoint_may_ask_to_wait_longer_but_not_for_ever_and_not_shorter():
    assert [wait_s(1, asked) for asked in (None, 0, 30, 10**9)] == [5, 5, 30, 3600]
    assert wait_s(6, 30) == RETRY_S[5]


def test_the_circuit_opens_when_different_events_fail_in_a_row():
    assert not failing(*["one"] * 50).is_open
    assert not failing("a", "b", "c", "d").is_open
    assert failing("a", "b", "c", "d", "e").probe_at == NOW + PROBE_S[0] * 1000
    assert not failing("a", "b", "c", "d").after_success(NOW).after_failure("e", NOW).is_open


def test_who_is_asked_to_slow_down_does_at_once():
    assert Health().after_failure("a", NOW, slow_down_s=0).probe_at == NOW + 5_000
    assert Health().after_failure("a", NOW, slow_down_s=40).probe_at == NOW + 40_000
    assert failing("a", "b", "c", "d", "e").after_failure("f", NOW, slow_down_s=40).probe_at == NOW + 40_000


def test_probes_come_at_growing_steps_and_a_success_ends_it():
    health, waits = failing("a", "b", "c", "d", "e"), []
    for _ in range(6):
        health = health.probing(NOW)
        waits.append((health.probe_at - NOW) // 1000)
    assert waits == [*PROBE_S[1:], PROBE_S[-1], PROBE_S[-1]]
    well = health.after_success(NOW + 7)
    assert (well.is_open, well.failed, well.failing_since, well.recovered_at) == (False, (), 0, NOW + 7)


def test_only_what_takes_nothing_at_all_is_dead():
    day = 24 * HOUR_MS
    assert failing("a", "b").is_dead(NOW + day, day)
    assert not failing("a", "b").is_dead(NOW + day - 1, day)
    assert not failing("a", "a").is_dead(NOW + day, day)
    assert not failing("a", "b").after_success(NOW).is_dead(NOW + day, day)
    assert not Health().is_dead(NOW, day)


def test_what_is_due_is_looked_at_and_what_waited_for_the_endpoint_when_that_is_back():
    shards = {
        1: Shard("m", NOW - 1000, NOW),
        2: Shard("m", NOW - 1000, NOW + 1),
        3: Shard("m", NOW - 1000, None),
    }
    well = Endpoint(Health(), shards)
    assert well.to_look_at(NOW, 0) == [1]
    assert well.to_look_at(NOW, NOW - 10) == [1, 2]  # it was paused until then
    assert replace(well, health=Health(recovered_at=NOW - 10)).to_look_at(NOW, 0) == [1, 2]
    down = replace(well, health=Health(probe_at=NOW + 1))
    assert (down.to_look_at(NOW, 0), down.to_look_at(NOW + 1, 0)) == ([], [1, 2])


@given(st.lists(st.sampled_from(["ok", "a", "b", "c", "d", "e", "f", "probe"]), max_size=40))
def test_whatever_happens_a_success_makes_it_well(happened):
    health = Health()
    for at, what in enumerate(happened):
        if what == "ok":
            health = health.after_success(NOW + at)
            assert health.failed == ()
            assert not health.is_open
        elif what == "probe":
            health = health.probing(NOW + at) if health.is_open else health
        else:
            health = health.after_failure(what, NOW + at)
        assert len(health.failed) == len(set(health.failed)) <= OPENS_AFTER
        assert health.is_open == (len(health.failed) >= OPENS_AFTER) or health.is_open
