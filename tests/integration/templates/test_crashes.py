"""Whatever stops between any two effects of a change of a template: what is stored becomes what Meta has, a success is
one, and to ask again is harmless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from casement.domain.template_lifecycle import is_gone
from tests.support.crashes import Stage, Trouble
from tests.support.deployment import DAY, WABA, Answer, Deployment, deployed
from tests.support.memory import memory
from tests.support.template_desk import NEWS, approved, at_meta, body, create, delete, edit, learn, one

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NEW = body("Your order is nearly there.")


@dataclass(frozen=True)
class Change:
    """`before` goes well; `ask` may not; `done` says whether Meta has done it; `again` are the codes with which a
    repeat may be refused: error code and subcode."""

    before: Callable[[Deployment], object]
    ask: Callable[[Deployment], Answer]
    done: Callable[[Deployment], bool]
    again: tuple[int, int | None]


def says_new(casement: Deployment) -> bool:
    found = at_meta(casement)
    return found is not None and found.data["components"] == NEW


def edit_news(casement: Deployment) -> Answer:
    return edit(casement, one(casement).id, {"components": NEW})


def deleted_long_ago(casement: Deployment) -> None:
    approved(casement)
    delete(casement, name="news")
    learn(casement)
    casement.now += 31 * DAY


CHANGES = {
    "create": Change(lambda _: None, create, lambda casement: at_meta(casement) is not None, (100, 2388024)),
    "create again": Change(
        deleted_long_ago,
        create,
        lambda casement: at_meta(casement) is not None,
        (100, 2388024),
    ),
    "edit": Change(approved, edit_news, says_new, (100, None)),
    "delete": Change(
        approved,
        lambda casement: delete(casement, name="news"),
        lambda casement: at_meta(casement) is None,
        (100, None),
    ),
}


@pytest.fixture(scope="module")
def fast() -> "DynamoDBClient":
    return memory()


def must_be_as_at_meta(casement: Deployment) -> None:
    """Everything stored that is not gone is what Meta has, and the other way round."""
    held = (found.template for found in casement.templates.all(WABA))
    stored = {template.id: template for template in held if not is_gone(template)}
    there = {template.id: template for template in casement.simulator.templates.all(WABA)}
    assert {id_: each.status for id_, each in stored.items()} == {id_: each.status for id_, each in there.items()}
    for id_, template in stored.items():
        assert template.definition["components"] == there[id_].data["components"]


def asked(change: Change, stage: Stage) -> list[Answer]:
    """The answer, if the caller got one."""
    answers: list[Answer] = []
    with stage.process():
        answers.append(change.ask(stage.casement))
    return answers


def effects_of(change: Change, client: "DynamoDBClient") -> int:
    with deployed(client) as casement:
        casement.sync()
        change.before(casement)
        stage = Stage(casement)
        with stage.watched():
            (answer,) = asked(change, stage)
        assert (answer.status, answer.ours.get("stored", True)) == (200, True)
        assert change.done(casement)
        learn(casement)
        must_be_as_at_meta(casement)
        return len(stage.effects.seen)


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("name", CHANGES)
def test_whatever_goes_wrong_at_any_effect(fast, name, trouble):
    change = CHANGES[name]
    for number in range(effects_of(change, fast)):
        with deployed(fast) as casement:
            casement.sync()
            change.before(casement)
            stage = Stage(casement)
            with stage.watched():
                stage.effects.plan(number, trouble)
                answers = asked(change, stage)
            place = (number, str(stage.effects.seen[number]))

            for answer in answers:
                assert (answer.status == 200) == change.done(casement), (place, answer.body)
            was_done = change.done(casement)
            again = change.ask(casement)
            assert again.status == 200 or was_done, (place, again.body)
            if again.status != 200:
                error = again.body["error"]
                assert (error["code"], error.get("error_subcode")) == change.again, place
            assert change.done(casement), place
            learn(casement)
            must_be_as_at_meta(casement)


@pytest.mark.parametrize("name", CHANGES)
def test_whoever_comes_in_between_any_two_effects(fast, name):
    """Meta decides, its webhook comes, and a sync reads everything, all at that moment."""
    change = CHANGES[name]
    for number in range(effects_of(change, fast)):
        with deployed(fast) as casement:
            casement.sync()
            change.before(casement)
            stage = Stage(casement)

            def beside(casement: Deployment = casement) -> None:
                if at_meta(casement) is not None:
                    casement.simulator.review("news", "approve", language=NEWS["language"])
                casement.deliver()
                casement.sync()

            with stage.watched():
                stage.effects.plan(number, None, beside)
                (answer,) = asked(change, stage)
            place = (number, str(stage.effects.seen[number]), answer.body)

            assert (answer.status == 200) == change.done(casement), place
            must_be_as_at_meta(casement)
