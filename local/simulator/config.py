"""What a simulator is told when it is made: numbers, secrets, habits. The defaults are the local stack's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

APP_SECRET = "local-app-secret"  # noqa: S105 - a public default of the local stack, good for nothing else
VERIFY_TOKEN = "local-verify-token"  # noqa: S105 - as above
PORT = 8090

Json = dict[str, Any]
"""A JSON object as it goes over the wire."""

Deliver = Callable[[bytes, Mapping[str, str]], int]
"""Takes a webhook's exact bytes and its headers, returns the HTTP status of the receiver (0: no answer)."""

Ask = Callable[[str, bytes, Mapping[str, str]], tuple[int, bytes]]
"""POSTs to the endpoint of a Flow (URL, body, headers), returns its status (0: no answer) and its body."""

Verify = Callable[[Mapping[str, str]], tuple[int, str]]
"""Takes the query of Meta's verification GET (`hub.mode` …), returns the receiver's status and body."""


@dataclass(frozen=True)
class Number:
    """A business phone number, the WABA it belongs to, and the token that may use both."""

    phone_number_id: str
    waba_id: str
    display_phone_number: str
    token: str
    verified_name: str = "Casement Local"

    @property
    def digits(self) -> str:
        return "".join(filter(str.isdigit, self.display_phone_number))


LOCAL_NUMBER = Number("100000000000001", "200000000000001", "+1 555-000-1000", "local-meta-token")


MISLEADING = {
    "endless": "after the last page come empty ones, each with a `next` and a new cursor",
    "loop": "the last page's `next` is the first page again",
    "stuck": "every page is the first one, and says that there is a `next`",
    "no_cursor": "there is a `next`, but there are no `cursors`",
}
"""What `paging` may be other than "normal"."""


@dataclass(frozen=True)
class Options:
    """Habits that a test or a demo may want otherwise.

    `statuses` follow every message by themselves, in this order. `status_delay` seconds lie between the
    answer and the first of them, and between each and the next; `late_delay` seconds between an answer and
    a late refusal; `deletion_delay` seconds between a template's deletion and its end.
    """

    window_refusal: str = "late"  # or "sync": refuse at once with HTTP 400 131047
    auto_review: str | float = "never"  # "instant", or the seconds a review takes
    unpause_event: str = "APPROVED"  # or "UNLOCKED": Meta's pages do not say which
    deletion_delay: float = 0.0
    statuses: tuple[str, ...] = ("sent", "delivered")
    status_delay: float = 0.0
    late_delay: float = 0.0
    template_limit: int = 250  # names a WABA may have; what is put there by a control route is not bound by it
    creations_per_hour: int = 100  # templates that a WABA may create
    page_size: int = 25  # rows of a page where no `limit` is given
    page_limit: int = 1000  # a page never has more rows, whatever its `limit`
    paging: str = "normal"  # how a listing of templates misleads: see `MISLEADING`
    allowed_recipients: frozenset[str] = field(default_factory=frozenset)  # a test number's list; empty: anybody

    def __post_init__(self) -> None:
        if self.window_refusal not in {"late", "sync"}:
            raise ValueError("window_refusal is 'late' or 'sync'")
        if isinstance(self.auto_review, str) and self.auto_review not in {"never", "instant"}:
            raise ValueError("auto_review is 'never', 'instant' or a number of seconds")
        if self.paging != "normal" and self.paging not in MISLEADING:
            raise ValueError(f"paging is normal, {', '.join(MISLEADING)}")
        if min(self.page_size, self.page_limit) < 1:
            raise ValueError("page_size and page_limit are at least 1")
        if self.unpause_event not in {"APPROVED", "UNLOCKED"}:
            raise ValueError("unpause_event is 'APPROVED' or 'UNLOCKED'")
        if unknown := set(self.statuses) - {"sent", "delivered", "read", "played"}:
            raise ValueError(f"not a status that follows by itself: {', '.join(sorted(unknown))}")
