"""Meta says 131047 after all: at once, or hours later. The send's policy runs exactly once, whatever repeats itself."""

import itertools

import pytest

from casement.usecases.react import Change
from tests.support.deployment import ALICE, HELLO, HELLO_WORLD, HOUR, Deployment

TEMPLATE = {"template": HELLO_WORLD["template"]}
POLICIES = {"template": TEMPLATE, "purpose": {"purpose": "back"}, "hold": "hold", "handoff": {"handoff": {"note": "x"}}}


@pytest.fixture
def ready(casement: Deployment) -> Deployment:
    casement.sync()
    casement.set_number(purposes={"back": ["hello_world"]})
    casement.wrote()
    return casement


def went_out(casement: Deployment) -> list[str]:
    return [one.type for one in casement.simulator.sent if one.failed is None]


def refuse(casement: Deployment, how: str, policy: object) -> str:
    """Send something that Meta refuses for the window, at once or afterwards; our id of it."""
    casement.simulator.fail_next("error" if how == "at once" else "late", code=131047)
    answer = casement.send(casement={"when_closed": policy})
    assert answer.status == 200, answer.body
    key: str = answer.ours["id"]
    casement.deliver()
    return key


def settle(casement: Deployment) -> None:
    for _ in range(3):
        casement.catch_up()
        casement.deliver()
        casement.now += 200_000


@pytest.mark.parametrize("how", ["at once", "afterwards"])
@pytest.mark.parametrize("policy", ["template", "purpose"])
def test_a_template_goes_in_its_place_once(ready, how, policy):
    key = refuse(ready, how, POLICIES[policy])
    settle(ready)

    assert went_out(ready) == ["template"]
    shown = ready.get(f"messages/{key}").body["casement"]
    assert shown["status"] == "failed"
    assert shown["error"]["code"] == 131047
    assert shown["waiting"]["state"] == "released"
    assert shown["waiting"]["sends"]["name"] == "hello_world"
    assert shown["attempts"][-1]["casement"]["status"] == "delivered"


@pytest.mark.parametrize("how", ["at once", "afterwards"])
def test_it_is_held_until_the_customer_writes_again(ready, how):
    key = refuse(ready, how, "hold")
    settle(ready)
    assert went_out(ready) == []

    ready.wrote()
    settle(ready)

    assert went_out(ready) == ["text"]
    assert ready.get(f"messages/{key}").body["casement"]["waiting"]["state"] == "released"


@pytest.mark.parametrize("how", ["at once", "afterwards"])
def test_it_is_handed_to_a_person(ready, how):
    key = refuse(ready, how, POLICIES["handoff"])
    settle(ready)

    assert went_out(ready) == []
    (draft,) = ready.conversation()["casement"]["needs_attention"]
    assert (draft["id"], draft["note"]) == (key, "x")


@pytest.mark.parametrize("how", ["at once", "afterwards"])
def test_reject_sends_nothing_else(ready, how):
    ready.simulator.fail_next("error" if how == "at once" else "late", code=131047)
    ready.send()
    ready.deliver()
    settle(ready)

    assert went_out(ready) == []
    assert ready.messages()[0]["casement"]["status"] == "failed"
    assert ready.window()["state"] == "closed"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("how", ["at once", "afterwards"])
def test_whatever_repeats_itself_the_policy_runs_once(ready, how, policy):
    """The stream, the job, and Meta's status, all of them again and again; even hours later."""
    refuse(ready, how, POLICIES[policy])
    wamid = next((one.wamid for one in ready.simulator.sent), None)
    for _ in range(3):
        ready.react(times=2)
        ready.jobs *= 2
        for job in list(ready.jobs):
            if job in ready.jobs:
                ready.do(job)
        if wamid and how == "afterwards":
            ready.simulator.status(wamid, "failed", code=131047)  # the same refusal, with another timestamp
        ready.deliver()
        ready.now += HOUR
    replay(ready)
    settle(ready)

    if policy in ("template", "purpose"):
        assert went_out(ready) == ["template"]
    else:
        assert went_out(ready) == []
        drafts = ready.conversation()["casement"]["needs_attention"]
        assert len(drafts) == (1 if policy == "handoff" else 0)


def replay(casement: Deployment) -> None:
    """Everything in the table goes over the stream once more."""
    pages = casement.client.get_paginator("scan").paginate(TableName=casement.name)
    everything = itertools.chain.from_iterable(page["Items"] for page in pages)
    casement.stream.changes = [Change(item, None, casement.now) for item in everything]
    casement.react()


def test_what_the_customer_wrote_in_the_meantime_opens_the_way_for_the_message_itself(ready):
    ready.simulator.fail_next("late", code=131047)
    ready.send(casement={"when_closed": TEMPLATE})
    ready.now += HOUR
    ready.wrote()
    ready.deliver()
    settle(ready)

    assert went_out(ready) == ["text"]


def test_a_verdict_is_counted_once(ready):
    refuse(ready, "afterwards", "hold")
    settle(ready)
    replay(ready)
    settle(ready)

    health = ready.get("/casement/v1/health").body["data"][0]
    assert health["window_mispredicted"] == {"last_24h": 1, "last_7d": 1}


def test_no_template_fits_so_the_send_stays_failed_and_says_why(ready):
    ready.set_number(purposes={"back": [{"name": "hello_world", "category": "MARKETING"}]})
    key = refuse(ready, "afterwards", POLICIES["purpose"])
    settle(ready)

    assert went_out(ready) == []
    waiting = ready.get(f"messages/{key}").body["casement"]["waiting"]
    assert waiting["state"] == "failed"
    assert "hello_world" in waiting["why"]


def test_the_caller_gets_the_template_that_went_at_once(ready):
    ready.simulator.fail_next("error", code=131047)

    answer = ready.send(casement={"when_closed": TEMPLATE})

    assert answer.status == 200
    assert answer.body["messages"][0]["id"] == ready.simulator.sent[0].wamid
    assert answer.ours["sent_instead"]["name"] == "hello_world"


def test_a_verdict_before_its_own_answer_is_kept_for_the_policy(ready):
    """Meta's `failed` can overtake the outcome of the send: what was asked is known already."""
    ready.simulator.fail_next("late", code=131047)

    def the_status_is_faster() -> None:
        ready.wire.after = lambda: None
        ready.deliver()
        ready.catch_up()

    ready.wire.after = the_status_is_faster
    answer = ready.send(ALICE, HELLO, casement={"when_closed": TEMPLATE})
    assert answer.status == 200
    settle(ready)

    assert went_out(ready) == ["template"]


@pytest.mark.parametrize("how", ["at once", "afterwards"])
def test_a_stand_in_that_meta_refuses_too_is_not_tried_again(casement, how):
    """A template may always go, so Meta must not say that; if it does, it is the end."""
    casement.sync()
    casement.simulator.fail_next("error" if how == "at once" else "late", code=131047)
    casement.send(casement={"when_closed": TEMPLATE})
    casement.deliver()
    asked = len(casement.wire.requests)
    settle(casement)
    casement.sweep()
    settle(casement)

    assert [call.method for call in casement.wire.requests[asked:]].count("POST") == 0
    assert casement.messages()[-1]["casement"]["status"] == "failed"


def test_a_template_that_waited_and_is_refused_for_the_window_has_failed(ready):
    key = refuse(ready, "afterwards", TEMPLATE)
    ready.simulator.fail_next("error", 5, code=131047)
    for _ in range(5):
        settle(ready)

    shown = ready.get(f"messages/{key}").body["casement"]
    assert shown["waiting"]["state"] == "failed"
    assert len(shown["attempts"]) == 1


def test_a_verdict_on_a_try_that_was_refused_at_once_makes_no_more_work(ready):
    """Who tried it has put back what waited; the sweep has nothing to make up for."""
    ready.simulator.fail_next("error", code=131047)
    ready.send(casement={"when_closed": "hold"})
    ready.wrote()
    ready.simulator.fail_next("error", code=131047)
    settle(ready)

    assert sum(one.jobs for one in ready.sweep()) == 0


@pytest.mark.parametrize("code", [190, 368])
def test_a_policy_that_could_not_run_since_the_number_was_stopped_runs_afterwards(ready, code):
    key = refuse(ready, "afterwards", TEMPLATE)
    ready.simulator.fail_next("error", code=code)
    assert ready.send().status in (400, 401, 403)
    ready.simulator.fail_next("error", 3, code=code, match="GET ")
    settle(ready)
    assert ready.get(f"messages/{key}").body["casement"]["waiting"]["state"] == "held"

    for _ in range(6):
        ready.now += HOUR
        ready.sweep()
        settle(ready)

    assert went_out(ready) == ["template"]


def test_a_customers_message_stamped_ahead_of_our_clock_does_not_make_it_turn_in_circles(casement):
    """It outlasts every verdict, so Meta is asked less and less often."""
    casement.send(casement={"when_closed": "hold"})
    casement.wrote(ago=-10 * HOUR)
    casement.simulator.fail_next("error", 1000, code=131047, match="/messages$")
    casement.react()
    began = len(casement.wire.requests)
    for _ in range(3600):
        casement.work_off()
        casement.now += 1_000

    assert 5 < len(casement.wire.requests) - began < 20
