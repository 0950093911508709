"""What a stored item tells of a template message, whatever Meta put into it, and how counts are kept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.message_key import MessageKey
from casement.domain.messages import TemplateSent
from casement.domain.template_counts import (
    KEPT_MS,
    STRETCH_MS,
    Cell,
    Step,
    Tally,
    cells_of,
    counted,
    detailed,
    together,
)
from casement.store.messages import Messages
from casement.store.table import Table
from casement.store.template_counts import TemplateCounts, steps_in
from tests.support.memory import memory
from tests.support.tables import create_table, snapshot

NUMBER, ALICE, TEMPLATE = "100000000000001", "16505550101", "900000000000001"
NOON = 1_795_000_000_000
KEY = MessageKey(ALICE, "01M7Q5DMSG04HMASW9NF6YY093")
PRICED = {"billable": True, "category": "utility", "type": "regular"}


def outcome(status: str, *, prefix: str = "M#", **more: str) -> dict[str, Any]:
    """What became of a send of ours."""
    place = f"{prefix}{KEY.at}#{'1#' if prefix == 'W#' else ''}send#{KEY.ulid}"
    kept = {"status": status, "template": TEMPLATE, **more}
    return {"PK": {"S": f"C#{NUMBER}#{ALICE}"}, "SK": {"S": place}} | {name: {"S": kept[name]} for name in kept}


def status(name: str, member: str = "", template_id: str | None = TEMPLATE, **element: Any) -> dict[str, Any]:
    """A status of a send of ours."""
    detail = f"{name}.{member}" if member else name
    told = {"status": name, "biz_opaque_callback_data": KEY.travelling(template_id), **element}
    return {
        "PK": {"S": f"C#{NUMBER}#{ALICE}"},
        "SK": {"S": f"M#{KEY.at}#send#{KEY.ulid}#{detail}#abc"},
        "raw": {"S": json.dumps({"element": told})},
    }


def told(image: Mapping[str, Any]) -> list[str]:
    return [step.what for step in steps_in(image)]


def failed(code: Any) -> str:
    return json.dumps({"error": {"code": code}})


@pytest.mark.parametrize(
    ("image", "steps"),
    [
        (outcome("accepted"), ["asked"]),
        (outcome("unknown"), ["asked"]),
        (outcome("failed", answer=failed(131026)), ["asked", "failed 131026"]),
        (outcome("failed", answer=failed(131047), prefix="W#"), ["asked", "failed 131047"]),
        (outcome("failed", answer=failed("131026")), ["asked", "failed unknown"]),
        (outcome("failed", answer=json.dumps({"error": None})), ["asked", "failed unknown"]),
        (outcome("failed"), ["asked", "failed unknown"]),
        (outcome("held"), []),
        (outcome("handed_off"), []),
        (outcome("accepted", template=""), []),
        (outcome("accepted", template="9\u00b2"), []),
        (outcome("accepted", template="9" * 21), []),
        (status("sent", pricing=PRICED), ["sent"]),
        (status("delivered"), ["delivered"]),
        (status("delivered", pricing=PRICED), ["delivered", "priced utility regular"]),
        (status("read", pricing=PRICED), ["read", "delivered", "priced utility regular"]),
        (status("read"), ["read"]),
        (status("read", conversation={"pricing": PRICED}), ["read", "delivered", "priced utility regular"]),
        (status("delivered", pricing=None, conversation=None), ["delivered"]),
        (status("delivered", pricing="free"), ["delivered"]),
        (status("delivered", pricing=[PRICED]), ["delivered"]),
        (status("delivered", pricing={}), ["delivered", "priced unknown unknown"]),
        (status("delivered", pricing={"category": None, "type": 7}), ["delivered", "priced unknown 7"]),
        (status("failed", errors=[{"code": 131049}, {"code": 1}]), ["failed 131049"]),
        (status("failed", errors=[]), ["failed unknown"]),
        (status("failed", errors=["131049"]), ["failed unknown"]),
        (status("failed", errors={"code": 131049}), ["failed unknown"]),
        (status("failed"), ["failed unknown"]),
        (status("played"), []),
        (status("sent", template_id=None), []),
        (status("sent", biz_opaque_callback_data={"a": 1}), []),
    ],
)
def test_what_an_item_tells(image, steps):
    assert told(image) == steps
    assert {(step.number, step.template_id, step.send) for step in steps_in(image)} <= {(NUMBER, TEMPLATE, KEY.ulid)}


def test_what_meta_put_off_did_not_go():
    assert told({**outcome("failed", answer=failed(130429)), "retry": {"N": "1"}}) == []


def test_a_late_refusal_for_the_window_is_a_failure_like_another():
    image = status("failed", errors=[{"code": 131047}])
    image["SK"] = {"S": f"W#{KEY.at}#1#send#{KEY.ulid}#failed#abc"}

    assert told(image) == ["failed 131047"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["sent", "delivered", "read", "failed", "deleted"]),
    st.fixed_dictionaries({}, optional={"pricing": json_values, "errors": json_values, "conversation": json_values}),
)
def test_whatever_meta_puts_into_a_status_is_counted_or_left(name, element):
    for step in steps_in(status(name, **element)):
        assert step.what.split(" ")[0] in (name, "delivered", "priced")


def test_of_a_message_to_a_group_each_member_counts_once_whenever_it_is_told():
    asked, *members = (
        steps_in(image)
        for image in (
            outcome("accepted"),
            status("delivered", "US.1", pricing=PRICED),
            status("read", "US.1"),
            status("delivered", "US.2", pricing=PRICED),
        )
    )

    again = [(step, NOON) for steps in [asked, *members, *members] for step in steps]
    (cell,) = cells_of(again)

    by_what = {tally.what: count for tally, count in counted(cell.messages).items()}
    assert by_what == {"asked": 1, "delivered": 2, "read": 1, "priced utility regular": 2}


@pytest.fixture
def counts():
    client = memory()
    return TemplateCounts(Table(client, create_table(client)), retention_days=365)


odd_texts = st.text(st.characters(exclude_categories=()), max_size=80)


@given(st.lists(odd_texts, min_size=1, max_size=5))
def test_a_button_may_be_called_anything(texts):
    client = memory()
    counts = TemplateCounts(Table(client, create_table(client)), retention_days=365)
    taps = [Step(NUMBER, TEMPLATE, detailed("tapped", text), KEY.ulid) for text in texts]

    counts.add(cells_of((tap, NOON) for tap in taps))
    start = NOON - NOON % STRETCH_MS
    found = counted(together(counts.cells(NUMBER, start, start + STRETCH_MS)))
    counts.fold(NUMBER, start, found)

    day = taps[0].tally.day
    assert found == {tap.tally: 1 for tap in taps}
    assert {tally: count for _, tally, count in counts.folded(NUMBER, TEMPLATE, day, day)} == found


def test_buttons_that_are_called_anything_fill_no_item(counts):
    day = "2026-11-18"
    numbers = {Tally(TEMPLATE, day, detailed("tapped", f"{index:05}" + "\U0001f600" * 60)): 1 for index in range(9_000)}
    numbers |= {Tally(TEMPLATE, day, "asked"): 1, Tally(TEMPLATE, day, "tapped Yes"): 7}

    counts.fold(NUMBER, NOON, numbers)

    kept = {tally.what: count for _, tally, count in counts.folded(NUMBER, TEMPLATE, day, day)}
    assert (kept["asked"], kept["tapped Yes"]) == (1, 7)
    assert sum(kept.values()) == 9_008
    assert len(json.dumps(kept)) < 100_000  # bytes; an item may have 400,000


def test_a_cell_is_the_same_item_however_often_it_is_kept(counts):
    cell = Cell(NUMBER, NOON, {Tally(TEMPLATE, "2026-11-18", "asked"): frozenset({"A" * 12, "B" * 12})})

    counts.add([cell])
    counts.add([cell])

    assert list(counts.cells(NUMBER, NOON, NOON + 1)) == [cell]
    assert list(counts.cells(NUMBER, NOON + 1, NOON + STRETCH_MS)) == list(counts.cells(NUMBER, 0, NOON)) == []


@pytest.mark.parametrize(("template_id", "is_found"), [(TEMPLATE, True), ("9" * 21, False), ("made up", False)])
def test_answers_are_looked_for_of_templates_that_are_counted(template_id, is_found):
    client = memory()
    table = Table(client, create_table(client))
    table.put(outcome("accepted", template=template_id, wamid="wamid.1"))

    found = list(Messages(table).templates_sent(NUMBER, [ALICE], KEY.at, KEY.at + 1))

    assert found == ([TemplateSent(KEY, TEMPLATE, "wamid.1")] if is_found else [])


def test_cells_last_longer_than_they_may_wait_to_be_folded_and_numbers_as_long_as_everything():
    client = memory()
    table = create_table(client)
    counts = TemplateCounts(Table(client, table), retention_days=365)
    tally = Tally(TEMPLATE, "2026-11-18", "asked")

    counts.add([Cell(NUMBER, NOON, {tally: frozenset({"A" * 12})})])
    counts.fold(NUMBER, NOON, {tally: 1})
    counts.fold_to(NUMBER, NOON)

    ends = {pk[0]: int(item["ttl"]["N"]) if "ttl" in item else 0 for (pk, _), item in snapshot(client, table).items()}
    assert NOON + KEPT_MS + 86_400_000 <= ends["B"] * 1000 <= NOON + 2 * KEPT_MS
    assert ends["U"] == NOON // 1000 + 365 * 86_400
    assert ends["N"] == 0  # never
