"""The starter library: what Meta takes, in every language, and the same as the purposes that are preset to it."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from casement.domain.consent import RESUME_WORDS, STOP_WORDS, said_to_stop
from casement.domain.policy import DEFAULT_PURPOSE
from casement.domain.starter import STARTER_PURPOSES
from casement.domain.template_rules import faults
from cli.starter import Starter, library
from local.simulator.template_rules import VARIABLE, check_new

LANGUAGES = ("en_US", "es", "pt_BR", "de", "fr", "ar", "hi", "id")
SCRIPTS = {"ar": "ARABIC", "hi": "DEVANAGARI"}
PROMOTION = re.compile(
    r"offer|discount|sale\b|% ?off|save|free|deal|oferta|descuento|rabatt|promo|diskon", re.IGNORECASE
)
EACH = [(starter, language) for starter in library().values() for language in starter.components]
each_translation = pytest.mark.parametrize(
    ("starter", "language"), EACH, ids=[f"{starter.name}-{language}" for starter, language in EACH]
)


def texts(components: Any) -> Iterator[str]:
    """Everything that a customer reads."""
    for component in components:
        yield from filter(None, (component.get("text"),))
        yield from (button["text"] for button in component.get("buttons", ()))


def component(starter: Starter, language: str, type_: str) -> Mapping[str, Any]:
    return next((each for each in starter.components[language] if each["type"] == type_), {})


def variables(starter: Starter, language: str) -> set[str]:
    return set(VARIABLE.findall("\n".join(texts(starter.components[language]))))


def buttons(starter: Starter, language: str) -> list[str]:
    return [button["text"] for button in component(starter, language, "BUTTONS").get("buttons", ())]


def test_a_file_is_named_as_its_template():
    folder = Path(__file__).parents[3] / "cli" / "starter"

    assert {path.stem for path in folder.glob("*.json")} == set(library())
    assert all(name == starter.name for name, starter in library().items())


def test_the_preset_purposes_are_those_of_the_library():
    served = {name: purpose for purpose, templates in STARTER_PURPOSES.items() for name, _ in templates}
    pinned = {name: category for templates in STARTER_PURPOSES.values() for name, category in templates}

    assert served == {starter.name: starter.purpose for starter in library().values()}
    assert pinned == {starter.name: starter.category for starter in library().values()}


@pytest.mark.parametrize("purpose", [DEFAULT_PURPOSE, "purchase_help"])
def test_a_policy_that_fills_nothing_finds_a_template_that_needs_nothing(purpose):
    *_, (last, _) = STARTER_PURPOSES[purpose]

    assert all(not variables(library()[last], language) for language in LANGUAGES)


def test_utility_and_marketing_do_not_share_a_purpose():
    assert all(len({category for _, category in templates}) == 1 for templates in STARTER_PURPOSES.values())


@each_translation
def test_meta_takes_it(starter, language):
    assert not faults(starter.creation(language))
    check_new(starter.creation(language))


@each_translation
def test_it_is_spoken_in_its_own_script(starter, language):
    script = SCRIPTS.get(language, "LATIN")

    for text in texts(starter.components[language]):
        letters = [letter for letter in VARIABLE.sub("", text) if letter.isalpha()]
        assert letters
        assert all(unicodedata.name(letter).startswith(script) for letter in letters), text


@each_translation
def test_no_variable_stands_at_an_edge_not_even_before_a_full_stop(starter, language):
    words = VARIABLE.sub("\0", component(starter, language, "BODY")["text"])
    edges = [each for each in words if each.isalnum() or each == "\0"]

    assert "\0" not in (edges[0], edges[-1])


@each_translation
def test_there_is_a_different_example_for_every_variable(starter, language):
    named = component(starter, language, "BODY").get("example", {}).get("body_text_named_params", [])

    assert {each["param_name"] for each in named} == variables(starter, language)
    assert len({each["example"] for each in named}) == len(named)


@each_translation
def test_no_two_buttons_of_a_template_read_the_same(starter, language):
    assert max(Counter(buttons(starter, language)).values(), default=1) == 1


@pytest.mark.parametrize("starter", library().values(), ids=library())
def test_all_translations_are_there_and_ask_for_the_same(starter):
    assert tuple(starter.components) == LANGUAGES
    assert len({frozenset(variables(starter, language)) for language in LANGUAGES}) == 1
    assert len({len(buttons(starter, language)) for language in LANGUAGES}) == 1
    assert (starter.parameter_format == "NAMED") == bool(variables(starter, "en_US"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_templates_say_the_same(language):
    """Meta refuses the body and footer of another template."""
    said = [
        (component(starter, language, "BODY")["text"], component(starter, language, "FOOTER").get("text"))
        for starter in library().values()
    ]

    assert len(set(said)) == len(said)


@each_translation
def test_nothing_is_promoted(starter, language):
    assert not PROMOTION.search("\n".join(texts(starter.components[language])))


@each_translation
def test_what_promotes_can_be_stopped_with_a_button_that_is_a_stop_word(starter, language):
    stops = [text for text in buttons(starter, language) if said_to_stop(text, STOP_WORDS, RESUME_WORDS)]

    if starter.category == "MARKETING":
        [stop] = stops
        assert stop in component(starter, language, "FOOTER")["text"]
    else:
        assert not stops
