"""What a check of `casement doctor` comes to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError

from casement.domain.errors import CasementError
from cli.trouble import Trouble, in_words


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    ATTENTION = "attention"  # it works, and somebody should look
    BROKEN = "broken"  # something does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: what was looked at, why it has this level, and what to do (nothing if it is fine)."""

    level: Level
    what: str
    why: str
    do: str = ""


def ok(what: str, why: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, what, why)


def attention(what: str, why: str, do: str) -> Finding:
    """It works, and somebody should look."""
    return Finding(Level.ATTENTION, what, why, do)


def broken(what: str, why: str, do: str) -> Finding:
    """It does not work."""
    return Finding(Level.BROKEN, what, why, do)


def looked_at(what: str, check: Callable[[], Finding | Iterable[Finding]]) -> list[Finding]:
    """What a check finds; that it could not look, if so."""
    try:
        found = check()
        return [found] if isinstance(found, Finding) else list(found)
    except (Trouble, CasementError, BotoCoreError, ClientError) as error:
        return [attention(what, f"It could not be looked at. {in_words(error)}", "Mend that, then run doctor again.")]
