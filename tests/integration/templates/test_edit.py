"""`POST /{template_id}`: Meta's limits are checked first, and what Meta made of it is read at once."""

import pytest

from casement.domain.api_key import Scope
from casement.domain.templates import Source
from tests.support.deployment import DAY, HOUR, NUMBER, OTHER_NUMBER, WABA, Answer, Deployment
from tests.support.template_desk import (
    NEWS,
    approved,
    asked_of_meta,
    body,
    create,
    edit,
    faults,
    held,
    learn,
    made,
    one,
    reviewed,
    sent_to_meta,
    status,
)

NEW = {"components": body("Your order is nearly there.")}


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()
    casement.now += 1_000
    asked_of_meta(casement)


def said(casement: Deployment) -> str:
    """What the stored template says."""
    found = held(casement)
    assert found is not None
    text: str = found.template.definition["components"][0]["text"]
    return text


def test_what_meta_made_of_it_is_kept_at_once(casement):
    template_id = approved(casement)
    asked_of_meta(casement)

    answer = edit(casement, template_id, NEW)

    assert answer.status == 200
    assert answer.body == {
        "success": True,
        "id": template_id,
        "name": "news",
        "category": "UTILITY",
        "casement": {"status": "PENDING", "declared_category": "UTILITY"},
    }
    assert sent_to_meta(casement) == [NEW]
    assert asked_of_meta(casement) == [f"POST /{template_id}", f"GET /{template_id}"]
    assert (status(casement), said(casement)) == ("PENDING", "Your order is nearly there.")
    reviewed(casement, template_id, "approve")
    assert status(casement) == "APPROVED"


def test_one_that_meta_approves_at_once_stays_sendable(casement):
    template_id = approved(casement)
    casement.simulator.set_options(auto_review="instant")

    assert edit(casement, template_id, NEW).ours["status"] == "APPROVED"

    assert (status(casement), said(casement)) == ("APPROVED", "Your order is nearly there.")


@pytest.mark.parametrize("how", ["timeout_before", "5xx_before", "rate_limit", "connect"])
def test_one_that_can_not_be_read_again_is_not_taken_for_approved(casement, how):
    template_id = approved(casement)
    casement.simulator.set_options(auto_review="instant")
    casement.simulator.fail_next(how, match=f"GET /{template_id}")

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.ours["status"]) == (200, "PENDING")
    assert (status(casement), said(casement)) == ("PENDING", "Your order is nearly there.")
    learn(casement)
    assert status(casement) == "APPROVED"


def test_there_may_be_no_time_left_to_read_it_again(casement):
    template_id = approved(casement)

    def slowly() -> None:
        if casement.wire.requests[-1].method == "POST":
            casement.now += 17_000

    casement.wire.after = slowly
    asked_of_meta(casement)

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.ours["status"]) == (200, "PENDING")
    assert asked_of_meta(casement) == [f"POST /{template_id}"]
    assert status(casement) == "PENDING"


def test_nothing_is_begun_that_could_not_end_in_time(casement):
    template_id = approved(casement)
    asked_of_meta(casement)

    with casement.slow("Query", 9):
        answer = edit(casement, template_id, NEW)

    assert answer.status == 503
    assert asked_of_meta(casement) == []
    assert status(casement) == "APPROVED"


# --- which may be edited, and how often -----------------------------------------------------------------------------


@pytest.mark.parametrize(("decision", "times"), [("reject", 3), ("pause", 2)])
def test_rejected_and_paused_ones_may_be_edited_as_often_as_one_likes(casement, decision, times):
    template_id = approved(casement)

    for text in range(times):
        reviewed(casement, template_id, decision)
        answer = edit(casement, template_id, {"components": body(f"Number {text}")})
        assert answer.status == 200, answer.body


@pytest.mark.parametrize("decision", ["pending", "appeal", "disable", "limit", "archive"])
def test_no_others_may(casement, decision):
    template_id = approved(casement)
    reviewed(casement, template_id, decision)
    asked_of_meta(casement)

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.code) == (400, 100)
    assert one(casement).status in answer.body["error"]["error_data"]["details"]
    assert asked_of_meta(casement) == [f"GET /{template_id}"]  # in case it changed since we heard


def test_what_we_heard_last_may_be_old_news(casement):
    template_id = made(casement)
    casement.simulator.review(template_id, "approve", notify=False)
    assert status(casement) == "PENDING"

    assert edit(casement, template_id, NEW).status == 200


def test_one_that_was_deleted_can_not_be_edited(casement):
    template_id = approved(casement)
    casement.simulator.review(template_id, "delete")
    learn(casement)

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.code) == (400, 100)
    assert "DELETED" in answer.body["error"]["error_data"]["details"]


def test_an_approved_one_may_be_edited_once_in_24_hours(casement):
    template_id = approved(casement)
    assert edit(casement, template_id, NEW).status == 200
    edited_at = casement.now
    reviewed(casement, template_id, "approve")
    asked_of_meta(casement)

    casement.now = edited_at + HOUR
    answer = edit(casement, template_id, {"components": body("Changed my mind.")})

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours == {"retry_after": 23 * 3600}
    assert f"POST /{template_id}" not in asked_of_meta(casement)

    casement.now = edited_at + DAY - 1
    assert edit(casement, template_id, {"components": body("Changed my mind.")}).ours == {"retry_after": 1}
    casement.now = edited_at + DAY
    assert edit(casement, template_id, {"components": body("Changed my mind.")}).status == 200


def test_an_approved_one_may_be_edited_ten_times_in_30_days(casement):
    template_id = approved(casement)
    times = []
    for number in range(10):
        assert edit(casement, template_id, {"components": body(f"Number {number}.")}).status == 200
        times.append(casement.now)
        reviewed(casement, template_id, "approve")
        casement.now = times[-1] + DAY

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.code) == (400, 100)
    assert answer.ours == {"retry_after": 20 * 24 * 3600}
    casement.now = times[0] + 30 * DAY
    assert edit(casement, template_id, NEW).status == 200


def test_edits_made_elsewhere_are_metas_to_count(casement):
    template_id = approved(casement)
    one(casement).edited_at.append(casement.now / 1000)

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.code) == (400, 100)
    assert status(casement) == "APPROVED"


def test_an_edit_of_a_paused_one_does_not_count(casement):
    template_id = approved(casement)
    reviewed(casement, template_id, "pause")
    assert edit(casement, template_id, NEW).status == 200
    reviewed(casement, template_id, "approve")
    one(casement).edited_at.clear()  # nor should it at Meta

    assert edit(casement, template_id, {"components": body("Changed my mind.")}).status == 200


# --- what may be edited ---------------------------------------------------------------------------------------------


def test_the_category_of_an_approved_one_stays(casement):
    template_id = approved(casement)
    asked_of_meta(casement)

    answer = edit(casement, template_id, {"category": "MARKETING"})

    assert (answer.status, answer.code) == (400, 100)
    assert set(faults(answer)) == {"category"}
    assert f"POST /{template_id}" not in asked_of_meta(casement)


def test_the_category_of_a_rejected_one_is_what_is_declared_from_then_on(casement):
    template_id = approved(casement)
    reviewed(casement, template_id, "reject")

    answer = edit(casement, template_id, {"category": "MARKETING"})

    assert answer.status == 200
    assert (answer.body["category"], answer.ours["declared_category"]) == ("MARKETING", "MARKETING")
    kept = held(casement)
    assert kept is not None
    assert (kept.template.category, kept.template.declared, kept.source) == ("MARKETING", "MARKETING", Source.REQUEST)


def test_every_fault_is_listed_in_one_answer(casement):
    template_id = approved(casement)
    asked_of_meta(casement)

    answer = edit(
        casement,
        template_id,
        {"name": "other", "message_send_ttl_seconds": 1, "components": [{"type": "BODY", "text": "{{1}}"}]},
    )

    assert (answer.status, answer.code) == (400, 100)
    assert set(faults(answer)) >= {"name", "message_send_ttl_seconds", "components[0].text"}
    assert asked_of_meta(casement) == []


@pytest.mark.parametrize("change", [None, [], "x", {}, {"components": None}])
def test_what_changes_nothing_is_refused(casement, change):
    template_id = approved(casement)

    answer = edit(casement, template_id, change)

    assert (answer.status, answer.code) == (400, 100)


# --- an answer that gets lost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["timeout_after", "drop_after", "5xx_after"])
def test_an_edit_that_went_through_is_found(casement, how):
    template_id = approved(casement)
    casement.simulator.fail_next(how, match=f"POST /{template_id}")

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.body["success"], answer.ours["status"]) == (200, True, "PENDING")
    assert said(casement) == "Your order is nearly there."


@pytest.mark.parametrize("how", ["timeout_before", "drop_before"])
def test_one_that_did_not_is_not_known_to_have(casement, how):
    template_id = approved(casement)
    casement.simulator.fail_next(how, match=f"POST /{template_id}")

    answer = edit(casement, template_id, NEW)

    assert (answer.status, answer.code) == (503, 2)
    assert status(casement) == "APPROVED"
    assert edit(casement, template_id, NEW).status == 200


def test_an_edit_that_shows_nowhere_is_not_known_to_have_gone_through(casement):
    template_id = approved(casement)
    casement.simulator.fail_next("timeout_before", match=f"POST /{template_id}")

    assert edit(casement, template_id, {"components": NEWS["components"]}).status == 503


# --- which template, and who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [NUMBER, WABA, "me", "1234567890", "hello_world", "!sync", "%00"])
def test_what_is_no_template_is_graphs_unknown_object(casement, path):
    answer = casement.change("POST", f"/v25.0/{path}", NEW)

    assert (answer.status, answer.code, answer.body["error"]["error_subcode"]) == (404, 100, 33)
    assert asked_of_meta(casement) == []


def test_it_is_found_in_any_account_that_the_key_is_for(casement):
    answer = create(casement, waba=OTHER_NUMBER.waba_id)
    casement.simulator.review(answer.body["id"], "approve")
    learn(casement)
    casement.add_key("this one", [Scope.MANAGE], numbers=frozenset({NUMBER}))
    casement.add_key("other one", [Scope.MANAGE], numbers=frozenset({OTHER_NUMBER.phone_number_id}))

    assert edit(casement, answer.body["id"], NEW, key="this one").status == 404
    assert edit(casement, answer.body["id"], NEW, waba_id=WABA).status == 404
    assert edit(casement, answer.body["id"], NEW, phone_number_id=NUMBER).status == 404
    assert edit(casement, answer.body["id"], NEW, key="this one", waba_id=OTHER_NUMBER.waba_id).status == 403
    assert edit(casement, answer.body["id"], NEW, key="other one").status == 200
    assert casement.wire.requests[-1].headers["authorization"] == f"Bearer {OTHER_NUMBER.token}"


@pytest.mark.parametrize("scopes", [[], [Scope.READ], [Scope.SEND]])
def test_a_key_without_the_right_changes_nothing(casement, scopes):
    template_id = approved(casement)
    casement.add_key("weak", scopes)
    asked_of_meta(casement)

    assert edit(casement, template_id, NEW, key="weak").status == 403
    assert asked_of_meta(casement) == []


# --- a pause is lifted ----------------------------------------------------------------------------------------------


def unpause(casement: Deployment, template_id: str, key: str = "local-key") -> Answer:
    return casement.change("POST", f"/v25.0/{template_id}/unpause", key=key)


@pytest.mark.parametrize("how", [None, "timeout_after", "5xx_after"])
def test_a_pause_is_lifted(casement, how):
    template_id = approved(casement)
    reviewed(casement, template_id, "pause", reason="RATE_LIMITING_PAUSE")
    assert status(casement) == "PAUSED"
    if how:
        casement.simulator.fail_next(how, match="/unpause")

    answer = unpause(casement, template_id)

    assert (answer.status, answer.body) == (200, {"success": True, "casement": {"status": "APPROVED"}})
    assert status(casement) == "APPROVED"


def test_a_pause_that_was_not_lifted_stays(casement):
    template_id = approved(casement)
    reviewed(casement, template_id, "pause")
    casement.simulator.fail_next("timeout_before", match="/unpause")

    assert (unpause(casement, template_id).status, status(casement)) == (503, "PAUSED")


def test_what_is_not_paused_is_metas_to_refuse(casement):
    template_id = approved(casement)

    assert (unpause(casement, template_id).status, unpause(casement, template_id).code) == (400, 100)
    assert unpause(casement, NUMBER).status == 404
    casement.add_key("weak", [Scope.READ])
    assert unpause(casement, template_id, key="weak").status == 403
