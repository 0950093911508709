"""What is known of a contact: whatever order it was said in, and of whichever alias, the later word counts."""

from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from casement.domain.profile import FIELDS, MOST_TAGS, Profile, together

moments = st.integers(0, 5)
values = st.none() | st.sampled_from(["a", "b"])
said = st.tuples(st.just("said"), st.dictionaries(st.sampled_from(FIELDS[:2]), values), moments)
tagged = st.tuples(st.just("tags"), st.lists(st.sampled_from("xyz")), moments, st.booleans())
changes = st.lists(said | tagged, max_size=8)


def change(profile: Profile, what: Any) -> Profile:
    kind, names, at, *on = what
    return profile.saying(names, at) if kind == "said" else profile.tagging(names, at, on=on[0])


@given(changes.flatmap(lambda all_: st.tuples(st.just(all_), st.permutations(all_))))
def test_neither_order_nor_repetition_matters(both):
    once, again = both

    assert reduce(change, once, Profile()) == reduce(change, [*again, *once], Profile())


@given(changes, changes)
def test_two_aliases_laid_together_are_as_one_that_was_told_everything(one, other):
    apart = together([reduce(change, one, Profile()), reduce(change, other, Profile())])

    assert apart == reduce(change, [*one, *other], Profile())


def test_the_newest_tags_stay():
    profile = Profile()
    for number in range(MOST_TAGS + 5):
        profile = profile.tagging([f"{number:03}"], at=number)

    assert profile.tag_names == [f"{number:03}" for number in range(5, MOST_TAGS + 5)]
