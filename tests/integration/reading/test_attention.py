"""Conversations that a person should look at: with the message that could not go out, until somebody did."""

from itertools import islice
from typing import Any
from urllib.parse import quote

import pytest

from casement.domain.api_key import Scope
from tests.support.deployment import (
    ALICE,
    BOB,
    DAY,
    HELLO,
    HELLO_WORLD,
    HOUR,
    NOON,
    NUMBER,
    OTHER_NUMBER,
    Answer,
    Deployment,
    Json,
)
from tests.support.tables import snapshot

SECOND = 1_000
CONTACTS = [f"1650555{number:04}" for number in range(200, 207)]
LOOKED_AFTER = {"needs_attention": False}


def hand_over(
    casement: Deployment, to: str | None = ALICE, words: str = "Hello", *, note: str | None = None, **more: Any
) -> str:
    """Ask for a message to be given to a person; its id."""
    policy = {"handoff": {"note": note} if note else {}}
    message = {"type": "text", "text": {"body": words}}
    answer = casement.send(to, message, casement={"when_closed": policy}, **more)
    assert answer.status == 200, answer.body
    (handed,) = answer.body["messages"]
    assert handed["message_status"] == "handed_off"
    casement.now += SECOND
    key: str = handed["id"]
    return key


def needing(casement: Deployment, **query: Any) -> list[Json]:
    answer = casement.get("conversations", needs_attention="true", **query)
    assert answer.status == 200, answer.body
    found: list[Json] = answer.body["data"]
    return found


def drafts(conversation: Json) -> list[str]:
    """What could not be said in a conversation, oldest first."""
    return [one["message"]["text"]["body"] for one in conversation["casement"]["needs_attention"]]


def resolve(casement: Deployment, contact: str = ALICE, body: Any = LOOKED_AFTER, **more: Any) -> Answer:
    return casement.change("PATCH", f"conversations/{quote(contact, safe='')}", body, **more)


def test_a_conversation_shows_the_draft_and_who_asked(casement):
    casement.add_key("crm")
    casement.wrote(ALICE, ago=2 * DAY, name="Alice")
    body = {"messaging_product": "whatsapp", "to": ALICE, **HELLO, "biz_opaque_callback_data": "order-42"}

    answer = casement.post({**body, "casement": {"when_closed": {"handoff": {"note": "VIP"}}}}, key="crm")

    key = answer.body["messages"][0]["id"]
    assert answer.ours["id"] == key
    (found,) = needing(casement)
    assert found["casement"]["contact"]["name"] == "Alice"
    assert found["casement"]["needs_attention"] == [
        {
            "id": key,
            "since": NOON // 1000,
            "asked_by": "crm",
            "note": "VIP",
            "why": answer.ours["why"],
            "message": {"messaging_product": "whatsapp", "to": ALICE, **HELLO},
        }
    ]
    assert "More than 24 hours" in answer.ours["why"]
    assert found == casement.conversation()
    assert casement.simulator.sent == []
    message = casement.get(f"messages/{key}").body["casement"]
    assert (message["status"], message["error"]) == ("handed_off", None)


def test_the_bare_word_hands_over_too(casement):
    answer = casement.send(casement={"when_closed": "handoff"})

    assert answer.body["messages"][0]["message_status"] == "handed_off"
    assert needing(casement)[0]["casement"]["needs_attention"][0]["note"] is None


def test_inside_of_an_open_window_nobody_need_look(casement):
    casement.wrote()

    assert casement.send(casement={"when_closed": "handoff"}).status == 200

    assert [sent.text for sent in casement.simulator.sent] == ["Hello"]
    assert needing(casement) == []


def test_a_conversation_that_needs_nobody_says_so(casement):
    casement.wrote()
    hand_over(casement, BOB)

    assert casement.conversation(ALICE)["casement"]["needs_attention"] == []
    assert [one["id"] for one in needing(casement)] == [BOB]


def test_several_of_one_conversation_are_shown_in_order_and_listed_once(casement):
    casement.wrote(ALICE, ago=2 * DAY)
    user_id = casement.conversation()["id"]
    hand_over(casement, ALICE, "one")
    hand_over(casement, None, "two", recipient=user_id)
    hand_over(casement, ALICE, "three")

    (found,) = needing(casement)

    assert drafts(found) == ["one", "two", "three"]


def test_an_alias_that_is_learned_afterwards_changes_nothing(casement):
    hand_over(casement, ALICE, "by phone")
    casement.wrote(ALICE, ago=2 * DAY)
    user_id = casement.conversation()["id"]
    hand_over(casement, None, "by user id", recipient=user_id)

    (found,) = needing(casement)

    assert (found["id"], drafts(found)) == (user_id, ["by phone", "by user id"])
    assert resolve(casement, ALICE).status == 200
    assert needing(casement) == []


def test_the_latest_that_was_handed_over_comes_first(casement):
    for contact in (ALICE, BOB, CONTACTS[0]):
        hand_over(casement, contact)
    hand_over(casement, ALICE, "again")

    assert [one["id"] for one in needing(casement)] == [ALICE, CONTACTS[0], BOB]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_every_page_goes_on_where_the_last_one_ended(casement, limit):
    for contact in (*CONTACTS, *CONTACTS[:3]):
        hand_over(casement, contact)

    pages = list(islice(casement.pages("conversations", needs_attention="true", limit=limit), 20))

    expected = [*CONTACTS[2::-1], *CONTACTS[:2:-1]]
    assert [one["id"] for page in pages for one in page] == expected
    assert max(map(len, pages)) <= limit


def test_what_is_resolved_between_two_pages_costs_nobody_else_their_place(casement):
    for contact in CONTACTS:
        hand_over(casement, contact)
    pages = casement.pages("conversations", needs_attention="true", limit=3)
    first = [one["id"] for one in next(pages)]
    resolve(casement, first[-1])
    resolve(casement, CONTACTS[0])

    assert [one["id"] for page in pages for one in page] == CONTACTS[3:0:-1]


@pytest.mark.parametrize("given", ["maybe", "yes", "2"])
def test_what_is_neither_yes_nor_no_is_refused(casement, given):
    hand_over(casement)

    answer = casement.get("conversations", needs_attention=given)

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "needs_attention"})


def test_of_one_moment_all_are_listed(casement):
    made = [casement.send(contact, casement={"when_closed": "handoff"}).status for contact in CONTACTS]
    assert set(made) == {200}

    pages = list(islice(casement.pages("conversations", needs_attention="true", limit=2), 20))

    assert sorted(one["id"] for page in pages for one in page) == CONTACTS


# --- until somebody did -----------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["phone", "spelling", "user id"])
def test_whoever_looked_after_it_says_so_by_any_alias(casement, named):
    casement.wrote(ALICE, ago=2 * DAY)
    user_id = casement.conversation()["id"]
    for words in ("one", "two"):
        hand_over(casement, ALICE, words)
    hand_over(casement, BOB)

    answer = resolve(casement, {"phone": ALICE, "spelling": "+1 (650) 555-0101", "user id": user_id}[named])

    assert (answer.status, answer.body) == (200, {"success": True})
    assert [one["id"] for one in needing(casement)] == [BOB]
    assert casement.conversation(ALICE)["casement"]["needs_attention"] == []
    assert resolve(casement, ALICE).status == 200  # twice is no harm


def test_what_is_handed_over_afterwards_needs_somebody_again(casement):
    hand_over(casement, ALICE, "one")
    resolve(casement)

    hand_over(casement, ALICE, "two")

    assert drafts(needing(casement)[0]) == ["two"]


def test_a_customer_who_writes_does_not_settle_it_and_the_draft_does_not_go_out(casement):
    hand_over(casement)
    casement.wrote()
    casement.catch_up()
    casement.now += HOUR
    casement.sweep()

    (found,) = needing(casement)

    assert drafts(found) == ["Hello"]
    assert casement.simulator.sent == []


@pytest.mark.parametrize(
    "body", [{}, {"needs_attention": True}, {"needs_attention": None}, {**LOOKED_AFTER, "status": "closed"}, []]
)
def test_anything_else_that_is_asked_is_refused_and_changes_nothing(casement, body):
    hand_over(casement)
    before = snapshot(casement.client, casement.name)

    answer = resolve(casement, ALICE, body)

    assert (answer.status, answer.code) == (400, 100)
    assert snapshot(casement.client, casement.name) == before


def test_somebody_for_whom_nothing_was_handed_over(casement):
    before = snapshot(casement.client, casement.name)

    assert resolve(casement, BOB).status == 200
    assert snapshot(casement.client, casement.name) == before


def test_scopes_and_numbers(casement):
    casement.add_key("reads", [Scope.READ])
    casement.add_key("sends", [Scope.SEND])
    casement.add_key("the other", numbers=frozenset([OTHER_NUMBER.phone_number_id]))
    hand_over(casement)

    assert resolve(casement, key="reads").status == 403
    assert resolve(casement, key="the other").status == 403
    assert resolve(casement, key="nobody knows it").status == 401
    assert resolve(casement, key="the other", number=OTHER_NUMBER.phone_number_id).status == 200
    assert casement.get("conversations", key="sends", needs_attention="true").status == 403
    assert len(needing(casement, key="reads")) == 1
    assert resolve(casement, key="sends").status == 200
    assert needing(casement) == []


# --- who else hands over ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["late", "error"])
def test_a_message_that_meta_refused_for_the_window_is_handed_over_once(casement, how):
    casement.wrote()
    casement.now += SECOND
    casement.simulator.fail_next(how, code=131047)
    answer = casement.send(casement={"when_closed": {"handoff": {"note": "call them"}}})
    casement.deliver(newest_first=True)
    casement.react(times=3)
    casement.catch_up()

    (found,) = needing(casement)

    (wanted,) = found["casement"]["needs_attention"]
    assert (wanted["id"], wanted["note"], wanted["asked_by"]) == (answer.ours["id"], "call them", "local-key")
    assert wanted["message"] == {"messaging_product": "whatsapp", "to": ALICE, **HELLO}


def test_who_has_looked_after_it_is_not_asked_again_by_a_stream_that_repeats_itself(casement):
    casement.wrote()
    casement.now += SECOND
    casement.simulator.fail_next("late", code=131047)
    casement.send(casement={"when_closed": "handoff"})
    casement.deliver()
    casement.catch_up()
    resolve(casement)

    casement.simulator.status(None, "failed", code=131047)
    casement.deliver()
    casement.catch_up()
    casement.now += HOUR
    casement.sweep()

    assert needing(casement) == []


@pytest.mark.parametrize("note", ["", "x" * 1001, 7, ["x"], "\ud83d"])
def test_a_note_is_a_text(casement, note):
    answer = casement.send(casement={"when_closed": {"handoff": {"note": note}}})

    assert (answer.status, answer.ours) == (400, {"parameter": "casement.when_closed.handoff.note"})
    assert needing(casement) == []


def test_a_template_is_handed_to_nobody(casement):
    casement.sync()

    assert casement.send(ALICE, HELLO_WORLD, casement={"when_closed": "handoff"}).status == 200

    assert len(casement.simulator.sent) == 1
    assert needing(casement) == []
    assert casement.get(f"conversations/{ALICE}", number=NUMBER).status == 200


def test_only_what_somebody_has_seen_is_looked_after(casement):
    first = casement.send(casement={"when_closed": "handoff"}).ours["id"]
    casement.now += 1
    second = casement.send(casement={"when_closed": "handoff"}).ours["id"]

    answer = casement.change("PATCH", f"conversations/{ALICE}", {"needs_attention": False, "ids": [first]})

    assert answer.status == 200
    (left,) = casement.conversation()["casement"]["needs_attention"]
    assert left["id"] == second


@pytest.mark.parametrize("ids", ["all", 7, [7], {}])
def test_what_was_seen_is_named_by_ids(casement, ids):
    hand_over(casement)

    answer = casement.change("PATCH", f"conversations/{ALICE}", {"needs_attention": False, "ids": ids})

    assert (answer.status, answer.ours) == (400, {"parameter": "ids"})
    assert len(needing(casement)) == 1
