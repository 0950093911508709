"""What events are called, and how they are written down."""

from hypothesis import given
from hypothesis import strategies as st

from casement.domain.deliveries import Delivery, delivery_from
from casement.domain.events import Event, event_id
from tests.support.deployment import NOON


def test_an_event_made_again_has_the_same_id_and_another_one_has_another():
    once = event_id("message.received", NOON, "C#1#2", "W#3")

    assert event_id("message.received", NOON, "C#1#2", "W#3") == once
    assert (
        len({once, event_id("message.status", NOON, "C#1#2", "W#3"), event_id("message.received", NOON, "C#1#2W#3")})
        == 3
    )


@given(st.integers(0, 10**13 - 1), st.integers(0, 10**13 - 1), st.text(), st.text())
def test_ids_sort_by_time(first, second, what, other):
    ids = event_id("a", first, what), event_id("a", second, other)

    assert first == second or (ids[0] < ids[1]) == (first < second)


def test_a_body_names_what_there_is_and_leaves_out_what_there_is_not():
    body = Event("evt_1", "template.status_changed", NOON, {"name": "news"}, waba_id="200").body(7)

    assert body == {
        "type": "template.status_changed",
        "id": "evt_1",
        "timestamp": "2026-11-18T11:06:40.000+00:00",
        "schema_version": "1",
        "sequence": 7,
        "waba_id": "200",
        "data": {"name": "news"},
    }


@given(
    st.builds(Delivery, st.text(), st.text(), st.text(), st.integers(), st.text(), st.integers(), st.text() | st.none())
)
def test_a_delivery_comes_off_the_queue_as_it_was_put_there(delivery):
    assert delivery_from(delivery.dumps()) == delivery
