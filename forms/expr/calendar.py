"""Days, months and instants, as the functions of the language use them."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import TypeVar

from forms.expr.arithmetic import EXACT, Number, divide, round_half_up
from forms.expr.errors import date_error, overflow_error

EPOCH = date(1970, 1, 1)
INSTANT_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)


def local_date(moment: date | datetime, zone: tzinfo) -> date:
    """The calendar day of a date or of an instant in `zone`."""
    if isinstance(moment, datetime):
        try:
            return moment.astimezone(zone).date()
        except (OverflowError, ValueError):
            raise date_error() from None
    return moment


def read_date(text: str) -> date | None:
    """A date written YYYY-MM-DD, or None."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_datetime(text: str, zone: tzinfo) -> datetime | None:
    """An instant written YYYY-MM-DDTHH:MM[:SS][Z|+HH:MM], local to `zone` unless it says."""
    if not _DATETIME.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def make_date(year: int, month: int, day: int) -> date | None:
    """The date, or None where the calendar has none."""
    try:
        return date(year, month, day)
    except (ValueError, OverflowError):
        return None


def make_datetime(day: date, hour: int, minute: int, zone: tzinfo) -> datetime | None:
    """The instant of a local time of day, or None where there is no such time."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59):
        return None
    try:
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise date_error() from None


Moment = TypeVar("Moment", date, datetime)


def add_days(moment: Moment, days: int) -> Moment:
    try:
        return moment + timedelta(days=days)
    except OverflowError:
        raise date_error() from None


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last day. EvalError beyond year 1-9999."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise date_error()
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def hours_between(start: datetime, end: datetime) -> Decimal:
    hours = divide((end - start) // _MICROSECOND, 3_600_000_000)
    return hours if hours is not None else Decimal(0)


def seconds(duration: timedelta) -> int:
    return duration // _SECOND


def duration_of(count: Number, unit: str) -> timedelta:
    """So many units, rounded half away from zero to whole seconds."""
    return from_seconds(EXACT.multiply(count, UNITS[unit]))


def from_seconds(count: Number) -> timedelta:
    try:
        return timedelta(seconds=int(round_half_up(count, 0)))
    except OverflowError:
        raise overflow_error() from None
