"""What a customer fills in: the answers to a Flow, whether they can be trusted to belong to the send that asked for
them, and what of them a contact's profile takes over.

Meta's message holds them as a string, `interactive.nfm_reply.response_json`, which can be missing, null, or no JSON.
https://developers.facebook.com/docs/whatsapp/flows/guides/receiveflowresponse
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from casement.domain.events import Event, EventType, event_id
from casement.domain.flow_token import FlowToken
from casement.domain.message_key import MessageKey
from casement.domain.profile import LONGEST_VALUE
from casement.domain.untrusted import is_text, loads

_OF_OTHER_FORMS = ("address_message",)  # Meta's form for addresses comes the same way, and is no Flow
_TOKEN = "flow_token"  # noqa: S105 - Meta's word


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that somebody filled in at `at` (epoch milliseconds).

    `id` is that of Meta's message. `response_json` is Meta's string as it came, None where there is none. `answers` is
    what it says, every name and value as the form has them, without the token; None if it is no JSON object.
    """

    number: str
    contact: str
    waba_id: str
    id: str
    at: int
    response_json: str | None
    answers: Mapping[str, Any] | None
    token: str | None


class Doubt(StrEnum):
    """Why it is not certain which send a form belongs to."""

    UNKNOWN = "unknown"  # Casement did not mint its token, or it has none
    EXPIRED = "expired"
    USED = "used"  # by another form
    OTHER = "another_conversation"


class Tied(NamedTuple):
    """A form with the token that was minted for it, None if it has none of ours, and what speaks against it."""

    submission: Submission
    token: FlowToken | None
    doubt: Doubt | None

    @property
    def send(self) -> MessageKey | None:
        """The send that asked for it."""
        return self.token.send if self.token and self.doubt is not Doubt.OTHER else None

    @property
    def flow(self) -> str | None:
        """The id or the name of the Flow, where its message said it."""
        return self.token.flow or None if self.token else None


def submission_in(kept: Mapping[str, Any], number: str, contact: str, at: int) -> Submission | None:
    """The form in a customer's message, as its fact keeps it; None if it is another message."""
    match kept.get("element"):
        case {"interactive": {"type": "nfm_reply", "nfm_reply": dict(reply)}} as element:
            if reply.get("name") in _OF_OTHER_FORMS:
                return None
            text = reply.get("response_json")
            given = text if isinstance(text, str) else None
            said = _object_in(given)
            token = said.pop(_TOKEN, None) if said is not None else None
            token = token if isinstance(token, str) else None
            return Submission(number, contact, str(kept.get("waba_id", "")), _id(element), at, given, said, token)
    return None


def doubt_of(submission: Submission, token: FlowToken | None) -> Doubt | None:
    """What speaks against a form that came with this token, but for its conversation and other forms."""
    if token is None or token.number != submission.number:
        return Doubt.UNKNOWN
    return Doubt.EXPIRED if submission.at > token.expires_at else None


def flow_submitted(tied: Tied) -> Event:
    """The event that tells of a form."""
    form = tied.submission
    data = {
        "message_id": form.id,
        "answers": form.answers,
        "response_json": form.response_json,
        "flow_token": form.token,
        "flow_id": tied.flow,
        "send_id": str(tied.send) if tied.send else None,
        "verified": tied.doubt is None,
        "why": tied.doubt.value if tied.doubt else None,
    }
    id_ = event_id(EventType.FLOW_SUBMITTED, form.at, form.number, form.id)
    return Event(id_, EventType.FLOW_SUBMITTED, form.at, data, form.number, form.contact, form.waba_id)


def fields_in(answers: Mapping[str, Any] | None, wanted: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """What of the answers belongs in a contact's profile. `wanted` names, by field, the answers to look for, the first
    first; upper and lower case are one."""
    by_name = {name.casefold(): answer for name, answer in (answers or {}).items()}
    found = {
        field: next((text for name in names if (text := _text(field, by_name.get(name.casefold())))), None)
        for field, names in wanted.items()
    }
    return {field: text for field, text in found.items() if text}


def _text(field: str, answer: Any) -> str | None:
    """An answer as text, None if it can't be what the field is for."""
    if isinstance(answer, int) and not isinstance(answer, bool) and abs(answer) < 10**18:
        answer = str(answer)
    if not isinstance(answer, str) or not is_text(answer.strip(), LONGEST_VALUE):
        return None
    text = answer.strip()
    if field == "email":
        return text if "@" in text.strip("@") else None
    if field == "phone":
        return text if any(character.isdigit() for character in text) else None
    return text


def _object_in(text: str | None) -> dict[str, Any] | None:
    try:
        said = loads(text) if text is not None else None
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _id(element: Any) -> str:
    id_ = element.get("id")
    return id_ if isinstance(id_, str) else ""
