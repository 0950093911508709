"""Read `template.yaml`: which functions there are, what calls them, which tables, queues and event buses they use.

Nothing here touches the network. Intrinsic functions are resolved only in the parts that are read, against
names that the local stack gives out itself, so a policy or an alarm may use whatever CloudFormation offers.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local.stack.errors import TemplateError
from local.stack.patterns import Pattern

ACCOUNT_ID = "000000000000"
STACK_NAME = "casement-local"

_NO_VALUE = object()  # what AWS::NoValue resolves to; the key or element that holds it disappears


@dataclass(frozen=True)
class HttpRoute:
    """One route of the HTTP API. `$default` has no method and no path of its own."""

    method: str  # "GET", "ANY" …
    path: str  # "/{version}/{id}/messages"; "$default"

    @property
    def key(self) -> str:
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True)
class StreamMapping:
    """A function fed from a table's stream, with Lambda's own settings and defaults for it."""

    table_name: str
    starting_position: str  # "TRIM_HORIZON" or "LATEST"
    batch_size: int
    batching_window_seconds: float
    patterns: tuple[Pattern, ...]  # a record passes if any matches; none at all means that all pass
    report_item_failures: bool
    bisect_on_error: bool
    maximum_retry_attempts: int  # -1: for ever
    maximum_record_age_seconds: int  # -1: for ever
    failure_queue_arn: str | None


@dataclass(frozen=True)
class QueueMapping:
    """A function fed from an SQS queue."""

    queue_name: str
    batch_size: int
    batching_window_seconds: float
    patterns: tuple[Pattern, ...]
    report_item_failures: bool
    maximum_concurrency: int


@dataclass(frozen=True)
class ScheduleRule:
    """A function that a clock calls."""

    name: str
    expression: str  # "rate(15 minutes)", "cron(0 3 * * ? *)"
    source: str  # "aws.events" for an EventBridge rule, "aws.scheduler" for a schedule
    input: str | None  # JSON that replaces the usual event


@dataclass(frozen=True)
class Function:
    """One Lambda function and everything that calls it."""

    name: str  # its logical id
    handler: str  # "functions.send_message.app.handler"
    timeout_seconds: int
    memory_mb: int
    environment: Mapping[str, str]
    routes: tuple[HttpRoute, ...] = ()
    streams: tuple[StreamMapping, ...] = ()
    queues: tuple[QueueMapping, ...] = ()
    schedules: tuple[ScheduleRule, ...] = ()


@dataclass(frozen=True)
class Table:
    name: str
    create: Mapping[str, Any]  # the arguments of DynamoDB's CreateTable


@dataclass(frozen=True)
class Queue:
    name: str
    attributes: Mapping[str, str]  # as SQS' CreateQueue takes them

    @property
    def redrives_to(self) -> str | None:
        """The ARN of the queue that takes what this one gives up on."""
        policy = self.attributes.get("RedrivePolicy")
        return json.loads(policy)["deadLetterTargetArn"] if policy else None


@dataclass(frozen=True)
class Deployment:
    """The part of a template that runs locally."""

    functions: tuple[Function, ...]
    tables: tuple[Table, ...]
    queues: tuple[Queue, ...]
    event_buses: tuple[str, ...]
    secret_names: tuple[str, ...]
    left_out: tuple[str, ...]  # what the template has and the local stack does not run, in words


def load(path: Path, *, region: str, aws_url: str) -> Deployment:
    """The deployment that a template describes, with the names it has on the engine at `aws_url`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TemplateError(f"cannot read {path}: {error.strerror}") from error
    return parse(text, region=region, aws_url=aws_url)


def parse(text: str, *, region: str, aws_url: str) -> Deployment:
    try:
        document = yaml.load(text, Loader=CloudFormationLoader)  # noqa: S506 - a SafeLoader with CloudFormation's short forms
    except yaml.YAMLError as error:
        raise TemplateError(f"the template is not YAML: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError("the template has no Resources")
    return _Reader(document, _Names(document, region=region, aws_url=aws_url)).deployment()


class CloudFormationLoader(yaml.SafeLoader):
    """YAML with `!Ref`, `!GetAtt a.b`, `!Sub` … turned into their long forms."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TemplateError(f"the template holds {node}, which is no kind of YAML node")
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


CloudFormationLoader.add_multi_constructor("!", _short_form)


class _Names:
    """What `Ref`, `GetAtt` and the other intrinsic functions come to, locally."""

    def __init__(self, document: Mapping[str, Any], *, region: str, aws_url: str) -> None:
        self._resources: Mapping[str, Any] = document["Resources"]
        self._parameters: Mapping[str, Any] = document.get("Parameters") or {}
        self._conditions: Mapping[str, Any] = document.get("Conditions") or {}
        self._mappings: Mapping[str, Any] = document.get("Mappings") or {}
        self._region = region
        self._aws_url = aws_url
        self._pseudo: Mapping[str, Any] = {
            "AWS::AccountId": ACCOUNT_ID,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": "aws",
            "AWS::Region": region,
            "AWS::StackId": f"arn:aws:cloudformation:{region}:{ACCOUNT_ID}:stack/{STACK_NAME}/local",
            "AWS::StackName": STACK_NAME,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def resolve(self, value: Any) -> Any:
        """`value` with every intrinsic function in it replaced by what it stands for."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._intrinsic(name, argument)
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def holds(self, condition: str) -> bool:
        if condition not in self._conditions:
            raise TemplateError(f"the template has no condition {condition}")
        return bool(self.resolve(self._conditions[condition]))

    def table(self, logical_id: str) -> str:
        return self._physical(logical_id, "TableName")

    def queue(self, logical_id: str) -> str:
        properties = self._properties(logical_id)
        fifo = ".fifo" if self.resolve(properties.get("FifoQueue")) in (True, "true") else ""
        return str(self.resolve(properties.get("QueueName")) or f"{STACK_NAME}-{logical_id}{fifo}")

    def secret(self, logical_id: str) -> str:
        return self._physical(logical_id, "Name")

    def event_bus(self, logical_id: str) -> str:
        return self._physical(logical_id, "Name")

    def _properties(self, logical_id: str) -> Mapping[str, Any]:
        return self._resources[logical_id].get("Properties") or {}

    def _physical(self, logical_id: str, name_property: str) -> str:
        return str(self.resolve(self._properties(logical_id).get(name_property)) or f"{STACK_NAME}-{logical_id}")

    def _intrinsic(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._ref(argument)
            case "Fn::GetAtt":
                logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self._attribute(logical_id, attribute)
            case "Fn::Sub":
                return self._substitute(argument)
            case "Fn::If":
                condition, then, otherwise = argument
                return self.resolve(then if self.holds(condition) else otherwise)
            case "Fn::Equals":
                left, right = map(self.resolve, argument)
                return _text(left) == _text(right)
            case "Fn::Not":
                return not self.resolve(argument[0])
            case "Fn::And":
                return all(map(self.resolve, argument))
            case "Fn::Or":
                return any(map(self.resolve, argument))
            case "Fn::Join":
                separator, parts = argument
                return str(separator).join(map(str, self.resolve(parts)))
            case "Fn::Select":
                index, options = argument
                return self.resolve(options)[int(self.resolve(index))]
            case "Fn::Split":
                separator, whole = argument
                return str(self.resolve(whole)).split(separator)
            case "Fn::FindInMap":
                table, first, second = map(self.resolve, argument[:3])
                return self._mappings[table][first][second]
        raise TemplateError(f"the local stack does not know the intrinsic function {name}")

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._parameters:
            if "Default" not in self._parameters[name]:
                raise TemplateError(f"the parameter {name} has no default, and the local stack has no value for it")
            return self._parameters[name]["Default"]
        if name not in self._resources:
            raise TemplateError(f"!Ref {name}: there is no parameter and no resource of that name")
        match self._resources[name]["Type"]:
            case "AWS::DynamoDB::Table":
                return self.table(name)
            case "AWS::SQS::Queue":
                return f"{self._aws_url}/{ACCOUNT_ID}/{self.queue(name)}"
            case "AWS::SecretsManager::Secret":
                return self.secret(name)
            case "AWS::Events::EventBus":
                return self.event_bus(name)
        return f"{STACK_NAME}-{name}"

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if logical_id not in self._resources:
            raise TemplateError(f"!GetAtt {logical_id}.{attribute}: there is no resource of that name")
        kind = self._resources[logical_id]["Type"]
        match kind, attribute:
            case "AWS::DynamoDB::Table", "Arn":
                return f"arn:aws:dynamodb:{self._region}:{ACCOUNT_ID}:table/{self.table(logical_id)}"
            case "AWS::DynamoDB::Table", "StreamArn":
                return f"{self._attribute(logical_id, 'Arn')}/stream/local"
            case "AWS::SQS::Queue", "Arn":
                return f"arn:aws:sqs:{self._region}:{ACCOUNT_ID}:{self.queue(logical_id)}"
            case "AWS::SQS::Queue", "QueueName":
                return self.queue(logical_id)
            case "AWS::SQS::Queue", "QueueUrl":
                return f"{self._aws_url}/{ACCOUNT_ID}/{self.queue(logical_id)}"
            case "AWS::SecretsManager::Secret", "Id":
                return self.secret(logical_id)
            case "AWS::Events::EventBus", "Name":
                return self.event_bus(logical_id)
            case "AWS::Events::EventBus", "Arn":
                return f"arn:aws:events:{self._region}:{ACCOUNT_ID}:event-bus/{self.event_bus(logical_id)}"
            case "AWS::Serverless::Function", "Arn":
                return function_arn(self._region, logical_id)
        raise TemplateError(f"the local stack cannot say what !GetAtt {logical_id}.{attribute} ({kind}) is")

    def _substitute(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def value(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):  # ${!Literal} stands for ${Literal}
                return f"${{{name[1:]}}}"
            if name in given:
                return str(self.resolve(given[name]))
            return str(self._attribute(*name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)


def function_arn(region: str, name: str) -> str:
    return f"arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{STACK_NAME}-{name}"


class _Reader:
    """Turns resources into what the local stack runs."""

    def __init__(self, document: Mapping[str, Any], names: _Names) -> None:
        self._document = document
        self._names = names
        self._left_out: list[str] = []

    def deployment(self) -> Deployment:
        queues = [self._queue(name, given) for name, given in self._of_type("AWS::SQS::Queue")]
        return Deployment(
            functions=tuple(self._function(*item) for item in self._of_type("AWS::Serverless::Function")),
            tables=tuple(self._table(*item) for item in self._of_type("AWS::DynamoDB::Table")),
            queues=tuple(sorted(queues, key=lambda queue: queue.redrives_to is not None)),  # targets first
            event_buses=tuple(self._names.event_bus(n) for n, _ in self._of_type("AWS::Events::EventBus")),
            secret_names=tuple(self._names.secret(n) for n, _ in self._of_type("AWS::SecretsManager::Secret")),
            left_out=tuple(self._left_out),
        )

    def _of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, resource in self._document["Resources"].items():
            if resource.get("Type") != kind:
                continue
            condition = resource.get("Condition")
            if condition is None or self._names.holds(condition):
                yield name, resource.get("Properties") or {}

    def _function(self, name: str, properties: Mapping[str, Any]) -> Function:
        shared = (self._document.get("Globals") or {}).get("Function") or {}
        variables = {
            **(shared.get("Environment") or {}).get("Variables", {}),
            **(properties.get("Environment") or {}).get("Variables", {}),
        }
        routes: list[HttpRoute] = []
        streams: list[StreamMapping] = []
        queues: list[QueueMapping] = []
        schedules: list[ScheduleRule] = []
        for event_name, event in (properties.get("Events") or {}).items():
            given = self._names.resolve(event.get("Properties") or {})
            match event["Type"]:
                case "HttpApi":
                    routes.append(_route(given))
                case "DynamoDB" if _enabled(given):
                    streams.append(_stream_mapping(given))
                case "SQS" if _enabled(given):
                    queues.append(_queue_mapping(given))
                case "Schedule" | "ScheduleV2" as kind if _enabled(given):
                    schedules.append(_schedule(f"{name}{event_name}", kind, given))
                case "DynamoDB" | "SQS" | "Schedule" | "ScheduleV2":
                    self._left_out.append(f"{name}: its event {event_name} is disabled in the template")
                case kind:
                    self._left_out.append(f"{name}: its event {event_name} is of type {kind}")
        return Function(
            name=name,
            handler=str(self._names.resolve(properties.get("Handler", shared.get("Handler", "")))),
            timeout_seconds=int(self._names.resolve(properties.get("Timeout", shared.get("Timeout", 3)))),
            memory_mb=int(self._names.resolve(properties.get("MemorySize", shared.get("MemorySize", 128)))),
            environment={key: _text(value) for key, value in self._names.resolve(variables).items()},
            routes=tuple(routes),
            streams=tuple(streams),
            queues=tuple(queues),
            schedules=tuple(schedules),
        )

    def _table(self, logical_id: str, properties: Mapping[str, Any]) -> Table:
        given = self._names.resolve(
            {key: properties[key] for key in _CREATE_TABLE if key in properties}
        )  # encryption, backup, TTL and throughput mean nothing to an engine that lives for an hour
        name = self._names.table(logical_id)
        create: dict[str, Any] = {**given, "TableName": name, "BillingMode": "PAY_PER_REQUEST"}
        if "StreamSpecification" in create:
            create["StreamSpecification"] = {**create["StreamSpecification"], "StreamEnabled": True}
        for index in create.get("GlobalSecondaryIndexes", ()):
            index.pop("WarmThroughput", None)
        return Table(name, create)

    def _queue(self, logical_id: str, properties: Mapping[str, Any]) -> Queue:
        given = self._names.resolve({key: properties[key] for key in _CREATE_QUEUE if key in properties})
        return Queue(self._names.queue(logical_id), {key: _text(value) for key, value in given.items()})


_CREATE_TABLE = (
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
    "StreamSpecification",
)
_CREATE_QUEUE = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "VisibilityTimeout",
)


def _route(given: Mapping[str, Any]) -> HttpRoute:
    """SAM's HttpApi event; one without a path is the API's `$default` route."""
    path = given.get("Path", "$default")
    method = str(given.get("Method", "ANY")).upper()
    return HttpRoute("ANY" if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" else method, path)


def _stream_mapping(given: Mapping[str, Any]) -> StreamMapping:
    destination = ((given.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    return StreamMapping(
        table_name=_table_of(str(given["Stream"])),
        starting_position=str(given["StartingPosition"]),
        batch_size=int(given.get("BatchSize", 100)),
        batching_window_seconds=float(given.get("MaximumBatchingWindowInSeconds", 0)),
        patterns=_patterns(given),
        report_item_failures=_reports_item_failures(given),
        bisect_on_error=given.get("BisectBatchOnFunctionError") in (True, "true"),
        maximum_retry_attempts=int(given.get("MaximumRetryAttempts", -1)),
        maximum_record_age_seconds=int(given.get("MaximumRecordAgeInSeconds", -1)),
        failure_queue_arn=destination,
    )


def _queue_mapping(given: Mapping[str, Any]) -> QueueMapping:
    return QueueMapping(
        queue_name=str(given["Queue"]).rsplit(":", 1)[-1],
        batch_size=int(given.get("BatchSize", 10)),
        batching_window_seconds=float(given.get("MaximumBatchingWindowInSeconds", 0)),
        patterns=_patterns(given),
        report_item_failures=_reports_item_failures(given),
        maximum_concurrency=int((given.get("ScalingConfig") or {}).get("MaximumConcurrency", 5)),
    )


def _schedule(name: str, kind: str, given: Mapping[str, Any]) -> ScheduleRule:
    expression = given.get("Schedule") if kind == "Schedule" else given.get("ScheduleExpression")
    return ScheduleRule(
        name=str(given.get("Name", name)),
        expression=str(expression),
        source="aws.events" if kind == "Schedule" else "aws.scheduler",
        input=given.get("Input"),
    )


def _enabled(given: Mapping[str, Any]) -> bool:
    return given.get("Enabled", True) not in (False, "false") and given.get("State", "ENABLED") == "ENABLED"


def _patterns(given: Mapping[str, Any]) -> tuple[Pattern, ...]:
    filters: Iterable[Mapping[str, Any]] = (given.get("FilterCriteria") or {}).get("Filters") or ()
    return tuple(Pattern.parse(item["Pattern"]) for item in filters)


def _reports_item_failures(given: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in (given.get("FunctionResponseTypes") or ())


def _table_of(stream_arn: str) -> str:
    """`arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<label>` -> `<name>`"""
    parts = stream_arn.split("/")
    if len(parts) != 4 or not parts[0].endswith(":table"):
        raise TemplateError(f"{stream_arn} is not the stream of a table in this template")
    return parts[1]


def _text(value: Any) -> str:
    """A value as CloudFormation hands it to an environment or an attribute: everything is text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)
