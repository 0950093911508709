"""Counting what became of template messages: each once, however often and in whatever cut the stream tells it."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from casement.domain.message_key import MessageKey
from casement.domain.template_counts import (
    ASKED,
    DELIVERED,
    SENT,
    STRETCH_MS,
    Step,
    Tally,
    by_stretch,
    cells_of,
    counted,
    day_of,
    stretch_of,
    together,
)

NOON = 1_795_000_000_000
DAY = 86_400_000

sends = st.integers(0, 3).flatmap(
    lambda day: st.integers(0, 2**80 - 1).map(lambda dice: MessageKey.new("1", NOON + day * DAY, dice).ulid)
)
steps = st.builds(
    Step,
    st.sampled_from(["100000000000001", "100000000000002"]),
    st.sampled_from(["900000000000001", "900000000000002"]),
    st.sampled_from([ASKED, SENT, DELIVERED, "failed 131026", "tapped Yes, please"]),
    sends,
)
# Everything that the stream tells, each with when DynamoDB wrote it: over an hour or so.
tellings = st.lists(
    st.tuples(steps, st.integers(NOON, NOON + 6 * STRETCH_MS)), max_size=40, unique_by=lambda one: one[0]
)


@st.composite
def batches(draw: st.DrawFn) -> tuple[list[tuple[Step, int]], list[list[tuple[Step, int]]]]:
    """What is told, and the batches in which it is: in order, with any stretch of it told again, cut anywhere."""
    told = draw(tellings)
    again = list(told)
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, len(told)))
        again += told[first : draw(st.integers(first, len(told)))]
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(again) - 1)), max_size=6)))
    return told, [again[start:end] for start, end in zip([0, *cuts], [*cuts, len(again)], strict=True)]


@given(batches())
def test_each_is_counted_once_in_whatever_batches_it_is_told(given_batches):
    told, batches_ = given_batches

    cells = [cell for batch in batches_ for cell in cells_of(batch)]

    by_number: dict[str, Counter[Tally]] = {}
    for number, start in sorted({(cell.number, cell.start) for cell in cells}):
        found = counted(together(cell for cell in cells if (cell.number, cell.start) == (number, start)))
        by_number[number] = by_number.get(number, Counter()) + found
    assert by_number == {
        number: Counter(step.tally for step, _ in told if step.number == number)
        for number in {step.number for step, _ in told}
    }


def test_a_message_is_counted_on_the_day_it_was_asked_for():
    late = MessageKey.new("1", NOON - NOON % DAY + DAY - 1, 7).ulid  # a millisecond before midnight
    (cell,) = cells_of([(Step("1", "9", DELIVERED, late), NOON + 2 * DAY)])

    assert list(cell.messages) == [Tally("9", day_of(NOON), DELIVERED)]
    assert cell.start == stretch_of(NOON + 2 * DAY)


@given(st.lists(st.integers(NOON, NOON + 6 * STRETCH_MS), min_size=1), st.booleans())
def test_cells_in_their_order_are_read_ten_minutes_at_a_time(moments, newest_first):
    step = Step("1", "9", SENT, MessageKey.new("1", NOON, 7).ulid)
    cells = [cell for at in sorted(moments, reverse=newest_first) for cell in cells_of([(step, at)])]

    starts = [start for start, messages in by_stretch(cells) if counted(messages) == {step.tally: 1}]

    assert starts == sorted({stretch_of(at) for at in moments}, reverse=newest_first)
    assert all(start % STRETCH_MS == 0 for start in starts)
