"""The work of a publication's backfill: columns of retyped fields, and new aggregates.

Every record's share in a new aggregate is remembered while it is filled. A record that changed
meanwhile (the journal tells) gives its share back and adds what it is now, so the sums are exact
however many writers were at work; doing it once too often changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.storage import journaltail
from app.storage.aggregates import AggregateSql, MeasureSql, compile_aggregate
from app.storage.layout import Move
from app.storage.manifest import ReleaseTables, load_manifest, tables_of
from app.storage.moves import MoveSql, compile_move, fill_batch, moves_between, refill
from app.storage.ports import Reader, TenantDatabase, Tx
from app.storage.publication import Definitions, Publication
from app.storage.sqlgen import marks

Detail = Mapping[str, Any]
Batch = Callable[[Tx], Detail]

PASSES = 6
FEW = 50
_RECORDS = 100
_PORTION = 200

_REMEMBER = (
    "INSERT INTO rf_scratch (name, measure, record_id, key, value, currency)"
    " SELECT CAST(? AS TEXT), CAST(? AS BIGINT), r.record_id, r.key,"
    " CAST(coalesce(sum(r.value), 0) AS BIGINT), min(r.currency)"
    " FROM ({select}) AS r GROUP BY r.record_id, r.key"
)
_ADD = (
    "INSERT INTO rf_aggregate (aggregate, key, {column}, currency)"
    " SELECT CAST(? AS TEXT), s.key, CAST({sign}sum(s.value) AS BIGINT), min(s.currency)"
    " FROM rf_scratch AS s WHERE s.name = ? AND s.measure = ? AND {scope}"
    " GROUP BY s.key ORDER BY s.key"
    " ON CONFLICT (aggregate, key) DO UPDATE SET"
    " {column} = rf_aggregate.{column} + excluded.{column},"
    " currency = coalesce(rf_aggregate.currency, excluded.currency)"
)


@dataclass(frozen=True, slots=True)
class Work:
    """What has to be filled for one publication."""

    db: TenantDatabase
    release: int
    moves: tuple[tuple[Move, MoveSql], ...]
    sets: Mapping[str, AggregateSql]
    """New aggregates by the name under which they are filled."""
    kept: tuple[str, ...]
    keys: tuple[str, ...]
    """The journal's names of all forms."""

    def mark(self) -> int:
        """See `journaltail.mark`."""
        return journaltail.mark(self.db, self.db.dialect)

    def changed(self, reader: Reader, detail: Detail) -> list[int]:
        """The records changed since the last round."""
        if not self.moves and not self.sets:
            return []
        return journaltail.changed_since(reader, self.db.dialect, detail["since"], self.keys)

    def next_batch(self, detail: Detail) -> Batch | None:
        """The next piece of work, to be done in the transaction that notes it down."""
        if "since" not in detail:
            since = self.mark()
            return lambda tx: self._begin(tx, detail, since)
        done = detail["done"]
        for move, sql in self.moves:
            if done.get(sql.name) != "all":
                return lambda tx: self._move(tx, detail, move, sql)
        for name, shape in self.sets.items():
            for at, measure in enumerate(shape.measures):
                if done.get(f"{name} {at}") != "all":
                    return lambda tx: self._measure(tx, detail, name, at, measure)
        return None

    def again(self, tx: Tx, record_ids: Sequence[int]) -> None:
        """Bring some records' columns and shares up to date."""
        for _, sql in self.moves:
            refill(tx, sql, record_ids)
        inside = marks(len(record_ids))
        ids = tuple(record_ids)
        for name, shape in self.sets.items():
            for at, measure in enumerate(shape.measures):
                scope = f"s.record_id IN ({inside})"
                tx.queue(_add(measure, scope, "-"), (name, name, at, *ids))
                tx.queue(
                    "DELETE FROM rf_scratch WHERE name = ? AND measure = ?"
                    f" AND record_id IN ({inside})",
                    (name, at, *ids),
                )
                self._count(tx, name, at, measure, f"p.id IN ({inside})", ids)
                tx.queue(_add(measure, scope), (name, name, at, *ids))

    def adopt(self, tx: Tx) -> None:
        """From here on writers keep the new aggregates, and no longer those left out."""
        names = (*self.kept, *self.sets)
        inside = f"name IN ({marks(len(names))})" if names else "1 = 0"
        tx.queue(f"UPDATE rf_aggregate_set SET stale = 1 WHERE NOT ({inside})", names)
        tx.queue(f"UPDATE rf_aggregate_set SET stale = 0 WHERE {inside}", names)

    def _begin(self, tx: Tx, detail: Detail, since: int) -> Detail:
        for name, shape in self.sets.items():
            tx.queue(
                "INSERT INTO rf_aggregate_set (name, aggregate, fingerprint, first_release, stale)"
                " VALUES (?, ?, ?, ?, 1)",
                (name, shape.id, shape.fingerprint, self.release),
            )
        return {**detail, "since": since, "sets": list(self.sets), "done": {}}

    def _move(self, tx: Tx, detail: Detail, move: Move, sql: MoveSql) -> Detail:
        after = detail["done"].get(sql.name, 0)
        last = fill_batch(tx, sql, bool(move.new.lines), after)
        return _noted(detail, sql.name, last)

    def _measure(self, tx: Tx, detail: Detail, name: str, at: int, measure: MeasureSql) -> Detail:
        after = detail["done"].get(f"{name} {at}", 0)
        rows = tx.execute(
            f"SELECT id FROM {measure.head} WHERE id > ? ORDER BY id LIMIT {_RECORDS}", (after,)
        )
        if rows:
            last = rows[-1][0]
            self._count(tx, name, at, measure, "p.id > ? AND p.id <= ?", (after, last))
            scope = "s.record_id > ? AND s.record_id <= ?"
            tx.queue(_add(measure, scope), (name, name, at, after, last))
        more = int(rows[-1][0]) if len(rows) == _RECORDS else None
        return _noted(detail, f"{name} {at}", more)

    def _count(
        self,
        tx: Tx,
        name: str,
        at: int,
        measure: MeasureSql,
        scope: str,
        params: tuple[Any, ...],
    ) -> None:
        text = _REMEMBER.format(select=measure.select.format(scope=scope))
        tx.queue(text, (name, at, *measure.params, *params))


def plan_work(db: TenantDatabase, publication: Publication, catalog: Definitions) -> Work:
    """Find out what a publication has to fill; the same each time it is asked."""
    manifest = load_manifest(db)
    release = publication.release
    tables = ReleaseTables(release, tables_of(manifest.release(release)))
    found = moves_between(manifest, publication.from_release, release)
    compiled = tuple(
        (move, compile_move(move, manifest, catalog.forms[move.new.form], release))
        for move in found
    )
    sets, kept = _new_sets(db, publication, catalog, tables)
    keys = tuple(sorted({e.type_id for e in manifest.entries if not e.field and not e.lines}))
    return Work(db, release, compiled, sets, kept, keys)


def _new_sets(
    db: TenantDatabase, publication: Publication, catalog: Definitions, tables: ReleaseTables
) -> tuple[dict[str, AggregateSql], tuple[str, ...]]:
    rows = db.query("SELECT name, aggregate, fingerprint, stale, dropped_at FROM rf_aggregate_set")
    taken = {row[0] for row in rows}
    mine = set(publication.detail.get("sets", ()))
    current = {(row[1], row[2]): row[0] for row in rows if not row[3] and row[4] is None}
    begun = {(row[1], row[2]): row[0] for row in rows if row[0] in mine}
    sets: dict[str, AggregateSql] = {}
    kept: list[str] = []
    for aggregate in catalog.aggregates.values():
        shape = compile_aggregate(aggregate, catalog.forms, tables, db.dialect)
        same = (shape.id, shape.fingerprint)
        if same in begun:
            sets[begun[same]] = shape
        elif same in current:
            kept.append(current[same])
        else:
            sets[_unused(shape.id, taken)] = shape
    return sets, tuple(kept)


def portions(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """Records a transaction takes at once."""
    for at in range(0, len(ids), _PORTION):
        yield ids[at : at + _PORTION]


def forget(tx: Tx, detail: Detail) -> None:
    """Undo what an abandoned publication filled."""
    for name in detail.get("sets", ()):
        tx.queue("DELETE FROM rf_aggregate WHERE aggregate = ?", (name,))
        tx.queue("UPDATE rf_aggregate_set SET dropped_at = 1 WHERE name = ?", (name,))
    tx.queue("DELETE FROM rf_scratch")


def clean(db: TenantDatabase) -> None:
    """Remove the shares, and the values of aggregates nobody keeps up any more."""
    db.execute_now("DELETE FROM rf_scratch")
    stale = "SELECT name FROM rf_aggregate_set WHERE stale = 1 AND dropped_at IS NULL"
    for (name,) in db.query(stale):
        sql = (
            "DELETE FROM rf_aggregate WHERE aggregate = ? AND key IN"
            " (SELECT key FROM rf_aggregate WHERE aggregate = ? LIMIT 2000) RETURNING key"
        )
        while db.execute_now(sql, (name, name)):
            pass
        db.execute_now("UPDATE rf_aggregate_set SET dropped_at = 1 WHERE name = ?", (name,))


def _add(measure: MeasureSql, scope: str, sign: str = "") -> str:
    return _ADD.format(column=measure.column, sign=sign, scope=scope)


def _noted(detail: Detail, name: str, last: int | None) -> Detail:
    done = {**detail["done"], name: "all" if last is None else last}
    return {**detail, "done": done}


def _unused(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}#{number}"
    taken.add(candidate)
    return candidate
