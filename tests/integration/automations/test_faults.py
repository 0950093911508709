"""Whatever repeats itself, stops or fails between a message and its automatic answer: one answer, and none is lost but
where Meta may have it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.errors import StoreUnavailable
from casement.domain.jobs import Job
from casement.domain.pending import Pending
from casement.store.pendings import Pendings
from casement.store.standings import window_events_in
from casement.usecases.react import Change, react
from local.simulator import LOCAL_NUMBER
from tests.support.crashes import Effect, Stage, Trouble
from tests.support.deployment import ALICE, BOB, DAY, HOUR, NUMBER, Deployment, deployed
from tests.support.effort import examples
from tests.support.memory import memory
from tests.support.promises import reached

MINUTE = 60_000
RULES = [
    {"id": "first", "when": "first_message", "then": ["mark_read", {"reply": "First {{message.text}}"}]},
    {
        "id": "each",
        "when": "message",
        "then": [{"reply": "Heard {{message.text}}"}, {"tag": ["wrote"]}, {"emit": {"name": "wrote"}}],
        "once": "always",
    },
    {
        "id": "closing",
        "when": "window_closing",
        "then": [{"reply": "Still there?"}, {"handoff": "nobody answers"}],
    },
]


@contextmanager
def automated() -> Iterator[Deployment]:
    """A deployment with rules, whose events somebody has subscribed to."""
    with deployed(memory(), [LOCAL_NUMBER]) as casement:
        casement.automate(rules=RULES, limit=60, budget=1000)
        casement.subscribe(types=["custom.*", "window.*", "conversation.*"])
        casement.sweep_windows()
        casement.react()
        yield casement


def ids_by_type(casement: Deployment) -> Counter[str]:
    """How many different events of each type were told."""
    return Counter(kind for kind, _ in {(each.type, each.event) for each in casement.told})


def spent(casement: Deployment) -> int:
    items = casement.table.query(f"N#{NUMBER}", "spent", "spent~")
    return sum(int(item["sent"]["N"]) for item in items)


# --- the stream ----------------------------------------------------------------------------------


CUTS = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=examples(20))
@given(CUTS)
def test_any_prefix_may_come_again_in_any_cut(cuts):
    with automated() as casement:
        for number, contact in enumerate((ALICE, BOB, ALICE, ALICE)):
            casement.wrote(contact, f"{number}")
            casement.now += 1_000
        seen: list[Change] = []
        turn = 0
        while casement.stream.changes:
            size, again, works = cuts[turn % len(cuts)]
            turn += 1
            batch, casement.stream.changes = casement.stream.changes[:size], casement.stream.changes[size:]
            seen += batch
            for changes in (batch, seen[: len(seen) * again // 6], batch):
                react(changes, casement.projections(), casement.outlook())
            if works:
                casement.work_off()
        casement.work_off()

        assert Counter(reached(casement)) == Counter(["First 0", "First 1", "Heard 0", "Heard 1", "Heard 2", "Heard 3"])
        assert ids_by_type(casement) == {"custom.wrote": 4, "window.opened": 2}
        assert spent(casement) == 6


def test_a_replay_of_everything_a_day_later_sends_nothing():
    with automated() as casement:
        kept: list[Change] = []
        for number in range(3):
            casement.wrote(text=f"{number}")
            casement.now += MINUTE
            kept += casement.stream.changes
            casement.catch_up()
        before = reached(casement)
        casement.now += 23 * HOUR
        react(kept, casement.projections(), casement.outlook())
        casement.work_off()

        assert reached(casement) == before
        assert ids_by_type(casement)["custom.wrote"] == 3


# --- processes ------------------------------------------------------------------------------------


def told_on(stage: Stage) -> None:
    """Two messages, an answer to each; a window that runs out, which is told and answered."""
    stage.wrote(ALICE)
    stage.settle()
    stage.casement.now += MINUTE
    stage.wrote(ALICE)
    stage.settle()
    stage.casement.now += 22 * HOUR
    for _ in range(3):  # a minute each
        with stage.process():
            sweep(stage)
        stage.settle()
        stage.casement.now += MINUTE
    stage.casement.now += 2 * HOUR
    for _ in range(2):
        with stage.process():
            sweep(stage)
        stage.settle()


def sweep(stage: Stage) -> None:
    try:
        stage.casement.sweep_windows()
    except StoreUnavailable:
        return


def run(at: int | None = None, trouble: Trouble | None = None) -> tuple[list[str], Counter[str], list[Effect], int]:
    """What customers got, what was told, every effect, and what a person is to look at; with `trouble` at one."""
    with automated() as casement, Stage(casement).watched() as stage:
        if at is not None:
            stage.effects.plan(at, trouble)
        told_on(stage)
        assert not stage.effects.still_planned
        effects = list(stage.effects.seen)
        attention = casement.pendings.attention(NUMBER)
        return reached(casement), ids_by_type(casement), effects, len(attention)


EXPECTED = ["First Hi 1", "Heard Hi 1", "Heard Hi 2", "Still there?"]


def test_the_story_goes_well_where_nothing_stops():
    got, told, _, attention = run()

    assert got == EXPECTED
    assert told == {
        "custom.wrote": 2,
        "window.opened": 1,
        "window.closing": 1,
        "window.closed": 1,
        "conversation.needs_attention": 1,
    }
    assert attention == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("trouble", Trouble)
def test_whatever_stops_anywhere_there_is_one_answer_and_none_is_lost(trouble):
    _, everything, effects, _ = run()
    for at, effect in enumerate(effects):
        if not effect.changes and trouble in (Trouble.DIES_AFTER, Trouble.LOST):
            continue  # who dies after reading dies before the next effect
        got, told, _, attention = run(at, trouble)

        assert max(Counter(got).values()) == 1, f"{at}: {effect.what}, {trouble}: {got}"
        missing = set(EXPECTED) - set(got)
        assert len(missing) <= may_be_lost(at, effects, trouble), f"{at}: {effect.what}, {trouble}: without {missing}"
        assert told == everything, f"{at}: {effect.what}, {trouble}"
        assert attention == 1, f"{at}: {effect.what}, {trouble}"


def may_be_lost(at: int, effects: Sequence[Effect], trouble: Trouble) -> bool:
    """Whether the answer is lost of a worker who dies at that effect: between what is asked, and what Meta says to it,
    nobody can know how far it got."""
    if trouble not in (Trouble.DIES_BEFORE, Trouble.DIES_AFTER):
        return False
    asked = at if trouble is Trouble.DIES_AFTER else at - 1
    while effects[asked].to == "table" and not effects[asked].changes:
        asked -= 1
    after_asking = effects[asked].what.startswith("PutItem O#")
    return after_asking or effects[at].to == "Meta"


def test_nobody_waits_for_the_rest_of_a_long_batch():
    with automated() as casement:
        for number in range(25):
            casement.wrote(f"165055504{number:02}", f"{number}")
        calls: list[int] = []
        changes, casement.stream.changes = casement.stream.changes, []
        put = replace(casement.outlook(), enqueue=lambda jobs: calls.append(len(list(jobs))))
        reacted = react(changes, casement.projections(), put)

        assert sum(calls) == reacted.jobs == 75  # two answers and a receipt each
        assert max(calls) <= 12


# --- at once --------------------------------------------------------------------------------------


def test_of_many_who_react_and_many_who_send_at_once_one_message_comes():
    many = 8
    with automated() as casement:
        casement.wrote(text="0")
        changes, made = list(casement.stream.changes), [list[Job]() for _ in range(many)]

        def reacts(jobs: list[Job]) -> None:
            react(changes, casement.projections(), replace(casement.outlook(), enqueue=jobs.extend))

        with ThreadPoolExecutor(many) as pool:
            list(pool.map(reacts, made))
            assert len({tuple(job.id for job in jobs) for jobs in made}) == 1
            for job in made[0]:
                casement.jobs = [job] * many
                list(pool.map(casement.do, list(casement.jobs)))

        assert Counter(reached(casement)) == {"First 0": 1, "Heard 0": 1}
        assert spent(casement) <= 2 + many  # a message too many may be counted where several look at once, none too few


@pytest.mark.parametrize("threads", [1, 4])
def test_a_batch_worked_on_side_by_side_comes_to_the_same_as_one_after_the_other(threads):
    people = [f"1650555{number:04}" for number in range(12)]
    with automated() as casement, ThreadPoolExecutor(threads) as pool:
        for turn in range(3):
            for contact in people:
                casement.wrote(contact, f"{contact} {turn}")
            casement.now += 1_000
        changes, casement.stream.changes = casement.stream.changes, []
        react(changes, casement.projections(), casement.outlook(), each=pool.map)
        react(changes, casement.projections(), casement.outlook(), each=pool.map)
        casement.catch_up()
        told = [(each.scope, each.sequence) for each in casement.told if each.type == "custom.wrote"]

        said = Counter(reached(casement))
        assert said == Counter(
            [f"First {contact} 0" for contact in people]
            + [f"Heard {contact} {turn}" for contact in people for turn in range(3)]
        )
        assert ids_by_type(casement) == {"custom.wrote": 36, "window.opened": 12}
        for scope in {scope for scope, _ in told}:
            theirs = list(dict.fromkeys(sequence for of, sequence in told if of == scope))
            assert theirs == sorted(theirs)
            assert len(theirs) == 3


class FailsOnce:
    """What waits; the first look at what waits for one customer fails."""

    def __init__(self, pendings: Pendings, contact: str) -> None:
        self._pendings, self._contact, self.failed = pendings, contact, False

    def of(self, number_id: str, contacts: Iterable[str]) -> list[Pending]:
        known = list(contacts)
        if self._contact in known and not self.failed:
            self.failed = True
            raise StoreUnavailable("not now")
        return self._pendings.of(number_id, known)


def test_of_many_side_by_side_one_that_fails_has_the_batch_come_again_and_nobody_gets_two_answers_or_none():
    people = [f"1650555{number:04}" for number in range(8)]
    with automated() as casement, ThreadPoolExecutor(4) as pool:
        for contact in people:
            casement.wrote(contact, contact)
        changes, casement.stream.changes = casement.stream.changes, []
        pendings = FailsOnce(casement.pendings, people[3])
        with pytest.raises(StoreUnavailable):
            react(changes, casement.projections(), replace(casement.outlook(), pendings=pendings), each=pool.map)
        react(changes, casement.projections(), casement.outlook(), each=pool.map)
        casement.catch_up()

        assert pendings.failed
        assert Counter(reached(casement)) == Counter(
            [f"{what} {each}" for what in ("First", "Heard") for each in people]
        )
        assert ids_by_type(casement) == {"custom.wrote": 8, "window.opened": 8}


def test_window_events_are_told_by_the_stream_of_the_standing_alone():
    """What an automation writes to a standing is no news."""
    with automated() as casement:
        casement.wrote(text="0")
        casement.react()
        (opened,) = [event for change in casement.stream.changes for event in window_events_in(change.new)]
        assert opened.type == "window.opened"
        casement.react()
        casement.wrote(text="1")
        casement.react()

        assert [event for change in casement.stream.changes for event in window_events_in(change.new)] == []
        casement.now += DAY
