"""Failures on request: what the next calls, or the next accepted messages, will meet."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from local.simulator.errors import GraphError
from local.simulator.wsgi import Response

Unanswered = Callable[[str], NoReturn]
"""How a call that gets no answer ends for the caller: "timeout", "drop" or "connect". In process it raises
what httpx
would have raised (`raise_in_process`); the loopback server stalls and then closes the connection."""

CALL_FAULTS = {
    "timeout_before": "never processed, never answered",
    "timeout_after": "processed, never answered",
    "drop_before": "never processed, connection closed without an answer",
    "drop_after": "processed, connection closed without an answer",
    "connect": "no connection at all (over loopback: as drop_before)",
    "5xx_before": "never processed, HTTP 503",
    "5xx_after": "processed, HTTP 503",
    "rate_limit": "never processed, 130429 (messages) or 80007 (everything else)",
    "error": "never processed, the given code",
}
SEND_FAULTS = {
    "late": "accepted, then a failed status with the given code",
    "held": "accepted as held_for_quality_assessment, no statuses until you send some",
}
PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


def raise_in_process(how: str) -> NoReturn:
    import httpx  # the simulator itself is standard library only

    if how == "timeout":
        raise httpx.ReadTimeout("timed out (simulated)")
    if how == "connect":
        raise httpx.ConnectError("connection refused (simulated)")
    raise httpx.RemoteProtocolError("Server disconnected without sending a response. (simulated)")


@dataclass
class Fault:
    """`skip` matching calls pass, then `remaining` fail. `match` is searched in "POST /<id>/messages"."""

    how: str
    remaining: int = 1
    skip: int = 0
    match: str = ""
    code: int | None = None
    http_status: int | None = None
    details: str | None = None
    retry_after: int | None = None  # seconds
    proxy_page: bool = False  # a 5xx with a proxy's HTML instead of Graph's JSON

    def __post_init__(self) -> None:
        if self.how not in CALL_FAULTS and self.how not in SEND_FAULTS:
            raise ValueError(f"how is one of {', '.join((*CALL_FAULTS, *SEND_FAULTS))}")
        if self.how in {"error", "late"} and self.code is None:
            raise ValueError(f"{self.how} needs a code")
        if self.remaining < 1 or self.skip < 0:
            raise ValueError("next is at least 1, skip at least 0")
        re.compile(self.match)

    @property
    def silent(self) -> str | None:
        """How the connection ends, if no answer comes."""
        kind = self.how.removesuffix("_before").removesuffix("_after")
        return kind if kind in {"timeout", "drop", "connect"} else None

    @property
    def processed(self) -> bool:
        return self.how.endswith("_after")

    def refusal(self, route: str) -> GraphError:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        code = self.code if self.code is not None else self._usual_code(route)
        return GraphError(code, details=self.details, http_status=self.http_status, headers=headers)

    def page(self) -> Response | None:
        """The answer of a proxy that stands before Graph, if that is what fails."""
        if not self.proxy_page:
            return None
        return Response(self.http_status or 502, PROXY_PAGE, {"Content-Type": "text/html"})

    def _usual_code(self, route: str) -> int:
        if self.how == "rate_limit":
            return 130429 if route.endswith("messages") else 80007
        return 2

    def due(self, route: str) -> bool:
        """Counts this call; true if it is one that fails."""
        if self.remaining == 0 or not re.search(self.match, route):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.remaining -= 1
        return True


class Faults:
    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def for_call(self, route: str) -> Fault | None:
        return self._take(CALL_FAULTS, route)

    def for_send(self, route: str) -> Fault | None:
        return self._take(SEND_FAULTS, route)

    def _take(self, kinds: dict[str, str], route: str) -> Fault | None:
        self._waiting = [fault for fault in self._waiting if fault.remaining]
        return next((fault for fault in self._waiting if fault.how in kinds and fault.due(route)), None)
