"""Pages of the listing, there and back, whatever is stored and however large they are; and what rows tell besides."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.api_key import Scope
from casement.domain.template_health import Ill
from casement.domain.templates import Held, Template
from tests.support.deployment import API_KEY, HOUR, NOON, NUMBER, OTHER_NUMBER, WABA, Answer, Deployment, deployed
from tests.support.memory import memory
from tests.support.template_desk import NEWS, approved, asked_of_meta, delete, edit, learn, made, reviewed

ACCOUNT = "7"
FAST = memory()

names = st.text("ab_1", min_size=1, max_size=3)
places = st.tuples(names, st.sampled_from(["en", "en_US", "es"]))
stored_templates = st.dictionaries(
    places,
    st.tuples(st.sampled_from(["APPROVED", "PENDING", "DELETED"]), st.sampled_from(["UTILITY", "MARKETING"])),
    min_size=1,
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["APPROVED", "approved,PENDING", '["PENDING"]']),
        "category": st.sampled_from(["MARKETING", "UTILITY,MARKETING"]),
        "language": st.sampled_from(["en", "en,es"]),
        "name": names,
        "name_or_content": st.sampled_from(["a", "words of b"]),
        "content": st.sampled_from(["words of a", "WORDS"]),
    },
)


def stored(casement: Deployment, found: dict[tuple[str, str], tuple[str, str]]) -> None:
    for number, ((name, language), (status, category)) in enumerate(found.items()):
        definition = {
            "id": str(number),
            "name": name,
            "language": language,
            "status": status,
            "category": category,
            "components": [{"type": "BODY", "text": f"Words of {name}"}],
        }
        casement.templates.keep(
            Held(Template(ACCOUNT, str(number), name, language, status, category, definition), NOON, deleted_at=None)
        )


def is_wanted(place: tuple[str, str], about: tuple[str, str], query: dict[str, str]) -> bool:
    """Meta's filters, once more."""
    (name, language), (status, category) = place, about
    content = f"words of {name}"
    several = {"status": status.lower(), "category": category.lower(), "language": language, "name": name}
    return all(
        several[key] in value.lower().replace('["', "").replace('"]', "").split(",")
        if key in several
        else value.lower() in (content if key == "content" else f"{name} {content}")
        for key, value in query.items()
    )


def rows(answer: Answer) -> list[tuple[str, str]]:
    assert answer.status == 200, answer.body
    return [(each["name"], each["language"]) for each in answer.body["data"]]


def follow(casement: Deployment, link: str) -> Answer:
    """What is behind a link of an answer."""
    parts = urlsplit(link)
    return casement.get(parts.path, **dict(parse_qsl(parts.query)))


@given(stored_templates, filters, st.integers(1, 5), st.data())
def test_pages_of_any_size_give_each_row_once_there_and_back(found, query, limit, data):
    with deployed(FAST) as casement:
        stored(casement, found)
        expected = sorted(place for place, about in found.items() if is_wanted(place, about, query))

        answer = casement.get("message_templates", number=ACCOUNT, limit=limit, **query)
        pages, answers = [rows(answer)], [answer]
        while "next" in answer.body.get("paging", {}):
            answer = follow(casement, answer.body["paging"]["next"])
            pages.append(rows(answer))
            answers.append(answer)

        assert [row for page in pages for row in page] == expected
        assert all(len(page) == limit for page in pages[:-1])
        assert "previous" not in answers[0].body.get("paging", {})
        if not expected:
            return

        back = [pages[-1]]
        while "previous" in answer.body["paging"]:
            answer = follow(casement, answer.body["paging"]["previous"])
            assert "next" in answer.body["paging"]
            back.insert(0, rows(answer))
        assert [row for page in back for row in page] == expected

        one, other = sorted(data.draw(st.tuples(st.sampled_from(answers), st.sampled_from(answers))), key=answers.index)
        cursors = {"after": one.body["paging"]["cursors"]["before"], "before": other.body["paging"]["cursors"]["after"]}
        between = casement.get("message_templates", number=ACCOUNT, limit=100, **query, **cursors)
        first, last = rows(one)[0], rows(other)[-1]
        assert rows(between) == [row for row in expected if first < row < last]


@given(stored_templates, filters)
@settings(max_examples=20)
def test_a_summary_counts_what_all_pages_hold(found, query):
    with deployed(FAST) as casement:
        stored(casement, found)

        summary = casement.get("message_templates", number=ACCOUNT, limit=1, summary="total_count", **query).body[
            "summary"
        ]

        assert summary["total_count"] == sum(is_wanted(place, about, query) for place, about in found.items())
        assert summary["message_template_count"] == len(
            {place[0] for place, (status, _) in found.items() if status != "DELETED"}
        )


def test_an_account_that_is_not_ours_has_no_list_and_one_without_templates_an_empty_one(casement):
    unknown = casement.get("message_templates", number="999", status="APPROVED")

    assert (unknown.status, unknown.code, unknown.body["error"]["error_subcode"]) == (400, 100, 33)
    assert casement.get("message_templates", number=WABA).body == {"data": []}


@pytest.mark.parametrize("cursor", ["!!!!x", "\u00e9", "_w"])
def test_a_cursor_that_can_not_be_read_is_refused_by_its_name(casement, cursor):
    answer = casement.get("message_templates", number=WABA, before=cursor)

    assert (answer.status, answer.code, answer.ours) == (400, 100, {"parameter": "before"})


# --- what a row tells besides ---------------------------------------------------------------------------------------


def row(casement: Deployment, **query: Any) -> Any:
    (shown,) = casement.get("message_templates", number=WABA, name="news", **query).body["data"]
    return shown


def test_a_row_says_what_meta_does_not(casement):
    casement.simulator.review_next("recategorise", category="MARKETING")
    template_id = made(casement)
    casement.templates.mark_ill(WABA, Ill(template_id, 100, 40, casement.now, casement.now + HOUR))

    assert row(casement)["casement"] == {
        "declared_category": "UTILITY",
        "review": None,
        "ill": {
            "asked": 100,
            "failed": 40,
            "since": casement.now // 1000,
            "until": (casement.now + HOUR) // 1000,
        },
        "read_at": casement.now // 1000,
        "deleted_at": None,
    }


def test_a_row_has_what_is_asked_for_and_no_more(casement):
    made(casement)

    assert set(row(casement, fields="status")) == {"id", "status"}
    assert set(row(casement, fields="status,casement")) == {"id", "status", "casement"}


# --- all there is to know of one ------------------------------------------------------------------------------------


def shown(casement: Deployment, name: str = "news", **query: Any) -> Answer:
    return casement.get(f"/casement/v1/templates/{name}", **({"waba_id": WABA} | query))


def test_all_translations_of_a_template_are_shown(casement):
    casement.sync()

    answer = shown(casement, "we_are_here")

    assert (answer.status, answer.body["name"], answer.body["waba_id"]) == (200, "we_are_here", WABA)
    assert [each["language"] for each in answer.body["data"]] == ["en_US", "es"]
    for each in answer.body["data"]:
        assert (each["status"], each["sendable"], each["category"], each["quality"]) == (
            "APPROVED",
            True,
            "UTILITY",
            "UNKNOWN",
        )
        assert each["components"][0]["type"] == "BODY"
        assert (each["ill"], each["deleted_at"], each["declared_category"]) == (None, None, "UTILITY")


def test_an_announced_category_is_shown(casement):
    approved(casement)
    casement.simulator.recategorise("news", "MARKETING", announce=True)
    learn(casement)

    (each,) = shown(casement).body["data"]

    assert (each["category"], each["announced_category"]) == ("UTILITY", "MARKETING")


def test_the_history_has_every_change_with_its_time_and_source(casement):
    template_id = made(casement)
    reviewed(casement, template_id, "approve")
    edited_at = casement.now
    assert edit(casement, template_id, {"components": [{"type": "BODY", "text": "Else"}]}).status == 200
    learn(casement)
    casement.simulator.review(template_id, "reject", notify=False)
    learn(casement)
    assert delete(casement, name="news").status == 200
    learn(casement)

    (each,) = shown(casement).body["data"]

    statuses = [(one["was"], one["now"], one["source"]) for one in each["history"] if one["what"] == "status"]
    assert statuses == [
        (None, "PENDING", "request"),
        ("PENDING", "APPROVED", "webhook"),
        ("APPROVED", "PENDING", "request"),
        ("PENDING", "REJECTED", "sync"),
        ("REJECTED", "PENDING_DELETION", "request"),
        ("PENDING_DELETION", "DELETED", "webhook"),
    ]
    change = {"at": edited_at // 1000, "what": "edited", "was": "APPROVED", "now": None, "source": "request"}
    assert change in each["history"]
    assert [one["at"] for one in each["history"]] == sorted(one["at"] for one in each["history"])


@pytest.mark.parametrize("name", ["no_such_thing", "n", "news_", "!sync", "%23", "\u00e9"])
def test_one_that_there_is_not(casement, name):
    made(casement)

    answer = shown(casement, name)

    assert (answer.status, answer.code) == (404, 100)


def test_which_account_is_meant(casement):
    casement.sync()
    casement.add_key("one number", [Scope.READ], numbers=frozenset({OTHER_NUMBER.phone_number_id}))
    path = "/casement/v1/templates/hello_world"

    assert casement.get(path).ours == {"parameter": "waba_id"}
    assert casement.get(path, key="one number").body["waba_id"] == OTHER_NUMBER.waba_id
    assert casement.get(path, phone_number_id=OTHER_NUMBER.phone_number_id).body["waba_id"] == OTHER_NUMBER.waba_id
    assert casement.get(path, waba_id=WABA).body["waba_id"] == WABA
    assert casement.get(path, waba_id=WABA, key="one number").status == 403
    assert casement.get(path, phone_number_id="999").status == 400


def test_a_deleted_one_is_still_shown(casement):
    template_id = approved(casement)
    reviewed(casement, template_id, "reject")
    delete(casement, name="news")
    learn(casement)

    (each,) = shown(casement).body["data"]

    assert (each["id"], each["status"], each["sendable"]) == (template_id, "DELETED", False)
    assert each["deleted_at"] is not None


# --- read again at Meta ---------------------------------------------------------------------------------------------

LISTING = f"GET /{WABA}/message_templates"


def refreshed(casement: Deployment, key: str = API_KEY, **query: Any) -> Answer:
    return casement.get("message_templates", number=WABA, key=key, casement_refresh="true", **query)


def test_what_meta_has_now_is_read_first_if_asked(casement):
    casement.sync()
    casement.now += 1_000
    casement.simulator.add_template(NEWS)
    casement.simulator.review("hello_world", "pause", notify=False)
    casement.simulator.review("seasonal_offer", "delete", notify=False)

    answer = refreshed(casement)

    assert answer.body["casement"] == {"refreshed": True, "changed": 3, "why": None}
    states = {each["name"]: each["status"] for each in answer.body["data"]}
    assert (states["news"], states["hello_world"], states["seasonal_offer"]) == ("APPROVED", "PAUSED", "DELETED")
    assert refreshed(casement).body["casement"] == {"refreshed": True, "changed": 0, "why": None}


def test_one_name_may_be_read_alone(casement):
    casement.sync()
    casement.now += 1_000
    for name in ("hello_world", "seasonal_offer"):
        casement.simulator.review(name, "pause", notify=False)
    asked_of_meta(casement)

    answer = refreshed(casement, name="hello_world")

    assert (answer.body["casement"]["refreshed"], answer.body["casement"]["changed"]) == (True, 1)
    assert [each["status"] for each in answer.body["data"]] == ["PAUSED"]
    assert casement.wire.requests[0].url.params["name"] == "hello_world"
    (other,) = casement.get("message_templates", number=WABA, name="seasonal_offer").body["data"]
    assert other["status"] == "APPROVED"


@pytest.mark.parametrize("fault", [{"how": "connect"}, {"how": "rate_limit"}, {"how": "error", "code": 190}])
def test_a_reading_that_fails_changes_nothing_and_what_is_stored_is_listed(casement, fault):
    casement.simulator.set_options(page_limit=2)
    casement.sync()
    casement.now += 1_000
    casement.simulator.review("hello_world", "pause", notify=False)
    casement.simulator.fail_next(**fault, match=LISTING, skip=2)

    answer = refreshed(casement, name_or_content="hello_world")

    assert (answer.status, answer.body["casement"]["refreshed"], answer.body["casement"]["changed"]) == (200, False, 0)
    assert answer.body["casement"]["why"]
    assert [each["status"] for each in answer.body["data"]] == ["APPROVED"]


def test_a_reading_that_would_take_too_long_is_given_up(casement):
    casement.simulator.set_options(page_limit=2)
    casement.wire.after = lambda: setattr(casement, "now", casement.now + 10_000)

    answer = refreshed(casement)

    assert (answer.status, answer.body["casement"]["refreshed"], answer.body["data"]) == (200, False, [])
    assert casement.now - NOON < 29_000


def test_to_have_it_read_again_takes_the_right_to_manage(casement):
    casement.add_key("reads", [Scope.READ])
    asked_of_meta(casement)

    assert refreshed(casement, key="reads").status == 403
    assert casement.get("message_templates", number=WABA, casement_refresh="perhaps").status == 400
    assert casement.get("message_templates", number="999", casement_refresh="true").status == 400  # no token for it
    assert asked_of_meta(casement) == []


# --- one by its id ----------------------------------------------------------------------------------------------------


def test_one_is_shown_by_its_id_as_the_list_shows_it(casement):
    casement.sync()
    stored = casement.templates.find(WABA, "we_are_here", "en_US")

    answer = casement.get(f"/v25.0/{stored.id}", phone_number_id=NUMBER)
    some = casement.get(f"/v25.0/{stored.id}", phone_number_id=NUMBER, fields="name,status")

    assert (answer.status, answer.body["name"], answer.body["language"]) == (200, "we_are_here", "en_US")
    assert answer.body["casement"]["declared_category"] == "UTILITY"
    assert some.body == {"id": stored.id, "name": "we_are_here", "status": "APPROVED"}


def test_its_id_is_enough_where_a_medium_would_need_its_number(casement):
    casement.sync()
    stored = casement.templates.find(WABA, "we_are_here", "en_US")

    assert casement.get(f"/v25.0/{stored.id}").body["id"] == stored.id


def test_whoever_may_not_read_the_account_is_told_as_of_what_is_not_there(casement):
    casement.sync()
    casement.add_key("of another", numbers=frozenset({OTHER_NUMBER.phone_number_id}))
    casement.add_key("sends only", {Scope.SEND})
    id_ = casement.templates.find(WABA, "we_are_here", "en_US").id

    for key in ("of another", "sends only"):
        answer = casement.get(f"/v25.0/{id_}", key=key, phone_number_id=_number_of(key))
        assert (answer.status in (400, 404), answer.code) == (True, 100), key  # Meta's own no, or ours
    assert casement.get("/v25.0/999999999999", phone_number_id=NUMBER).code == 100


def _number_of(key: str) -> str:
    return OTHER_NUMBER.phone_number_id if key == "of another" else NUMBER
