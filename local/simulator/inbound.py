"""What customers do: write, call, change number, stop marketing; and what the business types on its phone."""

import base64
from collections.abc import Callable, Mapping
from enum import Enum
from random import Random
from typing import Any

from local.simulator.config import Json, Number
from local.simulator.contacts import BSUID, Contact, Directory, digits_of
from local.simulator.media import USUAL_TYPE, Media
from local.simulator.webhooks import Update, Webhooks
from local.simulator.windows import Window, opens

DEFAULT_SENDER = "16505551234"


class Auto(Enum):
    """Not given: the simulator chooses. (None means: left out of the webhook.)"""

    AUTO = "auto"


AUTO = Auto.AUTO
Id = str | None | Auto


def make_wamid(subject: str, rng: Random, *, inbound: bool) -> str:
    """`wamid.` and base64 in which, as at Meta, the other side's number or BSUID can be read."""
    name = subject.encode()[:127]
    unique = f"{rng.getrandbits(72):018X}".encode()
    direction = b"\x12" if inbound else b"\x11"
    packed = b"\x1c\x18%c%b\x15\x02\x00%b\x18%c%b\x00" % (len(name), name, direction, len(unique), unique)
    return "wamid." + base64.b64encode(packed).decode()


def metadata(number: Number) -> Json:
    return {"display_phone_number": number.digits, "phone_number_id": number.phone_number_id}


def messages_value(number: Number, **parts: Any) -> Json:
    return {"messaging_product": "whatsapp", "metadata": metadata(number)} | parts


class Customers:
    """Everything that starts at the other side. `known` is told every wamid that comes into being."""

    def __init__(
        self,
        directory: Directory,
        media: Media,
        webhooks: Webhooks,
        known: dict[str, float],
        clock: Callable[[], float],
        rng: Random,
    ) -> None:
        self._directory, self._media, self._webhooks = directory, media, webhooks
        self._known, self._clock, self._rng = known, clock, rng

    def write(
        self,
        number: Number,
        message: Mapping[str, Any],
        *,
        sender: Id = AUTO,
        user_id: Id = AUTO,
        name: str | None = None,
        username: str | None = None,
        ago: float = 0.0,
        wamid: str | None = None,
        group_id: str | None = None,
    ) -> str:
        """A customer's message of `ago` seconds back: opens the window from then, and is told by webhook."""
        at = self._stamp(ago)
        contact = self._meet(sender, user_id, name, username)
        element: Json = {
            **self._ids(contact, sender, user_id),
            **({"group_id": group_id} if group_id else {}),
            "id": wamid or make_wamid(contact.wa_id or contact.user_id or "", self._rng, inbound=True),
            "timestamp": str(int(at)),
            **self._content(number, message),
        }
        self._known[element["id"]] = at
        if opens(element):
            self._open(number, contact, group_id, at, from_advert="referral" in element)
        value = messages_value(number, contacts=[self._card(contact, sender, user_id)], messages=[element])
        self._webhooks.add(Update(number.waba_id, "messages", value, None))
        return str(element["id"])

    def change_number(self, number: Number, old: str, new: str, *, show_phone: bool = True) -> str:
        """The customer moves to another phone number: a system message, a new BSUID, the same person."""
        contact = self._must_know(old)
        previous, was = contact.user_id, contact.shown_wa_id(self._clock())
        self._directory.change_number(contact, digits_of(new))
        kind = "user_changed_number" if show_phone else "user_changed_user_id"
        system: Json = {"body": f"{contact.name or 'User'} changed number", "type": kind}
        system |= {"wa_id": contact.wa_id} if show_phone else {}
        system |= {"user_id": contact.user_id} | ({"previous_user_id": previous} if previous else {})
        element = {
            **({"from": was} if was and show_phone else {}),
            **({"from_user_id": previous} if previous else {}),
            "id": make_wamid(previous or was or "", self._rng, inbound=True),
            "timestamp": str(int(self._clock())),
            "type": "system",
            "system": system,
        }
        self._webhooks.add(Update(number.waba_id, "messages", messages_value(number, messages=[element]), None))
        return str(element["id"])

    def call(self, number: Number, *, sender: Id = AUTO, user_id: Id = AUTO, ago: float = 0.0) -> str:
        """A customer's call, answered or not: it opens the window too."""
        at = self._stamp(ago)
        contact = self._meet(sender, user_id, None, None)
        self._open(number, contact, None, at, from_advert=False)
        call_id = make_wamid(contact.wa_id or contact.user_id or "", self._rng, inbound=True)
        call = {
            "id": call_id.replace("wamid.", "wacid."),
            **self._ids(contact, sender, user_id),
            "to": number.digits,
            "event": "connect",
            "timestamp": str(int(at)),
            "direction": "USER_INITIATED",
        }
        value = messages_value(number, contacts=[self._card(contact, sender, user_id)], calls=[call])
        self._webhooks.add(Update(number.waba_id, "calls", value, None))
        return str(call["id"])

    def prefer(self, number: Number, who: str, *, stop: bool) -> None:
        """The customer stops or resumes marketing messages, which from now on are refused (131050)."""
        contact = self._directory.find(who) or self._directory.met(**_one_id(who))
        contact.stopped_marketing = stop
        wa_id = contact.shown_wa_id(self._clock())
        preference = {
            **({"wa_id": wa_id} if wa_id else {}),
            "user_id": contact.user_id,
            "detail": f"User requested to {'stop' if stop else 'resume'} marketing messages",
            "category": "marketing_messages",
            "value": "stop" if stop else "resume",
            "timestamp": int(self._clock()),
        }
        value = messages_value(number, contacts=[self._card(contact, wa_id, AUTO)], user_preferences=[preference])
        self._webhooks.add(Update(number.waba_id, "user_preferences", value, None))

    def echo(self, number: Number, to: str, message: Mapping[str, Any]) -> str:
        """The business typed on its phone app (coexistence): outbound, opens nothing."""
        contact = self._directory.find(to) or self._directory.met(**_one_id(to))
        wa_id = contact.shown_wa_id(self._clock())
        element = {
            "from": number.digits,
            **({"to": wa_id} if wa_id else {}),
            "to_user_id": contact.user_id,
            "id": make_wamid(contact.wa_id or contact.user_id or "", self._rng, inbound=False),
            "timestamp": str(int(self._clock())),
            **self._content(number, message),
        }
        self._known[element["id"]] = self._clock()
        value = messages_value(number, contacts=[self._card(contact, wa_id, AUTO)], message_echoes=[element])
        self._webhooks.add(Update(number.waba_id, "smb_message_echoes", value, None))
        return str(element["id"])

    def _stamp(self, ago: float) -> float:
        """Meta's time of what happened `ago` seconds back: whole seconds, from which the window counts too."""
        return float(int(self._clock() - ago))

    def _meet(self, sender: Id, user_id: Id, name: str | None, username: str | None) -> Contact:
        if sender is AUTO:
            sender = DEFAULT_SENDER if user_id is AUTO or user_id is None else None
        known_user = None if user_id is AUTO else user_id
        if sender is None and known_user is None:
            raise ValueError("a customer has a phone number, a user_id, or both")
        if known_user is not None and not BSUID.fullmatch(known_user):
            raise ValueError(f"not a BSUID: {known_user}")
        phone = digits_of(sender) if isinstance(sender, str) else None
        if sender is not None and not phone:
            raise ValueError("from is a phone number")
        contact = self._directory.met(phone, known_user)
        contact.phone_hidden = phone is None
        contact.name, contact.username = name or contact.name, username or contact.username
        return contact

    def _must_know(self, alias: str) -> Contact:
        contact = self._directory.find(alias)
        if contact is None:
            raise ValueError("nobody is known by that number or user_id")
        return contact

    def _open(self, number: Number, contact: Contact, group_id: str | None, at: float, *, from_advert: bool) -> None:
        if group_id is None:
            contact.window(number.phone_number_id).saw(at, from_advert=from_advert)
            return
        group = self._directory.group(group_id)
        group.members[contact.key] = contact
        window: Window = group.window(number.phone_number_id)
        window.saw(at)

    def _ids(self, contact: Contact, sender: Id, user_id: Id) -> Json:
        shown = contact.wa_id if not contact.phone_hidden else None
        hide_user = user_id is None  # a webhook of before April 2026
        return {
            **({"from": shown} if shown and sender is not None else {}),
            **({"from_user_id": contact.user_id} if contact.user_id and not hide_user else {}),
        }

    def _card(self, contact: Contact, sender: Id, user_id: Id) -> Json:
        ids = self._ids(contact, sender, user_id)
        card: Json = {"profile": contact.profile()}
        card |= {"wa_id": ids["from"]} if "from" in ids else {}
        return card | ({"user_id": ids["from_user_id"]} if "from_user_id" in ids else {})

    def _content(self, number: Number, message: Mapping[str, Any]) -> Json:
        """The message as given; media that names no id gets one that can be downloaded."""
        content = dict(message)
        kind = str(content.setdefault("type", "text"))
        if kind in USUAL_TYPE and not (content.get(kind) or {}).get("id"):
            given = content.get(kind) or {}
            medium = self._media.received(number.phone_number_id, kind, given.get("mime_type"))
            content[kind] = self._media.attachment(medium) | given
        return content


def _one_id(alias: str) -> dict[str, str | None]:
    is_user = bool(BSUID.fullmatch(alias))
    return {"wa_id": None if is_user else digits_of(alias), "user_id": alias if is_user else None}
