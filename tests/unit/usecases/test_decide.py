"""May this message go out now, and if not, what becomes of it? The one pure function that every way of sending asks,
as a table of cases: every combination of window, message, policy, template, consent and the number's health.

What is expected is written down here in rows, by what matters: a row says of which things the answer depends, and the
tests go through all that it does not depend on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from casement.domain.consent import NOTHING_STOPPED, Consent
from casement.domain.errors import NumberStopped, OptedOut, TemplateNotFound, TemplateNotSendable
from casement.domain.policy import Handoff, Hold, NamedTemplate, Policy, Purpose, Reject, UseTemplate
from casement.domain.sending import (
    Decision,
    GiveToPerson,
    KeepForCustomer,
    Refuse,
    RefuseWindow,
    Selection,
    SendInstead,
    SendNow,
    Situation,
    TemplateAsked,
    decide,
)
from casement.domain.template_choice import Chosen, Passed
from casement.domain.template_fit import WRONG_FORMAT, WRONG_NUMBER, Misfit
from casement.domain.templates import Template
from casement.domain.window import DAY_MS, Opener, Verdict, Window, WindowRules, WindowState, window_at

NOON = 1_795_000_000_000
MARGIN_MS = 60_000
RULES = WindowRules(MARGIN_MS, 7_200_000)
MOST_HOLDS = 20

# --- what a decision depends on -------------------------------------------------------------------------------------

WINDOWS = {  # opener, verdict, state, whether free-form may go
    "never opened": (None, None, WindowState.NEVER_OPENED, False),
    "never opened, and refused by Meta": (None, Verdict(NOON - 1, "s"), WindowState.CLOSED, False),
    "opened this millisecond": (NOON, None, WindowState.OPEN, True),
    "stamped ahead of our clock": (NOON + 5_000, None, WindowState.OPEN, True),
    "open": (NOON - DAY_MS // 2, None, WindowState.OPEN, True),
    "closing": (NOON - DAY_MS + 7_200_000, None, WindowState.CLOSING, True),
    "a millisecond before the margin": (NOON - DAY_MS + MARGIN_MS + 1, None, WindowState.CLOSING, True),
    "at the margin": (NOON - DAY_MS + MARGIN_MS, None, WindowState.CLOSING, False),
    "a millisecond before the end": (NOON - DAY_MS + 1, None, WindowState.CLOSING, False),
    "at the end": (NOON - DAY_MS, None, WindowState.CLOSED, False),
    "long closed": (NOON - 9 * DAY_MS, None, WindowState.CLOSED, False),
    "refused after it opened": (NOON - 3_600_000, Verdict(NOON - 1_800_000, "s"), WindowState.CLOSED, False),
    "refused in the millisecond it opened": (NOON - 1, Verdict(NOON - 1, "s"), WindowState.CLOSED, False),
    "opened again after a refusal": (NOON - 1_000, Verdict(NOON - 1_800_000, "s"), WindowState.OPEN, True),
}
OPEN = [name for name, (_, _, _, permits) in WINDOWS.items() if permits]
SHUT = [name for name, (_, _, _, permits) in WINDOWS.items() if not permits]

APPROVED = Template("2", "7", "news", "en_US", "APPROVED", "UTILITY", {})
CHOSEN = Chosen(APPROVED, {"name": "news", "language": {"code": "en_US"}})
PASSED = (Passed("sale", "en_US", "It is PAUSED."), Passed("news", "de", "Missing parameters: 1.", ("1",)))
NAMED, PURPOSE = NamedTemplate(CHOSEN.body), Purpose("re_engage", {})
FITS, NONE_FITS = Selection(PURPOSE, CHOSEN, PASSED), Selection(PURPOSE, None, PASSED)

POLICIES: Mapping[str, tuple[Policy, Mapping[str, Any]]] = {  # and what else the situation holds with each
    "reject": (Reject(), {}),
    "template": (UseTemplate(PURPOSE), {"selection": FITS}),
    "template by name": (UseTemplate(NAMED), {"selection": replace(FITS, choice=NAMED, passed=())}),
    "template, none fits": (UseTemplate(PURPOSE), {"selection": NONE_FITS}),
    "hold": (Hold(), {"held": MOST_HOLDS - 1}),
    "hold, full": (Hold(), {"held": MOST_HOLDS}),
    "hold with a nudge": (Hold(nudge=PURPOSE), {"selection": FITS}),
    "hold with a nudge, none fits": (Hold(nudge=PURPOSE), {"selection": NONE_FITS}),
    "hold with a nudge, full": (Hold(nudge=PURPOSE), {"selection": FITS, "held": MOST_HOLDS}),
    "handoff": (Handoff(), {}),
    "handoff with a note": (Handoff("VIP"), {}),
}
STATUSES = {  # of a template at Meta, and the code with which Meta refuses it
    "APPROVED": None,
    "PENDING": 132001,
    "REJECTED": 132001,
    "PAUSED": 132015,
    "DISABLED": 132016,
    "IN_APPEAL": 132001,
    "PENDING_DELETION": 132001,
    "DELETED": 132001,
    "LIMIT_EXCEEDED": 132001,
    "ARCHIVED": 132001,
    "FLAGGED": 132001,
    "LOCKED": 132001,
    "": 132001,
    "SOMETHING_NEW": 132001,
}
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION", "SOMETHING_NEW")
CONSENTS = {
    "nothing is stopped": NOTHING_STOPPED,
    "marketing is stopped": Consent(marketing_stopped_at=NOON - 5),
    "messages are stopped": Consent(messages_stopped_at=NOON - 5),
    "both are stopped": Consent(NOON - 5, NOON - 9),
}
HEALTHS = {"the number is well": None, "the token is refused": 190, "the account is locked": 131031}

MISFITS = (
    Misfit(WRONG_NUMBER, "body", "The body has the variables {{1}}."),
    Misfit(WRONG_FORMAT, "header", "The header needs an image."),
)

# --- what is expected -----------------------------------------------------------------------------------------------

# Of a free-form message outside of the window: what becomes of it, and what if Meta lets the number send nothing.
BY_POLICY = {
    "reject": ("refused for the window", "refused for the window"),
    "template": ("news instead", "refused with the number's code"),
    "template by name": ("news instead", "refused with the number's code"),
    "template, none fits": ("refused for the window", "refused for the window"),
    "hold": ("held", "held"),
    "hold, full": ("refused for the window", "refused for the window"),
    "hold with a nudge": ("held, and news asks", "held"),
    "hold with a nudge, none fits": ("held", "held"),
    "hold with a nudge, full": ("refused for the window", "refused for the window"),
    "handoff": ("handed over", "handed over"),
    "handoff with a note": ("handed over", "handed over"),
}
# Which templates reach a customer who stopped what.
WANTED = {
    "nothing is stopped": {"MARKETING", "UTILITY", "AUTHENTICATION", "SOMETHING_NEW"},
    "marketing is stopped": {"UTILITY", "AUTHENTICATION", "SOMETHING_NEW"},
    "messages are stopped": {"AUTHENTICATION"},
    "both are stopped": {"AUTHENTICATION"},
}


def outcome(decision: Decision, health: int | None = None) -> str:
    """A decision in the words of the rows above."""
    match decision:
        case SendNow():
            return "sent"
        case SendInstead(chosen):
            return f"{chosen.template.name} instead"
        case KeepForCustomer(nudge=nudge):
            return f"held, and {nudge.template.name} asks" if nudge else "held"
        case GiveToPerson():
            return "handed over"
        case RefuseWindow():
            return "refused for the window"
        case Refuse(NumberStopped(code=code)):
            assert code == health
            return "refused with the number's code"
        case Refuse(OptedOut(code=code)):
            return f"unwanted {code}"
        case Refuse(TemplateNotSendable(code=code)):
            return f"not sendable {code}"
        case Refuse(TemplateNotFound()):
            return "not found"
    raise AssertionError(decision)


def window(name: str) -> Window:
    opened_at, verdict, state, _ = WINDOWS[name]
    made = window_at(NOON, Opener(opened_at, "wamid.1") if opened_at is not None else None, verdict, rules=RULES)
    assert made.state is state
    return made


def situation(
    window_name: str = "open",
    policy: str = "reject",
    consent: str = "nothing is stopped",
    health: int | None = None,
) -> Situation:
    way, more = POLICIES[policy]
    return Situation(
        window(window_name), way, NOON, CONSENTS[consent], health, **{"held": 0, "most_holds": MOST_HOLDS, **more}
    )


def asked(status: str = "APPROVED", category: str = "UTILITY", misfits: tuple[Misfit, ...] = ()) -> TemplateAsked:
    return TemplateAsked("news", "en_US", replace(APPROVED, status=status, category=category), misfits)


def situations(window_name: str, policy: str) -> Iterator[tuple[str, int | None, Situation]]:
    """Every consent and every health of a number, with the situation that they make."""
    for consent, health in product(CONSENTS, HEALTHS.values()):
        yield consent, health, situation(window_name, policy, consent, health)


# --- every combination ----------------------------------------------------------------------------------------------


def test_the_rows_are_whole():
    assert set(BY_POLICY) == set(POLICIES)
    assert set(WANTED) == set(CONSENTS)
    assert {state for _, _, state, _ in WINDOWS.values()} == set(WindowState)
    assert {type(policy) for policy, _ in POLICIES.values()} == {Reject, UseTemplate, Hold, Handoff}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", OPEN)
def test_free_form_goes_out_inside_of_the_window_whatever_the_policy(name, policy):
    for _, health, given in situations(name, policy):
        expected = "refused with the number's code" if health else "sent"
        assert outcome(decide(None, given), health) == expected


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", SHUT)
def test_free_form_outside_of_the_window_goes_the_way_of_its_policy(name, policy):
    if_well, if_stopped = BY_POLICY[policy]
    for _, health, given in situations(name, policy):
        assert outcome(decide(None, given), health) == (if_stopped if health else if_well)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", WINDOWS)
def test_an_approved_template_goes_out_in_any_window_if_it_is_wanted(name, policy):
    for (consent, health, given), category in product(situations(name, policy), CATEGORIES):
        if category not in WANTED[consent]:
            expected = "unwanted 131050"
        else:
            expected = "refused with the number's code" if health else "sent"
        assert outcome(decide(asked(category=category), given), health) == expected


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", WINDOWS)
def test_a_template_that_meta_would_refuse_is_refused_with_its_code_whatever_else_is_the_case(name, policy):
    unsendable = {status: code for status, code in STATUSES.items() if code is not None}
    for (_, _, given), category in product(situations(name, policy), CATEGORIES):
        for status, code in unsendable.items():
            assert outcome(decide(asked(status, category), given)) == f"not sendable {code}"
            assert outcome(decide(asked(status, category, MISFITS), given)) == f"not sendable {code}"
        assert outcome(decide(asked("APPROVED", category, MISFITS), given)) == "not sendable 132000"
        assert outcome(decide(asked("APPROVED", category, MISFITS[1:]), given)) == "not sendable 132012"
        assert outcome(decide(TemplateAsked("news", "en_US", None), given)) == "not found"


# --- what a decision says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("never opened", "has not written to this number yet"),
        ("never opened, and refused by Meta", "Meta refused"),
        ("at the margin", "safety margin"),
        ("a millisecond before the end", "safety margin"),
        ("at the end", "More than 24 hours"),
        ("long closed", "More than 24 hours"),
        ("refused after it opened", "Meta refused"),
        ("refused in the millisecond it opened", "Meta refused"),
    ],
)
@pytest.mark.parametrize("policy", POLICIES)
def test_whatever_becomes_of_it_the_window_is_said_to_be_why(name, said, policy):
    assert said in decide(None, situation(name, policy)).why


@pytest.mark.parametrize(("name", "said"), [("open", "is open"), ("closing", "is closing")])
def test_what_goes_out_says_why_it_may(name, said):
    assert said in decide(None, situation(name)).why
    assert "approved template" in decide(asked(), situation(name)).why


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("template, none fits", "No template can go in its place."),
        ("hold, full", "20 messages to this customer wait already"),
        ("hold with a nudge, full", "20 messages to this customer wait already"),
    ],
)
def test_a_policy_that_could_not_be_followed_says_why(policy, said):
    assert said in decide(None, situation("long closed", policy)).why


@pytest.mark.parametrize("policy", ["template", "template, none fits", "hold with a nudge, none fits"])
def test_the_templates_that_were_passed_over_are_told(policy):
    decision = decide(None, situation("long closed", policy))

    assert isinstance(decision, SendInstead | RefuseWindow | KeepForCustomer)
    assert decision.passed == PASSED


def test_a_template_goes_in_place_as_it_was_chosen():
    decision = decide(None, situation("long closed", "template"))

    assert isinstance(decision, SendInstead)
    assert decision.chosen is CHOSEN


@pytest.mark.parametrize(("hold", "expires_in_ms"), [(Hold(), 7 * DAY_MS), (Hold(1_000), 1_000)])
def test_a_hold_ends_when_it_was_told_to(hold, expires_in_ms):
    decision = decide(None, replace(situation("long closed"), policy=hold))

    assert isinstance(decision, KeepForCustomer)
    assert decision.expires_at == NOON + expires_in_ms


def test_a_hold_keeps_its_key():
    decision = decide(None, replace(situation("long closed"), policy=Hold(supersede="order-42")))

    assert isinstance(decision, KeepForCustomer)
    assert decision.supersede == "order-42"


@pytest.mark.parametrize(
    ("held", "most", "kept"), [(0, 1, True), (1, 1, False), (2, 1, False), (99, 100, True), (100, 100, False)]
)
def test_a_conversation_holds_as_many_as_its_number_says(held, most, kept):
    decision = decide(None, replace(situation("long closed", "hold"), held=held, most_holds=most))

    assert isinstance(decision, KeepForCustomer if kept else RefuseWindow)


@pytest.mark.parametrize(("policy", "note"), [("handoff", None), ("handoff with a note", "VIP")])
def test_a_person_gets_the_note(policy, note):
    decision = decide(None, situation("long closed", policy))

    assert isinstance(decision, GiveToPerson)
    assert decision.note == note


def test_a_policy_for_which_nothing_was_chosen_sends_nothing():
    given = replace(situation("long closed", "template"), selection=None)

    assert decide(None, given) == RefuseWindow(decide(None, situation("long closed", "template, none fits")).why)


@pytest.mark.parametrize("status", [status for status, code in STATUSES.items() if code])
def test_a_refused_template_is_named_with_its_language_and_status(status):
    why = decide(asked(status), situation()).why

    assert "'news'" in why
    assert "en_US" in why
    assert status in why


def test_a_template_that_is_not_there_is_named():
    why = decide(TemplateAsked("gone", "de", None), situation()).why

    assert "'gone'" in why
    assert "'de'" in why


def test_all_that_does_not_fit_is_said():
    why = decide(asked(misfits=MISFITS), situation()).why

    assert "'news'" in why
    assert all(misfit.why in why for misfit in MISFITS)


@pytest.mark.parametrize(
    ("consent", "said"),
    [
        ("marketing is stopped", "stopped marketing messages"),
        ("messages are stopped", "not to write any more"),
        ("both are stopped", "not to write any more"),
    ],
)
def test_what_the_customer_does_not_want_is_said(consent, said):
    assert said in decide(asked(category="MARKETING"), situation(consent=consent)).why


@pytest.mark.parametrize("code", [code for code in HEALTHS.values() if code])
def test_a_stopped_number_says_by_which_error(code):
    assert str(code) in decide(None, situation("open", health=code)).why


def test_what_is_refused_gives_its_reason_to_whoever_shows_the_error():
    for given, message in (
        (situation("open", health=190), None),
        (situation(), TemplateAsked("gone", "de", None)),
        (situation(), asked("PAUSED")),
        (situation(consent="messages are stopped"), asked()),
    ):
        decision = decide(message, given)
        assert isinstance(decision, Refuse)
        assert str(decision.error) == decision.why


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", WINDOWS)
def test_what_waited_goes_to_nobody_who_asked_not_to_be_written_to(name, policy):
    for consent, health, given in situations(name, policy):
        decided = outcome(decide(None, replace(given, waited=True)), health)
        if CONSENTS[consent].messages_stopped_at is not None:
            assert decided == "unwanted 131050"
        else:
            assert decided == outcome(decide(None, given), health)


@pytest.mark.parametrize("name", SHUT)
def test_a_closed_window_is_nudged_in_once(name):
    given = replace(situation(name, "hold with a nudge"), nudged=True)

    assert outcome(decide(None, given)) == "held"
