"""Subscriptions as their owners handle them, over HTTP."""

import json
from typing import Any

import pytest

from casement.domain.api_key import Scope
from casement.domain.deliveries import Answer, Became, Redelivery, told
from casement.domain.endpoint_health import Health, Shard
from casement.store.delivery_log import DeliveryLog
from casement.store.endpoints import Endpoints
from tests.support import event_schemas
from tests.support.deployment import ALICE, API_KEY, BOB, DAY, HELLO_WORLD, HOUR, NUMBER, Deployment
from tests.support.subscribers import VERIFY_TOKEN

SUBSCRIPTIONS = "/casement/v1/subscriptions"
BOTS = "the bot's app secret"
URL = "https://bot.example/events"


def create(casement: Deployment, *, status: int = 201, key: str = API_KEY, **given: Any) -> Any:
    answer = casement.change(
        "POST", SUBSCRIPTIONS, {"url": URL, **given} if "event_bus" not in given else given, key=key
    )
    assert answer.status == status, answer.body
    return answer.body


def ask(
    casement: Deployment, made: Any, what: str, body: Any = None, *, status: int = 200, method: str = "POST"
) -> Any:
    answer = casement.change(method, f"{SUBSCRIPTIONS}/{made['id']}{what and '/'}{what}", body)
    assert answer.status == status, answer.body
    return answer.body


def raw(casement: Deployment, made: Any, method: str, body: Any = None, **headers: str) -> Any:
    """The answer with its headers."""
    return casement.handle(
        method,
        f"{SUBSCRIPTIONS}/{made['id']}",
        headers={"authorization": f"Bearer {API_KEY}", **headers},
        body=json.dumps(body).encode() if body is not None else b"",
    )


def happened(casement: Deployment, *contacts: str) -> None:
    """Customers write, subscribers are told, and nothing was delivered yet."""
    for contact in contacts:
        casement.wrote(contact)
        casement.now += 1000
    casement.react()


def became(casement: Deployment, made: Any, state: Became) -> list[str]:
    """What was told became this; the events' ids."""
    lines = [
        told(one, state, casement.now, 1, Answer(200, 9)) for one in casement.told if one.subscription == made["id"]
    ]
    DeliveryLog(casement.table).add(lines)
    return [line.event for line in lines]


def test_the_secret_is_shown_once_and_never_again(casement):
    made = create(casement, description="CRM", types=["message.*"])

    assert made["secret"].startswith("whsec_")
    shown = ask(casement, made, "", method="GET")
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert shown["types"] == ["message.*"]
    listed = casement.get(SUBSCRIPTIONS)
    assert listed.body == {"data": [shown]}
    assert made["secret"] not in json.dumps(listed.body)


def test_one_for_a_bot_of_metas_shakes_hands_first(casement):
    refused = create(casement, mode="meta", verify_token=BOTS, status=400)
    assert refused["error"]["error_data"]["casement"] == {"parameter": "verify_token"}
    made = create(casement, mode="meta", verify_token=VERIFY_TOKEN, secret=BOTS)

    assert (made["types"], made["secret"]) == (["messages"], BOTS)
    create(casement, verify_token=VERIFY_TOKEN, status=400)


def test_one_for_the_event_bus_has_no_secret(casement):
    made = create(casement, event_bus=True)

    assert (made["event_bus"], "url" in made, "secret" in made) == (True, False, False)
    ask(casement, made, "rotate_secret", status=400)


@pytest.mark.parametrize("url", ["http://bot.example/", "https://user:pw@bot.example/", "nonsense"])
def test_a_url_that_may_not_be_called_is_refused(casement, url):
    assert create(casement, url=url, status=400)["error"]["error_data"]["casement"] == {"parameter": "url"}


def test_a_name_that_leads_inside_is_refused_when_it_is_saved_and_when_it_is_changed(casement):
    made = create(casement)
    casement.subscribers.addresses = ["8.8.8.8", "169.254.169.254"]

    create(casement, status=400)
    ask(casement, made, "", {"url": "https://other.example/"}, method="PATCH", status=400)
    ask(casement, made, "", {"description": "the same url"}, method="PATCH")


def test_who_knows_an_older_version_changes_nothing(casement):
    made = create(casement)
    first = raw(casement, made, "GET")["headers"]["etag"]
    changed = raw(casement, made, "PATCH", {"concurrency": 2}, **{"if-match": first})
    assert (changed["statusCode"], json.loads(changed["body"])["concurrency"]) == (200, 2)

    for method, body in (("PATCH", {"concurrency": 3}), ("DELETE", None)):
        assert raw(casement, made, method, body, **{"if-match": first})["statusCode"] == 412
    second = changed["headers"]["etag"]
    assert raw(casement, made, "DELETE", **{"if-match": f'"7", {second}'})["statusCode"] == 200
    assert raw(casement, made, "GET")["statusCode"] == 404


def test_two_who_change_it_at_one_time_do_not_undo_each_other(casement):
    made = create(casement)

    def by_another(asked: Any) -> None:
        if asked["Item"]["PK"]["S"] == "SUBS" and not another:
            another.append(1)
            ask(casement, made, "", {"description": "theirs"}, method="PATCH")

    another: list[int] = []
    with casement.stepping_in("PutItem", by_another):
        ask(casement, made, "", {"description": "ours"}, method="PATCH", status=412)
    assert ask(casement, made, "", method="GET")["description"] == "theirs"


def test_a_test_is_delivered_at_once_and_its_answer_shown(casement):
    made = create(casement)
    assert ask(casement, made, "test")["delivered"] is True
    (posted,) = casement.subscribers.posted
    body = json.loads(posted.body)
    event_schemas.check(body)
    assert (body["type"], body["data"]) == ("casement.test", {"subscription_id": made["id"]})

    casement.subscribers.answer = Answer(500, 7, "It answered 500.")
    shown = ask(casement, made, "test")
    assert {name: shown[name] for name in ("delivered", "status", "ms", "why")} == {
        "delivered": False,
        "status": 500,
        "ms": 7,
        "why": "It answered 500.",
    }
    ask(casement, create(casement, mode="meta"), "test")
    assert json.loads(casement.subscribers.posted[-1].body)["entry"][0]["changes"][0]["field"] == "messages"


def test_one_that_is_paused_says_why_and_goes_on_with_what_it_missed(casement):
    made = create(casement)
    paused = ask(casement, made, "pause")
    assert (paused["state"], paused["why"]) == ("paused", f"By the API key {API_KEY}.")
    assert ask(casement, made, "pause")["since"] == paused["since"]
    happened(casement, ALICE, BOB, ALICE)
    missed = became(casement, made, Became.MISSED)
    ask(casement, made, "redeliver", {"event_id": missed[0]}, status=400)
    casement.now += HOUR
    resumed = ask(casement, made, "resume")

    assert (resumed["state"], resumed["missed"], resumed["redelivering"]) == ("active", len(missed), True)
    (wanted,) = casement.subscribers.again
    assert isinstance(wanted, Redelivery)
    assert wanted.only == ("missed",)
    assert wanted.since < casement.now - HOUR
    assert wanted.until > casement.now
    assert ask(casement, made, "resume")["missed"] == 0  # nothing happens twice
    assert len(casement.subscribers.again) == 1


def test_that_a_window_is_closing_counts_among_what_was_missed(casement):
    made = create(casement, types=["window.closing"])
    casement.wrote(ALICE)
    casement.react()
    casement.now += 22 * HOUR
    ask(casement, made, "pause")
    casement.now += 60_000
    casement.sweep_windows()
    casement.react()
    assert [one.type for one in casement.told] == ["window.closing"]
    became(casement, made, Became.MISSED)
    assert ask(casement, made, "resume")["missed"] == 1


def test_one_may_go_on_without_what_it_missed(casement):
    made = create(casement)
    ask(casement, made, "pause")
    happened(casement, ALICE)
    missed = became(casement, made, Became.MISSED)

    resumed = ask(casement, made, "resume", {"redeliver": False})
    assert (resumed["missed"], casement.subscribers.again) == (len(missed), [])
    assert casement.subscriptions.find(made["id"]).skips_until == casement.now
    ask(casement, made, "resume", {"redeliver": "no"}, status=400)


def test_who_goes_on_or_moves_has_no_past_and_what_waits_is_looked_at(casement):
    endpoints = Endpoints(casement.table)
    for do in (
        lambda made: (ask(casement, made, "pause"), ask(casement, made, "resume")),
        lambda made: ask(casement, made, "", {"url": "https://new.example/"}, method="PATCH"),
    ):
        made = create(casement)
        endpoints.keep(made["id"], Health(), Health(("a",) * 5, 1, casement.now + DAY, version=1))
        endpoints.mark(made["id"], 3, Shard("mark", casement.now, casement.now + DAY))
        casement.subscribers.ticks.clear()
        do(made)

        assert endpoints.find(made["id"]).health == Health(recovered_at=casement.now, version=2)
        assert [(tick.subscription, tick.shard) for tick in casement.subscribers.ticks] == [(made["id"], 3)]


def test_a_secret_is_changed_without_a_gap(casement):
    made = create(casement)
    rotated = ask(casement, made, "rotate_secret")

    assert rotated["secret"] != made["secret"]
    kept = casement.subscriptions.find(made["id"])
    assert kept.signs_with(casement.now) == [rotated["secret"], made["secret"]]
    assert kept.signs_with(casement.now + DAY) == [rotated["secret"]]
    at_once = ask(casement, made, "rotate_secret", {"keep_old_s": 0})
    assert casement.subscriptions.find(made["id"]).signs_with(casement.now) == [at_once["secret"]]
    for wrong in ({"keep_old_s": -1}, {"keep_old_s": True}, {"secret": "x"}, {"why": "x"}):
        ask(casement, made, "rotate_secret", wrong, status=400)


def test_one_event_is_delivered_again_as_it_was(casement):
    made = create(casement)
    happened(casement, ALICE)
    first = casement.told[0]
    became(casement, made, Became.DELIVERED)
    ask(casement, made, "redeliver", {"event_id": first.event}, status=202)

    assert casement.subscribers.again == [first]
    ask(casement, made, "redeliver", {"event_id": "evt_unknown"}, status=404)
    ask(casement, create(casement), "redeliver", {"event_id": first.event}, status=404)  # it was not for that one


def test_a_stretch_of_time_is_delivered_again(casement):
    made, now_s = create(casement), casement.now // 1000
    ask(casement, made, "redeliver", {"since": now_s - 60, "only_failed": True}, status=202)
    (wanted,) = casement.subscribers.again
    assert wanted == Redelivery(made["id"], (now_s - 60) * 1000, now_s * 1000, ("failed", "missed"), casement.now)

    for wrong, parameter in (
        ({}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": now_s, "until": now_s}, "until"),
        ({"since": 1, "only_failed": 1}, "only_failed"),
        ({"since": 1, "event_id": "evt_1"}, "event_id"),
        ({"since": 1, "colour": 1}, "colour"),
    ):
        refused = ask(casement, made, "redeliver", wrong, status=400)
        assert refused["error"]["error_data"]["casement"] == {"parameter": parameter}


def test_what_became_of_deliveries_is_shown_page_by_page(casement):
    made = create(casement)
    happened(casement, *[ALICE, BOB] * 4)
    events = became(casement, made, Became.DELIVERED)
    DeliveryLog(casement.table).add(
        [told(casement.told[0], Became.FAILED, casement.now, 9, Answer(500, 9, "It answered 500."))]
    )

    pages = list(casement.pages(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", limit=3))
    assert [line["event_id"] for page in pages for line in page] == sorted(events, reverse=True)
    (failed,) = casement.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", state="failed").body["data"]
    assert failed == {
        "event_id": casement.told[0].event,
        "type": casement.told[0].type,
        "timestamp": casement.told[0].at // 1000,
        "sequence": casement.told[0].sequence,
        "phone_number_id": NUMBER,
        "conversation_id": casement.told[0].scope.partition("#")[2],
        "state": "failed",
        "attempts": 9,
        "last_at": casement.now // 1000,
        "status": 500,
        "ms": 9,
        "why": "It answered 500.",
    }
    of_type = casement.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", type="message.received").body["data"]
    assert {line["type"] for line in of_type} == {"message.received"}
    of_group = casement.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", type="message.*").body["data"]
    assert {line["type"] for line in of_group} == {"message.received"}
    assert casement.get(f"{SUBSCRIPTIONS}/{made['id']}/deliveries", state="lost").status == 400


def test_what_was_told_of_a_conversation_can_be_read(casement):
    create(casement)
    happened(casement, ALICE, BOB, ALICE, ALICE)
    asked = {"conversation_id": ALICE, "type": "message.received"}
    pages = list(casement.pages("/casement/v1/events", phone_number_id=NUMBER, limit=2, **asked))
    found = [event for page in pages for event in page]

    bodies = [json.loads(one.body) for one in casement.told if one.type == "message.received"]
    (conversation,) = {event["conversation_id"] for event in found}
    assert found == [body for body in bodies if body["conversation_id"] == conversation][::-1]
    assert len(found) == 3
    of_group = casement.get("/casement/v1/events", phone_number_id=NUMBER, **asked | {"type": "message.*"}).body["data"]
    assert of_group == found
    assert casement.get("/casement/v1/events", phone_number_id=NUMBER).body == {"data": []}  # of the number as a whole
    assert casement.get("/casement/v1/events", phone_number_id=NUMBER, after="x").status == 400


def test_what_was_told_before_a_conversation_had_its_name_is_shown_with_it(casement):
    create(casement, types=["message.*"])
    casement.send(ALICE, HELLO_WORLD)
    casement.react()  # before Meta has said who that is
    casement.now += 5_000
    happened(casement, ALICE)
    bodies = [json.loads(one.body) for one in casement.told]
    assert len({body["conversation_id"] for body in bodies}) == 2

    found: list[Any] = []
    after: dict[str, str] = {}
    while True:
        page = casement.get(
            "/casement/v1/events", phone_number_id=NUMBER, conversation_id=ALICE, limit="1", **after
        ).body
        found += page["data"]
        if "paging" not in page:
            break
        after = {"after": page["paging"]["cursors"]["after"]}
    assert found == bodies[::-1]


def test_a_key_for_some_numbers_handles_what_tells_of_those_alone(casement):
    casement.add_key("crm", numbers=frozenset({NUMBER}))
    everything = create(casement)
    create(casement, key="crm", status=403)
    create(casement, key="crm", numbers=["1"], status=403)
    mine = create(casement, key="crm", numbers=[NUMBER])

    listed = casement.get(SUBSCRIPTIONS, key="crm").body["data"]
    assert [each["id"] for each in listed] == [mine["id"]]
    assert casement.get(f"{SUBSCRIPTIONS}/{everything['id']}", key="crm").status == 404
    assert casement.change("PATCH", f"{SUBSCRIPTIONS}/{mine['id']}", {"numbers": []}, key="crm").status == 403


def test_who_may_only_read_handles_nothing(casement):
    casement.add_key("reader", scopes=[Scope.READ, Scope.SEND])
    create(casement, key="reader", status=403)
    assert casement.get(SUBSCRIPTIONS, key="reader").status == 403
    assert casement.get("/casement/v1/events", key="reader", phone_number_id=NUMBER).status == 200


def test_what_is_no_object_is_refused(casement):
    made = create(casement)
    for body in ("[]", "'x'", "7"):
        assert raw(casement, made, "PATCH", json.loads(body.replace("'", '"')))["statusCode"] == 400


def test_one_that_was_for_other_numbers_once_is_none_of_a_keys_business(casement):
    casement.add_key("crm", numbers=frozenset({NUMBER}))
    all_of_them, some = create(casement), create(casement, numbers=[NUMBER, "1"])
    its_own = create(casement, key="crm", numbers=[NUMBER])
    for made in (all_of_them, some, its_own):
        ask(casement, made, "", {"numbers": [NUMBER]}, method="PATCH")

    for made, status in ((all_of_them, 404), (some, 404), (its_own, 202)):
        answer = casement.change("POST", f"{SUBSCRIPTIONS}/{made['id']}/redeliver", {"since": 0}, key="crm")
        assert answer.status == status
    assert [one["id"] for one in casement.get(SUBSCRIPTIONS, key="crm").body["data"]] == [its_own["id"]]


def test_half_a_character_is_no_id_and_no_token(casement):
    made, half = create(casement), "\ud800"

    create(casement, mode="meta", verify_token=half, status=400)
    ask(casement, made, "redeliver", {"event_id": half}, status=400)
