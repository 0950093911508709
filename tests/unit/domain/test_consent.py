"""What customers do not want: who may stop what, who may take it back, and the words that say so."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.consent import (
    NOTHING_STOPPED,
    RESUME_WORDS,
    STOP_WORDS,
    Consent,
    Party,
    Scope,
    Wish,
    consent_of,
    plain,
    said_to_stop,
)

META, OWN = Party.META, Party.OPERATOR
MARKETING, MESSAGES = Scope.MARKETING, Scope.MESSAGES
wishes = st.builds(Wish, st.integers(0, 5), st.sampled_from(Party), st.sampled_from(Scope), st.booleans())


@pytest.mark.parametrize(
    ("said", "consent"),
    [
        ([], NOTHING_STOPPED),
        ([Wish(5, META, MARKETING, True)], Consent(marketing_stopped_at=5)),
        ([Wish(5, OWN, MESSAGES, True)], Consent(messages_stopped_at=5)),
        ([Wish(5, META, MARKETING, True), Wish(6, META, MARKETING, False)], NOTHING_STOPPED),
        ([Wish(5, META, MARKETING, False), Wish(6, META, MARKETING, True)], Consent(6)),
        ([Wish(5, META, MARKETING, True), Wish(7, META, MARKETING, True)], Consent(7)),  # its newest word
        # nobody takes back what was said to another
        ([Wish(5, META, MARKETING, True), Wish(6, OWN, MARKETING, False)], Consent(5)),
        ([Wish(5, OWN, MARKETING, True), Wish(6, META, MARKETING, False)], Consent(5)),
        ([Wish(5, META, MARKETING, True), Wish(6, OWN, MARKETING, True)], Consent(5)),  # since the first of them
        # what is stopped is two things
        ([Wish(5, OWN, MESSAGES, True), Wish(6, OWN, MARKETING, False)], Consent(None, 5)),
        ([Wish(5, OWN, MESSAGES, True), Wish(6, META, MARKETING, True)], Consent(6, 5)),
        # of two words of one party in one millisecond, the stop counts
        ([Wish(5, OWN, MESSAGES, True), Wish(5, OWN, MESSAGES, False)], Consent(None, 5)),
    ],
)
def test_what_follows_from_what_was_said(said, consent):
    assert {consent_of(order) for order in permutations(said)} == {consent}


@given(st.lists(wishes), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(said, random):
    mixed = [*said, *said]
    random.shuffle(mixed)

    assert consent_of(mixed) == consent_of(said)


@given(st.lists(wishes), st.sampled_from(Party), st.sampled_from(Scope))
def test_whoever_says_stop_last_is_heard(said, party, scope):
    consent = consent_of([*said, Wish(6, party, scope, True)])

    stopped = consent.marketing_stopped_at if scope is MARKETING else consent.messages_stopped_at
    assert stopped is not None


@given(st.lists(wishes))
def test_once_both_parties_have_taken_it_back_nothing_is_stopped(said):
    back = [Wish(6, party, scope, False) for party in Party for scope in Scope]

    assert consent_of([*said, *back]) == NOTHING_STOPPED


@pytest.mark.parametrize(
    ("consent", "forbidden"),
    [
        (NOTHING_STOPPED, set()),
        (Consent(marketing_stopped_at=1), {"MARKETING"}),
        (Consent(messages_stopped_at=1), {"MARKETING", "UTILITY", "SOMETHING_NEW"}),
        (Consent(1, 1), {"MARKETING", "UTILITY", "SOMETHING_NEW"}),
        (Consent(marketing_stopped_at=0), {"MARKETING"}),  # the beginning of time is a time
        (Consent(messages_stopped_at=0), {"MARKETING", "UTILITY", "SOMETHING_NEW"}),
    ],
)
def test_which_templates_may_not_go_out(consent, forbidden):
    categories = ("MARKETING", "UTILITY", "AUTHENTICATION", "SOMETHING_NEW")

    assert {category for category in categories if consent.forbids(category)} == forbidden


def test_why_not_is_said_in_words():
    assert "not to write any more" in str(Consent(1, 1).forbids("MARKETING"))
    assert "marketing" in str(Consent(1).forbids("MARKETING"))


@pytest.mark.parametrize(
    "text",
    [
        *("stop", "Stop", "STOP", " stop\n", "Stop!", "*STOP*", "stop.", "\u201cstop\u201d", "stop \U0001f64f"),
        *("unsubscribe", "parar", "\u00a1PARAR!", "darse de baja", "Darse  de\tbaja", "sair", "Arr\u00eat", "ARRET"),
        *("arre\u0302t", "d\u00e9sabonner", "desabonner", "abmelden", "ferma", "\uff33\uff34\uff2f\uff30"),
        *("Berhenti", "إيقاف", "ايقاف", "बंद करें"),
    ],
)
def test_a_stop_word_alone_stops(text):
    assert said_to_stop(text, STOP_WORDS, RESUME_WORDS) is True


@pytest.mark.parametrize(
    "text", ["start", "START", "Start!", "unstop", "Empezar", "come\u00e7ar", "comecar", "starten", "استئناف"]
)
def test_a_resume_word_alone_resumes(text):
    assert said_to_stop(text, STOP_WORDS, RESUME_WORDS) is False


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "!", "\U0001f44d", "Hello", "please stop", "don't stop", "stop it", "non-stop", "stopp!!x"),
        *("where is the bus stop?", "unstoppable", "s t o p", "st op", "startup", "\u0441\u0442\u043e\u043f"),
    ],
)
def test_any_other_message_says_neither(text):
    assert said_to_stop(text, STOP_WORDS, RESUME_WORDS) is None


def test_a_number_has_words_of_its_own():
    words = {"ru": ("\u0421\u0442\u043e\u043f",), "ar": ("\u062a\u0648\u0642\u0641",)}

    assert said_to_stop("\u0441\u0442\u043e\u043f!", words, {}) is True
    assert said_to_stop("\u062a\u0648\u0642\u0641", words, {}) is True
    assert said_to_stop("stop", words, {}) is None
    assert said_to_stop("stop", {}, {}) is None


def test_a_word_for_both_stops():
    assert said_to_stop("ok", {"en": ("ok",)}, {"en": ("ok",)}) is True


def test_a_word_without_letters_is_said_by_nobody():
    """An owner may set it; a picture without a caption, or a thumbs-up, must not stop anything."""
    assert said_to_stop("", {"en": ("!",)}, {}) is None
    assert said_to_stop("\U0001f44d", {"en": ("!", "")}, {}) is None


@given(st.text())
def test_any_text_is_a_word_or_none(text):
    assert said_to_stop(text, STOP_WORDS, RESUME_WORDS) in (True, False, None)


@given(st.text())
def test_what_is_plain_stays_plain(text):
    assert plain(plain(text)) == plain(text)


@given(
    st.text(alphabet="abcxyz\u00e9\u00fc ", min_size=1), st.sampled_from(["{}", "{}!", " {} ", "*{}*", "({}).", "\n{}"])
)
def test_what_stands_around_words_does_not_count(words, around):
    assert plain(around.format(words)) == plain(words) == plain(words.upper())


@pytest.mark.parametrize("words", [STOP_WORDS, RESUME_WORDS])
def test_the_usual_words_are_plain_and_no_word_means_both(words):
    assert all(plain(word) for each in words.values() for word in each)
    stops, resumes = ({plain(w) for each in words.values() for w in each} for words in (STOP_WORDS, RESUME_WORDS))
    assert not stops & resumes
