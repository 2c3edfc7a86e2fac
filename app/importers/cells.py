"""The text of a cell as the value its column declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal

from forms.values import INTEGER_LIMIT, Text

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,20}(\.\d{1,12})?", re.ASCII)
_WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


class WrongCell(Exception):
    """A cell that its column's type does not allow; `message` says what is allowed."""

    def __init__(self, message: Text) -> None:
        super().__init__(message.en)
        self.message = message


def _text(cell: str, _zone: tzinfo) -> object:
    return cell


def _integer(cell: str, _zone: tzinfo) -> object:
    if not _INTEGER.fullmatch(cell) or abs(int(cell)) >= INTEGER_LIMIT:
        raise WrongCell(Text("应为整数，如 12", "a whole number is expected, such as 12"))
    return int(cell)


def _decimal(cell: str, _zone: tzinfo) -> object:
    if not _DECIMAL.fullmatch(cell):
        raise WrongCell(Text("应为数字，如 12.50", "a number is expected, such as 12.50"))
    return Decimal(cell)


def _date(cell: str, _zone: tzinfo) -> object:
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise WrongCell(
            Text("应为日期，如 2026-01-31", "a date is expected, such as 2026-01-31")
        ) from None


def _datetime(cell: str, zone: tzinfo) -> object:
    try:
        found = datetime.fromisoformat(cell)
    except ValueError:
        raise WrongCell(
            Text("应为时间，如 2026-01-31 09:30", "a time is expected, such as 2026-01-31 09:30")
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _boolean(cell: str, _zone: tzinfo) -> object:
    found = _WORDS.get(cell.lower())
    if found is None:
        raise WrongCell(Text("应为 true 或 false", "true or false is expected"))
    return found


Reader = Callable[[str, tzinfo], object]
READERS: Mapping[str, Reader] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "datetime": _datetime,
    "boolean": _boolean,
}


def read_cell(kind: str, cell: str, zone: tzinfo) -> object:
    """The value of a cell; an empty one is None. Text is taken as it stands, outer spaces too.

    `zone` is where times without one were written down. Raises WrongCell.
    """
    if kind == "text":
        return cell or None
    stripped = cell.strip()
    return READERS[kind](stripped, zone) if stripped else None
