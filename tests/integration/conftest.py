from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.deployment import Deployment, deployed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def casement(dynamodb: "DynamoDBClient") -> Iterator[Deployment]:
    """All of Casement in this process, with nothing in its table but an API key."""
    with deployed(dynamodb) as deployment:
        yield deployment
