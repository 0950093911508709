"""What automations do: once, at once, in order, and not where a person or a budget says no."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from casement.domain.number import Health
from tests.support.deployment import (
    ALICE,
    BOB,
    DAY,
    HELLO_WORLD,
    HOUR,
    NUMBER,
    OTHER_NUMBER,
    Deployment,
    Json,
    deployed,
)
from tests.support.memory import memory

MINUTE = 60_000
ANSWER = {"id": "answer", "when": "first_message", "then": [{"reply": "We will be with you soon"}]}
ALWAYS = {"id": "always", "when": "message", "then": [{"reply": "Heard: {{message.text}}"}], "once": "always"}


@pytest.fixture
def casement() -> Iterator[Deployment]:
    with deployed(memory()) as deployment:
        deployment.sync()
        yield deployment


def replies(casement: Deployment) -> list[str]:
    """What customers got, in order: texts, and templates by their names."""
    return [
        sent.body["text"]["body"] if sent.body["type"] == "text" else sent.body[sent.body["type"]]["name"]
        for sent in casement.simulator.sent
    ]


def writes(casement: Deployment, text: str = "Hi", contact: str = ALICE, **more: Any) -> str:
    """A customer writes, and what follows from that happens."""
    wamid = casement.wrote(contact, text, **more)
    casement.catch_up()
    return wamid


def automations(casement: Deployment, contact: str = ALICE) -> Json:
    shown: Json = casement.conversation(contact)["casement"]["automations"]
    return shown


def change(casement: Deployment, word: str) -> int:
    return casement.change("PATCH", f"conversations/{ALICE}", {"automations": word}).status


def test_the_first_message_of_a_window_is_answered_once(casement):
    casement.automate(rules=[ANSWER])
    writes(casement)
    casement.now += MINUTE
    writes(casement, "Anybody?")
    writes(casement, contact=BOB)

    assert replies(casement) == ["We will be with you soon"] * 2
    casement.now += DAY
    writes(casement)
    assert replies(casement) == ["We will be with you soon"] * 3


def test_what_is_sent_is_a_send_like_any_other_and_says_who_asked_for_it(casement):
    casement.automate(rules=[ANSWER])
    writes(casement)

    (sent,) = [each for each in casement.messages() if each["casement"]["direction"] == "outbound"]
    shown = casement.get(f"messages/{sent['casement']['id']}").body["casement"]
    assert (shown["asked_by"], shown["status"]) == ("automation answer", "accepted")
    assert shown["conversation_id"] == casement.conversation()["id"]


def test_messages_and_what_the_business_sees_of_them_keep_their_order(casement):
    actions = ["mark_read", "typing", {"reply": "one"}, {"reply": "two"}, {"template": {"name": "hello_world"}}]
    casement.automate(rules=[{"id": "many", "when": "message", "then": actions}])
    wamid = writes(casement)

    assert replies(casement) == ["one", "two", "hello_world"]
    marked = [body for request in casement.wire.requests if (body := _body(request)).get("status") == "read"]
    assert [(each["message_id"], "typing_indicator" in each) for each in marked] == [(wamid, False), (wamid, True)]


def test_why_a_template_did_not_go_is_in_the_log(casement, caplog):
    caplog.set_level(logging.INFO)
    wanted = {"name": "order_on_its_way", "parameters": {"customer": "{{message.text|it}}", "order": "1"}}
    casement.automate(rules=[{"id": "way", "when": "message", "then": {"template": wanted}}])
    writes(casement, "in confidence")

    assert replies(casement) == []
    (line,) = [vars(record) for record in caplog.records if record.getMessage() == "automation"]
    assert line["rule"] == "way"
    assert line["did"] == "no template can go: order_on_its_way: Missing parameters: order_number."


def _body(request: Any) -> Json:
    try:
        body = json.loads(request.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def test_variables_are_those_of_the_contact_and_the_message(casement):
    casement.automate(
        rules=[
            {
                "id": "order",
                "when": {"keyword": ["order"]},
                "then": [{"reply": "{{contact.name|there}}, {{contact.email|no address}}: {{message.text}}"}],
                "once": "always",
            }
        ]
    )
    writes(casement, "My order?", name="Ana Lima")
    casement.change("PATCH", f"contacts/{ALICE}", {"fields": {"name": "Ms Lima", "email": "ana@example.org"}})
    casement.now += MINUTE
    writes(casement, "The order!", name="Ana Lima")

    assert replies(casement) == ["Ana Lima, no address: My order?", "Ms Lima, ana@example.org: The order!"]


def test_tags_are_put_on_and_taken_off(casement):
    casement.automate(
        rules=[
            {"id": "buys", "when": {"keyword": ["buy"]}, "then": [{"tag": ["lead", "new"]}], "once": "always"},
            {"id": "bye", "when": {"keyword": ["bye"]}, "then": [{"untag": ["new"]}], "once": "always"},
        ]
    )
    writes(casement, "buy")
    assert casement.get(f"contacts/{ALICE}").body["tags"] == ["lead", "new"]
    casement.now += MINUTE
    writes(casement, "bye")
    assert casement.get(f"contacts/{ALICE}").body["tags"] == ["lead"]


def test_a_person_is_asked_for_and_has_the_conversation_until_they_say_that_they_looked(casement):
    hand_off = {"id": "human", "when": {"keyword": ["human"]}, "then": [{"reply": "One moment"}, {"handoff": "Please"}]}
    casement.automate(rules=[hand_off, ALWAYS])
    writes(casement, "human")
    casement.now += MINUTE
    writes(casement, "Hello?")

    assert replies(casement) == ["One moment", "Heard: human"]
    (wanted,) = casement.conversation()["casement"]["needs_attention"]
    assert (wanted["note"], wanted["asked_by"]) == ("Please", "automation human")
    assert automations(casement)["state"] == "paused"
    casement.change("PATCH", f"conversations/{ALICE}", {"needs_attention": False})
    casement.now += MINUTE
    writes(casement, "Thanks")
    assert replies(casement)[2:] == ["Heard: Thanks"]


def test_who_writes_on_the_phone_app_has_the_conversation_for_some_hours(casement):
    casement.automate(rules=[ALWAYS])
    writes(casement)
    casement.simulator.echo(ALICE, "It's me")
    casement.deliver()
    casement.now += HOUR
    writes(casement, "Who?")

    assert replies(casement) == ["Heard: Hi"]
    assert automations(casement)["state"] == "paused"
    casement.now += 4 * HOUR
    writes(casement, "Hello again")
    assert replies(casement)[1:] == ["Heard: Hello again"]


def test_somebody_pauses_and_resumes_automations_in_a_conversation(casement):
    casement.automate(rules=[ALWAYS])
    writes(casement)
    assert automations(casement) == {"state": "active", "why": None, "since": None}
    assert change(casement, "paused") == 200
    writes(casement, "Hello?")
    writes(casement, contact=BOB)

    assert automations(casement)["state"] == "paused"
    casement.simulator.echo(ALICE, "It's me")
    casement.deliver()
    casement.now += MINUTE
    assert change(casement, "active") == 200
    writes(casement, "Now?")
    assert replies(casement) == ["Heard: Hi", "Heard: Hi", "Heard: Now?"]
    assert casement.change("PATCH", f"conversations/{ALICE}", {"automations": "off"}).status == 400


def test_two_bots_do_not_talk_for_ever(casement):
    casement.automate(rules=[ALWAYS])
    writes(casement)
    for _ in range(30):  # the other end answers whatever it is told
        casement.now += 2_000
        writes(casement, casement.simulator.sent[-1].body["text"]["body"][-50:])

    assert len(replies(casement)) == 5
    casement.now += HOUR
    writes(casement)
    assert len(replies(casement)) == 6


def test_neither_echoes_nor_own_sends_nor_other_numbers_are_answered(casement):
    casement.automate(rules=[ALWAYS])
    casement.simulator.echo(ALICE, "Hi")
    casement.send(message=HELLO_WORLD)
    casement.deliver()
    casement.catch_up()
    writes(casement, phone_number_id=OTHER_NUMBER.phone_number_id)
    writes(casement, group_id="120363000000000001")

    assert replies(casement) == ["hello_world"]


def test_a_month_has_a_budget_in_the_time_zone_of_the_business(casement):
    hours = {"time_zone": "Pacific/Auckland", "hours": {"mon-sun": "09:00-17:00"}}
    casement.automate(rules=[ALWAYS], budget=2, business_hours=hours)
    for contact in (ALICE, BOB, "16505550103", "16505550104"):
        writes(casement, contact, contact)

    assert replies(casement) == [f"Heard: {ALICE}", f"Heard: {BOB}"]
    assert casement.counted.count("AutomationBudgetUsedUp") == 1
    shown = casement.get("/casement/v1/health").body["data"][0]["automations"]
    assert shown == {"rules": 1, "budget": 2, "sent_this_month": 2}
    while casement.automations.fresh(NUMBER).automations.month(casement.now) == "2026-11":
        casement.now += HOUR
    writes(casement, "In the morning of the first")
    assert replies(casement)[2:] == ["Heard: In the morning of the first"]


def test_what_waits_because_the_table_is_slow_is_counted_once_and_goes(casement):
    casement.automate(rules=[ALWAYS], budget=2)
    casement.wrote()
    casement.react()
    with casement.slow("Query", 6):
        casement.work_off()
    assert replies(casement) == []
    casement.now += MINUTE
    casement.work_off()
    writes(casement, contact=BOB)
    writes(casement, contact="16505550103")

    assert replies(casement) == ["Heard: Hi"] * 2


def test_what_did_not_go_out_is_not_counted(casement):
    refused = {"id": "image", "when": "message", "then": [{"reply": {"type": "image", "image": {"id": "7"}}}]}
    casement.automate(rules=[refused], budget=1)
    casement.simulator.fail_next("error", code=131053)
    writes(casement)
    assert casement.get("/casement/v1/health").body["data"][0]["automations"]["sent_this_month"] == 0

    casement.automate(rules=[ALWAYS], budget=1)
    casement.now += MINUTE
    casement.numbers_kept.put_health(NUMBER, Health(368, casement.now, retry_at=casement.now + HOUR))
    writes(casement)
    assert replies(casement) == []
    casement.numbers_kept.put_health(NUMBER, Health())
    casement.now += MINUTE
    writes(casement, "Hi again")

    assert replies(casement) == ["Heard: Hi again"]


def test_a_job_that_comes_again_is_neither_sent_nor_counted_again(casement):
    casement.automate(rules=[ALWAYS], budget=2)
    casement.wrote()
    casement.react()
    (job,) = casement.jobs
    for _ in range(3):
        casement.jobs[:] = [job]
        casement.work_off()
    writes(casement, contact=BOB)

    assert replies(casement) == ["Heard: Hi", "Heard: Hi"]
    assert casement.counted == []


def test_an_answer_that_comes_too_late_is_not_given(casement):
    casement.automate(rules=[ALWAYS, {"id": "seen", "when": "message", "then": [{"tag": ["seen"]}]}])
    casement.wrote(ago=11 * MINUTE)  # Meta told us late
    casement.catch_up()
    casement.wrote(BOB)
    casement.react()
    casement.now += 11 * MINUTE  # the queue was stuck
    casement.work_off()

    assert replies(casement) == []
    assert casement.counted == ["AutomationTooLate"] * 2
    assert casement.jobs == []
    assert casement.get(f"contacts/{ALICE}").body["tags"] == ["seen"]


def test_what_meta_puts_off_goes_later_or_not_at_all(casement):
    casement.automate(rules=[ALWAYS])
    casement.simulator.fail_next("error", code=131056)
    writes(casement)
    assert replies(casement) == []
    casement.now += MINUTE
    casement.catch_up()
    assert replies(casement) == ["Heard: Hi"]

    casement.simulator.fail_next("error", code=131056)
    casement.now += MINUTE
    writes(casement, "Hello?")
    casement.now += 11 * MINUTE
    casement.catch_up()
    assert replies(casement) == ["Heard: Hi"]


def test_who_opts_out_gets_the_last_word_and_no_other_answer(casement):
    bye = {"id": "bye", "when": "opted_out", "then": [{"reply": "You hear no more from us"}]}
    casement.automate(rules=[bye, ALWAYS])
    writes(casement, "Stop!")
    casement.now += MINUTE
    assert replies(casement) == ["You hear no more from us"]

    writes(casement, contact=BOB)
    casement.simulator.prefer(BOB, stop=True)
    casement.deliver()
    casement.catch_up()
    assert replies(casement)[1:] == ["Heard: Hi", "You hear no more from us"]


def test_what_is_too_late_for_an_answer_does_not_use_it_up(casement):
    hours = {"time_zone": "UTC", "hours": {"mon": "09:00-09:01"}}
    casement.automate(business_hours=hours, away="We are away", limit=1)
    for minutes in (120, 60, 11):
        casement.wrote(ago=minutes * MINUTE)  # Meta could not reach us until now
    casement.catch_up()
    assert replies(casement) == []
    casement.now += MINUTE
    writes(casement, "Hello?")

    assert replies(casement) == ["We are away"]


def test_who_opted_out_is_not_written_to_since_a_window_is_closing(casement):
    closing = [{"reply": "Still there?"}, {"template": {"name": "hello_world"}}]
    rules = [{"id": f"c{index}", "when": "window_closing", "then": then} for index, then in enumerate(closing)]
    casement.automate(rules=[*rules, {"id": "look", "when": "window_closing", "then": {"handoff": "Nobody answers"}}])
    casement.sweep_windows()
    writes(casement, "Stop!")
    casement.now += 22 * HOUR + MINUTE
    casement.sweep_windows()
    casement.catch_up()

    assert replies(casement) == []
    assert [each["note"] for each in casement.conversation()["casement"]["needs_attention"]] == ["Nobody answers"]


def test_a_window_that_is_closing_may_be_answered(casement):
    casement.automate(
        rules=[{"id": "closing", "when": "window_closing", "then": [{"reply": "{{contact.name}}, still there?"}]}]
    )
    casement.sweep_windows()
    writes(casement, name="Ana Lima")
    casement.now += 22 * HOUR + MINUTE
    for _ in range(2):
        casement.sweep_windows()
        casement.catch_up()
    assert replies(casement) == ["Ana Lima, still there?"]

    casement.now += DAY
    writes(casement)
    casement.now += 22 * HOUR + MINUTE
    casement.sweep_windows()
    casement.wrote()  # before the stream tells that it is closing
    casement.catch_up()
    assert replies(casement) == ["Ana Lima, still there?"]


def test_what_an_automation_says_keeps_no_window_from_being_told_to_be_closing(casement):
    casement.tells_of_windows = True
    casement.sweep_windows()
    casement.automate(rules=[ANSWER])
    casement.subscribe(types=["window.*"])
    writes(casement)
    casement.now += 22 * HOUR + MINUTE
    casement.sweep_windows()
    casement.catch_up()

    assert replies(casement) == ["We will be with you soon"]
    assert [each.type for each in casement.told] == ["window.opened", "window.closing"]


def test_an_event_of_an_automations_own_is_told_once(casement):
    emit = {"emit": {"name": "lead", "data": {"said": "{{message.text}}", "message": "{{message.id}}"}}}
    casement.automate(rules=[{"id": "lead", "when": "message", "then": [emit]}])
    casement.subscribe(types=["custom.*"])
    wamid = casement.wrote(text="I want one")
    casement.react(times=3)

    (told,) = {each.event: each for each in casement.told}.values()
    assert told.type == "custom.lead"
    assert told.body is not None
    assert json.loads(told.body)["data"] == {"said": "I want one", "message": wamid}


def test_held_messages_go_after_what_is_answered(casement):
    casement.automate(rules=[ANSWER])
    casement.send(casement={"when_closed": "hold"})
    writes(casement)

    assert replies(casement) == ["We will be with you soon", "Hello"]


def calls_of(casement: Deployment, do: Callable[[], object]) -> Counter[str]:
    """What is asked of the table meanwhile: each call, and what it writes to by the beginning of the sort key."""
    calls: Counter[str] = Counter()

    def see(model: Any, context: Json, **_: Any) -> None:
        written = context["asked"].get("Item") or context["asked"].get("Key") if "Item" in model.name else None
        calls[f"{model.name} {written['SK']['S'][:2]}" if written else model.name] += 1

    events = casement.client.meta.events
    events.register("before-call.dynamodb", see)
    do()
    events.unregister("before-call.dynamodb", see)
    return calls


def test_a_number_without_rules_reads_and_writes_nothing_for_them(casement):
    casement.wrote()
    casement.react()  # and remembers that there are none
    casement.wrote()

    assert calls_of(casement, casement.react).keys() == {"Query", "PutItem I#"}


def test_what_an_automatic_answer_costs(casement):
    casement.wrote()
    casement.react()
    casement.wrote()
    without = calls_of(casement, casement.react)
    casement.automate(rules=[ALWAYS], budget=100)
    casement.now += MINUTE
    writes(casement)  # and remembers the rules
    casement.now += 1_000
    casement.wrote()

    more = calls_of(casement, casement.react) - without
    assert more == {"PutItem P#": 1, "GetItem P#": 2, "BatchGetItem": 1, "Query": 4}  # she has two aliases
    sent = calls_of(casement, casement.work_off)
    writes_of = {call: count for call, count in sent.items() if call.startswith(("Put", "Update"))}
    assert writes_of == {"UpdateItem sp": 1, "PutItem -": 1, "PutItem O#": 1, "PutItem M#": 1}
