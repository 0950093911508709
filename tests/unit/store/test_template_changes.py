"""What the stream tells of templates, by an item as it is and as it was."""

from typing import Any

from casement.domain.template_health import Ill
from casement.domain.template_history import Chapter, Transition
from casement.domain.templates import Held, Source, Template
from casement.store.table import Table
from casement.store.template_changes import chapters_in
from casement.store.templates import Templates
from tests.support.memory import memory
from tests.support.tables import create_table, snapshot

NOON, WABA = 1_795_000_000_000, "200000000000001"


def stored(held: Held | None = None, ill: Ill | None = None) -> Any:
    """The item that it is kept as."""
    client = memory()
    table = create_table(client)
    templates = Templates(Table(client, table))
    if held:
        templates.keep(held)
    if ill:
        templates.mark_ill(WABA, ill)
    (item,) = snapshot(client, table).values()
    return item


def held(template_id: str, status: str = "APPROVED", at: int = NOON) -> Held:
    definition = {"id": template_id, "status": status}
    return Held(Template(WABA, template_id, "news", "es", status, "UTILITY", definition), at, source=Source.SYNC)


def test_one_that_was_made_again_ends_the_history_of_the_one_before_and_begins_its_own():
    chapters = list(chapters_in(stored(held("2", "PENDING", NOON + 5)), stored(held("1"))))

    assert chapters[0] == Chapter(WABA, "1", (Transition(NOON + 5, "status", "APPROVED", "DELETED", "sync"),))
    assert [chapter.template_id for chapter in chapters] == ["1", "2"]
    assert {(each.what, each.was, each.now) for each in chapters[1].transitions} == {
        ("status", "", "PENDING"),
        ("category", "", "UTILITY"),
    }


def test_one_that_was_read_again_as_it_was_has_no_news():
    assert list(chapters_in(stored(held("1", at=NOON + 5)), stored(held("1")))) == []


def test_a_mark_is_told_once_however_often_it_is_made_anew():
    first = Ill("1", 30, 10, NOON, NOON + 100)
    fell_ill = Transition(NOON, "errors", "", "10 of 30 failed", "count")

    assert list(chapters_in(stored(ill=first), None)) == [Chapter(WABA, "1", (fell_ill,))]
    assert list(chapters_in(stored(ill=Ill("1", 40, 20, NOON, NOON + 200)), stored(ill=first))) == []
    (again,) = chapters_in(stored(ill=Ill("1", 40, 20, NOON + 150, NOON + 250)), stored(ill=first))
    assert again.transitions[0].at == NOON + 150
