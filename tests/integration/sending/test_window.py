"""Free-form messages: out while the customer service window is open, refused with reasons while it is not."""

import pytest

from tests.support.deployment import (
    ALICE,
    BOB,
    DAY,
    HELLO,
    HELLO_WORLD,
    HOUR,
    MARGIN,
    NOON,
    NUMBER,
    OTHER_NUMBER,
    Deployment,
    Json,
)


def last(casement: Deployment, contact: str = ALICE) -> Json:
    """The newest message of a conversation, as the API shows it."""
    return casement.messages(contact)[0]


def test_an_open_window_lets_it_out_and_its_life_is_shown(casement):
    casement.wrote(ALICE)

    answer = casement.send(ALICE)

    assert answer.status == 200
    assert answer.body["messaging_product"] == "whatsapp"
    assert answer.body["contacts"] == [{"input": ALICE, "wa_id": ALICE}]
    (sent,) = casement.simulator.sent
    assert answer.body["messages"] == [{"id": sent.wamid}]
    assert last(casement)["casement"]["status"] == "accepted"
    casement.now += 5_000
    casement.deliver()
    casement.now += 5_000
    casement.simulator.read(sent.wamid)
    casement.deliver()
    shown = last(casement)
    assert shown["id"] == sent.wamid
    assert shown["text"] == {"body": "Hello"}
    assert shown["casement"]["id"] == answer.ours["id"]
    assert shown["casement"]["direction"] == "outbound"
    assert shown["casement"]["status"] == "read"
    assert shown["casement"]["steps"] == {
        "asked": NOON // 1000,
        "accepted": NOON // 1000,
        "sent": NOON // 1000,
        "delivered": NOON // 1000,
        "read": NOON // 1000 + 10,
    }
    assert shown["casement"]["error"] is None


@pytest.mark.parametrize("how", ["list", "conversation", "id"])
def test_the_life_of_a_message_is_the_same_wherever_one_looks(casement, how):
    casement.wrote(ALICE, ago=HOUR)
    key = casement.send(ALICE).ours["id"]
    casement.deliver()

    shown = {
        "list": lambda: casement.messages(None)[0],
        "conversation": lambda: casement.messages(ALICE)[0],
        "id": lambda: casement.get(f"messages/{key}").body,
    }[how]()

    assert shown["casement"]["id"] == key
    assert shown["casement"]["status"] == "delivered"
    assert set(shown["casement"]["steps"]) == {"asked", "accepted", "sent", "delivered"}


def test_statuses_in_any_order_and_twice_come_to_the_same(casement):
    casement.wrote(ALICE)
    casement.send(ALICE)
    casement.simulator.read()
    casement.simulator.webhooks.duplicate(2)
    casement.simulator.webhooks.shuffle()
    casement.simulator.webhooks.batch(4, one_value=True)

    casement.deliver()

    assert last(casement)["casement"]["status"] == "read"
    assert len(casement.messages(ALICE)) == 2


def test_a_status_that_comes_before_the_sends_own_answer_is_not_lost(casement):
    casement.wrote(ALICE)
    casement.wire.after = casement.deliver

    answer = casement.send(ALICE)

    assert answer.status == 200
    assert last(casement)["casement"]["status"] == "delivered"


def test_a_closed_window_refuses_with_the_reason_and_what_can_be_done(casement):
    casement.sync()
    casement.wrote(ALICE, ago=DAY + HOUR)

    answer = casement.send(ALICE)

    assert answer.status == 400
    assert answer.code == 131047
    error = answer.body["error"]
    assert error["message"] == "(#131047) Re-engagement message"
    assert error["type"] == "OAuthException"
    assert error["fbtrace_id"]
    assert "24 hours" in error["error_data"]["details"]
    expired_at = (NOON - HOUR) // 1000
    assert answer.ours["expired_at"] == expired_at
    window = answer.ours["window"]
    assert (window["state"], window["expires_at"]) == ("closed", expired_at)
    assert window == casement.window(ALICE)
    remedies = answer.ours["remedies"]
    approved = {
        (each.data["name"], each.data["language"]) for each in casement.simulator.templates.all("200000000000001")
    }
    assert {(remedy["name"], remedy["language"]) for remedy in remedies} == approved
    assert {remedy["type"] for remedy in remedies} == {"template"}
    assert casement.simulator.sent == []
    assert casement.wire.requests[-1].method == "GET"  # the sync; Meta was not asked to send
    shown = last(casement)
    assert shown["casement"]["status"] == "refused"
    kept = shown["casement"]["error"]
    assert kept["code"] == 131047
    assert kept["error_data"]["details"] == error["error_data"]["details"]
    assert kept["error_data"]["casement"] == {"window": window, "expired_at": expired_at}  # the remedies were for then


def test_only_templates_that_can_go_out_are_named_as_remedies(casement):
    casement.simulator.review("we_are_here", "pause", language="es", notify=False)
    casement.simulator.review("seasonal_offer", "reject", notify=False)
    casement.now += 1
    casement.sync()

    remedies = casement.send(BOB).ours["remedies"]

    assert {(remedy["name"], remedy["language"], remedy["category"]) for remedy in remedies} == {
        ("hello_world", "en_US", "UTILITY"),
        ("order_on_its_way", "en_US", "UTILITY"),
        ("we_are_here", "en_US", "UTILITY"),
    }


def test_a_customer_who_never_wrote_can_only_get_a_template(casement):
    casement.sync()
    answer = casement.send(ALICE)

    assert (answer.status, answer.code) == (400, 131047)
    assert answer.ours["window"]["state"] == "never_opened"
    assert answer.ours["expired_at"] is None
    assert "not written" in answer.body["error"]["error_data"]["details"]
    assert casement.simulator.sent == []
    assert casement.send(ALICE, HELLO_WORLD).status == 200


@pytest.mark.parametrize(("left", "status"), [(MARGIN + 1, 200), (MARGIN, 400), (1, 400), (0, 400), (-1, 400)])
def test_the_boundary_is_exact(casement, left, status):
    casement.wrote(ALICE)
    casement.now = NOON + DAY - left

    answer = casement.send(ALICE)

    assert answer.status == status
    assert len(casement.simulator.sent) == (status == 200)
    assert casement.window(ALICE)["state"] == ("closing" if left > 0 else "closed")


def test_a_window_that_opens_again_is_open(casement):
    casement.wrote(ALICE, ago=3 * DAY)
    assert casement.send(ALICE).status == 400

    casement.wrote(ALICE)

    assert casement.send(ALICE).status == 200


def test_what_the_business_does_extends_nothing(casement):
    casement.wrote(ALICE, ago=DAY - HOUR)
    casement.send(ALICE)
    casement.simulator.echo(ALICE, "typed on the phone")
    casement.simulator.read(casement.simulator.sent[0].wamid)
    casement.deliver()

    casement.now += HOUR

    assert casement.send(ALICE).code == 131047


def test_windows_are_of_a_number_and_of_a_person(casement):
    casement.wrote(ALICE)

    assert casement.send(BOB).code == 131047
    other = casement.post({"messaging_product": "whatsapp", "to": ALICE, **HELLO}, number=OTHER_NUMBER.phone_number_id)
    assert other.code == 131047
    assert casement.send(ALICE).status == 200


def test_a_call_opens_the_window_too(casement):
    casement.simulator.call(sender=ALICE)
    casement.deliver()

    assert casement.send(ALICE).status == 200


def test_metas_refusal_at_once_closes_the_window_and_is_shown(casement):
    casement.sync()
    casement.wrote(ALICE)
    casement.simulator.fail_next("error", code=131047, http_status=400)

    answer = casement.send(ALICE)

    assert (answer.status, answer.code) == (400, 131047)
    assert answer.ours["window"]["state"] == "closed"
    assert answer.ours["window"]["verdict"]["code"] == 131047
    assert answer.ours["remedies"]
    assert "Meta refused" in answer.body["error"]["error_data"]["details"]
    window = casement.window(ALICE)
    assert (window["state"], window["verdict"]["code"], window["verdict"]["at"]) == ("closed", 131047, NOON // 1000)
    shown = last(casement)
    assert shown["casement"]["status"] == "failed"
    assert shown["casement"]["error"]["code"] == 131047
    asked = len(casement.wire.requests)
    assert casement.send(ALICE).code == 131047
    assert len(casement.wire.requests) == asked
    casement.now += 1_000
    casement.wrote(ALICE, "again")
    assert casement.send(ALICE).status == 200


def refused_late(casement: Deployment) -> str:
    """Alice is written to while Meta's window is closed and ours is not: 131047 comes as a status. The send's key."""
    casement.simulator.fail_next("late", code=131047)
    key = str(casement.send(ALICE).ours["id"])
    assert casement.simulator.sent[-1].failed == 131047
    return key


def test_metas_late_refusal_closes_the_window_from_the_time_of_the_send(casement):
    casement.wrote(ALICE)
    casement.now += HOUR
    key = refused_late(casement)
    assert casement.window(ALICE)["state"] == "open"
    casement.now += HOUR

    casement.deliver()

    window = casement.window(ALICE)
    assert window["state"] == "closed"
    assert window["expires_at"] == (NOON + HOUR) // 1000
    assert (window["verdict"]["code"], window["verdict"]["at"]) == (131047, (NOON + HOUR) // 1000)
    assert key.endswith(window["verdict"]["message"])
    assert casement.get(f"messages/{key}").body["casement"]["status"] == "failed"
    assert casement.get(f"messages/{key}").body["casement"]["error"]["code"] == 131047
    answer = casement.send(ALICE)
    assert answer.code == 131047
    assert answer.ours["window"]["verdict"] == window["verdict"]


@pytest.mark.parametrize("refusal_first", [True, False])
def test_a_newer_message_opens_again_whatever_comes_first(casement, refusal_first):
    casement.wrote(ALICE)
    casement.now += HOUR
    refused_late(casement)
    casement.now += HOUR
    casement.simulator.inbound("I am still here", sender=ALICE)

    casement.deliver(newest_first=not refusal_first)

    window = casement.window(ALICE)
    assert (window["state"], window["verdict"]) == ("open", None)
    assert casement.send(ALICE).status == 200


@pytest.mark.parametrize("refusal_first", [True, False])
def test_an_older_message_does_not_open_what_meta_closed(casement, refusal_first):
    casement.wrote(ALICE)
    casement.now += HOUR
    casement.simulator.inbound("delivered late", sender=ALICE, ago=60)
    refused_late(casement)

    casement.deliver(newest_first=refusal_first)

    assert casement.window(ALICE)["state"] == "closed"
    assert casement.send(ALICE).code == 131047


def test_a_refusal_told_by_status_of_a_message_somebody_else_sent_closes_the_window(casement):
    casement.wrote(ALICE)
    casement.now += HOUR
    status = {
        "id": "wamid.elsewhere",
        "status": "failed",
        "timestamp": str(casement.now // 1000),
        "recipient_id": ALICE,
        "errors": [{"code": 131047}],
    }
    metadata = {"display_phone_number": "15550001000", "phone_number_id": NUMBER}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "statuses": [status]}
    casement.simulator.webhook("messages", value)

    casement.deliver()

    assert casement.window(ALICE)["state"] == "closed"
    assert casement.send(ALICE).code == 131047
