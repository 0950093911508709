"""Meta's handshake, with a bot that knows the token and with ones that do not."""

from collections.abc import Iterator

import pytest

from casement.domain.errors import InvalidRequest
from casement.webhooks.handshake import shake_hands
from casement.webhooks.post import Caller
from local.sink import Sink

RIGHT = "right"


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    made = Caller(allow_private=True)
    yield made
    made.close()


@pytest.mark.parametrize("query", ["", "?tenant=7"])
def test_a_bot_that_knows_the_token_gives_the_challenge_back(caller, query):
    with Sink(verify_token=RIGHT) as sink:
        shake_hands(f"{sink.url}{query}", RIGHT, "1158201444", caller)


def test_one_that_does_not_is_refused(caller):
    with Sink(verify_token=RIGHT) as sink, pytest.raises(InvalidRequest, match="403"):
        shake_hands(sink.url, "wrong", "1158201444", caller)


def test_one_that_is_not_there_is_refused(caller):
    with pytest.raises(InvalidRequest, match="handshake"):
        shake_hands("http://127.0.0.1:1/", RIGHT, "1158201444", caller)
