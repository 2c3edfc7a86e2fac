"""From the rows of a file to what is submitted, by an import definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from app.catalog.model import Computed, Constant, FieldSource, FileSpec, Find, Import
from app.importers.cells import WrongCell, read_cell
from app.importers.finder import Finder, Key
from app.importers.reader import FileRecord, FileRow
from app.records.tenant import Tenant
from forms.expr import Env, EvalError, Expr
from forms.values import Text

Path = tuple[str | int, ...]
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record of the file is not taken: which field, on which line of which file."""

    code: str
    path: Path
    line: int
    message: Text


class Faulty(Exception):
    """A record of the file with faults."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].message.en)
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Item:
    """A line item whose cells have been read: its line in the file, its values, its look-ups."""

    line: int
    values: Values
    keys: Mapping[str, Key]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A record whose cells have been read and whose look-ups are known, but not yet made."""

    source: FileRecord
    head: Item
    lines: Mapping[str, Sequence[Item]]


class Mapper:
    """Maps the records of one import. Look-ups are made for many records at a time."""

    def __init__(self, tenant: Tenant, definition: Import, zone: tzinfo, now: datetime) -> None:
        self._definition = definition
        self._zone = zone
        self._env = Env(now, zone=zone)
        self._grouped = any(spec.file is None for spec in definition.lines.values())
        self._finders: dict[tuple[str, ...], Finder] = {
            (*place, field): Finder(tenant, source.target, tuple(source.by))
            for place, sources in _maps(definition)
            for field, source in sources.items()
            if isinstance(source, Find)
        }

    def parse(self, record: FileRecord) -> Parsed | None:
        """Read the cells; None where the definition's `where` leaves the record out.

        Raises Faulty with every cell that cannot be read.
        """
        definition, faults = self._definition, list[Fault]()
        head_row, rows = record.row, record.lines
        if head_row.broken is not None:
            raise Faulty([Fault("row_length", (), head_row.line, head_row.broken)])
        if self._grouped:
            name, own = next(iter(rows.items()))
            kept = [row for row in own if self._wanted(row, faults)]
            rows = {name: kept}
            head_row = kept[0] if kept else head_row
            wanted = bool(kept)
        else:
            wanted = self._wanted(head_row, faults)
        if not wanted and not faults:
            return None
        head = self._item(definition.file, head_row, definition.map, (), faults)
        lines: dict[str, list[Item]] = {name: [] for name in definition.lines}
        for name, spec in definition.lines.items():
            for row in rows.get(name, ()):
                path = (name, len(lines[name]))
                item = self._item(spec.file or definition.file, row, spec.map, path, faults)
                if item is not None and self._true(spec.where, item, path, faults):
                    lines[name].append(item)
        if faults or head is None:
            raise Faulty(faults)
        return Parsed(FileRecord(head_row, record.lines), head, lines)

    def look_up(self, parsed: Iterable[Parsed]) -> None:
        """Ask the database for all records that these speak of."""
        keys: dict[tuple[str, ...], set[Key]] = {place: set() for place in self._finders}
        for one in parsed:
            for field, key in one.head.keys.items():
                keys[(field,)].add(key)
            for name, items in one.lines.items():
                for item in items:
                    for field, key in item.keys.items():
                        keys[(name, field)].add(key)
        for place, wanted in keys.items():
            self._finders[place].load(wanted)

    def submitted(self, parsed: Parsed) -> dict[str, Any]:
        """What is submitted for a record. Raises Faulty where a look-up found nothing."""
        faults: list[Fault] = []
        definition = self._definition
        values = self._fill(parsed.head, definition.map, (), (), faults)
        for name, items in parsed.lines.items():
            spec = definition.lines[name]
            values[name] = [
                self._fill(item, spec.map, (name,), (name, number), faults)
                for number, item in enumerate(items)
            ]
        if faults:
            raise Faulty(faults)
        return values

    def _wanted(self, row: FileRow, faults: list[Fault]) -> bool:
        """Does the definition's own `where` take this row of the first file?"""
        where = self._definition.where
        if where is None:
            return True
        item = self._item(self._definition.file, row, {}, (), faults)
        return item is not None and self._true(where, item, (), faults)

    def _item(
        self,
        file: FileSpec,
        row: FileRow,
        sources: Mapping[str, FieldSource],
        path: Path,
        faults: list[Fault],
    ) -> Item | None:
        before = len(faults)
        values = self._cells(file, row, path, faults)
        if len(faults) > before:
            return None
        item = Item(row.line, values, {})
        keys = {
            field: tuple(self._value(by, item, (*path, field), faults) for by in source.by.values())
            for field, source in sources.items()
            if isinstance(source, Find)
        }
        return Item(row.line, values, keys)

    def _cells(
        self, file: FileSpec, row: FileRow, path: Path, faults: list[Fault]
    ) -> dict[str, object]:
        values: dict[str, object] = {}
        for column, kind in file.columns.items():
            try:
                values[column] = read_cell(kind, row.columns[file.heading(column)], self._zone)
            except WrongCell as wrong:
                heading = file.heading(column)
                faults.append(
                    Fault(
                        "wrong_cell",
                        path,
                        row.line,
                        Text(
                            f"列 {heading}：{wrong.message.zh}",
                            f"column {heading}: {wrong.message.en}",
                        ),
                    )
                )
        return values

    def _fill(
        self,
        item: Item,
        sources: Mapping[str, FieldSource],
        place: tuple[str, ...],
        path: Path,
        faults: list[Fault],
    ) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for field, source in sources.items():
            if isinstance(source, Constant):
                filled[field] = source.value
            elif isinstance(source, Computed):
                filled[field] = self._value(source.value, item, (*path, field), faults)
            else:
                key = item.keys[field]
                empty = all(value is None for value in key)
                found = None if empty else self._finders[(*place, field)].get(key)
                if found is None and not empty and source.missing == "reject":
                    faults.append(_not_found(source, key, (*path, field), item.line))
                filled[field] = found
        return filled

    def _value(self, expr: Expr, item: Item, path: Path, faults: list[Fault]) -> object:
        try:
            return expr.evaluate(item.values, self._env)
        except EvalError as error:
            faults.append(Fault(error.code, path, item.line, error.message))
            return None

    def _true(self, expr: Expr | None, item: Item, path: Path, faults: list[Fault]) -> bool:
        return expr is None or self._value(expr, item, path, faults) is True


def _maps(definition: Import) -> list[tuple[tuple[str, ...], Mapping[str, FieldSource]]]:
    lines = [((name,), spec.map) for name, spec in definition.lines.items()]
    return [((), definition.map), *lines]


def _not_found(source: Find, key: Key, path: Path, line: int) -> Fault:
    looked = ", ".join(f"{n} = {v}" for n, v in zip(source.by, key, strict=True))
    return Fault(
        "nothing_found",
        path,
        line,
        Text(
            f"没有找到 {looked} 的记录（{source.target}），请先导入或核对",
            f"no {source.target} with {looked}; import it first, or correct the file",
        ),
    )
