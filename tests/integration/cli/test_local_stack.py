"""The command against a real local stack, and against a CloudFormation stack on its engine."""

import json
import time
from collections.abc import Callable, Mapping

import boto3
import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.outside import Outside
from cli.stack import local_stack
from local.stack import LocalStack
from local.stack.seed import APP_SECRET, META_TOKEN, PHONE_NUMBER_ID, VERIFY_TOKEN

TEMPLATE = {
    "Parameters": {"GraphBaseUrl": {"Type": "String", "Default": "https://graph.facebook.com"}},
    "Resources": {
        "ReactFailures": {"Type": "AWS::SQS::Queue"},
        "Outbox": {"Type": "AWS::SQS::Queue"},
        "Secret": {"Type": "AWS::SecretsManager::Secret"},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "PK", "AttributeType": "S"},
                    {"AttributeName": "SK", "AttributeType": "S"},
                ],
                "KeySchema": [
                    {"AttributeName": "PK", "KeyType": "HASH"},
                    {"AttributeName": "SK", "KeyType": "RANGE"},
                ],
                "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
            },
        },
    },
}


@pytest.fixture(scope="module")
def running():
    with LocalStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def state(running, tmp_path_factory):
    """The file that the stack leaves for the command, where `cli.stack.local_stack` is told to look."""
    path = tmp_path_factory.mktemp("local") / "stack.json"
    health = httpx.get(f"{running.api_url}/_local/health").json()
    path.write_text(json.dumps(health))
    return path


@pytest.fixture
def command(state):
    def run(*arguments: str, typed: str = "") -> Result:
        outside = Outside(open_stack=lambda where: local_stack(state) if where.local else pytest.fail("not local"))
        return CliRunner().invoke(app, [*arguments, "--local"], input=typed, obj=outside, env={"COLUMNS": "160"})

    return run


def test_a_fresh_local_stack_is_healthy(command):
    until(lambda: command("doctor").exit_code == 0)  # the first template reading ends soon after the start

    found = json.loads(command("doctor", "--json").stdout)

    assert {"secret", "table", "webhook", f"number {PHONE_NUMBER_ID}", "API keys"} <= {each["what"] for each in found}
    assert not {"alarms", "retention", "backups"} & {each["what"] for each in found}
    assert not [each for each in found if each["level"] == "broken"]


def test_a_key_opens_the_api_until_it_is_revoked(command, running):
    key = command("keys", "create", "--name", "crm").stdout.strip()
    asked = f"{running.api_url}/v25.0/{PHONE_NUMBER_ID}/conversations"

    assert httpx.get(asked, headers={"X-API-Key": key}).status_code == 200
    assert httpx.get(asked, headers={"X-API-Key": "csk_no"}).status_code == 401

    unused = command("keys", "create", "--name", "unused").stdout.strip()
    assert command("keys", "revoke", "unused", "--yes").exit_code == 0
    assert httpx.get(asked, headers={"X-API-Key": unused}).status_code == 401


def test_a_replay_writes_nothing_new(command, running):
    httpx.post(f"{running.simulator_url}/_control/inbound", json={"from": "16505550199", "text": "Hello"})
    asked = f"{running.api_url}/v25.0/{PHONE_NUMBER_ID}/conversations"
    until(lambda: httpx.get(asked, headers={"X-API-Key": "local-key"}).json()["data"])
    running.wait_idle()
    before = running.items()

    counts = json.loads(command("replay", "--json").stdout)

    assert counts["entries"] >= 1
    assert running.items() == before


def test_a_body_signed_by_hand_is_accepted(command, running, tmp_path):
    file = tmp_path / "body.json"
    file.write_text('{"object":"whatsapp_business_account","entry":[]}')

    header = command("webhook", "sign", str(file)).stdout.strip()

    name, _, value = header.partition(": ")
    assert post(running, file.read_bytes(), {name: value}) == 200
    assert post(running, file.read_bytes() + b" ", {name: value}) == 401


def test_a_rotated_app_secret_is_used_beside_the_one_before(command, running, tmp_path):
    file = tmp_path / "body.json"
    file.write_text('{"object":"whatsapp_business_account","entry":[]}')
    older = command("webhook", "sign", str(file)).stdout.strip().partition(": ")[2]

    assert command("secrets", "rotate-app-secret", typed="a-newer-secret\n").exit_code == 0
    newer = command("webhook", "sign", str(file)).stdout.strip().partition(": ")[2]

    assert newer != older
    until(lambda: post(running, file.read_bytes(), {"X-Hub-Signature-256": newer}) == 200)
    assert post(running, file.read_bytes(), {"X-Hub-Signature-256": older}) == 200
    shown = command("secrets", "show").output + command("doctor").output
    assert not [secret for secret in (APP_SECRET, VERIFY_TOKEN, META_TOKEN, "a-newer-secret") if secret in shown]


def test_templates_go_from_the_library_to_their_reviews_and_are_sent_to_nobody(command, running):
    verdict = {"decision": "reject", "match": "/es", "reason": "INVALID_FORMAT", "advice": "Say what it is about."}
    httpx.post(f"{running.simulator_url}/_control/reviews", json=verdict).raise_for_status()
    httpx.post(f"{running.simulator_url}/_control/options", json={"auto_review": 1}).raise_for_status()

    both = ("order_update", "--language", "de", "--language", "es")
    submitted = command("templates", "submit", *both, "--wait", "--json")
    previewed = command("templates", "preview", "order_update", "--language", "de", "-p", "customer=Ana")
    found = json.loads(command("templates", "find", "order_update", "--json").stdout)

    assert submitted.exit_code == 1
    german, spanish = sorted(json.loads(submitted.stdout), key=lambda each: each["language"])
    assert (german["status"], spanish["status"]) == ("APPROVED", "REJECTED")
    assert "Say what it is about" in spanish["why"][0]
    assert "Guten Tag Ana" in previewed.stdout
    assert [each["language"] for each in found["usable"]] == ["de"]
    assert not httpx.get(f"{running.simulator_url}/_control/sent").json()["data"]


def test_a_deployed_stack_is_found_by_its_outputs(running):
    environment: dict[str, str | None] = {
        "AWS_ENDPOINT_URL": running.aws_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": None,
        "AWS_PROFILE": None,
        "CASEMENT_STACK": "mine",
    }
    deploy(running, "mine")

    def command(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, list(arguments), input=typed, env={**environment, "COLUMNS": "160"})

    key = command("keys", "create", "--name", "crm")
    secret = command("secrets", "set", typed="app-secret\n\n\n")
    nowhere = command("keys", "list", "--stack", "not-mine")
    found = json.loads(command("doctor", "--json").stdout)

    assert key.exit_code == 0, key.output
    assert secret.exit_code == 0, secret.output
    assert f"{running.api_url}/webhook" in secret.output
    assert [row["name"] for row in json.loads(command("keys", "list", "--json").stdout)] == ["crm"]
    assert nowhere.exit_code == 1
    assert "There is no stack not-mine in us-east-1" in nowhere.stderr
    levels = {each["what"]: each["level"] for each in found}
    assert levels["table"] == "ok"
    assert levels["webhook"] == "broken"  # the functions there know another verify token
    assert levels["queue ReactFailures"] == "ok"
    assert "queue Outbox" not in levels
    assert levels["backups"] == "attention"


def deploy(running: LocalStack, name: str) -> None:
    """A CloudFormation stack with the outputs of template.yaml, on the local engine."""
    outputs = {
        "TableName": {"Value": {"Ref": "Table"}},
        "SecretArn": {"Value": {"Ref": "Secret"}},
        "WebhookUrl": {"Value": f"{running.api_url}/webhook"},
        "AlarmPrefix": {"Value": f"{name}-"},
    }
    session = boto3.Session("local", "local", region_name="us-east-1")
    cloudformation = session.client("cloudformation", endpoint_url=running.aws_url)
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({**TEMPLATE, "Outputs": outputs}))
    until(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")


def post(running: LocalStack, body: bytes, headers: Mapping[str, str]) -> int:
    return httpx.post(f"{running.api_url}/webhook", content=body, headers=dict(headers)).status_code


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
