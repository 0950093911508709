"""What Meta's own analytics say of a template on a day, whatever is in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.template_counts import MetaDay
from casement.meta.templates import day_from

POINT = {"template_id": "9", "start": 1_795_000_000, "end": 1_795_086_400, "sent": 3, "delivered": 2, "read": 1}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_a_point_is_a_template_on_a_utc_day():
    clicked, cost = [{"type": "quick_reply_button", "count": 1}], [{"type": "amount_spent", "value": 0.02}]

    assert day_from({**POINT, "clicked": clicked, "cost": cost}) == MetaDay("9", "2026-11-18", 3, 2, 1, clicked, cost)


def test_an_id_may_be_a_number_and_a_count_may_be_missing():
    assert day_from({"template_id": 9, "start": "1795000000"}) == MetaDay("9", "2026-11-18", clicked=[], cost=[])


@pytest.mark.parametrize(
    "odd",
    [{"clicked": None}, {"clicked": ["x"]}, {"clicked": {"a": 1}}, {"cost": None}, {"cost": [None]}, {"cost": "free"}],
)
def test_what_is_odd_about_one_number_says_nothing_of_the_others(odd):
    assert day_from({**POINT, **odd}) == MetaDay("9", "2026-11-18", 3, 2, 1, [], [])


def test_a_count_that_is_none_is_not_told():
    assert day_from({**POINT, "sent": "many", "read": [1]}) == MetaDay("9", "2026-11-18", None, 2, None, [], [])


@pytest.mark.parametrize("odd", [{"start": 10**15}, {"start": None}, {"template_id": None}, {"template_id": ["9"]}])
def test_what_names_no_template_or_no_day_is_no_point(odd):
    assert day_from({**POINT, **odd}) is None


@given(st.dictionaries(st.sampled_from([*POINT, "clicked", "cost"]), anything))
def test_any_json_may_come(odd):
    found = day_from({**POINT, **odd})

    assert found is None or isinstance(found, MetaDay)
