"""What the tests of ingest share."""

from random import Random

import pytest


@pytest.fixture
def seeded() -> Random:
    """The same chances in every run."""
    return Random(7)  # noqa: S311 - chances, not secrets
