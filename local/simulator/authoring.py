"""What a business does to its templates: create, edit, delete; and how often, how many, and which names it may."""

from collections import deque
from collections.abc import Callable, Iterable

from local.simulator.config import Json, Options
from local.simulator.errors import GraphError, invalid
from local.simulator.library import complete, readable
from local.simulator.reviews import DAY, HOUR, Reviews
from local.simulator.template_rules import as_stored, check_edit, check_library, check_new, refused
from local.simulator.templates import Template, Templates

REUSE_DAYS = 30
TOO_MANY, BEING_DELETED, EXISTS = 2388019, 2388023, 2388024
LINK_TRACKING = "cta_url_link_tracking_opted_out"
EDITED = ("category", "components", "message_send_ttl_seconds", "parameter_format", LINK_TRACKING)
CREATED = ("name", "language", "library_template_name", *EDITED)


class Authoring:
    def __init__(self, templates: Templates, reviews: Reviews, options: Options, clock: Callable[[], float]) -> None:
        self._templates, self._reviews = templates, reviews
        self.options, self._clock = options, clock
        self._created_at: dict[str, deque[float]] = {}  # by WABA, no more than count

    def clear(self) -> None:
        self._created_at.clear()

    def create(self, waba_id: str, wanted: Json) -> Template:
        from_library = wanted.get("library_template_name") is not None
        if from_library:
            wanted = readable(wanted)
            check_library(wanted)
            wanted = complete(wanted)
        check_new(wanted)
        self._check_free(waba_id, wanted["name"], wanted["language"])
        self._count_creation(waba_id)
        chosen = as_stored({key: wanted[key] for key in CREATED if wanted.get(key) is not None})
        template = self._templates.add(chosen, waba_id=waba_id, status="PENDING")
        if from_library:
            self._reviews.decide(template, "approve")
        else:
            self._reviews.begin(template)
        return template

    def edit(self, template: Template, wanted: Json) -> None:
        if template.status not in {"APPROVED", "REJECTED", "PAUSED"}:
            raise invalid(f"A template that is {template.status} can't be edited.")
        check_edit(wanted, template.data)
        changed = as_stored({key: wanted[key] for key in EDITED if wanted.get(key) is not None})
        if LINK_TRACKING in changed:
            changed[LINK_TRACKING] = str(changed[LINK_TRACKING]).lower() == "true"
        data = template.data | changed
        if changed.keys() - {"category"} == {LINK_TRACKING} and data["category"] == template.category:
            template.data = data  # whether taps are counted needs no review
            return
        if template.status == "APPROVED":
            self._check_edit_rate(template)
            template.edited_at.append(self._clock())
        template.data = data
        if "components" in changed:
            self._reviews.tell_edited(template)
        self._reviews.begin(template)

    def delete(self, waba_id: str, name: str, template_ids: Iterable[str] = ()) -> None:
        """All languages of `name`, or just these ids."""
        by_id = [self._templates.get(template_id) for template_id in template_ids]
        named = by_id or self._templates.named(waba_id, name)
        doomed = [
            template
            for template in named
            if template is not None and template.waba_id == waba_id and template.status != "PENDING_DELETION"
        ]
        if not doomed:
            raise GraphError(
                100, "Invalid parameter", user=("Message Template Not Found", "There is no such template.")
            )
        if any(template.status == "DISABLED" for template in doomed):
            raise invalid("A disabled template can't be deleted.")
        for template in doomed:
            self._reviews.decide(template, "delete")

    def _check_free(self, waba_id: str, name: str, language: str) -> None:
        taken = self._templates.find(waba_id, name, language)
        if taken is not None and taken.status != "PENDING_DELETION":
            raise refused(EXISTS, "Content in This Language Already Exists", f"There is already {language} content.")
        removed_at = self._templates.removed_at(waba_id, name, language)
        if taken is not None or (removed_at is not None and self._clock() - removed_at < REUSE_DAYS * DAY):
            raise refused(BEING_DELETED, "Message Template Language Is Being Deleted", "Try again in 4 weeks.")
        is_new = not self._templates.named(waba_id, name)
        if is_new and self._templates.count_names(waba_id) >= self.options.template_limit:
            raise refused(
                TOO_MANY, "Message Template Limit Exceeded", "This account has all the templates it may have."
            )

    def _count_creation(self, waba_id: str) -> None:
        """Meta names the limit, 100 an hour, but not the error; 80007 is its usual one for an account's rate."""
        now, recent = self._clock(), self._created_at.setdefault(waba_id, deque())
        while recent and now - recent[0] >= HOUR:
            recent.popleft()
        if len(recent) >= self.options.creations_per_hour:
            raise GraphError(
                80007, details=f"An account may create {self.options.creations_per_hour} templates an hour."
            )
        recent.append(now)

    def _check_edit_rate(self, template: Template) -> None:
        now = self._clock()
        if any(now - at < DAY for at in template.edited_at):
            raise invalid("An approved template can be edited once in 24 hours.")
        if sum(now - at < 30 * DAY for at in template.edited_at) >= 10:
            raise invalid("An approved template can be edited 10 times in 30 days.")
