"""What Meta takes when templates are created and edited: rule by rule, all at once, and for whatever JSON there is."""

import re
import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.template_rules import Fault, as_stored, edit_faults, faults, library_faults
from tests.support.template_cases import (
    CASES,
    EDIT_CASES,
    LIBRARY_CASES,
    Json,
    authentication,
    body,
    buttons,
    card,
    carousel,
    footer,
    header,
    media,
    otp,
    reply,
    template,
    url,
)
from tests.support.templates import (
    changed,
    edits,
    library_templates,
    respelled,
    templates,
    valid_templates,
)
from tests.support.webhooks import any_json

QUICKLY = 5  # seconds of CPU, many times what it takes
Path = str | tuple[str, ...] | None
SECRET = "what-a-caller-wrote"  # noqa: S105 - a value to look for in what is said


def paths(found: tuple[Fault, ...]) -> list[str]:
    return [fault.path for fault in found]


def judged(found: tuple[Fault, ...], path: Path, words: str) -> None:
    assert paths(found) == ([] if path is None else [path] if isinstance(path, str) else [*path]), found
    assert all(words in fault.why for fault in found), found


@pytest.mark.parametrize(("wanted", "path", "words"), CASES)
def test_a_rule(wanted: Any, path: Path, words: str) -> None:
    judged(faults(wanted), path, words)


@pytest.mark.parametrize(("wanted", "path", "words"), LIBRARY_CASES)
def test_a_rule_for_what_comes_from_the_library(wanted: Any, path: Path, words: str) -> None:
    judged(library_faults(wanted), path, words)


@pytest.mark.parametrize(("change", "current", "path", "words"), EDIT_CASES)
def test_a_rule_for_edits(change: Any, current: Json, path: Path, words: str) -> None:
    judged(edit_faults(change, current), path, words)


def test_all_faults_come_together_each_with_its_place() -> None:
    wanted = template(
        header("Our *sale* for {{1}} and {{3}}", "you"),
        body("{{1}} x {{2}}{{4}}", "a"),
        footer("x" * 61 + "{{1}}\n"),
        {"type": "SIDEBAR"},
        buttons(reply("x" * 26 + "\n"), url("shop/{{2}}"), reply(), otp("X")),
        name="News!",
        language="en-US",
        parameter_format="MIXED",
        message_send_ttl_seconds=1,
    )

    assert paths(faults(wanted)) == [
        *("name", "language", "parameter_format", "message_send_ttl_seconds", "components[3].type"),
        *["components[0].text"] * 3,  # asterisks, two variables, no {{2}}
        "components[0].example",
        "components[1].text",  # no {{3}}
        "components[1].example",
        *["components[1].text"] * 4,  # starts, ends, two side by side, few words
        *["components[2].text"] * 3,  # long, a variable, a line break
        "components[4].buttons",  # replies apart
        *["components[4].buttons[0].text"] * 2,  # long, a line break
        *["components[4].buttons[1].url"] * 2,  # no scheme, {{2}}
        "components[4].buttons[1].example",
        *("components[4].buttons[3].otp_type", "components[4].buttons[3].type"),
    ]


def test_faults_of_cards_name_card_and_button() -> None:
    wrong = card(media("TEXT"), body("A {{2}}"), buttons(reply(""), url(), reply()))
    found = faults(carousel(card(body(), footer()), wrong))

    assert [(fault.path, re.findall("card [0-9]|Card [0-9]", fault.why)[:1]) for fault in found] == [
        ("components[1].cards[0].components", ["Card 0"]),  # no header
        ("components[1].cards[0].components[1].type", []),  # a footer
        ("components[1].cards[1].components[0].format", ["card 1"]),
        ("components[1].cards[1].components[1].text", ["card 1"]),
        ("components[1].cards[1].components[1].example", ["card 1"]),
        ("components[1].cards[1].components[2].buttons", ["card 1"]),  # more than two
        ("components[1].cards[1].components[2].buttons", []),  # replies apart
        ("components[1].cards[1].components[2].buttons[0].text", ["card 1"]),
        ("components[1].cards[1]", ["Card 1"]),  # not as card 0
    ]


def test_a_variable_is_named() -> None:
    (fault,) = faults(template(body("Hello {{1}}, your {{3}} is here.", "Ana", "it")))

    assert fault.why == "The body must number its variables from {{1}} on; {{2}} is missing."
    (fault,) = faults(template(header("Our {{1}} and {{2}}", "a", "b"), body()))
    assert fault.why == "The header may have one variable; this one has 2."


def test_nobody_reads_more_than_a_hundred_faults() -> None:
    assert len(faults(template(*range(1000)))) == 100


@given(valid_templates())
def test_what_is_right_has_no_faults_in_either_spelling(wanted: Json) -> None:
    assert faults(wanted) == ()
    assert faults(respelled(wanted)) == ()


@given(valid_templates())
def test_what_is_stored_is_in_metas_spelling(wanted: Json) -> None:
    before = deepcopy(wanted)

    assert as_stored(respelled(wanted)) == wanted
    assert as_stored(wanted) == wanted
    assert wanted == before


@given(st.one_of(templates(), edits(), changed(library_templates()), any_json), valid_templates())
def test_nothing_makes_them_stumble(wanted: Any, current: Json) -> None:
    for found in (faults(wanted), library_faults(wanted), edit_faults(wanted, current), edit_faults(current, {})):
        assert all(isinstance(fault, Fault) and fault.why.endswith(".") for fault in found)
        assert len(set(found)) == len(found)


def nested(depth: int) -> Any:
    value: Any = "\ud800"
    for _ in range(depth):
        value = [value]
    return value


ODD: dict[str, Any] = {
    "deep": nested(2_000),
    "deep_type": {"type": nested(2_000)},
    "huge": 10**5000,
    "huge_below": -(10**5000),
    "nan": float("nan"),
    "infinite": float("inf"),
    "float": 1e308,
    "nul": "\x00",
    "opening": "{{" * 20_000,
    "opening_and_spaces": "{{" + " " * 20_000,
    "variables": "{{1}}" * 5_000,
    "many_variables": "".join(f"{{{{{number}}}}}" for number in range(10_000)),
    "spaces": " " * 20_000,
    "long": "x" * 20_000 + "\n",
    "true": True,
    "false": False,
    "null": None,
    "list": [],
    "object": {},
    "list_in_list": [[]],
    "object_in_list": [{}],
    "nameless": {"": {}},
    "half_characters": ["\udfff"] * 200,
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_values_are_judged_quickly_wherever_they_are(odd: Any) -> None:
    started = time.process_time()
    whole = template(media(), body(), footer(), buttons(url()))
    for key in (*whole, "parameter_format", "message_send_ttl_seconds"):
        faults(whole | {key: odd})
        edit_faults({key: odd}, whole | {key: odd, "status": odd})
        library_faults(whole | {"library_template_button_inputs": odd, "library_template_body_inputs": odd, key: odd})
    for index, component in enumerate(whole["components"]):
        for key in component:
            faults(whole | {"components": [*whole["components"][:index], component | {key: odd}]})
    for button in (url(), otp("ONE_TAP")):
        for key in (*button, "example", "supported_apps"):
            faults(template(body(), buttons(button | {key: odd})))
    faults(odd)
    faults(template(body(odd, odd), header(odd, odd), parameter_format="NAMED"))
    faults(carousel(odd, card(odd)))
    faults(authentication(odd, body={"add_security_recommendation": odd}, footer={"code_expiration_minutes": odd}))
    assert time.process_time() - started < QUICKLY


def test_much_is_judged_quickly() -> None:
    started = time.process_time()

    faults(nested(100_000))
    faults(template(*[body()] * 20_000))
    faults(template(body(), buttons(*[reply()] * 20_000)))
    faults(carousel(*[card(media())] * 20_000))
    assert time.process_time() - started < QUICKLY


def with_secret(value: Any) -> Any:
    """The same with every text that is none of Meta's words replaced."""
    if isinstance(value, dict):
        meta = ("type", "format", "category", "otp_type", "parameter_format")
        return {key: each if key in meta else with_secret(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_secret(each) for each in value]
    return f"{SECRET} {{{{{SECRET}}}}}" if isinstance(value, str) else value


@given(templates())
def test_what_a_caller_wrote_is_not_repeated(wanted: Any) -> None:
    told = with_secret(wanted) if isinstance(wanted, dict) else {SECRET: SECRET}

    assert SECRET not in repr((faults(told), library_faults(told), edit_faults(told, {})))
    assert SECRET not in repr(faults(template({"type": SECRET}, category=SECRET, **{SECRET: "\ud800"})))
