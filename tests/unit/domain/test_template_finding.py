"""Which of many templates suits best what somebody looks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.template_finding import Best, Wanted, match, rank, words_of
from casement.domain.templates import Template
from tests.support.template_parts import Json, body, buttons, carousel, header

ORDER = [
    header("TEXT", text="Your order"),
    body("Señor {{1}}, it LEFT us."),
    {"type": "FOOTER", "text": "The café"},
    buttons({"type": "URL", "text": "Track", "url": "https://x.test/hidden"}),
]


def template(
    name: str = "order_left",
    language: str = "en",
    category: str = "UTILITY",
    quality: str = "",
    components: object = ORDER,
) -> Template:
    definition: Json = {"components": components, "quality_score": {"score": quality}}
    return Template("2", name, name, language, "APPROVED", category, definition)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("", 0),
        (" - ", 0),
        ("order_left", 0),
        ("Order Left", 0),
        ("order", 1),
        ("left order", 1),
        ("LEF", 1),
        ("senor", 2),
        ("it left", 2),
        ("order cafe", 2),
        ("TRACK", 2),
        ("hidden", None),
        ("order gone", None),
    ],
)
def test_name_and_text_are_searched_whatever_case_and_accents(query, place):
    assert match(template(), words_of(query)) == place


def test_cards_are_searched_too():
    cards = carousel([header("IMAGE"), body("Blue {{1}} tee")], [header("IMAGE"), body("Red {{1}} tee")])

    assert match(template(components=cards["components"]), words_of("red tee")) == 2


@pytest.mark.parametrize("components", [None, "lost", [], [7], [{"type": "BODY", "text": 7}]])
def test_what_cannot_be_read_is_found_by_its_name(components):
    odd = template(components=components)

    assert (match(odd, ("order",)), match(odd, ("senor",))) == (1, None)


def test_templates_stand_in_order():
    wanted = Wanted((), ("b", "a"), ("pt_BR", "en"))
    best_first = [
        (template("b", "pt_BR"), 0),
        (template("b", "en"), 0),
        (template("a", "en"), 0),
        (template("c", "pt_BR", "MARKETING"), 0),
        (template("c", "pt_BR"), 2),
        (template("c", "en", quality="GREEN"), 0),
        (template("d", "en"), 0),
        (template("c", "en", quality="YELLOW"), 0),
        (template("c", "en", quality="RED"), 0),
        (template("c", "en", "AUTHENTICATION"), 0),
        (template("c", "en", "MARKETING"), 0),
        (template("c", "en", "NEWS"), 0),
        (template("c", "en"), 1),
        (template("c", "de"), 0),
        (template("c", "fr"), 0),
    ]

    ranks = [rank(each, wanted, matched) for each, matched in best_first]

    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers())), st.integers(1, 5))
def test_the_first_few_are_kept(things, most):
    best: Best[int] = Best(most)
    for number, (place, _) in enumerate(things):
        best.add((place, number), number)

    expected = sorted(range(len(things)), key=lambda number: (things[number][0], number))
    assert list(best) == expected[:most]
    assert best.seen == len(things)
    assert len(best._kept) <= 2 * most
