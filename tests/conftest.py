"""What every test may ask for: an engine for tables, and a way through hypothesis that CI repeats exactly."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from local.stack.aws import Aws
from tests.support.engines import has_ministack, ministack, moto

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# The first example pays for imports, and two cores are shared: no deadline. CI repeats the very same examples.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
settings.register_profile("local", _PATIENT, max_examples=60)
settings.register_profile("ci", _PATIENT, max_examples=60, derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "local"))


@pytest.fixture(scope="module")  # while it is there, every botocore client is moto's
def dynamodb() -> "Iterator[DynamoDBClient]":
    """DynamoDB in this process (moto), for one writer."""
    with moto() as client:
        yield client


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A server engine (ministack), for streams and for more than one writer."""
    if not has_ministack():
        pytest.skip("ministack is not installed: make setup")
    with ministack(tmp_path_factory.mktemp("ministack")) as running:
        yield running
