"""Conversations as the API shows them: one for each person and number, whoever asks by whatever name."""

import base64
from urllib.parse import quote

import pytest

from tests.support.deployment import ALICE, BOB, DAY, HOUR, NOON, NUMBER, OTHER_NUMBER, Deployment, Json
from tests.support.faults import watching

SECOND = 1_000
WINDOW_KEYS = {
    *("state", "opened_by", "opened_at", "expires_at", "send_cutoff"),
    *("free_entry_point_until", "verdict", "server_now"),
}
REFERRAL = {
    "type": "text",
    "text": {"body": "Hi"},
    "referral": {"source_type": "ad", "source_id": "1", "source_url": "https://fb.me/1", "headline": "Shoes"},
}


def has_its_shape(conversation: Json) -> bool:
    """Exactly the keys of a conversation, each of its type."""
    assert set(conversation) == {"id", "phone_number", "phone_number_id", "status", "last_active_at", "casement"}
    assert isinstance(conversation["id"], str)
    assert conversation["status"] in ("active", "ended")
    assert conversation["last_active_at"] is None or type(conversation["last_active_at"]) is int
    contact = conversation["casement"]["contact"]
    assert set(contact) == {"wa_id", "user_id", "username", "name"}
    assert conversation["phone_number"] == contact["wa_id"]
    window = conversation["casement"]["window"]
    assert set(window) == WINDOW_KEYS
    for name in ("opened_at", "expires_at", "send_cutoff", "free_entry_point_until", "server_now"):
        assert window[name] is None or type(window[name]) is int
    return True


def test_a_conversation(casement):
    wamid = casement.wrote(ALICE, "Is my order on its way?", ago=HOUR, name="Alice", username="alice.k")

    shown = casement.conversation(ALICE)

    assert has_its_shape(shown)
    contact = shown["casement"]["contact"]
    assert (contact["wa_id"], contact["name"], contact["username"]) == (ALICE, "Alice", "alice.k")
    assert shown["id"] == contact["user_id"]
    assert shown["phone_number_id"] == NUMBER
    assert shown["status"] == "active"
    opened_at = (NOON - HOUR) // 1000
    assert shown["last_active_at"] == opened_at
    assert shown["casement"]["window"] == {
        "state": "open",
        "opened_by": wamid,
        "opened_at": opened_at,
        "expires_at": opened_at + 86_400,
        "send_cutoff": opened_at + 86_340,
        "free_entry_point_until": None,
        "verdict": None,
        "server_now": NOON // 1000,
    }
    newest = shown["casement"]["newest_message"]
    assert (newest["id"], newest["text"]["body"]) == (wamid, "Is my order on its way?")
    assert casement.get("conversations").body["data"] == [shown]


def test_a_conversation_that_the_customer_never_joined(casement):
    casement.send(ALICE)

    shown = casement.conversation(ALICE)

    assert has_its_shape(shown)
    assert (shown["id"], shown["phone_number"], shown["status"]) == (ALICE, ALICE, "ended")
    window = shown["casement"]["window"]
    assert window["state"] == "never_opened"
    assert {window[name] for name in WINDOW_KEYS - {"state", "server_now"}} == {None}
    assert shown["casement"]["newest_message"]["casement"]["status"] == "refused"


@pytest.mark.parametrize("spelling", ["{phone}", "+{phone}", "+1 650 555 0101", "{user_id}"])
def test_any_name_leads_to_the_same_conversation(casement, spelling):
    casement.wrote(ALICE)
    user_id = casement.conversation(ALICE)["id"]

    found = casement.conversation(spelling.format(phone=ALICE, user_id=user_id))

    assert found == casement.conversation(ALICE)


@pytest.mark.parametrize("name", [BOB, "US.404", "nobody", "group:1", "~0123456789abcdef", "\u00e9", "%", "a#b"])
def test_nobody_known(casement, name):
    casement.wrote(ALICE)
    answer = casement.get(f"conversations/{quote(name, safe='')}")

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (404, 100, 33)


def test_a_bsuid_in_the_place_of_a_phone_is_no_phone(casement):
    user_id = "US.13491208655302741918"
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    message = {"from": user_id, "id": "wamid.1", "timestamp": str(NOON // 1000), "type": "text", "text": {"body": "Hi"}}
    contacts = [{"wa_id": user_id, "profile": {"name": "Bob"}}]
    casement.simulator.webhook("messages", {"metadata": metadata, "contacts": contacts, "messages": [message]})
    casement.deliver()

    shown = casement.conversation(user_id)

    assert shown["casement"]["contact"] == {"wa_id": None, "user_id": user_id, "username": None, "name": "Bob"}


def test_conversations_of_another_number_are_others(casement):
    casement.wrote(ALICE)
    casement.wrote(ALICE, phone_number_id=OTHER_NUMBER.phone_number_id, ago=2 * DAY)

    assert casement.window(ALICE)["state"] == "open"
    assert casement.window(ALICE, number=OTHER_NUMBER.phone_number_id)["state"] == "closed"
    assert len(casement.get("conversations").body["data"]) == 1


@pytest.mark.parametrize(
    ("ago", "state", "status"),
    [
        (0, "open", "active"),
        (22 * HOUR - SECOND, "open", "active"),
        (22 * HOUR, "closing", "active"),
        (DAY - SECOND, "closing", "active"),
        (DAY, "closed", "ended"),
        (30 * DAY, "closed", "ended"),
    ],
)
def test_the_state_of_a_window(casement, ago, state, status):
    casement.wrote(ALICE, ago=ago)
    casement.send(BOB)

    shown = casement.conversation(ALICE)

    assert (shown["casement"]["window"]["state"], shown["status"]) == (state, status)
    for wanted in ("open", "closing", "closed", "never_opened"):
        found = {each["id"] for each in casement.get("conversations", state=wanted).body["data"]}
        assert (shown["id"] in found) is (wanted == state)
        assert (BOB in found) is (wanted == "never_opened")
    closing = [each["id"] for each in casement.get("conversations", sort="closing").body["data"]]
    assert closing == ([shown["id"]] if status == "active" else [])


def test_newest_activity_comes_first(casement):
    people = [f"1650555{number:04}" for number in range(5)]
    for number, person in enumerate(people):
        casement.simulator.inbound("Hi", sender=person, ago=3600 - number)
    casement.deliver()
    casement.send(people[1])

    shown = casement.get("conversations").body["data"]

    assert [each["phone_number"] for each in shown] == [people[1], people[4], people[3], people[2], people[0]]


def test_a_conversation_whose_newest_thing_is_a_call_is_listed(casement):
    casement.wrote(ALICE, ago=HOUR)
    casement.simulator.call(sender=ALICE, ago=60)
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    ended = {"from": ALICE, "to": "15550001000", "id": "wacid.1", "event": "terminate", "status": "COMPLETED"}
    ended |= {"timestamp": str(NOON // 1000), "direction": "USER_INITIATED"}
    casement.simulator.webhook("calls", {"metadata": metadata, "calls": [ended]})
    casement.deliver()

    (shown,) = casement.get("conversations").body["data"]

    assert shown["phone_number"] == ALICE
    assert shown["casement"]["window"]["opened_at"] == NOON // 1000 - 60
    assert "text" in shown["casement"]["newest_message"]
    assert [each["id"] for each in casement.get("conversations", sort="closing").body["data"]] == [shown["id"]]


def test_a_status_of_another_deployments_message_hides_nobody(casement):
    casement.wrote(ALICE, ago=HOUR)
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    theirs = f"csm1.{casement.conversation(ALICE)['id']}.01M7Q5CQG062ESCQPT6BDE8HAG"
    status = {"id": "wamid.theirs", "status": "sent", "timestamp": str(NOON // 1000), "recipient_id": ALICE}
    status["biz_opaque_callback_data"] = theirs
    casement.simulator.webhook("messages", {"metadata": metadata, "statuses": [status]})
    casement.deliver()

    assert [each["phone_number"] for each in casement.get("conversations").body["data"]] == [ALICE]


# --- paging ------------------------------------------------------------------------------------------


def a_crowd(casement: Deployment, *, size: int = 7, seconds_apart: int = 0, messages: int = 2) -> list[str]:
    """People who wrote, each `messages` times in one second; webhooks come in one POST."""
    people = [f"1650555{number:04}" for number in range(size)]
    for number, person in enumerate(people):
        for _ in range(messages):
            casement.simulator.inbound("Hi", sender=person, ago=HOUR / 1000 - number * seconds_apart)
    casement.simulator.webhooks.batch(1_000)
    casement.deliver()
    return people


@pytest.mark.parametrize("sort", ["newest", "closing"])
@pytest.mark.parametrize("seconds_apart", [0, 1])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_paging_is_complete_and_repeats_nobody(casement, sort, seconds_apart, limit):
    people = a_crowd(casement, seconds_apart=seconds_apart)

    pages = list(casement.pages("conversations", sort=sort, limit=limit))

    found = [each["phone_number"] for page in pages for each in page]
    assert sorted(found) == people
    assert all(len(page) <= limit for page in pages)
    if seconds_apart:
        assert found == (people if sort == "closing" else people[::-1])


@pytest.mark.parametrize("sort", ["newest", "closing"])
@pytest.mark.parametrize("seconds_apart", [0, 1])
def test_paging_is_complete_and_repeats_nobody_while_messages_arrive(casement, sort, seconds_apart):
    people = a_crowd(casement, seconds_apart=seconds_apart)
    pages = casement.pages("conversations", sort=sort, limit=2)
    found = []
    for number, page in enumerate(pages):
        found += [each["phone_number"] for each in page]
        casement.now += 5 * SECOND
        casement.simulator.inbound("me again", sender=people[(number * 3) % len(people)])
        casement.simulator.inbound("I am new", sender=f"1650556000{number}")
        casement.deliver()
        casement.send(people[(number * 5) % len(people)])

    known = [person for person in found if person in people]
    assert sorted(known) == people
    assert len(found) == len(set(found))


def test_paging_with_a_state_goes_on_while_time_passes(casement):
    people = a_crowd(casement, seconds_apart=600, messages=1)
    answer = casement.get("conversations", state="open", limit=2)
    assert len(answer.body["data"]) == 2

    casement.now += 30 * HOUR
    answer = casement.get("conversations", state="open", limit=2, after=answer.body["paging"]["cursors"]["after"])

    assert (answer.status, answer.body["data"]) == (200, [])
    assert people


def test_a_rare_state_is_found_over_pages_that_end_in_time(casement):
    casement.most_read = 3
    casement.wrote("16505559999", ago=3 * DAY)
    a_crowd(casement, size=7, messages=1)

    first = casement.get("conversations", state="closed")
    pages = list(casement.pages("conversations", state="closed"))

    assert (first.body["data"], bool(first.body["paging"]["next"])) == ([], True)
    assert [each["phone_number"] for page in pages for each in page] == ["16505559999"]


def test_the_link_to_the_next_page_leads_there(casement):
    a_crowd(casement, seconds_apart=1, messages=1)
    answer = casement.get("conversations", limit=3, sort="newest")

    url, _, query = answer.body["paging"]["next"].partition("?")

    assert url == f"http://api.example/v25.0/{NUMBER}/conversations"
    following = casement.request(
        "GET", f"/v25.0/{NUMBER}/conversations", query=query, headers={"x-api-key": "local-key"}
    )
    after = answer.body["paging"]["cursors"]["after"]
    assert following.body == casement.get("conversations", limit=3, sort="newest", after=after).body
    assert "local-key" not in answer.body["paging"]["next"]


# --- what was asked wrongly ----------------------------------------------------------------------------


def cursor(text: str | bytes) -> str:
    return base64.urlsafe_b64encode(text if isinstance(text, bytes) else text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("path", ["conversations", "messages"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", value) for value in ("0", "000", "-1", "x", "1.5", "1e3", "\u0663", " 5", "0x10")),
        *(("after", value) for value in ("x", "!!!!", "\u00e9", "====", "A", cursor("x"), cursor(b"\xff\xfe"))),
        *(
            ("after", cursor(value))
            for value in ("5", "5.", "a.5.x", "5.a.x", "-5.5.x", f"5.{'9' * 14}.x", "9" * 5_000)
        ),
    ],
)
def test_a_bad_parameter_is_graphs_400(casement, path, name, value):
    answer = casement.get(path, **{name: value})

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours == {"parameter": name}


@pytest.mark.parametrize(("name", "value"), [("state", "ajar"), ("state", "OPEN"), ("sort", "oldest"), ("sort", "")])
def test_what_conversations_do_not_know(casement, name, value):
    answer = casement.get("conversations", **{name: value})

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": name})


@pytest.mark.parametrize("sort", ["newest", "closing"])
@pytest.mark.parametrize("state", ["", "open", "never_opened"])
@pytest.mark.parametrize(
    "after", ["0.0.", f"0.{'9' * 13}.x", f"{'9' * 13}.0.\x00", "1.1.#~\U0010ffff", f"{NOON}.{NOON}.x"]
)
def test_a_cursor_that_nobody_gave_finds_what_is_behind_it(casement, sort, state, after):
    casement.wrote(ALICE)

    answer = casement.get("conversations", sort=sort, state=state, after=cursor(after))

    assert answer.status == 200


@pytest.mark.parametrize(
    ("limit", "shown"),
    [
        ("1", 1),
        ("001", 1),
        ("2", 2),
        ("100", 2),
        ("101", 2),
        ("5000", 2),
        ("9" * 5_000, 2),
        ("1" + "0" * 30, 2),
        ("", 2),
    ],
)
def test_limits(casement, limit, shown):
    a_crowd(casement, size=2)

    assert len(casement.get("conversations", limit=limit).body["data"]) == shown


# --- the free entry point ------------------------------------------------------------------------------


def came_through_an_ad(casement: Deployment) -> None:
    casement.simulator.inbound(message=REFERRAL, sender=ALICE)
    casement.deliver()


def test_a_free_entry_point_runs_72_hours_from_the_answer(casement):
    came_through_an_ad(casement)
    assert casement.window(ALICE)["free_entry_point_until"] is None
    casement.now += 3 * HOUR
    casement.send(ALICE)
    until = (NOON + 3 * HOUR + 3 * DAY) // 1000
    assert casement.window(ALICE)["free_entry_point_until"] == until
    casement.now += HOUR
    casement.send(ALICE)

    casement.now = until * 1000 - SECOND

    window = casement.window(ALICE)
    assert (window["state"], window["free_entry_point_until"]) == ("closed", until)
    assert casement.send(ALICE).code == 131047  # a price, not a permission
    casement.now += SECOND
    assert casement.window(ALICE)["free_entry_point_until"] is None


def test_an_answer_after_a_day_starts_no_free_entry_point(casement):
    came_through_an_ad(casement)
    casement.now += DAY - 30 * SECOND
    casement.wrote(ALICE)
    casement.now += 31 * SECOND

    assert casement.send(ALICE).status == 200

    assert casement.window(ALICE)["free_entry_point_until"] is None


def test_what_was_refused_is_no_answer(casement):
    came_through_an_ad(casement)
    casement.simulator.fail_next("error", code=131026, http_status=400)
    casement.send(ALICE)

    assert casement.window(ALICE)["free_entry_point_until"] is None
    casement.simulator.echo(ALICE, "typed on the phone")
    casement.deliver()
    assert casement.window(ALICE)["free_entry_point_until"] == (NOON + 3 * DAY) // 1000


def test_a_second_ad_that_nobody_answered_does_not_end_the_first_free_entry_point(casement):
    came_through_an_ad(casement)
    casement.send(ALICE)
    until = (NOON + 3 * DAY) // 1000
    casement.now += 2 * DAY
    came_through_an_ad(casement)

    assert casement.window(ALICE)["free_entry_point_until"] == until

    casement.send(ALICE)
    assert casement.window(ALICE)["free_entry_point_until"] == (NOON + 5 * DAY) // 1000


def test_reading_writes_nothing_and_asks_nobody(casement):
    casement.wrote(ALICE)
    casement.catch_up()
    asked = len(casement.wire.requests)
    with watching(casement.client) as calls:
        casement.conversation(ALICE)
        casement.get("conversations")
        casement.messages(ALICE)
        casement.messages(None)

    assert {name for name in calls.operations if name not in ("Query", "GetItem", "BatchGetItem")} == set()
    assert len(casement.wire.requests) == asked
