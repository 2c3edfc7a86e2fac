"""Dates, moments and lengths of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from forms.expr import Type
from forms.messages import got
from forms.shown import span_shown
from forms.types.base import FieldType, Invalid, Quick, Raw, Report, Storage, read_limits

if TYPE_CHECKING:
    from forms.model import Field

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DATETIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?\s?(Z|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE,
)
_ISO_DURATION = re.compile(
    r"(-)?P(?:([0-9]{1,6})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,11})S)?)?",
    re.IGNORECASE,
)
_SHORT_DURATION = re.compile(
    r"(-)?(?:([0-9]{1,6})\s*d)?\s*(?:([0-9]{1,9})\s*h)?\s*(?:([0-9]{1,9})\s*m)?"
    r"\s*(?:([0-9]{1,11})\s*s)?",
    re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY = _EPOCH.date()
_MICROSECOND = timedelta(microseconds=1)

FIRST_YEAR, LAST_YEAR = 1000, 9998
"""Years a moment may lie in: any zone's offset stays inside what dates can show."""

DURATION_LIMIT = timedelta(days=200_000)


class DateType(FieldType):
    """A day of the calendar, without a zone."""

    __slots__ = ()
    id = "date"
    keys = frozenset({"min", "max"})

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        return read_limits(definition, report, read_date)

    def expr_type(self, field: Field) -> Type:
        return Type("date")

    def storage(self, field: Field) -> Storage:
        return Storage("integer")

    def to_stored(self, value: object) -> object:
        """Days since 1970-01-01, so that databases compare and count days as numbers."""
        return (value - _FIRST_DAY).days  # type: ignore[operator]

    def from_stored(self, stored: object, currency: str | None = None) -> object:
        return _FIRST_DAY + timedelta(days=stored)  # type: ignore[arg-type]

    def parse(self, raw: Raw, field: Field) -> date | None:
        value = read_date(raw)
        if value is not None:
            _within(value, field)
        return value

    def quick(self, field: Field) -> Quick | None:
        low = field.min if isinstance(field.min, date) else date.min
        high = field.max if isinstance(field.max, date) else date.max
        return Quick(
            "type(v) is date and low <= v <= high", {"date": date, "low": low, "high": high}
        )

    def check(self, value: object, field: Field) -> None:
        self.parse(value, field)

    def to_json(self, value: object) -> object:
        return value.isoformat()  # type: ignore[attr-defined]

    def format(self, value: object, lang: str, field: Field) -> str:
        return value.isoformat()  # type: ignore[attr-defined, no-any-return]

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        return {"type": "string", "format": "date"}


class DatetimeType(FieldType):
    """A moment, kept in UTC to the millisecond. Text without a zone means the tenant's."""

    __slots__ = ()
    id = "datetime"

    def expr_type(self, field: Field) -> Type:
        return Type("datetime")

    def storage(self, field: Field) -> Storage:
        return Storage("integer")

    def to_stored(self, value: object) -> object:
        return (value - _EPOCH) // _MICROSECOND  # type: ignore[operator]

    def from_stored(self, stored: object, currency: str | None = None) -> object:
        return _EPOCH + timedelta(microseconds=stored)  # type: ignore[arg-type]

    def parse(self, raw: Raw, field: Field) -> datetime | None:
        """Aware values in UTC; a value without zone stays naive until `localise`."""
        return read_datetime(raw)

    def quick(self, field: Field) -> Quick | None:
        return Quick(
            "type(v) is datetime and v.tzinfo is UTC and not v.microsecond % 1000"
            " and first <= v.year <= last",
            {"datetime": datetime, "UTC": UTC, "first": FIRST_YEAR, "last": LAST_YEAR},
        )

    def to_json(self, value: object) -> object:
        text = value.isoformat(timespec="milliseconds")  # type: ignore[attr-defined]
        return text.replace("+00:00", "Z").replace(".000Z", "Z")

    def format(self, value: object, lang: str, field: Field) -> str:
        return value.strftime("%Y-%m-%d %H:%M")  # type: ignore[attr-defined, no-any-return]

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        return {"type": "string", "format": "date-time"}


class DurationType(FieldType):
    """A length of time in whole seconds."""

    __slots__ = ()
    id = "duration"
    keys = frozenset({"min", "max"})
    sums = True

    def settings(self, definition: Mapping[str, object], report: Report) -> dict[str, object]:
        return read_limits(definition, report, read_duration)

    def expr_type(self, field: Field) -> Type:
        return Type("duration")

    def storage(self, field: Field) -> Storage:
        return Storage("integer")

    def to_stored(self, value: object) -> object:
        return value // timedelta(seconds=1)  # type: ignore[operator]

    def from_stored(self, stored: object, currency: str | None = None) -> object:
        return timedelta(seconds=stored)  # type: ignore[arg-type]

    def parse(self, raw: Raw, field: Field) -> timedelta | None:
        value = read_duration(raw)
        if value is not None:
            _within(value, field)
        return value

    def check(self, value: object, field: Field) -> None:
        self.parse(value, field)

    def to_json(self, value: object) -> object:
        sign, days, hours, minutes, seconds = _parts(value)  # type: ignore[arg-type]
        clock = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
        text = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
        return f"{sign}P{text or 'T0S'}"

    def format(self, value: object, lang: str, field: Field) -> str:
        return span_shown(value, lang)  # type: ignore[arg-type]

    def json_schema(self, field: Field, *, response: bool = False) -> dict[str, object]:
        return {"type": "string", "format": "duration"}


def read_date(raw: Raw) -> date | None:
    """Read a date; None and blank text are empty. Raises `Invalid`."""
    if raw is None or type(raw) is date:
        return raw
    if isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        found = _DATE.fullmatch(text)
        if found:
            try:
                return date(int(found[1]), int(found[2]), int(found[3]))
            except ValueError:
                pass
    raise Invalid("not_a_date", got=got(raw))


def read_datetime(raw: Raw) -> datetime | None:
    """Read a moment to the millisecond; naive where no zone is given. Raises `Invalid`."""
    if raw is None:
        return None
    value: datetime | None = None
    if isinstance(raw, datetime):
        value = raw
    elif isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        value = _read_moment(text)
    if value is None:
        raise Invalid("not_a_datetime", got=got(raw))
    if not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise Invalid("date_out_of_range", min=FIRST_YEAR, max=LAST_YEAR)
    if value.tzinfo is not None and value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    rest = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - rest) if rest else value


def _read_moment(text: str) -> datetime | None:
    found = _DATETIME.fullmatch(text)
    if not found:
        return None
    day, hour, minute, second, fraction, zone = found.groups()
    iso = f"{day}T{hour}:{minute}:{second or '00'}.{(fraction or '0').ljust(6, '0')}"
    if zone:
        zone = "+00:00" if zone in "Zz" else zone
        iso += zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        return datetime.fromisoformat(iso)
    except ValueError:
        return None


def localise(value: datetime, zone: tzinfo) -> datetime:
    """A naive moment, understood in the tenant's zone, as UTC."""
    return value.replace(tzinfo=zone).astimezone(UTC)


def read_duration(raw: Raw) -> timedelta | None:
    """Read a length of time: a text, or a number of whole seconds. Raises `Invalid`."""
    if raw is None:
        return None
    value: timedelta | None = None
    if isinstance(raw, timedelta):
        value = raw - timedelta(microseconds=raw.microseconds)
        if value != raw:
            raise Invalid("not_a_duration", got=got(raw))
    elif isinstance(raw, int) and not isinstance(raw, bool):
        if abs(raw) <= DURATION_LIMIT.total_seconds():
            value = timedelta(seconds=raw)
    elif isinstance(raw, str):
        text = raw.strip()
        if not text:
            return None
        value = _read_length(text)
    if value is None or abs(value) > DURATION_LIMIT:
        raise Invalid("not_a_duration", got=got(raw))
    return value


def _read_length(text: str) -> timedelta | None:
    found = _ISO_DURATION.fullmatch(text) or _SHORT_DURATION.fullmatch(text)
    if not found or not any(found.groups()[1:]):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    value = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -value if found[1] else value


def _parts(value: timedelta) -> tuple[str, int, int, int, int]:
    seconds = abs(value) // timedelta(seconds=1)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return ("-" if value < timedelta(0) else "", days, hours, minutes, seconds)


def _within(value: date | timedelta, field: Field) -> None:
    low, high = field.min, field.max
    if low is not None and value < low:  # type: ignore[operator]
        raise Invalid("too_small", min=field.kind.format(low, "en", field))
    if high is not None and value > high:  # type: ignore[operator]
        raise Invalid("too_large", max=field.kind.format(high, "en", field))
