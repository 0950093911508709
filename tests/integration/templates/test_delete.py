"""`DELETE /{waba_id}/message_templates`: by name, by id, by ids; at once no longer sendable, and never erased."""

import json
from typing import Any

import pytest

from casement.domain.api_key import Scope
from tests.support.deployment import ALICE, OTHER_NUMBER, WABA, Answer, Deployment
from tests.support.template_desk import (
    approved,
    asked_of_meta,
    at_meta,
    body,
    delete,
    held,
    learn,
    made,
    one,
    reviewed,
    status,
)

DELETE = f"DELETE /{WABA}/message_templates"


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()
    casement.now += 1_000
    asked_of_meta(casement)


def by_body(casement: Deployment, given: Any) -> Answer:
    return casement.change("DELETE", f"/v25.0/{WABA}/message_templates", given)


def test_by_name_all_languages_go(casement):
    ids = {one(casement, "we_are_here", language).id for language in ("en_US", "es")}

    answer = delete(casement, name="we_are_here")

    assert answer.status == 200
    assert answer.body["success"] is True
    assert set(answer.ours["deleted"]) == ids
    assert {status(casement, "we_are_here", language) for language in ("en_US", "es")} == {"PENDING_DELETION"}
    assert status(casement, "hello_world") == "APPROVED"
    learn(casement)
    assert {status(casement, "we_are_here", language) for language in ("en_US", "es")} == {"DELETED"}


def test_by_id_one_language_goes(casement):
    spanish = one(casement, "we_are_here", "es").id

    answer = delete(casement, name="we_are_here", hsm_id=spanish)

    assert (answer.status, answer.ours["deleted"]) == (200, [spanish])
    assert status(casement, "we_are_here", "es") == "PENDING_DELETION"
    assert status(casement, "we_are_here", "en_US") == "APPROVED"
    assert at_meta(casement, "we_are_here", "en_US") is not None


def test_meta_is_told_the_name_that_goes_with_an_id(casement):
    spanish = one(casement, "we_are_here", "es").id

    assert delete(casement, hsm_id=spanish).status == 200

    (request,) = casement.wire.requests
    assert dict(request.url.params) == {"name": "we_are_here", "hsm_id": spanish}


@pytest.mark.parametrize(
    "written",
    [",".join, json.dumps, lambda ids: json.dumps([int(one) for one in ids])],
    ids=["commas", "strings", "numbers"],
)
def test_by_ids_each_of_them_goes(casement, written):
    ids = [one(casement, name).id for name in ("hello_world", "seasonal_offer")]

    answer = delete(casement, hsm_ids=written(ids))

    assert (answer.status, answer.ours["deleted"]) == (200, ids)
    assert status(casement, "hello_world") == status(casement, "seasonal_offer") == "PENDING_DELETION"
    assert status(casement, "we_are_here") == "APPROVED"


def test_what_is_to_go_may_stand_in_a_body(casement):
    assert by_body(casement, {"name": "hello_world"}).status == 200
    assert status(casement, "hello_world") == "PENDING_DELETION"

    seasonal = one(casement, "seasonal_offer").id
    assert by_body(casement, {"hsm_ids": [seasonal]}).status == 200
    assert status(casement, "seasonal_offer") == "PENDING_DELETION"


def test_a_deleted_one_is_no_longer_sent_and_still_explained(casement):
    template_id = approved(casement, components=body("Hello there."))
    message = {"type": "template", "template": {"name": "news", "language": {"code": "en_US"}}}
    sent = casement.send(ALICE, message)
    assert sent.status == 200

    delete(casement, name="news")

    refused = casement.send(ALICE, message)
    assert (refused.status, refused.code) == (400, 132001)
    kept = held(casement)
    assert kept is not None
    assert (kept.template.id, kept.template.definition["components"]) == (template_id, body("Hello there."))


def test_a_disabled_one_can_not_be_deleted(casement):
    reviewed(casement, one(casement, "we_are_here", "es").id, "disable")
    asked_of_meta(casement)

    for query in ({"name": "we_are_here"}, {"hsm_id": one(casement, "we_are_here", "es").id}):
        answer = delete(casement, **query)

        assert (answer.status, answer.code) == (400, 100)
        assert "'we_are_here' (es)" in answer.body["error"]["error_data"]["details"]
        assert DELETE not in asked_of_meta(casement)


def test_whether_it_is_disabled_may_be_old_news(casement):
    spanish = one(casement, "we_are_here", "es").id
    reviewed(casement, spanish, "disable")
    casement.simulator.review(spanish, "reinstate", notify=False)

    assert delete(casement, hsm_id=spanish).status == 200


def test_of_a_name_that_we_do_not_know_meta_may(casement):
    casement.simulator.add_template({"name": "unheard_of", "language": "en_US"})

    assert delete(casement, name="unheard_of").status == 200
    assert at_meta(casement, "unheard_of") is None

    answer = delete(casement, name="unheard_of")
    assert (answer.status, answer.code) == (400, 100)
    assert answer.body["error"]["error_user_title"] == "Message Template Not Found"


def test_twice_is_refused_by_meta_and_changes_nothing(casement):
    made(casement)
    assert delete(casement, name="news").status == 200

    assert (delete(casement, name="news").status, status(casement)) == (400, "PENDING_DELETION")


@pytest.mark.parametrize(
    ("query", "http_status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"hsm_ids": "[1"}, 400),
        ({"hsm_ids": '{"a":1}'}, 400),
        ({"hsm_ids": '[["1"]]'}, 400),
        ({"hsm_ids": "[" * 10_000}, 400),
        ({"hsm_ids": "[]"}, 400),
        ({"hsm_ids": ",".join(map(str, range(101)))}, 400),
        ({"hsm_id": "1", "hsm_ids": "2"}, 400),
        ({"hsm_id": "1"}, 404),
        ({"name": "hello_world", "hsm_id": "1"}, 404),
    ],
)
def test_what_names_no_template_asks_meta_nothing(casement, query, http_status):
    answer = delete(casement, **query)

    assert (answer.status, answer.code) == (http_status, 100)
    assert asked_of_meta(casement) == []


def test_an_id_of_another_name_is_refused(casement):
    answer = delete(casement, name="hello_world", hsm_id=one(casement, "seasonal_offer").id)

    assert (answer.status, answer.ours) == (400, {"parameter": "name"})
    assert asked_of_meta(casement) == []


@pytest.mark.parametrize(
    "given", [7, {"name": 7}, {"name": ["hello_world"]}, {"hsm_ids": {"a": 1}}, {"hsm_id": [None]}]
)
def test_a_body_that_names_no_template(casement, given):
    assert by_body(casement, given).status == 400
    assert asked_of_meta(casement) == []


def test_of_another_account_nothing_goes(casement):
    casement.add_key("other", [Scope.MANAGE], numbers=frozenset({OTHER_NUMBER.phone_number_id}))
    ours = one(casement, "hello_world").id

    assert delete(casement, key="other", name="hello_world").status == 403
    assert delete(casement, key="other", waba=OTHER_NUMBER.waba_id, hsm_id=ours).status == 404
    assert asked_of_meta(casement) == []
    assert delete(casement, key="other", waba=OTHER_NUMBER.waba_id, name="hello_world").status == 200
    assert status(casement, "hello_world") == "APPROVED"


@pytest.mark.parametrize("scopes", [[], [Scope.READ], [Scope.SEND]])
def test_a_key_without_the_right_deletes_nothing(casement, scopes):
    casement.add_key("weak", scopes)

    assert delete(casement, key="weak", name="hello_world").status == 403
    assert asked_of_meta(casement) == []


# --- an answer that gets lost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["timeout_after", "drop_after", "5xx_after"])
def test_a_deletion_that_went_through_is_found(casement, how):
    casement.simulator.fail_next(how, match=DELETE)

    assert delete(casement, name="hello_world").status == 200
    assert status(casement, "hello_world") == "PENDING_DELETION"


@pytest.mark.parametrize("how", ["timeout_before", "drop_before", "5xx_before"])
def test_one_that_did_not_can_be_tried_again(casement, how):
    casement.simulator.fail_next(how, match=DELETE)

    answer = delete(casement, name="hello_world")

    assert (answer.status, status(casement, "hello_world")) == (503, "APPROVED")
    assert delete(casement, name="hello_world").status == 200


def test_whether_one_is_gone_that_we_do_not_know_nobody_can_tell(casement):
    casement.simulator.add_template({"name": "unheard_of", "language": "en_US"})
    casement.simulator.fail_next("timeout_before", match=DELETE)

    assert delete(casement, name="unheard_of").status == 503
    assert at_meta(casement, "unheard_of") is not None


def test_nothing_is_begun_that_could_not_end_in_time(casement):
    with casement.slow("Query", 9):
        answer = delete(casement, name="hello_world")

    assert answer.status == 503
    assert asked_of_meta(casement) == []


def test_what_nobody_can_tell_is_told_by_the_next_sync(casement):
    casement.simulator.fail_next("timeout_after", match=DELETE)
    casement.simulator.fail_next("timeout_before", match="GET ")

    answer = delete(casement, name="hello_world")

    assert (answer.status, answer.code, status(casement, "hello_world")) == (503, 2, "APPROVED")
    assert "Look before you try again" in answer.body["error"]["error_data"]["details"]
    learn(casement)
    assert status(casement, "hello_world") == "DELETED"
