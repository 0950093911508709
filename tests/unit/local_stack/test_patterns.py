import json

import pytest

from local.stack.errors import TemplateError
from local.stack.patterns import Pattern, passes

RECORD = {
    "eventName": "INSERT",
    "dynamodb": {
        "Keys": {"PK": {"S": "C#1#2"}, "SK": {"S": "M#17"}},
        "NewImage": {"kind": {"S": "message"}, "empty": {"S": ""}, "tags": {"SS": ["a", "b"]}},
        "SizeBytes": 120,
    },
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({}, True),
        ({"eventName": ["INSERT", "MODIFY"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        ({"dynamodb": {"Keys": {"PK": {"S": [{"prefix": "C#"}]}}}}, True),
        ({"dynamodb": {"Keys": {"PK": {"S": [{"prefix": "T#"}, {"suffix": "#2"}]}}}}, True),
        ({"dynamodb": {"Keys": {"PK": {"S": [{"prefix": "T#"}]}}}}, False),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"PK": {"S": ["x"]}}}}, False),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"exists": True}]}}}}, True),
        ({"dynamodb": {"NewImage": {"gone": {"S": [{"exists": True}]}}}}, False),
        ({"dynamodb": {"NewImage": {"gone": {"S": [{"exists": False}]}}}}, True),
        ({"dynamodb": {"OldImage": {"kind": {"S": [{"exists": False}]}}}}, True),
        ({"dynamodb": {"NewImage": {"empty": {"S": [{"exists": True}]}}}}, True),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"anything-but": ["status", "echo"]}]}}}}, True),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"anything-but": "message"}]}}}}, False),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"anything-but": {"prefix": "mess"}}]}}}}, False),
        ({"dynamodb": {"NewImage": {"kind": {"S": [{"equals-ignore-case": "MESSAGE"}]}}}}, True),
        ({"dynamodb": {"NewImage": {"tags": {"SS": ["b"]}}}}, True),
        ({"dynamodb": {"SizeBytes": [{"numeric": [">", 100, "<=", 120]}]}}, True),
        ({"dynamodb": {"SizeBytes": [{"numeric": ["<", 100]}]}}, False),
        ({"dynamodb": {"SizeBytes": ["120"]}}, False),
        ({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"SizeBytes": [120]}}]}, True),
        ({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"SizeBytes": [1]}}]}, False),
    ],
)
def test_a_pattern_selects_records(pattern, expected):
    assert Pattern.parse(json.dumps(pattern)).matches(RECORD) is expected


def test_a_record_passes_if_any_filter_matches_or_there_is_none():
    inserts, removals = Pattern({"eventName": ["INSERT"]}), Pattern({"eventName": ["REMOVE"]})

    assert passes((), RECORD)
    assert passes((removals, inserts), RECORD)
    assert not passes((removals,), RECORD)


@pytest.mark.parametrize(
    "text",
    ["not json", "[]", '{"a": "b"}', '{"a": [{"cidr": "10.0.0.0/8"}]}', '{"$or": ["a"]}', '{"a": {"b": 1}}'],
)
def test_a_pattern_that_would_not_be_understood_is_refused_at_start(text):
    with pytest.raises(TemplateError):
        Pattern.parse(text)
