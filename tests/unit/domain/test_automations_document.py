"""How owners write automations: short forms come to what they are short for, and every fault is told with its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.automations import Automations, Happened, Kind, Reply, Send, State, decide
from casement.domain.automations_document import LARGEST_DOCUMENT, automations_from, document_of
from casement.domain.errors import AutomationsFaulty
from casement.domain.standard_replies import ANSWER, AWAY

HOURS = {"time_zone": "Europe/Madrid", "hours": {"mon-fri": "09:00-18:00"}}
WHOLE = {
    "business_hours": {
        "time_zone": "Europe/Madrid",
        "hours": {"mon": ["09:00-18:00"]},
        "holidays": ["12-25", {"date": "12-31", "hours": ["09:00-12:00"]}],
    },
    "language": "es",
    "budget": 2000,
    "limit": 3,
    "rules": [
        {
            "id": "all",
            "name": "All there is",
            "enabled": False,
            "when": {
                "first_message": True,
                "message": {"types": ["text", "interactive"]},
                "keyword": {"words": {"es": ["hola"], "en": ["hello", "hi"]}, "match": "starts"},
                "flow": {"flow_ids": ["123"], "answers": {"service": ["cut", "colour"]}},
                "button": {"payload": ["yes"], "match": "starts"},
                "referral": {"source_ids": ["ad-1"]},
                "outside_hours": False,
            },
            "then": [
                {"mark_read": True},
                {"typing": True},
                {"reply": "Hola {{contact.name|amigo}}"},
                {
                    "reply": {
                        "es": "Hola",
                        "default": {"type": "image", "image": {"link": "https://example.test/a.png"}},
                    }
                },
                {"template": {"name": "order", "language": "es", "parameters": {"1": "{{contact.name|Ana}}"}}},
                {"tag": ["a"]},
                {"untag": ["b"]},
                {"handoff": {"note": "Llamar a {{contact.name}}"}},
                {"emit": {"name": "lead.new", "data": {"n": 1}}},
            ],
            "once": {"per_s": 60},
            "stop": True,
        },
        {
            "id": "closing",
            "name": "",
            "enabled": True,
            "when": {"window_closing": True},
            "then": [{"template": {"purpose": "re_engage", "parameters": {}}}, {"handoff": True}],
            "once": "always",
            "stop": False,
        },
    ],
}


def faults(given: Any) -> list[tuple[str, str]]:
    with pytest.raises(AutomationsFaulty) as raised:
        automations_from(given)
    return [(fault.path, fault.why) for fault in raised.value.faults]


def in_rule(rule: Any, **more: Any) -> list[tuple[str, str]]:
    """The faults of a rule, by places in it."""
    told = faults({"rules": [{"id": "r", "when": "message", "then": {"reply": "Hi"}, **rule}], **more})
    return [(path.removeprefix("rules[0]").removeprefix("."), why) for path, why in told]


def test_the_long_form_is_read_and_written_as_it_is() -> None:
    assert document_of(automations_from(WHOLE)) == WHOLE


def test_no_automatic_message_at_all_is_a_budget() -> None:
    assert automations_from({"budget": 0}).budget == 0


def test_nothing_at_all_is_a_document() -> None:
    assert automations_from({}) == Automations()
    assert automations_from({"rules": None, "business_hours": None, "language": None, "budget": None}) == Automations()


LONG = {
    "first_message": {"first_message": True},
    "message": {"message": True},
    "flow": {"flow": True},
    "button": {"button": True},
    "referral": {"referral": True},
    "opted_out": {"opted_out": True},
    "window_closing": {"window_closing": True},
    "outside_hours": {"outside_hours": True},
}


@pytest.mark.parametrize(
    ("when", "long"),
    [
        *LONG.items(),
        ({"message": ["text"]}, {"message": {"types": ["text"]}}),
        ({"keyword": "hi"}, {"keyword": {"words": ["hi"], "match": "word"}}),
        ({"keyword": ["hi", "ho"]}, {"keyword": {"words": ["hi", "ho"], "match": "word"}}),
        ({"keyword": {"words": {"es": "hola"}}}, {"keyword": {"words": {"es": ["hola"]}, "match": "word"}}),
        ({"flow": {"answers": {"a": "1"}}}, {"flow": {"answers": {"a": ["1"]}}}),
        ({"button": "yes"}, {"button": {"payload": ["yes"], "match": "exact"}}),
        ({"referral": "ad"}, {"referral": {"source_ids": ["ad"]}}),
    ],
)
def test_conditions_have_short_forms(when: Any, long: Any) -> None:
    rules = automations_from({"business_hours": HOURS, "rules": [{"id": "r", "when": when, "then": "handoff"}]})

    assert document_of(rules)["rules"][0]["when"] == long
    assert automations_from(document_of(rules)) == rules


@pytest.mark.parametrize(
    ("then", "long"),
    [
        ("handoff", [{"handoff": True}]),
        (["mark_read", "typing"], [{"mark_read": True}, {"typing": True}]),
        ({"reply": "Hi", "tag": "new"}, [{"reply": "Hi"}, {"tag": ["new"]}]),
        ({"handoff": "Look"}, [{"handoff": {"note": "Look"}}]),
        ({"handoff": {}}, [{"handoff": True}]),
        ({"emit": "lead"}, [{"emit": {"name": "lead", "data": {}}}]),
        ({"reply": {"default": "Hi"}}, [{"reply": "Hi"}]),
    ],
)
def test_actions_have_short_forms(then: Any, long: Any) -> None:
    rules = automations_from({"rules": [{"id": "r", "when": "message", "then": then}]})

    assert document_of(rules)["rules"][0]["then"] == long
    assert automations_from(document_of(rules)) == rules


def test_words_without_a_language_are_in_the_owners() -> None:
    rules = automations_from({"language": "es", "rules": [{"id": "r", "when": {"keyword": "año"}, "then": "handoff"}]})

    assert document_of(rules)["rules"][0]["when"]["keyword"]["words"] == {"es": ["año"]}


# --- three lines -----------------------------------------------------------------------------------------------------


def test_answer_and_away_are_short_for_two_rules_after_all_others() -> None:
    own = {"id": "prices", "when": {"keyword": "prices"}, "then": {"reply": "10"}}
    automations = automations_from({"business_hours": HOURS, "answer": "Soon.", "away": "Closed.", "rules": [own]})

    assert document_of(automations)["rules"][1:] == [
        {
            "id": "away",
            "name": "",
            "enabled": True,
            "when": {"outside_hours": True},
            "then": [{"reply": "Closed."}],
            "once": {"per_s": 43200},
            "stop": True,
        },
        {
            "id": "answer",
            "name": "",
            "enabled": True,
            "when": {"first_message": True},
            "then": [{"reply": "Soon."}],
            "once": "window",
            "stop": False,
        },
    ]
    assert [rule.id for rule in automations.rules] == ["prices", "away", "answer"]
    assert automations_from(document_of(automations)) == automations


def test_without_words_of_their_own_owners_have_the_standard_ones() -> None:
    automations = automations_from({"business_hours": HOURS, "answer": True, "away": True})

    assert [rule.then for rule in automations.rules] == [(Reply(AWAY),), (Reply(ANSWER),)]
    assert list(ANSWER) == list(AWAY)


@pytest.mark.parametrize("language", list(AWAY))
def test_the_standard_words_say_when_somebody_is_back(language: str) -> None:
    automations = automations_from({"business_hours": HOURS, "away": True, "language": language})
    happened = Happened(Kind.MESSAGE, "wamid.1", 0, {"type": "text"}, window=0)
    saturday = 1_775_296_800_000

    sent = decide(automations, happened, State(), saturday).fired[0].actions[0]

    assert isinstance(sent, Send)
    assert "9" in sent.body["text"]["body"]
    assert "{" not in sent.body["text"]["body"]


def test_what_is_switched_off_in_short_is_no_rule() -> None:
    assert automations_from({"answer": False, "away": None}) == Automations()


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "where"),
    [
        (None, ""),
        ([], ""),
        ({"rule": []}, "rule"),
        ({"rules": {}}, "rules"),
        ({"rules": [{"id": f"r{n}", "when": "message", "then": "handoff"} for n in range(101)]}, "rules"),
        ({"rules": ["away"]}, "rules[0]"),
        ({"language": "Spanish please"}, "language"),
        ({"language": 1}, "language"),
        ({"budget": -1}, "budget"),
        ({"budget": True}, "budget"),
        ({"budget": "1"}, "budget"),
        ({"limit": 0}, "limit"),
        ({"limit": 61}, "limit"),
        ({"business_hours": "always"}, "business_hours"),
        ({"away": "Closed."}, "away"),
        ({"answer": 1}, "answer"),
        ({"answer": "{{contact.shoe}}"}, "answer"),
        ({"answer": "Hi", "rules": [{"id": "answer", "when": "message", "then": "handoff"}]}, "rules"),
    ],
)
def test_faults_of_the_whole(given: Any, where: str) -> None:
    assert [path for path, _ in faults(given)] == [where]


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ({"id": None}, "id"),
        ({"id": "Über"}, "id"),
        ({"id": "-a"}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"name": 1}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"enabled": "yes"}, "enabled"),
        ({"stop": 1}, "stop"),
        ({"if": "message"}, "if"),
        ({"once": "day"}, "once"),
        ({"once": {"per_s": 0}}, "once"),
        ({"once": {"per_s": True}}, "once"),
        ({"once": {"per_s": 60, "per_m": 1}}, "once"),
        ({"once": {"per_s": 10**9}}, "once"),
        ({"when": None}, "when"),
        ({"when": {}}, "when"),
        ({"when": "raining"}, "when.raining"),
        ({"when": {"first_message": False}}, "when.first_message"),
        ({"when": {"window_closing": 1}}, "when.window_closing"),
        ({"when": {"opted_out": "yes"}}, "when.opted_out"),
        ({"when": {"message": ["fax"]}}, "when.message.types"),
        ({"when": {"message": False}}, "when.message"),
        ({"when": {"message": {"kinds": ["text"], "types": ["text"]}}}, "when.message.kinds"),
        ({"when": {"outside_hours": True}}, "when.outside_hours"),
        ({"when": {"outside_hours": "yes"}}, "when.outside_hours"),
        ({"when": {"window_closing": True, "keyword": "hi"}}, "when"),
        ({"when": {"opted_out": True, "window_closing": True}}, "when"),
        ({"when": {"keyword": True}}, "when.keyword.words"),
        ({"when": {"keyword": []}}, "when.keyword.words"),
        ({"when": {"keyword": ""}}, "when.keyword.words"),
        ({"when": {"keyword": "?!"}}, "when.keyword.words"),
        ({"when": {"keyword": ["hi", 1]}}, "when.keyword.words"),
        ({"when": {"keyword": {"words": {}}}}, "when.keyword.words"),
        ({"when": {"keyword": {"words": {"": "x"}}}}, "when.keyword.words.…"),
        ({"when": {"keyword": {"words": "hi", "match": "sounds"}}}, "when.keyword.match"),
        ({"when": {"keyword": {"words": "hi", "case": True}}}, "when.keyword.case"),
        ({"when": {"keyword": {"words": {"es": ["x"] * 60, "en": ["x"] * 41}}}}, "when.keyword.words"),
        ({"when": {"flow": False}}, "when.flow"),
        ({"when": {"flow": {}}}, "when.flow"),
        ({"when": {"flow": {"answers": "cut"}}}, "when.flow.answers"),
        ({"when": {"flow": {"flow_ids": []}}}, "when.flow.flow_ids"),
        ({"when": {"flow": {"screens": ["A"], "flow_ids": "1"}}}, "when.flow.screens"),
        ({"when": {"flow": {"answers": {"a": 1}}}}, "when.flow.answers.a"),
        ({"when": {"button": False}}, "when.button"),
        ({"when": {"button": {"payload": "x", "match": "ends"}}}, "when.button.match"),
        ({"when": {"button": {"payload": "x", "title": "x"}}}, "when.button.title"),
        ({"when": {"button": {"match": "starts"}}}, "when.button.payload"),
        ({"when": {"referral": {"source_ids": [""]}}}, "when.referral.source_ids"),
        ({"then": None}, "then"),
        ({"then": []}, "then"),
        ({"then": {}}, "then"),
        ({"then": "dance"}, "then[0]"),
        ({"then": [{"reply": "Hi"}, {"dance": True}]}, "then[1]"),
        ({"then": ["handoff"] * 11}, "then"),
        ({"then": {"mark_read": "yes"}}, "then.mark_read"),
        ({"then": {"typing": False}}, "then.typing"),
        ({"then": {"tag": []}}, "then.tag"),
        ({"then": {"tag": "x" * 101}}, "then.tag"),
        ({"then": {"untag": [1]}}, "then.untag"),
        ({"then": {"handoff": False}}, "then.handoff"),
        ({"then": {"handoff": "x" * 1001}}, "then.handoff"),
        ({"then": {"handoff": {"text": "x"}}}, "then.handoff.text"),
        ({"then": {"emit": "Lead New"}}, "then.emit.name"),
        ({"then": {"emit": {"name": "a", "data": []}}}, "then.emit.data"),
        ({"then": {"emit": {"name": "a", "body": {}}}}, "then.emit.body"),
        ({"then": {"reply": ""}}, "then.reply"),
        ({"then": {"reply": "  "}}, "then.reply"),
        ({"then": {"reply": "x" * 4097}}, "then.reply"),
        ({"then": {"reply": True}}, "then.reply"),
        ({"then": {"reply": {}}}, "then.reply"),
        ({"then": {"reply": {"text": "Hi"}}}, "then.reply.text"),
        ({"then": {"reply": {"es": ""}}}, "then.reply.es"),
        ({"then": {"reply": {"type": "template", "template": {}}}}, "then.reply.type"),
        ({"then": {"reply": {"type": "text", "text": {"body": ""}}}}, "then.reply.text.body"),
        ({"then": {"reply": {"type": "text", "text": {"body": "Hi"}, "to": "1"}}}, "then.reply.to"),
        ({"then": {"reply": {"type": "image"}}}, "then.reply.image"),
        ({"then": {"reply": {"es": {"type": "image", "image": "x"}}}}, "then.reply.es.image"),
        ({"then": {"template": "order"}}, "then.template"),
        ({"then": {"template": {"name": "a", "purpose": "b"}}}, "then.template"),
        ({"then": {"template": {"parameters": {}}}}, "then.template"),
        ({"then": {"template": {"name": ""}}}, "then.template.name"),
        ({"then": {"template": {"purpose": 1}}}, "then.template.purpose"),
        ({"then": {"template": {"name": "a", "language": "?"}}}, "then.template.language"),
        ({"then": {"template": {"name": "a", "components": []}}}, "then.template.components"),
        ({"then": {"template": {"name": "a", "parameters": []}}}, "then.template.parameters"),
        ({"then": {"template": {"name": "a", "parameters": {"1": "{{contact.name}}"}}}}, "then.template.parameters"),
        ({"then": {"template": {"name": "a", "parameters": {"1": "{{contact.name| }}"}}}}, "then.template.parameters"),
        ({"then": {"reply": "{{contact.shoe_size}}"}}, "then.reply"),
        ({"then": {"reply": "{{flow.}}"}}, "then.reply"),
        ({"then": {"reply": "{{}}"}}, "then.reply"),
        ({"then": {"reply": "{{hours.next_open}}"}}, "then.reply"),
        ({"then": {"reply": "Hi {{contact.name"}}, "then.reply"),
        ({"then": {"reply": "Hi {{ {contact.name} }}"}}, "then.reply"),
        ({"then": {"handoff": "{{who}}"}}, "then.handoff"),
        ({"then": {"tag": ["vip", "{{who}}"]}}, "then.tag"),
        ({"then": {"untag": "{{who"}}, "then.untag"),
        ({"then": {"emit": {"name": "a", "data": {"x": ["{{who}}"]}}}}, "then.emit"),
        ({"then": {"template": {"name": "a", "parameters": {"1": "{{who|x}}"}}}}, "then.template"),
        ({"then": {"reply": {"type": "text", "text": ["Hi"]}}}, "then.reply.text"),
        ({"then": {"reply": {"type": "interactive", "interactive": {"x": "é" * 10_000}}}}, "then.reply"),
        ({"then": {"emit": {"name": "a", "data": {"x": "x" * 60_000}}}}, "then.emit"),
        ({"then": {"template": {"name": "a", "parameters": {"1": "x" * 60_000}}}}, "then.template"),
        ({"then": {"reply": {"en": {"type": "image", "image": ["1"]}}}}, "then.reply.en.image"),
        ({"then": {"reply": {"type": "contacts", "contacts": {"name": "Ana"}}}}, "then.reply.contacts"),
        ({"when": "window_closing", "then": {"typing": True}}, "then.typing"),
        ({"when": "opted_out", "then": "mark_read"}, "then[0].mark_read"),
        ({"when": "window_closing", "then": {"reply": "{{message.text}}"}}, "then.reply"),
        ({"when": "window_closing", "then": {"reply": "{{flow.email}}"}}, "then.reply"),
    ],
)
def test_faults_of_a_rule(rule: Any, where: str) -> None:
    told = in_rule(rule)

    assert [path for path, _ in told] == [where]
    assert told[0][1].endswith(".")


def test_whether_it_is_outside_hours_is_yes_or_no_where_there_are_hours_too() -> None:
    assert [path for path, _ in in_rule({"when": {"outside_hours": "yes"}}, business_hours=HOURS)] == [
        "when.outside_hours"
    ]


def test_all_faults_are_told_at_once() -> None:
    told = faults(
        {
            "limit": 0,
            "rules": [
                {"id": "a", "when": "raining", "then": {"reply": "{{who}}"}},
                {"id": "a", "when": "message", "then": [{"tag": 1}, {"emit": "?"}]},
            ],
        }
    )

    places = [
        "limit",
        "rules[0].when.raining",
        "rules[0].then.reply",
        "rules[1].then[0].tag",
        "rules[1].then[1].emit.name",
    ]
    assert [path for path, _ in told] == [*places, "rules"]


def test_what_people_wrote_is_not_repeated_but_for_names() -> None:
    written = "+16505550101 is ill"

    told = faults(
        {written: 1, "rules": [{"id": written, "when": {written: 1}, "then": {"reply": "{{" + written + "}}"}}]}
    )

    assert written not in str(told)


def test_all_of_it_has_a_size() -> None:
    rule = {"when": "message", "then": {"reply": "x" * 4_000}}
    most = [{"id": f"r{index}", **rule} for index in range(LARGEST_DOCUMENT // 4_000)]

    assert [path for path, _ in faults({"rules": most})] == [""]
    assert automations_from({"rules": most[:-3]}).rules


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("message"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "business_hours",
                        "hours",
                        "time_zone",
                        "holidays",
                        "language",
                        "limit",
                        "rules",
                        "answer",
                        "away",
                    ),
                    *("id", "when", "then", "once", "stop", "keyword", "words", "match", "flow", "answers", "button"),
                    *("reply", "type", "text", "body", "template", "name", "parameters", "tag", "emit", "data", "es"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    JSON | st.fixed_dictionaries({"rules": st.lists(st.fixed_dictionaries({"id": JSON, "when": JSON, "then": JSON}))})
)
def test_whatever_is_written_is_read_or_faulty(given: Any) -> None:
    try:
        automations = automations_from(given)
    except AutomationsFaulty as error:
        assert error.faults
        assert all(fault.why for fault in error.faults)
    else:
        again = automations_from(json.loads(json.dumps(document_of(automations))))
        assert again == automations
