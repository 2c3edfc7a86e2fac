"""CSV files as records: streamed, gzip or plain, with line items from the same or another file."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from app.importers.errors import ImportStopped
from forms.problems import suggest
from forms.values import Text

GZIP_MAGIC = b"\x1f\x8b"
MAX_FIELD_CHARS = 100_000
DELIMITERS = (",", ";", "\t", "|")

Columns = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row of a file: the line it stands on (1 is the header) and its columns as text."""

    line: int
    columns: Columns
    broken: Text | None = None
    """Why the row cannot be read: it has another number of cells than the header."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One record to be made: its own row and, per lines field, the rows of its line items."""

    row: FileRow
    lines: Mapping[str, Sequence[FileRow]] = field(default_factory=dict)


class Table:
    """One open CSV file. Use as a context manager."""

    def __init__(self, path: Path, delimiter: str = ",", encoding: str = "utf-8") -> None:
        self.path = path
        self._stack = ExitStack()
        self._raw = self._open(path)
        plain: Iterable[bytes] = self._raw
        if self._raw.peek(2)[:2] == GZIP_MAGIC:
            unpacked = gzip.GzipFile(fileobj=self._raw)
            self._stack.callback(unpacked.close)
            plain = unpacked
        self.size = path.stat().st_size
        csv.field_size_limit(MAX_FIELD_CHARS)
        self._reader = csv.reader(decoded(plain, encoding), delimiter=delimiter, strict=True)
        try:
            self.header = self._header()
        except ImportStopped:
            self._stack.close()
            raise

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._stack.close()

    def _open(self, path: Path) -> io.BufferedReader:
        try:
            return self._stack.enter_context(path.open("rb"))
        except OSError as error:
            raise ImportStopped(
                "file_missing",
                path,
                0,
                Text(f"无法打开文件：{error.strerror}", f"cannot be opened: {error.strerror}"),
            ) from None

    @property
    def read_bytes(self) -> int:
        """How many bytes of the file (as it lies on disk) have been read: for progress."""
        return 0 if self._raw.closed else self._raw.tell()

    def _header(self) -> list[str]:
        header = [name.strip() for name in self._next() or []]
        if not header or not any(header):
            raise ImportStopped("file_empty", self.path, 1, Text("缺少表头", "no header line"))
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise ImportStopped(
                "column_twice",
                self.path,
                1,
                Text(f"列名重复：{', '.join(twice)}", f"columns named twice: {', '.join(twice)}"),
            )
        return header

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader)
        except StopIteration:
            return None
        except csv.Error as error:
            raise ImportStopped(
                "not_csv",
                self.path,
                self._reader.line_num,
                Text(f"不是有效的 CSV：{error}", f"not CSV: {error}"),
            ) from None
        except UnicodeDecodeError as error:
            raise ImportStopped(
                "wrong_encoding",
                self.path,
                self._reader.line_num + 1,
                Text(
                    f"编码不符（{error.encoding}），请在导入定义中设置 file.encoding",
                    f"not {error.encoding}; set file.encoding in the import definition",
                ),
            ) from None
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise ImportStopped(
                "file_damaged",
                self.path,
                self._reader.line_num + 1,
                Text(f"文件损坏：{error}", f"the file is damaged: {error}"),
            ) from None

    def require(self, columns: Sequence[str]) -> None:
        """Raise ImportStopped where a column that the definition reads is not in the header."""
        for name in columns:
            if name not in self.header:
                near = suggest(name, self.header)
                zh, en = _other_delimiter(self.header)
                raise ImportStopped(
                    "column_missing",
                    self.path,
                    1,
                    Text(
                        f"缺少列 {name}；文件中有：{', '.join(self.header)}{zh}",
                        f"column {name!r} is missing"
                        + (f" (did you mean {near!r}?)" if near else "")
                        + f"; the file has {', '.join(self.header)}{en}",
                    ),
                )

    def rows(self, *, stop: bool = True) -> Iterator[FileRow]:
        """The rows, each with its line number.

        A row of another length stops the import, since nobody can tell whose line item it is; with
        `stop` false it is given as `broken`, to be refused on its own.
        """
        while True:
            line = self._reader.line_num + 1
            cells = self._next()
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) == len(self.header):
                yield FileRow(line, dict(zip(self.header, cells, strict=True)))
                continue
            message = Text(
                f"应有 {len(self.header)} 列，实有 {len(cells)} 列",
                f"{len(self.header)} columns are expected, {len(cells)} are there",
            )
            if stop:
                raise ImportStopped("row_length", self.path, line, message)
            padded = cells + [""] * len(self.header)
            yield FileRow(line, dict(zip(self.header, padded, strict=False)), message)


def _other_delimiter(header: Sequence[str]) -> tuple[str, str]:
    """A hint where the whole heading was read as one column."""
    found = next((mark for mark in DELIMITERS if len(header) == 1 and mark in header[0]), None)
    if found is None:
        return "", ""
    named = "tab" if found == "\t" else found
    return (
        f"；请在导入定义中设置 file.delimiter: '{named}'",
        f"; set file.delimiter to {named!r} in the import definition",
    )


def decoded(lines: Iterable[bytes], encoding: str) -> Iterator[str]:
    """The lines as text; decoded one by one, so that a wrong byte is reported on its own line."""
    for number, line in enumerate(lines):
        text = line.decode(encoding)
        yield text.removeprefix("\ufeff") if number == 0 else text


def plain_records(rows: Iterator[FileRow]) -> Iterator[FileRecord]:
    """Each row is a record without line items."""
    return (FileRecord(row) for row in rows)


def grouped_records(
    rows: Iterator[FileRow], lines_field: str, on: Sequence[str]
) -> Iterator[FileRecord]:
    """Consecutive rows with the same `on` columns are one record; each row is a line item."""
    batch: list[FileRow] = []
    key: tuple[str, ...] | None = None
    for row in rows:
        now = tuple(row.columns[name] for name in on)
        if batch and now != key:
            yield FileRecord(batch[0], {lines_field: tuple(batch)})
            batch = []
        key = now
        batch.append(row)
    if batch:
        yield FileRecord(batch[0], {lines_field: tuple(batch)})


class SpooledLines:
    """The line items of another file, put aside on disk so that each record finds its own.

    A record's rows need not stand together in the file. Only where each run of rows begins is
    kept in memory. Use as a context manager; the spool file goes with it.
    """

    def __init__(self, rows: Iterable[FileRow], on: Sequence[str]) -> None:
        self._runs: dict[tuple[str, ...], list[tuple[int, int]]] = {}
        self._spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        try:
            self._fill(rows, on)
        except BaseException:
            self._spool.close()
            raise

    def __enter__(self) -> SpooledLines:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def _fill(self, rows: Iterable[FileRow], on: Sequence[str]) -> None:
        last: tuple[str, ...] | None = None
        begin = count = offset = 0
        for row in rows:
            key = tuple(row.columns[name] for name in on)
            if key != last:
                if last is not None:
                    self._runs.setdefault(last, []).append((begin, count))
                last, begin, count = key, offset, 0
            packed = json.dumps([row.line, row.columns], ensure_ascii=False).encode() + b"\n"
            self._spool.write(packed)
            offset += len(packed)
            count += 1
        if last is not None:
            self._runs.setdefault(last, []).append((begin, count))

    def take(self, key: tuple[str, ...]) -> tuple[FileRow, ...]:
        """The line items of one record, in the file's order; each is given once."""
        found = []
        for begin, count in self._runs.pop(key, ()):
            self._spool.seek(begin)
            for _ in range(count):
                line, columns = json.loads(self._spool.readline())
                found.append(FileRow(line, columns))
        return tuple(found)

    def left(self) -> Iterator[tuple[tuple[str, ...], int]]:
        """The keys nobody asked for, each with the line of its first row."""
        for key, runs in self._runs.items():
            self._spool.seek(runs[0][0])
            yield key, json.loads(self._spool.readline())[0]


def joined_records(
    rows: Iterator[FileRow], spooled: SpooledLines, lines_field: str, on: Sequence[str]
) -> Iterator[FileRecord]:
    """Each row is a record; its line items are those of the spooled file with the same `on`."""
    for row in rows:
        key = tuple(row.columns[name] for name in on)
        yield FileRecord(row, {lines_field: spooled.take(key)})


def fingerprint(paths: Sequence[Path]) -> str:
    """SHA-256 over the files' bytes: the same files are the same import, under any name."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
        digest.update(b"\x00")
    return digest.hexdigest()
