"""What an import did not take, as a CSV file: where, what, why, and the row itself."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol

from app.importers.mapper import Fault
from app.importers.reader import FileRow
from app.reports.csvfile import safe

OWN_COLUMNS = ("reject_line", "reject_item_line", "reject_field", "reject_code", "reject_reason")


class Writer(Protocol):
    """What csv.writer gives."""

    def writerow(self, row: Iterable[object], /) -> object:
        """Write one row."""

    def writerows(self, rows: Iterable[Iterable[object]], /) -> object:
        """Write several rows."""


class Rejects:
    """The rejects file, made when the first row comes. Use as a context manager.

    `keep_to`: a file of an earlier, cut-off run is taken up; what it says about later lines is
    dropped, since those are done again.
    """

    def __init__(self, path: Path, header: Sequence[str], keep_to: int, language: str) -> None:
        self.path = path
        self._header = [*OWN_COLUMNS, *header]
        self._names = tuple(header)
        self._language = language
        self._stack = ExitStack()
        self._kept = _kept(path, keep_to) if keep_to else []
        self._writer = self._open(self._kept) if self._kept else None
        if not self._kept:
            path.unlink(missing_ok=True)

    def __enter__(self) -> Rejects:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def add(self, row: FileRow, faults: Sequence[Fault]) -> None:
        """Write down why a record was refused: a line for each fault."""
        if self._writer is None:
            self._writer = self._open([])
        cells = [safe(row.columns.get(name, "")) for name in self._names]
        for fault in faults:
            item = fault.line if len(fault.path) > 1 else ""
            field = ".".join(
                str(part + 1 if isinstance(part, int) else part) for part in fault.path
            )
            reason = fault.message.pick(self._language)
            self._writer.writerow([row.line, item, field, fault.code, safe(reason), *cells])

    def flush(self) -> None:
        """Bring what was added to the disk's file."""
        if self._writer is not None:
            self._stream.flush()

    def _open(self, kept: list[list[str]]) -> Writer:
        self._stream = self._stack.enter_context(
            self.path.open("w", encoding="utf-8-sig", newline="")
        )
        writer = csv.writer(self._stream)
        writer.writerow([safe(name) for name in self._header])
        writer.writerows(kept)
        return writer


def _kept(path: Path, keep_to: int) -> list[list[str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    return [row for row in rows if row and row[0].isdigit() and int(row[0]) <= keep_to]
