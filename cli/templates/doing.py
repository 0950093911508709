"""Carrying a plan out: one step after the other, none twice, at Meta's pace.

Where no answer told what became of a step, it is looked for before it is asked for again. What can't be done now is
left, and the next run finds it.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cli.api import Limited, NotLetIn, Refused, Unclear
from cli.outside import Outside
from cli.templates.account import Account
from cli.templates.definition import Place, differences, is_there, place_of
from cli.templates.plan import Create, Edit
from cli.trouble import Trouble

CREATIONS_AN_HOUR = 100  # of one WABA, at Meta
EXISTS, TOO_MANY = 2388024, 2388019  # Meta's subcodes: name and language are taken; the account is full
_HOUR_MS = 3_600_000
_TRIES = 3
_AFTER_A_LIMIT_S = 600.0

Step = Create | Edit


class Did(StrEnum):
    """What became of a step."""

    TO_DO = "to do"  # in a dry run
    CREATED = "created"
    EDITED = "edited"
    THERE = "there already"
    REFUSED = "refused"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step, what became of it, and why. `answer` is Meta's, where there is one."""

    place: Place
    did: Did
    why: tuple[str, ...] = ()
    category: str = ""  # that Meta gave it
    status: str = ""


class Stop(Exception):
    """Nothing more can be done now. The text says why."""


class Pace:
    """How many templates may be made now. With `waits`, it waits until there may be more; else it is over then.

    Meta counts by the hour, and what was made before this run is not known here: it says so when it has had enough.
    """

    def __init__(self, outside: Outside, *, waits: bool, most: int = CREATIONS_AN_HOUR) -> None:
        self._now, self._sleep = outside.now, outside.sleep
        self._waits, self._most = waits, most
        self._made: deque[int] = deque()

    def one_more(self) -> None:
        """Count one more creation. Raises `Stop` where there may be none now."""
        while len(self._made) >= self._most:
            left_ms = self._made[0] + _HOUR_MS - self._now()
            if left_ms <= 0:
                self._made.popleft()
            elif self._waits:
                self._sleep(left_ms / 1000)
            else:
                raise Stop(f"Meta takes {self._most} new templates an hour for each account.")
        self._made.append(self._now())

    def limited(self, error: Limited) -> None:
        """Meta wants no more for now."""
        if not self._waits:
            raise Stop(str(error)) from None
        self._sleep(_AFTER_A_LIMIT_S)


def carry_out(steps: Iterable[Step], account: Account, pace: Pace) -> Iterator[Outcome]:
    """Do one step after the other, and tell what became of each. What is left, once it has to stop, is told too."""
    left = deque(steps)
    try:
        while left:
            outcome = _done(left[0], account, pace)
            left.popleft()
            yield outcome
    except Stop as stop:
        yield from (Outcome(_place(step), Did.LEFT, (str(stop),)) for step in left)


def looked_up(account: Account, place: Place) -> dict[str, Any] | None:
    """The template that Meta has there now, if any."""
    name, _ = place
    listed = account.api.templates(account.waba_id, {"name": name}, refresh=True)
    return next((each for each in listed if place_of(each) == place and is_there(each)), None)


def _done(step: Step, account: Account, pace: Pace) -> Outcome:
    unclear = 0
    while True:
        try:
            return _create(step, account, pace) if isinstance(step, Create) else _edit(step, account)
        except Limited as limited:
            pace.limited(limited)
        except Unclear as error:
            unclear += 1
            account.outside.sleep(2.0**unclear)
            if outcome := _happened(step, account):
                return outcome
            if unclear == _TRIES:
                raise Stop(f"It was tried {_TRIES} times. {error}") from None
        except Refused as error:
            if isinstance(error, NotLetIn) or error.subcode == TOO_MANY:
                raise Stop(str(error)) from None
            return Outcome(_place(step), Did.REFUSED, error.reasons)
        except Trouble as error:
            raise Stop(str(error)) from None


def _create(step: Create, account: Account, pace: Pace) -> Outcome:
    pace.one_more()
    place = place_of(step.definition)
    try:
        answer = account.api.create(account.waba_id, step.definition)
    except Refused as error:
        there = looked_up(account, place) if error.subcode == EXISTS else None
        if there is None:
            raise
        differs = differences(step.definition, there)
        why = (f"It says something else: {', '.join(differs)}",) if differs else ()
        return Outcome(place, Did.THERE, why, str(there.get("category", "")), str(there.get("status", "")))
    return Outcome(place, Did.CREATED, category=str(answer.get("category", "")), status=str(answer.get("status", "")))


def _edit(step: Edit, account: Account) -> Outcome:
    account.api.edit(account.waba_id, step.template_id, step.change)
    return Outcome(step.place, Did.EDITED)


def _happened(step: Step, account: Account) -> Outcome | None:
    """What a step whose answer got lost has brought about, None if nothing."""
    try:
        there = looked_up(account, _place(step))
    except Trouble as error:
        raise Stop(str(error)) from None
    if there is None:
        return None
    status, category = str(there.get("status", "")), str(there.get("category", ""))
    if isinstance(step, Create):
        return Outcome(_place(step), Did.CREATED, category=category, status=status)
    return None if differences({**there, **step.change}, there) else Outcome(step.place, Did.EDITED, status=status)


def _place(step: Step) -> Place:
    return step.place if isinstance(step, Edit) else place_of(step.definition)
