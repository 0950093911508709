"""The simulator's controls about templates: what Meta does to them, or has done long ago."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from local.simulator.agenda import Agenda
from local.simulator.config import Number
from local.simulator.review_script import Verdict
from local.simulator.reviews import Reviews
from local.simulator.templates import Template, Templates


class TemplateControls:
    """A part of `Simulator`, which makes what this works on."""

    numbers: tuple[Number, ...]
    templates: Templates
    _reviews: Reviews
    _agenda: Agenda
    _clock: Callable[[], float]
    _lock: threading.RLock

    def tick(self) -> None:
        """What time alone brings about: reviews and pauses end, templates move or go. Before every request too."""
        with self._lock:
            self._agenda.run(self._clock())

    def add_template(
        self, template: Mapping[str, Any], *, waba_id: str | None = None, status: str = "APPROVED"
    ) -> Template:
        """A template that has always been there: no rules, no review, no webhook."""
        with self._lock:
            return self.templates.add(template, waba_id=waba_id or self.numbers[0].waba_id, status=status)

    def add_copies(
        self, template: Mapping[str, Any], copies: int, *, waba_id: str | None = None, status: str = "APPROVED"
    ) -> list[Template]:
        """As many such templates, told apart by their names: `news` makes `news_00001`, `news_00002` …"""
        with self._lock:
            return [
                self.add_template({**template, "name": f"{template['name']}_{n:05}"}, waba_id=waba_id, status=status)
                for n in range(1, copies + 1)
            ]

    def add_row(self, row: Any, *, waba_id: str | None = None) -> None:
        """Any JSON value in the place of a template: the listing has it as it is, and nothing else knows it."""
        with self._lock:
            self.templates.add_row(row, waba_id=waba_id or self.numbers[0].waba_id)

    def review_next(
        self,
        decision: str,
        n: int = 1,
        *,
        match: str = "",
        after: float = 0.0,
        reason: str | None = None,
        advice: str | None = None,
        category: str | None = None,
        pause_after: float = 0.0,
        notify: bool = True,
    ) -> None:
        """How the next `n` reviews end (see `review_script.ENDS`), `after` seconds, instead of as `auto_review` says.

        A review begins when a template is created or edited. `match` is a regular expression searched in "news/en_US".
        """
        verdict = Verdict(decision, after, reason, advice, category, pause_after, notify)
        with self._lock:
            self._reviews.script.add(verdict, n, match)

    def review(
        self,
        template: str,
        decision: str,
        *,
        language: str | None = None,
        reason: str | None = None,
        advice: str | None = None,
        notify: bool = True,
    ) -> list[Template]:
        """Meta decides about a template, by id or by name (then in all languages, or just in one)."""
        with self._lock:
            meant = self.named(template, language)
            for each in meant:
                self._reviews.decide(each, decision, reason=reason, advice=advice, notify=notify)
            return meant

    def recategorise(
        self,
        template: str,
        category: str,
        *,
        language: str | None = None,
        announce: bool = False,
        notify: bool = True,
    ) -> list[Template]:
        """Meta moves a template to another category; or (`announce`) says that it will, and does it 24 hours later."""
        with self._lock:
            meant = self.named(template, language)
            for each in meant:
                self._reviews.recategorise(each, category, announce=announce, notify=notify)
            return meant

    def score(self, template: str, score: str, *, language: str | None = None, notify: bool = True) -> list[Template]:
        """The template's quality changes: GREEN, YELLOW, RED, UNKNOWN."""
        with self._lock:
            meant = self.named(template, language)
            for each in meant:
                self._reviews.score(each, score, notify=notify)
            return meant

    def named(self, template: str, language: str | None = None) -> list[Template]:
        """The templates meant by an id or a name; there is at least one."""
        with self._lock:
            self.tick()
            by_id = self.templates.get(template)
            meant = [by_id] if by_id else self.templates.named_anywhere(template)
            found = [each for each in meant if language in {None, each.language}]
            if not found:
                raise ValueError(f"there is no template {template}")
            return found
