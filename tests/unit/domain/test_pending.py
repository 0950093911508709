"""Messages that wait: what may become of one, in which order, and which of them a newer one replaces."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.life import LEASE_MS
from casement.domain.message_key import MessageKey
from casement.domain.pending import Pending, State, WaitsFor, in_order, superseded
from casement.domain.sending import Request

NOON = 1_795_000_000_000
REQUEST = Request({"to": "16505550101", "type": "text", "text": {"body": "Hi"}}, "theirs", "hold")
WAITING, SENDING = State.WAITING, State.SENDING
ENDS = sorted(set(State) - {WAITING, SENDING})


def key(at: int = NOON, random: int = 1) -> MessageKey:
    return MessageKey.new("16505550101", at, random)


def waits(at: int = NOON, **more: Any) -> Pending:
    """One that was asked for at a moment and is held for a minute."""
    return Pending(key(at), REQUEST, "crm", WaitsFor.CUSTOMER, **{"expires_at": at + 60_000, "changed_at": at, **more})


def test_all_but_two_states_are_ends():
    assert {state for state in State if state.is_end} == set(ENDS)
    assert len(ENDS) == 6


@pytest.mark.parametrize(
    ("after", "expired"), [(0, False), (59_999, False), (60_000, True), (60_001, True), (10**9, True)]
)
def test_it_expires_at_its_moment_whoever_writes_it_down(after, expired):
    held = waits()

    assert held.is_expired(NOON + after) is expired
    assert held.shown_state(NOON + after) is (State.EXPIRED if expired else WAITING)


@pytest.mark.parametrize("state", sorted(set(State) - {WAITING}))
def test_what_is_being_sent_or_has_ended_expires_no_more(state):
    late = waits(state=state)

    assert not late.is_expired(NOON + 10**9)
    assert late.shown_state(NOON + 10**9) is state


@pytest.mark.parametrize(("after", "abandoned"), [(0, False), (LEASE_MS - 1, False), (LEASE_MS, True)])
def test_whoever_sends_it_has_died_after_the_lease(after, abandoned):
    trying = waits().sending(key(NOON, 2), NOON)

    assert trying.is_abandoned(NOON + after) is abandoned


@pytest.mark.parametrize("state", sorted(set(State) - {SENDING}))
def test_only_what_is_being_sent_can_be_abandoned(state):
    assert not waits(state=state).is_abandoned(NOON + 10**9)


def test_a_try_a_return_and_an_end():
    held = waits()
    trying = held.sending(key(NOON, 2), NOON + 1)
    back = trying.waiting(NOON + 2)
    again = back.sending(key(NOON, 3), NOON + 3)
    over = again.ended(State.RELEASED, NOON + 4)

    assert [each.state for each in (held, trying, back, again, over)] == [
        WAITING,
        SENDING,
        WAITING,
        SENDING,
        State.RELEASED,
    ]
    assert [each.version for each in (held, trying, back, again, over)] == [0, 1, 2, 3, 4]
    assert [each.changed_at - NOON for each in (held, trying, back, again, over)] == [0, 1, 2, 3, 4]
    assert held.attempt is None
    assert (trying.attempt, back.attempt, over.attempt) == (key(NOON, 2), key(NOON, 2), key(NOON, 3))
    assert over.attempts == (key(NOON, 2), key(NOON, 3))
    assert {each.key for each in (trying, back, again, over)} == {held.key}
    assert {each.expires_at for each in (trying, back, again, over)} == {held.expires_at}


@pytest.mark.parametrize("state", ENDS)
def test_an_end_says_why(state):
    over = waits().ended(state, NOON + 5, "in words")

    assert (over.state, over.why, over.changed_at, over.version) == (state, "in words", NOON + 5, 1)


def test_one_that_is_held_again_keeps_its_place():
    first, second = key(NOON), key(NOON + 1)
    again = Pending(key(NOON + 9), replace(REQUEST, of=first), "crm", WaitsFor.CUSTOMER, NOON + 60_000, supersede="eta")
    other = Pending(second, REQUEST, "crm", WaitsFor.CUSTOMER, NOON + 60_000, supersede="eta")

    assert (again.origin, other.origin) == (first, second)
    assert in_order([other, again]) == [again, other]
    assert superseded([again, other]) == [again]


def test_a_nudge_is_kept():
    nudge = key(NOON, 9)

    assert waits().nudged(nudge, NOON + 1).nudge == nudge
    assert waits().nudged(nudge, NOON + 1).version == 1


def test_the_newest_twenty_tries_are_kept():
    pending = waits()
    for number in range(30):
        pending = pending.sending(key(NOON, number), NOON + number)

    assert pending.attempts == tuple(key(NOON, number) for number in range(10, 30))


def test_a_newer_version_changes_nothing_in_the_older_one():
    held = waits()
    held.sending(key(NOON, 2), NOON + 1)

    assert held == waits()


# --- several of one conversation ----------------------------------------------------------------------------


@given(st.lists(st.integers(0, 10**12), unique=True, max_size=8), st.randoms(use_true_random=False))
def test_they_go_in_the_order_in_which_they_were_asked_for(moments, random):
    pendings = [waits(at) for at in moments]
    random.shuffle(pendings)

    assert [each.key.at for each in in_order(pendings)] == sorted(moments)


def test_a_newer_one_with_the_same_key_replaces_the_older_ones_that_wait():
    first, second, third = (waits(NOON + n, supersede="order-42") for n in range(3))

    assert superseded([third, first, second]) == [first, second]


def test_other_keys_and_none_replace_nothing():
    one, other = waits(NOON, supersede="order-42"), waits(NOON + 1, supersede="order-43")
    plain, later = waits(NOON + 2), waits(NOON + 3)

    assert superseded([one, other, plain, later]) == []


def test_what_somebody_is_sending_is_not_replaced_and_still_replaces_what_is_older():
    first, newest = waits(NOON, supersede="a"), waits(NOON + 2, supersede="a")
    trying = waits(NOON + 1, supersede="a").sending(key(NOON, 9), NOON + 3)

    assert superseded([first, trying, newest]) == [first]
    assert superseded([first, trying]) == [first]


moments = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from([WAITING, SENDING])), max_size=8)


@given(moments, st.randoms(use_true_random=False))
def test_of_every_key_the_newest_is_left(given_, random):
    pendings = [waits(NOON + n, supersede=name, state=state) for n, (name, state) in enumerate(given_)]
    mixed = list(pendings)
    random.shuffle(mixed)

    gone = superseded(mixed)
    left = [each for each in pendings if each not in gone]

    assert gone == superseded(pendings)
    assert [each for each in left if not each.supersede] == [each for each in pendings if not each.supersede]
    for name in ("a", "b"):
        named = [each for each in pendings if each.supersede == name]
        assert [each for each in left if each.supersede == name and each.state is WAITING] == [
            each for each in named[-1:] if each.state is WAITING
        ]
