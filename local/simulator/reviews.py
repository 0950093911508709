"""What Meta decides about templates: reviews, pauses, categories, scores; and the webhooks that tell of it.

Events and their fields: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
Pauses: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/template-pausing
"""

from collections.abc import Callable, Mapping

from local.simulator.agenda import Agenda
from local.simulator.config import Json, Options
from local.simulator.review_script import Script, Verdict, check_reason, habit
from local.simulator.template_webhooks import besides, edited, status, subject
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
        template.data |= {"status": "PENDING", "rejected_reason": "NONE"}
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
            reason = reason or "INVALID_FORMAT"
            check_reason(reason)
        if decision == "pause" and reason != PACING_PAUSE:
            decision, reason = self._count_pause(template, reason)
        self._set_status(template, decision)
        if decision == "reject" or template.status in {"APPROVED", "PENDING"}:
            template.data["rejected_reason"] = reason if decision == "reject" else "NONE"
        if notify:
            event = self.options.unpause_event if decision == "unpause" else DECISIONS[decision][1]
            self._tell_status(template, event, besides(decision, reason, advice, at), at)
        self._follow(template, decision, reason, at, notify)

    def _count_pause(self, template: Template, title: str | None) -> tuple[str, str]:
        """What the pause comes to, and its title."""
        template.pauses += 1
        if template.pauses > len(PAUSES):
            return "disable", "DISABLED"
        return "pause", title or PAUSES[template.pauses - 1][0]

    def _set_status(self, template: Template, decision: str) -> None:
        new = DECISIONS[decision][0]
        if decision == "archive":
            template.before_archive = template.status
        if decision == "unarchive":
            new = template.before_archive
        if new is not None:
            self._agenda.cancel(_status_of(template))
            template.data["status"] = new
            template.was_approved |= new == "APPROVED"

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
            self._tell_status(template, "DELETED", {"reason": "NONE"}, at)

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
            self._tell(template, "template_category_update", subject(template) | value, at)

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
            self._tell(template, "message_template_quality_update", value | subject(template), at)

    # --- webhooks ---------------------------------------------------------------------------------

    def tell_edited(self, template: Template) -> None:
        self._tell(template, "message_template_components_update", edited(template), self._clock())

    def _tell_status(self, template: Template, event: str, more: Json, at: float) -> None:
        self._tell(template, "message_template_status_update", status(template, event, more), at)

    def _tell(self, template: Template, field_name: str, value: Json, at: float) -> None:
        self._webhooks.add(Update(template.waba_id, field_name, value, int(at)))


def _status_of(template: Template) -> tuple[str, str]:
    return template.id, "status"


def _category_of(template: Template) -> tuple[str, str]:
    return template.id, "category"
