"""A flow token says which send it is of, and nobody else can make one."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from casement.domain.flow_token import LASTS_MS, PREFIX, FlowToken, read_flow_token, with_flow_token
from casement.domain.message_key import MessageKey
from tests.support.webhooks import any_json, any_text

NOW = 1_795_000_000_000
Json = dict[str, Any]

NEW, OLD, FORGED = "new-app-secret", "old-app-secret", "somebody else's"
NUMBER = "100000000000001"

moments = st.integers(0, 10**13 - 1)
contacts = st.sampled_from(["16505550101", "US.13491208655302741918", "US.ENT.118", "group:Z3JvdXA6MQ=="])
sends = st.builds(MessageKey.new, contacts, moments, st.integers(0, 2**80 - 1))
tokens = st.builds(FlowToken, st.text(st.characters(categories=["Nd"]), max_size=20), sends, moments, any_text)
SEND = MessageKey.new("16505550101", NOW, 7)


def interactive(**parameters: Any) -> Json:
    action = {"name": "flow", "parameters": {"flow_id": "123", "flow_cta": "Book", **parameters}}
    return {"to": "1", "type": "interactive", "interactive": {"type": "flow", "body": {"text": "B"}, "action": action}}


def template(*components: Json) -> Json:
    return {"to": "1", "type": "template", "template": {"name": "book", "components": list(components)}}


def button(**more: Any) -> Json:
    return {"type": "button", "sub_type": "flow", "index": "0", **more}


def tied(body: Json, now: int = NOW) -> Any:
    return with_flow_token(body, NUMBER, SEND, NEW, now)


def token_in(body: Json) -> Any:
    if body["type"] == "interactive":
        return body["interactive"]["action"]["parameters"]["flow_token"]
    return body["template"]["components"][-1]["parameters"][0]["action"]["flow_token"]


def known(token: Any) -> FlowToken:
    """What one of ours says."""
    found = read_flow_token([NEW], token)
    assert found is not None
    return found


@given(tokens)
def test_comes_back_as_it_went_under_either_of_two_secrets(token):
    assert read_flow_token([NEW, OLD], token.signed(NEW)) == token
    assert read_flow_token([NEW, OLD], token.signed(OLD)) == token
    assert known(token.signed(NEW)).signed(NEW) == token.signed(NEW)


@given(tokens, st.data())
def test_one_changed_character_makes_it_nobodys(token, data):
    signed = token.signed(NEW)
    place = data.draw(st.integers(0, len(signed) - 1))
    other = data.draw(st.characters().filter(lambda character: character != signed[place]))

    assert read_flow_token([NEW], signed[:place] + other + signed[place + 1 :]) is None


@given(any_json | any_text | any_text.map(lambda text: PREFIX + text))
def test_whatever_comes_in_its_place_is_no_token_and_raises_nothing(anything):
    assert read_flow_token([NEW, OLD, ""], anything) is None


def test_without_a_secret_nothing_is_ours():
    token = FlowToken(NUMBER, SEND, NOW)

    assert read_flow_token([], token.signed("")) is None
    assert read_flow_token([""], token.signed("")) is None
    assert read_flow_token([NEW], token.signed(FORGED)) is None


@given(tokens)
def test_it_is_plain_text_that_any_log_or_form_can_hold(token):
    signed = token.signed(NEW)
    assert signed.isascii()
    assert not set(signed) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_a_message_that_opens_a_flow_without_a_token_gets_one_and_is_else_as_it_was():
    for nothing in ({}, {"flow_token": None}, {"flow_token": ""}, {"flow_token": "unused"}):
        body = tied(interactive(**nothing))

        found = read_flow_token([NEW], token_in(body))
        assert found == FlowToken(NUMBER, SEND, NOW + LASTS_MS, "123")
        assert body == interactive(flow_token=token_in(body))


def test_so_does_a_template_whose_button_opens_one():
    text = {"type": "body", "parameters": [{"type": "text", "text": "Bob"}]}
    data = {"flow_action_data": {"day": "monday"}}
    for given_button in (
        button(),
        button(parameters=[]),
        button(sub_type="FLOW", parameters=[{"type": "action", "action": data}]),
    ):
        body = tied(template(text, given_button))

        assert read_flow_token([NEW], token_in(body)) == FlowToken(NUMBER, SEND, NOW + LASTS_MS)
        assert body["template"]["components"][0] == text
    assert body["template"]["components"][1]["parameters"][0]["action"].items() >= data.items()


def test_so_does_a_card_of_a_carousel():
    cards = [{"card_index": 0, "components": [button()]}, {"card_index": 1, "components": [button()]}]

    body = tied(template({"type": "carousel", "cards": cards}))

    for card in body["template"]["components"][0]["cards"]:
        token = card["components"][0]["parameters"][0]["action"]["flow_token"]
        assert known(token).send == SEND


def test_a_token_of_the_callers_own_stays():
    for body in (
        interactive(flow_token="order-42"),  # noqa: S106 - Meta's word for what names one use of a Flow
        interactive(flow_token=FlowToken(NUMBER, MessageKey.new("1", NOW, 8), NOW).signed(NEW)),
        template(button(parameters=[{"type": "action", "action": {"flow_token": "order-42"}}])),
    ):
        assert tied(body) == body


def test_a_token_of_the_same_send_is_made_anew_for_what_waited():
    waited = tied(tied(interactive()), now=NOW + 3 * LASTS_MS)

    assert known(token_in(waited)).expires_at == NOW + 4 * LASTS_MS
    waited = tied(tied(template(button())), now=NOW + 3 * LASTS_MS)
    assert known(token_in(waited)).expires_at == NOW + 4 * LASTS_MS


@given(any_json, any_json)
def test_other_messages_go_as_they_came(anything, more):
    for body in (
        {"type": "text", "text": anything},
        {"type": "interactive", "interactive": anything},
        {"type": "interactive", "interactive": {"action": {"name": "cta_url", "parameters": anything}}},
        {"type": "template", "template": {"components": [{"type": "body", "parameters": anything}, more]}},
        {"type": "template", "template": {"components": [{"type": "button", "sub_type": "url", "parameters": more}]}},
    ):
        assert tied(body) == body
