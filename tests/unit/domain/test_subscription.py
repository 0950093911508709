"""Who is told what, and what a caller may ask for."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.errors import InvalidRequest
from casement.domain.events import Event, EventType
from casement.domain.subscription import KEPT_MS, Mode, Subscription, new_subscription, subscription_from, who_want

NOW = 1_795_000_000_000
URL = "https://bot.example/events"
RECEIVED = Event("evt_1", "message.received", NOW, {}, "1000", "16505550101", "2000", {"field": "messages"})
RAW = Event("evt_2", "meta.account_update", NOW, {}, "", "", "2000", {"field": "account_update"})
HELD = Event("evt_3", "message.held", NOW, {}, "1000", "16505550101", "2000")


def made(**given: object) -> Subscription:
    return new_subscription({"url": URL, **given}, NOW, 7, bytes(32))


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({}, [RECEIVED, HELD]),
        ({"types": ["message.*"]}, [RECEIVED, HELD]),
        ({"types": ["message.held"]}, [HELD]),
        ({"types": ["window.*", "message.received"]}, [RECEIVED]),
        ({"types": ["custom.*"]}, []),
        ({"numbers": ["1000"]}, [RECEIVED, HELD]),
        ({"numbers": ["2000"]}, [RECEIVED, HELD]),
        ({"numbers": ["1001"]}, []),
        ({"mode": "meta"}, [RECEIVED]),
        ({"mode": "meta", "types": ["*"]}, [RECEIVED, RAW]),
        ({"mode": "meta", "types": ["account_update"]}, [RAW]),
        ({"mode": "meta", "types": ["*"], "numbers": ["1000"]}, [RECEIVED]),
    ],
)
def test_who_is_told_what(asked, wanted):
    subscription = made(**asked)
    assert [event for event in (RECEIVED, RAW, HELD) if subscription.wants(event)] == wanted


def test_what_an_automation_emits_goes_to_who_names_it_or_takes_everything():
    custom = replace(HELD, type="custom.lead.qualified")
    for types, wants in ((["*"], True), (["custom.*"], True), (["custom.lead.qualified"], True), (["custom.x"], False)):
        assert made(types=types).wants(custom) is wants


def test_that_it_was_paused_is_told_to_the_others():
    mine, other = made(), replace(made(), id="sub_other")
    paused = Event("evt_4", EventType.SUBSCRIPTION_PAUSED, NOW, {"subscription_id": mine.id})
    assert who_want(paused, [mine, other]) == [other]


def test_a_paused_one_still_wants_what_it_could_be_given_later():
    paused = made().paused("It answers nothing.", NOW)
    assert paused.wants(RECEIVED)
    assert not paused.wants(replace(RECEIVED, at=NOW + KEPT_MS + 1))


def test_what_is_kept_is_what_is_read_again():
    for one in (
        made(),
        made(mode="meta", numbers=["1000"], concurrency=2).paused("why", NOW),
        made().rotated("b", 1, 2),
    ):
        assert subscription_from(one.id, json.loads(json.dumps(one.kept())), one.version) == one
    kept = json.loads(json.dumps(made().kept())) | {"of_a_later_version": 1}
    assert subscription_from(made().id, kept, 1) == made()


def test_a_new_secret_is_valid_at_once_and_the_old_one_for_a_while():
    first = made()
    second = first.rotated("whsec_b", NOW, 1000)
    (old,) = first.signs_with(NOW)

    assert second.signs_with(NOW + 999) == ["whsec_b", old]
    assert second.signs_with(NOW + 1000) == ["whsec_b"]
    assert second.rotated("whsec_c", NOW, 1000).signs_with(NOW) == ["whsec_c", "whsec_b"]
    assert first.rotated("whsec_b", NOW, 0).signs_with(NOW) == ["whsec_b"]


def test_no_secret_is_ever_shown():
    rotated = made().rotated("whsec_b", NOW, 1000)
    for secret in rotated.signs_with(NOW):
        assert secret not in repr(rotated) + json.dumps(rotated.view())


def test_each_change_is_a_version_of_its_own():
    one = made()
    versions = [one, one.paused("", 1), one.paused("", 1).resumed(2, skip=True), one.changed({"description": "x"})]
    assert [each.version for each in versions] == [1, 2, 3, 2]


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": "https://x/" + "y" * 3000}, "url"),
        ({"mode": "raw"}, "mode"),
        ({"types": []}, "types"),
        ({"types": "message.*"}, "types"),
        ({"types": ["message"]}, "types"),
        ({"types": ["mess.*"]}, "types"),
        ({"types": ["message.received.*"]}, "types"),
        ({"types": ["meta.*"]}, "types"),
        ({"types": ["Messages"], "mode": "meta"}, "types"),
        ({"numbers": ["+1 555"]}, "numbers"),
        ({"numbers": {}}, "numbers"),
        ({"description": ["x"]}, "description"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": True}, "concurrency"),
        ({"concurrency": 51}, "concurrency"),
        ({"secret": "whsec_c2hvcnQ="}, "secret"),
        ({"secret": "plain"}, "secret"),
        ({"secret": "short", "mode": "meta"}, "secret"),
        ({"event_bus": True}, "url"),
        ({"event_bus": "yes"}, "event_bus"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(given, parameter):
    with pytest.raises(InvalidRequest) as refused:
        made(**given)
    assert refused.value.parameter == parameter


def test_one_for_the_event_bus_has_neither_url_nor_secret():
    bus = new_subscription({"event_bus": True}, NOW, 7, bytes(32))

    assert (bus.url, bus.secrets, bus.view()["event_bus"]) == (None, (), True)
    with pytest.raises(InvalidRequest):
        bus.changed({"url": URL})


def test_what_is_changed_is_read_as_strictly():
    one = made(mode=Mode.META)
    assert one.changed({"types": ["flows"]}).types == ("flows",)
    for wrong in ({"mode": "events"}, {"types": ["message.*"]}, {"secret": "x"}, {"concurrency": "8"}):
        with pytest.raises(InvalidRequest):
            one.changed(wrong)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(st.sampled_from(["url", "mode", "types", "numbers", "description", "concurrency", "secret"]), _JSON)
)
def test_whatever_is_given_is_taken_or_refused(given):
    try:
        json.dumps(new_subscription({"url": URL, **given}, NOW, 7, bytes(32)).kept()).encode()
    except InvalidRequest as refused:
        assert refused.parameter in given
