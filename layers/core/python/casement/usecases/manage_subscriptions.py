"""Subscriptions as their owners handle them: made, changed, tried, paused, resumed, and what became of deliveries."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from casement.domain.api_key import ApiKey
from casement.domain.compact_json import dumps
from casement.domain.deliveries import NOT_ARRIVED, Answer, Became, Delivery, Redelivery, Tick, Told
from casement.domain.endpoint_health import Endpoint, Health
from casement.domain.errors import ChangedMeanwhile, InvalidRequest, NotAllowed, NotFound
from casement.domain.events import ID_AHEAD_MS, Event, EventType, event_id
from casement.domain.subscription import (
    KEEP_OLD_SECRET_MS,
    KEPT_MS,
    Mode,
    Subscription,
    matches,
    new_subscription,
    secret_from,
)
from casement.domain.untrusted import is_text
from casement.usecases.redeliver import Archive, redeliver_one

MOST = 100  # subscriptions
MOST_COUNTED = 1_000  # events that were missed
MOST_LOOKED_AT = 1_000  # lines of the log, for one page of those that are looked for
_LATE_MS = 86_400_000  # an event may be told so long after it happened, or longer: then it has to be asked for
_SETTLES_MS = 10_000  # after so long, whoever still held a subscription for paused has written down what it missed
_MOST_ATTEMPTS = 5
_LONGEST_KEPT_S = 30 * 86_400
_LONGEST_TOKEN, _LONGEST_ID = 1_024, 100  # characters


class Subscriptions(Protocol):
    """Who is told what."""

    def fresh(self) -> list[Subscription]: ...
    def find(self, id_: str) -> Subscription | None: ...
    def add(self, subscription: Subscription) -> None: ...
    def replace(self, old: Subscription, new: Subscription) -> bool: ...
    def remove(self, id_: str) -> None: ...


class Endpoints(Protocol):
    """How endpoints do."""

    def find(self, subscription: str) -> Endpoint: ...
    def keep(self, subscription: str, old: Health, new: Health) -> bool: ...


class DeliveryLog(Protocol):
    """What became of deliveries."""

    def newest(self, subscription: str, *, before: str = "") -> Iterator[Told]: ...
    def oldest(self, subscription: str, since: int, until: int, *, after: str = "") -> Iterator[Told]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What handling subscriptions takes. `may_call` and `shake_hands` raise `InvalidRequest`; `post` makes one attempt;
    `tick` puts ticks on the queue. `randomness` gives 80 bits, `secret` 32 bytes."""

    subscriptions: Subscriptions
    endpoints: Endpoints
    log: DeliveryLog
    archive: Archive
    may_call: Callable[[str], None]
    shake_hands: Callable[[str, str], None]
    post: Callable[[Subscription, Delivery], Answer]
    tick: Callable[[Iterable[Tick]], None]
    randomness: Callable[[], int]
    secret: Callable[[], bytes]
    clock: Callable[[], int]


Json = dict[str, Any]


def list_all(key: ApiKey, desk: Desk) -> list[Subscription]:
    """Those that an API key may see, the oldest first."""
    return [each for each in desk.subscriptions.fresh() if _is_for(key, each)]


def find(id_: str, key: ApiKey, desk: Desk) -> Subscription:
    """One. Raises `NotFound`, also for one that is none of the key's business."""
    found = desk.subscriptions.find(id_)
    if found is None or not _is_for(key, found):
        raise NotFound("No such subscription.")
    return found


def create(given: Mapping[str, Any], key: ApiKey, desk: Desk) -> Subscription:
    """Make one. Raises `InvalidRequest` or `NotAllowed`."""
    made = new_subscription(given, desk.clock(), desk.randomness(), desk.secret())
    _must_be_for(key, made)
    token = given.get("verify_token")
    if token is not None and not (made.mode is Mode.META and is_text(token, _LONGEST_TOKEN)):
        raise InvalidRequest(
            f"verify_token must be a text of at most {_LONGEST_TOKEN} characters, and is for mode meta alone.",
            parameter="verify_token",
        )
    if made.url is not None:
        desk.may_call(made.url)
        if token is not None:
            desk.shake_hands(made.url, token)
    if len(desk.subscriptions.fresh()) >= MOST:
        raise InvalidRequest(f"There are {MOST} subscriptions, and no more may be.")
    desk.subscriptions.add(made)
    return made


def change(old: Subscription, given: Mapping[str, Any], key: ApiKey, desk: Desk) -> Subscription:
    """Change what a caller may change. Raises `InvalidRequest`, `NotAllowed` or `ChangedMeanwhile`."""
    new = old.changed(given)
    _must_be_for(key, new)
    if new.url is not None and new.url != old.url:
        desk.may_call(new.url)
    _replace(old, new, desk)
    if new.url != old.url:
        _begin_anew(new, desk)
    return new


def pause(old: Subscription, by: str, desk: Desk) -> Subscription:
    """Deliver nothing more to it."""
    return old if old.is_paused else _replace(old, old.paused(f"By the API key {by}.", desk.clock()), desk)


def resume(old: Subscription, desk: Desk, *, redeliver: bool) -> tuple[Subscription, Json]:
    """Deliver to it again: also what it missed, unless that is not wanted. What was missed comes with it."""
    if not old.is_paused:
        return old, {"missed": 0}
    now = desk.clock()
    missed = _missed(old, desk, now)
    new = _replace(old, old.resumed(now, skip=not redeliver), desk)
    _begin_anew(new, desk)
    if redeliver:
        at = now + _SETTLES_MS
        wanted = Redelivery(new.id, old.since - _LATE_MS, at, (Became.MISSED.value,), now, at=at)
        desk.archive.queue.redeliver(wanted)
    return new, {**missed, "redelivering": redeliver}


def _missed(subscription: Subscription, desk: Desk, now: int) -> Json:
    lines = desk.log.oldest(subscription.id, max(subscription.since, now - KEPT_MS), now + 1 + ID_AHEAD_MS)
    missed = (line for line in islice(lines, 2 * MOST_COUNTED) if line.became is Became.MISSED)
    count = sum(1 for _ in islice(missed, MOST_COUNTED + 1))
    return {"missed": MOST_COUNTED, "more_missed": True} if count > MOST_COUNTED else {"missed": count}


def _begin_anew(subscription: Subscription, desk: Desk) -> None:
    """Forget how its endpoint did, and look at what waits for it."""
    for _ in range(_MOST_ATTEMPTS):
        endpoint = desk.endpoints.find(subscription.id)
        well = Health(recovered_at=desk.clock(), version=endpoint.health.version + 1)
        if desk.endpoints.keep(subscription.id, endpoint.health, well):
            break
    due = [shard for shard, state in endpoint.shards.items() if state.due is not None]
    if due and not subscription.is_paused:
        desk.tick(Tick(subscription.id, shard, desk.clock()) for shard in due)


def rotate_secret(old: Subscription, given: Mapping[str, Any], desk: Desk) -> Subscription:
    """Sign with another secret, and with the one before for a while. Raises `InvalidRequest` or `ChangedMeanwhile`."""
    if old.url is None:
        raise InvalidRequest("What goes to the event bus is not signed.")
    if unknown := sorted(given.keys() - {"secret", "keep_old_s"}):
        raise InvalidRequest(f"Unknown: {', '.join(unknown)}.", parameter=unknown[0])
    keep_s = given.get("keep_old_s", KEEP_OLD_SECRET_MS // 1000)
    if isinstance(keep_s, bool) or not isinstance(keep_s, int) or not 0 <= keep_s <= _LONGEST_KEPT_S:
        raise InvalidRequest(f"keep_old_s must be seconds, at most {_LONGEST_KEPT_S}.", parameter="keep_old_s")
    secret = secret_from(given.get("secret"), old.mode, desk.secret())
    return _replace(old, old.rotated(secret, desk.clock(), keep_s * 1000), desk)


def remove(subscription: Subscription, desk: Desk) -> None:
    """Forget it. What waits for it goes nowhere."""
    desk.subscriptions.remove(subscription.id)


def test(subscription: Subscription, desk: Desk) -> Json:
    """Deliver a made-up event now, paused or not; what came of it. It is not in the log."""
    now = desk.clock()
    event = Event(
        event_id(EventType.TEST, now, subscription.id, str(desk.randomness())),
        EventType.TEST,
        now,
        {"subscription_id": subscription.id},
    )
    body = _test_webhook(now) if subscription.mode is Mode.META else event.body(1)
    answer = desk.post(subscription, Delivery(subscription.id, event.id, event.type, now, "", 0, dumps(body)))
    return {"delivered": answer.ok, "event_id": event.id, **_answer_view(answer.status, answer.ms, answer.why)}


def _test_webhook(now: int) -> Json:
    """As Meta's own test button sends one: numbers that nobody has, and a message that nobody wrote."""
    message = {
        "from": "16315551181",
        "id": "wamid.TEST",
        "timestamp": str(now // 1000),
        "type": "text",
        "text": {"body": "this is a text message"},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "16505551111", "phone_number_id": "123456123"},
        "contacts": [{"profile": {"name": "test user name"}, "wa_id": "16315551181", "user_id": "US.0"}],
        "messages": [message],
    }
    entry = {"id": "0", "changes": [{"value": value, "field": "messages"}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def redeliver(subscription: Subscription, given: Mapping[str, Any], desk: Desk) -> Json:
    """Deliver again: `{"event_id"}`, or `{"since", "until", "only_failed"}`, times in epoch seconds. Raises
    `InvalidRequest` or `NotFound`."""
    if subscription.is_paused:
        raise InvalidRequest("It is paused: resume it, and it gets what it missed.")
    now = desk.clock()
    if "event_id" in given:
        if len(given) > 1 or not is_text(given["event_id"], _LONGEST_ID):
            raise InvalidRequest("event_id must be the id of an event, and stand alone.", parameter="event_id")
        redeliver_one(subscription, given["event_id"], desk.archive, now)
        return {"success": True}
    if unknown := sorted(given.keys() - {"since", "until", "only_failed"}):
        raise InvalidRequest(f"Unknown: {', '.join(unknown)}.", parameter=unknown[0])
    since, until = _seconds(given, "since", None), _seconds(given, "until", now // 1000)
    only_failed = given.get("only_failed", False)
    if not isinstance(only_failed, bool):
        raise InvalidRequest("only_failed must be true or false.", parameter="only_failed")
    if since >= until:
        raise InvalidRequest("until must be later than since.", parameter="until")
    only = tuple(each.value for each in NOT_ARRIVED) if only_failed else ()
    desk.archive.queue.redeliver(Redelivery(subscription.id, since * 1000, until * 1000, only, now))
    return {"success": True}


def _seconds(given: Mapping[str, Any], name: str, default: int | None) -> int:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**10:
        raise InvalidRequest(f"{name} must be a time in epoch seconds.", parameter=name)
    return value


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the delivery log; `after` is where the next begins, None at the end."""

    lines: list[Told]
    after: str | None


def deliveries(
    subscription: Subscription, desk: Desk, *, limit: int, after: str = "", state: str = "", type_: str = ""
) -> Page:
    """What became of its deliveries, newest first; those of a state or an event type, if one is given."""
    found: list[Told] = []
    last = ""
    for looked_at, line in enumerate(desk.log.newest(subscription.id, before=after)):
        if len(found) == limit or looked_at == MOST_LOOKED_AT:
            return Page(found, last)
        last = line.event
        if (not state or line.became == state) and (not type_ or matches(type_, line.type)):
            found.append(line)
    return Page(found, None)


def delivery_view(line: Told) -> Json:
    """A line of the log as callers see it. Times are epoch seconds."""
    number, _, contact = line.scope.partition("#")
    return {
        "event_id": line.event,
        "type": line.type,
        "timestamp": line.at // 1000,
        "sequence": line.sequence,
        **({"phone_number_id": number, "conversation_id": contact} if contact else {}),
        "state": line.became.value,
        "attempts": line.attempts,
        "last_at": line.tried_at // 1000,
        **_answer_view(line.status, line.ms, line.why),
    }


def _answer_view(status: int | None, ms: int | None, why: str | None) -> Json:
    told = {"status": status, "ms": ms, "why": why}
    return {name: value for name, value in told.items() if value is not None}


def _replace(old: Subscription, new: Subscription, desk: Desk) -> Subscription:
    if not desk.subscriptions.replace(old, new):
        raise ChangedMeanwhile
    return new


def _is_for(key: ApiKey, subscription: Subscription) -> bool:
    """Whether an API key may handle it: one for some numbers only, what tells of none but those, and never did."""
    every = subscription.numbers | subscription.was_for
    return not key.numbers or (bool(subscription.numbers) and every <= key.numbers)


def _must_be_for(key: ApiKey, subscription: Subscription) -> None:
    if not _is_for(key, subscription):
        raise NotAllowed("This API key is for some numbers only: name numbers, none but those.")
