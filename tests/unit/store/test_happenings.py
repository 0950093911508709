"""What a stored item tells `react`: it follows from the item alone, and from no other kind of item."""

import json
from typing import Any

import pytest

from casement.domain.happenings import MarketingStopped, Opened, WindowRefused
from casement.domain.message_key import MessageKey
from casement.domain.sending import Outcome, Request
from casement.store import keys
from casement.store.happenings import happening_in
from casement.store.sends import Sends
from tests.support.samples import WEBHOOKS, images

NUMBER, ALICE = "100000000000001", "US.10000000000000000101"
WABA = "200000000000001"
OURS = MessageKey(ALICE, "01M7Q5DMSG04HMASW9NF6YY093")  # the send that the samples' statuses are of
NOON = 1_795_000_000_000


def stored(sk: str, element: Any = None, contact: str = ALICE, **more: str) -> dict[str, Any]:
    """An item of a conversation; with `element`, one that is a fact."""
    raw = {} if element is None else {"raw": {"S": json.dumps({"element": element})}}
    texts = {name: {"S": value} for name, value in more.items()}
    return {"PK": {"S": keys.conversation(NUMBER, contact)}, "SK": {"S": sk}, **raw, **texts}


def opener(element: Any) -> dict[str, Any]:
    return stored(f"W#{NOON}#0#message#wamid.1#digest", element)


@pytest.mark.parametrize(
    ("element", "said"),
    [
        ({"type": "text", "text": {"body": "Hi"}}, "Hi"),
        ({"type": "text", "text": {"body": ""}}, ""),
        ({"type": "button", "button": {"text": "Stop", "payload": "p"}}, "Stop"),
        ({"type": "image", "image": {"caption": "stop"}}, None),
        ({"type": "text"}, None),
        ({"type": "text", "text": "stop"}, None),
        ({"type": "text", "text": {"body": 5}}, None),
        ({"type": "text", "text": {"body": None}, "button": {"text": "Stop"}}, "Stop"),
        ({}, None),
    ],
)
def test_a_message_that_opens_the_window_says_what_the_customer_said(element, said):
    assert happening_in(opener(element)) == Opened(NUMBER, ALICE, NOON, "digest", said, message="wamid.1")


@pytest.mark.parametrize(
    "sample", ["message_text", "message_image", "message_button", "message_interactive_list_reply", "calls_connect"]
)
def test_whatever_opens_the_window_is_an_opener(sample):
    (found,) = filter(None, map(happening_in, images(sample)))

    assert isinstance(found, Opened)
    assert (found.number, found.at) == (NUMBER, NOON)
    assert found.contact == ALICE


@pytest.mark.parametrize(
    "sample",
    ["message_reaction", "message_unsupported", "echo_text", "history", "status_read", "system_user_changed_number"],
)
def test_what_does_not_open_it_is_none(sample):
    assert [happening_in(image) for image in images(sample) if happening_in(image)] == []


def test_two_tellings_of_one_message_are_two_openers():
    first, other = (stored(f"W#{NOON}#0#message#wamid.1#{digest}", {}) for digest in ("a", "b"))

    assert happening_in(first) != happening_in(other)


# --- Meta's verdict ----------------------------------------------------------------------------


def test_a_late_refusal_for_the_window_names_its_send():
    (image,) = images("status_failed_window_closed")

    assert happening_in(image) == WindowRefused(NUMBER, OURS, WABA)


def test_a_refusal_at_once_is_the_same():
    image = as_ended(Outcome("failed", NOON, answer={"error": {"code": 131047}}, closes_window=True))

    assert image["SK"]["S"].startswith("W#")
    assert happening_in(image) == WindowRefused(NUMBER, OURS)


@pytest.mark.parametrize("sample", ["status_failed_window_closed_of_another_app", "status_failed_window_closed_of_old"])
def test_a_refusal_of_what_we_did_not_send_is_none(sample):
    assert [happening_in(image) for image in images(sample)] == [None]


# --- marketing ----------------------------------------------------------------------------


class Kept:
    """Stands where the table is: keeps the one item that is put."""

    def put(self, item: dict[str, Any]) -> None:
        self.item = item


def as_ended(outcome: Outcome) -> dict[str, Any]:
    """The item that an outcome of our send becomes."""
    kept = Kept()
    Sends(kept, retention_days=365).end(NUMBER, OURS, Request({"to": "16505550101"}), outcome)  # type: ignore[arg-type]
    return kept.item


def test_a_late_refusal_of_marketing_counts_from_the_send():
    (image,) = images("status_failed_opted_out")

    assert happening_in(image) == MarketingStopped(NUMBER, ALICE, OURS.at)


def test_a_refusal_of_marketing_at_once_is_the_same():
    image = as_ended(Outcome("failed", NOON, answer={"error": {"code": 131050}}))

    assert happening_in(image) == MarketingStopped(NUMBER, ALICE, OURS.at)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome("accepted", NOON, wamid="wamid.1", answer={"messages": [{"id": "wamid.1"}]}),
        Outcome("failed", NOON, answer={"error": {"code": 131026}}),
        Outcome("failed", NOON, answer={"error": None}),
        Outcome("failed", NOON, answer={}),
        Outcome("failed", NOON),
        Outcome("unknown", NOON, answer={"message": "lost"}),
        # what we refuse ourselves says nothing new of the customer
        Outcome("refused", NOON, answer={"error": {"code": 131050}}),
        Outcome("held", NOON, answer={"messages": []}, http=200),
    ],
)
def test_any_other_outcome_is_none(outcome):
    assert happening_in(as_ended(outcome)) is None


@pytest.mark.parametrize(
    ("name", "errors", "stopped"),
    [
        ("failed", [{"code": 131050}], True),
        ("failed", [{"code": 1}, {"code": 131050}], True),
        ("failed", [{"code": 131049}], False),
        ("failed", [], False),
        ("failed", None, False),
        ("failed", "131050", False),
        ("failed", [131050, None, []], False),
        ("failed", [{}], False),
        ("delivered", [{"code": 131050}], False),  # nothing failed
        ("read", None, False),
    ],
)
def test_only_a_failure_with_that_code_stops_marketing(name, errors, stopped):
    status = stored(f"M#{OURS.at}#send#{OURS.ulid}#{name}#digest", {"status": name, "errors": errors})

    assert happening_in(status) == (MarketingStopped(NUMBER, ALICE, OURS.at) if stopped else None)


def test_a_send_that_nobody_resolved_is_none():
    assert happening_in(stored(f"M#{OURS.at}#send#{OURS.ulid}#unresolved", at="5")) is None


@pytest.mark.parametrize("path", WEBHOOKS, ids=lambda path: path.stem)
def test_every_fact_there_is_can_be_looked_at(path):
    for image in images(path.stem):
        found = happening_in(image)
        assert found is None or found.number in image["PK"]["S"]
