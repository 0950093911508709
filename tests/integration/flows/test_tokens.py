"""A message that opens a Flow carries a token of its own send, whichever way it goes out."""

from typing import Any

import pytest

from casement.domain.flow_token import LASTS_MS, FlowToken, read_flow_token
from local.simulator.config import APP_SECRET
from tests.support.deployment import ALICE, DAY, NUMBER, Deployment, Json

BOOK: Json = {"flow_message_version": "3", "flow_id": "123", "flow_cta": "Book"}


def flow(**parameters: Any) -> Json:
    action = {"name": "flow", "parameters": {**BOOK, **parameters}}
    return {"type": "interactive", "interactive": {"type": "flow", "body": {"text": "Book"}, "action": action}}


def has_template(casement: Deployment) -> Json:
    """A template whose button opens a Flow, stored; how it is asked for."""
    buttons = {"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "Book", "flow_id": "123"}]}
    components = [{"type": "BODY", "text": "Hello"}, buttons]
    casement.simulator.add_template(
        {"name": "book", "language": "en_US", "category": "UTILITY", "components": components}
    )
    casement.sync()
    button = {"type": "button", "sub_type": "flow", "index": "0"}
    return {"name": "book", "language": {"code": "en_US"}, "components": [button]}


def tokens_sent(casement: Deployment) -> list[FlowToken]:
    """The tokens in what Meta took, in order."""
    texts = [token_in(one.body) for one in casement.simulator.sent if one.failed is None]
    return [token for text in texts if (token := read_flow_token([APP_SECRET], text))]


def token_in(body: Json) -> Any:
    if body["type"] == "interactive":
        return body["interactive"]["action"]["parameters"]["flow_token"]
    if body["type"] == "template":
        return body["template"]["components"][0]["parameters"][0]["action"]["flow_token"]
    return None


def test_what_goes_out_at_once_carries_a_token_of_its_send_and_is_shown_with_it(casement):
    casement.wrote()

    answer = casement.send(message=flow())

    (token,) = tokens_sent(casement)
    assert str(token.send) == answer.ours["id"]
    assert token == FlowToken(NUMBER, token.send, casement.now + LASTS_MS, "123")
    shown = casement.get(f"messages/{answer.ours['id']}").body
    assert token_in(shown) == token_in(casement.simulator.sent[0].body)


def test_the_same_request_again_with_its_key_is_the_same_request(casement):
    casement.wrote()
    body = {"messaging_product": "whatsapp", "to": ALICE, **flow()}
    headers = {"authorization": "Bearer local-key", "idempotency-key": "1"}

    first, second = casement.post(body, headers=headers), casement.post(body, headers=headers)

    assert first.status == second.status == 200
    assert first.body == second.body
    assert len(tokens_sent(casement)) == 1


def test_what_waited_for_longer_than_a_token_lasts_arrives_with_one_that_counts(casement):
    held = casement.send(message=flow(), casement={"when_closed": {"hold": {"expires_in": 20 * 86_400}}})
    casement.now += 15 * DAY

    casement.wrote()
    casement.catch_up()

    (token,) = tokens_sent(casement)
    assert str(token.send) == held.ours["id"]
    assert token.expires_at == casement.now + LASTS_MS


def test_a_try_after_one_that_meta_put_off_is_of_the_same_send(casement):
    casement.wrote()
    casement.simulator.fail_next("error", code=130429)
    answer = casement.send(message=flow(), casement={"when_limited": "queue"})

    casement.now += DAY // 24
    casement.catch_up()

    (token,) = tokens_sent(casement)
    assert str(token.send) == answer.ours["id"]


@pytest.mark.parametrize("way", ["by itself", "in place of another", "as a nudge", "in place of one that Meta refused"])
def test_a_template_carries_one_whichever_way_it_goes(casement, way):
    template = has_template(casement)
    hello = {"type": "text", "text": {"body": "Hello"}}
    if way == "by itself":
        answer = casement.send(message={"type": "template", "template": template})
    elif way == "as a nudge":
        answer = casement.send(message=hello, casement={"when_closed": {"hold": {"nudge": {"template": template}}}})
    else:
        if way == "in place of one that Meta refused":
            casement.wrote()
            casement.simulator.fail_next("error", code=131047)
        answer = casement.send(message=hello, casement={"when_closed": {"template": template}})
    casement.catch_up()

    (token,) = tokens_sent(casement)
    assert answer.status == 200
    if way != "as a nudge":  # which is a message of its own
        assert str(token.send) == answer.ours["id"]


def test_without_an_app_secret_it_goes_as_it_came(casement):
    casement.wrote()
    casement.app_secrets = ()

    assert casement.send(message=flow()).status == 200

    assert "flow_token" not in casement.simulator.sent[0].body["interactive"]["action"]["parameters"]
