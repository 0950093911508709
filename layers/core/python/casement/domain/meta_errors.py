"""Meta's error codes, and what each means for the call that got it.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes. Decide by code,
never by text or HTTP status alone: rate limits come as 400 and as 429.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class ErrorClass(StrEnum):
    """What may be done after an error."""

    RETRY = "retry"  # rejected before sending: the same call may be made again
    AMBIGUOUS = "ambiguous"  # may have been sent: never repeat it without protection
    FINAL = "final"
    WINDOW = "window"
    AUTHENTICATION = "authentication"
    RECIPIENT = "recipient"
    TEMPLATE = "template"
    NUMBER = "number"  # account or number: nothing will go out until somebody acts
    MARKETING = "marketing"


_CODES: Mapping[ErrorClass, tuple[int, ...]] = {
    ErrorClass.RETRY: (
        *(4, 613, 80007, 130429, 131056, 131057, 131208),
        *(132069, 133004, 134101, 2494100),
    ),
    ErrorClass.AMBIGUOUS: (1, 2, 131000, 131016),
    ErrorClass.WINDOW: (470, 131047),
    ErrorClass.AUTHENTICATION: (0, 3, 10, 190, 131005, *range(200, 300)),
    ErrorClass.FINAL: (
        *(100, 131008, 131009, 131020, 131021, 131041, 131051, 131052, 131053, 131059, 135000, 1752041),
        *(*range(131201, 131208), *range(131209, 131216), *range(138000, 138019), *range(139000, 139005)),
        *(*range(139100, 139104), *range(147001, 147006), *range(200005, 200008)),
        *(*range(2494164, 2494180), *range(2593107, 2593110)),
    ),
    ErrorClass.RECIPIENT: (130403, 130497, 131026, 131030, 131062, 137000),
    ErrorClass.TEMPLATE: (
        *(132000, 132001, 132005, 132007, 132008, 132012, 132015),
        *(132016, 132018, 132068, 134102),
        *(2388019, 2388023, 2388024, 2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299),
    ),
    ErrorClass.NUMBER: (
        *(33, 368, 131031, 131037, 131042, 131044, 131045, 131048, 131064),
        *(133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 134011, 136024),
    ),
    ErrorClass.MARKETING: (130472, 131049, 131050, 131055, 131063, 134100),
}
_CLASS_OF: Mapping[int, ErrorClass] = {code: kind for kind, codes in _CODES.items() for code in codes}


_STOPPING = frozenset({0, 190, 368, 131031, 131045, 133010})  # no token, blocked, locked, not registered
_OF_THE_TOKEN = frozenset({0, 190})
_RESTRICTED = frozenset({131048, 131064})  # for spam, for misused categories
_PAIR_LIMIT = 131056
# Limits of the whole number, or of what it shares with others; every other one is of one recipient, group or Flow.
_OF_THE_NUMBER = frozenset({4, 80007, 130429, 131057, 133004, 2494100})
_SLOW = {80007: 60, 4: 60, 131057: 60, 131208: 60, 2494100: 60, 134101: 600, 132069: 600}  # seconds
_LONGEST_WAIT_S = 600
_UNTIL_SOMEBODY_ACTS_S, _LONGEST_UNTIL_S = 60, 6 * 3600


def class_of(code: int) -> ErrorClass:
    """The class of an error code by itself, as a late `failed` status brings it: an unknown one is final."""
    return _CLASS_OF.get(code, ErrorClass.FINAL)


def stops_the_number(code: int) -> bool:
    """Whether nothing at all will go out from this number until somebody acts. Other codes of those classes can be of
    one message only: a permission that one kind of message needs, a payment that only templates need."""
    return code in _STOPPING


def is_of_the_token(code: int) -> bool:
    """Whether what stops a number is its token: then any call shows whether it works again."""
    return code in _OF_THE_TOKEN


def waits_for_somebody(code: int) -> bool:
    """Whether a message that was refused for its number or account may go out once somebody has mended that: a payment,
    a permission, a display name. Where Meta restricts what may be sent, it says not to try again."""
    return class_of(code) in (ErrorClass.AUTHENTICATION, ErrorClass.NUMBER) and code not in _RESTRICTED


def slows_the_number(code: int | None) -> bool:
    """Whether what Meta put off is put off for all of the number: a rate limit of its own, or no connection (None). The
    limit of a pair, a group or a Flow is nobody else's business."""
    return code is None or code in _OF_THE_NUMBER


def wait_before_retry_s(code: int | None, tries: int, retry_after: int | None = None) -> int:
    """Seconds to wait after the `tries`-th refusal (1 for the first) before the same is tried again.

    What Meta asks for counts; for a pair limit it says 4 to the power of the try before, else the wait doubles. Where
    somebody must act first, it is longer.
    """
    if retry_after is not None:
        return min(max(retry_after, 1), _LONGEST_WAIT_S)
    tries = max(min(tries, 10), 1)
    if code is not None and waits_for_somebody(code):
        return min(_UNTIL_SOMEBODY_ACTS_S << (tries - 1), _LONGEST_UNTIL_S)
    if code == _PAIR_LIMIT:
        return min(1 << 2 * (tries - 1), _LONGEST_WAIT_S)
    return min(_SLOW.get(code or 0, 1) << (tries - 1), _LONGEST_WAIT_S)


def code_of(body: object) -> int | None:
    """The `code` of a Graph error body, None if it is no such body."""
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def classify(status: int, body: object) -> ErrorClass:
    """The class of an answer that is no success, from its HTTP status and its parsed body (anything)."""
    code = code_of(body)
    if code is None:  # not Graph: a proxy between us and Meta
        if status == 429:
            return ErrorClass.RETRY
        return ErrorClass.AMBIGUOUS if status >= 500 else ErrorClass.FINAL
    if code in _CLASS_OF:
        return _CLASS_OF[code]
    if status >= 500 or _is_transient(body):
        return ErrorClass.AMBIGUOUS
    return ErrorClass.FINAL


def _is_transient(body: Any) -> bool:
    return body["error"].get("is_transient") is True
