"""The simulator's own customer service windows: what Meta knows, whatever our code believes.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages#customer-service-window
https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages#customer-service-windows
"""

from dataclasses import dataclass

from local.simulator.config import Json

SERVICE_SECONDS = 24 * 3600
ENTRY_POINT_SECONDS = 72 * 3600

OPENERS = frozenset(
    {
        "text",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "location",
        "contacts",
        "order",
        "button",
        "interactive",
    }
)
"""Types that open a window. For reactions, edits, deletions, `unsupported`, `request_welcome` and answers
to a call
permission request Meta says nothing; here they open none."""


def opens(message: Json) -> bool:
    if message.get("type") == "interactive":
        return bool(message.get("interactive", {}).get("type") != "call_permission_reply")
    return message.get("type") in OPENERS


@dataclass
class Window:
    """One number x contact (or group). Times are epoch seconds."""

    opened_at: float | None = None
    advert_at: float | None = None  # the customer came through a Click-to-WhatsApp ad
    free_until: float | None = None  # end of the 72 free hours: a price, not a permission

    def saw(self, at: float, *, from_advert: bool = False) -> None:
        self.opened_at = at if self.opened_at is None else max(self.opened_at, at)
        if from_advert:
            self.advert_at = at

    def answered(self, now: float) -> None:
        """The free entry point starts with the business's first answer, if that comes within 24 hours."""
        if self.advert_at is not None and now - self.advert_at < SERVICE_SECONDS:
            self.free_until = now + ENTRY_POINT_SECONDS
        self.advert_at = None

    def is_open(self, now: float) -> bool:
        """Half-open: at exactly 24 hours it is closed."""
        return self.opened_at is not None and now - self.opened_at < SERVICE_SECONDS

    def is_free(self, now: float) -> bool:
        return self.free_until is not None and now < self.free_until

    def absorb(self, other: "Window") -> None:
        """Two people turned out to be one."""
        self.opened_at = _latest(self.opened_at, other.opened_at)
        self.advert_at = _latest(self.advert_at, other.advert_at)
        self.free_until = _latest(self.free_until, other.free_until)

    def as_json(self, now: float) -> Json:
        return {
            "open": self.is_open(now),
            "opened_at": self.opened_at,
            "expires_at": None if self.opened_at is None else self.opened_at + SERVICE_SECONDS,
            "free_entry_point_until": self.free_until,
            "now": now,
        }


def _latest(one: float | None, other: float | None) -> float | None:
    known = [time for time in (one, other) if time is not None]
    return max(known, default=None)
