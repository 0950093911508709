"""Our rules for templates and the simulator's, written apart: what the one takes the other takes.

A simulator that was kinder would let pass what Meta refuses; one that was stricter would hide it where we are too kind.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.template_rules import Fault, edit_faults, faults, library_faults
from local.simulator.errors import GraphError
from local.simulator.seeds import SEEDS
from local.simulator.template_rules import as_stored, check_edit, check_library, check_new
from tests.support.effort import examples
from tests.support.template_cases import CASES, EDIT_CASES, LIBRARY_CASES, Json
from tests.support.templates import changed, edits, library_templates, respelled, templates, valid_templates
from tests.support.webhooks import any_json

Path = str | tuple[str, ...] | None
Ours = Callable[..., tuple[Fault, ...]]
Theirs = Callable[..., None]


def refusal(check: Theirs, *asked: Any) -> GraphError | None:
    try:
        check(*asked)
    except GraphError as error:
        assert error.code == 100
        return error
    return None


def same_verdict(ours: Ours, theirs: Theirs, *asked: Any) -> bool:
    """Whether both take it."""
    found, refused = ours(*asked), refusal(theirs, *asked)

    assert bool(found) == bool(refused), (found, refused and (refused.message, refused.user))
    return not found


@pytest.mark.parametrize(("wanted", "path"), [case[:2] for case in CASES])
def test_rule_by_rule(wanted: Any, path: Path) -> None:
    assert same_verdict(faults, check_new, wanted) is (path is None)


@pytest.mark.parametrize(("wanted", "path"), [case[:2] for case in LIBRARY_CASES])
def test_rule_by_rule_for_what_comes_from_the_library(wanted: Any, path: Path) -> None:
    assert same_verdict(library_faults, check_library, wanted) is (path is None)


@pytest.mark.parametrize(("change", "current", "path"), [case[:3] for case in EDIT_CASES])
def test_rule_by_rule_for_edits(change: Any, current: Json, path: Path) -> None:
    assert same_verdict(edit_faults, check_edit, change, current) is (path is None)


@given(templates())
@settings(max_examples=examples(200))
def test_what_our_rules_take_the_simulator_takes_and_nothing_else(wanted: Any) -> None:
    same_verdict(faults, check_new, wanted)


@given(edits())
@settings(max_examples=examples(100))
def test_edits_too(edit: tuple[Any, Json]) -> None:
    same_verdict(edit_faults, check_edit, *edit)


@given(library_templates() | changed(library_templates()) | any_json)
@settings(max_examples=examples(100))
def test_what_comes_from_the_library_too(wanted: Any) -> None:
    same_verdict(library_faults, check_library, wanted)


@given(valid_templates())
def test_the_simulator_stores_metas_spelling(wanted: Json) -> None:
    assert as_stored(respelled(wanted)) == wanted


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed['name']}-{seed['language']}")
def test_what_a_new_simulator_has_is_right(seed: Json) -> None:
    assert same_verdict(faults, check_new, dict(seed))


@pytest.mark.parametrize(
    ("strategy", "ours", "fewest_places"),
    [
        (templates().map(lambda wanted: (wanted,)), faults, 20),
        (edits(), edit_faults, 15),
        ((library_templates() | changed(library_templates())).map(lambda wanted: (wanted,)), library_faults, 7),
    ],
    ids=["templates", "edits", "library"],
)
def test_both_verdicts_come_up_often(
    strategy: st.SearchStrategy[tuple[Any, ...]], ours: Ours, fewest_places: int
) -> None:
    """And faults in many places; else the properties above would say little."""
    taken: Counter[bool] = Counter()
    places: Counter[str] = Counter()

    @given(strategy)
    @settings(max_examples=150, derandomize=True, database=None)
    def look(asked: tuple[Any, ...]) -> None:
        found = ours(*asked)
        taken[not found] += 1
        places.update({fault.path for fault in found})

    look()
    assert min(taken[True], taken[False]) > 30, taken
    assert len(places) >= fewest_places, places
