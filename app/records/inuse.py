"""What other records link to does not go away under them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from app.records.errors import Refused
from forms.model import Field, Row
from forms.values import Text

if TYPE_CHECKING:
    from app.records.plan import Plan
    from app.records.prepare import Context
    from app.storage.manifest import FormTables

SHOWN = 3
"""Records named in the refusal."""


def demand_unused(
    ctx: Context, row: Row, gone: Mapping[str, Collection[int]] | None = None
) -> None:
    """Raise Refused in_use where another record links to this one or to its lines.

    `gone`: lines field → ids of the rows that go, when the record itself stays. Asked just before
    the transaction: a link made in the same instant shows a record that is gone, as an old one
    does.
    """
    form = ctx.plan.live_form
    if not form:
        return
    rows = ctx.plan.form.lines
    ids: dict[str, Collection[int]] = {} if gone is not None else {form: [row["id"]]}
    if gone is None:
        gone = {lines.id: [one["id"] for one in row.get(lines.id) or ()] for lines in rows}
    today = ctx.plan.names or {}
    ids |= {f"{form}.{today.get(lines, lines)}": found for lines, found in gone.items() if found}
    held = [one for parts in _places(ctx, ids) for one in _holders(ctx, row["id"], *parts)]
    if held:
        raise _refused(ctx, held)


_UNDER_WAY = (
    "SELECT payload FROM rf_outbox WHERE form = ? AND record_id = ? AND topic = 'call'"
    " AND (status IN ('running', 'unknown', 'waiting')"
    " OR (status = 'ready' AND (attempts > 0 OR doubt > 0))) LIMIT 1"
)


def demand_settled(ctx: Context, rid: int) -> None:
    """Raise Refused in_use while an action of the record is under way: its answer would find
    nobody, and money may be on its way. One that nobody has begun goes with the record."""
    rows = ctx.tenant.db.query(_UNDER_WAY, (ctx.plan.key, rid))
    if rows:
        use = json.loads(rows[0][0])["use"]
        raise Refused(
            "in_use",
            Text(
                f"此记录的动作 {use} 尚未完成：请待其结果确定后再删除，或先在“异常”中处理。",
                f"An action of this record is under way ({use}): delete it when its outcome is"
                " known, or resolve the incident first.",
            ),
        )


def rows_gone(plan: Plan, before: Row, after: Row) -> dict[str, set[int]]:
    """Lines field → ids of the rows that a change takes away."""
    found: dict[str, set[int]] = {}
    for name in plan.sql.lines:
        left = {line["id"] for line in after.get(name) or ()}
        found[name] = {line["id"] for line in before.get(name) or ()} - left
    return {name: ids for name, ids in found.items() if ids}


def _places(
    ctx: Context, ids: Mapping[str, Collection[int]]
) -> Iterator[tuple[FormTables, str | None, Field, Collection[int]]]:
    """The fields of the release in force that lead to such records: form, lines field, field."""
    for form in ctx.published.catalog.forms.values():
        tables = ctx.published.tables.forms[form.id]
        for field in form.fields.values():
            if field.type == "link" and field.to in ids:
                yield tables, None, field, ids[field.to]
        for lines in form.lines:
            for field in lines.fields.values():
                if field.type == "link" and field.to in ids:
                    yield tables, lines.id, field, ids[field.to]


def _holders(
    ctx: Context,
    rid: int,
    tables: FormTables,
    lines: str | None,
    field: Field,
    ids: Collection[int],
) -> list[tuple[str, str]]:
    """(form, number or title) of records that hold one of the ids, but for the record itself."""
    column = (tables.columns if lines is None else tables.children[lines].columns)[field.id]
    source, own = f"{tables.table} AS r", "r"
    if lines is not None:
        source += f" JOIN {tables.children[lines].table} AS l ON l.record_id = r.id"
        own = "l"
    params: list[Any] = sorted(ids)
    if column.storage == "json":
        condition = " OR ".join([f"CAST({own}.{column.name} AS TEXT) LIKE ?"] * len(params))
        params = [f"%{one}%" for one in params]
    else:
        condition = f"{own}.{column.name} IN ({', '.join('?' * len(params))})"
    found = ctx.tenant.db.query(
        f"SELECT DISTINCT r.id, COALESCE(r.number, r.title, '') FROM {source}"
        f" WHERE r.deleted = 0 AND r.id <> ? AND ({condition}) ORDER BY r.id LIMIT {SHOWN + 1}",
        [rid, *params],
    )
    return [(tables.id, name) for _, name in found]


def _refused(ctx: Context, held: list[tuple[str, str]]) -> Refused:
    forms = ctx.published.catalog.forms
    shown = list(dict.fromkeys(held))[:SHOWN]
    more = len(set(held)) > SHOWN
    zh = "、".join(f"{forms[form].label.zh} {name}".strip() for form, name in shown)
    en = ", ".join(f"{forms[form].label.en} {name}".strip() for form, name in shown)
    return Refused(
        "in_use",
        Text(
            f"仍被引用：{zh}{'等' if more else ''}。请先修改或删除这些记录。",
            f"Still linked to from {en}{' and others' if more else ''}."
            " Change or delete those first.",
        ),
    )
