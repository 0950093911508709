"""How much SQS takes at a time."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

_BATCH = 10  # SQS' own limit
LARGEST_BATCH = 240_000  # bytes of all its messages together: SQS took 262,144 for years, and ministack still does


def batches(
    entries: "Iterable[SendMessageBatchRequestEntryTypeDef]",
) -> "Iterator[list[SendMessageBatchRequestEntryTypeDef]]":
    """As many of them at a time as SQS takes."""
    batch, size = list["SendMessageBatchRequestEntryTypeDef"](), 0
    for entry in entries:
        bytes_ = len(entry["MessageBody"].encode())
        if batch and (len(batch) == _BATCH or size + bytes_ > LARGEST_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += bytes_
    if batch:
        yield batch
