"""Which template serves a purpose."""

from typing import Any

import pytest

from casement.domain.template_choice import Candidate, Chosen, Passed, choose, languages_for
from casement.domain.templates import Template

LANGUAGES = ("pt_BR", "pt", "en")
GREETING = "Hello {{customer}}, we have an answer."
VALUES = {"customer": "Ana"}


def template(
    name: str = "greeting",
    language: str = "en",
    *,
    status: str = "APPROVED",
    category: str = "UTILITY",
    text: str = GREETING,
) -> Template:
    definition = {"parameter_format": "NAMED", "components": [{"type": "BODY", "text": text}]}
    return Template("2", f"{name}-{language}", name, language, status, category, definition)


def candidate(*translations: Template, name: str = "greeting", category: str | None = "UTILITY") -> Candidate:
    return Candidate(name, category, translations)


def nothing_against(_template: Template) -> str | None:
    return None


def no_marketing(given: Template) -> str | None:
    return "The customer wants no marketing." if given.category == "MARKETING" else None


def sent(parameters: dict[str, str]) -> list[dict[str, Any]]:
    made = [{"type": "text", "parameter_name": name, "text": text} for name, text in parameters.items()]
    return [{"type": "body", "parameters": made}]


def test_the_first_that_can_go_out_goes_out():
    first, second = template("first"), template("second")

    chosen, passed = choose([candidate(first), candidate(second)], LANGUAGES, VALUES, nothing_against)

    assert chosen == Chosen(first, {"name": "first", "language": {"code": "en"}, "components": sent(VALUES)})
    assert passed == ()


def test_a_static_template_is_sent_without_components():
    static = template(text="Hello, we have an answer.")

    chosen, _ = choose([candidate(static)], LANGUAGES, VALUES, nothing_against)

    assert chosen == Chosen(static, {"name": "greeting", "language": {"code": "en"}})


def test_a_worse_language_of_the_first_comes_before_the_second():
    rejected, good = template(language="pt_BR", status="REJECTED"), template(language="pt")

    chosen, passed = choose(
        [candidate(rejected, good), candidate(template("other", "pt_BR"))], LANGUAGES, VALUES, nothing_against
    )

    assert chosen is not None
    assert chosen.template is good
    assert [(each.name, each.language) for each in passed] == [("greeting", "pt_BR")]


@pytest.mark.parametrize(
    ("given", "category", "words", "missing"),
    [
        (template(status="PAUSED"), "UTILITY", "is PAUSED at Meta", ()),
        (template(status="DELETED"), None, "is DELETED at Meta", ()),
        (
            template(category="MARKETING"),
            "UTILITY",
            "was UTILITY when this purpose was set and is now MARKETING",
            (),
        ),
        (template(category="MARKETING"), "MARKETING", "wants no marketing", ()),
        (template(category="MARKETING"), None, "wants no marketing", ()),
        (
            template(text="{{customer}}, your order {{order}} of {{day}} left."),
            "UTILITY",
            "Missing parameters: order, day.",
            ("order", "day"),
        ),
        (template(text="Hi {{odd}} there"), "UTILITY", "'odd' must not hold line breaks", ()),
        (
            template(text="Hi {{odd}}, it is {{day}} today"),
            "UTILITY",
            "Missing parameters: day. 'odd' must not hold line breaks",
            ("day",),
        ),
    ],
)
def test_what_cannot_go_out_is_passed_over_and_said_why(given, category, words, missing):
    parameters = {**VALUES, "odd": "two\nlines"}
    good = template("good")

    chosen, passed = choose([candidate(given, category=category), candidate(good)], LANGUAGES, parameters, no_marketing)

    assert chosen is not None
    assert chosen.template is good
    assert [(each.name, each.language, each.missing) for each in passed] == [("greeting", "en", missing)]
    assert words in passed[0].why
    assert "two" not in passed[0].why


def test_a_candidate_that_is_stored_in_no_wanted_language_says_which_were_looked_for():
    chosen, passed = choose([candidate(name="gone")], LANGUAGES, VALUES, nothing_against)

    assert chosen is None
    assert passed == (
        Passed("gone", None, "There is no template 'gone' in a language that would do. Looked for: pt_BR, pt, en."),
    )


def test_where_none_will_do_every_one_is_told_in_order():
    candidates = [
        candidate(template("a", "pt", status="PENDING"), template("a", "en", status="PAUSED"), name="a"),
        candidate(name="b"),
        candidate(template("c", category="MARKETING"), name="c", category="MARKETING"),
    ]

    chosen, passed = choose(candidates, LANGUAGES, VALUES, no_marketing)

    assert chosen is None
    assert [(each.name, each.language) for each in passed] == [("a", "pt"), ("a", "en"), ("b", None), ("c", "en")]


def test_what_comes_after_the_chosen_one_is_not_told():
    candidates = [candidate(template("a")), candidate(template("b", status="PAUSED"))]

    assert choose(candidates, LANGUAGES, VALUES, nothing_against)[1] == ()


def test_nothing_comes_of_nothing():
    assert choose([], (), {}, nothing_against) == (None, ())


def test_consent_is_asked_only_of_templates_that_could_go_out():
    asked: list[str] = []

    def ask(given: Template) -> str | None:
        asked.append(given.name)
        return None

    paused, moved, good = template("a", status="PAUSED"), template("b", category="MARKETING"), template("c")
    choose([candidate(paused), candidate(moved), candidate(good)], LANGUAGES, VALUES, ask)

    assert asked == ["c"]


@pytest.mark.parametrize(
    ("wanted", "fallbacks", "expected"),
    [
        ("pt_BR", ("en_US", "en"), ("pt_BR", "pt", "en_US", "en")),
        ("pt-BR", ("en",), ("pt_BR", "pt", "en")),
        ("PT-br", ("en",), ("pt_BR", "pt", "en")),
        ("pt", ("en",), ("pt", "en")),
        ("en_US", ("en_US", "en"), ("en_US", "en")),
        ("en", ("en_US", "en", "en-US"), ("en", "en_US")),
        ("zh-Hant-TW", (), ("zh_Hant_TW", "zh")),
        (None, ("en_US", "en"), ("en_US", "en")),
        (" ", ("en",), ("en",)),
        ("", (), ()),
        (None, (), ()),
    ],
)
def test_the_languages_to_look_for(wanted, fallbacks, expected):
    assert languages_for(wanted, fallbacks) == expected
