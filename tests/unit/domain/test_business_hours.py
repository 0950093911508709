"""When a business is open and opens next: by the clock on its wall, on the days that clocks are changed too."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casement.domain.business_hours import BusinessHours
from casement.domain.hours_document import hours_from, hours_view

MINUTE_MS = 60_000


def hours(week: Any, *, zone: str = "Europe/Madrid", holidays: Any = None) -> BusinessHours:
    faults: list[str] = []
    given = {"time_zone": zone, "hours": week, "holidays": holidays}
    read = hours_from(given, "business_hours", lambda path, why: faults.append(f"{path}: {why}"))
    assert read is not None
    assert faults == []
    return read


def at(wall: str, zone: str = "Europe/Madrid", fold: int = 0) -> int:
    local = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(local.timestamp() * 1000)


def utc(time: str) -> int:
    return int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp() * 1000)


OFFICE = {"mon-fri": "09:00-14:00, 16:00-19:00", "sat": "10:00-14:00"}


@pytest.mark.parametrize(
    ("wall", "is_open"),
    [
        ("2026-04-01 08:59:59.999", False),
        ("2026-04-01 09:00", True),
        ("2026-04-01 13:59:59.999", True),
        ("2026-04-01 14:00", False),
        ("2026-04-01 16:00", True),
        ("2026-04-01 19:00", False),
        ("2026-04-04 10:00", True),  # a Saturday
        ("2026-04-05 10:00", False),
    ],
)
def test_it_is_open_from_the_first_minute_up_to_the_last(wall: str, is_open: bool) -> None:
    assert hours(OFFICE).is_open(at(wall)) is is_open


def test_a_time_zone_is_that_of_the_business() -> None:
    week = {"mon-fri": "09:00-17:00"}

    assert hours(week, zone="America/New_York").is_open(utc("2026-04-01 13:00"))
    assert not hours(week, zone="Europe/Madrid").is_open(utc("2026-04-01 15:00"))
    assert hours(week, zone="Asia/Kolkata").is_open(utc("2026-04-01 03:30"))
    assert not hours(week, zone="Asia/Kolkata").is_open(utc("2026-04-01 03:29"))


@pytest.mark.parametrize(
    ("wall", "is_open"),
    [
        ("2026-04-03 19:59", False),
        ("2026-04-03 20:00", True),  # a Friday
        ("2026-04-04 00:00", True),
        ("2026-04-04 01:59", True),
        ("2026-04-04 02:00", False),
        ("2026-04-05 01:00", False),
        ("2026-04-03 01:00", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(wall: str, is_open: bool) -> None:
    assert hours({"fri": "20:00-02:00"}).is_open(at(wall)) is is_open


def test_the_last_night_of_a_week_ends_in_the_next() -> None:
    assert hours({"sun": "22:00-03:00"}).is_open(at("2026-04-06 02:59"))
    assert hours({"sun": "22:00-03:00"}).next_open(at("2026-04-06 02:59")) == at("2026-04-12 22:00")


@pytest.mark.parametrize(
    ("wall", "opens"),
    [
        ("2026-04-01 07:00", "2026-04-01 09:00"),
        ("2026-04-01 09:00", "2026-04-01 16:00"),  # open now: the next time
        ("2026-04-01 15:00", "2026-04-01 16:00"),
        ("2026-04-01 19:00", "2026-04-02 09:00"),
        ("2026-04-03 23:00", "2026-04-04 10:00"),
        ("2026-04-04 14:00", "2026-04-06 09:00"),
    ],
)
def test_it_opens_next(wall: str, opens: str) -> None:
    assert hours(OFFICE).next_open(at(wall)) == at(opens)


def test_a_span_that_goes_on_in_the_next_opens_nothing() -> None:
    all_day = {"mon-sun": "00:00-24:00"}
    joined = {"mon": ["09:00-12:00", "12:00-15:00"]}

    assert hours(all_day).next_open(at("2026-04-01 12:00")) is None
    assert hours(joined).next_open(at("2026-04-06 10:00")) == at("2026-04-13 09:00")


def test_who_never_opens_has_no_next_time() -> None:
    assert hours({"mon": "closed", "tue": None}).next_open(at("2026-04-01 12:00")) is None


def test_a_day_may_have_ten_spans() -> None:
    spans = [f"{hour:02}:00-{hour:02}:30" for hour in range(10)]

    assert len(hours({"mon": spans}).week[0]) == 10


# --- holidays --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holiday", "closed", "open_"),
    [
        ("2026-12-25", ["2026-12-25"], ["2026-12-24", "2026-12-28", "2028-12-25"]),
        ("12-25", ["2026-12-25", "2028-12-25"], ["2026-12-24"]),
        ("2026-12-24/2026-12-28", ["2026-12-24", "2026-12-25", "2026-12-28"], ["2026-12-23", "2026-12-29"]),
        ("2026-12-31/2027-01-01", ["2026-12-31", "2027-01-01"], ["2026-12-30", "2027-01-04"]),
        ("12-30/01-01", ["2026-12-30", "2026-12-31", "2027-01-01", "2027-12-31"], ["2026-12-29", "2027-01-04"]),
        ("08-03/08-05", ["2026-08-03", "2026-08-04", "2026-08-05"], ["2026-08-06", "2026-07-31"]),
        ("02-29", ["2028-02-29"], ["2027-03-01"]),
    ],
)
def test_holidays(holiday: str, closed: list[str], open_: list[str]) -> None:
    business = hours(OFFICE, holidays=[holiday])

    assert [day for day in (*closed, *open_) if business.is_open(at(f"{day} 12:00"))] == open_


def test_a_holiday_may_have_hours_and_the_first_that_covers_a_day_counts() -> None:
    business = hours(OFFICE, holidays=[{"date": "12-24", "hours": "10:00-12:00"}, "2026-12-24/2026-12-26"])

    assert business.is_open(at("2026-12-24 10:00"))
    assert not business.is_open(at("2026-12-24 12:00"))
    assert not business.is_open(at("2026-12-25 10:00"))
    assert business.next_open(at("2026-12-24 12:00")) == at("2026-12-28 09:00")


def test_a_night_before_a_holiday_ends_as_every_night() -> None:
    business = hours({"mon-sun": "20:00-02:00"}, holidays=["2026-12-25"])

    assert business.is_open(at("2026-12-25 01:00"))
    assert not business.is_open(at("2026-12-25 21:00"))
    assert not business.is_open(at("2026-12-26 01:00"))
    assert business.next_open(at("2026-12-25 02:00")) == at("2026-12-26 20:00")


# --- when clocks are changed: 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00 -------------------------


def test_it_opens_by_the_wall_on_the_day_clocks_go_forward_and_back() -> None:
    business = hours({"sun": "09:00-12:00"})

    assert business.next_open(utc("2026-03-28 12:00")) == utc("2026-03-29 07:00")
    assert business.next_open(utc("2026-10-24 12:00")) == utc("2026-10-25 08:00")


def test_who_opens_in_the_hour_that_is_left_out_opens_when_it_is_over() -> None:
    business = hours({"sun": "02:30-12:00"})

    assert business.next_open(utc("2026-03-29 00:00")) == utc("2026-03-29 01:00")
    assert not business.is_open(utc("2026-03-29 00:59"))


def test_who_is_open_only_in_the_hour_that_is_left_out_does_not_open() -> None:
    assert hours({"sun": "02:10-02:50"}).next_open(utc("2026-03-29 00:00")) == at("2026-04-05 02:10")


def test_who_opens_in_the_hour_that_comes_twice_opens_twice() -> None:
    business = hours({"sun": "02:30-02:45"})
    first, second = at("2026-10-25 02:30"), at("2026-10-25 02:30", fold=1)

    assert business.next_open(utc("2026-10-25 00:00")) == first
    assert business.next_open(first) == second
    assert business.is_open(first)
    assert business.is_open(second)


def test_a_night_is_an_hour_longer_when_clocks_go_back() -> None:
    business = hours({"sat": "22:00-03:00"})

    assert business.is_open(at("2026-10-25 02:59", fold=1))
    assert not business.is_open(at("2026-10-25 03:00"))


DAYS = st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
TIMES = st.tuples(st.integers(0, 23), st.sampled_from([0, 15, 30, 59])).map(lambda time: f"{time[0]:02}:{time[1]:02}")
SPANS = st.tuples(TIMES, TIMES).filter(lambda span: span[0] != span[1]).map("-".join)
ZONES = st.sampled_from(["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])
MOMENTS = st.sampled_from(
    [utc("2026-03-28 12:00"), utc("2026-10-24 12:00"), utc("2026-04-04 10:00"), utc("2026-11-01 00:00")]
)


@settings(max_examples=25)
@given(st.dictionaries(DAYS, SPANS, min_size=1), ZONES, MOMENTS, st.integers(0, 3 * 1440))
def test_next_open_is_the_first_minute_that_is_open_after_one_that_is_not(
    week: Any, zone: str, moment: int, later: int
) -> None:
    business, after = hours(week, zone=zone), moment + later * MINUTE_MS
    opens = business.next_open(after)

    limit = after + 4 * 1440 * MINUTE_MS
    was_open, expected = business.is_open(after), None
    for minute in range(after + MINUTE_MS, limit, MINUTE_MS):
        is_open = business.is_open(minute)
        if is_open and not was_open:
            expected = minute
            break
        was_open = is_open
    assert expected == (opens if opens is not None and opens < limit else None)


# --- as it is written ------------------------------------------------------------------------------------------------


def faults(**given: Any) -> list[str]:
    found: list[str] = []
    hours_from({"time_zone": "UTC", "hours": {"mon": "09:00-10:00"}} | given, "h", lambda path, _: found.append(path))
    return found


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"time_zone": "Mars/Olympus"}, ["h.time_zone"]),
        ({"time_zone": "../../etc/passwd"}, ["h.time_zone"]),
        ({"time_zone": ""}, ["h.time_zone"]),
        ({"time_zone": "Europe"}, ["h.time_zone"]),
        ({"time_zone": 1}, ["h.time_zone"]),
        ({"hours": None}, ["h.hours"]),
        ({"hours": {}}, ["h.hours"]),
        ({"hours": {"funday": "09:00-10:00"}}, ["h.hours.funday"]),
        ({"hours": "mon-fri 09:00-18:00"}, ["h.hours"]),
        ({"hours": {"mo": "09:00-10:00"}}, ["h.hours.mo"]),
        ({"hours": {"x-mon": "09:00-10:00"}}, ["h.hours.x-mon"]),
        ({"hours": {"mon-": "09:00-10:00"}}, ["h.hours.mon-"]),
        ({"hours": {"mon-wed": "09:00-10:00", "tue": "09:00-10:00"}}, ["h.hours.tue"]),
        ({"hours": {"mon": "9-10"}}, ["h.hours.mon"]),
        ({"hours": {"mon": "09:00-09:00"}}, ["h.hours.mon"]),
        ({"hours": {"mon": "24:00-25:00"}}, ["h.hours.mon"]),
        ({"hours": {"mon": "09:60-10:30"}}, ["h.hours.mon"]),
        ({"hours": {"mon": "09:00-10:60"}}, ["h.hours.mon"]),
        ({"hours": {"mon": "24:00-01:00"}}, ["h.hours.mon"]),
        ({"hours": {"mon": "09:00-24:30"}}, ["h.hours.mon"]),
        ({"hours": {"mon": 540}}, ["h.hours.mon"]),
        ({"hours": {"mon": [f"{hour:02}:00-{hour:02}:30" for hour in range(11)]}}, ["h.hours.mon"]),
        ({"hours": {"mon": ["09:00-12:00", "11:00-13:00"]}}, ["h.hours.mon"]),
        ({"hours": {"mon": ["09:00-12:00", None]}}, ["h.hours.mon"]),
        ({"holidays": "2026-12-25"}, ["h.holidays"]),
        ({"holidays": ["2026-12-25"] * 201}, ["h.holidays"]),
        ({"holidays": ["2026-02-29", "25 December", 7]}, ["h.holidays[0]", "h.holidays[1]", "h.holidays[2]"]),
        ({"holidays": ["2026-12-25/2026-12-24", "12-25/2026-12-26"]}, ["h.holidays[0]", "h.holidays[1]"]),
        ({"holidays": ["x/12-25", "12-25/x"]}, ["h.holidays[0]", "h.holidays[1]"]),
        ({"holidays": [{"date": "12-25"}]}, ["h.holidays[0]"]),
        ({"holidays": [{"date": "12-25", "hours": "noon"}]}, ["h.holidays[0].hours"]),
        ({"open": True}, ["h.open"]),
    ],
)
def test_each_fault_is_told_with_its_place(given: Any, where: list[str]) -> None:
    assert faults(**given) == where


def test_what_is_no_object_is_a_fault() -> None:
    found: list[str] = []

    assert hours_from("09:00-18:00", "h", lambda path, _: found.append(path)) is None
    assert found == ["h"]


@pytest.mark.parametrize(
    "week",
    [
        {"Monday-Fri": "9:00-18:00"},
        {"mon,tue,wed,thu,fri": ["09:00-18:00"]},
        {"mon-wed, thurs-friday": ["09:00-12:00", "12:00-18:00"], "sat-sun": "closed"},
        {
            "fri-mon": "09:00-18:00",
            "tue-thu": "09:00\u201318:00",
        },
    ],
)
def test_weekdays_may_be_written_as_people_do(week: Any) -> None:
    business = hours(week)

    assert all(business.is_open(at(f"2026-04-0{day} 12:00")) for day in (1, 2, 3, 6, 7))


def test_it_is_read_from_what_it_is_written_as() -> None:
    holidays = ["01-01", "2026-12-24/2026-12-26", "12-30/01-02", {"date": "12-31", "hours": "09:00-12:00, 13:00-02:00"}]
    business = hours(
        {"mon-fri": "09:00-14:00,16:00-19:00", "sat": "20:00-02:00", "sun": "00:00-24:00"}, holidays=holidays
    )
    view = hours_view(business)

    assert hours(view["hours"], zone=view["time_zone"], holidays=view["holidays"]) == business
    assert view["hours"]["sat"] == ["20:00-02:00"]
    assert view["hours"]["sun"] == ["00:00-24:00"]
    assert view["holidays"][:2] == ["01-01", "2026-12-24/2026-12-26"]
