import io

import pytest

from local.stack.story import Scene, Step, UnexpectedError, expect, tell, what_next

SCENE = Scene("http://127.0.0.1:1", "http://127.0.0.1:2", patience=0)


def fails(_scene: Scene) -> str:
    raise UnexpectedError("it was answered 500")


def test_steps_are_told_in_order():
    out = io.StringIO()

    assert tell([Step("One.", lambda _: "done"), Step("Two.", lambda _: "done too")], SCENE, out)
    assert out.getvalue() == "1. One.\n   done\n\n2. Two.\n   done too\n\n"


def test_a_story_ends_with_the_first_step_that_goes_wrong():
    out = io.StringIO()

    assert not tell([Step("One.", fails), Step("Two.", lambda _: "done")], SCENE, out)
    assert out.getvalue() == "1. One.\n   That did not come out as it should: it was answered 500\n\n"


def test_an_answer_of_another_shape_is_a_step_gone_wrong():
    out = io.StringIO()

    assert not tell([Step("One.", lambda _: {"error": ""}["data"])], SCENE, out)
    assert "KeyError: 'data'" in out.getvalue()


def test_waiting_ends_with_what_was_waited_for():
    looks = iter([None, None, 0])  # 0 is something; only None is nothing yet

    assert Scene(SCENE.api_url, SCENE.simulator_url).until("number", lambda: next(looks)) == 0


def test_waiting_gives_up_and_says_for_what():
    with pytest.raises(UnexpectedError, match="in 0 s there was still no delivered message"):
        SCENE.until("delivered message", lambda: None)


def test_nothing_listening_is_a_step_gone_wrong():
    out = io.StringIO()

    assert not tell([Step("One.", lambda scene: str(scene.get("/1/messages")))], SCENE, out)
    assert "ConnectError" in out.getvalue()


def test_expect_says_what_is_otherwise():
    expect(True, "never said")
    with pytest.raises(UnexpectedError, match="said"):
        expect(False, "said")


def test_what_to_try_next_names_the_addresses_in_use():
    assert "curl http://127.0.0.1:1/v25.0/100000000000001/messages" in what_next(
        "http://127.0.0.1:1", "http://127.0.0.1:2"
    )
