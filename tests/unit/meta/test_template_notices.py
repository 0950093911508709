"""What a template webhook tells, whatever is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.templates import Notice
from casement.meta.templates import notice_from

PAUSED = {
    "event": "paused",
    "message_template_id": 1,
    "reason": "NONE",
    "other_info": {"title": "FIRST_PAUSE", "description": "For three hours."},
    "disable_info": {"disable_date": 1_795_000_000},
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_status_event_tells_why():
    assert notice_from(PAUSED, 5) == Notice(
        5,
        {
            "event": "PAUSED",
            "at": 5,
            "reason": "NONE",
            "other_info": PAUSED["other_info"],
            "disable_info": PAUSED["disable_info"],
        },
    )


@pytest.mark.parametrize(
    "element",
    [
        {"previous_quality_score": "GREEN", "new_quality_score": "RED"},
        {"previous_category": "UTILITY", "new_category": "MARKETING", "reason": "x"},
        {"event": None},
        {"event": ""},
        {"event": ["PAUSED"]},
    ],
)
def test_others_only_tell_that_something_happened(element):
    assert notice_from(element, 5) == Notice(5)


def test_what_is_odd_is_left_out():
    odd = {"event": "REJECTED", "reason": None, "other_info": "text", "rejection_info": [1], "disable_info": 5}

    assert notice_from(odd, 0) == Notice(0, {"event": "REJECTED", "at": 0})


@given(st.dictionaries(st.sampled_from(["event", "reason", "other_info", "rejection_info", "disable_info"]), anything))
def test_nothing_raises(element):
    assert notice_from(element, 5).at == 5


def test_the_later_event_tells_whichever_came_first():
    early, late, other = Notice(1, {"event": "A", "at": 1}), Notice(2, {"event": "B", "at": 2}), Notice(3)

    assert early.then(late) == late.then(early) == late
    assert early.then(other) == other.then(early) == Notice(3, early.told)
    assert Notice(1).then(other) == other
    same = Notice(2, {"event": "C", "at": 2})
    assert late.then(same) == same
