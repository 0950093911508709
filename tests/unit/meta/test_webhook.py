"""A webhook body, cut into facts: what each element becomes, and that nothing is dropped or raised."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from casement.domain.facts import Effect, Fact, Kind, Link, LinkKind, Quarantined
from casement.domain.message_key import MessageKey
from casement.meta.webhook import split
from tests.support.effort import examples
from tests.support.samples import webhook
from tests.support.webhooks import any_json, canonical, encode, everything_in, said_in, webhooks

NUMBER, WABA, AT = "100000000000001", "200000000000001", 1_795_000_000_000
METADATA = {"display_phone_number": "+1 555-000-1000", "phone_number_id": NUMBER}
PHONE, USER_ID, PARENT = "16505550101", "US.10000000000000000101", "US.ENT.1010"


def body(value: Any, field: str = "messages", **entry: Any) -> bytes:
    changes = [{"field": field, "value": value}]
    return encode({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": changes, **entry}]})


def talk(field: str = "messages", **lists: Any) -> bytes:
    return body({"messaging_product": "whatsapp", "metadata": METADATA, **lists}, field)


def facts_in(webhook: bytes) -> list[Fact]:
    return [piece for piece in split(webhook) if isinstance(piece, Fact)]


def the_fact(webhook: bytes) -> Fact:
    (fact,) = facts_in(webhook)
    return fact


def links_in(webhook: bytes) -> set[tuple[LinkKind, str, str]]:
    return {(piece.kind, piece.a, piece.b) for piece in split(webhook) if isinstance(piece, Link)}


@pytest.mark.parametrize(
    ("sample", "kind", "contact", "effect"),
    [
        ("message_text", Kind.MESSAGE, USER_ID, Effect.OPENS),
        ("message_text_before_user_ids", Kind.MESSAGE, PHONE, Effect.OPENS),
        ("message_text_from_a_username", Kind.MESSAGE, "BR.10000000000000000202", Effect.OPENS),
        ("message_text_with_a_user_id_for_a_phone", Kind.MESSAGE, "BR.10000000000000000202", Effect.OPENS),
        ("message_text_in_a_group", Kind.MESSAGE, "group:Z3JvdXA6MTAwMDAwMDAwMDAx", Effect.OPENS),
        ("message_reaction", Kind.MESSAGE, USER_ID, Effect.NONE),
        ("message_media_placeholder_of_history", Kind.HISTORY, USER_ID, Effect.NONE),
        ("message_in_standby", Kind.MESSAGE, USER_ID, Effect.OPENS),
        ("system_user_changed_number", Kind.MESSAGE, "US.10000000000000000177", Effect.NONE),
        ("system_user_changed_number_before_user_ids", Kind.MESSAGE, "16505550177", Effect.NONE),
        ("system_customer_identity_changed", Kind.MESSAGE, USER_ID, Effect.NONE),
        ("calls_connect", Kind.CALL, USER_ID, Effect.OPENS),
        ("calls_terminate", Kind.CALL, USER_ID, Effect.NONE),
        ("calls_created", Kind.CALL, USER_ID, Effect.NONE),
        ("calls_accepted", Kind.CALL, USER_ID, Effect.OPENS),
        ("echo_text", Kind.ECHO, USER_ID, Effect.NONE),
        ("echo_by_user_id_alone", Kind.ECHO, "BR.10000000000000000202", Effect.NONE),
        ("user_preferences_stop", Kind.PREFERENCE, USER_ID, Effect.NONE),
        ("status_read", Kind.STATUS, USER_ID, Effect.NONE),
        ("status_delivered_by_user_id_alone", Kind.STATUS, "BR.10000000000000000202", Effect.NONE),
        ("status_failed_window_closed", Kind.STATUS, USER_ID, Effect.CLOSES),
        ("status_failed_window_closed_of_another_app", Kind.STATUS, PHONE, Effect.CLOSES),
        ("status_failed_window_closed_of_old", Kind.STATUS, PHONE, Effect.CLOSES),
        ("status_failed_undeliverable", Kind.STATUS, USER_ID, Effect.NONE),
    ],
)
def test_what_a_sample_becomes(sample, kind, contact, effect):
    fact = the_fact(webhook(sample))

    assert (fact.kind, fact.contact, fact.effect) == (kind, contact, effect)
    assert (fact.number, fact.waba_id) == (NUMBER, WABA)
    assert fact.at > 0


@pytest.mark.parametrize("name", ["template_status_approved", "template_category_changed", "template_quality"])
def test_a_template_event_is_filed_under_its_template(name):
    fact = the_fact(webhook(name))

    assert (fact.kind, fact.id, fact.waba_id, fact.contact) == (Kind.TEMPLATE_EVENT, "900000000000001", WABA, "")
    assert fact.at == AT


@pytest.mark.parametrize(
    "name", ["account_alerts", "security", "errors_of_the_number", "group_lifecycle", "automatic_events"]
)
def test_what_belongs_to_nobody_stays_with_the_account_or_the_number(name):
    assert {fact.kind for fact in facts_in(webhook(name))} == {Kind.ACCOUNT_EVENT}


def test_a_fact_keeps_what_stood_around_its_element():
    element = {"from": PHONE, "from_user_id": USER_ID, "id": "wamid.1", "timestamp": "1795000000", "type": "text"}
    contact = {"profile": {"name": "Ana"}, "wa_id": PHONE, "user_id": USER_ID}
    others = [{"wa_id": "111"}, contact, {"wa_id": "222"}]

    kept = json.loads(the_fact(talk(messages=[element], contacts=others)).raw)

    assert kept == {
        "field": "messages",
        "waba_id": WABA,
        "metadata": METADATA,
        "contact": contact,
        "element": element,
    }


@pytest.mark.parametrize(
    ("said", "contacts", "expected"),
    [
        ({"from": PHONE, "from_user_id": USER_ID}, [], {(LinkKind.ALIAS, PHONE, USER_ID)}),
        ({"from": PHONE}, [{"wa_id": PHONE, "user_id": USER_ID}], {(LinkKind.ALIAS, PHONE, USER_ID)}),
        ({"from_user_id": USER_ID}, [{"wa_id": PHONE, "user_id": USER_ID}], {(LinkKind.ALIAS, PHONE, USER_ID)}),
        ({"from": "551187654321"}, [{"wa_id": "5511987654321"}], set()),
        ({}, [{"wa_id": PHONE, "user_id": USER_ID}], {(LinkKind.ALIAS, PHONE, USER_ID)}),
        ({"from_user_id": USER_ID, "from_parent_user_id": PARENT}, [], {(LinkKind.ALIAS, PARENT, USER_ID)}),
        ({"from": PHONE, "from_parent_user_id": PARENT}, [], {(LinkKind.ALIAS, PARENT, PHONE)}),
        ({"from": PHONE}, [{"wa_id": "111", "user_id": "US.1"}], set()),
        (
            {"from": PHONE, "from_user_id": USER_ID},
            [{"wa_id": PHONE, "user_id": "US.1"}],
            {(LinkKind.ALIAS, PHONE, USER_ID)},
        ),
        ({"from": PHONE}, None, set()),
        ({"from": PHONE}, "contacts", set()),
        ({"from": PHONE}, [None, 7, [], {"wa_id": []}], set()),
    ],
)
def test_which_names_are_tied(said, contacts, expected):
    message = {"id": "wamid.1", "timestamp": "1795000000", "type": "text", **said}

    assert links_in(talk(messages=[message], contacts=contacts)) == expected


def test_who_stands_first_in_contacts_is_not_whose_message_it_is():
    message = {"from_user_id": USER_ID, "id": "wamid.1", "timestamp": "1", "type": "text"}
    contacts = [{"wa_id": "111", "user_id": "US.1"}, {"wa_id": PHONE, "user_id": USER_ID}]

    fact = the_fact(talk(messages=[message], contacts=contacts))
    assert fact.contact == USER_ID
    assert json.loads(fact.raw)["contact"]["wa_id"] == PHONE


def test_a_changed_number_links_what_was_to_what_is():
    assert links_in(webhook("system_user_changed_number")) == {
        (LinkKind.MOVED, PHONE, "16505550177"),
        (LinkKind.MOVED, USER_ID, "US.10000000000000000177"),
        (LinkKind.MOVED, "US.ENT.10000000000000000901", "US.ENT.10000000000000000977"),
        (LinkKind.ALIAS, "16505550177", "US.10000000000000000177"),
        (LinkKind.ALIAS, "US.ENT.10000000000000000977", "US.10000000000000000177"),
        (LinkKind.ALIAS, PHONE, USER_ID),
        (LinkKind.ALIAS, "US.ENT.10000000000000000901", USER_ID),
    }


def test_a_changed_user_id_without_a_phone():
    assert links_in(webhook("system_user_changed_user_id")) == {(LinkKind.MOVED, USER_ID, "US.10000000000000000177")}


def test_a_system_message_that_names_the_new_number_as_its_sender_moves_nobody():
    message = {"from": "222", "type": "system", "system": {"type": "user_changed_number", "wa_id": "222"}}
    assert links_in(talk(messages=[message])) == set()


def test_the_status_of_our_send_is_filed_with_it():
    key = MessageKey.new(PHONE, AT - 5, 3)
    status = {"id": "wamid.1", "status": "sent", "timestamp": "1795000000", "recipient_id": PHONE}

    fact = the_fact(talk(statuses=[{**status, "biz_opaque_callback_data": str(key)}]))

    assert (fact.contact, fact.at, fact.send, fact.detail) == (PHONE, AT - 5, key.ulid, "sent")


def test_a_status_of_somebody_elses_message_stays_with_its_recipient():
    status = {"id": "wamid.1", "status": "sent", "timestamp": "1795000000", "recipient_id": PHONE}
    fact = the_fact(talk(statuses=[{**status, "biz_opaque_callback_data": "order-42"}]))

    assert (fact.contact, fact.at, fact.send) == (PHONE, AT, "")


def test_statuses_of_a_groups_members_are_told_apart():
    facts = facts_in(webhook("statuses_of_a_group"))

    assert {fact.contact for fact in facts} == {"group:Z3JvdXA6MTAwMDAwMDAwMDAx"}
    assert {fact.detail for fact in facts} == {
        f"read.{USER_ID}",
        "delivered.BR.10000000000000000202",
        "delivered.5491123456789",
    }


def test_an_ad_is_noticed():
    assert the_fact(webhook("message_text_from_an_ad")).referral
    assert not the_fact(webhook("message_text")).referral


class TestHistory:
    def test_messages_are_filed_under_their_thread(self):
        facts = facts_in(webhook("history"))

        assert {(fact.kind, fact.contact, fact.id[:0]) for fact in facts if fact.kind is Kind.HISTORY} == {
            (Kind.HISTORY, PHONE, ""),
            (Kind.HISTORY, "BR.10000000000000000202", ""),
        }
        assert len([fact for fact in facts if fact.kind is Kind.HISTORY]) == 4
        assert not [fact for fact in facts if fact.effect]

    def test_what_stands_beside_the_messages_is_kept(self):
        kept = [
            json.loads(fact.raw)["element"] for fact in facts_in(webhook("history")) if fact.kind is not Kind.HISTORY
        ]

        assert {"history": {"metadata": {"phase": 0, "chunk_order": 1, "progress": 55}}} in kept
        assert {"context": {"user_id": "BR.10000000000000000202", "username": "bea.souza"}} in kept

    @pytest.mark.parametrize("threads", [None, 5, "x", {"messages": []}])
    def test_threads_that_are_no_list_are_kept(self, threads):
        chunk = {"metadata": {"phase": 1}, "threads": threads}
        assert json.loads(the_fact(talk("history", history=[chunk])).raw)["element"] == {"history": chunk}

    @pytest.mark.parametrize("messages", [None, 5, "x", {"id": "wamid.1"}])
    def test_messages_that_are_no_list_are_kept(self, messages):
        thread = {"id": PHONE, "messages": messages}
        facts = facts_in(talk("history", history=[{"threads": [thread]}]))

        assert thread in [json.loads(fact.raw)["element"] for fact in facts]

    def test_the_business_side_without_a_thread_id(self):
        messages = [{"from": "15550001000", "to": PHONE, "id": "1"}, {"from": PHONE, "id": "2"}]
        facts = facts_in(talk("history", history=[{"threads": [{"messages": messages}]}]))

        assert {fact.contact for fact in facts if fact.kind is Kind.HISTORY} == {PHONE}


class TestOddShapes:
    def test_what_is_beside_the_lists_is_one_event(self):
        facts = facts_in(talk(messages=[{"from": PHONE}], brand_new=[1], and_more={}))

        (event,) = (fact for fact in facts if fact.kind is Kind.ACCOUNT_EVENT)
        assert json.loads(event.raw)["element"] == {"brand_new": [1], "and_more": {}}

    def test_contacts_alone_are_kept(self):
        assert json.loads(the_fact(talk(contacts=[{"wa_id": PHONE}])).raw)["element"] == {
            "contacts": [{"wa_id": PHONE}]
        }

    @pytest.mark.parametrize("value", [{"messages": {"from": PHONE}}, {"statuses": "sent"}, {"calls": 3}])
    def test_a_list_that_is_none_is_kept(self, value):
        assert json.loads(the_fact(talk(**value)).raw)["element"] == value

    def test_messages_without_metadata_are_kept_as_one_event(self):
        value = {"messages": [{"from": PHONE, "id": "wamid.1"}]}
        fact = the_fact(body(value))

        assert fact.kind is Kind.ACCOUNT_EVENT
        assert json.loads(fact.raw)["element"] == value

    def test_an_element_that_names_nobody_is_quarantined_with_what_stood_around_it(self):
        (piece,) = split(talk(messages=[{"id": "wamid.1", "type": "text"}]))

        assert isinstance(piece, Quarantined)
        assert json.loads(piece.body)["element"] == {"id": "wamid.1", "type": "text"}
        assert json.loads(piece.body)["metadata"] == METADATA

    @pytest.mark.parametrize("change", [None, 5, {}, {"field": "messages"}, {"field": "messages", "value": [1]}])
    def test_a_change_that_is_none_is_quarantined_with_its_entry(self, change):
        entry = {"id": WABA, "time": 5, "changes": [{"field": "security", "value": {"event": "PIN_CHANGED"}}, change]}
        pieces = list(split(encode({"entry": [entry]})))

        assert [type(piece) for piece in pieces] == [Fact, Quarantined]
        assert isinstance(pieces[1], Quarantined)
        assert json.loads(pieces[1].body) == {**entry, "changes": [change]}

    @pytest.mark.parametrize("entry", [None, 5, {}, {"id": WABA}, {"id": WABA, "changes": []}, {"changes": {}}])
    def test_an_entry_that_is_none_does_not_take_its_neighbours_along(self, entry):
        good = {"id": WABA, "changes": [{"field": "security", "value": {"event": "PIN_CHANGED"}}]}
        pieces = list(split(encode({"entry": [good, entry, good]})))

        assert [type(piece) for piece in pieces] == [Fact, Quarantined, Fact]
        assert isinstance(pieces[1], Quarantined)
        assert json.loads(pieces[1].body) == entry

    def test_ids_may_be_numbers(self):
        metadata = {"phone_number_id": int(NUMBER)}
        value = {
            "metadata": metadata,
            "messages": [{"from": int(PHONE), "id": 7, "timestamp": 1795000000, "type": "text"}],
        }
        fact = the_fact(encode({"entry": [{"id": int(WABA), "changes": [{"field": "messages", "value": value}]}]}))

        assert (fact.number, fact.waba_id, fact.contact, fact.id, fact.at) == (NUMBER, WABA, PHONE, "7", AT)


@settings(max_examples=examples(150))
@given(webhooks())
def test_everything_is_found_again(webhook):
    kept = [
        json.loads(piece.raw if isinstance(piece, Fact) else piece.body)
        for piece in split(encode(webhook))
        if not isinstance(piece, Link)
    ]

    found = {part for document in kept for part in everything_in(document)}
    assert [said for said in said_in(webhook) if canonical(said) not in found] == []


@settings(max_examples=examples(100))
@given(webhooks())
def test_what_is_cut_can_be_written_as_utf_8(webhook):
    for piece in split(encode(webhook)):
        if isinstance(piece, Fact):
            piece.raw.encode()


@settings(max_examples=examples(100))
@given(any_json)
def test_no_value_raises(value):
    assert list(split(body(value)))
    assert list(split(body({"metadata": METADATA, "messages": [value], "statuses": [value], "history": [value]})))


@settings(max_examples=examples(100))
@given(webhooks())
def test_cutting_twice_gives_the_same_pieces(webhook):
    assert list(split(encode(webhook))) == list(split(encode(webhook)))


def test_a_number_too_long_for_python_does_not_touch_its_neighbours():
    def message(id_: str, more: str = "") -> str:
        return f'{{"from": "16505550101", "id": "{id_}", "timestamp": "1790000000", "type": "text"{more}}}'

    odd = message("wamid.ODD", ', "text": {"n": ' + "7" * 5_000 + "}")
    value = f'{{"metadata": {{"phone_number_id": "1"}}, "messages": [{odd}, {message("wamid.EVEN")}]}}'
    body = f'{{"entry": [{{"id": "2", "changes": [{{"field": "messages", "value": {value}}}]}}]}}'.encode()

    first, second = (piece for piece in split(body) if isinstance(piece, Fact))

    assert (first.id, second.id) == ("wamid.ODD", "wamid.EVEN")
    assert "7" * 5_000 in first.raw


@pytest.mark.parametrize(
    ("written_to", "tied"),
    [
        ("6505550102", {(LinkKind.ALIAS, "6505550102", USER_ID)}),  # Meta knows them by other digits
        (PHONE, set()),
        (USER_ID, set()),
        ("group:120363", set()),  # whoever's status it says it is: a group is nobody's other name
    ],
)
def test_a_status_tells_by_which_other_name_we_wrote_to_somebody(written_to, tied):
    key = MessageKey.new(written_to, 1_795_000_000_000, 7)
    status = {
        "id": "wamid.1",
        "status": "sent",
        "timestamp": "1795000001",
        "recipient_id": PHONE,
        "recipient_user_id": USER_ID,
        "biz_opaque_callback_data": str(key),
    }

    assert links_in(talk(statuses=[status])) == {(LinkKind.ALIAS, PHONE, USER_ID)} | tied
