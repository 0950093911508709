"""The key of a message we send: who it goes to, when it was asked for, and which one it is.

It travels to Meta as `biz_opaque_callback_data` and comes back on every status, so that a status finds its message
without a look-up, even before the send's own answer has arrived. It is also the id that callers see for messages that
have no wamid (yet). Behind the key of a template message travels the id of its template, so that its statuses can be
counted without a look-up too.
"""

import re
from typing import NamedTuple, Self

PREFIX = "csm1."  # the 1 is the version of this format: older keys come back for weeks after an upgrade
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, as in a ULID
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_TEMPLATE = re.compile(r"(?s:(.+))\.t([0-9]{1,20})")  # no ULID: the letter is a small one
_RANDOM_BITS = 80
_DIGITS = re.compile(r"[0-9]{1,20}")
_LATEST = 10**13 - 1  # the last millisecond that sort keys have room for, in the year 2286


class MessageKey(NamedTuple):
    """`contact` is the contact key that the message is filed under; `ulid` holds its time and 80 random bits."""

    contact: str
    ulid: str

    @classmethod
    def new(cls, contact: str, now: int, randomness: int) -> Self:
        """A key for a message asked for at `now` (epoch milliseconds); `randomness` gives 80 bits."""
        number = now << _RANDOM_BITS | randomness & (1 << _RANDOM_BITS) - 1
        return cls(contact, "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)))

    @classmethod
    def parse(cls, text: object) -> Self | None:
        """The key that `text` is, or None: anybody on the same WABA may send other callback data."""
        if not isinstance(text, str) or not text.startswith(PREFIX):
            return None
        tagged = _TEMPLATE.fullmatch(text)
        contact, _, ulid = (tagged[1] if tagged else text)[len(PREFIX) :].rpartition(".")
        return cls(contact, ulid) if contact and _ULID.fullmatch(ulid) and ulid_time(ulid) <= _LATEST else None

    @property
    def at(self) -> int:
        """When the message was asked for, in epoch milliseconds."""
        return ulid_time(self.ulid)

    def __str__(self) -> str:
        return f"{PREFIX}{self.contact}.{self.ulid}"

    def travelling(self, template_id: str | None) -> str:
        """The callback data of a message: the key, and the id of the template that it is, if it is one."""
        return f"{self}.t{template_id}" if template_id and is_template_id(template_id) else str(self)


def is_template_id(text: str) -> bool:
    """Whether a template's id can travel with its messages. Of one that can't, nothing is counted."""
    return _DIGITS.fullmatch(text) is not None


def template_in(callback_data: object) -> str | None:
    """The id of the template that a message with this callback data is, None if it is none of ours or no template."""
    if not isinstance(callback_data, str) or MessageKey.parse(callback_data) is None:
        return None
    tagged = _TEMPLATE.fullmatch(callback_data)
    return tagged[2] if tagged else None


def ulid_time(ulid: str) -> int:
    """The epoch milliseconds inside a ULID."""
    time = 0
    for character in ulid[:10]:
        time = time << 5 | _ALPHABET.index(character)
    return time
