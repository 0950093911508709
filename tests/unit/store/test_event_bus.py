"""What the event bus is given, and what its answers come to."""

from typing import Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from casement.domain.deliveries import Delivery
from casement.store.event_bus import LARGEST, EventBus

DELIVERY = Delivery("sub_1", "evt_1", "message.received", 7, "1000#1", 1, '{"id":"evt_1"}')


class Events:
    """An EventBridge client that answers as a test says."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[Any] = []
        self._answer = answer

    def put_events(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def put(events: Events, delivery: Delivery = DELIVERY) -> Any:
    return EventBus(cast("Any", events), "casement-events").put(delivery)


def test_an_event_is_an_entry_of_its_own_type():
    events = Events({"FailedEntryCount": 0})

    assert put(events).ok
    assert events.asked == [
        {
            "Entries": [
                {
                    "Source": "casement",
                    "DetailType": "message.received",
                    "Detail": '{"id":"evt_1"}',
                    "EventBusName": "casement-events",
                }
            ]
        }
    ]


@pytest.mark.parametrize("code", ["MalformedDetail", "InvalidArgument"])
def test_what_it_will_never_take_keeps_nothing_waiting(code):
    found = put(Events({"FailedEntryCount": 1, "Entries": [{"ErrorCode": code}]}))

    assert (found.ok, found.final, code in found.why) == (False, True, True)


@pytest.mark.parametrize(
    "answer",
    [
        {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "ThrottlingException"}]},
        EndpointConnectionError(endpoint_url="events"),
    ],
)
def test_what_it_does_not_take_is_tried_again(answer):
    found = put(Events(answer))
    assert (found.ok, found.final, bool(found.why)) == (False, False, True)


def test_what_is_too_large_for_it_is_not_tried_again():
    events = Events({"FailedEntryCount": 0})
    found = put(events, Delivery("sub_1", "evt_1", "message.received", 7, "1000#1", 1, "é" * (LARGEST // 2)))
    assert (found.ok, found.final, events.asked) == (False, True, [])
