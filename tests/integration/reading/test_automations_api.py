"""What follows from messages by itself, as owners show, change and try it."""

import json
from typing import Any

import pytest

from casement.domain.api_key import Scope
from casement.domain.automations_document import automations_from, document_of
from casement.domain.business_hours import zone
from tests.support.deployment import ALICE, API_KEY, BOB, NUMBER, OTHER_NUMBER, Answer, Deployment, Json

PATH = "/casement/v1/automations"
HOURS = {"time_zone": "Europe/Madrid", "hours": {"mon-fri": "09:00-18:00"}}
THREE_LINES = {"business_hours": HOURS, "answer": "We answer soon.", "away": "We are back {{hours.next_open}}."}
PRICES = {"id": "prices", "when": {"keyword": ["price", "prices"]}, "then": {"reply": "It is 10 euros."}, "stop": True}


def ask(casement: Deployment, method: str, path: str = "", body: Any = None, **headers: str) -> Answer:
    content = json.dumps(body).encode() if body is not None else b""
    raw = casement.handle(
        method,
        PATH + path,
        query=f"phone_number_id={NUMBER}",
        headers={
            "authorization": f"Bearer {API_KEY}",
            **{name.replace("_", "-"): each for name, each in headers.items()},
        },
        body=content,
    )
    answer = Answer(raw["statusCode"], json.loads(raw["body"]))
    if "etag" in raw["headers"]:
        answer.body["etag"] = raw["headers"]["etag"]
    return answer


def rules(casement: Deployment) -> list[Json]:
    found: list[Json] = ask(casement, "GET").body["rules"]
    return found


def ids(casement: Deployment) -> list[str]:
    return [rule["id"] for rule in rules(casement)]


def faults(answer: Answer) -> list[str]:
    assert answer.status == 400
    return [fault["path"] for fault in answer.ours["faults"]]


# --- shown and changed -----------------------------------------------------------------------------------------------


def test_a_number_has_none_at_first(casement):
    assert ask(casement, "GET").body == {
        "phone_number_id": NUMBER,
        "business_hours": None,
        "language": None,
        "budget": None,
        "limit": 5,
        "rules": [],
        "etag": '"0"',
    }


def test_all_are_set_at_once_and_shown_in_their_long_form(casement):
    answer = ask(casement, "PUT", body=THREE_LINES)

    assert answer.status == 200
    assert answer.body == {"phone_number_id": NUMBER, **document_of(automations_from(THREE_LINES)), "etag": '"1"'}
    assert ask(casement, "GET").body == answer.body


def test_what_is_shown_can_be_changed_and_given_back(casement):
    shown = ask(casement, "PUT", body=THREE_LINES).body
    etag = shown.pop("etag")
    shown["limit"] = 2

    assert ask(casement, "PUT", body=shown, if_match=etag).body["limit"] == 2
    assert ask(casement, "PUT", body={}).body["rules"] == []


def test_the_numbers_of_one_deployment_have_their_own(casement):
    ask(casement, "PUT", body=THREE_LINES)
    others = casement.change("GET", f"{PATH}?phone_number_id={OTHER_NUMBER.phone_number_id}")

    assert others.body["rules"] == []
    assert casement.change("GET", PATH).status == 400, "which number?"


def test_a_rule_is_added_shown_changed_and_removed(casement):
    ask(casement, "PUT", body=THREE_LINES)

    added = ask(casement, "POST", body=PRICES)
    assert added.status == 200
    assert added.body["when"] == {"keyword": {"words": ["price", "prices"], "match": "word"}}
    assert ids(casement) == ["away", "answer", "prices"]
    assert ask(casement, "GET", "/prices").body == added.body

    assert ask(casement, "PATCH", "/prices", {"enabled": False, "stop": None}).body["enabled"] is False
    assert ask(casement, "GET", "/prices").body["stop"] is False

    replaced = ask(casement, "PUT", "/away", {"when": "message", "then": "handoff"})
    assert (replaced.body["once"], replaced.body["then"]) == ("window", [{"handoff": True}])
    assert ask(casement, "PUT", "/last", {"id": "last", "when": "message", "then": "handoff"}).status == 200
    assert ids(casement) == ["away", "answer", "prices", "last"]

    assert ask(casement, "DELETE", "/answer").body == {"success": True, "etag": '"6"'}
    assert ids(casement) == ["away", "prices", "last"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/none", None, 404),
        ("PATCH", "/none", {"enabled": False}, 404),
        ("DELETE", "/none", None, 404),
        ("POST", "", PRICES, 400),
        ("POST", "", ["prices"], 400),
        ("PATCH", "/prices", {"id": "other"}, 400),
        ("PUT", "/prices", {**PRICES, "id": "other"}, 400),
        ("PUT", "/prices", None, 400),
    ],
)
def test_what_can_not_be_done_changes_nothing(casement, method, path, body, status):
    ask(casement, "PUT", body={"rules": [PRICES]})
    before = ask(casement, "GET").body

    assert ask(casement, method, path, body).status == status
    assert ask(casement, "GET").body == before


def test_every_fault_is_told_with_its_place(casement):
    whole = {"limit": 0, "rules": [PRICES, {"id": "b", "when": "raining", "then": {"reply": ""}}]}

    assert faults(ask(casement, "PUT", body=whole)) == ["limit", "rules[1].when.raining", "rules[1].then.reply"]
    assert ask(casement, "PUT", body={"rules": [PRICES]}).status == 200
    assert faults(ask(casement, "POST", body={"id": "b", "when": "raining", "then": 1})) == ["when.raining", "then"]
    assert faults(ask(casement, "POST", body={})) == ["id", "when", "then"]
    assert faults(ask(casement, "PATCH", "/prices", {"once": "daily"})) == ["once"]
    assert ids(casement) == ["prices"]


# --- by several at once ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "", {"rules": []}),
        ("POST", "", {**PRICES, "id": "b"}),
        ("PUT", "/prices", {"when": "message", "then": "handoff"}),
        ("PATCH", "/prices", {"enabled": False}),
        ("DELETE", "/prices", None),
    ],
)
def test_who_does_not_know_the_newest_version_changes_nothing(casement, method, path, body):
    ask(casement, "PUT", body={"rules": [PRICES]})
    etag = ask(casement, "PATCH", "/prices", {"name": "Prices"}).body["etag"]

    assert ask(casement, method, path, body, if_match='"1"').status == 412
    assert rules(casement)[0]["name"] == "Prices"
    assert ask(casement, method, path, body, if_match=etag).status == 200


def test_nobodys_change_is_lost(casement):
    ask(casement, "PUT", body={"rules": [PRICES]})
    left = [{"enabled": False}]

    def another(_params: Json) -> None:
        if left:
            assert ask(casement, "PATCH", "/prices", left.pop()).status == 200

    with casement.stepping_in("PutItem", another):
        assert ask(casement, "PATCH", "/prices", {"name": "Prices"}).status == 200

    (rule,) = rules(casement)
    assert (rule["name"], rule["enabled"]) == ("Prices", False)


def test_who_is_always_too_late_is_told(casement):
    ask(casement, "PUT", body={"rules": [PRICES]})
    turns, under_way = iter(range(100)), [False]

    def another(_params: Json) -> None:
        if not under_way[0]:
            under_way[0] = True
            ask(casement, "PATCH", "/prices", {"name": f"turn {next(turns)}"})
            under_way[0] = False

    with casement.stepping_in("PutItem", another):
        assert ask(casement, "PUT", body={"rules": []}).status == 412


def test_to_read_and_try_takes_another_scope_than_to_change(casement: Deployment) -> None:
    casement.add_key("reads", [Scope.READ])
    casement.add_key("manages", [Scope.MANAGE], numbers=frozenset({NUMBER}))
    body = json.dumps({"text": "Hi"}).encode()

    def status(method: str, path: str, key: str) -> int:
        headers = {"authorization": f"Bearer {key}"}
        query = f"phone_number_id={NUMBER}"
        return casement.request(method, PATH + path, query=query, headers=headers, body=body).status

    assert (status("GET", "", "reads"), status("POST", "/dry_run", "reads")) == (200, 200)
    assert [status(method, "", "reads") for method in ("PUT", "POST")] == [403, 403]
    assert [status(method, "/prices", "reads") for method in ("PUT", "PATCH", "DELETE")] == [403, 403, 403]
    assert status("PUT", "", "manages") == 400
    assert status("GET", "", "manages") == 403
    other = f"{PATH}?phone_number_id={OTHER_NUMBER.phone_number_id}"
    assert casement.change("PUT", other, {}, key="manages").status == 403
    assert casement.change("PUT", other, {}, key="unknown").status == 401


# --- tried -----------------------------------------------------------------------------------------------------------


def tried(casement: Deployment, **given: Any) -> Json:
    answer = ask(casement, "POST", "/dry_run", given)
    assert answer.status == 200, answer.body
    found: Json = answer.body
    return found


def fired(tried: Json) -> list[str]:
    return [one["rule"] for one in tried["fired"]]


def test_a_dry_run_tells_what_would_be_sent_and_why_others_would_not(casement):
    ask(casement, "PUT", body={**THREE_LINES, "rules": [PRICES]})

    assert tried(casement, text="What are your prices?", at="2026-12-24T20:00") == {
        "phone_number_id": NUMBER,
        "kind": "message",
        "at": "2026-12-24T20:00:00+01:00",
        "fired": [
            {
                "rule": "prices",
                "actions": [
                    {"send": {"messaging_product": "whatsapp", "type": "text", "text": {"body": "It is 10 euros."}}}
                ],
            }
        ],
        "passed": [
            {"rule": "away", "why": 'The rule "prices" holds, and is the last.'},
            {"rule": "answer", "why": 'The rule "prices" holds, and is the last.'},
        ],
    }
    evening = tried(casement, text="Hello", at="2026-12-24T20:00")
    assert evening["fired"][0]["actions"][0]["send"]["text"]["body"] == "We are back tomorrow at 9:00 AM."
    assert fired(tried(casement, text="Hello", at="2026-12-24T12:00")) == ["answer"]
    assert fired(tried(casement, text="Hello", at="2026-12-24T12:00", first_message=False)) == []
    assert fired(tried(casement, text="Hello", at=1_798_138_800)) == ["away"]
    assert casement.simulator.sent == []


def test_a_dry_run_is_of_now_unless_it_says_otherwise(casement):
    ask(casement, "PUT", body=THREE_LINES)
    casement.now = 1_798_110_000_000  # a Thursday at noon

    assert tried(casement, text="Hello")["at"] == "2026-12-24T12:00:00+01:00"
    assert zone("Europe/Madrid").key in json.dumps(ask(casement, "GET").body)


def test_a_dry_run_shows_every_kind_of_action(casement):
    then = ["mark_read", "typing", {"tag": "a"}, {"untag": ["b"]}, {"handoff": "Look"}, {"emit": "lead"}]
    then.append({"template": {"purpose": "re_engage", "parameters": {"1": "{{contact.name|you}}"}}})
    rule = {"id": "all", "when": "message", "then": then}

    assert tried(casement, text="Hi", automations={"rules": [rule]})["fired"][0]["actions"] == [
        {"mark_read": True},
        {"typing": True},
        {"tag": ["a"]},
        {"untag": ["b"]},
        {"handoff": {"note": "Look"}},
        {"emit": {"name": "lead", "data": {}}},
        {"template": {"purpose": "re_engage", "parameters": {"1": "you"}}},
    ]


def test_a_dry_run_of_rules_that_are_not_kept_keeps_none(casement):
    assert fired(tried(casement, text="Prices", automations={"rules": [PRICES]})) == ["prices"]
    assert faults(ask(casement, "POST", "/dry_run", {"text": "x", "automations": {"rules": [{}]}})) == [
        *(f"rules[0].{name}" for name in ("id", "when", "then")),
    ]
    assert ids(casement) == []


def test_a_dry_run_takes_a_message_as_meta_tells_of_it(casement):
    answers = '{"service": "cut", "flow_token": "t"}'
    rule = {"id": "form", "when": {"flow": {"answers": {"service": "cut"}}}, "then": {"reply": "A {{flow.service}}."}}

    def form(name: str) -> Json:
        reply = {"type": "nfm_reply", "nfm_reply": {"name": name, "response_json": answers}}
        return {"type": "interactive", "interactive": reply}

    assert fired(tried(casement, message=form("flow"), automations={"rules": [rule]})) == ["form"]
    assert fired(tried(casement, message=form("address_message"), automations={"rules": [rule]})) == []
    of_one = {"rules": [{**rule, "when": {"flow": {"flow_ids": "booking"}}}]}
    assert fired(tried(casement, message=form("flow"), automations=of_one)) == []
    assert fired(tried(casement, message=form("flow"), automations=of_one, flow_id="booking")) == ["form"]


def test_a_stop_word_is_no_message(casement):
    rules = [{"id": "bye", "when": "opted_out", "then": {"reply": "Bye"}}, {**PRICES, "when": "message"}]

    stopped = tried(casement, text="STOP", automations={"rules": rules})
    assert (stopped["kind"], fired(stopped)) == ("opted_out", ["bye"])
    assert fired(tried(casement, text="START", automations={"rules": rules})) == ["prices"]
    assert fired(tried(casement, text="STOP", kind="message", automations={"rules": rules})) == ["prices"]
    casement.set_number(stop_words={"nl": ["klaar"]})
    casement.now += 60_000
    assert fired(tried(casement, text="klaar", automations={"rules": rules})) == ["bye"]


def test_a_dry_run_of_a_window_about_to_close_takes_no_message(casement):
    rule = {"id": "closing", "when": "window_closing", "then": "handoff"}

    assert fired(tried(casement, kind="window_closing", automations={"rules": [rule]})) == ["closing"]


def test_a_dry_run_takes_for_stop_words_what_is_taken_for_them(casement):
    under_a_picture = {"type": "image", "image": {"id": "1", "caption": "Stop"}}
    rules = [{"id": "bye", "when": "opted_out", "then": "handoff"}, {"id": "any", "when": "message", "then": "handoff"}]

    assert fired(tried(casement, text="Stop", automations={"rules": rules})) == ["bye"]
    assert fired(tried(casement, message=under_a_picture, automations={"rules": rules})) == ["any"]


def test_a_dry_run_knows_who_asked_not_to_be_written_to(casement):
    casement.wrote(text="Stop")
    casement.catch_up()
    rules = {"rules": [{"id": "closing", "when": "window_closing", "then": {"reply": "Still there?"}}]}

    assert fired(tried(casement, kind="window_closing", contact=BOB, automations=rules)) == ["closing"]
    assert fired(tried(casement, kind="window_closing", contact=ALICE, automations=rules)) == []


def test_a_dry_run_is_for_somebody_who_is_known_or_described(casement):
    casement.wrote()
    casement.wrote(BOB, name="Bob")
    casement.change("PATCH", f"contacts/{ALICE}", {"language": "es", "fields": {"name": "Ana"}, "tags": ["vip"]})
    texts = {"default": "Hello {{contact.name|you}}", "es": "Hola {{contact.name|tú}}"}
    automations = {"rules": [{"id": "hi", "when": "message", "then": {"reply": texts}}]}

    def said(contact: Any) -> str:
        answer = tried(casement, text="Hi", automations=automations, contact=contact)
        text: str = answer["fired"][0]["actions"][0]["send"]["text"]["body"]
        return text

    assert said(f"+{ALICE}") == "Hola Ana"
    assert said(BOB) == "Hello Bob"
    assert said("16505550199") == "Hello you"
    assert said({"name": "Bo", "language": "es_MX"}) == "Hola Bo"
    assert said({"fields": {"email": "b@example.test"}, "tags": ["vip"]}) == "Hello you"


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "Hi", "message": {"type": "text"}}, "message"),
        ({"message": "Hi"}, "message"),
        ({"text": "Hi", "kind": "echo"}, "kind"),
        ({"text": "Hi", "flow_id": 1}, "flow_id"),
        ({"text": "Hi", "first_message": "yes"}, "first_message"),
        ({"text": "Hi", "at": "noon"}, "at"),
        ({"text": "Hi", "at": "0001-01-01T00:00", "automations": THREE_LINES}, "at"),
        ({"text": "Hi", "at": "9999-12-31T23:59", "automations": THREE_LINES}, "at"),
        ({"text": "Hi", "at": 1.5}, "at"),
        ({"text": "Hi", "at": True}, "at"),
        ({"text": "Hi", "at": 10**12}, "at"),
        ({"text": "Hi", "contact": 1}, "contact"),
        ({"text": "Hi", "contact": {"phone": "1"}}, "contact"),
        ({"text": "Hi", "contact": {"name": 1}}, "contact"),
        ({"text": "Hi", "contact": {"language": 1}}, "contact"),
        ({"text": "Hi", "contact": {"fields": {"email": 1}}}, "contact"),
        ({"text": "Hi", "contact": {"fields": []}}, "contact"),
        ({"text": "Hi", "contact": {"tags": "vip"}}, "contact"),
        ({"text": "Hi", "contact": {"tags": [1]}}, "contact"),
        ({"text": "Hi", "state": {}}, "state"),
    ],
)
def test_a_dry_run_that_can_not_be_understood_says_why(casement, given, parameter):
    answer = ask(casement, "POST", "/dry_run", given)

    assert answer.status == 400
    assert answer.ours["parameter"] == parameter


def test_a_dry_run_takes_an_object(casement):
    assert ask(casement, "POST", "/dry_run", ["Hi"]).status == 400
