"""How Flows are answered: set by their owner, shown without the secret, changed by who knows what is there."""

import json
from typing import Any

import pytest

from casement.domain.api_key import Scope
from tests.support.deployment import API_KEY, NUMBER, Answer, Deployment, Json

PATH = "/casement/v1/flows/123"
SCREENS: list[Json] = [
    {"action": "INIT", "screen": "BOOK", "data": {"days": ["monday"]}},
    {"action": "data_exchange", "from": "BOOK", "screen": "SUCCESS"},
]
BACKEND = {"url": "https://example.org/flows", "deadline_ms": 3000}
SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def put(casement: Deployment, config: Any, *, match: str | None = None, key: str = API_KEY) -> Answer:
    headers = {"authorization": f"Bearer {key}", **({"if-match": match} if match else {})}
    return casement.request("PUT", PATH, headers=headers, body=json.dumps(config).encode())


def test_what_is_set_is_shown_and_listed_and_gone_once_it_is_removed(casement):
    assert casement.get(PATH).status == 404
    assert put(casement, {"screens": SCREENS}).body == {"flow_id": "123", "screens": SCREENS}

    assert casement.get(PATH).body == {"flow_id": "123", "screens": SCREENS}
    casement.change("PUT", "/casement/v1/flows/456", {"backend": BACKEND})
    listed = casement.get("/casement/v1/flows").body["data"]
    assert [one["flow_id"] for one in listed] == ["123", "456"]
    assert casement.change("DELETE", PATH).body == {"success": True}
    assert casement.get(PATH).status == 404
    assert casement.change("DELETE", PATH).status == 404


def test_the_secret_is_told_once_and_stays_until_another_is_given(casement):
    first = put(casement, {"backend": BACKEND}).body["backend"]
    assert first["secret"].startswith("whsec_")

    assert put(casement, {"backend": {**BACKEND, "deadline_ms": 8000}}).body["backend"] == {
        **BACKEND,
        "deadline_ms": 8000,
    }
    assert casement.flows.find("123").backend.secret == first["secret"]
    assert put(casement, {"backend": {**BACKEND, "secret": SECRET}}).body["backend"]["secret"] == SECRET
    shown = casement.get(PATH).body
    assert shown == {"flow_id": "123", "backend": BACKEND}
    assert put(casement, shown).body == shown
    assert casement.flows.find("123").backend.secret == SECRET
    assert SECRET not in repr(casement.flows.find("123"))


def test_two_who_change_it_at_once_do_not_undo_each_other(casement):
    put(casement, {"screens": SCREENS})
    etag = casement.handle("GET", PATH, headers={"authorization": f"Bearer {API_KEY}"})["headers"]["etag"]

    assert put(casement, {"screens": SCREENS[:1]}, match=etag).status == 200
    assert put(casement, {"screens": SCREENS[1:]}, match=etag).status == 412
    assert casement.get(PATH).body["screens"] == SCREENS[:1]

    def meanwhile(asked: Json) -> None:
        if asked["Item"]["version"]["N"] == "3":
            casement.client.meta.events.unregister("provide-client-params.dynamodb.PutItem", step)
            assert put(casement, {"screens": SCREENS}).status == 200

    def step(params: Json, **_: Any) -> None:
        meanwhile(params)

    casement.client.meta.events.register("provide-client-params.dynamodb.PutItem", step)
    assert put(casement, {"screens": SCREENS[1:]}).status == 412
    assert casement.get(PATH).body["screens"] == SCREENS


@pytest.mark.parametrize(
    ("config", "parameter"),
    [
        ([], "screens"),
        ({}, "screens"),
        ({"screens": []}, "screens"),
        ({"screens": SCREENS, "fallback": {}}, "fallback"),
        ({"screens": [{"screen": ""}]}, "screens.0.screen"),
        ({"screens": [SCREENS[0], {"action": "ping", "screen": "A"}]}, "screens.1.action"),
        ({"screens": [{"screen": "A", "data": []}]}, "screens.0.data"),
        ({"screens": [{"screen": "A", "to": "B"}]}, "screens.0.to"),
        ({"backend": "https://example.org"}, "backend"),
        ({"backend": {}}, "backend.url"),
        ({"backend": {"url": "http://example.org"}}, "backend.url"),
        ({"backend": {"url": "https://me:secret@example.org"}}, "backend.url"),
        ({"backend": {**BACKEND, "deadline_ms": 8001}}, "backend.deadline_ms"),
        ({"backend": {**BACKEND, "deadline_ms": True}}, "backend.deadline_ms"),
        ({"backend": {**BACKEND, "secret": "short"}}, "backend.secret"),
        ({"backend": {**BACKEND, "retries": 3}}, "backend.retries"),
    ],
)
def test_what_is_not_understood_is_refused_by_name_and_nothing_is_kept(casement, config, parameter):
    answer = put(casement, config)

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": parameter})
    assert casement.flows.all() == []


def test_who_may(casement):
    casement.add_key("reads", [Scope.READ])
    casement.add_key("one number's", numbers=frozenset([NUMBER]))

    assert put(casement, {"screens": SCREENS}, key="reads").status == 403
    assert put(casement, {"screens": SCREENS}, key="one number's").status == 403
    assert put(casement, {"screens": SCREENS}, key="nobody's").status == 401
    put(casement, {"screens": SCREENS})
    assert casement.get(PATH, key="reads").status == 200
    assert casement.get(PATH, key="one number's").status == 403
