"""Meta's error codes, each with its class, over the whole of Meta's own table; and ours, each with its Graph shape."""

import inspect
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain import errors
from casement.domain.errors import CasementError
from casement.domain.meta_errors import (
    ErrorClass,
    class_of,
    classify,
    code_of,
    is_of_the_token,
    slows_the_number,
    stops_the_number,
    wait_before_retry_s,
    waits_for_somebody,
)
from casement.domain.template_rules import Fault
from casement.runtime.graph_shape import GRAPH_ERROR, error_response
from tests.support.webhooks import any_json

# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
TABLE = {
    ErrorClass.RETRY: {4, 613, 80007, 130429, 131056, 131057, 131208, 132069, 133004, 134101, 2494100},
    ErrorClass.AMBIGUOUS: {1, 2, 131000, 131016},
    ErrorClass.WINDOW: {131047, 470},
    ErrorClass.AUTHENTICATION: {0, 3, 10, 190, 131005, *range(200, 300)},
    ErrorClass.RECIPIENT: {130403, 130497, 131026, 131030, 131062, 137000},
    ErrorClass.TEMPLATE: {
        *(132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068, 134102),
        *(2388019, 2388023, 2388024, 2388039, 2388040, 2388047, 2388072, 2388073, 2388293, 2388299),
    },
    ErrorClass.NUMBER: {
        *(33, 368, 131031, 131037, 131042, 131044, 131045, 131048, 131064),
        *(133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 134011, 136024),
    },
    ErrorClass.MARKETING: {130472, 131049, 131050, 131055, 131063, 134100},
    ErrorClass.FINAL: {
        *(100, 131008, 131009, 131020, 131021, 131041, 131051, 131052, 131053, 131059, 135000, 1752041),
        *(code for code in range(131201, 131216) if code != 131208),
        *range(138000, 138019),
        *(200005, 200006, 200007),
        *(*range(139000, 139005), *range(139100, 139104), *range(147001, 147006)),
        *(*range(2494164, 2494180), 2593107, 2593108, 2593109),
    },
}
CLASS_OF = {code: kind for kind, codes in TABLE.items() for code in codes}
STATUSES = (200, 206, 400, 401, 403, 404, 429, 500, 503)


@pytest.mark.parametrize("code", sorted(CLASS_OF))
def test_a_known_code_decides_whatever_the_http_status(code):
    # rate limits come as 400 and as 429, and permission errors as 500
    found = {classify(status, {"error": {"code": code}}) for status in STATUSES}

    assert found == {CLASS_OF[code]}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": {"code": 999_999}}, ErrorClass.FINAL),
        (404, {"error": {"code": 999_999}}, ErrorClass.FINAL),
        (500, {"error": {"code": 999_999}}, ErrorClass.AMBIGUOUS),
        (503, {"error": {"code": 999_999}}, ErrorClass.AMBIGUOUS),
        (400, {"error": {"code": 999_999, "is_transient": True}}, ErrorClass.AMBIGUOUS),
        (502, None, ErrorClass.AMBIGUOUS),  # a proxy's page
        (504, {"message": "Endpoint request timed out"}, ErrorClass.AMBIGUOUS),
        (429, None, ErrorClass.RETRY),
        (403, None, ErrorClass.FINAL),
    ],
)
def test_what_no_table_knows_is_final_unless_it_may_have_been_sent(status, body, kind):
    assert classify(status, body) is kind


@given(st.integers(100, 599), any_json | st.builds(lambda error: {"error": error}, any_json))
def test_any_answer_has_a_class(status, body):
    assert classify(status, body) in ErrorClass
    assert code_of(body) is None or isinstance(code_of(body), int)


@pytest.mark.parametrize("code", sorted(CLASS_OF))
def test_a_late_failure_is_classed_as_the_same_code_at_once(code):
    assert class_of(code) is CLASS_OF[code]


@given(st.integers().filter(lambda code: code not in CLASS_OF))
def test_an_unknown_code_of_a_late_failure_is_final(code):
    assert class_of(code) is ErrorClass.FINAL


# Whose cause is the number, its account or its token, so that whatever is sent next fails too. Others of their classes
# are of one message: a permission that one kind of message needs, a payment that templates need, a limit that passes.
STOPPING = {0, 190, 368, 131031, 131045, 133010}


@pytest.mark.parametrize("code", [*sorted(CLASS_OF), 999_999])
def test_what_stops_the_number_is_what_all_its_messages_would_meet(code):
    assert stops_the_number(code) == (code in STOPPING)
    if stops_the_number(code):
        assert CLASS_OF[code] in (ErrorClass.AUTHENTICATION, ErrorClass.NUMBER)


@pytest.mark.parametrize(
    ("code", "waits"),
    [
        (131056, [1, 4, 16, 64, 256, 600, 600]),  # a pair limit: Meta says 4 to the power of the tries
        (130429, [1, 2, 4, 8, 16, 32, 64]),  # throughput: over in seconds
        (80007, [60, 120, 240, 480, 600, 600, 600]),  # the WABA's calls of an hour
        (4, [60, 120, 240, 480, 600, 600, 600]),
        (131057, [60, 120, 240, 480, 600, 600, 600]),
        (134101, [600] * 7),
        (132069, [600] * 7),
        (None, [1, 2, 4, 8, 16, 32, 64]),  # Meta could not be reached
    ],
)
def test_how_long_to_wait_after_each_refusal(code, waits):
    assert [wait_before_retry_s(code, tries) for tries in range(1, 8)] == waits


@pytest.mark.parametrize(("asked", "waited"), [(7, 7), (0, 1), (-5, 1), (10**9, 600)])
@pytest.mark.parametrize("code", [131056, 130429, 80007, None])
def test_what_meta_asks_for_counts_within_reason(code, asked, waited):
    assert wait_before_retry_s(code, 3, asked) == waited


@given(st.none() | st.integers(), st.integers(), st.none() | st.integers())
def test_every_wait_is_from_a_second_to_ten_minutes_unless_somebody_must_act(code, tries, asked):
    most = 6 * 3600 if code is not None and waits_for_somebody(code) else 600
    assert 1 <= wait_before_retry_s(code, tries, asked) <= most


@given(st.none() | st.integers(), st.integers(1, 50))
def test_no_wait_is_shorter_than_the_one_before(code, tries):
    assert wait_before_retry_s(code, tries) <= wait_before_retry_s(code, tries + 1)


@pytest.mark.parametrize("code", [4, 80007, 130429, 131057, 133004, 2494100, None])
def test_limits_of_the_number_slow_all_of_it(code):
    assert slows_the_number(code)


@pytest.mark.parametrize("code", [131056, 131208, 132069, 134101, 613])
def test_limits_of_one_recipient_group_flow_or_template_slow_nobody_else(code):
    assert not slows_the_number(code)


@pytest.mark.parametrize("code", [10, 200, 131005, 131042, 131037, 33])
def test_what_somebody_can_mend_is_waited_for_longer_and_longer(code):
    assert waits_for_somebody(code)
    assert [wait_before_retry_s(code, tries) for tries in (1, 2, 3, 50)] == [60, 120, 240, 6 * 3600]


@pytest.mark.parametrize("code", [131048, 131064, 131047, 131026, 100, 132001, 999_999])
def test_nothing_else_is_waited_for(code):
    assert not waits_for_somebody(code)


@pytest.mark.parametrize("code", [code for code in sorted(CLASS_OF) if stops_the_number(code)])
def test_whether_a_token_works_can_be_asked_and_whether_an_account_is_blocked_can_not(code):
    assert is_of_the_token(code) == (code in (0, 190))


def leaves() -> list[type[CasementError]]:
    found = [value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, CasementError)]
    return [one for one in found if not one.__subclasses__()]


def test_every_leaf_of_the_error_tree_has_a_graph_shape_and_nothing_else_has():
    assert set(GRAPH_ERROR) == set(leaves())


def test_the_tree_in_the_docstring_is_the_tree():
    assert errors.__doc__ is not None
    drawn = {line.split("── ")[1].split()[0] for line in errors.__doc__.splitlines() if "── " in line}

    everything = {value.__name__ for _, value in inspect.getmembers(errors, inspect.isclass)}
    assert drawn == {name for name in everything if name not in ("CasementError", "Any", "Mapping")}


@pytest.mark.parametrize("kind", leaves())
def test_every_error_is_shown_in_metas_shape(kind):
    arguments: tuple[Any, ...] = {
        errors.WindowClosed: ("closed", {"window": {}}),
        errors.GraphRejected: (400, {"error": {"code": 131026, "message": "(#131026) no"}}, 131026),
        errors.TemplateFaulty: ((Fault("name", "Too long."), Fault("", "No object.")),),
        errors.AutomationsFaulty: ((Fault("rules", "Too many."),),),
    }.get(kind, ("in words",))
    as_meta = issubclass(kind, errors.RefusedAsMetaWould)
    error = kind(*arguments, code=132015) if as_meta else kind(*arguments)

    response = error_response(error)

    shown = json.loads(response.body)["error"]
    assert response.status >= 400
    assert isinstance(shown["code"], int)
    assert f"(#{shown['code']})" in shown["message"]
    assert shown["code"] == 132015 or not as_meta  # of what Meta would refuse, the code is Meta's
    assert response.problem == kind.__name__
