"""The templates that there are, however they came and went."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from local.simulator.seeds import SEEDS
from local.simulator.templates import Templates

steps = st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("abc"), st.sampled_from(["en", "es"]), st.booleans()))


def store() -> Templates:
    return Templates(SEEDS, lambda: 0.0, Random(1))  # noqa: S311 - nothing here is a secret


@given(steps)
def test_every_way_of_finding_templates_finds_the_same(doing: list[tuple[str, str, str, bool]]) -> None:
    templates = store()
    model = []
    for waba_id, name, language, removes in doing:
        found = templates.find(waba_id, name, language)
        if not removes:
            model.append(templates.add({"name": name, "language": language}, waba_id=waba_id))
        elif found is not None:
            model.remove(found)
            templates.remove(found, 5.0)
            assert templates.removed_at(waba_id, name, language) == 5.0

    for waba_id in "12":
        mine = [template for template in model if template.waba_id == waba_id]
        assert list(templates.all(waba_id)) == mine
        assert templates.count_names(waba_id) == len({template.name for template in mine})
        for name in "abc":
            assert templates.named(waba_id, name) == [template for template in mine if template.name == name]
    assert all(templates.get(template.id) is template for template in model)
    assert sorted(templates.named_anywhere("a"), key=id) == sorted((t for t in model if t.name == "a"), key=id)


def test_seeds_keep_their_ids_and_differ_by_account() -> None:
    templates = store()
    templates.reset(["1", "2"])
    before = [[template.id for template in templates.all(waba_id)] for waba_id in "12"]
    templates.reset(["1", "2"])

    assert [[template.id for template in templates.all(waba_id)] for waba_id in "12"] == before
    assert len({template_id for ids in before for template_id in ids}) == 2 * len(SEEDS)
