"""What the owner of a number may set: read strictly, shown as it is written; and whether a number can send."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.consent import RESUME_WORDS, STOP_WORDS
from casement.domain.errors import InvalidRequest
from casement.domain.number import (
    FLOW_FIELDS,
    PRESETS,
    Health,
    NumberSettings,
    PurposeTemplate,
    settings_from,
    settings_view,
    token_digest,
)
from casement.domain.policy import WhenDearer
from tests.support.webhooks import any_json

NOON = 1_795_000_000_000  # epoch milliseconds

names = st.text(min_size=1, max_size=200)
words = st.dictionaries(names, st.lists(names, max_size=5).map(tuple), max_size=5)
templates = st.builds(PurposeTemplate, names, st.none() | st.sampled_from(["MARKETING", "UTILITY"]))
settings = st.builds(
    NumberSettings,
    st.none() | st.sampled_from(["reject", "hold", {"handoff": {"note": "VIP"}}, {"purpose": "ask"}]),
    st.dictionaries(names, st.lists(templates, max_size=5).map(tuple), max_size=5),
    st.lists(names, max_size=5).map(tuple),
    words,
    words,
    st.integers(1, 100),
)


@given(settings)
def test_what_is_shown_can_be_set_again(known):
    assert settings_from(json.loads(json.dumps(settings_view(known)))) == known


def test_an_owner_who_sets_nothing_has_the_usual():
    usual = settings_from({})

    assert usual == NumberSettings() == settings_from(dict.fromkeys(NumberSettings.__slots__))
    assert settings_view(usual) == {
        "when_closed": None,
        "purposes": {},
        "languages": ["en_US", "en"],
        "stop_words": {language: list(each) for language, each in STOP_WORDS.items()},
        "resume_words": {language: list(each) for language, each in RESUME_WORDS.items()},
        "most_holds": 20,
        "when_limited": "refuse",
        "when_dearer": "send",
        "flow_fields": {name: list(answers) for name, answers in FLOW_FIELDS.items()},
        "closing_lead_s": None,
    }


def test_what_the_owner_sets_for_a_purpose_stands_before_the_starter_library():
    set_ = settings_from({"purposes": {"re_engage": ["mine"], "order_update": [], "other": ["another"]}})

    assert set_.serving == {
        **PRESETS,
        "re_engage": (PurposeTemplate("mine"),),
        "order_update": (),
        "other": (PurposeTemplate("another"),),
    }
    assert NumberSettings().serving == PRESETS != {}


@pytest.mark.parametrize("given", ["maybe", "", 7, True, [], {}])
def test_when_dearer_is_one_of_two_words(given):
    assert settings_from({"when_dearer": "refuse"}).when_dearer is WhenDearer.REFUSE
    with pytest.raises(InvalidRequest, match="when_dearer must be one of: send, refuse"):
        settings_from({"when_dearer": given})


def test_a_template_may_be_written_as_a_name_alone():
    listed = ["news", {"name": "sale", "category": "marketing"}, {"name": "ask", "category": None}]
    set_ = settings_from({"purposes": {"re_engage": listed}})

    assert set_.purposes == {
        "re_engage": (PurposeTemplate("news"), PurposeTemplate("sale", "MARKETING"), PurposeTemplate("ask"))
    }


def test_an_owner_may_want_no_words_at_all():
    set_ = settings_from({"stop_words": {}, "resume_words": {"en": []}, "languages": []})

    assert (set_.stop_words, set_.resume_words, set_.languages) == ({}, {"en": ()}, ())


REFUSED: list[tuple[Any, str | None]] = [  # and the place that the refusal names
    (None, None),
    ([], None),
    ("hold", None),
    ({"holds": 5}, "holds"),
    ({"__class__": 5}, "__class__"),
    ({"when_closed": "shout"}, "when_closed"),
    ({"when_closed": {"hold": {"expires_in": 0}}}, "when_closed.hold.expires_in"),
    ({"purposes": []}, "purposes"),
    ({"purposes": {"": []}}, "purposes"),
    ({"purposes": {"x" * 201: []}}, "purposes"),
    ({"purposes": {str(number): [] for number in range(51)}}, "purposes"),
    ({"purposes": {"ask": {}}}, "purposes.ask"),
    ({"purposes": {"ask": "news"}}, "purposes.ask"),
    ({"purposes": {"ask": [5]}}, "purposes.ask"),
    ({"purposes": {"ask": [""]}}, "purposes.ask"),
    ({"purposes": {"ask": [{}]}}, "purposes.ask"),
    ({"purposes": {"ask": [{"name": "news", "language": "de"}]}}, "purposes.ask"),
    ({"purposes": {"ask": [{"name": "news", "category": 5}]}}, "purposes.ask"),
    ({"purposes": {"ask": ["news"] * 51}}, "purposes.ask"),
    ({"languages": "de"}, "languages"),
    ({"languages": {"de": 1}}, "languages"),
    ({"languages": [None]}, "languages"),
    ({"stop_words": ["stop"]}, "stop_words"),
    ({"stop_words": {"en": "stop"}}, "stop_words.en"),
    ({"stop_words": {"en": [""]}}, "stop_words.en"),
    ({"stop_words": {"": ["stop"]}}, "stop_words"),
    ({"resume_words": {"en": [5]}}, "resume_words.en"),
    ({"resume_words": {"en": ["x" * 201]}}, "resume_words.en"),
    ({"most_holds": 0}, "most_holds"),
    ({"most_holds": 101}, "most_holds"),
    ({"most_holds": "20"}, "most_holds"),
    ({"most_holds": True}, "most_holds"),
    ({"most_holds": 1.5}, "most_holds"),
]


@pytest.mark.parametrize(("given_", "place"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_cannot_be_set_is_refused_and_named(given_, place):
    with pytest.raises(InvalidRequest) as caught:
        settings_from(given_)

    assert caught.value.parameter == place


@given(
    any_json
    | st.dictionaries(st.sampled_from(sorted(NumberSettings.__slots__)), any_json | st.dictionaries(names, any_json))
)
def test_whatever_comes_is_settings_or_a_bad_request(document):
    try:
        set_ = settings_from(document)
    except InvalidRequest as error:
        assert str(error)
    else:
        assert settings_from(settings_view(set_)) == set_


@pytest.mark.parametrize(
    ("health", "stops"),
    [
        (Health(), False),
        (Health(190, 5, "mine"), True),
        (Health(0, 5, "mine"), True),  # Meta's code 0 is an error too
        (Health(190, 5, "the one before"), False),  # another token is worth a try
        (Health(paused_until=10**13, pauses=3), False),  # a pause passes
        (Health(368, 5, None), True),  # whose token Meta refused is not known
        (Health(368, 5, "mine", retry_at=NOON + 1), True),
        (Health(368, 5, "mine", retry_at=NOON), False),  # it is time to try again
    ],
)
def test_a_number_is_stopped_for_the_token_that_meta_refused(health, stops):
    assert health.stops("mine", NOON) is stops


@pytest.mark.parametrize("code", [0, 190])
def test_whether_a_refused_token_works_is_asked_and_not_tried(code):
    assert Health().stopped(code, "mine", NOON).retry_at == 0


def test_a_blocked_account_is_tried_less_and_less_often():
    health, waits = Health(pauses=2), []
    for _ in range(7):
        health = health.stopped(368, "mine", NOON)
        waits.append((health.retry_at - NOON) // 60_000)

    assert waits == [15, 30, 60, 120, 240, 360, 360]
    assert (health.stopped_by, health.stopped_at, health.times_stopped) == (368, NOON, 7)


@given(st.text(), st.text())
def test_a_digest_tells_tokens_apart_and_says_nothing_of_them(one, other):
    assert (token_digest(one) == token_digest(other)) == (one == other)
    assert len(token_digest(one)) == 16
    assert len(one) < 3 or one not in token_digest(one)


def test_any_text_has_a_digest():
    assert token_digest("\ud83d") != token_digest("")
