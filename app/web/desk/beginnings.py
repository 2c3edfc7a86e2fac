"""Which record started the one at hand, and whether it still waits for its end."""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, url_for

from app.records import FlowView, Refused, read
from app.records.origins import awaited
from app.web.i18n import gettext as _
from app.web.i18n import language
from flows.state import Origin
from forms.values import encode_id


@dataclass(frozen=True, slots=True)
class Beginning:
    """`name` of the record that started this one; `url` where the reader may see it. `alone`: it
    went on, or is over, and nobody hears of the end of this one."""

    name: str
    url: str
    note: str
    alone: bool


def beginning_of(view: FlowView) -> Beginning | None:
    """Where a record comes from; None where nobody's flow started it."""
    known = next((one for one in view.tokens if one.parent is None), None)
    kept = known.data.get("origin") if known is not None else None
    if kept is None:
        return None
    origin = Origin(**kept)
    name, url = _record(origin)
    if view.outcome is not None or not origin.wait:
        return Beginning(name, url, "", False)
    if awaited(g.tenant, origin):
        return Beginning(name, url, _("It waits for the end of this one."), False)
    note = _("It has gone on and does not wait for this one any more: bring it to its end here.")
    return Beginning(name, url, note, True)


def _record(origin: Origin) -> tuple[str, str]:
    active = g.tenant.active()
    home = active.tables.form_of(origin.form)
    if home is None:
        return _("a record of a form that is gone"), ""
    label = active.catalog.forms[home.id].label.pick(language())
    try:
        row = read(g.tenant, g.actor, home.id, origin.record).row
    except Refused:
        return label, ""
    own = str(row.get("title") or row.get("number") or "")
    rid = encode_id(origin.record)
    return f"{label} {own}".strip(), url_for("desk.record", form_id=home.id, rid=rid)
