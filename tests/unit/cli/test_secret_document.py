import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.runtime.secret import Secret, read
from cli import secret_document
from cli.trouble import Trouble

texts = st.text(min_size=1, max_size=20)
junk = st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3))
ids = st.from_regex(r"[0-9]{1,16}", fullmatch=True)
numbers = st.fixed_dictionaries({"waba_id": ids | junk, "token": texts | junk})
secrets = st.fixed_dictionaries(
    {},
    optional={
        "app_secrets": st.lists(texts, max_size=3) | junk,
        "verify_token": texts | junk,
        "numbers": st.dictionaries(ids | texts, numbers | junk, max_size=2) | junk,
        "later": junk,
    },
)


@given(st.lists(texts, min_size=1, max_size=6))
def test_the_newest_app_secret_is_first_and_at_most_two_are_valid(rotations):
    document: secret_document.Document = {}
    for new in rotations:
        document = secret_document.with_app_secret(document, new)

    kept = document["app_secrets"]
    others = [secret for secret in rotations if secret != rotations[-1]]
    assert kept[0] == rotations[-1]
    assert kept[1:] == others[-1:]


@given(texts, texts)
def test_the_one_before_verifies_until_it_is_dropped(older, newer):
    document = secret_document.with_app_secret({"app_secrets": [older]}, newer)

    assert set(read(json.dumps(document)).app_secrets) == {older, newer}
    dropped = secret_document.without_older_app_secret(document)
    assert read(json.dumps(dropped)).app_secrets == (newer,)


def test_no_change_touches_what_was_given():
    document = {"app_secrets": ["a"], "numbers": {"1": {"waba_id": "2", "token": "t"}}}
    before = json.dumps(document)

    secret_document.with_app_secret(document, "b")
    secret_document.with_number(document, "1", waba_id="3", token="u")  # noqa: S106 - not a real one
    secret_document.with_verify_token(document, "v")
    secret_document.without_number(document, "1")
    secret_document.without_older_app_secret(document)

    assert json.dumps(document) == before


@given(secrets | junk)
def test_whatever_is_given_is_either_refused_or_one_that_the_functions_can_use(value):
    try:
        document = secret_document.parse(json.dumps(value))
    except Trouble:
        return
    secret = read(secret_document.dump(document))
    assert all(isinstance(each, str) and each for each in (*secret.app_secrets, *secret.wabas().values()))
    assert isinstance(secret.verify_token, str)


def test_what_a_secret_lacks_is_named():
    assert secret_document.missing(Secret()) == ["an app secret", "a verify token", "a number"]
    full = {"app_secrets": ["a"], "verify_token": "v", "numbers": {"1": {"waba_id": "2", "token": "t"}}}
    assert secret_document.missing(read(json.dumps(full))) == []


@pytest.mark.parametrize("value", ["", "a secret", "ein Geheimnis ü", "\ud800"])
def test_a_fingerprint_is_short_and_always_the_same(value):
    assert len(secret_document.fingerprint(value)) == 8
    assert secret_document.fingerprint(value) == secret_document.fingerprint(value)
    assert secret_document.fingerprint(value) != secret_document.fingerprint(value + "x")
