"""`POST /{waba_id}/message_templates`: checked, made at Meta, kept at once, and followed to its end."""

from typing import Any

import pytest

from casement.domain.api_key import Scope
from casement.domain.templates import Source
from tests.support.deployment import DAY, OTHER_NUMBER, WABA, Deployment
from tests.support.template_desk import (
    NEWS,
    approved,
    asked_of_meta,
    at_meta,
    body,
    create,
    delete,
    faults,
    held,
    learn,
    made,
    one,
    reviewed,
    sent_to_meta,
    status,
)

POST = f"POST /{WABA}/message_templates"
LOOK = f"GET /{WABA}/message_templates"
LIBRARY = {
    "name": "delivery_update",
    "language": "en_US",
    "category": "UTILITY",
    "library_template_name": "delivery_update_1",
}


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()
    casement.now += 1_000
    asked_of_meta(casement)


def test_it_is_pending_at_once_and_then_approved(casement):
    answer = create(casement)

    assert answer.status == 200
    found = one(casement)
    assert answer.body == {
        "id": found.id,
        "status": "PENDING",
        "category": "UTILITY",
        "casement": {"declared_category": "UTILITY", "stored": True},
    }
    kept = held(casement)
    assert kept is not None
    assert (kept.template.id, kept.template.status, kept.source) == (found.id, "PENDING", Source.REQUEST)
    assert kept.template.definition["components"] == NEWS["components"]

    reviewed(casement, found.id, "approve")

    assert status(casement) == "APPROVED"


def test_what_goes_to_meta_is_what_the_caller_wrote(casement):
    wanted = NEWS | {"message_send_ttl_seconds": 600, "made_up": {"kept": [1, None, "é"]}}

    assert create(casement, wanted).status == 200

    assert sent_to_meta(casement) == [wanted]


def test_a_rejected_one_stays_with_reason_and_advice(casement):
    template_id = made(casement)
    reviewed(casement, template_id, "reject", reason="INVALID_FORMAT", advice="Use fewer variables.")

    (shown,) = casement.get("message_templates", number=WABA, name="news").body["data"]

    assert (shown["id"], shown["status"], shown["rejected_reason"]) == (template_id, "REJECTED", "INVALID_FORMAT")
    review = shown["casement"]["review"]
    assert (review["event"], review["reason"], review["advice"]) == (
        "REJECTED",
        "INVALID_FORMAT",
        "Use fewer variables.",
    )
    assert review["description"]
    (translation,) = casement.get("/casement/v1/templates/news", waba_id=WABA).body["data"]
    assert translation["review"] == review


@pytest.mark.parametrize(
    "reason", ["ABUSIVE_CONTENT", "INCORRECT_CATEGORY", "PROMOTIONAL", "SCAM", "TAG_CONTENT_MISMATCH"]
)
def test_the_reason_shows_even_if_the_webhook_is_lost(casement, reason):
    template_id = made(casement)
    casement.simulator.review(template_id, "reject", reason=reason, notify=False)
    learn(casement)

    (shown,) = casement.get("message_templates", number=WABA, name="news").body["data"]

    assert (shown["status"], shown["casement"]["review"]["reason"]) == ("REJECTED", reason)


def test_the_category_that_was_asked_for_is_kept_beside_metas(casement):
    casement.simulator.review_next("recategorise", category="MARKETING")

    answer = create(casement)

    assert (answer.body["category"], answer.ours["declared_category"]) == ("MARKETING", "UTILITY")
    kept = held(casement)
    assert kept is not None
    assert (kept.template.category, kept.template.declared) == ("MARKETING", "UTILITY")
    casement.now += 1_000
    casement.sync()
    kept = held(casement)
    assert kept is not None
    assert (kept.template.category, kept.template.declared) == ("MARKETING", "UTILITY")


def test_one_that_meta_approves_at_once_may_be_sent_at_once(casement):
    casement.simulator.set_options(auto_review="instant")

    assert create(casement).body["status"] == "APPROVED"

    assert status(casement) == "APPROVED"


@pytest.mark.parametrize("wanted", [None, [], "news", 7, {}, {"name": ["x"], "components": {"type": 1}}])
def test_what_is_no_template_is_refused_in_words(casement, wanted):
    answer = create(casement, wanted)

    assert (answer.status, answer.code) == (400, 100)
    assert asked_of_meta(casement) == []


def test_every_fault_is_listed_in_one_answer(casement):
    approved(casement)
    asked_of_meta(casement)
    wanted = NEWS | {
        "name": "Our News",
        "category": "SPAM",
        "components": [*NEWS["components"], {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Go", "url": ""}]}],
    }

    answer = create(casement, wanted)

    assert (answer.status, answer.code) == (400, 100)
    found = faults(answer)
    assert set(found) == {"name", "category", "components[2].buttons[0].url", "components"}
    details = answer.body["error"]["error_data"]["details"]
    assert answer.body["error"]["error_user_msg"] == details
    for path, why in found.items():
        assert f"{path}: {why}" in details
    assert asked_of_meta(casement) == [f"GET /{one(casement).id}"]  # whether it is there still


# --- what is there already ------------------------------------------------------------------------------------------


def test_a_second_of_the_same_name_and_language_is_refused(casement):
    made(casement)

    answer = create(casement, NEWS | {"components": body("Something else")})

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 2388024)
    assert POST not in asked_of_meta(casement)[1:]


def test_another_language_of_the_same_name_is_not(casement):
    made(casement)

    assert create(casement, NEWS | {"language": "en_GB"}).status == 200


def test_one_that_meta_has_no_more_does_not_stand_in_the_way_but_for_meta(casement):
    template_id = made(casement)
    casement.simulator.review(template_id, "reject", notify=False)
    casement.simulator.templates.remove(one(casement), at=0)  # long ago, and nobody told us
    casement.now += 1_000

    answer = create(casement)

    assert answer.status == 200
    kept = held(casement)
    assert kept is not None
    assert kept.template.id == answer.body["id"] != template_id


def test_the_name_of_a_deleted_one_is_blocked_for_30_days(casement):
    approved(casement)
    assert delete(casement, name="news").status == 200
    learn(casement)
    asked_of_meta(casement)

    answer = create(casement)

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 2388023)
    assert 29 * 24 * 3600 < answer.ours["retry_after"] <= 30 * 24 * 3600
    assert asked_of_meta(casement) == []
    casement.now += 30 * DAY
    assert create(casement).status == 200
    assert status(casement) == "PENDING"


def test_of_one_that_was_never_approved_meta_says_whether_its_name_is_free(casement):
    template_id = made(casement)
    reviewed(casement, template_id, "reject")
    assert delete(casement, name="news").status == 200
    learn(casement)
    asked_of_meta(casement)

    create(casement)

    assert asked_of_meta(casement)[0] == POST


@pytest.mark.parametrize(
    ("different", "refused"),
    [
        ({"name": "other"}, True),
        ({"name": "other", "category": "MARKETING"}, True),
        ({"name": "other", "language": "en_GB"}, False),
        ({"name": "other", "components": NEWS["components"][:1]}, False),
        (
            {"name": "other", "components": [*NEWS["components"], {"type": "HEADER", "format": "TEXT", "text": "Hi"}]},
            True,
        ),
    ],
)
def test_the_body_and_footer_of_another_template(casement, different, refused):
    approved(casement)

    answer = create(casement, NEWS | different)

    assert answer.status == (400 if refused else 200)
    assert not refused or faults(answer) == {
        "components": "Template 'news' has the same body and footer. Meta takes no second such one."
    }


def test_the_words_of_a_rejected_or_deleted_template_are_free(casement):
    template_id = made(casement)
    reviewed(casement, template_id, "reject")
    assert create(casement, NEWS | {"name": "again"}).status == 200
    delete(casement, name="again")

    assert create(casement, NEWS | {"name": "once_more"}).status == 200


def test_the_words_of_a_template_that_meta_has_no_more_are_free(casement):
    template_id = approved(casement)
    casement.simulator.review(template_id, "delete", notify=False)

    assert create(casement, NEWS | {"name": "again"}).status == 200


# --- what Meta says -------------------------------------------------------------------------------------------------


def test_metas_refusal_is_passed_on_as_it_is(casement):
    casement.simulator.set_options(template_limit=1)

    answer = create(casement)

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 2388019)
    assert answer.body["error"]["error_user_title"] == "Message Template Limit Exceeded"
    assert held(casement) is None


def test_how_many_an_hour_is_metas_to_say(casement):
    casement.simulator.set_options(creations_per_hour=1)
    made(casement)

    answer = create(casement, NEWS | {"name": "more", "components": body("More")})

    assert answer.code == 80007
    assert held(casement, "more") is None


@pytest.mark.parametrize("how", ["connect", "5xx_before", "rate_limit"])
def test_what_never_reached_meta_can_be_tried_again(casement, how):
    casement.simulator.fail_next(how, match=POST)

    assert create(casement).status >= 429
    assert held(casement) is None
    assert create(casement).status == 200


@pytest.mark.parametrize("how", ["timeout_after", "drop_after", "5xx_after"])
def test_an_answer_that_got_lost_is_looked_for(casement, how):
    casement.simulator.fail_next(how, match=POST)

    answer = create(casement)

    found = one(casement)
    assert (answer.status, answer.body["id"], answer.body["status"]) == (200, found.id, "PENDING")
    assert status(casement) == "PENDING"


def test_another_language_is_not_taken_for_the_one_that_was_asked_for(casement):
    casement.simulator.add_template(NEWS | {"language": "en_GB"})
    casement.simulator.fail_next("timeout_before", match=POST)

    assert create(casement).status == 503
    assert held(casement) is None


def test_nothing_is_begun_that_could_not_end_in_time(casement):
    with casement.slow("Query", 9):
        answer = create(casement)

    assert answer.status == 503
    assert POST not in asked_of_meta(casement)
    assert at_meta(casement) is None


@pytest.mark.parametrize("how", ["timeout_before", "drop_before", "5xx_before"])
def test_one_that_was_not_made_can_be_tried_again(casement, how):
    casement.simulator.fail_next(how, match=POST)

    answer = create(casement)

    assert answer.status == 503
    assert held(casement) is None
    assert create(casement).status == 200


def test_what_nobody_can_tell_is_told_by_the_next_sync(casement):
    casement.simulator.fail_next("timeout_after", match=POST)
    casement.simulator.fail_next("timeout_before", match=LOOK)

    answer = create(casement)

    assert (answer.status, answer.code) == (503, 2)
    assert "Look before you try again" in answer.body["error"]["error_data"]["details"]
    learn(casement)
    assert status(casement) == "PENDING"
    again = create(casement)
    assert (again.code, again.body["error"]["error_subcode"]) == (100, 2388024)


def test_another_template_of_that_name_is_not_taken_for_the_one_that_was_asked_for(casement):
    casement.simulator.add_template(NEWS | {"components": body("Older words")})
    casement.simulator.fail_next("timeout_before", match=POST)

    answer = create(casement)

    assert (answer.code, answer.body["error"]["error_subcode"]) == (100, 2388024)


# --- from Meta's library --------------------------------------------------------------------------------------------


def test_one_from_the_library_is_approved_at_once_and_its_words_are_read(casement):
    wanted = LIBRARY | {
        "library_template_button_inputs": [{"type": "URL", "url": {"base_url": "https://shop.example/track"}}]
    }

    answer = create(casement, wanted)

    assert (answer.status, answer.body["status"]) == (200, "APPROVED"), answer.body
    kept = held(casement, "delivery_update")
    assert kept is not None
    assert (kept.template.status, kept.template.declared) == ("APPROVED", "UTILITY")
    assert kept.template.definition["components"] == one(casement, "delivery_update").data["components"]


def test_one_from_the_library_whose_words_cannot_be_read_comes_with_the_next_sync(casement):
    casement.simulator.fail_next("timeout_before", match="GET /[0-9]+$")

    answer = create(casement, LIBRARY | {"library_template_name": "order_pick_up_1"})

    assert (answer.status, answer.ours["stored"]) == (200, True)
    learn(casement)
    kept = held(casement, "delivery_update")
    assert kept is not None
    assert kept.template.definition["components"]


def test_one_that_the_library_has_not_is_metas_to_refuse(casement):
    answer = create(casement, LIBRARY | {"library_template_name": "no_such_thing"})

    assert (answer.status, answer.code) == (400, 100)
    assert held(casement, "delivery_update") is None


def test_one_from_the_library_is_checked_as_such(casement):
    answer = create(casement, LIBRARY | {"category": "MARKETING", "components": body("My own")})

    assert set(faults(answer)) == {"category", "components"}
    assert asked_of_meta(casement) == []


# --- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scopes", [[], [Scope.READ], [Scope.SEND], [Scope.READ, Scope.SEND]])
def test_a_key_without_the_right_makes_nothing(casement, scopes):
    casement.add_key("weak", scopes)

    assert create(casement, key="weak").status == 403
    assert asked_of_meta(casement) == []


def test_a_key_for_one_number_makes_templates_of_its_account_alone(casement):
    casement.add_key("other", [Scope.MANAGE], numbers=frozenset({OTHER_NUMBER.phone_number_id}))

    assert create(casement, key="other").status == 403
    assert asked_of_meta(casement) == []
    assert create(casement, key="other", waba=OTHER_NUMBER.waba_id).status == 200
    assert held(casement) is None


def test_an_account_that_we_have_no_token_for(casement):
    answer = create(casement, waba="999")

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (400, 100, 33)
    assert asked_of_meta(casement) == []


@pytest.mark.parametrize("raw", [b"", b"{", b'{"name": NaN}', b'{"a":' * 100 + b"1" + b"}" * 100, b" " * 300_000])
def test_a_body_that_is_no_json(casement, raw):
    headers = {"authorization": "Bearer local-key"}

    answer = casement.request("POST", f"/v25.0/{WABA}/message_templates", headers=headers, body=raw)

    assert (answer.status, answer.code) == (400, 100)
    assert asked_of_meta(casement) == []


def test_nothing_is_asked_under_our_own_key(casement: Any) -> None:
    answer = create(casement, NEWS | {"casement": {"dry_run": True}})

    assert (answer.status, answer.ours) == (400, {"parameter": "casement"})
    assert asked_of_meta(casement) == []
