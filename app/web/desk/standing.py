"""Where a record stands in its flow, as its page shows it: panel, picture, clocks, people, why."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import g, url_for

from app.access.users import user_names
from app.records import FlowView, HistoryEntry, Refused, TaskView, View, decisions, flow_of
from app.records.lines import LineName
from app.web.desk.beginnings import Beginning, beginning_of
from app.web.desk.fields import FieldView
from app.web.desk.flowpage import FlowShown, shown_flow
from app.web.desk.flowwords import ago_words, joined, left_words, stage_places, stage_words
from app.web.desk.panel import (
    Button,
    Panel,
    Typed,
    chosen,
    line_number,
    lines_at_hand,
    mine,
    panel_of,
    title_of,
)
from app.web.desk.values import moment_shown
from app.web.desk.waiting import Waiting, waiting_for
from app.web.desk.why import Moment, reasons_of, sla_words
from app.web.i18n import gettext as _
from app.web.i18n import language
from flows.model import Flow, Step
from flows.picture import Marks, outcome_name, step_name
from forms.values import encode_id

NO_FLOW = frozenset({"no_flow"})


@dataclass(frozen=True, slots=True)
class Asked:
    """An open task: whose it is, since when, and by when it is due."""

    title: str
    people: str
    since: str
    due: str
    due_at: str
    pressing: str
    url: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A promise about time, running or over."""

    label: str
    state: str
    due: str
    due_at: str
    pressing: str


@dataclass(slots=True)
class Stand:
    """Everything the flow adds to a record's page."""

    view: FlowView
    stage: str
    colour: int
    outcome: str
    panel: Panel | None
    asked: Sequence[Asked]
    waits: Sequence[Waiting]
    clocks: Sequence[Clock]
    stuck: Sequence[str]
    interrupts: Sequence[Button]
    interrupt_key: str
    flow: FlowShown
    moments: Sequence[Moment]
    people_url: str
    beginning: Beginning | None

    def person_for(self, verb: str) -> FieldView:
        """The picker of a person to hand over to, or to ask as well."""
        return FieldView(
            name="_user",
            html_id=f"f-user-{verb}",
            widget="picker",
            label=_("Person"),
            help="",
            type="user",
            required=True,
            choices_url=self.people_url,
            css=" rf-wide",
        )


def stand_of(
    form_id: str,
    rid: str,
    record: View,
    history: Sequence[HistoryEntry],
    task: str | None,
    typed: Typed | None,
) -> Stand | None:
    """Where the record stands; None where its form has no flow."""
    if form_id not in g.tenant.active().catalog.flows:
        return None
    entries = decisions(history)
    try:
        view = flow_of(g.tenant, g.actor, form_id, int(record.row["id"]), entries=entries)
    except Refused as refused:
        if refused.code in NO_FLOW:
            return None
        raise
    lang, catalog = language(), g.tenant.active().catalog
    flow, one = view.flow, chosen(view, task, record.row)
    names = lines_at_hand(form_id, view)
    panel = panel_of(form_id, rid, view, one, names, typed) if one is not None else None
    return Stand(
        view=view,
        stage=stage_words(flow, view.stage, lang),
        colour=stage_places(flow).get(view.stage or "", 7),
        outcome=_ended(view, lang),
        panel=panel,
        asked=_asked(form_id, rid, view, record.row, names, panel, lang),
        waits=waiting_for(view, record.row, lang),
        clocks=_clocks(view, lang),
        stuck=[
            f"{_name(flow, one.step, lang)}: {one.message.pick(lang) or one.code}"
            for one in view.incidents
        ],
        interrupts=_interrupts(view, lang),
        interrupt_key=secrets.token_urlsafe(18),
        flow=shown_flow(flow, catalog, lang, marks_of(view), stages_of(view)),
        moments=reasons_of(entries, flow, catalog, lang, record.row),
        people_url=url_for("desk.people", form_id=form_id, rid=rid),
        beginning=beginning_of(view),
    )


def marks_of(view: FlowView) -> Marks:
    """Where the picture is marked."""
    current: dict[str, int] = {}
    stuck = {one.step for one in view.incidents}
    if view.outcome is None:
        for token in view.tokens:
            if token.outcome is None:
                path = f"{token.scope}/{token.step}" if token.scope else token.step
                current[path] = current.get(path, 0) + 1
    visited = {one.step for one in view.path}
    taken = {(one.step, one.outcome) for one in view.path if one.outcome}
    taken |= {
        (path, "*") for path in visited if "*" in _exits(view.flow, path) and path not in current
    }
    if visited:
        taken.add(("", ""))
    return Marks(current, frozenset(visited), frozenset(taken), frozenset(stuck))


def _exits(flow: Flow, path: str) -> Mapping[str, Any]:
    step: Step | None = flow.steps.get(path)
    return step.exits if step is not None else {}


def _ended(view: FlowView, lang: str) -> str:
    """How it ended, where the stage does not say so already."""
    if not view.outcome or view.outcome in view.flow.stages:
        return ""
    return outcome_name(view.outcome, lang)


def stages_of(view: FlowView) -> dict[str, str]:
    """Stages the record has been in, and the one it is in."""
    found = {
        view.flow.steps[one.step].stage: "been"
        for one in view.path
        if one.step in view.flow.steps and view.flow.steps[one.step].stage
    }
    if view.stage:
        found[view.stage] = "now" if view.outcome is None else "been"
    return found


def _asked(
    form_id: str,
    rid: str,
    view: FlowView,
    row: Mapping[str, Any],
    names: Mapping[int, LineName],
    panel: Panel | None,
    lang: str,
) -> list[Asked]:
    now, zone = g.tenant.now(), g.tenant.active().zone
    own = {one.task.id for one in mine(view)}
    found = []
    for one in sorted(
        view.tasks,
        key=lambda task: (task.task.id not in own, line_number(view, row, task.row or 0)),
    ):
        due, pressing = left_words(one.task.due_at, now) if one.task.due_at else ("", "")
        found.append(
            Asked(
                title_of(view, one, names, lang),
                _people(one, lang),
                ago_words(one.task.opened_at, now),
                due,
                moment_shown(one.task.due_at, zone) if one.task.due_at else "",
                pressing,
                url_for("desk.record", form_id=form_id, rid=rid, task=encode_id(one.task.id))
                if one.task.id in own
                else "",
                panel is not None and panel.task == encode_id(one.task.id),
            )
        )
    return found


def _people(one: TaskView, lang: str) -> str:
    names = joined(list(one.names), lang) or _("nobody")
    if one.task.claimed is not None:
        taken = user_names(g.db, [one.task.claimed]).get(one.task.claimed, "–")
        return _("%(person)s (taken from %(pool)s)", person=taken, pool=names)
    return names


def _clocks(view: FlowView, lang: str) -> list[Clock]:
    now, zone = g.tenant.now(), g.tenant.active().zone
    found = []
    for name, clock in view.slas.items():
        sla = view.flow.slas.get(name)
        state = str(clock.get("state", ""))
        due, pressing, at = "", "", ""
        if clock.get("due"):
            moment = datetime.fromisoformat(str(clock["due"]))
            at = moment_shown(moment, zone)
            if state == "running":
                due, pressing = left_words(moment, now)
        label = sla.label.pick(lang) if sla is not None else name
        found.append(Clock(label, sla_words(state), due, at, pressing))
    return found


def _interrupts(view: FlowView, lang: str) -> list[Button]:
    return [
        Button(act.name, act.label.pick(lang), "")
        for act in view.acts
        if act.kind == "interrupt" and act.unavailable is None
    ]


def _name(flow: Flow, path: str, lang: str) -> str:
    step = flow.steps.get(path)
    return step_name(step, lang) if step is not None else path
