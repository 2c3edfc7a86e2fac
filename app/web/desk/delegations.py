"""Who stands in for oneself, from when to when, and for whom one stands in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from flask import Blueprint, abort, flash, g, make_response, redirect, render_template, request
from flask import url_for as address

from app.access.users import user_names
from app.records import (
    Delegation,
    Refused,
    delegable,
    delegate,
    delegations,
    deputies,
    deputy,
    end_delegation,
    standing_in,
)
from app.records.delegations import OVER
from app.web.delegating import (
    BadDay,
    days_of,
    first_moment,
    moment_after,
    no_day,
    person_typed,
    scope_words,
)
from app.web.i18n import gettext as _
from app.web.i18n import language
from forms.values import decode_id, encode_id

FIELDS = ("to_user", "starts_at", "ends_at", "form")


@dataclass(frozen=True, slots=True)
class Line:
    """A delegation in words. `state`: planned, active or over."""

    id: str
    person: str
    period: str
    scope: str
    state: str


def add_routes(desk: Blueprint) -> None:
    """The page, a new delegation, and the end of one."""
    desk.add_url_rule("/delegations", "delegations", show_delegations)
    desk.add_url_rule("/delegations", "delegate", add_delegation, methods=["POST"])
    desk.add_url_rule("/delegations/end", "end_delegation", end_one, methods=["POST"])


def show_delegations() -> Any:
    """Who stands in, for whom one does, and a form for another."""
    return _page({"starts_at": g.tenant.now().astimezone(_zone()).date().isoformat()})


def add_delegation() -> Any:
    """Let somebody stand in; what is wrong comes back at its input."""
    typed = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        delegate(
            g.tenant,
            g.actor,
            deputy(g.tenant, g.actor, person_typed(typed["to_user"])),
            form=typed["form"] or None,
            starts_at=first_moment(typed["starts_at"], "starts_at", _zone()),
            ends_at=moment_after(typed["ends_at"], "ends_at", _zone()),
        )
    except BadDay as wrong:
        return _page(typed, {wrong.field: no_day().pick(language())})
    except Refused as refused:
        if refused.code != "invalid":
            raise
        said = refused.message.pick(language())
        return _page(typed, {one.path[0]: said for one in refused.details} or {"to_user": said})
    flash(_("From now on this person stands in as you said."), "success")
    return redirect(address("desk.delegations"))


def end_one() -> Any:
    """End one of one's own."""
    try:
        key = decode_id(request.form.get("delegation", ""))
    except ValueError:
        abort(404)
    if all(one.id != key for one in delegations(g.tenant, g.actor)):
        abort(404)
    end_delegation(g.tenant, g.actor, key)
    flash(_("It has ended; what comes from now on is yours again."), "success")
    return redirect(address("desk.delegations"))


def period_words(one: Delegation, zone: tzinfo) -> str:
    """From when to when."""
    first, last = days_of(one, zone)
    if first and last:
        return _("%(first)s to %(last)s", first=first, last=last)
    if first:
        return _("from %(first)s until it is ended", first=first)
    return _("until %(last)s", last=last) if last else _("until it is ended")


def _zone() -> tzinfo:
    zone: tzinfo = g.tenant.active().zone
    return zone


def _lines(found: Iterable[Delegation], person: str) -> list[Line]:
    lang, now, zone = language(), g.tenant.now(), _zone()
    shown = list(found)
    names = user_names(g.db, [getattr(one, person) for one in shown])
    return [
        Line(
            encode_id(one.id),
            names.get(getattr(one, person), "–"),
            period_words(one, zone),
            scope_words(one, lang),
            one.state(now),
        )
        for one in shown
    ]


def _page(typed: dict[str, str], errors: dict[Any, str] | None = None) -> Any:
    lang, catalog = language(), g.tenant.active().catalog
    mine = _lines(delegations(g.tenant, g.actor, limit=50), "to_user")
    page = render_template(
        "desk/delegations.html",
        typed=typed,
        errors=errors or {},
        people=[(encode_id(id_), name, login) for id_, name, login in deputies(g.tenant, g.actor)],
        forms=[(one, catalog.forms[one].label.pick(lang) or one) for one in delegable(g.tenant)],
        mine=sorted(mine, key=lambda one: one.state == OVER),
        standing=_lines(standing_in(g.tenant, g.actor), "user"),
    )
    return make_response(page, 422 if errors else 200)
