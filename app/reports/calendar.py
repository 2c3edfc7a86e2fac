"""Days and longer units of time as integers that databases group by."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

UNITS = ("day", "week", "month", "quarter", "year")
DAY = 86_400_000_000
"""Microseconds."""

_SHIFT = 4_000_000
"""Days added before an integer division, so that moments before 1970 round down, too."""

_FIRST, _LAST = 1970, 2060
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_ZERO = date(1970, 1, 1)


def day_sql(moment: str, zone: tzinfo) -> str:
    """SQL of the day (since 1970-01-01, in the zone) that a moment in microseconds lies on."""
    offset = _offset_sql(moment, zone)
    return f"(({moment} + {offset} + {_SHIFT * DAY}) / {DAY} - {_SHIFT})"


def bucket_sql(day: str, unit: str, dialect: str) -> str:
    """SQL of the unit a day lies in, as an integer that `bucket_start` understands."""
    if unit == "day":
        return day
    if unit == "week":  # 1970-01-01 was a Thursday; weeks begin on Monday
        return f"({day} - ({day} + {3 + 7 * _SHIFT}) % 7)"
    month = (
        f"CAST(strftime('%Y%m', {day} * 86400, 'unixepoch') AS INTEGER)"
        if dialect == "sqlite"
        else f"CAST(to_char(DATE '1970-01-01' + CAST({day} AS INTEGER), 'YYYYMM') AS BIGINT)"
    )
    if unit == "month":
        return month
    if unit == "year":
        return f"({month} / 100)"
    return f"({month} / 100 * 10 + ({month} % 100 + 2) / 3)"


def bucket_start(value: int, unit: str) -> date:
    """The first day of a unit that `bucket_sql` numbered."""
    if unit in ("day", "week"):
        return _DAY_ZERO + timedelta(days=value)
    if unit == "month":
        return date(value // 100, value % 100, 1)
    if unit == "quarter":
        return date(value // 10, value % 10 * 3 - 2, 1)
    return date(value, 1, 1)


def bucket_name(start: date, unit: str, lang: str) -> str:
    """A unit in words: 2026-03, 2026 Q1, 2026 week 9."""
    if unit == "month":
        return f"{start:%Y-%m}"
    if unit == "quarter":
        return f"{start.year} Q{(start.month + 2) // 3}"
    if unit == "year":
        return f"{start.year}"
    if unit == "week":
        year, week, _day = start.isocalendar()
        return f"{year} 年第 {week} 周" if lang == "zh" else f"{year} week {week}"
    return start.isoformat()


def _offset_sql(moment: str, zone: tzinfo) -> str:
    """The zone's offset at a moment, in microseconds: the latest change first."""
    offsets = _offsets(zone)
    if len(offsets) == 1:
        return str(offsets[0][1])
    branches = [f"WHEN {moment} >= {since} THEN {offset}" for since, offset in offsets[:0:-1]]
    return f"CASE {' '.join(branches)} ELSE {offsets[0][1]} END"


@lru_cache(maxsize=64)
def _offsets(zone: tzinfo) -> tuple[tuple[int, int], ...]:
    """(microseconds UTC, offset in microseconds) of every change of the zone's offset."""
    found: list[tuple[int, int]] = []
    at = datetime(_FIRST, 1, 1, tzinfo=UTC)
    end = datetime(_LAST, 1, 1, tzinfo=UTC)
    before = _offset(at, zone)
    found.append((_micros(at), before))
    step = timedelta(days=7)
    while at < end:
        after = _offset(at + step, zone)
        if after != before:
            change = _change(at, at + step, before, zone)
            found.append((_micros(change), after))
            before = after
        at += step
    return tuple(found)


def _change(low: datetime, high: datetime, before: int, zone: tzinfo) -> datetime:
    """The first moment after `low` with another offset, to the second."""
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(at: datetime, zone: tzinfo) -> int:
    offset = at.astimezone(zone).utcoffset() or timedelta()
    return offset // timedelta(microseconds=1)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
