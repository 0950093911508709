"""Templates that should not be chosen by anything but their name: Meta scores them low, or too much of what they send
fails; and what about a template is worth an alarm.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

from casement.domain.meta_errors import ErrorClass, class_of
from casement.domain.template_counts import ASKED, FAILED, Tally
from casement.domain.template_history import ANNOUNCED_CATEGORY, CATEGORY, ERRORS, QUALITY, STATUS, Transition
from casement.domain.templates import APPROVED, DELETED, Source, Template

# Of what was asked for in the last two hours, a third failed, and it was not just a handful.
LOOKED_AT_MS = 2 * 3_600_000
FEWEST_ASKED = 20
FAILS_AT = 1 / 3
LASTS_MS = 3_600_000

LOW = "RED"
_RANK = {"YELLOW": 1, "RED": 2}  # of everything else: 0
# What a template becomes when its owner edits or deletes it; any other status that a request brings to light is Meta's.
_BY_ITS_OWNER = frozenset({"PENDING", "PENDING_DELETION", DELETED})

STOPPED, MOVED, FELL, FAILS = "TemplateStopped", "TemplateCategoryMoved", "TemplateQualityFell", "TemplateFails"


@dataclass(frozen=True, slots=True)
class Ill:
    """A template that failed too often: of `asked` messages, `failed` did. Times are epoch milliseconds.

    It counts as ill from `since` until `until`, exclusive; then it may show whether it has got well.
    """

    template_id: str
    asked: int
    failed: int
    since: int
    until: int

    def lasts(self, now: int) -> bool:
        """Whether it still counts."""
        return now < self.until


@dataclass(frozen=True, slots=True)
class Lately:
    """How many messages of each template were asked for of late, and how many of these failed by its own fault."""

    asked: Mapping[str, int]
    failed: Mapping[str, int]


def lately(newest_first: Iterable[Mapping[Tally, Set[str]]]) -> Lately:
    """What became of late of the messages told of: ten minutes after ten minutes, those of one number newest first.

    So when a message was asked for is told after what became of it, and what failed needs to be remembered until then
    only. What failed of messages that were asked for before all of this is left out.
    """
    asked, failed = Counter[str](), Counter[str]()
    unexplained: dict[tuple[str, str], set[str]] = defaultdict(set)
    for told in newest_first:
        for tally, messages in told.items():
            if _is_its_fault(tally.what):
                unexplained[tally.template_id, tally.day] |= messages
        for tally, messages in told.items():
            if tally.what == ASKED:
                of_these = unexplained[tally.template_id, tally.day]
                asked[tally.template_id] += len(messages)
                failed[tally.template_id] += len(messages & of_these)
                of_these -= messages
    return Lately(asked, failed)


def _is_its_fault(what: str) -> bool:
    """Whether a message failed, and not for its number or account, of which all templates would suffer."""
    kind, _, code = what.partition(" ")
    kinds = (ErrorClass.RETRY, ErrorClass.AUTHENTICATION, ErrorClass.NUMBER)
    return kind == FAILED and not (code.isdecimal() and class_of(int(code)) in kinds)


def fallen_ill(of_late: Lately, known: Mapping[str, Ill], now: int) -> list[Ill]:
    """Which templates fail too often, and are to be marked: `known` are those that are marked. A mark is made anew when
    half of its time is over."""
    asked, failed = of_late.asked, of_late.failed
    too_many = (
        template_id
        for template_id, number in asked.items()
        if number >= FEWEST_ASKED and failed.get(template_id, 0) >= number * FAILS_AT
    )
    marks = ((template_id, known.get(template_id)) for template_id in too_many)
    return [
        Ill(template_id, asked[template_id], failed.get(template_id, 0), mark.since if mark else now, now + LASTS_MS)
        for template_id, mark in marks
        if not (mark and mark.lasts(now + LASTS_MS // 2))
    ]


def why_unhealthy(template: Template, ill: Mapping[str, Ill]) -> str | None:
    """In words, why a template that may be sent should not be chosen."""
    if template.quality == LOW:
        return f"Meta scores template '{template.name}' ({template.language}) RED: it will be paused soon."
    mark = ill.get(template.id)
    if mark is not None:
        return (
            f"Of {mark.asked} messages that template '{template.name}' ({template.language}) was sent as of late, "
            f"{mark.failed} failed."
        )
    return None


def alarm_for(transition: Transition) -> str | None:
    """The metric that counts a change that somebody should know of, None for any other."""
    return _ALARMS[transition.what](transition) if transition.what in _ALARMS else None


def _stopped(change: Transition) -> str | None:
    """It went out, and does no longer, and not since its owner edited or deleted it."""
    could_go = change.was == APPROVED or (change.was and change.now in ("PAUSED", "DISABLED"))
    by_its_owner = change.source == Source.REQUEST and change.now in _BY_ITS_OWNER
    return STOPPED if could_go and change.now != APPROVED and not by_its_owner else None


def _moved(change: Transition) -> str | None:
    return MOVED if change.was else None


def _announced(change: Transition) -> str | None:
    return MOVED if change.now else None


def _fell(change: Transition) -> str | None:
    return FELL if _RANK.get(change.now, 0) > _RANK.get(change.was, 0) else None


_ALARMS: Mapping[str, Callable[[Transition], str | None]] = {
    STATUS: _stopped,
    CATEGORY: _moved,
    ANNOUNCED_CATEGORY: _announced,
    QUALITY: _fell,
    ERRORS: lambda _: FAILS,
}
