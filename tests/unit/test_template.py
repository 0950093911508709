"""What of the deployment could break silently: nothing local sees a wrong policy, filter or architecture."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from casement.domain.meta_errors import wait_before_retry_s
from casement.domain.template_counts import KEPT_MS, SETTLED_MS
from casement.domain.template_health import FAILS, FELL, MOVED, STOPPED
from casement.meta import graph
from casement.runtime.settings import ALLOW_PRIVATE_TARGETS, Settings
from casement.store import keys
from casement.usecases.deliver import LEASE_MS, WORK_MS
from casement.webhooks.post import DEADLINE_S
from functions.deliver_event import app as deliver_event
from local.stack.template import CloudFormationLoader

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)  # noqa: S506 - a SafeLoader
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS: dict[str, Any] = {
    name: resource["Properties"]
    for name, resource in RESOURCES.items()
    if resource["Type"] == "AWS::Serverless::Function"
}
TABLE_ARN = {"Fn::GetAtt": ["Table", "Arn"]}
STREAM_ARN = {"Fn::GetAtt": ["Table", "StreamArn"]}

ROUTES = {
    "GET /webhook": "ReceiveWebhook",
    "POST /webhook": "ReceiveWebhook",
    "POST /{version}/{id}/messages": "SendMessage",
    "POST /{version}/{id}/media": "PassMedia",
    "GET /{version}/{id}": "PassMedia",
    "DELETE /{version}/{id}": "PassMedia",
    "GET /{version}/{id}/download": "PassMedia",
    "POST /flows/{flow_id}": "AnswerFlow",
    "GET /casement/v1/flows": "WriteApi",
    "GET /casement/v1/flows/{flow_id}": "WriteApi",
    "PUT /casement/v1/flows/{flow_id}": "WriteApi",
    "DELETE /casement/v1/flows/{flow_id}": "WriteApi",
    "GET /{version}/{id}/conversations": "ReadApi",
    "GET /{version}/{id}/conversations/{conversation_id}": "ReadApi",
    "GET /{version}/{id}/messages": "ReadApi",
    "GET /{version}/{id}/messages/{message_id}": "ReadApi",
    "GET /{version}/{id}/contacts/{contact_id}": "ReadApi",
    "GET /casement/v1/holds": "ReadApi",
    "GET /casement/v1/holds/{hold_id}": "ReadApi",
    "GET /casement/v1/health": "ReadApi",
    "GET /casement/v1/numbers/{id}": "ReadApi",
    "$default": "ReadApi",
    "PATCH /{version}/{id}/conversations/{conversation_id}": "WriteApi",
    "PATCH /{version}/{id}/contacts/{contact_id}": "WriteApi",
    "DELETE /casement/v1/holds/{hold_id}": "WriteApi",
    "PUT /casement/v1/numbers/{id}": "WriteApi",
    "GET /{version}/{id}/message_templates": "TemplatesApi",
    "POST /{version}/{id}/message_templates": "TemplatesApi",
    "DELETE /{version}/{id}/message_templates": "TemplatesApi",
    "POST /{version}/{id}": "TemplatesApi",
    "GET /casement/v1/templates/{name}": "TemplatesApi",
    "GET /casement/v1/templates/{name}/analytics": "TemplatesApi",
    "GET /casement/v1/templates/find": "TemplatesApi",
    "POST /casement/v1/templates/preview": "TemplatesApi",
    "POST /{version}/{id}/unpause": "TemplatesApi",
    "GET /casement/v1/automations": "AutomationsApi",
    "PUT /casement/v1/automations": "AutomationsApi",
    "POST /casement/v1/automations": "AutomationsApi",
    "GET /casement/v1/automations/{rule_id}": "AutomationsApi",
    "PUT /casement/v1/automations/{rule_id}": "AutomationsApi",
    "PATCH /casement/v1/automations/{rule_id}": "AutomationsApi",
    "DELETE /casement/v1/automations/{rule_id}": "AutomationsApi",
    "POST /casement/v1/automations/dry_run": "AutomationsApi",
    "GET /casement/v1/subscriptions": "SubscriptionsApi",
    "POST /casement/v1/subscriptions": "SubscriptionsApi",
    "GET /casement/v1/subscriptions/{subscription_id}": "SubscriptionsApi",
    "PATCH /casement/v1/subscriptions/{subscription_id}": "SubscriptionsApi",
    "DELETE /casement/v1/subscriptions/{subscription_id}": "SubscriptionsApi",
    "POST /casement/v1/subscriptions/{subscription_id}/test": "SubscriptionsApi",
    "POST /casement/v1/subscriptions/{subscription_id}/pause": "SubscriptionsApi",
    "POST /casement/v1/subscriptions/{subscription_id}/resume": "SubscriptionsApi",
    "POST /casement/v1/subscriptions/{subscription_id}/rotate_secret": "SubscriptionsApi",
    "POST /casement/v1/subscriptions/{subscription_id}/redeliver": "SubscriptionsApi",
    "GET /casement/v1/subscriptions/{subscription_id}/deliveries": "SubscriptionsApi",
    "GET /casement/v1/events": "SubscriptionsApi",
}

SECRET = {"secretsmanager:GetSecretValue"}
STREAM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}
JOBS = {"sqs:SendMessage"}
TAKEN_JOBS = {f"sqs:{action}" for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")}
PUT_OFF = {"sqs:ChangeMessageVisibility"}
FAILURES = {"sqs:SendMessage"}
DELIVERIES = {"sqs:SendMessage"}


def on_table(*operations: str) -> set[str]:
    return {f"dynamodb:{operation}" for operation in operations}


ALLOWED = {
    "ReceiveWebhook": on_table("BatchWriteItem", "PutItem") | SECRET,
    "SendMessage": on_table("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query") | SECRET | JOBS,
    "PassMedia": on_table("GetItem", "Query") | SECRET,
    "AnswerFlow": on_table("GetItem") | SECRET,
    "ReadApi": on_table("BatchGetItem", "GetItem", "Query") | SECRET,
    "WriteApi": on_table("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query") | SECRET,
    "TemplatesApi": on_table("GetItem", "PutItem", "Query") | SECRET,
    "AutomationsApi": on_table("BatchGetItem", "GetItem", "PutItem", "Query") | SECRET,
    "SubscriptionsApi": on_table("DeleteItem", "GetItem", "PutItem", "Query")
    | SECRET
    | DELIVERIES
    | {"events:PutEvents"},
    "React": on_table("BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "Query")
    | SECRET
    | STREAM
    | JOBS
    | FAILURES,
    "SendOutbox": on_table("DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
    | SECRET
    | JOBS
    | TAKEN_JOBS
    | PUT_OFF,
    "DeliverEvent": on_table("BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query")
    | DELIVERIES
    | TAKEN_JOBS
    | PUT_OFF
    | {"events:PutEvents"},
    "SweepSends": on_table("BatchGetItem", "BatchWriteItem", "DeleteItem", "GetItem", "PutItem", "Query")
    | SECRET
    | JOBS
    | FAILURES,
    "SweepWindows": on_table("GetItem", "PutItem", "Query") | SECRET | FAILURES,
    "SyncTemplates": on_table("GetItem", "PutItem", "Query") | SECRET | STREAM | FAILURES,
}
WRITES = on_table("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
OUTBOX_ARN = {"Fn::GetAtt": ["Outbox", "Arn"]}
DELIVERIES_ARN = {"Fn::GetAtt": ["Deliveries", "Arn"]}
PUT_DELIVERIES = ("React", "SubscriptionsApi", "DeliverEvent", "SweepWindows")
PUT_JOBS = ("SendMessage", "React", "SendOutbox", "SweepSends")  # and who does them, puts off those that must wait


def of_type(kind: str) -> dict[str, Any]:
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


def events(kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each event of one kind, with the function it wakes."""
    for name, function in FUNCTIONS.items():
        for event in function["Events"].values():
            if event["Type"] == kind:
                yield name, event["Properties"]


def statements(function: str) -> list[dict[str, Any]]:
    """What a function's own role says, without what every function may do."""
    role = FUNCTIONS[function]["Role"]["Fn::GetAtt"][0]
    return [
        one for policy in RESOURCES[role]["Properties"]["Policies"] for one in policy["PolicyDocument"]["Statement"]
    ]


def references(value: Any) -> set[str]:
    """Every name that a part of the template refers to."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    found = set().union(*map(references, value.values()))
    if set(value) == {"Ref"}:
        found.add(value["Ref"])
    if set(value) == {"Fn::GetAtt"}:
        found.add(value["Fn::GetAtt"][0])
    if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str):
        found |= {name.split(".")[0] for name in re.findall(r"\$\{([^}]+)\}", value["Fn::Sub"])}
    return found


def stream_filters(properties: Mapping[str, Any]) -> list[Any]:
    return [json.loads(one["Pattern"]) for one in properties["FilterCriteria"]["Filters"]]


# -- Code


def test_the_functions_are_those_of_the_design():
    assert set(FUNCTIONS) == set(ALLOWED)


def test_everything_is_built_for_lambdas_arm64_and_python_313():
    shared = TEMPLATE["Globals"]["Function"]

    assert shared["Architectures"] == ["arm64"]
    assert shared["Runtime"] == "python3.13"
    assert not any({"Architectures", "Runtime"} & set(function) for function in FUNCTIONS.values())
    for layer in of_type("AWS::Serverless::LayerVersion"):
        assert RESOURCES[layer]["Metadata"] == {"BuildMethod": "makefile", "BuildArchitecture": "arm64"}
        assert RESOURCES[layer]["Properties"]["CompatibleArchitectures"] == ["arm64"]
        assert RESOURCES[layer]["Properties"]["CompatibleRuntimes"] == ["python3.13"]


def test_all_have_the_core_layer_and_only_who_decrypts_flows_has_what_that_takes():
    """SAM puts a function's own layers after those of all."""
    own = {name: function["Layers"] for name, function in FUNCTIONS.items() if "Layers" in function}

    assert TEMPLATE["Globals"]["Function"]["Layers"] == [{"Ref": "CoreLayer"}]
    assert own == {"AnswerFlow": [{"Ref": "FlowsLayer"}]}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_same_name_in_its_folder_its_zip_and_its_log(name):
    function = FUNCTIONS[name]
    folder = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()

    assert function["CodeUri"] == f"functions/{folder}"
    assert function["Handler"] == f"functions.{folder}.app.handler"
    assert RESOURCES[name]["Metadata"] == {"BuildProperties": {"ParentPackageMode": "auto"}}
    assert (ROOT / function["CodeUri"] / "app.py").is_file()
    assert not (ROOT / function["CodeUri"] / "requirements.txt").exists()  # the layer holds what is needed
    logs = RESOURCES[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
    assert logs["LogGroupName"] == {"Fn::Sub": f"/casement/${{AWS::StackName}}/{folder}"}
    assert function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == folder


def test_a_send_ends_before_api_gateway_stops_waiting():
    api_gateway_waits = 30  # seconds, for an HTTP API; it can't be raised
    meta_may_take = sum(filter(None, graph.TIMEOUT.as_dict().values()))

    assert meta_may_take < FUNCTIONS["SendMessage"]["Timeout"]
    for name, _ in events("HttpApi"):
        assert FUNCTIONS[name]["Timeout"] < api_gateway_waits


def test_concurrency_is_reserved_only_where_a_parameter_says_so():
    for function in FUNCTIONS.values():
        wanted = function.get("ReservedConcurrentExecutions", {"Fn::If": ["", "", {"Ref": "AWS::NoValue"}]})
        assert wanted["Fn::If"][2] == {"Ref": "AWS::NoValue"}
    assert TEMPLATE["Parameters"]["WebhookReservedConcurrency"]["Default"] == 0
    assert TEMPLATE["Parameters"]["SendReservedConcurrency"]["Default"] == 0


class Recorder(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def test_the_environment_is_what_the_settings_read():
    variables = {**TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]}
    for function in FUNCTIONS.values():
        variables |= function["Environment"]["Variables"]
    defaults = {name: str(value["Default"]) for name, value in TEMPLATE["Parameters"].items()}
    given = {
        name: defaults.get(value.get("Ref") if isinstance(value, dict) else "", "from the stack")
        for name, value in variables.items()
    }
    environment = Recorder(given)

    Settings.from_env(environment)

    assert environment.asked == set(variables) | {ALLOW_PRIVATE_TARGETS}
    assert ALLOW_PRIVATE_TARGETS not in variables  # in AWS, what only we can reach stays out of reach


def test_who_puts_jobs_on_the_outbox_or_puts_them_off_knows_where_it_is_and_nobody_else():
    knows = {
        name: function["Environment"]["Variables"]["OUTBOX_URL"]
        for name, function in FUNCTIONS.items()
        if "OUTBOX_URL" in function["Environment"]["Variables"]
    }

    assert knows == {name: {"Ref": "Outbox"} for name in PUT_JOBS}


# -- What wakes what


def test_the_routes_are_those_of_the_design():
    found = {}
    for name, event in events("HttpApi"):
        assert event["ApiId"] == {"Ref": "Api"}
        assert event["PayloadFormatVersion"] == "2.0"
        found[f"{event['Method']} {event['Path']}" if "Path" in event else "$default"] = name

    assert found == ROUTES


def test_the_access_log_holds_the_route_and_nothing_a_person_could_be_known_by():
    log = RESOURCES["Api"]["Properties"]["AccessLogSettings"]["Format"]

    assert set(re.findall(r"\$context\.([A-Za-z.]+)", log)) == {
        "requestId",
        "requestTimeEpoch",
        "routeKey",
        "status",
        "responseLatency",
        "integrationLatency",
        "integrationStatus",
        "integrationErrorMessage",
        "responseLength",
    }
    assert json.loads(log)["routeKey"] == "$context.routeKey"


def test_an_api_client_cannot_use_up_what_webhooks_may_take():
    api = RESOURCES["Api"]["Properties"]

    assert api["RouteSettings"]["POST /webhook"]["ThrottlingRateLimit"] == {"Ref": "WebhookRateLimit"}
    assert api["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "ApiRateLimit"}


def test_what_something_follows_from_wakes_react_and_only_template_events_wake_the_sync():
    filters = {name: stream_filters(event) for name, event in events("DynamoDB")}

    assert filters == {
        "React": [
            changed({"PK": {"S": [*map(starting, ("C#", "T#", "E#", "A#")), "SUBS"]}}),
            changed({"PK": {"S": [starting("L#")]}, "SK": {"S": [*map(starting, ("H#", "h#", "A#"))]}}),
            changed({"PK": {"S": [starting("N#")]}, "SK": {"S": ["health"]}}),
        ],
        "SyncTemplates": [{"eventName": ["INSERT"], "dynamodb": {"Keys": {"PK": {"S": [{"prefix": "E#"}]}}}}],
    }


def changed(keys: Any) -> Any:
    return {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": keys}}


def starting(prefix: str) -> dict[str, str]:
    return {"prefix": prefix}


def test_no_record_is_told_once_its_counts_are_folded():
    (react,) = (event for name, event in events("DynamoDB") if name == "React")
    assert react["MaximumRecordAgeInSeconds"] * 1000 < SETTLED_MS
    assert SETTLED_MS < KEPT_MS


@pytest.mark.parametrize(("name", "event"), list(events("DynamoDB")))
def test_a_record_that_fails_again_and_again_blocks_nothing_and_is_not_forgotten(name, event):
    assert event["Stream"] == STREAM_ARN
    assert event["StartingPosition"] == "TRIM_HORIZON"
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert event["BisectBatchOnFunctionError"] is True
    assert 1 <= event["MaximumRetryAttempts"] <= 50
    assert 60 <= event["MaximumRecordAgeInSeconds"] < 86_400  # the stream itself forgets after a day
    queue = event["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    assert RESOURCES[queue]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400
    assert {"Fn::GetAtt": [queue, "Arn"]} in may_put_on(name)


def may_put_on(function: str) -> list[Any]:
    """The ARNs of the queues that a function may put messages on."""
    return [one["Resource"] for one in statements(function) if one["Action"] == ["sqs:SendMessage"]]


SCHEDULES = {
    "SyncTemplates": ("SyncSchedule", "rate(15 minutes)"),
    "SweepSends": ("SweepSchedule", "rate(5 minutes)"),
    "SweepWindows": ("WindowSchedule", "rate(1 minute)"),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_scheduled_run_that_cannot_be_started_or_fails_leaves_a_trace(name):
    schedule = dict(events("ScheduleV2"))[name]
    parameter, default = SCHEDULES[name]
    queue = {"Fn::GetAtt": [f"{name}Failures", "Arn"]}

    assert schedule["ScheduleExpression"] == {"Ref": parameter}
    assert TEMPLATE["Parameters"][parameter]["Default"] == default
    assert schedule["DeadLetterConfig"] == {"Arn": queue}
    assert schedule["RetryPolicy"]["MaximumRetryAttempts"] > 0
    assert schedule["OmitName"] is True  # names are the account's: the next stack would not deploy
    assert FUNCTIONS[name]["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"] == queue
    assert queue in may_put_on(name)


def test_nothing_else_runs_on_a_schedule():
    assert set(dict(events("ScheduleV2"))) == set(SCHEDULES)


def test_a_conversations_jobs_are_done_in_order_and_wait_for_no_other_conversation():
    outbox = RESOURCES["Outbox"]["Properties"]
    event = dict(events("SQS"))["SendOutbox"]

    assert event["Queue"] == OUTBOX_ARN
    assert event["BatchSize"] == 1
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert outbox["FifoQueue"] is True
    assert outbox["ContentBasedDeduplication"] is False  # else two jobs for different reasons could be taken for one
    assert (outbox["DeduplicationScope"], outbox["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")


def test_a_job_is_not_given_to_a_second_worker_while_the_first_may_be_at_it():
    outbox, function = RESOURCES["Outbox"]["Properties"], FUNCTIONS["SendOutbox"]

    assert outbox["VisibilityTimeout"] > function["Timeout"]
    assert function["Timeout"] > sum(filter(None, graph.TIMEOUT.as_dict().values()))


def test_jobs_that_were_given_up_are_kept_for_as_long_as_sqs_can():
    outbox, failures = RESOURCES["Outbox"]["Properties"], RESOURCES["SendOutboxFailures"]["Properties"]

    assert outbox["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["SendOutboxFailures", "Arn"]}
    assert failures["FifoQueue"] is True  # SQS takes no other one for a FIFO queue
    assert outbox["MessageRetentionPeriod"] == failures["MessageRetentionPeriod"] == 14 * 86_400


def test_a_job_waits_out_hours_of_rate_limits_but_one_that_breaks_the_function_is_given_up_within_a_day():
    """Until then the sweep still looks for refused messages whose policy nobody has followed."""
    outbox = RESOURCES["Outbox"]["Properties"]
    longest_wait = max(wait_before_retry_s(code, tries=10) for code in (130429, 131056, 80007, 132069))
    tries = outbox["RedrivePolicy"]["maxReceiveCount"]

    assert tries * longest_wait > 12 * 3600
    assert tries * outbox["VisibilityTimeout"] < 86_400


def test_what_waits_leaves_concurrency_to_webhooks_on_a_new_account():
    for name, most in {"SendOutbox": "OutboxConcurrency", "DeliverEvent": "DeliveryConcurrency"}.items():
        assert dict(events("SQS"))[name]["ScalingConfig"] == {"MaximumConcurrency": {"Ref": most}}
        assert TEMPLATE["Parameters"][most]["Default"] <= 5
        assert TEMPLATE["Parameters"][most]["MinValue"] == 2  # Lambda takes no less


def test_a_subscribers_lanes_are_groups_and_a_run_ends_before_its_messages_come_again():
    queue, function = RESOURCES["Deliveries"]["Properties"], FUNCTIONS["DeliverEvent"]
    event = dict(events("SQS"))["DeliverEvent"]

    assert event["Queue"] == DELIVERIES_ARN
    assert event["BatchSize"] == deliver_event.LANES  # a thread each
    assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (queue["FifoQueue"], queue["ContentBasedDeduplication"]) == (True, False)
    assert (queue["DeduplicationScope"], queue["FifoThroughputLimit"]) == ("messageGroup", "perMessageGroupId")
    assert WORK_MS / 1000 + DEADLINE_S + 15 < function["Timeout"] < queue["VisibilityTimeout"]
    assert queue["VisibilityTimeout"] * 1000 > LEASE_MS
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeliverEventFailures", "Arn"]}
    assert RESOURCES["DeliverEventFailures"]["Properties"]["FifoQueue"] is True


# -- Who may do what


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_do_what_it_does_and_no_more(name):
    allowed = [one for one in statements(name) if one["Effect"] == "Allow"]

    assert {action for one in allowed for action in one["Action"]} == ALLOWED[name]
    for one in allowed:
        match one["Action"][0].split(":"):
            case ["dynamodb", "DescribeStream" | "GetRecords" | "GetShardIterator"]:
                assert one["Resource"] == STREAM_ARN
            case ["dynamodb", "ListStreams"]:
                assert one["Resource"] == {"Fn::Sub": "${Table.Arn}/stream/*"}
            case ["dynamodb", _]:
                assert one["Resource"] == TABLE_ARN
            case ["secretsmanager", _]:
                assert one["Resource"] == {"Ref": "Secret"}
            case ["sqs", "SendMessage"]:
                outbox = [OUTBOX_ARN] if name in PUT_JOBS else []
                failures = [{"Fn::GetAtt": [f"{name}Failures", "Arn"]}] if f"{name}Failures" in RESOURCES else []
                deliveries = [DELIVERIES_ARN] if name in PUT_DELIVERIES else []
                assert one["Resource"] in outbox + deliveries + failures
            case ["events", "PutEvents"]:
                assert one["Resource"] == {"Fn::GetAtt": ["EventBus", "Arn"]}
            case service:
                assert service[0] == "sqs"
                assert one["Resource"] == {"SendOutbox": OUTBOX_ARN, "DeliverEvent": DELIVERIES_ARN}[name]


@pytest.mark.parametrize("name", PUT_JOBS)
def test_who_makes_jobs_may_put_them_on_the_outbox(name):
    assert OUTBOX_ARN in may_put_on(name)


@pytest.mark.parametrize("name", PUT_DELIVERIES)
def test_who_makes_deliveries_may_put_them_on_the_queue_and_knows_where_it_is(name):
    assert DELIVERIES_ARN in may_put_on(name)
    assert FUNCTIONS[name]["Environment"]["Variables"]["DELIVERIES_URL"] == {"Ref": "Deliveries"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_who_asks_for_the_secret_may_read_it_and_nobody_else(name):
    code = (ROOT / FUNCTIONS[name]["CodeUri"] / "app.py").read_text()

    assert ("wiring.secret" in code) == (ALLOWED[name] >= SECRET)


@pytest.mark.parametrize("name", [name for name, actions in ALLOWED.items() if actions & WRITES])
def test_no_function_can_make_an_api_key(name):
    [denied] = [one for one in statements(name) if one["Effect"] == "Deny"]

    assert set(denied["Action"]) == WRITES
    assert denied["Resource"] == TABLE_ARN
    assert denied["Condition"] == {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": [keys.API_KEYS]}}


def test_every_role_is_one_functions_alone_and_holds_no_policy_of_awss():
    roles = [function["Role"]["Fn::GetAtt"][0] for function in FUNCTIONS.values()]

    assert sorted(roles) == sorted(of_type("AWS::IAM::Role"))
    for role in roles:
        assert RESOURCES[role]["Properties"]["ManagedPolicyArns"] == [{"Ref": "LogAndTrace"}]


def test_only_tracing_is_allowed_on_everything():
    document = RESOURCES["LogAndTrace"]["Properties"]["PolicyDocument"]

    everywhere = [one["Action"] for one in document["Statement"] if one["Resource"] == "*"]
    assert everywhere == [["xray:PutTraceSegments", "xray:PutTelemetryRecords"]]
    everything = json.dumps(TEMPLATE["Resources"])
    assert everything.count('"Resource": "*"') == 1
    assert not re.search(r'"Action": (\[)?"[a-z]+:\*', everything)


# -- Data


def test_the_table_is_what_the_store_expects():
    table = RESOURCES["Table"]["Properties"]

    assert keys.Key._fields == ("pk", "sk")
    assert table["KeySchema"] == [
        {"AttributeName": "PK", "KeyType": "HASH"},
        {"AttributeName": "SK", "KeyType": "RANGE"},
    ]
    assert {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]} == {
        "PK": "S",
        "SK": "S",
    }
    assert "GlobalSecondaryIndexes" not in table
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}


def test_neither_a_deleted_stack_nor_a_changed_key_deletes_the_data():
    table = RESOURCES["Table"]

    assert table["DeletionPolicy"] == "Retain"
    assert table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["DeletionProtectionEnabled"] == {"Ref": "ProtectData"}
    assert TEMPLATE["Parameters"]["ProtectData"]["Default"] == "true"


def test_a_deployment_never_writes_the_secrets_value():
    assert not {"SecretString", "GenerateSecretString"} & set(RESOURCES["Secret"]["Properties"])


# -- Watching


def test_what_must_be_noticed_has_an_alarm_that_somebody_gets():
    alarms = of_type("AWS::CloudWatch::Alarm")
    names = {alarm["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-") for alarm in alarms.values()}

    assert names == {
        "signature-rejected",
        "webhook-5xx",
        "quarantined",
        "sync-too-old",
        "template-stopped",
        "template-category",
        "template-quality",
        "template-fails",
        "subscription-paused",
        "event-given-up",
        "flow-unanswered",
        "react-failures",
        "send-outbox-failures",
        "deliver-event-failures",
        "sweep-sends-failures",
        "sweep-windows-failures",
        "sync-templates-failures",
        "number-stopped",
        "send-unresolved",
        "automation-budget",
        "window-mispredicted",
        "stream-too-old",
        "api-errors",
        "api-throttles",
        "function-errors",
        "throttles",
        "table-throttles",
    }
    for alarm in alarms.values():
        assert {"AlarmTopic", "AlarmTopicArn"} <= references(alarm["AlarmActions"])


def test_the_operator_can_look_up_every_alarm_output_and_parameter_that_is_spoken_of():
    page = (ROOT / "docs/deploy.md").read_text()

    for alarm in of_type("AWS::CloudWatch::Alarm").values():
        assert f"| `{alarm['AlarmName']['Fn::Sub'].removeprefix('${AWS::StackName}-')}` |" in page
    known = set(TEMPLATE["Parameters"]) | set(TEMPLATE["Outputs"]) | {"Duration", "Table"}
    assert set(re.findall(r"`([A-Z][a-z]+[A-Za-z]*)(?:=\w+)?`", page)) <= known


def test_the_operator_is_told_what_all_the_alarms_cost():
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    metrics = sum(sum("MetricStat" in one for one in alarm["Metrics"]) if "Metrics" in alarm else 1 for alarm in alarms)

    assert f"{metrics} alarm metrics ({metrics / 10:.2f})" in (ROOT / "docs/deploy.md").read_text()


def test_every_failure_queue_has_an_alarm():
    watched = {
        alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0]
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("Namespace") == "AWS/SQS"
    }

    assert watched == {name for name in of_type("AWS::SQS::Queue") if "Failures" in name}
    assert set(of_type("AWS::SQS::Queue")) - watched == {"Outbox", "Deliveries"}  # where jobs may wait for hours


def test_errors_and_throttles_are_watched_for_every_function():
    behind_the_api = {name for name, _ in events("HttpApi")}
    watched = {
        "ApiErrorsAlarm": behind_the_api,
        "ApiThrottlesAlarm": behind_the_api,
        "FunctionErrorsAlarm": set(FUNCTIONS) - behind_the_api,
        "ThrottlesAlarm": set(FUNCTIONS) - behind_the_api,
    }
    for alarm, functions in watched.items():
        metrics = RESOURCES[alarm]["Properties"]["Metrics"]
        total, *each = metrics
        assert references(metrics) == functions
        assert len(metrics) <= 10  # CloudWatch watches no more in one alarm
        assert re.findall(r"m\d", total["Expression"]) == [metric["Id"] for metric in each]
        assert all(metric["ReturnData"] is False for metric in each)


OF_TEMPLATES = {STOPPED, MOVED, FELL, FAILS}  # what `react` counts of them
NAMESPACE = {"Fn::Sub": "Casement/${AWS::StackName}"}


def test_our_own_metrics_are_watched_under_the_name_they_are_written_with():
    watched = {
        (metric["MetricName"], metric["Dimensions"][0]["Value"])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        for metric in (alarm, *(one["MetricStat"]["Metric"] for one in alarm.get("Metrics", ()) if "MetricStat" in one))
        if metric.get("Namespace") == NAMESPACE and "Dimensions" in metric
    }

    assert watched >= {("NumberStopped", service) for service in ("send_message", "send_outbox")}
    assert TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] == NAMESPACE
    assert watched >= {(metric, "react") for metric in OF_TEMPLATES}
    for metric, service in watched - {(metric, "react") for metric in OF_TEMPLATES}:
        assert metric in counted_by(ROOT / "functions" / service / "app.py"), service


def counted_by(path: Path) -> set[str]:
    """The metrics that a function counts: in its own module, or in what it does of all that the system can do."""
    code = path.read_text()
    counted = set(re.findall(r'(?:add_metric|count)\((?:count, )?"([A-Z][A-Za-z]+)"', code))
    for use_case in re.findall(r"^from casement\.usecases\.(\w+) import", code, re.MULTILINE):
        counted |= counted_by(ROOT / "layers/core/python/casement/usecases" / f"{use_case}.py")
    return counted


def test_no_reading_at_all_is_as_alarming_as_an_old_one():
    assert RESOURCES["SyncAgeAlarm"]["Properties"]["TreatMissingData"] == "breaching"


def test_every_log_is_forgotten_in_time():
    for logs in of_type("AWS::Logs::LogGroup").values():
        assert logs["RetentionInDays"] == {"Ref": "LogRetentionDays"}


# -- Deploying


def test_it_deploys_with_no_question_answered():
    for name, parameter in TEMPLATE["Parameters"].items():
        default = parameter["Default"]
        assert parameter["Description"], name
        if parameter["Type"] == "Number":
            assert default >= parameter.get("MinValue", default), name
            assert default <= parameter.get("MaxValue", default), name
        assert re.search(parameter.get("AllowedPattern", ""), str(default)), name
        assert default in parameter.get("AllowedValues", [default]), name


def test_every_parameter_is_used():
    used = references({part: TEMPLATE[part] for part in ("Conditions", "Globals", "Resources", "Outputs")})

    assert set(TEMPLATE["Parameters"]) <= used


def test_the_outputs_are_what_the_command_line_and_the_operator_look_for():
    assert {"WebhookUrl", "ApiUrl", "TableName", "SecretArn", "AlarmPrefix"} <= set(TEMPLATE["Outputs"])
    assert {f"{name}Function" for name in FUNCTIONS} <= set(TEMPLATE["Outputs"])
    assert TEMPLATE["Outputs"]["OutboxUrl"]["Value"] == {"Ref": "Outbox"}


def test_samconfig_sets_only_parameters_that_exist():
    environments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    environments.pop("version")

    overridden = {
        one.split("=")[0]
        for environment in environments.values()
        for one in environment["deploy"]["parameters"].get("parameter_overrides", [])
    }
    assert overridden
    assert overridden <= set(TEMPLATE["Parameters"])


@pytest.mark.parametrize(
    "pins", ["layers/core/requirements.txt", "layers/flows/requirements.txt", "local/stack/ministack.txt"]
)
def test_what_is_installed_is_pinned_by_its_hash_and_names_no_registry(pins):
    text = (ROOT / pins).read_text()
    packages = re.findall(r"^\S.*?(?=^\S|\Z)", text, flags=re.MULTILINE | re.DOTALL)

    assert packages
    assert all(re.match(r"[a-z0-9._-]+==\S+ ", package) and "--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert "--index" not in text


def test_the_layer_leaves_out_what_the_runtime_has_and_what_start_up_cannot_afford():
    packages = set(re.findall(r"^[a-z0-9._-]+", (ROOT / "layers/core/requirements.txt").read_text(), re.MULTILINE))

    assert not packages & {"boto3", "botocore", "s3transfer", "aws-xray-sdk", "cryptography"}


def test_the_layer_for_flows_holds_nothing_that_the_core_layer_has():
    core, flows = (
        set(re.findall(r"^[a-z0-9._-]+", (ROOT / f"layers/{layer}/requirements.txt").read_text(), re.MULTILINE))
        for layer in ("core", "flows")
    )

    assert "cryptography" in flows
    assert not core & flows


# -- What is documented


def test_every_setting_is_documented_with_its_default():
    documented = (ROOT / "docs" / "deploy.md").read_text()

    for name, parameter in TEMPLATE["Parameters"].items():
        default = f"`{parameter['Default']}`" if parameter.get("Default", "") != "" else ""
        assert f"| `{name}` | {default} |" in documented, name


def test_the_routes_that_are_documented_are_those_that_there_are():
    documented = {without_names(route) for route in documented_routes((ROOT / "README.md").read_text())}

    assert documented == {without_names(route) for route in ROUTES if route != "$default"}


def documented_routes(page: str) -> Iterator[str]:
    """The routes in the first column of the page's table of routes; a method by itself goes with the next path."""
    table = page.split("\n| route | does |\n")[1].split("\n\n")[0]
    methods = []
    for row in table.splitlines():
        for method, path in re.findall(r"`([A-Z]+)(?: (/[^`]+))?`", row.split(" | ")[0]):
            methods.append(method)
            if path:
                yield from (f"{each} {path}" for each in methods)
                methods.clear()


def without_names(route: str) -> str:
    return re.sub(r"\{\w+_id\}", "{id}", route)
