"""What the stream tells a business's own back end, by an item as it is and as it was."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from casement.domain.compact_json import dumps
from casement.domain.consent import Party, Scope, Wish
from casement.domain.events import Event, Numbered
from casement.domain.facts import Fact, Kind
from casement.domain.message_key import MessageKey
from casement.domain.meta_shape import meta_shape, rendered
from casement.domain.number import Health
from casement.domain.pending import Pending, State, WaitsFor
from casement.domain.sending import Attention, Outcome, Request
from casement.domain.subscription import new_subscription
from casement.domain.templates import Held, Source, Template
from casement.meta.webhook import split
from casement.store import keys
from casement.store.contacts import Contacts
from casement.store.event_changes import events_in
from casement.store.journal import Journal
from casement.store.numbers import Numbers
from casement.store.pendings import Pendings
from casement.store.sends import Sends
from casement.store.subscriptions import Subscriptions
from casement.store.table import Table
from casement.store.templates import Templates
from tests.support.effort import examples
from tests.support.memory import memory
from tests.support.samples import WEBHOOKS, images, webhook
from tests.support.tables import create_table, snapshot
from tests.support.webhooks import encode, webhooks

NOON = 1_795_000_000_000
NUMBER, WABA = "100000000000001", "200000000000001"
ANA, ANAS_ID = "16505550101", "US.10000000000000000101"
KEY = MessageKey.new(ANA, NOON, 7)
BODY = {"type": "text", "text": {"body": "Hello"}}
ASKED = Request(BODY, callback_data="order 7")


class Desk:
    """Keeps things, and shows them as items."""

    def __init__(self) -> None:
        client = memory()
        name = create_table(client)
        self._client, self._name = client, name
        table = Table(client, name)
        self.sends, self.pendings = Sends(table, retention_days=365), Pendings(table, retention_days=365)
        self.numbers, self.contacts, self.templates = Numbers(table), Contacts(table), Templates(table)

    @property
    def item(self) -> Any:
        """The only one there is."""
        (found,) = self.items
        return found

    @property
    def items(self) -> list[Any]:
        """All there are."""
        return list(snapshot(self._client, self._name).values())


@pytest.fixture
def desk() -> Desk:
    return Desk()


def told_of(*names: str) -> list[Event]:
    """What the facts of these sample webhooks tell."""
    return [event for image in images(*names) for event in events_in(image, None, NOON)]


def told(new: Any, old: Any = None) -> Event:
    """The one event that an item tells."""
    (event,) = events_in(new, old, NOON + 5)
    return event


def what_it_is(fact: Fact) -> tuple[Any, ...]:
    """A fact but for its bytes, and for when it was if only the moment of storing tells."""
    return (*fact._replace(raw="", at=0), json.loads(fact.raw)["element"])


# --- what Meta told -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", WEBHOOKS, ids=lambda path: path.stem)
def test_every_fact_is_told_once_and_can_be_told_in_metas_own_shape(path):
    facts = [piece for piece in split(path.read_bytes()) if isinstance(piece, Fact)]
    news = [fact for fact in facts if json.loads(fact.raw)["field"] != "history"]

    events = told_of(path.stem)

    assert len({event.id for event in events}) == len(events) == len(news)
    for event, fact in zip(events, news, strict=True):
        shown = json.loads(dumps(meta_shape(event)))
        (forwarded,) = (piece for piece in split(json.dumps(shown).encode()) if isinstance(piece, Fact))
        assert what_it_is(forwarded) == what_it_is(fact)


COMPLETED = {"message_text_with_a_user_id_for_a_phone"}  # which Meta should have given a user id of its own
ALONE = [path.stem for path in WEBHOOKS if len(told_of(path.stem)) == 1 and path.stem not in COMPLETED]


@pytest.mark.parametrize("name", ALONE)
def test_what_came_alone_is_passed_on_as_it_came(name):
    (event,) = told_of(name)

    assert json.loads(dumps(meta_shape(event))) == json.loads(webhook(name))


@settings(max_examples=examples(30))
@given(webhooks())
def test_whatever_meta_tells_is_told_without_failing_and_can_be_written_down(body):
    for fact in split(encode(body)):
        if not isinstance(fact, Fact):
            continue
        key = keys.fact(fact)
        image = {"PK": {"S": key.pk}, "SK": {"S": key.sk}, "raw": {"S": fact.raw}}

        events = list(events_in(image, None, NOON))

        assert len(events) == (json.loads(fact.raw)["field"] != "history" and fact.kind is not Kind.HISTORY)
        for event in events:
            assert written_down(event) == event
            assert all(json.loads(rendered(Numbered(1, event), mode)) for mode in ("events", "meta"))


def written_down(event: Event) -> Event | None:
    """An event as the journal gives it back."""
    client = memory()
    journal = Journal(Table(client, create_table(client)))
    ((sequence, _),) = journal.append(event.scope, [event], since=NOON, now=NOON)
    return journal.event(event.scope, sequence)


def test_a_customers_message():
    (event,) = told_of("message_text")

    assert (event.type, event.number, event.contact, event.waba_id) == ("message.received", NUMBER, ANAS_ID, WABA)
    said = json.loads(webhook("message_text"))["entry"][0]["changes"][0]["value"]
    assert event.data == {
        "message": said["messages"][0],
        "contact": said["contacts"][0],
        "metadata": said["metadata"],
    }
    assert event.at == int(said["messages"][0]["timestamp"]) * 1000


def test_a_message_that_meta_told_of_in_two_ways_is_one():
    (image,) = images("message_text")
    raw = json.loads(image["raw"]["S"])
    raw["contact"]["profile"]["name"] = "Somebody Else"
    other = {**image, "SK": {"S": image["SK"]["S"][:-16] + "0" * 16}, "raw": {"S": json.dumps(raw)}}

    assert told(image).id == told(other).id


def test_a_status_of_ours_says_which_send_it_is_of():
    (event,) = told_of("status_failed_window_closed")

    assert event.type == "message.status"
    assert event.data["status"] == "failed"
    assert event.data["send_id"] == "csm1.US.10000000000000000101.01M7Q5DMSG04HMASW9NF6YY093"
    assert [error["code"] for error in event.data["errors"]] == [131047]


def test_a_status_of_somebody_elses_message_has_its_own_callback_data():
    (event,) = told_of("status_sent_by_another_app")

    assert event.data["send_id"] is None
    assert (
        event.data["meta"]
        == json.loads(webhook("status_sent_by_another_app"))["entry"][0]["changes"][0]["value"]["statuses"][0]
    )


def test_what_no_type_is_for_is_told_by_its_field():
    assert [event.type for event in told_of("echo_text", "calls_connect", "calls_ringing", "template_quality")] == [
        "meta.smb_message_echoes",
        "meta.calls",
        "meta.calls",
        "meta.message_template_quality_update",
    ]


def test_what_was_said_before_the_number_came_to_us_is_no_news():
    assert told_of("history", "history_declined", "message_media_placeholder_of_history") == []


@pytest.mark.parametrize(
    ("sample", "type_"),
    [
        ("user_preferences_stop", "contact.opted_out"),
        ("user_preferences_resume", "contact.opted_in"),
        ("user_preferences_signup", "meta.user_preferences"),
    ],
)
def test_what_meta_says_that_a_customer_wants(sample, type_):
    (event,) = told_of(sample)

    assert event.type == type_
    assert event.meta is not None
    if type_ != "meta.user_preferences":
        assert event.data == {"scope": "marketing", "party": "meta", "said_by": None}


def test_a_contact_is_shown_to_metas_subscribers_with_its_user_id():
    (event,) = told_of("message_text_before_user_ids")
    known = Event(event.id, event.type, event.at, event.data, event.number, ANAS_ID, event.waba_id, event.meta)

    assert "user_id" not in meta_shape(event)["entry"][0]["changes"][0]["value"]["contacts"][0]
    assert meta_shape(known)["entry"][0]["changes"][0]["value"]["contacts"][0]["user_id"] == ANAS_ID


# --- what we learned, and what waits ------------------------------------------------------------


def test_what_a_contact_said_to_us(desk):
    desk.contacts.wish(NUMBER, ANA, Wish(NOON, Party.OPERATOR, Scope.MESSAGES, stop=True), "stop word")

    event = told(desk.item)

    assert (event.type, event.at, event.contact, event.meta) == ("contact.opted_out", NOON, ANA, None)
    assert event.data == {"scope": "messages", "party": "own", "said_by": "stop word"}


@pytest.mark.parametrize(
    ("outcome", "data"),
    [
        (
            Outcome("accepted", NOON + 90, wamid="wamid.1", answer={"messages": [{"id": "wamid.1"}]}),
            {"status": "accepted", "message_id": "wamid.1", "errors": []},
        ),
        (
            Outcome("failed", NOON + 90, answer={"error": {"code": 131047}}, closes_window=True),
            {"status": "failed", "message_id": None, "errors": [{"code": 131047}]},
        ),
        (
            Outcome("unknown", NOON + 90, answer={"message": "no answer"}),
            {"status": "unknown", "message_id": None, "errors": []},
        ),
    ],
)
def test_what_a_send_learned_itself(desk, outcome, data):
    desk.sends.end(NUMBER, KEY, ASKED, outcome)

    event = told(desk.item)

    assert (event.type, event.at, event.contact) == ("message.status", NOON + 90, ANA)
    about = {"send_id": str(KEY), "of": None, "timestamp": "1795000000", "biz_opaque_callback_data": "order 7"}
    assert event.data == data | about


@pytest.mark.parametrize(
    "outcome",
    [Outcome("held", NOON), Outcome("handed_off", NOON), Outcome("failed", NOON, retry=True)],
    ids=lambda outcome: outcome.status,
)
def test_of_what_waits_or_may_be_asked_for_again_nothing_has_become_yet(desk, outcome):
    desk.sends.end(NUMBER, KEY, ASKED, outcome)

    assert list(events_in(desk.item, None, NOON)) == []


def pending(**more: Any) -> Pending:
    return Pending(KEY, ASKED, "key", WaitsFor.CUSTOMER, NOON + 1000, **more)


def test_a_message_that_waits_for_the_customer_is_told_of_once(desk):
    waits = pending()
    desk.pendings.add(NUMBER, waits)
    first = desk.item
    desk.pendings.replace(NUMBER, waits, waits.sending(MessageKey.new(ANA, NOON, 8), NOON + 9))

    event = told(first)

    assert (event.type, event.at) == ("message.held", NOON)
    assert event.data == {
        "send_id": str(KEY),
        "of": None,
        "expires_at": 1_795_000_001,
        "supersede": None,
        "biz_opaque_callback_data": "order 7",
    }
    assert list(events_in(desk.item, first, NOON)) == []


def test_a_message_that_takes_its_turn_is_not_held_until_it_waits_for_the_customer(desk):
    turn = Pending(KEY, ASKED, "key", WaitsFor.TURN, NOON + 1000)
    desk.pendings.add(NUMBER, turn)
    first = desk.item
    desk.pendings.replace(NUMBER, turn, pending(version=1, changed_at=NOON + 9))

    assert list(events_in(first, None, NOON)) == []
    assert told(desk.item, first).type == "message.held"


@pytest.mark.parametrize(
    ("state", "type_"),
    [
        (State.RELEASED, "message.released"),
        (State.EXPIRED, "message.expired"),
        (State.CANCELLED, "message.cancelled"),
        (State.SUPERSEDED, "message.superseded"),
        (State.FAILED, "message.status"),
        (State.HANDED_OFF, None),
    ],
)
def test_how_waiting_ends(desk, state, type_):
    attempt = MessageKey.new(ANA, NOON + 5, 8)
    desk.pendings.end(NUMBER, pending().sending(attempt, NOON + 5).ended(state, NOON + 9, "for a reason"))

    events = list(events_in(desk.item, None, NOON))

    assert [event.type for event in events] == ([type_] if type_ else [])
    for event in events:
        assert (event.at, event.data["send_id"]) == (NOON + 9, str(KEY))
        assert event.data.get("released_as") == (str(attempt) if state is State.RELEASED else None)
        assert list(events_in(desk.item, desk.item, NOON)) == []


def test_that_a_person_should_look(desk):
    desk.pendings.ask_person(NUMBER, Attention(KEY, ASKED, "key", "call them", "closed"))

    event = told(desk.item)

    assert (event.type, event.contact) == ("conversation.needs_attention", ANA)
    assert event.data["note"] == "call them"
    assert event.data["message"] == BODY


def test_that_nobody_knows_what_became_of_a_send(desk):
    desk.sends.give_up(NUMBER, KEY, NOON + 9)
    events = [event for item in desk.items for event in events_in(item, None, NOON)]

    assert [(event.type, event.at, event.data) for event in events] == [
        ("send.unresolved", NOON + 9, {"send_id": str(KEY)})
    ]


def test_whether_a_number_can_send_is_told_when_that_changes_and_not_that_it_slows_down(desk):
    shown = []
    for health in (
        Health(paused_until=NOON + 9, pauses=1),
        Health().stopped(131031, None, NOON),
        Health().stopped(131031, None, NOON).stopped(131031, None, NOON + 50),
        Health(),
    ):
        desk.numbers.put_health(NUMBER, health)
        shown.append(desk.item)

    assert list(events_in(shown[0], None, NOON)) == []
    stopped, again = told(shown[1], shown[0]), told(shown[3], shown[2])
    assert stopped.data == {"can_send": False, "stopped_by": 131031, "stopped_at": 1_795_000_000}
    assert list(events_in(shown[2], shown[1], NOON)) == []
    assert (again.type, again.number, again.contact) == ("number.health_changed", NUMBER, "")
    assert again.data == {"can_send": True, "stopped_by": None, "stopped_at": None}


def held(status: str = "APPROVED", category: str = "UTILITY", at: int = NOON, **definition: Any) -> Held:
    said = {"id": "1", "status": status, **definition}
    return Held(Template(WABA, "1", "news", "es", status, category, said), at, source=Source.SYNC)


def template_story(desk: Desk, *holdings: Held) -> list[list[tuple[str, Any, Any, Any]]]:
    """What each of `holdings` in turn tells: type, before, now, announced."""
    old, stories = None, []
    for each in holdings:
        desk.templates.keep(each)
        events = list(events_in(desk.item, old, NOON))
        assert all((event.waba_id, event.number) == (WABA, "") for event in events)
        assert all(event.data["name"] == "news" for event in events)
        stories.append(
            [
                (event.type, event.data["previous"], event.data["current"], event.data.get("announced"))
                for event in events
            ]
        )
        old = desk.item
    return stories


def test_what_happens_to_a_template(desk):
    assert template_story(
        desk,
        held("PENDING", quality_score={"score": "UNKNOWN"}),
        held("APPROVED", at=NOON + 1, quality_score={"score": "UNKNOWN"}),
        held("APPROVED", at=NOON + 2, quality_score={"score": "RED"}, correct_category="MARKETING"),
        held("APPROVED", "MARKETING", NOON + 3, quality_score={"score": "RED"}, correct_category="MARKETING"),
    ) == [
        [("template.status_changed", None, "PENDING", None)],
        [("template.status_changed", "PENDING", "APPROVED", None)],
        [
            ("template.category_changed", "UTILITY", "UTILITY", "MARKETING"),
            ("template.quality_changed", "UNKNOWN", "RED", None),
        ],
        [("template.category_changed", "UTILITY", "MARKETING", None)],
    ]


def test_that_a_subscription_was_paused_is_told_once_and_without_its_address():
    client = memory()
    name = create_table(client)
    kept = Subscriptions(Table(client, name))
    active = new_subscription({"url": "https://bot.example/?token=secret", "description": "CRM"}, NOON, 7, bytes(32))
    paused = active.paused("It answered 410.", NOON + 1000)
    images: list[Any] = []
    for each in (active, paused, paused.changed({"description": "x"})):
        kept.add(each)
        images += snapshot(client, name).values()
    told = [list(events_in(new, old, NOON)) for old, new in zip([None, *images], images, strict=False)]

    assert [len(each) for each in told] == [0, 1, 0]
    (event,) = told[1]
    assert (event.type, event.at, event.data["subscription_id"]) == ("subscription.paused", NOON + 1000, active.id)
    assert "secret" not in dumps(event.body(1))
