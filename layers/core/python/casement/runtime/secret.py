"""The one secret: app secrets, verify token, and the numbers with their tokens, as one JSON object in Secrets Manager.

It is remembered for a while and then read again, so a rotation needs no deploy. Powertools' parameters can't look for a
newer one when a signature asks for it, and cost cold start that `receive_webhook` has not got (docs/adr/0003).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from casement.domain.errors import NumberNotConfigured, SecretUnavailable

REREAD_AT_MOST_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class Number:
    """A business phone number that we may act for."""

    number: str
    waba_id: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secret:
    """What the secret holds. Nothing here prints what must not be seen."""

    app_secrets: tuple[str, ...] = field(default=(), repr=False)  # newest first; two while one is being rotated
    verify_token: str = field(default="", repr=False)
    numbers: Mapping[str, Number] = field(default_factory=dict)
    flow_keys: tuple[str, ...] = field(default=(), repr=False)  # private, in PEM, newest first; two during rotation

    def number(self, number: str) -> Number:
        """The number, or `NumberNotConfigured`."""
        try:
            return self.numbers[number]
        except KeyError:
            raise NumberNotConfigured(
                f"Casement has no token for phone number {number}. Add it with: casement secrets set"
            ) from None

    def wabas(self) -> dict[str, str]:
        """A token for each WABA."""
        return {number.waba_id: number.token for number in self.numbers.values() if number.waba_id}


def read(text: str) -> Secret:
    """The secret in `text`. Raises `SecretUnavailable` for what has not its shape, without quoting it."""
    try:
        given: Any = json.loads(text)
        numbers = {
            id_: Number(id_, str(number["waba_id"]), _token(number["token"]))
            for id_, number in (given.get("numbers") or {}).items()
        }
        app_secrets, verify_token = given.get("app_secrets") or [], given.get("verify_token") or ""
        flow_keys = given.get("flow_keys") or []
        if not isinstance(app_secrets, list) or not isinstance(verify_token, str) or not isinstance(flow_keys, list):
            raise TypeError  # a string would be read as many short secrets
        return Secret(_texts(app_secrets), verify_token, numbers, _texts(flow_keys))
    except (ValueError, AttributeError, KeyError, TypeError):
        raise SecretUnavailable("The secret has not the shape that `casement secrets set` writes.") from None


def _texts(given: list[Any]) -> tuple[str, ...]:
    return tuple(one for one in given if one and isinstance(one, str))


def _token(given: object) -> str:
    """A token as it can stand in a header; a line's end that was copied along is cut. Raises ValueError otherwise."""
    token = str(given).strip()
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise ValueError
    return token


class SecretSource:
    """Remembers the secret for `max_age` seconds. `fetch` gives its text; times are seconds of any steady clock."""

    def __init__(self, fetch: Callable[[], str], *, max_age: float) -> None:
        self._fetch = fetch
        self._max_age = max_age
        self._read_at = 0.0
        self._secret: Secret | None = None

    def get(self, now: float) -> Secret:
        """The secret, at most `max_age` old.

        A failed reading falls back on what was known. Raises `SecretUnavailable`.
        """
        if self._secret is None or now - self._read_at >= self._max_age:
            self._reread(now)
        assert self._secret is not None  # noqa: S101 - _reread raises otherwise
        return self._secret

    def newer(self, now: float) -> Secret | None:
        """What the secret is now if it has changed: for a signature that nothing known explains.

        At most one reading in half a minute, so that forged signatures can't make us ask Secrets Manager at will.
        """
        if now - self._read_at < REREAD_AT_MOST_EVERY_S:
            return None
        before = self._secret
        self._reread(now)
        return self._secret if self._secret != before else None

    def _reread(self, now: float) -> None:
        try:
            self._secret = read(self._fetch())
        except SecretUnavailable:
            if self._secret is None:
                raise
        self._read_at = now
