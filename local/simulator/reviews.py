"""What Meta decides about templates: reviews, pauses, categories, scores; and the webhooks that tell of it.

Events and their fields: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
Pauses: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-pausing
"""

from collections.abc import Callable, Mapping

from local.simulator.agenda import Agenda
from local.simulator.config import Json, Options
from local.simulator.review_script import Script, Verdict, check_reason, habit
from local.simulator.templates import Template, Templates
from local.simulator.webhooks import Update, Webhooks

HOUR, DAY = 3600, 86400
ARCHIVED_DAYS = 28

# decision: (REST status or None for "as it was", webhook event)
DECISIONS: Mapping[str, tuple[str | None, str]] = {
    "approve": ("APPROVED", "APPROVED"),
    "reject": ("REJECTED", "REJECTED"),
    "pending": ("PENDING", "PENDING"),
    "appeal": ("IN_APPEAL", "IN_APPEAL"),
    "pause": ("PAUSED", "PAUSED"),
    "unpause": ("APPROVED", "APPROVED"),
    "disable": ("DISABLED", "DISABLED"),
    "reinstate": ("APPROVED", "REINSTATED"),
    "flag": (None, "FLAGGED"),
    "limit": ("LIMIT_EXCEEDED", "LIMIT_EXCEEDED"),
    "archive": ("ARCHIVED", "ARCHIVED"),
    "unarchive": (None, "UNARCHIVED"),
    "lock": (None, "LOCKED"),
    "unlock": (None, "UNLOCKED"),
    "delete": ("PENDING_DELETION", "PENDING_DELETION"),
}
PAUSES = (("FIRST_PAUSE", 3 * HOUR), ("SECOND_PAUSE", 6 * HOUR))
"""The third time a template is to be paused, it is disabled."""
PACING_PAUSE = "RATE_LIMITING_PAUSE"
"""Counts for nothing and does not end by itself: the business has to lift it."""
SCORES = ("GREEN", "YELLOW", "RED", "UNKNOWN")


class Reviews:
    """Decides when asked to, as scripted, or by itself as time passes (`agenda`)."""

    def __init__(
        self,
        templates: Templates,
        webhooks: Webhooks,
        agenda: Agenda,
        options: Options,
        clock: Callable[[], float],
    ) -> None:
        self._templates, self._webhooks, self._agenda = templates, webhooks, agenda
        self.options, self._clock = options, clock
        self.script = Script()

    # --- reviews ----------------------------------------------------------------------------------

    def begin(self, template: Template) -> None:
        """The template has been created or edited. What a script says about its category holds from now on."""
        self._agenda.cancel(_status_of(template))
        template.data["status"] = "PENDING"
        verdict = self.script.take(template.name, template.language) or habit(self.options)
        if verdict.category is not None:
            template.data["category"] = verdict.category
        if verdict.decision == "wait":
            return
        self._later(template, verdict.after, lambda at: self._end(template, verdict, at))

    def _end(self, template: Template, verdict: Verdict, at: float) -> None:
        if verdict.decision == "reject":
            self.decide(template, "reject", reason=verdict.reason, advice=verdict.advice, notify=verdict.notify, at=at)
            return
        self.decide(template, "approve", notify=verdict.notify, at=at)
        if verdict.decision == "pause":
            self._later(
                template,
                verdict.pause_after,
                lambda then: self.decide(template, "pause", notify=verdict.notify, at=then),
                since=at,
            )

    def _later(
        self, template: Template, seconds: float, action: Callable[[float], None], *, since: float | None = None
    ) -> None:
        """The next change of the template's status, unless another one comes first."""
        at = (self._clock() if since is None else since) + seconds
        self._agenda.plan(_status_of(template), at, action)
        if seconds <= 0:
            self._agenda.run(at)

    # --- decisions --------------------------------------------------------------------------------

    def decide(
        self,
        template: Template,
        decision: str,
        *,
        reason: str | None = None,
        advice: str | None = None,
        notify: bool = True,
        at: float | None = None,
    ) -> None:
        """`notify=False`: the webhook gets lost, and those of what follows by itself, so that only a listing tells."""
        if decision not in DECISIONS:
            raise ValueError(f"decision is one of {', '.join(DECISIONS)}")
        at = self._clock() if at is None else at
        if decision == "reject":
            check_reason(reason)
        if decision == "pause" and reason != PACING_PAUSE:
            template.pauses += 1
            if template.pauses > len(PAUSES):
                decision, reason = "disable", "DISABLED"
        self._set_status(template, decision)
        template.data["rejected_reason"] = reason or "INVALID_FORMAT" if decision == "reject" else "NONE"
        self._tell_status(template, decision, _extras(template, decision, reason, advice, at), at, notify)
        self._follow(template, decision, reason, at, notify)

    def _set_status(self, template: Template, decision: str) -> None:
        status = DECISIONS[decision][0]
        if decision == "archive":
            template.before_archive = template.status
        if decision == "unarchive":
            status = template.before_archive
        if status is not None:
            self._agenda.cancel(_status_of(template))
            template.data["status"] = status

    def _follow(self, template: Template, decision: str, reason: str | None, at: float, notify: bool) -> None:
        """What comes of it by itself."""
        if template.status == "PAUSED" and decision in {"pause", "unarchive"} and reason != PACING_PAUSE:
            _, seconds = PAUSES[max(template.pauses, 1) - 1]
            self._later(
                template, seconds, lambda then: self.decide(template, "unpause", notify=notify, at=then), since=at
            )
        if decision == "archive":
            self._later(
                template,
                ARCHIVED_DAYS * DAY,
                lambda then: self.decide(template, "delete", notify=notify, at=then),
                since=at,
            )
        if decision == "delete":
            self._later(
                template, self.options.deletion_delay, lambda then: self._delete(template, at, then, notify), since=at
            )

    def _delete(self, template: Template, asked_at: float, at: float, notify: bool) -> None:
        template.data["status"] = "DELETED"
        self._agenda.cancel(_category_of(template))
        self._templates.remove(template, asked_at)
        if notify:
            self._tell(template, "message_template_status_update", _status(template, "DELETED", {"reason": "NONE"}), at)

    # --- category and quality ---------------------------------------------------------------------

    def recategorise(
        self,
        template: Template,
        category: str,
        *,
        announce: bool = False,
        notify: bool = True,
        at: float | None = None,
    ) -> None:
        """Meta moves the template to another category, or (`announce`) says that it will in 24 hours, and then does."""
        at = self._clock() if at is None else at
        if announce:
            value = self._announce(template, category, at, notify)
        else:
            value = {"previous_category": template.category, "new_category": category}
            template.data |= {"category": category, "previous_category": template.category}
            template.data.pop("correct_category", None)
            self._agenda.cancel(_category_of(template))
        if notify:
            self._tell(template, "template_category_update", _subject(template, with_category=False) | value, at)

    def _announce(self, template: Template, category: str, at: float, notify: bool) -> Json:
        template.data["correct_category"] = category
        self._agenda.plan(
            _category_of(template),
            at + DAY,
            lambda then: self.recategorise(template, category, notify=notify, at=then),
        )
        return {
            "new_category": template.category,
            "correct_category": category,
            "category_update_timestamp": int(at) + DAY,
        }

    def score(self, template: Template, score: str, *, notify: bool = True) -> None:
        """The quality changes; nothing else does, also not at RED: ask for the pause that Meta adds."""
        if score not in SCORES:
            raise ValueError(f"score is one of {', '.join(SCORES)}")
        at = self._clock()
        value = {
            "previous_quality_score": template.data["quality_score"]["score"],
            "new_quality_score": score,
        }
        template.data["quality_score"] = {"score": score, "date": int(at)}
        if notify:
            self._tell(template, "message_template_quality_update", value | _subject(template, with_category=False), at)

    # --- webhooks ---------------------------------------------------------------------------------

    def _tell_status(self, template: Template, decision: str, extras: Json, at: float, notify: bool) -> None:
        event = self.options.unpause_event if decision == "unpause" else DECISIONS[decision][1]
        if notify:
            self._tell(template, "message_template_status_update", _status(template, event, extras), at)

    def _tell(self, template: Template, field_name: str, value: Json, at: float) -> None:
        self._webhooks.add(Update(template.waba_id, field_name, value, int(at)))


def _status_of(template: Template) -> tuple[str, str]:
    return template.id, "status"


def _category_of(template: Template) -> tuple[str, str]:
    return template.id, "category"


def _extras(template: Template, decision: str, reason: str | None, advice: str | None, at: float) -> Json:
    if decision == "reject":
        return _rejection(reason or "INVALID_FORMAT", advice)
    if decision == "pause":
        return _other_info(reason or PAUSES[template.pauses - 1][0], "Paused for its low quality.")
    if decision == "unpause":
        return _other_info("UNPAUSE", "The pause is over.")
    if decision in {"disable", "flag"}:
        told = {"reason": "NONE", "disable_info": {"disable_date": int(at)}}
        return _other_info(reason, "Paused twice already, for its low quality.") | told if reason else told
    return {"reason": None if decision == "delete" else "NONE"}


def _rejection(reason: str, advice: str | None) -> Json:
    """Meta explains itself for INVALID_FORMAT only."""
    if reason != "INVALID_FORMAT":
        return {"reason": reason}
    why = {"reason": "The template's format is not valid.", "recommendation": advice or "Check its variables."}
    return {"reason": reason, "rejection_info": why}


def _other_info(title: str, description: str) -> Json:
    return {"reason": "NONE", "other_info": {"title": title, "description": description}}


def _status(template: Template, event: str, extras: Json) -> Json:
    return {"event": event} | _subject(template) | extras


def _subject(template: Template, *, with_category: bool = True) -> Json:
    subject: Json = {
        "message_template_id": int(template.id) if template.id.isdecimal() else template.id,  # in REST a string
        "message_template_name": template.name,
        "message_template_language": template.language,
    }
    return subject | ({"message_template_category": template.category} if with_category else {})
