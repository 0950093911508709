"""The sample payloads in `events/`, and how they are kept true.

`python -m tests.support.samples` signs the sample deliveries again and writes the stream records anew from the webhooks
they come from: run it after changing a body, or the way facts are stored.
"""

import json
from pathlib import Path
from typing import Any

from casement.domain.facts import Fact
from casement.meta.signature import sign
from casement.meta.webhook import split
from casement.store import keys
from tests.support.deliveries import APP_SECRET, RETENTION_DAYS

EVENTS = Path(__file__).resolve().parents[2] / "events"
WEBHOOKS = sorted((EVENTS / "webhooks").glob("*.json"))
SIGNED = ("receive_webhook_text_message",)
STREAMED = {
    "react_stream_record": "message_text",
    "sync_templates_stream_record": "template_status_approved",
}  # event: the webhook whose fact it reports


def webhook(name: str) -> bytes:
    """The bytes of `events/webhooks/<name>.json`."""
    return (EVENTS / "webhooks" / f"{name}.json").read_bytes()


def event(name: str) -> dict[str, Any]:
    """`events/<name>.json`, an event for one of our functions."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_bytes())
    return loaded


def images(*names: str) -> list[dict[str, Any]]:
    """The items that the facts of these webhooks are."""
    facts = [piece for name in names for piece in split(webhook(name)) if isinstance(piece, Fact)]
    placed = [(keys.fact(fact), fact) for fact in facts]
    return [
        {"PK": {"S": key.pk}, "SK": {"S": key.sk}, "raw": {"S": fact.raw}, "ttl": {"N": "1800000000"}}
        for key, fact in placed
    ]


def signed(name: str) -> dict[str, Any]:
    """The event `name` with the signature that its body has."""
    unsigned = event(name)
    headers = {**unsigned["headers"], "x-hub-signature-256": sign(APP_SECRET, unsigned["body"].encode())}
    return {**unsigned, "headers": headers}


def streamed(name: str) -> dict[str, Any]:
    """The event of the table's stream that follows from the webhook `name`."""
    (fact,) = (piece for piece in split(webhook(name)) if isinstance(piece, Fact))
    key = keys.fact(fact)
    stored = {"PK": {"S": key.pk}, "SK": {"S": key.sk}}
    image = {**stored, "raw": {"S": fact.raw}, "ttl": {"N": str(fact.at // 1000 + RETENTION_DAYS * 86_400)}}
    record = {
        "eventID": "c4ca4238a0b923820dcc509a6f75849b",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": fact.at // 1000 + 1,
            "Keys": stored,
            "NewImage": image,
            "SequenceNumber": "111",
            "SizeBytes": len(json.dumps(image)),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/casement/stream/2026-11-18T00:00:00.000",
    }
    return {"Records": [record]}


def _write(name: str, changed: dict[str, Any]) -> None:
    (EVENTS / f"{name}.json").write_text(json.dumps(changed, indent=2) + "\n")


if __name__ == "__main__":
    for one in SIGNED:
        _write(one, signed(one))
    for one, source in STREAMED.items():
        _write(one, streamed(source))
