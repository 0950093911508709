"""The finder: what can go to a customer now, best first, and why the rest can't; and nothing happens."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from casement.domain.errors import InvalidRequest
from casement.domain.template_health import Ill
from casement.domain.templates import Held, Template
from casement.usecases.find_templates import FindAsked, find_from, find_templates
from tests.support.deployment import ALICE, BOB, NUMBER, WABA, Deployment, Json
from tests.support.harmless import doing_nothing
from tests.support.template_parts import OTP_BUTTON, TRACK_URL, body, buttons, header


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()


def find(casement: Deployment, **query: str) -> Json:
    """What a request with this query gets, as JSON has it."""
    engine = casement.engine(casement.secret().number(NUMBER))
    found: Json = json.loads(json.dumps(find_templates(find_from(query), engine, casement.now)))
    return found


def named(rows: list[Json]) -> list[str]:
    return [f"{row['name']} {row['language']}" for row in rows]


def serves(casement: Deployment, *templates: Any, **settings: Any) -> None:
    casement.set_number(purposes={"update": list(templates)}, **settings)


# --- what can go ----------------------------------------------------------------------------------------------------


def test_everything_that_can_go_the_best_first(casement):
    found = find(casement, contact=ALICE)

    assert named(found["usable"]) == [
        "hello_world en_US",
        "order_on_its_way en_US",
        "we_are_here en_US",
        "seasonal_offer en_US",
        "we_are_here es",
    ]
    assert found["unusable"] == []
    assert found["count"] == {"usable": 5, "unusable": 0}


def test_each_says_what_it_needs_and_what_it_is_for(casement):
    serves(casement, {"name": "order_on_its_way", "category": "UTILITY"}, "we_are_here")

    assert find(casement, q="order")["usable"] == [
        {
            "name": "order_on_its_way",
            "language": "en_US",
            "category": "UTILITY",
            "price_class": "utility",
            "needs": ["customer", "order_number"],
            "body": "Good news, {{customer}}: your order {{order_number}} has left us and is on its way.",
            "purposes": ["update"],
            "warning": None,
        }
    ]


def test_of_every_kind_it_says_what_is_needed(casement):
    add(casement, "code", components=[{"type": "BODY"}, buttons(OTP_BUTTON)], category="AUTHENTICATION")
    add(casement, "parcel", components=[header("IMAGE"), body("It is {{1}} now"), buttons(TRACK_URL)])
    casement.sync()

    found = {row["name"]: row for row in find(casement)["usable"]}

    assert (found["code"]["needs"], found["code"]["body"]) == (["code"], "{{1}} is your verification code.")
    assert found["parcel"]["needs"] == ["header", "1", "button.0"]


def add(casement: Deployment, name: str, *, category: str = "UTILITY", **more: Any) -> None:
    """Meta has this template and has approved it."""
    casement.simulator.add_template({"name": name, "language": "en_US", "category": category, **more})


@pytest.mark.parametrize("query", [{"language": "es"}, {"language": "es-MX"}, {"contact": ALICE}])
def test_the_customers_language_comes_first(casement, query):
    casement.change("PATCH", f"contacts/{ALICE}", {"language": "es"})

    assert named(find(casement, **query)["usable"])[0] == "we_are_here es"
    assert named(find(casement, contact=BOB)["usable"])[0] == "hello_world en_US"


def test_a_search_finds_names_before_texts(casement):
    add(casement, "weekly", components=[body("Our SÉASONAL offer of the week")])
    casement.sync()

    assert named(find(casement, q="Seasonal Offer")["usable"]) == ["seasonal_offer en_US", "weekly en_US"]
    assert find(casement, q="nothing like it") == {
        "usable": [],
        "unusable": [],
        "count": {"usable": 0, "unusable": 0},
    }


def test_a_purpose_finds_its_templates_in_its_owners_order(casement):
    serves(casement, "seasonal_offer", "we_are_here", "gone", "hello_world")

    found = find(casement, purpose="update", language="en_US")

    assert named(found["usable"]) == ["seasonal_offer en_US", "we_are_here en_US", "hello_world en_US"]
    assert [(row["name"], row["language"], row["status"]) for row in found["unusable"]] == [
        ("we_are_here", "es", "APPROVED"),
        ("gone", None, None),
    ]
    assert "is in none of the languages en_US, en" in found["unusable"][0]["why"]
    assert found["unusable"][1]["why"] == "There is no template 'gone'."


def test_a_purpose_comes_to_what_the_finder_has_first(casement):
    serves(casement, "seasonal_offer", "we_are_here", "hello_world")
    casement.wrote(ALICE, ago=30 * 3_600_000)
    casement.change("PATCH", f"contacts/{ALICE}", {"language": "es", "consent": {"marketing": "stop"}})

    first = find(casement, purpose="update", contact=ALICE)["usable"][0]
    asked = {"purpose": "update", "parameters": dict.fromkeys(first["needs"], "Ana")}
    decided = casement.send(ALICE, casement={"dry_run": True, "when_closed": asked}).ours["decision"]

    assert (decided["template"]["name"], decided["template"]["language"]) == (first["name"], first["language"])


# --- and what can't --------------------------------------------------------------------------------------------------


def test_what_can_not_go_says_why(casement):
    casement.simulator.review("hello_world", "pause")
    casement.simulator.review("order_on_its_way", "delete")
    casement.sync()
    casement.wrote(ALICE)
    casement.change("PATCH", f"contacts/{ALICE}", {"consent": {"marketing": "stop"}})

    found = find(casement, contact=ALICE)

    assert named(found["usable"]) == ["we_are_here en_US", "we_are_here es"]
    assert [(row["name"], row["status"], row["category"]) for row in found["unusable"]] == [
        ("hello_world", "PAUSED", "UTILITY"),
        ("seasonal_offer", "APPROVED", "MARKETING"),
        ("order_on_its_way", "DELETED", "UTILITY"),
    ]
    assert "is PAUSED at Meta" in found["unusable"][0]["why"]
    assert "has stopped marketing" in found["unusable"][1]["why"]
    assert "seasonal_offer en_US" in named(find(casement, contact=BOB)["usable"])
    assert "seasonal_offer en_US" in named(find(casement)["usable"])


def test_a_category_that_has_changed_is_unusable_for_the_purpose_only(casement):
    serves(casement, {"name": "we_are_here", "category": "UTILITY"})
    casement.simulator.recategorise("we_are_here", "MARKETING", language="en_US")
    casement.sync()

    for_purpose = find(casement, purpose="update", language="en_US")
    for_all = {(row["name"], row["language"]): row for row in find(casement)["usable"]}

    assert "was UTILITY when this purpose was set and is now MARKETING" in for_purpose["unusable"][0]["why"]
    assert for_all["we_are_here", "en_US"]["purposes"] == []
    assert for_all["we_are_here", "es"]["purposes"] == ["update"]


@pytest.mark.parametrize("query", [{"contact": ALICE}, {}])
def test_a_number_that_meta_stopped_can_send_nothing(casement, query):
    casement.simulator.fail_next("error", code=131031)
    casement.send(message={"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}})

    found = find(casement, **query)

    assert found["usable"] == []
    assert {row["why"].partition(",")[0] for row in found["unusable"]} == {
        "Meta has stopped this number with error 131031"
    }


# --- many of them ---------------------------------------------------------------------------------------------------


def test_thousands_are_read_once_and_the_first_few_shown(casement):
    held = [
        Held(
            Template(
                WABA, str(number), f"t{number:04}", "en", status, "UTILITY", {"components": [body("Hi {{1}} all")]}
            ),
            1,
        )
        for number in range(2_000)
        for status in ("APPROVED" if number % 2 else "REJECTED",)
    ]
    reads: list[str] = []
    engine = casement.engine(casement.secret().number(NUMBER))

    class Many:
        def all(self, waba_id: str) -> list[Held]:
            reads.append(waba_id)
            return held

        def ill(self, *_: object) -> dict[str, Ill]:
            return {}

    began = time.perf_counter()
    found = find_templates(FindAsked(query="t", limit=3), replace(engine, templates=Many()), casement.now)

    assert reads == [WABA]
    assert time.perf_counter() - began < 5
    assert named(found["usable"]) == ["t0001 en", "t0003 en", "t0005 en"]
    assert named(found["unusable"]) == ["t0000 en", "t0002 en", "t0004 en"]
    assert found["count"] == {"usable": 1_000, "unusable": 1_000}


# --- and nothing happens --------------------------------------------------------------------------------------------


def test_nothing_is_written_and_nobody_is_called(casement):
    serves(casement, "seasonal_offer", "we_are_here")
    casement.wrote(ALICE)
    casement.catch_up()

    with doing_nothing(casement):
        for query in (
            {},
            {"contact": ALICE},
            {"purpose": "update", "contact": ALICE},
            {"q": "order", "language": "es"},
        ):
            find(casement, **query)


# --- requests that make no sense ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"dry_run": "true"}, "dry_run"),
        ({"contact": "Ana"}, "contact"),
        ({"q": "x" * 201}, "q"),
        ({"limit": "0"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"purpose": "x" * 201}, "purpose"),
    ],
)
def test_a_request_that_makes_no_sense_says_where(query, parameter):
    with pytest.raises(InvalidRequest) as raised:
        find_from(query)

    assert raised.value.parameter == parameter


def test_what_is_asked_is_read_from_the_query():
    assert find_from({}) == FindAsked()
    assert find_from({"q": "", "limit": "9999", "phone_number_id": "7"}) == FindAsked("7", limit=100)


def test_a_purpose_that_the_number_has_not_is_refused(casement):
    serves(casement, "we_are_here")

    with pytest.raises(InvalidRequest, match=r"no such purpose\. It has: .*, update\.") as raised:
        find(casement, purpose="updates")

    assert raised.value.parameter == "purpose"
