"""Inside: what somebody has under way, what they bought, and what they may begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, g, render_template, url_for

from app.access.rights import rights
from app.catalog.portals import Portal
from app.records import View, inbox, list_, read
from app.records.errors import Refused
from app.web.desk.names import Names, ids_of, names_of_ids
from app.web.desk.values import moment_shown
from app.web.i18n import language
from app.web.portal.door import policies_in_words, show_door
from app.web.portal.words import row_words, text_of
from forms.model import Form, Lines
from forms.values import encode_id

MOST = 20
ORDERS = 12
AT_ONCE = 3
"""Orders that are shown; the rest can be unfolded."""
TOLD = 3
"""Rows of a record that are named in a list of records."""


@dataclass(slots=True)
class Card:
    """A record in a few words. `about`: the rows it is about; `asked`: something is wanted of the
    person."""

    title: str
    url: str = ""
    stage: str = ""
    when: str = ""
    about: str = ""
    asked: bool = False
    facts: list[tuple[str, str]] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    starts: list[tuple[str, str]] = field(default_factory=list)


def add_routes(portal: Blueprint) -> None:
    """The first page: the door, or what is inside."""
    portal.add_url_rule("/", "home", home)


def home() -> Any:
    """The first page."""
    if g.actor is None:
        return show_door()
    portal: Portal = g.portal
    orders = _orders(portal)
    return render_template(
        "portal/home.html",
        groups=[group for one in portal.start if (group := _group(one)) is not None],
        orders=orders[:AT_ONCE],
        more_orders=orders[AT_ONCE:],
        orders_label=_label(portal.identify.form),
        policies=policies_in_words(),
    )


def _label(form_id: str) -> str:
    return str(g.tenant.active().catalog.forms[form_id].label.pick(language()) or form_id)


def _group(form_id: str) -> dict[str, Any] | None:
    """A form that may be started: the button, and what was started before."""
    catalog = g.tenant.active().catalog
    held = rights(catalog, g.actor, form_id)
    cards = _under_way(catalog.forms[form_id]) if held.may("list") else []
    if not cards and not held.may("create"):
        return None
    start = url_for("portal.new_record", form_id=form_id) if held.may("create") else ""
    return {"label": _label(form_id), "start": start, "cards": cards}


def _under_way(form: Form) -> list[Card]:
    published, lang = g.tenant.active(), language()
    flow = published.catalog.flows.get(form.id)
    asked = _asked(form.id) if flow is not None else frozenset()
    found = []
    rows = list_(g.tenant, g.actor, form.id, columns=(), limit=MOST).rows
    about = _about(_views(form.id, [row["id"] for row in rows]))
    for row in rows:
        stage = str(row.get("stage") or "")
        known = flow.stages.get(stage) if flow is not None else None
        found.append(
            Card(
                str(row.get("number") or row.get("title") or form.label.pick(lang)),
                url_for("portal.record", form_id=form.id, rid=encode_id(row["id"])),
                known.label.pick(lang) if known is not None else stage,
                moment_shown(row["created_at"], published.zone),
                about=about.get(row["id"], ""),
                asked=row["id"] in asked,
            )
        )
    return found


def _asked(form_id: str) -> frozenset[int]:
    """Records in which something is wanted of the person."""
    return frozenset(one.record for one in inbox(g.tenant, g.actor, form=form_id, limit=MOST).rows)


def _about(views: Mapping[int, View]) -> dict[int, str]:
    """The first rows of each record, in a line."""
    names, found = _names(views), {}
    for rid, view in views.items():
        rows = [
            " ".join(row_words(lines, one, names, view.hidden))
            for lines in view.form.lines
            if lines.id not in view.hidden
            for one in view.row[lines.id] or ()
        ]
        told = " · ".join(text for text in rows[:TOLD] if text)
        found[rid] = f"{told} …" if told and len(rows) > TOLD else told
    return found


def _views(form_id: str, ids: Iterable[int]) -> dict[int, View]:
    """Those of some records that the person may see."""
    found = {}
    for rid in ids:
        with suppress(Refused):
            found[rid] = read(g.tenant, g.actor, form_id, rid)
    return found


def _names(views: Mapping[int, View]) -> Names:
    """What the ids in several records are called, in one go."""
    wanted: dict[str, set[int]] = {}
    for view in views.values():
        for target, ids in ids_of(view.form, view.row).items():
            wanted.setdefault(target, set()).update(ids)
    return names_of_ids(wanted)


def _orders(portal: Portal) -> list[Card]:
    """What the person bought, with the goods, and what can be started from there."""
    form_id = portal.identify.form
    held = rights(g.tenant.active().catalog, g.actor, form_id)
    if not held.may("read"):
        return []
    ids = [g.visitor.record_id]
    if held.may("list"):
        rows = list_(g.tenant, g.actor, form_id, columns=(), limit=ORDERS).rows
        ids += [row["id"] for row in rows if row["id"] != g.visitor.record_id]
    views = _views(form_id, ids)
    names = _names(views)
    return [_order(rid, view, names) for rid, view in views.items()]


def _order(rid: int, view: View, names: Names) -> Card:
    form, row = view.form, view.row
    card = Card(str(row.get("title") or row.get("number") or form.label.pick(language())))
    for name in form.list.columns:
        one = form.fields.get(name)
        if one is None or isinstance(one, Lines) or name in view.hidden:
            continue
        if one.type == "link" and one.to == g.portal.identify.contact:
            continue
        text = text_of(one, row.get(name), names)
        if text and text not in card.title:
            card.facts.append((one.label.pick(language()) or name, text))
    for lines in form.lines:
        if lines.id not in view.hidden:
            card.rows += [row_words(lines, one, names, view.hidden) for one in row[lines.id] or ()]
    card.starts = _starts(form.id, rid)
    return card


def _starts(form_id: str, rid: int) -> list[tuple[str, str]]:
    """(label, address) of forms that begin with this record."""
    catalog = g.tenant.active().catalog
    found = []
    for start in g.portal.start:
        form = catalog.forms[start]
        leads = any(
            one.to.partition(".")[0] == form_id
            for field_ in form.fields.values()
            for one in (field_.fields.values() if isinstance(field_, Lines) else (field_,))
        )
        if leads and rights(catalog, g.actor, start).may("create"):
            url = url_for("portal.new_record", form_id=start, of=encode_id(rid))
            found.append((_label(start), url))
    return found
