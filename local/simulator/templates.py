"""Message templates of every WABA: their life at Meta, and the webhooks that tell of it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.simulator.config import Json, Options
from local.simulator.errors import GraphError, invalid
from local.simulator.seeds import Template as Seed
from local.simulator.template_rules import check_new, refused
from local.simulator.webhooks import Update, Webhooks

DAY = 86400
REUSE_DAYS = 30
TOO_MANY, BEING_DELETED, EXISTS = 2388019, 2388023, 2388024

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
PAUSES = ("FIRST_PAUSE", "SECOND_PAUSE", "RATE_LIMITING_PAUSE")
SCORES = ("GREEN", "YELLOW", "RED", "UNKNOWN")


@dataclass
class Template:
    """`data` holds exactly the fields that Graph can answer with; the rest is bookkeeping."""

    waba_id: str
    number: int  # rises with every template: the order of a listing, and its cursor
    data: Json
    review_at: float | None = None  # when the review that was asked for ends by itself
    edited_at: list[float] = field(default_factory=list)
    pauses: int = 0
    before_archive: str = "APPROVED"

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def status(self) -> str:
        return str(self.data["status"])


class Templates:
    def __init__(
        self,
        seeds: Iterable[Seed],
        webhooks: Webhooks,
        options: Options,
        clock: Callable[[], float],
        rng: Random,
    ) -> None:
        self._seeds, self._webhooks, self.options = tuple(seeds), webhooks, options
        self._clock, self._rng = clock, rng
        self._live: dict[str, Template] = {}
        self._by_name: dict[tuple[str, str, str], Template] = {}
        self._deleted_at: dict[tuple[str, str, str], float] = {}
        self._made = 0

    def reset(self, waba_ids: Iterable[str]) -> None:
        """Nothing but the seeds, approved; they keep their ids."""
        for kept in (self._live, self._by_name, self._deleted_at):
            kept.clear()
        for waba_id in waba_ids:
            for seed in self._seeds:
                self.add(seed, waba_id=waba_id, template_id=_seed_id(waba_id, seed))

    def all(self, waba_id: str) -> list[Template]:
        """In the order in which they were made."""
        return [template for template in self._live.values() if template.waba_id == waba_id]

    def get(self, template_id: str) -> Template | None:
        return self._live.get(template_id)

    def find(self, waba_id: str, name: str, language: str) -> Template | None:
        return self._by_name.get((waba_id, name, language))

    def add(
        self,
        template: Mapping[str, Any],
        *,
        waba_id: str,
        status: str = "APPROVED",
        template_id: str | None = None,
    ) -> Template:
        """Put a template there as if it had always been: no rules, no review, no webhook."""
        self._made += 1
        data = {
            "id": template_id or str(self._rng.randrange(10**15, 9 * 10**15)),
            "parameter_format": "POSITIONAL",
            "rejected_reason": "NONE",
            "quality_score": {"score": "UNKNOWN", "date": int(self._clock())},
            "status": status,
            **template,
        }
        made = Template(waba_id, self._made, data)
        self._live[made.id] = made
        self._by_name[waba_id, str(data["name"]), str(data["language"])] = made
        return made

    # --- what a client asks for -------------------------------------------------------------------

    def create(self, waba_id: str, wanted: Json) -> Template:
        check_new(wanted)
        self._check_free(waba_id, wanted["name"], wanted["language"])
        kept = ("name", "language", "category", "components", "parameter_format", "message_send_ttl_seconds")
        template = self.add(
            {key: wanted[key] for key in kept if wanted.get(key) is not None},
            waba_id=waba_id,
            status="PENDING",
        )
        self._ask_for_review(template)
        return template

    def edit(self, template: Template, wanted: Json) -> None:
        approved = template.status == "APPROVED"
        if template.status not in {"APPROVED", "REJECTED", "PAUSED"}:
            raise invalid(f"A template that is {template.status} can't be edited.")
        if approved and wanted.get("category", template.data["category"]) != template.data["category"]:
            raise invalid("The category of an approved template can't be changed.")
        if approved:
            self._check_edit_rate(template)
        kept = ("category", "components", "message_send_ttl_seconds", "parameter_format")
        changed = template.data | {key: wanted[key] for key in kept if wanted.get(key) is not None}
        check_new(changed)
        template.data = changed
        template.edited_at.append(self._clock())
        template.data["status"] = "PENDING"
        self._ask_for_review(template)

    def delete(self, waba_id: str, name: str, template_ids: Iterable[str] = ()) -> None:
        """All languages of `name`, or just these ids."""
        wanted = set(template_ids)
        doomed = [
            template
            for template in self.all(waba_id)
            if (template.id in wanted if wanted else template.data["name"] == name)
        ]
        if not doomed:
            raise GraphError(
                100, "Invalid parameter", user=("Message Template Not Found", "There is no such template.")
            )
        if any(template.status == "DISABLED" for template in doomed):
            raise invalid("A disabled template can't be deleted.")
        for template in doomed:
            self.review(template.id, "delete")

    def _check_free(self, waba_id: str, name: str, language: str) -> None:
        if self.find(waba_id, name, language):
            raise refused(EXISTS, "Content in This Language Already Exists", f"There is already {language} content.")
        deleted_at = self._deleted_at.get((waba_id, name, language))
        if deleted_at is not None and self._clock() - deleted_at < REUSE_DAYS * DAY:
            raise refused(BEING_DELETED, "Message Template Language Is Being Deleted", "Try again in 4 weeks.")
        names = {template.data["name"] for template in self.all(waba_id)}
        if name not in names and len(names) >= self.options.template_limit:
            raise refused(
                TOO_MANY, "Message Template Limit Exceeded", "This account has all the templates it may have."
            )

    def _check_edit_rate(self, template: Template) -> None:
        now = self._clock()
        if any(now - at < DAY for at in template.edited_at):
            raise invalid("An approved template can be edited once in 24 hours.")
        if sum(now - at < 30 * DAY for at in template.edited_at) >= 10:
            raise invalid("An approved template can be edited 10 times in 30 days.")

    # --- what Meta decides ------------------------------------------------------------------------

    def _ask_for_review(self, template: Template) -> None:
        habit = self.options.auto_review
        if habit == "instant":
            self.review(template.id, "approve")
        elif not isinstance(habit, str):
            template.review_at = self._clock() + habit

    def finish_reviews(self) -> None:
        """Approves what has been in review for as long as reviews take."""
        now = self._clock()
        for template in [each for each in self._live.values() if each.review_at is not None]:
            if template.review_at is not None and template.review_at <= now:
                self.review(template.id, "approve")

    def review(
        self,
        template_id: str,
        decision: str,
        *,
        reason: str | None = None,
        advice: str | None = None,
        notify: bool = True,
    ) -> Template:
        """Meta decides. `notify=False`: its webhook gets lost, so that only a listing tells."""
        if decision not in DECISIONS:
            raise ValueError(f"decision is one of {', '.join(DECISIONS)}")
        template = self._known(template_id)
        status, event = DECISIONS[decision]
        template.review_at = None
        if decision == "archive":
            template.before_archive = template.status
        if decision == "unarchive":
            status = template.before_archive
        template.data["status"] = status or template.status
        template.data["rejected_reason"] = reason or "INVALID_FORMAT" if decision == "reject" else "NONE"
        extras = self._extras(template, decision, reason, advice)
        if decision == "delete":
            self._forget(template)
        if notify:
            self._tell(template, "message_template_status_update", {"event": event} | _subject(template) | extras)
        return template

    def recategorise(self, template_id: str, category: str, *, announce: bool = False, notify: bool = True) -> Template:
        """Meta moves the template to another category, or (`announce`) says that it will in 24 hours."""
        template = self._known(template_id)
        previous = template.data["category"]
        now = int(self._clock())
        if announce:
            template.data["correct_category"] = category
            value = {
                "new_category": previous,
                "correct_category": category,
                "category_update_timestamp": now + DAY,
            }
        else:
            template.data |= {"category": category, "previous_category": previous}
            template.data.pop("correct_category", None)
            value = {"previous_category": previous, "new_category": category}
        if notify:
            self._tell(template, "template_category_update", _subject(template, with_category=False) | value)
        return template

    def score(self, template_id: str, score: str, *, notify: bool = True) -> Template:
        if score not in SCORES:
            raise ValueError(f"score is one of {', '.join(SCORES)}")
        template = self._known(template_id)
        value = {
            "previous_quality_score": template.data["quality_score"]["score"],
            "new_quality_score": score,
        }
        template.data["quality_score"] = {"score": score, "date": int(self._clock())}
        if notify:
            self._tell(template, "message_template_quality_update", value | _subject(template, with_category=False))
        return template

    def _extras(self, template: Template, decision: str, reason: str | None, advice: str | None) -> Json:
        if decision == "reject":
            reason = reason or "INVALID_FORMAT"
            if reason != "INVALID_FORMAT":
                return {"reason": reason}
            why = {
                "reason": "The template's format is not valid.",
                "recommendation": advice or "Check its variables.",
            }
            return {"reason": reason, "rejection_info": why}
        if decision == "pause":
            template.pauses += 1
            title = reason or PAUSES[min(template.pauses, 2) - 1]
            return {
                "reason": "NONE",
                "other_info": {"title": title, "description": "Paused for its low quality."},
            }
        if decision == "unpause":
            return {"reason": "NONE", "other_info": {"title": "UNPAUSE", "description": "The pause is over."}}
        if decision in {"disable", "flag"}:
            return {"reason": "NONE", "disable_info": {"disable_date": int(self._clock())}}
        return {"reason": None if decision == "delete" else "NONE"}

    def _known(self, template_id: str) -> Template:
        template = self._live.get(template_id)
        if template is None:
            raise ValueError(f"there is no template {template_id}")
        return template

    def _forget(self, template: Template) -> None:
        key = (template.waba_id, str(template.data["name"]), str(template.data["language"]))
        del self._live[template.id]
        self._by_name.pop(key, None)
        self._deleted_at[key] = self._clock()

    def _tell(self, template: Template, field_name: str, value: Json) -> None:
        self._webhooks.add(Update(template.waba_id, field_name, value, int(self._clock())))


def _subject(template: Template, *, with_category: bool = True) -> Json:
    data = template.data
    subject: Json = {
        "message_template_id": int(template.id),  # a number here, a string in REST
        "message_template_name": data["name"],
        "message_template_language": data["language"],
    }
    return subject | ({"message_template_category": data["category"]} if with_category else {})


def _seed_id(waba_id: str, seed: Seed) -> str:
    digest = hashlib.sha256(f"{waba_id}/{seed['name']}/{seed['language']}".encode()).digest()
    return str(10**15 + int.from_bytes(digest[:8]) % (8 * 10**15))
