"""A result as a file: CSV, or a workbook whose numbers are numbers and whose texts are texts."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import xlsxwriter

from app.reports.csvfile import lines
from app.reports.words import Teller

CSV, XLSX = "csv", "xlsx"
MIME: Mapping[str, str] = {
    CSV: "text/csv",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_EXACT = 15
"""Digits a cell keeps: a longer number is written as a text."""

_FORMATS = {"share": "0.00%", "money": "#,##0.00##", "number": "#,##0.######"}
_WIDEST, _SHEET = 60, 31
_NOT_IN_A_NAME = str.maketrans("", "", "[]:*?/\\'")


@dataclass(frozen=True, slots=True)
class File:
    """A file to be sent: its name, what it is, its bytes."""

    name: str
    mime: str
    content: bytes


def as_file(kind: str, teller: Teller, title: str, stem: str, at: datetime) -> File:
    """A result as a file of a kind (one of `MIME`); `title` names the sheet, `stem` the file."""
    content = _workbook(teller, title, at) if kind == XLSX else _csv(teller)
    return File(f"{stem}.{kind}", MIME[kind], content)


def _csv(teller: Teller) -> bytes:
    return "".join(lines(teller.head(), teller.rows())).encode()


def _workbook(teller: Teller, title: str, at: datetime) -> bytes:
    made = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(made, options) as book:
        book.set_properties({"title": title, "created": at.replace(tzinfo=None)})
        sheet = book.add_worksheet(title.translate(_NOT_IN_A_NAME).strip()[:_SHEET] or "1")
        bold = book.add_format({"bold": True})
        formats = {name: book.add_format({"num_format": f}) for name, f in _FORMATS.items()}
        kinds = teller.kinds()
        for place, heading in enumerate(teller.head()):
            sheet.write_string(0, place, heading, bold)
        for number, row in enumerate(teller.rows(), start=1):
            for place, (value, kind) in enumerate(zip(row, kinds, strict=True)):
                if isinstance(value, int | Decimal) and _exact(value):
                    sheet.write_number(number, place, value, formats.get(kind))
                elif value not in ("", None):
                    sheet.write_string(number, place, str(value))
        sheet.freeze_panes(1, 0)
        sheet.autofit(_WIDEST * 7)
    return made.getvalue()


def _exact(value: int | Decimal) -> bool:
    return len(Decimal(value).normalize().as_tuple().digits) <= _EXACT
