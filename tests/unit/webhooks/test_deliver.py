"""An attempt to deliver: signed as the subscriber expects it, and its answer in words."""

import hashlib
import hmac
import time
from collections.abc import Iterator

import pytest
from standardwebhooks import Webhook

from casement.domain.deliveries import Delivery
from casement.domain.subscription import Subscription, new_subscription
from casement.webhooks.deliver import deliver
from casement.webhooks.post import Caller
from local.sink import CLOSES, Sink, fails

SECRET = "a secret of its own"  # noqa: S105 - nobody's
DELIVERY = Delivery("sub_1", "evt_1", "message.received", 7, "1000#1", 1, '{"text":"é"}')


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    made = Caller(allow_private=True)
    yield made
    made.close()


def now() -> int:
    return time.time_ns() // 1_000_000


def subscribed(sink: Sink, **given: object) -> Subscription:
    return new_subscription({"url": sink.url, **given}, now(), 7, bytes(range(32)))


def test_a_receiver_verifies_it_with_the_secret_that_it_has(caller):
    with Sink() as sink:
        old = subscribed(sink)
        new = old.rotated("whsec_" + "A" * 43 + "=", now(), 60_000)
        assert deliver(new, DELIVERY, caller, now()).ok
        (got,) = sink.got

    for subscription in (old, new):
        headers = dict(got.headers.items())
        assert Webhook(subscription.signs_with(now())[0]).verify(got.body, headers) == {"text": "é"}
    assert got.headers["webhook-id"] == "evt_1"


def test_a_bot_of_metas_verifies_it_as_it_would_metas(caller):
    with Sink() as sink:
        subscription = subscribed(sink, mode="meta", secret=SECRET)
        assert deliver(subscription, DELIVERY, caller, now()).ok
        (got,) = sink.got

    digest = hmac.new(SECRET.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-hub-signature-256"] == f"sha256={digest}"
    assert "webhook-signature" not in got.headers


def test_what_was_wrong_is_told(caller):
    with Sink() as sink:
        subscription = subscribed(sink)
        sink.behave(fails(503, retry_after=9), times=1)
        sink.behave(CLOSES, times=2)
        busy, closed = (deliver(subscription, DELIVERY, caller, now()) for _ in range(2))

    assert (busy.status, busy.retry_after, busy.why, busy.asks_to_slow_down) == (503, 9, "It answered 503.", True)
    assert (closed.status, closed.ok, bool(closed.why)) == (None, False, True)
