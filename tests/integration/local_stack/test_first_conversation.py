"""The whole of Casement, from template.yaml, on the local stack: what `make run` and `make demo` promise."""

import subprocess
import sys
from pathlib import Path

from local.stack.__main__ import STORY

ROOT = Path(__file__).parents[3]


def test_the_first_conversation_comes_out_as_it_should(tmp_path):
    demo = subprocess.run(  # noqa: S603 - our own program
        [
            sys.executable,
            "-m",
            "local.stack",
            "--demo",
            "--port",
            "0",
            "--simulator-port",
            "0",
            "--state",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert demo.returncode == 0, demo.stdout + demo.stderr
    for number, step in enumerate(STORY, 1):
        assert f"{number}. {step.title}" in demo.stdout
    assert "131047" in demo.stdout
