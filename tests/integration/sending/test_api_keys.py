"""API keys: checked before anything is read, answered in Meta's shape, revoked within a minute."""

from dataclasses import replace

import pytest

from casement.domain.api_key import Scope, digest_of
from tests.support.deployment import ALICE, API_KEY, HELLO, NUMBER, OTHER_NUMBER, Deployment
from tests.support.faults import watching

BODY = {"messaging_product": "whatsapp", "to": ALICE, **HELLO}


@pytest.fixture(autouse=True)
def alice_wrote(casement: Deployment) -> None:
    casement.wrote(ALICE)


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {API_KEY}"},
        {"Authorization": f"bearer  {API_KEY} "},
        {"authorization": f"OAuth {API_KEY}"},
        {"x-api-key": API_KEY},
        {"X-API-Key": API_KEY},
    ],
)
def test_a_known_key_in_either_header(casement, headers):
    assert casement.post(BODY, headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": API_KEY},
        {"authorization": f"Basic {API_KEY}"},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Bearer {API_KEY}x"},
        {"authorization": "Bearer \u00e9\U0001f600"},
        {"x-api-key": "wrong"},
        {"x-api-key": "\ud83d"},
    ],
)
def test_a_wrong_key_is_metas_401(casement, headers):
    sends = casement.post(BODY, headers=headers)
    reads = casement.request("GET", f"/v25.0/{NUMBER}/conversations", headers=headers)

    for answer in (sends, reads):
        assert (answer.status, answer.code) == (401, 190)
        assert answer.body["error"]["type"] == "OAuthException"
    assert casement.simulator.sent == []


def test_the_digest_of_a_key_is_no_key(casement):
    assert casement.post(BODY, key=digest_of(API_KEY)).status == 401


def test_a_wrong_key_learns_nothing_about_its_request(casement):
    assert casement.post(b"{", key="wrong").status == 401
    assert casement.post(BODY, key="wrong", number="1").status == 401


def test_a_revoked_key_stops_within_a_minute(casement):
    key = casement.add_key("short-lived")
    assert casement.post(BODY, key="short-lived").status == 200
    casement.api_keys.put(replace(key, revoked_at=casement.now))

    casement.now += 60_000

    assert casement.post(BODY, key="short-lived").status == 401
    assert casement.get("conversations", key="short-lived").status == 401


def test_a_key_is_read_once_in_half_a_minute(casement):
    casement.post(BODY)

    with watching(casement.client) as calls:
        casement.now += 29_000
        casement.post(BODY)
    assert calls.operations["GetItem"] == 0
    with watching(casement.client) as calls:
        casement.now += 2_000
        casement.post(BODY)
    assert calls.operations["GetItem"] == 1


def test_scopes(casement):
    casement.add_key("sends", [Scope.SEND])
    casement.add_key("reads", [Scope.READ])
    casement.add_key("nothing", [])

    assert casement.post(BODY, key="sends").status == 200
    assert casement.get("conversations", key="reads").status == 200
    assert casement.get("message_templates", number="200000000000001", key="reads").status == 200
    for refused in (
        casement.post(BODY, key="reads"),
        casement.post(BODY, key="nothing"),
        casement.get("conversations", key="sends"),
        casement.get("messages", key="nothing"),
        casement.get("message_templates", number="200000000000001", key="sends"),
    ):
        assert (refused.status, refused.code) == (403, 10)


def test_numbers(casement):
    casement.add_key("one number", numbers=frozenset([OTHER_NUMBER.phone_number_id]))

    assert casement.post(BODY, key="one number").status == 403
    for path in ("conversations", f"conversations/{ALICE}", "messages", "messages/csm1.x"):
        assert casement.get(path, key="one number").status == 403
    assert casement.get("message_templates", number="200000000000001", key="one number").status == 403
    assert casement.get("conversations", key="one number", number=OTHER_NUMBER.phone_number_id).status == 200
    assert casement.get("message_templates", key="one number", number=OTHER_NUMBER.waba_id).status == 200


def test_a_key_brings_a_default_policy(casement):
    casement.add_key("rejects", when_closed="reject")
    casement.now += 2 * 86_400_000

    assert casement.post(BODY, key="rejects").code == 131047


def test_a_number_nobody_configured(casement):
    answer = casement.post(BODY, number="999")

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 33)
    assert "999" in answer.body["error"]["error_data"]["details"]


def test_the_policy_of_a_request_comes_in_its_body_or_in_a_header(casement):
    casement.now += 2 * 86_400_000
    for body, headers, code in (
        ({"casement": {"when_closed": "reject"}}, {}, 131047),
        ({}, {"Casement-When-Closed": "reject"}, 131047),
        ({"casement": {"when_closed": "pray"}}, {}, 100),
        ({}, {"Casement-When-Closed": "pray"}, 100),
    ):
        answer = casement.post({**BODY, **body}, headers={"x-api-key": API_KEY, **headers})
        assert answer.code == code
