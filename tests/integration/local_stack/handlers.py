"""The functions of template.yaml beside this file. Each leaves a trace that a test can read back."""

import hmac
import json
import os
import threading
import time
import uuid
from functools import cache

import boto3
from boto3.dynamodb.conditions import Key


@cache
def _table():
    return boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])


@cache
def _sqs():
    return boto3.client("sqs")


def echo(event, context):
    """Answers the event that it got; 401 in format 2.0 when asked for by a header."""
    if event["headers"].get("x-answer") == "structured":
        return {
            "statusCode": 401,
            "headers": {"X-Made-By": "echo", "Content-Type": "text/html"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": "PGI+",
            "isBase64Encoded": True,
        }
    return {
        **event,
        "greeting": os.environ["GREETING"],
        "milliseconds": context.get_remaining_time_in_millis(),
    }


def store(event, _context):
    """Stores the items of the body: `{"pk": …, "sk": …}` each."""
    with _table().batch_writer() as batch:
        for item in json.loads(event["body"]):
            batch.put_item({"PK": item["pk"], "SK": item["sk"]})
    return {"statusCode": 201}


def webhook(event, _context):
    """Keeps messages by their id, which is right; but `forgetful-` ones by a new key each time, and refuses `no`.

    Lists what it kept for the number in the path.
    """
    if event["routeKey"].startswith("GET"):
        number = event["pathParameters"]["id"]
        found = _table().query(KeyConditionExpression=Key("PK").eq(f"kept#{number}"))["Items"]
        return {"data": [item["SK"] for item in found if event["pathParameters"]["what"] == "messages"]}
    signature = hmac.digest(b"local-app-secret", event["body"].encode(), "sha256").hex()
    if event["headers"].get("x-hub-signature-256") != f"sha256={signature}":
        return {"statusCode": 401}
    for value in (change["value"] for entry in json.loads(event["body"])["entry"] for change in entry["changes"]):
        for message in value["messages"]:
            if message["id"] == "no":
                return {"statusCode": 500}
            sort = uuid.uuid4().hex if message["id"].startswith("forgetful-") else message["id"]
            _table().put_item(Item={"PK": f"kept#{value['metadata']['phone_number_id']}", "SK": sort})
    return {"statusCode": 200}


def fails(_event, _context):
    raise RuntimeError("something a caller must not see")


def announce(event, _context):
    """Puts what it is told on the event bus."""
    answer = boto3.client("events").put_events(
        Entries=[
            {"Source": "casement", "DetailType": "told", "Detail": event["body"], "EventBusName": os.environ["BUS"]}
        ]
    )
    return answer["FailedEntryCount"]


def slow(_event, _context):
    time.sleep(2)


def react(event, _context):
    """Writes what it was given, and a message for each to the outbox; `fact#poison` fails every time."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
    for record in event["Records"]:
        pk, sk = (record["dynamodb"]["Keys"][name]["S"] for name in ("PK", "SK"))
        if pk == "fact#poison":
            return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        _table().put_item(Item={"PK": "seen", "SK": sk, "batch": numbers, "at": int(time.time() * 1000)})
        if pk == "fact#outbox":
            _sqs().send_message(
                QueueUrl=os.environ["OUTBOX_URL"],
                MessageBody=json.dumps({"sk": sk}),
                MessageGroupId=sk.split("-")[0],
                MessageDeduplicationId=sk,
            )
    return {"batchItemFailures": []}


def send(event, _context):
    """Writes the order in which messages came; bodies that ask for it fail."""
    failed = []
    for record in event["Records"]:
        sk = json.loads(record["body"])["sk"]
        if sk.endswith("bad"):
            failed.append({"itemIdentifier": record["messageId"]})
            continue
        _table().put_item(Item={"PK": "sent", "SK": sk, "sequence": record["attributes"]["SequenceNumber"]})
    return {"batchItemFailures": failed}


MEETING = threading.Barrier(2)


def talk(event, _context):
    """Leaves a trace of every try of a message. One that `meets` waits until another one does; one that is to be
    `put_off` hides itself for so many seconds when it first comes, and stays.
    """
    (record,) = event["Records"]
    body, tries = json.loads(record["body"]), record["attributes"]["ApproximateReceiveCount"]
    if body.get("meets"):
        MEETING.wait(timeout=10)
    _table().put_item(Item={"PK": "talked", "SK": f"{body['sk']} {tries}", "at": int(time.time() * 1000)})
    if "put_off" not in body or tries != "1":
        return {"batchItemFailures": []}
    _sqs().change_message_visibility(
        QueueUrl=os.environ["TALKS_URL"], ReceiptHandle=record["receiptHandle"], VisibilityTimeout=body["put_off"]
    )
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}


def sync(event, _context):
    _table().put_item(Item={"PK": "synced", "SK": event["time"], "source": event["source"]})
