"""Casement's own API keys: what a caller may do, kept as digests only."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from casement.domain.errors import NotAllowed


class Scope(StrEnum):
    """What a key may do."""

    SEND = "send"
    READ = "read"
    MANAGE = "manage"  # what owners set (policies, automations…), whom they tell, and what they do to templates


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. No `numbers` means every number; times are epoch milliseconds.

    `when_closed` is a policy, a word or JSON. With `once_by_callback_data`, the caller's own `biz_opaque_callback_data`
    is taken for an idempotency key: for clients that can't set a header.
    """

    digest: str
    name: str
    scopes: frozenset[str]
    numbers: frozenset[str] = frozenset()
    when_closed: str | None = None
    created_at: int = 0
    revoked_at: int | None = None
    once_by_callback_data: bool = False

    def must_allow(self, scope: Scope, number: str | None = None) -> None:
        """Raise `NotAllowed` unless this key may do `scope`, on `number` if one is given."""
        if scope not in self.scopes:
            raise NotAllowed(f"This API key has no '{scope}' scope.")
        if number is not None and not self.is_for(number):
            raise NotAllowed("This API key is not for this phone number.")

    def is_for(self, number: str) -> bool:
        """Whether this phone number is one of the key's."""
        return not self.numbers or number in self.numbers


def digest_of(key: str) -> str:
    """The SHA-256 of a key, in hex: all that is ever stored of it."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
