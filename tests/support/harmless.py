"""What must do nothing: a watch over the table, Meta and the outbox."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.support.deployment import Deployment
from tests.support.tables import snapshot

WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


@contextmanager
def doing_nothing(casement: Deployment) -> Iterator[None]:
    """Inside, nothing is written, Meta is not called, no job is queued and nothing counted."""
    writes: list[Mapping[str, Any]] = []
    before = _outside(casement)
    with ExitStack() as watching:
        for operation in WRITES:
            watching.enter_context(casement.stepping_in(operation, writes.append))
        yield
    assert writes == []
    assert _outside(casement) == before


def _outside(casement: Deployment) -> tuple[Any, ...]:
    """All that something could have changed."""
    table = snapshot(casement.client, casement.name)
    return table, len(casement.wire.requests), list(casement.jobs), list(casement.counted)
