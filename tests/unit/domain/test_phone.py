"""One form for every spelling of a line, and never one form for two lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.phone import canonical, digits

numbers = st.text("0123456789", min_size=1, max_size=16)
brazilian = st.builds(
    lambda area, rest: f"55{area}{rest}", st.integers(11, 99), st.text("0123456789", min_size=8, max_size=8)
)


@pytest.mark.parametrize(
    ("spelled", "same_as"),
    [
        ("551187654321", "5511987654321"),
        ("558861234567", "5588961234567"),
        ("5215512345678", "525512345678"),
        ("5491123456789", "541123456789"),
        ("5493511234567", "543511234567"),
    ],
)
def test_metas_two_forms_of_one_line_are_one(spelled, same_as):
    assert canonical(spelled) == canonical(same_as)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("551123456789", "5511923456789"),  # a Brazilian landline and a mobile with the same last eight digits
        ("551134567890", "5511934567890"),
        ("551154567890", "5511954567890"),
        ("525512345678", "525512345679"),
        ("541123456789", "541123456788"),
        ("5511987654321", "5521987654321"),
    ],
)
def test_two_lines_stay_two(one, other):
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "number",
    [
        *("16505550101", "4915112345678", "390612345678", "5511987654321", "551123456789", "55", "521", "549", "1"),
        *("5511", "52155123456789", "54911234567890", "521551234567"),  # too long or too short for the rule
    ],
)
def test_what_no_rule_speaks_of_stays(number):
    assert canonical(number) == number


@given(numbers)
def test_is_the_same_when_it_is_done_again(number):
    assert canonical(canonical(number)) == canonical(number)


@given(brazilian, brazilian)
def test_no_landline_in_brazil_becomes_a_mobile(one, other):
    landline = f"{one[:4]}2{one[5:]}"
    mobile = f"{other[:4]}9{other[4:]}"

    assert canonical(landline) == landline
    assert canonical(landline) != canonical(mobile)


@given(numbers, numbers)
def test_two_numbers_are_one_only_if_a_rule_says_so(one, other):
    if canonical(one) == canonical(other) and one != other:
        assert one[:2] == other[:2]
        assert one[:2] in {"55", "52", "54"}
        assert one[-8:] == other[-8:]


@given(st.text())
def test_digits_are_all_that_is_kept_of_what_people_write(text):
    assert set(digits(text)) <= set("0123456789")


@pytest.mark.parametrize("text", ["+55 (11) 91234-5678", "55.11.91234.5678", "5511912345678", "+55 11 91234\u20115678"])
def test_digits_of_a_number_as_people_write_it(text):
    assert digits(text) == "5511912345678"
