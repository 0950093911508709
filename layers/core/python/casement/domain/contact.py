"""Who is at the other end: a phone, a business-scoped user id (BSUID), or a group.

A contact key names one alias of a contact inside one number's conversations: the canonical digits of a phone, the BSUID
verbatim, or `group:<id>`. It is never a username, which anybody may take over.
"""

import base64
import binascii
import re
from functools import lru_cache
from typing import NamedTuple

from casement.domain.phone import canonical, digits

_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_PHONE = re.compile(r"[+\s().-]*[0-9][+0-9\s().-]*")
_DIGITS = re.compile(rb"[0-9]{7,15}")
_LONGEST_PHONE = 40  # characters, however it is spelt
GROUP = "group:"


class Aliases(NamedTuple):
    """What one element says of a person. Empty strings where it says nothing."""

    phone: str = ""  # canonical digits
    user_id: str = ""  # BSUID, verbatim
    parent_user_id: str = ""

    @property
    def key(self) -> str:
        """The alias under which facts are filed: the BSUID where there is one, else the phone, else nothing."""
        return self.user_id or self.phone or self.parent_user_id


def is_bsuid(text: str) -> bool:
    """Whether `text` has the form of a BSUID or of a parent BSUID (`US.1349…`, `US.ENT.1181…`)."""
    return _BSUID.fullmatch(text) is not None


def is_phone(key: str) -> bool:
    """Whether a contact key names a phone."""
    return key.isascii() and key.isdigit()


def is_parent(key: str) -> bool:
    """Whether a contact key names a parent BSUID, which several portfolios share."""
    return ".ENT." in key and is_bsuid(key)


def is_group(key: str) -> bool:
    """Whether a contact key names a group."""
    return key.startswith(GROUP)


def group_key(group_id: str) -> str:
    """The contact key of a group."""
    return f"{GROUP}{group_id}"


def phone_key(text: str) -> str:
    """The contact key of a phone as anybody writes it; empty if `text` holds no digit."""
    return canonical(digits(text))


def phone_in(wamid: str) -> str | None:
    """The contact key of the phone that a wamid seems to hold. Meta does not say that it does: a hint, no more."""
    try:
        content = base64.b64decode(wamid.partition(".")[2] + "===", validate=False)
    except (binascii.Error, ValueError):
        return None
    found = _DIGITS.search(content)
    return phone_key(found[0].decode()) if found else None


def contact_key(text: str) -> str:
    """The contact key that `text` means: a phone in any spelling, or an id of another kind, verbatim."""
    return _phone_or_id(text) if len(text) <= _LONGEST_PHONE else text


@lru_cache(maxsize=4096)  # one webhook names one person many times
def _phone_or_id(text: str) -> str:
    return phone_key(text) if _PHONE.fullmatch(text) else text


def aliases(phone: object = None, user_id: object = None, parent_user_id: object = None) -> Aliases:
    """Read the identity fields of an element, whatever they hold.

    Real payloads have carried a BSUID inside `from` and `wa_id`, nulls, numbers and empty strings; none of them raises.
    """
    named = phone if isinstance(phone, str) else str(phone) if type(phone) is int else ""
    user = user_id if isinstance(user_id, str) else ""
    parent = parent_user_id if isinstance(parent_user_id, str) else ""
    key = contact_key(named)
    return Aliases(key, user, parent) if is_phone(key) else Aliases("", user or key, parent)
