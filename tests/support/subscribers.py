"""What owners of subscriptions deal with besides the table: servers that answer, names that lead somewhere, a queue."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from casement.domain.deliveries import Answer, Delivery, Redelivery, Tick
from casement.domain.errors import InvalidRequest
from casement.domain.subscription import Subscription
from casement.store.delivery_log import DeliveryLog
from casement.store.endpoints import Endpoints
from casement.usecases.manage_subscriptions import Desk
from casement.usecases.redeliver import Archive
from casement.webhooks.target import check_target

if TYPE_CHECKING:
    from tests.support.deployment import Deployment

TAKEN = Answer(200, 12)
VERIFY_TOKEN = "the bot's own"  # noqa: S105 - nobody's


@dataclass
class Subscribers:
    """`answer` is what every server says; `addresses` are where every name leads. What was POSTed is in `posted`, what
    was put on the queue in `again` and `ticks`."""

    answer: Answer = TAKEN
    addresses: list[str] = field(default_factory=lambda: ["8.8.8.8"])
    posted: list[Delivery] = field(default_factory=list)
    again: list[Delivery | Redelivery] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def put(self, deliveries: Iterable[Delivery], *, again: str = "") -> None:
        assert again
        self.again += deliveries

    def redeliver(self, wanted: Redelivery) -> None:
        self.again.append(wanted)

    def post(self, _subscription: Subscription, delivery: Delivery) -> Answer:
        self.posted.append(delivery)
        return self.answer

    def shake_hands(self, _url: str, verify_token: str) -> None:
        if verify_token != VERIFY_TOKEN:
            raise InvalidRequest("another token", parameter="verify_token")

    def desk(self, casement: "Deployment") -> Desk:
        """What handling subscriptions takes."""
        log = DeliveryLog(casement.table)
        return Desk(
            casement.subscriptions,
            Endpoints(casement.table),
            log,
            Archive(log, casement.journal, self),
            lambda url: check_target(url, lambda *_: self.addresses),
            self.shake_hands,
            self.post,
            self.ticks.extend,
            lambda: next(self._numbers),
            lambda: next(self._numbers).to_bytes(32, "big"),
            lambda: casement.now,
        )
