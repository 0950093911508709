"""A rendered template in a terminal: everything that a customer would see is there, in order."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.templates.bubble import bubble
from tests.support.webhooks import any_json


def shown(rendered: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=80, markup=False)
    console.print(bubble(rendered))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def button(type_: str, text: str | None = None, **carries: Any) -> dict[str, Any]:
    return {"type": type_, "text": text, **carries}


def test_parts_stand_in_the_order_of_a_message():
    lines = shown(
        {
            "header": {"format": "TEXT", "text": "A header"},
            "body": "A body",
            "footer": "A footer",
            "buttons": [button("URL", "See it", url="https://example.com/a"), button("QUICK_REPLY", "Yes")],
            "direction": "ltr",
        }
    )

    places = [
        lines.index(text) for text in ("A header", "A body", "A footer", "See it", "https://example.com/a", "Yes")
    ]
    assert places == sorted(places)
    assert "from right to left" not in lines


def test_what_is_written_from_the_right_stands_there_and_says_so():
    first, second, *_ = shown({"body": "مرحبًا", "direction": "rtl"}).splitlines()

    assert "from right to left" in first
    assert second.rstrip(" │").endswith("مرحبًا")
    assert second.startswith("│    ")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"format": "IMAGE", "image": {"link": "https://example.com/x.png"}}, "[image: https://example.com/x.png]"),
        ({"format": "DOCUMENT", "document": None}, "[document]"),
        ({"format": "LOCATION", "location": {"latitude": 1, "longitude": 2, "name": "Shop"}}, "[location: Shop]"),
    ],
)
def test_a_medium_or_place_is_named(header, words):
    assert words in shown({"header": header, "body": "x"})


def test_a_button_without_words_has_whatsapps():
    assert "Copy code" in shown({"body": "x", "buttons": [button("COPY_CODE", code="SAVE")]})


def test_cards_are_bubbles_in_the_bubble():
    said = shown({"body": "All of it", "cards": [{"body": "One"}, {"body": "Two", "buttons": [button("URL", "Go")]}]})

    assert said.index("All of it") < said.index("One") < said.index("Two") < said.index("Go")


def test_the_end_of_an_offer_is_a_time():
    assert "Summer until 2026-11-18" in shown({"body": "x", "offer": {"text": "Summer", "ends_at": 1_795_000_000}})
    assert "1e+300" in shown({"body": "x", "offer": {"text": "Summer", "ends_at": 1e300}})


def test_words_of_metas_own_are_said_to_be():
    assert "Meta's own words" in shown({"body": "x", "by_meta": ["body"]})


@given(st.dictionaries(st.sampled_from(["header", "body", "footer", "buttons", "cards", "offer", "by_meta"]), any_json))
def test_nothing_makes_it_stumble(rendered):
    assert shown(rendered)
