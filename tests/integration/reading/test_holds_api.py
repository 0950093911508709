"""Messages that wait, as their owners see and cancel them; and those that waited, each with its end."""

from itertools import islice
from typing import Any
from urllib.parse import quote

import pytest

from casement.domain.api_key import Scope
from casement.domain.message_key import MessageKey
from tests.support.deployment import (
    ALICE,
    BOB,
    DAY,
    HELLO_WORLD,
    HOUR,
    NOON,
    NUMBER,
    OTHER_NUMBER,
    Answer,
    Deployment,
    Json,
)

HOLDS = "/casement/v1/holds"
ASK = {"template": HELLO_WORLD["template"]}
WEEK_S, MONTH_S = 7 * 86_400, 30 * 86_400
ENDS = ("released", "expired", "cancelled", "superseded", "handed_off", "failed")


def text(words: str) -> Json:
    return {"type": "text", "text": {"body": words}}


def hold(
    casement: Deployment, words: str = "Hello", to: str | None = ALICE, *, more: Json | None = None, **how: Any
) -> str:
    """Ask for a message to be held; its id. `more` goes into the body."""
    answer = casement.send(to, text(words), casement={"when_closed": {"hold": how}}, **(more or {}))
    assert answer.status == 200, answer.body
    (message,) = answer.body["messages"]
    assert message["message_status"] == "held_for_customer"
    casement.now += 1
    key: str = message["id"]
    return key


def listed(casement: Deployment, **query: Any) -> list[Json]:
    """The first page of holds."""
    answer = casement.get(HOLDS, phone_number_id=NUMBER, **query)
    assert answer.status == 200, answer.body
    found: list[Json] = answer.body["data"]
    return found


def ids(casement: Deployment, **query: Any) -> list[str]:
    return [one["id"] for one in listed(casement, **query)]


def paged(casement: Deployment, **query: Any) -> list[str]:
    """The ids on all pages."""
    pages = list(islice(casement.pages(HOLDS, phone_number_id=NUMBER, **query), 30))
    return [one["id"] for page in pages for one in page]


def shown(casement: Deployment, key: str) -> Json:
    answer = casement.get(f"{HOLDS}/{quote(key, safe='')}", phone_number_id=NUMBER)
    assert answer.status == 200, answer.body
    found: Json = answer.body
    return found


def cancel(casement: Deployment, hold_id: str, number: str = NUMBER, **more: Any) -> Answer:
    return casement.change("DELETE", f"{HOLDS}/{quote(hold_id, safe='')}?phone_number_id={number}", **more)


def sent(casement: Deployment) -> list[str | None]:
    return [one.text for one in casement.simulator.sent]


# --- one --------------------------------------------------------------------------------------------


def test_a_message_that_waits(casement):
    casement.add_key("crm")
    body = {"messaging_product": "whatsapp", "to": ALICE, **text("Hello"), "biz_opaque_callback_data": "order-42"}
    policy = {"when_closed": {"hold": {"expires_in": 3600, "supersede": "mood"}}}
    answer = casement.post({**body, "casement": policy}, key="crm")
    key = answer.body["messages"][0]["id"]

    assert answer.ours["hold"] == {"id": key, "expires_at": NOON // 1000 + 3600}
    assert shown(casement, key) == {
        "id": key,
        "of": None,
        "phone_number_id": NUMBER,
        "conversation_id": ALICE,
        "asked_at": NOON // 1000,
        "asked_by": "crm",
        "message": {"messaging_product": "whatsapp", "to": ALICE, **text("Hello")},
        "biz_opaque_callback_data": "order-42",
        "state": "held",
        "for": "customer",
        "expires_at": NOON // 1000 + 3600,
        "supersede": "mood",
        "ended_at": None,
        "why": None,
        "sends": None,
        "attempts": [],
        "nudge": None,
    }
    assert listed(casement) == [shown(casement, key)]
    message = casement.get(f"messages/{key}").body["casement"]
    assert (message["status"], message["error"]) == ("held", None)  # to wait is no error


def released(casement: Deployment) -> str:
    key = hold(casement)
    casement.wrote()
    casement.catch_up()
    return key


def expired(casement: Deployment) -> str:
    key = hold(casement, expires_in=60)
    casement.now += 60_000
    casement.sweep()
    return key


def cancelled(casement: Deployment) -> str:
    key = hold(casement)
    assert cancel(casement, key).body == {"success": True}
    return key


def superseded(casement: Deployment) -> str:
    key = hold(casement, supersede="mood")
    hold(casement, supersede="mood")
    return key


def handed_off(casement: Deployment) -> str:
    """A message that Meta refused afterwards, and whose policy gave it to a person."""
    return refused_afterwards(casement, "handoff")


def failed(casement: Deployment) -> str:
    """A message that Meta refused afterwards, and in whose place nothing can go."""
    return refused_afterwards(casement, {"purpose": "nobody set it"})


def refused_afterwards(casement: Deployment, when_closed: Any) -> str:
    casement.wrote()
    casement.simulator.fail_next("late", code=131047)
    key: str = casement.send(casement={"when_closed": when_closed}).ours["id"]
    casement.now += 1_000
    casement.deliver()
    casement.catch_up()
    return key


MAKE_END = dict(zip(ENDS, (released, expired, cancelled, superseded, handed_off, failed), strict=True))
WHY = {
    "released": None,
    "expired": "did not write in time",
    "cancelled": "Cancelled by its owner",
    "superseded": "Replaced by",
    "handed_off": "Meta refused an earlier message",
    "failed": "No template can go in its place",
}


@pytest.mark.parametrize("end", ENDS)
def test_one_that_has_ended_shows_how_and_when_and_why(casement, end):
    key = MAKE_END[end](casement)

    found = shown(casement, key)

    assert found["state"] == end
    assert found["ended_at"] == casement.now // 1000
    assert (found["why"] is None) if WHY[end] is None else (WHY[end] in found["why"])
    assert [one["id"] for one in listed(casement, state=end)] == [key]
    assert key not in ids(casement)
    assert casement.get(f"messages/{key}").body["casement"]["waiting"]["state"] == end


@pytest.mark.parametrize("end", ["released", "expired", "cancelled", "superseded"])
def test_the_message_itself_shows_the_same_end(casement, end):
    key = MAKE_END[end](casement)

    message = casement.get(f"messages/{key}").body["casement"]
    assert (message["status"], message["error"]) == (end, None)


def test_what_was_released_names_the_message_that_went_out(casement):
    key = released(casement)

    (attempt,) = shown(casement, key)["attempts"]

    went = casement.get(f"messages/{attempt}").body
    assert went["id"] == casement.simulator.sent[0].wamid
    assert went["casement"]["of"] == key


def test_a_template_that_waits_for_its_turn_is_listed_too(casement):
    casement.sync()
    casement.simulator.fail_next("rate_limit", skip=1)
    key = refused_afterwards(casement, ASK)

    (found,) = listed(casement)

    assert (found["id"], found["state"], found["for"]) == (key, "held", "turn")
    assert found["sends"] == HELLO_WORLD["template"]
    assert found["message"]["text"] == {"body": "Hello"}


@pytest.mark.parametrize(
    "key",
    [
        f"csm1.{ALICE}.01J000000000000000000000ZZ",
        f"csm1.{BOB}.7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "wamid.1",
        "csm1",
        "~",
        "\u00e9",
        "a#b",
    ],
)
def test_what_never_waited_is_not_found(casement, key):
    hold(casement)

    shown_one = casement.get(f"{HOLDS}/{quote(key, safe='')}", phone_number_id=NUMBER)

    for answer in (shown_one, cancel(casement, key)):
        assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (404, 100, 33)


def test_a_message_that_never_had_to_wait_is_no_hold(casement):
    casement.wrote()
    key = casement.send().ours["id"]

    assert casement.get(f"{HOLDS}/{key}", phone_number_id=NUMBER).status == 404
    assert cancel(casement, key).status == 404


# --- lists ------------------------------------------------------------------------------------------

CONTACTS = [f"1650555{number:04}" for number in range(200, 209)]


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_every_page_goes_on_where_the_last_one_ended(casement, limit):
    made = [hold(casement, to=contact) for contact in CONTACTS for _ in range(2)]

    assert sorted(paged(casement, limit=limit)) == sorted(made)


def test_pages_of_those_that_ended(casement):
    made = [hold(casement, to=contact, expires_in=1) for contact in CONTACTS]
    casement.now += DAY
    casement.sweep()

    assert sorted(paged(casement, limit=2, state="expired")) == sorted(made)
    assert paged(casement, limit=2) == []


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_conversation_s_pages(casement, limit):
    made = [hold(casement, str(number)) for number in range(5)]
    hold(casement, to=BOB)

    assert paged(casement, limit=limit, conversation_id=ALICE) == made


def test_what_ends_between_two_pages_costs_nobody_else_their_place(casement):
    made = [hold(casement, to=contact) for contact in CONTACTS]
    pages = casement.pages(HOLDS, phone_number_id=NUMBER, limit=3)
    first = [one["id"] for one in next(pages)]
    rest = [key for key in paged(casement) if key not in first]
    for gone in (first[-1], rest[0]):
        cancel(casement, gone)

    assert [one["id"] for page in pages for one in page] == rest[1:]
    assert len(first) + len(rest) == len(made)


@pytest.mark.parametrize("named", ["phone", "spelling", "user id"])
def test_a_conversation_s_by_any_alias_in_the_order_they_were_asked_for(casement, named):
    casement.wrote(ago=2 * DAY)
    user_id = casement.conversation()["id"]
    first = hold(casement, "first")
    second = hold(casement, "second", None, more={"recipient": user_id})
    third = hold(casement, "third")
    hold(casement, to=BOB)
    who = {"phone": ALICE, "spelling": "+1 (650) 555-0101", "user id": user_id}[named]

    assert ids(casement, conversation_id=who) == [first, second, third]


def test_somebody_for_whom_nothing_waits(casement):
    hold(casement)

    assert casement.get(HOLDS, phone_number_id=NUMBER, conversation_id=BOB).body == {"data": []}


def test_a_number_s_are_its_own(casement):
    key = hold(casement)
    other = OTHER_NUMBER.phone_number_id

    assert casement.get(HOLDS, phone_number_id=other).body == {"data": []}
    assert casement.get(f"{HOLDS}/{key}", phone_number_id=other).status == 404
    assert cancel(casement, key, other).status == 404
    assert shown(casement, key)["state"] == "held"


@pytest.mark.parametrize("state", ["held", "expired"])
@pytest.mark.parametrize("conversation", [None, ALICE])
def test_one_whose_time_is_over_is_listed_as_expired_at_once(casement, state, conversation):
    key = hold(casement, expires_in=60)
    casement.now += 60_000
    where = {"conversation_id": conversation} if conversation else {}

    assert ids(casement, state=state, **where) == ([key] if state == "expired" else [])


@pytest.mark.parametrize("is_swept", [False, True])
def test_one_whose_time_is_over_is_listed_once_before_the_sweep_and_after_it(casement, is_swept):
    gone = [hold(casement, to=contact, expires_in=60) for contact in CONTACTS[:3]]
    casement.now += 60_000
    if is_swept:
        casement.sweep()
    gone += [hold(casement, to=contact, expires_in=60) for contact in CONTACTS[:3]]
    casement.now += 60_000

    assert sorted(paged(casement, state="expired", limit=2)) == sorted(gone)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"state": "waiting"}, "state"),
        ({"state": "HELD"}, "state"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"after": "nowhere"}, "after"),
        ({"after": "MC5IIw"}, "after"),
        ({"after": "\u00e9"}, "after"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(casement, query, parameter):
    answer = casement.get(HOLDS, phone_number_id=NUMBER, **query)

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": parameter})


# --- who may ----------------------------------------------------------------------------------------


def test_scopes(casement):
    casement.add_key("reads", [Scope.READ])
    casement.add_key("sends", [Scope.SEND])
    key = hold(casement)

    for refused in (
        cancel(casement, key, key="reads"),
        casement.get(HOLDS, key="sends", phone_number_id=NUMBER),
        casement.get(f"{HOLDS}/{key}", key="sends", phone_number_id=NUMBER),
    ):
        assert (refused.status, refused.code) == (403, 10)
    assert casement.get(HOLDS, key="nobody knows it", phone_number_id=NUMBER).status == 401
    assert casement.get(HOLDS, key="reads", phone_number_id=NUMBER).status == 200
    assert cancel(casement, key, key="sends").status == 200


def test_with_two_numbers_one_must_be_named(casement):
    key = hold(casement)

    for answer in (
        casement.get(HOLDS),
        casement.get(f"{HOLDS}/{key}"),
        casement.change("DELETE", f"{HOLDS}/{key}"),
    ):
        assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "phone_number_id"})


def test_a_key_for_one_number_means_that_number_and_no_other(casement):
    casement.add_key("mine", numbers=frozenset([NUMBER]))
    casement.add_key("the other", numbers=frozenset([OTHER_NUMBER.phone_number_id]))
    key = hold(casement)

    assert [one["id"] for one in casement.get(HOLDS, key="mine").body["data"]] == [key]
    assert casement.get(HOLDS, key="the other").body == {"data": []}
    for refused in (
        casement.get(HOLDS, key="the other", phone_number_id=NUMBER),
        casement.get(f"{HOLDS}/{key}", key="the other", phone_number_id=NUMBER),
        cancel(casement, key, key="the other"),
    ):
        assert (refused.status, refused.code) == (403, 10)
    assert casement.change("DELETE", f"{HOLDS}/{key}", key="mine").status == 200


def test_a_number_nobody_configured(casement):
    answer = casement.get(HOLDS, phone_number_id="999")

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 33)


# --- cancelling -------------------------------------------------------------------------------------


def test_what_is_cancelled_does_not_go_out_and_everything_else_does(casement):
    for words in ("one", "two", "three"):
        hold(casement, words)
    two = ids(casement, conversation_id=ALICE)[1]

    assert cancel(casement, two).body == {"success": True}
    casement.wrote()
    casement.catch_up()

    assert sent(casement) == ["one", "three"]


@pytest.mark.parametrize("end", ENDS)
def test_what_has_ended_can_not_be_cancelled(casement, end):
    key = MAKE_END[end](casement)

    answer = cancel(casement, key)

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "id"})
    assert end in answer.body["error"]["error_data"]["details"]
    assert shown(casement, key)["state"] == end


def test_what_has_expired_can_not_be_cancelled_even_before_the_sweep(casement):
    key = hold(casement, expires_in=60)
    casement.now += 60_000

    assert cancel(casement, key).status == 400
    casement.sweep()
    assert shown(casement, key)["state"] == "expired"


def test_what_is_being_sent_at_this_moment_can_not_be_taken_back(casement):
    key = hold(casement)
    answers = []
    casement.wire.before = lambda: answers.append((cancel(casement, key), ids(casement, state="sending")))

    casement.wrote()
    casement.catch_up()

    ((answer, being_sent),) = answers
    assert (answer.status, answer.code) == (409, 2)
    assert answer.body["error"]["is_transient"] is True
    assert being_sent == [key]
    assert sent(casement) == ["Hello"]
    assert shown(casement, key)["state"] == "released"


class Killed(BaseException):
    """The process ends here."""


def test_one_whose_sender_died_can_not_be_cancelled_until_that_is_settled(casement):
    key = hold(casement)

    def die() -> None:
        raise Killed

    casement.wrote()
    casement.react()
    casement.wire.after = die
    with pytest.raises(Killed):
        casement.work_off()
    casement.wire.after = lambda: None

    assert shown(casement, key)["state"] == "sending"
    assert cancel(casement, key).status == 409
    casement.jobs.clear()
    casement.now += HOUR
    casement.sweep()
    casement.catch_up()
    assert shown(casement, key)["state"] == "released"
    assert sent(casement) == ["Hello"]


# --- until when -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "seconds"),
    [({}, WEEK_S), ({"expires_in": 1}, 1), ({"expires_in": 3600}, 3600), ({"expires_in": MONTH_S}, MONTH_S)],
)
def test_a_message_waits_for_as_long_as_was_said(casement, how, seconds):
    key = hold(casement, **how)

    assert shown(casement, key)["expires_at"] == NOON // 1000 + seconds


def test_the_bare_word_waits_for_a_week(casement):
    answer = casement.send(casement={"when_closed": "hold"})

    assert answer.ours["hold"]["expires_at"] == NOON // 1000 + WEEK_S


@pytest.mark.parametrize("expires_in", [0, -1, MONTH_S + 1, 3600.5, "3600", True, None, [3600]])
def test_any_other_time_is_refused_by_name(casement, expires_in):
    answer = casement.send(casement={"when_closed": {"hold": {"expires_in": expires_in}}})

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours == {"parameter": "casement.when_closed.hold.expires_in"}
    assert listed(casement) == []


def test_an_end_by_time_is_seen_at_once_and_written_down_by_the_sweep(casement):
    key = hold(casement, expires_in=60)
    casement.now = NOON + 59_999
    assert shown(casement, key)["state"] == "held"

    casement.now = NOON + 60_000
    assert shown(casement, key)["state"] == "expired"
    assert casement.get(f"messages/{key}").body["casement"]["status"] == "expired"
    casement.now += HOUR
    (mine, _) = casement.sweep()

    assert mine.expired == 1
    assert shown(casement, key)["state"] == "expired"
    assert ids(casement, state="expired") == [key]
    assert casement.get(f"messages/{key}").body["casement"]["status"] == "expired"
    assert casement.sweep()[0].expired == 0


@pytest.mark.parametrize("is_swept", [False, True])
def test_what_has_expired_does_not_go_out_when_the_customer_writes_after_all(casement, is_swept):
    gone = hold(casement, "too late", expires_in=60)
    hold(casement, "in time")
    casement.now += 60_000
    if is_swept:
        casement.sweep()

    casement.wrote()
    casement.catch_up()

    assert sent(casement) == ["in time"]
    assert shown(casement, gone)["state"] == "expired"


# --- how many ---------------------------------------------------------------------------------------


def is_one_too_many(answer: Answer) -> bool:
    assert answer.code == 131047
    return "wait already, which is the most" in answer.body["error"]["error_data"]["details"]


def test_no_more_than_the_number_permits(casement):
    casement.set_number(most_holds=2)
    casement.wrote(ago=2 * DAY)
    user_id = casement.conversation()["id"]
    first = hold(casement, expires_in=60)
    hold(casement, to=None, more={"recipient": user_id})
    ask = {"casement": {"when_closed": "hold"}}

    assert is_one_too_many(casement.send(**ask))
    assert is_one_too_many(casement.send(None, recipient=user_id, **ask))
    assert casement.send(BOB, **ask).status == 200
    casement.now += 60_000
    assert shown(casement, first)["state"] == "expired"
    assert casement.send(**ask).status == 200
    assert is_one_too_many(casement.send(**ask))


def test_one_that_is_cancelled_makes_room(casement):
    casement.set_number(most_holds=1)
    key = hold(casement)
    assert is_one_too_many(casement.send(casement={"when_closed": "hold"}))

    cancel(casement, key)

    hold(casement)


def test_one_that_replaces_another_takes_its_room(casement):
    casement.set_number(most_holds=1)
    first = hold(casement, "sunny", supersede="weather")
    second = hold(casement, "rainy", supersede="weather")

    assert is_one_too_many(casement.send(casement={"when_closed": {"hold": {"supersede": "mood"}}}))
    assert ids(casement) == [second]
    assert shown(casement, first)["state"] == "superseded"


def test_twenty_unless_the_number_says_otherwise(casement):
    for number in range(20):
        hold(casement, str(number))

    assert is_one_too_many(casement.send(casement={"when_closed": "hold"}))


# --- replacing --------------------------------------------------------------------------------------


def test_a_newer_one_with_the_same_key_replaces_the_older_and_says_so(casement):
    casement.wrote(ago=2 * DAY)
    user_id = casement.conversation()["id"]
    first = hold(casement, "one", supersede="order-42")
    other = hold(casement, "other", supersede="order-43")
    plain = hold(casement, "plain")
    second = hold(casement, "two", None, more={"recipient": user_id}, supersede="order-42")
    third = hold(casement, "three", supersede="order-42")
    bobs = hold(casement, "Bob's", BOB, supersede="order-42")

    assert sorted(ids(casement)) == sorted([other, plain, third, bobs])
    assert second in shown(casement, first)["why"]
    assert third in shown(casement, second)["why"]
    assert [one["id"] for one in listed(casement, state="superseded", conversation_id=ALICE)] == [first, second]

    casement.wrote()
    casement.catch_up()
    assert sent(casement) == ["other", "plain", "three"]


@pytest.mark.parametrize("supersede", ["", "x" * 201, 7, ["mood"], "\ud83d"])
def test_what_is_to_be_replaced_is_named_by_a_text(casement, supersede):
    answer = casement.send(casement={"when_closed": {"hold": {"supersede": supersede}}})

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours == {"parameter": "casement.when_closed.hold.supersede"}
    assert listed(casement) == []


def test_what_went_out_already_is_replaced_by_nothing(casement):
    first = hold(casement, "one", supersede="mood")
    casement.wrote()
    casement.catch_up()
    casement.now += 2 * DAY

    hold(casement, "two", supersede="mood")

    assert shown(casement, first)["state"] == "released"


# --- nudges -----------------------------------------------------------------------------------------


def test_a_hold_names_its_nudge(casement):
    casement.sync()
    key = hold(casement, nudge=ASK)

    nudge = shown(casement, key)["nudge"]

    went = casement.get(f"messages/{nudge}").body
    assert went["template"] == HELLO_WORLD["template"]
    assert (went["id"], went["casement"]["of"]) == (casement.simulator.sent[0].wamid, key)


def test_a_hold_that_nobody_was_nudged_for_names_no_nudge(casement):
    casement.sync()
    hold(casement, nudge=ASK)
    second = hold(casement, nudge=ASK)  # one nudge for each closed window

    assert len(casement.simulator.sent) == 1
    assert shown(casement, second)["nudge"] is None
    assert "attempts" not in casement.get(f"messages/{second}").body["casement"]


def test_a_customer_is_nudged_once_whatever_alias_we_learn_in_between(casement):
    """Meta's status of the first nudge tells us the customer's user id, and so another name of the conversation."""
    casement.sync()
    hold(casement, nudge=ASK)
    casement.deliver()
    user_id = casement.conversation()["id"]
    assert user_id != ALICE

    hold(casement, nudge=ASK)
    hold(casement, to=None, more={"recipient": user_id}, nudge=ASK)

    assert len(casement.simulator.sent) == 1


@pytest.mark.parametrize("how", ["late", "error"])
def test_a_message_that_waits_because_meta_refused_it_nudges_too(casement, how):
    """Its policy is the same, whoever found out that the window is closed."""
    casement.sync()
    casement.wrote()
    casement.now += 1_000
    casement.simulator.fail_next(how, code=131047)
    key = casement.send(casement={"when_closed": {"hold": {"nudge": ASK}}}).ours["id"]
    casement.deliver(newest_first=True)
    casement.react(times=3)
    casement.catch_up()

    assert shown(casement, key)["state"] == "held"
    assert [one.type for one in casement.simulator.sent].count("template") == 1
    nudge = MessageKey.parse(casement.simulator.sent[-1].body["biz_opaque_callback_data"])
    assert shown(casement, key)["nudge"] == str(nudge)
