"""Working time: the worked examples, the awkward days, and a slow reference that counts minutes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.calendars import (
    HORIZON,
    Calendar,
    Hours,
    add,
    clock,
    end_of_business,
    subtract,
    working_seconds,
)
from flows.durations import parse
from flows.model import Duration

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
DAY: Hours = ((9 * 60, 12 * 60), (13 * 60, 18 * 60))
MORNING: Hours = ((9 * 60, 12 * 60),)
NIGHT: Hours = ((0, 6 * 60), (22 * 60, 24 * 60))

# October 2026: the 1st (a Thursday) to the 7th are free, Saturday the 10th is worked (调休).
OFFICE = Calendar(
    "workdays",
    SHANGHAI,
    dict.fromkeys(range(5), DAY),
    frozenset(date(2026, 10, day) for day in range(1, 8)),
    {date(2026, 10, 10): DAY, date(2026, 10, 11): MORNING},
)
NIGHTS = Calendar("nights", NEW_YORK, dict.fromkeys(range(7), NIGHT))
# A gap at midnight, a gap of half an hour, a day that never was, clocks set back at midnight.
AWKWARD = [
    Calendar(name, ZoneInfo(name), dict.fromkeys(range(7), NIGHT))
    for name in (
        *("America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"),
        *("America/Havana", "Europe/Dublin", "Africa/Casablanca", "Asia/Kathmandu"),
    )
]


def at(text: str, zone: ZoneInfo = SHANGHAI, fold: int = 0) -> datetime:
    """A local time as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def of(text: str) -> Duration:
    found = parse(text)
    assert found is not None
    return found


def local(moment: datetime, zone: ZoneInfo = SHANGHAI) -> str:
    return moment.astimezone(zone).isoformat(" ", "minutes")[:16]


@pytest.mark.parametrize(
    ("start", "duration", "end"),
    [
        # Close of business on the third working day after; the day itself does not count.
        ("2026-03-20 10:00", "3wd", "2026-03-25 18:00"),
        ("2026-03-20 00:00", "3wd", "2026-03-25 18:00"),
        ("2026-03-20 23:59", "3wd", "2026-03-25 18:00"),
        ("2026-03-21 12:00", "1wd", "2026-03-23 18:00"),
        # The day itself, if it is not over.
        ("2026-03-20 10:00", "0wd", "2026-03-20 18:00"),
        ("2026-03-20 18:00", "0wd", "2026-03-20 18:00"),
        ("2026-03-20 18:01", "0wd", "2026-03-23 18:00"),
        # Holidays are skipped, a shifted working day counts with its own hours.
        ("2026-09-30 10:00", "1wd", "2026-10-08 18:00"),
        ("2026-09-30 10:00", "3wd", "2026-10-10 18:00"),
        ("2026-09-30 10:00", "4wd", "2026-10-11 12:00"),
        ("2026-09-30 10:00", "5wd", "2026-10-12 18:00"),
        # Working hours: over lunch, over night, over the weekend, from outside.
        ("2026-03-20 10:00", "2wh", "2026-03-20 12:00"),
        ("2026-03-20 10:00", "3wh", "2026-03-20 14:00"),
        ("2026-03-20 10:00", "7wh", "2026-03-20 18:00"),
        ("2026-03-20 10:00", "8wh", "2026-03-23 10:00"),
        ("2026-03-20 12:30", "1wh", "2026-03-20 14:00"),
        ("2026-03-20 03:00", "1wh", "2026-03-20 10:00"),
        ("2026-03-21 12:00", "8wh", "2026-03-23 18:00"),
        ("2026-03-21 12:00", "0wh", "2026-03-21 12:00"),
        ("2026-10-10 17:00", "4wh", "2026-10-11 12:00"),
        # The clock: over holidays, leap days, the end of a year.
        ("2026-10-01 10:00", "30m", "2026-10-01 10:30"),
        ("2026-10-01 10:00", "48h", "2026-10-03 10:00"),
        ("2028-02-28 10:00", "1d", "2028-02-29 10:00"),
        ("2028-02-28 10:00", "2d", "2028-03-01 10:00"),
        ("2027-02-28 10:00", "1d", "2027-03-01 10:00"),
        ("2028-02-29 10:00", "366d", "2029-03-01 10:00"),
        ("2026-12-31 10:00", "1d", "2027-01-01 10:00"),
        # One after the other.
        ("2026-03-20 10:00", "1wd 2h", "2026-03-23 20:00"),
        ("2026-03-20 10:00", "2h 1wd", "2026-03-23 18:00"),
        ("2026-03-20 10:00", "1d 8wh", "2026-03-23 18:00"),
    ],
)
def test_where_a_duration_ends(start: str, duration: str, end: str) -> None:
    assert local(add(at(start), of(duration), OFFICE)) == end


@pytest.mark.parametrize(
    ("end", "duration", "start"),
    [
        ("2026-03-25 18:00", "1wd", "2026-03-24 18:00"),
        ("2026-03-23 18:00", "1wd", "2026-03-20 18:00"),
        ("2026-03-25 10:00", "0wd", "2026-03-24 18:00"),
        ("2026-03-25 18:00", "0wd", "2026-03-25 18:00"),
        ("2026-10-08 18:00", "1wd", "2026-09-30 18:00"),
        ("2026-10-12 18:00", "1wd", "2026-10-11 12:00"),
        ("2026-03-23 10:00", "4wh", "2026-03-20 15:00"),
        ("2026-03-20 18:00", "8wh", "2026-03-20 09:00"),
        ("2026-03-22 12:00", "5wh", "2026-03-20 13:00"),
        ("2026-03-22 12:00", "6wh", "2026-03-20 11:00"),
        ("2026-03-01 10:00", "1d", "2026-02-28 10:00"),
        ("2026-03-01 10:00", "24h", "2026-02-28 10:00"),
        ("2026-03-25 10:00", "1wd 2h", "2026-03-24 18:00"),
    ],
)
def test_where_a_duration_begins(end: str, duration: str, start: str) -> None:
    assert local(subtract(at(end), of(duration), OFFICE)) == start


def test_a_day_of_business_ends_when_it_closes_and_a_free_day_on_the_next_that_works() -> None:
    ends = [end_of_business(date(2026, 10, day), OFFICE) for day in (9, 10, 11, 12)]
    assert [local(end) for end in ends] == [
        *("2026-10-09 18:00", "2026-10-10 18:00", "2026-10-11 12:00", "2026-10-12 18:00")
    ]
    assert local(end_of_business(date(2026, 10, 1), OFFICE)) == "2026-10-08 18:00"
    assert local(end_of_business(date(2026, 3, 21), OFFICE)) == "2026-03-23 18:00"


def test_l04_a_first_response_takes_only_working_hours() -> None:
    """Open from 10 to 18, Monday to Friday; the 7th of March 2026 is a Saturday."""
    desk = Calendar("desk", SHANGHAI, dict.fromkeys(range(5), ((10 * 60, 18 * 60),)))

    def hours(start: str, end: str) -> float:
        return working_seconds(desk, at(start, SHANGHAI), at(end, SHANGHAI)) / 3600

    assert hours("2026-03-05 12:00", "2026-03-05 20:00") == 6
    assert hours("2026-03-07 08:00", "2026-03-08 20:00") == 0
    assert hours("2026-03-05 06:00", "2026-03-06 06:00") == 8


def test_without_a_calendar_all_hours_of_all_days_count() -> None:
    everyday = clock(SHANGHAI)
    assert local(add(at("2026-10-01 10:00"), of("8wh"), everyday)) == "2026-10-01 18:00"
    assert local(add(at("2026-10-01 10:00"), of("3wd"), everyday)) == "2026-10-05 00:00"
    assert local(end_of_business(date(2026, 10, 1), everyday)) == "2026-10-02 00:00"
    assert working_seconds(everyday, at("2026-10-01 10:00"), at("2026-10-03 10:00")) == 172_800
    assert add(at("2026-10-01 10:00"), of("3wd"), None) == datetime(2026, 10, 5, tzinfo=UTC)


def test_the_hour_that_does_not_exist_is_not_worked() -> None:
    before, after = at("2026-03-07 22:00", NEW_YORK), at("2026-03-08 06:00", NEW_YORK)
    assert working_seconds(NIGHTS, before, after) == 7 * 3600
    assert local(add(before, of("7wh"), NIGHTS), NEW_YORK) == "2026-03-08 06:00"
    assert subtract(after, of("7wh"), NIGHTS) == before


def test_the_hour_that_comes_twice_is_worked_twice() -> None:
    before, after = at("2026-10-31 22:00", NEW_YORK), at("2026-11-01 06:00", NEW_YORK)
    assert working_seconds(NIGHTS, before, after) == 9 * 3600
    assert add(before, of("4wh"), NIGHTS) == at("2026-11-01 01:00", NEW_YORK, fold=1)


def test_a_span_within_the_hour_that_comes_twice_is_worked_twice_and_apart() -> None:
    short = Calendar("short", NEW_YORK, {6: ((60, 90),)})
    first, second = short.spans(date(2026, 11, 1))
    assert first == (at("2026-11-01 01:00", NEW_YORK), at("2026-11-01 01:30", NEW_YORK))
    assert second == (
        at("2026-11-01 01:00", NEW_YORK, fold=1),
        at("2026-11-01 01:30", NEW_YORK, fold=1),
    )


def test_a_span_inside_the_gap_makes_no_working_day() -> None:
    short = Calendar("short", NEW_YORK, {6: ((120, 180),), 0: DAY})
    assert short.spans(date(2026, 3, 8)) == ()
    start = at("2026-03-07 12:00", NEW_YORK)
    assert local(add(start, of("1wd"), short), NEW_YORK) == "2026-03-09 18:00"


def test_a_day_leads_to_the_same_time_of_day_over_a_change_of_clocks() -> None:
    start = at("2026-03-07 10:00", NEW_YORK)
    assert local(add(start, of("1d"), NIGHTS), NEW_YORK) == "2026-03-08 10:00"
    assert local(add(start, of("24h"), NIGHTS), NEW_YORK) == "2026-03-08 11:00"


def test_a_day_to_a_time_that_is_skipped_leads_to_the_first_moment_after() -> None:
    start = at("2026-03-07 02:30", NEW_YORK)
    assert local(add(start, of("1d"), NIGHTS), NEW_YORK) == "2026-03-08 03:00"
    assert local(subtract(start, of("1d"), NIGHTS), NEW_YORK) == "2026-03-06 02:30"


def test_a_day_to_a_time_that_comes_twice_leads_to_the_first() -> None:
    start = at("2026-10-31 01:30", NEW_YORK)
    assert add(start, of("1d"), NIGHTS) == at("2026-11-01 01:30", NEW_YORK)


def test_a_day_from_the_second_pass_of_an_hour_ends_no_earlier_than_one_from_the_first() -> None:
    first = add(at("2026-11-01 01:45", NEW_YORK), of("1d"), NIGHTS)
    second = add(at("2026-11-01 01:15", NEW_YORK, fold=1), of("1d"), NIGHTS)
    assert local(first, NEW_YORK) == "2026-11-02 01:45"
    assert local(second, NEW_YORK) == "2026-11-02 02:00"


def test_a_day_that_never_was_is_no_working_day() -> None:
    apia = next(c for c in AWKWARD if c.id == "Pacific/Apia")
    assert apia.spans(date(2011, 12, 30)) == ()
    start = at("2011-12-29 12:00", apia.zone)
    assert local(add(start, of("1wd"), apia), apia.zone) == "2012-01-01 00:00"


def test_a_calendar_without_any_time_ends_after_a_century() -> None:
    nothing = Calendar("nothing", SHANGHAI, {})
    start = at("2026-03-20 10:00")
    for text in ("1wh", "1wd", "0wd"):
        assert add(start, of(text), nothing) == start + timedelta(days=HORIZON)
        assert subtract(start, of(text), nothing) == start - timedelta(days=HORIZON)
    assert working_seconds(nothing, start, start + timedelta(days=9)) == 0
    assert end_of_business(date(9999, 12, 30), nothing) > start


@pytest.mark.parametrize("text", ["3660d", "87840h", "1wh", "3660wd", "0wd"])
@pytest.mark.parametrize("calendar", [OFFICE, NIGHTS, None])
def test_the_ends_of_the_calendar_stop_no_one(text: str, calendar: Calendar | None) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert add(last, of(text), calendar) <= last
    assert subtract(first, of(text), calendar) >= first
    assert working_seconds(calendar, last - timedelta(days=1), last) >= 0
    assert working_seconds(calendar, first, first + timedelta(days=30)) > 0
    for day in (date.min, date.max):
        assert first < end_of_business(day, calendar) < last


# --- against a slow reference -------------------------------------------------------------------

MINUTE = timedelta(minutes=1)


def works(calendar: Calendar, moment: datetime) -> bool:
    """Whether the minute that begins at `moment` is worked, by the definition."""
    there = moment.astimezone(calendar.zone)
    day, minute = there.date(), there.hour * 60 + there.minute
    if day in calendar.workdays:
        spans = calendar.workdays[day]
    elif day in calendar.holidays:
        spans = ()
    else:
        spans = calendar.hours.get(day.weekday(), ())
    return any(opens <= minute < closes for opens, closes in spans)


def slow_seconds(calendar: Calendar, start: datetime, end: datetime) -> int:
    count = 0
    while start < end:
        count += works(calendar, start)
        start += MINUTE
    return count * 60


def slow_on(calendar: Calendar, start: datetime, minutes: int) -> datetime:
    while minutes:
        minutes -= works(calendar, start)
        start += MINUTE
    return start


def slow_back(calendar: Calendar, end: datetime, minutes: int) -> datetime:
    while minutes:
        end -= MINUTE
        minutes -= works(calendar, end)
    return end


def slow_closing(calendar: Calendar, start: datetime, days: int) -> datetime:
    """The end of the last worked minute of the n-th local day after that has any."""
    seen: list[date] = []
    today = start.astimezone(calendar.zone).date()
    last, moment = start, start
    while len(seen) <= days:
        there = moment.astimezone(calendar.zone).date()
        if there > today and works(calendar, moment):
            if there not in seen:
                seen.append(there)
            if len(seen) <= days:
                last = moment + MINUTE
        moment += MINUTE
    return last


@st.composite
def hours(draw: st.DrawFn) -> Hours:
    edges = draw(st.lists(st.integers(0, 48), min_size=0, max_size=6, unique=True).map(sorted))
    return tuple(
        (first * 30, second * 30)
        for first, second in zip(edges[::2], edges[1::2], strict=False)
        if first < second
    )


ZONES = ["Asia/Shanghai", *(calendar.id for calendar in AWKWARD)]
# Around changes of clocks, leap days, the holidays above, the day Samoa left out.
TURNS = [
    datetime.combine(date.fromisoformat(day), time(), UTC)
    for day in (
        *("2026-03-08", "2026-11-01", "2028-02-29", "2026-10-05", "2018-11-04", "2018-02-18"),
        *("2026-04-05", "2026-10-04", "2011-12-30", "2026-03-29", "2026-02-15"),
    )
]


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    days = st.dates(date(2026, 3, 1), date(2026, 3, 31))
    own = draw(st.dictionaries(days, hours(), max_size=3))
    usual = {
        day: draw(hours()) for day in draw(st.lists(st.integers(0, 6), min_size=1, unique=True))
    }
    usual[draw(st.integers(0, 6))] = ((600, 1080),)
    holidays = draw(st.frozensets(days, max_size=5))
    return Calendar("any", ZoneInfo(draw(st.sampled_from(ZONES))), usual, holidays, own)


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    """Whole minutes in UTC within two days of something awkward."""
    minutes = draw(st.integers(-2 * 24 * 60, 2 * 24 * 60))
    return draw(st.sampled_from(TURNS)) + minutes * MINUTE


@settings(max_examples=60, deadline=None)
@given(calendars(), moments(), st.integers(0, 3 * 24 * 60))
@example(NIGHTS, datetime(2026, 3, 8, 3, tzinfo=UTC), 700)
@example(NIGHTS, datetime(2026, 11, 1, 3, tzinfo=UTC), 700)
def test_working_time_is_what_counting_minutes_gives(
    calendar: Calendar, start: datetime, minutes: int
) -> None:
    end = start + minutes * MINUTE
    assert working_seconds(calendar, start, end) == slow_seconds(calendar, start, end)


@settings(max_examples=60, deadline=None)
@given(calendars(), moments(), st.integers(0, 10))
def test_working_hours_end_and_begin_where_counting_minutes_does(
    calendar: Calendar, moment: datetime, amount: int
) -> None:
    duration = Duration(((amount, "wh"),))
    assert add(moment, duration, calendar) == slow_on(calendar, moment, amount * 60)
    assert subtract(moment, duration, calendar) == slow_back(calendar, moment, amount * 60)


@settings(max_examples=40, deadline=None)
@given(calendars(), moments(), st.integers(1, 3))
def test_working_days_close_where_counting_minutes_says(
    calendar: Calendar, moment: datetime, amount: int
) -> None:
    found = add(moment, Duration(((amount, "wd"),)), calendar)
    assert found == slow_closing(calendar, moment, amount)


# --- laws ---------------------------------------------------------------------------------------

ANY_CALENDAR = st.one_of(calendars(), st.sampled_from([*AWKWARD, OFFICE]))
AMOUNTS = st.tuples(st.integers(0, 60), st.sampled_from(["m", "h", "d", "wh", "wd"]))
DURATIONS = st.lists(AMOUNTS, min_size=1, max_size=3).map(lambda parts: Duration(tuple(parts)))


@settings(deadline=None)
@given(ANY_CALENDAR, moments(), st.integers(0, 200))
def test_what_was_added_is_measured(calendar: Calendar, start: datetime, amount: int) -> None:
    duration = Duration(((amount, "wh"),))
    end = add(start, duration, calendar)
    assert working_seconds(calendar, start, end) == amount * 3600
    begin = subtract(start, duration, calendar)
    assert working_seconds(calendar, begin, start) == amount * 3600


@settings(deadline=None)
@given(ANY_CALENDAR, moments(), moments(), moments())
def test_working_time_adds_up(
    calendar: Calendar, one: datetime, two: datetime, three: datetime
) -> None:
    first, second, third = sorted((one, two, three))
    parts = working_seconds(calendar, first, second) + working_seconds(calendar, second, third)
    assert parts == working_seconds(calendar, first, third)
    assert working_seconds(calendar, third, first) == 0


@settings(deadline=None)
@given(ANY_CALENDAR, moments(), st.integers(0, 7 * 24 * 60), DURATIONS)
@example(NIGHTS, at("2026-11-01 01:45", NEW_YORK), 30, Duration(((1, "d"),)))
def test_who_starts_later_ends_no_earlier(
    calendar: Calendar, start: datetime, minutes: int, duration: Duration
) -> None:
    later = start + minutes * MINUTE
    assert add(start, duration, calendar) <= add(later, duration, calendar)
    assert subtract(start, duration, calendar) <= subtract(later, duration, calendar)


@settings(deadline=None)
@given(ANY_CALENDAR, moments(), st.integers(0, 40), st.sampled_from(["m", "h", "d", "wh", "wd"]))
def test_a_longer_duration_ends_no_earlier_and_none_ends_before_it_begins(
    calendar: Calendar, start: datetime, amount: int, unit: str
) -> None:
    ends = [add(start, Duration(((n, unit),)), calendar) for n in (amount, amount + 1)]
    assert ends[0] <= ends[1]
    assert start <= ends[0] or unit == "d"
    begins = [subtract(start, Duration(((n, unit),)), calendar) for n in (amount, amount + 1)]
    assert begins[1] <= begins[0]
    assert begins[0] <= start or unit == "d"
