"""What the doctor makes of Meta's answers: tables of cases."""

from typing import Any

import pytest

from casement.domain.templates import SyncRecord
from cli.aws_checks import judge_sync
from cli.finding import Level
from cli.meta_checks import NEEDED_SCOPES, SOON_S, judge_number, judge_subscription, judge_token

OK, ATTENTION, BROKEN = Level.OK, Level.ATTENTION, Level.BROKEN
NOW_S = 1_795_000_000
NOW = NOW_S * 1000
WABA = "200000000000001"
GOOD_TOKEN = {"is_valid": True, "scopes": list(NEEDED_SCOPES), "expires_at": 0, "app_id": "1"}
GRANTED = [{"scope": scope, "target_ids": [WABA]} for scope in NEEDED_SCOPES]


@pytest.mark.parametrize(
    ("said", "level", "words"),
    [
        ({}, OK, "without expiry"),
        ({"granular_scopes": GRANTED}, OK, "without expiry"),
        ({"granular_scopes": [{"scope": NEEDED_SCOPES[0]}]}, OK, ""),  # no targets: all of them
        ({"granular_scopes": [{"scope": "ads_read", "target_ids": []}]}, OK, ""),
        ({"granular_scopes": "?"}, OK, ""),
        ({"granular_scopes": [{"scope": NEEDED_SCOPES[0], "target_ids": ["7"]}]}, BROKEN, WABA),
        ({"scopes": [NEEDED_SCOPES[0]]}, BROKEN, f"lacks {NEEDED_SCOPES[1]}"),
        ({"scopes": None}, BROKEN, f"lacks {NEEDED_SCOPES[0]} and"),
        ({"is_valid": False}, BROKEN, "does not take"),
        ({"is_valid": False, "error": {"code": 190, "subcode": 463}}, BROKEN, "expired"),
        ({"is_valid": False, "error": {"code": 190, "subcode": "?"}}, BROKEN, "does not take"),
        ({"is_valid": None}, BROKEN, "does not take"),
        ({"expires_at": NOW_S}, BROKEN, "expired on 2026-11-18"),
        ({"expires_at": NOW_S + SOON_S}, ATTENTION, "expires on"),
        ({"expires_at": NOW_S + SOON_S + 1}, OK, "Valid until"),
        ({"data_access_expires_at": NOW_S + 1}, ATTENTION, "expires on"),
        ({"expires_at": "?"}, OK, "without expiry"),
    ],
)
def test_a_token(said, level, words):
    finding = judge_token("token", {**GOOD_TOKEN, **said}, {WABA}, NOW)

    assert finding.level is level
    assert words in finding.why
    assert bool(finding.do) == (level is not OK)


def test_an_answer_without_anything_is_no_valid_token():
    assert judge_token("token", {}, {WABA}, NOW).level is BROKEN


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ({}, OK),
        ({"status": "CONNECTED", "quality_rating": "GREEN", "throughput": {"level": "HIGH"}}, OK),
        ({"quality_rating": "NA"}, OK),
        ({"quality_rating": "YELLOW"}, ATTENTION),
        ({"quality_rating": "RED"}, ATTENTION),
        ({"status": "FLAGGED"}, ATTENTION),
        ({"status": "RATE_LIMITED"}, ATTENTION),
        ({"name_status": "DECLINED"}, ATTENTION),
        ({"name_status": "AVAILABLE_WITHOUT_REVIEW"}, OK),
        ({"status": "BANNED"}, BROKEN),
        ({"status": "DISCONNECTED"}, BROKEN),
        ({"status": "PENDING", "quality_rating": "GREEN"}, BROKEN),
        ({"status": "SOMETHING_NEW"}, BROKEN),
        ({"throughput": "?"}, OK),
    ],
)
def test_a_number(said, level):
    finding = judge_number("number", {"display_phone_number": "+1 555-000-1000", **said})

    assert finding.level is level
    assert "+1 555-000-1000" in finding.why
    assert bool(finding.do) == (level is not OK)


HERE = "https://api.example/webhook"


def app(app_id: str, **more: str) -> dict[str, Any]:
    return {"whatsapp_business_api_data": {"id": app_id}, **more}


@pytest.mark.parametrize(
    ("apps", "app_id", "level"),
    [
        ([app("1")], "1", OK),
        ([app("2"), app("1")], "1", OK),
        ([app("1")], None, OK),  # Meta did not say which app is ours
        ([app("1", override_callback_uri=HERE)], "1", OK),
        ([app("1", override_callback_uri="https://elsewhere.example")], "1", ATTENTION),
        ([app("2", override_callback_uri="https://elsewhere.example"), app("1")], "1", OK),
        ([app("2")], "1", BROKEN),
        ([], "1", BROKEN),
        ([], None, BROKEN),
    ],
)
def test_a_subscription(apps, app_id, level):
    assert judge_subscription("WABA", apps, app_id, HERE).level is level


def sync(**record: Any) -> SyncRecord:
    return SyncRecord(WABA, templates=5, **record)


@pytest.mark.parametrize(
    ("record", "level", "words"),
    [
        (sync(), ATTENTION, "Never read yet"),
        (sync(last_attempt_at=NOW), BROKEN, "Never read whole"),
        (sync(last_attempt_at=NOW, last_error="no"), BROKEN, "failed: no"),
        (sync(last_attempt_at=NOW, last_success_at=NOW), OK, "5 templates, read whole 0 min ago"),
        (sync(last_attempt_at=NOW, last_success_at=NOW - 7_200_000), OK, "2 h ago"),
        (sync(last_attempt_at=NOW, last_success_at=NOW - 7_201_000), BROKEN, "2 h ago"),
        (sync(last_attempt_at=NOW, last_success_at=NOW - 3 * 86_400_000), BROKEN, "3 days ago"),
        (sync(last_attempt_at=NOW, last_success_at=NOW - 1000, last_error="no"), ATTENTION, "failed: no"),
    ],
)
def test_a_template_sync(record, level, words):
    finding = judge_sync(record, 7200, NOW)

    assert finding.level is level
    assert words in finding.why
