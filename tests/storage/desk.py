"""A writer as simple as can be: what the use cases do, without their rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.storage.bridge import bridge
from app.storage.databases import TenantDatabase, Tx, run_again
from app.storage.manifest import ReleaseTables
from app.storage.publish import load_tables, publish
from app.storage.sqlgen import FormSql, Head, Record, compile_form_sql
from forms.expr import Env
from forms.values import Money, new_id
from tests.storage.catalogs import SmallCatalog

AT = 1_700_000_000_000_000
_NOW = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Live:
    """The active release, as a writer keeps it."""

    no: int
    epoch: int
    catalog: SmallCatalog
    tables: ReleaseTables
    sql: dict[str, FormSql]


class Desk:
    """Creates and changes records, keeps the aggregates and a bare journal."""

    def __init__(self, db: TenantDatabase) -> None:
        self.db = db
        self.catalogs: dict[int, SmallCatalog] = {}
        self._live: Live | None = None

    def publish(self, catalog: SmallCatalog, **more: Any) -> int:
        no = publish(self.db, catalog, content=catalog.content, at=AT, **more)
        self.catalogs[no] = catalog
        self._live = None
        return no

    def live(self) -> Live:
        if self._live is None:
            (state,) = self.db.query("SELECT epoch, release_no FROM rf_state")
            self._live = self.load(*state)
        return self._live

    def load(self, epoch: int, no: int) -> Live:
        catalog = self.catalogs[no]
        tables = load_tables(self.db, no, catalog)
        sql = {
            name: compile_form_sql(form, tables.forms[name]) for name, form in catalog.forms.items()
        }
        return Live(no, epoch, catalog, tables, sql)

    def create(self, form: str, row: Mapping[str, Any], **head: Any) -> int:
        """Write a new record under the active release; its id."""

        def work() -> int:
            for _ in range(3):
                live = self.live()
                with self.db.write() as tx:
                    epoch, _ = tx.state()
                    if epoch == live.epoch:
                        return self._insert(tx, live, form, row, head)
                self._live = None
            raise AssertionError("the release keeps changing")

        return run_again(work)

    def change(self, form: str, rid: int, **values: Any) -> None:
        """Change fields of a record under its own release; `deleted`, `stage` go to the head."""

        def work() -> None:
            live = self.live()
            with self.db.write() as tx:
                epoch, _ = tx.state()
                if epoch == live.epoch:
                    return self._update(tx, live, form, rid, values)
            self._live = None
            return self.change(form, rid, **values)

        run_again(work)

    def read(self, form: str, rid: int) -> Record:
        """The record under its own release."""
        live = self.live()
        ((no,),) = self.db.query(
            f"SELECT release_no FROM {live.tables.forms[form].table} WHERE id = ?", (rid,)
        )
        own = self.load(live.epoch, no)
        name = own.tables.form_of(live.tables.forms[form].key).id
        return own.sql[name].read(self.db, [rid])[rid]

    def _insert(
        self, tx: Tx, live: Live, form: str, row: Mapping[str, Any], head: Mapping[str, Any]
    ) -> int:
        sql, rid = live.sql[form], new_id()
        lines = {
            name: [{"id": new_id(), **line} for line in row.get(name) or ()] for name in sql.lines
        }
        made = Head(
            **{
                **dict.fromkeys(Head._fields),
                "id": rid,
                "version": 1,
                "release_no": live.no,
                "currency": row.get("currency") or "CNY",
                "journal_seq": 1,
                "created_at": AT,
                "updated_at": AT,
                "deleted": 0,
                **head,
            }
        )
        tx.queue(sql.insert, sql.insert_values(made, row))
        for name, rows in lines.items():
            for statement in sql.lines[name].insert(rid, rows):
                tx.queue(*statement)
        after = {**row, **lines, "id": rid, "stage": made.stage}
        self._totals(tx, live, form, None, after, made.currency)
        self._journal(tx, live, form, rid, 1)
        return rid

    def _update(self, tx: Tx, live: Live, form: str, rid: int, values: dict[str, Any]) -> None:
        home = live.tables.forms[form]
        ((no,),) = tx.execute(f"SELECT release_no FROM {home.table} WHERE id = ?", (rid,))
        own = live if no == live.no else self.load(live.epoch, no)
        old_id = own.tables.form_of(home.key).id
        old_form = own.catalog.forms[old_id]
        over = bridge(old_form, own.tables.forms[old_id], live.catalog.forms[form], home)
        sql = compile_form_sql(old_form, own.tables.forms[old_id], over)
        before = sql.read(tx, [rid])[rid]
        heads = {k: values.pop(k) for k in ("stage", "deleted", "title") if k in values}
        row = {**before.row, **heads, **values}
        head = before.head._replace(
            version=before.head.version + 1, journal_seq=before.head.journal_seq + 1, **heads
        )
        got = tx.execute(sql.update, sql.update_values(head, row, before.head.version))
        assert got == [(head.version,)]
        for name, lines in sql.lines.items():
            kept = row[name]
            gone = {r["id"] for r in before.row[name]} - {r["id"] for r in kept}
            for statement in lines.put(rid, list(enumerate(kept))):
                tx.queue(*statement)
            for statement in lines.delete(rid, sorted(gone)):
                tx.queue(*statement)
        was = None if before.head.deleted else over.row(before.row, head.currency)
        now = None if head.deleted else over.row(row, head.currency)
        self._totals(tx, live, form, was, now, head.currency)
        self._journal(tx, live, form, rid, head.journal_seq)

    def _totals(self, tx, live, form, before, after, currency) -> None:
        env = Env(_NOW, currency=currency)
        for aggregate in live.catalog.aggregates.values():
            home = live.tables.aggregates[aggregate.id]
            deltas: dict[int, dict[str, int]] = {}
            for measure in aggregate.measures.values():
                column = home.columns[measure.id]
                for sign, row in ((-1, before), (1, after)):
                    if row is None or not measure.source.startswith(form):
                        continue
                    for key, value in _shares(measure, row, env):
                        mine = deltas.setdefault(key, {})
                        mine[column] = mine.get(column, 0) + sign * value
            for key in sorted(deltas):
                names = list(deltas[key])
                marks = ", ".join("?" * (2 + len(names)))
                sets = ", ".join(f"{n} = rf_aggregate.{n} + excluded.{n}" for n in names)
                tx.queue(
                    f"INSERT INTO rf_aggregate (aggregate, key, {', '.join(names)})"
                    f" VALUES ({marks}) ON CONFLICT (aggregate, key) DO UPDATE SET {sets}",
                    (home.name, key, *deltas[key].values()),
                )

    def _journal(self, tx: Tx, live: Live, form: str, rid: int, seq: int) -> None:
        tx.queue(
            "INSERT INTO rf_journal (form, record_id, seq, at, actor_name, via, act, release_no,"
            " changes, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                live.tables.forms[form].key,
                rid,
                seq,
                AT,
                "t",
                "web",
                "save",
                live.no,
                "{}",
                b"",
                b"",
            ),
        )


def _shares(measure: Any, row: Mapping[str, Any], env: Env) -> list[tuple[int, int]]:
    _, _, lines = measure.source.partition(".")
    rows = row.get(lines) or () if lines else (row,)
    env.parent = row if lines else None
    found = []
    for each in rows:
        if measure.where is not None and not measure.where.evaluate(each, env):
            continue
        key = each["id"] if measure.by is None else each.get(measure.by)
        value = 1 if measure.sum is None else measure.sum.evaluate(each, env)
        if key is None or value is None:
            continue
        if isinstance(value, Money):
            value = value.amount
        found.append((key, int(Decimal(value).scaleb(measure.scale))))
    return found
