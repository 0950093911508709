from pathlib import Path

import pytest

from local.stack import LocalStack

TEMPLATE = Path(__file__).with_name("template.yaml")


@pytest.fixture(scope="session")
def stack():
    """The small deployment beside this file, running. Tests share it, so each uses keys of its own."""
    with LocalStack(template=TEMPLATE, simulator_port=None) as running:
        yield running
