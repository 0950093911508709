"""Where a Casement keeps its things: a CloudFormation stack says it in its outputs, the local stack in a file."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from casement.runtime.settings import Settings
from casement.store.table import Table
from cli.trouble import Trouble

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

DEFAULT_STACK = "casement"
LOCAL_STATE = Path(__file__).resolve().parents[1] / ".local" / "stack.json"  # written by the local stack while it is up
_LOCAL_CREDENTIALS = "local"  # its engine takes any; real ones never come near it
LOCAL_API_KEY = "local-key"  # published: it opens nothing but a local stack
_SYNC_MAX_AGE_S = 7200
_FAILURES = "Failures"  # how template.yaml names the queues of what was given up


@dataclass(frozen=True)
class Where:
    """Which stack is meant."""

    stack: str = DEFAULT_STACK
    region: str | None = None
    profile: str | None = None
    local: bool = False


class Aws:
    """The clients a command may need, each made when it is first used."""

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        self._config = Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard"},
            proxies={} if endpoint_url else None,  # nothing on loopback goes through a proxy
        )

    @property
    def region(self) -> str:
        """The Region, "" if none is set."""
        return self._session.region_name or ""

    @cached_property
    def cloudformation(self) -> "CloudFormationClient":
        return self._session.client("cloudformation", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        return self._session.client("cloudwatch", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client("dynamodb", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def secretsmanager(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", endpoint_url=self._endpoint_url, config=self._config)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self._endpoint_url, config=self._config)


@dataclass(frozen=True)
class Stack:
    """A running Casement. Ages are in seconds."""

    name: str
    aws: Aws
    table_name: str
    secret_id: str
    webhook_url: str
    graph_base_url: str | None  # None: a local stack without its simulator
    failure_queues: Callable[[], Mapping[str, str]]  # name to URL, of those that hold what something gave up on
    graph_version: str = Settings.graph_version
    secret_max_age: int = Settings.secret_max_age_seconds
    sync_max_age: int = _SYNC_MAX_AGE_S
    alarm_prefix: str | None = None  # None: it has no alarms
    local: bool = False

    @property
    def api_url(self) -> str:
        """Where its HTTP API is."""
        return self.webhook_url.removesuffix("/webhook")

    @property
    def table(self) -> Table:
        """The one table."""
        return Table(self.aws.dynamodb, self.table_name)


def open_stack(where: Where) -> Stack:
    """Find the stack that is meant. Raises `Trouble`, or what boto3 raises."""
    return local_stack(LOCAL_STATE) if where.local else deployed_stack(where)


def deployed_stack(where: Where) -> Stack:
    """A CloudFormation stack, by its outputs and parameters."""
    region = where.region or os.environ.get("AWS_REGION")  # boto3 itself reads AWS_DEFAULT_REGION alone
    aws = Aws(boto3.Session(profile_name=where.profile, region_name=region))
    try:
        [description] = aws.cloudformation.describe_stacks(StackName=where.stack)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise Trouble(
            f"There is no stack {where.stack} in {aws.region} of this AWS account. Deploy it with `make deploy`, "
            "name yours with --stack and --region, or use --local for the local stack."
        ) from None
    return stack_from(description, aws)


def stack_from(description: Mapping[str, Any], aws: Aws) -> Stack:
    """What a stack's description, in CloudFormation's words, says about where things are."""
    name = description["StackName"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in description.get("Outputs", ())}
    set_to = {each["ParameterKey"]: each["ParameterValue"] for each in description.get("Parameters", ())}
    try:
        return Stack(
            name=name,
            aws=aws,
            table_name=outputs["TableName"],
            secret_id=outputs["SecretArn"],
            webhook_url=outputs["WebhookUrl"],
            graph_base_url=set_to.get("GraphBaseUrl", Settings.graph_base_url),
            failure_queues=lambda: _queues_of_stack(aws, name),
            graph_version=set_to.get("GraphVersion", Settings.graph_version),
            secret_max_age=int(set_to.get("SecretMaxAgeSeconds", Settings.secret_max_age_seconds)),
            sync_max_age=int(set_to.get("SyncMaxAgeSeconds", _SYNC_MAX_AGE_S)),
            alarm_prefix=outputs["AlarmPrefix"],
        )
    except KeyError as missing:
        raise Trouble(
            f"The stack {name} has no output {missing.args[0]}. Its status is {description.get('StackStatus')}: wait "
            "until it is deployed, or name another one with --stack."
        ) from None


def local_stack(state: Path) -> Stack:
    """The local stack, by the file that it keeps while it is up."""
    try:
        said = json.loads(state.read_text())
    except (OSError, ValueError):
        raise Trouble("The local stack is not up. Start it with `make run` and leave it running.") from None
    session = boto3.Session(
        aws_access_key_id=_LOCAL_CREDENTIALS, aws_secret_access_key=_LOCAL_CREDENTIALS, region_name=said["region"]
    )
    aws = Aws(session, said["aws_url"])
    return Stack(
        name="local",
        aws=aws,
        table_name=said["table"],
        secret_id=_only_secret(aws),
        webhook_url=f"{said['api_url']}/webhook",
        graph_base_url=said["simulator_url"],
        failure_queues=lambda: _queues_of_engine(aws),
        local=True,
    )


def _only_secret(aws: Aws) -> str:
    """The local engine holds one stack, and a stack one secret."""
    names = [secret["Name"] for secret in aws.secretsmanager.list_secrets()["SecretList"]]
    if len(names) != 1:
        raise Trouble(f"The local stack holds {len(names)} secrets, not one. Start it afresh with `make run`.")
    return names[0]


def _queues_of_stack(aws: Aws, stack: str) -> dict[str, str]:
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]  # a queue's is its URL
        for resource in resources
        if resource["ResourceType"] == "AWS::SQS::Queue" and _FAILURES in resource["LogicalResourceId"]
    }


def _queues_of_engine(aws: Aws) -> dict[str, str]:
    urls = aws.sqs.list_queues().get("QueueUrls", [])
    return {url.rsplit("/", 1)[-1]: url for url in sorted(urls) if _FAILURES in url}
