"""Reports as one reader may see them: for pages, files and letters alike."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.access.actor import Actor
from app.access.rights import Rights, rights
from app.catalog.model import Catalog, Column, Report
from app.records.choose import candidates, titles
from app.records.errors import forbidden
from app.reports.behind import Behind, Spot, rows_behind
from app.reports.filters import Directory, Named
from app.reports.result import Result
from app.reports.run import run
from app.reports.seeing import readable, shown_behind
from app.reports.sql import Source
from app.reports.words import ids_in
from forms.expr import Expr
from forms.values import Text, encode_id

if TYPE_CHECKING:
    from app.records.tenant import Tenant

UNSEEN = Text("您无权查看", "not visible to you")
"""What stands for the title of a record that is not the reader's to see."""

_WHAT = {
    "list": Text("查看此报表", "read this report"),
    "export": Text("把此报表导出为文件", "take this report away as a file"),
}


def may_read(tenant: Tenant, actor: Actor, report: Report) -> bool:
    """Whether the actor may see a report: the lists of its forms, and every field it reads."""
    return readable_by(tenant.active().catalog, actor, report)


def readable_by(catalog: Catalog, actor: Actor, report: Report) -> bool:
    """`may_read` in a release's catalog."""

    def held(form_id: str) -> Rights:
        return rights(catalog, actor, form_id)

    return readable(
        catalog,
        report,
        lambda form_id: held(form_id).rows("list"),
        lambda form_id: held(form_id).hidden,
    )


def may_export(tenant: Tenant, actor: Actor, report: Report) -> bool:
    """Whether the actor may have a report as a file. A file of records is an export, also where a
    report lists them; a file of totals is none."""
    return exportable_by(tenant.active().catalog, actor, report)


def exportable_by(catalog: Catalog, actor: Actor, report: Report) -> bool:
    """`may_export` in a release's catalog."""
    held = rights(catalog, actor, report.source.partition(".")[0])
    allowed = not lists_records(report) or held.may("export")
    return allowed and readable_by(catalog, actor, report)


def lists_records(report: Report) -> bool:
    """Whether a report lists rows instead of counting them."""
    return not report.group and not report.measures


def run_report(
    tenant: Tenant,
    actor: Actor,
    report: Report,
    chosen: Mapping[str, Any] | None = None,
    *,
    file: bool = False,
) -> Result:
    """A report over the rows the actor may list (for a `file` of records: may export).

    `chosen` as `app.reports.filters.read` gives it. Raises Refused forbidden.
    """
    allowed = may_export if file else may_read
    if not allowed(tenant, actor, report):
        raise forbidden(_WHAT["export" if file else "list"])
    action = "export" if file and lists_records(report) else "list"
    return run(
        _source(tenant, actor), tenant.db.query, report, _rows_of(tenant, actor, action), chosen
    )


def columns_behind(tenant: Tenant, actor: Actor, report: Report) -> tuple[Column, ...]:
    """What the actor may be shown of the rows behind the report's numbers; none: no way there."""
    return shown_to(tenant.active().catalog, actor, report)


def shown_to(catalog: Catalog, actor: Actor, report: Report) -> tuple[Column, ...]:
    """`columns_behind` in a release's catalog."""
    return shown_behind(catalog, report, lambda form_id: rights(catalog, actor, form_id).hidden)


def run_behind(
    tenant: Tenant,
    actor: Actor,
    report: Report,
    chosen: Mapping[str, Any],
    spot: Spot,
    *,
    limit: int,
    offset: int = 0,
    file: bool = False,
) -> Behind:
    """The rows behind a number, of those the actor may list (for a `file`: may export). Raises
    Refused forbidden, also for a report whose rows are not shown."""
    columns = columns_behind(tenant, actor, report)
    form_id = report.source.partition(".")[0]
    held = rights(tenant.active().catalog, actor, form_id)
    action = "export" if file else "list"
    if not (columns and may_read(tenant, actor, report) and held.may(action)):
        raise forbidden(_WHAT[action])
    return rows_behind(
        _source(tenant, actor),
        tenant.db.query,
        report,
        _rows_of(tenant, actor, action),
        chosen,
        spot,
        columns,
        limit,
        offset,
    )


def directory(tenant: Tenant, actor: Actor) -> Directory:
    """What the actor may see of what links lead to: for the filters of reports."""

    def known(target: str, ids: Collection[int]) -> list[Named]:
        form_id = target.partition(".")[0]
        if not target.startswith("@") and form_id not in tenant.active().catalog.forms:
            return []
        return [Named(rid, one.title) for rid, one in titles(tenant, actor, target, ids).items()]

    def find(target: str, text: str, most: int) -> list[Named]:
        return [
            Named(one.id, one.title or one.number or "")
            for one in candidates(tenant, actor, target, text, most)
        ]

    return Directory(known, find)


def names_in(tenant: Tenant, actor: Actor, result: Result, lang: str) -> dict[str, dict[int, str]]:
    """What the ids of a result are called, by target; what the actor may not read has no name."""
    found = {}
    for target, ids in ids_in(result).items():
        people = target in ("user", "department")
        known = titles(tenant, actor, f"@{target}" if people else target, ids)
        found[target] = {
            each: (known[each].title or encode_id(each)) if each in known else UNSEEN.pick(lang)
            for each in ids
        }
    return found


def _source(tenant: Tenant, actor: Actor) -> Source:
    published = tenant.active()
    env = published.env(tenant.now(), actor.user_id)
    return Source(published.catalog, published.tables, tenant.db.dialect, env)


def _rows_of(tenant: Tenant, actor: Actor, action: str) -> Any:
    catalog = tenant.active().catalog

    def rows_of(form_id: str) -> Sequence[Expr] | None:
        return rights(catalog, actor, form_id).rows(action)

    return rows_of
