"""Thousands of templates: what reading them takes of memory, and what it writes."""

import gc
import json
import tracemalloc
from collections.abc import Iterator

import pytest

from casement.domain.templates import Held, Known, Place, SyncRecord, digest_of
from casement.meta.templates import template_from
from casement.usecases.sync_templates import Reading, Synced, read_all
from tests.integration.syncing.listings import Json, row
from tests.support.deployment import NOON, WABA

MEGABYTE = 1_000_000
WORDS = "The quick brown fox jumps over the lazy dog. " * 57


def large_row(number: int) -> Json:
    """A template of 5 KB."""
    cards = [{"type": "BODY", "text": f"{WORDS}{number}.{card}"} for card in range(2)]
    return row(f"template_{number:05}", components=[{"type": "CAROUSEL", "cards": cards}])


class Meta:
    """Has `count` of them, and makes each page when it is asked for it."""

    def __init__(self, count: int) -> None:
        self._count = count

    def templates(
        self, _waba_id: str, _token: str, after: str | None, *, name: str | None = None, limit: int = 200
    ) -> tuple[list[Json], str | None]:
        assert name is None
        begins = int(after or 0)
        ends = min(begins + limit, self._count)
        return [large_row(number) for number in range(begins, ends)], str(ends) if ends < self._count else None

    def template(self, _template_id: str, _token: str) -> None: ...


class Store:
    """Holds every second of them as it is at Meta, and counts what else it is given to keep."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.kept = 0

    def known(self, _waba_id: str) -> Iterator[Known]:
        for number in range(0, self._count, 2):
            there = large_row(number)
            canonical = json.dumps(there, sort_keys=True, separators=(",", ":"))
            yield Known(Place(there["name"], there["language"]), there["id"], digest_of(canonical), NOON, None)

    def keep(self, new: Held, *, unseen: bool = False) -> bool:
        assert unseen
        assert len(new.template.canonical) > 5_000
        self.kept += 1
        return True

    def named(self, _waba_id: str, _name: str) -> Iterator[Held]:
        return iter(())

    def held(self, _waba_id: str, _name: str, _language: str) -> None: ...

    def sync_record(self, waba_id: str) -> SyncRecord:
        return SyncRecord(waba_id)

    def put_sync_record(self, record: SyncRecord) -> None: ...


def read(count: int) -> tuple[Synced, Store, int]:
    """What reading so many does, and the bytes of memory that it takes at most."""
    store = Store(count)
    reading = Reading(WABA, "token", store, Meta(count), template_from, NOON + 1)
    gc.collect()
    tracemalloc.start()
    try:
        synced = read_all(reading)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return synced, store, peak


@pytest.mark.exhaustive  # some seconds, and it is the memory of Lambda's own Python that matters
def test_ten_thousand_templates_need_no_more_memory_than_a_page_and_their_digests():
    few, _, small = read(2_000)
    many, store, large = read(10_000)

    assert (few.listed, few.changed) == (2_000, 1_000)
    assert (many.listed, many.changed, store.kept) == (10_000, 5_000, 5_000)
    assert large < 25 * MEGABYTE  # of 50
    assert large - small < 8 * MEGABYTE  # of the 40 that they are more
