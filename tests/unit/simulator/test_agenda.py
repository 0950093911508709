"""What is planned happens once, in order of time, unless it was planned anew or called off."""

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from local.simulator.agenda import Agenda

steps = st.lists(st.tuples(st.sampled_from(["plan", "cancel", "run"]), st.sampled_from("abc"), st.integers(0, 20)))


@given(steps)
def test_only_the_newest_plan_of_a_name_happens_and_only_once(doing: list[tuple[str, str, int]]) -> None:
    agenda, expected, happened = Agenda(), dict[str, tuple[int, int]](), list[tuple[int, str, float]]()
    should: list[tuple[int, str, float]] = []

    def note(number: int, name: str, then: float) -> None:
        happened.append((number, name, then))

    for number, (step, name, at) in enumerate(doing):
        if step == "plan":
            expected[name] = (at, number)
            agenda.plan(name, at, partial(note, number, name))
        elif step == "cancel":
            expected.pop(name, None)
            agenda.cancel(name)
        else:
            due = sorted((then, made, who) for who, (then, made) in expected.items() if then <= at)
            should += [(made, who, float(then)) for then, made, who in due]
            for _, _, who in due:
                del expected[who]
            agenda.run(at)

    assert happened == should


def test_what_one_thing_brings_about_happens_at_its_time_too() -> None:
    agenda, happened = Agenda(), list[tuple[str, float]]()

    def first(at: float) -> None:
        happened.append(("first", at))
        agenda.plan("second", at + 5, lambda then: happened.append(("second", then)))
        agenda.plan("third", at + 100, lambda then: happened.append(("third", then)))

    agenda.plan("first", 1, first)
    agenda.plan("other", 4, lambda then: happened.append(("other", then)))
    agenda.run(50)

    assert happened == [("first", 1), ("other", 4), ("second", 6)]
