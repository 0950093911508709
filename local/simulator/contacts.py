"""The people: each has a phone number, a business-scoped user id (BSUID), or both."""

import hashlib
import re
from dataclasses import dataclass, field

from local.simulator.config import Json
from local.simulator.windows import Window

BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
MONTH = 30 * 86400

# Longest prefix first; enough to give a minted BSUID a plausible country.
COUNTRIES = (
    ("972", "IL"), ("971", "AE"), ("234", "NG"), ("351", "PT"), ("91", "IN"), ("62", "ID"), ("57", "CO"),
    ("56", "CL"), ("55", "BR"), ("54", "AR"), ("52", "MX"), ("49", "DE"), ("44", "GB"), ("39", "IT"),
    ("34", "ES"), ("33", "FR"), ("27", "ZA"), ("7", "RU"), ("1", "US"),
)  # fmt: skip


def digits_of(phone: str) -> str:
    return "".join(character for character in phone if character in "0123456789")


def same_line(digits: str) -> str:
    """One key for all spellings of a line: without Brazil's ninth digit, Mexico's 1, Argentina's 9."""
    if re.fullmatch(r"55[1-9]\d9\d{8}", digits):
        return digits[:4] + digits[5:]
    if re.fullmatch(r"521\d{10}", digits) or re.fullmatch(r"549\d{10}", digits):
        return digits[:2] + digits[3:]
    return digits


def wa_id_of(digits: str) -> str:
    """The spelling Meta makes of a number nobody has written from yet.

    Brazil keeps the ninth digit in area codes up to 28 and drops it from 31 on, Mexico has the 1,
    Argentina the 9.
    """
    line = same_line(digits)
    if re.fullmatch(r"55[12]\d[6-9]\d{7}", line):
        return line[:4] + "9" + line[4:]
    if re.fullmatch(r"52\d{10}", line):
        return "521" + line[2:]
    if re.fullmatch(r"54\d{10}", line):
        return "549" + line[2:]
    return line


def mint_user_id(wa_id: str) -> str:
    """The same number always has the same BSUID; a changed number has another, as at Meta."""
    country = next((country for prefix, country in COUNTRIES if wa_id.startswith(prefix)), "US")
    digest = hashlib.sha256(f"portfolio:{wa_id}".encode()).digest()
    return f"{country}.{int.from_bytes(digest[:8]) % 10**16:016d}"


@dataclass
class Contact:
    key: int
    wa_id: str | None = None
    user_id: str | None = None
    name: str | None = None
    username: str | None = None
    phone_hidden: bool = False  # came without a number, so webhooks leave it out until one is used
    addressed_at: float | None = None  # last sent to by phone: shows the number for 30 days
    stopped_marketing: bool = False
    windows: dict[str, Window] = field(default_factory=dict)  # by phone_number_id

    def window(self, phone_number_id: str) -> Window:
        return self.windows.setdefault(phone_number_id, Window())

    def shown_wa_id(self, now: float) -> str | None:
        """The number as webhooks show it: not that of a username user nobody wrote to by phone lately."""
        recent = self.addressed_at is not None and now - self.addressed_at < MONTH
        return self.wa_id if recent or not self.phone_hidden else None

    def profile(self) -> Json:
        return _present(name=self.name, username=self.username)


@dataclass
class Group:
    group_id: str
    members: dict[int, Contact] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)

    def window(self, phone_number_id: str) -> Window:
        return self.windows.setdefault(phone_number_id, Window())


class Directory:
    """Everybody the simulated business portfolio has met, found by any alias."""

    def __init__(self) -> None:
        self._by_alias: dict[str, Contact] = {}
        self._groups: dict[str, Group] = {}
        self._met = 0

    def clear(self) -> None:
        self._by_alias.clear()
        self._groups.clear()

    def group(self, group_id: str) -> Group:
        return self._groups.setdefault(group_id, Group(group_id))

    def find_group(self, group_id: str) -> Group | None:
        return self._groups.get(group_id)

    def find(self, alias: str) -> Contact | None:
        """By phone number in any spelling, or by BSUID."""
        return self._by_alias.get(alias if BSUID.fullmatch(alias) else same_line(digits_of(alias)))

    def by_phone(self, phone: str) -> Contact:
        """The contact at this number; met now if need be, with the `wa_id` that Meta would make of it."""
        digits = digits_of(phone)
        return self._by_alias.get(same_line(digits)) or self._meet(wa_id_of(digits), None)

    def met(self, wa_id: str | None, user_id: str | None) -> Contact:
        """The contact who has just shown these ids. Two known contacts who turn out to be one become one."""
        by_phone = self.find(wa_id) if wa_id else None
        by_user = self.find(user_id) if user_id else None
        contact = by_user or by_phone or self._meet(wa_id, user_id)
        if by_phone is not None and by_phone is not contact:
            self._merge(contact, by_phone)
        self._learn(contact, wa_id, user_id)
        return contact

    def change_number(self, contact: Contact, wa_id: str) -> None:
        """A new number, and with it a new BSUID; the old ones go on leading here."""
        self._learn(contact, wa_id, mint_user_id(wa_id))

    def _meet(self, wa_id: str | None, user_id: str | None) -> Contact:
        self._met += 1
        contact = Contact(self._met)
        self._learn(contact, wa_id, user_id or (mint_user_id(wa_id) if wa_id else None))
        return contact

    def _learn(self, contact: Contact, wa_id: str | None, user_id: str | None) -> None:
        if wa_id:
            contact.wa_id = wa_id
            self._by_alias[same_line(wa_id)] = contact
        if user_id:
            contact.user_id = user_id
            self._by_alias[user_id] = contact

    def _merge(self, kept: Contact, gone: Contact) -> None:
        for phone_number_id, window in gone.windows.items():
            kept.window(phone_number_id).absorb(window)
        kept.wa_id, kept.name = kept.wa_id or gone.wa_id, kept.name or gone.name
        kept.stopped_marketing |= gone.stopped_marketing
        for alias in [alias for alias, contact in self._by_alias.items() if contact is gone]:
            self._by_alias[alias] = kept
        for group in self._groups.values():
            if group.members.pop(gone.key, None):
                group.members[kept.key] = kept


def _present(**values: str | None) -> Json:
    return {name: value for name, value in values.items() if value is not None}
