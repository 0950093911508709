"""A deployed stack in moto with Meta's simulator beside it, and the command run against both."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from casement.meta.webhook import split
from casement.runtime.http import Request
from casement.runtime.secret import SecretSource
from casement.store.facts import Facts
from casement.store.table import Item, Table
from casement.usecases.react import project
from cli.main import app
from cli.outside import Outside
from cli.replay import projections
from cli.stack import Aws, Stack
from functions.receive_webhook.app import respond
from local.simulator import Number, Simulator
from tests.support.tables import create_table

NOON = 1_795_000_000  # epoch seconds
NUMBER, WABA, APP = "100000000000001", "200000000000001", "1"
WEBHOOK_URL = "https://api.example/webhook"
GRAPH_URL = "https://graph.example"

# Whatever the command prints, these are not in it.
APP_SECRET = "sentinel-app-secret"  # noqa: S105 - a bait
VERIFY_TOKEN = "sentinel-verify-token"  # noqa: S105 - a bait
META_TOKEN = "sentinel-meta-token"  # noqa: S105 - a bait
SENTINEL = "sentinel-"

SECRET: Mapping[str, Any] = {
    "app_secrets": [APP_SECRET],
    "verify_token": VERIFY_TOKEN,
    "numbers": {NUMBER: {"waba_id": WABA, "token": META_TOKEN}},
}


@dataclass
class Desk:
    """An operator's desk: the command, and a look at what it did."""

    stack: Stack
    simulator: Simulator
    queue_url: str
    webhook_secret: str | None = None  # what the functions hold, if not what is stored
    webhook_status: int | None = None  # what the webhook answers instead

    def run(self, *arguments: str, typed: str = "") -> Result:
        """`casement <arguments>`, with `typed` on the keyboard."""
        outside = Outside(open_stack=lambda _: self.stack, http=self.http, now=lambda: NOON * 1000)
        return CliRunner().invoke(app, list(arguments), input=typed, obj=outside, env={"COLUMNS": "160"})

    def http(self) -> httpx.Client:
        mounts = {GRAPH_URL: httpx.WSGITransport(app=self.simulator), WEBHOOK_URL: httpx.MockTransport(self.webhook)}
        return httpx.Client(mounts=mounts, transport=httpx.MockTransport(nobody_there))

    def webhook(self, request: httpx.Request) -> httpx.Response:
        """The webhook as it is deployed: the function's own answer to a handshake."""
        if self.webhook_status:
            return httpx.Response(self.webhook_status)
        held = self.webhook_secret or self.secret_text
        with redirect_stdout(io.StringIO()):  # where a function logs
            answer = respond(
                Request("GET /webhook", query=dict(request.url.params)),
                secret=SecretSource(lambda: held, max_age=0),
                facts=Facts(self.table, retention_days=365),
            )
        return httpx.Response(answer.status, text=answer.body)

    @property
    def secret_text(self) -> str:
        answer = self.stack.aws.secretsmanager.get_secret_value(SecretId=self.stack.secret_id)
        return answer["SecretString"]

    @property
    def secret(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.secret_text)
        return value

    def put_secret(self, value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        self.stack.aws.secretsmanager.put_secret_value(SecretId=self.stack.secret_id, SecretString=text)

    @property
    def table(self) -> Table:
        return self.stack.table

    def items(self) -> list[Item]:
        """Every item, by key."""
        found = self.stack.aws.dynamodb.scan(TableName=self.stack.table_name)["Items"]
        return sorted(found, key=lambda item: (item["PK"]["S"], item["SK"]["S"]))

    def receive(self, bodies: Iterable[bytes]) -> None:
        """What receive_webhook and react do with the bodies of webhooks."""
        Facts(self.table, retention_days=365).add(piece for body in bodies for piece in split(body))
        project(self.items(), projections(self.table, NOON * 1000, dry_run=False))

    def findings(self) -> dict[str, dict[str, str]]:
        """What the doctor finds, by what was looked at."""
        found = json.loads(self.run("doctor", "--json").stdout)
        return {finding["what"]: finding for finding in found}


def nobody_there(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody there", request=request)


@pytest.fixture(scope="session")
def clients() -> Aws:
    """One set of clients for all tests: making them takes longer than what is done with them."""
    return Aws(boto3.Session("test", "test", region_name="eu-west-1"))


@pytest.fixture
def desk(clients: Aws) -> Iterator[Desk]:
    with mock_aws():
        aws = clients
        table_name = create_table(aws.dynamodb)
        aws.dynamodb.update_time_to_live(
            TableName=table_name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"}
        )
        turn_backups(aws, table_name, on=True)
        secret_id = aws.secretsmanager.create_secret(Name="casement-secret")["ARN"]
        queue_url = aws.sqs.create_queue(QueueName="casement-ReactFailures")["QueueUrl"]
        raise_alarm(aws, "casement-react-failures", "OK")
        stack = Stack(
            name="casement",
            aws=aws,
            table_name=table_name,
            secret_id=secret_id,
            webhook_url=WEBHOOK_URL,
            graph_base_url=GRAPH_URL,
            failure_queues=lambda: {"ReactFailures": queue_url},
            alarm_prefix="casement-",
        )
        yield Desk(stack, a_simulator(META_TOKEN), queue_url)


@pytest.fixture
def filled(desk: Desk) -> Desk:
    """The same with its secret set."""
    desk.put_secret(SECRET)
    return desk


def a_simulator(token: str, waba_id: str = WABA) -> Simulator:
    number = Number(NUMBER, waba_id, "+1 555-000-1000", token)
    return Simulator(numbers=[number], clock=lambda: float(NOON), rng=Random(7))  # noqa: S311 - the same ids in every run


def turn_backups(aws: Aws, table_name: str, *, on: bool) -> None:
    aws.dynamodb.update_continuous_backups(
        TableName=table_name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on}
    )


def raise_alarm(aws: Aws, name: str, state: Any) -> None:
    aws.cloudwatch.put_metric_alarm(
        AlarmName=name,
        AlarmDescription="Stream records were given up.",
        MetricName="any",
        Namespace="any",
        Period=60,
        Statistic="Sum",
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    aws.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def with_graph(desk: Desk, graph_base_url: str | None) -> None:
    desk.stack = replace(desk.stack, graph_base_url=graph_base_url)


def with_webhook(desk: Desk, webhook_url: str) -> None:
    desk.stack = replace(desk.stack, webhook_url=webhook_url)
