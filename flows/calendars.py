"""Working time: when a company works, and where a duration in it ends.

A moment is working time if its day works and its local time of day lies in one of that day's
spans. So where clocks go forward the hour that does not exist is not worked, and where they go back
the hour that comes twice is worked twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flows.model import Duration

Hours = tuple[tuple[int, int], ...]
"""Spans of a day in minutes after midnight, in order and apart: ((540, 720), (810, 1080))."""

Span = tuple[datetime, datetime]

HORIZON = 36_600
"""Days looked ahead or back. What would end later than that ends there: a century is never."""

_DAY = timedelta(days=1)
_NOTHING = timedelta(0)
_REMEMBERED = 4_096
_EARLIEST, _LATEST = datetime(1, 1, 4, tzinfo=UTC), datetime(9999, 12, 28, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """When a company works.

    `hours`: weekday (0 is Monday) → spans; a weekday without them is free. `holidays` are free
    whatever the weekday, `workdays` (调休) are worked with spans of their own.
    """

    id: str
    zone: ZoneInfo
    hours: Mapping[int, Hours]
    holidays: frozenset[date] = frozenset()
    workdays: Mapping[date, Hours] = field(default_factory=dict)
    _spans: dict[date, tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False)

    def spans(self, day: date) -> tuple[Span, ...]:
        """The working time of a local day, as spans of UTC in order; empty for a free day."""
        found = self._spans.get(day)
        if found is None:
            if len(self._spans) >= _REMEMBERED:
                self._spans.clear()
            found = self._spans[day] = tuple(_in_utc(self._hours(day), day, self.zone))
        return found

    def local_day(self, moment: datetime) -> date:
        """The local day of a moment."""
        return moment.astimezone(self.zone).date()

    def _hours(self, day: date) -> Hours:
        own = self.workdays.get(day)
        if own is not None:
            return own
        return () if day in self.holidays else self.hours.get(day.weekday(), ())


def clock(zone: ZoneInfo) -> Calendar:
    """The calendar of those who have none: all hours of all days."""
    return Calendar("", zone, dict.fromkeys(range(7), ((0, 24 * 60),)))


_UTC = ZoneInfo("UTC")
CLOCK = clock(_UTC)


def add(start: datetime, duration: Duration, calendar: Calendar | None) -> datetime:
    """Where a duration ends that begins at `start` (both aware, in UTC).

    Its parts follow one another. `m` and `h` are elapsed time. `d` leads to the same local time of
    day (the first moment after it where clocks skip it, the first of two where it comes twice).
    `wh` is working time; `wd` leads to the close of business on the n-th working day after.
    """
    where = calendar or CLOCK
    moment = start if _EARLIEST <= start <= _LATEST else _held(start)
    for amount, unit in duration.parts:
        if unit == "wh":
            moment = _work_on(where, moment, timedelta(hours=amount))
        elif unit == "wd":
            moment = _closing(where, moment, amount)
        elif unit == "d":
            moment = _days_on(where.zone, moment, amount)
        else:
            moment = _held(moment, _elapsed(amount, unit))
    return moment


def subtract(end: datetime, duration: Duration, calendar: Calendar | None) -> datetime:
    """Where a duration begins that ends at `end`: for reminders `before` a due time.

    `wd` leads to the close of business on the n-th working day before.
    """
    where, moment = calendar or CLOCK, _held(end)
    for amount, unit in reversed(duration.parts):
        if unit == "wh":
            moment = _work_back(where, moment, timedelta(hours=amount))
        elif unit == "wd":
            moment = _closing_before(where, moment, amount)
        elif unit == "d":
            moment = _days_on(where.zone, moment, -amount)
        else:
            moment = _held(moment, -_elapsed(amount, unit))
    return moment


def add_seconds(start: datetime, seconds: int, calendar: Calendar | None) -> datetime:
    """Where so many seconds of working time end that begin at `start`."""
    return _work_on(calendar or CLOCK, start, timedelta(seconds=seconds))


def working_seconds(calendar: Calendar | None, start: datetime, end: datetime) -> int:
    """Whole seconds of working time from `start` to `end`; 0 where the end is not later."""
    total = _NOTHING
    start, end = _held(start), _held(end)
    for opens, closes in _ahead(calendar or CLOCK, start):
        if max(opens, start) >= end:
            break
        total += min(closes, end) - max(opens, start)
    return int(total.total_seconds())


def end_of_business(day: date, calendar: Calendar | None) -> datetime:
    """When business closes on a day; on a free day: on the next working day."""
    where = calendar or CLOCK
    for ahead in _days(day, 1):
        spans = where.spans(ahead)
        if spans:
            return spans[-1][1]
    return _never(datetime.combine(day, time(), UTC))


# --- working time -------------------------------------------------------------------------------


def _work_on(calendar: Calendar, start: datetime, left: timedelta) -> datetime:
    if not left:
        return start
    for opens, closes in _ahead(calendar, start):
        begin = max(opens, start)
        if closes - begin >= left:
            return begin + left
        left -= closes - begin
    return _never(start)


def _work_back(calendar: Calendar, end: datetime, left: timedelta) -> datetime:
    if not left:
        return end
    for day in _days(calendar.local_day(end), -1):
        for opens, closes in reversed(calendar.spans(day)):
            finish = min(closes, end)
            if finish - opens >= left:
                return finish - left
            left -= max(finish - opens, _NOTHING)
    return _ever(end)


def _closing(calendar: Calendar, start: datetime, count: int) -> datetime:
    """Close of business on the count-th working day after; 0: the next close there is."""
    today = calendar.local_day(start)
    for day in _days(today, 1):
        spans = calendar.spans(day)
        if not spans:
            continue
        if count == 0 and spans[-1][1] >= start:
            return spans[-1][1]
        if day > today and count:
            count -= 1
            if count == 0:
                return spans[-1][1]
    return _never(start)


def _closing_before(calendar: Calendar, end: datetime, count: int) -> datetime:
    """Close of business on the count-th working day before; 0: the last close there was."""
    today = calendar.local_day(end)
    for day in _days(today, -1):
        spans = calendar.spans(day)
        if not spans:
            continue
        if count == 0 and spans[-1][1] <= end:
            return spans[-1][1]
        if day < today and count:
            count -= 1
            if count == 0:
                return spans[-1][1]
    return _ever(end)


def _ahead(calendar: Calendar, start: datetime) -> Iterator[Span]:
    """The spans that end after `start`, in order."""
    for day in _days(calendar.local_day(start), 1):
        for span in calendar.spans(day):
            if span[1] > start:
                yield span


def _days(first: date, step: int) -> Iterator[date]:
    """Days from `first` on, or back, as far as the horizon and the calendar of Python go."""
    number = first.toordinal()
    last = _LATEST.toordinal() + 1 if step > 0 else _EARLIEST.toordinal() - 1
    stop = min(number + HORIZON, last) if step > 0 else max(number - HORIZON, last)
    return map(date.fromordinal, range(number, stop, step))


def _never(start: datetime) -> datetime:
    return _held(start, timedelta(days=HORIZON))


def _ever(end: datetime) -> datetime:
    return _held(end, -timedelta(days=HORIZON))


def _held(moment: datetime, change: timedelta = _NOTHING) -> datetime:
    """A moment some time later or earlier, as far as Python's calendar goes in every zone."""
    try:
        found = moment + change
    except OverflowError:
        return _LATEST if change > _NOTHING else _EARLIEST
    return found if _EARLIEST <= found <= _LATEST else min(max(found, _EARLIEST), _LATEST)


# --- clocks -------------------------------------------------------------------------------------


def _elapsed(amount: int, unit: str) -> timedelta:
    return timedelta(minutes=amount) if unit == "m" else timedelta(hours=amount)


def _days_on(zone: ZoneInfo, moment: datetime, days: int) -> datetime:
    """The same local time of day, some days later or earlier."""
    later = _held(moment, timedelta(days=days))
    if zone is _UTC:
        return later
    local = moment.astimezone(zone)
    there = later.astimezone(zone)
    if not local.fold and not there.fold and local.utcoffset() == there.utcoffset():
        return later
    if local.fold:
        # The second pass of an hour counts as its end: a later start must not end earlier.
        change = _change(zone, moment - _DAY, moment)
        before = (change - timedelta(seconds=1)).astimezone(zone).utcoffset() or _NOTHING
        wall = change.replace(tzinfo=None) + before
    else:
        wall = local.replace(tzinfo=None)
    shifted = _held(wall.replace(tzinfo=UTC), timedelta(days=days))
    return _first_at(zone, shifted.replace(tzinfo=None))


def _first_at(zone: ZoneInfo, wall: datetime) -> datetime:
    """The first moment at which the local time is `wall` or, where it is skipped, later."""
    early = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if early.astimezone(zone).replace(tzinfo=None) == wall:
        return early
    return _change(zone, early - _DAY, early)


def _in_utc(hours: Hours, day: date, zone: ZoneInfo) -> Iterator[Span]:
    """Spans of a local day as spans of UTC; those that touch become one."""
    last: Span | None = None
    for span in sorted(_pieces(hours, day, zone)):
        if last is not None and span[0] <= last[1]:
            last = (last[0], max(last[1], span[1]))
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last


def _pieces(hours: Hours, day: date, zone: ZoneInfo) -> Iterator[Span]:
    """Each span under each offset from UTC that holds during the day."""
    if not hours:
        return
    midnight = datetime.combine(day, time())
    for since, until, offset in _offsets(zone, midnight):
        for opens, closes in hours:
            begin = (midnight + timedelta(minutes=opens) - offset).replace(tzinfo=UTC)
            end = (midnight + timedelta(minutes=closes) - offset).replace(tzinfo=UTC)
            if since is not None and until is not None:
                begin, end = max(begin, since), min(end, until)
            if begin < end:
                yield begin, end


def _offsets(
    zone: ZoneInfo, midnight: datetime
) -> Iterator[tuple[datetime | None, datetime | None, timedelta]]:
    """Offsets from UTC around a local day, with the time in UTC each holds (None: all of it)."""
    bounds = (midnight, midnight + _DAY)
    seen = {
        bound.replace(tzinfo=zone, fold=fold).utcoffset() or _NOTHING
        for bound in bounds
        for fold in (0, 1)
    }
    if len(seen) == 1:
        yield None, None, seen.pop()
        return
    at = (midnight - _DAY).replace(tzinfo=UTC)
    stop = at + 3 * _DAY
    while at < stop:
        until = min(_change(zone, at, stop), stop)
        yield at, until, at.astimezone(zone).utcoffset() or _NOTHING
        at = until


def _change(zone: ZoneInfo, since: datetime, until: datetime) -> datetime:
    """The first moment after `since` with another offset from UTC; `until` where there is none."""
    since = since.replace(microsecond=0)  # clocks change at whole seconds
    offset = since.astimezone(zone).utcoffset()
    seconds = int((until - since).total_seconds())
    step = 1_800
    for ahead in range(0, seconds, step):
        end = min(ahead + step, seconds)
        if (since + timedelta(seconds=end)).astimezone(zone).utcoffset() != offset:
            tries = range(ahead + 1, end + 1)
            found = bisect_left(
                tries,
                True,
                key=lambda at: (
                    (since + timedelta(seconds=at)).astimezone(zone).utcoffset() != offset
                ),
            )
            return since + timedelta(seconds=tries[found])
    return until
