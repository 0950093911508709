from typing import Any

import boto3
import pytest
import yaml

from casement.runtime.settings import Settings
from cli.stack import LOCAL_API_KEY, Aws, stack_from
from cli.trouble import Trouble
from local.stack import seed
from local.stack.children import ROOT
from local.stack.template import CloudFormationLoader

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=CloudFormationLoader)  # noqa: S506 - a SafeLoader
OUTPUTS = {
    "TableName": "casement-Table-1",
    "SecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:Secret-1",
    "WebhookUrl": "https://api.example/webhook",
    "AlarmPrefix": "casement-",
}
DESCRIPTION: dict[str, Any] = {
    "StackName": "casement",
    "StackStatus": "CREATE_COMPLETE",
    "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in OUTPUTS.items()],
    "Parameters": [
        {"ParameterKey": name, "ParameterValue": value}
        for name, value in {
            "GraphBaseUrl": "https://proxy.example",
            "GraphVersion": "v26.0",
            "SecretMaxAgeSeconds": "60",
            "SyncMaxAgeSeconds": "3600",
        }.items()
    ],
}
AWS = Aws(boto3.Session("test", "test", region_name="eu-west-1"))


def test_a_stack_says_where_its_things_are():
    stack = stack_from(DESCRIPTION, AWS)

    assert (stack.table_name, stack.secret_id) == (OUTPUTS["TableName"], OUTPUTS["SecretArn"])
    assert (stack.webhook_url, stack.alarm_prefix) == ("https://api.example/webhook", "casement-")
    assert (stack.graph_base_url, stack.graph_version) == ("https://proxy.example", "v26.0")
    assert (stack.secret_max_age, stack.sync_max_age) == (60, 3600)
    assert not stack.local


def test_the_api_is_where_the_webhook_is():
    assert stack_from(DESCRIPTION, AWS).api_url == "https://api.example"


def test_the_local_stacks_key_is_the_one_it_is_seeded_with():
    assert LOCAL_API_KEY == seed.API_KEY


def test_parameters_it_does_not_have_are_the_functions_defaults():
    stack = stack_from({**DESCRIPTION, "Parameters": []}, AWS)

    assert (stack.graph_base_url, stack.graph_version) == (Settings.graph_base_url, Settings.graph_version)
    assert stack.sync_max_age == TEMPLATE["Parameters"]["SyncMaxAgeSeconds"]["Default"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_it_reads_stands_in_the_template(name):
    assert name in TEMPLATE["Outputs"]


@pytest.mark.parametrize("parameter", [each["ParameterKey"] for each in DESCRIPTION["Parameters"]])
def test_the_parameters_it_reads_stand_in_the_template(parameter):
    assert parameter in TEMPLATE["Parameters"]


def test_the_templates_failure_queues_are_known_by_their_names():
    destinations = [
        event["Properties"]["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        for function in TEMPLATE["Resources"].values()
        for event in function.get("Properties", {}).get("Events", {}).values()
        if "DestinationConfig" in event["Properties"]
    ]

    assert destinations
    assert all("Failures" in name for name in destinations)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_stack_that_is_no_casement_is_refused(name):
    outputs = [output for output in DESCRIPTION["Outputs"] if output["OutputKey"] != name]

    with pytest.raises(Trouble, match=f"no output {name}.*CREATE_COMPLETE"):
        stack_from({**DESCRIPTION, "Outputs": outputs}, AWS)
