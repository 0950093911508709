"""Webhooks out: Meta's bytes, signed, queued, redelivered; shuffled, repeated or batched when asked.

A queue entry is bytes from the moment it is queued: a redelivery repeats the very same ones.
"""

import hmac
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.simulator.config import Deliver, Json

RETRY_DELAYS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Seconds before each redelivery: at once, then ever later; after the last one the webhook is given up."""

MESSAGE_LISTS = ("messages", "statuses", "contacts", "errors")


def encode(payload: Any) -> bytes:
    """JSON as Meta writes it: no spaces, non-ASCII as lower-case \\uXXXX, every slash as \\/."""
    return json.dumps(payload, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def sign(app_secret: str, body: bytes) -> str:
    """The value of X-Hub-Signature-256 for exactly these bytes."""
    return "sha256=" + hmac.digest(app_secret.encode(), body, "sha256").hex()


@dataclass(frozen=True)
class Update:
    """One change: what Meta may send alone or together with others."""

    waba_id: str
    field: str
    value: Json
    time: int | None  # entry.time: whole seconds; `messages` has none


@dataclass
class Webhook:
    """One POST. `due` and `attempts` change, the bytes never do."""

    updates: tuple[Update, ...]
    body: bytes
    headers: Mapping[str, str]
    due: float
    attempts: int = 0
    answers: list[int] = field(default_factory=list)  # HTTP status of each attempt, 0 for no answer
    answered_at: list[float] = field(default_factory=list)  # when each of them came

    def as_json(self) -> Json:
        return {
            "body": self.body.decode(),
            "headers": dict(self.headers),
            "updates": len(self.updates),
            "due": self.due,
            "answers": self.answers,
            "answered_at": self.answered_at,
        }


def envelope(updates: Iterable[Update]) -> Json:
    """The POST body of these updates: neighbours of one WABA share an entry."""
    entries: list[Json] = []
    for update in updates:
        change = {"value": update.value, "field": update.field}
        last = entries[-1] if entries else {}
        if last.get("id") == update.waba_id and last.get("time") == update.time:
            last["changes"].append(change)
        else:
            time = {} if update.time is None else {"time": update.time}
            entries.append({"id": update.waba_id, **time, "changes": [change]})
    return {"object": "whatsapp_business_account", "entry": entries}


def merge(updates: Iterable[Update]) -> list[Update]:
    """Neighbouring message updates of one number in one `value`, as Meta aggregates under load."""
    merged: list[Update] = []
    for update in updates:
        last = merged[-1] if merged else None
        if last is None or update.field != "messages" or not _same_number(last, update):
            merged.append(Update(update.waba_id, update.field, dict(update.value), update.time))
            continue
        for name in MESSAGE_LISTS:
            if name in update.value:
                last.value[name] = [*last.value.get(name, []), *update.value[name]]
    return merged


def _same_number(one: Update, other: Update) -> bool:
    return (one.waba_id, one.field, one.value.get("metadata")) == (
        other.waba_id,
        other.field,
        other.value.get("metadata"),
    )


class Webhooks:
    """The queue. Safe under threads: one condition guards it, and nothing is delivered under it."""

    def __init__(self, app_secret: str, deliver: Deliver, clock: Callable[[], float], rng: Random) -> None:
        self._app_secret, self._deliver, self._clock, self._rng = app_secret, deliver, clock, rng
        self._changed = threading.Condition()
        self._queue: list[Webhook] = []
        self._held = False
        self._closed = False
        self.muted: set[str] = set()  # WABAs that no app is subscribed to: nothing is sent for them
        self.finished: deque[Webhook] = deque(maxlen=10_000)  # answered 200, or given up

    @property
    def pending(self) -> list[Webhook]:
        with self._changed:
            return list(self._queue)

    def add(self, update: Update, *, delay: float = 0.0) -> None:
        """Queue this update as a POST of its own."""
        if update.waba_id in self.muted:
            return
        webhook = self._make([update], self._clock() + delay)
        with self._changed:
            self._queue.append(webhook)
            self._changed.notify_all()

    def deliver_pending(self) -> list[int]:
        """Try every queued webhook once, now, in order, also what is held or not yet due.

        Returns the receiver's statuses. What was not answered 200 stays queued, behind what came
        meanwhile. What the receiver causes while it answers (its own sends, say) is queued and left for
        the next call.
        """
        with self._changed:
            untried, self._queue = deque(self._queue), []
        statuses: list[int] = []
        try:
            while untried:
                statuses.append(self._attempt(untried.popleft()))
        finally:  # a deliverer that raised: what was not tried yet is not lost
            with self._changed:
                self._queue[:0] = untried
        return statuses

    def deliver_due(self, wait: float) -> None:
        """The background worker's step: wait up to `wait` seconds for one due webhook, try it."""
        with self._changed:
            webhook = self._take_due()
            if webhook is None and not self._closed:
                self._changed.wait(self._until_next(wait))
                webhook = self._take_due()
        if webhook is not None:
            self._attempt(webhook)

    def hold(self, on: bool = True) -> None:
        """While on, the background worker leaves everything queued: to be shuffled, repeated, batched."""
        with self._changed:
            self._held = on
            self._changed.notify_all()

    def shuffle(self) -> int:
        """Any order: bodies change places, the times at which something is due stay."""
        with self._changed:
            dues = [webhook.due for webhook in self._queue]
            self._rng.shuffle(self._queue)
            for webhook, due in zip(self._queue, dues, strict=True):
                webhook.due = due
            return len(self._queue)

    def duplicate(self, copies: int = 1) -> int:
        """Every queued webhook once more (or `copies` times), byte for byte."""
        with self._changed:
            again = [
                Webhook(webhook.updates, webhook.body, webhook.headers, webhook.due)
                for _ in range(copies)
                for webhook in self._queue
            ]
            self._queue.extend(again)
            self._changed.notify_all()
            return len(self._queue)

    def batch(self, size: int, *, one_value: bool = False) -> int:
        """Updates never tried yet go out `size` to a POST; with `one_value`, a number's in one `value`."""
        if size < 1:
            raise ValueError("size is at least 1")
        with self._changed:
            tried = [webhook for webhook in self._queue if webhook.attempts]
            fresh = [webhook for webhook in self._queue if not webhook.attempts]
            updates = [update for webhook in fresh for update in webhook.updates]
            due = min((webhook.due for webhook in fresh), default=0.0)
            groups = [updates[start : start + size] for start in range(0, len(updates), size)]
            self._queue = tried + [self._make(merge(group) if one_value else group, due) for group in groups]
            self._changed.notify_all()
            return len(self._queue)

    def clear(self) -> None:
        with self._changed:
            self._queue.clear()
            self.finished.clear()
            self._held = False

    def close(self) -> None:
        """Wakes the background worker for the last time."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _make(self, updates: Iterable[Update], due: float) -> Webhook:
        updates = tuple(updates)
        body = encode(envelope(updates))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": sign(self._app_secret, body),
        }
        return Webhook(updates, body, headers, due)

    def _take_due(self) -> Webhook | None:
        now = self._clock()
        due = [webhook for webhook in self._queue if webhook.due <= now]
        if self._held or self._closed or not due:
            return None
        webhook = min(due, key=lambda each: each.due)
        self._queue.remove(webhook)
        return webhook

    def _until_next(self, wait: float) -> float:
        if self._held or not self._queue:
            return wait
        return min(wait, max(0.0, min(webhook.due for webhook in self._queue) - self._clock()))

    def _attempt(self, webhook: Webhook) -> int:
        status = 0
        try:
            status = self._deliver(webhook.body, webhook.headers)
        finally:
            self._settle(webhook, status)
        return status

    def _settle(self, webhook: Webhook, status: int) -> None:
        with self._changed:
            webhook.attempts += 1
            webhook.answers.append(status)
            webhook.answered_at.append(self._clock())
            if status == 200 or webhook.attempts > len(RETRY_DELAYS):
                self.finished.append(webhook)
                return
            webhook.due = self._clock() + RETRY_DELAYS[webhook.attempts - 1]
            self._queue.append(webhook)
            self._changed.notify_all()
