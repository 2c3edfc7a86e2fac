"""How many values a change of type would lose: every row is converted, nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.storage.codecs import moment
from app.storage.convert import legal_change, shown
from app.storage.layout import Layout, Move, lay_out
from app.storage.manifest import Manifest, load_manifest
from app.storage.moves import compile_move, moves_between
from app.storage.ports import Reader
from forms.model import Form

PORTION = 5000
"""Rows read at a time: the whole table is never in memory."""
EXAMPLES = 5

Watch = Callable[[int], None]
"""Called now and then with the rows looked at since the last call."""


@dataclass(frozen=True, slots=True)
class Example:
    """A value that would be lost: the record it stands in, its number or title there, and the
    value as text."""

    record: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Loss:
    """What a change of type does to the values of one field; `values` are those that are there.

    `lost` would be empty in the new column, `cut` would lose their time of day. `whole` is False
    where counting stopped before the last row. `form`, `lines` and `field` are ids of the release
    in force, `old` and `new` types.
    """

    form: str
    lines: str
    field: str
    old: str
    new: str
    values: int
    lost: int
    cut: int
    whole: bool
    examples: tuple[Example, ...]


def planned_moves(
    reader: Reader, active: int, digest: str, forms: Mapping[str, Form]
) -> tuple[Manifest, int, list[Move]]:
    """The fields that publishing these forms would move to a new column, with the manifest and the
    number of the release they would make; of content that is a release already, that release's."""
    manifest = load_manifest(reader)
    known = reader.query("SELECT no FROM rf_release WHERE hash = ?", (digest,))
    if known:
        return manifest, known[0][0], moves_between(manifest, active, known[0][0])
    ((newest,),) = reader.query("SELECT coalesce(max(no), 0) FROM rf_release")
    release = int(newest) + 1
    layout = lay_out(manifest, active, release, forms)
    return _with(manifest, layout, release), release, list(layout.moves)


def _with(manifest: Manifest, layout: Layout, release: int) -> Manifest:
    """The manifest as it would be."""
    closed = set(layout.closed)
    former = (replace(e, last=release - 1) if e in closed else e for e in manifest.entries)
    return Manifest((*former, *layout.added))


def count_losses(
    reader: Reader,
    manifest: Manifest,
    release: int,
    moves: Iterable[Move],
    forms: Mapping[str, Form],
    *,
    most: int | None = None,
    watch: Watch = lambda _: None,
) -> Iterator[Loss]:
    """Count each field's losses, at most `most` rows of each (None: all). Records that are deleted
    do not count, nor those made under a release that shows the new column: these keep what they
    have there. A change that publishing refuses is left out."""
    for move in moves:
        if legal_change(move.old.type_id, move.new.type_id):
            yield _count(reader, manifest, release, move, forms, most, watch)


def _count(
    reader: Reader,
    manifest: Manifest,
    release: int,
    move: Move,
    forms: Mapping[str, Form],
    most: int | None,
    watch: Watch,
) -> Loss:
    old, new = move.old, move.new
    sql = compile_move(move, manifest, forms[new.form], release)
    alias = "t" if new.lines else "p"
    where = f"{alias}.id > ? AND {alias}.{old.column} IS NOT NULL AND p.deleted = 0"
    clips = (old.type_id, new.type_id) == ("datetime", "date")
    values = lost = cut = after = 0
    found: list[tuple[int, str]] = []
    whole = False
    while not whole and (most is None or values < most):
        limit = PORTION if most is None else min(PORTION, most - values)
        rows = reader.query(sql.select.format(where=where, limit=limit), (after,))
        for row_id, stored, currency in rows:
            value = json.loads(stored) if sql.old_json else stored
            if sql.convert(value, currency) is None:
                lost += 1
                if len(found) < EXAMPLES:
                    found.append((row_id, shown(old.type_id, value, currency)))
            elif clips and moment(value).time() != moment(0).time():
                cut += 1
        values += len(rows)
        whole = len(rows) < limit
        after = rows[-1][0] if rows else after
        watch(len(rows))
    if most is not None and not whole:
        whole = not reader.query(sql.select.format(where=where, limit=1), (after,))
    examples = _named(reader, manifest, release, move, found)
    return Loss(
        old.form,
        old.lines,
        old.field,
        old.type_id,
        new.type_id,
        values,
        lost,
        cut,
        whole,
        examples,
    )


def _named(
    reader: Reader, manifest: Manifest, release: int, move: Move, found: Sequence[tuple[int, str]]
) -> tuple[Example, ...]:
    """The records in which the rows stand, and what these are called."""
    if not found:
        return ()
    new = move.new
    head = next(
        e.table for e in manifest.release(release) if e.form == new.form and not e.lines + e.field
    )
    source, row = f"{head} AS p", "p.id"
    if new.lines:
        source, row = f"{new.table} AS t JOIN {head} AS p ON p.id = t.record_id", "t.id"
    marks = ", ".join("?" * len(found))
    rows: list[tuple[Any, ...]] = reader.query(
        f"SELECT {row}, p.id, coalesce(p.number, p.title, '') FROM {source}"
        f" WHERE {row} IN ({marks})",
        [row_id for row_id, _ in found],
    )
    names = {row_id: (record, name) for row_id, record, name in rows}
    return tuple(Example(*names[row_id], value) for row_id, value in found if row_id in names)
