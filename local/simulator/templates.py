"""The message templates of every WABA: which there are, found by id, by name, or in the order of a listing."""

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from local.simulator.config import Json
from local.simulator.seeds import Template as Seed


class _Ordinary:
    """A template whose row in a listing is what its `data` says."""


ORDINARY = _Ordinary()


@dataclass(eq=False)
class Template:
    """`data` holds exactly the fields that Graph can answer with; the rest is bookkeeping."""

    waba_id: str
    number: int  # rises with every template: the order of a listing, and its cursor
    data: Json
    edited_at: list[float] = field(default_factory=list)
    pauses: int = 0
    before_archive: str = "APPROVED"
    was_approved: bool = False  # at some time: only then does its name stay taken once it is deleted
    row: Any = ORDINARY  # anything else stands in a listing in place of `data`, as it is

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def name(self) -> str:
        return str(self.data["name"])

    @property
    def language(self) -> str:
        return str(self.data["language"])

    @property
    def status(self) -> str:
        return str(self.data["status"])

    @property
    def category(self) -> str:
        return str(self.data["category"])

    @property
    def components(self) -> list[Json]:
        return self.data["components"] or []


class Templates:
    """Adding, finding and removing cost the same however many there are."""

    def __init__(self, seeds: Iterable[Seed], clock: Callable[[], float], rng: Random) -> None:
        self._seeds, self._clock, self._rng = tuple(seeds), clock, rng
        self._by_id: dict[str, Template] = {}
        self._in_order: dict[str, list[Template]] = {}  # by WABA, numbers rising
        self._by_name: dict[str, dict[str, list[Template]]] = {}  # by WABA, then by name: all its languages
        self._removed_at: dict[tuple[str, str, str], float] = {}
        self._made = 0

    def reset(self, waba_ids: Iterable[str]) -> None:
        """Nothing but the seeds, approved; they keep their ids."""
        for kept in (self._by_id, self._in_order, self._by_name, self._removed_at):
            kept.clear()
        for waba_id in waba_ids:
            for seed in self._seeds:
                self.add(seed, waba_id=waba_id, template_id=_seed_id(waba_id, seed))

    def all(self, waba_id: str) -> Sequence[Template]:
        """In the order in which they were made."""
        return self._in_order.get(waba_id, [])

    def get(self, template_id: str) -> Template | None:
        return self._by_id.get(template_id)

    def named(self, waba_id: str, name: str) -> list[Template]:
        """In all languages."""
        return list(self._by_name.get(waba_id, {}).get(name, []))

    def named_anywhere(self, name: str) -> list[Template]:
        """In all languages, of every WABA."""
        return [template for names in self._by_name.values() for template in names.get(name, [])]

    def find(self, waba_id: str, name: str, language: str) -> Template | None:
        found = [template for template in self.named(waba_id, name) if template.language == language]
        return found[-1] if found else None

    def count_names(self, waba_id: str) -> int:
        return len(self._by_name.get(waba_id, {}))

    def removed_at(self, waba_id: str, name: str, language: str) -> float | None:
        """When a template of this name and language that had been approved was last removed."""
        return self._removed_at.get((waba_id, name, language))

    def add(
        self,
        template: Mapping[str, Any],
        *,
        waba_id: str,
        status: str = "APPROVED",
        template_id: str | None = None,
    ) -> Template:
        """Put a template there as if it had always been: no rules, no review, no webhook."""
        if missing := {"name", "language"} - template.keys():
            raise ValueError(f"a template has a {' and a '.join(sorted(missing))}")
        data = {
            "id": template_id or str(self._rng.randrange(10**15, 9 * 10**15)),
            "category": "UTILITY",
            "components": [],
            "parameter_format": "POSITIONAL",
            "rejected_reason": "NONE",
            "quality_score": {"score": "UNKNOWN", "date": int(self._clock())},
            "status": status,
            **template,
        }
        if str(data["id"]) in self._by_id:
            raise ValueError(f"there is a template {data['id']} already")
        made = self._place(waba_id, data)
        made.was_approved = made.status == "APPROVED"
        self._by_id[made.id] = made
        self._by_name.setdefault(waba_id, {}).setdefault(made.name, []).append(made)
        return made

    def add_row(self, row: Any, *, waba_id: str) -> None:
        """Any JSON value at all in the place of a template: the listing has it, and nothing else knows it."""
        self._place(waba_id, {}).row = row

    def remove(self, template: Template, at: float) -> None:
        """Gone from everywhere. If it was approved, its name stays taken, in its language (see `authoring`)."""
        del self._by_id[template.id]
        listed = self._in_order[template.waba_id]
        del listed[bisect_left(listed, template.number, key=_number)]
        names = self._by_name[template.waba_id]
        names[template.name].remove(template)
        if not names[template.name]:
            del names[template.name]
        if template.was_approved:
            self._removed_at[template.waba_id, template.name, template.language] = at

    def _place(self, waba_id: str, data: Json) -> Template:
        self._made += 1
        placed = Template(waba_id, self._made, data)
        self._in_order.setdefault(waba_id, []).append(placed)
        return placed


def _number(template: Template) -> int:
    return template.number


def _seed_id(waba_id: str, seed: Seed) -> str:
    digest = hashlib.sha256(f"{waba_id}/{seed['name']}/{seed['language']}".encode()).digest()
    return str(10**15 + int.from_bytes(digest[:8]) % (8 * 10**15))
