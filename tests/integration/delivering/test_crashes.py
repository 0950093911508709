"""Workers die at any of their effects, subscribers answer as they like: nothing is lost, nothing is out of order."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.deliveries import SHARDS, Answer, Became, Delivery, Tick
from casement.usecases.deliver import deliver
from tests.support.memory import memory
from tests.support.post_office import (
    ALICE,
    BOB,
    CAROL,
    HOUR,
    MINUTE,
    NUMBER,
    OK,
    SECOND,
    PostOffice,
    Server,
    fails,
)

PEOPLE = (ALICE, BOB, CAROL)


class Moody(Server):
    """Fails each of the first events as often as a test says, and is well otherwise."""

    def __init__(self, moods: list[int], how: Answer) -> None:
        super().__init__(self._next)
        self._moods, self._how = moods, how
        self._left: dict[str, int] = {}

    def _next(self, delivery: Delivery, _now: int) -> Answer:
        if delivery.event not in self._left:
            self._left[delivery.event] = self._moods.pop(0) if self._moods else 0
        if self._left[delivery.event] <= 0:
            return OK
        self._left[delivery.event] -= 1
        return self._how


def story(office: PostOffice) -> None:
    """A few minutes of events for one subscriber."""
    for contacts in ((ALICE, BOB, ALICE), (BOB, BOB, CAROL), (ALICE, CAROL, ALICE)):
        for contact in contacts:
            office.happened(contact)
        office.settle()
        office.pass_time(4 * SECOND)
    office.pass_time(10 * MINUTE)


def went_well(office: PostOffice, server: Server) -> None:
    """Everything was taken, each conversation's in order, and the log says so."""
    for contact in PEOPLE:
        there = sorted(sequence for scope, sequence in office.journal if scope == f"{NUMBER}#{contact}")
        assert server.sequences(contact) == there, contact
    (subscription,) = office.subscriptions.fresh()
    lines = office.lines(subscription)
    assert {line.became for line in lines} <= {Became.DELIVERED}
    assert len(lines) == len(office.journal)
    assert not any(shard.due for shard in office.endpoints.find(subscription.id).shards.values())
    assert [list(office.backlog.heads(subscription.id, shard)) for shard in range(SHARDS)] == [[]] * SHARDS
    assert office.messages == []


STORIES: dict[str, Callable[[], Server]] = {
    "all is well": Server,
    "one event is not taken twice": lambda: Moody([2], fails(500)),
    "a few are not taken": lambda: Moody([0, 1, 2, 0, 3], fails(None)),
    "it is down for a while": lambda: Moody([2, 2, 2, 2, 2, 2, 2], fails(None)),
    "it asks to slow down": lambda: Moody([0, 1, 0, 1], fails(429, retry_after=7)),
}
LONG, LONG_STORIES = pytest.mark.exhaustive, {"a few are not taken", "it is down for a while"}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", [pytest.param(name, marks=LONG if name in LONG_STORIES else ()) for name in STORIES])
def test_a_worker_that_dies_at_any_effect_loses_nothing(name, after):
    undisturbed = PostOffice(memory())
    _, server = undisturbed.subscribe(STORIES[name](), concurrency=3)
    story(undisturbed)
    went_well(undisturbed, server)
    assert undisturbed.effects >= 15

    for effect in range(1, undisturbed.effects + 1):
        office = PostOffice(memory())
        _, server = office.subscribe(STORIES[name](), concurrency=3)
        office.dies_at, office.dies_after = effect, after
        story(office)
        try:
            went_well(office, server)
        except AssertionError as error:
            raise AssertionError(f"died {'after' if after else 'before'} effect {effect}") from error


@settings(max_examples=25)
@given(
    moods=st.lists(st.integers(0, 3), max_size=12),
    how=st.sampled_from([fails(500), fails(None), fails(429, retry_after=3), fails(503, retry_after=20), fails(307)]),
    deaths=st.lists(st.integers(1, 40), max_size=6),
    most=st.integers(1, 10),
    lanes=st.integers(1, 5),
    contacts=st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=15),
    pauses=st.lists(st.sampled_from([0, SECOND, 6 * SECOND, MINUTE]), min_size=1, max_size=15),
)
def test_any_history_of_answers_deaths_and_batches_ends_well(moods, how, deaths, most, lanes, contacts, pauses):
    office = PostOffice(memory())
    _, server = office.subscribe(Moody(list(moods), how), concurrency=lanes)
    for place, contact in enumerate(contacts):
        office.happened(contact)
        if (deaths and office.dies_at is None) or (office.dies_at is not None and office.dies_at <= office.effects):
            office.dies_at = office.effects + deaths.pop() if deaths else None
            office.dies_after = place % 2 == 0
        office.settle(most=most)
        office.pass_time(pauses[place % len(pauses)])
    office.pass_time(8 * HOUR)
    went_well(office, server)


def test_a_worker_that_was_only_slow_and_one_that_took_over_do_no_harm():
    """SQS gives a message out again after its time: two work on one lane, step by step in turn."""
    office = PostOffice(memory())
    moody = Moody([1], fails(500))
    usual = moody.answer
    subscription, server = office.subscribe(moody, concurrency=1)
    for _ in range(3):
        office.happened(ALICE)

    def take_over(_delivery: Delivery, _now: int) -> Answer:
        server.answer = usual
        for message in office.messages:
            message.visible_at = 0
        office.settle()
        return OK

    server.answer = take_over
    office.settle()
    office.pass_time(10 * MINUTE)
    assert set(server.sequences(ALICE)) == {1, 2, 3}
    assert {line.became for line in office.lines(subscription)} == {Became.DELIVERED}


def test_two_who_see_an_endpoint_fail_at_one_time_both_count():
    office = PostOffice(memory())
    subscription, server = office.subscribe(concurrency=4)
    beside: list[Any] = []

    def fail(delivery: Delivery, _now: int) -> Answer:
        if not beside:  # another environment works on another lane meanwhile
            beside.append(delivery)
            office.settle()
        return fails(500)

    server.answer = fail
    for number in range(12):
        office.happened(f"1650555{number:04}")
    office.settle()
    assert office.endpoints.find(subscription.id).health.is_open


@pytest.mark.parametrize("name", STORIES)
def test_an_engine_sees_it_as_the_dictionary_does(dynamodb, name):
    office = PostOffice(dynamodb)
    _, server = office.subscribe(STORIES[name](), concurrency=3)
    story(office)
    went_well(office, server)


@pytest.mark.parametrize("failed", [1, 6], ids=["its next try is due", "its next try is hours away"])
@pytest.mark.parametrize("prefix", ["D#", "X#", "V#"])
def test_what_is_put_behind_something_while_that_is_worked_off_is_not_forgotten(prefix, failed):
    """Lanes can be many for one shard: one worker lets an event wait while another empties the shard."""
    office = PostOffice(memory())
    subscription, server = office.subscribe(Moody([failed], fails(500)))
    (first,) = office.happened(ALICE)
    office.pass_time(SECOND if failed == 1 else 3 * HOUR)
    office.messages.clear()
    office.now += MINUTE
    resumed = subscription.paused("", office.now).resumed(office.now, skip=False)  # so that all is due
    office.subscriptions.replace(subscription, resumed)
    (second,) = office.happened(ALICE)
    office.messages.clear()
    done: list[int] = []

    def meanwhile(params: Any, **_: Any) -> None:
        if params["Item"]["PK"]["S"].startswith(prefix) and not done:
            done.append(1)
            deliver([Tick(subscription.id, first.shard, office.now)], office.desk, came_before=False)

    office.client.meta.events.register("provide-client-params.dynamodb.PutItem", meanwhile)
    assert deliver([second], office.desk, came_before=False) == 1
    assert done
    office.pass_time(2 * MINUTE)
    assert server.sequences() == [1, 2]
    office.pass_time(6 * HOUR)  # a shard may be marked that is empty
    went_well(office, server)


def test_of_two_who_would_try_whether_an_endpoint_is_back_one_does():
    office = PostOffice(memory())
    subscription, server = office.subscribe(Server(lambda *_: fails(None)))
    for number in range(20):
        office.happened(f"1650555{number:04}")
    office.settle()
    office.messages.clear()
    office.now += MINUTE
    tried = len(server.got)
    shards = office.endpoints.find(subscription.id).to_look_at(office.now, 0)
    others = [Tick(subscription.id, shard, office.now) for shard in shards[1:]]
    done: list[int] = []

    def meanwhile(params: Any, **_: Any) -> None:
        if params["Item"]["SK"]["S"] == "health" and not done:
            done.append(0)
            done[0] = deliver(others, office.desk, came_before=False)

    office.client.meta.events.register("provide-client-params.dynamodb.PutItem", meanwhile)
    deliver([Tick(subscription.id, shards[0], office.now)], office.desk, came_before=False)

    assert done == [len(others)]
    assert len(server.got) == tried + 1
