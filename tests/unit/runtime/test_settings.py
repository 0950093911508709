"""Settings: from the environment that the template gives, each of them documented."""

import re
from dataclasses import MISSING, fields

import pytest

from casement.domain.window import WindowRules
from casement.runtime.settings import ALLOW_PRIVATE_TARGETS, Settings
from local.stack.template import Function, load
from tests.support.tables import ROOT

LEAST = {"TABLE_NAME": "table", "SECRET_ID": "secret"}
NAMES = {field.name: field.name.upper() for field in fields(Settings)} | {  # two are Powertools' own names
    "metrics_namespace": "POWERTOOLS_METRICS_NAMESPACE",
    "service": "POWERTOOLS_SERVICE_NAME",
}
EACH_ITS_OWN = {
    "POWERTOOLS_SERVICE_NAME",
    "OUTBOX_URL",
    "DELIVERIES_URL",
    "EVENT_BUS_NAME",
    "PAUSE_AFTER_HOURS",
}  # what not every function has alike
DEPLOYED = set(NAMES.values()) - {ALLOW_PRIVATE_TARGETS}  # which is for the local stack alone


def functions() -> tuple[Function, ...]:
    """The functions of the template."""
    return load(ROOT / "template.yaml", region="eu-west-1", aws_url="http://127.0.0.1").functions


def test_all_but_two_have_a_default():
    assert Settings.from_env(LEAST) == Settings("table", "secret")
    assert [field.name for field in fields(Settings) if field.default is MISSING] == ["table_name", "secret_id"]


@pytest.mark.parametrize("missing", LEAST)
def test_without_those_two_nothing_starts(missing):
    with pytest.raises(KeyError, match=missing):
        Settings.from_env({name: value for name, value in LEAST.items() if name != missing})


@pytest.mark.parametrize(
    "field",
    [field for field in fields(Settings) if field.name not in ("table_name", "secret_id", "allow_private_targets")],
)
def test_each_is_read_from_its_variable(field):
    given = "7" if isinstance(field.default, int) else "given"
    settings = Settings.from_env({**LEAST, NAMES[field.name]: given})

    assert str(getattr(settings, field.name)) == given
    assert getattr(Settings.from_env({**LEAST, NAMES[field.name]: ""}), field.name) == field.default


@pytest.mark.parametrize(("given", "allowed"), [("true", True), ("1", False), ("", False), ("True", False)])
def test_only_one_word_lets_calls_go_to_private_addresses(given, allowed):
    assert Settings.from_env({**LEAST, ALLOW_PRIVATE_TARGETS: given}).allow_private_targets is allowed
    assert Settings.from_env(LEAST).allow_private_targets is False


def test_keeping_for_ever_is_no_default():
    assert Settings.from_env({**LEAST, "RETENTION_DAYS": "0"}).retention_days == 0


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ValueError, match="many"):
        Settings.from_env({**LEAST, "RETENTION_DAYS": "many"})


def test_the_window_is_ruled_in_milliseconds():
    settings = Settings.from_env({**LEAST, "WINDOW_MARGIN_SECONDS": "30", "CLOSING_LEAD_SECONDS": "60"})
    assert settings.window_rules == WindowRules(margin_ms=30_000, closing_lead_ms=60_000)


def test_the_template_sets_every_one_for_every_function_and_with_our_defaults():
    for function in functions():
        assert set(function.environment) >= DEPLOYED - EACH_ITS_OWN, function.name
        given = Settings.from_env(function.environment)
        assert given.service == function.handler.split(".")[1]
        kept = (
            "retention_days",
            "window_margin_seconds",
            "closing_lead_seconds",
            "graph_version",
            "secret_max_age_seconds",
        )
        assert {name: getattr(given, name) for name in kept} == {name: getattr(Settings, name) for name in kept}


def test_whoever_puts_jobs_on_the_outbox_knows_where_it_is():
    needing = re.compile(r"wiring\.(engine|outlook|outbox)\b")
    sources = {function.name: ROOT / function.handler.rpartition(".")[0].replace(".", "/") for function in functions()}
    needed = {name for name, path in sources.items() if needing.search(path.with_suffix(".py").read_text())}

    assert "SendMessage" in needed
    only_judges = {"TemplatesApi"}
    assert {function.name for function in functions() if function.environment.get("OUTBOX_URL")} == needed - only_judges


@pytest.mark.parametrize("variable", sorted(DEPLOYED - {"TABLE_NAME", "SECRET_ID"} - EACH_ITS_OWN))
def test_each_is_a_parameter_that_says_what_it_is(variable):
    text = (ROOT / "template.yaml").read_text()
    (source,) = re.findall(rf"^ +{variable}: (.*)$", text, re.MULTILINE)
    if source.startswith("!Ref "):
        parameter = text.split(f"\n  {source.removeprefix('!Ref ')}:\n", 1)[1]
        block = re.split(r"\n  \S", parameter, maxsplit=1)[0]
        assert re.search(r"Description: .{15,}", block, re.DOTALL)
