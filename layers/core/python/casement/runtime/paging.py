"""Lists, page by page, as Graph pages them: `limit`, and cursors that nobody reads but who made them."""

import base64
import binascii
from urllib.parse import urlencode

from casement.domain.errors import InvalidRequest
from casement.runtime.http import Request

DEFAULT_LIMIT, LARGEST_LIMIT = 25, 100


def limit_of(request: Request) -> int:
    """How many the caller wants, at most as many as we give. Raises `InvalidRequest`."""
    text = request.query.get("limit") or str(DEFAULT_LIMIT)
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise InvalidRequest("limit must be a whole number above 0.", parameter="limit")
    return min(int(text.lstrip("0")[:4]), LARGEST_LIMIT)  # its first digits tell whether it is too large


def cursor(position: str) -> str:
    """A position as it goes out."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def position_in(request: Request, parameter: str) -> str | None:
    """The position in a cursor of the query, None where there is no cursor. Raises `InvalidRequest` for what can't be
    read; that it is one of ours is for the caller to say."""
    given = request.query.get(parameter)
    if not given:
        return None
    try:
        return base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{parameter} is no cursor that Casement gave.", parameter=parameter) from error


def link(request: Request, **cursors: str) -> str:
    """The address of another page of the same list."""
    kept = {name: value for name, value in request.query.items() if name not in ("after", "before")}
    return f"{request.url}?{urlencode({**kept, **cursors})}"
