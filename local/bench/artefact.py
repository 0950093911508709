"""The built artefact: how large the layer is, and whether it starts without compiling (design section 8)."""

import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from local.bench import Figure, cpu
from local.bench.functions import AWS

BUILT = Path(".aws-sam/build")
LAMBDA_PYTHON = "3.13"


def layer_size() -> Figure:
    """The layer as a zip, in MB."""
    layer = BUILT / "CoreLayer"
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder, "layer.zip")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(layer.rglob("*")):
                archive.write(file, file.relative_to(layer))
        return Figure("layer_zip_mb", packed.stat().st_size / 10**6, "the layer, zipped, in MB", 8)


def init() -> Figure | None:
    """Init of the built `send_message` as it is, nothing to be written, against the same with fresh bytecode.

    None where there is no Python of Lambda's minor, whose bytecode this is about, with the project's dependencies.
    """
    python = Path(f".venv-{LAMBDA_PYTHON}/bin/python").absolute()
    if not python.exists():
        return None
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, "fresh")
        shutil.copytree(BUILT, fresh, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run([python, "-m", "compileall", "-q", fresh], check=True)  # noqa: S603
        built, compiled = cpu.of_processes(
            ["import functions.send_message.app"] * 2,
            python=str(python),
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **AWS},
            envs=[{"PYTHONPATH": _path(BUILT)}, {"PYTHONPATH": _path(fresh)}],
        )
    return Figure(
        "artefact_init_ratio",
        built / compiled,
        "CPU of init of the built send_message on a tree it can't write / with fresh .pyc",
        1.05,
    )


def _path(build: Path) -> str:
    return os.pathsep.join(str(place.absolute()) for place in (build / "SendMessage", build / "CoreLayer" / "python"))
