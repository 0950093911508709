"""What the owner of a number sets: shown as it was set, refused by name, and counted in its turn."""

import json
from typing import Any

import pytest

from casement.domain.api_key import Scope
from casement.domain.number import PRESETS
from tests.support.deployment import (
    ALICE,
    API_KEY,
    HELLO,
    NUMBER,
    OTHER_NUMBER,
    Answer,
    Deployment,
    Json,
)
from tests.support.tables import snapshot

PATH = f"/casement/v1/numbers/{NUMBER}"
DEFAULTS = (
    *("when_closed", "purposes", "languages", "stop_words", "resume_words", "most_holds"),
    *("when_limited", "when_dearer", "flow_fields", "closing_lead_s", "preset_purposes"),
)
EVERYTHING: Json = {
    "when_closed": {"hold": {"expires_in": 3600, "nudge": {"purpose": "nudge", "parameters": {"1": "you"}}}},
    "purposes": {"re_engage": [{"name": "we_are_here", "category": "UTILITY"}], "nudge": []},
    "languages": ["pt_BR", "en_US"],
    "stop_words": {"nl": ["stoppen", "nooit meer"]},
    "resume_words": {"nl": ["graag"]},
    "most_holds": 3,
    "when_limited": "queue",
    "when_dearer": "refuse",
    "flow_fields": {"email": ["correo"], "phone": []},
    "closing_lead_s": 3600,
}

SET = EVERYTHING["purposes"]
SHOWN = {
    "phone_number_id": NUMBER,
    **EVERYTHING,
    "preset_purposes": {
        purpose: [{"name": each.name, "category": each.category} for each in templates]
        for purpose, templates in PRESETS.items()
        if purpose not in SET
    },
}


def put(casement: Deployment, settings: Any, **more: Any) -> Answer:
    return casement.change("PUT", PATH, settings, **more)


def shown(casement: Deployment) -> Json:
    answer = casement.get(PATH)
    assert answer.status == 200, answer.body
    found: Json = answer.body
    return found


# --- shown as it was set ----------------------------------------------------------------------------


def test_a_number_that_nobody_set_shows_what_holds(casement):
    found = shown(casement)

    assert found["phone_number_id"] == NUMBER
    assert set(found) == {"phone_number_id", *DEFAULTS}
    assert (found["when_closed"], found["purposes"], found["most_holds"]) == (None, {}, 20)
    assert found["languages"] == ["en_US", "en"]
    assert "stop" in found["stop_words"]["en"]


def test_what_is_set_is_shown_and_what_is_shown_can_be_set(casement):
    assert put(casement, EVERYTHING).body == SHOWN
    assert shown(casement) == SHOWN
    before = snapshot(casement.client, casement.name)

    assert put(casement, shown(casement)).body == SHOWN
    assert snapshot(casement.client, casement.name) == before


def test_the_defaults_can_be_set_as_they_are_shown(casement):
    assert put(casement, shown(casement)).body == shown(casement)


def test_setting_is_of_the_whole(casement):
    put(casement, EVERYTHING)

    put(casement, {"most_holds": 5})

    assert shown(casement)["most_holds"] == 5
    assert shown(casement)["when_closed"] is None
    assert shown(casement)["purposes"] == {}


def test_each_number_has_its_own(casement):
    put(casement, EVERYTHING)

    other = casement.get(f"/casement/v1/numbers/{OTHER_NUMBER.phone_number_id}").body

    assert (other["phone_number_id"], other["most_holds"]) == (OTHER_NUMBER.phone_number_id, 20)


@pytest.mark.parametrize(
    "when_closed",
    [
        *("reject", "hold", "template", "handoff"),
        {"template": {"name": "hello_world", "language": {"code": "en_US"}}},
        {"purpose": "re_engage"},
        {"hold": {}},
        {"handoff": {"note": "VIP"}},
    ],
)
def test_every_policy_can_be_a_numbers_own(casement, when_closed):
    assert put(casement, {"when_closed": when_closed}).status == 200
    assert shown(casement)["when_closed"] == when_closed


# --- refused by name --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "parameter"),
    [
        ({"colour": "red"}, "colour"),
        ({"when_closed": "sometimes"}, "when_closed"),
        ({"when_closed": 7}, "when_closed"),
        ({"when_closed": {}}, "when_closed"),
        ({"when_closed": {"purpose": "x", "nudge": 1}}, "when_closed.nudge"),
        ({"when_closed": {"hold": {"expires_in": 0}}}, "when_closed.hold.expires_in"),
        ({"when_closed": {"hold": {"expires_in": 30 * 86_400 + 1}}}, "when_closed.hold.expires_in"),
        ({"when_closed": {"hold": {"for": "ever"}}}, "when_closed.hold.for"),
        ({"when_closed": {"hold": {"nudge": {"template": {"name": "x"}}}}}, "when_closed.hold.nudge.template"),
        ({"when_closed": {"template": {"language": {"code": "en"}}}}, "when_closed.template.name"),
        ({"when_closed": {"handoff": {"note": 1}}}, "when_closed.handoff.note"),
        ({"purposes": ["we_are_here"]}, "purposes"),
        ({"purposes": {"re_engage": "we_are_here"}}, "purposes.re_engage"),
        ({"purposes": {"re_engage": [7]}}, "purposes.re_engage"),
        ({"purposes": {"re_engage": [""]}}, "purposes.re_engage"),
        ({"purposes": {"re_engage": [{"category": "UTILITY"}]}}, "purposes.re_engage"),
        ({"purposes": {"re_engage": [{"name": "x", "category": 7}]}}, "purposes.re_engage"),
        ({"purposes": {"re_engage": [{"name": "x", "language": "en"}]}}, "purposes.re_engage"),
        ({"purposes": {"re_engage": ["x"] * 51}}, "purposes.re_engage"),
        ({"purposes": {"": ["x"]}}, "purposes"),
        ({"purposes": {str(number): [] for number in range(51)}}, "purposes"),
        ({"languages": "en"}, "languages"),
        ({"languages": [None]}, "languages"),
        ({"stop_words": ["stop"]}, "stop_words"),
        ({"stop_words": {"en": "stop"}}, "stop_words.en"),
        ({"stop_words": {"en": [""]}}, "stop_words.en"),
        ({"resume_words": {"en": [7]}}, "resume_words.en"),
        *(({"when_limited": word}, "when_limited") for word in ("later", "", 7, True, ["queue"])),
        ({"flow_fields": ["email"]}, "flow_fields"),
        ({"flow_fields": {"fax": ["fax"]}}, "flow_fields.fax"),
        ({"flow_fields": {"email": "email"}}, "flow_fields.email"),
        *(({"when_dearer": word}, "when_dearer") for word in ("perhaps", "", 7, True, ["send"])),
        ({"most_holds": 0}, "most_holds"),
        ({"most_holds": 101}, "most_holds"),
        ({"most_holds": True}, "most_holds"),
        ({"most_holds": "3"}, "most_holds"),
        ({"most_holds": 3.5}, "most_holds"),
        *(({"closing_lead_s": wrong}, "closing_lead_s") for wrong in (-1, 86_401, "60", True, 1.5)),
    ],
)
def test_what_is_not_understood_is_refused_by_name_and_nothing_changes(casement, settings, parameter):
    put(casement, EVERYTHING)
    before = snapshot(casement.client, casement.name)

    answer = put(casement, settings)

    assert (answer.status, answer.code) == (400, 100)
    named = answer.ours["parameter"]
    assert named == parameter or named.startswith(f"{parameter}.")
    assert snapshot(casement.client, casement.name) == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"null", b"[" * 5000, b'{"a": "' + b"x" * 70_000 + b'"}'])
def test_a_body_that_is_no_object_is_refused(casement, body):
    headers = {"authorization": f"Bearer {API_KEY}"}

    answer = casement.request("PUT", PATH, headers=headers, body=body)

    assert (answer.status, answer.code) == (400, 100)


TEMPLATE = b'{"when_closed": {"template": {"name": "x", "language": {"code": "en"}, "components": %b}}}'


@pytest.mark.parametrize("components", [b"NaN", b"[-Infinity]", b"[" * 70 + b"]" * 70, b"[" * 900 + b"]" * 900])
def test_a_policy_that_could_not_be_written_to_meta_is_refused_now(casement, components):
    headers = {"authorization": f"Bearer {API_KEY}"}

    answer = casement.request("PUT", PATH, headers=headers, body=TEMPLATE % components)

    assert (answer.status, answer.code) == (400, 100)
    assert shown(casement)["when_closed"] is None


# --- who may ----------------------------------------------------------------------------------------


def test_setting_takes_a_scope_of_its_own(casement):
    casement.add_key("sends and reads", [Scope.SEND, Scope.READ])
    casement.add_key("manages", [Scope.MANAGE])
    before = snapshot(casement.client, casement.name)

    for refused in (
        put(casement, EVERYTHING, key="sends and reads"),
        casement.get(PATH, key="manages"),
    ):
        assert (refused.status, refused.code) == (403, 10)
    assert put(casement, EVERYTHING, key="nobody knows it").status == 401
    assert snapshot(casement.client, casement.name) == before
    assert put(casement, EVERYTHING, key="manages").status == 200
    assert casement.get(PATH, key="sends and reads").status == 200


def test_a_key_for_another_number(casement):
    casement.add_key("the other", numbers=frozenset([OTHER_NUMBER.phone_number_id]))

    assert put(casement, EVERYTHING, key="the other").status == 403
    assert casement.get(PATH, key="the other").status == 403
    other = f"/casement/v1/numbers/{OTHER_NUMBER.phone_number_id}"
    assert casement.change("PUT", other, EVERYTHING, key="the other").status == 200


def test_a_number_nobody_configured(casement):
    for answer in (
        casement.get("/casement/v1/numbers/999"),
        casement.change("PUT", "/casement/v1/numbers/999", {}),
    ):
        assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 33)


# --- the category a template had when it was chosen -------------------------------------------------

RE_ENGAGE = {"purpose": "re_engage", "parameters": {"1": "Ana"}}


def dry(casement: Deployment) -> Json:
    found: Json = casement.send(casement={"when_closed": RE_ENGAGE, "dry_run": True}).ours["decision"]
    return found


def moved(casement: Deployment, name: str, category: str) -> None:
    """Meta moves a template to another category, and Casement hears of it."""
    casement.simulator.recategorise(name, category, notify=False)
    casement.now += 1_000
    casement.sync()


def test_the_category_of_each_template_is_filled_in(casement):
    casement.sync()
    answer = put(casement, {"purposes": {"re_engage": ["we_are_here", {"name": "seasonal_offer"}, "unheard_of"]}})

    assert answer.body["purposes"]["re_engage"] == [
        {"name": "we_are_here", "category": "UTILITY"},
        {"name": "seasonal_offer", "category": "MARKETING"},
        {"name": "unheard_of"},
    ]
    assert shown(casement) == answer.body


def test_only_a_template_that_may_go_tells_its_category(casement):
    casement.sync()
    casement.simulator.review("seasonal_offer", "reject", notify=False)
    casement.now += 1
    casement.sync()

    answer = put(casement, {"purposes": {"re_engage": ["seasonal_offer"]}})

    assert answer.body["purposes"]["re_engage"] == [{"name": "seasonal_offer"}]


def test_a_category_that_the_owner_names_is_kept(casement):
    casement.sync()
    answer = put(casement, {"purposes": {"re_engage": [{"name": "we_are_here", "category": "marketing"}]}})

    assert answer.body["purposes"]["re_engage"] == [{"name": "we_are_here", "category": "MARKETING"}]
    assert dry(casement)["action"] == "refuse"


def test_a_template_that_meta_moved_to_another_category_is_passed_over_and_the_reason_told(casement):
    casement.sync()
    put(casement, {"purposes": {"re_engage": ["we_are_here", "seasonal_offer"]}})
    assert dry(casement)["template"]["name"] == "we_are_here"

    moved(casement, "we_are_here", "MARKETING")

    decided = dry(casement)
    assert decided["template"]["name"] == "seasonal_offer"
    (passed,) = {each["name"] for each in decided["candidates"]}
    assert passed == "we_are_here"
    assert "was UTILITY when this purpose was set and is now MARKETING" in decided["candidates"][0]["why"]
    casement.send(casement={"when_closed": RE_ENGAGE})
    assert [sent.body["template"]["name"] for sent in casement.simulator.sent] == ["seasonal_offer"]


def test_a_drift_is_forgotten_once_meta_moves_it_back_or_the_owner_agrees(casement):
    casement.sync()
    put(casement, {"purposes": {"re_engage": ["we_are_here"]}})
    moved(casement, "we_are_here", "MARKETING")
    put(casement, shown(casement))  # what was shown says UTILITY: no agreement
    assert dry(casement)["action"] == "refuse"

    put(casement, {"purposes": {"re_engage": ["we_are_here"]}})
    assert dry(casement)["price_class"] == "marketing"

    moved(casement, "we_are_here", "UTILITY")
    assert dry(casement)["action"] == "refuse"
    moved(casement, "we_are_here", "MARKETING")
    assert dry(casement)["action"] == "send_template"


# --- body, header, API key, number, reject ----------------------------------------------------------


def action(casement: Deployment, **policies: Any) -> str:
    """What becomes of a message while the window is closed, with a policy at some of the levels."""
    at = {level.replace("_", " ").replace("api", "API"): policy for level, policy in policies.items()}
    put(casement, {"when_closed": at["number"]} if "number" in at else {})
    casement.add_key("with a default", when_closed=json.dumps(at["API key"]) if "API key" in at else None)
    ours = {"dry_run": True} | ({"when_closed": at["body"]} if "body" in at else {})
    headers = {"authorization": "Bearer with a default"}
    headers |= {"Casement-When-Closed": json.dumps(at["header"])} if "header" in at else {}
    body = {"messaging_product": "whatsapp", "to": ALICE, **HELLO, "casement": ours}
    answer = casement.post(body, headers=headers)
    assert answer.status == 200, answer.body
    found: str = answer.ours["decision"]["action"]
    return found


HOLD: Json = {"hold": {}}
HAND_OFF: Json = {"handoff": {}}


@pytest.mark.parametrize(("higher", "lower"), [("body", "header"), ("header", "api_key"), ("api_key", "number")])
def test_the_nearer_policy_counts(casement, higher, lower):
    assert action(casement, **{higher: HOLD, lower: HAND_OFF}) == "hold"


@pytest.mark.parametrize("level", ["body", "header", "api_key", "number"])
def test_each_level_counts_by_itself_before_a_refusal(casement, level):
    assert action(casement, **{level: HOLD}) == "hold"


def test_all_levels_at_once(casement):
    everything = {"body": HOLD, "header": HAND_OFF, "api_key": HAND_OFF, "number": HAND_OFF}

    assert action(casement, **everything) == "hold"


def test_without_any_policy_it_is_refused(casement):
    assert action(casement) == "refuse"


@pytest.mark.parametrize("higher", ["body", "header", "api_key"])
def test_a_reject_nearer_by_stands_against_a_policy_farther_off(casement, higher):
    headers = {"authorization": f"Bearer {API_KEY}"} | (
        {"Casement-When-Closed": "reject"} if higher == "header" else {}
    )
    casement.add_key("rejects", when_closed="reject")
    put(casement, {"when_closed": "hold"})
    if higher == "api_key":
        headers["authorization"] = "Bearer rejects"
    body = {"messaging_product": "whatsapp", "to": ALICE, **HELLO}
    body |= {"casement": {"when_closed": "reject"}} if higher == "body" else {}

    assert casement.post(body, headers=headers).code == 131047


def test_a_policy_set_for_the_number_is_what_becomes_of_a_message(casement):
    put(casement, {"when_closed": "hold"})

    answer = casement.send()

    assert answer.body["messages"][0]["message_status"] == "held_for_customer"
    assert casement.send(casement={"when_closed": "reject"}).code == 131047
