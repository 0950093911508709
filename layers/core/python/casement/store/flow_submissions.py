"""The form that a stored message is. It follows from the item alone."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from casement.domain.flow_answers import Submission, submission_in
from casement.store.table import text


def submission_of(image: Mapping[str, Any]) -> Submission | None:
    """The form that a customer filled in, if `image` (an item in DynamoDB's form) is a message with one."""
    raw = text(image, "raw")
    if '"nfm_reply"' not in raw:
        return None
    match text(image, "PK").split("#"), text(image, "SK").split("#"):
        case (["C", number, contact], ["W", at, "0", "message", _, digest] | ["M", at, "message", _, digest]):
            found = submission_in(json.loads(raw), number, contact, int(at))
            return replace(found, id=found.id or digest) if found else None
    return None
