"""What a caller may declare for a closed window: every form that is understood, and that all others are refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.errors import InvalidRequest
from casement.domain.policy import (
    DEFAULT_HOLD_S,
    LONGEST_HOLD_S,
    Handoff,
    Hold,
    NamedTemplate,
    Policy,
    Purpose,
    Reject,
    UseTemplate,
    WhenClosed,
    must_be_template,
    policy_from,
    policy_in,
    value_in,
)
from tests.support.webhooks import any_json

WEEK_MS = 7 * 86_400_000
NEWS = {"name": "news", "language": {"code": "de"}}
FULL = {**NEWS, "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}]}
LONG = "x" * 200

ACCEPTED: list[tuple[Any, Policy]] = [
    ("reject", Reject()),
    ("template", UseTemplate(Purpose("re_engage", {}))),
    ("hold", Hold(WEEK_MS)),
    ("handoff", Handoff()),
    ({"template": NEWS}, UseTemplate(NamedTemplate(NEWS))),
    ({"template": FULL}, UseTemplate(NamedTemplate(FULL))),
    ({"purpose": "ask"}, UseTemplate(Purpose("ask", {}))),
    ({"purpose": None}, UseTemplate(Purpose("re_engage", {}))),
    ({"purpose": "ask", "parameters": {"1": "Ana"}}, UseTemplate(Purpose("ask", {"1": "Ana"}))),
    ({"purpose": "ask", "language": "pt_BR"}, UseTemplate(Purpose("ask", {}, "pt_BR"))),
    ({"purpose": LONG}, UseTemplate(Purpose(LONG, {}))),
    ({"hold": {}}, Hold(WEEK_MS)),
    ({"hold": {"expires_in": 1}}, Hold(1_000)),
    ({"hold": {"expires_in": 30 * 86_400}}, Hold(30 * 86_400_000)),
    ({"hold": {"supersede": "order-42"}}, Hold(WEEK_MS, "order-42")),
    ({"hold": {"supersede": None}}, Hold(WEEK_MS)),
    ({"hold": {"supersede": LONG}}, Hold(WEEK_MS, LONG)),
    ({"hold": {"nudge": {"template": NEWS}}}, Hold(WEEK_MS, None, NamedTemplate(NEWS))),
    ({"hold": {"nudge": {"purpose": "ask", "parameters": {}}}}, Hold(WEEK_MS, None, Purpose("ask", {}))),
    (
        {"hold": {"expires_in": 60, "supersede": "a", "nudge": {"purpose": "ask"}}},
        Hold(60_000, "a", Purpose("ask", {})),
    ),
    ({"handoff": {}}, Handoff()),
    ({"handoff": {"note": "VIP"}}, Handoff("VIP")),
    ({"handoff": {"note": "n" * 1_000}}, Handoff("n" * 1_000)),
]

REFUSED: list[tuple[Any, str]] = [  # and the place that the refusal names
    (None, ""),
    (True, ""),
    (5, ""),
    ([], ""),
    (["reject"], ""),
    ({}, ""),
    ("", ""),
    ("shout", ""),
    ("REJECT", ""),
    ("re_engage", ""),
    ({"reject": {}}, ""),
    ({"unheard_of": 1}, ""),
    ({"template": None}, ".template.name"),
    ({"template": "news"}, ".template.name"),
    ({"template": {"name": "news"}}, ".template.language.code"),
    ({"template": {"name": "", "language": {"code": "de"}}}, ".template.name"),
    ({"template": {"name": "news", "language": "de"}}, ".template.language.code"),
    ({"template": {"name": "news", "language": {"code": ""}}}, ".template.language.code"),
    ({"template": NEWS, "purpose": "ask"}, ".purpose"),
    ({"template": NEWS, "dry_run": True}, ".dry_run"),
    ({"purpose": ""}, ".purpose"),
    ({"purpose": 5}, ".purpose"),
    ({"purpose": LONG + "x"}, ".purpose"),
    ({"purpose": "ask", "parameters": []}, ".parameters"),
    ({"purpose": "ask", "parameters": None}, ".parameters"),
    ({"purpose": "ask", "language": 5}, ".language"),
    ({"purpose": "ask", "language": ""}, ".language"),
    ({"purpose": "ask", "languages": ["de"]}, ".languages"),
    ({"hold": None}, ".hold"),
    ({"hold": "7d"}, ".hold"),
    ({"hold": {}, "handoff": {}}, ".handoff"),
    ({"hold": {"expires_in": 0}}, ".hold.expires_in"),
    ({"hold": {"expires_in": -1}}, ".hold.expires_in"),
    ({"hold": {"expires_in": 30 * 86_400 + 1}}, ".hold.expires_in"),
    ({"hold": {"expires_in": 1.5}}, ".hold.expires_in"),
    ({"hold": {"expires_in": "60"}}, ".hold.expires_in"),
    ({"hold": {"expires_in": True}}, ".hold.expires_in"),
    ({"hold": {"expires_in": None}}, ".hold.expires_in"),
    ({"hold": {"expires": 60}}, ".hold.expires"),
    ({"hold": {"supersede": ""}}, ".hold.supersede"),
    ({"hold": {"supersede": 42}}, ".hold.supersede"),
    ({"hold": {"supersede": LONG + "x"}}, ".hold.supersede"),
    ({"hold": {"nudge": "template"}}, ".hold.nudge"),
    ({"hold": {"nudge": None}}, ".hold.nudge"),
    ({"hold": {"nudge": {"hold": {}}}}, ".hold.nudge"),
    ({"hold": {"nudge": {"template": {}}}}, ".hold.nudge.template.name"),
    ({"hold": {"nudge": {"purpose": "ask", "when": "now"}}}, ".hold.nudge.when"),
    ({"handoff": []}, ".handoff"),
    ({"handoff": {"note": ""}}, ".handoff.note"),
    ({"handoff": {"note": 5}}, ".handoff.note"),
    ({"handoff": {"note": "n" * 1_001}}, ".handoff.note"),
    ({"handoff": {"to": "Ana"}}, ".handoff.to"),
]


@pytest.mark.parametrize(("given_", "policy"), ACCEPTED, ids=lambda value: str(value)[:60])
def test_what_is_understood(given_, policy):
    assert policy_from(given_) == policy
    assert policy_in(given_ if isinstance(given_, str) else json.dumps(given_)) == policy


@pytest.mark.parametrize(("given_", "place"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_is_not_is_refused_and_the_place_is_named(given_, place):
    with pytest.raises(InvalidRequest) as caught:
        policy_from(given_, "casement.when_closed")

    assert caught.value.parameter == f"casement.when_closed{place}"
    assert f"casement.when_closed{place}" in str(caught.value)


@given(any_json)
def test_whatever_comes_is_a_policy_or_a_bad_request(document):
    try:
        policy = policy_from(document)
    except InvalidRequest as error:
        assert str(error)
    else:
        assert isinstance(policy, Reject | UseTemplate | Hold | Handoff)


@given(st.text())
def test_whatever_a_header_says_is_a_policy_or_a_bad_request(text):
    try:
        policy_in(text)
    except InvalidRequest as error:
        assert error.parameter == "when_closed"


@pytest.mark.parametrize("word", WhenClosed)
def test_every_word_is_a_policy_with_or_without_spaces(word):
    assert policy_in(f"  {word}\n") == policy_from(word.value)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"hold"}',
        '{"hold": {}',
        "{} {}",
        '{"hold": {"expires_in": 1e400}}',
        '{"hold": {"expires_in": ' + "9" * 5_000 + "}}",
        '{"purpose":' * 5_000,
        # JSON has no such numbers, and what is sent to Meta must be JSON:
        '{"template": {"name": "news", "language": {"code": "de"}, "components": [NaN]}}',
        '{"purpose": "ask", "parameters": {"1": -Infinity}}',
    ],
    ids=lambda text: text[:40],
)
def test_text_that_is_no_json_is_no_policy(text):
    with pytest.raises(InvalidRequest):
        policy_in(text)


def test_text_that_is_no_object_is_a_word():
    assert value_in(" hold ") == "hold"
    assert value_in('{"hold": {}}') == {"hold": {}}
    assert value_in("[]") == "[]"


def test_a_hold_waits_a_week_unless_told_and_a_month_at_most():
    assert (DEFAULT_HOLD_S, LONGEST_HOLD_S) == (7 * 86_400, 30 * 86_400)


def test_a_named_template_says_its_name_and_language():
    assert (NamedTemplate(FULL).name, NamedTemplate(FULL).language) == ("news", "de")
    assert must_be_template(FULL) == ("news", "de")


@pytest.mark.parametrize("template", [None, [], "news", {}, {"name": 5, "language": {"code": "de"}}])
def test_what_is_no_template_is_refused(template):
    with pytest.raises(InvalidRequest) as caught:
        must_be_template(template)

    assert caught.value.parameter == "template.name"
