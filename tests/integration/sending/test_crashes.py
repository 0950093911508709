"""Whatever stops between any two effects of a send, Meta gets each message once at most, and the API shows its end.

Every story is told once with nothing going wrong, which counts its effects, and then once for each of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from local.simulator import LOCAL_NUMBER
from tests.support.crashes import Effect, Stage, Trouble, template, text
from tests.support.deployment import ALICE, HOUR, deployed
from tests.support.memory import memory
from tests.support.promises import check, reached

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.exhaustive

Step = Callable[[Stage], object]
ASKED = "what was asked"


@dataclass(frozen=True)
class Story:
    """`before` goes well; `steps` are processes, any of which may stop; `reached` is what the customer has seen in the
    end, if none does and the customer writes once more; `repeated` the same, if callers ask again with their
    idempotency keys."""

    before: Sequence[Step]
    steps: Sequence[Step]
    reached: Sequence[str]
    repeated: Sequence[str] | None = None


def asks(label: str, when_closed: Any = None, **more: Any) -> Step:
    return lambda stage: stage.send(label, when_closed, **more)


def writes(stage: Stage) -> None:
    stage.wrote()


def wrote(stage: Stage) -> None:
    """The customer has written, and everybody knows."""
    stage.wrote()
    stage.settle()


def later(milliseconds: int) -> Step:
    return lambda stage: setattr(stage.casement, "now", stage.casement.now + milliseconds)


def meta(how: str, **more: Any) -> Step:
    """What the next call to Meta, or the next message that it takes, meets."""
    return lambda stage: stage.casement.simulator.fail_next(how, match="/messages$", **more)


refuses = meta("error", code=131047, http_status=400)
fails_late = meta("late", code=131047)

DELIVER, REACT, WORK_OFF, SWEEP = Stage.deliver, Stage.react, Stage.work_off, Stage.sweep
FOLLOW = (DELIVER, REACT, WORK_OFF)

NUDGE = {"template": template("please write")}
POLICIES: dict[str, tuple[Any, list[str]]] = {
    "reject": ("reject", []),
    "template": ({"template": template(ASKED)}, [ASKED]),
    "purpose": ({"purpose": "re_engage", "parameters": {"1": ASKED}}, [ASKED]),
    "hold": ("hold", [ASKED]),
    "handoff": ({"handoff": {"note": "call them"}}, []),
}

# What the next call to Meta meets, and what has reached the customer then.
AT_META = {
    "timeout_before": [],
    "timeout_after": [ASKED],
    "5xx_before": [],
    "5xx_after": [ASKED],
    "rate_limit": [],
    "connect": [],
}
PUT_OFF = ("rate_limit", "connect")  # surely not sent, so it may be tried again

STORIES: dict[str, Story] = {
    **{
        f"sent at once, Meta: {how}": Story(
            [wrote, meta(how)], [asks(ASKED), *FOLLOW], outcome, [ASKED] if how in PUT_OFF else outcome
        )
        for how, outcome in AT_META.items()
    },
    **{
        f"a template instead, Meta: {how}": Story(
            [meta(how)],
            [asks(ASKED, {"template": template(ASKED)}), *FOLLOW],
            outcome,
            [ASKED] if how in PUT_OFF else outcome,
        )
        for how, outcome in AT_META.items()
    },
    **{
        f"released, Meta: {how}": Story(
            [asks("one", "hold"), asks("two", "hold"), meta(how)],
            [writes, *FOLLOW, later(5_000), WORK_OFF],
            ["one", "two"] if outcome or how in PUT_OFF else ["two"],
        )
        for how, outcome in AT_META.items()
    },
    "sent at once": Story([wrote], [asks(ASKED), *FOLLOW], [ASKED]),
    "a template": Story([], [asks(ASKED, message={"type": "template", "template": template(ASKED)}), *FOLLOW], [ASKED]),
    "held, then written": Story([], [asks(ASKED, "hold"), writes, *FOLLOW], [ASKED]),
    "held with a nudge, then replaced": Story(
        [],
        [
            asks("older", {"hold": {"supersede": "order", "nudge": NUDGE}}),
            asks(ASKED, {"hold": {"supersede": "order", "nudge": NUDGE}}),
            writes,
            *FOLLOW,
        ],
        ["please write", ASKED],
    ),
    "three released": Story(
        [asks("one", "hold"), asks("two", "hold"), asks("three", "hold")],
        [writes, *FOLLOW],
        ["one", "two", "three"],
    ),
    "released too early for Meta": Story(
        [asks("one", "hold"), asks("two", "hold"), refuses], [writes, *FOLLOW, later(2_000), WORK_OFF], ["one", "two"]
    ),
    "released, and refused hours later": Story(
        [asks(ASKED, "hold"), fails_late], [writes, *FOLLOW, DELIVER, REACT, WORK_OFF], [ASKED]
    ),
    "released by a number that Meta stops": Story(
        [asks("one", "hold"), asks("two", "hold"), meta("error", code=190)],
        [writes, *FOLLOW, later(HOUR), SWEEP, WORK_OFF],
        ["one", "two"],
    ),
    "released by an account that Meta blocks": Story(
        [asks("one", "hold"), asks("two", "hold"), meta("error", code=368)],
        [writes, *FOLLOW, later(HOUR), SWEEP, WORK_OFF],
        ["one", "two"],
    ),
    "refused later, as the number is stopped": Story(
        [wrote, fails_late, asks(ASKED, {"template": template(ASKED)}), meta("error", code=190)],
        [asks("another"), *FOLLOW, SWEEP, WORK_OFF],
        [ASKED],
        [ASKED],
    ),
    "replaced by one that may go at once": Story(
        [asks("older", {"hold": {"supersede": "order"}}), writes, DELIVER],
        [asks(ASKED, {"hold": {"supersede": "order"}}), REACT, WORK_OFF],
        [ASKED],
    ),
    "put off, so they take turns": Story(
        [wrote, meta("rate_limit")],
        [
            asks("one", message={**text("one"), "casement": {"when_limited": "queue"}}),
            asks("two", message={**text("two"), "casement": {"when_limited": "queue"}}),
            *FOLLOW,
        ],
        ["one", "two"],
    ),
    "expired": Story([asks(ASKED, {"hold": {"expires_in": 60}}), later(HOUR)], [SWEEP], []),
    "cancelled": Story([asks(ASKED, "hold")], [lambda stage: stage.cancel(stage.asked[0])], []),
    **{
        f"closed: {name}": Story([], [asks(ASKED, policy), *FOLLOW], outcome)
        for name, (policy, outcome) in POLICIES.items()
    },
    **{
        f"refused at once: {name}": Story([wrote, refuses], [asks(ASKED, policy), *FOLLOW], outcome)
        for name, (policy, outcome) in POLICIES.items()
    },
    **{
        f"refused later: {name}": Story([wrote, fails_late], [asks(ASKED, policy), *FOLLOW], outcome)
        for name, (policy, outcome) in POLICIES.items()
    },
}


def repeats(stage: Stage) -> None:
    """Meta delivers everything it ever did once more, in another order, and in other batches."""
    webhooks = stage.casement.simulator.webhooks
    webhooks.duplicate()
    webhooks.shuffle()
    webhooks.batch(3)
    stage.deliver()


def catches_up(stage: Stage) -> None:
    """Another worker does all that there is to do."""
    for step in FOLLOW:
        step(stage)


def writes_and_all_follows(stage: Stage) -> None:
    stage.wrote()
    catches_up(stage)


# What another process does just before an effect.
BESIDE: dict[str, Step] = {
    "the customer writes, and all that follows": writes_and_all_follows,
    "another worker": catches_up,
    "a stream that repeats itself": lambda stage: stage.react(times=3),
    "a queue that repeats itself": lambda stage: stage.work_off(contrary=True),
    "a delivery that repeats itself": repeats,
    "the schedule": SWEEP,
    "the callers, who ask again": Stage.ask_again,
}


@pytest.fixture
def fast() -> "DynamoDBClient":
    return memory()


def tell(
    story: Story,
    client: "DynamoDBClient",
    *,
    keyed: bool = False,
    at: int | None = None,
    trouble: Trouble | None = None,
    beside: Step | None = None,
) -> tuple[Stage, list[Effect]]:
    """Tell a story, and let everything come to its end; the stage as it then is, and the effects of the story itself.

    At the `at`-th of them there is `trouble`, or another process goes `beside`.
    """
    with deployed(client, [LOCAL_NUMBER]) as casement:
        casement.sync()
        casement.set_number(purposes={"re_engage": ["we_are_here"]})
        stage = Stage(casement, keyed=keyed)
        with stage.watched():
            for step in story.before:
                step(stage)
            began = len(stage.effects.seen)
            if at is not None:
                stage.effects.plan(began + at, trouble, (lambda: beside(stage)) if beside else None)
            for step in story.steps:
                step(stage)
            told = stage.effects.seen[began:]
            stage.effects.forget()
            stage.run_dry(writes=[ALICE])
        return stage, told


def must_hold_at_every_effect(story: Story, client: "DynamoDBClient", **plan: Any) -> None:
    """Tell a story once for each of its effects. All that goes wrong is told at the end, each with its place."""
    _, effects = tell(story, client, keyed=plan["keyed"])
    wrong = []
    for at, effect in enumerate(effects):
        stage, _ = tell(story, client, at=at, **plan)
        try:
            check(stage)
        except AssertionError as error:
            wrong.append(f"effect {at}, {effect.what}: {str(error)[:500]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("keyed", [False, True], ids=["", "keyed"])
@pytest.mark.parametrize("name", STORIES)
def test_a_story_in_which_nothing_goes_wrong(dynamodb, name, keyed):
    story = STORIES[name]
    stage, effects = tell(story, dynamodb, keyed=keyed)

    check(stage)
    assert reached(stage.casement) == list(story.repeated if keyed and story.repeated is not None else story.reached)
    assert len(effects) > 1


# What has been done is worth asking for again, and worth not asking for again.
TROUBLES = [
    (Trouble.DIES_BEFORE, False),
    (Trouble.DIES_AFTER, False),
    (Trouble.DIES_AFTER, True),
    (Trouble.FAILS, True),
    (Trouble.LOST, False),
    (Trouble.LOST, True),
]


@pytest.mark.parametrize(("trouble", "keyed"), TROUBLES)
@pytest.mark.parametrize("name", STORIES)
def test_whatever_goes_wrong_at_any_effect(fast, name, trouble, keyed):
    must_hold_at_every_effect(STORIES[name], fast, trouble=trouble, keyed=keyed)


@pytest.mark.parametrize("other", BESIDE)
@pytest.mark.parametrize("name", STORIES)
def test_whoever_comes_in_between_any_two_effects(fast, name, other):
    must_hold_at_every_effect(STORIES[name], fast, beside=BESIDE[other], keyed=other == "the callers, who ask again")
