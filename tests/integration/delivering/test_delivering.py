"""Every event arrives, a conversation's in order, whatever its subscriber answers."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from casement.domain.deliveries import (
    NOT_ARRIVED,
    Answer,
    Became,
    Delivery,
    Redelivery,
    Tick,
    Told,
    Waiting,
    shard_of,
    told,
)
from casement.domain.endpoint_health import FEWEST_ATTEMPTS, PROBE_S, RETRY_S
from casement.domain.errors import NotFound
from casement.domain.events import event_id
from casement.usecases.redeliver import MOST_LOOKED_AT, redeliver_one
from tests.support.post_office import (
    ALICE,
    BOB,
    CAROL,
    HOUR,
    MINUTE,
    NOON,
    NUMBER,
    OK,
    SECOND,
    fails,
)

DAY = 24 * HOUR


def all_but(bad: set[str], status: int | None = 500) -> Callable[[Delivery, int], Answer]:
    """Answers well, but for these events."""
    return lambda delivery, _now: fails(status) if delivery.event in bad else OK


def test_what_happens_arrives_once_in_order_and_is_in_the_log(office):
    subscription, server = office.subscribe()
    for contact in (ALICE, BOB, ALICE, ALICE, BOB):
        office.happened(contact)
    office.settle()

    assert (server.sequences(ALICE), server.sequences(BOB)) == ([1, 2, 3], [1, 2])
    assert len(server.got) == 5
    lines = office.lines(subscription)
    assert [(line.became, line.attempts, line.status) for line in lines] == [(Became.DELIVERED, 1, 200)] * 5
    assert office.messages == []


def test_what_nobody_takes_costs_its_own_conversation_and_no_other(office):
    subscription, server = office.subscribe()
    (bad,) = office.happened(ALICE)
    server.answer = all_but({bad.event})
    office.happened(ALICE)
    for _ in range(3):
        office.happened(BOB)
    office.settle()
    office.happened(ALICE)
    office.happened(CAROL)
    office.settle()

    assert (server.sequences(ALICE), server.sequences(BOB), server.sequences(CAROL)) == ([], [1, 2, 3], [1])
    assert {line.became for line in office.lines(subscription) if line.scope.endswith(ALICE)} == {Became.WAITING}

    server.answer = lambda *_: OK
    office.pass_time(5 * SECOND)
    assert server.sequences(ALICE) == [1, 2, 3]
    assert {line.became for line in office.lines(subscription)} == {Became.DELIVERED}


def test_it_is_tried_later_and_later_for_three_days_and_then_given_up(office):
    subscription, server = office.subscribe()
    (bad,) = office.happened(ALICE)
    (behind,) = office.happened(ALICE)
    server.answer = all_but({bad.event})
    for _ in range(12):  # its endpoint is well otherwise
        office.pass_time(6 * HOUR)
        office.happened(BOB)
    office.pass_time(6 * HOUR)

    tries = server.tries(bad.event)
    waits = [after - before for before, after in itertools.pairwise(tries)]
    assert tries[0] == 0
    assert tries[-1] == pytest.approx(72 * 3600, abs=61)
    for wait, planned in zip(waits[:-1], RETRY_S, strict=False):
        assert planned <= wait <= planned + 61  # the minutely look
    given_up, after_it = (office.log.find(subscription.id, each.event) for each in (bad, behind))
    assert (given_up.became, given_up.attempts, given_up.status) == (Became.FAILED, len(tries), 500)
    assert after_it.became is Became.DELIVERED
    assert office.counted == ["EventGivenUp"]


def test_what_waited_for_three_days_behind_another_is_not_given_up_at_its_first_failure(office):
    subscription, server = office.subscribe()
    (bad,) = office.happened(ALICE)
    office.happened(ALICE)
    server.answer = lambda delivery, _now: (
        fails()
        if delivery.event == bad.event or (delivery.scope == bad.scope and len(server.tries(delivery.event)) < 4)
        else OK
    )
    for _ in range(4):
        office.happened(BOB)  # who is told of it well enough: the endpoint is not dead
        office.pass_time(20 * HOUR)

    assert server.sequences(ALICE) == [2]
    became = [(line.became, line.attempts) for line in office.lines(subscription) if line.scope.endswith(ALICE)]
    assert became == [(Became.FAILED, 12), (Became.DELIVERED, FEWEST_ATTEMPTS)]


def test_an_endpoint_that_asks_to_wait_is_not_asked_meanwhile(office):
    _, server = office.subscribe()
    server.answer = lambda _, now: fails(429, retry_after=40) if now < NOON + 40 * SECOND else OK
    for contact in (ALICE, BOB, CAROL):
        office.happened(contact)
    office.settle()
    office.pass_time(39 * SECOND)
    assert len(server.got) == 1

    office.pass_time(2 * SECOND)
    assert [len(server.sequences(contact)) for contact in (ALICE, BOB, CAROL)] == [1, 1, 1]
    assert len(server.got) == 4


def test_an_endpoint_that_is_down_gets_one_probe_a_step_and_everything_once_it_is_back(office):
    subscription, server = office.subscribe()
    server.answer = lambda *_: fails(None)
    for number in range(40):
        office.happened(f"1650555{number:04}")
    office.settle()
    assert len(server.got) == 5  # then nobody tries any more

    office.pass_time(30 * MINUTE)
    steps = [sum(PROBE_S[: step + 1]) for step in range(4)]
    probes = [(at - NOON) // SECOND for at, _ in server.got[5:]]
    assert probes == [pytest.approx(step, abs=62 * (place + 1)) for place, step in enumerate(steps)]
    assert len({delivery.event for _, delivery in server.got[5:]}) == len(probes)  # not always the same one

    server.answer = lambda *_: OK
    while not server.taken:
        office.pass_time(SECOND)
    office.pass_time(MINUTE)
    assert len({delivery.event for delivery in server.taken}) == 40
    assert {line.became for line in office.lines(subscription)} == {Became.DELIVERED}
    assert not office.endpoints.find(subscription.id).health.is_open
    assert all(shard.due is None for shard in office.endpoints.find(subscription.id).shards.values())


def test_what_was_tried_often_while_it_was_down_need_not_wait_for_its_next_try(office):
    _, server = office.subscribe()
    server.answer = lambda *_: fails(None)
    for number in range(5):
        office.happened(f"1650555{number:04}")
    office.pass_time(8 * HOUR)
    server.answer = lambda *_: OK
    office.pass_time(31 * MINUTE)

    assert len(server.taken) == 5


def test_a_look_between_two_events_of_a_conversation_changes_no_order(office):
    subscription, server = office.subscribe(concurrency=1)
    (bad,) = office.happened(ALICE)
    office.queue.tick([Tick(subscription.id, bad.shard, office.now)])
    office.happened(ALICE)
    server.answer = all_but({bad.event})
    assert office.work()
    assert server.sequences() == []

    server.answer = lambda *_: OK
    office.pass_time(MINUTE)
    assert server.sequences() == [1, 2]


def test_one_bad_event_does_not_keep_a_circuit_open(office):
    _, server = office.subscribe()
    server.answer = lambda *_: fails()
    (bad,) = office.happened(ALICE)
    for number in range(5):
        office.happened(f"1650555{number:04}")
    office.settle()
    server.answer = all_but({bad.event})
    office.pass_time(10 * MINUTE)

    assert len(server.taken) == 5


@pytest.mark.parametrize("elsewhere", [1, 15])
def test_bad_events_of_one_shard_do_not_keep_from_the_others_that_an_endpoint_is_well(office, elsewhere):
    def in_shard(shard: int) -> Iterator[str]:
        contacts = (f"1650555{number:04}" for number in itertools.count())
        return (contact for contact in contacts if shard_of(f"{NUMBER}#{contact}") == shard)

    _, server = office.subscribe()
    bad = {office.happened(contact)[0].event for contact in itertools.islice(in_shard(0), 5)}
    server.answer = all_but(bad)
    office.settle()  # five in a row: the circuit opens
    office.happened(next(in_shard(elsewhere)))
    office.pass_time(10 * MINUTE)

    assert len(server.taken) == 1


def test_a_dead_endpoint_is_paused_after_a_day_and_what_it_missed_is_known(office):
    subscription, server = office.subscribe()
    other, others = office.subscribe()
    server.answer = lambda *_: fails(503)
    for number in range(6):
        office.happened(f"1650555{number:04}")
    office.pass_time(23 * HOUR)
    assert not office.subscriptions.find(subscription.id).is_paused
    office.pass_time(2 * HOUR)

    paused = office.subscriptions.find(subscription.id)
    assert (paused.is_paused, "503" in paused.why, office.counted) == (True, True, ["SubscriptionPaused"])
    tries = len(server.got)
    office.happened(ALICE)
    office.pass_time(HOUR)
    assert len(server.got) == tries
    assert office.lines(subscription)[-1].became is Became.MISSED
    assert len(others.taken) == 7
    assert not office.subscriptions.find(other.id).is_paused


def test_one_event_alone_does_not_make_an_endpoint_dead(office):
    subscription, server = office.subscribe()
    server.answer = lambda *_: fails()
    office.happened(ALICE)
    office.pass_time(40 * HOUR)

    assert not office.subscriptions.find(subscription.id).is_paused


def test_an_endpoint_that_says_it_is_gone_is_paused_at_once(office):
    subscription, server = office.subscribe(concurrency=1)
    server.answer = lambda *_: fails(410)
    for _ in range(3):
        office.happened(ALICE)
    office.settle()

    assert len(server.got) == 1
    assert office.subscriptions.find(subscription.id).is_paused


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("how", ["paused", "removed"])
def test_what_its_owner_changes_is_heeded_by_a_run_that_is_under_way(office, how, waits):
    subscription, server = office.subscribe(concurrency=1)
    for _ in range(9):
        office.happened(ALICE)
    if waits:
        server.answer = lambda *_: fails()
        office.settle()
        office.now += 10 * SECOND

    def change(_delivery: Delivery, _now: int) -> Answer:
        known = office.subscriptions.find(subscription.id)
        if how == "removed":
            office.subscriptions.remove(subscription.id)
        else:
            office.subscriptions.replace(known, known.paused("", office.now))
        return OK

    server.answer = change
    office.settle()

    assert len(server.taken) == 1


def test_one_that_goes_on_gets_what_waited_and_loses_nothing(office):
    subscription, server = office.subscribe()
    server.answer = lambda *_: fails(410)
    office.happened(ALICE)
    office.happened(ALICE)
    office.settle()
    server.answer = lambda *_: OK
    office.pass_time(5 * DAY)  # longer than anything is tried
    paused = office.subscriptions.find(subscription.id)
    office.subscriptions.replace(paused, paused.resumed(office.now, skip=False))
    office.happened(ALICE)
    office.pass_time(2 * MINUTE)

    assert server.sequences(ALICE)[0] == 1
    assert office.log.find(subscription.id, server.taken[0].event).became is Became.DELIVERED


def test_one_that_goes_on_is_not_kept_waiting_by_what_failed_before(office):
    subscription, server = office.subscribe()
    server.answer = lambda *_: fails()
    for contact in (ALICE, BOB):
        office.happened(contact)
    office.pass_time(32 * HOUR)
    paused = office.subscriptions.find(subscription.id)
    assert paused.is_paused
    server.answer = lambda *_: OK
    office.subscriptions.replace(paused, paused.resumed(office.now, skip=False))
    office.pass_time(2 * MINUTE)

    assert len(server.taken) == 2
    assert [line.attempts for line in office.lines(subscription)] == [1, 1]  # it began anew


def test_one_that_goes_on_without_what_it_missed_gets_only_what_comes(office):
    subscription, server = office.subscribe()
    server.answer = lambda *_: fails(410)
    office.happened(ALICE)
    office.settle()
    server.answer = lambda *_: OK
    office.now += HOUR
    paused = office.subscriptions.find(subscription.id)
    office.subscriptions.replace(paused, paused.resumed(office.now, skip=True))
    office.now += SECOND
    office.pass_time(2 * MINUTE)
    office.happened(ALICE)
    office.settle()

    assert server.sequences(ALICE) == [2]
    assert [line.became for line in office.lines(subscription)] == [Became.MISSED, Became.DELIVERED]


def test_a_body_that_was_too_large_for_the_queue_is_read_where_it_is_kept(office):
    subscription, server = office.subscribe()
    (delivery,) = office.happened(ALICE, large=True)
    office.settle()
    (missing,) = office.happened(BOB, large=True)
    office.journal.clear()
    office.settle()

    assert f'"id":"{delivery.event}"' in server.taken[0].body
    assert office.log.find(subscription.id, missing.event).became is Became.FAILED


def test_a_subscriber_that_is_slower_than_what_happens_does_not_fill_the_queue(office):
    """SQS looks for work among the first messages of a queue alone: who fills it keeps from others what is theirs."""
    subscription, server = office.subscribe(concurrency=2)
    turn, longest = itertools.cycle((ALICE, BOB, CAROL)), 0

    def slowly(_delivery: Delivery, _now: int) -> Answer:
        nonlocal longest
        office.now += 4 * SECOND
        if office.now < NOON + HOUR:
            for _ in range(4):
                office.happened(next(turn))
        longest = max(longest, len(office.messages))
        return OK

    server.answer = slowly
    office.happened(next(turn))
    office.pass_time(HOUR)
    happened = len(office.journal)
    assert happened > 3_000
    assert longest < happened / 4
    office.pass_time(4 * HOUR)

    for contact in (ALICE, BOB, CAROL):
        there = sorted(sequence for scope, sequence in office.journal if scope == f"{NUMBER}#{contact}")
        assert server.sequences(contact) == there
    assert len(server.got) == happened
    assert {line.became for line in office.lines(subscription)} == {Became.DELIVERED}


def test_a_subscriber_that_is_done_does_not_wait_for_one_that_hangs(office):
    _, slow = office.subscribe()
    _, quick = office.subscribe()
    slow.answer = lambda *_: OK if office.let_go.wait(10) else fails(None)
    office.happened(ALICE)
    with ThreadPoolExecutor(2) as threads:
        office.work(run=threads)

    assert (slow.sequences(), quick.sequences(), office.messages) == ([1], [1], [])


def test_what_is_for_a_subscription_that_was_removed_goes_nowhere(office):
    subscription, server = office.subscribe()
    office.happened(ALICE)
    office.subscriptions.remove(subscription.id)
    office.settle()

    assert (server.got, office.messages) == ([], [])


def test_a_subscription_that_nobody_here_remembers_yet_gets_its_events(office):
    office.subscribe()
    office.subscriptions.all(office.now)
    remembered = office.subscriptions._remembered
    new, server = office.subscribe()
    office.happened(ALICE)
    office.subscriptions._remembered = remembered  # of another environment, that read them before
    office.settle()

    assert server.sequences(ALICE) == [1]
    assert office.lines(new)


def test_other_lanes_change_no_order_and_find_what_waits(office):
    subscription, server = office.subscribe(concurrency=8)
    server.answer = lambda *_: fails()
    for _ in range(2):
        office.happened(ALICE)
    office.settle()
    known = office.subscriptions.find(subscription.id)
    office.subscriptions.replace(known, known.changed({"concurrency": 3}))
    server.answer = lambda *_: OK
    office.happened(ALICE)
    office.settle()
    assert server.sequences(ALICE) == []
    office.pass_time(MINUTE)
    assert server.sequences(ALICE) == [1, 2, 3]


def test_lost_ticks_are_made_up_for_within_a_minute(office):
    _, server = office.subscribe()
    server.answer = lambda *_: fails()
    office.happened(ALICE)
    office.settle()
    office.messages.clear()
    server.answer = lambda *_: OK
    office.pass_time(MINUTE + SECOND)

    assert server.sequences(ALICE) == [1]


def test_a_run_that_takes_long_leaves_the_rest_for_another(office):
    _, server = office.subscribe(concurrency=1)

    def slow(_delivery: Delivery, _now: int) -> Answer:
        office.now += 9 * SECOND
        return OK

    server.answer = slow
    for _ in range(10):
        office.happened(ALICE)
    assert office.work()
    assert 5 <= len(server.taken) <= 7
    office.settle()
    assert server.sequences(ALICE) == list(range(1, 11))
    assert len(server.got) == 10


def test_what_waits_is_worked_off_in_several_runs_if_there_is_much(office):
    _, server = office.subscribe(concurrency=1)
    server.answer = lambda *_: fails(None)
    for number in range(60):
        office.happened(f"1650555{number % 30:04}")
    office.settle()

    def slow(_delivery: Delivery, _now: int) -> Answer:
        office.now += 4 * SECOND
        return OK

    server.answer = slow
    office.pass_time(20 * MINUTE)
    assert len({delivery.event for delivery in server.taken}) == 60
    assert len(server.taken) == 60
    for number in range(30):
        assert server.sequences(f"1650555{number:04}") == [1, 2]


def test_32_who_look_in_one_minute_make_one_tick(office):
    subscription, server = office.subscribe()
    server.answer = lambda *_: fails()
    office.happened(ALICE)
    office.settle()
    office.messages.clear()
    office.now += 10 * MINUTE
    assert {office.look() for _ in range(32)} == {1}
    assert len(office.messages) == 1
    assert subscription.id in office.messages[0].group


# -- Again


def test_one_event_can_be_had_again_under_its_own_id(office):
    subscription, server = office.subscribe()
    (first,) = office.happened(ALICE)
    office.happened(ALICE)
    office.settle()
    redeliver_one(subscription, first.event, office.archive, office.now)
    office.settle()

    assert [delivery.sequence for delivery in server.taken] == [1, 2, 1]
    assert server.taken[2] == server.taken[0]
    with pytest.raises(NotFound):
        redeliver_one(subscription, "evt_unknown", office.archive, office.now)


@pytest.mark.parametrize("only_failed", [True, False])
def test_a_stretch_of_time_can_be_had_again_in_order(office, only_failed):
    subscription, server = office.subscribe()
    for _ in range(150):
        office.happened(ALICE)
        office.now += 10
    office.settle()
    paused = subscription.paused("why", office.now)
    office.subscriptions.replace(subscription, paused)
    for _ in range(250):
        office.happened(ALICE)
        office.now += 10
    office.settle()
    office.subscriptions.replace(paused, paused.resumed(office.now, skip=False))
    server.taken.clear()
    only = NOT_ARRIVED if only_failed else ()
    office.queue.redeliver(Redelivery(subscription.id, NOON, office.now, only, office.now))
    office.pass_time(MINUTE)

    first = 151 if only_failed else 1
    assert [delivery.sequence for delivery in server.taken] == list(range(first, 401))
    assert {line.became for line in office.lines(subscription)} == {Became.DELIVERED}


def test_a_window_that_closes_is_had_again_by_when_that_was_told(office):
    """Its id goes by the end of its window, which is yet to come."""
    subscription, server = office.subscribe()
    office.happened(ALICE, ahead=2 * HOUR)
    office.now += MINUTE
    office.happened(ALICE)
    office.settle()
    server.taken.clear()
    office.queue.redeliver(Redelivery(subscription.id, NOON, NOON + SECOND, (), office.now))
    office.pass_time(SECOND)
    assert [delivery.sequence for delivery in server.taken] == [1]

    office.queue.redeliver(Redelivery(subscription.id, office.now + HOUR, office.now + 3 * HOUR, (), office.now))
    office.pass_time(SECOND)
    assert len(server.taken) == 1


def test_nothing_is_redelivered_to_one_that_was_removed(office):
    office.queue.redeliver(Redelivery("sub_gone", NOON, office.now, (), office.now))
    office.settle()
    assert office.messages == []


def test_the_log_is_read_from_either_end_and_from_any_place(office):
    subscription, _ = office.subscribe()
    for _ in range(60):
        office.happened(ALICE)
        office.now += 1
    office.settle()
    oldest = [line.event for line in office.lines(subscription)]

    assert oldest == sorted(oldest)
    assert [line.event for line in office.log.newest(subscription.id)] == oldest[::-1]
    assert [line.event for line in office.log.newest(subscription.id, before=oldest[20])] == oldest[:20][::-1]
    assert [line.event for line in office.log.oldest(subscription.id, NOON + 10, NOON + 20)] == oldest[10:20]
    after = office.log.oldest(subscription.id, NOON + 10, NOON + 20, after=oldest[15])
    assert [line.event for line in after] == oldest[16:20]


def test_a_long_stretch_of_which_little_is_wanted_is_gone_through_in_several_runs(office):
    subscription, server = office.subscribe()
    happened = [office.happened(ALICE)[0] for _ in range(3)]
    office.settle()
    server.taken.clear()
    filler = [
        Told(subscription.id, event_id("filler", NOON + number, ""), "x", "", 0, NOON, Became.DELIVERED, NOON)
        for number in range(MOST_LOOKED_AT + 100)
    ]
    office.log.add(filler)
    office.now += MINUTE
    office.log.add([told(happened[2], Became.FAILED, office.now, 9)])
    late = Told(
        subscription.id, event_id("late", office.now - 1, ""), "x", happened[0].scope, 1, NOON, Became.MISSED, NOON
    )
    office.log.add([late])
    office.queue.redeliver(Redelivery(subscription.id, NOON, office.now, NOT_ARRIVED, office.now))
    runs = 0
    while office.work():
        runs += 1

    assert [delivery.sequence for delivery in server.taken] == [3, 1]
    assert runs >= 3
    assert office.messages == []


def test_a_shard_with_many_conversations_that_are_not_due_keeps_no_run_beyond_its_time(office):
    subscription, server = office.subscribe(concurrency=1)
    server.answer = lambda *_: fails()
    (first,) = office.happened("16505550000")
    contacts = (f"1650555{number:04}" for number in range(1, 400))
    same = [contact for contact in contacts if shard_of(f"{NUMBER}#{contact}") == first.shard]
    office.settle()
    later = NOON + 2 * HOUR
    office.backlog.put(
        Waiting(
            Delivery(subscription.id, f"evt_{contact}", "x", NOON, f"{NUMBER}#{contact}", 1, "{}"), NOON, later, 1, NOON
        )
        for contact in same
    )

    def slowly(**_: object) -> None:
        office.now += 6 * SECOND

    office.client.meta.events.register("before-call.dynamodb.Query", slowly)
    server.answer = lambda *_: OK
    office.now += 6 * SECOND
    runs = 0
    while office.work() and runs < 50:
        runs += 1
    assert 2 <= runs < 50
    assert len(server.taken) == 1


def test_one_that_goes_on_misses_nothing_where_somebody_still_remembers_that_it_was_paused(office):
    subscription, server = office.subscribe()
    paused = subscription.paused("why", office.now)
    office.subscriptions.replace(subscription, paused)
    office.subscriptions.all(office.now)
    remembered = office.subscriptions._remembered
    office.subscriptions.replace(paused, paused.resumed(office.now, skip=False))
    office.happened(ALICE)
    office.subscriptions._remembered = remembered  # of another environment
    office.settle()

    assert server.sequences() == [1]


def test_what_is_due_soon_is_not_forgotten_over_what_is_due_later(office):
    _, server = office.subscribe()
    contacts = (f"1650555{number:04}" for number in range(400))
    one, other, *_ = (each for each in contacts if shard_of(f"{NUMBER}#{each}") == 0)
    server.answer = lambda *_: fails()
    office.happened(one)
    office.settle()
    server.answer = lambda *_: fails(500, retry_after=3000)
    office.happened(other)
    office.settle()
    office.messages.clear()
    server.answer = lambda *_: OK
    office.pass_time(MINUTE)

    assert (server.sequences(one), server.sequences(other)) == ([1], [])
