"""Failures on request: what the client sees, and what had happened."""

from typing import Any

import httpx
import pytest

from local.simulator import Simulator
from tests.contract.conftest import ALICE, Endpoint, Receiver, code_of


@pytest.fixture(autouse=True)
def window_open(simulator: Simulator) -> None:
    simulator.inbound("Hi", sender=ALICE)


@pytest.mark.parametrize(
    ("how", "error", "processed"),
    [
        ("timeout_before", httpx.ReadTimeout, False),
        ("timeout_after", httpx.ReadTimeout, True),
        ("drop_before", httpx.RemoteProtocolError, False),
        ("drop_after", httpx.RemoteProtocolError, True),
        ("connect", httpx.ConnectError, False),
    ],
)
def test_no_answer(graph: Endpoint, simulator: Simulator, how: str, error: type[Exception], processed: bool) -> None:
    simulator.fail_next(how)

    with pytest.raises(error):
        graph.send_text("lost")
    graph.send_text("next")

    assert [(sent.text, sent.answered) for sent in simulator.sent] == [("lost", False)] * processed + [("next", True)]


@pytest.mark.parametrize(("how", "processed"), [("5xx_before", False), ("5xx_after", True)])
def test_a_server_error_says_nothing_about_what_happened(
    graph: Endpoint, simulator: Simulator, how: str, processed: bool
) -> None:
    simulator.fail_next(how, n=2)

    answers = [graph.send_text() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json()["error"]["is_transient"] is True
    assert len(simulator.sent) == 1 + 2 * processed


def test_a_proxys_page_is_no_json(graph: Endpoint, simulator: Simulator) -> None:
    simulator.fail_next("5xx_before", proxy_page=True)

    answer = graph.send_text()

    assert answer.status_code == 502
    assert answer.headers["content-type"] == "text/html"


def test_a_processed_message_has_its_statuses_though_nobody_was_told(
    graph: Endpoint, simulator: Simulator, receiver: Receiver
) -> None:
    simulator.fail_next("timeout_after")
    with pytest.raises(httpx.ReadTimeout):
        graph.send_text(biz_opaque_callback_data="mine")
    simulator.deliver_pending()

    assert sum(b'"biz_opaque_callback_data":"mine"' in body for body in receiver.bodies) == 2


def test_rate_limits(graph: Endpoint, simulator: Simulator) -> None:
    simulator.fail_next("rate_limit", n=2, retry_after=3)

    sending, listing = graph.send_text(), graph.get(f"{graph.waba}/message_templates")

    assert (sending.status_code, code_of(sending)) == (429, 130429)
    assert (listing.status_code, code_of(listing)) == (429, 80007)
    assert sending.headers["retry-after"] == "3"


def test_any_code(graph: Endpoint, simulator: Simulator) -> None:
    simulator.fail_next("error", code=131056)
    simulator.fail_next("error", code=190, http_status=400)

    answers = [graph.send_text() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 200]
    assert [code_of(answer) for answer in answers[:2]] == [131056, 190]
    assert len(simulator.sent) == 1


def test_a_late_failure(graph: Endpoint, simulator: Simulator, receiver: Receiver) -> None:
    simulator.fail_next("late", code=131049)

    assert graph.send_text().status_code == 200
    assert graph.send_text().status_code == 200
    simulator.deliver_pending()

    assert [sent.failed for sent in simulator.sent] == [131049, None]
    assert [sent.statuses for sent in simulator.sent] == [["failed"], ["sent", "delivered"]]
    assert b'"code":131049' in receiver.bodies[1]


def test_a_late_failure_waits_for_a_message_that_is_accepted(graph: Endpoint, simulator: Simulator) -> None:
    simulator.fail_next("late", code=131049)

    graph.send(type="text", text={})
    graph.get(graph.number)
    graph.send_text()

    assert [sent.failed for sent in simulator.sent] == [131049]


def test_a_template_held_back(graph: Endpoint, simulator: Simulator) -> None:
    simulator.fail_next("held")

    answer = graph.send_template("we_are_here", "Ana").json()

    assert answer["messages"][0]["message_status"] == "held_for_quality_assessment"
    assert simulator.sent[0].statuses == []


def test_only_matching_calls_fail_and_some_pass_first(graph: Endpoint, simulator: Simulator) -> None:
    """A listing whose second page fails."""
    simulator.fail_next("5xx_before", match="^GET .*/message_templates", skip=1)
    listing = f"{graph.waba}/message_templates"

    assert graph.send_text().status_code == 200
    assert [graph.get(listing, limit="1").status_code for _ in range(3)] == [200, 503, 200]


def test_a_fault_that_makes_no_sense_is_refused(simulator: Simulator) -> None:
    senseless: list[dict[str, Any]] = [{"how": "new"}, {"how": "late"}, {"how": "error"}, {"how": "connect", "n": 0}]
    for wrong in senseless:
        with pytest.raises(ValueError, match=r"how|code|next"):
            simulator.fail_next(**wrong)
