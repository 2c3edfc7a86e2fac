"""The list of a form: columns, filters, sort, search, pages, CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup, escape

from app.access.rights import Rights, rights
from app.records import Refused, each, list_
from app.reports.csvfile import lines
from app.web.desk.fields import Chip
from app.web.desk.filters import Asked, FilterView, asked, filter_views
from app.web.desk.flowwords import stage_words
from app.web.desk.names import names_of_ids
from app.web.desk.timeline import target_of
from app.web.desk.values import IDS, NUMBERS, moment_shown, shown_value
from app.web.i18n import language
from forms.model import Field, Form
from forms.values import Money, encode_id

PAGE = 50
MOMENTS = frozenset({"created_at", "updated_at"})
PEOPLE = frozenset({"created_by", "updated_by"})
SYSTEM = ("number", "title", "stage", "created_at", "created_by", "updated_at", "updated_by")


@dataclass(slots=True)
class Column:
    """A column of the list. `one` is None for system names."""

    name: str
    label: str
    one: Field | None
    css: str = ""
    sort_url: str = ""
    direction: str = ""


@dataclass(slots=True)
class Page:
    """What the list template shows."""

    label: str
    url: str
    new_url: str
    flow_url: str
    inbox_url: str
    export_url: str
    q: str
    sort: str
    filters: list[FilterView]
    filtered: int
    columns: list[Column]
    rows: Markup | None = None
    problems: Sequence[str] = ()
    shown: str = ""
    first_url: str = ""
    next_url: str = ""


def add_routes(desk: Blueprint) -> None:
    """The list and its CSV."""
    desk.add_url_rule("/forms/<form_id>/", "records", show_list)
    desk.add_url_rule("/forms/<form_id>/export.csv", "export", send_csv)


def show_list(form_id: str) -> Any:
    """One page of a form's records."""
    form, held = open_list(form_id)
    lang = language()
    wish = asked(form, held.hidden, request.args)
    columns = _columns(form, held, wish, lang)
    page = Page(
        label=form.label.pick(lang) or form.id,
        url=url_for("desk.records", form_id=form_id),
        new_url=url_for("desk.new_record", form_id=form_id) if held.may("create") else "",
        flow_url=url_for("desk.flow", form_id=form_id)
        if form_id in g.tenant.active().catalog.flows
        else "",
        inbox_url=url_for("desk.inbox", form=form_id)
        if form_id in g.tenant.active().catalog.flows
        else "",
        export_url=_url("desk.export", form_id, wish) if held.may("export") else "",
        q=wish.q,
        sort=wish.sort,
        filters=filter_views(form, held.hidden, wish, lang),
        filtered=len(wish.filters) + len(wish.problems),
        columns=columns,
        problems=wish.problems,
    )
    cursor = request.args.get("after") or None
    try:
        found = list_(
            g.tenant,
            g.actor,
            form_id,
            columns=[column.name for column in columns],
            filters=wish.filters,
            sort=wish.order or None,
            search=wish.q,
            limit=PAGE,
            cursor=cursor,
        )
    except Refused as refused:
        if refused.code != "bad_request" or not request.args:
            raise
        return redirect(page.url)  # an old address: a field or a cursor that is no more
    page.rows = _rows(form_id, columns, found.rows, lang)
    page.shown = ngettext(
        "%(num)d record on this page", "%(num)d records on this page", len(found.rows)
    )
    if cursor:
        page.first_url = _url("desk.records", form_id, wish)
    if found.next and len(found.rows) == PAGE:
        page.next_url = _url("desk.records", form_id, wish, after=found.next)
    return render_template("desk/list.html", page=page)


def send_csv(form_id: str) -> Any:
    """All records of the list as it is filtered, streamed."""
    form, held = open_list(form_id)
    if not held.may("export"):
        abort(403)
    lang = language()
    wish = asked(form, held.hidden, request.args)
    columns = _columns(form, held, wish, lang)
    rows = each(
        g.tenant,
        g.actor,
        form_id,
        columns=[column.name for column in columns],
        filters=wish.filters,
        sort=wish.order or None,
        search=wish.q,
    )
    header: list[str] = []
    for column in columns:
        header.append(column.label)
        if column.one is not None and column.one.type == "money":
            header.append(_("%(column)s: currency", column=column.label))
    first = list(islice(rows, 1))  # a refusal comes here, not in the middle of a file
    told = _told(form_id, columns, chain(first, rows), lang)
    return Response(
        stream_with_context(lines(header, told)),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename={form_id}.csv"},
    )


def open_list(form_id: str) -> tuple[Form, Rights]:
    """The form in force and the reader's rights; 404 for what is not there, 403 for no list."""
    catalog = g.tenant.active().catalog
    form = catalog.forms.get(form_id)
    if form is None:
        abort(404)
    held = rights(catalog, g.actor, form_id)
    if not held.may("list"):
        abort(403)
    return form, held


def system_label(name: str) -> Any:
    """What a system name is called."""
    return {
        "number": _("Number"),
        "title": _("Title"),
        "stage": _("Stage"),
        "created_at": _("Created"),
        "created_by": _("Created by"),
        "updated_at": _("Changed"),
        "updated_by": _("Changed by"),
    }[name]


def _columns(form: Form, held: Rights, wish: Asked, lang: str) -> list[Column]:
    wanted = form.list.columns or (
        *(("number",) if form.number else ()), "title", "created_at"
    )  # fmt: skip
    found = []
    for name in wanted:
        one = form.fields.get(name)
        if name in held.hidden or (one is None and name not in SYSTEM):
            continue
        label = one.label.pick(lang) or one.id if one is not None else system_label(name)
        column = Column(name, label, one, _css(name, one))
        if one is None or not (one.many or one.type in {"file", "image", "lines"}):
            down = wish.order[:1] == ((name, False),)
            column.sort_url = _url("desk.records", form.id, wish, sort=f"-{name}" if down else name)
            if wish.order and wish.order[0][0] == name:
                column.direction = "descending" if wish.order[0][1] else "ascending"
        found.append(column)
    return found


def _css(name: str, one: Field | None) -> str:
    if one is None:
        return "rf-when" if name in MOMENTS else ""
    if one.type in NUMBERS:
        return "rf-number"
    return "rf-when" if one.type in {"date", "datetime"} else ""


def _url(endpoint: str, form_id: str, wish: Asked, **more: str) -> str:
    args: dict[str, Any] = {**wish.args, **({"sort": wish.sort} if wish.sort else {}), **more}
    return url_for(endpoint, form_id=form_id, **args)


def _rows(
    form_id: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], lang: str
) -> Markup:
    """The table's rows. The first cell leads to the record."""
    sample = "0" * 13
    before, _id, after = url_for("desk.record", form_id=form_id, rid=sample).rpartition(sample)
    show = _tellers(form_id, columns, rows, lang)
    opens = [_cell_start(column) for column in columns]
    parts: list[str] = []
    for row in rows:
        link = f'<a href="{escape(before)}{encode_id(row["id"])}{escape(after)}">'
        parts.append("<tr>")
        for place, (start, tell) in enumerate(zip(opens, show, strict=True)):
            text = tell(row)
            if place:
                parts += (start, str(escape(text)), "</td>")
            else:
                shown = escape(text or str(row.get("title") or "–"))
                parts += (start, link, str(shown), "</a></td>")
        parts.append("</tr>")
    return Markup("".join(parts))  # noqa: S704 - every value in it is escaped above


def _cell_start(column: Column) -> str:
    css = f' class="{column.css}"' if column.css else ""
    return f'<td{css} data-label="{escape(column.label)}">'


def _tellers(
    form_id: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], lang: str
) -> list[Callable[[Mapping[str, Any]], str]]:
    """For each column what puts its values into words; names are fetched once for all rows."""
    wanted: dict[str, set[int]] = {}
    for column in columns:
        target = _target(column)
        if target:
            for row in rows:
                value = row.get(column.name)
                if value is not None:
                    ids = value if isinstance(value, list | tuple) else (value,)
                    wanted.setdefault(target, set()).update(ids)
    names = names_of_ids(wanted)
    zone = g.tenant.active().zone
    flow = g.tenant.active().catalog.flows.get(form_id)
    found: list[Callable[[Mapping[str, Any]], str]] = []
    for column in columns:
        target, name = _target(column), column.name
        if target:
            found.append(_named(name, names.get(target, {})))
        elif column.one is not None:
            found.append(_valued(name, shown_value(column.one, lang, zone)))
        elif name in MOMENTS:
            found.append(_valued(name, lambda value: moment_shown(value, zone)))
        elif name == "stage":
            found.append(_valued(name, lambda value: stage_words(flow, value, lang)))
        else:
            found.append(_valued(name, str))
    return found


def _target(column: Column) -> str:
    if column.one is not None:
        return target_of(column.one) if column.one.type in IDS else ""
    return "user" if column.name in PEOPLE else ""


def _named(name: str, known: Mapping[int, Chip]) -> Callable[[Mapping[str, Any]], str]:
    def tell(row: Mapping[str, Any]) -> str:
        value = row.get(name)
        if value is None:
            return ""
        ids = value if isinstance(value, list | tuple) else (value,)
        return ", ".join(known[one].text if one in known else encode_id(one) for one in ids)

    return tell


def _valued(name: str, show: Callable[[Any], str]) -> Callable[[Mapping[str, Any]], str]:
    def tell(row: Mapping[str, Any]) -> str:
        value = row.get(name)
        return "" if value is None else show(value)

    return tell


BATCH = 500


def _told(
    form_id: str, columns: Sequence[Column], rows: Iterator[Mapping[str, Any]], lang: str
) -> Iterator[list[Any]]:
    """Rows for a file: numbers stay numbers, an amount takes two cells, names come in batches."""
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield from _batch(form_id, columns, batch, lang)
            batch = []
    yield from _batch(form_id, columns, batch, lang)


def _batch(
    form_id: str, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], lang: str
) -> Iterator[list[Any]]:
    show = _tellers(form_id, columns, rows, lang)
    for row in rows:
        cells: list[Any] = []
        for column, tell in zip(columns, show, strict=True):
            value = row.get(column.name)
            kind = column.one.type if column.one is not None else ""
            if kind == "money":
                cells += [value.amount, value.currency] if isinstance(value, Money) else ["", ""]
            elif kind in {"integer", "decimal", "percent"} and isinstance(value, int | Decimal):
                cells.append(value)
            else:
                cells.append(tell(row))
        yield cells
