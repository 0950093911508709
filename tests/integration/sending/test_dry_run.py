"""A dry run: what would become of a message, and why, and by what evidence; and nothing happens."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from casement.domain.api_key import Scope
from tests.support.deployment import (
    ALICE,
    API_KEY,
    BOB,
    DAY,
    HELLO,
    HELLO_WORLD,
    HOUR,
    MARGIN,
    NOON,
    NUMBER,
    Answer,
    Deployment,
    Json,
)
from tests.support.tables import snapshot

BY_QUERY, BY_BODY = "query", "body"
WE_ARE_HERE = {"name": "we_are_here", "language": {"code": "en_US"}}


def parameters(*texts: str) -> list[Json]:
    return [{"type": "body", "parameters": [{"type": "text", "text": text} for text in texts]}]


OFFER = {"name": "seasonal_offer", "language": {"code": "en_US"}, "components": parameters("Ana")}
ASK_ANA = {"template": {**WE_ARE_HERE, "components": parameters("Ana")}}
MARKETING = {"type": "template", "template": OFFER}


def purpose(**given: str) -> Json:
    return {"purpose": "re_engage", "parameters": given}


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()


def ask(
    casement: Deployment,
    message: Json = HELLO,
    *,
    to: str = ALICE,
    way: str = BY_BODY,
    key: str = API_KEY,
    headers: Json | None = None,
    **ours: Any,
) -> Answer:
    """Ask for a dry run, in one way or the other."""
    body = {"messaging_product": "whatsapp", "to": to, **message}
    query = "dry_run=true" if way == BY_QUERY else ""
    if way == BY_BODY:
        ours = {**ours, "dry_run": True}
    if ours:
        body["casement"] = ours
    given = {"authorization": f"Bearer {key}", **(headers or {})}
    content = json.dumps(body).encode()
    return casement.request("POST", f"/v25.0/{NUMBER}/messages", query=query, headers=given, body=content)


def decision(answer: Answer) -> Json:
    """What would become of it."""
    assert answer.status == 200, answer.body
    assert answer.body["messages"] == []  # so nobody takes it for a message that went out
    assert answer.ours["dry_run"] is True
    found: Json = answer.ours["decision"]
    return found


@contextmanager
def nothing_happens(casement: Deployment) -> Iterator[None]:
    """Inside, no item is written or deleted, Meta is called by nobody, and the outbox gets no job."""
    casement.catch_up()
    items = snapshot(casement.client, casement.name)
    calls, jobs, counted = len(casement.wire.requests), list(casement.jobs), list(casement.counted)
    yield
    casement.catch_up()
    assert snapshot(casement.client, casement.name) == items
    assert (len(casement.wire.requests), casement.jobs, casement.counted) == (calls, jobs, counted)


# --- what can be decided ----------------------------------------------------------------------------


def nothing(_casement: Deployment) -> None: ...


def open_(casement: Deployment) -> None:
    casement.wrote(ago=HOUR)


def closing(casement: Deployment) -> None:
    casement.wrote(ago=23 * HOUR)


def in_the_margin(casement: Deployment) -> None:
    casement.wrote(ago=DAY - MARGIN)


def closed(casement: Deployment) -> None:
    casement.wrote(ago=DAY)


def refused_by_meta(casement: Deployment) -> None:
    """Meta held a window to be closed that looked open."""
    casement.wrote(ago=HOUR)
    casement.simulator.fail_next("error", code=131047)
    assert casement.send().status == 400


def stopped_marketing(casement: Deployment) -> None:
    casement.wrote(ago=DAY)
    casement.simulator.prefer(ALICE, stop=True)
    casement.deliver()


def re_engages_with(*names: str) -> Callable[[Deployment], None]:
    def arrange(casement: Deployment) -> None:
        casement.set_number(purposes={"re_engage": list(names)})

    return arrange


def paused(casement: Deployment) -> None:
    casement.simulator.review("hello_world", "pause", notify=False)
    casement.now += 1
    casement.sync()


def full(casement: Deployment) -> None:
    """As many wait as may."""
    casement.set_number(most_holds=1)
    assert casement.send(casement={"when_closed": "hold"}).status == 200


def number_stopped(casement: Deployment) -> None:
    """Meta stopped the number, while Alice's window is open."""
    casement.wrote(ago=HOUR)
    casement.simulator.fail_next("error", code=190)
    assert casement.send().status == 401


def number_stopped_and_closed(casement: Deployment) -> None:
    number_stopped(casement)
    casement.now += 2 * DAY


@dataclass(frozen=True)
class Case:
    """A situation, a message and its policy; what is decided, a part of why, and what else is said."""

    action: str
    why: str
    arrange: Callable[[Deployment], None] = nothing
    message: Json = field(default_factory=lambda: HELLO)
    when_closed: Any = None
    said: Json = field(default_factory=dict)


def refused(
    code: int,
    why: str,
    arrange: Callable[[Deployment], None] = nothing,
    message: Json = HELLO,
    when_closed: Any = None,
    **said: Any,
) -> Case:
    return Case("refuse", why, arrange, message, when_closed, {"code": code, **said})


CASES = {
    "open": Case("send", "window is open", open_, said={"price_class": "service", "template": None}),
    "closing": Case("send", "window is closing", closing, said={"price_class": "service"}),
    "in the margin": refused(131047, "safety margin", in_the_margin),
    "never opened": refused(131047, "has not written to this number yet"),
    "closed": refused(131047, "More than 24 hours", closed),
    "closed by a verdict": refused(131047, "Meta refused an earlier message", refused_by_meta),
    "template": Case(
        "send",
        "approved template",
        closed,
        HELLO_WORLD,
        said={
            "price_class": "utility",
            "template": {"name": "hello_world", "language": "en_US"},
            "misfits": [],
        },
    ),
    "marketing template": Case("send", "approved template", open_, MARKETING, said={"price_class": "marketing"}),
    "template that does not exist": refused(
        132001,
        "does not exist in language 'de'",
        nothing,
        {"type": "template", "template": {"name": "hello_world", "language": {"code": "de"}}},
        price_class=None,
    ),
    "template that is paused": refused(132015, "is PAUSED at Meta", paused, HELLO_WORLD),
    "template without its variable": refused(
        132000,
        "Without a value: {{1}}",
        nothing,
        {"type": "template", "template": WE_ARE_HERE},
        misfits=[
            {
                "where": "body",
                "why": "The body has the variables {{1}}, and the number of parameters given is 0. "
                "Without a value: {{1}}.",
            }
        ],
    ),
    "marketing to who stopped it": refused(131050, "has stopped marketing", stopped_marketing, MARKETING),
    "named template instead": Case(
        "send_template",
        "More than 24 hours",
        closed,
        when_closed=ASK_ANA,
        said={
            "template": {
                "name": "we_are_here",
                "language": "en_US",
                "category": "UTILITY",
                "body": ASK_ANA["template"],
            },
            "price_class": "utility",
            "candidates": [],
        },
    ),
    "named template that does not fit": refused(
        131047,
        "No template can go in its place",
        closed,
        HELLO,
        {"template": WE_ARE_HERE},
        candidates=[
            {
                "name": "we_are_here",
                "language": "en_US",
                "why": "The body has the variables {{1}}, and the number of parameters given is 0. "
                "Without a value: {{1}}.",
            }
        ],
    ),
    "named template that does not exist": refused(
        131047,
        "No template can go in its place",
        closed,
        HELLO,
        {"template": {"name": "nothing", "language": {"code": "en"}}},
        candidates=[{"name": "nothing", "language": "en", "why": "It does not exist in this language."}],
    ),
    "purpose": Case(
        "send_template",
        "has not written to this number yet",
        re_engages_with("order_on_its_way", "we_are_here"),
        when_closed=purpose(**{"1": "Ana"}),
        said={
            "template": {
                "name": "we_are_here",
                "language": "en_US",
                "category": "UTILITY",
                "body": {**WE_ARE_HERE, "components": parameters("Ana")},
            },
            "price_class": "utility",
            "candidates": [
                {
                    "name": "order_on_its_way",
                    "language": "en_US",
                    "why": "Missing parameters: customer, order_number.",
                    "missing": ["customer", "order_number"],
                }
            ],
        },
    ),
    "purpose that nothing serves": refused(
        131047,
        "No template can go in its place",
        re_engages_with("we_are_here"),
        HELLO,
        "template",
        template=None,
        candidates=[
            {
                "name": "we_are_here",
                "language": "en_US",
                "why": "Missing parameters: 1.",
                "missing": ["1"],
            }
        ],
    ),
    "purpose that nobody set": refused(
        131047,
        "No template can go in its place",
        closed,
        HELLO,
        {"purpose": "birthday"},
        candidates=[
            {
                "name": "birthday",
                "language": None,
                "why": "This number has no template for the purpose 'birthday'.",
            }
        ],
    ),
    "hold": Case(
        "hold",
        "More than 24 hours",
        closed,
        when_closed={"hold": {"expires_in": 3600}},
        said={
            "hold": {"expires_at": NOON // 1000 + 3600, "held_already": 0},
            "nudge": None,
            "price_class": "service",
        },
    ),
    "hold with a nudge": Case(
        "hold",
        "More than 24 hours",
        closed,
        when_closed={"hold": {"nudge": ASK_ANA}},
        said={
            "hold": {"expires_at": NOON // 1000 + 7 * 86_400, "held_already": 0},
            "nudge": {
                "name": "we_are_here",
                "language": "en_US",
                "category": "UTILITY",
                "body": ASK_ANA["template"],
            },
            "candidates": [],
        },
    ),
    "hold with a nudge that can't go": Case(
        "hold",
        "More than 24 hours",
        closed,
        when_closed={"hold": {"nudge": {"purpose": "nudge"}}},
        said={
            "nudge": None,
            "candidates": [
                {
                    "name": "nudge",
                    "language": None,
                    "why": "This number has no template for the purpose 'nudge'.",
                }
            ],
        },
    ),
    "one hold too many": refused(131047, "1 messages to this customer wait already", full, HELLO, "hold"),
    "handoff": Case(
        "hand_off",
        "More than 24 hours",
        closed,
        when_closed={"handoff": {"note": "VIP"}},
        said={"template": None},
    ),
    "number stopped, window open": refused(190, "Meta has stopped this number with error 190", number_stopped),
    "number stopped, template": refused(190, "Meta has stopped this number", number_stopped, HELLO_WORLD),
    "number stopped, template instead": refused(
        190, "Meta has stopped this number", number_stopped_and_closed, HELLO, ASK_ANA
    ),
    "number stopped, hold": Case(
        "hold",
        "More than 24 hours",
        number_stopped_and_closed,
        when_closed={"hold": {"nudge": ASK_ANA}},
        said={"nudge": None},
    ),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def policy_of(case: Case) -> Json:
    return {} if case.when_closed is None else {"when_closed": case.when_closed}


@every_case
def test_a_decision_is_told_with_its_reasons_and_nothing_happens(casement, case):
    case.arrange(casement)

    with nothing_happens(casement):
        decided = decision(ask(casement, case.message, **policy_of(case)))
        asked_otherwise = decision(ask(casement, case.message, way=BY_QUERY, **policy_of(case)))

    assert asked_otherwise == decided
    assert decided["action"] == case.action
    assert case.why in decided["why"]
    assert {name: decided.get(name) for name in case.said} == case.said
    assert decided["window"]["server_now"] == casement.now // 1000


@every_case
def test_what_a_dry_run_says_is_what_becomes_of_the_message(casement, case):
    case.arrange(casement)
    said = decision(ask(casement, case.message, **policy_of(case)))
    before = len(casement.simulator.sent)

    answer = casement.send(ALICE, case.message, **({"casement": policy_of(case)} if policy_of(case) else {}))

    went = [one.body.get("template", {}).get("name") for one in casement.simulator.sent[before:]]
    match said["action"]:
        case "send":
            assert went == [case.message.get("template", {}).get("name")]
        case "send_template":
            assert went == [said["template"]["name"]]
        case "hold":
            assert answer.body["messages"][0]["message_status"] == "held_for_customer"
            assert answer.ours["hold"]["expires_at"] == said["hold"]["expires_at"]
            assert went == ([said["nudge"]["name"]] if said["nudge"] else [])
        case "hand_off":
            assert (answer.body["messages"][0]["message_status"], went) == ("handed_off", [])
        case "refuse":
            assert (answer.code, went) == (said["code"], [])
            assert said["why"] in answer.body["error"]["error_data"]["details"]
            return
    assert answer.status == 200
    kept = casement.get(f"messages/{answer.ours['id']}").body["casement"]["decision"]
    assert (kept["action"], kept["why"]) == (said["action"], said["why"])


# --- evidence ---------------------------------------------------------------------------------------


def test_the_evidence_is_the_message_that_opened_the_window_and_when(casement):
    casement.wrote(text="earlier", ago=3 * HOUR)
    newest = casement.wrote(text="newest", ago=HOUR)
    casement.wrote(text="earliest", ago=5 * HOUR)

    decided = decision(ask(casement))

    opened_at = (NOON - HOUR) // 1000
    assert decided["opened_by"] == newest
    assert decided["expires_at"] == opened_at + 86_400
    assert decided["window"] == casement.window()
    assert (decided["window"]["opened_by"], decided["window"]["opened_at"]) == (newest, opened_at)
    assert decided["conversation_id"] == casement.conversation()["id"]


def test_a_call_is_evidence_too(casement):
    call = casement.simulator.call(sender=ALICE, ago=60)
    casement.deliver()

    decided = decision(ask(casement))

    assert (decided["action"], decided["opened_by"]) == ("send", call)


def test_metas_verdict_is_evidence(casement):
    casement.wrote(ago=HOUR)
    casement.simulator.fail_next("late", code=131047)
    key = casement.send().ours["id"]
    sent_at = casement.now // 1000
    casement.now += HOUR
    casement.deliver()

    decided = decision(ask(casement))

    assert decided["window"]["state"] == "closed"
    assert decided["window"]["verdict"] == {"code": 131047, "at": sent_at, "message": key}


def test_without_evidence_there_is_none(casement):
    decided = decision(ask(casement))

    assert decided["window"]["state"] == "never_opened"
    assert "opened_by" not in decided
    assert decided["window"]["opened_by"] is None


def test_what_the_contact_does_not_want_is_said(casement):
    casement.simulator.prefer(ALICE, stop=True)
    casement.deliver()

    told = decision(ask(casement, to=ALICE))["consent"]

    assert told == {"marketing_stopped_at": NOON // 1000, "messages_stopped_at": None}
    assert decision(ask(casement, to=BOB))["consent"] == {"marketing_stopped_at": None, "messages_stopped_at": None}


def test_how_many_wait_already(casement):
    for _ in range(3):
        casement.send(casement={"when_closed": "hold"})
    casement.send(casement={"when_closed": {"hold": {"supersede": "mood"}}})

    assert decision(ask(casement, when_closed="hold"))["hold"]["held_already"] == 4
    replacing = {"hold": {"supersede": "mood"}}
    assert decision(ask(casement, when_closed=replacing))["hold"]["held_already"] == 3


# --- how one asks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["header", "API key", "number"])
def test_the_policy_may_come_from_anywhere(casement, level):
    casement.add_key("holds", when_closed="hold")
    headers = {"Casement-When-Closed": "hold"} if level == "header" else None
    if level == "number":
        casement.set_number(when_closed="hold")

    decided = decision(ask(casement, headers=headers, key="holds" if level == "API key" else API_KEY))

    assert decided["action"] == "hold"


@pytest.mark.parametrize(
    ("query", "body", "is_dry"),
    [
        ("dry_run=true", None, True),
        ("dry_run=TRUE", None, True),
        ("dry_run=1", None, True),
        ("dry_run=false", None, False),
        ("dry_run=0", None, False),
        ("dry_run=true", False, True),
        ("dry_run=false", True, True),
        ("", False, False),
        ("", True, True),
    ],
)
def test_either_of_the_two_is_enough(casement, query, body, is_dry):
    casement.wrote()
    message = {"messaging_product": "whatsapp", "to": ALICE, **HELLO}
    message |= {} if body is None else {"casement": {"dry_run": body}}

    answer = casement.change("POST", f"messages?{query}", message)

    assert answer.status == 200
    assert len(casement.simulator.sent) == (0 if is_dry else 1)
    assert ("dry_run" in answer.ours) is is_dry


@pytest.mark.parametrize("given", ["maybe", "", "yes", "tru", "2", "true,false", "null"])
def test_what_is_neither_yes_nor_no_is_refused_and_not_sent(casement, given):
    casement.wrote()

    with nothing_happens(casement):
        answer = casement.change(
            "POST", f"messages?dry_run={given}", {"messaging_product": "whatsapp", "to": ALICE, **HELLO}
        )

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "dry_run"})


@pytest.mark.parametrize("given", ["true", 1, 0, None, [], {}, "no"])
def test_in_the_body_it_is_a_boolean(casement, given):
    casement.wrote()

    with nothing_happens(casement):
        answer = casement.send(casement={"dry_run": given})

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "casement.dry_run"})


@pytest.mark.parametrize("typing", [{}, {"typing_indicator": {"type": "text"}}])
@pytest.mark.parametrize(
    ("query", "ours", "parameter"),
    [("dry_run=true", {}, "dry_run"), ("", {"casement": {"dry_run": True}}, "casement.dry_run")],
)
def test_there_is_no_dry_run_of_a_receipt(casement, typing, query, ours, parameter):
    wamid = casement.wrote()
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid, **typing, **ours}

    with nothing_happens(casement):
        answer = casement.change("POST", f"messages?{query}", receipt)

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": parameter})
    assert casement.simulator.marked_read == []


def test_a_dry_run_takes_no_idempotency_key(casement):
    casement.wrote()
    headers = {"authorization": f"Bearer {API_KEY}", "Idempotency-Key": "order-42"}
    body = {"messaging_product": "whatsapp", "to": ALICE, **HELLO}

    with nothing_happens(casement):
        decision(ask(casement, headers={"Idempotency-Key": "order-42"}))
    real = casement.post(body, headers=headers)

    assert real.status == 200
    assert len(casement.simulator.sent) == 1
    with nothing_happens(casement):
        assert decision(ask(casement, headers={"Idempotency-Key": "order-42"}))["action"] == "send"


@pytest.mark.parametrize("when_closed", ["sometimes", {"hold": {"expires_in": 0}}, {"template": {}}])
def test_a_policy_that_is_none_is_refused_in_a_dry_run_too(casement, when_closed):
    with nothing_happens(casement):
        answer = ask(casement, when_closed=when_closed)

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours["parameter"].startswith("casement.when_closed")


def test_who_may_not_send_may_not_ask(casement):
    casement.add_key("reads", [Scope.READ])

    with nothing_happens(casement):
        assert ask(casement, key="reads").status == 403
