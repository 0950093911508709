from pathlib import Path

import pytest

from local.stack import template
from local.stack.children import ROOT
from local.stack.errors import StackError, TemplateError
from local.stack.functions import environment
from local.stack.template import Deployment, Function, HttpRoute

SMALL = Path(__file__).parents[2] / "integration" / "local_stack" / "template.yaml"


def parse(text: str) -> Deployment:
    return template.parse(text, region="eu-west-1", aws_url="http://127.0.0.1:9")


def functions_of(path: Path) -> dict[str, Function]:
    return {f.name: f for f in template.load(path, region="eu-west-1", aws_url="http://127.0.0.1:9").functions}


def test_routes_come_from_http_events_and_one_without_a_path_is_the_default():
    assert functions_of(SMALL)["Echo"].routes == (
        HttpRoute("GET", "/things/{id}"),
        HttpRoute("ANY", "/things/special"),
        HttpRoute("ANY", "$default"),
    )
    assert functions_of(SMALL)["Echo"].routes[2].key == "$default"


def test_a_stream_event_keeps_its_settings():
    (mapping,) = functions_of(SMALL)["React"].streams

    assert mapping.table_name == "casement-local-Table"
    assert (mapping.starting_position, mapping.batch_size, mapping.batching_window_seconds) == (
        "TRIM_HORIZON",
        4,
        1,
    )
    assert (mapping.maximum_retry_attempts, mapping.bisect_on_error, mapping.report_item_failures) == (
        2,
        True,
        True,
    )
    assert mapping.failure_queue_arn == "arn:aws:sqs:eu-west-1:000000000000:casement-local-ReactFailures"
    assert len(mapping.patterns) == 1


def test_a_queue_event_keeps_its_settings():
    (mapping,) = functions_of(SMALL)["Talk"].queues

    assert mapping.queue_name == "casement-local-Talks.fifo"
    assert (mapping.batch_size, mapping.maximum_concurrency, mapping.report_item_failures) == (1, 2, True)


def test_the_outbox_is_one_queue_for_who_puts_jobs_there_and_who_does_them():
    functions = functions_of(ROOT / "template.yaml")
    (mapping,) = functions["SendOutbox"].queues

    assert mapping.queue_name == "casement-local-Outbox.fifo"
    wanted = {
        name: function.environment["OUTBOX_URL"]
        for name, function in functions.items()
        if function.environment.get("OUTBOX_URL")
    }
    assert wanted == dict.fromkeys(
        ("SendMessage", "React", "SendOutbox", "SweepSends"),
        "http://127.0.0.1:9/000000000000/casement-local-Outbox.fifo",
    )


def test_an_event_bus_is_known_by_its_name_and_its_arn():
    deployment = template.load(SMALL, region="eu-west-1", aws_url="http://127.0.0.1:9")

    assert deployment.event_buses == ("casement-local-news",)
    assert functions_of(SMALL)["Announce"].environment.items() >= {
        ("BUS", "casement-local-news"),
        ("BUS_ARN", "arn:aws:events:eu-west-1:000000000000:event-bus/casement-local-news"),
    }
    assert deployment.left_out == ()


def test_queues_are_made_after_the_queues_they_redrive_to():
    queues = template.load(SMALL, region="eu-west-1", aws_url="http://127.0.0.1:9").queues

    assert queues[-1].name == "outbox.fifo"
    assert queues[-1].redrives_to == "arn:aws:sqs:eu-west-1:000000000000:outbox-failures.fifo"
    assert queues[-1].attributes["FifoQueue"] == "true"


def test_a_fifo_queue_that_has_no_name_in_the_template_gets_one_that_ends_as_sqs_wants_it():
    names = {queue.name for queue in template.load(SMALL, region="eu-west-1", aws_url="http://127.0.0.1:9").queues}

    assert {"casement-local-Talks.fifo", "casement-local-ReactFailures"} <= names


def test_a_table_is_created_with_its_keys_and_stream_alone():
    (table,) = template.load(SMALL, region="eu-west-1", aws_url="http://127.0.0.1:9").tables

    assert table.create["StreamSpecification"] == {
        "StreamEnabled": True,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    assert "TimeToLiveSpecification" not in table.create


def test_globals_and_intrinsic_functions_fill_the_environment():
    assert functions_of(SMALL)["Store"].environment == {
        "TABLE_NAME": "casement-local-Table",
        "OUTBOX_URL": "http://127.0.0.1:9/000000000000/outbox.fifo",
        "GREETING": "hello from casement-local",
    }
    assert functions_of(SMALL)["Store"].timeout_seconds == 5
    assert functions_of(SMALL)["Slow"].timeout_seconds == 1


RULES = """
Parameters:
  Stage: {Type: String, Default: dev}
  Many: {Type: Number, Default: 0}
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  HasMany: !Not [!Equals [!Ref Many, 0]]
  Both: !And [!Condition IsDev, !Condition HasMany]
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b
      Policies: [!ImportValue not-read-so-not-resolved]
      Environment:
        Variables:
          IF: !If [IsDev, yes it is, no]
          GONE: !If [Both, here, !Ref AWS::NoValue]
          JOINED: !Join ["-", [a, !Ref Stage, !Select [1, !Split [",", "x,y"]]]]
          SUB: !Sub ["${Stage}/${Given}/${!Kept}", {Given: !Ref AWS::Region}]
          LONG: {Fn::GetAtt: [F, Arn]}
          FLAG: true
  Never: {Type: AWS::SQS::Queue, Condition: HasMany}
"""


def test_intrinsic_functions():
    deployment = parse(RULES)

    assert deployment.functions[0].environment == {
        "IF": "yes it is",
        "JOINED": "a-dev-y",
        "SUB": "dev/eu-west-1/${Kept}",
        "LONG": "arn:aws:lambda:eu-west-1:000000000000:function:casement-local-F",
        "FLAG": "true",
    }
    assert deployment.queues == ()


def test_events_that_do_not_run_here_are_named():
    deployment = parse(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Events: {"
        "Topic: {Type: SNS, Properties: {Topic: arn}}, "
        "Night: {Type: Schedule, Properties: {Schedule: rate(1 minute), Enabled: false}}}}}}"
    )

    assert deployment.left_out == (
        "F: its event Topic is of type SNS",
        "F: its event Night is disabled in the template",
    )


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{Resources: [",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: !Ref Nothing}}}",
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: !ImportValue x}}}",
        "Parameters: {P: {Type: String}}\n"
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: !Ref P}}}",
    ],
)
def test_what_cannot_be_carried_out_is_refused(text):
    with pytest.raises(TemplateError):
        parse(text)


def test_one_environment_holds_what_all_functions_want():
    one, other = (
        Function("A", "a.b", 3, 128, {"X": "1", "Y": "2"}),
        Function("B", "a.b", 3, 128, {"Y": "2", "Z": "3"}),
    )

    assert environment([one, other], {"X": "local"}) == {"X": "local", "Y": "2", "Z": "3"}


def test_two_functions_that_want_different_values_are_refused():
    one, other = Function("A", "a.b", 3, 128, {"X": "1"}), Function("B", "a.b", 3, 128, {"X": "2"})

    with pytest.raises(StackError, match="A wants X='1' and B wants '2'"):
        environment([one, other], {})
