"""Contacts: what they want and in which language to write to them, by any of their names."""

from typing import Any
from urllib.parse import quote

import pytest

from casement.domain.api_key import Scope
from casement.store import keys
from casement.store.table import item
from tests.support.deployment import ALICE, API_KEY, HOUR, NOON, NUMBER, OTHER_NUMBER, Answer, Deployment, Json
from tests.support.tables import snapshot

NOTHING_STOPPED = {"marketing_stopped_at": None, "messages_stopped_at": None}
SECOND = 1_000


def contact(casement: Deployment, who: str = ALICE) -> Json:
    answer = casement.get(f"contacts/{quote(who, safe='')}")
    assert answer.status == 200, answer.body
    found: Json = answer.body
    return found


def patch(casement: Deployment, body: Any, who: str = ALICE, **more: Any) -> Answer:
    return casement.change("PATCH", f"contacts/{quote(who, safe='')}", body, **more)


def test_a_contact(casement):
    casement.wrote(ALICE, name="Alice", username="alice.k")
    user_id = casement.conversation()["id"]

    assert contact(casement) == {
        "id": user_id,
        "phone_number_id": NUMBER,
        "wa_id": ALICE,
        "user_id": user_id,
        "username": "alice.k",
        "name": "Alice",
        "language": None,
        "consent": NOTHING_STOPPED,
        "fields": {},
        "tags": [],
    }


def test_somebody_who_has_not_written_yet_may_be_given_wishes(casement):
    assert contact(casement)["id"] == ALICE

    assert patch(casement, {"language": "es", "consent": {"messages": "stop"}}).status == 200
    casement.now += HOUR
    casement.wrote(ALICE, name="Alice")

    found = contact(casement)
    assert found["user_id"] is not None
    assert (found["name"], found["language"]) == ("Alice", "es")
    assert found["consent"]["messages_stopped_at"] == NOON // 1000


@pytest.mark.parametrize("spelling", ["{phone}", "+{phone}", "+1 (650) 555-0101", "{user_id}"])
def test_any_name_leads_to_the_same_contact(casement, spelling):
    casement.wrote(ALICE)
    user_id = casement.conversation()["id"]
    named = spelling.format(phone=ALICE, user_id=user_id)

    answer = patch(casement, {"language": "pt_BR", "consent": {"marketing": "stop"}}, named)

    assert answer.body == {"success": True, "consent": {**NOTHING_STOPPED, "marketing_stopped_at": NOON // 1000}}
    for who in (ALICE, user_id, named):
        found = contact(casement, who)
        assert found["language"] == "pt_BR"
        assert found["consent"] == answer.body["consent"]


@pytest.mark.parametrize("first", ["phone", "user id"])
def test_what_was_said_of_one_alias_is_known_of_all(casement, first):
    user_id = "US.13491208655302741918"
    patch(casement, {"language": "fr", "consent": {"messages": "stop"}}, ALICE if first == "phone" else user_id)
    casement.now += SECOND

    casement.wrote(ALICE, user_id=user_id)

    for who in (ALICE, user_id):
        assert contact(casement, who)["language"] == "fr"
        assert contact(casement, who)["consent"]["messages_stopped_at"] == NOON // 1000


def test_the_last_language_counts_whichever_alias_it_was_said_of(casement):
    user_id = "US.13491208655302741918"
    patch(casement, {"language": "fr"}, ALICE)
    patch(casement, {"language": "de"}, user_id)
    casement.wrote(ALICE, user_id=user_id)

    patch(casement, {"language": "it"}, ALICE)

    assert contact(casement, user_id)["language"] == contact(casement, ALICE)["language"] == "it"


def test_what_is_not_named_stays(casement):
    patch(casement, {"language": "es", "consent": {"marketing": "stop"}})
    casement.now += SECOND
    patch(casement, {"consent": {"messages": "stop"}})

    assert contact(casement)["language"] == "es"
    assert contact(casement)["consent"] == {
        "marketing_stopped_at": NOON // 1000,
        "messages_stopped_at": NOON // 1000 + 1,
    }
    casement.now += SECOND
    patch(casement, {"language": None})
    patch(casement, {})

    assert contact(casement)["language"] is None
    assert contact(casement)["consent"]["marketing_stopped_at"] == NOON // 1000


def test_how_else_to_reach_somebody_and_tags(casement):
    patch(casement, {"fields": {"email": "ana@example.org", "phone": "+1 650"}, "tags": ["vip", "berlin"]})
    casement.now += HOUR
    patch(casement, {"fields": {"phone": None, "service": "haircut"}})
    patch(casement, {"tags": ["vip", "new"]})

    found = contact(casement)
    assert found["fields"] == {
        "email": {"value": "ana@example.org", "said_at": NOON // 1000},
        "service": {"value": "haircut", "said_at": NOON // 1000 + 3600},
    }
    assert found["tags"] == ["new", "vip"]
    assert (found["language"], found["consent"]) == (None, NOTHING_STOPPED)


@pytest.mark.parametrize("later", [ALICE, "US.13491208655302741918"])
def test_what_was_said_last_counts_whichever_alias_it_was_said_of(casement, later):
    both = {ALICE, "US.13491208655302741918"}
    (earlier,) = both - {later}
    patch(casement, {"fields": {"email": "old@example.org", "name": "Ana"}, "tags": ["old"]}, earlier)
    casement.now += SECOND
    patch(casement, {"fields": {"email": "new@example.org"}, "tags": ["new"]}, later)

    casement.wrote(ALICE, user_id="US.13491208655302741918")

    for who in both:
        fields = {name: field["value"] for name, field in contact(casement, who)["fields"].items()}
        assert fields == {"email": "new@example.org", "name": "Ana"}
        assert contact(casement, who)["tags"] == ["new", "old"]
    casement.now += SECOND
    patch(casement, {"tags": []}, ALICE)
    assert contact(casement)["tags"] == []


def test_two_who_change_a_contact_at_once_both_do(casement):
    def meanwhile(_: Json) -> None:
        casement.client.meta.events.unregister("provide-client-params.dynamodb.PutItem", others)
        patch(casement, {"fields": {"email": "ana@example.org"}, "tags": ["one"]})

    def others(params: Json, **_: Any) -> None:
        meanwhile(params)

    casement.client.meta.events.register("provide-client-params.dynamodb.PutItem", others)
    patch(casement, {"fields": {"phone": "+1 650"}, "language": "es"})

    assert contact(casement)["fields"].keys() == {"email", "phone"}
    assert (contact(casement)["language"], contact(casement)["tags"]) == ("es", ["one"])


def test_a_language_that_was_kept_before_there_was_more_stays(casement):
    key = keys.profile(NUMBER, ALICE)
    casement.table.put(item(key, {"language": "es"}))

    patch(casement, {"fields": {"email": "ana@example.org"}})

    assert contact(casement)["language"] == "es"
    assert contact(casement)["fields"].keys() == {"email"}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"lang": "es"}, "lang"),
        ({"fields": ["email"]}, "fields"),
        ({"fields": {"e-mail": "a@example.org"}}, "fields.e-mail"),
        ({"fields": {"email": ""}}, "fields.email"),
        ({"fields": {"email": 7}}, "fields.email"),
        ({"fields": {"email": "x" * 501}}, "fields.email"),
        ({"tags": "vip"}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": None}, "tags"),
        ({"tags": [str(number) for number in range(101)]}, "tags"),
        ({"language": "es", "email": "a@example.org"}, "email"),
        ({"language": ""}, "language"),
        ({"language": 7}, "language"),
        ({"language": ["es"]}, "language"),
        ({"language": "x" * 201}, "language"),
        ({"language": "\ud83d"}, "language"),  # half a character, which no table can keep
        ({"consent": "stop"}, "consent"),
        ({"consent": ["stop"]}, "consent"),
        ({"consent": {"sms": "stop"}}, "consent.sms"),
        ({"consent": {"marketing": "never"}}, "consent"),
        ({"consent": {"marketing": True}}, "consent"),
        ({"consent": {"marketing": None}}, "consent"),
        ({"consent": {"marketing": []}}, "consent"),
        ({"language": "es", "consent": {"marketing": "stop", "messages": "perhaps"}}, "consent"),
        ({"language": 7, "consent": {"marketing": "stop"}}, "language"),
    ],
)
def test_what_is_not_understood_is_refused_by_name_and_nothing_is_kept(casement, body, parameter):
    before = snapshot(casement.client, casement.name)

    answer = patch(casement, body)

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours == {"parameter": parameter}
    assert snapshot(casement.client, casement.name) == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000, b" " * 70_000])
def test_a_body_that_is_no_object_is_refused(casement, body):
    headers = {"authorization": f"Bearer {API_KEY}"}
    answer = casement.request("PATCH", f"/v25.0/{NUMBER}/contacts/{ALICE}", headers=headers, body=body)

    assert (answer.status, answer.code) == (400, 100)


def test_scopes(casement):
    casement.add_key("reads", [Scope.READ])
    casement.add_key("sends", [Scope.SEND])
    before = snapshot(casement.client, casement.name)

    for refused in (
        patch(casement, {"language": "es"}, key="reads"),
        casement.get(f"contacts/{ALICE}", key="sends"),
        patch(casement, {"language": "es"}, key="nobody knows it"),
    ):
        assert (refused.status, refused.code) in {(403, 10), (401, 190)}
    assert snapshot(casement.client, casement.name) == before
    assert patch(casement, {"language": "es"}, key="sends").status == 200
    assert casement.get(f"contacts/{ALICE}", key="reads").body["language"] == "es"


def test_a_key_for_another_number(casement):
    casement.add_key("the other", numbers=frozenset([OTHER_NUMBER.phone_number_id]))

    for refused in (
        patch(casement, {"language": "es"}, key="the other"),
        casement.get(f"contacts/{ALICE}", key="the other"),
    ):
        assert (refused.status, refused.code) == (403, 10)
    other = OTHER_NUMBER.phone_number_id
    assert patch(casement, {"language": "es"}, key="the other", number=other).status == 200
    assert contact(casement)["language"] is None  # a contact is one number's


def test_a_number_nobody_configured(casement):
    answer = patch(casement, {"language": "es"}, number="999")

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 33)
