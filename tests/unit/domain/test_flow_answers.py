"""Whatever Meta puts where the answers to a form should be, it is told as it came, and never raises."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from casement.domain.compact_json import dumps
from casement.domain.flow_answers import Tied, fields_in, flow_submitted, submission_in
from casement.domain.number import FLOW_FIELDS
from casement.domain.profile import LONGEST_VALUE
from tests.support.webhooks import any_json, any_text

NUMBER, CONTACT, NOON = "100000000000001", "16505550101", 1_795_000_000_000
written = st.dictionaries(any_text, any_json, max_size=5).map(json.dumps) | any_text | any_json


def kept(reply: Any) -> dict[str, Any]:
    element = {"id": "wamid.1", "type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}}
    return {"field": "messages", "waba_id": "200000000000001", "element": element}


@given(written)
def test_the_string_is_told_as_it_came_and_what_is_told_is_json(response_json):
    form = submission_in(kept({"name": "flow", "response_json": response_json}), NUMBER, CONTACT, NOON)

    assert form is not None
    event = flow_submitted(Tied(form, None, None))
    assert event.data["response_json"] == (response_json if isinstance(response_json, str) else None)
    assert json.loads(dumps(event.body(1)), parse_constant=str) == json.loads(dumps(event.body(1)))


@given(any_json)
def test_any_element_is_a_form_or_none(anything):
    submission_in({"element": anything}, NUMBER, CONTACT, NOON)
    submission_in(kept(anything), NUMBER, CONTACT, NOON)


@given(st.dictionaries(st.sampled_from(["email", "Email", "PHONE", "name", "date"]) | any_text, any_json, max_size=6))
def test_what_is_kept_of_answers_can_be_kept(answers):
    for text in fields_in(answers, FLOW_FIELDS).values():
        assert len(text.encode()) > 0 and len(text) <= LONGEST_VALUE


def test_a_number_beyond_all_numbers_is_no_json():
    form = submission_in(kept({"response_json": '{"n": 1e999}'}), NUMBER, CONTACT, NOON)

    assert form is not None
    assert (form.answers, form.response_json) == (None, '{"n": 1e999}')
