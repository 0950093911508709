"""ACCESS_PATTERNS.md and the store's methods say the same, both ways."""

import ast
import re
from collections.abc import Iterator

from tests.support.tables import ROOT

STORE = ROOT / "layers" / "core" / "python" / "casement" / "store"
NUMBERED = re.compile(r"(A\d+(?:, A\d+)*)\. ")
DYNAMODB_CALLS = {"put", "put_all", "get", "get_all", "query"}  # of `Table`


def documented() -> set[tuple[str, str]]:
    """(number, `Class.method`) of the page's table."""
    rows = re.findall(r"^\| (A\d+) \|.*\| ([^|]+) \|$", (STORE / "ACCESS_PATTERNS.md").read_text(), re.MULTILINE)
    return {(number, method) for number, methods in rows for method in re.findall(r"`(\w+\.\w+)`", methods)}


def methods() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every method of the store's classes, `Table` apart."""
    for path in STORE.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and path.name != "table.py":
                yield from (
                    (f"{node.name}.{item.name}", item) for item in node.body if isinstance(item, ast.FunctionDef)
                )


def numbered() -> set[tuple[str, str]]:
    """(number, `Class.method`) of the docstrings."""
    found = ((name, NUMBERED.match(ast.get_docstring(method) or "")) for name, method in methods())
    return {(number, name) for name, match in found if match for number in match[1].split(", ")}


def test_the_page_and_the_docstrings_agree():
    assert documented() == numbered()


def test_patterns_are_numbered_in_order_and_none_twice():
    page = (STORE / "ACCESS_PATTERNS.md").read_text()
    numbers = [int(number) for number in re.findall(r"^\| A(\d+) \|", page, re.MULTILINE)]
    assert numbers == sorted(set(numbers))


def test_every_public_method_that_asks_dynamodb_is_a_pattern():
    patterns = {name for _, name in documented()}
    for name, method in methods():
        calls = {call for node in ast.walk(method) for call in _calls_of_the_table(node)}
        if calls and not name.split(".")[1].startswith("_"):
            assert name in patterns, f"{name} calls {calls}"


def _calls_of_the_table(node: ast.AST) -> Iterator[str]:
    """The method, if `node` is `self._table.method(…)`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="_table"), attr=method)) if method in DYNAMODB_CALLS:
            yield method


def test_nothing_is_ever_scanned():
    called = {
        node.attr
        for path in STORE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert "query" in called
    assert "scan" not in called


def test_every_prefix_of_a_key_is_on_the_page():
    page = (STORE / "ACCESS_PATTERNS.md").read_text()
    prefixes = set(re.findall(r'"([A-Z])[#"]', (STORE / "keys.py").read_text()))

    assert prefixes >= set("CLTEAQMWSYZDIO")
    assert [prefix for prefix in prefixes if not re.search(rf"`{prefix}[#`]", page)] == []
