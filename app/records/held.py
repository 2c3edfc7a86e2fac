"""What a record's rules will look at, read along with the record: the rows its links lead to, and
the totals kept under them.

Who fills something in would otherwise cause a second read. What the record does not hold yet is
asked for afterwards, as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.records.deltas import measured
from app.storage.manifest import Column, FormTables
from app.storage.ports import Params
from app.storage.whole import JSON_LIST, Found, json_list
from forms.compile_plan import TablePlan
from forms.model import Form

if TYPE_CHECKING:
    from app.records.prepare import Context

_ROWS, _TOTALS = "rows:", "totals:"


@dataclass(frozen=True, slots=True)
class Held:
    """Where a form's records keep ids: SELECTs of them, each taking the record's id.

    `links`: target → SELECTs, of links that some expression follows; `totals`: aggregate → SELECTs.
    """

    links: Mapping[str, tuple[str, ...]]
    totals: Mapping[str, tuple[str, ...]]


def held_by(form: Form, tables: FormTables) -> Held:
    """What the records of a form hold."""
    links: dict[str, list[str]] = {}
    totals: dict[str, list[str]] = {}
    for table, source, columns in _tables(form, tables):
        for link in table.links:
            column = columns.get(link.field.id)
            if link.reads and not link.many and column and not link.target.startswith("@"):
                links.setdefault(link.target, []).append(f"SELECT h.{column.name} {source}")
        for aggregate, key in table.aggregates:
            column = columns.get(key)
            if key == "id" or (column and not table.fields[key].many):
                name = column.name if column else "id"
                totals.setdefault(aggregate, []).append(f"SELECT h.{name} {source}")
    return Held(
        {target: tuple(found) for target, found in links.items()},
        {aggregate: tuple(found) for aggregate, found in totals.items()},
    )


def _tables(
    form: Form, tables: FormTables
) -> Iterator[tuple[TablePlan, str, Mapping[str, Column]]]:
    yield form.plan.header, f"FROM {tables.table} AS h WHERE h.id = ?", tables.columns
    for name, table in form.plan.lines.items():
        child = tables.children[name]
        yield table, f"FROM {child.table} AS h WHERE h.record_id = ?", child.columns


def beside(ctx: Context, rid: int) -> dict[str, tuple[str, Params]]:
    """SELECTs for `read_whole`, of what the record `rid` holds."""
    dialect, held = ctx.tenant.db.dialect, ctx.plan.held
    found: dict[str, tuple[str, Params]] = {}
    for target_id, chosen in held.links.items():
        target = ctx.release.target(target_id)
        sqls = [target.names[name].sql for name in _names(ctx, target_id)]
        columns = ["t.id", f"{target.record}.currency", *sqls]
        text = json_list(dialect, [one.replace("{json}", JSON_LIST[dialect]) for one in columns])
        source = f"{target.source} WHERE t.id IN ({' UNION '.join(chosen)})"
        found[_ROWS + target_id] = (f"SELECT {text} AS found FROM {source}", (rid,) * len(chosen))
    for aggregate, chosen in held.totals.items():
        kept = ctx.published.kept_for(ctx.release, aggregate)
        if kept is None:
            continue
        measures = [f"t.m{at}" for at in range(len(kept.aggregate.measures))]
        text = json_list(dialect, ["t.key", "t.currency", *measures])
        found[_TOTALS + aggregate] = (
            f"SELECT {text} AS found FROM rf_aggregate AS t"
            f" WHERE t.aggregate = ? AND t.key IN ({' UNION '.join(chosen)})",
            (kept.stored, *(rid,) * len(chosen)),
        )
    return found


def take_beside(ctx: Context, found: Found) -> None:
    """Put what `beside` found where expressions look for it."""
    env: Any = ctx.env
    for part, rows in found.items():
        if part.startswith(_ROWS):
            target_id = part.removeprefix(_ROWS)
            target, names = ctx.release.target(target_id), _names(ctx, target_id)
            known = env.links.setdefault(target_id, {})
            for row_id, currency, *values in rows:
                known[row_id] = {**target.read(names, values, currency), "id": row_id}
        elif part.startswith(_TOTALS):
            aggregate = part.removeprefix(_TOTALS)
            measures = ctx.published.kept[aggregate].aggregate.measures
            totals = env.aggregates.setdefault(aggregate, {})
            for key, currency, *amounts in rows:
                totals[key] = measured(measures, amounts, currency or env.currency)


def _names(ctx: Context, target_id: str) -> list[str]:
    """What is read of a target's rows."""
    reads = ctx.plan.form.plan.reads.get(target_id, frozenset())
    return sorted(ctx.release.target(target_id).names.keys() & reads)
