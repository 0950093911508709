"""The schemas of events, and the page that is made from them."""

import json

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from casement.domain.events import Event, EventType
from local import event_docs
from tests.support.event_schemas import ENVELOPE, SCHEMAS, check, schema

NAMES = [path.stem for path in sorted(SCHEMAS.glob("*.json"))]
TYPES = [name for name in NAMES if name != ENVELOPE]


def test_every_type_has_a_schema_and_no_other_has():
    assert {*TYPES} == {*EventType, "custom"}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_one_and_is_named_as_its_file(name):
    Draft202012Validator.check_schema(schema(name))

    assert schema(name)["$id"] == f"{name}.json"
    assert schema(name)["description"]


@pytest.mark.parametrize("name", TYPES)
def test_the_example_of_a_type_is_one_for_us_and_for_subscribers(name):
    (example,) = schema(name)["examples"]
    resources = [(f"{each}.json", Resource.from_contents(schema(each))) for each in NAMES]

    check(example)
    validator = Draft202012Validator(schema(name), registry=Registry().with_resources(resources))
    validator.validate(example)
    validator.validate(example | {"new": 1, "data": example["data"] | {"newer": 2}})
    assert not validator.is_valid({key: value for key, value in example.items() if key != "id"})
    assert not validator.is_valid(example | {"type": "message.other"})


def test_what_is_told_and_not_described_is_a_fault():
    event = Event("evt_01M7Q5DMSG04HMASW9NF6YY093", "send.unresolved", 0, {"send_id": "csm1.a.b"}, "1", "2")
    check(event.body(1))

    for data in ({"send_id": "csm1.a.b", "more": 1}, {}):
        with pytest.raises(AssertionError, match=r"send\.unresolved"):
            check(event.body(1) | {"data": data})


def test_every_member_is_described():
    def undescribed(part: object, where: str) -> list[str]:
        if not isinstance(part, dict):
            return []
        found = [
            f"{where}.{name}"
            for name, of in part.get("properties", {}).items()
            if "const" not in of and "description" not in of and name != "data"
        ]
        return found + [each for name, of in part.get("properties", {}).items() for each in undescribed(of, name)]

    assert [each for name in TYPES for each in undescribed(schema(name), name)] == []


def test_the_page_is_the_one_that_the_schemas_make():
    assert event_docs.PAGE.read_text() == event_docs.page(), "make docs"
    assert json.dumps(event_docs.page())
