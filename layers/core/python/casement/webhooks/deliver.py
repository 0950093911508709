"""One attempt to deliver one event to a subscriber's URL."""

import time

from casement.domain.deliveries import Answer, Delivery
from casement.domain.subscription import Mode, Subscription
from casement.webhooks.post import Caller, NoAnswer
from casement.webhooks.sign import meta_headers, standard_headers


def deliver(subscription: Subscription, delivery: Delivery, caller: Caller, now: int) -> Answer:
    """POST an event's body, signed with the subscriber's secrets; what its server said. `now` is epoch milliseconds."""
    url, body, began = subscription.url or "", delivery.body or "", time.monotonic()
    try:
        reply = caller.post(url, body.encode(), headers(subscription, delivery.event, body, now))
    except NoAnswer as error:
        return Answer(None, _ms_since(began), str(error))
    why = None if reply.ok else f"It answered {reply.status}."
    return Answer(reply.status, _ms_since(began), why, reply.retry_after)


def headers(subscription: Subscription, event: str, body: str, now: int) -> dict[str, str]:
    """What signs a body, in the subscriber's mode."""
    secrets = subscription.signs_with(now)
    if subscription.mode is Mode.META:
        return meta_headers(secrets[0], body.encode())
    return standard_headers(secrets, event, now, body)


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
