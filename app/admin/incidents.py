"""Incidents: what is stuck or was not sent, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from flask import abort, flash, g, redirect, request
from flask_admin import BaseView, expose
from flask_babel import gettext as _

from app.access.actor import SYSTEM
from app.admin.ofrecords import names_of_records
from app.admin.rows import may, moment
from app.admin.words import ACTS, STUCK, TOPICS
from app.records import look
from app.records.errors import Refused
from app.records.incidents import STEP, Incident, compensate, incident, incidents, retry, settle
from app.web.actions import use_words
from app.web.i18n import language
from flows.model import Flow, Step
from flows.picture import exit_label, step_name
from forms.values import encode_id

PAGE = 50


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
            incidents=self._all(found[:PAGE]),
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
            shown=self._all([found])[0],
            outcomes=_outcomes(found),
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

    def _all(self, found: Sequence[Incident]) -> list[dict[str, Any]]:
        """Incidents in words, with what their records are called, asked for in one go."""
        named = names_of_records((one.form, one.record) for one in found if one.record)
        return [self._shown(one, *named.get((one.form, one.record), ("", ""))) for one in found]

    def _shown(self, one: Incident, title: str, url: str) -> dict[str, Any]:
        form = g.tenant.active().tables.form_of(one.form)
        label = g.tenant.active().catalog.forms[form.id].label.pick(language()) if form else "–"
        return {
            "url": self.get_url(".one", incident_id=one.name),
            "since": moment(one.since),
            "status": str(STUCK.get(one.status, one.status)),
            "form": label,
            "form_id": form.id if form else "",
            "record": title or (encode_id(one.record) if one.record else ""),
            "record_url": url,
            "what": use_words(str(one.payload.get("use", "")))
            or _step(form.id if form else "", one),
            "message": one.message.pick(language()),
            "attempts": one.attempts,
        }


def _step(form_id: str, one: Incident) -> str:
    """Where a record is stuck, or what could not be delivered, in words."""
    if one.kind != STEP:
        return str(TOPICS.get(one.step, one.step))
    flow, found = _known(form_id, one.step)
    return step_name(found, language(), flow) if found is not None else one.step


def _known(form_id: str, name: str) -> tuple[Flow | None, Step | None]:
    """A step of the flow in force, by its path or its id."""
    flow = g.tenant.active().catalog.flows.get(form_id)
    steps = flow.steps if flow is not None else {}
    return flow, steps.get(name) or next((s for s in steps.values() if s.id == name), None)


def _outcomes(one: Incident) -> list[tuple[str, str]]:
    """(outcome, what it is called) of the ways on from where it is stuck; nothing where the flow in
    force has no such step."""
    form = g.tenant.active().tables.form_of(one.form)
    name = one.step if one.kind == STEP else str(one.payload.get("step", ""))
    flow, step = _known(form.id if form else "", name)
    if flow is None or step is None:
        return []
    known = {"done": _("Done")} if one.is_call or "*" in step.exits else {}
    known |= {
        name: exit_label(flow, step, name, language()) or name for name in step.exits if name != "*"
    }
    return list(known.items())


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
            "who": _("The system") if one.actor_name == SYSTEM.name else one.actor_name,
            "act": str(ACTS.get(one.act, one.act)),
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
