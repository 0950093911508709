"""How a number's automations are kept: replaced as a whole, unless somebody else was first; remembered for a moment."""

from casement.domain.automations import Automations
from casement.domain.automations_document import automations_from
from casement.store import keys
from casement.store.automations import REMEMBERED_MS, AutomationsOfNumbers, Kept
from casement.store.table import Table, item
from tests.support.memory import memory
from tests.support.tables import create_table

NUMBER, OTHER, NOON = "100000000000001", "100000000000002", 1_795_000_000_000
GREETING = automations_from({"answer": "Hello"})
HOURS = {"time_zone": "Europe/Madrid", "hours": {"mon-fri": "09:00-18:00"}}
AWAY = automations_from({"business_hours": HOURS, "away": True, "budget": 10})


def table() -> Table:
    client = memory()
    return Table(client, create_table(client))


def test_what_is_kept_is_replaced_by_who_knows_it() -> None:
    kept = AutomationsOfNumbers(table())

    assert kept.fresh(NUMBER) == Kept(Automations(), 0)
    assert kept.replace(NUMBER, GREETING, 0) == 1
    assert kept.replace(NUMBER, AWAY, 0) is None, "somebody else was first"
    assert kept.replace(NUMBER, AWAY, 1) == 2
    assert kept.replace(NUMBER, GREETING, 1) is None
    assert kept.fresh(NUMBER) == Kept(AWAY, 2)
    assert kept.fresh(OTHER) == Kept(Automations(), 0)


def test_it_is_remembered_for_a_moment_by_others_and_known_at_once_to_who_changed_it() -> None:
    where = table()
    mine, others = AutomationsOfNumbers(where), AutomationsOfNumbers(where)
    assert mine.state(NUMBER, NOON) == others.state(NUMBER, NOON) == Automations()

    mine.replace(NUMBER, GREETING, 0)

    assert mine.state(NUMBER, NOON) == GREETING
    assert others.state(NUMBER, NOON + REMEMBERED_MS - 1) == Automations()
    assert others.state(NUMBER, NOON + REMEMBERED_MS) == GREETING


def test_what_can_not_be_read_any_more_does_nothing_and_stops_nobody() -> None:
    where = table()
    where.put(item(keys.number_state(NUMBER, keys.AUTOMATIONS), {"document": '{"rules": 1}', "version": 3}))

    assert AutomationsOfNumbers(where).state(NUMBER, NOON) == Automations()
