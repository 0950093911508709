"""What may import what: style is a promise that only a test keeps."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tables import ROOT

LAYER = ROOT / "layers" / "core" / "python"
FUNCTIONS = ROOT / "functions"
STANDARD = sys.stdlib_module_names

# Package: what it may import besides the standard library. Names under TYPE_CHECKING are for the type checker alone.
MAY_IMPORT = {
    "casement.domain": {"casement.domain"},
    "casement.usecases": {"casement.usecases", "casement.domain"},
    "casement.meta": {"casement.meta", "casement.domain", "httpx", "pydantic", "cryptography"},
    "casement.webhooks": {"casement.webhooks", "casement.domain", "httpcore", "standardwebhooks"},
    "casement.store": {"casement.store", "casement.domain", "botocore.exceptions"},
    "casement.runtime": {"casement", "aws_lambda_powertools", "boto3", "botocore", "httpx"},
}
FUNCTION_MAY_IMPORT = {"casement", "pydantic", "aws_lambda_powertools"}


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py"))


def name_of(path: Path) -> str:
    root = LAYER if path.is_relative_to(LAYER) else ROOT
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that `path` imports when it runs, at the top or inside a function."""
    for node in _running(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} has a relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if (LAYER / inner.replace(".", "/")).with_suffix(".py").exists() else node.module or ""


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _running(node)


def is_in(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", modules(LAYER / "casement"), ids=name_of)
def test_a_module_of_the_layer_imports_only_what_its_room_may(path: Path) -> None:
    package = ".".join(name_of(path).split(".")[:2])
    allowed = MAY_IMPORT.get(package, {"casement"})

    assert [name for name in imported(path) if name.split(".")[0] not in STANDARD and not is_in(name, allowed)] == []


@pytest.mark.parametrize("path", modules(FUNCTIONS), ids=name_of)
def test_a_function_imports_no_other_and_no_aws(path: Path) -> None:
    allowed = FUNCTION_MAY_IMPORT | {f"functions.{path.relative_to(FUNCTIONS).parts[0]}"}

    assert [name for name in imported(path) if name.split(".")[0] not in STANDARD and not is_in(name, allowed)] == []


def test_only_who_answers_flows_needs_the_layer_that_decrypts():
    shipped = [*modules(LAYER / "casement"), *modules(FUNCTIONS)]
    ours = "casement.meta.flow_encryption"

    assert [name_of(path) for path in shipped if "cryptography" in {name.split(".")[0] for name in imported(path)}] == [
        ours
    ]
    assert [name_of(path) for path in shipped if ours in imported(path)] == ["functions.answer_flow.app"]


def test_every_room_of_the_layer_has_its_rule():
    rooms = {f"casement.{path.parent.name}" for path in (LAYER / "casement").glob("*/__init__.py")}
    assert rooms - MAY_IMPORT.keys() == set()


def loaded_by(*imports: str) -> set[str]:
    """Top-level packages in a fresh interpreter that has imported these modules, with no environment to read."""
    code = f"import {', '.join(imports)}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    path = f"{LAYER}:{ROOT}:{':'.join(sys.path)}"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": path}, cwd=ROOT
    )
    return set(done.stdout.split())


def test_the_domain_imports_nothing_from_outside():
    loaded = loaded_by(*map(name_of, modules(LAYER / "casement" / "domain")))

    assert "casement" in loaded
    assert loaded & {"boto3", "botocore", "httpx", "pydantic", "aws_lambda_powertools"} == set()


def test_receive_webhook_starts_light():
    loaded = loaded_by("functions.receive_webhook.app")

    assert "casement" in loaded
    assert loaded & {"boto3", "httpx", "pydantic", "aws_lambda_powertools", "asyncio", "aws_xray_sdk"} == set()


@pytest.mark.parametrize("path", sorted(FUNCTIONS.glob("*/app.py")), ids=name_of)
def test_importing_a_function_reads_no_environment(path: Path) -> None:
    assert "functions" in loaded_by(name_of(path))


@pytest.mark.parametrize("path", [*modules(LAYER / "casement"), *modules(FUNCTIONS)], ids=name_of)
def test_only_the_wiring_looks_at_the_environment(path: Path) -> None:
    if name_of(path) != "casement.runtime.wiring":
        assert "os" not in imported(path)
