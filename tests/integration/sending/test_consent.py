"""Who does not want to hear from the business does not, whoever said so, and in whatever order we learn of it."""

from typing import Any

import pytest

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

OFFER = {
    "type": "template",
    "template": {
        "name": "seasonal_offer",
        "language": {"code": "en_US"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}],
    },
}
LOGIN_CODE = {
    "name": "login_code",
    "language": "en_US",
    "category": "AUTHENTICATION",
    "components": [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy"}]},
    ],
}
LOGIN = {
    "type": "template",
    "template": {
        "name": "login_code",
        "language": {"code": "en_US"},
        "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "123456"}]},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "123456"}]},
        ],
    },
}
MESSAGES = {"marketing": OFFER, "utility": HELLO_WORLD, "authentication": LOGIN}
STOPPED = 131050
SECOND = 1_000


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.simulator.add_template(LOGIN_CODE)
    casement.sync()


def prefer(casement: Deployment, *, stop: bool, contact: str = ALICE) -> None:
    """The customer tells Meta."""
    casement.simulator.prefer(contact, stop=stop)
    casement.deliver()


def patch(casement: Deployment, contact: str = ALICE, **consent: str) -> Answer:
    """The operator says so."""
    answer = casement.change("PATCH", f"contacts/{contact}", {"consent": consent})
    assert answer.status == 200, answer.body
    return answer


def consent(casement: Deployment, contact: str = ALICE) -> Json:
    found: Json = casement.get(f"contacts/{contact}").body["consent"]
    return found


def stopped(casement: Deployment, contact: str = ALICE) -> tuple[bool, bool]:
    """Whether marketing is stopped, and whether all messages are."""
    told = consent(casement, contact)
    return told["marketing_stopped_at"] is not None, told["messages_stopped_at"] is not None


def goes(casement: Deployment, message: Json = OFFER, to: str | None = ALICE, **more: Any) -> bool:
    """Whether a message reaches Meta; if not, it is refused as Meta would refuse it."""
    casement.catch_up()
    before = len(casement.simulator.sent)
    answer = casement.send(to, message, **more)
    went = len(casement.simulator.sent) > before
    assert went or (answer.status, answer.code) == (400, STOPPED)
    return went


def by_meta(casement: Deployment) -> None:
    prefer(casement, stop=True)


def by_metas_error(casement: Deployment) -> None:
    casement.simulator.fail_next("late", code=STOPPED)
    casement.send(ALICE, OFFER)
    casement.deliver()


def by_operator_marketing(casement: Deployment) -> None:
    patch(casement, marketing="stop")


def by_operator(casement: Deployment) -> None:
    patch(casement, messages="stop")


def by_stop_word(casement: Deployment) -> None:
    casement.wrote(text="STOP", ago=25 * HOUR)


ONLY_MARKETING = (by_meta, by_metas_error, by_operator_marketing)
EVERYTHING = (by_operator, by_stop_word)


@pytest.mark.parametrize("stop", [*ONLY_MARKETING, *EVERYTHING])
def test_what_a_stop_stops(casement, stop):
    stop(casement)

    still_goes = {"authentication"} | ({"utility"} if stop in ONLY_MARKETING else set())
    assert {kind for kind, message in MESSAGES.items() if goes(casement, message)} == still_goes
    assert all(goes(casement, message, BOB) for message in MESSAGES.values())


@pytest.mark.parametrize("stop", [*ONLY_MARKETING, *EVERYTHING])
def test_an_answer_inside_of_an_open_window_still_goes(casement, stop):
    stop(casement)
    casement.now += SECOND
    casement.wrote(text="Where is my order?")

    assert goes(casement, HELLO)
    assert not goes(casement, OFFER)


def test_a_refusal_says_why(casement):
    prefer(casement, stop=True)
    told = casement.send(ALICE, OFFER)
    patch(casement, BOB, messages="stop")
    told_all = casement.send(BOB, HELLO_WORLD)

    for answer, why in ((told, "has stopped marketing"), (told_all, "asked this number not to write")):
        assert (answer.status, answer.code) == (400, STOPPED)
        assert why in answer.body["error"]["error_data"]["details"]
    assert casement.messages(BOB)[0]["casement"]["status"] == "refused"


# --- Meta's webhooks --------------------------------------------------------------------------------


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    ("words", "is_stopped", "since"),
    [
        (["stop"], True, 0),
        (["resume"], False, None),
        (["stop", "resume"], False, None),
        (["resume", "stop"], True, 1),
        (["stop", "resume", "stop"], True, 2),
        (["stop", "stop"], True, 1),
        (["stop", "resume", "stop", "resume"], False, None),
    ],
)
def test_the_newest_word_counts_in_whatever_order_it_comes(casement, words, is_stopped, since, newest_first):
    for word in words:
        casement.simulator.prefer(ALICE, stop=word == "stop")
        casement.now += SECOND
    casement.deliver(newest_first=newest_first)  # and with it, everything twice

    assert stopped(casement) == (is_stopped, False)
    assert consent(casement)["marketing_stopped_at"] == (None if since is None else NOON // 1000 + since)
    assert goes(casement) is not is_stopped


def test_of_two_words_in_one_second_the_stop_counts(casement):
    casement.simulator.prefer(ALICE, stop=True)
    casement.simulator.prefer(ALICE, stop=False)
    casement.deliver(newest_first=True)

    assert stopped(casement) == (True, False)


def told(casement: Deployment, value: str = "stop", **who: str) -> None:
    """A `user_preferences` webhook that names the customer just so."""
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    preference = {**who, "category": "marketing_messages", "value": value, "timestamp": casement.now // 1000}
    casement.simulator.webhook("user_preferences", {"metadata": metadata, "user_preferences": [preference]})
    casement.deliver()


@pytest.mark.parametrize("asked_by", ["phone", "spelling", "user id"])
@pytest.mark.parametrize("named_by", [{"wa_id"}, {"user_id"}, {"wa_id", "user_id"}])
def test_a_stop_counts_for_every_alias_of_the_customer(casement, named_by, asked_by):
    casement.wrote(ago=2 * DAY)
    user_id = casement.conversation()["id"]
    told(casement, **{name: value for name, value in (("wa_id", ALICE), ("user_id", user_id)) if name in named_by})

    to = {"phone": ALICE, "spelling": "+1 (650) 555-0101", "user id": None}[asked_by]
    more = {"recipient": user_id} if to is None else {}

    assert not goes(casement, OFFER, to, **more)
    assert stopped(casement, user_id) == stopped(casement, ALICE) == (True, False)
    assert stopped(casement, BOB) == (False, False)


def test_a_stop_said_before_the_aliases_were_known_as_one_counts_once_they_are(casement):
    user_id = "US.13491208655302741918"
    told(casement, user_id=user_id)
    assert goes(casement, OFFER, ALICE)

    casement.wrote(ALICE, user_id=user_id)

    assert not goes(casement, OFFER, ALICE)


def test_what_meta_may_say_besides_is_kept_and_means_nothing(casement):
    prefer(casement, stop=True)
    casement.now += SECOND
    told(casement, "signup", wa_id=ALICE)
    told(casement, "something new", wa_id=BOB)

    assert stopped(casement) == (True, False)
    assert stopped(casement, BOB) == (False, False)


# --- Meta's error -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["late", "error"])
def test_metas_refusal_sets_the_stop(casement, how):
    casement.simulator.fail_next(how, code=STOPPED)
    casement.send(ALICE, OFFER)
    asked_at = casement.now // 1000
    casement.now += HOUR
    casement.deliver()

    assert consent(casement) == {"marketing_stopped_at": asked_at, "messages_stopped_at": None}
    assert not goes(casement, OFFER)
    assert goes(casement, HELLO_WORLD)


def test_a_refusal_that_comes_twice_and_reacted_to_often_says_the_same(casement):
    casement.simulator.fail_next("late", code=STOPPED)
    casement.send(ALICE, OFFER)
    casement.deliver(newest_first=True)
    casement.react(times=3)

    assert consent(casement) == {"marketing_stopped_at": NOON // 1000, "messages_stopped_at": None}


@pytest.mark.parametrize(("resumed", "goes_again"), [("before the refused send", False), ("after it", True)])
def test_a_resume_counts_only_if_it_is_newer_than_the_refused_send(casement, resumed, goes_again):
    if resumed == "before the refused send":
        prefer(casement, stop=False)
    casement.now += HOUR
    casement.simulator.fail_next("late", code=STOPPED)
    casement.send(ALICE, OFFER)
    casement.now += HOUR
    if resumed == "after it":
        casement.simulator.prefer(ALICE, stop=False)
    casement.deliver(newest_first=True)

    assert goes(casement, OFFER) is goes_again


def test_any_other_failure_is_no_stop(casement):
    casement.simulator.fail_next("late", code=131049)  # Meta's own limit: the customer said nothing
    casement.send(ALICE, OFFER)
    casement.deliver()

    assert stopped(casement) == (False, False)
    assert goes(casement, OFFER)


# --- stop words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        *("STOP", " Stop. ", "Unsubscribe", "\u201cstop\u201d"),
        *("\u00a1Parar!", "darse  de baja", "sair", "ARRET", "d\u00e9sabonner", "Abmelden", "ferma"),
    ],
)
def test_a_stop_word_stops_everything_the_business_begins(casement, words):
    casement.wrote(text=words)

    assert stopped(casement) == (False, True)
    assert not goes(casement, HELLO_WORLD)


def test_a_message_that_only_holds_a_stop_word_is_none(casement):
    for words in ("Please stop", "stop it", "Don't stop", "non-stop", "", ".", "\u505c", "stopped"):
        casement.wrote(text=words)

    assert stopped(casement) == (False, False)
    assert goes(casement, OFFER)


@pytest.mark.parametrize("words", ["Start!", "UNSTOP", "empezar", "come\u00e7ar"])
def test_a_resume_word_takes_it_back(casement, words):
    casement.wrote(text="stop")
    casement.now += SECOND
    casement.wrote(text=words)

    assert stopped(casement) == (False, False)
    assert goes(casement, OFFER)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(("words", "is_stopped"), [(["stop", "start"], False), (["start", "stop"], True)])
def test_words_count_by_metas_time(casement, words, is_stopped, newest_first):
    for word in words:
        casement.simulator.inbound(word, sender=ALICE)
        casement.now += SECOND
    casement.deliver(newest_first=newest_first)

    assert stopped(casement) == (False, is_stopped)


def test_a_tapped_button_is_a_word_too(casement):
    button = {"type": "button", "button": {"text": "Stop", "payload": "whatever"}}
    casement.simulator.inbound(message=button, sender=ALICE)
    casement.deliver()

    assert stopped(casement) == (False, True)


def test_the_words_are_the_numbers_own(casement):
    casement.set_number(stop_words={"nl": ["stoppen", "nooit meer"]}, resume_words={"nl": ["graag"]})

    casement.wrote(text="stop")
    assert stopped(casement) == (False, False)
    casement.now += SECOND
    casement.wrote(text="Nooit meer!")
    assert stopped(casement) == (False, True)
    casement.now += SECOND
    casement.wrote(text="start")
    assert stopped(casement) == (False, True)
    casement.now += SECOND
    casement.wrote(text="Graag")
    assert stopped(casement) == (False, False)


def test_without_words_nobody_can_stop_by_writing(casement):
    casement.set_number(stop_words={}, resume_words={})
    casement.wrote(text="stop")

    assert stopped(casement) == (False, False)


def test_a_word_to_one_number_says_nothing_to_another(casement):
    casement.wrote(text="stop", phone_number_id=OTHER_NUMBER.phone_number_id)

    assert stopped(casement) == (False, False)
    other = casement.get(f"contacts/{ALICE}", number=OTHER_NUMBER.phone_number_id)
    assert other.body["consent"]["messages_stopped_at"] == NOON // 1000


def test_what_the_business_itself_writes_is_no_word_of_the_customers(casement):
    casement.wrote(ago=HOUR)
    casement.simulator.echo(ALICE, "stop")
    casement.deliver()

    assert stopped(casement) == (False, False)


# --- the operator -----------------------------------------------------------------------------------


def test_an_operator_takes_back_what_an_operator_or_a_word_said(casement):
    casement.wrote(text="stop", ago=25 * HOUR)
    casement.catch_up()
    patch(casement, marketing="stop")
    casement.now += SECOND

    assert patch(casement, messages="resume").body["consent"] == {
        "marketing_stopped_at": NOON // 1000,
        "messages_stopped_at": None,
    }
    casement.now += SECOND
    patch(casement, marketing="resume")

    assert goes(casement, OFFER)


@pytest.mark.parametrize("stop", [by_meta, by_metas_error])
def test_nobody_but_meta_takes_back_what_was_said_to_meta(casement, stop):
    stop(casement)
    casement.catch_up()
    casement.now += SECOND

    assert patch(casement, marketing="resume").body["consent"]["marketing_stopped_at"] == NOON // 1000
    assert not goes(casement, OFFER)

    casement.now += SECOND
    prefer(casement, stop=False)
    assert goes(casement, OFFER)


def test_metas_resume_does_not_take_back_the_operators_stop(casement):
    patch(casement, marketing="stop")
    casement.now += SECOND
    prefer(casement, stop=False)

    assert not goes(casement, OFFER)


# --- what stands in or nudges -----------------------------------------------------------------------


NAMED_OFFER = {"template": OFFER["template"]}
NAMED_HELLO = {"template": HELLO_WORLD["template"]}


def held(casement: Deployment, nudge: Json) -> Json:
    """Hold a message with a nudge; what the answer says of the nudge."""
    answer = casement.send(casement={"when_closed": {"hold": {"nudge": nudge}}})
    assert answer.body["messages"][0]["message_status"] == "held_for_customer"
    found: Json = answer.ours["nudge"]
    return found


@pytest.mark.parametrize(
    ("stop", "nudge", "goes_out"),
    [
        (by_meta, NAMED_OFFER, False),
        (by_meta, NAMED_HELLO, True),
        (by_operator_marketing, NAMED_OFFER, False),
        (by_operator, NAMED_HELLO, False),
        (by_stop_word, NAMED_HELLO, False),
    ],
)
def test_a_nudge_respects_it(casement, stop, nudge, goes_out):
    stop(casement)
    casement.catch_up()

    answered = held(casement, nudge)

    assert len(casement.simulator.sent) == goes_out
    if not goes_out:
        (candidate,) = answered["candidates"]
        assert answered["status"] == "not_sent"
        assert candidate["name"] == nudge["template"]["name"]
        assert "This customer" in candidate["why"]


@pytest.mark.parametrize(
    ("stop", "instead", "goes_out"),
    [
        (by_meta, NAMED_OFFER, False),
        (by_meta, NAMED_HELLO, True),
        (by_operator, NAMED_HELLO, False),
        (by_stop_word, NAMED_OFFER, False),
    ],
)
def test_a_template_that_stands_in_respects_it(casement, stop, instead, goes_out):
    stop(casement)
    casement.catch_up()

    answer = casement.send(casement={"when_closed": instead})

    assert len(casement.simulator.sent) == goes_out
    if not goes_out:
        assert (answer.status, answer.code) == (400, 131047)
        (candidate,) = answer.ours["candidates"]
        assert "This customer" in candidate["why"]


PURPOSE = {"purpose": "re_engage", "parameters": {"1": "Ana"}}


def test_a_purpose_passes_over_what_the_customer_stopped_and_says_so(casement):
    casement.set_number(purposes={"re_engage": ["seasonal_offer", "we_are_here"]})
    prefer(casement, stop=True)

    dry = casement.send(casement={"when_closed": PURPOSE, "dry_run": True}).ours["decision"]
    casement.send(casement={"when_closed": PURPOSE})
    casement.send(BOB, casement={"when_closed": PURPOSE})

    assert [sent.body["template"]["name"] for sent in casement.simulator.sent] == ["we_are_here", "seasonal_offer"]
    (passed,) = dry["candidates"]
    assert (passed["name"], passed["language"]) == ("seasonal_offer", "en_US")
    assert "has stopped marketing" in passed["why"]


def test_a_purpose_of_which_the_customer_wants_nothing_is_refused_with_every_reason(casement):
    casement.set_number(purposes={"re_engage": ["seasonal_offer", "we_are_here"]})
    patch(casement, messages="stop")

    answer = casement.send(casement={"when_closed": PURPOSE})

    assert (answer.status, answer.code) == (400, 131047)
    assert [each["name"] for each in answer.ours["candidates"]] == ["seasonal_offer", "we_are_here"]
    assert all("asked this number not to write" in each["why"] for each in answer.ours["candidates"])
    assert casement.simulator.sent == []


def test_a_late_refusal_does_not_bring_a_template_that_the_customer_stopped(casement):
    casement.wrote(ago=HOUR)
    prefer(casement, stop=True)
    casement.simulator.fail_next("late", code=131047)
    key = casement.send(casement={"when_closed": NAMED_OFFER}).ours["id"]
    casement.deliver()

    shown = casement.get(f"messages/{key}").body["casement"]

    assert [sent.type for sent in casement.simulator.sent] == ["text"]
    assert shown["status"] == "failed"
    assert "has stopped marketing" in shown["waiting"]["why"]


def test_what_waits_is_judged_by_what_the_customer_wants_when_its_turn_comes(casement):
    """A template that was to stand in, and could not go out at once."""
    casement.wrote(ago=HOUR)
    casement.simulator.fail_next("late", code=131047)
    casement.send(casement={"when_closed": NAMED_OFFER})
    casement.simulator.fail_next("rate_limit")
    casement.deliver()
    casement.catch_up()
    assert [sent.type for sent in casement.simulator.sent] == ["text"]

    prefer(casement, stop=True)
    casement.now += HOUR
    casement.catch_up()
    casement.sweep()
    casement.catch_up()

    assert [sent.type for sent in casement.simulator.sent] == ["text"]


@pytest.mark.parametrize("kind", ["button_reply", "list_reply"])
def test_a_tap_on_a_stop_word_is_one(casement, kind):
    tapped = {"type": "interactive", "interactive": {"type": kind, kind: {"id": "1", "title": "Stop"}}}
    casement.simulator.inbound(message=tapped, sender=ALICE)
    casement.deliver()
    casement.catch_up()

    assert stopped(casement) == (False, True)
