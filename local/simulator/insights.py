"""Template analytics: what the ledger says of templates day by day, in the shape in which Meta gives it.

https://developers.facebook.com/documentation/business-messaging/whatsapp/analytics#template-analytics
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from local.simulator.config import Json, Options
from local.simulator.errors import GraphError, invalid, required
from local.simulator.messages import Messages, Sent
from local.simulator.paging import page
from local.simulator.pricing import price
from local.simulator.taps import COUNTED, TOLD, buttons
from local.simulator.templates import Template, Templates
from local.simulator.wsgi import Request, several

DAY = 86400
LOOKBACK_DAYS, EVENT_DAYS, MOST_IDS = 90, 7, 10
METRICS = ("COST", "CLICKED", "DELIVERED", "READ", "SENT")
MARKETING_MESSAGES = ("MARKETING_MESSAGES_API_FOR_WHATSAPP", "MARKETING_MESSAGES_LITE_API")
PRODUCTS = ("CLOUD_API", *MARKETING_MESSAGES)
CANNOT_DISABLE, NOT_ENABLED = 200006, 200007


@dataclass
class _Counts:
    """What happened on one day (UTC) to one template's messages."""

    reached: Counter[str] = field(default_factory=Counter)  # sent, delivered, read
    spent: float = 0.0
    taps: Counter[tuple[str, str]] = field(default_factory=Counter)  # by kind and text of the button
    tappers: set[tuple[str, str, int]] = field(default_factory=set)  # and contact


class Insights:
    """Switched on once per WABA and for ever; what was sent before is not counted."""

    def __init__(self, messages: Messages, templates: Templates, options: Options, clock: Callable[[], float]) -> None:
        self._messages, self._templates = messages, templates
        self.options, self._clock = options, clock
        self._on_since: dict[str, float] = {}
        self.routes: dict[tuple[str, str, str], Callable[[Any, Request], Any]] = {
            ("POST", "waba", ""): self._switch,
            ("GET", "waba", "template_analytics"): self._read,
        }

    def clear(self) -> None:
        self._on_since.clear()

    def is_on(self, waba_id: str) -> bool:
        return waba_id in self._on_since

    def _switch(self, waba_id: str, request: Request) -> Json:
        wanted = str(request.params.get("is_enabled_for_insights", "")).lower()
        if wanted not in {"true", "false"}:
            raise invalid("Param is_enabled_for_insights must be a boolean.")
        if wanted == "true":
            self._on_since.setdefault(waba_id, self._clock())
        elif self.is_on(waba_id):
            raise GraphError(CANNOT_DISABLE, details="Template Insights cannot be disabled once enabled.")
        return {"id": waba_id}

    def _read(self, waba_id: str, request: Request) -> Json:
        if not self.is_on(waba_id):
            raise GraphError(NOT_ENABLED, details="Template Insights have not been enabled for this account.")
        query = request.query
        days, product = self._days(query), _product(query.get("product_type", "CLOUD_API"))
        metrics, templates = _metrics(query.get("metric_types", "")), self._wanted(waba_id, query)
        counts = self._counted(waba_id, {template.id for template in templates}, product)
        points = [_point(template, day, counts[template.id, day], metrics) for day in days for template in templates]
        found = page(list(enumerate(points)), request, self.options, number=lambda row: row[0])
        answer = found.answer(lambda row: row[1])
        named = {"product_type": query["product_type"].lower()} if "product_type" in query else {}
        return answer | {"data": [{"granularity": "DAILY", **named, "data_points": answer["data"]}]}

    # --- what is asked ----------------------------------------------------------------------------

    def _days(self, query: dict[str, str]) -> range:
        """The days, as they begin: from that of `start` to that of `end`, or to today."""
        if query.get("granularity", "").upper() != "DAILY":
            raise invalid("Param granularity must be one of {DAILY}.")
        first, last, today = _midnight(query, "start"), _midnight(query, "end"), int(self._clock() // DAY * DAY)
        if first > last:
            raise invalid("Param start must not be after end.")
        if today - first > LOOKBACK_DAYS * DAY:
            raise invalid(f"Param start must be within the last {LOOKBACK_DAYS} days.")
        return range(first, min(last, today) + 1, DAY)

    def _wanted(self, waba_id: str, query: dict[str, str]) -> list[Template]:
        """The templates meant; of what is not this account's Meta says nothing."""
        ids = several(query.get("template_ids", ""))
        if not ids:
            raise required("template_ids")
        if len(ids) > MOST_IDS:
            raise invalid(f"Param template_ids must have at most {MOST_IDS} elements.")
        found = [self._templates.get(each) for each in dict.fromkeys(ids)]
        return [template for template in found if template is not None and template.waba_id == waba_id]

    # --- what happened ----------------------------------------------------------------------------

    def _counted(
        self, waba_id: str, template_ids: set[str], product: Callable[[Sent], bool]
    ) -> defaultdict[tuple[str, int], _Counts]:
        """By template and day. Each thing counts on the day on which it happened (Meta does not say)."""
        now, counts = self._clock(), defaultdict[tuple[str, int], _Counts](_Counts)
        for sent in self._messages.ledger:
            if sent.template_id in template_ids and sent.at >= self._on_since[waba_id] and product(sent):
                for what, at in _reached(sent):
                    if at <= now:
                        of_day = counts[sent.template_id, int(at // DAY * DAY)]
                        of_day.reached[what] += 1
                        of_day.spent += price(sent.pricing) if what == "delivered" else 0.0
                for tap in sent.taps:
                    if tap.at - sent.at <= EVENT_DAYS * DAY:
                        of_day = counts[sent.template_id, int(tap.at // DAY * DAY)]
                        of_day.taps[tap.kind, tap.text] += 1
                        of_day.tappers.add((tap.kind, tap.text, sent.contact))
        return counts


def _reached(sent: Sent) -> Iterator[tuple[str, float]]:
    """What became of the message, and when: what is read was delivered, what is delivered was sent."""
    if sent.failed is not None:
        return
    read = sent.told_at.get("read")
    steps = {"sent": ("sent", "delivered", "read"), "delivered": ("delivered", "read")}
    for what, evidence in steps.items():
        times = [sent.told_at[status] for status in evidence if status in sent.told_at]
        if times:
            yield what, min(times)
    if read is not None and read - sent.at <= EVENT_DAYS * DAY:
        yield "read", read


def _point(template: Template, day: int, counts: _Counts, metrics: set[str]) -> Json:
    point: Json = {"template_id": template.id, "start": day, "end": day + DAY}
    point |= {what: counts.reached[what] for what in ("sent", "delivered", "read") if what.upper() in metrics}
    found = {(button.kind, button.text) for button in buttons(template.components)}
    tracked = sorted(each for each in found if each[0] in {TOLD, COUNTED})
    opted_out = template.data.get("cta_url_link_tracking_opted_out") is True
    if "CLICKED" in metrics and tracked and not opted_out and template.category != "AUTHENTICATION":
        point["clicked"] = [each for kind, text in tracked for each in _clicked(kind, text, counts)]
    if "COST" in metrics:
        point["cost"] = list(_cost(counts, any(kind == COUNTED for kind, _ in tracked)))
    return point


def _clicked(kind: str, text: str, counts: _Counts) -> Iterator[Json]:
    name = "url_button" if kind == COUNTED else "quick_reply_button"
    yield {"type": name, "button_content": text, "count": counts.taps[kind, text]}
    if kind == COUNTED:
        people = {contact for *button, contact in counts.tappers if button == [kind, text]}
        yield {"type": f"unique_{name}", "button_content": text, "count": len(people)}


def _cost(counts: _Counts, has_link: bool) -> Iterator[Json]:
    """There is no `value` where nothing was spent, or nobody is there to share it: so it was seen at Meta."""
    clicks = sum(count for (kind, _), count in counts.taps.items() if kind == COUNTED)
    shares = {"amount_spent": 1, "cost_per_delivered": counts.reached["delivered"]}
    for kind, share in (shares | ({"cost_per_url_button_click": clicks} if has_link else {})).items():
        yield {"type": kind} | ({"value": round(counts.spent / share, 6)} if counts.spent and share else {})


def _metrics(asked: str) -> set[str]:
    wanted = {each.upper() for each in several(asked)}
    if unknown := wanted - set(METRICS):
        raise invalid(f"Param metric_types must be of {{{', '.join(METRICS)}}}, not {sorted(unknown)[0][:64]}.")
    return wanted or set(METRICS)


def _product(asked: str) -> Callable[[Sent], bool]:
    if asked.upper() not in PRODUCTS:
        raise invalid(f"Param product_type must be one of {{{', '.join(PRODUCTS)}}}.")
    lite = asked.upper() in MARKETING_MESSAGES
    return lambda sent: (sent.pricing["category"] == "marketing_lite") == lite


def _midnight(query: dict[str, str], name: str) -> int:
    """A time as epoch seconds or as YYYY-MM-DD; Meta goes back to the beginning of its day (UTC)."""
    value = query.get(name, "")
    if not value:
        raise required(name)
    if re.fullmatch(r"[0-9]{1,12}", value):
        return int(value) // DAY * DAY
    try:
        return int(datetime.combine(date.fromisoformat(value), time(), UTC).timestamp())
    except ValueError:
        raise invalid(f"Param {name} must be a UNIX timestamp or a date.") from None
