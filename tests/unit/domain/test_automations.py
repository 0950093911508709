"""What rules do with what happens: a table of conditions, and what holds whatever the rules say."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.automations import (
    HOUR_MS,
    Automations,
    Contact,
    Decided,
    Happened,
    Kind,
    MarkRead,
    Send,
    SendTemplate,
    State,
    Tag,
    Untag,
    decide,
    state_from,
    state_view,
)
from casement.domain.automations_document import automations_from
from casement.domain.compact_json import dumps
from casement.domain.jobs import TOO_LATE_MS

NOW = 1_775_001_600_000  # 2026-04-01, a Wednesday, 02:00 in Madrid
NOON = NOW + 10 * HOUR_MS
MADRID = {"time_zone": "Europe/Madrid", "hours": {"mon-fri": "09:00-18:00"}}
HELLO = {"id": "wamid.1", "type": "text", "text": {"body": "Hello, what are your prices?"}}


def rules(*rules: Any, **more: Any) -> Automations:
    """Automations with these rules, each named by its place unless it has an id."""
    named = [{"id": f"r{index}", "then": {"reply": "Hi"}, **rule} for index, rule in enumerate(rules)]
    return automations_from({"rules": named, **more})


def message(element: Any = HELLO, **more: Any) -> Happened:
    given: dict[str, Any] = {"kind": Kind.MESSAGE, "id": "wamid.1", "at": NOW, "element": element, "window": NOW}
    return Happened(**{**given, **more})


def acting(decided: Decided) -> list[str]:
    return [one.rule for one in decided.fired]


def text(decided: Decided, index: int = 0) -> str:
    action = decided.fired[index].actions[0]
    assert isinstance(action, Send)
    body: str = action.body["text"]["body"]
    return body


def typed(body: str) -> dict[str, Any]:
    return {"type": "text", "text": {"body": body}}


def tapped(payload: str) -> dict[str, Any]:
    return {"type": "button", "button": {"payload": payload, "text": "Tap"}}


def chose(kind: str, id_: str) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, kind: {"id": id_, "title": "A title"}}}


FORM = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"response_json": "{}"}}}
BY_AD = {**HELLO, "referral": {"source_id": "ad-1", "source_type": "ad"}}

HOLDS = [
    ("message", message()),
    ({"message": {"types": ["text", "image"]}}, message()),
    ("first_message", message(is_first=True)),
    ({"keyword": "prices"}, message()),
    ({"keyword": {"words": {"es": ["precio"], "en": ["price", "prices"]}}}, message()),
    ({"keyword": "prices"}, message({"type": "image", "image": {"id": "1", "caption": "Prices?"}})),
    ({"keyword": "title"}, message(chose("list_reply", "x"))),
    ({"keyword": {"words": "hello", "match": "starts"}}, message()),
    ({"keyword": {"words": "rice", "match": "contains"}}, message()),
    ({"keyword": {"words": "hello what are your prices", "match": "exact"}}, message()),
    ("flow", message(FORM, answers={})),
    ({"flow": {"answers": {"service": ["cut", "colour"]}}}, message(FORM, answers={"service": "colour", "x": 1})),
    ({"flow": {"flow_ids": ["1", "2"]}}, message(FORM, answers={}, flow="2")),
    ({"flow": {"answers": {"seats": "2", "terms": "true"}}}, message(FORM, answers={"seats": 2, "terms": True})),
    ("button", message(tapped("yes"))),
    ({"button": "yes"}, message(tapped("yes"))),
    ({"button": ["no", "yes"]}, message(chose("button_reply", "yes"))),
    ({"button": {"payload": "yes"}}, message(chose("list_reply", "yes"))),
    ({"button": {"payload": "order-", "match": "starts"}}, message(tapped("order-7"))),
    ("referral", message(BY_AD)),
    ({"referral": {"source_ids": ["ad-1"]}}, message(BY_AD)),
    ("outside_hours", message()),
    ("opted_out", message(kind=Kind.OPTED_OUT)),
    ("window_closing", message(kind=Kind.WINDOW_CLOSING)),
    ({"window_closing": True, "outside_hours": True}, message(kind=Kind.WINDOW_CLOSING)),
    ({"first_message": True, "keyword": "prices", "outside_hours": True}, message(is_first=True)),
]
HOLDS_NOT = [
    ("message", message(kind=Kind.OPTED_OUT)),
    ("message", message(kind=Kind.WINDOW_CLOSING)),
    ({"message": {"types": ["image"]}}, message()),
    ({"message": {"types": ["text"]}}, message({"id": "no type"})),
    ("first_message", message()),
    ({"keyword": "price"}, message()),
    ({"keyword": {"words": "what", "match": "starts"}}, message()),
    ({"keyword": {"words": "prices", "match": "exact"}}, message()),
    ({"keyword": {"words": "euro", "match": "contains"}}, message()),
    ({"keyword": "prices"}, message({"type": "sticker", "sticker": {"id": "1"}})),
    ("flow", message(FORM)),
    ({"flow": {"answers": {"service": "cut"}}}, message(FORM, answers={"service": "colour"})),
    ({"flow": {"answers": {"service": "cut", "seats": "2"}}}, message(FORM, answers={"service": "cut"})),
    ({"flow": {"flow_ids": ["1"]}}, message(FORM, answers={}, flow="2")),
    ({"flow": {"flow_ids": ["1"]}}, message(FORM, answers={})),
    ({"flow": {"flow_ids": ["1"], "answers": {"service": "cut"}}}, message(FORM, answers={}, flow="1")),
    ("button", message()),
    ({"button": "yes"}, message(tapped("yes please"))),
    ({"button": {"payload": "order-", "match": "starts"}}, message(tapped("reorder-7"))),
    ("referral", message()),
    ("referral", message({**HELLO, "referral": "an ad"})),
    ({"referral": {"source_ids": ["ad-2"]}}, message(BY_AD)),
    ({"outside_hours": False}, message()),
    ("opted_out", message()),
    ("window_closing", message()),
    ({"first_message": True, "keyword": "prices"}, message()),
    ({"first_message": True, "keyword": "euros"}, message(is_first=True)),
]


@pytest.mark.parametrize(("when", "happened"), HOLDS)
def test_a_rule_holds(when: Any, happened: Happened) -> None:
    assert acting(decide(rules({"when": when}, business_hours=MADRID), happened, State(), NOW)) == ["r0"]


@pytest.mark.parametrize(("when", "happened"), HOLDS_NOT)
def test_a_rule_does_not_hold(when: Any, happened: Happened) -> None:
    decided = decide(rules({"when": when}, business_hours=MADRID), happened, State(), NOW)

    assert decided.fired == ()
    assert decided.passed[0].why.endswith(".")
    assert decided.state == State()


def test_hours_are_those_of_the_moment_of_deciding() -> None:
    automations = rules({"when": "outside_hours"}, {"when": {"outside_hours": False}}, business_hours=MADRID)

    assert acting(decide(automations, message(), State(), NOW)) == ["r0"]
    assert acting(decide(automations, message(), State(), NOON)) == ["r1"]


def test_a_rule_that_is_switched_off_does_nothing() -> None:
    decided = decide(rules({"when": "message", "enabled": False}), message(), State(), NOW)

    assert decided.fired == ()
    assert decided.passed[0].why == "It is switched off."


# --- how often -------------------------------------------------------------------------------------------------------


def after(automations: Automations, *happened: tuple[Happened, int]) -> list[list[str]]:
    """Which rules act, as one thing after the other happens."""
    state, acted = State(), []
    for one, now in happened:
        decided = decide(automations, one, state, now)
        state = state_from(state_view(decided.state))
        acted.append(acting(decided))
    return acted


def test_a_rule_acts_once_in_a_window() -> None:
    automations = rules({"when": "message"})
    later = message(id="wamid.2", window=NOW + HOUR_MS)

    first = (message(), NOW)
    assert after(automations, first, (message(id="wamid.2"), NOW + 1)) == [["r0"], []]
    assert after(automations, first, (later, NOW + HOUR_MS)) == [["r0"], ["r0"]]
    assert after(automations, (later, NOW), (message(), NOW + 1)) == [["r0"], []], "a window before it"


def test_what_happens_outside_every_window_counts_for_itself() -> None:
    automations = rules({"when": "opted_out"})
    stops = [message(id=str(at), at=at, window=None, kind=Kind.OPTED_OUT) for at in (NOW, NOW + 1)]

    assert after(automations, (stops[0], NOW), (stops[1], NOW + 1)) == [["r0"], ["r0"]]


def test_a_rule_may_act_always() -> None:
    automations = rules({"when": "message", "once": "always"})

    assert after(automations, (message(), NOW), (message(id="wamid.2"), NOW + 1)) == [["r0"], ["r0"]]


@pytest.mark.parametrize(("later", "acts"), [(59_999, []), (60_000, ["r0"]), (-1, [])])
def test_a_rule_may_act_once_in_a_time(later: int, acts: list[str]) -> None:
    automations = rules({"when": "message", "once": {"per_s": 60}})
    other_window = message(id="wamid.2", window=NOW + 1)

    assert after(automations, (message(), NOW), (other_window, NOW + later)) == [["r0"], acts]


def test_a_rule_whose_once_was_changed_starts_anew() -> None:
    state = decide(rules({"when": "message", "once": {"per_s": 60}}), message(), State(), NOW).state

    assert acting(decide(rules({"when": "message"}), message(id="wamid.2"), state, NOW)) == ["r0"]


def test_a_rule_that_may_act_always_now_does_so_at_once() -> None:
    state = decide(rules({"when": "message"}), message(), State(), NOW).state

    assert acting(decide(rules({"when": "message", "once": "always"}), message(id="wamid.2"), state, NOW)) == ["r0"]


def test_nothing_follows_while_a_person_has_the_conversation() -> None:
    decided = decide(rules({"when": "message"}), message(), State(paused_by="It needs attention."), NOW)

    assert decided.fired == ()
    assert decided.passed[0].why == "Automations are paused in this conversation: It needs attention."


def test_two_bots_stop_answering_each_other() -> None:
    automations = rules({"when": "message", "once": "always"}, limit=3)
    times = [NOW + minute * 60_000 for minute in range(61)]
    happened = [(message(id=str(at), at=at), at) for at in times]

    acted = after(automations, *happened)

    assert acted == [["r0"]] * 3 + [[]] * 57 + [["r0"]]


def test_a_high_limit_counts_every_message_of_the_hour() -> None:
    automations = rules({"when": "message", "once": "always"}, limit=30)
    times = [NOW + minute * 60_000 for minute in range(59)]
    happened = [(message(id=str(at), at=at), at) for at in times]

    acted = after(automations, *happened)

    assert acted == [["r0"]] * 30 + [[]] * 29


def test_the_limit_counts_messages_and_nothing_else() -> None:
    two = {"when": "message", "then": [{"reply": "Hi"}, {"template": {"purpose": "re_engage"}}], "once": "always"}
    tag = {"when": "message", "then": {"tag": "new"}, "once": "always"}
    automations = rules(two, two, tag, limit=3)

    assert acting(decide(automations, message(), State(), NOW)) == ["r0", "r2"]
    assert after(automations, (message(), NOW), (message(id="wamid.2"), NOW)) == [["r0", "r2"], ["r2"]]


def test_after_a_rule_that_stops_none_is_looked_at() -> None:
    away = {"id": "away", "when": {"keyword": "hello"}, "stop": True}
    automations = rules(away, {"when": "message"})
    decided = decide(automations, message(), State(), NOW)

    assert acting(decided) == ["away"]
    assert decided.passed[0].why == 'The rule "away" holds, and is the last.'
    assert acting(decide(automations, message(id="wamid.2"), decided.state, NOW)) == [], "even if it acts no more"
    assert acting(decide(automations, message(typed("Prices?")), State(), NOW)) == ["r1"]


# --- again -----------------------------------------------------------------------------------------------------------


def test_what_was_decided_is_decided_again_whatever_has_come_since() -> None:
    automations = rules(
        {"when": "message", "then": {"reply": "Back {{hours.next_open}}"}, "stop": True},
        {"when": {"keyword": "other"}},
        business_hours=MADRID,
    )
    decided = decide(automations, message(), State(), NOW)
    since = decide(automations, message(id="wamid.2", window=NOW + 1), decided.state, NOW + 1).state
    since = replace(since, paused_by="A person wrote.")

    again = decide(automations, message(), since, NOW + 9 * HOUR_MS)

    assert again.fired == decided.fired
    assert again.state is since
    assert again.passed[0].why == "It did not act on this the first time."


def test_what_was_decided_is_known_when_many_have_come_since() -> None:
    automations = rules({"when": "message", "then": {"tag": "x"}, "once": "always"})
    state = State()
    for index in range(20):
        state = decide(automations, message(id=str(index)), state, NOW).state

    assert decide(automations, message(id="0"), state, NOW).state is state
    assert len(decide(automations, message(id="20"), state, NOW).state.answered) == 20


def test_what_acts_once_acts_again_on_what_it_acted_on_when_many_have_come_since() -> None:
    lead = {"when": "first_message", "then": {"emit": "lead"}}
    automations = rules(lead, {"when": "message", "then": {"tag": "x"}, "once": "always"})
    decided = decide(automations, message(is_first=True), State(), NOW)
    state = decided.state
    for index in range(30):
        state = decide(automations, message(id=str(index)), state, NOW + index).state

    assert decide(automations, message(is_first=True), state, NOW + 60).fired[0] == decided.fired[0]
    assert acting(decide(automations, message(id="other", is_first=True), state, NOW + 60)) == ["r1"]


@pytest.mark.parametrize("once", ["window", "always", {"per_s": 3600}])
def test_what_comes_too_late_for_a_message_leaves_it_to_what_comes_in_time(once: Any) -> None:
    automations = rules(
        {"when": "message", "then": [{"reply": "Hi"}, {"tag": "x"}], "once": once},
        {"when": "message", "then": {"tag": "y"}, "once": "window"},
        limit=1,
    )
    now = NOW + TOO_LATE_MS + 60_000
    late = decide(automations, message(), State(), now)
    in_time = decide(automations, message(id="wamid.2", at=now), late.state, now)

    assert acting(late) == ["r0", "r1"]  # whoever sends knows that it is too late; tags are not
    assert decide(automations, message(), in_time.state, now).fired == late.fired
    assert acting(in_time) == ["r0"]
    assert acting(decide(automations, message(id="wamid.3", at=now), in_time.state, now)) == []


def test_who_asked_not_to_be_written_to_gets_no_message_that_answers_nothing() -> None:
    automations = rules(
        {"when": "window_closing"},
        {"when": "window_closing", "then": {"template": {"name": "hello"}}},
        {"when": "window_closing", "then": {"handoff": True}},
    )
    closing = message({}, kind=Kind.WINDOW_CLOSING)

    assert acting(decide(automations, closing, State(), NOW)) == ["r0", "r1", "r2"]
    assert acting(decide(automations, replace(closing, is_unwanted=True), State(), NOW)) == ["r2"]


def test_what_is_remembered_of_a_conversation_fits_into_an_item_of_the_table() -> None:
    every = [{"id": f"{index:03}".ljust(64, "x"), "when": "message", "then": {"tag": "x"}} for index in range(100)]
    for index, rule in enumerate(every):
        rule["once"] = "always" if index % 2 else {"per_s": 1}
    automations, state = rules({**every[0], "then": {"reply": "Hi"}}, *every[1:], limit=60), State()
    for at in range(NOW, NOW + HOUR_MS, 40_000):
        state = decide(automations, message(id=str(at), at=at), state, at).state

    assert len(dumps(state_view(state))) < 200_000  # of 400 KB
    assert sum(one.messages for one in state.answered) == 60


def test_a_rule_that_is_gone_is_forgotten() -> None:
    state = decide(rules({"id": "old", "when": "message"}), message(), State(), NOW).state
    after = decide(rules({"id": "new", "when": "message"}), message(id="wamid.2"), state, NOW).state

    assert set(after.fired) == {"new"}
    assert decide(rules(), message(), after, NOW).fired == ()


RULES = st.lists(
    st.builds(
        lambda index, when, once, stop, then: {
            "id": f"r{index}",
            "when": when,
            "once": once,
            "stop": stop,
            "then": then,
        },
        st.integers(0, 10_000),
        st.sampled_from(["message", "first_message", {"keyword": "hello"}, "window_closing"]),
        st.sampled_from(["window", "always", {"per_s": 600}]),
        st.booleans(),
        st.sampled_from([{"reply": "Hi"}, [{"reply": "Hi"}, {"reply": "Ho"}], {"tag": "x"}]),
    ),
    max_size=5,
    unique_by=lambda rule: rule["id"],
)
HAPPENED = st.builds(
    lambda id_, kind, first, window, body: message(
        typed(body), id=str(id_), kind=kind, is_first=first, window=NOW + window
    ),
    st.integers(0, 30),
    st.sampled_from([Kind.MESSAGE, Kind.MESSAGE, Kind.WINDOW_CLOSING]),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from(["hello", "bye"]),
)


@settings(max_examples=60)
@given(RULES, st.integers(1, 6), st.lists(st.tuples(HAPPENED, st.integers(0, 20 * 60_000)), max_size=25))
def test_no_hour_has_more_messages_than_the_limit(rules: Any, limit: int, steps: list[tuple[Happened, int]]) -> None:
    automations = automations_from({"rules": rules, "limit": limit})
    state, now, acted = State(), NOW, dict[tuple[str, int | None], set[str]]()
    first, sent = dict[str, tuple[Happened, int]](), dict[tuple[str, str], list[int]]()
    for told, passes in steps:
        now += passes
        known, at = first.setdefault(told.id, (told, now))  # of one id, there is one message
        happened = replace(known, at=at)
        decided = decide(automations, happened, state, now)
        if decided.state is not state and now - at <= TOO_LATE_MS:
            for fired in decided.fired:
                sent.setdefault((fired.rule, happened.id), [now] * sum(isinstance(one, Send) for one in fired.actions))
                acted.setdefault((fired.rule, happened.window), set()).add(happened.id)
        assert decide(automations, happened, decided.state, now + HOUR_MS).fired == decided.fired or not decided.fired
        state = state_from(state_view(decided.state))
        assert len(decided.fired) + len(decided.passed) == len(automations.rules)

    all_sent = [at for each in sent.values() for at in each]
    for at in all_sent:
        assert sum(at - HOUR_MS < each <= at for each in all_sent) <= limit
    for rule in automations.rules:
        if rule.once.per_window:
            assert all(len(ids) == 1 for (id_, _), ids in acted.items() if id_ == rule.id)


# --- what is done ----------------------------------------------------------------------------------------------------


def said(reply: Any, happened: Happened | None = None, now: int = NOW, **more: Any) -> str:
    automations = rules({"when": "message", "then": {"reply": reply}}, **more)
    return text(decide(automations, happened or message(), State(), now))


ANA = Contact("Ana", "es_MX", {"email": "ana@example.test"})


@pytest.mark.parametrize(
    ("reply", "comes_out"),
    [
        ("Hello {{contact.name}}!", "Hello Ana!"),
        ("Hello {{ contact.name | there }}!", "Hello Ana!"),
        ("To {{contact.email}}", "To ana@example.test"),
        ("Hello {{contact.service|friend}}!", "Hello friend!"),
        ("Hello {{contact.service}}, thanks", "Hello, thanks"),
        ("You wrote: {{message.text}}", "You wrote: {{contact.email}}"),
        ("{{message.id}}", "wamid.9"),
        ("{{flow.seats}} seats, {{flow.extras}}{{flow.none}}", "2 seats, sun, sea"),
        ("In {{contact.language}}", "In es_MX"),
        ("A { brace } and a {single}", "A { brace } and a {single}"),
    ],
)
def test_variables_have_what_is_known(reply: str, comes_out: str) -> None:
    element = {"id": "wamid.9", **typed("{{contact.email}}")}
    answers = {"seats": 2, "extras": ["sun", "sea"]}

    assert said(reply, message(element, contact=ANA, answers=answers)) == comes_out


@pytest.mark.parametrize(
    ("language", "own", "comes_out"),
    [
        ("es", None, "Volvemos mañana a las 09:00."),
        ("es_MX", None, "Volvemos mañana a las 09:00."),
        ("pt_PT", None, "Voltamos amanhã às 09:00."),
        ("fr", None, "Back tomorrow at 9:00 AM."),
        ("fr", "es", "Volvemos mañana a las 09:00."),
        (None, "es", "Volvemos mañana a las 09:00."),
        (None, None, "Back tomorrow at 9:00 AM."),
    ],
)
def test_a_text_is_in_the_readers_language_with_its_words(language: Any, own: Any, comes_out: str) -> None:
    texts = {"es": "Volvemos {{hours.next_open}}.", "pt_BR": "Voltamos {{hours.next_open}}."}
    texts |= {"default": "Back {{hours.next_open}}."}
    happened = message(contact=Contact(language=language))
    if language == "fr" and own is None:
        comes_out = "Back demain à 09:00."  # a text without a language is taken to be in the reader's

    assert said(texts, happened, NOON + 8 * HOUR_MS, business_hours=MADRID, language=own) == comes_out


def test_without_a_text_for_everybody_the_first_is_for_everybody() -> None:
    assert said({"de": "Hallo", "en": "Hello"}, message(contact=Contact(language="fr"))) == "Hallo"


def test_a_language_without_country_comes_before_another_country() -> None:
    assert said({"pt_BR": "Oi", "pt": "Olá"}, message(contact=Contact(language="pt-PT"))) == "Olá"


def test_a_message_of_any_kind_is_filled_in_and_nothing_else_of_it_changes() -> None:
    body = {
        "type": "interactive",
        "context": {"message_id": "{{message.id}}"},
        "interactive": {"type": "button", "n": 1},
    }
    body["interactive"]["body"] = {"text": "{{contact.name|Hi}}"}  # type: ignore[index]
    decided = decide(rules({"when": "message", "then": {"reply": body}}), message(), State(), NOW)

    assert decided.fired[0].actions == (
        Send(
            {
                "messaging_product": "whatsapp",
                "type": "interactive",
                "context": {"message_id": "wamid.1"},
                "interactive": {"type": "button", "n": 1, "body": {"text": "Hi"}},
            }
        ),
    )


def test_the_parameters_of_a_template_are_of_one_line() -> None:
    template = {"name": "order", "language": "es", "parameters": {"1": "{{message.text|none}}", "header": {"id": 7}}}
    element = typed("two\n\nlines\tand     more")
    decided = decide(rules({"when": "message", "then": {"template": template}}), message(element), State(), NOW)

    sent = SendTemplate("order", None, "es", {"1": "two lines and more", "header": {"id": 7}})
    assert decided.fired[0].actions == (sent,)


def test_actions_come_in_their_order_with_notes_and_data_filled_in() -> None:
    then = ["mark_read", {"tag": ["a", "b"]}, {"handoff": "Call {{contact.name|them}}"}]
    then += [
        {"emit": {"name": "lead", "data": {"said": ["{{message.text}}"], "n": [1, None]}}},
        {"untag": "c"},
        "typing",
    ]
    decided = decide(rules({"when": "message", "then": then}), message(), State(), NOW)

    marked, tag, handoff, emit, untag, typing = decided.fired[0].actions
    assert (marked, tag) == (MarkRead(), Tag(("a", "b")))
    assert handoff.note == "Call them"  # type: ignore[union-attr]
    assert emit.data == {"said": ["Hello, what are your prices?"], "n": [1, None]}  # type: ignore[union-attr]
    assert [type(untag).__name__, type(typing).__name__] == ["Untag", "ShowTyping"]


def test_tags_can_be_made_of_answers() -> None:
    then = [{"tag": ["form", "{{flow.service}}", "{{flow.none}}", "{{flow.long}}"]}, {"untag": "no {{flow.service}}"}]
    answers = {"service": " cut ", "long": "x" * 200}
    decided = decide(rules({"when": "flow", "then": then}), message(FORM, answers=answers), State(), NOW)

    assert decided.fired[0].actions == (Tag(("form", "cut", "x" * 100)), Untag(("no  cut",)))


def test_a_long_message_of_a_customer_is_cut_and_so_is_a_long_text() -> None:
    element = typed("x" * 4_096)

    assert said("{{message.text}}", message(element)) == "x" * 1_000
    assert said("{{message.text}}" * 5, message(element)) == "x" * 4_096
    assert said({"type": "text", "text": {"body": "{{message.text}}" * 5}}, message(element)) == "x" * 4_096


def test_it_is_known_what_anything_could_follow_from() -> None:
    automations = rules({"when": "window_closing"}, {"when": "opted_out", "enabled": False})

    assert automations.follow(Kind.WINDOW_CLOSING)
    assert not automations.follow(Kind.OPTED_OUT)
    assert not automations.follow(Kind.MESSAGE)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["type", "text", "body", "interactive", "button", "payload", "referral", "source_id"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict))
)
def test_no_element_of_meta_makes_it_raise(element: Any) -> None:
    conditions: list[Any] = ["message", {"keyword": "x"}, "flow", {"button": {"payload": "x", "match": "starts"}}]
    conditions += [{"referral": ["x"]}, {"message": ["text"]}]
    automations = rules(
        *({"when": when, "then": {"reply": "{{message.text}}{{message.id}}{{flow.x}}"}} for when in conditions)
    )

    decide(automations, message(element, answers=element), State(), NOW)
