"""A record with its lines, and whatever else belongs to it, in one statement.

The parts come back as rows of (part, place, values as a JSON list), so that a transition needs one
read where it would need one a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.storage.ports import Dialect, Params, Reader

if TYPE_CHECKING:
    from app.storage.sqlgen import FormSql, Record

JSON_LIST: Mapping[Dialect, str] = {"sqlite": "json_array", "postgres": "json_build_array"}
"""The database's function that makes a JSON list."""
_HEX = {"sqlite": "hex({})", "postgres": "encode({}, 'hex')"}
_ARGUMENTS = 90
"""Values in one list: PostgreSQL's functions take a hundred arguments."""
_BINARY = "journal_head"

RECORD = -1
"""The part that is the record's row; lines tables follow from 0 in the form's order."""

Found = dict[str, list[list[Any]]]
"""Part → its rows, each a list of values."""


def json_list(dialect: Dialect, columns: Sequence[str]) -> str:
    """SQL of a JSON text with the columns' values, in lists of at most ninety."""
    lists = [
        f"{JSON_LIST[dialect]}({', '.join(columns[at : at + _ARGUMENTS])})"
        for at in range(0, len(columns), _ARGUMENTS)
    ]
    return f"CAST({JSON_LIST[dialect]}({', '.join(lists)}) AS TEXT)"


def unpacked(text: str) -> list[Any]:
    """The values of such a text."""
    return [value for part in json.loads(text) for value in part]


def read_whole(
    reader: Reader,
    dialect: Dialect,
    form: FormSql,
    record_id: int,
    others: Mapping[str, tuple[str, Params]],
    prefix: tuple[str, Params] = ("", ()),
) -> tuple[Record | None, Found]:
    """One record with its lines, and rows of other tables beside it.

    `others`: name → (SELECT of one JSON text, its parameters); `prefix` is a WITH clause they may
    use. None where there is no such record.
    """
    texts, params = [form.whole(dialect)], [*prefix[1], *(record_id,) * (1 + len(form.lines))]
    for at, (text, used) in enumerate(others.values(), len(form.lines)):
        texts.append(f"SELECT {at}, 0, x.found FROM ({text}) AS x")
        params += used
    rows = reader.query(f"{prefix[0]} {' UNION ALL '.join(texts)}".strip(), params)
    record = None
    lines: list[list[tuple[int, str]]] = [[] for _ in form.lines]
    found: Found = {name: [] for name in others}
    names = list(others)
    for part, place, text in rows:
        if part == RECORD:
            record = form.decode(_bytes(unpacked(text), form.binary_at))
        elif part < len(lines):
            lines[part].append((place, text))
        else:
            found[names[part - len(lines)]].append(unpacked(text))
    if record is not None:
        _put_lines(form, record, lines)
    return record, found


def whole_text(
    dialect: Dialect, table: str, names: Iterable[str], children: Iterable[tuple[str, list[str]]]
) -> str:
    """The SELECTs of a form's table and its lines tables; each takes the record's id."""
    columns = [_HEX[dialect].format(name) if name == _BINARY else name for name in names]
    texts = [f"SELECT {RECORD}, 0, {json_list(dialect, columns)} FROM {table} WHERE id = ?"]
    for at, (child, wanted) in enumerate(children):
        values = json_list(dialect, ["id", "record_id", "position", *wanted])
        texts.append(f"SELECT {at}, position, {values} FROM {child} WHERE record_id = ?")
    return " UNION ALL ".join(texts)


def _bytes(values: list[Any], at: int) -> list[Any]:
    if values[at] is not None:
        values[at] = bytes.fromhex(values[at])
    return values


def _put_lines(form: FormSql, record: Record, lines: list[list[tuple[int, str]]]) -> None:
    for sql, rows in zip(form.lines.values(), lines, strict=True):
        decoded = [(place, unpacked(text)) for place, text in rows]
        decoded.sort(key=lambda one: (one[0], one[1][0]))
        record.row[sql.id] = [sql.decode(raw, record.head.currency) for _, raw in decoded]
