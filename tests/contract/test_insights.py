"""Template analytics: switched on once, counted from the ledger by day."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.simulator import Simulator
from local.simulator.pricing import PRICES
from tests.contract.conftest import ALICE, NOON, Clock, Endpoint, code_of, mounted
from tests.contract.template_events import NEWS

QUERY = ("start", "end", "granularity", "template_ids", "metric_types", "product_type", "limit", "after")
PLAUSIBLE = ("1795000000", "2026-11-18", "9" * 5000, "0", "DAILY", "[1,2]", "[SENT]", "cost", "CLOUD_API", "1000")
DAY = 86400
TODAY = int(NOON // DAY * DAY)
BODY = {"type": "BODY", "text": "There is news."}
LINK = {"type": "URL", "text": "Read", "url": "https://x.test/a"}
OFFER: dict[str, Any] = {
    "name": "offer",
    "language": "en_US",
    "category": "MARKETING",
    "components": [BODY, {"type": "BUTTONS", "buttons": [LINK, {"type": "QUICK_REPLY", "text": "Stop"}]}],
}


@pytest.fixture
def offer(graph: Endpoint, simulator: Simulator) -> str:
    """The id of a marketing template with a link and a quick reply, in an account with insights."""
    switch_on(graph)
    return simulator.add_template(OFFER).id


def switch_on(graph: Endpoint, wanted: str = "true") -> Any:
    return graph.client.post(f"/{graph.version}/{graph.waba}", params={"is_enabled_for_insights": wanted})


def analytics(graph: Endpoint, *template_ids: str, **query: str) -> Any:
    usual = {"start": str(TODAY), "end": str(TODAY), "granularity": "daily"}
    ids = {"template_ids": f"[{','.join(template_ids)}]"} if template_ids else {}
    return graph.get(f"{graph.waba}/template_analytics", **{**usual, **ids, **query})


def points(graph: Endpoint, *template_ids: str, **query: str) -> list[dict[str, Any]]:
    answer = analytics(graph, *template_ids, **query).json()
    (of_product,) = answer["data"]
    assert of_product["granularity"] == "DAILY"
    found: list[dict[str, Any]] = of_product["data_points"]
    return found


def test_insights_are_switched_on_once_and_for_ever(graph: Endpoint, simulator: Simulator) -> None:
    template_id = simulator.named("hello_world")[0].id
    graph.send_template("hello_world")
    assert code_of(analytics(graph, template_id)) == 200007
    assert graph.get(graph.waba, fields="is_enabled_for_insights").json()["is_enabled_for_insights"] is False
    assert switch_on(graph, "false").status_code == 200
    assert code_of(switch_on(graph, "maybe")) == 100

    assert switch_on(graph).json() == {"id": graph.waba}

    assert code_of(switch_on(graph, "false")) == 200006
    assert graph.get(graph.waba, fields="is_enabled_for_insights").json()["is_enabled_for_insights"] is True
    assert points(graph, template_id)[0]["sent"] == 1  # in the same second
    simulator.clear()
    assert code_of(analytics(graph, template_id)) == 200007


def test_what_was_sent_before_is_not_counted(graph: Endpoint, simulator: Simulator, clock: Clock) -> None:
    graph.send_template("hello_world")
    clock.now += 1
    switch_on(graph)
    graph.send_template("hello_world")

    assert points(graph, simulator.named("hello_world")[0].id)[0]["sent"] == 1


def test_a_day_of_a_template(graph: Endpoint, simulator: Simulator, offer: str) -> None:
    for to in (ALICE, ALICE, "16505550102", "16505550103"):
        graph.send_template("offer", to=to)
    first, second, third, fourth = (sent.wamid for sent in simulator.sent)
    simulator.status(fourth, "failed", code=131026)
    for wamid in (first, third):
        simulator.read(wamid)
    for wamid in (first, second, third, third):
        simulator.tap(wamid, "Read")
    simulator.tap(first, "Stop")

    spent = 3 * PRICES["marketing"]
    assert points(graph, offer) == [
        {
            "template_id": offer,
            "start": TODAY,
            "end": TODAY + DAY,
            "sent": 3,
            "delivered": 3,
            "read": 2,
            "clicked": [
                {"type": "quick_reply_button", "button_content": "Stop", "count": 1},
                {"type": "url_button", "button_content": "Read", "count": 4},
                {"type": "unique_url_button", "button_content": "Read", "count": 2},
            ],
            "cost": [
                {"type": "amount_spent", "value": pytest.approx(spent)},
                {"type": "cost_per_delivered", "value": pytest.approx(spent / 3)},
                {"type": "cost_per_url_button_click", "value": pytest.approx(spent / 4)},
            ],
        }
    ]


def test_every_thing_counts_on_its_own_day_and_every_day_has_a_point(
    graph: Endpoint, simulator: Simulator, clock: Clock, offer: str
) -> None:
    graph.send_template("offer")
    clock.now += DAY
    simulator.read()
    clock.now += 7 * DAY
    simulator.tap(button="Read")  # too late: for 7 days Meta looks

    found = points(graph, offer, start=str(TODAY + 5), end=str(TODAY + 30 * DAY))

    assert [point["start"] for point in found] == [TODAY + number * DAY for number in range(9)]
    assert [(point["sent"], point["delivered"], point["read"]) for point in found[:3]] == [
        (1, 1, 0),
        (0, 0, 1),
        (0, 0, 0),
    ]
    assert sum(each["count"] for point in found for each in point["clicked"]) == 0
    assert found[1]["cost"][0] == {"type": "amount_spent"}


def test_a_read_message_was_delivered_even_if_nobody_said_so(graph: Endpoint, simulator: Simulator, offer: str) -> None:
    simulator.set_options(statuses=())
    graph.send_template("offer")
    assert points(graph, offer)[0]["sent"] == 0
    simulator.read()

    assert [points(graph, offer)[0][what] for what in ("sent", "delivered", "read")] == [1, 1, 1]


def test_only_what_is_asked_for_is_answered(graph: Endpoint, simulator: Simulator, offer: str) -> None:
    plain = simulator.named("hello_world")[0].id
    day = {"start": TODAY, "end": TODAY + DAY}

    assert points(graph, plain, metric_types='["SENT","READ"]') == [{"template_id": plain, **day, "sent": 0, "read": 0}]
    assert "clicked" not in points(graph, plain)[0]
    assert points(graph, offer, metric_types="cost,clicked")[0].keys() == {"template_id", *day, "cost", "clicked"}
    simulator.named("offer")[0].data["cta_url_link_tracking_opted_out"] = True
    assert "clicked" not in points(graph, offer)[0]


def test_days_may_be_given_as_dates(graph: Endpoint, offer: str) -> None:
    today = datetime.fromtimestamp(NOON, UTC).date().isoformat()

    assert [point["start"] for point in points(graph, offer, start=today, end=today)] == [TODAY]


def test_the_marketing_endpoint_is_a_product_of_its_own(graph: Endpoint, offer: str) -> None:
    template = {"name": "offer", "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": ALICE, "type": "template", "template": template}
    assert graph.post(f"{graph.number}/marketing_messages", body).status_code == 200

    assert points(graph, offer)[0]["sent"] == 0
    product = "MARKETING_MESSAGES_API_FOR_WHATSAPP"
    answer = analytics(graph, offer, product_type=product).json()["data"][0]
    assert answer["product_type"] == product.lower()
    assert answer["data_points"][0]["sent"] == 1


def test_points_come_in_pages(graph: Endpoint, simulator: Simulator, clock: Clock, offer: str) -> None:
    clock.now += 40 * DAY
    ids = (offer, simulator.named("hello_world")[0].id, "1234")  # the last is nobody's: nothing is said of it
    query = {"start": str(TODAY), "end": str(TODAY + 40 * DAY), "limit": "30"}

    found = []
    while True:
        page = analytics(graph, *ids, **query).json()
        found += page["data"][0]["data_points"]
        if "next" not in page["paging"]:
            break
        query["after"] = page["paging"]["cursors"]["after"]

    assert len({(point["template_id"], point["start"]) for point in found}) == len(found) == 2 * 41


@pytest.mark.parametrize(
    "query",
    [
        {"granularity": "HOURLY"},
        {"granularity": ""},
        {"start": ""},
        {"end": "yesterday"},
        {"start": str(TODAY + DAY)},
        {"start": str(TODAY - 91 * DAY)},
        {"metric_types": "[SENT,LOVED]"},
        {"product_type": "TELEGRAM"},
        {"template_ids": "[]"},
        {"template_ids": ",".join(map(str, range(11)))},
    ],
)
def test_what_can_not_be_answered_is_refused(graph: Endpoint, offer: str, query: dict[str, str]) -> None:
    assert code_of(analytics(graph, offer, **query)) == 100


def test_authentication_templates_have_no_clicks_and_free_messages_no_cost(
    graph: Endpoint, simulator: Simulator
) -> None:
    switch_on(graph)
    simulator.inbound("Hi", sender=ALICE)
    code = simulator.add_template({**OFFER, "name": "code", "category": "AUTHENTICATION"})
    news = simulator.add_template(NEWS)
    graph.send_template("code")
    graph.send_template("news")

    first, second = points(graph, code.id, news.id)

    assert "clicked" not in first
    assert first["cost"][0] == {"type": "amount_spent", "value": PRICES["authentication"]}
    assert (second["delivered"], second["cost"][0]) == (1, {"type": "amount_spent"})


@given(st.dictionaries(st.sampled_from(QUERY), st.text(max_size=12) | st.sampled_from(PLAUSIBLE)))
@settings(max_examples=150, deadline=None)
def test_no_query_makes_it_stumble(query: dict[str, str]) -> None:
    with mounted(Simulator(clock=Clock())) as graph:
        switch_on(graph)
        answer = graph.get(f"{graph.waba}/template_analytics", **query)

    assert answer.status_code in {200, 400}
