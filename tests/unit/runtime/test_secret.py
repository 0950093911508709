"""The one secret: read rarely, never shown, and rotated without a deploy."""

import json

import pytest

from casement.domain.errors import NumberNotConfigured, SecretUnavailable
from casement.runtime.secret import REREAD_AT_MOST_EVERY_S, Number, Secret, SecretSource, read

FULL = {
    "app_secrets": ["newest", "older"],
    "verify_token": "verify",
    "numbers": {"100": {"waba_id": "200", "token": "token-100"}, "101": {"waba_id": "200", "token": "token-101"}},
}


class Vault:
    """What Secrets Manager holds, and how often it was asked."""

    def __init__(self, **secret: object) -> None:
        self.text = json.dumps(secret)
        self.asked = 0
        self.down = False

    def __call__(self) -> str:
        self.asked += 1
        if self.down:
            raise SecretUnavailable("down")
        return self.text


def test_reads_what_the_command_writes():
    secret = read(json.dumps(FULL))

    assert secret.app_secrets == ("newest", "older")
    assert secret.verify_token == "verify"  # noqa: S105 - the sample's
    assert secret.number("100") == Number("100", "200", "token-100")
    assert set(secret.wabas()) == {"200"}


@pytest.mark.parametrize("text", ["{}", '{"app_secrets":null,"verify_token":null,"numbers":null}'])
def test_what_is_missing_is_empty(text):
    assert read(text) == Secret()


@pytest.mark.parametrize("given", [["", "one"], ["one", None], ["one", 7]])
def test_an_app_secret_is_text(given):
    assert read(json.dumps({"app_secrets": given})).app_secrets == ("one",)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "null",
            "[]",
            '"text"',
            "{",
            "7",
            '{"numbers":[]}x',
            '{"numbers":{"100":{}}}',
            '{"numbers":{"100":"token"}}',
        ),
        *('{"numbers":["100"]}', '{"app_secrets":"abc"}', '{"app_secrets":{"a":"b"}}', '{"verify_token":7}'),
    ],
)
def test_another_shape_is_refused_and_never_quoted(text):
    with pytest.raises(SecretUnavailable) as refusal:
        read(text)

    assert text not in str(refusal.value) or not text
    assert refusal.value.__suppress_context__ or refusal.value.__cause__ is None


def test_one_string_is_not_taken_for_many_short_secrets():
    """`"abc"` would be three app secrets of a letter each, which anybody can sign with."""
    with pytest.raises(SecretUnavailable):
        read('{"app_secrets":"abc"}')


def test_nothing_secret_is_shown():
    shown = repr(read(json.dumps(FULL)))

    assert not [hidden for hidden in ("newest", "older", "verify", "token-100") if f"'{hidden}'" in shown]


def test_an_unknown_number_says_what_to_do():
    with pytest.raises(NumberNotConfigured, match="casement secrets set"):
        read(json.dumps(FULL)).number("999")


def test_is_remembered_until_it_is_too_old():
    vault = Vault(app_secrets=["one"])
    source = SecretSource(vault, max_age=300)

    assert source.get(1_000.0).app_secrets == ("one",)
    vault.text = json.dumps({"app_secrets": ["two", "one"]})
    assert source.get(1_299.9).app_secrets == ("one",)
    assert vault.asked == 1
    assert source.get(1_300.0).app_secrets == ("two", "one")


def test_a_failed_reading_falls_back_on_what_was_known():
    vault = Vault(app_secrets=["one"])
    source = SecretSource(vault, max_age=300)
    source.get(0.0)
    vault.down = True

    assert source.get(500.0).app_secrets == ("one",)
    vault.down, vault.text = False, "not a secret"
    assert source.get(1_000.0).app_secrets == ("one",)


def test_without_anything_known_it_fails_and_tries_again():
    vault = Vault(app_secrets=["one"])
    vault.down = True
    source = SecretSource(vault, max_age=300)

    with pytest.raises(SecretUnavailable):
        source.get(0.0)
    vault.down = False
    assert source.get(0.1).app_secrets == ("one",)


class TestNewer:
    """A signature that nothing known explains may be of a secret that is new."""

    def test_reads_again_and_finds_the_rotation(self):
        vault = Vault(app_secrets=["one"])
        source = SecretSource(vault, max_age=300)
        source.get(0.0)
        vault.text = json.dumps({"app_secrets": ["two", "one"]})

        newer = source.newer(REREAD_AT_MOST_EVERY_S)
        assert newer
        assert newer.app_secrets == ("two", "one")

    def test_is_nothing_if_nothing_changed(self):
        source = SecretSource(Vault(app_secrets=["one"]), max_age=300)
        source.get(0.0)

        assert source.newer(100.0) is None

    def test_forged_signatures_cannot_make_us_ask_at_will(self):
        vault = Vault(app_secrets=["one"])
        source = SecretSource(vault, max_age=300)
        source.get(0.0)

        for tenth in range(2_000):
            source.newer(tenth / 10)

        assert vault.asked <= 1 + 200 / REREAD_AT_MOST_EVERY_S

    def test_a_vault_that_is_down_takes_nothing_away(self):
        vault = Vault(app_secrets=["one"])
        source = SecretSource(vault, max_age=300)
        source.get(0.0)
        vault.down = True

        assert source.newer(60.0) is None
        assert source.get(61.0).app_secrets == ("one",)
