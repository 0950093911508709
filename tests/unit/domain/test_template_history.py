"""The history of a template follows from what was held of it, one after the other, and from nothing else."""

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from casement.domain.template_history import Transition, ending, in_order, state_of, transitions
from casement.domain.templates import Held, Source, Template


def held(
    status: str = "APPROVED",
    at: int = 10,
    *,
    id_: str = "1",
    category: str = "UTILITY",
    told_at: int | None = None,
    **said: Any,
) -> Held:
    template = Template("2", id_, "news", "en", status, category, said)
    return Held(template, at, None, Source.SYNC if told_at is None else Source.WEBHOOK, told_at)


def told(*changes: tuple[Held | None, Held]) -> list[tuple[int, str, str, str, str]]:
    return [(one.at, one.what, one.was, one.now, one.source) for old, new in changes for one in transitions(old, new)]


def all_told(steps: list[Held]) -> list[Transition]:
    return [one for old, new in zip([None, *steps], steps, strict=False) for one in transitions(old, new)]


def test_a_template_is_seen_for_the_first_time():
    first = held("PENDING", quality_score={"score": "UNKNOWN"})

    assert told((None, first)) == [
        (10, "status", "", "PENDING", "sync"),
        (10, "category", "", "UTILITY", "sync"),
        (10, "quality", "", "UNKNOWN", "sync"),
    ]


def test_a_change_that_a_webhook_told_of_was_when_meta_says():
    assert told((held("PENDING"), held("APPROVED", 90, told_at=80))) == [
        (80, "status", "PENDING", "APPROVED", "webhook")
    ]


def test_a_webhook_says_nothing_of_what_was_seen_otherwise_after_it():
    assert told((held("PENDING", 85), held("APPROVED", 90, told_at=80)))[0][0] == 90
    assert told((held("PENDING"), held("APPROVED", 90, told_at=95)))[0][0] == 90  # Meta's clock is ahead


def test_an_announcement_and_its_end():
    plain, announced = held(at=10), held(at=20, correct_category="MARKETING")
    done = held(at=30, category="MARKETING", correct_category="MARKETING")
    withdrawn = held(at=30)

    assert told((plain, announced)) == [(20, "announced_category", "", "MARKETING", "sync")]
    assert told((announced, done)) == [
        (30, "category", "UTILITY", "MARKETING", "sync"),
        (30, "announced_category", "MARKETING", "", "sync"),
    ]
    assert told((announced, withdrawn)) == [(30, "announced_category", "MARKETING", "", "sync")]


def test_what_changes_nothing_is_no_transition():
    assert told((held(body="a"), held(at=20, body="b"))) == []


def test_odd_scores_and_categories_are_none():
    for odd in ({"quality_score": "GREEN"}, {"quality_score": {"score": 5}}, {"correct_category": ["MARKETING"]}):
        assert told((held(), held(at=20, **odd))) == []


def test_a_template_that_was_made_again_begins_anew_and_ends_the_one_before():
    old, new = held("REJECTED"), held("PENDING", 90, id_="another")

    assert [one[1:4] for one in told((old, new))] == [("status", "", "PENDING"), ("category", "", "UTILITY")]
    assert ending(old, new) == Transition(90, "status", "REJECTED", "DELETED", "sync")
    assert ending(held("DELETED"), new) is None
    assert ending(old, held("PENDING", 90)) is None
    assert ending(None, new) is None


def test_changes_of_one_moment_follow_each_other():
    steps = [held("PENDING"), held("REJECTED"), held("APPROVED"), held("PAUSED")]  # nobody's clock moved
    kept = all_told(steps)

    history = in_order(sorted(kept, key=lambda one: one.now))

    assert [one.now for one in history if one.what == "status"] == ["PENDING", "REJECTED", "APPROVED", "PAUSED"]


def test_a_stream_that_is_read_again_without_what_was_before_adds_nothing():
    steps = [held("PENDING"), held("APPROVED", 20), held("PAUSED", 30, told_at=25)]
    kept = all_told(steps)

    assert in_order([*kept, *transitions(None, steps[-1])]) == in_order(kept)


# --- for every history ----------------------------------------------------------------------------------

steps = st.tuples(
    st.integers(1, 9),  # how much later
    st.sampled_from([0, 0, 0, 1]),  # whether it was made again
    st.builds(
        held,
        st.sampled_from(["APPROVED", "PENDING", "PAUSED", "DELETED"]),
        category=st.sampled_from(["UTILITY", "MARKETING"]),
        told_at=st.none() | st.integers(0, 60),
        correct_category=st.sampled_from([None, "MARKETING", "UTILITY"]),
        quality_score=st.sampled_from([None, {"score": "GREEN"}, {"score": "RED"}]),
    ),
)


@given(st.lists(steps, min_size=1, max_size=8), st.randoms(use_true_random=False), st.integers(0, 8))
def test_a_history_leads_to_what_is_held_however_it_was_kept(story, random, repeated):
    at = id_ = 0
    sequence: list[Held] = []
    for later, again, one in story:
        at, id_ = at + later, id_ + again
        sequence.append(replace(one, read_at=at, template=replace(one.template, id=str(id_))))
    histories: defaultdict[str, list[Transition]] = defaultdict(list)
    for old, new in zip([None, *sequence], sequence, strict=False):
        histories[new.template.id] += transitions(old, new)
        if old is not None and (end := ending(old, new)):
            histories[old.template.id].append(end)

    for name, kept in histories.items():
        mixed = [*kept, *kept[:repeated]]
        random.shuffle(mixed)
        history = in_order(mixed)
        last = next(one for one in reversed(sequence) if one.template.id == name)
        at_last = {} if name == str(id_) else {"status": "DELETED"}  # another took its place
        assert {**state_of(None), **{one.what: one.now for one in history}} == {**state_of(last), **at_last}
        assert all(old.at <= new.at for old, new in pairwise(history))
