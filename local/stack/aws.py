"""The engine's side: clients, and the resources that the template asks for."""

import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.stack.attribute_values import as_json_item
from local.stack.queues import depth
from local.stack.template import Deployment, Queue, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger("local.stack")

REGION = "us-east-1"
ACCESS_KEY = "local"  # the engine takes any; real ones never come near it


@dataclass(frozen=True)
class Aws:
    """Clients for the engine at `url`. They are safe to share between threads."""

    url: str
    dynamodb: "DynamoDBClient"
    streams: "DynamoDBStreamsClient"
    sqs: "SQSClient"
    secrets: "SecretsManagerClient"
    events: "EventBridgeClient"

    @classmethod
    def at(cls, url: str) -> "Aws":
        session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=ACCESS_KEY, region_name=REGION)
        config = Config(connect_timeout=2, read_timeout=20, retries={"total_max_attempts": 2}, max_pool_connections=32)
        return cls(
            url,
            session.client("dynamodb", endpoint_url=url, config=config),
            session.client("dynamodbstreams", endpoint_url=url, config=config),
            session.client("sqs", endpoint_url=url, config=config),
            session.client("secretsmanager", endpoint_url=url, config=config),
            session.client("events", endpoint_url=url, config=config),
        )


def create_resources(aws: Aws, deployment: Deployment) -> None:
    """Create the template's tables, queues and event buses; those kept from an earlier run stay as they are."""
    kept = set(aws.dynamodb.list_tables()["TableNames"])
    for table in deployment.tables:
        if table.name not in kept:
            aws.dynamodb.create_table(**table.create)
    for queue in deployment.queues:
        aws.sqs.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes))  # type: ignore[arg-type]
    for bus in deployment.event_buses:
        with suppress(aws.events.exceptions.ResourceAlreadyExistsException):
            aws.events.create_event_bus(Name=bus)


def stream_arn(aws: Aws, table: Table) -> str | None:
    """The ARN of a table's stream, if it has one."""
    return aws.dynamodb.describe_table(TableName=table.name)["Table"].get("LatestStreamArn")


def queue_url(aws: Aws, name: str) -> str:
    return aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]


def put_on_queue(aws: Aws, arn: str, message: Mapping[str, Any]) -> None:
    """Put a message on the queue with this ARN; one that takes none is an error in the log, not a crash."""
    try:
        aws.sqs.send_message(QueueUrl=queue_url(aws, arn.rsplit(":", 1)[-1]), MessageBody=json.dumps(message))
    except Exception:
        log.exception("the failure queue %s takes no message; lost: %s", arn, json.dumps(message))


def put_secret(aws: Aws, name: str, value: Mapping[str, Any]) -> None:
    """Create a secret, or give it a new value."""
    text = json.dumps(value)
    try:
        aws.secrets.create_secret(Name=name, SecretString=text)
    except aws.secrets.exceptions.ResourceExistsException:
        aws.secrets.put_secret_value(SecretId=name, SecretString=text)


def failure_queues(deployment: Deployment) -> tuple[Queue, ...]:
    """The queues that hold what something gave up on: dead-letter queues and failure destinations."""
    arns = {queue.redrives_to for queue in deployment.queues} | {
        stream.failure_queue_arn for function in deployment.functions for stream in function.streams
    }
    names = {arn.rsplit(":", 1)[-1] for arn in arns if arn}
    return tuple(queue for queue in deployment.queues if queue.name in names)


def messages_on(aws: Aws, queue: Queue) -> int:
    return depth(aws.sqs, queue_url(aws, queue.name))


def items(aws: Aws, table: str) -> list[dict[str, Any]]:
    """Every item of a table, in DynamoDB's own JSON (binary in base64), sorted by key."""
    pages = aws.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    found = [as_json_item(item) for page in pages for item in page["Items"]]
    keys = [key["AttributeName"] for key in aws.dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
    return sorted(found, key=lambda item: [json.dumps(item[key]) for key in keys])
