"""Subscriptions: who is told what, where, and how what they get is signed.

A subscriber gets Casement's own events, or Meta's webhooks in Meta's shape as if there were no Casement in between.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from casement.domain.errors import InvalidRequest
from casement.domain.events import CUSTOM, OF_META, Event, EventType
from casement.domain.message_key import MessageKey
from casement.domain.untrusted import is_text

DEFAULT_LANES, MOST_LANES = 8, 50
MOST_TYPES, MOST_NUMBERS = 50, 100
LONGEST_URL, LONGEST_DESCRIPTION = 2048, 200  # characters
KEEP_OLD_SECRET_MS = 86_400_000
KEPT_MS = 30 * 86_400_000  # so long is known what was told, and what a paused subscriber missed
ANY = "*"
ONLY_CREATED_WITH = {"url", "event_bus", "mode", "secret", "verify_token"}
CHANGEABLE = {"url", "types", "numbers", "description", "concurrency"}

_STANDARD_SECRET = "whsec_"  # noqa: S105 - how Standard Webhooks marks one
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CUSTOM = re.compile(re.escape(CUSTOM) + r"[a-z0-9_.-]{1,64}")
_ID = re.compile(r"[0-9]{1,32}")


class Mode(StrEnum):
    """In which shape events arrive."""

    EVENTS = "events"  # Casement's own
    META = "meta"  # as Meta's webhooks, one message or status each


class State(StrEnum):
    """Whether it is delivered to."""

    ACTIVE = "active"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """What deliveries are signed with, until a time (epoch milliseconds; None: for as long as there is no newer)."""

    text: str = field(repr=False)
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Times are epoch milliseconds. `url` is None for one that goes to the stack's event bus.

    `types` are event types, or Meta's webhook fields in mode `meta`. No `numbers` means all; a WABA's id among them
    stands for all that concerns that account; `was_for` are those that it was for before (`*`: all), of which something
    may wait or be in its log. `concurrency` is how many deliveries are under way at a time. `since` is when its state
    last changed; what happened before `skips_until` is not delivered any more.
    """

    id: str
    url: str | None
    secrets: tuple[SigningSecret, ...] = ()  # the newest first
    mode: Mode = Mode.EVENTS
    types: tuple[str, ...] = (ANY,)
    numbers: frozenset[str] = frozenset()
    was_for: frozenset[str] = frozenset()
    description: str = ""
    concurrency: int = DEFAULT_LANES
    state: State = State.ACTIVE
    why: str | None = None
    since: int = 0
    created_at: int = 0
    skips_until: int = 0
    version: int = 1

    def wants(self, event: Event) -> bool:
        """Whether an event is for it. A paused one still wants what it misses, for as long as it could be delivered
        again: that it was missed is written down."""
        if self.is_paused and event.at > self.since + KEPT_MS:
            return False
        if self.numbers and not self.numbers & {event.number, event.waba_id}:
            return False
        if self.mode is Mode.META:
            return event.meta is not None and not {ANY, event.meta.get("field")}.isdisjoint(self.types)
        if event.type.startswith(OF_META) or self._is_its_own(event):
            return False
        return any(matches(wanted, event.type) for wanted in self.types)

    def _is_its_own(self, event: Event) -> bool:
        return event.type == EventType.SUBSCRIPTION_PAUSED and event.data.get("subscription_id") == self.id

    @property
    def is_paused(self) -> bool:
        """Whether nothing is delivered to it."""
        return self.state is State.PAUSED

    def signs_with(self, now: int) -> list[str]:
        """The secrets that are valid, the newest first."""
        return [secret.text for secret in self.secrets if secret.until is None or secret.until > now]

    def paused(self, why: str, now: int) -> Self:
        """The same, paused."""
        return self._after(state=State.PAUSED, why=why, since=now)

    def resumed(self, now: int, *, skip: bool) -> Self:
        """The same, delivered to again; with `skip`, what it missed is forgotten."""
        return self._after(state=State.ACTIVE, why=None, since=now, skips_until=now if skip else self.skips_until)

    def rotated(self, secret: str, now: int, keep_old_ms: int) -> Self:
        """The same with a new secret; the one before it stays valid for a while, those before that do not."""
        newest = self.secrets[:1]
        old = tuple(SigningSecret(each.text, now + keep_old_ms) for each in newest if keep_old_ms > 0)
        return self._after(secrets=(SigningSecret(secret), *old))

    def changed(self, given: Mapping[str, Any]) -> Self:
        """The same with what a caller changes. Raises `InvalidRequest`."""
        _must_know(given, CHANGEABLE)
        changes: dict[str, Any] = {}
        if "url" in given:
            if self.url is None:
                raise InvalidRequest("It goes to the event bus, so it has no url.", parameter="url")
            changes["url"] = _url(given["url"])
        for name, read in _READERS.items():
            if name in given:
                changes[name] = read(given[name])
        if "types" in given:
            changes["types"] = _types(given["types"], self.mode)
        if changes.get("numbers", self.numbers) != self.numbers:
            changes["was_for"] = self.was_for | (self.numbers or {ANY})
        return self._after(**changes)

    def _after(self, **changes: Any) -> Self:
        return replace(self, version=self.version + 1, **changes)

    def kept(self) -> dict[str, Any]:
        """As it is kept, but for `id` and `version`; `subscription_from` reads it."""
        sets = {"numbers": sorted(self.numbers), "was_for": sorted(self.was_for)}
        return {**asdict(self), **sets, "id": None, "version": None}

    def view(self) -> dict[str, Any]:
        """As callers see it, without its secrets."""
        return {
            "id": self.id,
            **({"event_bus": True} if self.url is None else {"url": self.url}),
            "mode": self.mode.value,
            "types": list(self.types),
            "numbers": sorted(self.numbers),
            "description": self.description,
            "concurrency": self.concurrency,
            "state": self.state.value,
            **({"why": self.why} if self.why else {}),
            "since": _iso(self.since),
            "created_at": _iso(self.created_at),
        }


def subscription_from(id_: str, kept: Mapping[str, Any], version: int) -> Subscription:
    """A subscription as it was kept. What a later version may have added is passed over."""
    known = {name: kept[name] for name in Subscription.__slots__ if name in kept}
    return Subscription(
        **known
        | {
            "id": id_,
            "version": version,
            "secrets": tuple(SigningSecret(each["text"], each["until"]) for each in kept["secrets"]),
            "mode": Mode(kept["mode"]),
            "types": tuple(kept["types"]),
            "numbers": frozenset(kept["numbers"]),
            "was_for": frozenset(kept.get("was_for", ())),
            "state": State(kept["state"]),
        }
    )


def new_subscription(given: Mapping[str, Any], now: int, randomness: int, secret: bytes) -> Subscription:
    """What a caller wants to have. `randomness` gives 80 bits; `secret` 32 bytes, for one who brings none.

    Raises `InvalidRequest`. Whether the URL may be called is for the caller to find out.
    """
    _must_know(given, ONLY_CREATED_WITH | CHANGEABLE)
    to_bus = given.get("event_bus", False)
    if not isinstance(to_bus, bool):
        raise InvalidRequest("event_bus must be true or false.", parameter="event_bus")
    mode = _mode(given.get("mode", Mode.EVENTS.value))
    if to_bus:
        _must_suit_the_bus(given, mode)
    default = ["messages"] if mode is Mode.META else [ANY]
    return Subscription(
        id=f"sub_{MessageKey.new('', now, randomness).ulid}",
        url=None if to_bus else _url(given.get("url")),
        secrets=() if to_bus else (SigningSecret(secret_from(given.get("secret"), mode, secret)),),
        mode=mode,
        types=_types(given.get("types", default), mode),
        since=now,
        created_at=now,
        **{name: read(given[name]) for name, read in _READERS.items() if name in given},
    )


def secret_from(given: object, mode: Mode, random: bytes) -> str:
    """The secret that a caller brings, or one made of 32 random bytes. Raises `InvalidRequest`."""
    if given is None:
        return random.hex() if mode is Mode.META else _STANDARD_SECRET + base64.b64encode(random).decode()
    if mode is Mode.META:
        if not is_text(given, 256) or not str(given).isascii() or len(str(given)) < 16:
            raise InvalidRequest("secret must be 16 to 256 plain characters.", parameter="secret")
        return str(given)
    if not (isinstance(given, str) and given.startswith(_STANDARD_SECRET) and 24 <= _decoded_bytes(given) <= 64):
        raise InvalidRequest("secret must be whsec_ and 24 to 64 bytes in base64.", parameter="secret")
    return given


def _decoded_bytes(secret: str) -> int:
    try:
        return len(base64.b64decode(secret.removeprefix(_STANDARD_SECRET), validate=True))
    except (binascii.Error, ValueError):
        return 0


def matches(wanted: str, type_: str) -> bool:
    """Whether an event of this type is what `wanted` says: a type, a group such as `message.*`, or `*`."""
    if wanted == ANY:
        return True
    return type_.startswith(wanted[:-1]) if wanted.endswith(".*") else wanted == type_


def _must_suit_the_bus(given: Mapping[str, Any], mode: Mode) -> None:
    for name in ("url", "secret", "verify_token"):
        if name in given:
            raise InvalidRequest(f"What goes to the event bus has no {name}.", parameter=name)
    if mode is not Mode.EVENTS:
        raise InvalidRequest("What goes to the event bus has mode events.", parameter="mode")


def _must_know(given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(given.keys() - known):
        raise InvalidRequest(f"Unknown: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.", parameter=unknown[0])


def _url(given: object) -> str:
    if not is_text(given, LONGEST_URL):
        raise InvalidRequest(f"url must be an address of at most {LONGEST_URL} characters.", parameter="url")
    return str(given)


def _mode(given: object) -> Mode:
    if given not in tuple(Mode):
        raise InvalidRequest("mode must be events or meta.", parameter="mode")
    return Mode(str(given))


def _types(given: object, mode: Mode) -> tuple[str, ...]:
    if not _are_texts(given, MOST_TYPES) or not given:
        raise InvalidRequest(f"types must be a list of 1 to {MOST_TYPES} texts.", parameter="types")
    assert isinstance(given, list)  # noqa: S101 - texts are in a list
    for one in given:
        if mode is Mode.META and one != ANY and not _FIELD.fullmatch(one):
            raise InvalidRequest("types: in mode meta, each is a webhook field of Meta's.", parameter="types")
        if mode is Mode.EVENTS and not _is_known(one):
            known = ", ".join(EventType)
            raise InvalidRequest(
                f"types: each is *, a group such as message.*, custom.<name>, or one of {known}.", parameter="types"
            )
    return tuple(dict.fromkeys(given))


def _is_known(wanted: str) -> bool:
    if wanted in (ANY, f"{CUSTOM}*") or _CUSTOM.fullmatch(wanted):
        return True
    return any(matches(wanted, known) for known in EventType) and (wanted.endswith(".*") or wanted in tuple(EventType))


def _numbers(given: object) -> frozenset[str]:
    if not _are_texts(given, MOST_NUMBERS) or not all(map(_ID.fullmatch, given)):  # type: ignore[call-overload]
        raise InvalidRequest(
            f"numbers must be a list of at most {MOST_NUMBERS} phone_number_ids or WABA ids.", parameter="numbers"
        )
    return frozenset(given)  # type: ignore[call-overload, no-any-return]


def _description(given: object) -> str:
    if given != "" and not is_text(given, LONGEST_DESCRIPTION):
        raise InvalidRequest(
            f"description must be a text of at most {LONGEST_DESCRIPTION} characters.", parameter="description"
        )
    return str(given)


def _concurrency(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MOST_LANES:
        raise InvalidRequest(f"concurrency must be a whole number from 1 to {MOST_LANES}.", parameter="concurrency")
    return given


_READERS: Mapping[str, Any] = {
    "numbers": _numbers,
    "description": _description,
    "concurrency": _concurrency,
}


def _are_texts(given: object, most: int) -> bool:
    return isinstance(given, list) and len(given) <= most and all(is_text(each, 100) for each in given)


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def want_any(types: Iterable[str], number: str, waba_id: str, now: int, subscriptions: Iterable[Subscription]) -> bool:
    """Whether an event of one of `types`, of a number, would be for any of `subscriptions`."""
    events = [Event("", each, now, {}, number, waba_id=waba_id) for each in types]
    return any(each.wants(event) for each in subscriptions for event in events)


def who_want(event: Event, subscriptions: Iterable[Subscription]) -> list[Subscription]:
    """Those of `subscriptions` that an event is for."""
    return [each for each in subscriptions if each.wants(event)]
