"""`X-Hub-Signature-256`: Meta's, or not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.meta.signature import sign, verify
from tests.support.webhooks import any_text

# The vector of our notes on Meta's interface: this exact line, 180 bytes, under this secret.
SECRET = "test_app_secret"  # noqa: S105 - opens nothing
BODY = (
    b'{"object":"whatsapp_business_account","entry":[{"id":"0","changes":[{"field":"messages","value":{"messages":'
    b'[{"text":{"body":"caf\\u00e9 \\ud83d\\ude00 https:\\/\\/x.test\\/a@b"}}]}}]}]}'
)
HEADER = "sha256=060cd9d0ca4a2cf9e9e85e5d674b3a2c1f29af76fde20f5c52070feb4d9d97b8"

bodies = st.binary(max_size=200)
secrets = st.text(min_size=1, max_size=40)


def test_the_vector():
    assert len(BODY) == 180
    assert sign(SECRET, BODY) == HEADER
    assert verify([SECRET], BODY, HEADER)


def test_parsed_and_written_again_it_is_another_body():
    assert not verify([SECRET], json.dumps(json.loads(BODY)).encode(), HEADER)


@given(secrets, bodies)
def test_what_is_signed_verifies(secret, body):
    assert verify([secret], body, sign(secret, body))


@given(secrets, st.binary(min_size=1, max_size=200), st.data())
def test_a_flipped_bit_of_the_body_fails(secret, body, data):
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    flipped = body[:place] + bytes([body[place] ^ 1 << bit]) + body[place + 1 :]

    assert not verify([secret], flipped, sign(secret, body))


@given(secrets, bodies, st.data())
def test_a_changed_character_of_the_header_fails(secret, body, data):
    header = sign(secret, body)
    place, other = data.draw(st.integers(0, len(header) - 1)), data.draw(st.characters())
    changed = header[:place] + other + header[place + 1 :]

    assert verify([secret], body, changed) == (changed == header)


@given(secrets, secrets, bodies)
def test_another_secret_fails(one, other, body):
    assert verify([other], body, sign(one, body)) == (one == other)


@given(st.lists(secrets, max_size=3), bodies, st.none() | any_text)
def test_never_raises(known, body, header):
    assert verify(known, body, header) in (True, False)


@pytest.mark.parametrize("position", [0, 1])
def test_each_of_two_secrets_is_valid(position):
    known = ["other", "other"]
    known[position] = SECRET

    assert verify(known, BODY, HEADER)


@pytest.mark.parametrize("known", [[], [""], ["", ""]])
def test_no_secret_signs_nothing(known):
    assert not verify(known, BODY, HEADER)
    assert not verify(known, BODY, sign("", BODY))


@pytest.mark.parametrize("header", [None, "", "sha256=", HEADER[:-1], f"{HEADER}0", f" {HEADER}", HEADER.upper()])
def test_a_part_of_the_header_or_more_than_it_fails(header):
    assert not verify([SECRET], BODY, header)
