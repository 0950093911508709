"""The key of a message we send goes to Meta and comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.message_key import PREFIX, MessageKey, template_in
from tests.support.webhooks import any_json, any_text

moments = st.integers(0, 10**13 - 1)
contacts = st.sampled_from(["16505550101", "US.13491208655302741918", "US.ENT.118", "group:Z3JvdXA6MQ==", "a.b.c"])
keys = st.builds(MessageKey.new, contacts, moments, st.integers(0, 2**80 - 1))


@given(contacts, moments, st.integers(0, 2**90))
def test_comes_back_as_it_went(contact, now, randomness):
    key = MessageKey.new(contact, now, randomness)

    assert MessageKey.parse(str(key)) == key
    assert key.contact == contact
    assert key.at == now


@given(keys)
def test_is_short_enough_for_meta_and_for_any_log(key):
    text = str(key)
    assert len(text.encode()) <= 512
    assert text.isascii()


@given(moments, moments, st.integers(0, 2**80 - 1), st.integers(0, 2**80 - 1))
def test_text_order_is_time_order(earlier, later, one, other):
    first, second = MessageKey.new("1", earlier, one), MessageKey.new("1", later, other)
    if earlier < later:
        assert first.ulid < second.ulid


@given(st.integers(0, 2**80 - 1), st.integers(0, 2**80 - 1))
def test_randomness_tells_two_of_one_moment_apart(one, other):
    assert (MessageKey.new("1", 1, one) == MessageKey.new("1", 1, other)) == (one == other)


GOOD = MessageKey.new("16505550101", 1_795_000_000_000, 7)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "order-42",
            PREFIX,
            f"{PREFIX}.",
            f"{PREFIX}16505550101",
            f"{PREFIX}16505550101.",
            f"{PREFIX}.{GOOD.ulid}",
        ),
        *(str(GOOD)[:-1], f"{GOOD}0", f"{GOOD} ", f"{GOOD}\n", f" {GOOD}", str(GOOD).lower(), str(GOOD).upper()),
        str(GOOD).replace(PREFIX, "csm2."),
        f"{PREFIX}1.{'8' + GOOD.ulid[1:]}",  # more than 128 bits
        f"{PREFIX}1.{GOOD.ulid[:-1]}U",  # Crockford has no U
        f"{PREFIX}1.{'7' + 'Z' * 25}",  # a time that sort keys have no room for
        *(None, 7, [], {}, b"order", True),
    ],
)
def test_what_others_may_have_sent_is_no_key(text):
    assert MessageKey.parse(text) is None


@given(any_json | any_text.map(lambda text: PREFIX + text))
def test_no_callback_data_raises(data):
    key, template_id = MessageKey.parse(data), template_in(data)
    assert key is None or key.travelling(template_id) == data
    assert key is not None or template_id is None


@given(keys, st.from_regex("[0-9]{1,20}", fullmatch=True))
def test_the_id_of_a_template_travels_behind_its_message(key, template_id):
    data = key.travelling(template_id)

    assert MessageKey.parse(data) == key
    assert template_in(data) == template_id
    assert len(data.encode()) <= 512


@pytest.mark.parametrize("template_id", [None, "", "x", "1.2", "\u0661", "1" * 21])
def test_what_is_no_templates_id_stays_at_home(template_id):
    assert GOOD.travelling(template_id) == str(GOOD)
    assert template_in(str(GOOD)) is None


@pytest.mark.parametrize("data", [None, 7, "order-42", "order-42.t123", f"{PREFIX}.t123", f"{GOOD}.t", f"{GOOD}.T1"])
def test_other_callback_data_names_no_template(data):
    assert template_in(data) is None


@given(any_text, keys)
def test_a_forged_key_never_has_a_time_that_breaks_the_order_of_keys(contact, key):
    forged = MessageKey.parse(f"{PREFIX}{contact}.{key.ulid}")
    assert forged is None or len(str(forged.at)) <= 13
