"""The stack's event bus, for subscribers in AWS."""

import time
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.deliveries import Answer, Delivery

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "casement"
_OF_THE_EVENT = ("MalformedDetail", "InvalidArgument")  # what it will never take; rights may yet be given
LARGEST = 262_144  # bytes of an entry, its source and type among them


class EventBus:
    """Puts events there."""

    def __init__(self, client: "EventBridgeClient", name: str) -> None:
        self._client = client
        self._name = name

    def put(self, delivery: Delivery) -> Answer:
        """Put one event there, as its `detail`; what came of it, in HTTP's words."""
        body, began = delivery.body or "", time.monotonic()
        if len(body.encode()) + len(SOURCE) + len(delivery.type) > LARGEST:
            return Answer(413, 0, "It is larger than an event bus takes.", final=True)
        entry = {"Source": SOURCE, "DetailType": delivery.type, "Detail": body, "EventBusName": self._name}
        try:
            answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item]
        except (BotoCoreError, ClientError) as error:
            return Answer(None, _ms_since(began), f"EventBridge did not answer: {type(error).__name__}.")
        if answer["FailedEntryCount"]:
            code = answer["Entries"][0].get("ErrorCode", "")
            if code in _OF_THE_EVENT:
                return Answer(400, _ms_since(began), f"EventBridge: {code}.", final=True)
            return Answer(503, _ms_since(began), f"EventBridge: {code}.")
        return Answer(200, _ms_since(began))


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
