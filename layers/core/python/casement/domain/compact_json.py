"""JSON as it is kept: compact, and always writable as UTF-8."""

import json
from typing import Any

# What is written was parsed or built here, so it holds no circle.
_ASCII = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_UNICODE = json.JSONEncoder(separators=(",", ":"), check_circular=False, ensure_ascii=False)


def dumps(value: Any) -> str:
    """`value` as compact JSON. Raises RecursionError for what nests too deeply.

    Characters stay as they are, which keeps items small, unless a lone surrogate (JSON may carry one, UTF-8 may not)
    makes that impossible. The ASCII encoder is tried first: it is the faster one, and right where it escapes nothing.
    """
    escaped = _ASCII.encode(value)
    if "\\u" not in escaped:
        return escaped
    text = _UNICODE.encode(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return escaped
    return text
