"""Where tables live in tests: moto in process for one writer, ministack for all that a stream or two writers see."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from moto import mock_aws

from local.stack.aws import Aws
from local.stack.children import engine, engine_program, free_port
from tests.support.tables import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HEALTH = "/_ministack/health"


@contextmanager
def moto() -> Iterator["DynamoDBClient"]:
    """A DynamoDB in this process. One writer at a time: it loses updates under threads."""
    with mock_aws():
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        yield boto3.client("dynamodb", region_name=REGION, config=config)  # moto brings credentials


@contextmanager
def ministack(folder: Path) -> Iterator[Aws]:
    """A server engine on loopback that keeps nothing; its log lies in `folder`."""
    port = free_port()
    server = engine(port, folder, keep=False)
    try:
        server.wait_until_answers(port, HEALTH)
        yield Aws.at(f"http://127.0.0.1:{port}")
    finally:
        server.stop()


def has_ministack() -> bool:
    """Whether the server engine is installed (`make setup` does it)."""
    return engine_program().exists()
