"""Automations as files: YAML, of which JSON is a part, as people mean it.

YAML 1.1, which PyYAML reads, takes `2026-12-25` for a date, `no` for false and `09:30` for 570. Here only what YAML 1.2
takes for more than text is more than text, and a key that is there twice is a mistake.
"""

import json
import re
from typing import Any

import yaml

from cli.trouble import Trouble, text_of

_DEFAULTS = {"name": "", "enabled": True, "once": "window", "stop": False}
_DEFAULT_LIMIT = 5


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key in keys:
            if isinstance(key, str) and keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"(?:~|null|)", ["~", "n", ""]),
    ("bool", r"(?:true|false)", ["t", "f"]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?[0-9]+\.[0-9]+", list("-+0123456789")),
    ("merge", r"(?:<<)", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^{_pattern}$"), _first)


def read_document(path: str) -> Any:
    """What a file says (`-` is stdin), as JSON would. Raises `Trouble`."""
    text = text_of(path)
    try:
        said = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
        return json.loads(json.dumps(said))  # keys become texts, as they will be
    except yaml.YAMLError as error:
        raise Trouble(f"{path} is no YAML: {_where(error)}") from None
    except (TypeError, ValueError, RecursionError):
        raise Trouble(f"{path} says something that JSON has no word for.") from None


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or type(error).__name__
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})." if mark else f"{problem}."


def as_yaml(document: dict[str, Any]) -> str:
    """A document, or one rule, as one would write it: without what is so anyway. `read_document` reads the same."""
    shown = _short_rule(document) if "then" in document else _short(document)
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110)


def _short(document: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in document.items() if value is not None and name != "rules"}
    if kept.get("limit") == _DEFAULT_LIMIT:
        del kept["limit"]
    return {**kept, "rules": [_short_rule(rule) for rule in document["rules"]]}


def _short_rule(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in _DEFAULTS or value != _DEFAULTS[name]}
