"""Which templates purposes choose by themselves: those of the starter library unless others are set, no unhealthy ones,
and none that cost more than was declared, where their number's owner does not want that.
"""

from typing import Any

import pytest

from casement.domain.number import PRESETS
from casement.domain.template_health import Ill
from casement.usecases.find_templates import find_from, find_templates
from tests.support.deployment import ALICE, DAY, HOUR, NUMBER, WABA, Answer, Deployment, Json

BODY = [{"type": "BODY", "text": "We have an answer to your question. Please reply to read it."}]


def has(casement: Deployment, name: str, category: str = "UTILITY") -> str:
    """Meta has approved a template, and it has been read; its id."""
    casement.simulator.add_template(
        {"name": name, "language": "en_US", "category": category, "components": BODY}, waba_id=WABA
    )
    casement.sync()
    casement.now += 1_000
    stored = casement.templates.find(WABA, name, "en_US")
    assert stored
    return stored.id


def decides(casement: Deployment, **how: Any) -> None:
    """Meta moves template `b`, or scores it, and it is read again."""
    if "category" in how:
        casement.simulator.recategorise("b", how["category"])
    else:
        casement.simulator.score("b", how["score"])
    casement.sync()
    casement.now += 31_000  # what is remembered of numbers and marks is read afresh


def by_purpose(casement: Deployment, purpose: str = "mine") -> Answer:
    return casement.send(ALICE, casement={"when_closed": {"purpose": purpose}})


def by_name(casement: Deployment, **ours: Any) -> Answer:
    template = {"type": "template", "template": {"name": "b", "language": {"code": "en_US"}}}
    return casement.send(ALICE, template, **({"casement": ours} if ours else {}))


def went(casement: Deployment) -> list[str]:
    return [one.body["template"]["name"] for one in casement.simulator.sent]


def usable(casement: Deployment, **query: str) -> list[Json]:
    """The templates that the finder says can go."""
    found = find_templates(find_from(query), casement.engine(casement.secret().number(NUMBER)), casement.now)
    shown: list[Json] = found["usable"]
    return shown


def why_passed(answer: Answer) -> str:
    assert answer.status == 400, answer.body
    return " ".join(each["why"] for each in answer.ours["candidates"])


@pytest.fixture
def two(casement: Deployment) -> Deployment:
    """A purpose with two templates; the second is `b`."""
    for name in ("b", "a"):
        has(casement, name)
    casement.set_number(purposes={"mine": ["b", "a"]})
    return casement


# --- the starter library ----------------------------------------------------------------------------------------------


def test_the_starter_library_serves_before_anything_is_set(casement):
    (first, *_), last = PRESETS["re_engage"], PRESETS["re_engage"][-1]
    answer = casement.send(ALICE, casement={"when_closed": "template"})
    assert first.name in str(answer.ours["candidates"])

    has(casement, last.name)

    assert casement.send(ALICE, casement={"when_closed": "template"}).status == 200
    assert went(casement) == [last.name]


def test_what_the_owner_sets_for_a_purpose_takes_the_place_of_the_library_and_no_other(casement):
    for name in ("b", "continue_conversation", "purchase_help"):
        has(casement, name)
    casement.set_number(purposes={"re_engage": ["b"], "order_update": []})

    assert by_purpose(casement, "re_engage").status == 200
    assert by_purpose(casement, "purchase_help").status == 200
    assert went(casement) == ["b", "purchase_help"]
    assert "no template for the purpose 'order_update'" in why_passed(by_purpose(casement, "order_update"))


def test_one_of_the_library_that_meta_moved_is_not_sent_unawares(casement):
    has(casement, "continue_conversation", "MARKETING")

    assert "was UTILITY" in why_passed(casement.send(ALICE, casement={"when_closed": "template"}))


# --- health -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("score", "chosen"), [("GREEN", "b"), ("YELLOW", "b"), ("RED", "a"), ("UNKNOWN", "b")])
def test_a_template_that_meta_scores_red_is_passed_over(two, score, chosen):
    decides(two, score=score)

    assert by_purpose(two).status == 200
    assert went(two) == [chosen]


def test_one_that_fails_too_often_is_passed_over_for_as_long_as_the_mark_lasts(two):
    stored = two.templates.find(WABA, "b", "en_US")
    two.templates.mark_ill(WABA, Ill(stored.id, 20, 10, two.now, two.now + HOUR))

    by_purpose(two)
    two.now += HOUR
    by_purpose(two)

    assert went(two) == ["a", "b"]


def test_the_reason_is_told_and_by_its_name_it_still_goes(two):
    two.set_number(purposes={"mine": ["b"]})
    decides(two, score="RED")

    assert "RED" in why_passed(by_purpose(two))
    assert by_name(two).status == 200
    assert went(two) == ["b"]


def test_healthy_ones_are_found_first_and_unhealthy_ones_with_a_warning(two):
    decides(two, score="RED")

    found = usable(two, q="answer your question")

    assert [(each["name"], bool(each["warning"])) for each in found] == [
        *((each["name"], False) for each in found[:-1]),
        ("b", True),
    ]
    assert "a" in [each["name"] for each in found]
    assert [each["name"] for each in usable(two, purpose="mine")] == ["a"]


# --- what costs more --------------------------------------------------------------------------------------------------


def refuses_dearer(casement: Deployment, **more: Any) -> None:
    casement.set_number(when_dearer="refuse", **more)


def test_by_default_a_template_goes_out_by_its_name_whatever_it_costs_now(two):
    decides(two, category="MARKETING")

    assert by_name(two).status == 200


def test_a_number_may_refuse_what_costs_more_than_declared(two):
    refuses_dearer(two)
    assert by_name(two).status == 200

    decides(two, category="MARKETING")
    answer = by_name(two)

    assert (answer.status, answer.code) == (400, 100)
    assert "declared UTILITY and is MARKETING" in answer.body["error"]["error_data"]["details"]
    assert len(went(two)) == 1


@pytest.mark.parametrize(
    ("declared", "status"), [("MARKETING", 200), ("marketing", 200), ("UTILITY", 400), ("AUTHENTICATION", 400)]
)
def test_whoever_declares_it_for_a_send_gets_it(two, declared, status):
    refuses_dearer(two)
    decides(two, category="MARKETING")

    assert by_name(two, category=declared).status == status


def test_what_becomes_cheaper_goes(casement):
    has(casement, "b", "MARKETING")
    refuses_dearer(casement)
    decides(casement, category="UTILITY")

    assert by_name(casement).status == 200


def test_a_stand_in_that_costs_more_is_refused_too(two):
    refuses_dearer(two)
    decides(two, category="MARKETING")
    template = {"name": "b", "language": {"code": "en_US"}}

    answer = two.send(ALICE, casement={"when_closed": {"template": template}})

    assert "MARKETING" in why_passed(answer)


def test_a_purpose_that_was_set_for_the_category_it_has_now_sends_it(two):
    decides(two, category="MARKETING")
    refuses_dearer(two, purposes={"mine": [{"name": "b", "category": "MARKETING"}], "any": ["b"]})

    assert by_purpose(two).status == 200
    assert "costs more" in why_passed(by_purpose(two, "any"))


@pytest.mark.parametrize("given", ["SERVICE", "", 7, None, []])
def test_a_category_that_is_none_is_refused_and_null_says_nothing(two, given):
    answer = by_name(two, category=given)

    assert answer.status == (200 if given is None else 400)
    assert given is None or answer.ours["parameter"] == "casement.category"


def test_a_free_form_message_has_no_category(two):
    two.wrote()
    assert two.send(casement={"category": "UTILITY"}).ours["parameter"] == "casement.category"


def test_what_was_declared_holds_when_the_message_takes_its_turn_later(two):
    refuses_dearer(two)
    decides(two, category="MARKETING")
    two.simulator.fail_next("rate_limit", match="/messages$")

    answer = by_name(two, category="MARKETING", when_limited="queue")

    assert answer.body["messages"][0]["message_status"] == "queued"
    two.now += DAY
    two.catch_up()
    assert went(two) == ["b"]


def test_a_dry_run_tells(two):
    refuses_dearer(two)
    decides(two, category="MARKETING")

    decision: Json = by_name(two, dry_run=True).body["casement"]["decision"]

    assert (decision["action"], decision["code"]) == ("refuse", 100)
