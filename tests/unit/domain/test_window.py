"""The customer service window, to the millisecond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.window import (
    DAY_MS,
    OPENING_TYPES,
    Opener,
    Verdict,
    WindowRules,
    WindowState,
    call_opens,
    message_opens,
    window_at,
)
from tests.support.webhooks import any_json

NOON = 1_795_000_000_000
OPENED = Opener(NOON, "wamid.1")
MARGIN, LEAD = 60_000, 7_200_000
RULES = WindowRules(MARGIN, LEAD)
END = NOON + DAY_MS

moments = st.integers(0, 2 * 10**12)
ids = st.sampled_from(["wamid.1", "wamid.2"])
openers = st.none() | st.builds(Opener, moments, ids)
verdicts = st.none() | st.builds(Verdict, moments, ids)


@pytest.mark.parametrize(
    ("now", "state", "permits"),
    [
        (NOON, WindowState.OPEN, True),
        (NOON + 1, WindowState.OPEN, True),
        (END - LEAD - 1, WindowState.OPEN, True),
        (END - LEAD, WindowState.CLOSING, True),
        (END - MARGIN - 1, WindowState.CLOSING, True),
        (END - MARGIN, WindowState.CLOSING, False),
        (END - 1_000, WindowState.CLOSING, False),  # 23:59:59
        (END - 1, WindowState.CLOSING, False),
        (END, WindowState.CLOSED, False),  # 24:00:00
        (END + 1, WindowState.CLOSED, False),
        (END + 365 * DAY_MS, WindowState.CLOSED, False),
    ],
)
def test_24_hours_from_the_customers_message(now, state, permits):
    window = window_at(now, OPENED, rules=RULES)

    assert window.state is state
    assert window.permits_free_form(now) is permits
    assert (window.opened_by, window.opened_at, window.expires_at) == ("wamid.1", NOON, END)
    assert window.send_cutoff == END - MARGIN


def test_without_a_margin_the_last_millisecond_is_open():
    rules = WindowRules(margin_ms=0, closing_lead_ms=0)

    assert window_at(END - 1, OPENED, rules=rules).permits_free_form(END - 1)
    assert window_at(END - 1, OPENED, rules=rules).state is WindowState.OPEN
    assert not window_at(END, OPENED, rules=rules).permits_free_form(END)


def test_a_margin_of_a_day_permits_nothing():
    rules = WindowRules(margin_ms=DAY_MS)

    assert not window_at(NOON, OPENED, rules=rules).permits_free_form(NOON)


def test_before_anybody_wrote_it_was_never_opened():
    window = window_at(NOON, None)

    assert window.state is WindowState.NEVER_OPENED
    assert not window.permits_free_form(NOON)
    assert (window.opened_by, window.opened_at, window.expires_at, window.send_cutoff) == (None, None, None, None)


def test_a_stamp_ahead_of_our_clock_counts_as_now():
    ahead = Opener(NOON + 5_000, "wamid.1")
    window = window_at(NOON, ahead, rules=RULES)

    assert window.state is WindowState.OPEN
    assert window.opened_at == NOON
    assert window.expires_at == END


def test_a_verdict_closes_from_the_time_of_its_send():
    refused_at = NOON + 3_600_000
    window = window_at(refused_at + 1, OPENED, Verdict(refused_at, "send"), rules=RULES)

    assert window.state is WindowState.CLOSED
    assert window.expires_at == refused_at
    assert window.verdict == Verdict(refused_at, "send")
    assert window.opened_by == "wamid.1"
    assert not window.permits_free_form(refused_at + 1)


def test_a_verdict_after_the_end_does_not_lengthen_the_window():
    assert window_at(END + 5, OPENED, Verdict(END + 1, "send")).expires_at == END


def test_a_newer_message_opens_it_again():
    window = window_at(NOON + 60_000, Opener(NOON + 60_000, "wamid.2"), Verdict(NOON + 59_999, "send"), rules=RULES)

    assert window.state is WindowState.OPEN
    assert window.permits_free_form(NOON + 60_000)


def test_a_message_of_the_very_moment_of_the_refused_send_does_not():
    assert window_at(NOON + 1, OPENED, Verdict(NOON, "send")).state is WindowState.CLOSED


def test_a_verdict_on_somebody_who_never_wrote():
    window = window_at(NOON, None, Verdict(NOON - 1, "send"))

    assert window.state is WindowState.CLOSED
    assert not window.permits_free_form(NOON)


def test_the_free_entry_point_permits_nothing_by_itself():
    window = window_at(END, OPENED, free_entry_point_until=END + DAY_MS)

    assert window.free_entry_point_until == END + DAY_MS
    assert not window.permits_free_form(END)


@given(openers, verdicts, moments, st.integers(0, DAY_MS), st.integers(0, DAY_MS))
def test_whatever_permits_a_message_is_a_message_of_the_last_24_hours(opener, verdict, now, margin, lead):
    window = window_at(now, opener, verdict, rules=WindowRules(margin, lead))

    if window.permits_free_form(now):
        assert opener is not None
        assert now < min(opener.at, now) + DAY_MS - margin
        assert verdict is None or verdict.at < opener.at
    elif opener and not verdict and margin == 0:
        assert now >= opener.at + DAY_MS


@given(openers, verdicts, moments, st.integers(0, DAY_MS))
def test_time_alone_never_opens_it(opener, verdict, now, later):
    if opener and opener.at > now:  # from the future: it counts as now, whenever that is
        return
    order = [WindowState.OPEN, WindowState.CLOSING, WindowState.CLOSED, WindowState.NEVER_OPENED]
    before, after = (window_at(at, opener, verdict).state for at in (now, now + later))
    assert order.index(before) <= order.index(after)


INTERACTIVE = {"button_reply": True, "list_reply": True, "nfm_reply": True, "call_permission_reply": False, "new": True}
TYPES = {
    **dict.fromkeys(sorted(OPENING_TYPES - {"interactive"}), True),
    **dict.fromkeys(["reaction", "edit", "revoke", "unsupported", "request_welcome", "system", "unknown"], False),
    **dict.fromkeys(["media_placeholder", "hologram", "", "TEXT"], False),
}


@pytest.mark.parametrize(("type_", "opens"), TYPES.items())
def test_which_messages_open_it(type_, opens):
    assert message_opens({"type": type_}) is opens


def test_the_types_that_open_it_are_these():
    assert {type_ for type_, opens in TYPES.items() if opens} == {
        *("text", "image", "video", "audio", "voice", "document", "sticker", "location", "contacts", "order", "button"),
    }


@pytest.mark.parametrize(("answer", "opens"), INTERACTIVE.items())
def test_which_answers_to_an_interactive_message_open_it(answer, opens):
    assert message_opens({"type": "interactive", "interactive": {"type": answer}}) is opens


@pytest.mark.parametrize(
    ("call", "opens"),
    [
        ({"direction": "USER_INITIATED", "event": "connect"}, True),
        ({"direction": "USER_INITIATED", "event": "terminate"}, False),
        ({"direction": "BUSINESS_INITIATED", "event": "connect"}, False),
        ({"direction": "BUSINESS_INITIATED", "event": "terminate"}, False),
        ({"type": "call", "status": "ACCEPTED"}, True),
        ({"type": "call", "status": "RINGING"}, False),
        ({"type": "call", "status": "REJECTED"}, False),
        ({"status": "ACCEPTED"}, False),
        ({}, False),
    ],
)
def test_which_calls_open_it(call, opens):
    assert call_opens(call) is opens


@given(st.dictionaries(st.sampled_from(["type", "interactive", "text"]), any_json))
def test_no_message_raises(message):
    assert message_opens(message) in (True, False)


@given(st.dictionaries(st.sampled_from(["type", "event", "direction", "status"]), any_json))
def test_no_call_raises(call):
    assert call_opens(call) in (True, False)
