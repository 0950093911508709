"""Programs in an interpreter of their own: for what happens while a function's modules are imported."""

import os
import subprocess
import sys

from local.stack.children import ROOT

_ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/core/python")]),
    "TABLE_NAME": "casement",
    "SECRET_ID": "casement",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
}


def run(program: str, **environment: str) -> str:
    """What `program` printed, out and err; it must end well. `environment` comes on top of a function's own."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **_ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr
