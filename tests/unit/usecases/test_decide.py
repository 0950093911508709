"""May this message go out now? The one pure function that every way of sending asks, as a table of cases."""

import pytest

from casement.domain.errors import TemplateNotFound, TemplateNotSendable
from casement.domain.sending import RefuseTemplate, RefuseWindow, SendNow, TemplateAsked, WhenClosed, decide
from casement.domain.templates import Template
from casement.domain.window import DAY_MS, Opener, Verdict, Window, WindowRules, WindowState, window_at

NOON = 1_795_000_000_000
MARGIN_MS = 60_000
RULES = WindowRules(MARGIN_MS, 7_200_000)

WINDOWS = {
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
STATUSES = {
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


def window(name: str) -> Window:
    opened_at, verdict, state, _ = WINDOWS[name]
    made = window_at(NOON, Opener(opened_at, "wamid.1") if opened_at is not None else None, verdict, rules=RULES)
    assert made.state is state
    return made


def asked(status: str) -> TemplateAsked:
    return TemplateAsked("news", "en_US", Template("2", "7", "news", "en_US", status, "UTILITY", {}))


@pytest.mark.parametrize("name", WINDOWS)
def test_free_form_goes_out_only_while_the_window_permits_it(name):
    permitted = WINDOWS[name][3]

    decision = decide(window(name), None, WhenClosed.REJECT, NOON)

    assert isinstance(decision, SendNow if permitted else RefuseWindow)


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_template_goes_out_in_any_window_if_meta_approved_it(name, status):
    code = STATUSES[status]

    decision = decide(window(name), asked(status), WhenClosed.REJECT, NOON)

    if code is None:
        assert decision == SendNow()
    else:
        assert isinstance(decision, RefuseTemplate)
        assert isinstance(decision.error, TemplateNotSendable)
        assert decision.error.code == code
        assert "news" in str(decision.error)
        assert "en_US" in str(decision.error)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_template_that_is_not_there_is_refused_in_any_window(name):
    decision = decide(window(name), TemplateAsked("gone", "de", None), WhenClosed.REJECT, NOON)

    assert isinstance(decision, RefuseTemplate)
    assert isinstance(decision.error, TemplateNotFound)
    assert "'gone'" in str(decision.error)
    assert "'de'" in str(decision.error)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("never opened", "has not written to this number yet"),
        ("never opened, and refused by Meta", "Meta refused"),
        ("at the margin", "safety margin"),
        ("a millisecond before the end", "safety margin"),
        ("at the end", "More than 24 hours"),
        ("refused after it opened", "Meta refused"),
    ],
)
def test_a_refusal_says_why(name, said):
    decision = decide(window(name), None, WhenClosed.REJECT, NOON)

    assert isinstance(decision, RefuseWindow)
    assert said in decision.why
