"""What the queue of deliveries is asked: in which groups, in what order, under which ids, and no more than it takes."""

from typing import Any, cast

import pytest

from casement.domain.deliveries import Delivery, delivery_from
from casement.domain.errors import StoreUnavailable
from casement.store.deliveries import Deliveries
from casement.store.fifo_queue import LARGEST_BATCH


class Queue:
    """An SQS client that takes everything, or leaves out what a test says."""

    def __init__(self, failed: list[Any] | None = None) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.put_off: list[int] = []
        self.failed = failed or []

    def send_message_batch(self, **asked: Any) -> dict[str, Any]:
        self.batches.append(asked["Entries"])
        return {"Failed": self.failed}

    def change_message_visibility(self, **asked: Any) -> None:
        self.put_off.append(asked["VisibilityTimeout"])


def deliveries(queue: Queue) -> Deliveries:
    return Deliveries(cast("Any", queue), "https://sqs.example/deliveries.fifo", lambda _: 4)


def delivery(number: int, *, scope: str = "1000#16505550101", body: str | None = "{}") -> Delivery:
    return Delivery("sub_1", f"evt_{number}", "message.received", number, scope, number, body)


def test_a_conversations_deliveries_go_into_one_group_in_order():
    queue = Queue()
    deliveries(queue).put([delivery(number) for number in range(25)])

    entries = [entry for batch in queue.batches for entry in batch]
    assert [len(batch) for batch in queue.batches] == [10, 10, 5]
    assert [delivery_from(entry["MessageBody"]).sequence for entry in entries] == list(range(25))
    assert len({entry["MessageGroupId"] for entry in entries}) == 1
    assert len({entry["Id"] for entry in queue.batches[0]}) == 10


def test_a_subscriber_has_as_many_groups_as_lanes():
    queue = Queue()
    deliveries(queue).put([delivery(number, scope=f"1000#{number}") for number in range(100)])
    assert {entry["MessageGroupId"] for batch in queue.batches for entry in batch} == {f"sub_1.{n}" for n in range(4)}


def test_the_same_delivery_has_the_same_id_unless_it_is_wanted_again():
    queue = Queue()
    put = deliveries(queue).put
    put([delivery(1), delivery(1)])
    put([delivery(1)], again="r7")
    assert [[entry["MessageDeduplicationId"] for entry in batch] for batch in queue.batches] == [
        ["sub_1.evt_1"],
        ["sub_1.evt_1.r7"],
    ]


def test_no_batch_is_larger_than_sqs_takes_and_a_body_that_is_stays_in_the_journal():
    queue = Queue()
    sizes = (100_000, 100_000, 100_000, LARGEST_BATCH)
    deliveries(queue).put([delivery(number, body="e" * size) for number, size in enumerate(sizes)])

    assert [len(batch) for batch in queue.batches] == [2, 2]
    for batch in queue.batches:
        assert sum(len(entry["MessageBody"].encode()) for entry in batch) <= LARGEST_BATCH
    assert delivery_from(queue.batches[-1][-1]["MessageBody"]).body is None


def test_nothing_asks_nothing_and_what_sqs_leaves_out_is_told():
    queue = Queue(failed=[{"Id": "0"}])
    deliveries(queue).put([])
    assert queue.batches == []
    with pytest.raises(StoreUnavailable, match="1 of 1"):
        deliveries(queue).put([delivery(1)])


def test_a_message_is_put_off_for_as_long_as_sqs_can():
    queue = Queue()
    for seconds in (0, 5.4, 100_000):
        deliveries(queue).put_off("a receipt", seconds)
    assert queue.put_off == [0, 5, 43_200]
