"""Which key an alias is filed under."""

import time

import pytest
from hypothesis import given

from casement.domain.contact import (
    Aliases,
    aliases,
    contact_key,
    group_key,
    is_bsuid,
    is_group,
    is_parent,
    is_phone,
    phone_key,
)
from tests.support.webhooks import any_json, any_text

BSUID, PARENT = "US.13491208655302741918", "US.ENT.11811111111111111"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("16505550101", "16505550101"),
        ("+1 (650) 555-0101", "16505550101"),
        (" +1.650.555.0101 ", "16505550101"),
        ("551187654321", "5511987654321"),
        (BSUID, BSUID),
        ("us.1349", "us.1349"),  # not one, and nothing to be mended: opaque
        (PARENT, PARENT),
        ("group:Z3JvdXA6MQ", "group:Z3JvdXA6MQ"),
        ("@ana.lima", "@ana.lima"),
        ("", ""),
        ("+", "+"),
        ("٠١٢٣", "٠١٢٣"),  # digits of another script are no phone
    ],
)
def test_a_key_is_a_phone_in_digits_or_an_id_verbatim(text, key):
    assert contact_key(text) == key


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (BSUID, {is_bsuid}),
        (PARENT, {is_bsuid, is_parent}),
        ("16505550101", {is_phone}),
        ("group:1", {is_group}),
        ("US." + "A" * 128, {is_bsuid}),
        ("US." + "A" * 129, set()),
        ("US.", set()),
        ("us.123", set()),
        ("USA.123", set()),
        ("US.12 3", set()),
        (f"{BSUID}\n", set()),
        ("٠١٢٣", set()),
        ("", set()),
    ],
)
def test_what_a_key_names(text, kinds):
    assert {kind for kind in (is_bsuid, is_parent, is_phone, is_group) if kind(text)} == kinds


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"phone": "+1 650 555 0101"}, Aliases("16505550101")),
        ({"phone": 16505550101}, Aliases("16505550101")),
        ({"phone": "16505550101", "user_id": BSUID}, Aliases("16505550101", BSUID)),
        ({"phone": BSUID}, Aliases("", BSUID)),
        ({"phone": BSUID, "user_id": "US.1"}, Aliases("", "US.1")),
        ({"phone": "", "user_id": ""}, Aliases()),
        ({"phone": None, "user_id": None, "parent_user_id": PARENT}, Aliases("", "", PARENT)),
        ({"phone": True, "user_id": 7, "parent_user_id": []}, Aliases()),
    ],
)
def test_what_an_element_says_of_a_person(said, expected):
    assert aliases(**said) == expected


@pytest.mark.parametrize(
    ("who", "key"),
    [
        (Aliases("1650", BSUID, PARENT), BSUID),
        (Aliases("1650", "", PARENT), "1650"),
        (Aliases("", "", PARENT), PARENT),
        (Aliases(), ""),
    ],
)
def test_facts_are_filed_under_the_user_id_if_there_is_one(who, key):
    assert who.key == key


@given(any_json, any_json, any_json)
def test_no_json_in_the_place_of_a_name_raises(phone, user_id, parent):
    assert isinstance(aliases(phone, user_id, parent).key, str)


@given(any_text)
def test_a_key_of_a_key_is_itself(text):
    assert contact_key(contact_key(text)) == contact_key(text)


@given(any_text)
def test_a_phone_key_is_a_phone_or_nothing(text):
    assert phone_key(text) == "" or is_phone(phone_key(text))


def test_a_key_of_an_absurd_length_is_no_work():
    """Digits with a letter behind them once took a time that grew with the square of their number."""
    started = time.process_time()
    assert contact_key("1" * 300_000 + "x")
    assert time.process_time() - started < 1


def test_a_group_is_no_phone():
    assert not is_phone(group_key("120363000000000000"))
