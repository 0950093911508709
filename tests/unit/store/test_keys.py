"""Keys: where everything lies, in what order, and within DynamoDB's limits whatever an id holds."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.facts import Effect, Fact, Kind, Link, LinkKind, Quarantined
from casement.domain.message_key import MessageKey
from casement.store import keys
from tests.support.webhooks import any_text, odd_text

weird = any_text | odd_text | st.text(st.characters(exclude_categories=()), min_size=250, max_size=400)
moments = st.integers(0, 10**13 - 1)
facts = st.builds(
    Fact,
    kind=st.sampled_from(Kind),
    at=moments,
    id=weird,
    raw=st.text(max_size=5),
    waba_id=weird,
    number=weird,
    contact=weird,
    detail=weird,
    send=st.sampled_from(["", "01M7Q5CQG00000000000000007"]),
    effect=st.sampled_from(Effect),
)


@given(facts)
def test_a_key_fits_into_dynamodb_and_into_utf_8(fact):
    key = keys.fact(fact)

    assert 0 < len(key.pk.encode()) <= 2_048
    assert 0 < len(key.sk.encode()) <= 1_024


@given(weird, weird)
def test_a_partition_tells_number_and_contact_apart(number, contact):
    prefix, *parts = keys.conversation(number, contact).split("#")

    assert prefix == "C"
    assert parts == [keys.part(number), keys.part(contact)]


@given(weird)
def test_a_part_stays_when_it_is_made_again(text):
    made = keys.part(text)

    assert keys.part(made) == made
    assert made
    assert "#" not in made
    assert made.isascii()


@given(weird, weird)
def test_two_texts_make_two_parts(one, other):
    if one != other and {one, other} != {"", "-"}:
        assert keys.part(one) != keys.part(other)


@pytest.mark.parametrize(
    "text", ["16505550101", "US.13491208655302741918", "group:Z3JvdXA6MQ==", "wamid.HBgL+/=", "en_US"]
)
def test_usual_ids_stand_in_keys_as_they_are(text):
    assert keys.part(text) == text


@given(moments, moments)
def test_text_order_is_time_order(earlier, later):
    assert (keys.moment(earlier) < keys.moment(later)) == (earlier < later)


def test_one_query_newest_first_reads_links_then_preferences_then_the_window():
    prefixes = [keys.DETAIL, keys.MESSAGES, keys.FOREIGN_STATUS, keys.WINDOW, keys.PREFERENCES, keys.LINKS]

    assert prefixes == sorted(prefixes)
    assert keys.WINDOW < keys.WINDOW + keys.moment(0) < keys.AFTER_WINDOW < keys.PREFERENCES
    assert keys.LINKS < keys.LINKS + "a#~" < keys.AFTER_LINKS


def test_a_verdict_of_the_moment_of_an_opener_comes_after_it():
    opener = Fact(Kind.MESSAGE, 5, "wamid.1", "{}", contact="1", effect=Effect.OPENS)
    late = Fact(Kind.STATUS, 5, "wamid.2", "{}", contact="1", detail="failed", effect=Effect.CLOSES)
    ours = late._replace(send="01M7Q5CQG00000000000000007")
    at_once = keys.send("", "1", "01M7Q5CQG00000000000000007", 5, closes=True)

    assert keys.fact(opener).sk < min(keys.fact(late).sk, keys.fact(ours).sk, at_once.sk)


def test_statuses_of_a_send_lie_right_behind_its_outcome():
    key = MessageKey.new("16505550101", 1_795_000_000_000, 7)
    outcome = keys.send("1", key.contact, key.ulid, key.at)
    status = Fact(Kind.STATUS, key.at, "wamid.1", "{}", number="1", contact=key.contact, detail="sent", send=key.ulid)
    refusal = status._replace(detail="failed", effect=Effect.CLOSES)

    assert keys.fact(status).pk == outcome.pk
    assert keys.fact(status).sk.startswith(f"{outcome.sk}#sent#")
    refused = keys.send("1", key.contact, key.ulid, key.at, closes=True)
    assert keys.fact(refusal).sk.startswith(f"{refused.sk}#failed#")


@given(facts, st.text(max_size=5))
def test_one_identity_with_other_content_is_another_fact(fact, other):
    assert (keys.fact(fact) == keys.fact(fact._replace(raw=other))) == (fact.raw == other)


@given(facts)
def test_the_same_fact_always_lies_in_the_same_place(fact):
    assert keys.fact(fact) == keys.fact(Fact(*fact))


@given(weird, weird, weird)
def test_a_link_lies_in_both_partitions(number, a, b):
    there, back = keys.link(Link(LinkKind.ALIAS, number, a, b))

    assert there.pk == keys.conversation(number, a)
    assert back.pk == keys.conversation(number, b)
    assert keys.link(Link(LinkKind.ALIAS, number, b, a)) == (back, there)  # nobody comes first


def test_a_move_knows_where_from():
    there, back = keys.link(Link(LinkKind.MOVED, "1", "111", "222"))

    assert (there.sk, back.sk) == ("Z#>#222", "Z#<#111")


def test_the_parts_of_something_large_lie_in_partitions_of_their_own():
    first = keys.quarantined(Quarantined("why", b"what"))
    parts = [keys.quarantine_part(first, number) for number in (1, 2)]

    assert len({first.pk, *(part.pk for part in parts)}) == 3


def test_the_same_bytes_for_another_reason_are_kept_apart():
    one, other = (keys.quarantined(Quarantined(why, b"5")) for why in ("not an envelope", "not an object"))
    assert one != other


def test_a_numbers_log_is_spread_and_a_contact_stays_in_one_shard():
    shards = [keys.shard_of(f"1650555{number:04d}") for number in range(2_000)]

    assert set(shards) == set(range(keys.LOG_SHARDS))
    assert max(map(shards.count, set(shards))) < 2_000 / keys.LOG_SHARDS * 1.2
    assert all(keys.shard_of(text) == keys.shard_of(keys.part(text)) for text in ("16505550101", "\ud83d", "a#b"))


@given(weird, moments)
def test_a_template_lies_in_its_wabas_partition(name, _):
    key = keys.template("200000000000001", name, "en_US")

    assert re.fullmatch(r"T#200000000000001", key.pk)
    assert key.sk.endswith("#en_US")
