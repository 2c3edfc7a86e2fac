"""What a person may choose in the portal, as plain choices: no script is needed, and a phone is
enough. And what a page does not ask, because it is known or nobody's business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import g

from app.access.rights import rights
from app.records import Refused, Titled, choices, read, titles
from app.web.desk.fields import FieldView, SectionView, State
from app.web.portal.words import count_words
from flows.views import step_rights
from forms.model import Field, Form, Lines
from forms.values import encode_id

OFFERED = 50
MOST_ROWS = 50
SCALE = 10
"""Whole numbers that are offered one by one, if there are fewer."""


def own_links(form: Form) -> dict[str, Any]:
    """Fields that say who the person is, with the person's own record; never taken from a page."""
    contact = g.portal.identify.contact
    held = rights(g.tenant.active().catalog, g.actor, form.id)
    return {
        one.id: g.visitor.contact
        for one in form.fields.values()
        if one.type == "link" and one.to == contact and not one.many and may_fill(one, held)
    }


def not_asked(form: Form) -> set[str]:
    """Fields (dotted) a new record's page leaves out: who the person is, what is filled in or
    computed without them, and what the flow's first step hides."""
    catalog = g.tenant.active().catalog
    held = rights(catalog, g.actor, form.id)
    flow = catalog.flows.get(form.id)
    hidden = set(step_rights(flow, flow.top.entry).hide) if flow is not None else set()
    closed = {
        one.path
        for one in _all_fields(form)
        if one.formula is not None or one.readonly is True or one.path in held.readonly
    }
    return closed | hidden | set(own_links(form))


def _all_fields(form: Form) -> Iterator[Field]:
    for one in form.fields.values():
        yield one
        if isinstance(one, Lines):
            yield from one.fields.values()


def may_fill(one: Field, held: Any) -> bool:
    """Whether a field is open to the person's role at all."""
    writable = one.formula is None and one.readonly is not True
    return writable and one.path not in held.hidden and one.path not in held.readonly


def as_choices(
    form: Form,
    views: list[SectionView],
    values: Mapping[str, Any],
    *,
    skip: set[str] | frozenset[str] = frozenset(),
    rid: int | None = None,
) -> None:
    """Turn link pickers into plain choices, which need no script and suit a phone; leave out the
    fields of `skip`, and what can be seen but not filled in and is empty."""
    for section in views:
        kept = []
        for view in section.fields:
            if view.name in skip or view.type in _STAFF or _says_nothing(view):
                continue
            kept.append(view)
            _as_choice(form, view, values, None, rid)
            for index, row in enumerate(view.rows):
                for cell in row.cells:
                    _as_choice(form, cell, values, index, rid)
            if view.widget == "grid":
                _drop_columns(view, skip)
                for cell in view.blank.cells if view.blank is not None else ():
                    _as_choice(form, cell, values, None, rid)
        section.fields = kept
        section.visible = any(view.visible for view in kept)


_STAFF = ("user", "department")


def _as_scale(form: Form, view: FieldView) -> None:
    """A whole number out of few is chosen, not typed: marks from one to five, say."""
    name = f"{view.name.partition('.')[0]}.{view.column}" if view.column else view.name
    one = form.field_at(name)
    low, high = (one.min, one.max) if one is not None else (None, None)
    if isinstance(low, int) and isinstance(high, int) and 0 < high - low < SCALE:
        view.options = tuple((str(number), str(number)) for number in range(low, high + 1))
        view.widget, view.dated, view.shells = "select" if view.column else "radios", True, {}
        view.group = not view.column


def _says_nothing(view: FieldView) -> bool:
    """Whether nothing is in it and nothing can be put in: also for choices among staff, who are
    not shown to people outside."""
    if view.type in _STAFF and not view.chips:
        return True
    return view.readonly and view.widget != "grid" and not view.value and not view.chips


def _drop_columns(view: FieldView, skip: set[str] | frozenset[str]) -> None:
    """Columns nobody can fill in and that are empty in every row are only in the way; so are
    those to be left out, but for links of rows that nothing else names."""
    left = {name.partition(".")[2] for name in skip if name.startswith(f"{view.name}.")}
    for row in view.rows:
        links = [cell for cell in row.cells if cell.type == "link" and cell.value]
        if all(cell.column in left for cell in links):
            left -= {cell.column for cell in links}
    empty = {
        cell.column
        for row in ([view.blank] if view.blank is not None and not view.rows else view.rows)
        for cell in row.cells
        if _says_nothing(cell)
    }
    for row in view.rows:
        empty -= {cell.column for cell in row.cells if not _says_nothing(cell)}
    empty |= left
    view.columns = [one for one in view.columns if one.column not in empty]
    for row in [*view.rows, *([view.blank] if view.blank is not None else [])]:
        row.cells = [cell for cell in row.cells if cell.column not in empty]


def _as_choice(
    form: Form, view: FieldView, values: Mapping[str, Any], index: int | None, rid: int | None
) -> None:
    if view.type == "integer" and not view.readonly:
        _as_scale(form, view)
    if view.widget != "picker":
        return
    for chip in view.chips:
        chip.url = ""
    if view.readonly or view.many:
        return
    head = view.name.partition(".")[0]
    path = (head, view.column) if view.column else (head,)
    found = choices(g.tenant, g.actor, form.id, path, "", values, index, OFFERED, rid=rid)
    options = [(encode_id(one.id), one.title or one.number or "") for one in found]
    if isinstance(view.value, str) and view.value and view.value not in dict(options):
        options.append((view.value, view.text or view.value))
    view.widget, view.options, view.dated = "select", tuple(options), True
    view.shells = {}
    if not view.column:
        view.css += " rp-asks"


def offers_of(
    form: Form, values: Mapping[str, Any], state: State, of: int | None
) -> dict[str, list[tuple[str, str, str]]]:
    """For lines that link to the rows of what the person bought: those not taken yet, of one
    record, or of all where `of` is None."""
    order = g.portal.identify.form
    held = rights(g.tenant.active().catalog, g.actor, form.id)
    found: dict[str, list[tuple[str, str, str]]] = {}
    for lines in form.lines:
        column = next(
            (one for one in lines.fields.values()
             if one.type == "link" and one.to.startswith(f"{order}.") and may_fill(one, held)),
            None,
        )  # fmt: skip
        if column is None or not may_fill(lines, held):
            continue
        rows = state.row.get(lines.id) or ()
        taken = {row.get(column.id) for row in rows}
        offered = choices(
            g.tenant, g.actor, form.id, (lines.id, column.id), "", values, None, OFFERED
        )
        left = [one.id for one in offered if one.id not in taken]
        known = titles(g.tenant, g.actor, column.to, left)
        if len(rows) < MOST_ROWS:
            shown = [one for one in left if one in known and of in (None, known[one].record)]
            words = _how_many({known[one].record for one in shown}, column.to.partition(".")[2])
            found[lines.id] = [
                (
                    column.id,
                    encode_id(one),
                    f"{_short(known[one], of)} {words.get(one, '')}".strip(),
                )
                for one in shown
            ]
    return found


def _how_many(records: set[int], lines_id: str) -> dict[int, str]:
    """How many of each row were bought, by the row's id."""
    found: dict[int, str] = {}
    for rid in records:
        try:
            view = read(g.tenant, g.actor, g.portal.identify.form, rid)
        except Refused:
            continue
        lines = view.form.fields[lines_id]
        if isinstance(lines, Lines) and lines_id not in view.hidden:
            for line in view.row[lines_id] or ():
                found[line["id"]] = count_words(lines, line, view.hidden)
    return found


def _short(one: Titled, of: int | None) -> str:
    """What a row is called among rows of the same record."""
    return one.detail or one.title if of is not None else one.title
