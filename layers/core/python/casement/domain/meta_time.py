"""Times as Meta writes them: whole seconds since the epoch, as text or as a number."""

_LATEST_SECOND = 9_999_999_999  # later than this is no time in seconds


def milliseconds(timestamp: object) -> int:
    """Meta's epoch seconds (text or number) in milliseconds; 0 for what is no such time."""
    if isinstance(timestamp, str) and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 10:
        return int(timestamp) * 1000
    if isinstance(timestamp, int) and not isinstance(timestamp, bool) and 0 < timestamp <= _LATEST_SECOND:
        return timestamp * 1000
    return 0
