"""The schemas of events in `events/schemas`, read strictly: what is told and not described is a fault here, where a
subscriber must let it pass."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from casement.domain.events import CUSTOM, OF_META

Json = dict[str, Any]

SCHEMAS = Path(__file__).resolve().parents[2] / "events" / "schemas"
ENVELOPE = "envelope"


def schema(name: str) -> Json:
    """`events/schemas/<name>.json`."""
    found: Json = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


def check(body: Json) -> None:
    """Fail unless an event is what its schema says and no more. Those in Meta's shape have none."""
    type_ = body["type"]
    if not type_.startswith(OF_META):
        faults = [fault.message for fault in _validator(type_).iter_errors(body)]
        assert faults == [], f"{type_}: {faults} in {body}"


@cache
def _validator(type_: str) -> Draft202012Validator:
    envelope = schema(ENVELOPE)
    of_type = schema(CUSTOM.rstrip(".") if type_.startswith(CUSTOM) else type_)
    whole = {
        "type": "object",
        "properties": envelope["properties"] | of_type["properties"],
        "required": envelope["required"],
    }
    return Draft202012Validator(_strict(whole), format_checker=Draft202012Validator.FORMAT_CHECKER)


def _strict(part: Any) -> Any:
    """The same, with nothing in an object that it does not describe. What it says no more of than that it is one is
    Meta's, or whoever's."""
    if not isinstance(part, dict):
        return part
    inner = {name: _strict(value) for name, value in part.items()}
    if "properties" in part:
        inner["properties"] = {name: _strict(value) for name, value in part["properties"].items()}
        inner["additionalProperties"] = False
    return inner
