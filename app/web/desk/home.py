"""The first page: the forms one may open, with how many records each has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, render_template, url_for

from app.access.rights import rights
from app.catalog.model import Dashboard
from app.records import count
from app.records.inbox import inbox
from app.web.desk.boards import readable_dashboards, readable_tiles
from app.web.desk.inbox import Line, lines_of
from app.web.i18n import language

MANY = 1000
FIRST = 5


@dataclass(frozen=True, slots=True)
class Card:
    """One form on the first page."""

    label: str
    help: str
    count: str | None
    list_url: str
    new_url: str


def add_routes(desk: Blueprint) -> None:
    """The first page."""
    desk.add_url_rule("/", "home", show_home)


def show_home() -> Any:
    """Forms and dashboards."""
    catalog, lang = g.tenant.active().catalog, language()
    cards = []
    for form in catalog.forms.values():
        held = rights(catalog, g.actor, form.id)
        if not (held.may("list") or held.may("create")):
            continue
        where = {"form_id": form.id}
        number = None
        if held.may("list"):
            found = count(g.tenant, g.actor, form.id, cap=MANY)
            number = f"{MANY:,}+" if found > MANY else f"{found:,}"
        cards.append(
            Card(
                form.label.pick(lang) or form.id,
                form.help.pick(lang),
                number,
                url_for("desk.records", **where) if held.may("list") else "",
                url_for("desk.new_record", **where) if held.may("create") else "",
            )
        )
    boards = [_board(one, lang) for one in readable_dashboards(catalog, g.actor)]
    return render_template("desk/home.html", cards=cards, dashboards=boards, work=_work(lang))


def _work(lang: str) -> list[Line]:
    """What is to do first."""
    if not g.tenant.active().catalog.flows:
        return []
    return lines_of(inbox(g.tenant, g.actor, limit=FIRST), "todo", lang)


def _board(board: Dashboard, lang: str) -> dict[str, Any]:
    """A dashboard on the first page: its tiles fetch themselves once the page stands."""
    return {
        "label": board.label.pick(lang) or board.id,
        "url": url_for("desk.dashboard", board_id=board.id),
        "tiles": [
            {"size": one.size, "url": url_for("desk.tile", board_id=board.id, tile_id=one.id)}
            for one in readable_tiles(board)
        ],
    }
