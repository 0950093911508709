"""Webhooks that nobody here wrote, where a folder of them lies beside the project. They are read, never copied."""

from pathlib import Path

import pytest

from casement.domain.facts import Fact, Quarantined
from casement.meta.webhook import split
from tests.support.deliveries import deliver, facts_on, react_to_everything
from tests.support.tables import ROOT, create_table, difference, snapshot

FOLDER = ROOT.parent / "shared" / "corpus" / "webhooks"
BODIES = sorted(FOLDER.glob("*.json"))

pytestmark = pytest.mark.skipif(not BODIES, reason="there is no corpus here")


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.stem)
def test_a_body_is_split_with_nothing_raised(path: Path) -> None:
    pieces = list(split(path.read_bytes()))

    assert [piece for piece in pieces if isinstance(piece, Fact | Quarantined)]


def test_all_of_them_are_stored_and_the_reverse_order_ends_in_the_same_table(dynamodb):
    there, back = create_table(dynamodb), create_table(dynamodb)
    for table, bodies in ((there, BODIES), (back, BODIES[::-1])):
        facts = facts_on(dynamodb, table)
        for path in bodies:
            assert deliver(path.read_bytes(), facts).status == 200
        react_to_everything(dynamodb, table)

    assert difference(snapshot(dynamodb, there), snapshot(dynamodb, back)) == {}
