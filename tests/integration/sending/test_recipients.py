"""Whoever it goes to, by whatever name: one conversation, one window; and what never needs a window."""

import pytest

from casement.domain.message_key import MessageKey
from tests.support.deployment import ALICE, BOB, DAY, HELLO, HOUR, Answer, Deployment

GROUP = "Y2FwaV9ncm91cDoxNzA1NTU1MDEzOToxMjAzNjM0MDQ2OTQyMzM4MjAZD"


def user_id_of(casement: Deployment, contact: str) -> str:
    return str(casement.conversation(contact)["casement"]["contact"]["user_id"])


# --- callback data -----------------------------------------------------------------------------------


def test_our_key_goes_out_and_the_clients_own_callback_data_comes_back_to_it(casement):
    casement.wrote(ALICE)

    answer = casement.send(ALICE, biz_opaque_callback_data="order-42")

    (sent,) = casement.simulator.sent
    assert sent.body["biz_opaque_callback_data"] == answer.ours["id"]
    assert MessageKey.parse(answer.ours["id"]) is not None
    casement.deliver()
    (shown,) = [each for each in casement.messages(ALICE) if each["casement"]["direction"] == "outbound"]
    assert shown["biz_opaque_callback_data"] == "order-42"
    assert shown["casement"]["status"] == "delivered"


def test_a_client_without_callback_data_is_shown_none(casement):
    casement.wrote(ALICE, ago=HOUR)
    casement.send(ALICE)

    assert "biz_opaque_callback_data" not in casement.messages(ALICE)[0]


def test_a_key_of_ours_as_a_clients_callback_data_leads_nowhere(casement):
    casement.wrote(ALICE, ago=HOUR)
    first = casement.send(ALICE).ours["id"]

    second = casement.send(ALICE, biz_opaque_callback_data=first).ours["id"]

    assert first != second
    assert [sent.body["biz_opaque_callback_data"] for sent in casement.simulator.sent] == [first, second]
    casement.simulator.status(casement.simulator.sent[1].wamid, "read")
    casement.deliver()
    assert casement.get(f"messages/{first}").body["casement"]["status"] == "delivered"
    assert casement.get(f"messages/{second}").body["casement"]["status"] == "read"


@pytest.mark.parametrize("data", ["", "x" * 512, "\u00e9\U0001f600", "\ud83d", '{"a": [1]}'])
def test_any_callback_data_of_a_client_is_kept(casement, data):
    casement.wrote(ALICE, ago=HOUR)
    casement.send(ALICE, biz_opaque_callback_data=data)

    assert casement.messages(ALICE)[0]["biz_opaque_callback_data"] == data


# --- people --------------------------------------------------------------------------------------------


def test_a_person_is_found_by_phone_and_by_user_id(casement):
    casement.wrote(ALICE)
    user_id = user_id_of(casement, ALICE)

    for addressed in ({"to": ALICE}, {"to": f"+{ALICE}"}, {"to": "+1 (650) 555-0101"}, {"to": int(ALICE)}):
        assert casement.post({"messaging_product": "whatsapp", **addressed, **HELLO}).status in (200, 400)
    by_user_id = casement.send(None, recipient=user_id)
    assert by_user_id.status == 200
    assert by_user_id.body["contacts"] == [{"input": user_id, "user_id": user_id}]
    assert {sent.contact for sent in casement.simulator.sent} == {casement.simulator.sent[0].contact}
    assert len(casement.get("conversations").body["data"]) == 1


def test_where_both_are_given_the_phone_counts(casement):
    casement.wrote(ALICE)
    casement.wrote(BOB, ago=2 * DAY)

    assert casement.send(ALICE, recipient=user_id_of(casement, BOB)).status == 200
    assert casement.send(BOB, recipient=user_id_of(casement, ALICE)).code == 131047
    assert [sent.wa_id for sent in casement.simulator.sent] == [ALICE]


def test_somebody_without_a_phone(casement):
    user_id = "US.13491208655302741918"
    casement.simulator.inbound("Hi", sender=None, user_id=user_id, username="bob.k", name="Bob")
    casement.deliver()

    assert casement.send(None, recipient=user_id).status == 200

    shown = casement.conversation(user_id)
    assert shown["phone_number"] is None
    assert shown["casement"]["contact"] == {"wa_id": None, "user_id": user_id, "username": "bob.k", "name": "Bob"}
    casement.deliver()
    assert casement.messages(user_id)[0]["casement"]["status"] == "delivered"


def test_a_user_id_nobody_knows_never_opened_a_window(casement):
    assert casement.send(None, recipient="US.404").ours["window"]["state"] == "never_opened"


def test_a_phone_today_and_a_user_id_tomorrow_share_the_window(casement):
    casement.simulator.inbound("Hi", sender=ALICE, user_id=None)  # as before April 2026
    casement.deliver()
    assert casement.send(ALICE).status == 200
    casement.now += DAY
    assert casement.send(ALICE).code == 131047
    casement.wrote(ALICE)  # with both
    user_id = user_id_of(casement, ALICE)
    casement.now += DAY - HOUR
    casement.simulator.inbound("again", sender=None, user_id=user_id)
    casement.deliver()
    casement.now += 2 * HOUR

    assert casement.send(ALICE).status == 200
    assert casement.send(None, recipient=user_id).status == 200
    assert len(casement.get("conversations").body["data"]) == 1


@pytest.mark.parametrize(
    ("written_to", "wa_id"),
    [
        ("5531987654321", "553187654321"),  # Brazil: Meta drops the ninth digit from area 31 on
        ("553187654321", "553187654321"),
        ("5511987654321", "5511987654321"),
        ("551187654321", "5511987654321"),
        ("525512345678", "5215512345678"),  # Mexico: Meta has the 1
        ("5215512345678", "5215512345678"),
        ("541123456789", "5491123456789"),  # Argentina: Meta has the 9
        ("5491123456789", "5491123456789"),
    ],
)
@pytest.mark.parametrize("hidden", [True, False])
def test_a_number_that_meta_rewrites_finds_its_window_before_and_after_an_answer_taught_us(
    casement, written_to, wa_id, hidden
):
    casement.simulator.inbound("Hi", sender=wa_id, **({"user_id": None} if hidden else {}))
    casement.deliver()

    before = casement.send(written_to)
    casement.deliver()
    after = casement.send(written_to)

    assert (before.status, after.status) == (200, 200)
    assert before.body["contacts"] == [{"input": written_to, "wa_id": wa_id}]
    for spelling in (written_to, wa_id, f"+{written_to}"):
        assert casement.conversation(spelling)["casement"]["contact"]["wa_id"] == wa_id
    assert len(casement.get("conversations").body["data"]) == 1
    assert len(casement.messages(written_to)) == 3


def test_a_changed_number_keeps_its_conversation(casement):
    casement.wrote(ALICE, name="Alice")
    old = user_id_of(casement, ALICE)
    casement.simulator.change_number(ALICE, "16505559999")
    casement.deliver()

    assert casement.send("16505559999").status == 200
    shown = casement.conversation("16505559999")
    assert shown["casement"]["contact"]["wa_id"] == "16505559999"
    assert shown["phone_number"] == "16505559999"
    assert shown["casement"]["contact"]["user_id"] not in (old, None)
    assert {casement.conversation(alias)["id"] for alias in (ALICE, "16505559999", old)} == {shown["id"]}
    assert shown["casement"]["contact"]["name"] == "Alice"


# --- groups --------------------------------------------------------------------------------------------


def to_group(casement: Deployment) -> Answer:
    return casement.post({"messaging_product": "whatsapp", "recipient_type": "group", "to": GROUP, **HELLO})


def test_a_group_has_a_window_that_any_member_opens(casement):
    assert to_group(casement).ours["window"]["state"] == "never_opened"
    casement.wrote(ALICE)  # to us alone
    assert to_group(casement).code == 131047
    casement.wrote(BOB, group_id=GROUP, name="Bob")

    answer = to_group(casement)

    assert answer.status == 200
    assert casement.send(BOB).code == 131047
    casement.deliver()
    shown = casement.conversation(f"group:{GROUP}")
    assert shown["casement"]["contact"] == {"wa_id": None, "user_id": None, "username": None, "name": None}
    assert shown["phone_number"] is None
    assert shown["casement"]["window"]["state"] == "open"
    statuses = {each["casement"]["id"]: each["casement"]["status"] for each in casement.messages(None) if "to" in each}
    assert statuses[answer.ours["id"]] == "delivered"


def test_a_lost_answer_to_a_group(casement):
    casement.wrote(BOB, group_id=GROUP)
    casement.simulator.fail_next("timeout_after")

    assert to_group(casement).body["contacts"] == [{"input": GROUP, "wa_id": GROUP}]


# --- receipts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typing", [{}, {"typing_indicator": {"type": "text"}}])
def test_receipts_go_through_whatever_the_window_is(casement, typing):
    wamid = casement.wrote(ALICE, ago=2 * DAY)
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid, **typing}

    answer = casement.post(body)

    assert (answer.status, answer.body) == (200, {"success": True})
    assert casement.simulator.marked_read == [body]
    assert len(casement.messages(None)) == 1  # a receipt is no message


def test_metas_no_to_a_receipt_is_passed_on(casement):
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.unknown"}

    assert (casement.post(body).status, casement.post(body).code) == (400, 131009)
    casement.simulator.fail_next("timeout_after")
    assert casement.post(body).status == 503  # it may be repeated


# --- every type, through to Meta -------------------------------------------------------------------------


def test_a_deep_or_odd_body_is_refused_and_nothing_is_kept(casement):
    for body in (
        b"",
        b"[]",
        b"{",
        b"[" * 50_000,
        b'{"messaging_product":"whatsapp","to":"1","text":' + b"[" * 990 + b"]" * 990 + b"}",
    ):
        answer = casement.post(body)
        assert (answer.status, answer.code) == (400, 100)
    assert casement.messages(None) == []
    assert casement.wire.requests == []


def test_bytes_that_come_in_base64(casement):
    casement.wrote(ALICE)
    body = '{"messaging_product":"whatsapp","to":"16505550101","text":{"body":"caf\u00e9"}}'.encode()

    answer = casement.request(
        "POST",
        "/v19.0/100000000000001/messages",
        headers={"x-api-key": "local-key", "content-type": "application/octet-stream"},
        body=body,
    )

    assert answer.status == 200
    assert casement.simulator.sent[0].text == "caf\u00e9"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/v25.0/100000000000001"),
        ("DELETE", "/v25.0/100000000000001/messages"),
        ("PUT", "/v25.0/100000000000001/messages"),
        ("POST", "/v25.0/100000000000001/messages/extra/more"),
        ("PUT", "/v25.0/100000000000001/media"),
        ("GET", "/v25.0/100000000000001/nothing"),
        ("OPTIONS", "/v25.0/100000000000001/messages"),
    ],
)
def test_unknown_paths_and_methods_are_answered_as_graph_does(casement, method, path):
    answer = casement.request(method, path, headers={"x-api-key": "local-key"}, body=b'{"a":')

    assert (answer.status, answer.code) == (404, 100)
    assert answer.body["error"]["type"] == "OAuthException"
