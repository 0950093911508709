"""Off the queue of deliveries: events for subscribers, each subscriber's lanes beside all others.

What a subscriber does not take waits in the table. Only what could not be worked on stays on the queue.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from typing import Any

from aws_lambda_powertools import Logger

from casement.domain.deliveries import Delivery, Redelivery, Tick, work_from
from casement.domain.errors import CasementError, StoreUnavailable
from casement.runtime import wiring
from casement.store.deliveries import Deliveries
from casement.usecases.deliver import DeliveryDesk, deliver
from casement.usecases.redeliver import Archive, redeliver_range

LANES = 10  # a batch has no more messages
LONGEST_WAIT_S = 60
PATIENCE_S = 0.5  # lanes that are done wait for those of slower subscribers no longer than that

logger = Logger()

wiring.build_at_start(wiring.delivering)

Record = Mapping[str, Any]


def work_all(
    records: Sequence[Record], *, desk: DeliveryDesk, archive: Archive, queue: Deliveries, run: Executor | None
) -> list[str]:
    """Work on a batch, its groups side by side; the ids of the messages that must come again.

    A group takes nothing new until its messages are off the queue. So one that is done while others go on, with a
    subscriber that hangs, takes its messages away itself.
    """
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["attributes"]["MessageGroupId"], []).append(record)

    if run is None:
        return [id_ for group in groups.values() for id_ in _work(group, desk, archive, queue)]
    lanes = {run.submit(_work, group, desk, archive, queue): group for group in groups.values()}
    done, slow = wait(lanes, timeout=PATIENCE_S)
    while slow:
        for lane in done:
            _let_go(lane, lanes[lane], queue)
        done, slow = wait(slow, return_when=FIRST_COMPLETED)
    return [id_ for lane in lanes for id_ in lane.result()]


def _let_go(lane: "Future[list[str]]", group: Sequence[Record], queue: Deliveries) -> None:
    """Take what is done of a group off the queue."""
    if lane.exception() is not None:
        return  # a bug, which all of the batch comes again for
    left = lane.result()
    handles = [record["receiptHandle"] for record in group if record["messageId"] not in left]
    try:
        if handles:
            queue.done(handles)
    except CasementError as error:  # then the batch does it
        logger.warning("not taken off the queue", why=str(error))


def _work(group: Sequence[Record], desk: DeliveryDesk, archive: Archive, queue: Deliveries) -> list[str]:
    """Work on the messages of one group, in order; the ids of those that must come again."""
    tries = max(int(record["attributes"].get("ApproximateReceiveCount", "1")) for record in group)
    sent = group[0]["attributes"].get("SentTimestamp")
    work = [work_from(record["body"]) for record in group]
    try:
        done, wait = _do(work, desk, archive, queue, came_before=tries > 1, sent_at=int(sent) if sent else None)
    except StoreUnavailable as error:
        logger.warning("the table or the queue did not answer, so it waits", why=str(error))
        done, wait = 0, float(min(2**tries, LONGEST_WAIT_S))
    left = group[done:]
    for record in left:
        _put_off(record, wait, queue)
    return [record["messageId"] for record in left]


def _do(
    work: Sequence[Delivery | Tick | Redelivery],
    desk: DeliveryDesk,
    archive: Archive,
    queue: Deliveries,
    *,
    came_before: bool,
    sent_at: int | None,
) -> tuple[int, float]:
    """Do what messages ask for; how many are done with, and the seconds until the others are to come again."""
    now = desk.clock()
    match work[0]:
        case Tick(at=at) | Redelivery(at=at) if at > now:
            return 0, (at - now) / 1000
        case Tick(at=at) as due if at:  # from here on in a lane, as no more than those are to be at work
            queue.tick([Tick(due.subscription, due.shard, made_at=at)])
            return len(work), 0
        case Redelivery() as wanted:
            subscription = desk.subscriptions.find(wanted.subscription)
            events = redeliver_range(wanted, subscription, archive) if subscription else 0
            logger.info("to be delivered again", subscription=wanted.subscription, events=events)
            return 1, 0
    lane = [one for one in work if not isinstance(one, Redelivery)]
    done = deliver(lane, desk, came_before=came_before, sent_at=sent_at)
    logger.info("delivered", subscription=lane[0].subscription, messages=done)
    return done, 0


def _put_off(record: Record, wait: float, queue: Deliveries) -> None:
    try:
        queue.put_off(record["receiptHandle"], wait)
    except CasementError as error:  # then it waits for as long as the queue hides it anyway
        logger.warning("not put off", why=str(error))


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(LANES, thread_name_prefix="lane")


def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
    """The Lambda entry point. What must come again, and all behind it in its group, stays on the queue."""
    with _threads() as run:
        failed = work_all(
            event["Records"], desk=wiring.delivery_desk(), archive=wiring.archive(), queue=wiring.deliveries(), run=run
        )
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in failed]}
