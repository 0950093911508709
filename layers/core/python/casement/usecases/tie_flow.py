"""Find out which send a filled-in form belongs to. Its token counts once, for a week, and in its own conversation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from casement.domain.flow_answers import Doubt, Submission, Tied, doubt_of
from casement.domain.flow_token import FlowToken
from casement.usecases.find_conversation import ReadAlias, find_conversation


class FlowUses(Protocol):
    """Which tokens were used."""

    def claim(self, number_id: str, token: str, owner: str, expires_at: int) -> bool: ...
    def is_used(self, number_id: str, token: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class FlowTokens:
    """`read` gives the token that a text is, None if none of ours."""

    read: Callable[[object], FlowToken | None]
    uses: FlowUses


def tie(submission: Submission, tokens: FlowTokens, read_alias: ReadAlias) -> Tied:
    """A form, and what its token says. Twice comes to the same: a form has the token that it has used. Raises
    `StoreUnavailable`."""
    token = tokens.read(submission.token)
    doubt = doubt_of(submission, token)
    if token is None or submission.token is None or doubt is Doubt.UNKNOWN:
        return Tied(submission, None, Doubt.UNKNOWN)
    if not _is_of_the_conversation(token, submission, read_alias):
        return Tied(submission, token, Doubt.OTHER)
    if doubt is None and not tokens.uses.claim(token.number, submission.token, submission.id, token.expires_at):
        doubt = Doubt.USED
    return Tied(submission, token, doubt)


def _is_of_the_conversation(token: FlowToken, submission: Submission, read_alias: ReadAlias) -> bool:
    if token.send.contact == submission.contact:
        return True
    return token.send.contact in find_conversation(submission.number, submission.contact, read=read_alias).contacts
