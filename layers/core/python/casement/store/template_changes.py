"""What the stream of the table tells of templates: for their histories, and for alarms."""

from collections.abc import Iterator, Mapping
from typing import Any

from casement.domain.template_health import Ill
from casement.domain.template_history import COUNTED, ERRORS, NOTHING, Chapter, Transition, ending, transitions
from casement.store import keys
from casement.store.table import text
from casement.store.templates import held_of, ill_of


def chapters_in(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Chapter]:
    """What a stored item tells, given as it is and as it was (both in DynamoDB's form); nothing, for most items."""
    pk, sk = text(new, "PK"), text(new, "SK")
    if not pk.startswith("T#"):
        return
    if sk.startswith(keys.ILL):
        waba_id, ill = pk.removeprefix("T#"), ill_of(new)
        if old is None or ill_of(old).since != ill.since:
            yield Chapter(waba_id, ill.template_id, (_fell_ill(ill),))
        return
    now, was = held_of(new), held_of(old) if old else None
    if now is None:
        return
    template = now.template
    if was and (last := ending(was, now)):
        yield Chapter(template.waba_id, was.template.id, (last,))
    if told := transitions(was, now):
        yield Chapter(template.waba_id, template.id, told)


def _fell_ill(ill: Ill) -> Transition:
    return Transition(ill.since, ERRORS, NOTHING, f"{ill.failed} of {ill.asked} failed", COUNTED)
