"""A message that waits for the customer: kept in order, released once, or ended visibly."""

import pytest

from casement.domain.jobs import Job
from casement.domain.life import LEASE_MS
from tests.support.deployment import (
    ALICE,
    BOB,
    DAY,
    HELLO_WORLD,
    HOUR,
    MARGIN,
    NUMBER,
    Deployment,
    failed_afterwards,
)

NUDGE = {"template": HELLO_WORLD["template"]}


def hold(casement: Deployment, words: str = "Hello", to: str = ALICE, **more: object) -> str:
    """Ask for a message to be held; its id."""
    answer = casement.send(to, {"type": "text", "text": {"body": words}}, casement={"when_closed": {"hold": more}})
    assert answer.status == 200, answer.body
    assert answer.body["messages"][0]["message_status"] == "held_for_customer"
    key: str = answer.body["messages"][0]["id"]
    casement.now += 1
    return key


def sent(casement: Deployment) -> list[str]:
    """The texts and templates that Meta took and customers saw, in order."""
    return [one.text or one.body["template"]["name"] for one in casement.simulator.sent if one.failed is None]


def status(casement: Deployment, key: str) -> str:
    shown: str = casement.get(f"messages/{key}").body["casement"]["status"]
    return shown


def test_what_is_held_goes_out_in_order_once_the_customer_writes(casement):
    for words in ("one", "two", "three"):
        hold(casement, words)
    assert sent(casement) == []

    for _ in range(2):
        casement.wrote()
        casement.catch_up()

    assert sent(casement) == ["one", "two", "three"]


def test_who_writes_releases_only_their_own(casement):
    hold(casement, "for Alice")
    hold(casement, "for Bob", to=BOB)

    casement.wrote(BOB)
    casement.catch_up()

    assert sent(casement) == ["for Bob"]


def test_a_message_held_for_a_phone_is_released_when_its_owner_writes_by_user_id_only(casement):
    casement.wrote(ago=2 * DAY)  # tells which user id and phone are one person
    user_id = casement.conversation()["id"]
    hold(casement, "found")

    casement.wrote(ALICE, user_id=user_id)
    casement.catch_up()

    assert sent(casement) == ["found"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_stream_that_repeats_itself_releases_once(casement, times):
    hold(casement)

    casement.wrote()
    casement.react(times=times)
    casement.jobs *= times
    casement.work_off()

    assert sent(casement) == ["Hello"]


def test_a_held_message_shows_its_whole_life(casement):
    key = hold(casement)
    before = casement.get(f"messages/{key}").body["casement"]
    assert (before["status"], before["decision"]["action"], before["waiting"]["for"]) == ("held", "hold", "customer")

    casement.now += HOUR
    casement.wrote()
    casement.catch_up()
    casement.deliver()

    after = casement.get(f"messages/{key}").body["casement"]
    (attempt,) = after["attempts"]
    assert (after["status"], after["waiting"]["attempts"]) == ("released", [attempt["casement"]["id"]])
    assert attempt["casement"]["status"] == "delivered"
    assert attempt["casement"]["of"] == key
    assert casement.get(f"messages/{attempt['id']}").body["casement"]["id"] == attempt["casement"]["id"]


def test_the_callback_data_of_the_caller_is_given_back_with_what_went_out(casement):
    casement.send(casement={"when_closed": "hold"}, biz_opaque_callback_data="order-42")
    casement.wrote()
    casement.catch_up()

    assert {one.get("biz_opaque_callback_data") for one in casement.messages() if one["type"] == "text"} >= {"order-42"}
    assert casement.messages()[0]["casement"]["direction"] == "outbound"


def test_a_hold_expires_by_itself_and_does_not_go_out_afterwards(casement):
    key = hold(casement, expires_in=3600)
    casement.now += HOUR - 1
    assert status(casement, key) == "expired"  # seen at once, before anybody has written it down

    casement.wrote()
    casement.catch_up()

    assert sent(casement) == []
    assert status(casement, key) == "expired"


def test_the_sweep_writes_down_what_expired(casement):
    key = hold(casement, expires_in=60)
    casement.now += HOUR

    swept = casement.sweep()

    assert sum(one.expired for one in swept) == 1
    assert status(casement, key) == "expired"
    assert sum(one.expired for one in casement.sweep()) == 0


def test_a_newer_one_with_the_same_key_replaces_the_older(casement):
    keep = hold(casement, "kept", supersede="other")
    first, second = (hold(casement, words, supersede="eta") for words in ("in an hour", "in five minutes"))
    assert status(casement, first) == "superseded"

    casement.wrote()
    casement.catch_up()

    assert sent(casement) == ["kept", "in five minutes"]
    assert [status(casement, key) for key in (keep, first, second)] == ["released", "superseded", "released"]


def test_so_many_wait_and_no_more(casement):
    casement.set_number(most_holds=2)
    hold(casement, "one")
    hold(casement, "two", supersede="last")

    refused = casement.send(casement={"when_closed": "hold"})
    hold(casement, "instead of two", supersede="last")  # takes the place of one that waits

    assert (refused.status, refused.code) == (400, 131047)
    assert "wait already" in refused.body["error"]["error_data"]["details"]
    casement.wrote()
    casement.catch_up()
    assert sent(casement) == ["one", "instead of two"]


def test_one_nudge_for_each_closed_window(casement):
    casement.sync()
    casement.wrote(ago=2 * DAY)
    first = casement.send(casement={"when_closed": {"hold": {"nudge": NUDGE}}})
    casement.now += 1
    hold(casement, "another", nudge=NUDGE)

    assert sent(casement) == ["hello_world"]
    assert first.ours["nudge"]["status"] == "accepted"

    casement.wrote()
    casement.catch_up()
    casement.now += 2 * DAY
    hold(casement, "and again", nudge=NUDGE)

    assert sent(casement) == ["hello_world", "Hello", "another", "hello_world"]


def test_a_nudge_that_meta_refuses_leaves_the_message_held(casement):
    casement.sync()
    casement.simulator.fail_next("error", code=132015)

    answer = casement.send(casement={"when_closed": {"hold": {"nudge": NUDGE}}})

    assert answer.status == 200
    assert answer.ours["nudge"]["status"] == "failed"
    casement.wrote()
    casement.catch_up()
    assert sent(casement) == ["Hello"]


def test_a_nudge_that_can_not_go_says_why(casement):
    answer = casement.send(casement={"when_closed": {"hold": {"nudge": NUDGE}}})  # no templates are stored

    assert answer.status == 200
    (passed,) = answer.ours["nudge"]["candidates"]
    assert passed["name"] == "hello_world"
    assert "not exist" in passed["why"]


def test_within_the_margin_it_waits_too(casement):
    casement.wrote()
    casement.now += DAY - MARGIN

    hold(casement)

    assert sent(casement) == []


def test_a_customer_who_writes_while_it_is_being_kept_is_seen(casement):
    """The message comes in between the decision and the keeping: the hold looks again, and finds the window open."""
    written: list[str] = []

    def write_first(params):
        if "O#" in params.get("Item", {}).get("SK", {}).get("S", "") and not written:
            written.append("now")
            casement.wrote()
            casement.react()  # and react has looked before the hold is there

    with casement.stepping_in("PutItem", write_first):
        hold(casement)
    assert written
    casement.work_off()

    assert sent(casement) == ["Hello"]


def test_a_job_that_was_lost_is_made_up_for_by_the_sweep(casement):
    hold(casement)
    casement.wrote()
    casement.react()
    casement.jobs.clear()

    casement.now += 2 * 60_000
    casement.sweep()
    casement.work_off()

    assert sent(casement) == ["Hello"]


def test_a_released_message_that_meta_refuses_waits_again(casement):
    """Meta's window and ours can differ; then the hold is still a hold."""
    key = hold(casement)
    casement.wrote()
    casement.simulator.fail_next("error", code=131047)
    casement.catch_up()
    assert sent(casement) == []

    casement.now += HOUR
    casement.catch_up()
    assert status(casement, key) == "held"

    casement.wrote()
    casement.catch_up()
    assert sent(casement) == ["Hello"]
    assert status(casement, key) == "released"


def test_a_released_message_that_meta_refuses_afterwards_is_held_again(casement):
    key = hold(casement)
    casement.wrote()
    casement.simulator.fail_next("late", code=131047)
    casement.catch_up()
    casement.deliver()
    casement.catch_up()
    assert sent(casement) == []

    casement.now += HOUR
    casement.wrote()
    casement.catch_up()

    assert sent(casement) == ["Hello"]
    assert status(casement, key) == "released"


def look(casement: Deployment) -> None:
    """A job for any reason: somebody looks at what waits."""
    casement.jobs.append(Job(NUMBER, ALICE, why=str(casement.now)))
    casement.work_off()


def test_as_many_as_may_wait_go_on_waiting_whoever_looks_at_them(casement):
    casement.set_number(most_holds=3)
    for words in ("one", "two", "three"):
        hold(casement, words)
    casement.set_number(most_holds=1)

    look(casement)
    casement.wrote()
    casement.catch_up()

    assert sent(casement) == ["one", "two", "three"]


def test_a_customer_who_writes_while_somebody_looks_changes_no_order(casement):
    """The first was found to wait just before they wrote, the second just after."""
    hold(casement, "one")
    hold(casement, "two")
    windows: list[str] = []

    def write_between_two_looks(params):
        if params["ExpressionAttributeValues"][":first"]["S"] == "W#":
            windows.append("read")
            if len(windows) == 3:  # the conversation, the first one's window, the second one's
                casement.wrote()

    with casement.stepping_in("Query", write_between_two_looks):
        look(casement)
    assert len(windows) >= 3
    casement.now += 2_000
    casement.catch_up()

    assert sent(casement) == ["one", "two"]


def test_one_that_is_held_again_keeps_its_place(casement):
    first, second = hold(casement, "first"), hold(casement, "second")
    casement.wrote()
    casement.simulator.fail_next("late", code=131047)
    casement.simulator.fail_next("error", code=131056, skip=1)  # so the second one waits
    casement.catch_up()
    casement.deliver()
    casement.react()
    casement.now += 2_000
    casement.catch_up()
    assert sent(casement) == []

    casement.now += HOUR
    casement.wrote()
    casement.catch_up()

    assert sent(casement) == ["first", "second"]
    assert [status(casement, key) for key in (first, second)] == ["released", "released"]


def test_one_that_is_held_again_is_found_shown_and_cancelled_by_the_id_its_caller_has(casement):
    key = hold(casement)
    casement.wrote()
    casement.simulator.fail_next("late", code=131047)
    casement.catch_up()
    casement.deliver()
    casement.catch_up()

    shown = casement.get(f"/casement/v1/holds/{key}", phone_number_id=NUMBER).body
    assert (shown["state"], shown["of"]) == ("held", key)
    assert status(casement, key) == "held"
    assert casement.change("DELETE", f"/casement/v1/holds/{key}?phone_number_id={NUMBER}").status == 200
    casement.wrote()
    casement.catch_up()

    assert sent(casement) == []
    assert status(casement, key) == "cancelled"


def test_a_newer_one_that_may_go_at_once_replaces_the_one_that_waits(casement):
    older = hold(casement, "in an hour", supersede="eta")
    casement.wrote()  # and nobody has released the older one yet

    policy = {"when_closed": {"hold": {"supersede": "eta"}}}
    casement.send(ALICE, {"type": "text", "text": {"body": "in five minutes"}}, casement=policy)
    casement.catch_up()

    assert sent(casement) == ["in five minutes"]
    assert status(casement, older) == "superseded"


def test_who_writes_stop_gets_nothing_that_waited(casement):
    key = hold(casement)

    casement.wrote(text="STOP")
    casement.catch_up()

    assert sent(casement) == []
    shown = casement.get(f"messages/{key}").body["casement"]
    assert shown["status"] == "failed"
    assert "not to write any more" in shown["waiting"]["why"]


class Died(BaseException):
    """The process is gone: nothing catches it."""


def test_a_try_that_was_refused_twice_over_is_no_success(casement):
    """Meta said so at once, whoever tried it died, and then it said so in a status too."""
    key = hold(casement)
    casement.wrote()
    casement.react()
    casement.simulator.fail_next("error", code=131047)

    def die(params):
        item = params["Item"]
        if item["SK"]["S"].startswith("H#") and item["state"]["S"] == "held":
            raise Died

    with casement.stepping_in("PutItem", die), pytest.raises(Died):
        casement.work_off()
    casement.now += 1_000
    (waits,) = casement.pendings.all(NUMBER)
    failed_afterwards(casement, str(waits.attempt), 131047)
    casement.now += LEASE_MS
    casement.catch_up()
    casement.now += 2_000
    casement.catch_up()
    assert status(casement, key) == "held"

    casement.now += HOUR
    casement.wrote()
    casement.catch_up()
    assert sent(casement) == ["Hello"]
    assert status(casement, key) == "released"
