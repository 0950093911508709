"""What became of template messages, counted off the stream: each once, whatever is told twice, and on its day."""

import json
from typing import Any

import pytest

from casement.domain.errors import GraphRejected
from casement.domain.template_counts import KEPT_MS, SETTLED_MS, STRETCH_MS, MetaDay, day_of, stretch_of
from casement.store.template_counts import TemplateCounts
from casement.usecases.fold_counts import fold_counts
from casement.usecases.template_analytics import AskMeta, Days, days_from, template_analytics
from local.simulator import LOCAL_NUMBER
from tests.support.deployment import ALICE, BOB, DAY, HOUR, NOON, NUMBER, OTHER_NUMBER, WABA, Deployment, Json

ANA = [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}]
TEMPLATE = {"name": "we_are_here", "language": {"code": "en_US"}, "components": ANA}
ASKS = {"type": "template", "template": TEMPLATE}
TODAY = day_of(NOON)


@pytest.fixture(autouse=True)
def synced(casement: Deployment) -> None:
    casement.sync()
    counts(casement).fold_to(NUMBER, stretch_of(NOON))  # as every sweep does; before the first, days are looked through


def counts(casement: Deployment) -> TemplateCounts:
    return TemplateCounts(casement.table, retention_days=365)


def shown(
    casement: Deployment, name: str = "we_are_here", ask_meta: AskMeta | None = None, start: str | None = None
) -> Json:
    """The analytics of a template, once `react` has caught up."""
    casement.react()
    stored = [held.template for held in casement.templates.all(WABA) if held.template.name == name]
    days = days_from(start, None, casement.now)
    return template_analytics(
        name, stored, days, [NUMBER], counts=counts(casement), ask_meta=ask_meta, now=casement.now
    )


def today(casement: Deployment) -> Json:
    (row,) = shown(casement)["data"]
    return {name: value for name, value in row.items() if value}


def send(casement: Deployment, to: str = ALICE) -> str:
    """A template goes out, and Meta tells what becomes of it; its wamid."""
    answer = casement.send(to, ASKS)
    assert answer.status == 200, answer.body
    casement.now += 1_000
    casement.deliver()
    wamid: str = answer.body["messages"][0]["id"]
    return wamid


def test_nothing_is_shown_of_a_template_that_was_never_sent(casement):
    view = shown(casement)

    assert view["data"] == []
    assert view["total"]["asked"] == view["total"]["replied"] == 0
    assert (view["start"], view["end"]) == (day_of(NOON - 29 * DAY), TODAY)


def test_a_message_is_asked_sent_delivered_and_priced(casement):
    send(casement)

    assert today(casement) == {
        "day": TODAY,
        "language": "en_US",
        "template_id": casement.templates.find(WABA, "we_are_here", "en_US").id,
        "asked": 1,
        "sent": 1,
        "delivered": 1,
        "price": {"utility": {"regular": 1}},
    }


def test_it_is_read_and_answered_within_a_day_and_its_button_tapped(casement):
    wamid = send(casement)
    casement.simulator.read(wamid)
    casement.now += 23 * HOUR
    tap = {"type": "button", "button": {"text": "Show me", "payload": "Show me"}}
    casement.simulator.inbound(message={**tap, "context": {"from": "15550001000", "id": wamid}}, sender=ALICE)
    casement.deliver()

    row = today(casement)
    assert (row["read"], row["replied"], row["taps"]) == (1, 1, {"Show me": 1})


def test_a_tap_in_the_very_second_of_the_template_is_one_and_an_answer(casement):
    casement.now += 300
    wamid = casement.send(ALICE, ASKS).body["messages"][0]["id"]
    casement.simulator.tap(wamid)
    casement.deliver()

    row = today(casement)
    assert (row["replied"], row["taps"]) == (1, {"Show me": 1})


def test_what_was_written_in_the_second_before_the_template_is_no_answer_to_it(casement):
    casement.wrote()
    casement.now += 300
    assert casement.send(ALICE, ASKS).status == 200
    casement.deliver()

    assert "replied" not in today(casement)


def test_a_tap_on_an_old_template_is_told_of_that_one_and_answers_the_newest(casement):
    old = send(casement)
    casement.now += HOUR
    hello = {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}}
    assert casement.send(ALICE, hello).status == 200
    casement.now += HOUR
    casement.simulator.tap(old)
    casement.deliver()

    assert today(casement)["taps"] == {"Show me": 1}
    assert "replied" not in today(casement)
    assert shown(casement, "hello_world")["total"]["replied"] == 1


@pytest.mark.parametrize(("hours", "replied"), [(23, 1), (25, 0)])
def test_an_answer_counts_if_it_comes_within_a_day(casement, hours, replied):
    send(casement)
    casement.now += hours * HOUR
    casement.wrote()

    assert today(casement).get("replied", 0) == replied


@pytest.mark.parametrize(("days", "taps"), [(6, {"Show me": 1}), (8, {})])
def test_a_tap_counts_within_a_week(casement, days, taps):
    wamid = send(casement)
    casement.react()
    casement.now += DAY
    fold_counts(NUMBER, counts(casement), casement.now)
    casement.now += (days - 1) * DAY
    casement.simulator.tap(wamid)
    casement.deliver()

    row = today(casement)
    assert row.get("taps", {}) == taps
    assert "replied" not in row


def test_what_closed_the_window_meanwhile_is_no_word_of_the_customers(casement):
    casement.wrote(ago=10 * HOUR)
    send(casement)
    casement.now += HOUR
    casement.simulator.fail_next("late", code=131047)
    assert casement.send().status == 200
    casement.deliver()
    casement.now += HOUR
    casement.wrote()

    assert today(casement)["replied"] == 1


def test_only_the_first_word_after_a_template_is_its_answer(casement):
    casement.wrote()
    casement.now += HOUR
    send(casement)
    for _ in range(3):
        casement.now += HOUR
        casement.wrote()
    casement.now += HOUR
    casement.send()  # free-form
    casement.wrote()

    assert today(casement)["replied"] == 1


def test_the_newest_template_is_what_is_answered(casement):
    casement.simulator.clear()
    casement.sync()
    casement.send(ALICE, {"type": "template", "template": {"name": "hello_world", "language": {"code": "en_US"}}})
    casement.now += HOUR
    send(casement)
    casement.now += HOUR
    casement.wrote()

    assert today(casement)["replied"] == 1
    assert shown(casement, "hello_world")["total"]["replied"] == 0


def test_what_fails_at_once_and_what_fails_afterwards_is_counted_by_its_code(casement):
    casement.simulator.fail_next("error", code=131049)
    assert casement.send(ALICE, ASKS).status == 400
    casement.simulator.fail_next("late", code=131026)
    send(casement, BOB)

    row = today(casement)
    assert (row["asked"], row["failed"]) == (2, 2)
    assert row["failed_by_code"] == {"131026": 1, "131049": 1}


@pytest.mark.parametrize("code", [130429, 131056, 80007])
def test_what_meta_puts_off_is_asked_for_once_when_it_goes(casement, code):
    for _ in range(4):
        casement.simulator.fail_next("rate_limit", match="/messages$", code=code)
    answer = casement.send(ALICE, ASKS, casement={"when_limited": "queue"})
    assert answer.body["messages"][0]["message_status"] == "queued"
    for _ in range(6):
        casement.now += HOUR
        casement.catch_up()
    casement.deliver()
    assert len(casement.simulator.sent) == 1

    row = today(casement)
    assert (row["asked"], row["delivered"]) == (1, 1)
    assert "failed" not in row


def test_a_message_to_a_group_is_delivered_and_priced_for_each_member_however_far_apart(casement):
    for member in (ALICE, BOB):
        casement.wrote(member, group_id="Y2FwaQ")
    casement.post({"messaging_product": "whatsapp", "recipient_type": "group", "to": "Y2FwaQ", **ASKS})
    (sent,) = casement.simulator.sent
    casement.simulator.read(sent.wamid)
    for webhook in casement.simulator.pending:
        casement.now += HOUR
        assert casement.request("POST", "/webhook", headers=webhook.headers, body=webhook.body).status == 200
        casement.react()
    casement.simulator.webhooks.clear()

    row = today(casement)
    assert (row["asked"], row["sent"], row["delivered"], row["read"]) == (1, 2, 2, 2)
    assert sum(row["price"]["group_utility"].values()) == 2


def test_free_form_messages_and_refusals_of_our_own_are_not_counted(casement):
    casement.wrote()
    assert casement.send().status == 200
    assert casement.send(ALICE, {**ASKS, "template": {**TEMPLATE, "components": []}}).status == 400
    casement.deliver()

    assert shown(casement)["data"] == []


def test_one_that_went_in_place_of_another_message_is_counted(casement):
    casement.simulator.inbound("Hi", sender=ALICE, ago=25 * 3600)
    casement.deliver()
    assert casement.send(casement={"when_closed": {"template": TEMPLATE}}).status == 200
    casement.deliver()

    assert today(casement)["delivered"] == 1


def test_it_counts_for_the_day_it_was_asked_for_on_whenever_it_is_read(casement):
    wamid = send(casement)
    casement.now += 3 * DAY
    casement.simulator.read(wamid)
    casement.deliver()

    assert today(casement)["day"] == TODAY
    assert today(casement)["read"] == 1


def test_a_stream_that_repeats_itself_counts_nothing_twice(casement):
    wamid = send(casement)
    casement.simulator.read(wamid)
    casement.wrote()
    told = list(casement.stream.changes)
    once = today(casement)

    for cut in (told, told[::-1], told[1:], told[: len(told) // 2], *([one] for one in told)):
        casement.stream.changes = list(cut)
        assert today(casement) == once


@pytest.mark.parametrize("reacting", ["as it happens", "at the end", "backwards", "one by one"])
def test_it_does_not_matter_when_and_in_which_order_the_stream_is_read(casement, reacting):
    def passes(time: int) -> None:
        casement.now += time
        if reacting == "as it happens":
            casement.react()

    first = send(casement)
    passes(HOUR)
    casement.wrote()
    passes(HOUR)
    second = send(casement)
    send(casement, BOB)
    passes(HOUR)
    casement.simulator.tap(second)
    casement.deliver()
    passes(HOUR)
    casement.simulator.tap(first)
    casement.simulator.read(second)
    casement.deliver()
    passes(23 * HOUR)
    casement.wrote(BOB)
    told, casement.stream.changes = casement.stream.changes, []
    parts = {"backwards": [told[::-1]], "one by one": [[one] for one in told]}
    for part in parts.get(reacting, [told]):
        casement.stream.changes = part
        casement.react()

    row = today(casement)
    assert (row["asked"], row["sent"], row["delivered"], row["read"]) == (3, 3, 3, 1)
    assert (row["replied"], row["taps"]) == (2, {"Show me": 2})


def test_folding_changes_no_number_at_any_moment(casement):
    send(casement)
    casement.now += 2 * HOUR
    wamid = send(casement, BOB)
    before = today(casement)

    for hours in (1, 5, 2, 3, 24):
        casement.now += hours * HOUR
        fold_counts(NUMBER, counts(casement), casement.now)
        assert today(casement) == before
    casement.simulator.read(wamid)
    casement.deliver()
    assert today(casement) == {**before, "read": 1}
    assert fold_counts(NUMBER, counts(casement), casement.now) == 0


def test_what_is_folded_lies_in_the_settled_past_and_its_cells_are_not_read_again(casement):
    send(casement)
    today(casement)
    kept = counts(casement)

    casement.now += SETTLED_MS
    assert fold_counts(NUMBER, kept, casement.now) == 0
    casement.now += 2 * STRETCH_MS
    assert fold_counts(NUMBER, kept, casement.now) == 1
    assert casement.now - SETTLED_MS - STRETCH_MS <= kept.folded_until(NUMBER) <= casement.now - SETTLED_MS
    with casement.stepping_in("Query", lambda asked: _must_not_be_before(asked, kept.folded_until(NUMBER))):
        assert today(casement)["asked"] == 1


def _must_not_be_before(asked: Json, moment: int) -> None:
    values = asked["ExpressionAttributeValues"]
    assert not values[":pk"]["S"].startswith("B#") or int(values[":first"]["S"]) >= moment


@pytest.mark.parametrize("dies_at", range(1, 5))
def test_whoever_dies_while_folding_is_made_up_for(casement, dies_at):
    send(casement)
    casement.now += HOUR
    send(casement, BOB)
    before = today(casement)
    casement.now += 2 * SETTLED_MS
    writes = iter(range(1, 100))

    def die(_: Json) -> None:
        if next(writes) == dies_at:
            raise InterruptedError

    with casement.stepping_in("PutItem", die), casement.stepping_in("BatchWriteItem", die):
        try:
            fold_counts(NUMBER, counts(casement), casement.now)
        except InterruptedError:
            assert today(casement) == before
    fold_counts(NUMBER, counts(casement), casement.now)
    assert today(casement) == before


def test_a_fold_that_nobody_made_for_days_loses_nothing(casement):
    counts(casement).fold_to(NUMBER, 0)
    send(casement)
    before = today(casement)
    casement.now += KEPT_MS - HOUR
    assert today(casement) == before
    assert fold_counts(NUMBER, counts(casement), casement.now) == 1
    casement.now += KEPT_MS
    assert today(casement) == before


def test_a_number_that_comes_back_after_years_is_looked_at_for_days_only(casement):
    counts(casement).fold_to(NUMBER, stretch_of(NOON - 700 * DAY))
    send(casement)
    before = today(casement)
    with casement.stepping_in("Query", lambda asked: _must_not_be_before(asked, stretch_of(casement.now - KEPT_MS))):
        assert fold_counts(NUMBER, counts(casement), casement.now) == 0

    assert today(casement) == before


# --- what Meta says beside -------------------------------------------------------------------------------------------


def test_metas_own_numbers_stand_beside_ours(casement):
    send(casement)
    template_id = casement.templates.find(WABA, "we_are_here", "en_US").id
    asked: list[Any] = []

    def ask(ids: Any, days: Days) -> list[MetaDay]:
        asked.append((tuple(ids), days.texts))
        return [MetaDay(template_id, TODAY, sent=2, delivered=1, read=0, clicked=({"type": "url", "count": 1},))]

    view = shown(casement, ask_meta=ask, start=TODAY)

    (row,) = view["data"]
    assert row["meta"] == {"sent": 2, "delivered": 1, "read": 0, "clicked": [{"type": "url", "count": 1}], "cost": []}
    assert view["meta"] == {"asked": True, "available": True}
    assert asked[0][1] == (TODAY, TODAY)


def test_days_that_were_not_asked_for_are_not_shown_and_days_of_metas_alone_are(casement):
    template_id = casement.templates.find(WABA, "we_are_here", "en_US").id
    send(casement)
    casement.now += DAY
    tomorrow = day_of(casement.now)

    view = shown(
        casement,
        ask_meta=lambda _ids, _days: [MetaDay(template_id, day, sent=1) for day in (TODAY, tomorrow)],
        start=tomorrow,
    )

    assert view["total"]["asked"] == 0
    assert [(row["day"], row["asked"], row["meta"]["sent"]) for row in view["data"]] == [(tomorrow, 0, 1)]


def test_a_waba_without_analytics_shows_ours_and_why(casement):
    send(casement)

    def ask(_ids: Any, _days: Days) -> list[MetaDay]:
        raise GraphRejected(400, {"error": {"code": 200005}}, 200005)

    view = shown(casement, ask_meta=ask)

    assert view["total"]["asked"] == 1
    assert view["meta"]["available"] is False
    assert view["meta"]["code"] == 200005


def test_an_answer_is_plain_json(casement):
    send(casement)
    assert json.loads(json.dumps(shown(casement))) == shown(casement)


# --- over HTTP --------------------------------------------------------------------------------------------------------


ROUTE = "/casement/v1/templates/we_are_here/analytics"


def asked_over_http(casement: Deployment, **query: str) -> Any:
    return casement.get(ROUTE, phone_number_id=NUMBER, **query)


def test_the_route_shows_it_with_metas_own_numbers_beside(casement):
    casement.graph._call("POST", WABA, LOCAL_NUMBER.token, content=b'{"is_enabled_for_insights": true}')
    wamid = send(casement)
    casement.simulator.read(wamid)
    casement.deliver()

    answer = asked_over_http(casement, compare="meta", start=TODAY)

    assert answer.status == 200
    english = next(row for row in answer.body["data"] if row["language"] == "en_US")
    for ours, theirs in ((english, english["meta"]),):
        assert (ours["sent"], ours["delivered"], ours["read"]) == (1, 1, 1)
        assert (theirs["sent"], theirs["delivered"], theirs["read"]) == (1, 1, 1)
    assert answer.body["meta"] == {"asked": True, "available": True}


def test_before_metas_are_switched_on_ours_are_shown_and_why(casement):
    send(casement)

    answer = asked_over_http(casement, compare="meta")

    assert answer.status == 200
    assert answer.body["total"]["asked"] == 1
    assert (answer.body["meta"]["available"], answer.body["meta"]["code"]) == (False, 200007)
    assert "is_enabled_for_insights" in answer.body["meta"]["why"]


def test_one_language_and_the_numbers_that_the_key_may_see(casement):
    send(casement)
    casement.add_key("of another", numbers=frozenset({OTHER_NUMBER.phone_number_id}))

    assert asked_over_http(casement, language="en_US").body["total"]["asked"] == 1
    assert asked_over_http(casement, language="es").body["total"]["asked"] == 0
    assert casement.get(ROUTE, key="of another", phone_number_id=NUMBER).status == 403
    assert casement.get(ROUTE, key="of another").body["total"]["asked"] == 0


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"start": "yesterday"}, "start"),
        ({"end": "2026-13-01"}, "end"),
        ({"start": "2026-11-02", "end": "2026-11-01"}, "start"),
        ({"start": "2026-01-01", "end": "2026-11-01"}, "start"),
        ({"start": "2026-08-02", "end": "2026-10-31"}, "start"),
        ({"compare": "facebook"}, "compare"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(casement, query, parameter):
    answer = asked_over_http(casement, **query)

    assert (answer.status, answer.ours["parameter"]) == (400, parameter)


def test_the_first_days_of_the_calendar_are_no_surprise(casement):
    answer = asked_over_http(casement, end="0001-01-05")

    assert (answer.status, answer.body["start"], answer.body["data"]) == (200, "0001-01-01", [])


def test_ninety_days_are_not_too_many(casement):
    assert asked_over_http(casement, start="2026-08-03", end="2026-10-31").status == 200


def test_a_template_or_a_language_that_is_not_there_is_not_found(casement):
    assert casement.get("/casement/v1/templates/nothing/analytics", phone_number_id=NUMBER).status == 404
    assert asked_over_http(casement, language="de").status == 404
