"""Incidents: what is stuck or was not sent, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import abort, flash, g, redirect, request
from flask_admin import BaseView, expose
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.admin.rows import may, moment
from app.records import look
from app.records.errors import Refused
from app.records.incidents import STEP, Incident, compensate, incident, incidents, retry, settle
from app.web.i18n import language
from flows.picture import step_name
from forms.values import encode_id

PAGE = 50
STATUSES = {
    "stuck": _l("stuck"),
    "dead": _l("given up"),
    "unknown": _l("nobody knows whether it happened"),
    "ready": _l("keeps failing"),
}
TOPICS = {
    "portal_code": _l("One-time code for the portal"),
    "notify": _l("Message to somebody"),
    "event": _l("Event from outside"),
    "start": _l("Record to be started"),
    "ended": _l("Word of a record's end"),
    "call": _l("Action of a connection"),
    "record": _l("What follows a change"),
    "changed": _l("Condition to look at again"),
}
"""What effects are, in words; those of plugins go by the name of their topic."""


class Incidents(BaseView):  # type: ignore[misc]
    """The list; one incident with its trace and the ways out of it."""

    def is_accessible(self) -> bool:
        """Only roles with the right `incidents`."""
        return may("incidents")

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        """401 leads to the sign-in page, 403 says no."""
        abort(401 if g.actor is None else 403)

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> Any:
        """What is open, the latest first."""
        page = request.args.get("page", "0")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 6 else 0
        found = incidents(g.tenant, limit=PAGE + 1, offset=number * PAGE)
        return self.render(
            "back_office/incidents.html",
            incidents=[self._shown(one) for one in found[:PAGE]],
            earlier=number - 1 if number else None,
            later=number + 1 if len(found) > PAGE else None,
        )

    @expose("/<incident_id>/")  # type: ignore[untyped-decorator]
    def one(self, incident_id: str) -> Any:
        """One incident: what happened, what was to be sent, the record's trace, the ways out."""
        found = _found(incident_id)
        arguments = found.payload.get("arguments") if found.is_call else None
        return self.render(
            "back_office/incident.html",
            incident=found,
            shown=self._shown(found),
            arguments=None if arguments is None else _pretty(arguments),
            payload=_pretty(found.payload)
            if found.payload and found.topic != "portal_code"
            else "",
            trace=_trace(found),
        )

    @expose("/<incident_id>/retry", methods=["POST"])  # type: ignore[untyped-decorator]
    def retry(self, incident_id: str) -> Any:
        """Try again, with arguments as they were edited."""
        given = request.form.get("arguments", "").strip()

        def work(reason: str) -> None:
            found, edited = _found(incident_id), _object(given) if given else None
            changed = edited if edited != found.payload.get("arguments") else None
            retry(g.tenant, g.actor, incident_id, reason, changed)

        return self._done(incident_id, work, _("It is tried again."))

    @expose("/<incident_id>/settle", methods=["POST"])  # type: ignore[untyped-decorator]
    def settle(self, incident_id: str) -> Any:
        """Go on without it: somebody says what came of it."""
        given = request.form.get("data", "").strip()
        outcome = request.form.get("outcome", "").strip()[:100] or "done"

        def work(reason: str) -> None:
            data = _object(given) if given else None
            settle(g.tenant, g.actor, incident_id, outcome, reason, data)

        return self._done(incident_id, work, _("It goes on without it."))

    @expose("/<incident_id>/compensate", methods=["POST"])  # type: ignore[untyped-decorator]
    def compensate(self, incident_id: str) -> Any:
        """Take back what the step did."""
        outcome = request.form.get("outcome", "").strip()[:100]

        def work(reason: str) -> None:
            compensate(g.tenant, g.actor, incident_id, outcome, reason)

        return self._done(incident_id, work, _("What was done is taken back."))

    def _done(self, name: str, work: Callable[[str], None], said: str) -> Any:
        try:
            work(request.form.get("reason", "").strip()[:500])
        except Refused as refused:
            if refused.code == "not_found":
                abort(404)
            flash(refused.message.pick(language()), "danger")
            return redirect(self.get_url(".one", incident_id=name))
        except ValueError:
            flash(_("This is no JSON object."), "danger")
            return redirect(self.get_url(".one", incident_id=name))
        flash(said, "success")
        return redirect(self.get_url(".index"))

    def _shown(self, one: Incident) -> dict[str, Any]:
        form = g.tenant.active().tables.form_of(one.form)
        label = g.tenant.active().catalog.forms[form.id].label.pick(language()) if form else "–"
        return {
            "url": self.get_url(".one", incident_id=one.name),
            "since": moment(one.since),
            "status": str(STATUSES.get(one.status, one.status)),
            "form": label,
            "form_id": form.id if form else "",
            "record": encode_id(one.record) if one.record else "",
            "what": one.payload.get("use") or _step(form.id if form else "", one),
            "message": one.message.pick(language()),
            "attempts": one.attempts,
        }


def _step(form_id: str, one: Incident) -> str:
    """Where a record is stuck, or what could not be delivered, in words."""
    if one.kind != STEP:
        return str(TOPICS.get(one.step, one.step))
    flow = g.tenant.active().catalog.flows.get(form_id)
    steps = flow.steps if flow is not None else {}
    found = steps.get(one.step) or next((s for s in steps.values() if s.id == one.step), None)
    return step_name(found, language(), flow) if found is not None else one.step


def _found(name: str) -> Incident:
    try:
        return incident(g.tenant, name)
    except Refused:
        abort(404)


def _trace(found: Incident) -> list[dict[str, Any]]:
    """The last entries of the record's journal."""
    form = g.tenant.active().tables.form_of(found.form)
    if form is None or not found.record:
        return []
    try:
        entries = look.history(g.tenant, g.actor, form.id, found.record)
    except Refused:  # the right to mend is no right to read the record
        return []
    return [
        {
            "when": moment(one.at),
            "who": one.actor_name,
            "act": one.act,
            "said": _pretty(one.flow or one.changes),
        }
        for one in entries[-10:]
    ]


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
