"""When a report goes out by itself: at seven in the morning of the first day of every unit."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

HOUR = time(7)
"""The tenant's time of day."""

_MONTHS = {"month": 1, "quarter": 3}


def current(every: str, now: datetime, zone: tzinfo) -> date:
    """The first day of the unit whose letters are due by now."""
    local = now.astimezone(zone)
    day = _begin(local.date(), every)
    return day if moment(day, zone) <= now else _begin(day - timedelta(days=1), every)


def following(day: date, every: str) -> date:
    """The first day of the unit after the one that begins on a day."""
    if every == "day":
        return day + timedelta(days=1)
    if every == "week":
        return day + timedelta(days=7)
    index = day.year * 12 + day.month - 1 + _MONTHS[every]
    return date(index // 12, index % 12 + 1, 1)


def moment(day: date, zone: tzinfo) -> datetime:
    """When the letters of a unit that begins on a day go out, in UTC."""
    return datetime.combine(day, HOUR, zone).astimezone(UTC)


def _begin(day: date, every: str) -> date:
    if every == "day":
        return day
    if every == "week":
        return day - timedelta(days=day.weekday())
    months = _MONTHS[every]
    return date(day.year, (day.month - 1) // months * months + 1, 1)
