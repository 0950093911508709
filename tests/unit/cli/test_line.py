"""The command line itself: global options anywhere, and expected errors in words."""

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from casement.domain.errors import StoreUnavailable
from cli.anywhere import put_first
from cli.main import app
from cli.outside import Outside
from cli.stack import Stack, Where, local_stack
from cli.trouble import Trouble, in_words
from local.stack.children import ROOT

words = st.lists(st.sampled_from(["keys", "list", "--json", "--name", "x", "--yes", "-y", "--number=1"]), max_size=6)
ours = st.sampled_from([["--local"], ["--stack", "s"], ["--stack=s"], ["--region", "r"], ["--profile=p"]])


def global_first(arguments: list[str]) -> list[str]:
    return put_first(arguments, {"--stack", "--region", "--profile"}, {"--local"})


@given(words, ours, words)
def test_a_global_option_may_stand_anywhere(before, option, after):
    assert global_first([*before, *option, *after]) == [*option, *before, *after]


def test_what_follows_two_dashes_is_left_alone():
    assert global_first(["x", "--", "--local"]) == ["x", "--", "--local"]


def test_a_missing_value_is_the_parsers_to_refuse():
    assert global_first(["keys", "--stack"]) == ["--stack", "keys"]
    assert global_first(["--stack"]) == ["--stack"]


def meant(*arguments: str, **environment: str) -> Where:
    """Which stack a command line means."""
    seen: list[Where] = []

    def remember(where: Where) -> Stack:
        seen.append(where)
        raise Trouble("that is all")

    CliRunner().invoke(app, [*arguments], obj=Outside(open_stack=remember), env={"CASEMENT_STACK": None, **environment})
    [where] = seen
    return where


def test_which_stack_is_meant():
    assert meant("doctor") == Where("casement")
    assert meant("doctor", "--stack", "dev", "--region", "eu-west-1", "--profile", "p") == Where(
        "dev", "eu-west-1", "p"
    )
    assert meant("--local", "doctor") == meant("doctor", "--local") == Where(local=True)
    assert meant("doctor", CASEMENT_STACK="dev") == Where("dev")
    assert meant("doctor", "--stack", "other", CASEMENT_STACK="dev") == Where("other")
    assert meant("doctor", "--local", CASEMENT_STACK="dev").local


@pytest.mark.parametrize("option", ["--stack=x", "--region=x", "--profile=x"])
def test_local_is_a_stack_of_its_own(option):
    assert CliRunner().invoke(app, ["doctor", "--local", option], obj=Outside()).exit_code == 2


def failing(error: Exception) -> Result:
    def open_stack(_: Where) -> Stack:
        raise error

    return CliRunner().invoke(app, ["keys", "list"], obj=Outside(open_stack=open_stack))


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "sentinel"}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NoCredentialsError(), "AWS_PROFILE"),
        (NoRegionError(), "--region"),
        (EndpointConnectionError(endpoint_url="https://x.example"), "https://x.example"),
        (refused("ExpiredToken"), "Log in"),
        (refused("AccessDenied"), "may not call DescribeStacks"),
        (refused("Throttling"), "AWS refused DescribeStacks: Throttling"),
        (Trouble("as it is"), "as it is"),
        (StoreUnavailable("DynamoDB did not answer"), "DynamoDB did not answer"),
    ],
)
def test_an_expected_error_is_told_in_words_with_status_1(error, words):
    result = failing(error)

    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert "sentinel" not in result.output


def test_the_cause_of_a_store_that_fails_is_told():
    try:
        raise StoreUnavailable("DynamoDB did not answer Query: ExpiredToken") from refused("ExpiredToken")
    except StoreUnavailable as error:
        assert "Log in" in in_words(error)


def test_a_bug_is_not_hidden():
    assert isinstance(failing(ZeroDivisionError()).exception, ZeroDivisionError)


def test_a_local_stack_that_is_not_up_is_said_so(tmp_path):
    with pytest.raises(Trouble, match="make run"):
        local_stack(tmp_path / "stack.json")


def test_it_runs_as_a_module_too():
    shown = subprocess.run(
        [sys.executable, "-m", "cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "Usage: casement" in shown.stdout
