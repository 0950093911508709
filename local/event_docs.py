"""`python -m local.event_docs` writes docs/event-types.md from the schemas in events/schemas."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from casement.domain.events import EventType

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS, PAGE = ROOT / "events" / "schemas", ROOT / "docs" / "event-types.md"
ENVELOPE, CUSTOM = "envelope", "custom"

_HEAD = """# Event types

Made from the JSON Schemas (draft 2020-12) in [events/schemas](../events/schemas) by `make docs`: change those. How to
subscribe to events, verify and order them, [events.md](events.md) says.
"""


def page() -> str:
    """All of the page."""
    envelope = _schema(ENVELOPE)
    parts = [_HEAD, "## Every event\n", f"{envelope['description']}\n", _table(envelope, envelope["required"])]
    for name in (*EventType, CUSTOM):
        parts += _chapter(_schema(name))
    return "\n".join(parts)


def _chapter(schema: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {schema['title']}\n"
    yield f"{schema['description']}\n"
    data = schema["properties"]["data"]
    yield _table(data, data.get("required", ())) if "properties" in data else f"`data`: {data['description']}\n"
    example = json.dumps(schema["examples"][0], indent=2, ensure_ascii=False)
    yield f"```json\n{example}\n```\n"


def _table(schema: Mapping[str, Any], required: Any) -> str:
    rows = [f"| {name} | {_type(of)} | {says} |" for name, of, says in _rows(schema, required, "")]
    return "\n".join(("| member | is | says |", "|---|---|---|", *rows, ""))


def _rows(schema: Mapping[str, Any], required: Any, above: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for name, of in schema["properties"].items():
        optional = "" if name in required else " (may be absent)"
        yield f"`{above}{name}`{optional}", of, of.get("description", "")
        if "properties" in of:
            yield from _rows(of, of.get("required", ()), f"{above}{name}.")


def _type(schema: Mapping[str, Any]) -> str:
    given = schema.get("type", "anything")
    words = given if isinstance(given, str) else " or ".join(given)
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    return f"`{schema['const']}`" if "const" in schema else words


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


if __name__ == "__main__":
    PAGE.write_text(page())
