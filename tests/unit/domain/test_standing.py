"""What is told of a window, in whatever order its openers come."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.standing import News, Standing, standing_from
from casement.domain.window import DAY_MS, Opener

NOON, HOUR = 1_795_000_000_000, 3_600_000
OPENED, CLOSING, CLOSED = News.OPENED, News.CLOSING, News.CLOSED


def at(hours: float, id_: str = "") -> Opener:
    return Opener(NOON + round(hours * HOUR), id_ or f"wamid.{hours}")


def told(*openers: Opener) -> Standing:
    """The standing after these have come, in this order; nothing else was told."""
    standing, known = Standing(), list[Opener]()
    for opener in openers:
        before = max((each for each in known if each.at < opener.at), key=lambda each: each.at, default=None)
        standing = standing_from(standing.kept()).after(opener, before)
        known.append(opener)
    return standing


@pytest.mark.parametrize(
    ("openers", "news", "opened"),
    [
        ([at(0)], (OPENED,), at(0)),
        ([at(0), at(0)], (), at(0)),  # told once more
        ([at(0), at(0, "another")], (), at(0)),  # of the same second
        ([at(0), at(23)], (), at(0)),
        ([at(0), at(23), at(46)], (), at(0)),  # one window, of two days
        ([at(0), at(24)], (CLOSED, OPENED), at(24)),  # half-open: at 24 hours to the second it is closed
        ([at(0), at(20), at(50)], (CLOSED, OPENED), at(50)),
        ([at(10), at(0)], (), at(10)),  # late: older than what was told
        ([at(30), at(0), at(20)], (), at(30)),
    ],
)
def test_a_window_opens_with_the_first_word_of_a_day(openers, news, opened):
    standing = told(*openers)

    assert (standing.news, standing.opened) == (news, opened)


def test_a_window_that_closed_before_anybody_looked_is_told_to_have_closed_where_it_did():
    standing = told(at(0), at(20), at(50))

    assert (standing.closed, standing.closed_at) == (at(20), at(44).at)


def test_a_late_word_opens_what_was_told_to_have_closed_again():
    closed = told(at(0)).has_closed(at(0), at(24).at)

    again = standing_from(closed.kept()).after(at(23), at(0))

    assert (again.news, again.opened, again.is_open) == ((OPENED,), at(23), True)


def test_nothing_is_told_of_a_window_that_was_open_before_anybody_wanted_to_know():
    standing = Standing().after(at(3), before=at(0))

    assert (standing.news, standing.opened) == ((), at(0))
    assert standing.has_closed(at(3), at(27).at).news == (CLOSED,)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_of_words_that_were_all_stored_before_anybody_looked_one_opens_the_window(order):
    """As when one webhook brings several: the stream gives them in any order."""
    openers, standing, news = [at(minute / 60) for minute in range(4)], Standing(), list[News]()
    for turn in (*order, *order):  # and then once more
        before = openers[turn - 1] if turn else None
        standing = standing_from(standing.kept()).after(openers[turn], before)
        news += standing.news

    assert news == [OPENED]
    assert standing.opened == (openers[order[0] - 1] if order[0] else openers[0])


def test_closing_is_told_once_for_each_last_word_and_never_of_what_has_closed():
    closing = told(at(0)).is_closing(at(0), at(22).at)

    assert closing.news == (CLOSING,)
    again = standing_from(closing.kept())
    assert again.is_closing(at(0), at(23).at).news == ()
    assert again.is_closing(at(22.5), at(44).at).news == (CLOSING,)
    assert standing_from(again.has_closed(at(0), at(24).at).kept()).is_closing(at(0), at(24).at).news == ()


def test_a_verdict_of_metas_closes_and_the_next_word_opens():
    closed = told(at(0)).has_closed(at(0), at(5).at, by_meta=True)

    assert (closed.news, closed.closed_at, closed.closed_by_meta) == ((CLOSED,), at(5).at, True)
    assert standing_from(closed.kept()).after(at(6), at(0)).news == (OPENED,)


HOURS = st.integers(0, 200)
WHAT = st.one_of(
    st.tuples(st.just("opens"), HOURS), st.tuples(st.just("closing"), HOURS), st.tuples(st.just("closed"), HOURS)
)


@given(st.lists(WHAT, max_size=30))
def test_whatever_comes_in_whatever_order_each_thing_is_told_once_and_in_order(story):
    standing, known, news = Standing(), list[Opener](), list[tuple[News, Opener | None]]()
    for what, hours in story:
        opener, was = at(hours), standing_from(json.loads(json.dumps(standing.kept())))
        match what:
            case "opens":
                before = max((one for one in known if one.at < opener.at), key=lambda one: one.at, default=None)
                standing = was.after(opener, before)
                known.append(opener)
            case "closing":
                standing = was.is_closing(opener, opener.at)
            case "closed":
                standing = was.has_closed(opener, opener.at + DAY_MS)
        assert standing_from(standing.kept()).kept() == standing.kept()
        changed = standing_from(standing.kept()) != was
        assert changed or not standing.news  # what changes nothing tells nothing
        openers = {OPENED: standing.opened, CLOSING: standing.closing, CLOSED: standing.closed}
        news += [(each, openers[each]) for each in standing.news]

    assert len(news) == len(set(news))
    turns = [each for each, _ in news if each is not CLOSING]
    assert all(one is CLOSED for one, then in itertools.pairwise(turns) if then is OPENED)
