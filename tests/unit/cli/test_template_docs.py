"""docs/templates.md describes the starter library as it is."""

import re

from casement.domain.starter import STARTER_PURPOSES
from casement.domain.template_filling import needed
from cli.starter import library
from local.stack.children import ROOT

SECTION = (ROOT / "docs" / "templates.md").read_text().partition("## The starter library\n")[2].partition("\n## ")[0]
ROWS = re.findall(r"^\| `(\w+)` \| ([A-Z]+) \| (.+) \| `(\w+)`", SECTION, re.MULTILINE)


def test_every_template_is_described_with_its_category_parameters_and_purpose():
    described = {
        name: (category, purpose, tuple(re.findall("`(.+?)`", keys))) for name, category, keys, purpose in ROWS
    }

    assert described == {
        starter.name: (starter.category, starter.purpose, tuple(needed(starter.creation("en_US"))))
        for starter in library().values()
    }


def test_of_a_purpose_the_best_is_described_first():
    named = [name for name, *_ in ROWS]

    for templates in STARTER_PURPOSES.values():
        places = [named.index(name) for name, _ in templates]
        assert places == sorted(places)
