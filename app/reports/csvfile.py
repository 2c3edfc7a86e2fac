"""CSV that spreadsheets open without running anything, written as a stream."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

BYTE_ORDER_MARK = "\ufeff"
"""Tells spreadsheets that the file is UTF-8."""

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_CHUNK = 64 * 1024


def safe(value: object) -> str:
    """One cell. A text that a spreadsheet could take for a formula gets an apostrophe in front;
    numbers stay numbers.
    """
    if value is None:
        return ""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return f"{value:f}" if isinstance(value, Decimal) else str(value)
    text = str(value)
    # White space before the sign does not disarm it everywhere.
    return (
        f"'{text}"
        if text.startswith(_DANGEROUS) or text.lstrip(" ").startswith(_DANGEROUS)
        else text
    )


def lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A CSV file in pieces of some tens of kilobytes: the header, then the rows as they come."""
    buffer = io.StringIO()
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer)
    writer.writerow([safe(cell) for cell in header])
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        if buffer.tell() > _CHUNK:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()
