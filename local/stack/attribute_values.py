"""DynamoDB's attribute values, from boto3's form (binary is bytes) to the wire's (it is base64). Pure."""

import base64
from collections.abc import Mapping
from typing import Any


def as_json_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _as_json(value) for name, value in item.items()}


def _as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, content),) = value.items()
    match kind:
        case "B":
            content = base64.b64encode(content).decode()
        case "BS":
            content = sorted(base64.b64encode(item).decode() for item in content)
        case "L":
            content = [_as_json(item) for item in content]
        case "M":
            content = as_json_item(content)
        case "NS" | "SS":  # a set has no order; written in one, so that two dumps of the same item are the same
            content = sorted(content)
    return {kind: content}
