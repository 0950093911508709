"""One person, one conversation, one window: whatever names webhooks and callers use for them, in whatever order."""

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.contact import contact_key
from casement.domain.conversation import Conversation
from casement.domain.facts import Link, LinkKind
from casement.domain.message_key import MessageKey
from casement.domain.window import DAY_MS, Opener, WindowRules, WindowState, window_at
from casement.store.conversations import Conversations
from casement.store.table import Table
from casement.usecases.find_conversation import find_conversation, find_open_conversation
from tests.support.deliveries import deliver, facts_on
from tests.support.effort import examples
from tests.support.faults import watching
from tests.support.samples import webhook
from tests.support.tables import create_table
from tests.support.webhooks import NOON, PEOPLE, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NUMBER, WABA = "100000000000001", "200000000000001"
NOON_MS = NOON * 1_000
RULES = WindowRules()

SPELLINGS = {
    "Brazil": ("551187654321", "5511987654321", "+55 (11) 8765-4321", "+55 11 98765-4321"),
    "Mexico": ("5215512345678", "525512345678", "+52 1 55 1234 5678", "+52 55 1234 5678"),
    "Argentina": ("5491123456789", "541123456789", "+54 9 11 2345-6789", "+54 11 2345-6789"),
    "elsewhere": ("16505550101", "+1 650 555 0101", "+1 (650) 555-0101"),
}


class Store:
    """A table that webhooks are told to and conversations are asked of."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.client = client
        self.table = create_table(client)

    def hear(self, **lists: list[Any]) -> None:
        """Webhooks for our number. `contacts`, `messages`, `statuses` …"""
        metadata = {"display_phone_number": "+1 555-000-1000", "phone_number_id": NUMBER}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **lists}}
        body = {"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": [change]}]}
        assert deliver(encode(body), facts_on(self.client, self.table)).status == 200

    def hear_sample(self, name: str) -> None:
        assert deliver(webhook(name), facts_on(self.client, self.table)).status == 200

    def ask(self, alias: str, number: str = NUMBER) -> Conversation:
        """The conversation with whom `alias` means, as a caller writes it."""
        read = Conversations(Table(self.client, self.table)).alias
        return find_conversation(number, contact_key(alias), read=read)

    def ask_for_a_send(self, alias: str, now: int) -> Conversation:
        read = Conversations(Table(self.client, self.table)).alias
        return find_open_conversation(NUMBER, contact_key(alias), read=read, now=now, rules=RULES)


@pytest.fixture
def store(dynamodb: "DynamoDBClient") -> Store:
    return Store(dynamodb)


def message(id_: str = "wamid.1", at: int = NOON, **names: str) -> dict[str, Any]:
    named = {
        "from": names.get("phone"),
        "from_user_id": names.get("user_id"),
        "from_parent_user_id": names.get("parent"),
    }
    who = {name: value for name, value in named.items() if value}
    return {**who, "id": id_, "timestamp": str(at), "type": "text", "text": {"body": "Hi"}}


def refusal(at: int = NOON, **more: Any) -> dict[str, Any]:
    return {"id": "wamid.9", "status": "failed", "timestamp": str(at), "errors": [{"code": 131047}], **more}


@pytest.mark.parametrize(
    ("heard", "asked"),
    [
        (heard, asked)
        for spellings in SPELLINGS.values()
        for heard, asked in itertools.product(spellings, repeat=2)
        if heard.isdigit()
    ],
)
def test_a_phone_is_one_person_in_every_spelling_before_any_answer_taught_it(store, heard, asked):
    store.hear(messages=[message(phone=heard)])

    assert store.ask(asked).opener == Opener(NOON_MS, "wamid.1")


@pytest.mark.parametrize(
    ("heard", "asked"),
    [(heard, asked) for spellings in SPELLINGS.values() for heard, asked in itertools.permutations(spellings[:2], 2)],
)
def test_and_after_it(store, heard, asked):
    facts_on(store.client, store.table).add([Link(LinkKind.ALIAS, NUMBER, contact_key(asked), contact_key(heard))])
    store.hear(messages=[message(phone=heard)])

    assert store.ask(asked).opener == store.ask(heard).opener == Opener(NOON_MS, "wamid.1")


def test_numbers_that_canonical_forms_do_not_join_are_joined_by_metas_answer(store):
    """Meta answers a send to one number with another `wa_id`: the pair is learned, in both directions."""
    facts_on(store.client, store.table).add([Link(LinkKind.ALIAS, NUMBER, "4915111", "4915112")])
    store.hear(messages=[message(phone="4915112")])

    assert store.ask("+49 151 11").opener == Opener(NOON_MS, "wamid.1")


@settings(max_examples=examples(40))
@given(st.sampled_from(PEOPLE), st.permutations(["phone", "user_id", "both", "parent"]), st.data())
def test_every_alias_finds_the_newest_opener_of_all_once_two_names_were_seen_together(dynamodb, person, order, data):
    phones, user_id, parent = person
    store = Store(dynamodb)
    for number, how in enumerate(order):
        names = {
            "phone": {"phone": data.draw(st.sampled_from(phones))},
            "user_id": {"user_id": user_id},
            "both": {"phone": data.draw(st.sampled_from(phones)), "user_id": user_id},
            "parent": {"user_id": user_id, "parent": parent},
        }[how]
        store.hear(messages=[message(f"wamid.{number}", NOON + number, **names)])

    asked = [store.ask(alias) for alias in (*phones, user_id, *filter(None, [parent]))]

    assert {one.opener for one in asked} == {Opener(NOON_MS + 3_000, "wamid.3")}
    assert {one.contact for one in asked} == {user_id}


@pytest.mark.parametrize(
    "teacher",
    [
        {"statuses": [{"id": "wamid.9", "status": "sent", "recipient_id": "16505550101", "recipient_user_id": "US.1"}]},
        {"statuses": [{"id": "wamid.9", "status": "sent", "recipient_id": "16505550101"}],
         "contacts": [{"wa_id": "16505550101", "user_id": "US.1"}]},
        {"message_echoes": [{"id": "wamid.9", "to": "16505550101", "to_user_id": "US.1", "type": "text"}]},
        {"user_preferences": [{"wa_id": "16505550101", "user_id": "US.1", "value": "stop"}]},
        {"state_sync": [{"type": "contact", "contact": {"phone_number": "+16505550101", "user_id": "US.1"}}]},
        {"calls": [{"id": "wacid.1", "from": "16505550101", "from_user_id": "US.1", "event": "terminate"}]},
        {"history": [{"threads": [{"id": "16505550101", "context": {"user_id": "US.1"}, "messages": []}]}]},
        {"messages": [message("wamid.8", NOON - 9, user_id="US.1")],
         "contacts": [{"wa_id": "16505550101", "user_id": "US.1"}]},
    ],
    ids=lambda teacher: "-".join(teacher),
)  # fmt: skip
@pytest.mark.parametrize("taught_first", [True, False])
def test_whatever_names_both_teaches_the_pair(store, teacher, taught_first):
    lessons = [teacher, {"messages": [message(phone="16505550101")]}]
    for lists in lessons if taught_first else reversed(lessons):
        store.hear(**lists)

    assert store.ask("US.1").opener == Opener(NOON_MS, "wamid.1")


class TestNumberChange:
    @pytest.mark.parametrize(
        "sample",
        ["system_user_changed_number", "system_user_changed_number_before_user_ids", "system_customer_changed_number"],
    )
    @pytest.mark.parametrize("told_first", [True, False])
    def test_keeps_the_conversation(self, store, sample, told_first):
        heard = [lambda: store.hear(messages=[message(phone="16505550101")]), lambda: store.hear_sample(sample)]
        for hear in heard if not told_first else reversed(heard):
            hear()

        assert store.ask("16505550177").opener == Opener(NOON_MS, "wamid.1")

    def test_of_somebody_without_a_phone_keeps_the_conversation(self, store):
        store.hear(messages=[message(user_id="US.10000000000000000101")])
        store.hear_sample("system_user_changed_user_id")

        conversation = store.ask("US.10000000000000000177")
        assert conversation.opener == Opener(NOON_MS, "wamid.1")
        assert conversation.contact == "US.10000000000000000177"

    def test_a_number_given_to_somebody_else_is_theirs(self, store):
        store.hear(messages=[message("wamid.1", NOON, phone="16505550101", user_id="US.10000000000000000101")])
        store.hear_sample("system_user_changed_number")
        store.hear(messages=[message("wamid.2", NOON + 60, phone="16505550101", user_id="US.999")])

        assert store.ask("16505550101").contact == "US.999"
        assert store.ask("16505550101").opener == Opener(NOON_MS + 60_000, "wamid.2")
        assert store.ask("16505550177").opener == Opener(NOON_MS, "wamid.1")
        assert store.ask("16505550177").contact == "US.10000000000000000177"

    def test_a_system_message_opens_nothing(self, store):
        store.hear_sample("system_user_changed_number")

        assert store.ask("16505550177").opener is None


class TestWhatOpens:
    @pytest.mark.parametrize(
        "sample",
        [
            *("message_reaction", "message_edit", "message_revoke", "message_unsupported", "message_unknown"),
            *("message_request_welcome", "message_of_a_type_nobody_knows", "message_interactive_call_permission_reply"),
            *("message_media_placeholder_of_history", "history", "echo_text", "echo_edit", "echo_revoke", "state_sync"),
            *("status_read", "status_delivered", "user_preferences_stop", "user_actions", "calls_terminate"),
            *("calls_created", "calls_ringing", "calls_rejected", "calls_failed", "message_text_in_a_group"),
        ],
    )
    def test_not_this(self, store, sample):
        store.hear_sample(sample)

        assert store.ask("16505550101").opener is None

    @pytest.mark.parametrize(
        "sample",
        [
            *("message_text", "message_image", "message_order", "message_button", "message_interactive_flow_reply"),
            *("message_in_standby", "message_text_from_an_ad", "message_image_not_downloaded", "calls_connect"),
        ],
    )
    def test_this_at_metas_time(self, store, sample):
        store.hear_sample(sample)

        opener = store.ask("16505550101").opener
        assert opener
        assert opener.at == NOON_MS

    def test_a_call_that_the_customer_takes_at_the_time_it_was_taken(self, store):
        store.hear_sample("calls_accepted")

        assert store.ask("16505550101").opener == Opener(NOON_MS + 10_000, "wacid.b3VyLWNhbGw")

    def test_a_call_taken_opens_at_its_own_time_whatever_its_callback_data(self, store):
        ours = str(MessageKey.new("16505550101", NOON_MS - DAY_MS, 0))
        taken = {"id": "wacid.1", "type": "call", "status": "ACCEPTED", "recipient_id": "16505550101"}
        store.hear(statuses=[{**taken, "timestamp": str(NOON), "biz_opaque_callback_data": ours}])

        assert store.ask("16505550101").opener == Opener(NOON_MS, "wacid.1")

    def test_a_members_message_opens_it_for_the_group(self, store):
        store.hear_sample("message_text_in_a_group")

        assert store.ask("group:Z3JvdXA6MTAwMDAwMDAwMDAx").opener

    def test_a_message_without_a_readable_time_opens_nothing(self, store):
        store.hear(messages=[message(phone="16505550101") | {"timestamp": "soon"}])

        assert store.ask("16505550101").opener is None

    def test_another_number_has_another_window(self, store):
        store.hear(messages=[message(phone="16505550101")])

        assert store.ask("16505550101", number="100000000000002").opener is None


class TestVerdict:
    def test_of_a_send_counts_from_the_send_however_late_it_comes(self, store):
        sent_at = NOON_MS + 1_000
        ours = str(MessageKey.new("16505550101", sent_at, 1))
        store.hear(messages=[message("wamid.1", NOON, phone="16505550101")])
        store.hear(statuses=[refusal(NOON + 7_200, recipient_id="16505550101", biz_opaque_callback_data=ours)])

        refused = store.ask("16505550101")
        assert refused.verdict
        assert refused.verdict.at == sent_at
        assert window_at(sent_at + 1, refused.opener, refused.verdict).state is WindowState.CLOSED

    def test_yields_to_a_newer_inbound_even_if_it_is_heard_of_last(self, store):
        ours = str(MessageKey.new("16505550101", NOON_MS, 1))
        store.hear(messages=[message("wamid.2", NOON + 60, phone="16505550101")])
        store.hear(statuses=[refusal(NOON + 7_200, recipient_id="16505550101", biz_opaque_callback_data=ours)])

        assert store.ask("16505550101").verdict is None

    @pytest.mark.parametrize("code", [131047, 470])
    def test_of_another_apps_message_counts_too(self, store, code):
        store.hear(messages=[message("wamid.1", NOON, phone="16505550101")])
        store.hear(statuses=[refusal(NOON + 5, recipient_id="16505550101", errors=[{"code": code}])])

        assert store.ask("16505550101").verdict

    def test_no_other_failure_is_one(self, store):
        store.hear(messages=[message("wamid.1", NOON, phone="16505550101")])
        store.hear(statuses=[refusal(NOON + 5, recipient_id="16505550101", errors=[{"code": 131049}])])

        assert store.ask("16505550101").verdict is None


@settings(max_examples=examples(40))
@given(st.lists(st.tuples(st.sampled_from(["phone", "user_id", "both"]), st.integers(-DAY_MS // 500, 0)), max_size=4))
def test_a_send_and_the_api_see_one_window(dynamodb, heard):
    """A send stops reading aliases as soon as the window is open; it must not see another window for that."""
    store = Store(dynamodb)
    names = {"phone": {"phone": "16505550101"}, "user_id": {"user_id": "US.1"}}
    names["both"] = names["phone"] | names["user_id"]
    for number, (how, ago_s) in enumerate(heard):
        store.hear(messages=[message(f"wamid.{number}", NOON + ago_s, **names[how])])

    for alias in ("16505550101", "US.1"):
        whole, found = store.ask(alias), store.ask_for_a_send(alias, NOON_MS)
        of_whole = window_at(NOON_MS, whole.opener, whole.verdict, rules=RULES)
        of_found = window_at(NOON_MS, found.opener, found.verdict, rules=RULES)
        assert of_found.permits_free_form(NOON_MS) == of_whole.permits_free_form(NOON_MS)
        assert found.contact == whole.contact


class TestCost:
    def test_an_open_window_is_one_query_by_user_id_and_two_by_phone(self, store):
        store.hear(messages=[message(phone="16505550101", user_id="US.1")])

        for alias, queries in (("US.1", 1), ("16505550101", 2)):
            with watching(store.client) as calls:
                store.ask_for_a_send(alias, NOON_MS)
            assert calls.operations == {"Query": queries}

    def test_a_stranger_is_one_query(self, store):
        with watching(store.client) as calls:
            store.ask_for_a_send("US.1", NOON_MS)
        assert calls.operations == {"Query": 1}
